"""Finds the sources that answer: words, meaning and names, fused.

Five legs look for a question: BM25 over whole documents, BM25 over units, the encoder's vectors of
units, and both over what was asked of a document before (rag/phrasings.py). Each ranks sources;
reciprocal rank fusion (Cormack, Clarke and Buettcher, SIGIR
2009: sum of 1 / (k + rank), k = 60) joins them, and a leg that found no evidence has no vote.
Names of code in the question are looked up. rag/ranking.py then ranks the candidates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import NDArray

from rag.concepts import flat, heard_concepts, query_concepts
from rag.encoders import Encoder
from rag.index import Index
from rag.names import Named, resolve
from rag.question import Question
from rag.ranking import Asking, candidate_features, score
from rag.types import Passage, Trace

RRF_K = 60
_POOL = 400  # units that a leg may bring
_WEIGHTS = {"documents": 1.0, "units": 1.0, "dense": 1.2, "asked": 1.0, "asked words": 1.0}
_PHRASINGS = 200  # ways to ask that are compared
_STRANGE = 0.4  # cosine of questions that have nothing to do with each other
NO_PROSE = frozenset(("signature", "example", "code"))
_UNWANTED = 4.0  # what is named as not wanted falls behind by so much
_CANDIDATES = 80  # documents that are looked at again


@dataclass(frozen=True, slots=True)
class Found:
    """One source as retrieval sees it; `score` is the ranking's."""

    row: int
    score: float
    trace: Trace
    features: Mapping[str, float]  # what the ranking looked at


@dataclass(frozen=True, slots=True)
class Retrieved:
    """All that retrieval knows about a question, for the generator.

    `vector` (dim,) is the question's; `unit_dense` and `unit_words` (n_chunks,) float32 are scores
    of units, cosine (-1 where it was not among the best) and BM25; `document_words` (n_documents,)
    BM25 of documents; `alike` (n_chunks,) how like the question is to one that was asked of the unit, 0
    to 1; `concepts` the words that were searched; `heard` what the cross-encoder said
    of units, by row (rag/reranking.py).
    """

    question: Question
    found: tuple[Found, ...]
    named: tuple[Named, ...]
    concepts: tuple[Mapping[str, float], ...]
    vector: NDArray[np.float32] = field(repr=False)
    unit_dense: NDArray[np.float32] = field(repr=False)
    unit_words: NDArray[np.float32] = field(repr=False)
    document_words: NDArray[np.float32] = field(repr=False)
    alike: NDArray[np.float32] = field(repr=False)
    heard: Mapping[int, float] = field(default_factory=dict, repr=False)

    @property
    def names_something(self) -> bool:
        """Whether the question surely names a documented object."""
        return any(entry.rows and entry.mention.sure for entry in self.named)


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[int]], weights: Sequence[float] | None = None, k: int = RRF_K
) -> dict[int, float]:
    """Sum of weight / (k + rank) for every item, ranks from 1; items stand once in a ranking."""
    weights = [1.0] * len(rankings) if weights is None else weights
    fused: dict[int, float] = {}
    for ranking, weight in zip(rankings, weights, strict=True):
        for rank, item in enumerate(ranking, 1):
            fused[item] = fused.get(item, 0.0) + weight / (k + rank)
    return fused


