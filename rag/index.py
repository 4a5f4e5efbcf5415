"""The index: a directory of open formats, written whole, checked whole, then only read.

    manifest.json       what it was made from and by what, and the checksum of every other file
    documents.sqlite    documents, chunks, public names (rag/catalogue.py)
    dense.faiss         one vector a chunk (rag/dense.py)
    phrasings.*         vectors and BM25 of ways to ask for a chunk (rag/phrasings.py)
    chunks.*, documents.*   BM25 over the chunks and over whole documents (rag/sparse.py)
    *.npy               small arrays by row

A chunk's row is the same number everywhere: in SQLite, in faiss and in the arrays. The chunks of
a document are contiguous and in the documents' order. Where the files lie, and how an old index
is replaced by a new one, is told in rag/storage.py; rag/indexwriter.py writes, here it is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from rag.catalogue import Catalogue, DocumentHead, FoundName
from rag.dense import DenseIndex
from rag.errors import IndexCorrupt, IndexError_, IndexIncompatible
from rag.indexmanifest import ARRAYS, LANGUAGES, PHRASINGS, ROLES, TEXTS, VECTORS, Manifest
from rag.sparse import SparseIndex, load_array
from rag.storage import REBUILD, check_file, is_current, open_generation, read_checked
from rag.types import Chunk, Document

_RETRIES = 5


def read_index(path: Path, encoder_fingerprint: str | None) -> Index:
    """Open the index at `path`, having compared every file with its checksum.

    `encoder_fingerprint` is of the encoder that will make the queries' vectors; None skips that
    comparison. Raises IndexMissing, IndexCorrupt or IndexIncompatible.
    """
    for _ in range(_RETRIES):
        folder, raw = open_generation(path)
        try:
            return _read_generation(path, folder, raw, encoder_fingerprint)
        except (FileNotFoundError, NotADirectoryError, IndexCorrupt) as error:
            # While these files were read, a writer may have put another generation in place and
            # removed this one. Only then is there something else to try.
            if not is_current(path, folder):
                continue
            if isinstance(error, OSError):
                message = f"{error.filename} is missing; {REBUILD}"
                raise IndexCorrupt(message) from error
            raise
    raise IndexCorrupt(f"the index at {path} is replaced faster than it can be read")


def named_groups(path: Path) -> list[str]:
    """The ids of what was read into the index at `path`, also where this version cannot read it;
    empty where there is none or nothing is left of it."""
    try:
        _, raw = open_generation(path)
        return [str(group["id"]) for group in json.loads(raw)["groups"]]
    except (IndexError_, OSError, ValueError, KeyError, TypeError):
        return []


def _read_generation(path: Path, folder: Path, raw: bytes, fingerprint: str | None) -> Index:
    manifest = Manifest.from_json(raw)
    if fingerprint not in (None, manifest.encoder_fingerprint):
        raise IndexIncompatible(
            f"the index at {path} was made with the encoder {manifest.encoder}"
            f" ({manifest.encoder_fingerprint}), the one in use is {fingerprint}; {REBUILD}"
        )
    if (manifest.roles, manifest.languages) != (ROLES, LANGUAGES):
        raise IndexIncompatible(
            f"the index at {path} knows the roles and languages {manifest.roles},"
            f" {manifest.languages}, this version {ROLES}, {LANGUAGES}; {REBUILD}"
        )
    # hashlib and the disk work without the interpreter's lock, so two threads halve the time.
    with ThreadPoolExecutor(2) as pool:
        checks = {
            name: pool.submit(_checked, folder, name, manifest) for name in _by_size(manifest)
        }
        data = {name: check.result() for name, check in checks.items()}
    catalogue = Catalogue(folder / TEXTS)
    try:
        index = Index(manifest, catalogue, data.pop)
        index.check()
    except IndexCorrupt as error:
        catalogue.close()
        raise IndexCorrupt(f"{folder}: {error}; {REBUILD}") from error
    return index


def _by_size(manifest: Manifest) -> list[str]:
    return sorted(manifest.files, key=lambda name: manifest.files[name].size, reverse=True)


def _checked(folder: Path, name: str, manifest: Manifest) -> bytes:
    if name == TEXTS:  # SQLite reads the pages it needs, so the file is not kept
        check_file(folder, name, manifest.files)
        return b""
    return read_checked(folder, name, manifest.files)


class Index:
    """An open index. Safe to share between threads; close it, or use it in a `with`.

    `chunk_documents` (n_chunks,) int32 gives each chunk its document's row; `chunk_roles` and
    `chunk_languages` (n_chunks,) uint8 are positions in ROLES and LANGUAGES; `priors`
    (n_documents,) float32; `phrasing_chunks` (n_phrasings,) int32 gives each phrasing its chunk.
    """

    def __init__(
        self, manifest: Manifest, catalogue: Catalogue, read: Callable[[str], bytes]
    ) -> None:
        """Put the parts together; `read` gives a file's checked bytes. See `read_index`."""
        self.manifest = manifest
        self.texts = catalogue
        self.n_documents = manifest.n_documents
        self.n_chunks = manifest.n_chunks
        self.dense = DenseIndex.load(
            read(VECTORS), count=manifest.n_chunks, dimension=manifest.dimension
        )
        self.chunk_sparse = SparseIndex.read(read, "chunks")
        self.document_sparse = SparseIndex.read(read, "documents")
        self.phrasing_dense = DenseIndex.load(
            read(PHRASINGS), count=manifest.n_phrasings, dimension=manifest.dimension
        )
        self.phrasing_sparse = SparseIndex.read(read, "phrasings")
        arrays = [load_array(read(name), name) for name in ARRAYS]
        self.chunk_documents, self.chunk_roles, self.chunk_languages = arrays[:3]
        self.priors, self.phrasing_chunks = arrays[3:]
        # Row i to i + 1 of this are the chunks of document i.
        self._bounds = np.searchsorted(self.chunk_documents, np.arange(self.n_documents + 1))

    def check(self) -> None:
        """Raise IndexCorrupt unless all parts have the same rows."""
        arrays = (
            self.chunk_documents, self.chunk_roles, self.chunk_languages, self.priors,
            self.phrasing_chunks,
        )  # fmt: skip
        owners = self.chunk_documents
        fits = (
            [array.dtype.type for array in arrays] == list(ARRAYS.values())
            and {len(array) for array in arrays[:3]} == {self.n_chunks}
            and len(self.priors) == self.n_documents
            and {len(self.phrasing_chunks), self.phrasing_sparse.count}
            == {self.manifest.n_phrasings}
            and _within(self.phrasing_chunks, self.n_chunks)
            and (self.texts.n_documents, self.texts.n_chunks) == (self.n_documents, self.n_chunks)
            and (self.document_sparse.count, self.chunk_sparse.count)
            == (self.n_documents, self.n_chunks)
            and bool((np.diff(owners) >= 0).all())
            and _within(owners, self.n_documents)
        )
        if not fits:
            raise IndexCorrupt("the parts of the index do not fit together")

    def chunks(self, rows: Iterable[int]) -> list[Chunk]:
        """Return the chunks at `rows`, in that order; raises IndexError where there is none."""
        return self.texts.chunks(rows)

    def chunk_rows_of(self, document_row: int) -> range:
        """Return the rows of a document's chunks; raises IndexError where there is none."""
        if not 0 <= document_row < self.n_documents:
            raise IndexError(f"no document {document_row}: there are {self.n_documents}")
        return range(int(self._bounds[document_row]), int(self._bounds[document_row + 1]))

    def document(self, row: int) -> Document:
        """Return the document at `row`; raises IndexError where there is none."""
        return self.texts.document(row)

    def find_document(self, id_or_alias: str) -> tuple[int, Document] | None:
        """Return row and document for an id, or for an alias where no id is so called."""
        row = self.texts.find(id_or_alias)
        return None if row is None else (row, self.texts.document(row))

    def document_heads(self, rows: Iterable[int]) -> list[DocumentHead]:
        """Return everything but the text of the documents at `rows`, in that order."""
        return self.texts.heads(rows)

    def documents_of(self, group: str) -> Iterator[Document]:
        """Yield the documents of a group of the manifest, for a run that need not read it again."""
        return self.texts.documents_of(group)

    def group_heads(self, group: str) -> list[DocumentHead]:
        """Return everything but the text of the documents of a group of the manifest, by row."""
        return self.texts.heads_of(group)

    def lookup_name(self, name: str) -> list[FoundName]:
        """Return what is known of exactly this public name; empty where it is unknown."""
        return self.texts.names(name)

    def names_ending(self, ending: str, *, ignore_case: bool = False) -> list[FoundName]:
        """Return the public names whose last components are `ending`, the greatest prior first."""
        return self.texts.names_ending(ending, ignore_case=ignore_case)

    def all_names(self) -> tuple[str, ...]:
        """Return every public name in order, for suggestions; read on the first call only."""
        return self.texts.all_names()

    def sources(self, pattern: str = "") -> list[DocumentHead]:
        """Return the documents whose id or title holds `pattern`, or whose id fits it with *."""
        return self.texts.sources(pattern)

    def close(self) -> None:
        """Close the file of texts; the arrays stay usable."""
        self.texts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _within(rows: NDArray[np.integer[Any]], count: int) -> bool:
    """Whether all of them are rows of something that has `count`."""
    return not len(rows) or bool(rows.min() >= 0 and rows.max() < count)
