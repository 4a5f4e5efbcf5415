"""The measures over many questions: all, each language, each kind, with 95% intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rag.evaluation.measures import Estimate, auroc, estimate, percentile, risk_area
from rag.evaluation.scores import MEANS, Outcome, Score

Measures = Mapping[str, Estimate]
LANGUAGES = ("en", "ko")


@dataclass(frozen=True, slots=True)
class Report:
    """All scores, in the order of the questions; `unasked` questions an interrupt left over."""

    scores: tuple[Score, ...]
    unasked: int = 0

    def of_language(self, language: str) -> Report:
        """The part of one language."""
        return Report(tuple(s for s in self.scores if s.question.lang == language))

    def of_kind(self, kind: str) -> Report:
        """The part of one kind."""
        return Report(tuple(s for s in self.scores if s.question.kind == kind))


@dataclass(frozen=True, slots=True)
class Summary:
    """A report with its measures: by part ("all", "en", "ko"), and by kind and part."""

    report: Report
    parts: Mapping[str, Measures]
    kinds: Mapping[str, Mapping[str, Measures]]


def summarise(report: Report) -> Summary:
    """Every measure of every part that has questions."""
    by_kind = {kind: _parts(report.of_kind(kind)) for kind in kinds(report)}
    return Summary(report, _parts(report), by_kind)


def _parts(report: Report) -> dict[str, Measures]:
    parts = {"all": report} | {lang: report.of_language(lang) for lang in LANGUAGES}
    return {name: measures(part) for name, part in parts.items() if part.scores}


def measures(report: Report) -> dict[str, Estimate]:
    """Every measure that applies to at least one question, by name."""
    scores = report.scores
    found: dict[str, Estimate | None] = {}
    for name, value in MEANS.items():
        found[name] = _mean([v for v in map(value, scores) if v is not None])
    both = pairs(report)
    found["ko-en sources"] = _mean([overlap(*pair) for pair in both])
    found["ko-en verdict"] = _mean([same_verdict(*pair) for pair in both])
    found["ko-en agreement"] = _mean([agrees(*pair) for pair in both])
    found["auroc"] = auroc(
        [s.outcome.confidence for s in scores if s.question.answerable],
        [s.outcome.confidence for s in scores if not s.question.answerable],
    )
    if any(s.question.answerable for s in scores):
        found["risk area"] = risk_area(
            [s.outcome.confidence for s in scores], [answered_right(s) for s in scores]
        )
    lengths = [float(len(s.outcome.answer)) for s in scores if not s.outcome.refused]
    seconds = [s.outcome.seconds for s in scores if s.outcome.seconds is not None]
    found["median length"] = estimate(lengths, np.median) if lengths else None
    for name, share in (("seconds p50", 0.5), ("seconds p95", 0.95)):
        found[name] = estimate(seconds, percentile(share)) if seconds else None
    return {name: value for name, value in found.items() if value is not None}


def _mean(values: list[float]) -> Estimate | None:
    return estimate(values) if values else None


def answered_right(one: Score) -> bool:
    """Whether a question got a right answer; a refusal is none, whatever the question.

    This is what the risk-coverage curve counts: of a question that was refused nobody knows what
    the answer would have been, so that covering it counts as wrong.
    """
    return one.right and not one.outcome.refused


# -- pairs ---------------------------------------------------------------------------------------


def pairs(report: Report) -> list[tuple[Score, Score]]:
    """The scores of questions that are the same in two languages, English first."""
    by_pair: dict[str, dict[str, Score]] = {}
    for one in report.scores:
        if one.question.pair is not None:
            by_pair.setdefault(one.question.pair, {})[one.question.lang] = one
    return [(both["en"], both["ko"]) for both in by_pair.values() if len(both) == 2]


def agrees(one: Score, other: Score) -> bool:
    """Whether two answers say the same: one verdict, and both refused or one source in common."""
    return same_verdict(one, other) and (one.outcome.refused or overlap(one, other) > 0)


def same_verdict(one: Score, other: Score) -> bool:
    """Whether both were refused, or neither and both conclude alike in an either/or question."""
    a, b = one.outcome, other.outcome
    return a.refused == b.refused and (a.refused or a.verdict == b.verdict)


def overlap(one: Score, other: Score) -> float:
    """How many of the sources that two answers cite they share (Jaccard); two refusals: all.

    An answer that cites nothing stands on its first passage.
    """
    if one.outcome.refused or other.outcome.refused:
        return float(one.outcome.refused == other.outcome.refused)
    a, b = _leads(one.outcome), _leads(other.outcome)
    return len(a & b) / len(a | b) if a | b else 0.0


def _leads(outcome: Outcome) -> set[str]:
    leads = [cited.ids for cited in outcome.citations] or outcome.passages[:1]
    return {ids[0] for ids in leads}


# -- kinds ---------------------------------------------------------------------------------------


def kinds(report: Report) -> list[str]:
    """The kinds of questions: those with an answer first, then the others, each by name."""

    def order(kind: str) -> tuple[bool, str]:
        return not any(s.question.answerable for s in report.of_kind(kind).scores), kind

    return sorted({s.question.kind for s in report.scores}, key=order)
