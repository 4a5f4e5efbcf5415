"""A run as a page of HTML that stands alone: tables, plots, and every failure with its evidence.

Nothing in it is fetched from anywhere, and its policy forbids it: plots are data in the page, and
there is no script. Jinja escapes whatever comes from questions, answers and documents.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rag.errors import OutputError, extra
from rag.evaluation.comparison import Comparison
from rag.evaluation.plots import plots
from rag.evaluation.runs import dumps, full
from rag.evaluation.scores import Failure, failures
from rag.evaluation.summary import Summary
from rag.evaluation.table import (
    LABELS,
    change_cells,
    compared,
    expected,
    first_found,
    kind_cells,
    measure_cells,
)

PAGE, RUN = "index.html", "run.json"


def prepare(folder: Path) -> None:
    """Make the folder and import what the page needs, so that no run is made for nothing.

    Raises OutputError and MissingExtra.
    """
    with extra("eval"):
        import jinja2  # noqa: F401
        import matplotlib.figure  # noqa: F401
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror or error}") from error


def write_page(
    folder: Path,
    name: str,
    summary: Summary,
    comparison: Comparison | None = None,
    breached: Sequence[str] | None = None,
) -> Path:
    """Write the page of a run of the questions called `name`, and run.json beside it.

    `breached` is what the gate says, None where it was not asked. Returns the path of the page;
    raises OutputError and MissingExtra.
    """
    prepare(folder)
    page = render(name, summary, comparison, breached)
    try:
        (folder / RUN).write_text(dumps(full(summary)) + "\n", encoding="utf-8")
        (folder / PAGE).write_text(page, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror or error}") from error
    return folder / PAGE


def render(
    name: str,
    summary: Summary,
    comparison: Comparison | None = None,
    breached: Sequence[str] | None = None,
) -> str:
    """The page as text."""
    with extra("eval"):
        from jinja2 import Environment, StrictUndefined
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    return environment.from_string(template).render(
        name=name,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        summary=summary,
        measures=measure_cells(summary),
        kinds=kind_cells(summary),
        plots={title: _data(svg) for title, svg in plots(summary).items()},
        failures=failures(summary.report.scores),
        expected=expected,
        found=_found,
        comparison=comparison,
        compared=compared,
        changes=change_cells(comparison) if comparison else None,
        breached=breached,
        labels=LABELS,
    )


def _found(failure: Failure) -> str:
    return ", ".join(first_found(failure, 5)) or "nothing"


def _data(svg: str) -> str:
    """A picture as an address that holds it, so that no id of one meets those of another."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
