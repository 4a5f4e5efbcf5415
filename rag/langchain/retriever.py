"""Our retrieval as a LangChain Retriever."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import Field

from rag.pipeline import Pipeline
from rag.types import Language, Passage


class AskRetriever(BaseRetriever):
    """The passages that answer a question: words, meaning and names of code, fused and ranked.

    `source` limits the sources (a part of their id, or a pattern with *), `language` overrides the
    question's; both, and `k`, may also be given to `invoke`.
    """

    pipeline: Pipeline
    k: int = Field(default=10, ge=1, le=100)
    source: str | None = None
    language: Language | None = None

    def _get_relevant_documents(
        self, query: str, *, run_manager: CallbackManagerForRetrieverRun, **kwargs: Any
    ) -> list[Document]:
        given = {"k": self.k, "source": self.source, "language": self.language, **kwargs}
        return [passage_document(passage) for passage in self.pipeline.search(query, **given)]


def passage_document(passage: Passage) -> Document:
    """A passage as a LangChain document; its id says where it stands: `file:guide.md#120-480`."""
    metadata = asdict(passage)
    text = metadata.pop("text")
    metadata["aliases"] = list(passage.aliases)
    metadata["trace"]["matched"] = list(passage.trace.matched)
    return Document(
        id=f"{passage.source}#{passage.start}-{passage.end}", page_content=text, metadata=metadata
    )
