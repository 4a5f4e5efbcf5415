"""Fits the weights that put the right page first: python -m rag.training.ranking.

For every answerable question of a golden file the candidates of retrieval compete; the right
sources should win.
"""

from __future__ import annotations

from typing import Any

from rag import ranking
from rag.pipeline import Pipeline
from rag.question import checked_question, read_question
from rag.retrieve import retrieve
from rag.training.fitting import fitting_arguments, questions_of
from rag.training.listwise import Case, fit_file

DEPTH = 80  # candidates of a question


def main() -> None:
    """Read the questions, fit, and write bundled/ranking.json."""
    options = fitting_arguments(__doc__ or "").parse_args()
    questions = questions_of(options.questions)
    with Pipeline.open(options.index) as pipeline:
        cases = [case for q in questions if q["answerable"] for case in _case(q, pipeline)]
    print(f"in {len(cases)} of {sum(q['answerable'] for q in questions)} a right one was found")
    what = "weights of rag.ranking.candidate_features"
    print(fit_file(what, options.questions, cases, ranking._FILE))


def _case(question: dict[str, Any], pipeline: Pipeline) -> list[Case]:
    asked = read_question(checked_question(question["question"]))
    found = retrieve(asked, pipeline.index, pipeline.encoder, depth=DEPTH).found
    heads = pipeline.index.document_heads([candidate.row for candidate in found])
    right = [bool({head.id, *head.aliases} & set(question["sources"])) for head in heads]
    features = [dict(candidate.features) for candidate in found]
    return [Case(features, right)] if any(right) and not all(right) else []


if __name__ == "__main__":
    main()
