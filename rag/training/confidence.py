"""Fits how sure an answer is: python -m rag.training.confidence [--index DIR].

Logistic regression (L2) from what retrieval and reading measured to "the documents answer this",
on the development questions, put to the large index and to small ones cut out of it. The threshold
is the highest at which at most FALSE_REFUSALS of the answerable ones would be refused by
probabilities from cross-validation, so that it is not judged on the questions that it was fitted on.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

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
from rag.training.smallindexes import small_indexes

FALSE_REFUSALS = 0.03
C = 1.0
FOLDS = 10
SMALL = 16  # small indexes
EVERY = (
    3  # one in so many answerable questions is put to the large index: they outnumber the others
)


class Row(NamedTuple):
    """A question as the model sees it, and whether the documents answer it."""

    question: str
    features: dict[str, float]
    answerable: bool


def main() -> None:
    """Read the questions, fit, and write bundled/confidence.json."""
    options = fitting_arguments(__doc__ or "").parse_args()
    questions = questions_of(options.questions)
    with Pipeline.open(options.index) as pipeline:
        rows = [_row(question, pipeline) for question in _some(questions)]
        small = list(_on_small_indexes(questions, pipeline))
    kept = [row for row in rows if row is not None]
    names = sorted({name for row in (*kept, *small) for name in row.features})
    record = {
        "fitted_on": ", ".join(path.name for path in options.questions),
        **_fit(names, kept, small),
    }
    text = json.dumps(record, ensure_ascii=False, indent=1) + "\n"
    confidence._FILE.write_text(text, encoding="utf-8")
    print(text)


def _some(questions: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One in EVERY that can be answered, and all others."""
    answerable = [question for question in questions if question["answerable"]]
    return [*answerable[::EVERY], *(q for q in questions if not q["answerable"])]


def _on_small_indexes(questions: Sequence[dict[str, Any]], pipeline: Pipeline) -> Iterator[Row]:
    for index, asked in small_indexes(pipeline.index, questions, SMALL):
        part = Pipeline(index, pipeline.encoder, judge=pipeline.judge)
        yield from (row for one in asked if (row := _row(one, part)) is not None)


def _row(question: dict[str, Any], pipeline: Pipeline) -> Row | None:
    """Features and truth of a question; None where a false premise settles it before."""
    asked = read_question(checked_question(question["question"]))
    retrieved = rerank(
        retrieve(asked, pipeline.index, pipeline.encoder), pipeline.index, pipeline.judge
    )
    found = read(retrieved, pipeline.index, pipeline.judge)
    if false_premise(retrieved, found, pipeline.index) is not None:
        return None
    known = features(retrieved, found, pipeline.index)
    return Row(question["question"], known, bool(question["answerable"]))


def _fit(names: Sequence[str], kept: Sequence[Row], small: Sequence[Row]) -> dict[str, Any]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold

    def table(rows: Sequence[Row]) -> tuple[Any, Any]:
        values = np.array([[row.features.get(name, 0.0) for name in names] for row in rows])
        return values.reshape(len(rows), len(names)), np.array([r.answerable for r in rows], bool)

    (matrix, answerable), (more, told) = table(kept), table(small)

    def fitted(rows: Any, others: Any) -> Any:
        model = LogisticRegression(C=C, max_iter=5000)
        both = np.append(answerable[rows], told[others])
        return model.fit(np.vstack([matrix[rows], more[others]]), both)

    held = np.zeros(len(kept))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    for seen, unseen in folds.split(matrix, answerable):
        hidden = {kept[row].question for row in unseen}
        others = [row for row, one in enumerate(small) if one.question not in hidden]
        held[unseen] = fitted(seen, others).predict_proba(matrix[unseen])[:, 1]
    threshold = float(np.quantile(held[answerable], FALSE_REFUSALS))
    model = fitted(np.arange(len(kept)), np.arange(len(small)))
    return {
        "questions": len(kept),
        "on_small_indexes": len(small),
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
