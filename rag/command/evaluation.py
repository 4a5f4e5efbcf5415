"""`ask eval`: asks a file of questions, prints how it went, and holds the run to its gate."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rag.command.progress import Progress
from rag.command.session import open_pipeline, say
from rag.command.terminal import plural
from rag.errors import GateFailed, SourceError, UsageError

if TYPE_CHECKING:
    from rag.evaluation import Report, Summary
    from rag.evaluation.comparison import Comparison
    from rag.evaluation.gate import Gate
    from rag.evaluation.runs import Row
    from rag.golden import GoldenQuestion


@dataclass(frozen=True)
class Judged:
    """A run, what changed since an older one, and why it does not pass; None: not asked for."""

    summary: Summary
    comparison: Comparison | None
    breaches: tuple[str, ...] | None


def evaluate(args: Namespace) -> int:
    """Ask, judge and print; after an interrupt, what was scored until then.

    Raises GateFailed for a run that does not pass; returns 1 where a quote does not stand.
    """
    from rag.evaluation import accept, load_questions

    path = Path(args.file).expanduser()
    if not path.is_file():
        raise SourceError(f"{path}: there is no such file")
    if args.gate and args.accept:
        raise UsageError("--gate holds a run to what --accept replaces; give one of them")
    questions = load_questions(path)
    old, gate = _prepared(args, path)
    judged = _judged(_asked(args, questions), old, gate)
    _print(args, judged)
    if args.report:
        _write_report(args, path, judged)
    report = judged.summary.report
    if report.unasked:
        told = f"interrupted: {report.unasked:,} of {plural(len(questions), 'question')} not asked"
        raise KeyboardInterrupt(told)
    if any(one.outcome.verbatim is False for one in report.scores):
        say("a quote does not stand in its source: the run has failed")
        return 1
    for reason in judged.breaches or ():
        say(reason)
    if judged.breaches:
        raise GateFailed(f"the gate is shut, for {plural(len(judged.breaches), 'reason')}")
    if args.accept:
        say("accepted: " + ", ".join(map(str, accept(path, judged.summary))))
    return 0


def _prepared(args: Namespace, path: Path) -> tuple[tuple[Row, ...] | None, Gate | None]:
    """The run to compare with and the gate; what can fail, fails before anything is asked."""
    from rag.evaluation import read_gate, read_run
    from rag.evaluation.measures import check
    from rag.evaluation.page import prepare

    check()
    if args.report:
        prepare(_folder(args))
    old = read_run(Path(args.compare).expanduser()) if args.compare else None
    return old, read_gate(path) if args.gate else None


def _asked(args: Namespace, questions: Sequence[GoldenQuestion]) -> Report:
    """The scores of the questions, or of as many as were asked before an interrupt."""
    from rag.config import completes_follow_ups
    from rag.evaluation import Report, ask_all

    scores = []
    follow_ups = completes_follow_ups(args.follow_ups)
    with open_pipeline(args) as pipeline:
        progress = Progress(sys.stderr)
        try:
            for one in ask_all(questions, pipeline, follow_ups=follow_ups):
                scores.append(one)
                progress("asking", len(scores), len(questions))
        except KeyboardInterrupt:
            if not scores:
                raise
        finally:
            progress.close()
    return Report(tuple(scores), unasked=len(questions) - len(scores))


def _judged(report: Report, old: Sequence[Row] | None, gate: Gate | None) -> Judged:
    from rag.evaluation import breaches, compare, summarise
    from rag.evaluation.runs import row_of

    summary = summarise(report)
    rows = [row_of(one) for one in report.scores]
    whole = not report.unasked
    return Judged(
        summary,
        compare(old, rows) if old is not None else None,
        breaches(gate, summary, rows) if gate is not None and whole else None,
    )


def _print(args: Namespace, judged: Judged) -> None:
    from rag.evaluation import failures, format_comparison, format_failures, format_table
    from rag.evaluation.comparison import form
    from rag.evaluation.runs import brief, dumps, full

    summary, comparison = judged.summary, judged.comparison
    if not args.json:
        parts = [format_table(summary)]
        if args.failures:
            parts.append(format_failures(failures(summary.report.scores)))
        if comparison is not None:
            parts.append(format_comparison(comparison))
        sys.stdout.write("\n\n".join(part for part in parts if part) + "\n\n")
    made = full(summary) if args.json else brief(summary)
    if comparison is not None:
        made["comparison"] = form(comparison)
    if judged.breaches is not None:
        made["gate"] = {"passed": not judged.breaches, "reasons": judged.breaches}
    sys.stdout.write(dumps(made) + "\n")
    sys.stdout.flush()


def _write_report(args: Namespace, path: Path, judged: Judged) -> None:
    from rag.evaluation import write_page

    page = write_page(_folder(args), path.name, judged.summary, judged.comparison, judged.breaches)
    say(f"report: {page}")


def _folder(args: Namespace) -> Path:
    return Path(args.report).expanduser()
