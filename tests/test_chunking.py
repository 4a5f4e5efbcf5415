"""Units: exact spans, nothing lost, nothing cut in the middle of a letter."""

from __future__ import annotations

import unicodedata
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.chunking import chunk_document
from rag.text import nfc
from rag.types import Chunk, Document, Format, Role

SAMPLE = """# Guide

Install it first. Then the tool needs a folder that holds the documents you want to ask about.

## Modes

There are two modes:

- offline, which is the default
  - fast
- online

| Mode | Speed |
|---|---|
| offline | 3 ms |
| online |  |

```python
def f():

    return 1
```

## Empty
"""
SAMPLE_KO = """# 안내서

먼저 설치합니다. 그다음 질문하려는 문서가 들어 있는 폴더를 이 도구에 알려 주어야 합니다.

## 방식

방식은 두 가지입니다:

- 오프라인, 기본값
  - 빠름
- 온라인

| 방식 | 속도 |
|---|---|
| 오프라인 | 3 ms |
| 온라인 |  |

```python
def f():

    return 1
```

## 빈 곳
"""


def document(text: str, format_: Format = "markdown", title: str = "T") -> Document:
    return Document("file:t", title, nfc(text), "file", format_)


def quotes(text: str, format_: Format = "markdown") -> list[str]:
    doc = document(text, format_)
    return [doc.text[c.start : c.end] for c in chunk_document(doc)]


def by_quote(text: str, quote: str, title: str = "T") -> Chunk:
    doc = document(text, title=title)
    found = [c for c in chunk_document(doc) if doc.text[c.start : c.end] == quote]
    assert len(found) == 1, quotes(text)
    return found[0]


# -- units -------------------------------------------------------------------------------------


def test_each_kind_of_block_gives_its_units_in_the_order_of_the_text() -> None:
    assert quotes(SAMPLE) == [
        "Install it first. Then the tool needs a folder that holds the documents you want to ask "
        "about.",  # the first sentence is too short to be found alone
        "There are two modes:",
        "offline, which is the default",
        "fast",
        "online",
        "Mode | Speed",
        "offline | 3 ms",
        "online",
        "def f():\n\n    return 1",
        "Empty",  # a heading with nothing below it is all there is to quote
    ]


def test_korean_twin() -> None:
    assert quotes(SAMPLE_KO) == [
        "먼저 설치합니다. 그다음 질문하려는 문서가 들어 있는 폴더를 이 도구에 알려 주어야 합니다.",
        "방식은 두 가지입니다:",
        "오프라인, 기본값",
        "빠름",
        "온라인",
        "방식 | 속도",
        "오프라인 | 3 ms",
        "온라인",
        "def f():\n\n    return 1",
        "빈 곳",
    ]


def test_roles_headings_and_names() -> None:
    row = by_quote(SAMPLE, "offline | 3 ms")
    assert (row.role, row.heading, row.name) == ("table", "Guide > Modes", "Modes")
    assert by_quote(SAMPLE, "def f():\n\n    return 1").role == "code"
    assert {c.role for c in chunk_document(document(SAMPLE))} <= set(get_args(Role))


@pytest.mark.parametrize(
    ("text", "quote", "record"),
    [
        (SAMPLE, "offline | 3 ms", "T > Guide > Modes: There are two modes: "),
        (SAMPLE_KO, "오프라인 | 3 ms", "T > 안내서 > 방식: 방식은 두 가지입니다: "),
    ],
)
def test_a_row_is_recorded_with_the_names_of_its_columns(
    text: str, quote: str, record: str
) -> None:
    head, value = quote.split(" | ")
    columns = "Mode Speed".split() if text is SAMPLE else "방식 속도".split()
    cells = f"{columns[0]}: {head}; {columns[1]}: {value}"
    assert by_quote(text, quote).record == record + cells


def test_items_are_recorded_with_what_leads_to_them() -> None:
    lead = "T > Guide > Modes: There are two modes: "
    assert by_quote(SAMPLE, "offline, which is the default").record.startswith(lead)
    nested = by_quote(SAMPLE, "fast").record
    assert nested == "T > Guide > Modes: offline, which is the default: fast"


