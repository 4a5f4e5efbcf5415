"""Finds the sentence: which units of the found documents answer the question.

A unit is scored by its cosine to the question, by how much of what was asked it holds (words
weighed by their rarity), and by its role in the docstring: a question about a default wants the
parameter, "what is" the summary, a shape the shape section.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rag.index import DocumentHead, Index
from rag.markup import readable
from rag.question import Question
from rag.retrieve import Retrieved
from rag.text import english_stem, search_tokens
from rag.types import Chunk, Document, Role

_DENSE, _WORDS, _PLACE = 1.0, 0.8, 0.25
_REDIRECT = re.compile(
    r"(?:See|see also|Alias (?:for|of|to)|Equivalent to|In-place version of)\s+:\w+:`~?\.?(?P<name>[\w.]+)",
)
_DEFAULT_WORD = re.compile(r"\bdefaults?\b|기본값|기본으로", re.I)

_ROLE_ALWAYS: dict[Role, float] = {
    "example": -0.6, "code": -0.5, "signature": -0.25, "see-also": -0.15, "parameter": -0.05,
    "attribute": -0.02, "summary": 0.05, "table": -0.05,
}  # fmt: skip
_ROLE_BY_INTENT: dict[str, dict[Role, float]] = {
    "default": {"parameter": 0.08, "signature": 0.05},
    "define": {"summary": 0.2},
    "howto": {"summary": 0.12},
    "difference": {"summary": 0.05, "note": 0.05},
    "shape": {"shape": 0.15},
    "returns": {"returns": 0.15},
    "error": {"raises": 0.12, "warning": 0.1, "note": 0.06},
    "why": {"note": 0.05, "warning": 0.05},
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A unit with its score and where the score comes from."""

    row: int
    chunk: Chunk
    score: float
    dense: float
    words: float
    place: int  # of its document among the found ones, from 0


@dataclass(frozen=True, slots=True)
class Read:
    """The documents that were read, in order of trust, and their units, best first."""

    documents: tuple[Document, ...]
    heads: tuple[DocumentHead, ...]
    units: tuple[Reading, ...]

    def of(self, place: int) -> tuple[Reading, ...]:
        """The units of the document at `place`, best first."""
        return tuple(unit for unit in self.units if unit.place == place)


def read(retrieved: Retrieved, index: Index, *, documents: int = 5) -> Read:
    """Score the units of the first `documents` sources, and of what they merely point to."""
    rows = _follow([found.row for found in retrieved.found[:documents]], index)
    heads = index.document_heads(rows)
    units: list[Reading] = []
    weights = {row: 1.0 - 0.15 * place for place, row in enumerate(rows)}
    for place, (row, head) in enumerate(zip(rows, heads, strict=True)):
        units.extend(_score(retrieved, index, row, head, place, weights[row]))
    units.sort(key=lambda unit: (-unit.score, unit.row))
    return Read(tuple(index.document(row) for row in rows), tuple(heads), tuple(units))


def _follow(rows: Sequence[int], index: Index) -> list[int]:
    """The rows, each "See torch.max" stub followed by what it points to."""
    followed: list[int] = []
    for row in rows:
        text = index.document(row).text
        followed.append(row)
        match = _REDIRECT.search(text) if len(text) < 400 else None
        target = index.texts.find(f"py:{match['name']}") if match else None
        if target is not None:
            followed.append(target)
    return list(dict.fromkeys(followed))


def _score(
    retrieved: Retrieved, index: Index, row: int, head: DocumentHead, place: int, weight: float
) -> list[Reading]:
    rows = index.chunk_rows_of(row)
    if not len(rows):
        return []
    chunks = index.chunks(rows)
    dense = index.dense.vectors(np.arange(rows.start, rows.stop)) @ retrieved.vector
    about = set(search_tokens(head.title)) if head.kind == "symbol" else set()
    text = index.document(row).text
    asked = _asked(retrieved.concepts, about, index)
    made = []
    for number, chunk, cosine in zip(rows, chunks, dense, strict=True):
        present = set(search_tokens(f"{chunk.name} {readable(text[chunk.start : chunk.end])}"))
        words = coverage(asked, present)
        score = (
            _DENSE * float(cosine)
            + _WORDS * words
            + _PLACE * weight
            + role_weight(chunk, retrieved.question, retrieved.concepts)
        )
        made.append(Reading(number, chunk, score, float(cosine), words, place))
    return made


Asked = Sequence[tuple[Mapping[str, float], float]]


def _asked(
    concepts: Sequence[Mapping[str, float]], about: set[str], index: Index
) -> list[tuple[Mapping[str, float], float]]:
    """Concepts with their weight: the rarity of their rarest word; the document's own name is
    taken out, as every unit of it is about that."""
    asked = []
    for words in concepts:
        if about and any(word in about for word in words):
            continue
        rarity = max((index.chunk_sparse.idf(word) for word in words), default=0.0)
        asked.append((words, rarity or 9.0))  # a word that no document holds is the rarest
    return asked


def coverage(asked: Asked, present: set[str]) -> float:
    """How much of what was asked is present, 0 to 1: words weighed by rarity."""
    total = sum(weight for _, weight in asked)
    held = sum(
        weight * max((w for word, w in words.items() if word in present), default=0.0)
        for words, weight in asked
    )
    return held / total if total else 0.0


def role_weight(
    chunk: Chunk, question: Question, concepts: Sequence[Mapping[str, float]]
) -> float:
    """What the role of a unit adds for this question."""
    weight = _ROLE_ALWAYS.get(chunk.role, 0.0)
    for intent in question.intents:
        weight += _ROLE_BY_INTENT.get(intent, {}).get(chunk.role, 0.0)
    if chunk.role in ("parameter", "attribute") and asks_for(chunk.name, concepts):
        weight += 0.3
    if "default" in question.intents and _DEFAULT_WORD.search(chunk.record):
        weight += 0.12
    if chunk.language != question.language and chunk.role in ("text", "table") and "> " in chunk.heading:
        weight -= 0.1  # a page that is told in both languages
    return weight


def asks_for(name: str, concepts: Sequence[Mapping[str, float]]) -> bool:
    """Whether the question names this parameter, in one piece or in words: "negative slope"."""
    if not name:
        return False
    asked = {word for words in concepts for word, weight in words.items() if weight >= 0.5}
    parts = [part for part in name.lower().split("_") if part]
    if name.lower() in asked or english_stem(name.lower()) in asked:
        return True
    return len(parts) > 1 and all(english_stem(part) in asked for part in parts)
