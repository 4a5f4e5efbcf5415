"""Vectors of texts: which text stands for a unit, and what was embedded before is not again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.encoders import Encoder
from rag.types import Chunk
from rag.vectorcache import VectorCache, text_hash

Progress = Callable[[str, int, int], None]  # what is done, how many of how many

# Units that share the vector of their document's summary: a call or a listing of code says little
# to a sentence encoder, and the words of both are in the word index.
_NOT_EMBEDDED = frozenset(["signature", "example", "code", "see-also"])
# So does what many docstrings say in the same words: it tells nothing of the one it stands in.
COMMONPLACE = 30  # documents
# Units with one vector: of a listing of a thousand calls the rest would fill every search.
SHARED = 40
_EMBEDDED = 300  # characters of a record: the rest of a long one would change its vector little
_STEP = 1024  # texts kept in the cache at a time: what an interrupt loses at most


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors (n, dim) float32 in the order of the texts, how many of them were made now, and what
    the cache has to say."""

    vectors: NDArray[np.float32]
    made: int
    notice: str | None = None


def embed(
    texts: Sequence[str], encoder: Encoder, cache: Path | None, progress: Progress
) -> Embedded:
    """One vector a text, zeros for an empty one: from the cache, or embedded now and kept."""
    hashes = {text: text_hash(text) for text in dict.fromkeys(texts) if text}
    if cache is None:
        return _embed_all(texts, hashes, encoder, found={}, store=None, progress=progress)
    with VectorCache(cache, encoder.fingerprint, encoder.dim) as store:
        found = store.get_many(hashes.values())
        return _embed_all(texts, hashes, encoder, found=found, store=store, progress=progress)


def _embed_all(
    texts: Sequence[str], hashes: Mapping[str, bytes], encoder: Encoder, *,
    found: dict[bytes, NDArray[np.float32]], store: VectorCache | None, progress: Progress,
) -> Embedded:  # fmt: skip
    missing = sorted((text for text, key in hashes.items() if key not in found), key=len)
    for at in range(0, len(missing), _STEP):
        progress("embedding", at, len(missing))
        batch = missing[at : at + _STEP]
        made = {hashes[t]: v for t, v in zip(batch, encoder.encode_documents(batch), strict=True)}
        found.update(made)
        if store is not None:
            store.put_many(made)
    if missing:
        progress("embedding", len(missing), len(missing))
    vectors = np.zeros((len(texts), encoder.dim), np.float32)
    for row, text in enumerate(texts):
        if text:
            vectors[row] = found[hashes[text]]
    return Embedded(vectors, len(missing), store.notice if store is not None else None)


def embedded_records(chunks: Sequence[Chunk]) -> list[str]:
    """What is embedded for each chunk: its record, or its document's summary; nothing for what
    comes after the first SHARED that would share the summary."""
    times = Counter(said for said, _ in {(_said(chunk), chunk.source) for chunk in chunks} if said)
    shares = [c.role in _NOT_EMBEDDED or times[_said(c)] >= COMMONPLACE for c in chunks]
    summaries: dict[str, str] = {}
    for chunk, shared in zip(chunks, shares, strict=True):
        if chunk.role == "summary" or not shared:
            summaries.setdefault(chunk.source, chunk.record)
    sharing: Counter[str] = Counter()
    records = []
    for chunk, shared in zip(chunks, shares, strict=True):
        sharing[chunk.source] += shared
        record = summaries.get(chunk.source, chunk.record) if shared else chunk.record
        records.append("" if shared and sharing[chunk.source] > SHARED else record[:_EMBEDDED])
    return records


def _said(chunk: Chunk) -> str:
    """The record without its title: "torch.mean input (Tensor): the input tensor." is said often."""
    return chunk.record.partition(": ")[2]
