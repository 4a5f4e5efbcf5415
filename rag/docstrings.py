"""A docstring as its parts: signature, summary, parameters, notes, examples.

Google, NumPy and reStructuredText styles occur side by side in one package, so this reads lines
and indentation and never fails: what it does not recognise is text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rag.markup import readable
from rag.text import belongs, joined, sentences
from rag.types import Chunk, Document, Role

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
_BULLET = re.compile(r"^(?:[-*+•]|\d+[.)])\s+")
_RULE = re.compile(r"^[=~^\-\"'#*+]{3,}(?:\s+[=\-]{3,})*\s*$")
_TABLE_RULE = re.compile(r"^={3,}(?:\s+={3,})+\s*$")
_PROMPT = ">>>"
_LONG = 320  # characters; a longer parameter or bullet is cut into its sentences
_CODE = 1_200
_ANNOUNCED = 420  # at most this many characters of an announcement with what it announces
_SECTION = 2_400  # characters of a docstring that is read as one piece
_RECORD = 400


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int  # without white space at the end
    indent: int
    text: str  # stripped


@dataclass(frozen=True, slots=True)
class _Block:
    """Neighbouring lines that belong together: a paragraph, an item, a code block, a table row."""

    role: Role
    name: str
    start: int
    end: int
    whole: bool  # never cut into sentences


def docstring_chunks(document: Document) -> list[Chunk]:
    """The units of a document in "docstring" format, in order of appearance.

    The first is the signature line; the first sentence of the prose is the summary.
    """
    text = document.text
    chunks = [
        _chunk(document, role, name, start, end)
        for role, name, start, end in _joined(
            text,
            [
                (block.role, block.name, start, end)
                for block in _blocks(_lines(text))
                for start, end in _spans(text, block)
            ],
        )
    ]
    for i, chunk in enumerate(chunks):
        if chunk.role == "text":
            chunks[i] = _chunk(document, "summary", "", chunk.start, chunk.end)
            break
        if chunk.role not in ("signature", "note", "warning", "see-also"):
            break
    return chunks


_Unit = tuple[Role, str, int, int]
_CALL = re.compile(r"\w+\([^()]*(?:\([^()]*\)[^()]*)*\)(?:\s*->.*)?")


def _joined(text: str, units: list[_Unit]) -> list[_Unit]:
    """Units with what they announce: "When `as_tuple` is True:" goes with the sentence after it."""
    joined: list[_Unit] = []
    for unit in units:
        before = joined[-1] if joined else None
        if (
            before is not None
            and before[0] in ("text", "note", "warning")
            and unit[0] not in ("parameter", "attribute", "shape", "raises", "table")
            and text[before[2] : before[3]].rstrip().endswith(":")
            and unit[3] - before[2] <= _ANNOUNCED
        ):
            joined[-1] = (before[0], before[1], before[2], unit[3])
        else:
            joined.append(unit)
    return joined


def _lines(text: str) -> list[_Line]:
    lines, at = [], 0
    for raw in text.split("\n"):
        stripped = raw.strip()
        lines.append(_Line(at, at + len(raw.rstrip()), len(raw) - len(raw.lstrip()), stripped))
        at += len(raw) + 1
    return lines


def _blocks(lines: list[_Line]) -> Iterator[_Block]:
    """Walks the lines once, with a stack of (indent, role) for the sections that are open."""
    i = 1
    while i < len(lines) and lines[i].text and not lines[0].text.count("(") <= _closed(lines[:i]):
        i += 1  # a signature over several lines
    yield _Block("signature", "", lines[0].start, lines[i - 1].end, whole=True)
    while i < len(lines) and not lines[i].text:
        i += 1
    if i < len(lines) and _CALL.fullmatch(lines[i].text):  # the author's own: no sentence
        yield _Block("signature", "", lines[i].start, lines[i].end, whole=True)
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


def _read_block(lines: list[_Line], i: int, role: Role) -> tuple[int, _Block]:
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
        return i + 1, _Block("table", "rule", line.start, line.end, whole=True)
    if i and (_in_table(lines, i)):
        return i + 1, _Block("table", "", line.start + line.indent, line.end, whole=True)
    item = (_ITEM if role in ("parameter", "attribute", "raises") else _FIELD).match(line.text)
    if item is None:
        item = _FIELD.match(line.text)
    outcome = _OUTCOME.match(line.text) if item is None else None
    if outcome and role == "text":
        item, role = outcome, "raises" if outcome["field"] in ("raise", "except") else "returns"
    stop = i + 1
    if item or _BULLET.match(line.text):
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
    return stop, _Block(role, name, line.start + line.indent, lines[last].end, whole=False)


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
            _BULLET.match(text)
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


def _literal(lines: list[_Line], i: int, role: Role) -> tuple[int, _Block]:
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
    return stop, _Block(kept, name, line.start, lines[last].end, whole=True)


def _code_follows(lines: list[_Line], i: int) -> bool:
    following = next((line for line in lines[i:] if line.text), None)
    return following is not None and following.text.startswith((_PROMPT, "...", "tensor(", "#"))


def _spans(text: str, block: _Block) -> Iterator[tuple[int, int]]:
    """What is quoted of a block: the whole, or its sentences where it is prose or long."""
    start, end = block.start, block.end
    while start < end and text[start].isspace() and not block.whole:
        start += 1
    if block.name == "rule" and block.role == "table":
        return
    if block.role == "code":
        yield from _listing(text, start, end)
        return
    short = end - start <= _LONG and block.role in ("parameter", "attribute", "raises", "shape")
    if block.whole or short or (_BULLET.match(text[start:end]) and end - start <= _LONG):
        yield start, end
        return
    found = ((start + left, start + right) for left, right in sentences(text[start:end]))
    yield from joined(found, lambda before, after: belongs(text, before, after, _LONG))


def _listing(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Code in pieces of at most _CODE characters that end at empty lines, where there are any."""
    gaps = [start + gap.start() for gap in re.finditer(r"\n[ \t]*(?=\n)", text[start:end])]
    while end - start > _CODE:
        fitting = [gap for gap in gaps if start < gap <= start + _CODE]
        stop = fitting[-1] if fitting else next((gap for gap in gaps if gap > start), end)
        yield start, stop
        start = next((i for i in range(stop, end) if not text[i].isspace()), end)
    if start < end:
        yield start, end


