"""How sure an answer is, as a probability that was fitted, and why a question is refused.

A logistic model over what retrieval and reading measured. Its weights stand in
bundled/confidence.json with the data they were fitted on; `python -m rag.training.confidence` fits
them again.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from rag.index import Index
from rag.ranking import coverages
from rag.reader import Read
from rag.retrieve import Retrieved

_NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)*(?![A-Za-z0-9_])")
_FILE = Path(__file__).parent / "bundled" / "confidence.json"
_SHIFTING = ("dense", "unit", "document", "unknown", "meaning", "ranking", "reading", "peak",
             "cross", "answers", "alike", "known")  # fmt: skip
_MOST = 10.0  # farther from 0 the cross-encoder hardly goes


@dataclass(frozen=True, slots=True)
class Model:
    """A fitted logistic model: probability = 1 / (1 + exp(-(bias + sum weight * feature)))."""

    bias: float
    weights: Mapping[str, float]
    threshold: float

    def probability(self, features: Mapping[str, float]) -> float:
        """The probability that the documents answer the question."""
        z = self.bias + sum(w * features.get(name, 0.0) for name, w in self.weights.items())
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, z))))


@lru_cache(maxsize=1)
def fitted() -> Model:
    """The model that ships."""
    raw = json.loads(_FILE.read_text(encoding="utf-8"))
    return Model(raw["bias"], raw["weights"], raw["threshold"])


def features(retrieved: Retrieved, read: Read, index: Index) -> dict[str, float]:
    """What the model looks at; every value lies about between 0 and 1.

    dense         cosine of the best unit
    unit          share of the asked words (by rarity) that the best unit holds with its heading
    document      the same for the best document
    unknown       share of the asked words that no document holds
    named         a name of code in the question resolved to a documented object
    foreign       a name of another package is asked about
    agreement     the two legs have the same first source
    korean        the question is Korean (its cosines run lower)
    package       share of the other packages it speaks of that the best documents do not mention
    likened       the same where it asks for what is like them here
    future        it asks what will be
    command       it orders the answerer about instead of asking
    numbers       share of its numbers that the best documents do not hold
    reading       score of the best unit
    ranking       score of the best document
    margin        how far the second is behind it
    peak          how far the best cosine stands out from those of the documents after it
    meaning       cosine of the best document's call or summary
    summary       share of the asked words that they hold
    title         the same for its title
    cross         the best that the cross-encoder says of a unit
    answers       what it says of the unit that is read first
    alike         how like the question is to one that was asked of the best document
    known         the same of any document
    unnamed>...   the same again where no name of code is given and it weighs otherwise
    """
    asked = [
        (words, max((index.chunk_sparse.idf(w) for w in words), default=0.0) or 9.0)
        for words in retrieved.concepts
    ]
    total = sum(weight for _, weight in asked) or 1.0
    unknown = sum(w for words, w in asked if not any(index.chunk_sparse.known(t) for t in words))
    units = np.array([unit.row for unit in read.units[:5]], np.int64)
    held = coverages(asked, index.chunk_sparse, units)
    whole = coverages(
        asked, index.document_sparse, np.array([h.row for h in read.heads[:3]], np.int64)
    )
    first = retrieved.found[0] if retrieved.found else None
    known = first.features if first is not None else {}
    cosines = sorted((one.features.get("dense", 0.0) for one in retrieved.found), reverse=True)
    scores = [one.score for one in retrieved.found[:2]]
    named = retrieved.names_something
    said = [_bounded(unit.cross) for unit in read.units if unit.cross is not None]
    heard = [*said, *map(_bounded, retrieved.heard.values())]
    strange = _strange_packages(retrieved, read)
    found = {
        "dense": max((u.dense for u in read.units), default=0.0),
        "unit": float(held.max(initial=0.0)),
        "document": float(whole.max(initial=0.0)),
        "unknown": unknown / total,
        "named": float(named),
        "foreign": float(any(n.foreign for n in retrieved.named)),
        "agreement": float(
            first is not None and first.trace.lexical_rank == first.trace.dense_rank == 1
        ),
        "korean": float(retrieved.question.language == "ko"),
        "package": strange * (not retrieved.question.likened),
        "likened": strange * retrieved.question.likened,
        "future": float("future" in retrieved.question.intents),
        "command": float("command" in retrieved.question.intents),
        "numbers": _strange_numbers(retrieved, read),
        "reading": max((u.score for u in read.units), default=0.0) / 10,
        "ranking": scores[0] / 10 if scores else 0.0,
        "margin": min(3.0, scores[0] - scores[1]) / 3 if len(scores) == 2 else 0.0,
        "peak": cosines[0] - float(np.mean(cosines[5:30])) if len(cosines) > 5 else 0.0,
        "meaning": known.get("meaning", 0.0),
        "summary": known.get("summary", 0.0),
        "title": known.get("title", 0.0),
        "cross": max(heard, default=-1.0),
        "answers": said[0] if said else -1.0,
        "alike": known.get("asked", 0.0),
        "known": float(retrieved.alike.max(initial=0.0)),
    }
    if not named:
        found |= {f"unnamed>{name}": found[name] for name in _SHIFTING}
    return found


def _bounded(cross: float) -> float:
    """What the cross-encoder says, from -1 to 1."""
    return max(-1.0, min(1.0, cross / _MOST))


def _strange_numbers(retrieved: Retrieved, read: Read) -> float:
    numbers = _NUMBER.findall(retrieved.question.text)
    text = " ".join(document.text for document in read.documents[:3])
    present = set(_NUMBER.findall(text))
    return sum(n not in present for n in numbers) / len(numbers) if numbers else 0.0


def _strange_packages(retrieved: Retrieved, read: Read) -> float:
    """Keras in a question is no obstacle where the documents compare with Keras."""
    asked = retrieved.question.packages
    text = " ".join(document.text for document in read.documents[:3]).lower()
    return sum(name not in text for name in asked) / len(asked) if asked else 0.0
