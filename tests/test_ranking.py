"""Coverage as arithmetic, what is known of a candidate, and that each feature can decide."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.concepts import query_concepts
from rag.index import Index
from rag.ingestion import chunk_tokens
from rag.question import read_question
from rag.ranking import (
    Asked,
    Asking,
    asked_weights,
    candidate_features,
    coverage,
    coverages,
    score,
    weights,
)

words = st.sampled_from(["fold", "glue", "sheet", "axi", "korvia", "드럼", "닦", "zzz"])
asked_things = st.lists(
    st.tuples(st.dictionaries(words, st.floats(0.1, 1), min_size=1), st.floats(0.1, 9)), max_size=6
)


# -- coverage ------------------------------------------------------------------------------------


def test_coverage_weighs_by_rarity_and_by_translation() -> None:
    asked: Asked = [({"drum": 1.0}, 2.0), ({"닦": 1.0, "wipe": 0.8}, 3.0)]
    assert coverage(asked, {"drum", "닦"}) == 1.0
    assert coverage(asked, {"drum"}) == pytest.approx(2 / 5)
    assert coverage(asked, {"wipe"}) == pytest.approx(0.8 * 3 / 5)
    assert coverage(asked, {"wipe", "닦"}) == pytest.approx(3 / 5)  # one concept counts once
    assert coverage(asked, set()) == 0.0
    assert coverage([], {"drum"}) == 0.0


@given(asked_things, st.sets(words), words)
def test_coverage_lies_between_0_and_1_and_grows(asked: Asked, present: set[str], one: str) -> None:
    less, more = coverage(asked, present), coverage(asked, present | {one})
    assert 0 <= less <= more + 1e-12
    assert more <= 1 + 1e-12
    assert math.isclose(coverage(asked * 2, present), less, abs_tol=1e-12)


@given(asked_things)
def test_coverage_of_many_rows_is_that_of_each(small_index: Index, asked: Asked) -> None:
    """The fast path over the word index equals the plain one over sets of words."""
    rows = np.arange(small_index.n_chunks)
    fast = coverages(asked, small_index.chunk_sparse, rows)
    chunks = small_index.chunks(rows)
    texts = {d.id: d.text for d in map(small_index.document, range(small_index.n_documents))}
    slow = [coverage(asked, set(chunk_tokens(c, texts[c.source][c.start : c.end]))) for c in chunks]
    assert fast == pytest.approx(slow)


def test_a_word_of_no_document_is_not_asked_for(small_index: Index) -> None:
    known = asked_weights(query_concepts("crease zzyzx"), small_index)
    assert [set(words) for words, _ in known] == [{"creas"}]
    (_, rare), (_, common) = asked_weights(query_concepts("crease sheet"), small_index)
    assert rare > common > 0


# -- candidates ----------------------------------------------------------------------------------


LEGS = ("documents", "units", "dense", "asked", "asked words", "fused")


def known(index: Index, text: str, **legs: np.ndarray) -> dict[str, dict[str, float]]:
    """The features of every document for a question, by source id, with empty legs by default."""
    rows = range(index.n_documents)
    empty = np.zeros(index.n_documents, np.float32)
    scores = {leg: legs.get(leg, empty) for leg in LEGS}
    question = read_question(text)
    vector = index.dense.vectors([0])[0]
    asking = Asking(question, query_concepts(text), vector, named={0: 1.0}, hinted={})
    found = candidate_features(asking, index, rows, scores)
    return {index.document(row).id: one for row, one in zip(rows, found, strict=True)}


def index_row_0(index: Index) -> str:
    return index.document(0).id


def test_evidence_is_told_apart_where_it_weighs_otherwise(small_index: Index) -> None:
    """Korean questions and those that name no code have weights of their own."""

    def situations(text: str, named: dict[int, float]) -> set[str]:
        rows = range(small_index.n_documents)
        legs = dict.fromkeys(LEGS, np.ones(len(rows), np.float32))
        vector = small_index.dense.vectors([0])[0]
        asking = Asking(read_question(text), query_concepts(text), vector, named, {})
        found = candidate_features(asking, small_index, rows, legs)[0]
        assert all(
            found[name] == found[name.rpartition(">")[2]]
            for name in found
            if name.endswith(">dense")
        )
        return {name.partition(">")[0] for name in found if name.endswith(">dense")}

    assert situations("What does toolkit.fold do?", {0: 1.0}) == set()
    assert situations("how to crease paper", {}) == {"unnamed"}
    assert situations("종이 접는 법", {}) == {"korean", "unnamed"}
    assert situations("toolkit.fold는 뭐예요?", {0: 1.0}) == {"korean"}


def test_what_is_known_of_candidates(small_index: Index) -> None:
    found = known(small_index, "How do I fold sheets?")
    fold, inner = found["py:toolkit.fold"], found["py:toolkit.inner.remote.spread.fold"]
    assert fold["prior"] > inner["prior"]
    assert fold["named"] == 1.0 > inner["named"] == 0.0  # row 0 was said to be named
    assert fold["title"] > 0 == found["py:toolkit.glue"]["title"]
    assert fold["summary"] > found["py:toolkit.glue"]["summary"] > 0
    assert found["py:toolkit.Sheet.glue"]["stub"] == 1.0 > fold["stub"]
    assert {id_ for id_, one in found.items() if one["page"]} == {
        id_ for id_ in found if not id_.startswith("py:")
    }
    assert all(-1 <= value <= 1.001 for one in found.values() for value in one.values())
    first = index_row_0(small_index)
    assert found[first]["meaning"] == max(one["meaning"] for one in found.values())


def test_the_legs_are_taken_as_shares_of_their_best(small_index: Index) -> None:
    n = small_index.n_documents
    found = known(
        small_index, "sheets", documents=np.linspace(0, 8, n, dtype=np.float32),
        dense=np.linspace(0, 0.5, n, dtype=np.float32),
    )  # fmt: skip
    last = list(found.values())[-1]
    assert (last["documents"], last["dense"], last["dense share"]) == (1.0, 0.5, 1.0)
    assert last["units"] == last["fused"] == 0.0


@pytest.mark.parametrize(
    ("english", "korean", "feature"),
    [
        ("How do I fold?", "접으려면 어떻게 하나요?", "howto"),
        ("When was it sold?", "언제 팔렸나요?", "when"),
        ("Who sold it?", "누가 팔았나요?", "who"),
    ],
)
def test_the_kind_of_source_meets_what_is_asked(
    small_index: Index, english: str, korean: str, feature: str
) -> None:
    for text in (english, korean):
        found = known(small_index, text)
        assert found["py:toolkit.fold"][f"{feature}>symbol"] == 1.0
        assert found["file:guide.md"][f"{feature}>page"] == 1.0
        assert f"{feature}>page" not in found["py:toolkit.fold"]


# -- the fitted weights --------------------------------------------------------------------------


def test_the_score_is_the_weighted_sum() -> None:
    fitted = weights()
    assert score({}) == 0.0
    assert score({"dense": 0.5, "prior": 2.0, "no such feature": 9.0}) == pytest.approx(
        0.5 * fitted["dense"] + 2.0 * fitted["prior"]
    )


def test_evidence_counts_for_a_source() -> None:
    """Whatever the fit finds, being named, known, covered and found must not count against."""
    fitted = weights()
    for name in ("documents", "units", "dense", "named", "prior", "title", "summary"):
        assert fitted.get(name, 0.0) >= 0, name
    assert fitted["stub"] <= 0
    assert fitted["named"] > fitted["hinted"]


def test_fitted_weights_name_features_that_exist(small_index: Index) -> None:
    texts = [
        "How do I fold?", "When was it sold?", "Who sold it?", "What is a fold?",
        "What is the default?", "Which error is raised?",
    ]  # fmt: skip
    there = {name for text in texts for one in known(small_index, text).values() for name in one}
    rows = range(small_index.n_documents)
    legs = dict.fromkeys(LEGS, np.ones(len(rows), np.float32))
    vector = small_index.dense.vectors([0])[0]
    bare = Asking(read_question("접는 법"), query_concepts("접는 법"), vector, {}, {})
    there |= {name for one in candidate_features(bare, small_index, rows, legs) for name in one}
    assert weights().keys() <= there
