"""The ablation: each stage adds what its name says, on the invented documents of toolkit.py."""

from __future__ import annotations

import pytest
from doubles import question

from rag.concepts import query_concepts
from rag.crossencoder import bundled_cross_encoder
from rag.encoders import load_encoder
from rag.evaluation.measures import bootstrap
from rag.index import Index
from rag.pipeline import Pipeline
from rag.question import read_question
from rag.reranking import rerank
from rag.retrieve import retrieve
from rag.training.ablation import (
    STAGES,
    Evidence,
    caption,
    evidence,
    ranks,
    sought,
    table,
    without_lexicon,
)
from rag.types import Turn

(
    VECTORS, DOCUMENTS, UNITS, FUSED, LEXICON, ASKED, NAMES, PRIOR, FULL, JUDGED,
) = STAGES  # fmt: skip


def looked_at(index: Index, text: str) -> Evidence:
    return evidence(read_question(text), index, load_encoder(None), bundled_cross_encoder())


def order(index: Index, text: str, stage: str) -> list[str]:
    """The ids that a stage finds for a question, best first."""
    rows = STAGES[stage](looked_at(index, text))
    return [head.id for head in index.document_heads(rows)]


def test_a_named_page_comes_first_once_names_are_looked_up(small_index: Index) -> None:
    text = "optimizer.step() moves weights: how far does the Glider rule let one move go?"
    assert order(small_index, text, LEXICON)[0] == "py:toolkit.optim.GliderOptimizer"
    assert order(small_index, text, NAMES)[0] == "py:toolkit.optim.GliderOptimizer.step"


def test_korean_words_find_english_pages_by_the_lexicon_only(small_index: Index) -> None:
    text = "가중치를 움직이는 함수?"
    weights = "py:toolkit.optim.GliderOptimizer"
    one = looked_at(small_index, text)
    plain, translated = (
        [head.id for head in small_index.document_heads(leg[0])]
        for leg in (one.words, one.translated)
    )
    assert weights not in plain
    assert weights in translated


def test_english_questions_know_no_lexicon(small_index: Index) -> None:
    one = looked_at(small_index, "How do I clean the drum of Korvia?")
    assert one.words == one.translated


def test_without_the_lexicon_a_korean_word_keeps_its_syllables() -> None:
    (concept,) = query_concepts("가중치가?")
    assert "weight" in concept
    assert without_lexicon(concept) == {"가중치": 1.0, "가중": 0.3, "중치": 0.3}
    (concept,) = query_concepts("weight?")
    assert without_lexicon(concept) == concept


def test_the_better_known_page_gains_by_the_prior(small_index: Index) -> None:
    one = looked_at(small_index, "fold pieces from remote workers")
    names, prior = STAGES[NAMES](one), STAGES[PRIOR](one)
    assert sorted(names) == sorted(prior)
    known = max(names, key=lambda row: small_index.priors[row])
    obscure = min(names, key=lambda row: small_index.priors[row])
    assert small_index.priors[known] > small_index.priors[obscure]
    assert prior.index(known) - prior.index(obscure) <= names.index(known) - names.index(obscure)


def test_the_last_stage_is_what_ships(small_index: Index) -> None:
    asked = read_question("코르비아의 드럼은 어떻게 닦나요?")
    judge = bundled_cross_encoder()
    found = retrieve(asked, small_index, load_encoder(None))
    stages = evidence(asked, small_index, load_encoder(None), judge)
    assert STAGES[FULL](stages) == [one.row for one in found.found]
    shipped = rerank(found, small_index, judge).found
    assert list(STAGES)[-1] == JUDGED
    assert STAGES[JUDGED](stages) == [one.row for one in shipped]


def test_one_leg_alone_and_fused(small_index: Index) -> None:
    one = looked_at(small_index, "heated plates")
    assert STAGES[VECTORS](one) == one.dense
    assert STAGES[DOCUMENTS](one) == one.words[0]
    assert set(STAGES[UNITS](one)) == {*one.words[0], *one.words[1]}
    assert set(STAGES[FUSED](one)) == {*one.words[0], *one.words[1], *one.dense}


# -- measuring -----------------------------------------------------------------------------------


def test_only_questions_with_a_source_are_measured() -> None:
    asked = [question("a"), question("b", sources=[]), question("c", answerable=False)]
    assert [q.id for q in sought(asked)] == ["a"]


def test_ranks_are_those_of_the_first_right_source(small_pipeline: Pipeline) -> None:
    asked = [
        question("a", question="toolkit.fold란?", sources=["py:toolkit.fold"]),
        question("b", question="What is toolkit.Press?", sources=["py:toolkit.Press"]),  # an alias
        question("c", question="toolkit.glue?", sources=["py:elsewhere"]),
    ]
    found = ranks(asked, small_pipeline)
    assert list(found) == list(STAGES)
    assert found[FULL] == [1, 1, None]


def test_a_follow_up_is_searched_with_its_topic(small_pipeline: Pipeline) -> None:
    turns = [{"question": "What does toolkit.glue do?", "answer": "It glues."}]
    made = question("a", question="And its axis?", sources=["py:toolkit.glue"], history=turns)
    assert made.history == (Turn(**turns[0]),)
    assert ranks([made], small_pipeline)[FULL] == [1]


def test_the_table_holds_means_intervals_and_marks_a_difference() -> None:
    asked = [question(f"q{i}", lang=lang) for i, lang in enumerate(["en"] * 20 + ["ko"] * 4)]
    worse, better = [2] * 20 + [None] * 4, [1] * 10 + [2] * 10 + [None] * 4
    head, _, first, second = table(asked, {"a": worse, "+ b": better}).splitlines()
    assert head == "| retrieval | en R@1 | en R@5 | en MRR | ko R@1 | ko R@5 | ko MRR |"
    nothing = "0.00 (0.00-0.00)"
    assert first == (
        "| a | 0.00 (0.00-0.00) | 1.00 (1.00-1.00) | 0.50 (0.50-0.50) | "
        + " | ".join([nothing] * 3)
        + " |"
    )
    low, high = bootstrap([1.0] * 10 + [0.0] * 10)
    assert f"| **0.50** ({low:.2f}-{high:.2f}) | 1.00 (1.00-1.00) | **0.75**" in second
    assert caption("x", asked) == "x: 20 English, 4 Korean"


def test_a_language_without_questions_has_no_columns() -> None:
    (head, *_) = table([question("a", lang="ko")], {"a": [1]}).splitlines()
    assert "en" not in head.split()
    assert head.count("ko ") == 3
    assert caption("x", [question("a")]) == "x: 1 English"


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_ranks_a_row_once(small_index: Index, stage: str) -> None:
    for text in ("toolkit.fold의 crease는?", "zzyzx qwfp", "What joins sheets?"):
        rows = STAGES[stage](looked_at(small_index, text))
        assert len(rows) == len(set(rows))
