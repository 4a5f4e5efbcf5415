"""Fits the weights with which the reader scores units: python -m rag.training.reader.

For every answerable question of a golden file the units of the found documents compete; those of a
right source that hold the words of its proof should win. Then the same again for the best of them
with what the cross-encoder says: bundled/judged.json.
"""

from __future__ import annotations

from typing import Any

from rag import reader
from rag.markup import readable
from rag.pipeline import Pipeline
from rag.question import checked_question, read_question
from rag.reader import Read, Reading, judged, read
from rag.reranking import judged_features, rerank
from rag.retrieve import Retrieved, retrieve
from rag.text import fold, nfc
from rag.training.fitting import fitting_arguments, questions_of
from rag.training.listwise import Case, fit_file

RIVALS = 80  # units of a question that compete, best first by the weights so far


def main() -> None:
    """Read the questions, fit, and write bundled/reader.json and bundled/judged.json."""
    options = fitting_arguments(__doc__ or "").parse_args()
    questions = [q for q in questions_of(options.questions) if q["answerable"]]
    with Pipeline.open(options.index) as pipeline:
        found = [_retrieved(q, pipeline) for q in questions]  # a megabyte for three questions
        asked = list(zip(questions, found, strict=True))
        cases = [case for q, retrieved in asked for case in _case(q, retrieved, pipeline)]
        what = "weights of rag.units.unit_features"
        print(fit_file(what, options.questions, cases, reader._FILE))
        reader.weights.cache_clear()
        cases = [case for q, retrieved in asked for case in _judged_case(q, retrieved, pipeline)]
    what = "weights of rag.reranking.judged_features for units"
    print(fit_file(what, options.questions, cases, reader._JUDGED_FILE))


def _case(question: dict[str, Any], retrieved: Retrieved, pipeline: Pipeline) -> list[Case]:
    found = read(retrieved, pipeline.index, None)
    units = found.units[:RIVALS]
    right = [_proves(question, found, unit) for unit in units]
    return [Case([dict(u.features) for u in units], right)] if any(right) and not all(right) else []


def _judged_case(question: dict[str, Any], retrieved: Retrieved, pipeline: Pipeline) -> list[Case]:
    found = read(retrieved, pipeline.index, None)
    units = judged(retrieved, found.units, pipeline.judge)
    before = {unit.row: unit.score for unit in found.units}
    heard = [unit for unit in units if unit.cross is not None]
    right = [_proves(question, found, unit) for unit in heard]
    asked, named = retrieved.question, retrieved.names_something
    features = [judged_features(asked, named, before[u.row], u.cross or 0.0) for u in heard]
    return [Case(features, right)] if any(right) and not all(right) else []


def _retrieved(question: dict[str, Any], pipeline: Pipeline) -> Retrieved:
    asked = read_question(checked_question(question["question"]))
    found = retrieve(asked, pipeline.index, pipeline.encoder)
    return rerank(found, pipeline.index, pipeline.judge)


def _proves(question: dict[str, Any], found: Read, unit: Reading) -> bool:
    document = found.documents[unit.place]
    if not {document.id, *document.aliases} & set(question["sources"]):
        return False
    raw = document.text[unit.chunk.start : unit.chunk.end]
    forms = (fold(raw).lower(), readable(raw).lower())
    proofs = [fold(nfc(proof["words"])).lower() for proof in question["proof"]]
    return any(words in text for words in proofs for text in forms)


if __name__ == "__main__":
    main()
