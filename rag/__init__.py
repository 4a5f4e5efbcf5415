"""`ask`: documentation that answers, with proof.

    from rag import Pipeline

    with Pipeline.open() as ask:
        answer = ask.ask("여러 텐서를 새 차원으로 합치려면?")
        print(answer.answer)
        for citation in answer.citations:
            print(citation.marker, citation.source, citation.quote)

Importing this loads nothing heavy: each name is fetched when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.catalogue import DocumentHead
    from rag.contents import Group
    from rag.encoders import Encoder, load_encoder
    from rag.errors import RagError
    from rag.feedback import Feedback, FeedbackStore
    from rag.ingestion import Ingested, ingest
    from rag.markup import readable
    from rag.pipeline import Pipeline
    from rag.text import printable
    from rag.types import Answer, Chunk, Citation, Document, Passage, Stance, Turn, Verdict

__all__ = [
    "Answer",
    "Chunk",
    "Citation",
    "Document",
    "DocumentHead",
    "Encoder",
    "Feedback",
    "FeedbackStore",
    "Group",
    "Ingested",
    "Passage",
    "Pipeline",
    "RagError",
    "Stance",
    "Turn",
    "Verdict",
    "ingest",
    "load_encoder",
    "printable",
    "readable",
]

_HOMES = {
    "DocumentHead": "catalogue",
    "Encoder": "encoders",
    "Feedback": "feedback",
    "FeedbackStore": "feedback",
    "Group": "contents",
    "Ingested": "ingestion",
    "Pipeline": "pipeline",
    "RagError": "errors",
    "ingest": "ingestion",
    "load_encoder": "encoders",
    "printable": "text",
    "readable": "markup",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'rag' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"rag.{_HOMES.get(name, 'types')}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
