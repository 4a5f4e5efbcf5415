"""A docstring as its parts: signature, summary, parameters, notes, examples.

Its blocks (rag/docblocks.py) are cut into what can be quoted alone: sentences, entries, listings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.docblocks import BULLET, Block, blocks
from rag.markup import readable
from rag.text import belongs, joined, sentences
from rag.types import Chunk, Document, Role

_LONG = 320  # characters; a longer parameter or bullet is cut into its sentences
_CODE = 1_200
_ANNOUNCED = 420  # at most this many characters of an announcement with what it announces
_SECTION = 2_400  # characters of a docstring that is read as one piece
_RECORD = 400


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
                for block in blocks(text)
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


def _spans(text: str, block: Block) -> Iterator[tuple[int, int]]:
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
    if block.whole or short or (BULLET.match(text[start:end]) and end - start <= _LONG):
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
