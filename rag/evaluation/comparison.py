"""What changed between two runs: each measure with a paired test, and question by question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rag.evaluation.measures import Estimate, estimate, paired_p
from rag.evaluation.runs import Row, rounded
from rag.evaluation.scores import LESS_IS_BETTER, MEANS
from rag.evaluation.summary import LANGUAGES

SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class Change:
    """A measure of the questions that both runs asked: means, their difference, and its p."""

    part: str
    measure: str
    old: float
    new: float
    difference: Estimate
    p: float

    @property
    def significant(self) -> bool:
        """Whether chance alone would seldom make such a difference."""
        return self.p < SIGNIFICANT

    @property
    def worse(self) -> bool:
        """Whether the new run is significantly worse."""
        return self.significant and (self.new > self.old) == (self.measure in LESS_IS_BETTER)


@dataclass(frozen=True, slots=True)
class Moved:
    """A question of which what is wrong has changed."""

    old: Row
    new: Row


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two runs over the questions that both asked; `gone` and `added` are in one of them only."""

    questions: int
    changes: tuple[Change, ...]
    moved: tuple[Moved, ...]
    gone: int
    added: int


def compare(old: Iterable[Row], new: Iterable[Row]) -> Comparison:
    """Compare two runs; a question is the same where id, language and words are the same."""
    before = {_key(row): row for row in old}
    after = {_key(row): row for row in new}
    both = [(before[key], row) for key, row in after.items() if key in before]
    return Comparison(
        questions=len(both),
        changes=tuple(_changes(both)),
        moved=tuple(Moved(a, b) for a, b in both if a.wrong != b.wrong),
        gone=len(before) - len(both),
        added=len(after) - len(both),
    )


def _key(row: Row) -> tuple[str, str, str]:
    return row.id, row.lang, row.question


def _changes(both: Sequence[tuple[Row, Row]]) -> Iterable[Change]:
    for part in ("all", *LANGUAGES):
        rows = [(a.values, b.values) for a, b in both if part in ("all", a.lang)]
        for measure in MEANS:
            shared = [(a[measure], b[measure]) for a, b in rows if measure in a and measure in b]
            if shared:
                yield _change(part, measure, *zip(*shared, strict=True))


def _change(part: str, measure: str, old: Sequence[float], new: Sequence[float]) -> Change:
    difference = estimate([b - a for a, b in zip(old, new, strict=True)])
    before, after = (sum(values) / len(values) for values in (old, new))
    return Change(part, measure, before, after, difference, paired_p(old, new))


def form(comparison: Comparison) -> dict[str, object]:
    """A comparison as JSON."""
    parts: dict[str, dict[str, object]] = {}
    for change in comparison.changes:
        parts.setdefault(change.part, {})[change.measure] = _change_form(change)
    return {
        "questions": comparison.questions,
        "gone": comparison.gone,
        "added": comparison.added,
        "measures": parts,
        "moved": [_moved_form(moved) for moved in comparison.moved],
    }


def _change_form(change: Change) -> Mapping[str, object]:
    ends = {"old": round(change.old, 4), "new": round(change.new, 4)}
    return ends | {"difference": rounded(change.difference), "p": round(change.p, 4)}


def _moved_form(moved: Moved) -> dict[str, object]:
    return {"id": moved.new.id, "old": list(moved.old.wrong), "new": list(moved.new.wrong)}
