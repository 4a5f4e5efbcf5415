"""Asking: follow-ups, filters, languages, odd input, and what comes back with an answer."""

from __future__ import annotations

import dataclasses
import unicodedata
from pathlib import Path

import pytest
import toolkit
from smallencoder import HashingEncoder

from rag.citations import faults
from rag.encoders import load_encoder
from rag.errors import IndexIncompatible, SourceError, UsageError
from rag.index import Index
from rag.pipeline import Pipeline
from rag.types import Answer, Language, Turn

FOLD = Turn("What does toolkit.fold do?", "It folds.")
FOLD_KO = Turn("toolkit.fold가 뭐예요?", "접습니다.")
KORVIA = Turn("How do I clean the drum of Korvia?", "With a cloth.")


def same(a: Answer, b: Answer) -> bool:
    """Whether two answers differ in nothing but the time they took and the question's own form."""
    plain = {"question": "", "seconds": 0.0, "timings": (), "completed": None}
    return dataclasses.replace(a, **plain) == dataclasses.replace(b, **plain)


# -- follow-ups ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turn", "text", "completed"),
    [
        (FOLD, "and its default?", "toolkit.fold and its default?"),
        (FOLD_KO, "그럼 기본값은?", "toolkit.fold 그럼 기본값은?"),
        (FOLD_KO, "그건 어떻게 써요?", "toolkit.fold 그건 어떻게 써요?"),
        (FOLD, "What about the axis?", "toolkit.fold What about the axis?"),
        (
            FOLD,
            "Which errors does it raise when the sheets differ?",
            "toolkit.fold Which errors does it raise when the sheets differ?",
        ),
        (KORVIA, "How often?", "How do I clean the drum of Korvia? How often?"),
        (FOLD_KO, "그럼 프린터야, 컴퓨터야?", "toolkit.fold 그럼 프린터야, 컴퓨터야?"),
        (FOLD_KO, "프린터야, 컴퓨터야?", "toolkit.fold 프린터야, 컴퓨터야?"),
        (FOLD, "Is it a printer or a computer?", "toolkit.fold Is it a printer or a computer?"),
    ],
)
def test_a_follow_up_takes_over_the_topic(
    small_pipeline: Pipeline, turn: Turn, text: str, completed: str
) -> None:
    answer = small_pipeline.ask(text, history=[turn])
    assert answer.question == text
    assert answer.completed == completed


@pytest.mark.parametrize(
    ("turn", "text"),
    [
        (FOLD, "and the default of its crease?"),
        (FOLD_KO, "그럼 crease의 기본값은?"),
        (FOLD_KO, "그 함수의 crease 기본값은 얼마예요?"),
    ],
)
def test_a_follow_up_is_answered_about_the_topic(
    small_pipeline: Pipeline, turn: Turn, text: str
) -> None:
    answer = small_pipeline.ask(text, history=[turn])
    assert not answer.refused
    assert "0.25" in answer.answer
    assert {c.source for c in answer.citations} == {"py:toolkit.fold"}
    assert faults(answer, toolkit.texts_of(small_pipeline.index, answer)) == []


@pytest.mark.parametrize(
    "text",
    [
        "What is toolkit.glue?",  # names its own topic
        "toolkit.glue는요?",
        "코르비아는 프린터인가요, 컴퓨터인가요?",
        "그럼 코르비아는 프린터야, 컴퓨터야?",
        "so is Korvia a printer or a computer?",
        "How long does the first start of the machine take in the morning?",
    ],
)
def test_a_question_of_its_own_is_left_as_it_is(small_pipeline: Pipeline, text: str) -> None:
    answer = small_pipeline.ask(text, history=[FOLD])
    assert answer.completed is None
    assert same(answer, small_pipeline.ask(text))


def test_the_last_topic_counts(small_pipeline: Pipeline) -> None:
    glue = Turn("And toolkit.glue?", "It glues.")
    small_talk = Turn("Thank you very much for it!", "The documents do not answer this.")
    answer = small_pipeline.ask("그럼 기본값은?", history=[FOLD, glue, small_talk])
    assert answer.completed == "toolkit.glue 그럼 기본값은?"
    assert small_pipeline.ask("그럼 기본값은?").completed is None


# -- options -------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3, 10])
def test_k_passages_come_back(small_pipeline: Pipeline, k: int) -> None:
    ten = small_pipeline.ask("How do I clean the drum of Korvia?").passages
    found = small_pipeline.ask("How do I clean the drum of Korvia?", k=k).passages
    assert len(found) == k
    assert found == ten[:k]


def test_a_source_pattern_limits_what_is_read(small_pipeline: Pipeline) -> None:
    text = "Is Korvia a printer or a computer?"
    free = small_pipeline.ask(text)
    only = small_pipeline.ask(text, source="web:almanac.example")
    assert free.verdict is not None
    assert only.verdict is not None
    assert (free.verdict.conclusion, only.verdict.conclusion) == ("disagree", "printer")
    assert {p.source for p in only.passages} == {c.source for c in only.citations}
    nothing = small_pipeline.ask(text, source="no such source")
    assert (nothing.refused, nothing.passages) == (True, ())


@pytest.mark.parametrize(("language", "says"), [("en", "The default of"), ("ko", "기본값은")])
def test_the_language_can_be_chosen(
    small_pipeline: Pipeline, language: Language, says: str
) -> None:
    for text in (
        "What is the default of crease in toolkit.fold?",
        "toolkit.fold의 crease 기본값은?",
    ):
        answer = small_pipeline.ask(text, language=language)
        assert answer.language == language
        assert says in answer.answer.split("“")[0]


