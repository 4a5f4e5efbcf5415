"""A document as HTML for the evidence panel: its facts, its text, and the quote highlighted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag import Document, readable
from ui.html import inline, named, outside, own, text
from ui.strings import Language

AROUND = 6_000  # characters before and after the quote that are shown at once

_FENCE = re.compile(r"^\s*```")
_HEADING = re.compile(r"^(#{1,6})\s+(?=\S)")
_UNDERLINE = re.compile(r"^\s*([=\-~^*])\1{2,}\s*$")
_LABEL = re.compile(r"^\s*(?:[A-Z][A-Za-z ]{2,24}::?|\.\. \w+::.*)$")
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
        f'<div class="document {document.format}" lang="{document.language}">{cut}'
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
        ("version", text(document.version or "")),
        ("date", text(document.date or "")),
        ("licence", text(document.licence or "")),
    ]
    told = "".join(
        f"<div><dt>{own(key, language)}</dt><dd>{value}</dd></div>" for key, value in rows if value
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
    """Each line as an element, the kind of line told by its class."""
    plain = document.format in ("code", "text")
    fenced = False
    shell = False
    at = first
    for line in document.text[first:last].split("\n"):
        span = (start - at, end - at)
        at += len(line) + 1
        if _FENCE.match(line) and not plain:
            fenced = not fenced
            continue
        shell = (shell and bool(line.strip())) or line.lstrip().startswith((">>> ", ">>>"))
        if not line.strip():
            yield '<div class="gap"></div>'
        elif plain or fenced or shell:
            yield f'<div class="mono">{_marked(line, *span, raw=True)}</div>'
        else:
            yield _prose(line, span, document.format == "docstring")


def _prose(line: str, span: tuple[int, int], docstring: bool) -> str:
    if docstring and _UNDERLINE.match(line):
        return ""
    heading = _HEADING.match(line)
    if heading and not docstring:
        skip = heading.end()
        body = _marked(line[skip:], span[0] - skip, span[1] - skip)
        return f'<div class="heading h{len(heading[1])}">{body}</div>'
    indent = len(line) - len(line.lstrip())
    item = _ITEM.match(line)
    skip = item.end() if item else indent
    kind = "line item" if item else "line label" if docstring and _LABEL.match(line) else "line"
    body = _marked(line[skip:], span[0] - skip, span[1] - skip)
    level = min(indent // 2, 8)
    return f'<div class="{kind} in-{level}">{body}</div>'


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