def test_a_title_that_the_first_heading_repeats_is_recorded_once() -> None:
    quote = "There are two modes, and both of them are described here."
    text = f"# Guide to it\n\n## Modes\n\n{quote}\n"
    assert by_quote(text, quote, title="Guide to it").record.startswith("Guide to it > Modes: ")
    assert by_quote(text, quote, title="A guide to it").record.startswith("A guide to it > Modes: ")


def test_language_is_that_of_the_unit() -> None:
    text = "# PyTorch\n\n- It is a library for tensors.\n- 파이토치는 텐서 라이브러리이다.\n"
    assert [c.language for c in chunk_document(document(text))] == ["en", "ko"]


def test_long_items_are_cut_at_sentences_and_short_ones_are_not() -> None:
    one = "This sentence has about fifty characters in it, yes."
    assert quotes(f"- {one} {one}\n") == [f"{one} {one}"]
    assert quotes("- " + " ".join([one] * 8)) == [one] * 8
    korean = "이 문장은 마흔 글자쯤 되는 길이로 쓰여 있으며 끝에 마침표가 있습니다."
    assert quotes(f"- {korean} {korean}\n") == [f"{korean} {korean}"]
    assert quotes("- " + " ".join([korean] * 8)) == [korean] * 8


def test_a_sentence_stays_with_the_one_that_it_leans_on() -> None:
    first = "If any argument is a floating-point number, the type is the default one."
    then = "Otherwise, the type is inferred to be a whole number of 64 bits."
    assert quotes(f"{first} {then} Both may be changed, by a call of its own.") == [
        f"{first} {then}",
        "Both may be changed, by a call of its own.",
    ]
    when = "인자 가운데 실수가 하나라도 있으면 결과의 자료형은 기본 자료형이 된다."
    otherwise = "그렇지 않으면 64비트 정수형이 되고, 이 점은 넘파이와 다르다."
    assert quotes(f"{when} {otherwise}") == [f"{when} {otherwise}"]
    long = f"If any argument is {'very ' * 60}long, it is cut."
    assert quotes(f"{long} {then}") == [long, then]


def test_code_is_kept_whole_up_to_a_screen_and_then_cut_at_lines() -> None:
    line = "x = compute(x)  # and a comment"
    short = "\n".join([line] * 30)
    assert quotes(f"```\n{short}\n```\n") == [short]
    pieces = quotes("```\n" + "\n".join([line] * 100) + "\n```\n")
    assert len(pieces) > 1
    assert all(set(piece.split("\n")) == {line} and len(piece) <= 1200 for piece in pieces)
    assert sum(len(piece.split("\n")) for piece in pieces) == 100


def test_marks_inside_code_are_code() -> None:
    text = "```\n# no heading\n- no item\n| no row |\n```\n"
    assert quotes(text) == ["# no heading\n- no item\n| no row |"]


def test_a_fence_that_nothing_closes_is_a_line_of_text() -> None:
    assert quotes("```\nfirst\n\n# H\n\nsecond\n") == ["```\nfirst", "second"]


def test_plain_text_has_items_but_no_headings() -> None:
    text = "# not a heading but a comment that is as long as it is\n- item\n"
    got = chunk_document(document(text, "text"))
    assert {c.heading for c in got} == {""}
    assert quotes(text, "text")[1] == "item"


def test_code_documents() -> None:
    text = "\n".join(f"value_{i} = {i}" for i in range(300))
    chunks = chunk_document(document(text, "code"))
    assert {c.role for c in chunks} == {"code"}
    assert "\n".join(text[c.start : c.end] for c in chunks) == text


@pytest.mark.parametrize("text", ["", " \n\t\n", "```\n```\n", "|---|\n", "-\n"])
def test_nothing_to_quote(text: str) -> None:
    assert all(quote.strip() for quote in quotes(text))


