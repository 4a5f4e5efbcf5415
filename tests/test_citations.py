"""Quotes and the places where they stand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from doubles import answer
from hypothesis import assume, given
from hypothesis import strategies as st

from rag.citations import cite, faults, markers, stands
from rag.types import Answer, Document

TEXT = "제목\n\n 텐서를 합칩니다.  \n\nIt joins tensors. 😀 끝.\n"
SOURCE = Document(
    id="post:join",
    title="Joining",
    text=TEXT,
    kind="post",
    format="markdown",
    language="ko",
    url="https://example.org/join",
    version="note 2",
    date="2024-02-03",
    aliases=("web:example.org/join",),
)
TEXTS = {SOURCE.id: TEXT}


def quoting(*quotes: str, text: str | None = None) -> Answer:
    """An answer that quotes passages of SOURCE, each with its marker."""
    cited = tuple(
        cite(SOURCE, TEXT.index(quote), TEXT.index(quote) + len(quote), marker)
        for marker, quote in enumerate(quotes, 1)
    )
    said = " ".join(f"“{c.quote}” [{c.marker}]" for c in cited)
    return replace(answer(), answer=said if text is None else text, citations=cited)


def test_a_citation_leaves_out_the_space_around_and_carries_the_source() -> None:
    start, end = TEXT.index(" 텐서"), TEXT.index("It")
    citation = cite(SOURCE, start, end, 3)
    assert citation.quote == "텐서를 합칩니다."
    assert TEXT[citation.start : citation.end] == citation.quote
    assert (citation.marker, citation.source, citation.title) == (3, "post:join", "Joining")
    assert (citation.url, citation.version, citation.date) == (
        "https://example.org/join",
        "note 2",
        "2024-02-03",
    )
    assert citation.aliases == ("web:example.org/join",)


@pytest.mark.parametrize(
    ("start", "end"),
    [(-1, 3), (0, 0), (5, 4), (0, len(TEXT) + 1), (len(TEXT), len(TEXT) + 1), (-5, -1)],
)
def test_a_span_outside_of_the_text_is_an_error(start: int, end: int) -> None:
    with pytest.raises(ValueError, match=rf"span {start}:{end} is outside of post:join"):
        cite(SOURCE, start, end, 1)


def test_a_span_of_white_space_is_an_error() -> None:
    with pytest.raises(ValueError, match="white space only"):
        cite(SOURCE, 2, 5, 1)


def test_a_quote_stands_at_its_place_and_nowhere_else() -> None:
    citation = cite(SOURCE, 0, 2, 1)
    assert stands(citation, TEXT)
    assert not stands(citation, " " + TEXT)
    assert not stands(replace(citation, quote="제 목"), TEXT)
    assert not stands(replace(citation, start=1), TEXT)
    assert not stands(replace(citation, quote="", end=0), TEXT)  # an empty quote proves nothing
    assert not stands(citation, "")


def test_markers_are_read_in_order_with_repeats() -> None:
    assert markers("“가” [2] and “b” [1], [2]. x[0:1] a[i] [1234] [[3]]") == [2, 1, 2, 3]
    assert markers("") == markers("[a] [] [-1]") == []


def test_a_sound_answer_has_no_faults() -> None:
    assert faults(quoting("텐서를 합칩니다.", "😀 끝."), TEXTS) == []
    assert faults(replace(answer(refused=True), citations=()), {}) == []


def test_every_kind_of_fault_is_found() -> None:
    sound = quoting("텐서를 합칩니다.", "It joins tensors.")
    first, second = sound.citations
    moved = replace(first, start=first.start + 1, end=first.end + 1)
    assert faults(replace(sound, citations=(moved, second)), TEXTS) == [
        f"[1] does not stand in post:join at {first.start + 1}"
    ]
    reworded = replace(second, quote="It joined tensors.")
    assert faults(replace(sound, citations=(first, reworded)), TEXTS) == [
        f"[2] does not stand in post:join at {second.start}"
    ]
    assert faults(quoting("제목"), {}) == ["[1] does not stand in post:join at 0"]
    assert faults(sound, {}) == [
        f"[1] does not stand in post:join at {first.start}",
        f"[2] does not stand in post:join at {second.start}",
    ]
    assert faults(quoting("제목", text="No marker."), TEXTS) == ["[1] is not used"]
    assert "[7] is not used" in faults(
        replace(sound, citations=(first, replace(second, marker=7))), TEXTS
    )
    assert "markers are not 1 to 2: [2, 1]" in faults(
        replace(sound, citations=(second, first)), TEXTS
    )
    assert "markers are not 1 to 2: [1, 1]" in faults(
        replace(sound, citations=(first, replace(second, marker=1))), TEXTS
    )


documents = st.text(min_size=1).map(lambda text: replace(SOURCE, text=text))


@given(documents, st.data())
def test_what_is_cited_stands(document: Document, data: st.DataObject) -> None:
    size = len(document.text)
    start = data.draw(st.integers(0, size - 1))
    end = data.draw(st.integers(start + 1, size))
    piece = document.text[start:end]
    if not piece.strip():
        with pytest.raises(ValueError, match="white space"):
            cite(document, start, end, 1)
        return
    citation = cite(document, start, end, 1)
    assert stands(citation, document.text)
    assert citation.quote == piece.strip()
    assert start <= citation.start < citation.end <= end
    assert cite(document, citation.start, citation.end, 1) == citation
    proved = replace(answer(), answer=f"“{piece}” [1]", citations=(citation,))
    assume(not markers(piece))
    assert faults(proved, {document.id: document.text}) == []


@given(documents, st.data())
def test_a_changed_character_is_noticed(document: Document, data: st.DataObject) -> None:
    assume(document.text.strip())
    citation = cite(document, 0, len(document.text), 1)
    at = data.draw(st.integers(citation.start, citation.end - 1))
    other = "가" if document.text[at] != "가" else "나"
    changed = document.text[:at] + other + document.text[at + 1 :]
    assert not stands(citation, changed)
    proved = replace(answer(), answer="[1]", citations=(citation,))
    assert len(faults(proved, {document.id: changed})) == 1