def retrieve(
    question: Question,
    index: Index,
    encoder: Encoder,
    *,
    only: Callable[[str], bool] | None = None,
    depth: int = 50,
) -> Retrieved:
    """Rank the sources of `index` for `question`, at most `depth`.

    `only` limits the sources by their id.
    """
    named = tuple(resolve(index, mention) for mention in question.mentions)
    text = _corrected(question.text, named)
    concepts, heard = heard_concepts(query_concepts(text), index)
    document_words = index.document_sparse.concept_scores(concepts)
    unit_words = index.chunk_sparse.concept_scores(concepts)
    vector = encoder.encode_queries([" ".join([text, *heard])])
    unit_dense = _dense_scores(index, vector)
    alike = _alike(index, vector)
    allowed = _allowed(index, only)
    scores = {
        "documents": document_words,
        "units": _by_document(unit_words, index),
        "dense": _by_document(unit_dense, index),
        "asked": _by_document(alike, index),
        "asked words": _by_document(_spelt_alike(index, concepts), index),
    }
    legs = {leg: _best(values, allowed) for leg, values in scores.items()}
    fused = reciprocal_rank_fusion(list(legs.values()), [_WEIGHTS[leg] for leg in legs])
    sure, hinted = (_named_rows(named, allowed, sure=sure) for sure in (True, False))
    pool = sorted({*fused, *sure, *hinted}, key=lambda row: (-fused.get(row, 0.0), row))
    pool = list(dict.fromkeys([*sure, *hinted, *pool]))[:_CANDIDATES]
    scores["fused"] = np.zeros(index.n_documents, np.float32)
    scores["fused"][list(fused)] = list(fused.values())
    asked = Asking(question, concepts, vector[0], named=sure, hinted=hinted)
    known = candidate_features(asked, index, pool, scores)
    looked_at = dict(zip(pool, known, strict=True))
    ranked = {row: score(features) for row, features in looked_at.items()}
    for row in {row for n in named if n.mention.unwanted for row in n.rows[:2]} & ranked.keys():
        ranked[row] -= _UNWANTED
    order = sorted(ranked, key=lambda row: (-ranked[row], row))[:depth]
    ranks = {leg: {row: rank for rank, row in enumerate(rows, 1)} for leg, rows in legs.items()}
    found = tuple(
        Found(
            row,
            ranked[row],
            Trace(
                lexical_rank=ranks["documents"].get(row),
                dense_rank=ranks["dense"].get(row),
                exact_name=row in sure,
                fused=round(fused.get(row, 0.0), 5),
            ),
            looked_at[row],
        )
        for row in order
    )
    return Retrieved(
        question,
        found,
        named,
        concepts,
        vector[0],
        unit_dense,
        unit_words,
        document_words,
        alike,
    )


def _corrected(text: str, named: Sequence[Named]) -> str:
    """The question with misspelt names as they should be, as it is searched with."""
    for entry in sorted(named, key=lambda entry: -entry.mention.start):
        if entry.corrected:
            mention = entry.mention
            text = text[: mention.start] + entry.names[0] + text[mention.end :]
    return text


