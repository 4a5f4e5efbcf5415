"""Either/or questions about an invented machine, in invented sources of both languages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.chunking import chunk_document
from rag.generators.eitheror import balanced
from rag.question import read_question
from rag.reader import Reading
from rag.types import Chunk, Document, Language
from rag.verdict import Side, conclude, newest, option_forms, sides, subject_forms

ENGLISH = "Is Korvia a printer or a computer?"
KOREAN = "코르비아는 프린터인가요, 컴퓨터인가요?"
WORDS: dict[Language, tuple[str, str]] = {
    "en": ("printer", "computer"),
    "ko": ("프린터", "컴퓨터"),
}
QUESTIONS: dict[Language, str] = {"en": ENGLISH, "ko": KOREAN}


def page(title: str, text: str, date: str | None = None, kind: str = "page") -> Document:
    symbol = kind == "symbol"
    return Document(
        f"web:{title}", title, text, "symbol" if symbol else "page",
        "docstring" if symbol else "markdown", "en", None, None, date,
    )  # fmt: skip


def heard(question: str, *pages: Document) -> tuple[Side, ...]:
    """What the pages say, as if all units were read; the earlier page counts more."""
    units = [
        Reading(row, chunk, 10.0 - place - row / 100, 0.5, 0.5, place)
        for place, document in enumerate(pages)
        for row, chunk in enumerate(chunk_document(document))
    ]
    return sides(read_question(question), pages, units)


def said(question: str, *pages: Document) -> list[tuple[str, str, str | None]]:
    """(title, option, date) of each stand."""
    return [(pages[s.place].title, s.option, s.date) for s in heard(question, *pages)]


def concluded(question: str, *pages: Document) -> str:
    return conclude(read_question(question).options, heard(question, *pages))


# -- what follows: a row holds the same sources in both languages --------------------------------

FIRST = {
    "en": "The Almanac calls Korvia a printer.",
    "ko": "연감은 코르비아를 프린터라고 부른다.",
}
SAME = {
    "en": "For the Gazette too Korvia is a printer.",
    "ko": "신문에서도 코르비아를 프린터로 정의한다.",
}
OTHER = {
    "en": "The Gazette describes Korvia as a computer.",
    "ko": "신문은 코르비아를 컴퓨터라고 부른다.",
}
EACH = {
    "en": "Korvia is both a printer and a computer.",
    "ko": "코르비아는 프린터와 컴퓨터 둘 다라고 말한다.",
}
NEITHER = {
    "en": "Korvia is loud and stands in Lindau.",
    "ko": "코르비아는 시끄럽고 린다우에 있다.",
}


@pytest.mark.parametrize("language", ["en", "ko"])
def test_sources_that_disagree(language: Language) -> None:
    pages = page("Almanac", FIRST[language], "2024-05-01"), page("Gazette", OTHER[language], "2021")
    printer, computer = WORDS[language]
    assert said(QUESTIONS[language], *pages) == [
        ("Almanac", printer, "2024-05-01"),
        ("Gazette", computer, "2021"),
    ]
    assert concluded(QUESTIONS[language], *pages) == "disagree"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_sources_that_agree(language: Language) -> None:
    pages = page("Almanac", FIRST[language]), page("Gazette", SAME[language])
    printer, _ = WORDS[language]
    assert said(QUESTIONS[language], *pages) == [
        ("Almanac", printer, None),
        ("Gazette", printer, None),
    ]
    assert concluded(QUESTIONS[language], *pages) == printer


@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_source_that_says_both(language: Language) -> None:
    pages = page("Almanac", FIRST[language]), page("Leaflet", EACH[language], "2025-01-31")
    assert ("Leaflet", "both", "2025-01-31") in said(QUESTIONS[language], *pages)
    assert concluded(QUESTIONS[language], *pages) == "both"
    assert concluded(QUESTIONS[language], pages[1]) == "both"


@pytest.mark.parametrize("language", ["en", "ko"])
def test_sources_that_take_no_side(language: Language) -> None:
    assert said(QUESTIONS[language], page("Leaflet", NEITHER[language])) == []
    assert concluded(QUESTIONS[language], page("Leaflet", NEITHER[language])) == "open"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "- In 2022 Korvia was called a printer.\n- In 2026 Korvia is called a computer."),
        (
            "ko",
            "- 2022년에는 코르비아를 프린터라고 불렀다.\n- 2026년에는 코르비아를 컴퓨터라고 부른다.",
        ),
    ],
)
def test_a_word_that_changed_over_the_years(language: Language, text: str) -> None:
    printer, computer = WORDS[language]
    almanac = page("Almanac", text, "2026-07-02")
    assert said(QUESTIONS[language], almanac) == [
        ("Almanac", printer, "2022"),
        ("Almanac", computer, "2026"),
    ]
    assert concluded(QUESTIONS[language], almanac) == "disagree"


def test_several_years_are_a_span() -> None:
    text = "In 2020, 2021 and March 2023 the Almanac called Korvia a printer."
    assert said(ENGLISH, page("Almanac", text, "2026")) == [("Almanac", "printer", "2020-2023")]


def test_a_source_speaks_once_a_year() -> None:
    text = "- Korvia is a printer in 2022.\n- Korvia is a computer in 2022."
    assert said(ENGLISH, page("Almanac", text)) == [("Almanac", "printer", "2022")]


# -- what is no stand ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (ENGLISH, "According to the Almanac, Korvia is a printer."),
        (ENGLISH, "The Almanac says that Korvia is a printer."),
        (KOREAN, "Almanac은 코르비아를 프린터라고 부른다."),
    ],
)
def test_what_is_reported_of_another_source_is_not_ones_own_stand(question: str, text: str) -> None:
    almanac = page("Almanac", NEITHER["en"])
    assert said(question, page("Gazette", text), almanac) == []
    # The same sentence in the source's own voice is one.
    assert len(said(question, page("Almanac", text), page("Gazette", NEITHER["en"]))) == 1


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (ENGLISH, "Notes of the Zenbook course call Korvia a printer."),
        (KOREAN, "Zenbook 강의의 필기는 코르비아를 프린터라고 부른다."),
    ],
)
def test_a_source_is_known_by_its_host_too(question: str, text: str) -> None:
    course = replace(page("젠북 강의", NEITHER["en"]), id="web:www.zenbook.org/course/1")
    assert said(question, page("Gazette", text), course) == []
    own = replace(page("젠북 강의", text), id="web:www.zenbook.org/course/1")
    assert len(said(question, own, page("Gazette", NEITHER["en"]))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Korvia is not a printer.",
        "Korvia is no longer called a printer.",
        "It is wrong that Korvia is a printer.",
        "코르비아는 프린터가 아니라고 말한다.",
        "코르비아를 프린터라고 부르는 것은 잘못이다.",
    ],
)
def test_a_denial_is_no_stand_for_what_it_denies(text: str) -> None:
    question = KOREAN if "코르비아" in text else ENGLISH
    assert said(question, page("Almanac", text)) == []


def test_a_sentence_about_something_else_is_no_stand() -> None:
    assert said(ENGLISH, page("Almanac", "Every office has a printer. A printer is loud.")) == []


def test_a_history_in_one_sentence_is_no_stand() -> None:
    text = "코르비아를 2022년에는 프린터, 2026년에는 컴퓨터라고 불렀다."
    assert said(KOREAN, page("Almanac", text)) == []


def test_a_docstring_takes_no_stand() -> None:
    text = "korvia()\n\nKorvia is a printer."
    assert said(ENGLISH, page("Almanac", text)) == [("Almanac", "printer", None)]
    assert said(ENGLISH, page("Almanac", text, kind="symbol")) == []


def test_the_word_right_after_the_verb_is_the_stand_where_both_occur() -> None:
    text = "The Almanac calls Korvia a printer that is driven by a small computer."
    assert said(ENGLISH, page("Almanac", text)) == [("Almanac", "printer", None)]
    text = "The Almanac calls Korvia a computer with a printer in it."
    assert said(ENGLISH, page("Almanac", text)) == [("Almanac", "computer", None)]


# -- the parts -----------------------------------------------------------------------------------


def side(option: str, date: str | None = None) -> Side:
    chunk = chunk_document(page("Almanac", "Words."))[0]
    return Side(0, option, date, Reading(0, chunk, 1.0, 1.0, 1.0, 0))


@pytest.mark.parametrize(
    ("stands", "conclusion"),
    [
        ("", "open"),
        ("a", "a"),
        ("b b", "b"),
        ("a b", "disagree"),
        ("a b a", "disagree"),
        ("both", "both"),
        ("both both", "both"),
        ("a both", "both"),
        ("a b both", "both"),
    ],
)
def test_conclusions(stands: str, conclusion: str) -> None:
    found = [side(option) for option in stands.split()]
    assert conclude(("a", "b"), found) == conclusion
    assert conclude(("a", "b"), found[::-1]) == conclusion


@pytest.mark.parametrize(
    ("stands", "told"),
    [
        (["a 2022", "b 2026-07-02"], ("b", "2026")),
        (["a 2020-2023", "b 2022"], ("a", "2023")),
        (["a 2026", "b 2026", "a 2022"], None),  # the newest do not agree
        (["a 2022", "a 2026"], None),  # nothing changed
        (["a", "b"], None),  # nobody knows when
        ([], None),
    ],
)
def test_what_the_newest_say(stands: list[str], told: tuple[str, str] | None) -> None:
    pairs = [(option, date or None) for option, _, date in (s.partition(" ") for s in stands)]
    found = [side(option, date) for option, date in pairs]
    assert newest(found) == newest(found[::-1]) == told


def test_of_three_times_the_newest_of_each_word_stands() -> None:
    text = (
        "- In 2020 the Almanac called Korvia a computer.\n"
        "- In 2022 the Almanac called Korvia a printer.\n"
        "- In 2026 the Almanac calls Korvia a computer."
    )
    assert sorted(said(ENGLISH, page("Almanac", text))) == [
        ("Almanac", "computer", "2026"),
        ("Almanac", "printer", "2022"),
    ]


def test_a_span_of_years_in_a_sentence() -> None:
    text = "In 2022-2023 the Almanac called Korvia a printer."
    assert said(ENGLISH, page("Almanac", text)) == [("Almanac", "printer", "2022-2023")]


def test_a_side_of_two_words_is_heard_by_its_noun() -> None:
    question = "Is Korvia a paper printer or a pocket computer?"
    pages = page("Almanac", FIRST["en"]), page("Gazette", OTHER["en"])
    assert [title for title, *_ in said(question, *pages)] == ["Almanac", "Gazette"]


def test_a_side_is_known_in_both_languages() -> None:
    assert {"printer", "프린터"} <= option_forms("printer") & option_forms("프린터")
    assert not option_forms("프린터") & option_forms("computer")


def test_the_subject_is_what_is_left_of_the_question() -> None:
    assert subject_forms(read_question(ENGLISH)) == {"korvia"}
    assert "코르비아" in subject_forms(read_question(KOREAN))
    assert not subject_forms(read_question(KOREAN)) & {"프린터", "컴퓨터", "printer", "computer"}


def test_what_the_newest_sources_say() -> None:
    pages = page("Almanac", FIRST["en"], "2022"), page("Gazette", OTHER["en"], "2026")
    assert newest(heard(ENGLISH, *pages)) == ("computer", "2026")
    assert newest(heard(ENGLISH, pages[0])) is None  # nothing older says otherwise
    assert newest(heard(ENGLISH, page("Almanac", FIRST["en"]))) is None  # undated


def test_a_korean_question_hears_english_sources_that_name_the_subject_alike() -> None:
    question = "Korvia는 프린터인가요, 컴퓨터인가요?"
    pages = page("Almanac", FIRST["en"]), page("Gazette", OTHER["en"])
    assert said(question, *pages) == [("Almanac", "프린터", None), ("Gazette", "컴퓨터", None)]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_of_one_year_a_changed_word_comes_first(language: Language) -> None:
    """What a source has said and says no more is news; another's word of that year is not."""
    printer, computer = WORDS[language]
    steady, before = (reading_side(n, printer, "2022") for n in (0, 1))
    now = reading_side(1, computer, "2026")
    assert balanced([steady, before, now], (printer, computer))[:2] == [before, now]
    assert balanced([steady, now], (printer, computer))[:2] == [steady, now]


def reading_side(place: int, option: str, date: str) -> Side:
    chunk = Chunk("web:a", "text", "en", "", "", 0, 1, 0, 1, "a: b")
    return Side(place, option, date, Reading(place, chunk, 1.0, 0.5, 0.5, place))
