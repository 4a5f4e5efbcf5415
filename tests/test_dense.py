"""Vectors: the search equals arithmetic, half precision is good enough, files are not trusted."""

from __future__ import annotations

import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faiss
import numpy as np
import pytest
from numpy.typing import NDArray

from rag.dense import HNSW_FROM, DenseIndex
from rag.errors import IndexCorrupt, OutputError, RagError

DIM = 48


def unit(n: int, dim: int = DIM, seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    # Around a few centres, as texts are; purely random vectors are all equally far apart.
    centres = rng.standard_normal((20, dim))
    vectors = centres[rng.integers(0, 20, n)] + 0.5 * rng.standard_normal((n, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def reload(index: DenseIndex, folder: Path) -> DenseIndex:
    index.save(folder / "dense.faiss")
    data = (folder / "dense.faiss").read_bytes()
    return DenseIndex.load(data, count=index.count, dimension=index.dimension)


def test_the_score_is_the_cosine() -> None:
    vectors = np.array([[1, 0], [0.6, 0.8], [-1, 0]], np.float32)
    scores, rows = DenseIndex.build(vectors).search(np.array([[1, 0]], np.float32), 3)
    assert rows.tolist() == [[0, 1, 2]]
    np.testing.assert_allclose(scores, [[1.0, 0.6, -1.0]], atol=1e-3)


def test_flat_search_equals_numpy(tmp_path: Path) -> None:
    vectors, queries = unit(2000), unit(25, seed=1)
    index = reload(DenseIndex.build(vectors), tmp_path)
    assert index.exact
    scores, rows = index.search(queries, 10)
    assert scores.dtype == np.float32
    assert rows.dtype == np.int64
    exact = queries @ vectors.T
    np.testing.assert_allclose(scores, np.take_along_axis(exact, rows, 1), atol=2e-4)
    np.testing.assert_allclose(scores, -np.sort(-exact, axis=1)[:, :10], atol=2e-4)


def test_single_queries_equal_a_batch() -> None:
    index, queries = DenseIndex.build(unit(500)), unit(8, seed=1)
    scores, rows = index.search(queries, 5)
    for i in range(len(queries)):
        one_score, one_row = index.search(queries[i : i + 1], 5)
        np.testing.assert_allclose(one_score[0], scores[i], atol=1e-6)
        assert one_row[0].tolist() == rows[i].tolist()


def test_the_file_is_half_of_single_precision(tmp_path: Path) -> None:
    DenseIndex.build(unit(1000)).save(tmp_path / "dense.faiss")
    size = (tmp_path / "dense.faiss").stat().st_size
    assert size < 1000 * DIM * 2 + 1000


def test_the_same_vectors_give_the_same_file(tmp_path: Path) -> None:
    for name in ("a", "b"):
        DenseIndex.build(unit(300)).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_graph_finds_what_the_flat_index_finds(tmp_path: Path) -> None:
    vectors = unit(3000)
    queries = vectors[:50] + 0.05 * unit(50, seed=1)
    flat = DenseIndex.build(vectors)
    graph = reload(DenseIndex.build(vectors, hnsw_from=1000), tmp_path)
    assert flat.exact
    assert not graph.exact
    scores, expected = flat.search(queries, 10)
    graph_scores, found = graph.search(queries, 10)
    exact = np.take_along_axis(queries @ vectors.T, found, 1)
    np.testing.assert_allclose(graph_scores, exact, atol=1e-3)
    np.testing.assert_allclose(graph_scores[:, 0], scores[:, 0], atol=1e-3)
    same = [len(set(a) & set(b)) for a, b in zip(expected, found, strict=True)]
    assert np.mean(same) / 10 > 0.95
    np.testing.assert_allclose(graph.vectors([7, 1]), vectors[[7, 1]], atol=1e-3)
    assert graph.search(queries, 400)[1].shape == (50, 400)


def test_the_default_graph_threshold_is_the_documented_one() -> None:
    assert HNSW_FROM == 100_000
    assert DenseIndex.build(unit(100, dim=4)).exact


@pytest.mark.parametrize("graph", [False, True])
def test_a_search_among_some_rows_finds_the_best_of_them(graph: bool) -> None:
    vectors, queries = unit(400), unit(6, seed=1)
    index = DenseIndex.build(vectors, hnsw_from=1 if graph else HNSW_FROM)
    some = np.arange(0, 400, 7)
    scores, rows = index.search(queries, 5, some)
    best = some[np.argsort(-(queries @ vectors[some].T), axis=1)[:, :5]]
    np.testing.assert_allclose(scores, np.take_along_axis(queries @ vectors.T, best, 1), atol=1e-3)
    assert set(rows.ravel().tolist()) <= set(some.tolist())
    assert index.search(queries, 5, some[:2])[1].shape == (6, 2)
    assert index.search(queries, 5, some[:0])[1].shape == (6, 0)


def test_rows_are_added_behind_and_those_behind_a_removed_one_move_up() -> None:
    vectors = unit(30)
    index = DenseIndex.build(vectors[:10])
    index.add(vectors[10:])
    index.remove([29, 3, 3])
    left = np.delete(vectors, [3, 29], axis=0)
    assert index.count == 28
    np.testing.assert_allclose(index.vectors(range(28)), left, atol=1e-3)
    with pytest.raises(ValueError, match="47 dimensions"):
        index.add(unit(1, dim=47))
    with pytest.raises(ValueError, match="removed from a graph"):
        DenseIndex.build(vectors, hnsw_from=1).remove([0])


def test_k_beyond_the_end_and_empty_indexes(tmp_path: Path) -> None:
    index = DenseIndex.build(unit(3))
    scores, rows = index.search(unit(2, seed=1), 10)
    assert scores.shape == rows.shape == (2, 3)
    assert sorted(rows[0]) == [0, 1, 2]
    assert index.search(unit(2, seed=1), 0)[1].shape == (2, 0)
    assert index.search(np.empty((0, DIM), np.float32), 2)[1].shape == (0, 2)
    empty = reload(DenseIndex.build(np.empty((0, DIM), np.float32)), tmp_path)
    assert empty.search(unit(1), 5)[0].shape == (1, 0)
    assert empty.vectors([]).shape == (0, DIM)


def test_vectors_come_back_in_the_order_asked(tmp_path: Path) -> None:
    vectors = unit(50)
    index = reload(DenseIndex.build(vectors), tmp_path)
    np.testing.assert_allclose(index.vectors([3, 3, 49]), vectors[[3, 3, 49]], atol=1e-3)
    assert index.vectors(np.array([], np.int64)).shape == (0, DIM)
    for wrong in ([50], [-1], [0, 99]):
        with pytest.raises(ValueError, match="out of range"):
            index.vectors(wrong)


def test_a_row_of_zeros_is_allowed_and_never_wins() -> None:
    vectors = np.concatenate([unit(5), np.zeros((1, DIM), np.float32)])
    assert DenseIndex.build(vectors).search(vectors[:1], 1)[1].tolist() == [[0]]


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (unit(3) * 2, "length 2"),
        (unit(3).astype(np.float64), "float64"),
        (unit(3)[0], r"\(48,\)"),
        (unit(3) * np.nan, "not finite"),
        (np.empty((3, 0), np.float32), r"\(3, 0\)"),
    ],
)
def test_what_is_not_unit_float32_is_refused(vectors: NDArray[np.float32], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DenseIndex.build(vectors)


def test_queries_of_another_encoder_are_refused() -> None:
    index = DenseIndex.build(unit(3))
    with pytest.raises(ValueError, match="7 dimensions, the index has 48"):
        index.search(unit(1, dim=7), 1)
    with pytest.raises(ValueError, match="not finite"):
        index.search(np.full((1, DIM), np.inf, np.float32), 1)


def test_many_threads_get_the_same_answers() -> None:
    index, queries = DenseIndex.build(unit(2000)), unit(64, seed=2)
    expected = index.search(queries, 5)[1]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda i: index.search(queries[i : i + 1], 5)[1][0], range(64)))
    assert np.array_equal(np.stack(found), expected)


