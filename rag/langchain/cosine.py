"""What our vector stores share: the searches of LangChain over rows ranked by cosine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from numpy.typing import NDArray

from rag.errors import UsageError
from rag.langchain.filters import Filter

Floats = NDArray[np.float32]


class CosineStore(VectorStore):
    """A store that can rank its rows; every score is a cosine, so more is better."""

    def __init__(self, embedding: Embeddings) -> None:
        """Take the model that makes the vectors of questions."""
        self._embedding = embedding

    @property
    def embeddings(self) -> Embeddings:
        """The model that makes the vectors."""
        return self._embedding

    @abstractmethod
    def _nearest(
        self, vector: Floats, k: int, given: Filter
    ) -> list[tuple[Document, float, Floats]]:
        """The best k documents for a unit vector (dim,), each with score and vector (dim,)."""

    def similarity_search(
        self, query: str, k: int = 4, filter: Filter = None, **kwargs: Any  # noqa: A002
    ) -> list[Document]:  # fmt: skip
        """The `k` documents nearest to `query`; `filter` is told in rag/langchain/filters.py."""
        return [d for d, _ in self.similarity_search_with_score(query, k, filter)]

    def similarity_search_with_score(
        self, query: str, k: int = 4, filter: Filter = None, **kwargs: Any  # noqa: A002
    ) -> list[tuple[Document, float]]:  # fmt: skip
        """The `k` documents nearest to `query`, each with its cosine."""
        return self.similarity_search_with_score_by_vector(self._question(query), k, filter)

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, filter: Filter = None, **kwargs: Any  # noqa: A002
    ) -> list[Document]:  # fmt: skip
        """The `k` documents nearest to a vector."""
        found = self.similarity_search_with_score_by_vector(embedding, k, filter)
        return [document for document, _ in found]

    def similarity_search_with_score_by_vector(
        self, embedding: list[float], k: int = 4, filter: Filter = None, **kwargs: Any  # noqa: A002
    ) -> list[tuple[Document, float]]:  # fmt: skip
        """The `k` documents nearest to a vector, each with its cosine."""
        found = self._nearest(unit([embedding])[0], _positive(k), filter)
        return [(document, score) for document, score, _ in found]

    def max_marginal_relevance_search(
        self, query: str, k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5,
        filter: Filter = None, **kwargs: Any,  # noqa: A002
    ) -> list[Document]:  # fmt: skip
        """Of the `fetch_k` nearest documents, `k` that also differ from each other."""
        return self.max_marginal_relevance_search_by_vector(
            self._question(query), k, fetch_k, lambda_mult, filter
        )

    def max_marginal_relevance_search_by_vector(
        self, embedding: list[float], k: int = 4, fetch_k: int = 20, lambda_mult: float = 0.5,
        filter: Filter = None, **kwargs: Any,  # noqa: A002
    ) -> list[Document]:  # fmt: skip
        """Of the `fetch_k` documents nearest to a vector, `k` that also differ from each other."""
        if not 0 <= lambda_mult <= 1:
            raise UsageError(f"lambda_mult is a number from 0 to 1, not {lambda_mult}")
        vector = unit([embedding])[0]
        found = self._nearest(vector, max(_positive(fetch_k), _positive(k)), filter)
        if not found:
            return []
        vectors = np.stack([one for _, _, one in found])
        return [found[i][0] for i in marginal_relevance(vectors @ vector, vectors, k, lambda_mult)]

    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return lambda cosine: min(1.0, max(0.0, (1 + cosine) / 2))  # rounding leaves [-1, 1]

    def _question(self, query: str) -> list[float]:
        return self._embedding.embed_query(query)


def marginal_relevance(relevance: Floats, vectors: Floats, k: int, lambda_mult: float) -> list[int]:
    """Rows by maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998), at most k.

    Each next one has the greatest lambda * relevance - (1 - lambda) * likeness to what was taken;
    `relevance` is (n,), `vectors` (n, dim) of length 1.
    """
    left = np.ones(len(vectors), bool)
    likeness = np.full(len(vectors), -np.inf, np.float32)
    chosen: list[int] = []
    while left.any() and len(chosen) < k:
        near = np.where(np.isfinite(likeness), likeness, 0.0)  # the first is like nothing yet
        value = np.where(left, lambda_mult * relevance - (1 - lambda_mult) * near, -np.inf)
        chosen.append(int(value.argmax()))
        left[chosen[-1]] = False
        likeness = np.maximum(likeness, vectors @ vectors[chosen[-1]])
    return chosen


def unit(rows: Sequence[Sequence[float]]) -> Floats:
    """The rows as (n, dim) float32 of length 1; a row of zeros stays one.

    Raises UsageError where the rows differ in length or a number is not finite.
    """
    try:
        found = np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise UsageError("the embedding model gave vectors of several lengths") from error
    if found.ndim != 2 or not np.isfinite(found).all():
        raise UsageError("the embedding model gave no vector, or a number that is not finite")
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    unit_rows: Floats = (found / np.where(lengths == 0, 1, lengths)).astype(np.float32)
    return unit_rows


def _positive(k: int) -> int:
    if k < 1:
        raise UsageError(f"k is a number from 1, not {k}")
    return k
