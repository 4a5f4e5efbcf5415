"""Our encoders as LangChain Embeddings."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings

from rag.encoders import Encoder, load_encoder


class AskEmbeddings(Embeddings):
    """The bundled Korean-English encoder, or a sentence-transformers model by name or folder.

    The vectors have length 1, so their product is a cosine.
    """

    def __init__(self, model: str | None = None, *, encoder: Encoder | None = None) -> None:
        """Load `model` (the bundled one by default), or take an `encoder` that is loaded.

        Raises UsageError where there is no such model.
        """
        self.encoder = encoder if encoder is not None else load_encoder(model)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each passage."""
        return [[float(x) for x in row] for row in self.encoder.encode_documents(texts)]

    def embed_query(self, text: str) -> list[float]:
        """The vector of a question."""
        return [float(x) for x in self.encoder.encode_queries([text])[0]]
