"""How one question counts, and how many of them sum up."""

from __future__ import annotations

from typing import Any

import pytest
from doubles import NOTE, REFUSED_EN, REFUSED_KO, TEXT, answer, question, report_of, values

from rag import evaluation as ev
from rag.evaluation.summary import measures
from rag.types import Answer, Verdict


def test_a_good_answer_scores_fully_in_both_languages() -> None:
    report = report_of(
        (question("en"), answer()),
        (
            question("ko", lang="ko", question="torch.stack은 뭘 해요?"),
            answer(f"요약: “{TEXT}” [1]", lang="ko"),
        ),
    )
    found = values(report)
    for name in ("accuracy", "recall@1", "mrr", "ndcg@10", "cited", "verbatim", "language"):
        assert found[name] == 1, name
    assert found["false refusal"] == 0
    assert ev.failures(report.scores) == ()


def test_rates_are_shares_of_the_questions_they_apply_to() -> None:
    nothing: dict[str, Any] = {"answerable": False, "sources": [], "must_contain": []}
    corrected = nothing | {"must_contain": [["no such"]]}
    report = report_of(
        (question("right"), answer()),
        (question("third"), answer("왜?", sources=("py:a", "py:b", "py:torch.stack"), quote=None)),
        (question("refused"), REFUSED_EN),
        (question("off", kind="offtopic", **nothing), REFUSED_EN),
        (question("fooled", kind="future", **nothing), answer()),
        (question("premise", kind="false-premise", **corrected), answer("There is no such.")),
    )
    found = values(report)
    assert found["accuracy"] == 1 / 3
    assert found["recall@1"] == 2 / 3
    assert found["recall@5"] == 3 / 3
    assert found["mrr"] == pytest.approx((1 + 1 / 3 + 1) / 3)
    assert found["cited"] == 1 / 3
    assert found["citation precision"] == 1
    assert found["citation recall"] == 1 / 3
    assert found["refusal"] == pytest.approx(2 / 3)
    assert found["false refusal"] == 1 / 3
    assert found["language"] == 5 / 6
    assert measures(report)["accuracy"].n == 3


def test_a_quote_that_does_not_stand_in_its_source_is_a_failure() -> None:
    report = report_of(
        (question("altered"), answer(quote=TEXT.lower())),
        (question("absent"), answer(sources=("py:torch.absent",))),
        (question("note"), answer(sources=("post:pytorch-basics-1",), quote=NOTE)),
    )
    assert [s.outcome.verbatim for s in report.scores] == [False, False, True]
    assert values(report)["verbatim"] == pytest.approx(1 / 3)
    assert "a quote does not stand in its source" in ev.failures(report.scores)[0].wrong


def test_failures_tell_what_was_expected_got_and_found() -> None:
    report = report_of(
        (question("q"), answer("차원", sources=("py:a", "py:a", "py:b"), quote=None))
    )
    (failure,) = ev.failures(report.scores)
    assert failure.wrong == (
        "not said: new dimension | 새 차원",
        "source not found",
        "source not cited",
        "not in en: 차원",
    )
    text = ev.format_failures((failure,))
    for part in (
        "q (en, api)",
        "new dimension | 새 차원",
        "py:torch.stack",
        "py:a, py:b",
        "> 차원",
    ):
        assert part in text


def test_pairs_agree_by_refusal_source_and_verdict() -> None:
    def pair(name: str) -> tuple[ev.GoldenQuestion, ev.GoldenQuestion]:
        en = question(f"{name}-en", pair=name)
        return en, question(f"{name}-ko", pair=name, lang="ko")

    def held(conclusion: str, *options: str) -> Answer:
        return answer(verdict=Verdict(options, conclusion, ()))

    same, refused, elsewhere, verdict, other = map(pair, ("same", "refused", "else", "one", "two"))
    report = report_of(
        *zip(same, (answer(), answer()), strict=True),
        *zip(refused, (answer(), REFUSED_KO), strict=True),
        *zip(elsewhere, (answer(), answer(sources=("py:torch.cat",))), strict=True),
        *zip(
            verdict,
            (
                held("library", "framework", "library"),
                held("라이브러리", "프레임워크", "라이브러리"),
            ),
            strict=True,
        ),
        *zip(other, (held("both", "a", "b"), held("a", "a", "b")), strict=True),
    )
    found = values(report)
    assert found["ko-en agreement"] == 2 / 5
    assert found["ko-en verdict"] == 3 / 5  # not the refused one, nor the other verdict
    assert found["ko-en sources"] == 3 / 5  # not the refused one, nor the one from elsewhere


def test_two_refusals_agree() -> None:
    pair = question("a", pair="p"), question("b", pair="p", lang="ko")
    report = report_of((pair[0], REFUSED_EN), (pair[1], REFUSED_KO))
    assert values(report)["ko-en agreement"] == 1


def test_length_latency_and_confidence() -> None:
    unknown: dict[str, Any] = {"answerable": False, "sources": [], "must_contain": []}
    report = report_of(
        (question("a"), answer("x" * 10, seconds=0.1)),
        (question("b"), answer("y" * 20, seconds=0.2)),
        (question("c", **unknown), REFUSED_EN),
    )
    found = values(report)
    assert found["median length"] == (10 + 20) / 2
    assert found["seconds p50"] == 0.1
    assert found["seconds p95"] == pytest.approx(0.1 + 0.9 * (0.2 - 0.1))
    assert found["auroc"] == 1
    assert found["risk area"] == pytest.approx((1 / 1 + 2 / 2 + 3 / 3) / 3)


def test_risk_counts_a_refusal_as_an_answer_that_would_be_wrong() -> None:
    unknown: dict[str, Any] = {"answerable": False, "sources": [], "must_contain": []}
    report = report_of(
        (question("sure"), answer(confidence=0.9)),
        (question("unsure"), answer("차원", confidence=0.6)),
        (question("c", **unknown), REFUSED_EN),
    )
    assert values(report)["risk area"] == pytest.approx((0 / 1 + 1 / 2 + 2 / 3) / 3)
