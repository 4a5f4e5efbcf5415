"""Fits linear scores so that right candidates come first: list-wise learning to rank.

The loss of a question is minus the logarithm of the softmax share of its right candidates (Cao et
al., ICML 2007), averaged, plus L2. Weights start at zero and nothing is drawn by chance, so a run
can be repeated.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

STEPS = 400
STRENGTHS = (0.01, 0.005, 0.002)  # of L2; the best in cross-validation is taken
SEEN = 5  # a feature that fewer questions show gets no weight
FOLDS = 5


@dataclass(frozen=True)
class Case:
    """One question: the features of its candidates and which of them are right."""

    features: list[dict[str, float]]
    right: list[bool]


def fit_file(what: str, questions: Sequence[Path], cases: Sequence[Case], out: Path) -> str:
    """Choose the L2 strength, fit on all cases, write `out`; returns the text written."""
    names = feature_names(cases)
    held = {strength: cross_validated(cases, names, strength) for strength in STRENGTHS}
    best = max(STRENGTHS, key=lambda strength: held[strength])
    fitted = fit(cases, names, best)
    record = {
        "what": what,
        "fitted_on": ", ".join(path.name for path in questions),
        "questions": len(cases),
        "l2": best,
        "right_first": share(cases, names, fitted),
        "right_first_cross_validated": held[best],
        "weights": {n: round(float(w), 4) for n, w in zip(names, fitted, strict=True)},
    }
    text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
    out.write_text(text, encoding="utf-8")
    return text


def feature_names(cases: Sequence[Case]) -> list[str]:
    """The features that at least SEEN questions show, in order."""
    names = sorted({name for case in cases for row in case.features for name in row})
    return [n for n in names if sum(any(n in row for row in c.features) for c in cases) >= SEEN]


def fit(cases: Sequence[Case], names: Sequence[str], strength: float) -> np.ndarray[Any, Any]:
    """The weights (len(names),)."""
    import torch

    # One padded block for all questions: a step is one product instead of one a question.
    longest = max(len(case.right) for case in cases)
    block = np.zeros((len(cases), longest, len(names)), np.float32)
    right = np.zeros((len(cases), longest), bool)
    padding = np.ones((len(cases), longest), bool)
    for i, case in enumerate(cases):
        block[i, : len(case.right)] = [[r.get(n, 0.0) for n in names] for r in case.features]
        right[i, : len(case.right)] = case.right
        padding[i, : len(case.right)] = False
    features, wrong, empty = torch.tensor(block), torch.tensor(~right), torch.tensor(padding)
    weights = torch.zeros(len(names), requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=0.05)
    for _ in range(STEPS):
        shares = torch.log_softmax((features @ weights).masked_fill(empty, -1e9), 1)
        losses = -torch.logsumexp(shares.masked_fill(wrong, -1e9), 1)
        loss = losses.mean() + strength * (weights**2).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    fitted: np.ndarray[Any, Any] = weights.detach().numpy()
    return fitted


def share(cases: Sequence[Case], names: Sequence[str], weights: np.ndarray[Any, Any]) -> float:
    """In which share of the cases a right candidate comes first."""
    first = 0
    for case in cases:
        matrix = np.array([[row.get(n, 0.0) for n in names] for row in case.features])
        first += case.right[int(np.argmax(matrix @ weights))]
    return round(first / len(cases), 3)


def cross_validated(cases: Sequence[Case], names: Sequence[str], strength: float) -> float:
    """`share` on cases that the weights were not fitted on."""
    total = 0.0
    for number in range(FOLDS):
        train = [case for i, case in enumerate(cases) if i % FOLDS != number]
        test = [case for i, case in enumerate(cases) if i % FOLDS == number]
        total += share(test, names, fit(train, names, strength)) * len(test)
    return round(total / len(cases), 3)
