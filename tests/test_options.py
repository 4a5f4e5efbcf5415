"""The two sides of an either/or question, in both languages."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.options import options


@pytest.mark.parametrize(
    ("english", "korean", "sides"),
    [
        (
            "Is Korvia a fold or a glue?",
            "코르비아는 fold인가요, glue인가요?",
            ("fold", "glue"),
        ),
        ("Is it a fold, or a glue?", "fold입니까, 아니면 glue입니까?", ("fold", "glue")),
        ("Should I use stack or cat?", "stack이랑 cat 중 뭐 써?", ("stack", "cat")),
        ("Which is faster, stack or cat?", "stack과 cat 중에 뭐가 빨라?", ("stack", "cat")),
        ("stack or cat?", "stack 아니면 cat?", ("stack", "cat")),
        ("stack vs cat", "stack vs cat 뭐가 나아", ("stack", "cat")),
        ("stack vs. cat: which one?", "stack하고 cat 중에서 하나만", ("stack", "cat")),
        ("stack versus cat", "stack랑 cat 가운데 뭐가 맞아?", ("stack", "cat")),
        (
            "Do I call torch.stack or torch.cat to add an axis?",
            "torch.stack이랑 torch.cat 중에 뭘 써야 해?",
            ("torch.stack", "torch.cat"),
        ),
        ("Is model.eval or no_grad meant?", "model.eval 또는 no_grad?", ("model.eval", "no_grad")),
    ],
)
def test_both_languages_have_the_same_sides(
    english: str, korean: str, sides: tuple[str, ...]
) -> None:
    assert options(english) == sides
    assert options(korean) == sides


@pytest.mark.parametrize(
    "text",
    [
        "Is Korvia a printer or a computer?",
        "Is Korvia more of a printer or more of a computer?",
        "Is Korvia called a printer or is it called a computer?",
        "Should we call it a printer or rather a computer?",
        "IS KORVIA A printer OR A computer",
    ],
)
def test_fillers_are_no_sides(text: str) -> None:
    assert options(text) == ("printer", "computer")


@pytest.mark.parametrize(
    "text",
    [
        "코르비아는 프린터인가요, 컴퓨터인가요?",
        "코르비아는 프린터인가요 컴퓨터인가요?",
        "코르비아는 프린터입니까, 아니면 컴퓨터입니까?",
        "코르비아는 프린터야 컴퓨터야?",
        "코르비아는 프린터야 아니면 컴퓨터야?",
        "코르비아는 프린터예요, 컴퓨터예요?",
        "코르비아는 프린터인가 컴퓨터인가",
        "코르비아가 프린터인지 컴퓨터인지 알려줘",
        "코르비아는 프린터일까 컴퓨터일까?",
        "코르비아가 프린터냐 컴퓨터냐",
        "프린터와 컴퓨터 중 무엇인가요?",
        "프린터랑 컴퓨터 중에 뭐예요?",
    ],
)
def test_korean_endings_and_particles_are_no_part_of_a_side(text: str) -> None:
    assert options(text) == ("프린터", "컴퓨터")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "or",
        "or what?",
        "What is a printer?",
        "Is Korvia a printer?",
        "Is Korvia a printer or a printer?",
        "What is the order of the categories?",
        "vs",
        "텐서가 뭐야?",
        "컴퓨터야?",
        "아니면?",
        "중에서",
        "코르비아는 컴퓨터인가요?",
        "코르비아는 컴퓨터인가요, 컴퓨터인가요?",
    ],
)
def test_other_questions_have_no_sides(text: str) -> None:
    assert options(text) == ()


@pytest.mark.parametrize(
    "piece",
    [
        "a-b.c ",
        "or ",
        "a or ",
        "A or b or ",
        "vs ",
        "가인가요 ",
        "가 중 ",
        "이랑 ",
        ".",
        "-",
        "a.",
        "?",
    ],
)
def test_repetition_does_not_run_away(piece: str) -> None:
    for text in (piece * 300, "or " + piece * 300 + "or", (piece * 2_000)[:2_000]):
        assert len(options(text)) in (0, 2)


words = st.lists(
    st.sampled_from(
        "a or vs stack cat. 프린터인가요 컴퓨터야 중 이랑 아니면 , ? a-b.c the is".split()
    ),
    max_size=200,
).map(" ".join)


@settings(deadline=None, max_examples=60)
@given(st.one_of(st.text(max_size=2_000), words))
def test_any_text_has_two_different_sides_or_none(text: str) -> None:
    sides = options(text)
    assert sides == options(text)
    if sides:
        a, b = sides
        assert a.lower() != b.lower()
        for side in sides:
            assert side
            assert all(word in text for word in side.split())
