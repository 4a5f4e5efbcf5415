"""BM25: the numbers, the weights, equality with bm25s, and files that cannot be trusted."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import IndexCorrupt, RagError
from rag.sparse import SparseIndex, best_rows, load_array, sparse_files

ROOT = Path(__file__).parents[1]
TEXTS = [
    ["tensor", "stack", "tensor"],
    ["stack", "손실", "함수"],
    ["cross", "entropy", "손실", "손실", "함수", "tensor"],
    [],
]
token_lists = st.lists(
    st.lists(st.sampled_from(["a", "b", "c", "가", "나", "torch.stack", "x y", ""]), max_size=8),
    min_size=1,
    max_size=12,
)


def bm25(texts: Sequence[Sequence[str]], query: Mapping[str, float], k1: float, b: float) -> list:
    """The formula, written out: the slow path that the fast one must equal."""
    average = sum(map(len, texts)) / len(texts)
    scores = []
    for text in texts:
        score = 0.0
        for token, weight in query.items():
            df = sum(token in other for other in texts)
            idf = math.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
            if tf := list(text).count(token):
                score += weight * idf * tf / (tf + k1 * (1 - b + b * len(text) / average))
        scores.append(score)
    return scores


def test_a_score_is_idf_times_saturated_count() -> None:
    index = SparseIndex.build(TEXTS, k1=1.2, b=0.75)
    # "tensor" is in 2 of 4 texts; text 0 holds it twice in 3 tokens, the average text has 3.
    idf = math.log(1 + (4 - 2 + 0.5) / (2 + 0.5))
    assert index.idf("tensor") == pytest.approx(idf)
    scores = index.scores({"tensor": 1.0})
    assert scores.dtype == np.float32
    assert scores[0] == pytest.approx(idf * 2 / (2 + 1.2 * (1 - 0.75 + 0.75 * 3 / 3)), rel=1e-6)
    assert scores[2] == pytest.approx(idf * 1 / (1 + 1.2 * (1 - 0.75 + 0.75 * 6 / 3)), rel=1e-6)
    assert scores[1] == scores[3] == 0.0


@given(texts=token_lists, k1=st.floats(0.1, 3), b=st.floats(0, 1), weight=st.floats(0.1, 2))
@settings(max_examples=60, deadline=None)
def test_scores_equal_the_formula(
    texts: list[list[str]], k1: float, b: float, weight: float
) -> None:
    index = SparseIndex.build(texts, k1, b)
    query = {"a": 1.0, "가": weight, "torch.stack": 0.5, "": 1.0, "nowhere": 3.0}
    np.testing.assert_allclose(index.scores(query), bm25(texts, query, k1, b), rtol=1e-4, atol=1e-6)


def test_search_equals_bm25s_own_retrieve() -> None:
    import bm25s

    rng = np.random.default_rng(0)
    weights = 1 / np.arange(1, 501)
    words = [f"w{i}" if i % 2 else f"낱말{i}" for i in range(500)]
    texts = [
        [words[i] for i in rng.choice(500, rng.integers(3, 60), p=weights / weights.sum())]
        for _ in range(400)
    ]
    ours = SparseIndex.build(texts, k1=1.5, b=0.6)
    theirs = bm25s.BM25(method="lucene", k1=1.5, b=0.6)
    theirs.index(texts, show_progress=False)
    for _ in range(30):
        query = sorted({words[i] for i in rng.choice(500, 6)})
        rows, scores = theirs.retrieve([query], k=25, show_progress=False)
        found_scores, found_rows = ours.search(dict.fromkeys(query, 1.0), 25)
        positive = scores[0] > 0
        np.testing.assert_allclose(found_scores, scores[0][positive], rtol=1e-5)
        # The order among equal scores is ours; every row must have the score bm25s gives it.
        full = theirs.get_scores(query)
        np.testing.assert_allclose(full[found_rows], found_scores, rtol=1e-5)
        assert len(found_rows) == len(set(found_rows)) == positive.sum()
        assert set(rows[0][scores[0] > scores[0][positive].min()]) <= set(found_rows)


def test_a_weight_scales_what_its_token_adds() -> None:
    index = SparseIndex.build(TEXTS)
    own, added = index.scores({"손실": 1.0}), index.scores({"tensor": 1.0})
    np.testing.assert_allclose(
        index.scores({"손실": 1.0, "tensor": 0.25}), own + 0.25 * added, rtol=1e-6
    )
    np.testing.assert_allclose(index.scores({"손실": 2.0}), 2 * own)


def test_unknown_tokens_score_nothing() -> None:
    index = SparseIndex.build(TEXTS)
    assert not index.known("없는말")
    assert index.known("손실")
    assert index.idf("없는말") == 0.0
    assert not index.scores({"없는말": 1.0}).any()
    scores, rows = index.search({"없는말": 1.0}, 10)
    assert len(scores) == len(rows) == 0


def test_the_rarer_token_weighs_more() -> None:
    index = SparseIndex.build(TEXTS)
    assert index.idf("cross") > index.idf("tensor") > 0


def test_search_gives_only_matches_best_first_and_ties_by_row() -> None:
    index = SparseIndex.build([["a"], ["b"], ["a"], ["a", "b"], ["a"]])
    scores, rows = index.search({"a": 1.0}, 3)
    assert rows.tolist() == [0, 2, 4]  # equal and shorter than row 3
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    assert index.search({"a": 1.0}, 99)[1].tolist() == [0, 2, 4, 3]
    assert index.search({"a": 1.0}, 0)[1].tolist() == []
    assert index.search({"a": 1.0}, 2)[1].tolist() == [0, 2]


@given(
    values=st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0, -1.0]), max_size=30), k=st.integers(0, 35)
)
def test_best_rows_equals_sorting_everything(values: list[float], k: int) -> None:
    scores = np.array(values, np.float32)
    expected = sorted((-v, row) for row, v in enumerate(values) if v > 0)[:k]
    assert best_rows(scores, k).tolist() == [row for _, row in expected]


@pytest.mark.parametrize("texts", [[], [[]], [[], []], [["하나"]]])
def test_small_and_empty_indexes(texts: list[list[str]], tmp_path: Path) -> None:
    SparseIndex.build(texts).save(tmp_path, "t")
    index = SparseIndex.load(tmp_path, "t")
    assert index.count == len(texts)
    assert index.search({"하나": 1.0}, 5)[1].tolist() == ([0] if texts == [["하나"]] else [])


@given(texts=token_lists)
@settings(max_examples=30, deadline=None)
def test_what_is_loaded_equals_what_was_saved(
    texts: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("sparse")
    built = SparseIndex.build(texts, k1=0.9, b=0.4)
    built.save(folder, "t")
    assert sorted(path.name for path in folder.iterdir()) == sorted(sparse_files("t"))
    loaded = SparseIndex.load(folder, "t")
    assert (loaded.count, loaded.k1, loaded.b) == (built.count, 0.9, 0.4)
    assert loaded.terms == built.terms
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(loaded, part), getattr(built, part))


def test_more_rows_than_16_bits(tmp_path: Path) -> None:
    texts = [["x"] if i % 10_000 == 0 else [] for i in range(70_000)]
    SparseIndex.build(texts).save(tmp_path, "t")
    index = SparseIndex.load(tmp_path, "t")
    assert index.search({"x": 1.0}, 10)[1].tolist() == list(range(0, 70_000, 10_000))


def saved(folder: Path) -> dict[str, bytes]:
    SparseIndex.build(TEXTS).save(folder, "t")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_files_never_raise_anything_untyped(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    files = saved(tmp_path_factory.mktemp("sparse"))
    name = data.draw(st.sampled_from(sorted(files)))
    raw = bytearray(files[name])
    at = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        raw[at] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del raw[at:]
    files[name] = bytes(raw)
    try:
        index = SparseIndex.read(files.__getitem__, "t")
    except RagError:
        return
    index.search({"tensor": 1.0, "손실": 1.0}, 3)  # what loads can be searched


def test_a_pickled_array_is_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    trap = tmp_path / "trap"
    evil = np.array([Trap(trap)], dtype=object)
    np.save(tmp_path / "t.data.npy", evil, allow_pickle=True)
    with pytest.raises(IndexCorrupt, match=r"t\.data\.npy"):
        SparseIndex.load(tmp_path, "t")
    assert not trap.exists()


class Trap:
    """An object that makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize(
    "change",
    [
        {"count": 2},
        {"terms": ["only"]},
        {"terms": [1, 2, 3, 4, 5, 6]},
        {"count": "many"},
        {"terms": None},
    ],
)
def test_a_word_list_that_does_not_fit_is_refused(
    change: dict[str, object], tmp_path: Path
) -> None:
    saved(tmp_path)
    path = tmp_path / "t.terms.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    with pytest.raises(IndexCorrupt):
        SparseIndex.load(tmp_path, "t")


