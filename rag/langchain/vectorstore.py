"""A LangChain VectorStore for documents of your own: FAISS in memory, saved without pickle.

A saved store is a folder as an index is (rag/storage.py): written beside the old one, put in its
place in one move, every file under a checksum.

    vectors.faiss      one vector a document (rag/dense.py), flat and exact
    documents.jsonl    id, text and metadata, a document a line, in the same order
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings

from rag.dense import DenseIndex
from rag.errors import IndexCorrupt, IndexIncompatible, IndexMissing, UsageError
from rag.langchain.cosine import CosineStore, Floats, unit
from rag.langchain.filters import Filter, read_filter
from rag.storage import (
    REBUILD,
    FileEntry,
    discard,
    new_generation,
    open_generation,
    output_errors,
    publish,
    read_checked,
    retire,
    seal,
    write_synced,
    writer_lock,
)

_FORMAT = "ask-vectorstore-1"
_VECTORS, _DOCUMENTS = "vectors.faiss", "documents.jsonl"
_NEVER = 2**62  # vectors from which a graph would be built: what is removed needs a flat index


class AskVectorStore(CosineStore):
    """Documents by id, found by the cosine of their vectors. Safe to share between threads."""

    def __init__(self, embedding: Embeddings) -> None:
        """Make an empty store; `embedding` makes the vectors, of any length."""
        super().__init__(embedding)
        self._lock = threading.RLock()
        self._dense: DenseIndex | None = None  # None while nothing says how long a vector is
        self._rows: list[Document] = []  # by row of the index
        self._row_of: dict[str, int] = {}

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self._rows)

    # -- writing ---------------------------------------------------------------------------------

    def add_documents(self, documents: list[Document], **kwargs: Any) -> list[str]:
        """Add documents, or put them in the place of those with the same id; returns the ids.

        The ids are `ids`, else those of the documents, else new ones.
        Raises UsageError where there are not as many ids as documents.
        """
        ids = kwargs.pop("ids", None) or [document.id for document in documents]
        texts = [document.page_content for document in documents]
        return self.add_texts(texts, [d.metadata for d in documents], ids=ids, **kwargs)

    def add_texts(
        self, texts: Iterable[str], metadatas: list[dict[str, Any]] | None = None, *,
        ids: Sequence[str | None] | None = None, **kwargs: Any,
    ) -> list[str]:  # fmt: skip
        """Add texts with their metadata and ids, each list as long as the texts."""
        contents = list(texts)
        metadata = metadatas if metadatas is not None else [{} for _ in contents]
        given = ids if ids is not None else [None] * len(contents)
        if not len(contents) == len(metadata) == len(given):
            raise UsageError(
                f"there are {len(contents)} texts, {len(metadata)} metadata and {len(given)} ids"
            )
        names = [one or str(uuid.uuid4()) for one in given]
        made = [
            Document(id=name, page_content=text, metadata=dict(more))
            for name, text, more in zip(names, contents, metadata, strict=True)
        ]
        # Of one id given twice, the last counts.
        last = {document.id: row for row, document in enumerate(made)}
        keep = [row for row, document in enumerate(made) if last[document.id] == row]
        if keep:
            vectors = unit(self._embedding.embed_documents([contents[row] for row in keep]))
            self._put([made[row] for row in keep], vectors)
        return names

    def _put(self, documents: Sequence[Document], vectors: Floats) -> None:
        if len(vectors) != len(documents):
            raise UsageError(f"{len(documents)} texts gave {len(vectors)} vectors")
        with self._lock:
            if self._dense is None:
                self._dense = DenseIndex.build(vectors[:0], hnsw_from=_NEVER)
            elif self._dense.dimension != vectors.shape[1]:
                raise UsageError(
                    f"the vectors have {vectors.shape[1]} numbers, those of the store "
                    f"{self._dense.dimension}; use the embedding model that it was made with"
                )
            self.delete([str(document.id) for document in documents])
            self._dense.add(vectors)
            self._rows.extend(documents)
            self._number()

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool:
        """Remove the documents with these ids, all of them by default; unknown ones are no error."""
        with self._lock:
            if ids is None:
                self._dense, self._rows = None, []
            gone = {self._row_of[one] for one in ids or () if one in self._row_of}
            if gone and self._dense is not None:
                self._dense.remove(sorted(gone))
                self._rows = [d for row, d in enumerate(self._rows) if row not in gone]
            self._number()
        return True

    def _number(self) -> None:
        self._row_of = {str(document.id): row for row, document in enumerate(self._rows)}

    @classmethod
    def from_texts(
        cls, texts: list[str], embedding: Embeddings, metadatas: list[dict[str, Any]] | None = None,
        *, ids: list[str] | None = None, **kwargs: Any,
    ) -> Self:  # fmt: skip
        """A store of these texts."""
        store = cls(embedding)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    # -- reading ---------------------------------------------------------------------------------

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The documents with these ids, in that order, without those that there are not."""
        with self._lock:
            rows = [self._row_of[one] for one in ids if one in self._row_of]
            return [_copy(self._rows[row]) for row in rows]

    def _nearest(
        self, vector: Floats, k: int, given: Filter
    ) -> list[tuple[Document, float, Floats]]:
        fits = read_filter(given)
        with self._lock:
            if self._dense is None:
                return []
            if len(vector) != self._dense.dimension:
                raise UsageError(
                    f"the vector has {len(vector)} numbers, those of the store "
                    f"{self._dense.dimension}"
                )
            only = None
            if given is not None:
                fitting = [row for row, d in enumerate(self._rows) if fits(d.metadata)]
                only = np.array(fitting, np.int64)
            scores, rows = self._dense.search(vector[None], k, only)
            vectors = self._dense.vectors(rows[0])
            return [
                (_copy(self._rows[row]), float(score), one)
                for row, score, one in zip(rows[0], scores[0], vectors, strict=True)
            ]

    # -- on disk ---------------------------------------------------------------------------------

    def save_local(self, folder: str | Path) -> None:
        """Write the store into `folder`; what was saved there before stays until this is whole.

        Raises UsageError for metadata that is no JSON, IndexLocked, OutputError.
        """
        path = Path(folder)
        with self._lock, writer_lock(path), output_errors(path):
            lines = [_line(document) for document in self._rows]
            generation = new_generation(path)
            try:
                write_synced(generation / _DOCUMENTS, "".join(lines).encode("utf-8"))
                names: tuple[str, ...] = (_DOCUMENTS,)
                if self._dense is not None:
                    self._dense.save(generation / _VECTORS)
                    names = (_DOCUMENTS, _VECTORS)
                manifest = {
                    "format": _FORMAT,
                    "count": len(self._rows),
                    "dimension": self._dense.dimension if self._dense is not None else None,
                    "files": {name: asdict(one) for name, one in seal(generation, names).items()},
                }
                publish(path, generation, json.dumps(manifest).encode(), lambda step: None)
            except BaseException:
                discard(path, generation)
                raise
            retire(path, generation)

    @classmethod
    def load_local(cls, folder: str | Path, embedding: Embeddings) -> Self:
        """The store that `save_local` wrote into `folder`, having compared every checksum.

        Raises IndexMissing, IndexCorrupt, or IndexIncompatible where something else lies there.
        """
        path = Path(folder)
        store = cls(embedding)
        try:
            generation, raw = open_generation(path)
            manifest = json.loads(raw)
            if not isinstance(manifest, Mapping) or manifest.get("format") != _FORMAT:
                raise IndexIncompatible(f"{path} holds no {_FORMAT}; give the folder of a store")
            files = {name: FileEntry(**one) for name, one in manifest["files"].items()}
            lines = read_checked(generation, _DOCUMENTS, files).decode("utf-8").splitlines()
            store._rows = [_document(line) for line in lines]
            if manifest["dimension"] is not None:
                store._dense = DenseIndex.load(
                    read_checked(generation, _VECTORS, files),
                    count=len(store._rows), dimension=manifest["dimension"],
                )  # fmt: skip
        except IndexMissing as error:
            raise IndexMissing(f"there is no store at {path}; write one with save_local") from error
        except IndexCorrupt as error:
            told = str(error).removesuffix(f"; {REBUILD}")
            raise IndexCorrupt(f"{told}; write the store again with save_local") from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IndexCorrupt(f"the store at {path} cannot be read: {error}") from error
        store._number()
        return store


def _copy(document: Document) -> Document:
    """The document, so that who gets it cannot change the store's."""
    return document.model_copy(update={"metadata": dict(document.metadata)})


def _line(document: Document) -> str:
    form = {"id": document.id, "text": document.page_content, "metadata": document.metadata}
    try:
        # U+2028 and its kin would end a line for others; ASCII has no such doubts.
        return json.dumps(form, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"the metadata of document {document.id!r} cannot be saved as JSON: {error}"
        ) from error


def _document(line: str) -> Document:
    form = json.loads(line)
    return Document(id=form["id"], page_content=form["text"], metadata=form["metadata"])
