"""Fits how sure an answer is: python -m rag.training.confidence [--index DIR].

Logistic regression (L2) from what retrieval and reading measured to "the documents answer this",
on the development questions. The threshold is the highest at which at most 5% of the answerable
ones would be refused by probabilities from cross-validation, so that it is not judged on the
questions that it was fitted on.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from rag import confidence
from rag.confidence import features
from rag.pipeline import Pipeline
from rag.premise import false_premise
from rag.question import checked_question, read_question
from rag.reader import read
from rag.reranking import rerank
from rag.retrieve import retrieve
from rag.training.fitting import fitting_arguments, questions_of

FALSE_REFUSALS = 0.02
C = 1.0
FOLDS = 10


def main() -> None:
    """Read the questions, fit, and write bundled/confidence.json."""
    options = fitting_arguments(__doc__ or "").parse_args()
    questions = questions_of(options.questions)
    with Pipeline.open(options.index) as pipeline:
        rows = [_row(question, pipeline) for question in questions]
    kept = [row for row in rows if row is not None]
    names = sorted({name for row in kept for name in row[0]})
    matrix = np.array([[row[0].get(name, 0.0) for name in names] for row in kept])
    answerable = np.array([row[1] for row in kept])
    record = {
        "fitted_on": ", ".join(path.name for path in options.questions),
        **_fit(names, matrix, answerable),
    }
    text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
    confidence._FILE.write_text(text, encoding="utf-8")
    print(text)


def _row(question: dict[str, Any], pipeline: Pipeline) -> tuple[dict[str, float], bool] | None:
    """Features and truth of a question; None where a false premise settles it before."""
    asked = read_question(checked_question(question["question"]))
    retrieved = rerank(
        retrieve(asked, pipeline.index, pipeline.encoder), pipeline.index, pipeline.judge
    )
    found = read(retrieved, pipeline.index, pipeline.judge)
    if false_premise(retrieved, found, pipeline.index) is not None:
        return None
    return features(retrieved, found, pipeline.index), bool(question["answerable"])


def _fit(names: list[str], matrix: Any, answerable: Any) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    model = LogisticRegression(C=C, max_iter=5000)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    held = cross_val_predict(model, matrix, answerable, cv=folds, method="predict_proba")[:, 1]
    threshold = float(np.quantile(held[answerable], FALSE_REFUSALS))
    model.fit(matrix, answerable)
    return {
        "questions": len(answerable),
        "cross_validated": {
            "auroc": round(float(roc_auc_score(answerable, held)), 3),
            "false_refusals": round(float((held[answerable] < threshold).mean()), 3),
            "refused_unanswerable": round(float((held[~answerable] < threshold).mean()), 3),
        },
        "bias": round(float(model.intercept_[0]), 4),
        "weights": {n: round(float(w), 4) for n, w in zip(names, model.coef_[0], strict=True)},
        "threshold": round(threshold, 4),
    }


if __name__ == "__main__":
    main()
