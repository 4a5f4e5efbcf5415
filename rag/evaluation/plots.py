"""The plots of a run, each as the text of an SVG picture.

Colours are Okabe and Ito's, which colour-blind readers tell apart. Text stays text, in the fonts
of the reader, so that Hangul needs no font here.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.errors import extra
from rag.evaluation.measures import DEPTH, Estimate, bootstrap, calibration, risk_coverage
from rag.evaluation.scores import Score
from rag.evaluation.summary import LANGUAGES, Report, Summary, answered_right
from rag.evaluation.table import right

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"all": "#333333", "en": "#0072B2", "ko": "#D55E00"}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a dollar is a dollar
    "svg.hashsalt": "ask",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.3,
    "legend.frameon": False,
}

Draw = Callable[["Axes", Summary], None]


def plots(summary: Summary) -> dict[str, str]:
    """Every plot that the run has numbers for, by title; raises MissingExtra without matplotlib."""
    return {
        title: _svg(draw, summary)
        for title, (applies, draw) in _PLOTS.items()
        if applies(summary.report)
    }


def _svg(draw: Draw, summary: Summary) -> str:
    """An SVG element without what makes it a file of its own."""
    with extra("eval"):
        from matplotlib import rc_context
        from matplotlib.figure import Figure
    made = io.StringIO()
    with rc_context(_STYLE), warnings.catch_warnings():
        # Widths of glyphs that matplotlib's own font lacks are guessed; the reader's font has them.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure = Figure(figsize=(6, 3.6), layout="constrained")
        draw(figure.subplots(), summary)
        figure.savefig(made, format="svg", metadata={"Date": None, "Creator": None})
    return made.getvalue()


def _languages(report: Report) -> dict[str, Report]:
    parts = {lang: report.of_language(lang) for lang in LANGUAGES}
    return {lang: part for lang, part in parts.items() if part.scores}


# -- retrieval -----------------------------------------------------------------------------------


def _sought(report: Report) -> list[Score]:
    return [s for s in report.scores if s.question.answerable and s.question.sources]


def _recall(axes: Axes, summary: Summary) -> None:
    ranks = range(1, DEPTH + 1)
    for lang, part in _languages(summary.report).items():
        found = [s.ranking.success for s in _sought(part)]
        if found:
            columns = list(zip(*found, strict=True))
            ends = np.array([bootstrap(column) for column in columns])
            means = [float(np.mean(column)) for column in columns]
            axes.plot(ranks, means, "o-", color=COLOURS[lang], label=f"{lang}, n = {len(found)}")
            axes.fill_between(ranks, ends[:, 0], ends[:, 1], color=COLOURS[lang], alpha=0.15)
    axes.set(xlabel="k", ylabel="recall@k", ylim=(0, 1.03), xticks=list(ranks))
    axes.legend(loc="lower right")


# -- answers -------------------------------------------------------------------------------------


def _kinds(axes: Axes, summary: Summary) -> None:
    names = list(summary.kinds)
    present = [lang for lang in LANGUAGES if lang in summary.parts]
    height = 0.8 / len(present)
    for i, lang in enumerate(present):
        parts = [parts.get(lang) for parts in summary.kinds.values()]
        found = [right(part) if part else None for part in parts]
        at = [row + (i - (len(present) - 1) / 2) * height for row, one in enumerate(found) if one]
        known = [one for one in found if one]
        axes.barh(
            at, [one.value for one in known], height, xerr=_ends(known), color=COLOURS[lang],
            label=lang, error_kw={"elinewidth": 1, "alpha": 0.6},
        )  # fmt: skip
    axes.set(xlabel="right answer, or right refusal", xlim=(0, 1.03), yticks=range(len(names)))
    axes.set_yticklabels(names)
    axes.invert_yaxis()
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))


def _ends(found: list[Estimate]) -> list[list[float]]:
    """How far the intervals reach below and above."""
    below = [max(0.0, one.value - one.low) for one in found]
    return [below, [max(0.0, one.high - one.value) for one in found]]


# -- confidence ----------------------------------------------------------------------------------


def _risk(axes: Axes, summary: Summary) -> None:
    for part, report in ({"all": summary.report} | _languages(summary.report)).items():
        scores = report.scores
        if "risk area" not in summary.parts[part]:
            continue
        coverage, risk = risk_coverage(
            [s.outcome.confidence for s in scores], [answered_right(s) for s in scores]
        )
        area = summary.parts[part]["risk area"].value
        axes.plot(coverage, risk, color=COLOURS[part], label=f"{part}, area {area:.3f}")
        answered = sum(not s.outcome.refused for s in scores)
        if answered:
            axes.plot(coverage[answered - 1], risk[answered - 1], "o", color=COLOURS[part])
    axes.set(xlabel="coverage: share of questions answered, the surest first")
    axes.set(ylabel="risk: share wrong of these", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend(title="dot: as many as were answered", loc="upper left")


def _calibration(axes: Axes, summary: Summary) -> None:
    axes.plot([0, 1], [0, 1], ":", color="grey")
    for part, report in ({"all": summary.report} | _languages(summary.report)).items():
        mean, share = calibration(
            [s.outcome.confidence for s in report.scores],
            [s.question.answerable for s in report.scores],
            bins=min(10, max(1, len(report.scores) // 5)),
        )
        axes.plot(mean, share, "o-", color=COLOURS[part], label=part)
    axes.set(xlabel="confidence, mean of a tenth of the questions", xlim=(0, 1.02))
    axes.set(ylabel="share that the documents answer", ylim=(0, 1.02))
    axes.legend(loc="upper left")


# -- time ----------------------------------------------------------------------------------------


def _latency(axes: Axes, summary: Summary) -> None:
    for lang, part in _languages(summary.report).items():
        times = sorted(s.outcome.seconds * 1000 for s in part.scores if s.outcome.seconds)
        if times:
            shares = np.arange(1, len(times) + 1) / len(times)
            axes.step(times, shares, where="post", color=COLOURS[lang], label=lang)
    for share in (0.5, 0.95):
        axes.axhline(share, color="grey", linestyle=":")
    axes.set(xlabel="milliseconds a question", ylabel="share answered by then", ylim=(0, 1.02))
    axes.set_xscale("log", subs=[2, 5])
    for which in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        which("{x:g}")
    axes.legend(loc="lower right")


def _confident(report: Report) -> bool:
    return any(s.outcome.confidence and s.question.answerable for s in report.scores)


_PLOTS: dict[str, tuple[Callable[[Report], bool], Draw]] = {
    "Recall by k": (lambda report: bool(_sought(report)), _recall),
    "Right by kind and language": (lambda report: True, _kinds),
    "Risk and coverage": (_confident, _risk),
    "Calibration": (_confident, _calibration),
    "Latency": (lambda report: any(s.outcome.seconds for s in report.scores), _latency),
}
