"""The light Markdown in which every page, note and file is stored, shown and quoted.

A `Writer` is told of HTML elements as they open and close and writes what a reader sees:

    # Heading                     headings by their level
    - item                        lists; items of a list stand on neighbouring lines
    | cell | cell |               a table row; under a header row stands |---|---|
    ```python                     code, verbatim, between fences
    텐서플로우(TensorFlow)          <sub> and <sup> that explain a word become brackets

Emphasis and links leave only their words; `code` in a line keeps its backticks. White space is
folded as a browser does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from rag.sources.light import fenced, join_blocks

_SPACE = re.compile("[ \t\n\u00a0]+")
_GLOSS = re.compile(r"[^\W\d_]{2}")
_LANGUAGE = re.compile(r"(?:^|\s)(?:language|lang|highlight|highlight-source)-([\w+#.-]+)")
_BULLET = re.compile(r"[-*•·]\s+")
_ARROWS = ("→", "⇒", "->", "=>")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_MARKS = {"code": "`", "kbd": "`", "samp": "`", "tt": "`", "del": "~~", "s": "~~", "strike": "~~"}
_BLOCKS = frozenset(
    """address article aside blockquote body caption center dd details div dl dt fieldset
    figcaption figure footer form header hr html legend main p section summary""".split()
)


class Writer:
    """Collects the blocks of one page; `finish()` gives its text."""

    def __init__(self) -> None:
        self._blocks: list[tuple[str, str]] = []  # kind, text
        self._inline: list[str] = []  # pieces of the paragraph that is open; "\n" is a <br>
        self._lists: list[int | None] = []  # the next number of each open list, None for bullets
        self._items: list[str] = []  # what each open item writes before its next line
        self._heading = 0
        self._scripts: list[int] = []  # where in _inline each open <sub> or <sup> began
        self._pre: list[str] | None = None
        self._language = ""
        self._tables = 0  # open tables; only the outermost is written as one
        self._rows: list[list[str]] = []
        self._heads: list[bool] = []  # for each row, whether all its cells are <th>
        self._cell: list[str] | None = None

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element opens; `tag` is in lower case, classes are joined by spaces."""
        if found := _LANGUAGE.search(attributes.get("class", "")):
            self._language = found.group(1)
        if self._pre is not None:
            if tag == "br":
                self._pre.append("\n")
        elif tag in _MARKS:
            self._inline.append(_MARKS[tag])
        elif tag == "br":
            self._inline.append("\n")
        elif tag in ("img", "math"):
            self._inline.append(_alternative(attributes))
        elif tag in ("sub", "sup"):
            self._scripts.append(len(self._inline))
        elif tag == "q":
            self._inline.append("“")
        else:
            self._start_block(tag, attributes)

    def _start_block(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "pre":
            self._flush()
            self._pre = []
        elif tag in _HEADINGS:
            self._flush()
            self._heading = _HEADINGS[tag]
        elif tag in ("ul", "ol", "menu"):
            self._flush()
            first = attributes.get("start", "1")
            self._lists.append((int(first) if first.isdecimal() else 1) if tag == "ol" else None)
        elif tag == "li":
            self._flush()
            self._items.append(self._marker())
        elif tag in ("table", "tr", "td", "th"):
            self._start_table(tag)
        elif tag in _BLOCKS:
            self._flush()

    def _marker(self) -> str:
        indent = "  " * max(len(self._lists) - 1, 0)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _start_table(self, tag: str) -> None:
        self._flush()
        if tag == "table":
            self._tables += 1
        elif self._tables == 1 and tag == "tr":
            self._rows.append([])
            self._heads.append(True)
        elif self._tables == 1 and self._rows:
            self._cell = []
            self._heads[-1] = self._heads[-1] and tag == "th"

    def text(self, data: str) -> None:
        """Text inside the elements that are open."""
        if self._pre is not None:
            self._pre.append(data)
        else:
            self._inline.append(_fold(data))

    def end(self, tag: str) -> None:
        """An element closes; one that never opened does no harm."""
        if tag == "pre" and self._pre is not None:
            self._end_code("".join(self._pre))
        elif self._pre is not None:
            return
        elif tag in _MARKS:
            self._end_mark(_MARKS[tag])
        elif tag in ("sub", "sup") and self._scripts:
            self._end_script(self._scripts.pop(), tag)
        elif tag == "q":
            self._inline.append("”")
        elif tag in _HEADINGS:
            self._flush()
            self._heading = 0
        elif tag in ("ul", "ol", "menu"):
            self._flush()
            del self._lists[-1:]
        elif tag == "li":
            self._flush()
            del self._items[-1:]
        elif tag in ("table", "tr", "td", "th"):
            self._end_table(tag)
        elif tag in _BLOCKS:
            self._flush()

    def _end_mark(self, mark: str) -> None:
        if self._inline and self._inline[-1] == mark:
            self._inline.pop()  # nothing between the marks
        else:
            self._inline.append(mark)

    def _end_script(self, began: int, tag: str) -> None:
        words = "".join(self._inline[began:]).strip()
        if not words:
            return
        del self._inline[began:]
        if _GLOSS.search(words) and not (words.startswith("(") and words.endswith(")")):
            # 1st and 2nd are one word; a longer one explains the word before it.
            words = words if words in ("st", "nd", "rd", "th") else f"({words})"
        elif tag == "sup" and words.isalnum():
            words = f"^{words}"  # 10^6; below the line H2O needs nothing
        self._inline.append(words)

    def _end_code(self, code: str) -> None:
        self._pre = None
        language, self._language = self._language, ""
        if not code.strip():
            return
        if self._cell is not None:
            self._cell.append(f"`{_fold(code).strip()}`")
        else:
            self._blocks.append(("code", fenced(code, language)))

    def _end_table(self, tag: str) -> None:
        self._flush()
        if tag == "table" and self._tables:
            self._tables -= 1
            if not self._tables:
                self._write_table()
        elif tag in ("td", "th") and self._tables == 1 and self._cell is not None:
            self._rows[-1].append(_cell_text(self._cell))
            self._cell = None

    def _write_table(self) -> None:
        rows = [(row, head) for row, head in zip(self._rows, self._heads, strict=True) if any(row)]
        self._rows, self._heads, self._cell = [], [], None
        if all(len(row) < 2 for row, _ in rows):  # a table for the looks, not for data
            self._blocks.extend(("text", row[0]) for row, _ in rows)
            return
        lines = []
        for place, (row, head) in enumerate(rows):
            lines.append(f"| {' | '.join(row)} |")
            if place == 0 and head:
                lines.append("|" + "---|" * len(row))
        self._blocks.append(("table", "\n".join(lines)))

    def _flush(self) -> None:
        """Writes the open paragraph as what it stands in: a cell, a heading, an item, itself."""
        text = "".join(self._inline)
        self._inline.clear()
        self._scripts.clear()
        lines = [line for part in text.split("\n") if (line := re.sub(" +", " ", part).strip())]
        if not lines:
            return
        if self._cell is not None:
            self._cell.extend(lines)
        elif self._items:
            self._blocks.append(("item", self._items[-1] + " ".join(lines)))
            self._items[-1] = re.sub(r"\S", " ", self._items[-1])
        elif self._heading:
            self._blocks.append(("heading", "#" * self._heading + " " + " ".join(lines)))
        else:
            self._blocks.append(("text", "\n".join(lines)))

    def finish(self) -> str:
        """The text of all that was told, blocks apart by a blank line."""
        if self._pre is not None:
            self._end_code("".join(self._pre))
        self._flush()
        return join_blocks(self._blocks)


def _alternative(attributes: Mapping[str, str]) -> str:
    """What a picture or formula says in words; a file name as alternative says nothing."""
    words = _fold(attributes.get("alt") or attributes.get("alttext") or "").strip()
    file = attributes.get("src", "").rpartition("/")[2]
    return "" if words in (file, file.rpartition(".")[0]) else words


def _fold(text: str) -> str:
    return _SPACE.sub(" ", text)


def _cell_text(lines: list[str]) -> str:
    """The lines of a cell in one: "a; b"; bullets go, an arrow follows without a semicolon."""
    out = ""
    for line in lines:
        part = _BULLET.sub("", line, count=1) if _BULLET.match(line) else line
        joint = " " if part.startswith(_ARROWS) else "; "
        out += joint + part if out else part
    return out
