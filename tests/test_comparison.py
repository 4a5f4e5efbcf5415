"""Two runs side by side: which questions count, which way is worse, and what chance explains."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.evaluation.comparison import Change, compare, form
from rag.evaluation.runs import Row

LANGUAGES = st.sampled_from(["en", "ko"])
answers = st.lists(st.tuples(LANGUAGES, st.booleans(), st.booleans()), min_size=1, max_size=20)


def row(id_: str, lang: str = "en", *, right: bool = True, **values: float) -> Row:
    wrong = () if right else ("not said: x",)
    return Row(id_, lang, "api", f"{id_}?", {"accuracy": float(right), **values}, wrong)


def change(old: list[Row], new: list[Row], measure: str, part: str = "all") -> Change:
    found = compare(old, new).changes
    return next(one for one in found if (one.part, one.measure) == (part, measure))


def test_only_questions_of_both_runs_are_compared() -> None:
    old = [row("a"), row("gone"), row("reworded")]
    new = [row("a", right=False), replace(row("reworded"), question="?"), row("new")]
    compared = compare(old, new)
    assert (compared.questions, compared.gone, compared.added) == (1, 2, 2)
    assert [(one.old.wrong, one.new.wrong) for one in compared.moved] == [((), ("not said: x",))]


def test_a_measure_is_compared_where_both_have_it_and_by_language() -> None:
    old = [row("a", mrr=1.0), row("b", "ko", mrr=0.5), row("c", mrr=1.0)]
    new = [row("a", mrr=0.5), row("b", "ko", mrr=1.0), row("c")]
    found = change(old, new, "mrr")
    assert (found.old, found.new, found.difference.n) == ((1 + 0.5) / 2, (0.5 + 1) / 2, 2)
    assert change(old, new, "mrr", "ko").difference.value == 1 - 0.5


def test_five_lost_questions_may_be_chance_and_six_are_not() -> None:
    """Two-sided: 2 / 2^5 is more than 0.05, 2 / 2^6 is less."""
    for lost, worse in ((5, False), (6, True)):
        new = [row(str(i), right=i >= lost) for i in range(40)]
        found = change([row(str(i)) for i in range(40)], new, "accuracy")
        assert found.p == pytest.approx(2 / 2**lost)
        assert found.worse is worse
        assert not change(new, [row(str(i)) for i in range(40)], "accuracy").worse


def test_more_false_refusals_are_worse() -> None:
    def refused(n: int) -> list[Row]:
        return [row(str(i), **{"false refusal": float(i < n)}) for i in range(40)]

    assert change(refused(0), refused(8), "false refusal").worse
    assert not change(refused(8), refused(0), "false refusal").worse


@given(answers)
def test_a_run_against_itself_and_turned_round(both: list[tuple[str, bool, bool]]) -> None:
    old = [row(str(i), lang, right=a) for i, (lang, a, _) in enumerate(both)]
    new = [row(str(i), lang, right=b) for i, (lang, _, b) in enumerate(both)]
    same = compare(old, old)
    assert not same.moved
    assert all(one.p == 1 and one.difference.value == 0 for one in same.changes)
    there, back = compare(old, new), compare(new, old)
    assert len(there.moved) == sum(a != b for _, a, b in both)
    for one, other in zip(there.changes, back.changes, strict=True):
        assert one.difference.value == pytest.approx(-other.difference.value)
        assert one.difference.low <= one.difference.value <= one.difference.high


def test_the_form_is_plain_json() -> None:
    made: dict[str, Any] = form(compare([row("a")], [row("a", right=False)]))
    assert made["measures"]["en"]["accuracy"]["p"] == 1.0
    assert made["measures"]["all"]["accuracy"]["difference"]["value"] == -1.0
    assert made["moved"] == [{"id": "a", "old": [], "new": ["not said: x"]}]
