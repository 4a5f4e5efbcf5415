"""Words that match, weighed by BM25: the only file that imports bm25s.

bm25s computes the score of every term in every document once, at build time, and keeps them as a
sparse matrix by columns: the documents of term t are `indices[indptr[t]:indptr[t + 1]]` and their
scores lie beside them in `data`. A query sums a few columns. bm25s itself (and the scipy it pulls
in) is needed to build only; to search, numpy is enough.

The formula is Lucene's: idf(t) = ln(1 + (N - df + 0.5) / (df + 0.5)), and the score of t in d is
idf(t) * tf / (tf + k1 * (1 - b + b * |d| / average |d|)). A term that is not there scores 0.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexCorrupt

_ARRAYS = ("data", "indices", "indptr")
_NPY = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '([<|](?:f[248]|[iu][1248]))', 'fortran_order': False,"
    rb" 'shape': \(([0-9]{1,15}),\), \} *\n",
    re.DOTALL,
)


def sparse_files(prefix: str) -> tuple[str, ...]:
    """Name the files that `SparseIndex.save` writes for `prefix`."""
    return (*(f"{prefix}.{part}.npy" for part in _ARRAYS), f"{prefix}.terms.json")


@dataclass(frozen=True, slots=True, eq=False)
class SparseIndex:
    """BM25 over `count` token lists, made by `build` or `load`.

    `terms` gives each token its column; data (nnz,) float32, indices (nnz,) unsigned,
    indptr (n_terms + 1,) int64.
    """

    count: int
    k1: float
    b: float
    terms: Mapping[str, int]
    data: NDArray[np.float32]
    indices: NDArray[Any]
    indptr: NDArray[np.int64]

    @classmethod
    def build(
        cls, token_lists: Sequence[Sequence[str]], k1: float = 1.2, b: float = 0.75
    ) -> SparseIndex:
        """Index the token lists; row i is `token_lists[i]`. Empty lists are allowed."""
        terms: dict[str, int] = {}
        rows = [[terms.setdefault(token, len(terms)) for token in row] for row in token_lists]
        data, indices, indptr = _matrix(rows, terms, k1, b)
        # 16 bits hold the row numbers of most indexes and save a quarter of the file.
        small = np.uint16 if len(rows) <= 2**16 else np.uint32
        return cls(len(rows), k1, b, terms, data, indices.astype(small), indptr)

    def save(self, folder: Path, prefix: str) -> None:
        """Write the files of `sparse_files(prefix)` into `folder`; raises OSError."""
        arrays: tuple[NDArray[Any], ...] = (self.data, self.indices, self.indptr)
        for part, array in zip(_ARRAYS, arrays, strict=True):
            with (folder / f"{prefix}.{part}.npy").open("wb") as file:
                np.save(file, array, allow_pickle=False)
        head = {"count": self.count, "k1": self.k1, "b": self.b, "terms": list(self.terms)}
        text = json.dumps(head, ensure_ascii=False, separators=(",", ":"))
        (folder / f"{prefix}.terms.json").write_bytes(text.encode("utf-8"))

    @classmethod
    def load(cls, folder: Path, prefix: str) -> SparseIndex:
        """Read what `save` wrote; raises IndexCorrupt where the parts do not fit together."""
        try:
            return cls.read(lambda name: (folder / name).read_bytes(), prefix)
        except OSError as error:
            raise IndexCorrupt(f"the word index cannot be read: {error}") from error

    @classmethod
    def read(cls, read: Callable[[str], bytes], prefix: str) -> SparseIndex:
        """As `load`, from bytes: `read` gives the content of a file by its name.

        The arrays are views of those bytes, so nothing is copied and nothing can be changed.
        """
        *parts, head_name = sparse_files(prefix)
        data, indices, indptr = (load_array(read(name), name) for name in parts)
        try:
            head = json.loads(read(head_name))
            terms = {term: column for column, term in enumerate(head["terms"])}
            index = cls(
                int(head["count"]), float(head["k1"]), float(head["b"]),
                terms, data, indices, indptr,
            )  # fmt: skip
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise IndexCorrupt(f"the word list {head_name} cannot be read") from error
        _check(index, head["terms"], prefix)
        return index

    def known(self, token: str) -> bool:
        """Whether any document holds `token`."""
        return token in self.terms

    def idf(self, token: str) -> float:
        """Weigh how rare `token` is, in nats, always positive; 0 for an unknown one."""
        column = self.terms.get(token)
        if column is None:
            return 0.0
        df = int(self.indptr[column + 1] - self.indptr[column])
        return math.log(1 + (self.count - df + 0.5) / (df + 0.5))

    def present(self, token: str, rows: NDArray[np.integer[Any]]) -> NDArray[np.bool_]:
        """Say for each of `rows` (m,) whether it holds `token`: (m,). Rows may come in any order."""
        column = self.terms.get(token)
        if column is None or not len(rows):
            return np.zeros(len(rows), np.bool_)
        holders = self.indices[self.indptr[column] : self.indptr[column + 1]]
        at = np.searchsorted(holders, rows)  # a column lists its rows in ascending order
        found: NDArray[np.bool_] = holders[np.minimum(at, len(holders) - 1)] == rows
        return found

    def scores(self, weighted_tokens: Mapping[str, float]) -> NDArray[np.float32]:
        """Sum weight * BM25 score over the tokens, for every document: (count,) float32.

        A weight below 1 makes an added word count less than the user's own; a token written twice
        in the question has weight 2.
        """
        total = np.zeros(self.count, np.float32)
        for token, weight in weighted_tokens.items():
            column = self.terms.get(token)
            if column is None:
                continue
            part = slice(self.indptr[column], self.indptr[column + 1])
            # A document stands once in a column, so adding by index loses nothing.
            total[self.indices[part]] += np.float32(weight) * self.data[part]
        return total

    def concept_scores(self, concepts: Iterable[Mapping[str, float]]) -> NDArray[np.float32]:
        """Sum over concepts the best of weight * BM25 score among a concept's words: (count,).

        Words that mean the same do not add up: a document that holds a word and its synonym
        answers no better than one that holds either.
        """
        total = np.zeros(self.count, np.float32)
        for words in concepts:
            known = [word for word in words if word in self.terms]
            if len(known) == 1:
                total += self.scores({known[0]: words[known[0]]})
            elif known:
                best = np.zeros(self.count, np.float32)
                for word in known:
                    np.maximum(best, self.scores({word: words[word]}), out=best)
                total += best
        return total

    def search(
        self, weighted_tokens: Mapping[str, float], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Return the best documents that hold any token, best first: scores (m,), rows (m,).

        m <= k. Equal scores stand in row order, so that the same question gives the same list.
        """
        scores = self.scores(weighted_tokens)
        rows = best_rows(scores, k)
        return scores[rows], rows


