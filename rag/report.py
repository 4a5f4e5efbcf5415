"""A report of an evaluation as text for people and as one line of JSON for machines."""

from __future__ import annotations

import json
import textwrap

from rag.metrics import READ
from rag.scores import Estimate, Failure, Report, kinds, pairs, summary

_ROWS = {
    "accuracy": "right answer",
    "recall@1": "source recall@1",
    "recall@5": "source recall@5",
    "recall@10": "source recall@10",
    "mrr": "source MRR",
    "ndcg@10": "source nDCG@10",
    "cited": "source cited",
    "citation precision": "citation precision",
    "verbatim": "quotes verbatim",
    "refusal": "refused rightly",
    "false refusal": "refused wrongly",
    "language": "language right",
    "ko-en agreement": "Korean agrees with English",
    "auroc": "confidence AUROC",
    "median length": "answer length, median",
    "seconds p50": "seconds, median",
    "seconds p95": "seconds, 95%",
}
_KIND_COLUMNS = ("accuracy", "refusal", "recall@5", "cited", "false refusal")


def format_table(report: Report) -> str:
    """The measures as a table: overall and per language with 95% intervals, then per kind."""
    parts = {"all": report} | {lang: report.of_language(lang) for lang in ("en", "ko")}
    parts = {name: part for name, part in parts.items() if part.scores}
    sums = {name: summary(part) for name, part in parts.items()}
    head = ["", *parts]
    rows = [["questions with answer", *(_count(part, True) for part in parts.values())]]
    rows.append(["questions without", *(_count(part, False) for part in parts.values())])
    if pairs(report):
        rows.append(["pairs of questions", str(len(pairs(report))), *[""] * (len(parts) - 1)])
    for key, label in _ROWS.items():
        if any(key in found for found in sums.values()):
            rows.append([label, *(_interval(key, found.get(key)) for found in sums.values())])
    return f"{_aligned(head, rows)}\n\n{_kind_table(report)}"


def _kind_table(report: Report) -> str:
    rows = []
    for kind in kinds(report):
        part = report.of_kind(kind)
        found = summary(part)
        values = [found.get(key) for key in _KIND_COLUMNS]
        rows.append([kind, str(len(part.scores)), *(_plain(value) for value in values)])
    return _aligned(["kind", "n", *(_ROWS[key] for key in _KIND_COLUMNS)], rows)


def _count(report: Report, answerable: bool) -> str:
    return str(sum(s.question.answerable is answerable for s in report.scores))


def _interval(key: str, found: Estimate | None) -> str:
    """A value with its interval: "0.62 (0.54-0.70)"; a dash where there is none."""
    if found is None:
        return "-"
    digits = 0 if key == "median length" else 3 if key.startswith("seconds") else 2
    value = f"{found.value:.{digits}f}"
    if key == "auroc":
        return value
    return f"{value} ({found.low:.{digits}f}-{found.high:.{digits}f})"


def _plain(found: Estimate | None) -> str:
    return "-" if found is None else f"{found.value:.2f}"


def _aligned(head: list[str], rows: list[list[str]]) -> str:
    """Columns under their heads, the first to the left and the others to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(row: list[str]) -> str:
        first, *others = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        return "  ".join([first, *others]).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([line(head), rule, *map(line, rows)])


def to_json(report: Report, *, questions: bool = False) -> str:
    """The measures as one line of JSON; with `questions` also how each question went."""
    parts = {"all": report} | {lang: report.of_language(lang) for lang in ("en", "ko")}
    made: dict[str, object] = {
        "questions": len(report.scores),
        "measures": {name: _measures(part) for name, part in parts.items() if part.scores},
        "kinds": {kind: _measures(report.of_kind(kind)) for kind in kinds(report)},
    }
    if questions:
        made["scores"] = [
            {
                "id": s.question.id,
                "right": s.right,
                "refused": s.outcome.refused,
                "rank": s.rank,
                "cited": s.cited,
                "confidence": s.outcome.confidence,
            }
            for s in report.scores
        ]
    return json.dumps(made, ensure_ascii=False)


def _measures(report: Report) -> dict[str, dict[str, float]]:
    return {
        name: {
            "value": round(found.value, 4),
            "low": round(found.low, 4),
            "high": round(found.high, 4),
            "n": found.n,
        }
        for name, found in summary(report).items()
    }


def format_failures(failures: tuple[Failure, ...]) -> str:
    """The failures for reading: the question, what is wrong, expected, got and found first."""
    return "\n\n".join(_failure(failure) for failure in failures)


def _failure(failure: Failure) -> str:
    question = failure.question
    expected = " & ".join(" | ".join(group) for group in question.must_contain)
    lines = [
        f"{question.id} ({question.lang}, {question.kind}): {question.question}",
        *(f"  wrong     {wrong}" for wrong in failure.wrong),
        f"  expected  {expected or ('an answer' if question.answerable else 'a refusal')}",
        *([f"  source    {', '.join(question.sources)}"] if question.sources else []),
        f"  found     {', '.join(failure.first) or 'nothing'}",
        textwrap.indent(failure.answer[:READ], "  > ", lambda _: True),
    ]
    return "\n".join(lines)
