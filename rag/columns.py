"""Text in columns of a terminal: a Hangul syllable takes two, a mark that joins none."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence


def display_width(text: str) -> int:
    """How many columns a terminal needs for `text`: two for 한, none for combining marks."""
    if text.isascii() and text.isprintable():
        return len(text)
    return sum(char_width(char) for char in text)


def char_width(char: str) -> int:
    """How many columns one character takes: 0, 1 or 2."""
    if unicodedata.category(char) in ("Mn", "Me", "Cf", "Cc"):
        return 0
    if "\u1160" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7ff":
        return 0  # vowels and finals that join the consonant before them
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def pad(text: str, width: int) -> str:
    """`text` with spaces up to `width` columns."""
    return text + " " * (width - display_width(text))


def side_by_side(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table of cells, two spaces between columns."""
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(map(pad, row, widths)).rstrip()
