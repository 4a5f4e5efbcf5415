"""What the libraries compute for us: expected numbers as arithmetic, then properties."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.evaluation import measures
from rag.evaluation.metrics import first_rank

STACK = ("py:torch.stack", "py:torch.functional.stack")
CAT = ("py:torch.cat",)
POST = ("post:pytorch-basics-1",)

ids = st.sampled_from([STACK, CAT, POST, ("py:a", "py:b"), ("web:x",)])
rankings = st.lists(ids, max_size=12)
expected = st.sets(st.sampled_from(["py:torch.stack", "py:torch.cat", "py:b", "web:x"]), min_size=1)
rights = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30)


# -- rankings ------------------------------------------------------------------------------------


def test_a_source_found_third_in_any_of_its_names() -> None:
    found = measures.ranking([POST, CAT, STACK], {"py:torch.functional.stack"})
    assert found.success == (0, 0, 1, 1, 1, 1, 1, 1, 1, 1)
    assert found.reciprocal_rank == pytest.approx(1 / 3)
    assert found.ndcg == pytest.approx(1 / math.log2(3 + 1))


def test_repeated_sources_take_one_rank() -> None:
    assert measures.ranking([CAT, CAT, CAT, STACK], STACK).reciprocal_rank == 1 / 2


def test_ndcg_of_two_sources_of_which_one_is_found_second() -> None:
    ideal = 1 / math.log2(2) + 1 / math.log2(3)
    found = measures.ranking([POST, CAT], {"py:torch.cat", "py:torch.stack"})
    assert found.ndcg == pytest.approx((1 / math.log2(3)) / ideal)


def test_two_names_of_one_thing_count_once() -> None:
    assert measures.ranking([STACK], STACK).ndcg == 1
    assert measures.ranking([POST, STACK], STACK).ndcg == pytest.approx(1 / math.log2(3))


def test_nothing_found_nothing_sought_and_past_the_tenth() -> None:
    nothing = measures.Ranking((0.0,) * 10, 0.0, 0.0)
    assert measures.ranking([], STACK) == nothing
    assert measures.ranking([STACK], ()) == nothing
    eleventh = measures.ranking([*((f"py:{i}",) for i in range(10)), CAT], CAT)
    assert eleventh.success == nothing.success
    assert eleventh.ndcg == 0


@given(rankings, expected)
def test_the_library_agrees_with_the_rank_of_the_first_right_source(
    ranked: list[tuple[str, ...]], sources: set[str]
) -> None:
    rank, found = first_rank(ranked, sources), measures.ranking(ranked, sources)
    assert found.success == tuple(float(rank is not None and rank <= k) for k in range(1, 11))
    assert found.reciprocal_rank == pytest.approx(1 / rank if rank else 0)
    assert 0 <= found.ndcg <= 1 + 1e-9
    assert (found.ndcg > 0) == (rank is not None)


# -- intervals -----------------------------------------------------------------------------------


def test_bootstrap_of_a_share_is_near_the_normal_interval() -> None:
    low, high = measures.bootstrap([1.0] * 60 + [0.0] * 40)
    half = 1.96 * math.sqrt(0.6 * 0.4 / 100)
    assert low == pytest.approx(0.6 - half, abs=0.02)
    assert high == pytest.approx(0.6 + half, abs=0.02)


def test_bootstrap_is_repeatable_and_takes_any_statistic() -> None:
    values = [3.0, 1.0, 4.0, 1.0, 5.0]
    assert measures.bootstrap(values) == measures.bootstrap(values)
    low, high = measures.bootstrap(values, np.median)
    assert min(values) <= low <= statistics.median(values) <= high <= max(values)
    assert measures.bootstrap([1.0, 1.0]) == (1.0, 1.0)
    with pytest.raises(ValueError, match="at least one"):
        measures.bootstrap([])


def test_an_estimate_holds_its_value_and_count() -> None:
    found = measures.estimate([10.0, 20.0], measures.percentile(0.95))
    assert (found.value, found.n) == (pytest.approx(10 + 0.95 * (20 - 10)), 2)
    assert measures.estimate([7.0], np.median) == measures.Estimate(7, 7, 7, 1)


@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=1, max_size=30))
def test_bootstrap_stays_inside_the_values(values: list[float]) -> None:
    low, high = measures.bootstrap(values)
    assert min(values) <= low <= high <= max(values)


# -- comparing -----------------------------------------------------------------------------------


def test_the_paired_test_counts_the_shuffles_that_are_as_extreme() -> None:
    """Of 2^n signs, all up and all down are as extreme as n questions that all got better."""
    for n in (2, 3, 8):
        assert measures.paired_p([0.0] * n, [1.0] * n) == pytest.approx(2 / 2**n)


def test_the_paired_test_looks_at_the_questions_that_differ_only() -> None:
    assert measures.paired_p([0.0] * 6 + [1.0] * 50, [1.0] * 56) == pytest.approx(2 / 2**6)
    assert measures.paired_p([1.0, 0.0], [1.0, 0.0]) == 1
    assert measures.paired_p([1.0, 0.0], [1.0, 1.0]) == 1


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), min_size=1, max_size=12))
def test_it_does_not_matter_which_run_is_the_old_one(both: list[tuple[int, int]]) -> None:
    old, new = [float(a) for a, _ in both], [float(b) for _, b in both]
    assert measures.paired_p(old, new) == pytest.approx(measures.paired_p(new, old))


# -- confidence ----------------------------------------------------------------------------------


def value(found: measures.Estimate | None) -> float:
    assert found is not None
    assert found.low <= found.value <= found.high
    return found.value


def test_auroc() -> None:
    assert value(measures.auroc([0.9, 0.8], [0.1])) == 1
    assert value(measures.auroc([0.9, 0.2], [0.5])) == 1 / 2
    assert value(measures.auroc([0.5], [0.5])) == 1 / 2
    assert measures.auroc([0.5], []) is None


@given(st.lists(st.floats(0, 1), max_size=12), st.lists(st.floats(0, 1), max_size=12))
def test_auroc_turns_round_with_the_labels(ups: list[float], downs: list[float]) -> None:
    one, other = measures.auroc(ups, downs), measures.auroc(downs, ups)
    if one is None or other is None:
        assert one is other is None
        assert not (ups and downs)
    else:
        assert one.value + other.value == pytest.approx(1)


def test_risk_is_the_share_wrong_among_the_surest() -> None:
    coverage, risk = measures.risk_coverage([0.2, 0.9, 0.5], [False, True, False])
    assert list(coverage) == pytest.approx([1 / 3, 2 / 3, 3 / 3])
    assert list(risk) == pytest.approx([0 / 1, 1 / 2, 2 / 3])
    area = measures.risk_area([0.2, 0.9, 0.5], [False, True, False])
    assert value(area) == pytest.approx((0 / 1 + 1 / 2 + 2 / 3) / 3)


def test_of_equally_sure_questions_the_wrong_ones_come_first() -> None:
    for right in ([True, False], [False, True]):
        assert list(measures.risk_coverage([0.5, 0.5], right)[1]) == [1 / 1, 1 / 2]
    assert measures.risk_area([], []) is None
    assert value(measures.risk_area([0.3], [True])) == 0


@given(rights)
def test_confidence_that_knows_what_is_right_has_the_least_area(
    questions: list[tuple[float, bool]],
) -> None:
    right = [good for _, good in questions]
    area = value(measures.risk_area([sure for sure, _ in questions], right))
    best = value(measures.risk_area([float(good) for good in right], right))
    assert best <= area + 1e-9
    assert area <= 1


def test_calibration_compares_confidence_with_what_was_so() -> None:
    sure, true = [0.1, 0.2, 0.3, 0.7, 0.8, 0.9], [False, False, True, False, True, True]
    mean, share = measures.calibration(sure, true, bins=2)
    assert list(mean) == pytest.approx([(0.1 + 0.2 + 0.3) / 3, (0.7 + 0.8 + 0.9) / 3])
    assert list(share) == pytest.approx([1 / 3, 2 / 3])
