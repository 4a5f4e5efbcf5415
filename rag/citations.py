"""Quotes and the places where they stand: every citation is checked before it is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rag.types import Answer, Citation, Document

_MARKER = re.compile(r"\[(\d{1,3})\]")


def cite(document: Document, start: int, end: int, marker: int) -> Citation:
    """A citation of `document.text[start:end]`, white space around it left out.

    Raises ValueError where the span is empty or outside of the text.
    """
    text = document.text
    if not 0 <= start < end <= len(text):
        raise ValueError(f"span {start}:{end} is outside of {document.id} ({len(text)} characters)")
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start == end:
        raise ValueError(f"span of {document.id} holds white space only")
    return Citation(
        marker=marker, source=document.id, aliases=document.aliases, title=document.title,
        url=document.url, version=document.version, date=document.date, quote=text[start:end],
        start=start, end=end,
    )  # fmt: skip


def stands(citation: Citation, text: str) -> bool:
    """Whether the quote is, character for character, what stands at its place in `text`."""
    return text[citation.start : citation.end] == citation.quote != ""


def markers(answer: str) -> list[int]:
    """The citation markers of an answer in order of appearance, repeats kept: "[1]" -> 1."""
    return [int(number) for number in _MARKER.findall(answer)]


def faults(answer: Answer, texts: Mapping[str, str]) -> list[str]:
    """What is wrong with the citations of an answer, one line each; empty for a sound one.

    `texts` holds the text of each cited source by its id.
    """
    found = []
    for citation in answer.citations:
        if not stands(citation, texts.get(citation.source, "")):
            found.append(
                f"[{citation.marker}] does not stand in {citation.source} at {citation.start}"
            )
    numbers = [citation.marker for citation in answer.citations]
    if numbers != list(range(1, len(numbers) + 1)):
        found.append(f"markers are not 1 to {len(numbers)}: {numbers}")
    used = set(markers(answer.answer))
    found.extend(f"[{n}] is not used" for n in numbers if n not in used)
    return found
