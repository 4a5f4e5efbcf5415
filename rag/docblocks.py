"""The lines of a docstring as blocks: a call, a paragraph, an entry, an example, a row of a table.

Google, NumPy and reStructuredText styles occur side by side in one package, so this reads lines
and indentation and never fails: what it does not recognise is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.types import Role

_HEADS: dict[str, Role] = {
    "args": "parameter", "arguments": "parameter", "parameters": "parameter", "params": "parameter",
    "keyword args": "parameter", "keyword arguments": "parameter", "keyword arg": "parameter",
    "kwargs": "parameter", "arg": "parameter", "other parameters": "parameter",
    "optional args": "parameter", "input": "parameter", "inputs": "parameter",
    "attributes": "attribute", "variables": "attribute", "returns": "returns", "return": "returns",
    "outputs": "returns", "output": "returns", "yields": "returns", "raises": "raises",
    "shape": "shape", "shapes": "shape", "note": "note", "notes": "note", "warning": "warning",
    "warnings": "warning", "warns": "warning", "example": "example", "examples": "example",
    "usage": "example", "see also": "see-also", "references": "text",
    "인자": "parameter", "인수": "parameter", "매개변수": "parameter", "파라미터": "parameter",
    "속성": "attribute", "반환": "returns", "반환값": "returns", "리턴": "returns",
    "예외": "raises", "모양": "shape", "참고": "note", "주의": "warning", "경고": "warning",
    "예": "example", "예제": "example", "예시": "example", "사용법": "example",
    "같이 보기": "see-also",
}  # fmt: skip
_DIRECTIVES: dict[str, Role] = {
    "note": "note", "warning": "warning", "seealso": "see-also", "tip": "note", "important": "note",
    "caution": "warning", "attention": "warning", "code-block": "example", "testcode": "example",
    "code": "example", "deprecated": "warning", "versionadded": "note", "versionchanged": "note",
}  # fmt: skip
_HEAD = re.compile(r"^(?P<head>[A-Za-z가-힣][A-Za-z가-힣 ]{0,20}?)\s*(?P<colon>::?)?\s*$")
_DIRECTIVE = re.compile(r"^\.\. (?P<name>[a-z-]+)::")
_ITEM = re.compile(
    r"^(?P<name>\*{0,2}`{0,2}[A-Za-z_][\w.]*`{0,2}(?:\s*,\s*\*{0,2}[A-Za-z_][\w.]*)*)\s*"
    r"(?:\((?P<type>[^)]*(?:\([^)]*\)[^)]*)*)\))?\s*(?::(?!:)|–|--| - )"
)
_FIELD = re.compile(r"^:(?:param|arg|keyword|kwarg|type)\s+(?:[\w.]+\s+)?\*{0,2}(?P<name>\w+):")
_OUTCOME = re.compile(
    r"^:(?P<field>return|rtype|yield|raise|except)\w*(?:\s+(?P<name>[\w.]+))?:(?=\s|$)"
)
BULLET = re.compile(r"^(?:[-*+•]|\d+[.)])\s+")
_RULE = re.compile(r"^[=~^\-\"'#*+]{3,}(?:\s+[=\-]{3,})*\s*$")
_TABLE_RULE = re.compile(r"^={3,}(?:\s+={3,})+\s*$")
_PROMPT = ">>>"
_CALL = re.compile(r"\w+\([^()]*(?:\([^()]*\)[^()]*)*\)(?:\s*->.*)?")


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int  # without white space at the end
    indent: int
    text: str  # stripped


@dataclass(frozen=True, slots=True)
class Block:
    """Neighbouring lines that belong together: a paragraph, an item, a code block, a table row."""

    role: Role
    name: str
    start: int
    end: int
    whole: bool  # never cut into sentences


def _lines(text: str) -> list[_Line]:
    lines, at = [], 0
    for raw in text.split("\n"):
        stripped = raw.strip()
        lines.append(_Line(at, at + len(raw.rstrip()), len(raw) - len(raw.lstrip()), stripped))
        at += len(raw) + 1
    return lines


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a docstring in order; the first is the call. Walks the lines once, with a stack of (indent, role) for the sections that are open."""
    lines = _lines(text)
    i = 1
    while i < len(lines) and lines[i].text and not lines[0].text.count("(") <= _closed(lines[:i]):
        i += 1  # a signature over several lines
    yield Block("signature", "", lines[0].start, lines[i - 1].end, whole=True)
    while i < len(lines) and not lines[i].text:
        i += 1
    if i < len(lines) and _CALL.fullmatch(lines[i].text):  # the author's own: no sentence
        start = lines[i].start + lines[i].indent
        yield Block("signature", "", start, lines[i].end, whole=True)
        i += 1
    open_sections: list[tuple[int, Role]] = []
    while i < len(lines):
        line = lines[i]
        if not line.text:
            i += 1
            continue
        while open_sections and line.indent <= open_sections[-1][0]:
            open_sections.pop()
        role = open_sections[-1][1] if open_sections else "text"
        opened = _opens(lines, i)
        if opened:
            skip, new_role, indent = opened
            open_sections.append((indent, new_role))
            i += skip
            if skip:
                continue
            role = new_role
        stop, block = _read_block(lines, i, role)
        yield block
        i = stop


def _closed(lines: list[_Line]) -> int:
    """How many of the first line's parentheses are closed again by the given lines."""
    text = "\n".join(line.text for line in lines)
    return lines[0].text.count("(") - max(0, text.count("(") - text.count(")"))


