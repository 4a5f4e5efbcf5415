"""A model's words on their way in: thoughts taken out, finished sentences handed on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from rag.text import printable, sentences

_OPEN, _CLOSE = re.compile(r"<think(?:ing)?>", re.I), re.compile(r"</think(?:ing)?>", re.I)
_TAG_LENGTH = len("</thinking>")
# What opens a line: an item, a number, a heading, a quote.
_LINE_MARK = re.compile(r"[ \t]*((?:[-*+•] +|\d{1,2}[.)] +|#{1,6} +|> ?)?)[ \t]*")
_MARKERS = r"(?:[\[【][^\[\]【】\n]{0,12}?\d{1,3}(?:, ?\d{1,3})*[\]】])"
_AFTER_STOP = re.compile(
    rf"([.!?。…]+[\"'”’*)]*)[ \t]*({_MARKERS}(?:[ \t]*{_MARKERS})*)[.。]?(?=\s|$)"
)
_CODE = re.compile(r"[ \t]*```[^\n]*\n(?P<code>.*?)\n?[ \t]*```(?P<after>[^\n]*)(?:\n|\Z)", re.S)


@dataclass(frozen=True, slots=True)
class Piece:
    """A finished sentence, or the inside of a block of code.

    `mark` is what opens its line ("- "), `fresh` says that it is the first of its line, and
    `after` is what stood behind a block of code: its markers.
    """

    text: str
    mark: str = ""
    fresh: bool = False
    code: bool = False
    after: str = ""


def without_thoughts(deltas: Iterable[str]) -> Iterator[str]:
    """The answer without its <think>...</think> blocks, however the tags are cut.

    A closing tag alone means that all before it was thought: an empty string comes for it.
    """
    held, thinking = "", False
    for delta in deltas:
        held += delta
        while found := (_CLOSE if thinking else _OPEN).search(held):
            if not thinking and found.start():
                yield held[: found.start()]
            held, thinking = held[found.end() :], not thinking
        if thinking:
            held = held[-_TAG_LENGTH:]
            continue
        while found := _CLOSE.search(held):
            yield ""
            held = held[found.end() :]
        cut = held.rfind("<", max(0, len(held) - _TAG_LENGTH))
        ready, held = (held, "") if cut < 0 else (held[:cut], held[cut:])
        if ready:
            yield ready
    if held and not thinking:
        yield held


def pieces(deltas: Iterable[str]) -> Iterator[Piece]:
    """The sentences of a stream, each as soon as it is finished; a block of code in one piece.

    An empty delta takes back what is not finished yet.
    """
    waiting, fresh = "", True
    for delta in deltas:
        waiting = waiting + delta if delta else ""
        while True:
            opens_code = fresh and waiting.lstrip(" \t").startswith("```")
            block = _CODE.match(waiting) if opens_code else None
            if block and waiting.endswith("\n", 0, block.end()):
                yield _block(block)
                waiting = waiting[block.end() :]
            elif not opens_code and "\n" in waiting:
                line, _, waiting = waiting.partition("\n")
                yield from _pieces_of(line, fresh=fresh)
                fresh = True
            else:
                break
        if not opens_code:
            *done, waiting = _split(waiting, fresh=fresh)
            for piece in _pieces_of(" ".join(done), fresh=fresh):
                yield piece
                fresh = False
    block = _CODE.match(waiting) if fresh else None
    if block:
        yield _block(block)
        waiting = waiting[block.end() :]
    yield from _pieces_of(waiting, fresh=fresh)


def _clean(text: str) -> str:
    """`text` without what hides or reorders; the joiner inside of an emoji stays."""
    return "\u200d".join(printable(part) for part in text.split("\u200d"))


def _block(found: re.Match[str]) -> Piece:
    return Piece(_clean(found["code"]), fresh=True, code=True, after=_clean(found["after"]))


def _split(line: str, *, fresh: bool) -> list[str]:
    """The sentences of an unfinished line; the last may go on, and may be empty."""
    opening = _LINE_MARK.match(line) if fresh else None
    mark = line[: opening.end()] if opening else ""
    moved = _AFTER_STOP.sub(r" \2\1", line[len(mark) :])
    spans = sentences(moved)
    # A bracket that opens behind a full stop may be the marker of the sentence before it.
    if len(spans) < 2 or moved[spans[-1][0]] in "[【":
        return [line]
    last = spans[-1][0]
    return [mark + moved[:last], moved[last:]]


def _pieces_of(text: str, *, fresh: bool) -> Iterator[Piece]:
    """The sentences of a line, or of a part of it that ends where a sentence does."""
    opening = _LINE_MARK.match(text) if fresh else None
    mark = opening[1] if opening else ""
    body = _AFTER_STOP.sub(r" \2\1", _clean(text[opening.end() :] if opening else text))
    first = Piece("", mark, fresh)
    for start, end in sentences(body):
        yield replace(first, text=body[start:end])
        first = Piece("")
