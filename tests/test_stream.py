"""Answers as they grow, and a pipeline that many threads use at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
import toolkit
from hypothesis import given
from hypothesis import strategies as st

from rag.citations import cite, faults
from rag.errors import UsageError
from rag.generators.extractive import Written
from rag.generators.generator import Brief, Part, paragraphs
from rag.pipeline import Pipeline
from rag.types import Answer

QUESTIONS = [
    "What is toolkit.fold?",
    "toolkit.fold의 crease 기본값은?",
    "How do I fold sheets?",
    "코르비아의 드럼은 어떻게 닦나요?",
    "Is Korvia a printer or a computer?",
]


def timeless(answer: Answer) -> Answer:
    return dataclasses.replace(answer, seconds=0.0, timings=())


@pytest.mark.parametrize("text", QUESTIONS)
def test_each_answer_is_the_beginning_of_the_next(small_pipeline: Pipeline, text: str) -> None:
    answers = list(small_pipeline.stream(text))
    assert answers[0].answer == ""
    assert answers[0].passages == answers[-1].passages != ()
    assert len(answers) >= 2
    for one, following in pairwise(answers):
        assert len(one.answer) < len(following.answer)
        assert following.answer.startswith(one.answer)
        assert following.citations[: len(one.citations)] == one.citations
    for answer in answers:
        assert faults(answer, toolkit.texts_of(small_pipeline.index, answer)) == []
    assert timeless(answers[-1]) == timeless(small_pipeline.ask(text))


@pytest.mark.parametrize("text", ["What is the capital of Mongolia?", "toolkit.unfold가 뭐야?"])
def test_a_refusal_comes_whole(small_pipeline: Pipeline, text: str) -> None:
    (answer,) = small_pipeline.stream(text)
    assert answer.refused
    assert timeless(answer) == timeless(small_pipeline.ask(text))


def test_what_cannot_be_asked_is_an_error_before_anything_is_read(
    small_pipeline: Pipeline,
) -> None:
    with pytest.raises(UsageError):
        small_pipeline.stream("   ")


class Endless:
    """A generator that writes a word more each time, and knows when it was stopped."""

    name = "endless"

    def __init__(self) -> None:
        self.stopped = False

    def stream(self, brief: Brief) -> Iterator[Part]:
        text = "word"
        try:
            while True:
                yield Part(Written(text, ()), self.name)
                text += " word"
        finally:
            self.stopped = True

    def close(self) -> None:
        pass


class Mute:
    """A generator that finds no answer: it says so, or nothing at all."""

    name = "mute"

    def __init__(self, *parts: Part) -> None:
        self.parts = parts

    def stream(self, brief: Brief) -> Iterator[Part]:
        return iter(self.parts)

    def close(self) -> None:
        pass


def test_closing_the_stream_stops_the_generator(small_pipeline: Pipeline) -> None:
    endless = Endless()
    pipeline = Pipeline(small_pipeline.index, small_pipeline.encoder, endless)
    stream = pipeline.stream("What is toolkit.fold?")
    assert [next(stream).answer for _ in range(3)] == ["", "word", "word word"]
    assert not endless.stopped
    stream.close()  # type: ignore[attr-defined]
    assert endless.stopped


@pytest.mark.parametrize(
    ("parts", "name"),
    [((), "extractive"), ((Part(Written("", ()), "mute", refused=True),), "mute")],
)
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("What is toolkit.fold?", "The documents do not answer this."),
        ("toolkit.fold가 뭐예요?", "문서에는 이 질문의 답이 없습니다."),
    ],
)
def test_a_generator_that_finds_nothing_is_a_refusal(
    small_pipeline: Pipeline, parts: tuple[Part, ...], name: str, text: str, sentence: str
) -> None:
    pipeline = Pipeline(small_pipeline.index, small_pipeline.encoder, Mute(*parts))
    answer = pipeline.ask(text)
    assert answer.refused
    assert answer.answer.startswith(sentence)
    assert answer.generator == name
    assert answer.reason


def test_a_notice_comes_through(small_pipeline: Pipeline) -> None:
    told = Part(Written("Folds.", ()), "extractive", notice="the model is away")
    pipeline = Pipeline(small_pipeline.index, small_pipeline.encoder, Mute(told))
    answer = pipeline.ask("What is toolkit.fold?")
    assert (answer.answer, answer.notice) == ("Folds.", "the model is away")
    assert answer.generator == "extractive"


# -- paragraphs ----------------------------------------------------------------------------------

LINES = st.sampled_from(["one “quote”", "- an item", "", "```\ncode\n\nmore\n```", "두 번째 문단"])


@given(st.lists(LINES, min_size=1).map("\n".join))
def test_paragraphs_grow_to_the_whole_and_cut_no_code(text: str) -> None:
    whole = Written(text, ())
    parts = list(paragraphs(whole))
    assert parts[-1] == whole
    for part in parts:
        assert text.startswith(part.text)
        assert part.text.count("```") % 2 == 0


def test_a_paragraph_has_the_citations_it_refers_to() -> None:
    document = toolkit.documents()[0]
    a, b = cite(document, 0, 12, 1), cite(document, 20, 30, 2)
    first, whole = paragraphs(Written("“a” [1]\n“b” [2]", (a, b)))
    assert (first.text, first.citations) == ("“a” [1]", (a,))
    assert whole.citations == (a, b)


# -- threads -------------------------------------------------------------------------------------


def test_many_threads_get_the_answers_that_one_gets(small_pipeline: Pipeline) -> None:
    alone = [timeless(small_pipeline.ask(text)) for text in QUESTIONS]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(small_pipeline.ask, QUESTIONS * 8))
    assert [timeless(answer) for answer in together] == alone * 8
