"""A deterministic encoder without weights: words hashed into a short vector, for small indexes."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import numpy as np

from rag.encoders import Vectors
from rag.text import search_tokens


class HashingEncoder:
    """A bag of search words in `dim` buckets; the same words in any order have one vector.

    `documents` counts the passages that were encoded; `during` is called at each call with them,
    so that a test can stop or look around in the middle of embedding.
    """

    def __init__(
        self,
        dim: int = 64,
        seed: int = 0,
        during: Callable[[Sequence[str]], None] = lambda texts: None,
    ) -> None:
        self.name = f"hashing-{dim}-{seed}"
        self.fingerprint = f"hashing {dim} {seed}"
        self.dim = dim
        self.documents = 0
        self._seed = seed
        self._during = during

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """(n, dim) float32, unit rows."""
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            for word in search_tokens(text) or [text]:
                vectors[row, zlib.crc32(word.encode(), self._seed) % self.dim] += 1
            vectors[row] /= np.linalg.norm(vectors[row])
        return vectors

    def encode_documents(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> Vectors:
        """(n, dim) float32, unit rows."""
        self._during(texts)
        self.documents += len(texts)
        if progress is not None:
            progress(len(texts))
        return self.encode_queries(texts)
