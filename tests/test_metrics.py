"""The measures: expected numbers are written as arithmetic, twins in Korean, then properties."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.evaluation import metrics

STACK = ("py:torch.stack", "py:torch.functional.stack")
CAT = ("py:torch.cat",)
POST = ("post:pytorch-basics-1",)

ids = st.sampled_from([STACK, CAT, POST, ("py:a", "py:b"), ("web:x",)])
rankings = st.lists(ids, max_size=12)
expected = st.sets(st.sampled_from(["py:torch.stack", "py:torch.cat", "py:b", "web:x"]), min_size=1)
words = st.text("abc 가나다ÀÉ", max_size=30)


# -- retrieval -----------------------------------------------------------------------------------


def test_repeated_sources_take_one_rank() -> None:
    assert metrics.distinct([CAT, CAT, STACK, CAT]) == [CAT, STACK]
    assert metrics.first_rank([CAT, CAT, CAT, STACK], {"py:torch.stack"}) == 2


def test_an_alias_counts_as_its_source() -> None:
    assert metrics.first_rank([CAT, STACK], {"py:torch.functional.stack"}) == 2
    assert metrics.first_rank([CAT, STACK], {"py:torch.vstack"}) is None
    assert metrics.first_rank([], {"py:torch.vstack"}) is None


@given(rankings, expected)
def test_a_relevant_source_put_first_has_rank_1(
    ranking: list[tuple[str, ...]], sources: set[str]
) -> None:
    first = (min(sources),)
    assert metrics.first_rank([first, *ranking], sources) == 1


# -- answers -------------------------------------------------------------------------------------

GROUPS = [["new dimension", "새 차원"], ["same size", "크기가 같"]]


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ("Joins along a NEW dimension; all need the Same Size.", []),
        ("새 차원을 만들어 합칩니다. 텐서의 크기가 같아야 합니다.", []),
        ("Joins along a new dimension.", [("same size", "크기가 같")]),
        ("새 차원을 만듭니다.", [("same size", "크기가 같")]),
        ("", [("new dimension", "새 차원"), ("same size", "크기가 같")]),
    ],
)
def test_every_group_needs_one_alternative(answer: str, missing: list[tuple[str, ...]]) -> None:
    assert metrics.missing_groups(answer, GROUPS) == missing
    assert metrics.accurate(answer, False, GROUPS) == (not missing)
    assert not metrics.accurate(answer, True, GROUPS)


def test_only_the_first_800_characters_are_read() -> None:
    assert metrics.accurate("x" * (800 - 3) + "dim", False, [["dim"]])
    assert not metrics.accurate("x" * (800 - 2) + "dim", False, [["dim"]])
    assert metrics.accurate("가" * (800 - 2) + "차원", False, [["차원"]])
    assert not metrics.accurate("가" * (800 - 1) + "차원", False, [["차원"]])


def test_decomposed_hangul_and_case_do_not_matter() -> None:
    decomposed = "\u110e\u1161\u110b\u116f\u11ab"  # 차원 as single jamo
    assert metrics.accurate(decomposed, False, [["차원"]])
    assert metrics.accurate("차원", False, [[decomposed]])
    assert metrics.accurate("STRASSE", False, [["straße"]])


@pytest.mark.parametrize(
    ("refused", "groups", "right"),
    [
        (True, [], True),
        (True, [["does not exist"]], True),
        (False, [], False),
        (False, [["there is no"], ["ranger"]], True),
        (False, [["there is no"], ["radam"]], False),
    ],
)
def test_refusal_is_right_when_refused_or_corrected(
    refused: bool, groups: list[list[str]], right: bool
) -> None:
    assert metrics.refusal_right("There is no Ranger.", refused, groups) is right


def test_citations_of_expected_sources() -> None:
    assert metrics.cited([CAT, STACK], {"py:torch.functional.stack"})
    assert not metrics.cited([CAT], {"py:torch.stack"})
    assert not metrics.cited([], {"py:torch.stack"})
    assert metrics.citation_precision([CAT, STACK, POST], {"py:torch.stack"}) == 1 / 3
    assert metrics.citation_precision([], {"py:torch.stack"}) is None


def test_citation_recall_is_the_share_of_facts_that_right_citations_hold() -> None:
    quoted = (STACK, "torch.stack Concatenates along a new dimension.")
    elsewhere = (CAT, "All tensors need the SAME SIZE.")
    assert metrics.citation_recall([quoted, elsewhere], STACK, GROUPS) == 1 / 2
    assert metrics.citation_recall([quoted, elsewhere], [*STACK, *CAT], GROUPS) == 2 / 2
    assert metrics.citation_recall([], STACK, GROUPS) == 0 / 2
    assert metrics.citation_recall([quoted], STACK, []) is None


def test_citation_recall_reads_decomposed_hangul() -> None:
    quoted = (POST, unicodedata.normalize("NFD", "새 차원으로 합칩니다. 크기가 같아야 합니다."))
    assert metrics.citation_recall([quoted], POST, GROUPS) == 2 / 2


def test_verbatim_needs_the_very_characters() -> None:
    text = "텐서를 합칩니다. Joins tensors."
    assert metrics.verbatim("텐서를 합칩니다.", 0, 9, text)
    assert not metrics.verbatim("텐서를 합칩니다.", 1, 10, text)
    assert not metrics.verbatim("joins", 10, 15, text)
    assert not metrics.verbatim("", 3, 3, text)
    assert not metrics.verbatim(text, 0, len(text) + 1, text)


@given(words, st.integers(0, 30), st.integers(0, 30))
def test_a_span_of_the_text_is_verbatim(text: str, start: int, end: int) -> None:
    quote = text[start:end]
    assert metrics.verbatim(quote, start, end, text) == (0 <= start < end <= len(text))


@given(words, words)
def test_an_answer_that_holds_the_words_is_accurate(before: str, word: str) -> None:
    assert metrics.accurate(before + word, False, [[word]] if word else [])


# -- language ------------------------------------------------------------------------------------


def test_what_is_not_ours_is_cut_out() -> None:
    answer = (
        "torch.stack (torch 2.13.0): “Concatenates a “new” sequence.” [1]\n"
        "`dim` is `0`.\n```\n>>> torch.stack(t)  # 예제\n```\nThe sources say **라이브러리**."
    )
    ours = metrics.own_words(answer, ["torch.stack", "torch 2.13.0"])
    assert [" ".join(o.split()) for o in ours] == ["( ):", "is .", "The sources say ."]


@pytest.mark.parametrize(
    ("answer", "language", "right"),
    [
        ("`dim`의 기본값은 `0`입니다. “Default: 0.” [1]", "ko", True),
        ("The default of `dim` is `0`. “기본값: 0.” [1]", "en", True),
        ("The default of `dim` is `0`. “Default: 0.” [1]", "ko", False),
        ("`dim`의 기본값은 `0`입니다. “기본값은 0이다.” [1]", "en", False),
        ("문서에는 이 질문의 답이 없습니다. Nearest: `torch.stack`", "ko", False),
        ("“All of it is a quote.” [1]", "ko", True),
        ("“모두 인용입니다.” [1]", "en", True),
        ("torch.nn.LSTM, DataLoader: “...” [2]", "ko", True),
        ("Example:\n```\nx = 1\n```", "ko", False),
        ("예제:\n```\nx = 1\n```", "en", False),
        ("예제:\n```\nx = 1  # cut short by the budget", "ko", True),
        ("", "ko", True),
    ],
)
def test_our_sentences_are_in_the_language_of_the_question(
    answer: str, language: str, right: bool
) -> None:
    assert metrics.in_language(answer, "ko" if language == "ko" else "en") is right


def test_titles_are_of_no_language() -> None:
    answer = "파이토치 기초 정리 (2023-03-13): “Tensors.” [1]"
    assert not metrics.in_language(answer, "en")
    assert metrics.in_language(answer, "en", ["파이토치 기초 정리"])
    assert metrics.in_language("Notes on tensors: “텐서.” [1]", "ko", ["Notes on tensors"])


def test_the_foreign_sentence_is_named() -> None:
    answer = "기본값은 0입니다. This is our own slip."
    assert metrics.foreign_sentences(answer, "ko") == ["This is our own slip."]


@given(st.text("ab가나 .\n“”`*[1]", max_size=60))
def test_cutting_never_fails_and_leaves_no_quote(answer: str) -> None:
    assert all("“" not in ours for ours in metrics.own_words(answer))
