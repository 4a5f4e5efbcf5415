"""A document as small units to find, each inside the larger section that is read.

A unit can be quoted alone: a sentence or two of a paragraph, a list item, a table row, a block of
code. Units never overlap, stand in the order of the text, and together hold all of it but its
marks (`#`, `-`, `|`, fences) and the headings that have a text below them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from rag.blocks import Block, Section, Span, plain, read_sections, stripped
from rag.text import belongs, fold, has_hangul, joined, language_of, sentences
from rag.types import Chunk, Document, Role

_LEANING = 320  # characters up to which a sentence is kept with the one that it leans on
_LONG = 600  # where nothing ends a sentence for so long, the end of a line or word does
_CODE = 1_200
_SECTION = 2_500
_RECORD = 400
# Up to this many characters a block is one unit; a longer one is cut into its sentences.
_WHOLE = {"heading": _LONG, "paragraph": 0, "item": 320, "row": 1_000}
_ROLES: dict[str, Role] = {"row": "table", "code": "code"}

_PARTS_OF_LETTERS = re.compile("[\u1160-\u11ff\ud7b0-\ud7ff\u200c\u200d]")


def chunk_document(document: Document) -> list[Chunk]:
    """The units of a document, in the order of its text; none where it has no text."""
    if document.format == "docstring":
        from rag.docstrings import docstring_chunks

        return docstring_chunks(document)
    text = document.text
    if document.format == "code":
        sections = [Section((), [Block("code", 0, len(text), (0, len(text)))])]
    else:
        sections = read_sections(text, marked=document.format == "markdown")
    chunks: list[Chunk] = []
    for i, section in enumerate(sections):
        after = sections[i + 1].path if i + 1 < len(sections) else ()
        chunks.extend(_chunks(document, section, after))
    return chunks


def _chunks(document: Document, section: Section, after: tuple[str, ...]) -> Iterator[Chunk]:
    blocks = section.blocks
    # A heading that has nothing below it, not even a deeper one, is a unit itself.
    bare = len(blocks) == 1 and after[: len(section.path)] != section.path
    spans = [(block.start, block.end) for block in blocks]
    for place, block in enumerate(blocks):
        if block.kind == "heading" and not bare:
            continue
        units = list(_units(document.text, block))
        around = _section_span(spans, place)
        for i, (start, end) in enumerate(units):
            window = around or _window(units, i)
            unit = document.text[start:end]
            yield Chunk(
                source=document.id,
                role=_ROLES.get(block.kind, "text"),
                language=language_of(unit),
                heading=" > ".join(section.path),
                name=section.path[-1] if section.path else "",
                start=start,
                end=end,
                section_start=window[0],
                section_end=window[1],
                record=_record(document.title, section.path, block, unit),
            )


# -- units -------------------------------------------------------------------------------------


def _units(text: str, block: Block) -> Iterator[Span]:
    if block.kind == "code":
        yield from _split(text, block.inner, _CODE)
        return
    whole = _WHOLE[block.kind]
    if block.kind == "item" and has_hangul(text[slice(*block.inner)]):
        whole //= 2  # Hangul says the same in half as many characters
    for piece in _sentences(text, block.inner, whole):
        yield from _split(text, piece, max(whole, _LONG))


def _sentences(text: str, span: Span, whole: int) -> list[Span]:
    """The span itself up to `whole` characters, else its sentences, very short ones joined."""
    start, end = span
    if end - start <= whole:
        return [span]
    found = [(start + left, start + right) for left, right in sentences(text[start:end])]
    return joined(found, lambda before, after: _belong(text, before, after))


def _belong(text: str, before: Span, after: Span) -> bool:
    return _cuts_letter(text, after[0]) or belongs(text, before, after, _LEANING)


def _cuts_letter(text: str, place: int) -> bool:
    """Whether a letter and its mark, or the parts of a Hangul syllable, meet at `place`."""
    if place <= 0 or place >= len(text) or text[place - 1].isspace():
        return False
    after = text[place]
    return unicodedata.category(after)[0] == "M" or bool(_PARTS_OF_LETTERS.match(after))


def _split(text: str, span: Span, limit: int) -> Iterator[Span]:
    """The span in pieces of at most `limit` characters that end where lines or words do.

    A single word is never cut, however long it is.
    """
    start, end = stripped(text, *span)
    if end - start <= limit:
        if start < end:
            yield start, end
        return
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        separators=["\n\n", "\n", " "],
        chunk_size=limit,
        chunk_overlap=0,
        add_start_index=True,
    )
    for piece in splitter.create_documents([text[start:end]]):
        left = start + int(piece.metadata["start_index"])
        yield left, left + len(piece.page_content)


# -- sections ----------------------------------------------------------------------------------


def _section_span(blocks: Sequence[Span], place: int) -> Span | None:
    """The section where it is short, else the blocks around this one; None for a giant block."""
    if blocks[-1][1] - blocks[0][0] <= _SECTION:
        return blocks[0][0], blocks[-1][1]
    if blocks[place][1] - blocks[place][0] > _SECTION:
        return None
    return _window(blocks, place)


def _window(spans: Sequence[Span], place: int) -> Span:
    """From the span at `place` to its neighbours, after and before in turn, while they fit."""
    first = last = place
    grown = True
    while grown:
        grown = False
        if last + 1 < len(spans) and spans[last + 1][1] - spans[first][0] <= _SECTION:
            last, grown = last + 1, True
        if first > 0 and spans[last][1] - spans[first - 1][0] <= _SECTION:
            first, grown = first - 1, True
    return spans[first][0], spans[last][1]


# -- records -----------------------------------------------------------------------------------


def _record(title: str, path: Sequence[str], block: Block, unit: str) -> str:
    """ "title > heading: what leads to it: the unit", without marks, cut to a short text."""
    where = shortened(" > ".join(_steps(title, path)), 160)
    words = fold(unit) if block.kind == "code" else plain(unit)
    if block.header and len(block.cells) == len(block.header):
        pairs = zip(block.header, block.cells, strict=True)
        words = "; ".join(f"{head}: {cell}" if head else cell for head, cell in pairs if cell)
    lead = block.lead.rstrip(":： ")
    return shortened(": ".join(part for part in (where, lead, words) if part), _RECORD)


def _steps(title: str, path: Sequence[str]) -> list[str]:
    """Title and headings; of a title and a first heading that say the same, the fuller one."""
    steps = [step for step in (title, *path) if step]
    if len(steps) > 1:
        first, second = (set(re.findall(r"\w+", step.lower())) for step in steps[:2])
        if second <= first:
            del steps[1]
        elif first <= second:
            del steps[0]
    return steps


def shortened(text: str, limit: int) -> str:
    """The first `limit` characters, up to a word end where one is near."""
    if len(text) <= limit:
        return text
    space = text.rfind(" ", limit - limit // 3, limit + 1)
    at = space if space >= 0 else limit
    while _cuts_letter(text, at):
        at -= 1
    return text[:at].rstrip()
