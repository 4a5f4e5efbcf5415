"""The numbers that well-kept libraries compute: rankings, intervals, paired tests, calibration.

ir_measures (on trec_eval) scores rankings, scipy gives intervals and tests, scikit-learn the
calibration. ranx was tried: it compiles for 12 s when first used and 4 s later (two cores), and
its compiler warns, which fails where warnings are errors; ir_measures takes 0.1 s. Everything here
raises MissingExtra without the extra `eval`, and nothing is imported before it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import extra
from rag.evaluation.metrics import Ids, distinct

Array = NDArray[np.float64]
Statistic = Callable[..., Any]  # of (..., n) float64 with `axis`, as numpy's

DEPTH = 10
RESAMPLES = 1000
SHUFFLES = 9999


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number over `n` questions with its 95% interval."""

    value: float
    low: float
    high: float
    n: int


def check() -> None:
    """Raise MissingExtra where the libraries are not installed."""
    with extra("eval"):
        import ir_measures  # noqa: F401
        import scipy.stats  # noqa: F401


# -- rankings ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ranking:
    """How a ranking finds what is expected; `success[k - 1]` is 1.0 where one is in the first k."""

    success: tuple[float, ...]
    reciprocal_rank: float
    ndcg: float


def ranking(ranked: Iterable[Ids], sources: Collection[str]) -> Ranking:
    """Success@1 to @10, reciprocal rank and nDCG@10 (gains 0 and 1) of the distinct sources found.

    The success of the first right source is what the evaluation's README calls source recall. Ids
    that one found source carries together are one thing, so that finding it is a full score.
    """
    if not sources:
        return Ranking((0.0,) * DEPTH, 0.0, 0.0)
    with extra("eval"):
        import ir_measures
        from ir_measures import RR, Success, nDCG
    left, relevant, run = set(sources), set[str](), dict[str, float]()
    for rank, ids in enumerate(distinct(ranked), 1):
        met = left.intersection(ids)
        name = min(met, default=f"#{rank}")
        left -= met
        relevant |= {name} if met else set()
        run[name] = -float(rank)
    wanted = [*(Success @ k for k in range(1, DEPTH + 1)), RR, nDCG @ DEPTH]
    qrels = {"q": dict.fromkeys(relevant | left, 1)}
    found = {one.measure: one.value for one in ir_measures.iter_calc(wanted, qrels, {"q": run})}
    *success, reciprocal, ndcg = (float(found[measure]) for measure in wanted)
    return Ranking(tuple(success), reciprocal, ndcg)


# -- intervals -----------------------------------------------------------------------------------


def bootstrap(values: Sequence[float], statistic: Statistic = np.mean) -> tuple[float, float]:
    """The 95% interval of `statistic` by the percentile bootstrap (Efron 1979), seeded."""
    sample = np.asarray(values, np.float64)
    if len(sample) == 0:
        raise ValueError("an interval needs at least one value")
    if (sample == sample[0]).all():
        only = float(statistic(sample, axis=-1))
        return only, only
    return _interval((sample,), statistic)


def estimate(values: Sequence[float], statistic: Statistic = np.mean) -> Estimate:
    """`statistic` of the values with its interval; raises ValueError without any."""
    low, high = bootstrap(values, statistic)
    return Estimate(
        float(statistic(np.asarray(values, np.float64), axis=-1)), low, high, len(values)
    )


def percentile(share: float) -> Statistic:
    """The statistic below which `share` (0 to 1) of the values lie, linear between neighbours."""
    return lambda values, axis: np.quantile(values, share, axis=axis)


def auroc(positive: Sequence[float], negative: Sequence[float]) -> Estimate | None:
    """The chance that a positive scores above a negative, ties half; None without both.

    The Mann-Whitney statistic (Hanley and McNeil, Radiology 143, 1982); the two samples are drawn
    anew each for itself.
    """
    if not positive or not negative:
        return None
    ups, downs = np.asarray(positive, np.float64), np.asarray(negative, np.float64)
    value = float(_wins(ups, downs, axis=-1))
    n = len(ups) + len(downs)
    if min(len(ups), len(downs)) < 2:
        return Estimate(value, value, value, n)
    return Estimate(value, *_interval((ups, downs), _wins), n)


def _wins(ups: Array, downs: Array, axis: int) -> Array:
    with extra("eval"):
        from scipy.stats import mannwhitneyu
    wins: Array = mannwhitneyu(ups, downs, axis=axis, method="asymptotic").statistic
    share: Array = wins / (ups.shape[axis] * downs.shape[axis])
    return share


def _interval(
    samples: tuple[Array, ...], statistic: Statistic, *, paired: bool = False
) -> tuple[float, float]:
    with extra("eval"):
        from scipy import stats
    drawn = stats.bootstrap(
        samples, statistic, paired=paired, vectorized=True, method="percentile",
        n_resamples=RESAMPLES, rng=0,
    )  # fmt: skip
    return float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)


# -- comparing -----------------------------------------------------------------------------------


def paired_p(old: Sequence[float], new: Sequence[float]) -> float:
    """The chance of a mean difference as large or larger if old and new were the same, two-sided.

    The paired randomisation test (Fisher), exact up to 13 questions that differ; in rankings it is
    the one to take (Smucker, Allan and Carterette, CIKM 2007).
    """
    differences = np.asarray(new, np.float64) - np.asarray(old, np.float64)
    differences = differences[differences != 0]  # equal pairs change no shuffle
    if len(differences) < 2:
        return 1.0
    with extra("eval"):
        from scipy import stats
    tested = stats.permutation_test(
        (differences, np.zeros_like(differences)), lambda a, b, axis: (a - b).mean(axis=axis),
        permutation_type="samples", vectorized=True, n_resamples=SHUFFLES, rng=0,
    )  # fmt: skip
    return float(tested.pvalue)


# -- confidence ----------------------------------------------------------------------------------


def risk_coverage(confidence: Sequence[float], right: Sequence[bool]) -> tuple[Array, Array]:
    """The share answered and the share wrong among those, the surest questions first.

    Two arrays (n,): coverage i / n, and risk among the first i (El-Yaniv and Wiener, JMLR 11,
    2010). Among questions equally sure the wrong ones come first.
    """
    n = len(confidence)
    return np.arange(1, n + 1) / n, _risks(np.asarray(confidence), np.asarray(right, np.float64))


def risk_area(confidence: Sequence[float], right: Sequence[bool]) -> Estimate | None:
    """The area under the risk-coverage curve, the mean of its risks; None without questions."""
    if not confidence:
        return None
    sure, good = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    value = float(_area(sure, good, axis=-1))
    if len(sure) < 2 or (good == good[0]).all():
        return Estimate(value, value, value, len(sure))
    return Estimate(value, *_interval((sure, good), _area, paired=True), len(sure))


def _area(confidence: Array, right: Array, axis: int) -> Array:
    area: Array = _risks(confidence, right).mean(axis=axis)
    return area


def _risks(confidence: Array, right: Array) -> Array:
    order = np.lexsort((right, -confidence), axis=-1)
    wrong = 1 - np.take_along_axis(right, order, axis=-1)
    risks: Array = wrong.cumsum(axis=-1) / np.arange(1, right.shape[-1] + 1)
    return risks


def calibration(
    confidence: Sequence[float], true: Sequence[bool], bins: int = 10
) -> tuple[Array, Array]:
    """Mean confidence and share true in bins of equally many questions: two arrays (<= bins,)."""
    with extra("eval"):
        from sklearn.calibration import calibration_curve
    share, mean = calibration_curve(true, confidence, n_bins=bins, strategy="quantile")
    return mean, share
