"""The index of `ask` as a LangChain VectorStore: its units, found by meaning alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from rag.catalogue import DocumentHead
from rag.encoders import Encoder, load_encoder
from rag.errors import UsageError
from rag.index import Index, read_index
from rag.indexmanifest import LANGUAGES, ROLES
from rag.langchain.cosine import CosineStore, Floats
from rag.langchain.embeddings import AskEmbeddings
from rag.langchain.filters import Filter, read_filter

_HEAD = "id title kind url version date licence aliases".split()


class IndexVectorStore(CosineStore):
    """A unit is a document: a paragraph, a parameter, an example; `ask ingest` writes them.

    The metadata say where it stands: `source`, `start` and `end` of `Pipeline.show(source).text`,
    `title`, `kind`, `url`, `version`, `date`, `licence`, `aliases`, `heading`, `name`, `role`,
    `language`. A filter sees all but `start`, `end`, `heading` and `name`. For better results than
    by meaning alone use AskRetriever.
    """

    def __init__(self, index: Index, encoder: Encoder) -> None:
        """Put an open index and the encoder that made it together; `open` finds them."""
        super().__init__(AskEmbeddings(encoder=encoder))
        self._index = index

    @classmethod
    def open(
        cls, path: str | Path | None = None, *, encoder: str | None = None
    ) -> IndexVectorStore:
        """Open the index at `path`, the user's own by default; raises as `rag.read_index` does."""
        from rag.config import index_folder

        model = load_encoder(encoder)
        folder = Path(path) if path is not None else index_folder()
        return cls(read_index(folder, model.fingerprint), model)

    def close(self) -> None:
        """Close the index."""
        self._index.close()

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """The units with these ids, in that order, without those that there are not."""
        return self._documents([row for one in ids if (row := self._row(one)) is not None])

    def _row(self, id_: str) -> int | None:
        source, _, number = id_.rpartition("#")
        document = self._index.texts.find(source)
        if document is None or not (number.isascii() and number.isdigit()):
            return None
        rows = self._index.chunk_rows_of(document)
        return rows[int(number)] if int(number) < len(rows) else None

    def _nearest(
        self, vector: Floats, k: int, given: Filter
    ) -> list[tuple[Document, float, Floats]]:
        index = self._index
        if len(vector) != index.dense.dimension:
            raise UsageError(
                f"the vector has {len(vector)} numbers, those of the index {index.dense.dimension}"
            )
        only = None if given is None else self._fitting(given)
        scores, rows = index.dense.search(vector[None], k, only)
        valid = rows[0] >= 0
        found = rows[0][valid]
        parts = self._documents(found.tolist()), scores[0][valid], index.dense.vectors(found)
        return [(document, float(score), one) for document, score, one in zip(*parts, strict=True)]

    @cached_property
    def _heads(self) -> list[DocumentHead]:
        return self._index.document_heads(range(self._index.n_documents))

    def _fitting(self, given: Filter) -> NDArray[np.int64]:
        """The rows of the units that a filter lets through; each kind of unit is tried once."""
        fits, index = read_filter(given), self._index
        kinds = np.stack([index.chunk_documents, index.chunk_roles, index.chunk_languages], axis=1)
        unique, which = np.unique(kinds, axis=0, return_inverse=True)
        let_through = [
            fits(_head_metadata(self._heads[document], ROLES[role], LANGUAGES[language]))
            for document, role, language in unique.tolist()
        ]
        return np.flatnonzero(np.array(let_through, bool)[which.ravel()])

    def _documents(self, rows: Sequence[int]) -> list[Document]:
        index = self._index
        owners = [int(index.chunk_documents[row]) for row in rows]
        heads = dict(zip(owners, index.document_heads(owners), strict=True))
        texts = {owner: index.document(owner).text for owner in heads}
        return [
            Document(
                id=f"{chunk.source}#{row - index.chunk_rows_of(owner).start}",
                page_content=texts[owner][chunk.start : chunk.end],
                metadata={
                    **_head_metadata(heads[owner], chunk.role, chunk.language),
                    "heading": chunk.heading, "name": chunk.name,
                    "start": chunk.start, "end": chunk.end,
                },
            )
            for row, owner, chunk in zip(rows, owners, index.chunks(rows), strict=True)
        ]  # fmt: skip

    def add_texts(
        self, texts: Iterable[str], metadatas: list[dict[str, Any]] | None = None, *,
        ids: list[str] | None = None, **kwargs: Any,
    ) -> NoReturn:  # fmt: skip
        """Raise UsageError: the index is written by `ask ingest`."""
        raise UsageError("the index is written by ask ingest; add documents to an AskVectorStore")

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> NoReturn:
        """Raise UsageError: the index is written by `ask ingest`."""
        raise UsageError("the index is written by ask ingest; nothing is deleted from it here")

    @classmethod
    def from_texts(
        cls, texts: list[str], embedding: Embeddings, metadatas: list[dict[str, Any]] | None = None,
        *, ids: list[str] | None = None, **kwargs: Any,
    ) -> NoReturn:  # fmt: skip
        """Raise UsageError: texts of your own belong into an AskVectorStore."""
        raise UsageError("make an AskVectorStore of texts; the index is written by ask ingest")


def _head_metadata(head: DocumentHead, role: str, language: str) -> dict[str, Any]:
    known = {key: getattr(head, key) for key in _HEAD}
    known["source"] = known.pop("id")
    known["aliases"] = list(head.aliases)
    return {**known, "role": role, "language": language}
