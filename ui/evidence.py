"""A document as HTML for the evidence panel: its facts, its text, and the quote highlighted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag import Document, readable
from ui.html import inline, named, outside, own, text, version
from ui.strings import Language

AROUND = 6_000  # characters before and after the quote that are shown at once

_FENCE = re.compile(r"^\s*```")
_HEADING = re.compile(r"^(#{1,6})\s+(?=\S)")
_UNDERLINE = re.compile(r"^\s*([=\-~^*])\1{2,}\s*$")
_LABEL = re.compile(r"^\s*(?:[A-Z][A-Za-z ]{2,24}::?|\.\. \w+::.*)$")
_FIELD = re.compile(r"^\s*[*`\w][\w.*`, ]*(?:\([^)]*\))?\s*(?::|--)(?: |$)|^\s*[\w.]+\(.*->")
_ITEM = re.compile(r"^(\s*)[-*•] ")


def render_document(
    document: Document, start: int, end: int, language: Language, *, whole: bool = False
) -> str:
    """The panel: `document.text[start:end]` is marked, and of a long text what is around it shown."""
    size = len(document.text)
    start, end = sorted((min(max(start, 0), size), min(max(end, 0), size)))
    first, last = (0, size) if whole else _window(document.text, start, end)
    cut = "" if (first, last) == (0, size) else _whole(document, start, end, language)
    return (
        f"{_facts(document, language)}"
        f'<div class="document {document.format}" lang="{document.language}" tabindex="0" role="region" '
        f'aria-labelledby="evidence-title">{cut}'
        f"{''.join(_lines(document, first, last, start, end))}{cut}</div>"
    )


def _window(full: str, start: int, end: int) -> tuple[int, int]:
    """Whole lines around the span."""
    first = full.rfind("\n", 0, max(start - AROUND, 0)) + 1 if start > AROUND else 0
    last = full.find("\n", end + AROUND)
    return first, len(full) if last < 0 else last


def _whole(document: Document, start: int, end: int, language: Language) -> str:
    return (
        f'<p class="cut"><button type="button" class="chip" data-whole data-source="{text(document.id)}" '
        f'data-start="{start}" data-end="{end}">{own("whole", language)}</button></p>'
    )


def _facts(document: Document, language: Language) -> str:
    rows = [
        ("kind", own(f"kind-{document.kind}", language)),
        ("version", version(document.version, language)),
        ("date", text(document.date or "")),
        ("licence", text(document.licence or "")),
    ]
    full = f' title="{text(document.licence or "")}"'  # two lines of it are shown
    told = "".join(
        f"<div><dt>{own(key, language)}</dt><dd{full if key == 'licence' else ''}>{value}</dd></div>"
        for key, value in rows
        if value
    )
    return (
        f'<header class="facts"><h2 id="evidence-title" tabindex="-1">{text(document.title)}</h2>'
        f'<p class="id"><code>{text(document.id)}</code></p><dl>{told}</dl><p class="links">'
        f"{outside(document.url, own('official', language))}"
        f'<button type="button" class="quiet" data-do="ask-here" data-source="{text(document.id)}" '
        f"{named('ask-here', language)}>{own('ask-here', language)}</button></p></header>"
    )


# -- lines ---------------------------------------------------------------------------------------


def _lines(document: Document, first: int, last: int, start: int, end: int) -> Iterator[str]:
    """The lines as elements: code as it is, prose with its wrapped lines joined."""
    plain = document.format in ("code", "text")
    docstring = document.format == "docstring"
    fenced = shell = False
    prose = _Prose()
    at = first
    for line in document.text[first:last].split("\n"):
        span = (start - at, end - at)
        at += len(line) + 1
        fence = not plain and _FENCE.match(line) is not None
        shell = (shell and bool(line.strip())) or line.lstrip().startswith(">>>")
        if fence or not line.strip() or plain or fenced or shell:
            yield from prose.close()
        if fence:
            fenced = not fenced
        elif not line.strip():
            yield '<div class="gap"></div>'
        elif plain or fenced or shell:
            yield f'<div class="mono">{_marked(line, *span, raw=True)}</div>'
        elif not (docstring and _UNDERLINE.match(line)):
            yield from prose.add(line, span, docstring)
    yield from prose.close()


class _Prose:
    """The paragraph that is being read, given out when the next one begins."""

    def __init__(self) -> None:
        self._kind = ""
        self._pieces: list[str] = []
        self._indent = self._last = 0

    def add(self, line: str, span: tuple[int, int], docstring: bool) -> Iterator[str]:
        indent = len(line) - len(line.lstrip())
        kind, skip = _kind(line, docstring)
        joins = kind == "line" and self._kind.startswith("line") and self._kind != "line label"
        if not (joins and (indent > self._indent or indent == self._last != self._indent
                           or (indent == self._indent and not _FIELD.match(line)))):  # fmt: skip
            yield from self.close()
            self._kind, self._indent = kind, indent
        self._last = indent
        self._pieces.append(_marked(line[skip:], span[0] - skip, span[1] - skip))

    def close(self) -> Iterator[str]:
        if self._pieces:
            level = min(self._indent // 2, 8)
            yield f'<div class="{self._kind} in-{level}">{" ".join(self._pieces)}</div>'
        self._pieces, self._kind = [], ""


def _kind(line: str, docstring: bool) -> tuple[str, int]:
    """The class of a line of prose, and how many characters before its words are left out."""
    heading, item = _HEADING.match(line), _ITEM.match(line)
    if heading and not docstring:
        return f"heading h{len(heading[1])}", heading.end()
    if item:
        return "line item", item.end()
    label = docstring and _LABEL.match(line)
    return "line label" if label else "line", len(line) - len(line.lstrip())


def _marked(line: str, start: int, end: int, *, raw: bool = False) -> str:
    """A line with what lies between `start` and `end` marked; `raw` keeps it as it is."""
    size = len(line)
    start, end = min(max(start, 0), size), min(max(end, 0), size)
    show = text if raw else _readable
    if start >= end:
        return show(line)
    return f"{show(line[:start])}<mark>{show(line[start:end])}</mark>{show(line[end:])}"


def _readable(piece: str) -> str:
    """Words with their markup made readable; the spaces at both ends stay."""
    body = piece.strip()
    if not body:
        return text(piece)
    before, after = piece[: len(piece) - len(piece.lstrip())], piece[len(piece.rstrip()) :]
    return f"{text(before)}{inline(readable(body))}{text(after)}"
