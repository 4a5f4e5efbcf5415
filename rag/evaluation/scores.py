"""How single questions count: what came back, how it is judged, and what went wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

from rag.evaluation import metrics
from rag.evaluation.measures import Ranking, ranking
from rag.golden import GoldenQuestion


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation: the ids of its source, its own first, then aliases; title, version and quote.

    `stands` tells whether the quote is verbatim; None where no text was at hand to check it.
    """

    ids: tuple[str, ...]
    title: str
    version: str
    quote: str
    stands: bool | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back for a question, from this program or another one.

    `passages` holds the ids of each passage as `Cited.ids`. `names` are titles and versions,
    which are of no language. `verdict` is "1", "2", "both", "disagree" or "open".
    """

    answer: str
    refused: bool
    reason: str | None
    confidence: float
    citations: tuple[Cited, ...]
    passages: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]
    verdict: str | None
    seconds: float | None

    @property
    def verbatim(self) -> bool | None:
        """Whether every quote stands in its source; None without quotes or texts to check."""
        found = [one.stands for one in self.citations]
        return None if not found or None in found else all(found)


@dataclass(frozen=True, slots=True)
class Score:
    """One question, what came back, and how it counts. `right` is accuracy, or right refusal."""

    question: GoldenQuestion
    outcome: Outcome
    right: bool
    missing: tuple[tuple[str, ...], ...]
    rank: int | None
    ranking: Ranking
    cited: bool
    precision: float | None
    recall: float | None
    foreign: tuple[str, ...]


def score(question: GoldenQuestion, outcome: Outcome) -> Score:
    """Score one outcome by the rules of the evaluation's README."""
    judge = metrics.accurate if question.answerable else metrics.refusal_right
    cited = [one.ids for one in outcome.citations]
    proofs = [(one.ids, " ".join((*one.ids, one.title, one.quote))) for one in outcome.citations]
    return Score(
        question=question,
        outcome=outcome,
        right=judge(outcome.answer, outcome.refused, question.must_contain),
        missing=tuple(metrics.missing_groups(outcome.answer, question.must_contain)),
        rank=metrics.first_rank(outcome.passages, question.sources),
        ranking=ranking(outcome.passages, question.sources),
        cited=metrics.cited(cited, question.sources),
        precision=metrics.citation_precision(cited, question.sources),
        recall=metrics.citation_recall(proofs, question.sources, question.must_contain),
        foreign=tuple(metrics.foreign_sentences(outcome.answer, question.lang, outcome.names)),
    )


# -- the measures of a question ------------------------------------------------------------------

Value = Callable[[Score], float | None]


def _sought(value: Value) -> Value:
    """Only where a source is to be found."""
    return lambda s: value(s) if s.question.answerable and s.question.sources else None


def _answerable(value: Value) -> Value:
    return lambda s: value(s) if s.question.answerable else None


def _success(s: Score, k: int) -> float:
    return s.ranking.success[k - 1]


# None where the measure does not apply to a question.
MEANS: dict[str, Value] = {
    "accuracy": _answerable(lambda s: s.right),
    "recall@1": _sought(partial(_success, k=1)),
    "recall@5": _sought(partial(_success, k=5)),
    "recall@10": _sought(partial(_success, k=10)),
    "mrr": _sought(lambda s: s.ranking.reciprocal_rank),
    "ndcg@10": _sought(lambda s: s.ranking.ndcg),
    "cited": _sought(lambda s: s.cited),
    "citation precision": _sought(lambda s: s.precision),
    "citation recall": _sought(lambda s: s.recall),
    "verbatim": lambda s: s.outcome.verbatim,
    "refusal": lambda s: None if s.question.answerable else s.right,
    "false refusal": _answerable(lambda s: s.outcome.refused),
    "language": lambda s: not s.foreign,
}
LESS_IS_BETTER = frozenset(["false refusal", "risk area", "median length"])


def values(one: Score) -> dict[str, float]:
    """The measures that apply to a question, by name."""
    found = ((name, value(one)) for name, value in MEANS.items())
    return {name: float(value) for name, value in found if value is not None}


# -- failures ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failure:
    """A question that did not go as it should, and what is wrong with it."""

    score: Score
    wrong: tuple[str, ...]


def failures(scores: Iterable[Score]) -> tuple[Failure, ...]:
    """Every question with something wrong."""
    found = ((one, wrongs(one)) for one in scores)
    return tuple(Failure(one, wrong) for one, wrong in found if wrong)


def wrongs(one: Score) -> tuple[str, ...]:
    """What is wrong with an answer, a phrase each; nothing where all is as it should be."""
    return tuple(_wrongs(one))


def _wrongs(one: Score) -> Iterator[str]:
    question, outcome = one.question, one.outcome
    if not outcome.answer:
        yield f"no answer: {outcome.reason or 'it is empty'}"
    elif question.answerable:
        if outcome.refused:
            yield f"refused: {outcome.reason or 'no reason given'}"
        elif one.missing:
            yield "not said: " + "; ".join(" | ".join(group) for group in one.missing)
        if question.sources and not (one.rank and one.rank <= 5):
            yield f"source at rank {one.rank}" if one.rank else "source not found"
        if question.sources and not outcome.refused and not one.cited:
            yield "source not cited"
    elif not one.right:
        yield "answered, though the documents do not answer it"
    if outcome.verbatim is False:
        yield "a quote does not stand in its source"
    if one.foreign:
        yield f"not in {question.lang}: {one.foreign[0]}"