def test_missing_files_and_foreign_arrays_are_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / "t.indptr.npy").unlink()
    with pytest.raises(IndexCorrupt):
        SparseIndex.load(tmp_path, "t")
    with pytest.raises(IndexCorrupt, match=r"x\.npy"):
        load_array(b"\x80\x04pickle", "x.npy")


def test_loading_30_000_texts_is_fast(tmp_path: Path) -> None:
    n_terms, n_texts, size = 60_000, 30_000, 1_800_000
    rng = np.random.default_rng(0)
    cuts = np.sort(rng.integers(0, size, n_terms - 1))
    SparseIndex(
        n_texts, 1.2, 0.75, {f"낱말{i}": i for i in range(n_terms)},
        rng.random(size, np.float32), rng.integers(0, n_texts, size).astype(np.uint16),
        np.concatenate([[0], cuts, [size]]).astype(np.int64),
    ).save(tmp_path, "t")  # fmt: skip
    seconds = []
    for _ in range(5):
        start = time.process_time()
        SparseIndex.load(tmp_path, "t")
        seconds.append(time.process_time() - start)
    # 11 ms when measured; time of the processor, so that a busy machine does not count.
    assert min(seconds) < 0.060


def test_searching_needs_neither_bm25s_nor_scipy() -> None:
    code = "import rag.sparse, sys; print([m for m in ('bm25s', 'scipy') if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
