"""The parts of `ask` as parts of LangChain.

    from rag.langchain import AskRetriever
    retriever = AskRetriever(pipeline=Pipeline.open(), k=5)

AskEmbeddings     our encoders                        as Embeddings
AskVectorStore    documents of your own in FAISS      as VectorStore, saved without pickle
IndexVectorStore  the index of `ask`, read only       as VectorStore
AskRetriever      words, meaning and names, fused     as Retriever
AskRunnable       a question in, an Answer out        as Runnable, streamed
SourceLoader      folders, packages, the corpus       as document loader
"""

from rag.langchain.embeddings import AskEmbeddings
from rag.langchain.indexstore import IndexVectorStore
from rag.langchain.loader import SourceLoader
from rag.langchain.retriever import AskRetriever
from rag.langchain.runnable import AskRunnable
from rag.langchain.vectorstore import AskVectorStore

__all__ = [
    "AskEmbeddings",
    "AskRetriever",
    "AskRunnable",
    "AskVectorStore",
    "IndexVectorStore",
    "SourceLoader",
]
