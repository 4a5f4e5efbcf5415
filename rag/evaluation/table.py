"""A run as text for people: tables, failures, and what changed since another run."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from rag.columns import display_width, side_by_side
from rag.evaluation.comparison import Comparison, Moved
from rag.evaluation.measures import Estimate
from rag.evaluation.metrics import READ, distinct
from rag.evaluation.scores import Failure
from rag.evaluation.summary import LANGUAGES, Measures, Report, Summary, pairs

LABELS = {
    "accuracy": "right answer",
    "recall@1": "source recall@1",
    "recall@5": "source recall@5",
    "recall@10": "source recall@10",
    "mrr": "source MRR",
    "ndcg@10": "source nDCG@10",
    "cited": "source cited",
    "citation precision": "citation precision",
    "citation recall": "citation recall",
    "verbatim": "quotes verbatim",
    "refusal": "refused rightly",
    "false refusal": "refused wrongly",
    "auroc": "confidence AUROC",
    "risk area": "risk-coverage area",
    "language": "language right",
    "ko-en sources": "Korean = English: sources",
    "ko-en verdict": "Korean = English: verdict",
    "ko-en agreement": "Korean = English: both",
    "median length": "answer length, median",
    "seconds p50": "seconds, median",
    "seconds p95": "seconds, 95%",
}
KIND_COLUMNS = {"recall@5": "recall@5", "cited": "cited", "false refusal": "refused wrongly"}

Row = list[str]


def format_table(summary: Summary) -> str:
    """The measures as tables: all and by language with 95% intervals, then by kind."""
    by_kind = aligned(*kind_cells(summary))
    return f"{aligned(*measure_cells(summary))}\n\n{by_kind}"


def measure_cells(summary: Summary) -> tuple[Row, list[Row]]:
    """The head and the rows of the measures, a column each for all, English and Korean."""
    parts = _reports(summary)
    rows = [["questions with answer", *(_count(part, True) for part in parts)]]
    rows.append(["questions without", *(_count(part, False) for part in parts)])
    if summary.report.unasked:
        rows.append(["not asked: interrupted", str(summary.report.unasked), *[""] * len(parts[1:])])
    both = pairs(summary.report)
    if both:
        rows.append(["pairs of questions", str(len(both)), *[""] * len(parts[1:])])
    for name, label in LABELS.items():
        found = [measures.get(name) for measures in summary.parts.values()]
        if any(found):
            rows.append([label, *(interval(name, one) for one in found)])
    return ["", *summary.parts], rows


def _reports(summary: Summary) -> list[Report]:
    report = summary.report
    return [report if part == "all" else report.of_language(part) for part in summary.parts]


def _count(report: Report, answerable: bool) -> str:
    return str(sum(s.question.answerable is answerable for s in report.scores))


def kind_cells(summary: Summary) -> tuple[Row, list[Row]]:
    """The head and the rows of the kinds: how many went right, in all and by language."""
    head = ["kind", "n", "right", *LANGUAGES, *KIND_COLUMNS.values()]
    return head, [_kind_row(kind, parts) for kind, parts in summary.kinds.items()]


def _kind_row(kind: str, parts: Mapping[str, Measures]) -> Row:
    rates = [interval("", right(parts.get(part, {}))) for part in ("all", *LANGUAGES)]
    rest = [plain(parts["all"].get(name)) for name in KIND_COLUMNS]
    return [kind, str(parts["all"]["language"].n), *rates, *rest]


def right(found: Measures) -> Estimate | None:
    """How often it went right: answered rightly, or refused where there is no answer."""
    return found.get("accuracy") or found.get("refusal")


def interval(name: str, found: Estimate | None) -> str:
    """A value with its interval: "0.62 (0.54-0.70)"; a dash where there is none."""
    if found is None:
        return "-"
    digits = 0 if name == "median length" else 3 if name.startswith("seconds") else 2
    return f"{found.value:.{digits}f} ({found.low:.{digits}f}-{found.high:.{digits}f})"


def plain(found: Estimate | None) -> str:
    """A value without its interval."""
    return "-" if found is None else f"{found.value:.2f}"


def aligned(head: Row, rows: Sequence[Row]) -> str:
    """Columns under their heads, and a rule between."""
    first, *lines = side_by_side([head, *rows])
    widths = [max(map(display_width, column)) for column in zip(head, *rows, strict=True)]
    return "\n".join([first, "  ".join("-" * width for width in widths), *lines])


# -- failures ------------------------------------------------------------------------------------


def format_failures(failures: Sequence[Failure]) -> str:
    """The failures for reading: the question, what is wrong, expected, got and found first."""
    return "\n\n".join(_failure(failure) for failure in failures)


def _failure(failure: Failure) -> str:
    question, outcome = failure.score.question, failure.score.outcome
    lines = [
        f"{question.id} ({question.lang}, {question.kind}): {question.question}",
        *(f"  wrong     {wrong}" for wrong in failure.wrong),
        f"  expected  {expected(failure)}",
        *([f"  source    {', '.join(question.sources)}"] if question.sources else []),
        f"  found     {', '.join(first_found(failure)) or 'nothing'}",
        textwrap.indent(outcome.answer[:READ], "  > ", lambda _: True),
    ]
    return "\n".join(lines)


def expected(failure: Failure) -> str:
    """What a right answer holds, in words."""
    question = failure.score.question
    groups = " & ".join(" | ".join(group) for group in question.must_contain)
    return groups or ("an answer" if question.answerable else "a refusal")


def first_found(failure: Failure, n: int = 3) -> list[str]:
    """The ids of the first sources that were found."""
    return [ids[0] for ids in distinct(failure.score.outcome.passages)[:n]]


# -- comparison ----------------------------------------------------------------------------------


def format_comparison(comparison: Comparison) -> str:
    """What changed: a table of the measures, then every question of which the faults changed."""
    lines = [compared(comparison)]
    rows = change_cells(comparison)
    if rows[1]:
        lines.append(aligned(*rows))
    if comparison.moved:
        lines.append("\n\n".join(_moved(moved) for moved in comparison.moved))
    return "\n\n".join(lines)


def compared(comparison: Comparison) -> str:
    """In one line, what was compared."""
    told = f"{comparison.questions} questions in both runs"
    told += f", {comparison.gone} in the old one only" if comparison.gone else ""
    told += f", {comparison.added} in the new one only" if comparison.added else ""
    return f"{told}; {len(comparison.moved)} went otherwise than before"


def change_cells(comparison: Comparison) -> tuple[Row, list[Row]]:
    """The head and the rows of the measures that changed; a star where p is below 0.05."""
    head = ["", "measure", "old", "new", "difference", "p"]
    changed = [change for change in comparison.changes if change.old != change.new]
    return head, [
        [
            change.part,
            LABELS[change.measure],
            f"{change.old:.3f}",
            f"{change.new:.3f}",
            f"{change.difference.value:+.3f} "
            f"({change.difference.low:+.3f} to {change.difference.high:+.3f})",
            f"{change.p:.4f}" + (" *" if change.significant else ""),
        ]
        for change in changed
    ]


def _moved(moved: Moved) -> str:
    lines = [f"{moved.new.id} ({moved.new.lang}, {moved.new.kind}): {moved.new.question}"]
    for when, row in (("before", moved.old), ("now", moved.new)):
        lines += [f"  {when:<8}{wrong}" for wrong in row.wrong or ("well",)]
    return "\n".join(lines)
