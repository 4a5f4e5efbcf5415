"""Scores of single questions, and their summary over languages and kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from rag import metrics
from rag.golden import GoldenQuestion


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back for a question, from this program or another one.

    `cited` and `passages` hold the ids of each citation and passage, its own first, then its
    aliases. `verbatim` is None where no text was at hand to check the quotes. `names` are titles
    and versions, which are of no language. `verdict` is "1", "2", "both", "disagree" or "open".
    """

    answer: str
    refused: bool
    reason: str | None
    confidence: float
    cited: tuple[tuple[str, ...], ...]
    passages: tuple[tuple[str, ...], ...]
    verbatim: bool | None
    names: tuple[str, ...]
    verdict: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """One question, what came back, and how it counts. `right` is accuracy, or right refusal."""

    question: GoldenQuestion
    outcome: Outcome
    right: bool
    missing: tuple[tuple[str, ...], ...]
    rank: int | None
    ndcg: float
    cited: bool
    precision: float | None
    foreign: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number over `n` questions with its 95% interval."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class Report:
    """All scores, in the order of the questions."""

    scores: tuple[Score, ...]

    def of_language(self, language: str) -> Report:
        """The part of one language."""
        return Report(tuple(s for s in self.scores if s.question.lang == language))

    def of_kind(self, kind: str) -> Report:
        """The part of one kind."""
        return Report(tuple(s for s in self.scores if s.question.kind == kind))


def score(question: GoldenQuestion, outcome: Outcome) -> Score:
    """Score one outcome by the rules of the evaluation's README."""
    judge = metrics.accurate if question.answerable else metrics.refusal_right
    return Score(
        question=question,
        outcome=outcome,
        right=judge(outcome.answer, outcome.refused, question.must_contain),
        missing=tuple(metrics.missing_groups(outcome.answer, question.must_contain)),
        rank=metrics.first_rank(outcome.passages, question.sources),
        ndcg=metrics.ndcg_at(outcome.passages, question.sources, 10),
        cited=metrics.cited(outcome.cited, question.sources),
        precision=metrics.citation_precision(outcome.cited, question.sources),
        foreign=tuple(metrics.foreign_sentences(outcome.answer, question.lang, outcome.names)),
    )


# -- summary -------------------------------------------------------------------------------------

Value = Callable[[Score], float | None]


def _sought(value: Value) -> Value:
    """Only where a source is to be found."""
    return lambda s: value(s) if s.question.answerable and s.question.sources else None


def _answerable(value: Value) -> Value:
    return lambda s: value(s) if s.question.answerable else None


def _recall(s: Score, k: int) -> float:
    return metrics.recall_at(s.rank, k)


# What is asked of each question; None where the measure does not apply to it.
MEANS: dict[str, Value] = {
    "accuracy": _answerable(lambda s: s.right),
    "recall@1": _sought(partial(_recall, k=1)),
    "recall@5": _sought(partial(_recall, k=5)),
    "recall@10": _sought(partial(_recall, k=10)),
    "mrr": _sought(lambda s: metrics.reciprocal_rank(s.rank)),
    "ndcg@10": _sought(lambda s: s.ndcg),
    "cited": _sought(lambda s: s.cited),
    "citation precision": _sought(lambda s: s.precision),
    "verbatim": lambda s: s.outcome.verbatim if s.outcome.cited else None,
    "refusal": lambda s: None if s.question.answerable else s.right,
    "false refusal": _answerable(lambda s: s.outcome.refused),
    "language": lambda s: not s.foreign,
}


def summary(report: Report) -> dict[str, Estimate]:
    """Every measure that applies to at least one question, by name."""
    found: dict[str, Estimate] = {}
    for name, value in MEANS.items():
        values = [float(v) for v in map(value, report.scores) if v is not None]
        _add(found, name, values, metrics.mean)
    agree = [float(agrees(*pair)) for pair in pairs(report)]
    _add(found, "ko-en agreement", agree, metrics.mean)
    lengths = [float(len(s.outcome.answer)) for s in report.scores if not s.outcome.refused]
    _add(found, "median length", lengths, metrics.median)
    seconds = [s.outcome.seconds for s in report.scores if s.outcome.seconds is not None]
    _add(found, "seconds p50", seconds, partial(metrics.percentile, share=0.5))
    _add(found, "seconds p95", seconds, partial(metrics.percentile, share=0.95))
    trust = metrics.auroc(
        [s.outcome.confidence for s in report.scores],
        [s.question.answerable for s in report.scores],
    )
    if trust is not None:
        found["auroc"] = Estimate(trust, trust, trust, len(report.scores))
    return found


def _add(
    found: dict[str, Estimate],
    name: str,
    values: Sequence[float],
    statistic: Callable[[Sequence[float]], float],
) -> None:
    if values:
        low, high = metrics.bootstrap(values, statistic)
        found[name] = Estimate(statistic(values), low, high, len(values))


def pairs(report: Report) -> list[tuple[Score, Score]]:
    """The scores of questions that are the same in two languages, English first."""
    by_pair: dict[str, dict[str, Score]] = {}
    for one in report.scores:
        if one.question.pair is not None:
            by_pair.setdefault(one.question.pair, {})[one.question.lang] = one
    return [(both["en"], both["ko"]) for both in by_pair.values() if len(both) == 2]


def agrees(one: Score, other: Score) -> bool:
    """Whether two answers say the same: both refused, or one source in common and one verdict.

    The sources are those cited, or the first passage where an answer cites nothing.
    """
    a, b = one.outcome, other.outcome
    if a.refused or b.refused:
        return a.refused == b.refused
    return a.verdict == b.verdict and not _leads(a).isdisjoint(_leads(b))


def _leads(outcome: Outcome) -> set[str]:
    return {id_ for ids in outcome.cited or outcome.passages[:1] for id_ in ids}


def kinds(report: Report) -> list[str]:
    """The kinds of questions: those with an answer first, then the others, each by name."""

    def order(kind: str) -> tuple[bool, str]:
        return not any(s.question.answerable for s in report.of_kind(kind).scores), kind

    return sorted(_unique(s.question.kind for s in report.scores), key=order)


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))


# -- failures ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Failure:
    """A question that did not go as it should: what is wrong, expected, got, found first."""

    question: GoldenQuestion
    wrong: tuple[str, ...]
    answer: str
    first: tuple[str, ...]


def failures(report: Report) -> tuple[Failure, ...]:
    """Every question with something wrong, with what was expected, got and found first."""
    found = []
    for one in report.scores:
        wrong = tuple(_wrongs(one))
        if wrong:
            ids = metrics.distinct(one.outcome.passages)[:3]
            first = tuple(source for source, *_ in ids)
            found.append(Failure(one.question, wrong, one.outcome.answer, first))
    return tuple(found)


def _wrongs(one: Score) -> Iterable[str]:
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
