"""Fits the weights with which the reader scores units: python -m rag.training.reader.

For every answerable question of a golden file the units of the found documents compete; those of a
right source that hold the words of its proof should win.
"""

from __future__ import annotations

from typing import Any

from rag import reader
from rag.markup import readable
from rag.pipeline import Pipeline
from rag.question import checked_question, read_question
from rag.reader import read
from rag.retrieve import retrieve
from rag.text import fold, nfc
from rag.training.fitting import fitting_arguments, questions_of
from rag.training.listwise import Case, fit_file

RIVALS = 150  # units of a question that compete, best first by the weights so far


def main() -> None:
    """Read the questions, fit, and write bundled/reader.json."""
    options = fitting_arguments(__doc__ or "").parse_args()
    questions = questions_of(options.questions)
    with Pipeline.open(options.index) as pipeline:
        cases = [case for q in questions if q["answerable"] for case in _case(q, pipeline)]
    what = "weights of rag.reader.unit_features"
    print(fit_file(what, options.questions, cases, reader._FILE))


def _case(question: dict[str, Any], pipeline: Pipeline) -> list[Case]:
    asked = read_question(checked_question(question["question"]))
    retrieved = retrieve(asked, pipeline.index, pipeline.encoder)
    found = read(retrieved, pipeline.index)
    proofs = [fold(nfc(proof["words"])).lower() for proof in question["proof"]]
    features, right = [], []
    for unit in found.units[:RIVALS]:
        document = found.documents[unit.place]
        raw = document.text[unit.chunk.start : unit.chunk.end]
        held = (fold(raw).lower(), readable(raw).lower())
        ids = {document.id, *document.aliases} & set(question["sources"])
        features.append(dict(unit.features))
        right.append(bool(ids) and any(words in text for words in proofs for text in held))
    return [Case(features, right)] if any(right) and not all(right) else []


if __name__ == "__main__":
    main()
