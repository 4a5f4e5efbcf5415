"""Fits the weights with which the reader scores units: python -m rag.training.reader QUESTIONS.

For every answerable question of a golden file, the units of the found documents compete; those of
a right source that hold the words of its proof should win. The loss is the negative logarithm of
the softmax share of the right units (list-wise learning to rank, Cao et al., ICML 2007) plus L2.
Seeded by construction: the problem is convex but for the sum over right units, and starts at zero.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rag import reader
from rag.markup import readable
from rag.pipeline import Pipeline
from rag.question import checked_question, read_question
from rag.reader import Reading, read, unit_features
from rag.retrieve import Retrieved, retrieve
from rag.text import fold, nfc

L2 = 0.005  # of 0.05 to 0.002, the best in cross-validation
STEPS = 600


@dataclass(frozen=True)
class Case:
    """One question: features of its units, a row each, and which of them are right."""

    features: list[dict[str, float]]
    right: list[bool]


def main() -> None:
    """Read the questions, fit, and write bundled/reader.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", type=Path)
    parser.add_argument("--index", type=Path)
    options = parser.parse_args()
    lines = options.questions.read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines if line.strip()]
    with Pipeline.open(options.index) as pipeline:
        cases = [c for q in questions if q["answerable"] for c in _case(q, pipeline)]
    names = sorted({name for case in cases for row in case.features for name in row})
    counts = {n: sum(any(n in row for row in c.features) for c in cases) for n in names}
    names = [name for name in names if counts[name] >= 5]  # seen in too few questions: no weight
    fitted, share = _fit(cases, names)
    held = _cross_validated(cases, names)
    record = {
        "what": "weights of rag.reader.unit_features",
        "fitted_on": options.questions.name,
        "questions": len(cases),
        "right_first": share,
        "right_first_cross_validated": held,
        "weights": {n: round(float(w), 4) for n, w in zip(names, fitted, strict=True)},
    }
    text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
    reader._FILE.write_text(text, encoding="utf-8")
    print(text)


def _case(question: dict[str, Any], pipeline: Pipeline) -> list[Case]:
    asked = read_question(checked_question(question["question"]))
    retrieved = retrieve(asked, pipeline.index, pipeline.encoder)
    found = read(retrieved, pipeline.index)
    proofs = [(p["source"], fold(nfc(p["words"])).lower()) for p in question["proof"]]
    features, right = [], []
    for unit in found.units:
        document = found.documents[unit.place]
        raw = document.text[unit.chunk.start : unit.chunk.end]
        held = (fold(raw).lower(), readable(raw).lower())
        ids = {document.id, *document.aliases} & set(question["sources"])
        features.append(_features(unit, readable(raw), retrieved))
        right.append(bool(ids) and any(w in h for _, w in proofs for h in held))
    return [Case(features, right)] if any(right) and not all(right) else []


def _features(unit: Reading, shown: str, retrieved: Retrieved) -> dict[str, float]:
    found = unit_features(unit.chunk, shown, retrieved, unit.dense, unit.words)
    found["first"] = 1.0 / (1 + unit.place)
    return found


def _fit(cases: Sequence[Case], names: Sequence[str]) -> tuple[np.ndarray[Any, Any], float]:
    import torch

    matrices = [
        torch.tensor([[row.get(n, 0.0) for n in names] for row in c.features]) for c in cases
    ]
    rights = [torch.tensor(c.right) for c in cases]
    weights = torch.zeros(len(names), requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=0.05)
    for _ in range(STEPS):
        losses = []
        for matrix, right in zip(matrices, rights, strict=True):
            shares = torch.log_softmax(matrix @ weights, 0)
            losses.append(-torch.logsumexp(shares[right], 0))
        loss = torch.stack(losses).mean() + L2 * (weights**2).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    fitted = weights.detach().numpy()
    return fitted, _share(cases, names, fitted)


def _share(cases: Sequence[Case], names: Sequence[str], weights: np.ndarray[Any, Any]) -> float:
    """In how many cases a right unit comes first."""
    first = 0
    for case in cases:
        matrix = np.array([[row.get(n, 0.0) for n in names] for row in case.features])
        first += case.right[int(np.argmax(matrix @ weights))]
    return round(first / len(cases), 3)


def _cross_validated(cases: Sequence[Case], names: Sequence[str], folds: int = 5) -> float:
    shares = []
    for fold_number in range(folds):
        train = [c for i, c in enumerate(cases) if i % folds != fold_number]
        test = [c for i, c in enumerate(cases) if i % folds == fold_number]
        shares.append(_share(test, names, _fit(train, names)[0]) * len(test))
    return round(sum(shares) / len(cases), 3)


if __name__ == "__main__":
    main()
