"""The stored text of a page as headed sections of blocks: paragraphs, list items, rows, code.

Reads the light Markdown that `rag.sources.writer` writes, and never fails on any other text: what
it does not recognise is a paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rag.text import fold

_LEAD = 80  # characters of the words that lead to a list, kept for its items

_FENCE = re.compile(r"(`{3,})[^`]*$")
_BARE_FENCE = re.compile(r"`{3,}\s*$")
_HEADING = re.compile(r"(#{1,6})[ \t]+(\S.*)$")
_BULLET = re.compile(r"([ \t]*)(?:[-*+•]|\d{1,9}[.)])[ \t]+(?=\S)")
_TABLE_RULE = re.compile(r"\|(?:\s*:?-+:?\s*\|)+\s*$")
_MARKS = re.compile(r"`+|~~")  # what the writer leaves; other signs are meant, as in **kwargs

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together.

    `start:end` are the lines, `inner` what is left of them without their marks. `lead` are the
    words an item, row or code block belongs to: the item above it, or a paragraph that ends in a
    colon. A row of a table knows its `cells` and those of the `header`.
    """

    kind: Literal["heading", "paragraph", "item", "row", "code"]
    start: int
    end: int
    inner: Span
    lead: str = ""
    cells: tuple[str, ...] = ()
    header: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading (the first block, where there is one) and the blocks to the next heading."""

    path: tuple[str, ...] = ()
    blocks: list[Block] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    text: str

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def read_sections(text: str, *, marked: bool) -> list[Section]:
    """The sections of a text; one where it is not `marked`: then only lists are recognised."""
    return _Reader(text, marked).read()


def plain(text: str) -> str:
    """Text on one line, without the marks of code and deletion."""
    return fold(_MARKS.sub("", text))


def stripped(text: str, start: int, end: int, marks: str = "") -> Span:
    """The span without white space and `marks` around it."""
    while start < end and (text[start].isspace() or text[start] in marks):
        start += 1
    while start < end and (text[end - 1].isspace() or text[end - 1] in marks):
        end -= 1
    return start, end


class _Reader:
    """Walks the lines once; what it must remember are the headings and leads above."""

    def __init__(self, text: str, marked: bool) -> None:
        self._text = text
        self._marked = marked
        self._lines = _lines(text)
        self._closers = _closers(self._lines) if marked else {}
        self._headings: list[tuple[int, str]] = []  # (level, words)
        self._leads: list[tuple[int, str]] = []  # (indent, words); -1 for a paragraph
        self._sections = [Section()]

    def read(self) -> list[Section]:
        place = 0
        while place < len(self._lines):
            line = self._lines[place].text
            if not line.strip():
                place += 1
            elif self._marked and (heading := _HEADING.match(line)):
                place = self._heading(place, heading)
            elif place in self._closers:
                place = self._code(place, self._closers[place])
            elif self._marked and line.startswith("|"):
                place = self._table(place)
            else:
                place = self._prose(place)
        return [section for section in self._sections if section.blocks]

    def _heading(self, place: int, found: re.Match[str]) -> int:
        level, line = len(found.group(1)), self._lines[place]
        self._headings = [pair for pair in self._headings if pair[0] < level]
        self._headings.append((level, plain(found.group(2))))
        self._leads = []
        inner = stripped(self._text, line.start + level, line.end)
        block = Block("heading", line.start, line.end, inner)
        self._sections.append(Section(tuple(words for _, words in self._headings), [block]))
        return place + 1

    def _code(self, opened: int, closed: int) -> int:
        first, last = self._lines[opened], self._lines[closed]
        inner = stripped(self._text, first.end, last.start)
        self._add(Block("code", first.start, last.end, inner, self._lead()))
        return closed + 1

    def _table(self, place: int) -> int:
        stop = place
        while stop < len(self._lines) and self._lines[stop].text.startswith("|"):
            stop += 1
        rows = self._lines[place:stop]
        header: tuple[str, ...] = ()
        if len(rows) > 1 and _TABLE_RULE.match(rows[1].text):
            header = _cells(rows[0].text)
        for row in rows:
            if not _TABLE_RULE.match(row.text):
                inner = stripped(self._text, row.start, row.end, "|")
                named = header if row is not rows[0] else ()
                cells = _cells(row.text)
                lead = self._leads[0][1] if self._leads and self._leads[0][0] < 0 else ""
                self._add(Block("row", row.start, row.end, inner, lead, cells, named))
        return stop

    def _prose(self, place: int) -> int:
        """A list item with the lines indented below it, or a paragraph."""
        line = self._lines[place]
        bullet = _BULLET.match(line.text)
        indent = len(bullet.group(1)) if bullet else -1
        stop = place + 1
        while stop < len(self._lines) and self._goes_on(stop, indent):
            stop += 1
        end = self._lines[stop - 1].end
        inner = stripped(self._text, line.start + (bullet.end() if bullet else 0), end)
        self._leads = [lead for lead in self._leads if lead[0] < indent]
        kind: Literal["item", "paragraph"] = "item" if bullet else "paragraph"
        self._add(Block(kind, line.start, end, inner, self._lead()))
        words = plain(self._text[slice(*inner)])
        if bullet or words.endswith((":", "：")):
            # Of a paragraph the last words lead to the list, of an item the first.
            if len(words) > _LEAD:
                words = words[:_LEAD] if bullet else words[-_LEAD:].partition(" ")[2]
            self._leads.append((indent, words))
        return stop

    def _goes_on(self, place: int, indent: int) -> bool:
        line = self._lines[place].text
        if not line.strip() or _BULLET.match(line) or place in self._closers:
            return False
        if self._marked and (_HEADING.match(line) or line.startswith("|")):
            return False
        return len(line) - len(line.lstrip()) > indent

    def _lead(self) -> str:
        return self._leads[-1][1] if self._leads else ""

    def _add(self, block: Block) -> None:
        self._sections[-1].blocks.append(block)


def _lines(text: str) -> list[_Line]:
    lines, at = [], 0
    for raw in text.split("\n"):
        lines.append(_Line(at, raw))
        at += len(raw) + 1
    return lines


def _closers(lines: Sequence[_Line]) -> dict[int, int]:
    """For each line that opens a fence, the line that closes it; an open end is no fence."""
    bare = [
        (i, len(line.text.rstrip())) for i, line in enumerate(lines) if _BARE_FENCE.match(line.text)
    ]
    closers: dict[int, int] = {}
    inside, first = -1, 0  # the last line of the latest fence; where in `bare` to look on
    for i, line in enumerate(lines):
        found = _FENCE.match(line.text) if i > inside else None
        if found is None:
            continue
        while first < len(bare) and bare[first][0] <= i:
            first += 1
        # A fence closes at the first long enough; a text of thousands of shorter ones is no text.
        for at, length in bare[first : first + 200]:
            if length >= len(found.group(1)):
                closers[i] = inside = at
                break
    return closers


def _cells(row: str) -> tuple[str, ...]:
    return tuple(plain(cell) for cell in row.strip().strip("|").split(" | "))
