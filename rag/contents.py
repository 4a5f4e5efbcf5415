"""What goes into an index, and whether it fits together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from unicodedata import is_normalized

import numpy as np
from numpy.typing import NDArray

from rag.catalogue import PublicName
from rag.types import Chunk, Document


@dataclass(frozen=True, slots=True)
class Group:
    """What was read as one piece: a package, a folder, a page, a note.

    `hash` is of its content, so that a later run can tell whether it changed. `documents` and
    `aliases` are counted by `write_index`.
    """

    id: str
    hash: str
    kind: str
    title: str = ""
    version: str | None = None
    date: str | None = None
    licence: str | None = None
    url: str | None = None
    language: str = "en"
    documents: int = 0
    aliases: int = 0


@dataclass(frozen=True, slots=True)
class IndexContents:
    """All that goes into an index; row i of each sequence belongs to row i of its neighbours.

    `vectors` is (n_chunks, dim) float32 of length 1, `priors` (n_documents,) float32. Chunks
    stand in the order of their documents. `document_groups` gives each document the id of its
    group; it may be empty. `phrasing_chunks` (n_phrasings,) int32 gives each way to ask
    (rag/phrasings.py) the row of its unit, `phrasing_vectors` is (n_phrasings, dim) float32; both
    may be left out.
    """

    documents: Sequence[Document]
    chunks: Sequence[Chunk]
    vectors: NDArray[np.float32]
    chunk_tokens: Sequence[Sequence[str]]
    document_tokens: Sequence[Sequence[str]]
    priors: NDArray[np.float32]
    names: Sequence[PublicName] = ()
    groups: Sequence[Group] = ()
    document_groups: Sequence[str] = ()
    phrasing_chunks: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    phrasing_vectors: NDArray[np.float32] | None = None
    phrasing_tokens: Sequence[Sequence[str]] = ()


def check_contents(contents: IndexContents) -> None:
    """Raise ValueError where lengths, ids or order do not fit, naming what and where."""
    c = contents
    for name, found, wanted in (
        ("vectors", len(c.vectors), len(c.chunks)),
        ("chunk_tokens", len(c.chunk_tokens), len(c.chunks)),
        ("document_tokens", len(c.document_tokens), len(c.documents)),
        ("priors", len(c.priors), len(c.documents)),
        ("document_groups", len(c.document_groups) or len(c.documents), len(c.documents)),
        ("phrasing_vectors", _count(c.phrasing_vectors), len(c.phrasing_chunks)),
        ("phrasing_tokens", len(c.phrasing_tokens), len(c.phrasing_chunks)),
    ):
        if found != wanted:
            raise ValueError(f"there are {found} {name} for {wanted} rows")
    if c.priors.dtype != np.float32 or not np.isfinite(c.priors).all():
        raise ValueError(f"priors must be finite float32, not {c.priors.dtype}")
    ids = {document.id: row for row, document in enumerate(c.documents)}
    if len(ids) != len(c.documents):
        twice = next(d.id for row, d in enumerate(c.documents) if ids[d.id] != row)
        raise ValueError(f"two documents have the id {twice}")
    _check_documents(c)
    _check_chunks(c, ids)
    if not all(0 <= row < len(c.chunks) for row in c.phrasing_chunks):
        raise ValueError("a phrasing belongs to no chunk")
    for entry in c.names:
        if entry.source is not None and entry.source not in ids:
            raise ValueError(f"the name {entry.name} leads to no document: {entry.source}")
        _check_nfc(entry.name, entry.name)


def _count(vectors: NDArray[np.float32] | None) -> int:
    return 0 if vectors is None else len(vectors)


def _check_documents(contents: IndexContents) -> None:
    known = {group.id for group in contents.groups}
    for document in contents.documents:
        for text in (document.id, document.title, document.text, *document.aliases):
            _check_nfc(text, document.id)
    for group in contents.document_groups:
        if group not in known:
            raise ValueError(f"there is no group {group}")


def _check_chunks(contents: IndexContents, ids: Mapping[str, int]) -> None:
    for chunk in contents.chunks:
        if chunk.source not in ids:
            raise ValueError(f"a chunk belongs to no document: {chunk.source}")
        length = len(contents.documents[ids[chunk.source]].text)
        spans = (chunk.start, chunk.end), (chunk.section_start, chunk.section_end)
        if not all(0 <= start <= end <= length for start, end in spans):
            raise ValueError(f"a chunk of {chunk.source} lies outside its {length} characters")
    for before, after in pairwise(contents.chunks):
        if ids[before.source] > ids[after.source]:
            raise ValueError(
                f"chunks must stand in the documents' order: {after.source} after {before.source}"
            )


def _check_nfc(text: str, where: str) -> None:
    if not is_normalized("NFC", text):
        raise ValueError(f"a text of {where} is not NFC")


def counted_groups(contents: IndexContents) -> tuple[Group, ...]:
    """Return the groups with their documents and aliases counted."""
    documents: Counter[str] = Counter()
    aliases: Counter[str] = Counter()
    for group, document in zip(contents.document_groups, contents.documents, strict=False):
        documents[group] += 1
        aliases[group] += len(document.aliases)
    return tuple(
        replace(group, documents=documents[group.id], aliases=aliases[group.id])
        for group in contents.groups
    )
