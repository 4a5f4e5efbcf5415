"""Answers without a language model: what is stated, quoted and shown, in both languages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import toolkit

from rag.citations import faults, markers
from rag.crossencoder import bundled_cross_encoder
from rag.encoders import load_encoder
from rag.generators import extractive
from rag.generators.draft import Draft, shown_quote
from rag.generators.symbol import signature_default, statements_end
from rag.index import Index
from rag.markup import readable
from rag.pipeline import Pipeline
from rag.prompts import DEFAULT_OF
from rag.question import read_question
from rag.reader import Read, Reading, read
from rag.reranking import rerank
from rag.retrieve import Retrieved, retrieve
from rag.text import has_hangul, language_of
from rag.types import Answer, Chunk, Document, Language, Role

FOLD, PRESS = toolkit.FOLD, toolkit.PRESS
EXAMPLE = """>>> a = toolkit.sheet(2, 3)
>>> toolkit.fold((a, a)).size()
(2, 2, 3)
>>> toolkit.fold((a, a), axis=1).size()
(2, 2, 3)"""


def answered(pipeline: Pipeline, text: str, *, long: bool = False) -> Answer:
    """The answer to a question; its citations are sound, and it did not refuse."""
    answer = pipeline.ask(text, long=long)
    assert not answer.refused, answer.answer
    assert faults(answer, toolkit.texts_of(pipeline.index, answer)) == []
    assert answer.citations
    return answer


def outside(answer: Answer) -> str:
    """What an answer says itself: without quotes, code, names and markers."""
    text = re.sub(r"```.*?```", "", answer.answer, flags=re.S)
    return re.sub(r"“[^”]*”|`[^`]*`|\[\d+\]", "", text)


# -- defaults ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "value", "proof"),
    [
        (
            "What is the default of crease in toolkit.fold?", "crease", "0.25",
            "in millimetres. Default: ``0.25``",
        ),
        ("toolkit.fold의 crease 기본값은?", "crease", "0.25", "in millimetres. Default: ``0.25``"),
        ("What is the default force of toolkit.Press?", "force", "2.5", "kilonewtons. Default"),
        ("toolkit.Press의 force 기본값은 얼마예요?", "force", "2.5", "kilonewtons. Default"),
        (
            "What is the default drag of toolkit.optim.GliderOptimizer?", "drag", "0.1",
            "(default: 0.1)",
        ),
        ("toolkit.optim.GliderOptimizer의 drag 기본값은?", "drag", "0.1", "(default: 0.1)"),
        # Only the signature says these.
        ("What is the default of plates in toolkit.Press?", "plates", "2", "plates: int = 2"),
        ("toolkit.Press의 plates 기본값은?", "plates", "2", "plates: int = 2"),
    ],
)  # fmt: skip
def test_a_default_is_stated_with_its_proof(
    small_pipeline: Pipeline, text: str, name: str, value: str, proof: str
) -> None:
    answer = answered(small_pipeline, text)
    stated = DEFAULT_OF[answer.language].format(name=name, value=value)
    assert answer.answer.startswith(stated)
    first = markers(answer.answer)[0]
    assert first == 1
    assert proof in answer.citations[0].quote


@pytest.mark.parametrize(
    "text", ["What is the default of handle in toolkit.Press?", "What does toolkit.fold do?"]
)
def test_no_default_is_invented(small_pipeline: Pipeline, text: str) -> None:
    answer = small_pipeline.ask(text)
    assert "The default of `handle`" not in answer.answer
    if "default" not in text:
        assert "The default of" not in answer.answer


@pytest.mark.parametrize(
    ("call", "name", "value"),
    [
        ("f(a, dim=0)", "dim", "0"),
        ("f(a, dim: int = -1, *, out=None)", "dim", "-1"),
        ("f(a, betas=(0.9, 0.999), eps=1e-08)", "betas", "(0.9, 0.999)"),
        ("f(a, betas=(0.9, 0.999), eps=1e-08)", "eps", "1e-08"),
        ("f(a, mode: Literal['a', 'b'] = 'a', b=[1, {2: 3}])", "b", "[1, {2: 3}]"),
        ("f(a, dim=0)", "a", None),
        ("f(a, dim=0)", "im", None),
        ("f(hidden_dim=3, dim=0)", "dim", "0"),
        ("f(dim, *, x=1) -> Tensor", "dim", None),
        ("f(층: Layer, n: int, norm: Module | None = None) -> Layer", "층", None),
        ("f(a: Union[int, str], n: int, norm: Module | None = None) -> B", "a", None),
        ("f(a: Union[int, str], n: int, norm: Module | None = None) -> B", "norm", "None"),
        ("f(sep=',', pad=')') -> str", "pad", "')'"),
        ("", "dim", None),
    ],
)
def test_defaults_of_signatures(call: str, name: str, value: str | None) -> None:
    assert signature_default(call, name) == value


# -- what is, how to -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("What is toolkit.press.Press?", "Presses sheets flat between heated plates."),
        ("toolkit.press.Press는 무엇인가요?", "Presses sheets flat between heated plates."),
        ("What does toolkit.glue do?", "Glues sheets together along an axis that they"),
        ("toolkit.glue가 뭐예요?", "Glues sheets together along an axis that they"),
    ],
)
def test_what_is_gets_the_summary(small_pipeline: Pipeline, text: str, summary: str) -> None:
    answer = answered(small_pipeline, text)
    assert summary in answer.citations[0].quote
    assert f"“{summary}" in answer.answer


@pytest.mark.parametrize("text", ["How do I use toolkit.fold?", "toolkit.fold는 어떻게 쓰나요?"])
def test_how_to_gets_the_call_and_the_whole_example(small_pipeline: Pipeline, text: str) -> None:
    answer = answered(small_pipeline, text)
    assert EXAMPLE in answer.answer
    assert "toolkit.fold(sheets, axis=0, *, crease=0.25, out=None) -> Sheet" in answer.answer
    assert any(EXAMPLE.splitlines()[-2] in c.quote for c in answer.citations)
    assert answer.answer.count("```") % 2 == 0


def test_no_example_where_none_was_asked_for(small_pipeline: Pipeline) -> None:
    assert ">>>" not in answered(small_pipeline, "What is toolkit.fold?").answer


def test_a_long_example_ends_where_a_statement_ends() -> None:
    text = "f()\n\n    >>> one()\n    1\n    >>> two()\n    2\n    >>> three()\n    3\n"
    start = text.index(">>>")
    for room in range(4, len(text) - start + 4):
        end = statements_end(text, start, len(text), room)
        shown = text[start:end]
        assert len(shown) <= room
        assert shown.count(">>>") == sum(str(n) in shown for n in (1, 2, 3))
    assert statements_end(text, start, len(text), 20) == text.index("\n    >>> two")


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("Should I use toolkit.fold or toolkit.glue?", ("toolkit.fold", "toolkit.glue")),
        (
            "What is the difference between toolkit.fold and toolkit.glue?",
            ("toolkit.fold", "toolkit.glue"),
        ),
        ("toolkit.fold랑 toolkit.glue 중 뭘 써야 해요?", ("toolkit.fold", "toolkit.glue")),
        ("toolkit.fold와 toolkit.glue의 차이는?", ("toolkit.fold", "toolkit.glue")),
    ],
)
def test_two_named_objects_stand_side_by_side(
    small_pipeline: Pipeline, text: str, both: tuple[str, str]
) -> None:
    answer = answered(small_pipeline, text)
    assert answer.verdict is None
    assert {f"py:{name}" for name in both} <= {c.source for c in answer.citations}
    assert all(f"`{name}`" in answer.answer for name in both)


@pytest.mark.parametrize(
    ("text", "source", "holds"),
    [
        ("How do I clean the drum of Korvia?", "file:guide.md", "dry cotton cloth"),
        ("코르비아의 드럼은 어떻게 닦나요?", "file:안내서.md", "마른 면 수건"),
        ("When was Korvia first sold?", "file:guide.md", "1987"),
        ("린다우에서 코르비아를 판 파버 형제는 누구인가요?", "file:안내서.md", "1987년"),
    ],
)
def test_a_page_is_quoted_sentence_by_sentence(
    small_pipeline: Pipeline, text: str, source: str, holds: str
) -> None:
    answer = answered(small_pipeline, text)
    assert answer.citations[0].source == source
    assert holds in answer.citations[0].quote
    assert len(answer.citations[0].quote) < 200


# -- either/or -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Is Korvia a printer or a computer?", ("printer", "computer")),
        ("코르비아는 프린터인가요, 컴퓨터인가요?", ("프린터", "컴퓨터")),
    ],
)
def test_an_either_or_names_sides_dates_and_proofs(
    small_pipeline: Pipeline, text: str, options: tuple[str, str]
) -> None:
    answer = answered(small_pipeline, text)
    verdict = answer.verdict
    assert verdict is not None
    assert (verdict.options, verdict.conclusion) == (options, "disagree")
    found = {s.source: (s.says, s.date) for s in verdict.stances}
    assert found == {
        "web:almanac.example": (options[0], "2024"),  # the sentence's year beats the page's date
        "web:gazette.example": (options[1], "2021-11-20"),
    }
    cited = {c.marker: c for c in answer.citations}
    for stance in verdict.stances:
        assert cited[stance.marker].source == stance.source
        assert stance.says in cited[stance.marker].quote
        assert str(stance.date) in answer.answer
    assert f"**{options[0]}**" in answer.answer
    assert f"**{options[1]}**" in answer.answer


@pytest.mark.parametrize(
    "text",
    ["printer vs toaster: how does Korvia differ?", "코르비아, 프린터인가요 토스터인가요? 차이는?"],
)
def test_a_difference_of_which_the_sources_know_one_side_is_no_verdict(
    small_index: Index, text: str
) -> None:
    written = extractive.write(*pieces(small_index, text))
    assert written is not None
    assert written.verdict is None


# -- form ----------------------------------------------------------------------------------------

QUESTIONS = [
    "What is the default of crease in toolkit.fold?",
    "toolkit.fold의 crease 기본값은?",
    "How do I use toolkit.fold?",
    "toolkit.fold는 어떻게 쓰나요?",
    "What is toolkit.press.Press?",
    "toolkit.press.Press는 무엇인가요?",
    "How do I clean the drum of Korvia?",
    "코르비아의 드럼은 어떻게 닦나요?",
    "Is Korvia a printer or a computer?",
    "코르비아는 프린터인가요, 컴퓨터인가요?",
    "Which shape is the input of toolkit.press.Press?",
    "toolkit.press.Press 출력의 모양은?",
]


@pytest.mark.parametrize("long", [False, True], ids=["short", "long"])
@pytest.mark.parametrize("text", QUESTIONS)
def test_quotes_are_verbatim_markers_consecutive_and_the_budget_kept(
    small_pipeline: Pipeline, text: str, long: bool
) -> None:
    answer = answered(small_pipeline, text, long=long)
    used = list(dict.fromkeys(markers(answer.answer)))
    assert used == list(range(1, len(answer.citations) + 1))
    allowed = extractive.LONG_BUDGET if long else 1_100 if answer.verdict else 800
    assert len(answer.answer) <= allowed
    # What stands in quotation marks is the document's, up to markup and white space.
    quotes = " ".join(readable(c.quote) for c in answer.citations)
    for shown in re.findall(r"“([^”]*)”", answer.answer):
        assert shown in quotes


@pytest.mark.parametrize("text", QUESTIONS)
def test_the_frame_speaks_the_language_of_the_question(small_pipeline: Pipeline, text: str) -> None:
    answer = answered(small_pipeline, text)
    korean = has_hangul(text)
    assert answer.language == ("ko" if korean else "en")
    if not korean:
        assert not has_hangul(outside(answer))
    if "기본값" in text or (answer.verdict and korean):
        assert has_hangul(outside(answer))


def test_more_is_said_at_length(small_pipeline: Pipeline) -> None:
    short = answered(small_pipeline, "What is toolkit.fold?")
    long = answered(small_pipeline, "What is toolkit.fold?", long=True)
    assert len(long.answer) > len(short.answer)
    assert {c.quote for c in short.citations} <= {c.quote for c in long.citations}


def pieces(index: Index, text: str) -> tuple[Retrieved, Read]:
    judge = bundled_cross_encoder()
    retrieved = rerank(retrieve(read_question(text), index, load_encoder(None)), index, judge)
    return retrieved, read(retrieved, index, judge)


def test_what_the_question_names_is_the_main_source(small_index: Index) -> None:
    for text in ("What is toolkit.glue?", "toolkit.glue가 뭐야?", "`glue`의 axis는?"):
        retrieved, found = pieces(small_index, text)
        main = extractive.main_places(retrieved, found)
        assert [found.documents[place].id for place in main][:1] == ["py:toolkit.glue"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "What is toolkit.press.Presss?",
            "There is no `toolkit.press.Presss`; this is about `toolkit.press.Press`.",
        ),
        (
            "toolkit.press.Presss가 뭐예요?",
            "`toolkit.press.Presss`은(는) 없는 이름이어서 `toolkit.press.Press`에 대해 답합니다.",
        ),
    ],
)
def test_a_corrected_name_is_said(small_index: Index, text: str, line: str) -> None:
    written = extractive.write(*pieces(small_index, text))
    assert written is not None
    assert written.text.startswith(line)
    assert written.citations[0].source == "py:toolkit.press.Press"


@pytest.mark.parametrize(
    "text",
    [
        "toolkit.press.Press: how do I move the plates one position further?",
        "toolkit.press.Press의 plates를 한 position 더 moves 하려면?",
    ],
)
def test_the_member_that_answers_leads_the_class_that_is_named(
    small_index: Index, text: str
) -> None:
    retrieved, found = pieces(small_index, text)
    main = extractive.main_places(retrieved, found)
    assert [found.documents[place].id for place in main] == [
        "py:toolkit.press.Press.step", "py:toolkit.press.Press",
    ]  # fmt: skip


def test_nothing_read_is_nothing_written(small_index: Index) -> None:
    retrieved, _ = pieces(small_index, "What is toolkit.glue?")
    assert extractive.write(retrieved, Read((), (), ())) is None


# -- the draft -----------------------------------------------------------------------------------

TEXT = "First words here.\n\n- second *words*\n\n    code()\n"
PAGE = Document("web:page", "Page", TEXT, "page", "markdown")


def unit(words: str, language: Language = "en") -> Chunk:
    start = TEXT.index(words)
    end = start + len(words)
    return Chunk("web:page", "text", language, "", "", start, end, 0, len(TEXT), words)


def test_a_draft_numbers_what_it_shows() -> None:
    draft = Draft(200)
    assert draft.quote(PAGE, unit("First words here."), lead="Page:")
    assert not draft.quote(PAGE, unit("First words"))  # cited already, inside the other
    assert draft.quote(PAGE, unit("- second *words*"))
    assert draft.code(PAGE, TEXT.index("    code"), len(TEXT))
    assert draft.text == (
        "Page: “First words here.” [1]\n“second *words*” [2]\n```\ncode()\n``` [3]"
    )
    assert [c.marker for c in draft.citations] == [1, 2, 3]
    assert [TEXT[c.start : c.end] for c in draft.citations] == [c.quote for c in draft.citations]


def test_what_does_not_fit_is_neither_shown_nor_numbered() -> None:
    draft = Draft(25)
    assert not draft.quote(PAGE, unit("First words here."), lead="A long lead before it:")
    assert (draft.text, draft.citations, draft.room) == ("", [], 25)
    assert draft.quote(PAGE, unit("First words here."), lead="A long lead before it:", force=True)
    assert len(draft.citations) == 1
    assert not draft.code(PAGE, 0, len(TEXT))
    assert len(draft.citations) == 1


def test_the_same_span_has_one_number() -> None:
    draft = Draft(500)
    draft.state("One.", PAGE, unit("First words here."))
    draft.state("Two.", PAGE, unit("First words here."), quoted=False)
    assert draft.text == "One. “First words here.” [1]\nTwo. [1]"
    assert len(draft.citations) == 1


def test_a_quote_is_shown_on_one_line_without_the_mark_of_a_list() -> None:
    assert shown_quote(PAGE, unit("- second *words*")) == "second *words*"
    assert shown_quote(PAGE, unit("First words here.\n\n- second")) == "First words here. - second"


@pytest.mark.parametrize("words", ["As such, the folds differ.", "이는 접힌 자리가 달라서이다."])
def test_what_points_back_is_quoted_behind_what_it_points_to(words: str) -> None:
    def reading(row: int, said: str = words, length: int = len(words)) -> Reading:
        record = f"toolkit.fold: {said}"
        chunk = Chunk("file:a", "text", language_of(said), "", "", 0, length, 0, length, record)
        return Reading(row, chunk, 1.0, 0.5, 0.5, 0)

    def rows(*chosen: Reading) -> list[int]:
        return [one.row for one in extractive.in_reading_order(chosen)]

    assert rows(reading(5), reading(4)) == [4, 5]
    assert rows(reading(5), reading(9), reading(4)) == [4, 5, 9]
    assert rows(reading(5), reading(9), reading(2)) == [5, 9, 2]  # it points to none of them
    assert rows(reading(5), reading(4, length=500)) == [5, 4]
    assert rows(reading(5, "Folds differ."), reading(4)) == [5, 4]
    assert rows() == []


def reading(row: int, role: Role = "text", name: str = "", **more: Any) -> Reading:
    """A unit at `row`; those of one document stand behind each other."""
    chunk = Chunk("py:a", role, "en", "", name, 0, 40, 0, 900, f"a: sentence {row}")
    return Reading(row, chunk, more.pop("score", 1.0), 0.5, 0.5, 0, **more)


def test_the_sentence_behind_the_best_comes_with_it() -> None:
    best, second = reading(5, score=9.0), reading(2, score=8.0)
    behind, other_role = reading(6, score=1.0), reading(6, "note", score=1.0)
    rows = [u.row for u in extractive.with_next([best, second], [best, second, behind])]
    assert rows == [5, 6, 2]
    assert extractive.with_next([best], [best, other_role]) == [best]
    assert extractive.with_next([best], [best, other_role], any_role=True) == [best, other_role]
    silent = reading(6, says=False)
    assert extractive.with_next([best], [best, silent]) == [best]
    assert extractive.with_next([], [best]) == []


def test_what_the_question_names_comes_behind_what_is_better() -> None:
    best, near, far = reading(1, score=9.0), reading(2, score=8.5), reading(3, score=2.0)
    asked = reading(4, "parameter", "축", score=1.0, asked=True)
    units = [best, near, far, asked]
    assert extractive.picked(units, 3) == [best, near, asked]
    assert extractive.picked(units, 3, least=3) == [best, near, far]
    assert extractive.picked(units, 2) == [best, near]


@pytest.mark.parametrize(
    "text",
    [
        "How do toolkit.fold and toolkit.glue differ?",
        "toolkit.fold와 toolkit.glue는 어떻게 다른가요?",
    ],
)
def test_the_first_side_leaves_room_for_the_second(small_index: Index, text: str) -> None:
    written = extractive.write(*pieces(small_index, text))
    assert written is not None
    sides = [
        text.find(f"`{name}` ")
        for text in [written.text]
        for name in ("toolkit.fold", "toolkit.glue")
    ]
    assert min(sides) >= 0
    assert max(sides) <= 0.65 * extractive.BUDGET


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("Was Korvia first sold in 1987 or 1955?", "1987"),
        ("Was Korvia first sold in March 1955 or in March 1987?", "1987"),
        ("코르비아가 처음 팔린 해는 1987 아니면 1955?", "1987년"),
    ],
)
def test_two_numbers_are_no_two_sides(small_index: Index, text: str, year: str) -> None:
    written = extractive.write(*pieces(small_index, text))
    assert written is not None
    assert written.verdict is None
    assert year in written.text


@pytest.mark.parametrize(
    "text", ["which one bends the paper at a mark?", "종이를 표시한 데서 굽히는 건 뭐예요?"]
)
def test_a_namesake_that_says_the_same_is_not_told_again(tmp_path: Path, text: str) -> None:
    bend = "{name}(paper)\n\nBends the paper at the mark.\n"
    found = [
        toolkit.symbol(name, bend.format(name=name))
        for name in ("toolkit.bend", "toolkit.old.bend", "toolkit.curve")
    ]
    with toolkit.build(tmp_path / "index", load_encoder(None), found) as index:
        written = extractive.write(*pieces(index, text))
    assert written is not None
    assert written.text.count("Bends the paper at the mark.") == 2  # curve is another name
    told = {citation.source.rpartition(".")[2] for citation in written.citations}
    assert told == {"bend", "curve"}
