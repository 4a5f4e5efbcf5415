"""Our sources as a LangChain document loader."""

from __future__ import annotations

from collections.abc import Iterator

from langchain_core.document_loaders import BaseLoader
from langchain_core.documents import Document

from rag.ingestion import default_sources, read_source
from rag.sources.folder import Skipped
from rag.types import Document as Source


class SourceLoader(BaseLoader):
    """Reads whole documents: folders, files, installed packages (`py:numpy`), the corpus' ids.

    Without any source: all of corpus/sources.toml. `skipped` holds the files that the last run
    could not read, with the reason.
    """

    def __init__(self, *sources: str) -> None:
        """Name the sources as for `ask ingest`."""
        self.sources = sources or default_sources()
        self.skipped: tuple[Skipped, ...] = ()

    def lazy_load(self) -> Iterator[Document]:
        """Yield the documents, source by source; raises SourceError where one cannot be read."""
        self.skipped = ()
        for source in self.sources:
            documents, skipped = read_source(source)
            self.skipped += skipped
            yield from map(source_document, documents)


def source_document(source: Source) -> Document:
    """A document of ours as one of LangChain's; its text is that which `ask show` prints."""
    metadata = {
        "source": source.id,
        "title": source.title,
        "kind": source.kind,
        "format": source.format,
        "language": source.language,
        "url": source.url,
        "version": source.version,
        "date": source.date,
        "licence": source.licence,
        "aliases": list(source.aliases),
    }
    return Document(id=source.id, page_content=source.text, metadata=metadata)
