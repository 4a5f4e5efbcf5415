"""An answer in the making: text pieces with numbered citations, within a budget of characters."""

from __future__ import annotations

from rag.citations import cite
from rag.markup import readable, readable_block
from rag.types import Citation, Document


class Draft:
    """Collects blocks of an answer; the same span is cited once and keeps its number.

    `room` is how many characters are left of the budget.
    """

    def __init__(self, budget: int) -> None:
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

    def cites(self, document: Document, start: int, end: int) -> bool:
        """Whether this span, or one that holds it, is cited already."""
        return any(
            c.source == document.id and c.start <= start and end <= c.end for c in self.citations
        )

    def marker(self, document: Document, start: int, end: int) -> str:
        """The marker of a span, "[2]", as a new citation where it is not cited yet."""
        made = cite(document, start, end, len(self.citations) + 1)
        for known in self.citations:
            if (known.source, known.start, known.end) == (made.source, made.start, made.end):
                return f"[{known.marker}]"
        self.citations.append(made)
        return f"[{made.marker}]"

    def quote(self, document: Document, start: int, end: int) -> str:
        """The span as it is read, in quotation marks, with its marker: “...” [1]."""
        shown = readable(document.text[start:end]).removeprefix("- ").removeprefix("* ")
        return f"“{shown}” {self.marker(document, start, end)}"

    def code(self, document: Document, start: int, end: int) -> str:
        """The span as a block of code with its marker below."""
        shown = dedent(document.text[start:end])
        return f"```\n{shown}\n``` {self.marker(document, start, end)}"

    def add(self, block: str, *, force: bool = False) -> bool:
        """Add a block where it fits; False where there was no room for it."""
        if not force and len(block) > self.room:
            return False
        self.blocks.append(block)
        return True


def dedent(text: str) -> str:
    """Code as it is shown: its common indentation and blank ends removed."""
    import textwrap

    return textwrap.dedent(text.strip("\n")).rstrip()


def shown_length(document: Document, start: int, end: int) -> int:
    """How many characters a quote of this span takes."""
    return len(readable_block(document.text[start:end])) + 8
