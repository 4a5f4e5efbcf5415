"""A run as JSON: the measures, and how each question went, so that runs can be compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag.errors import SourceError, UsageError
from rag.evaluation.measures import Estimate
from rag.evaluation.scores import Score, values, wrongs
from rag.evaluation.summary import Measures, Summary


@dataclass(frozen=True, slots=True)
class Row:
    """How one question went: the measures that apply to it, and what was wrong."""

    id: str
    lang: str
    kind: str
    question: str
    values: Mapping[str, float]
    wrong: tuple[str, ...]


def row_of(one: Score) -> Row:
    """What is kept of a score; the answer is not."""
    question = one.question
    numbers = {name: round(value, 6) for name, value in values(one).items()}
    return Row(question.id, question.lang, question.kind, question.question, numbers, wrongs(one))


def brief(summary: Summary) -> dict[str, object]:
    """How many questions were asked, and the measures of each part, as JSON."""
    asked = len(summary.report.scores)
    counts = {"questions": asked + summary.report.unasked, "unasked": summary.report.unasked}
    return {**counts, "measures": _parts(summary.parts)}


def full(summary: Summary) -> dict[str, object]:
    """The same with the measures of each kind, and how each question went."""
    kinds = {kind: _parts(parts) for kind, parts in summary.kinds.items()}
    return brief(summary) | {"kinds": kinds, "scores": rows(summary)}


def _parts(parts: Mapping[str, Measures]) -> dict[str, dict[str, dict[str, float]]]:
    return {
        part: {name: rounded(value) for name, value in found.items()}
        for part, found in parts.items()
    }


def dumps(made: Mapping[str, object]) -> str:
    """JSON on one line."""
    return json.dumps(made, ensure_ascii=False)


def rounded(found: Estimate) -> dict[str, float]:
    """An estimate as JSON, four digits of each number."""
    return {
        "value": round(found.value, 4),
        "low": round(found.low, 4),
        "high": round(found.high, 4),
        "n": found.n,
    }


def rows(summary: Summary) -> list[dict[str, object]]:
    """How each question went, as JSON."""
    return [asdict(row_of(one)) for one in summary.report.scores]


def read_run(path: Path) -> tuple[Row, ...]:
    """The questions of a run that `ask eval --json` or --report wrote.

    Raises SourceError for a file that cannot be read and UsageError for one that is no such run.
    """
    return rows_of(read_json(path), path)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file; raises SourceError and UsageError."""
    try:
        made = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no run of ask eval --json: not JSON ({error})") from error
    if not isinstance(made, dict):
        raise UsageError(f"{path} is no run of ask eval --json: not a JSON object")
    return made


def rows_of(made: Mapping[str, Any], path: Path) -> tuple[Row, ...]:
    """The rows of a run that was read from `path`; raises UsageError where there are none."""
    if not made.get("scores"):
        raise UsageError(f"{path} tells of no single question; make it with: ask eval FILE --json")
    try:
        found = tuple(_row(one) for one in made["scores"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"{path}: a line of its scores is broken ({error!r})") from error
    return found


def _row(one: Mapping[str, Any]) -> Row:
    numbers = {str(name): float(value) for name, value in one["values"].items()}
    id_, lang, kind, question = (str(one[key]) for key in ("id", "lang", "kind", "question"))
    return Row(id_, lang, kind, question, numbers, tuple(map(str, one["wrong"])))