def _dense_scores(index: Index, vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine of every unit that the vector index brings, -1 for the others: (n_chunks,)."""
    scores = np.full(index.n_chunks, -1.0, np.float32)
    found, rows = index.dense.search(vector, min(_POOL, index.n_chunks))
    valid = rows[0] >= 0
    scores[rows[0][valid]] = found[0][valid]
    return scores


def _alike(index: Index, vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """How like the question is to what was asked of each unit, by meaning, 0 to 1: (n_chunks,)."""
    alike = np.zeros(index.n_chunks, np.float32)
    found, places = index.phrasing_dense.search(vector, _PHRASINGS)
    rows = index.phrasing_chunks[places[0]]
    np.maximum.at(alike, rows, np.clip((found[0] - _STRANGE) / (1 - _STRANGE), 0, 1))
    return alike


def _spelt_alike(index: Index, concepts: Sequence[Mapping[str, float]]) -> NDArray[np.float32]:
    """The same by words, BM25: (n_chunks,)."""
    alike = np.zeros(index.n_chunks, np.float32)
    found = index.phrasing_sparse.concept_scores(concepts)
    np.maximum.at(alike, index.phrasing_chunks, found)
    return alike


def _allowed(index: Index, only: Callable[[str], bool] | None) -> NDArray[np.bool_] | None:
    if only is None:
        return None
    heads = index.document_heads(range(index.n_documents))
    return np.array([only(head.id) or any(map(only, head.aliases)) for head in heads])


def source_filter(patterns: str | Sequence[str]) -> Callable[[str], bool]:
    """A test of source ids: whether any of the patterns, parts of an id or with *, fits."""
    if not isinstance(patterns, str):
        tests = [source_filter(pattern) for pattern in patterns]
        return lambda source: any(test(source) for test in tests)
    pattern = patterns
    if any(c in pattern for c in "*?["):
        return lambda source: fnmatchcase(source, pattern)
    return lambda source: pattern in source


def _best(
    scores: NDArray[np.float32], allowed: NDArray[np.bool_] | None, k: int = 100
) -> list[int]:
    """Rows with a positive score, best first, at most k."""
    if allowed is not None:
        scores = np.where(allowed, scores, 0)
    rows = np.argsort(-scores, kind="stable")[:k]
    return [int(row) for row in rows if scores[row] > 0]


def _by_document(unit_scores: NDArray[np.float32], index: Index) -> NDArray[np.float32]:
    """The score of each document's best unit, at least 0: (n_documents,)."""
    best = np.zeros(index.n_documents, np.float32)
    np.maximum.at(best, index.chunk_documents, unit_scores)
    return best


def _named_rows(
    named: Sequence[Named], allowed: NDArray[np.bool_] | None, *, sure: bool
) -> dict[int, float]:
    """Documents that the question names (`sure`) or may name, the better known namesake more."""
    rows: dict[int, float] = {}
    for entry in named:
        if entry.mention.sure is sure and not entry.mention.unwanted:
            for place, row in enumerate(entry.rows[:4]):
                if allowed is None or allowed[row]:
                    rows[row] = max(rows.get(row, 0.0), 1.0 / (1 + place))
    return rows


def _matched(index: Index, row: int, tokens: Mapping[str, float]) -> tuple[str, ...]:
    """Which of the searched words stand in a document."""
    rows = np.array([row])
    return tuple(token for token in tokens if index.document_sparse.present(token, rows)[0])


# -- passages ------------------------------------------------------------------------------------


def passages(retrieved: Retrieved, index: Index, k: int = 10) -> tuple[Passage, ...]:
    """The first k sources as passages: each with the section around its best unit."""
    kept = retrieved.found[:k]
    heads = index.document_heads([found.row for found in kept])
    made = []
    tokens = flat(retrieved.concepts)
    for rank, (found, head) in enumerate(zip(kept, heads, strict=True), 1):
        unit = best_unit(retrieved, index, found.row)
        chunk = index.chunks([unit])[0] if unit is not None else None
        start, end = (chunk.section_start, chunk.section_end) if chunk else (0, head.length)
        text = index.document(found.row).text[start:end]
        made.append(
            Passage(
                source=head.id, aliases=head.aliases, title=head.title, url=head.url,
                version=head.version, date=head.date, heading=chunk.heading if chunk else head.title,
                start=start, end=end, text=text, score=round(found.score, 5), rank=rank,
                trace=replace(found.trace, matched=_matched(index, found.row, tokens)),
            )
        )  # fmt: skip
    return tuple(made)


def best_unit(retrieved: Retrieved, index: Index, row: int) -> int | None:
    """The row of the unit of document `row` that fits the question best."""
    rows = index.chunk_rows_of(row)
    return rows.start + int(np.argmax(_fit(retrieved, rows))) if len(rows) else None


def prose_unit(retrieved: Retrieved, index: Index, row: int) -> int | None:
    """The same among what is neither call nor code, and told in the reader's language where the
    document is told in both."""
    rows = index.chunk_rows_of(row)
    if not len(rows):
        return None
    chunks = index.chunks(rows)
    both = len({chunk.language for chunk in chunks}) == 2
    language = retrieved.question.language
    fitting = np.array([
        chunk.role not in NO_PROSE and not (both and chunk.language != language)
        for chunk in chunks
    ])  # fmt: skip
    fit = _fit(retrieved, rows)
    return rows.start + int(np.argmax(np.where(fitting, fit, fit - 10) if fitting.any() else fit))


def _fit(retrieved: Retrieved, rows: range) -> NDArray[np.float32]:
    """How well each of the units fits, by words and by meaning: (len(rows),)."""
    words = retrieved.unit_words[rows.start : rows.stop]
    dense = retrieved.unit_dense[rows.start : rows.stop]
    top = float(words.max()) or 1.0
    fit: NDArray[np.float32] = words / top + np.maximum(dense, 0)
    return fit
