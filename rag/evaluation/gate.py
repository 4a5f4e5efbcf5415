"""The gate: a run must not sink below the floors, nor be significantly worse than the accepted one.

Both stand beside the questions: floors.toml, and accepted.json with the checksum of the questions
it is of. `ask eval FILE --accept` writes both from the run it makes. A floor is the lower end of
the 95% interval of that run, rounded down to a hundredth; where less is better, the upper end.
"""

from __future__ import annotations

import hashlib
import json
import math
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rag.errors import OutputError, SourceError, UsageError
from rag.evaluation import runs
from rag.evaluation.comparison import Comparison, compare
from rag.evaluation.scores import LESS_IS_BETTER
from rag.evaluation.summary import Measures, Summary

# What is held: retrieval, answers and refusals. The rest follows from these or is for looking at.
GATED = (
    "accuracy", "recall@5", "mrr", "cited", "verbatim", "refusal", "false refusal", "language",
    "ko-en agreement", "median length",
)  # fmt: skip
PARTS = ("all", "en", "ko")

Floors = Mapping[str, Mapping[str, float]]  # by part and measure


@dataclass(frozen=True, slots=True)
class Gate:
    """What a run is held to: the floors, and the rows of the accepted run."""

    floors: Floors
    accepted: tuple[runs.Row, ...]


def floors_file(questions: Path) -> Path:
    """Where the floors of a file of questions stand."""
    return questions.parent / "floors.toml"


def accepted_file(questions: Path) -> Path:
    """Where the accepted run of a file of questions stands."""
    return questions.parent / "accepted.json"


def checksum(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_gate(questions: Path) -> Gate:
    """What stands beside a file of questions.

    Raises SourceError where a file is missing, UsageError where one is broken or of other
    questions; the message names the command that writes them anew.
    """
    remedy = f"make it with: ask eval {questions} --accept"
    for path in (floors_file(questions), accepted_file(questions)):
        if not path.is_file():
            raise SourceError(f"{path}: there is no such file; {remedy}")
    made = runs.read_json(accepted_file(questions))
    if made.get("sha256") != checksum(questions):
        raise UsageError(f"{accepted_file(questions)} is a run of other questions; {remedy}")
    return Gate(read_floors(floors_file(questions)), runs.rows_of(made, accepted_file(questions)))


def read_floors(path: Path) -> Floors:
    """The floors in a file; raises UsageError that names what is wrong."""
    try:
        given: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise UsageError(f"{path}: no TOML that can be read ({error})") from error
    for part, floors in given.items():
        if part not in PARTS or not isinstance(floors, dict):
            raise UsageError(f"{path}: '{part}' is none of the tables {', '.join(PARTS)}")
        for name, value in floors.items():
            if name not in GATED:
                raise UsageError(f"{path}: '{name}' is no measure that has a floor")
            if type(value) not in (int, float) or not math.isfinite(value):
                raise UsageError(f"{path}: the floor of '{name}' is a number, not {value!r}")
    if not any(given.values()):
        raise UsageError(f"{path}: there is no floor in it")
    return given


def breaches(gate: Gate, summary: Summary, rows: Sequence[runs.Row]) -> tuple[str, ...]:
    """Why a run does not pass, a sentence each; nothing where it passes."""
    return (*_sunk(gate.floors, summary), *_worse(compare(gate.accepted, rows)))


def _sunk(floors: Floors, summary: Summary) -> Iterator[str]:
    for part, by_name in floors.items():
        for name, floor in by_name.items():
            found = summary.parts.get(part, {}).get(name)
            if found is None:
                yield f"{name} ({part}) was not measured, and its floor is {floor:g}"
            elif name in LESS_IS_BETTER and found.value > floor:
                yield f"{name} ({part}) is {found.value:.4g}, more than the allowed {floor:g}"
            elif name not in LESS_IS_BETTER and found.value < floor:
                yield f"{name} ({part}) is {found.value:.4g}, below its floor {floor:g}"


def _worse(comparison: Comparison) -> Iterator[str]:
    for change in comparison.changes:
        if change.worse and change.measure in GATED:
            moved = "rose" if change.new > change.old else "fell"
            yield (
                f"{change.measure} ({change.part}) {moved} from {change.old:.4g} to "
                f"{change.new:.4g} since the accepted run (p = {change.p:.2g})"
            )


# -- renewing ------------------------------------------------------------------------------------


def accept(questions: Path, summary: Summary) -> tuple[Path, Path]:
    """Write the floors and the accepted run from a run; returns the two files.

    Raises UsageError for a run that is not whole or whose quotes do not all stand in their
    sources, OutputError where the files cannot be written.
    """
    if summary.report.unasked:
        raise UsageError("a run that was interrupted cannot be accepted")
    if any(one.outcome.verbatim is False for one in summary.report.scores):
        raise UsageError("a run with a quote that does not stand in its source cannot be accepted")
    texts = {
        floors_file(questions): _floors_text(questions.name, summary),
        accepted_file(questions): _run_text(questions, summary),
    }
    for path, text in texts.items():
        try:
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{path}: {error.strerror or error}") from error
    return floors_file(questions), accepted_file(questions)


def _floors_text(name: str, summary: Summary) -> str:
    lines = [
        f"# What `ask eval {name} --gate` holds a run to. Written by --accept: the worse ends of the",
        "# 95% intervals of the accepted run.",
    ]
    for part in PARTS:
        if part in summary.parts:
            lines += ["", f"[{part}]", *_floor_lines(summary.parts[part])]
    return "\n".join(lines) + "\n"


def _floor_lines(found: Measures) -> Iterator[str]:
    for name in GATED:
        if name in found:
            yield f"{json.dumps(name)} = {_floor(name, found):g}"


def _floor(name: str, found: Measures) -> float:
    """The worse end of the interval, in hundredths; of characters, in whole ones."""
    steps = 1 if name == "median length" else 100
    if name in LESS_IS_BETTER:
        return math.ceil(round(found[name].high * steps, 6)) / steps
    return math.floor(round(found[name].low * steps, 6)) / steps


def _run_text(questions: Path, summary: Summary) -> str:
    """A run as JSON with a line for each question, so that a change shows as that line."""
    head = {
        "questions_file": questions.name,
        "sha256": checksum(questions),
        "made": datetime.now(UTC).date().isoformat(),
        "questions": len(summary.report.scores),
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in runs.rows(summary))
    lines.append(f'"scores": [\n{rows}\n]')
    return "{\n" + ",\n".join(lines) + "\n}\n"
