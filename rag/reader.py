"""Finds the sentence: which units of the found documents answer the question.

A unit is scored by its cosine to the question, by how much of what was asked it holds (words
weighed by their rarity), by its role in the docstring and by what it states: a question about a
default wants the parameter, "what is" the summary, "when" a year. The best of them are then read
together with the question by the cross-encoder. The weights of all this are fitted
(rag/training/reader.py) on the development questions of corpus/golden.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.catalogue import DocumentHead
from rag.crossencoder import CrossEncoder
from rag.index import Index
from rag.ranking import coverages
from rag.reranking import in_context, judged_features
from rag.retrieve import NO_PROSE, Retrieved
from rag.text import search_tokens
from rag.types import Chunk, Document
from rag.units import Likeness, Place, unit_features

_REDIRECT = re.compile(
    r"(?:See|see also|Alias (?:for|of|to)|Equivalent to|In-place version of)\s+:\w+:`~?\.?(?P<name>[\w.]+)",
)
_FILE = Path(__file__).parent / "bundled" / "reader.json"
_JUDGED_FILE = _FILE.with_name("judged.json")
JUDGED = 16  # units that the cross-encoder reads


@lru_cache(maxsize=1)
def weights() -> Mapping[str, float]:
    """The fitted weights of `unit_features`; `python -m rag.training.reader` fits them again."""
    return _weights(_FILE)


@lru_cache(maxsize=1)
def judged_weights() -> Mapping[str, float]:
    """The fitted weights of `judged_features` for units."""
    return _weights(_JUDGED_FILE)


def _weights(path: Path) -> Mapping[str, float]:
    loaded: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))["weights"]
    return loaded


@dataclass(frozen=True, slots=True)
class Reading:
    """A unit with its score and where the score comes from."""

    row: int
    chunk: Chunk
    score: float
    dense: float
    words: float
    place: int  # of its document among the found ones, from 0
    asked: bool = False  # it is about a parameter that the question names
    says: bool = True  # false for a formula or "the input tensor"
    features: Mapping[str, float] = field(default_factory=dict, repr=False, compare=False)
    cross: float | None = None  # what the cross-encoder says, None where it was not asked


@dataclass(frozen=True, slots=True)
class Read:
    """The documents that were read, in order of trust, and their units, best first."""

    documents: tuple[Document, ...]
    heads: tuple[DocumentHead, ...]
    units: tuple[Reading, ...]

    def of(self, place: int) -> tuple[Reading, ...]:
        """The units of the document at `place`, best first."""
        return tuple(unit for unit in self.units if unit.place == place)


def read(
    retrieved: Retrieved, index: Index, judge: CrossEncoder | None, *, documents: int = 5
) -> Read:
    """Score the units of the first `documents` sources, and of what they merely point to.

    The best JUDGED units are put in order by `judge` too; without one the first order stands.
    """
    rows = follow(_first_rows(retrieved, index, documents), index)
    heads = index.document_heads(rows)
    units: list[Reading] = []
    named = _named_words(retrieved)
    behind = _behind(retrieved, rows)
    meant = {row for entry in retrieved.named if entry.mention.sure for row in entry.rows[:2]}
    for place, head in enumerate(heads):
        strange = named if head.row not in meant else set()
        place_of = Place(place, behind[head.row])
        units.extend(_score(retrieved, index, head, place_of, strange))
    units.sort(key=lambda unit: (-unit.score, unit.row))
    if judge is not None:
        units = judged(retrieved, units, judge)
    return Read(tuple(index.document(row) for row in rows), tuple(heads), tuple(units))


def judged(retrieved: Retrieved, units: Sequence[Reading], judge: CrossEncoder) -> list[Reading]:
    """The units in the order that follows when `judge` has read the best of them.

    A unit that was not read together with the question counts as the worst that was.
    """
    heard = {unit.row: retrieved.heard[unit.row] for unit in units if unit.row in retrieved.heard}
    prose = [unit for unit in units if unit.chunk.role not in NO_PROSE]
    asked = [unit for unit in prose[:JUDGED] if unit.row not in heard]
    summaries = {unit.place: unit.chunk for unit in units if unit.chunk.role == "summary"}
    records = [in_context(unit.chunk, summaries.get(unit.place)) for unit in asked]
    scores = judge.scores(retrieved.question.text, records)
    heard |= {unit.row: float(score) for unit, score in zip(asked, scores, strict=True)}
    least = min(heard.values(), default=0.0)
    fitted, named = judged_weights(), retrieved.names_something
    made = []
    for unit in units:
        cross = heard.get(unit.row, least)
        found = judged_features(retrieved.question, named, unit.score, cross)
        score = sum(fitted.get(name, 0.0) * value for name, value in found.items())
        made.append(replace(unit, score=score, cross=heard.get(unit.row)))
    made.sort(key=lambda unit: (-unit.score, unit.row))
    return made


def _first_rows(retrieved: Retrieved, index: Index, count: int) -> list[int]:
    """The first sources; for an either/or that is not about names of code, pages from deeper down
    too, as each source is to be heard."""
    rows = [found.row for found in retrieved.found[:count]]
    if retrieved.question.options:
        heads = index.document_heads([found.row for found in retrieved.found[count:30]])
        rows += [head.row for head in heads if head.kind != "symbol"][:10]
    return rows


def follow(rows: Sequence[int], index: Index) -> list[int]:
    """The rows of documents, each "See torch.max" stub followed by what it points to."""
    followed: list[int] = []
    for row in rows:
        text = index.document(row).text
        followed.append(row)
        match = _REDIRECT.search(text) if len(text) < 400 else None
        target = index.texts.find(f"py:{match['name']}") if match else None
        if target is not None:
            followed.append(target)
    return list(dict.fromkeys(followed))


def _behind(retrieved: Retrieved, rows: Sequence[int]) -> dict[int, float]:
    """How far each document's rank score lies below the best, at most 5; what a stub points to
    stands where the stub does."""
    scores = {found.row: found.score for found in retrieved.found}
    top = max(scores.values(), default=0.0)
    found: dict[int, float] = {}
    last = 0.0
    for row in rows:
        last = min(5.0, top - scores[row]) if row in scores else last
        found[row] = last
    return found


def _named_words(retrieved: Retrieved) -> set[str]:
    """The words of names that resolved: which document is meant is settled by them, and a unit
    of another document gains nothing by holding them."""
    return {
        word
        for entry in retrieved.named
        if entry.rows and entry.mention.sure
        for word in search_tokens(entry.mention.name)
    }


def _score(
    retrieved: Retrieved, index: Index, head: DocumentHead, place: Place, strange: set[str]
) -> list[Reading]:
    rows = index.chunk_rows_of(head.row)
    if not len(rows):
        return []
    chunks = index.chunks(rows)
    numbers = np.arange(rows.start, rows.stop)
    vectors = index.dense.vectors(numbers)
    dense = vectors @ retrieved.vector
    common = _commonplace(chunks, vectors)
    asked = _asked(retrieved.concepts, strange | set(search_tokens(head.title)), index)
    words = coverages(asked, index.chunk_sparse, numbers)
    fitted = weights()
    told_in_both = len({chunk.language for chunk in chunks}) == 2
    alike = _alike(chunks, retrieved.alike[rows.start : rows.stop])
    made = []
    for number, chunk, cosine, held, like, often in zip(
        rows, chunks, dense, words, alike, common, strict=True
    ):
        if told_in_both and chunk.language != retrieved.question.language:
            continue  # the other half of the page says the same in the reader's language
        likeness = Likeness(float(cosine), float(held), like)
        found = unit_features(chunk, retrieved, likeness, place)
        score = sum(fitted.get(name, 0.0) * value for name, value in found.items())
        made.append(
            Reading(
                number, chunk, score, float(cosine), float(held), place.number, "asked" in found,
                says="empty" not in found and not often, features=found,
            )
        )  # fmt: skip
    return made


def _commonplace(chunks: Sequence[Chunk], vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which sentences stand in many documents: they share their summary's vector
    (rag/embedding.py), and quoted they would tell nothing of this one."""
    summary = next((i for i, chunk in enumerate(chunks) if chunk.role == "summary"), None)
    if summary is None:
        return np.zeros(len(chunks), np.bool_)
    shared: NDArray[np.bool_] = (vectors == vectors[summary]).all(axis=1)
    shared[summary] = False
    return shared


def _alike(chunks: Sequence[Chunk], likeness: NDArray[np.float32]) -> list[float]:
    """How like the question is to one that was asked of each unit, or, for a sentence about a
    parameter, of any sentence about it."""
    entries: dict[str, float] = {}
    for chunk, like in zip(chunks, likeness, strict=True):
        if chunk.role in ("parameter", "attribute") and chunk.name:
            entries[chunk.name] = max(entries.get(chunk.name, 0.0), float(like))
    return [
        max(float(like), entries.get(chunk.name, 0.0) if chunk.role != "summary" else 0.0)
        for chunk, like in zip(chunks, likeness, strict=True)
    ]


def _asked(
    concepts: Sequence[Mapping[str, float]], about: set[str], index: Index
) -> list[tuple[Mapping[str, float], float]]:
    """Concepts with their weight: the rarity of their rarest word; what the document's title or
    a name in the question says is taken out, as every unit of the document is about that."""
    asked = []
    for words in concepts:
        if any(word in about and weight >= 0.5 for word, weight in words.items()):
            continue
        rarity = max((index.chunk_sparse.idf(word) for word in words), default=0.0)
        asked.append((words, rarity or 9.0))  # a word that no document holds is the rarest
    return asked
