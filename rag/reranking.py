"""Reads the best unit of the first sources together with the question and ranks them anew.

What the ranking knows are sums over words and vectors that were made without the question; the
cross-encoder sees both. Its weight beside the ranking's own score is fitted
(rag/training/reranking.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from rag.chunking import shortened
from rag.crossencoder import CrossEncoder
from rag.index import Index
from rag.indexmanifest import ROLES
from rag.question import Question
from rag.retrieve import Found, Retrieved, prose_unit
from rag.types import Chunk

DEPTH = 12  # sources that are looked at again
_NAMED = 3  # things that one question compares, and the place up to which each stays where it is
_CONTEXT = 110  # characters of a summary
_SUMMARY = ROLES.index("summary")
_FILE = Path(__file__).parent / "bundled" / "reranking.json"


@lru_cache(maxsize=1)
def weights() -> Mapping[str, float]:
    """The fitted weights of `judged_features` for sources."""
    loaded: dict[str, float] = json.loads(_FILE.read_text(encoding="utf-8"))["weights"]
    return loaded


def rerank(retrieved: Retrieved, index: Index, judge: CrossEncoder) -> Retrieved:
    """The same with its first DEPTH sources in the order that follows when `judge` has read them;
    `heard` holds what it said of which unit."""
    first, rest = retrieved.found[:DEPTH], retrieved.found[DEPTH:]
    units = [prose_unit(retrieved, index, found.row) for found in first]
    asked = [unit for unit in units if unit is not None]
    if not asked:
        return retrieved
    said = judge.scores(retrieved.question.text, told(index, asked))
    heard = {unit: float(score) for unit, score in zip(asked, said, strict=True)}
    least = min(heard.values())
    cross = [least if unit is None else heard[unit] for unit in units]
    ranked = reranked(retrieved, first, cross)
    # What was not read stays behind what was, as far as it was behind before.
    shift = min(found.score for found in ranked) - first[-1].score
    behind = [replace(found, score=found.score + min(0.0, shift)) for found in rest]
    return replace(retrieved, found=_each_named(retrieved, [*ranked, *behind]), heard=heard)


def _each_named(retrieved: Retrieved, found: Sequence[Found]) -> tuple[Found, ...]:
    """Of two or three things that the question surely names each comes among the first: a text about
    one of them holds more of the question than that about the other."""
    order = list(found)
    named = [set(n.rows[:4]) for n in retrieved.named if n.rows and n.mention.sure]
    best = {next((i for i, one in enumerate(order) if one.row in rows), -1) for rows in named}
    places = sorted(best - {-1})
    if not 2 <= len(places) <= _NAMED:
        return tuple(found)
    for place in places:
        if place > _NAMED:
            one = order.pop(place)  # what stands behind this place stays where it is
            order.insert(1, replace(one, score=order[1].score))
    return tuple(order)


def told(index: Index, units: Sequence[int]) -> list[str]:
    """What the cross-encoder reads of these units: each `in_context`."""
    found = []
    for unit, chunk in zip(units, index.chunks(units), strict=True):
        rows = index.chunk_rows_of(int(index.chunk_documents[unit]))
        summaries = np.flatnonzero(index.chunk_roles[rows.start : rows.stop] == _SUMMARY)
        summary = index.chunks([rows.start + int(summaries[0])])[0] if len(summaries) else None
        found.append(in_context(chunk, summary))
    return found


def in_context(chunk: Chunk, summary: Chunk | None) -> str:
    """The record of a unit, with what its docstring is about behind the name: a parameter is
    understood only by who knows what takes it."""
    head, colon, words = chunk.record.partition(": ")
    if summary is None or not colon or chunk.role in ("summary", "signature"):
        return chunk.record
    about = shortened(summary.record.partition(": ")[2], _CONTEXT)
    return f"{head} ({about}): {words}" if about else chunk.record


def reranked(retrieved: Retrieved, first: Sequence[Found], cross: Sequence[float]) -> list[Found]:
    """The sources by their new score, best first."""
    fitted, named = weights(), retrieved.names_something
    made = []
    for found, said in zip(first, cross, strict=True):
        known = judged_features(retrieved.question, named, found.score, said)
        score = sum(fitted.get(name, 0.0) * value for name, value in known.items())
        made.append(replace(found, score=score))
    return sorted(made, key=lambda found: (-found.score, found.row))


def judged_features(
    question: Question, named: bool, score: float, cross: float
) -> dict[str, float]:
    """What is known of a unit or source once the cross-encoder has read it: the score so far, what
    it says, and the same again where a name of code is given or not, and in Korean."""
    situation = "named" if named else "unnamed"
    found = {"score": score, "cross": cross / 5, f"{situation}>cross": cross / 5}
    if question.language == "ko":
        found["korean>cross"] = cross / 5
    return found