# -- sections ----------------------------------------------------------------------------------


def test_a_short_section_is_read_whole() -> None:
    chunk = by_quote(SAMPLE, "offline | 3 ms")
    section = SAMPLE[chunk.section_start : chunk.section_end]
    assert section.startswith("## Modes") and section.endswith("```")


def test_a_long_section_is_read_around_the_unit() -> None:
    paragraphs = [f"Paragraph {i} " + "says quite a lot about it. " * 8 for i in range(40)]
    text = "# H\n\n" + "\n\n".join(p.strip() for p in paragraphs)
    for chunk in chunk_document(document(text)):
        section = text[chunk.section_start : chunk.section_end]
        assert chunk.section_start <= chunk.start < chunk.end <= chunk.section_end
        assert 1500 < len(section) <= 2500 and section == section.strip()
        assert section.startswith(("Paragraph", "# H")) and section.endswith("about it.")


# -- properties --------------------------------------------------------------------------------

MARKDOWN = st.lists(
    st.one_of(
        st.sampled_from(
            "\n~\n\n~# ~## ~- ~  - ~1. ~| a | b |~|---|---|~```~```py\n~\n```\n~. ~한글. ~텐서를 "
            "~: ~이다. ~A word. ~e\u0301~\u1112\u1161\u11ab~👩\u200d💻~``".split("~")
        ),
        st.text(max_size=12),
    ),
    max_size=40,
).map("".join)
FORMATS = st.sampled_from(["markdown", "text", "code"])


@settings(max_examples=300, deadline=None)
@given(MARKDOWN, FORMATS)
def test_spans_are_exact_ordered_and_inside_their_sections(text: str, format_: Format) -> None:
    doc = document(text, format_)
    end = 0
    for chunk in chunk_document(doc):
        quote = doc.text[chunk.start : chunk.end]
        assert quote and quote == quote.strip()
        assert end <= chunk.start
        end = chunk.end
        assert 0 <= chunk.section_start <= chunk.start
        assert chunk.end <= chunk.section_end <= len(doc.text)
        assert len(chunk.record) <= 400 and "\n" not in chunk.record
        assert chunk.source == doc.id


@settings(max_examples=300, deadline=None)
@given(MARKDOWN, FORMATS)
def test_no_character_of_the_text_is_lost(text: str, format_: Format) -> None:
    doc = document(text, format_)
    covered = bytearray(len(doc.text))
    for chunk in chunk_document(doc):
        covered[chunk.start : chunk.end] = b"\1" * (chunk.end - chunk.start)
    at = 0
    for line in doc.text.split("\n"):
        left = "".join(
            char for i, char in enumerate(line, at) if not covered[i] and not char.isspace()
        )
        at += len(line) + 1
        if format_ == "markdown" and line.startswith(("#", "```")):
            continue  # headings and fences, with the name of the language
        assert not left.strip("|:-*+•.)0123456789" if format_ != "code" else "")


@settings(max_examples=300, deadline=None)
@given(MARKDOWN, FORMATS)
def test_no_letter_is_cut(text: str, format_: Format) -> None:
    doc = document(text, format_)
    for chunk in chunk_document(doc):
        for place in (chunk.start, chunk.end):
            if 0 < place < len(doc.text) and not doc.text[place - 1].isspace():
                after = doc.text[place]
                assert unicodedata.category(after)[0] != "M"
                assert not "\u1160" <= after <= "\u11ff"


@settings(max_examples=50, deadline=None)
@given(MARKDOWN)
def test_the_same_text_gives_the_same_units(text: str) -> None:
    assert chunk_document(document(text)) == chunk_document(document(text))


@pytest.mark.parametrize(
    "text",
    ["```a\n" * 20_000, "- x\n" * 20_000, "| a | b |\n" * 10_000, "# h\n" * 20_000, "가" * 200_000],
    ids=["fences", "items", "rows", "headings", "one word"],
)
def test_large_and_strange_texts_stay_quick(text: str) -> None:
    assert chunk_document(document(text))