def best_rows(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the rows of the k highest positive scores, best first, ties in row order."""
    if k < 1:
        return np.empty(0, np.int64)
    found = np.flatnonzero(scores > 0)
    if found.size > k:
        # Keep every row that ties with the k-th, so that the choice among them is by row.
        floor = np.partition(scores[found], found.size - k)[found.size - k]
        found = found[scores[found] >= floor]
    order = np.argsort(-scores[found], kind="stable")
    return found[order[:k]].astype(np.int64, copy=False)


def load_array(data: bytes, name: str) -> NDArray[Any]:
    """Read a one-dimensional .npy file from its bytes without copying; raises IndexCorrupt.

    Only headers that numpy writes for plain numbers are understood: numpy's own reader tries to
    repair others and fails in many ways, and there is no way from here to a pickle.
    """
    head = _NPY.match(data)
    if head is None:
        raise IndexCorrupt(f"the array {name} cannot be read: no plain array of numbers")
    dtype, count = np.dtype(head[1].decode("ascii")), int(head[2])
    if len(data) - head.end() != count * dtype.itemsize:
        raise IndexCorrupt(f"the array {name} cannot be read: it was cut or lengthened")
    return np.frombuffer(data, dtype, count=count, offset=head.end())


def _matrix(
    rows: list[list[int]], terms: Mapping[str, int], k1: float, b: float
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
    """Let bm25s compute the scores: data (nnz,), indices (nnz,), indptr (n_terms + 1,)."""
    if not terms:  # bm25s takes the mean of nothing
        return np.empty(0, np.float32), np.empty(0, np.int32), np.zeros(1, np.int64)
    import bm25s  # 0.2 s with scipy, and only a build needs it

    model = bm25s.BM25(method="lucene", k1=k1, b=b, backend="numpy", csc_backend="numpy")
    model.index((rows, dict(terms)), create_empty_token=False, show_progress=False)
    made = model.scores
    return _ascending(made["data"], made["indices"], made["indptr"].astype(np.int64, copy=False))


def _ascending(
    data: NDArray[np.float32], indices: NDArray[np.int32], indptr: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
    """The same matrix with the rows of each column in ascending order, which `present` needs."""
    columns = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    order = np.lexsort((indices, columns))
    return data[order], indices[order], indptr


def _check(index: SparseIndex, terms: list[str], prefix: str) -> None:
    """Raise IndexCorrupt unless every column lies inside the arrays and every row is a document."""
    indptr, size = index.indptr, len(index.data)
    fits = (
        index.data.dtype == np.float32
        and index.indices.dtype in (np.uint16, np.uint32)
        and indptr.dtype == np.int64
        and len(index.indices) == size
        and len(indptr) == len(terms) + 1 == len(index.terms) + 1
        and all(isinstance(term, str) for term in terms)
        and indptr[0] == 0
        and indptr[-1] == size
        and bool((np.diff(indptr) >= 0).all())
        and (not size or int(index.indices.max()) < index.count)
    )
    if not fits:
        raise IndexCorrupt(f"the word index {prefix} does not fit together")