def test_a_refusal_follows_the_chosen_language(small_pipeline: Pipeline) -> None:
    answer = small_pipeline.ask("What is the capital of Mongolia?", language="ko")
    assert answer.refused
    assert answer.answer.startswith("문서에는 이 질문의 답이 없습니다.")


# -- odd input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "코르비아의 드럼은 어떻게 닦나요?",
        "toolkit.fold의 crease 기본값은?",
        "코르비아는 프린터인가요, 컴퓨터인가요?",
    ],
)
def test_decomposed_hangul_is_the_same_question(small_pipeline: Pipeline, text: str) -> None:
    decomposed = unicodedata.normalize("NFD", text)
    assert decomposed != text
    answer = small_pipeline.ask(decomposed)
    assert not answer.refused
    assert answer.question == text
    assert same(answer, small_pipeline.ask(text))


def test_white_space_and_controls_do_not_count(small_pipeline: Pipeline) -> None:
    plain = small_pipeline.ask("What is toolkit.fold?")
    odd = small_pipeline.ask("  What\tis\n\n toolkit.fold\0?\u200b ")
    assert odd.question == "What is toolkit.fold?"
    assert same(odd, plain)


@pytest.mark.parametrize("text", ["", "   ", "\0\x1b", "???", "가" * 2_001])
def test_what_cannot_be_asked_is_an_error(small_pipeline: Pipeline, text: str) -> None:
    with pytest.raises(UsageError):
        small_pipeline.ask(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 2_000,
        "fold " * 400,
        "드럼 " * 600,
        "toolkit." * 200 + "fold",
        "`" * 500 + "x",
        "[1] “quoted” [2]?",
        "((((((((((a))))))))))",
        "%s %(x)s {0} {name} \\d+ $1 '; DROP TABLE documents; --",
        "🧻🧻 fold 🧻",
        "ㅋㅋㅋ ㅠㅠ ㅎㅎ",
        "כיצד מקפלים? 折り方は? كيف؟",
        "or",
        "1",
    ],
)
def test_any_other_text_gets_an_answer_or_a_refusal(small_pipeline: Pipeline, text: str) -> None:
    answer = small_pipeline.ask(text)
    assert faults(answer, toolkit.texts_of(small_pipeline.index, answer)) == []
    assert answer.refused == (not answer.citations)
    assert answer.answer


# -- what comes back -----------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["What is toolkit.fold?", "toolkit.fold가 뭐예요?"])
def test_an_answer_tells_how_it_came(small_pipeline: Pipeline, text: str) -> None:
    answer = small_pipeline.ask(text)
    assert (answer.question, answer.generator) == (text, "extractive")
    assert (answer.refused, answer.reason) == (False, None)
    assert 0 < answer.confidence <= 1
    assert 0 < sum(seconds for _, seconds in answer.timings) <= answer.seconds + 0.001
    assert [name for name, _ in answer.timings] == ["retrieve", "answer"]
    for citation in answer.citations:
        assert citation.source in {p.source for p in answer.passages}
        assert citation.version == "toolkit 1.4"
        assert citation.url == "https://toolkit.example/toolkit.fold"


def test_the_same_question_has_the_same_answer(small_pipeline: Pipeline) -> None:
    for text in ("How do I fold sheets?", "종이는 어떻게 접나요?"):
        assert same(small_pipeline.ask(text), small_pipeline.ask(text))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("py:toolkit.fold", "py:toolkit.fold"),
        ("toolkit.fold", "py:toolkit.fold"),
        ("py:toolkit.Press", "py:toolkit.press.Press"),  # an alias
        ("toolkit.Press", "py:toolkit.press.Press"),
        ("file:안내서.md", "file:안내서.md"),
        (unicodedata.normalize("NFD", "file:안내서.md"), "file:안내서.md"),
    ],
)
def test_a_source_is_shown_whole(small_pipeline: Pipeline, name: str, source: str) -> None:
    document = small_pipeline.show(name)
    assert document.id == source
    assert document in toolkit.documents()


@pytest.mark.parametrize("name", ["py:toolkit.nothing", "nothing", "toolkit.press.Ghost", ""])
def test_a_source_that_is_not_there(small_pipeline: Pipeline, name: str) -> None:
    with pytest.raises(SourceError, match="there is no source"):
        small_pipeline.show(name)


def test_sources_are_listed(small_pipeline: Pipeline) -> None:
    assert len(small_pipeline.sources()) == len(toolkit.documents())
    assert [head.id for head in small_pipeline.sources("almanac")] == ["web:almanac.example"]
    assert {head.kind for head in small_pipeline.sources("py:toolkit.*")} == {"symbol"}


def test_an_index_is_opened_where_it_lies(small_index: Index, tmp_path: Path) -> None:
    toolkit.build(tmp_path / "index", load_encoder(None), toolkit.documents()).close()
    with Pipeline.open(tmp_path / "index") as pipeline:
        assert not pipeline.ask("toolkit.fold가 뭐예요?").refused
        assert pipeline.index.n_documents == small_index.n_documents


def test_an_index_of_another_encoder_is_not_opened(tmp_path: Path) -> None:
    toolkit.build(tmp_path / "index", HashingEncoder(), toolkit.documents()).close()
    with pytest.raises(IndexIncompatible, match="hashing"):
        Pipeline.open(tmp_path / "index")


def test_another_encoder_can_be_put_in(tmp_path: Path) -> None:
    encoder = HashingEncoder()
    with Pipeline(toolkit.build(tmp_path / "i", encoder, toolkit.documents()), encoder) as pipeline:
        answer = pipeline.ask("What is the default of crease in toolkit.fold?")
        assert "0.25" in answer.answer
