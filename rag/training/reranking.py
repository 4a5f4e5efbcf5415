"""Fits how much the cross-encoder's word counts for a source: python -m rag.training.reranking.

The first sources of every answerable question compete, with the ranking's own score and what the
cross-encoder says of their best unit.
"""

from __future__ import annotations

from typing import Any

from rag import reranking
from rag.pipeline import Pipeline
from rag.question import checked_question, read_question
from rag.reranking import DEPTH, judged_features, told
from rag.retrieve import prose_unit, retrieve
from rag.training.fitting import fitting_arguments, questions_of
from rag.training.listwise import Case, fit_file


def main() -> None:
    """Read the questions, fit, and write bundled/reranking.json."""
    options = fitting_arguments(__doc__ or "").parse_args()
    questions = [q for q in questions_of(options.questions) if q["answerable"]]
    with Pipeline.open(options.index) as pipeline:
        cases = [case for q in questions for case in _case(q, pipeline)]
    what = "weights of rag.reranking.judged_features for sources"
    print(fit_file(what, options.questions, cases, reranking._FILE))


def _case(question: dict[str, Any], pipeline: Pipeline) -> list[Case]:
    index = pipeline.index
    asked = read_question(checked_question(question["question"]))
    retrieved = retrieve(asked, index, pipeline.encoder)
    first = retrieved.found[:DEPTH]
    units = [prose_unit(retrieved, index, found.row) for found in first]
    rows = [unit for unit in units if unit is not None]
    records = told(index, rows)
    said = dict(zip(rows, map(float, pipeline.judge.scores(asked.text, records)), strict=True))
    least = min(said.values(), default=0.0)
    heads = index.document_heads([found.row for found in first])
    right = [bool({head.id, *head.aliases} & set(question["sources"])) for head in heads]
    named = retrieved.names_something
    features = [
        judged_features(asked, named, found.score, least if unit is None else said[unit])
        for found, unit in zip(first, units, strict=True)
    ]
    return [Case(features, right)] if any(right) and not all(right) else []


if __name__ == "__main__":
    main()
