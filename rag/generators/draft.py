"""An answer in the making: text blocks with numbered citations, within a budget of characters."""

from __future__ import annotations

import textwrap

from rag.citations import cite
from rag.markup import readable
from rag.types import Chunk, Citation, Document


class Draft:
    """Collects the blocks of an answer; what does not fit is neither shown nor numbered."""

    def __init__(self, budget: int) -> None:
        """`budget` is how many characters the answer may take."""
        self.budget = budget
        self.blocks: list[str] = []
        self.citations: list[Citation] = []

    @property
    def room(self) -> int:
        """Characters left."""
        return self.budget - sum(len(block) + 1 for block in self.blocks)

    @property
    def text(self) -> str:
        """The answer so far."""
        return "\n".join(self.blocks).strip()

    def say(self, line: str) -> None:
        """Add a line of our own."""
        self.blocks.append(line)

    def cites(self, document: Document, chunk: Chunk) -> bool:
        """Whether this unit, or one that holds it, is cited already."""
        return any(
            c.source == document.id and c.start <= chunk.start and chunk.end <= c.end
            for c in self.citations
        )

    def quote(
        self, document: Document, chunk: Chunk, *, lead: str = "", force: bool = False
    ) -> bool:
        """Add the unit as it is read, in quotation marks: `lead “...” [1]`.

        False, and nothing added, where it does not fit (and is not forced) or is cited already.
        """
        shown = shown_quote(document, chunk)
        line = f"{lead} “{shown}”".strip()
        if self.cites(document, chunk) or (len(line) + 6 > self.room and not force):
            return False
        self.blocks.append(f"{line} {self._marker(document, chunk.start, chunk.end)}")
        return True

    def code(self, document: Document, start: int, end: int) -> bool:
        """Add the span as a block of code; False where it does not fit."""
        shown = textwrap.dedent(document.text[start:end].strip("\n")).rstrip()
        if len(shown) + 16 > self.room or not shown:
            return False
        self.blocks.append(f"```\n{shown}\n``` {self._marker(document, start, end)}")
        return True

    def state(self, line: str, document: Document, chunk: Chunk, *, quoted: bool = True) -> None:
        """Add a statement of ours with the unit that proves it, quoted behind it or only cited."""
        proof = f" “{shown_quote(document, chunk)}”" if quoted else ""
        self.blocks.append(f"{line}{proof} {self._marker(document, chunk.start, chunk.end)}")

    def _marker(self, document: Document, start: int, end: int) -> str:
        made = cite(document, start, end, len(self.citations) + 1)
        for known in self.citations:
            if (known.source, known.start, known.end) == (made.source, made.start, made.end):
                return f"[{known.marker}]"
        self.citations.append(made)
        return f"[{made.marker}]"


def shown_quote(document: Document, chunk: Chunk) -> str:
    """A unit as it is read: on one line, without markup and without the dash of a list."""
    return readable(document.text[chunk.start : chunk.end]).removeprefix("- ").removeprefix("* ")
