"""An invented package, `toolkit`, and pages about an invented product, Korvia, in both languages.

Nothing here is in any corpus, so what an answer says of it can only come from these texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from rag.catalogue import PublicName
from rag.chunking import chunk_document
from rag.contents import Group, IndexContents
from rag.encoders import Encoder
from rag.index import Index, read_index
from rag.indexwriter import write_index
from rag.ingestion import CHUNKING, chunk_tokens, document_tokens
from rag.phrasings import Phrasing, attach
from rag.prior import count_mentions, prior
from rag.text import search_tokens
from rag.types import Answer, Document

FOLD = """toolkit.fold(sheets, axis=0, *, crease=0.25, out=None) -> Sheet

Folds a sequence of sheets along a new axis.

All sheets need to have the same size.

Args:
    sheets (sequence of Sheets): the sheets to fold together
    axis (int, optional): the axis to insert, between 0 and the number of axes. Default: 0
    crease (float, optional): how sharp the edge is, in millimetres. Default: ``0.25``

Keyword args:
    out (Sheet, optional): where the folded sheet is written.

Returns:
    one sheet with one axis more than the sheets that were given

Raises:
    SheetError: if the sheets differ in size

Example::

    >>> a = toolkit.sheet(2, 3)
    >>> toolkit.fold((a, a)).size()
    (2, 2, 3)
    >>> toolkit.fold((a, a), axis=1).size()
    (2, 2, 3)
"""
GLUE = """toolkit.glue(sheets, axis=0) -> Sheet

Glues sheets together along an axis that they already have.

See also :func:`toolkit.fold`, which makes a new axis.

Args:
    sheets (sequence of Sheets): the sheets to glue
    axis (int, optional): the axis along which they are joined. Default: 0
"""
PRESS = """toolkit.press.Press(force: float = 2.5, plates: int = 2, warm: bool = False)

Presses sheets flat between heated plates.

Args:
    force (float): how hard the plates push, in kilonewtons. Default: ``2.5``
    plates (int): number of plates
    warm (bool): if ``True``, the plates are heated before the first sheet. Default: ``False``

Shape:
    - Input: :math:`(N, W)` where W is the width of the sheet
    - Output: :math:`(N, W)`, as the input

Example::

    >>> press = toolkit.press.Press(force=4.0)
    >>> press(toolkit.sheet(2, 3))
    Sheet(2, 3)
"""
STEP = """toolkit.press.Press.step(count=1)

Moves the plates of the press one position further.

This method does not return a value.

Args:
    count (int): how many positions. Default: 1
"""
GLIDER = """toolkit.optim.GliderOptimizer(params, rate=0.003, *, drag=0.1)

Implements the Glider rule, which lets weights sail down a slope.

Args:
    params (iterable): weights that are moved. Each is changed in place.
    rate (float, optional): how far one move goes (default: 0.003)
    drag (float, optional): how much of the last move is kept (default: 0.1)
"""
GLIDER_STEP = """toolkit.optim.GliderOptimizer.step() -> None

Performs one move of all weights.
"""
INNER_FOLD = """toolkit.inner.remote.spread.fold(handle) -> Handle

Collects folded pieces from all remote workers.
"""
SHEET_GLUE = """toolkit.Sheet.glue(other) -> Sheet

See :func:`toolkit.glue`
"""

SYMBOLS = {
    "toolkit.fold": FOLD,
    "toolkit.glue": GLUE,
    "toolkit.press.Press": PRESS,
    "toolkit.press.Press.step": STEP,
    "toolkit.optim.GliderOptimizer": GLIDER,
    "toolkit.optim.GliderOptimizer.step": GLIDER_STEP,
    "toolkit.inner.remote.spread.fold": INNER_FOLD,
    "toolkit.Sheet.glue": SHEET_GLUE,
}
ALIASES = {"toolkit.press.Press": ("py:toolkit.Press",)}
UNDOCUMENTED = ("toolkit.press.Ghost", "toolkit.press", "toolkit")

GUIDE = """# Korvia workshop guide

## Starting the machine

Turn the green handle of Korvia to the left and wait for two short beeps before you load paper.

The first start takes about 40 seconds, because the drum has to reach 65 degrees.

## Cleaning the drum

Wipe the drum of Korvia with a dry cotton cloth once a week. Never use water or alcohol on it.

## History

Korvia was first sold in 1987 by the brothers Anton and Emil Faber in Lindau.
"""
GUIDE_KO = """# 코르비아 작업장 안내서

