"""A list of messages as a question and the turns before it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import UsageError
from rag.turns import read_turns
from rag.types import Turn


@pytest.mark.parametrize(
    ("messages", "turns"),
    [
        ([], ()),
        ([("system", "be brief")], ()),
        ([("user", "첫 질문"), ("assistant", "첫 답")], (Turn("첫 질문", "첫 답"),)),
        ([("human", "a"), ("ai", "b")], (Turn("a", "b"),)),
        ([("user", "a"), ("user", "b")], (Turn("a", ""), Turn("b", ""))),
        ([("assistant", "hello"), ("user", "a"), ("tool", "x")], (Turn("a", ""),)),
        ([("user", "a"), ("assistant", "b"), ("assistant", "c")], (Turn("a", "b\nc"),)),
    ],
)
def test_what_was_said_before_the_question(
    messages: list[tuple[str, str]], turns: tuple[Turn, ...]
) -> None:
    assert read_turns([*messages, ("user", "질문?")]) == ("질문?", turns)


@pytest.mark.parametrize(
    ("messages", "told"),
    [
        ([], "its role is missing"),
        ([("user", "a"), ("assistant", "b")], "its role is 'assistant'"),
        ([("system", "a")], "its role is 'system'"),
        ([("king", "a"), ("user", "b")], "no role 'king'"),
    ],
)
def test_what_is_no_conversation_is_refused(messages: list[tuple[str, str]], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_turns(messages)


@given(st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), st.text(min_size=1))))
def test_every_question_is_kept_in_order(messages: list[tuple[str, str]]) -> None:
    question, turns = read_turns([*messages, ("user", "last")])
    asked = [text for role, text in messages if role == "user"]
    assert [*(turn.question for turn in turns), question] == [*asked, "last"]