def raw(folder: Path) -> bytes:
    DenseIndex.build(unit(20)).save(folder / "dense.faiss")
    return (folder / "dense.faiss").read_bytes()


def test_cut_files_are_corrupt(tmp_path: Path) -> None:
    data = raw(tmp_path)
    for size in (0, 1, 4, 20, 60, len(data) // 2, len(data) - 1):
        with pytest.raises(IndexCorrupt):
            DenseIndex.load(data[:size], count=20, dimension=DIM)


def test_a_damaged_header_is_an_error_or_an_answer(tmp_path: Path) -> None:
    # The checksum stands before this; here the reader itself must hold.
    data = raw(tmp_path)
    for at in range(120):
        for bit in (0, 7):
            changed = bytearray(data)
            changed[at] ^= 1 << bit
            try:
                index = DenseIndex.load(bytes(changed), count=20, dimension=DIM)
            except RagError:
                continue
            assert index.search(unit(1), 3)[1].shape == (1, 3)


def test_another_size_or_kind_is_corrupt(tmp_path: Path) -> None:
    data = raw(tmp_path)
    for count, dimension in ((21, DIM), (20, DIM + 1)):
        with pytest.raises(IndexCorrupt, match=f"not \\({count}, {dimension}\\)"):
            DenseIndex.load(data, count=count, dimension=dimension)
    other = faiss.IndexFlatL2(DIM)
    other.add(unit(20))
    with pytest.raises(IndexCorrupt, match="another kind"):
        DenseIndex.load(faiss.serialize_index(other).tobytes(), count=20, dimension=DIM)


def test_the_byte_limit_is_put_back(tmp_path: Path) -> None:
    data, before = raw(tmp_path), faiss.get_deserialization_vector_byte_limit()
    DenseIndex.load(data, count=20, dimension=DIM)
    with pytest.raises(IndexCorrupt):
        DenseIndex.load(data[:50], count=20, dimension=DIM)
    assert faiss.get_deserialization_vector_byte_limit() == before


@pytest.mark.parametrize("size", [0, 10, 100, 3000])
def test_a_full_disk_is_an_error_not_a_cut_file(size: int, tmp_path: Path) -> None:
    index, before = DenseIndex.build(unit(100)), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        with pytest.raises(OutputError, match="make room"):
            index.save(tmp_path / "dense.faiss")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_place_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="dense"):
        DenseIndex.build(unit(3)).save(tmp_path / "no" / "dense.faiss")
