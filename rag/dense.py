"""Nearest vectors by inner product: the only file that imports faiss.

Below `HNSW_FROM` vectors the index is flat and exact over half-precision vectors: half the file
and half the time of single precision, with scores of unit vectors within 1e-4 (measured, see
tests/test_dense.py). From there on it is an HNSW graph over the same half-precision vectors.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexCorrupt, OutputError

# Measured with 384 dimensions: one core scans 50,000 vectors in 2.3 ms, exactly. The graph needs
# 0.5 ms there but a minute of two cores to build, and may miss neighbours; so it must earn its
# place first, where the scan begins to be felt.
HNSW_FROM = 100_000
HNSW_LINKS = 32
HNSW_BUILD_EFFORT = 100
HNSW_SEARCH_EFFORT = 128  # never less than k
_UNIT_TOLERANCE = 5e-3  # half-precision encoders give lengths up to about 1e-3 away from 1

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


class DenseIndex:
    """Unit vectors by row number, searched by inner product (the cosine, for unit vectors)."""

    def __init__(self, index: Any) -> None:
        """Take a finished faiss index; use `build` or `load` to make one."""
        self._index = index

    @classmethod
    def build(cls, vectors: Floats, *, hnsw_from: int = HNSW_FROM) -> DenseIndex:
        """Index `vectors`, (n, dim) float32 of length 1; a row of zeros is never a good match.

        Raises ValueError if the shape, the type or a length is wrong.
        """
        vectors = _checked(vectors, "vectors")
        _check_unit(vectors)
        n, dim = vectors.shape
        index = _empty(dim, graph=n >= hnsw_from)
        if n:
            faiss.omp_set_num_threads(_cores())
            index.train(vectors)
            index.add(vectors)
        return cls(index)

    @classmethod
    def load(cls, data: bytes | memoryview, *, count: int, dimension: int) -> DenseIndex:
        """Read what `save` wrote; the caller has checked the bytes against their checksum.

        Raises IndexCorrupt unless the bytes hold `count` vectors of `dimension` numbers.
        """
        buffer = np.frombuffer(data, dtype=np.uint8)
        try:
            with _byte_limit(len(buffer)):
                index = faiss.deserialize_index(buffer)
        except (RuntimeError, MemoryError, ValueError, AssertionError) as error:
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise IndexCorrupt(f"the vector index cannot be read: {reason}") from error
        _check_kind(index, count=count, dimension=dimension)
        return cls(index)

    def save(self, path: Path) -> None:
        """Write the index to `path` in faiss's own format; raises OutputError.

        Our own file object writes: on a full disk faiss's leaves a cut file and raises nothing,
        since it closes its file without looking (seen with 1.15.1).
        """
        try:
            with path.open("wb") as file:
                writer = faiss.PyCallbackIOWriter(file.write)  # type: ignore[attr-defined]
                faiss.write_index(self._index, writer)
        except (OSError, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or "the disk may be full"
            raise OutputError(f"cannot write {path}: {reason}; make room there") from error

    @property
    def count(self) -> int:
        """How many vectors there are."""
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return int(self._index.d)

    @property
    def exact(self) -> bool:
        """Whether every vector is compared (flat) rather than those a graph leads to."""
        return not isinstance(self._index, faiss.IndexHNSW)

    def search(
        self, queries: Floats, k: int, only: NDArray[np.integer[Any]] | None = None
    ) -> tuple[Floats, Rows]:
        """Return the best rows for each query, best first; `only` (r,) limits them to these rows.

        `queries` is (q, dim) float32. Gives scores (q, m) float32 and rows (q, m) int64 with
        m = min(k, count or r). A graph may find fewer; the rest are row -1 with score -inf.
        Raises ValueError if `queries` has another shape or holds a number that is not finite.
        """
        queries = _checked(queries, "queries", dimension=self.dimension)
        m = min(k, self.count if only is None else len(only))
        if m < 1 or not len(queries):
            shape = (len(queries), max(m, 0))
            return np.empty(shape, np.float32), np.empty(shape, np.int64)
        # One query is one scan: more threads only add hand-over time (measured 1.3 -> 2.1 ms).
        faiss.omp_set_num_threads(1 if len(queries) == 1 else _cores())
        scores, rows = self._index.search(queries, m, params=self._parameters(m, only))
        scores[rows < 0] = -np.inf
        return scores, rows

    def add(self, vectors: Floats) -> None:
        """Append `vectors`, (n, dim) float32 of length 1, as the rows after the last.

        Raises ValueError as `build` does.
        """
        vectors = _checked(vectors, "vectors", dimension=self.dimension)
        _check_unit(vectors)
        self._index.add(vectors)

    def remove(self, rows: Sequence[int]) -> None:
        """Take `rows` out of a flat index; those behind them move up.

        Raises ValueError for a graph, out of which nothing can be taken.
        """
        if not self.exact:
            raise ValueError("nothing can be removed from a graph; build it again without the rows")
        self._index.remove_ids(np.array(sorted(set(rows)), np.int64))

    def vectors(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> Floats:
        """Return the vectors of `rows` as (len(rows), dim) float32, as they are stored.

        Raises ValueError if a row is not in the index.
        """
        wanted = np.asarray(rows, dtype=np.int64)
        if not wanted.size:
            return np.empty((0, self.dimension), np.float32)
        if wanted.min() < 0 or wanted.max() >= self.count:
            raise ValueError(f"row out of range: {wanted.min()}..{wanted.max()} of {self.count}")
        found: Floats = self._index.reconstruct_batch(wanted)
        return found

    def _parameters(self, k: int, only: NDArray[np.integer[Any]] | None) -> Any:
        given: dict[str, Any] = {}
        if only is not None:
            given["sel"] = faiss.IDSelectorBatch(np.asarray(only, np.int64))
        if self.exact:
            return faiss.SearchParameters(**given) if given else None
        given["efSearch"] = max(HNSW_SEARCH_EFFORT, k)
        return faiss.SearchParametersHNSW(**given)  # type: ignore[attr-defined]


def _empty(dim: int, *, graph: bool) -> Any:
    half, metric = faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
    if not graph:
        return faiss.IndexScalarQuantizer(dim, half, metric)
    # faiss's type stubs know neither this constructor nor keyword parameters.
    index = faiss.IndexHNSWSQ(dim, half, HNSW_LINKS, metric)  # type: ignore[arg-type]
    index.hnsw.efConstruction = HNSW_BUILD_EFFORT
    return index


def _checked(vectors: Floats, what: str, dimension: int | None = None) -> Floats:
    if vectors.ndim != 2 or vectors.dtype != np.float32 or vectors.shape[1] < 1:
        found = f"{vectors.shape} {vectors.dtype}"
        raise ValueError(f"{what} must be (n, dim) float32, not {found}")
    if dimension is not None and vectors.shape[1] != dimension:
        raise ValueError(f"{what} have {vectors.shape[1]} dimensions, the index has {dimension}")
    if not np.isfinite(vectors).all():
        raise ValueError(f"{what} hold a number that is not finite")
    return np.ascontiguousarray(vectors)


def _check_unit(vectors: Floats) -> None:
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
    wrong = np.flatnonzero((np.abs(lengths - 1.0) > _UNIT_TOLERANCE) & (lengths != 0.0))
    if wrong.size:
        row = int(wrong[0])
        raise ValueError(f"vector {row} has length {lengths[row]:.4f}, not 1")


def _check_kind(index: Any, *, count: int, dimension: int) -> None:
    """Raise IndexCorrupt unless `index` is one of the two kinds that we write, of this size."""
    storage = index
    if isinstance(index, faiss.IndexHNSWSQ):
        storage = faiss.downcast_index(index.storage)
    ours = isinstance(storage, faiss.IndexScalarQuantizer) and (
        storage.sq.qtype == faiss.ScalarQuantizer.QT_fp16
    )
    if not ours or index.metric_type != faiss.METRIC_INNER_PRODUCT:
        raise IndexCorrupt(f"the vector index is of another kind: {type(index).__name__}")
    parts = (index, storage)
    if any((part.ntotal, part.d) != (count, dimension) for part in parts):
        found = [(int(part.ntotal), int(part.d)) for part in parts]
        raise IndexCorrupt(
            f"the vector index has (count, dimension) {found}, not {(count, dimension)}"
        )
    whole = storage.sq.d == dimension and storage.codes.size() == 2 * count * dimension
    if not whole or not all(part.is_trained for part in parts):
        raise IndexCorrupt("the vector index is not whole")


@contextmanager
def _byte_limit(size: int) -> Iterator[None]:
    """Let faiss allocate no vector larger than the file; the limit is the process's, so put back.

    A damaged length field otherwise asks for terabytes. The reader grows vectors of at most the
    bytes that are there; the margin is for the small fixed tables.
    """
    before = faiss.get_deserialization_vector_byte_limit()
    faiss.set_deserialization_vector_byte_limit(size + 4096)
    try:
        yield
    finally:
        faiss.set_deserialization_vector_byte_limit(before)


def _cores() -> int:
    """Count the cores this process may use, as far as the user did not say (OMP_NUM_THREADS)."""
    wish = os.environ.get("OMP_NUM_THREADS", "")
    if wish.isdigit() and int(wish) > 0:
        return int(wish)
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return len(affinity(0)) if affinity else os.cpu_count() or 1
