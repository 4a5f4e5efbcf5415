"""Small indexes cut out of the large one, and questions that they answer or do not.

How sure an answer is was learnt on one large index of one package. In a folder of thirty pages the
best page is near to nothing that is asked, and the ranking's scores mean something else: here the
same questions are put to a few documents, with and without the page that answers.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rag.contents import Group, IndexContents
from rag.index import Index, read_index
from rag.indexwriter import write_index
from rag.ingestion import CHUNKING, chunk_tokens, document_tokens
from rag.prior import count_mentions, prior, public_names

SIZES = (8, 60)  # documents, from and to
SHARE = 0.5  # of the documents answer one of the questions


def small_indexes(
    large: Index, questions: Sequence[dict[str, Any]], count: int, *,
    sizes: tuple[int, int] = SIZES, seed: int = 31,
) -> Iterator[tuple[Index, list[dict[str, Any]]]]:  # fmt: skip
    """`count` indexes, each with questions of which about half have their page in it; for the
    others, and where nothing answers, "answerable" is false."""
    draw = random.Random(seed)
    asked = [row for row in questions if row["answerable"]]
    nowhere = [row for row in questions if not row["answerable"]]
    for _ in range(count):
        size = draw.randint(*sizes)
        own = draw.sample(asked, min(len(asked), max(2, int(size * SHARE))))
        rows = {
            found[0]
            for row in own
            for source in row["sources"]
            if (found := large.find_document(source)) is not None
        }
        rows |= set(draw.sample(range(large.n_documents), max(0, size - len(rows))))
        held = {
            name for head in large.document_heads(sorted(rows)) for name in (head.id, *head.aliases)
        }
        far = [row for row in asked if not held & set(row["sources"])]
        strange = draw.sample(far, min(len(far), len(own)))
        strange += draw.sample(nowhere, min(len(nowhere), len(own)))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "index"
            cut(large, sorted(rows), path)
            with read_index(path, None) as small:
                yield small, [*own, *({**row, "answerable": False} for row in strange)]


def cut(large: Index, rows: Sequence[int], path: Path) -> None:
    """Write an index of the documents at `rows`, their vectors as they are in the large one."""
    documents = [large.document(row) for row in rows]
    numbers = [number for row in rows for number in large.chunk_rows_of(row)]
    chunks = large.chunks(numbers)
    mentions = count_mentions(documents)
    texts = {document.id: document.text for document in documents}
    contents = IndexContents(
        documents=documents,
        chunks=chunks,
        vectors=large.dense.vectors(np.array(numbers, np.int64)),
        chunk_tokens=[chunk_tokens(c, texts[c.source][c.start : c.end]) for c in chunks],
        document_tokens=[document_tokens(document) for document in documents],
        priors=np.array([prior(d, mentions) for d in documents], np.float32),
        names=public_names(documents, [], mentions),
        groups=[Group("file:cut", "0" * 64, "files", "cut")],
        document_groups=["file:cut"] * len(documents),
    )
    manifest = large.manifest
    write_index(
        path, contents, encoder_name=manifest.encoder,
        encoder_fingerprint=manifest.encoder_fingerprint, chunking_version=CHUNKING,
    )  # fmt: skip