def _opens(lines: list[_Line], i: int) -> tuple[int, Role, int] | None:
    """(lines to skip, role, indent) when line i opens a section; 0 lines where text follows."""
    line = lines[i]
    if line.text == "::":
        return 1, "code", line.indent
    directive = _DIRECTIVE.match(line.text)
    if directive:
        role = _DIRECTIVES.get(directive["name"])
        if role is None:
            return None
        rest = line.text[directive.end() :].strip()
        keeps = directive["name"] in ("deprecated", "versionadded", "versionchanged") or rest
        return (0 if keeps and role != "example" else 1, role, line.indent)
    head = _HEAD.match(line.text)
    below = lines[i + 1] if i + 1 < len(lines) else None
    if head and head["head"].lower() in _HEADS:
        role = _HEADS[head["head"].lower()]
        if below is not None and _RULE.match(below.text):  # NumPy: a title with a rule below it
            return 2, role, line.indent - 1
        if head["colon"]:
            return 1, role, _head_indent(lines, i)
    inline = re.match(r"(?P<head>[A-Z][a-z]+|[가-힣]+):\s+\S", line.text)
    if inline and _HEADS.get(inline["head"].lower()) in ("note", "warning", "returns"):
        return 0, _HEADS[inline["head"].lower()], line.indent
    return None


def _head_indent(lines: list[_Line], i: int) -> int:
    """The indent that the section's lines exceed; some authors do not indent below a head."""
    following = next((line for line in lines[i + 1 :] if line.text), None)
    if following is not None and following.indent <= lines[i].indent:
        return following.indent - 1
    return lines[i].indent


def _read_block(lines: list[_Line], i: int, role: Role) -> tuple[int, Block]:
    """The block that begins at line i and the index of the line after it."""
    line = lines[i]
    directive = _DIRECTIVE.match(line.text)
    if (
        line.text.startswith(_PROMPT)
        or role in ("example", "code")
        or (directive and directive["name"] == "math")
    ):
        return _literal(lines, i, role)
    if _TABLE_RULE.match(line.text):
        return i + 1, Block("table", "rule", line.start, line.end, whole=True)
    if i and (_in_table(lines, i)):
        return i + 1, Block("table", "", line.start + line.indent, line.end, whole=True)
    item = (_ITEM if role in ("parameter", "attribute", "raises") else _FIELD).match(line.text)
    if item is None:
        item = _FIELD.match(line.text)
    outcome = _OUTCOME.match(line.text) if item is None else None
    if outcome and role == "text":
        item, role = outcome, "raises" if outcome["field"] in ("raise", "except") else "returns"
    stop = i + 1
    if item or BULLET.match(line.text):
        while stop < len(lines) and (
            lines[stop].indent > line.indent
            or (not lines[stop].text and _goes_on(lines, stop, line))
        ):
            stop += 1
    else:
        while stop < len(lines) and lines[stop].text and not _breaks(lines, stop, line):
            stop += 1
    last = max(j for j in range(i, stop) if lines[j].text)
    name = re.sub(r"[*`\s]", "", item["name"] or "") if item else ""
    if item and role == "text":
        role = "parameter"
    return stop, Block(role, name, line.start + line.indent, lines[last].end, whole=False)


def _goes_on(lines: list[_Line], i: int, item: _Line) -> bool:
    following = next((line for line in lines[i:] if line.text), None)
    return following is not None and following.indent > item.indent


def _breaks(lines: list[_Line], i: int, first: _Line) -> bool:
    """Whether a paragraph ends before line i."""
    text = lines[i].text
    return (
        text.startswith(_PROMPT)
        or bool(_DIRECTIVE.match(text) or _FIELD.match(text) or _OUTCOME.match(text))
        or bool(
            BULLET.match(text)
            and lines[i].indent <= first.indent + 4
            and not first.text.endswith(",")
        )
        or _opens(lines, i) is not None
    )


def _in_table(lines: list[_Line], i: int) -> bool:
    """A row of a simple reST table: an open rule above, another below, in the same paragraph."""
    rules = 0
    for line in reversed(lines[max(0, i - 40) : i]):
        if not line.text:
            break
        rules += bool(_TABLE_RULE.match(line.text))
    below = any(_TABLE_RULE.match(line.text) for line in _paragraph(lines, i))
    return rules > 0 and below


def _paragraph(lines: list[_Line], i: int) -> Iterator[_Line]:
    while i < len(lines) and lines[i].text:
        yield lines[i]
        i += 1


def _literal(lines: list[_Line], i: int, role: Role) -> tuple[int, Block]:
    """Code or a formula, kept whole: to the next line that is less indented or plainly prose."""
    line, stop = lines[i], i + 1
    math = bool(_DIRECTIVE.match(line.text))
    prompt = line.text.startswith(_PROMPT)
    while stop < len(lines):
        below = lines[stop]
        if below.text and (below.indent < line.indent or (math and below.indent <= line.indent)):
            break
        if below.text and below.indent == line.indent and _opens(lines, stop) is not None:
            break
        if (
            prompt
            and role not in ("example", "code")
            and not below.text
            and not _code_follows(lines, stop)
        ):
            break
        stop += 1
    last = max(j for j in range(i, stop) if lines[j].text)
    kept: Role = "text" if math else "code" if role == "code" and not prompt else "example"
    name = "math" if math else ""
    return stop, Block(kept, name, line.start, lines[last].end, whole=True)


def _code_follows(lines: list[_Line], i: int) -> bool:
    following = next((line for line in lines[i:] if line.text), None)
    return following is not None and following.text.startswith((_PROMPT, "...", "tensor(", "#"))
