"""What each part of retrieval gives: python -m rag.training.ablation QUESTIONS... [--index DIR].

Retrieval is built up one part after the other from the functions of rag/retrieve.py, and every
stage ranks the sources of the same questions. Stages before the fitted ranking have no weights: a
named source gains the top of the fusion, the prior a fifth of it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.crossencoder import CrossEncoder
from rag.encoders import Encoder
from rag.evaluation.measures import bootstrap
from rag.evaluation.metrics import first_rank
from rag.golden import GoldenQuestion, load_questions
from rag.index import Index
from rag.pipeline import Pipeline
from rag.question import Question, checked_question, read_question
from rag.reranking import rerank
from rag.retrieve import (
    _WEIGHTS,
    _best,
    _by_document,
    _named_rows,
    _spelt_alike,
    reciprocal_rank_fusion,
    retrieve,
)
from rag.text import has_hangul

DEPTH = 10  # sources of a question that count, as in `ask eval`
NAMED, HINTED, PRIOR = 1.0, 0.5, 0.2  # in shares of the best fused score; set by hand
LANGUAGES = {"en": "English", "ko": "Korean"}
MEASURES: dict[str, Callable[[int | None], float]] = {
    "R@1": lambda rank: float(rank == 1),
    "R@5": lambda rank: float(rank is not None and rank <= 5),
    "MRR": lambda rank: 1 / rank if rank else 0.0,
}

Ranks = Mapping[str, Sequence[int | None]]  # by stage, one a question


@dataclass(frozen=True)
class Evidence:
    """What the parts say of a question: rows of documents, best first, and what is known of rows.

    `words` are the legs of the question's own words, `translated` the same with the lexicon's;
    each holds BM25 over documents and BM25 over units. `asked` is likeness to what was asked of them
    before, by meaning and by words; `full` is the fitted ranking,
    `judged` the same with the cross-encoder, as it ships.
    """

    words: tuple[list[int], list[int]]
    translated: tuple[list[int], list[int]]
    dense: list[int]
    asked: tuple[list[int], list[int]]
    named: Mapping[int, float]
    hinted: Mapping[int, float]
    priors: NDArray[np.float32]
    full: list[int]
    judged: list[int]


def evidence(question: Question, index: Index, encoder: Encoder, judge: CrossEncoder) -> Evidence:
    """Everything the stages need, computed once."""
    found = retrieve(question, index, encoder)
    own = [without_lexicon(words) for words in found.concepts]
    units = index.chunk_sparse.concept_scores(own)
    return Evidence(
        words=(
            _best(index.document_sparse.concept_scores(own), None),
            _best(_by_document(units, index), None),
        ),
        translated=(
            _best(found.document_words, None),
            _best(_by_document(found.unit_words, index), None),
        ),
        dense=_best(_by_document(found.unit_dense, index), None),
        asked=(
            _best(_by_document(found.alike, index), None),
            _best(_by_document(_spelt_alike(index, found.concepts), index), None),
        ),
        named=_named_rows(found.named, None, sure=True),
        hinted=_named_rows(found.named, None, sure=False),
        priors=index.priors,
        full=[candidate.row for candidate in found.found],
        judged=[candidate.row for candidate in rerank(found, index, judge).found],
    )


def without_lexicon(words: Mapping[str, float]) -> Mapping[str, float]:
    """A concept without the English words that the lexicon gave a Korean one."""
    if not has_hangul(next(iter(words))):
        return words
    return {word: weight for word, weight in words.items() if has_hangul(word)}


# -- stages --------------------------------------------------------------------------------------


def _fused(
    documents: list[int], units: list[int], dense: list[int],
    asked: tuple[Sequence[int], Sequence[int]] = ((), ()),
) -> dict[int, float]:  # fmt: skip
    legs = {"documents": documents, "units": units, "dense": dense}
    legs |= dict(zip(("asked", "asked words"), map(list, asked), strict=True))
    return reciprocal_rank_fusion(list(legs.values()), [_WEIGHTS[leg] for leg in legs])


def _ordered(scores: Mapping[int, float]) -> list[int]:
    return sorted(scores, key=lambda row: (-scores[row], row))


def _with_names(one: Evidence, prior: float) -> list[int]:
    fused = _fused(*one.translated, one.dense, one.asked)
    top = max(fused.values(), default=1.0)
    rows = {*fused, *one.named, *one.hinted}
    scores = {
        row: fused.get(row, 0.0) / top
        + NAMED * one.named.get(row, 0.0)
        + HINTED * one.hinted.get(row, 0.0)
        + prior * float(one.priors[row])
        for row in rows
    }
    return _ordered(scores)


STAGES: dict[str, Callable[[Evidence], list[int]]] = {
    "vectors alone": lambda one: one.dense,
    "BM25 of documents alone": lambda one: one.words[0],
    "+ BM25 of units, fused": lambda one: _ordered(_fused(*one.words, [])),
    "+ vectors, fused": lambda one: _ordered(_fused(*one.words, one.dense)),
    "+ Korean-English lexicon": lambda one: _ordered(_fused(*one.translated, one.dense)),
    "+ ways to ask": lambda one: _ordered(_fused(*one.translated, one.dense, one.asked)),
    "+ names of code looked up": lambda one: _with_names(one, 0.0),
    "+ prior of well-known names": lambda one: _with_names(one, PRIOR),
    "+ fitted ranking": lambda one: one.full,
    "+ cross-encoder (as it ships)": lambda one: one.judged,
}


# -- measuring -----------------------------------------------------------------------------------


def sought(questions: Iterable[GoldenQuestion]) -> list[GoldenQuestion]:
    """The questions that have a source to be found."""
    return [q for q in questions if q.answerable and q.sources]


def ranks(questions: Sequence[GoldenQuestion], pipeline: Pipeline) -> Ranks:
    """The rank of the first right source by each stage, None past the first ten."""
    found: dict[str, list[int | None]] = {stage: [] for stage in STAGES}
    for question in questions:
        asked = read_question(_text(question, pipeline))
        one = evidence(asked, pipeline.index, pipeline.encoder, pipeline.judge)
        for stage, order in STAGES.items():
            heads = pipeline.index.document_heads(order(one)[:DEPTH])
            ids = [(head.id, *head.aliases) for head in heads]
            found[stage].append(first_rank(ids, question.sources))
    return found


def _text(question: GoldenQuestion, pipeline: Pipeline) -> str:
    """The question as it is searched: a follow-up with its topic put in."""
    if question.history:
        completed = pipeline.ask(question.question, history=question.history).completed
        if completed:
            return completed
    return checked_question(question.question)


def table(questions: Sequence[GoldenQuestion], found: Ranks) -> str:
    """A Markdown table: a line a stage, measures by language, each with its 95% interval.

    A number is bold where it differs from that of the stage before: the 95% interval of the
    paired differences leaves out 0.
    """
    columns = [
        (language, measure)
        for language in LANGUAGES
        if any(q.lang == language for q in questions)
        for measure in MEASURES
    ]
    lines = [
        "| " + " | ".join(["retrieval", *(f"{lang} {name}" for lang, name in columns)]) + " |",
        "|---" + "|---:" * len(columns) + "|",
    ]
    before: Ranks = {}
    for stage, here in found.items():
        base = before if stage.startswith("+") else {}
        cells = []
        for language, measure in columns:
            rows = [i for i, q in enumerate(questions) if q.lang == language]
            value = MEASURES[measure]
            old = [value(base[name][i]) for name in base for i in rows]
            cells.append(_cell([value(here[i]) for i in rows], old))
        lines.append("| " + " | ".join([stage, *cells]) + " |")
        before = {stage: here}
    return "\n".join(lines)


def _cell(here: Sequence[float], before: Sequence[float]) -> str:
    """The mean with its interval; `before` holds the same of the stage before, or nothing."""
    low, high = bootstrap(here)
    text = f"{np.mean(here):.2f}"
    if before:
        worse, better = bootstrap([a - b for a, b in zip(here, before, strict=True)])
        text = f"**{text}**" if worse > 0 or better < 0 else text
    return f"{text} ({low:.2f}-{high:.2f})"


def caption(name: str, questions: Sequence[GoldenQuestion]) -> str:
    """What a table is of: the file, and how many questions in which language."""
    counts = {told: sum(q.lang == lang for q in questions) for lang, told in LANGUAGES.items()}
    return f"{name}: " + ", ".join(f"{count} {told}" for told, count in counts.items() if count)


def main() -> None:
    """Print a table for each file of questions, and one for all of them if there are several."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("questions", type=Path, nargs="+")
    parser.add_argument("--index", type=Path)
    options = parser.parse_args()
    everything: list[GoldenQuestion] = []
    together: dict[str, list[int | None]] = {stage: [] for stage in STAGES}
    with Pipeline.open(options.index) as pipeline:
        for path in options.questions:
            questions = sought(load_questions(path))
            found = ranks(questions, pipeline)
            print(f"{caption(path.name, questions)}\n\n{table(questions, found)}\n", flush=True)
            everything += questions
            for stage in STAGES:
                together[stage] += found[stage]
    if len(options.questions) > 1:
        print(f"{caption('together', everything)}\n\n{table(everything, together)}")


if __name__ == "__main__":
    main()
