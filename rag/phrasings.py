"""How people ask for what a document tells: a document is found by questions that were asked of it.

A docstring says "reparameterized sample"; who trains a VAE asks how gradients flow through a draw.
So a document is searched together with such questions (document expansion by queries: Nogueira et
al. 2019, doc2query). `bundled/phrasings.tsv` holds one a line: source, mark of the unit that
answers (empty for the whole document), text. They were written for this project
(`rag.training.phrasings` puts them together) and only lead to a document: nothing is quoted from
them, and a source that they do not know is found as before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from rag.errors import RagError
from rag.text import fold
from rag.types import Chunk

PATH = Path(__file__).parent / "bundled" / "phrasings.tsv"


class Phrasing(NamedTuple):
    """One way to ask, and the mark of the unit that answers it, "" for the document as a whole."""

    mark: str
    text: str


class Attached(NamedTuple):
    """A phrasing at the row of its unit."""

    row: int
    text: str


def load_phrasings() -> Mapping[str, tuple[Phrasing, ...]]:
    """The phrasings of every source; read once a process. Raises RagError if the file is broken."""
    return _read(PATH)


@lru_cache(maxsize=2)
def _read(path: Path) -> Mapping[str, tuple[Phrasing, ...]]:
    found: dict[str, list[Phrasing]] = {}
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            source, mark, text = line.split("\t")
            found.setdefault(source, []).append(Phrasing(mark, text))
    except (OSError, ValueError) as error:
        raise RagError(
            f"the phrasings {path.name} cannot be read ({error}); install ask-docs again"
        ) from error
    return MappingProxyType({source: tuple(some) for source, some in found.items()})


def phrasings_fingerprint() -> str:
    """Eight hexadecimal digits that stand for the file."""
    return hashlib.sha256(PATH.read_bytes()).hexdigest()[:8] if PATH.exists() else "none"


def unit_mark(text: str) -> str:
    """Six hexadecimal digits that stand for what a unit says: another version of a docstring that
    says it in other words is not mistaken for it."""
    return hashlib.sha256(fold(text).encode("utf-8")).hexdigest()[:6]


def attach(
    chunks: Sequence[Chunk],
    texts: Mapping[str, str],
    known: Mapping[str, Sequence[Phrasing]],
) -> list[Attached]:
    """The phrasings of what is in the index, each at its unit's row.

    `texts` gives the text of each source. Where no unit has the mark, and where there is none, it
    is the summary's, else the first unit's.
    """
    rows: dict[str, list[int]] = {}
    for row, chunk in enumerate(chunks):
        if chunk.source in known:
            rows.setdefault(chunk.source, []).append(row)
    attached = []
    for source, own in rows.items():
        marks = {unit_mark(texts[source][chunks[i].start : chunks[i].end]): i for i in own[::-1]}
        whole = next((i for i in own if chunks[i].role == "summary"), own[0])
        attached += [Attached(marks.get(one.mark, whole), one.text) for one in known[source]]
    return attached
