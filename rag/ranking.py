"""Puts the right page first: the fused candidates, ranked by what is known of each.

Reciprocal rank fusion gathers candidates and says little about how sure a leg was. Here each
candidate is looked at again: the legs' scores, how well its title and its summary cover the asked
words, how well known it is, whether the question names it. The weights are fitted
(rag/training/ranking.py) on the development questions of corpus/golden.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.catalogue import DocumentHead
from rag.index import Index
from rag.question import Question
from rag.sparse import SparseIndex
from rag.text import search_tokens

_FILE = Path(__file__).parent / "bundled" / "ranking.json"
_STUB = 220  # characters; "See torch.max" and the like
_SHIFTING = (
    "documents", "units", "dense", "meaning", "title", "summary", "prior", "asked", "asked words",
)  # fmt: skip
_TELLING = frozenset(("howto", "when", "who", "define", "default", "error"))

Asked = Sequence[tuple[Mapping[str, float], float]]


@lru_cache(maxsize=1)
def weights() -> Mapping[str, float]:
    """The fitted weights of `candidate_features`."""
    loaded: dict[str, float] = json.loads(_FILE.read_text(encoding="utf-8"))["weights"]
    return loaded


def asked_weights(concepts: Sequence[Mapping[str, float]], index: Index) -> Asked:
    """Concepts with the rarity of their rarest word among documents, in nats."""
    rarities = [
        max((index.document_sparse.idf(word) for word in words), default=0.0) for words in concepts
    ]
    return [(words, rarity) for words, rarity in zip(concepts, rarities, strict=True) if rarity]


def coverage(asked: Asked, present: set[str]) -> float:
    """How much of what was asked is present, 0 to 1: words weighed by rarity."""
    total = sum(weight for _, weight in asked)
    held = sum(
        weight * max((w for word, w in words.items() if word in present), default=0.0)
        for words, weight in asked
    )
    return held / total if total else 0.0


def coverages(
    asked: Asked, words: SparseIndex, rows: NDArray[np.integer[Any]]
) -> NDArray[np.float64]:
    """`coverage` of many rows of a word index at once: (m,) for rows (m,)."""
    held = np.zeros(len(rows))
    for alternatives, weight in asked:
        best = np.zeros(len(rows))
        for word, share in alternatives.items():
            np.maximum(best, share * words.present(word, rows), out=best)
        held += weight * best
    total = sum(weight for _, weight in asked)
    return held / total if total else held


@dataclass(frozen=True, slots=True)
class Asking:
    """A question as the ranking sees it: what it says, its words, its vector (dim,), and how surely
    it names (`named`) or may name (`hinted`) a document, 0 to 1 by row."""

    question: Question
    concepts: Sequence[Mapping[str, float]]
    vector: NDArray[np.float32]
    named: Mapping[int, float]
    hinted: Mapping[int, float]


def candidate_features(
    asking: Asking, index: Index, rows: Sequence[int], legs: Mapping[str, NDArray[np.float32]]
) -> list[dict[str, float]]:
    """What is known of each candidate, a dictionary by feature name.

    `legs` holds scores of all documents, (n_documents,) each: "documents" and "units" (BM25),
    "dense" (cosine), "fused" (reciprocal ranks), "asked" and "asked words" (likeness to what was
    asked of it).
    """
    tops = {leg: float(scores.max()) or 1.0 for leg, scores in legs.items()}
    asked = asked_weights(asking.concepts, index)
    heads = index.document_heads(rows)
    firsts = [index.chunk_rows_of(row)[:2] for row in rows]
    summaries, meanings = _summaries(asked, index, firsts), _meanings(asking, index, firsts)
    situations = _situations(asking)
    made = []
    for row, head, summary, meaning in zip(rows, heads, summaries, meanings, strict=True):
        page = head.kind != "symbol"
        found = {
            "fused": float(legs["fused"][row]) / tops["fused"],
            "documents": float(legs["documents"][row]) / tops["documents"],
            "units": float(legs["units"][row]) / tops["units"],
            "dense": float(legs["dense"][row]),
            "dense share": float(legs["dense"][row]) / tops["dense"],
            "meaning": meaning,
            "prior": float(index.priors[row]),
            "title": coverage(asked, set(search_tokens(head.title))),
            "extra": _extra(head, asking.concepts),
            "summary": summary,
            "asked": float(legs["asked"][row]),
            "asked share": float(legs["asked"][row]) / tops["asked"],
            "asked words": float(legs["asked words"][row]) / tops["asked words"],
            "unasked": float(legs["asked"][row] == 0.0),
        }
        for situation in situations:
            found |= {f"{situation}>{name}": found[name] for name in _SHIFTING}
        found |= {
            "named": asking.named.get(row, 0.0),
            "hinted": asking.hinted.get(row, 0.0),
            "stub": float(head.length < _STUB),
            "page": float(page),
            "method": float(head.title.startswith("torch.Tensor.")),
        }
        for intent in asking.question.intents & _TELLING:
            found[f"{intent}>{'page' if page else 'symbol'}"] = 1.0
        made.append(found)
    return made


def _situations(asking: Asking) -> list[str]:
    """When evidence weighs otherwise: in Korean, and where no name of code is given."""
    korean = ["korean"] if asking.question.language == "ko" else []
    return korean if asking.named else [*korean, "unnamed"]


def _meanings(asking: Asking, index: Index, firsts: Sequence[range]) -> list[float]:
    """The cosine of the call or summary of each document, the better of the two."""
    units = [unit for some in firsts for unit in some]
    cosines = iter(index.dense.vectors(units) @ asking.vector if units else ())
    return [max((float(next(cosines)) for _ in some), default=0.0) for some in firsts]


def _extra(head: DocumentHead, concepts: Sequence[Mapping[str, float]]) -> float:
    """Share of the words of a symbol's own name that nobody asked for: `dynamically` in
    `op_is_int8_dynamically_quantized` when int8 quantization was asked for."""
    if head.kind != "symbol":
        return 0.0
    words = [w for w in search_tokens(head.title.rpartition(".")[2]) if "_" not in w]
    asked = {word for group in concepts for word, weight in group.items() if weight >= 0.3}
    return sum(word not in asked for word in words) / len(words) if words else 0.0


def _summaries(asked: Asked, index: Index, firsts: Sequence[range]) -> list[float]:
    """How much of what was asked the first two units of each document hold: for a symbol its call
    and its summary, with its name."""
    units = np.array([unit for some in firsts for unit in some], np.int64)
    held = iter(coverages(asked, index.chunk_sparse, units))
    return [max((float(next(held)) for _ in some), default=0.0) for some in firsts]


def score(features: Mapping[str, float]) -> float:
    """The weighted sum of the features."""
    fitted = weights()
    return sum(fitted.get(name, 0.0) * value for name, value in features.items())