## 기계 켜기

코르비아의 초록 손잡이를 왼쪽으로 돌리고, 짧은 신호음이 두 번 울린 뒤에 종이를 넣습니다.

처음 켤 때는 드럼이 65도까지 데워져야 하기 때문에 약 40초가 걸립니다.

## 드럼 청소

코르비아의 드럼은 일주일에 한 번 마른 면 수건으로 닦습니다. 물이나 알코올은 절대 쓰지 않습니다.

## 역사

코르비아는 1987년에 린다우에서 안톤 파버와 에밀 파버 형제가 처음 팔았습니다.
"""
ALMANAC = """# Machine almanac

- The Machine almanac calls Korvia a printer in its edition of 2024.
- 기계 연감은 2024년 판에서 코르비아를 프린터라고 부른다.
"""
GAZETTE = """# Paper gazette

- The Paper gazette describes Korvia as a computer, because it works without paper too.
- 종이 신문은 코르비아를 컴퓨터라고 부른다. 종이 없이도 일하기 때문이다.
"""


def symbol(name: str, text: str) -> Document:
    """The documentation of one object of toolkit 1.4."""
    return Document(
        f"py:{name}", name, text.strip(), "symbol", "docstring", "en",
        f"https://toolkit.example/{name}", "toolkit 1.4", None, "MIT", ALIASES.get(name, ()),
    )  # fmt: skip


def page(
    id_: str, title: str, text: str, date: str | None = None, language: str = "en"
) -> Document:
    """A page in Markdown."""
    return Document(
        id_, title, text.strip(), "page" if id_.startswith("web:") else "file", "markdown",
        "ko" if language == "ko" else "en", None, None, date,
    )  # fmt: skip


def documents() -> list[Document]:
    """Everything, symbols first."""
    return [
        *(symbol(name, text) for name, text in SYMBOLS.items()),
        page("file:guide.md", "Korvia workshop guide", GUIDE),
        page("file:안내서.md", "코르비아 작업장 안내서", GUIDE_KO, language="ko"),
        page("web:almanac.example", "Machine almanac", ALMANAC, "2024-05-01"),
        page("web:gazette.example", "Paper gazette", GAZETTE, "2021-11-20"),
    ]


def build(
    path: Path, encoder: Encoder, found: Sequence[Document], known: Iterable[str] = UNDOCUMENTED,
    phrasings: Mapping[str, Sequence[Phrasing]] = MappingProxyType({}),
) -> Index:  # fmt: skip
    """An index of `found` at `path`, made of the same pieces as `ingest` makes it."""
    chunks = [chunk for document in found for chunk in chunk_document(document)]
    texts = {document.id: document.text for document in found}
    mentions = count_mentions(found)
    asked = attach(chunks, texts, phrasings)
    names = [
        PublicName(id_.partition(":")[2], d.id, prior(d, mentions))
        for d in found
        if d.kind == "symbol"
        for id_ in (d.id, *d.aliases)
    ]
    contents = IndexContents(
        documents=found,
        chunks=chunks,
        vectors=encoder.encode_documents([chunk.record for chunk in chunks]),
        chunk_tokens=[chunk_tokens(c, texts[c.source][c.start : c.end]) for c in chunks],
        document_tokens=[document_tokens(document) for document in found],
        priors=np.array([prior(d, mentions) for d in found], np.float32),
        names=[*names, *(PublicName(name, None) for name in known)],
        groups=[
            Group("py:toolkit", "0", "package", "toolkit 1.4", "1.4"),
            Group("file:pages", "0", "files", "pages"),
        ],
        document_groups=["py:toolkit" if d.kind == "symbol" else "file:pages" for d in found],
        phrasing_chunks=np.array([one.row for one in asked], np.int32),
        phrasing_vectors=(encoder.encode_documents([one.text for one in asked]) if asked else None),
        phrasing_tokens=[search_tokens(one.text) for one in asked],
    )
    write_index(
        path, contents, encoder_name=encoder.name, encoder_fingerprint=encoder.fingerprint,
        chunking_version=CHUNKING,
    )  # fmt: skip
    return read_index(path, encoder.fingerprint)


def texts_of(index: Index, answer: Answer) -> Mapping[str, str]:
    """The texts of the sources that an answer cites, by id, for `rag.citations.faults`."""
    found = {c.source: index.find_document(c.source) for c in answer.citations}
    return {id_: pair[1].text for id_, pair in found.items() if pair is not None}
