"""Answers as people read them: wrapped to the terminal, Hangul counted as two columns wide.

Colour and wrapping are for terminals only; into a pipe go plain lines. Text of documents passes
`clean` first, so that nothing in a source can move the cursor or reorder what is read.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from rag.columns import char_width, display_width
from rag.text import printable
from rag.types import Answer, Citation, Passage

MAX_COLUMNS = 100  # longer lines are hard to read
_INDENT = "    "
_FENCE = re.compile(r"^```[\w+-]*(?P<after>(?: ?\[\d+\])*)$")
# Hangul may follow at once: **라이브러리**입니다. In code, `f(*a, **b, **c)`, a name does.
_BOLD = re.compile(r"(?<![\w*])\*\*(?=[^\s*])([^*\n]*[^\s*])\*\*(?![A-Za-z0-9_*])")
_MARKER = re.compile(r"\[\d{1,3}\]")
_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029]")
# What `printable` leaves and nobody sees: soft hyphens, a mark of direction, tag characters.
_INVISIBLE = re.compile("[\u00ad\u061c\ufff9-\ufffb\U000e0000-\U000e007f]")

# Marks of style inside a text. They take no room, no cleaned text holds them, and `Style.paint`
# turns them into escape sequences or into nothing.
_ON, _OFF, _DIM, _CYAN, _YELLOW = "\x01", "\x02", "\x03", "\x04", "\x05"
_ESCAPES = {
    _ON: "\x1b[1m",
    _OFF: "\x1b[0m",
    _DIM: "\x1b[2m",
    _CYAN: "\x1b[36m",
    _YELLOW: "\x1b[33m",
}


@dataclass(frozen=True, slots=True)
class Style:
    """How to write to a stream: `width` in columns, None for no wrapping; `colour` or not."""

    width: int | None = None
    colour: bool = False

    def dim(self, text: str) -> str:
        """`text` in the colour of what matters less."""
        return self.paint(_DIM + text + _OFF)

    def paint(self, text: str) -> str:
        """Turn marks of style into escape sequences, or remove them."""
        for mark, escape in _ESCAPES.items():
            text = text.replace(mark, escape if self.colour else "")
        return text


def style_of(stream: TextIO) -> Style:
    """The style that fits a stream: wrapped on a terminal, coloured unless NO_COLOR is set."""
    if not stream.isatty():
        return Style()
    columns = max(20, min(MAX_COLUMNS, shutil.get_terminal_size().columns))
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") in ("dumb", None)
    return Style(columns, not plain)


def clean(text: str) -> str:
    """Printable text with "\\n" as its only line end and tabs as spaces."""
    return _INVISIBLE.sub("", printable(_LINE_ENDS.sub("\n", text))).expandtabs(4)


def one_line(text: str, limit: int = 600) -> str:
    """Printable text on one line, its middle left out where it is longer than `limit`."""
    line = " ".join(clean(text).split())
    half = limit // 2
    return line if len(line) <= limit else f"{line[:half]} ... {line[-half:]}"


def plural(count: int, noun: str) -> str:
    """A number with its noun: "1 file", "2,000 files"."""
    return f"{count:,} {noun}" + "s" * (count != 1)


# -- wrapping -----------------------------------------------------------------------------------


def wrap(text: str, width: int | None, hang: str = "") -> Iterator[str]:
    """Lines of at most `width` columns; `hang` stands before all lines but the first.

    Breaks at spaces. A word longer than a line is broken only beside wide letters: a URL or a name
    of code stays whole, so that it can be copied.
    """
    if width is None or display_width(text) <= width:
        yield text
        return
    line, used = "", -1  # no word yet
    for piece in _words(text, width - len(hang)):
        word = piece.removeprefix("\0")
        gap = 1 if word == piece and used >= 0 else 0
        used = max(used, 0)
        if line.strip() and used + gap + display_width(word) > width:
            yield line
            line, used, gap = hang, len(hang), 0
        line += " " * gap + word
        used += gap + display_width(word)
    yield line


def _words(text: str, width: int) -> Iterator[str]:
    """Words; the pieces of one that is too long begin with NUL: no space belongs before them."""
    for word in text.split(" "):
        if display_width(word) <= width or word.isascii():
            yield word
            continue
        piece, mark = "", ""
        for part in _parts(word):
            if piece and display_width(piece + part) > width:
                yield mark + piece
                piece, mark = "", "\0"
            piece += part
        yield mark + piece


def _parts(word: str) -> list[str]:
    """What a word can be broken into: its wide letters, and the runs of narrow ones between."""
    parts: list[str] = []
    wide = True
    for char in word:
        before, wide = wide, char_width(char) == 2
        if not parts or wide or (before and char_width(char)):
            parts.append(char)
        else:  # a narrow letter after another, or a mark that joins
            parts[-1] += char
    return parts


# -- answers -------------------------------------------------------------------------------------


def render_answer(answer: Answer, style: Style, *, explain: bool = False) -> str:
    """The answer, its sources, and with `explain` how each passage was found."""
    lines = list(_body(clean(answer.answer), style, refused=answer.refused))
    if answer.citations:
        lines.append("")
        lines.extend(source_lines(answer.citations, style))
    if explain:
        lines.append("")
        lines.extend(_explanation(answer, style))
    return style.paint("\n".join(lines)) + "\n"


def _body(text: str, style: Style, *, refused: bool) -> Iterator[str]:
    """Paragraphs wrapped, items with a hanging indent, code as it is but indented."""
    airy = style.width is not None  # blank lines between blocks, where there is a screen
    in_code = False
    before = ""
    for number, line in enumerate(text.split("\n")):
        fence = _FENCE.match(line)
        kind = "code" if fence or in_code else "item" if line.startswith("- ") else "text"
        opens = fence is not None and not in_code
        if airy and before and (kind != before or kind == "text" or opens):
            yield ""
        before = kind if line else ""
        if fence:
            in_code = not in_code
            if fence["after"]:
                yield _INDENT + _styled(fence["after"].strip())
        elif in_code:
            yield _INDENT + line if line else ""
        else:
            shown = _YELLOW + line + _OFF if refused and number == 0 else _styled(line)
            yield from wrap(shown, style.width, "  " if kind == "item" else "")


def _styled(line: str) -> str:
    line = _BOLD.sub(lambda match: _ON + match[1] + _OFF, line)
    return _MARKER.sub(lambda match: _CYAN + match[0] + _OFF, line)


def source_lines(citations: Sequence[Citation], style: Style) -> Iterator[str]:
    """Each source once with its markers: "[1][3] torch.stack · torch 2.13.0 · https://...".

    Where that is too long for the terminal, the address goes to a line of its own.
    """
    by_source: dict[str, list[Citation]] = {}
    for citation in citations:
        by_source.setdefault(citation.source, []).append(citation)
    for group in by_source.values():
        first = group[0]
        markers = "".join(f"[{citation.marker}]" for citation in group)
        place = clean(first.url or first.source)
        parts = [clean(first.title), clean(first.version or first.date or "")]
        told = " · ".join(part for part in parts if part)
        head = f"{_CYAN}{markers}{_OFF} {told}"
        if style.width and display_width(f"{markers} {told} · {place}") > style.width:
            yield from wrap(head, style.width, _INDENT)
            yield f"{_INDENT}{_DIM}{place}{_OFF}"
        else:
            yield f"{head} · {_DIM}{place}{_OFF}"


def _explanation(answer: Answer, style: Style) -> Iterator[str]:
    if answer.completed:
        yield from wrap(f"understood as: {clean(answer.completed)}", style.width, "  ")
    for passage in answer.passages:
        head = f"{passage.rank:>3}  {_ON}{clean(passage.source)}{_OFF}  {one_line(passage.heading)}"
        yield from wrap(head, style.width, "     ")
        yield from wrap(f"     {_DIM}{_found(passage)}{_OFF}", style.width, "     ")
    timings = "".join(f" · {name} {seconds:.3f} s" for name, seconds in answer.timings)
    yield f"confidence {answer.confidence:.3f} · {answer.seconds:.3f} s{timings}"


def _found(passage: Passage) -> str:
    """Why a passage came: "lexical 1 · dense 2 · fused 0.0561 · exact name · words: stack"."""
    trace = passage.trace
    parts = [
        f"lexical {trace.lexical_rank or '-'}",
        f"dense {trace.dense_rank or '-'}",
        f"fused {trace.fused:.4f}",
    ]
    if trace.exact_name:
        parts.append("exact name")
    words = ", ".join(clean(word) for word in trace.matched)
    return " · ".join([*parts, f"words: {words or '-'}"])