def _chunk(document: Document, role: Role, name: str, start: int, end: int) -> Chunk:
    unit = readable(document.text[start:end])
    parts = document.title if role != "summary" else f"{document.title} {_words(document.title)}"
    about = f" {name}" if name and name != "math" and not unit.lstrip("*`").startswith(name) else ""
    section = _section(document.text, start, end)
    return Chunk(
        source=document.id,
        role=role,
        language=document.language,
        heading=document.title,
        name="" if name == "math" else name,
        start=start,
        end=end,
        section_start=section[0],
        section_end=section[1],
        record=f"{parts}{about}: {unit}"[:_RECORD] if role != "signature" else unit[:_RECORD],
    )


def _words(title: str) -> str:
    """The last step of a name as words: torch.nn.CosineEmbeddingLoss -> "Cosine Embedding Loss"."""
    last = title.rpartition(".")[2]
    return " ".join(re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+", last))


def _section(text: str, start: int, end: int) -> tuple[int, int]:
    """The whole docstring where it is short, else the neighbouring paragraphs around the unit."""
    if len(text) <= _SECTION:
        return 0, len(text)
    left = text.rfind("\n\n", 0, max(0, start - _SECTION // 3))
    right = text.find("\n\n", min(len(text), end + _SECTION // 2))
    return max(0, left + 2 if left >= 0 else 0), right if right >= 0 else len(text)
