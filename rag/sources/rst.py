"""reStructuredText, lightly: files (.rst) and docstrings as the text that is stored here.

Not docutils: that knows no Sphinx directive and reports what it does not know. This reads lines
and indentation, keeps every text, and drops only what no reader of the page sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.markup import readable
from rag.sources.light import fenced, join_blocks
from rag.sources.rstlines import (
    BULLET,
    CODE,
    FIELD,
    GRID_RULE,
    NOTES,
    RULE,
    SIMPLE_RULE,
    UNSEEN,
    VERSIONS,
    block_end,
    dedented,
    options,
    while_indented,
)

_MAX_DEPTH = 30  # a deeper indented text is a paragraph

_DIRECTIVE = re.compile(r"\.\.\s+([\w:.+-]+?)::(?:\s+(.*)|$)")
_FOOTNOTE = re.compile(r"\.\.\s+(\[[^\]]+\])\s+(.*)")
_ENTRY = re.compile(r"\*{0,2}`{0,2}[\w.]+`{0,2}(?:\s*\([^)]*\))?\s*:(?:\s|$)")
_MARKDOWN_HEADING = re.compile(r"#{1,6} \S")
_ADMONITION = re.compile(r'!!! ([\w-]+)(?: "([^"]*)")?$')
_SECTION = re.compile(r"[A-Z][A-Za-z]+(?: [A-Za-z]+){0,2}:")  # Args:, in a docstring
_EMPHASIS = re.compile(r"(?<![\w*])\*(?=[^\s*])([^*\n]*[^\s*])\*(?![\w*])")

Blocks = Iterator[tuple[str, str]]


def rst_to_text(raw: str, *, level: int = 0) -> str:
    """The readable text of reStructuredText; its first headings stand at `level` + 1.

    A `level` above 0 is that of the object whose docstring it is: there "Args:" is a heading too.
    """
    return join_blocks(list(_Reader(level).blocks(raw.expandtabs().split("\n"), 0)))


class _Reader:
    """Knows which adornment stands for which level, in the order in which they appeared."""

    def __init__(self, level: int) -> None:
        self._level = level
        self._styles: list[str] = []

    def blocks(self, lines: list[str], depth: int) -> Blocks:
        place = 0
        while place < len(lines):
            line = lines[place]
            if not line.strip():
                place += 1
            elif depth > _MAX_DEPTH:
                yield "text", _words(lines[place:])
                return
            elif line[0] == " ":
                stop = while_indented(lines, place)
                yield from self.blocks(dedented(lines[place:stop]), depth + 1)
                place = stop
            elif title := self._title(lines, place):
                yield title[:2]
                place = title[2]
            else:
                stop = block_end(lines, place)
                yield from self._block(lines[place:stop], depth)
                place = stop

    def _title(self, lines: list[str], place: int) -> tuple[str, str, int] | None:
        """("heading", text, next line) for a title that is underlined or lies between rules."""
        above = RULE.match(lines[place])
        at = place + 1 if above else place
        if at + 1 >= len(lines) or not lines[at].strip():
            return None
        below, title = RULE.match(lines[at + 1]), lines[at].strip()
        if below is None or (above is None and lines[at].startswith((">>>", ".. ", " "))):
            return None
        rule = lines[at + 1].strip()
        if (above and lines[place].strip() != rule) or len(rule) < min(3, len(title)):
            return None
        style = rule[0] + ("^" if above else "")
        if style not in self._styles:
            self._styles.append(style)
        marks = "#" * min(self._level + self._styles.index(style) + 1, 6)
        return "heading", f"{marks} {_inline(title)}", at + 2

    def _block(self, lines: list[str], depth: int) -> Blocks:
        first = lines[0]
        if first.startswith(".."):
            yield from self._explicit(lines, depth)
        elif first.startswith(">>>"):
            yield "code", fenced("\n".join(lines), "python")
        elif first.startswith(("```", "# ", "!!! ")) or _MARKDOWN_HEADING.match(first):
            yield from self._markdown(lines, depth)
        elif GRID_RULE.match(first) or SIMPLE_RULE.match(first):
            yield from _table(lines)
        elif bullet := BULLET.match(first):
            mark = bullet.group(1)
            mark = mark if mark[-1] in ".)" and mark[0].isdigit() else "-"
            rest = [first[bullet.end() :], *dedented(lines[1:])]
            yield from self._item(f"{mark} ", rest, depth)
        elif field := FIELD.match(first):
            # :param int x: text -> x, :returns: text -> returns
            name = (field.group(2) or field.group(1)).split()[-1]
            rest = [first[field.end() :], *dedented(lines[1:])]
            yield from self._item(f"- {name}: ", rest, depth)
        elif RULE.match(first) and len(lines) == 1:
            return
        else:
            yield from self._paragraph(lines, depth)

    def _markdown(self, lines: list[str], depth: int) -> Blocks:
        """What docstrings in the style of MkDocs have: fences, headings, admonitions."""
        first = lines[0]
        if first.startswith("```"):
            yield "code", fenced("\n".join(lines[1:-1]), first.strip("` {}"))
            yield "text", _inline(first) if len(lines) == 1 else ""  # nothing closes it
        elif found := _ADMONITION.match(first):
            label = found.group(2) or found.group(1).capitalize()
            yield "text", f"{label}: {_words(dedented(lines[1:]))}"
        elif len(lines) > 1:  # comments above code
            yield "code", fenced("\n".join(lines), "")
        else:
            marks = "#" * min(self._level + 1, 6) if self._level else first.split()[0]
            yield "heading", f"{marks} {_inline(first.lstrip('# '))}"

    def _item(self, mark: str, lines: list[str], depth: int) -> Blocks:
        """A list item: its first paragraph behind the mark, what follows below it."""
        blocks = list(self.blocks(lines, depth + 1))
        text = ""
        if blocks and blocks[0][0] == "text":
            text = " ".join(blocks.pop(0)[1].split("\n"))
        if mark.strip("- ") or text:
            yield "item", (mark + text).rstrip()
        for kind, block in blocks:
            yield kind, f"  {block}" if kind == "item" else block

    def _explicit(self, lines: list[str], depth: int) -> Blocks:
        """What begins with two dots: a directive, a footnote, or a comment, which goes."""
        footnote = _FOOTNOTE.match(lines[0])
        directive = _DIRECTIVE.match(lines[0])
        body = dedented(lines[1:])
        if footnote:
            yield "text", _inline(f"{footnote.group(1)} {footnote.group(2)} {' '.join(body)}")
        if directive is None:
            return
        name, argument = directive.group(1).rpartition(":")[2], directive.group(2) or ""
        given, body = options(body)
        if name in UNSEEN:
            return
        if name in CODE:
            yield "code", fenced("\n".join(body), argument or "python")
        elif name == "math":
            yield "text", readable(".. math:: " + " ".join([argument, *body]))
        elif name in ("image", "figure"):
            yield "text", _inline(given.get("alt", ""))
            yield from self.blocks(body, depth + 1)
        elif name in NOTES or name in VERSIONS:
            label = VERSIONS[name] if name in VERSIONS else name.capitalize() + ":"
            label = f"{argument}:" if name == "admonition" else f"{label} {argument}".rstrip()
            if name in VERSIONS and any(body):
                label = label.rstrip(":") + ":"
            rest = list(self.blocks(body, depth + 1))
            if rest and rest[0][0] == "text":
                label = f"{label} {rest.pop(0)[1]}"
            yield "text", _inline(label)
            yield from rest
        else:
            # Of a described function or class (`py:function`), of a table, tab or topic.
            code = name in ("function", "class", "method", "attribute", "data", "exception")
            yield "text", f"`{argument}`" if code and argument else _inline(argument)
            yield from self.blocks(body, depth + 1)

    def _paragraph(self, lines: list[str], depth: int) -> Blocks:
        """A paragraph, with the literal block or the definition that is indented below it."""
        own = next((i for i, line in enumerate(lines) if line[:1] in ("", " ")), len(lines))
        body = dedented(lines[own:])
        text = "\n".join(line.removeprefix("| ").rstrip() for line in lines[:own])
        if text.endswith("::"):
            text = text[:-2].rstrip() if text[:-2].endswith((" ", "\n")) else text[:-1]
            if text.strip(": "):
                yield "text", _inline(text)
            yield "code", fenced("\n".join(body), "")
        elif not any(body):
            yield "text", _inline(text)
        elif text.endswith(":"):
            if self._level and _SECTION.fullmatch(text):
                yield "heading", f"{'#' * min(self._level + 1, 6)} {text[:-1]}"
            else:
                yield "text", _inline(text)
            yield from self._entries(body, depth)
        else:
            yield from self._item(f"- {_inline(text)}: ", body, depth)

    def _entries(self, lines: list[str], depth: int) -> Blocks:
        """What stands below "Args:": one item a name, or any text."""
        if not all(_ENTRY.match(line) for line in lines if line[:1] not in ("", " ")):
            yield from self.blocks(lines, depth + 1)
            return
        place = 0
        while place < len(lines):
            if not lines[place].strip():
                place += 1
                continue
            stop = while_indented(lines, place + 1)
            # The name and what is said of it are one paragraph, however the lines are indented.
            until = next((i for i in range(place, stop) if not lines[i].strip()), stop)
            joined = " ".join(line.strip() for line in lines[place:until])
            yield "item", f"- {_inline(joined)}"
            yield from self.blocks(dedented(lines[until:stop]), depth + 1)
            place = stop


def _table(lines: list[str]) -> Blocks:
    """Rows of a grid or simple table; the first is the header where a rule stands below it."""
    rows: list[str] = []
    for line in lines:
        if GRID_RULE.match(line) or SIMPLE_RULE.match(line):
            if len(rows) == 1:
                rows.append("|" + "---|" * (rows[0].count(" | ") + 1))
        elif line.strip():
            row = line.strip()
            cells = row.strip("|").split("|") if row[0] == "|" else re.split(r"\s{2,}", row)
            rows.append("| " + " | ".join(_inline(cell) for cell in cells) + " |")
    yield "table", "\n".join(rows)


def _words(lines: list[str]) -> str:
    return _inline(" ".join(lines))


def _inline(text: str) -> str:
    """One line of plain words: roles, links and emphasis give what they show."""
    return _EMPHASIS.sub(r"\1", readable(text))
