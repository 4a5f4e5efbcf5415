"""A conversation as others write it, a list of messages, as the question and the turns before it."""

from __future__ import annotations

from collections.abc import Sequence

from rag.errors import UsageError
from rag.types import Turn

_ASKS, _ANSWERS = ("user", "human"), ("assistant", "ai")
# What steers a model that writes. Here nothing but the documents decides what an answer says.
_UNHEARD = ("system", "developer", "tool", "function")


def read_turns(messages: Sequence[tuple[str, str]]) -> tuple[str, tuple[Turn, ...]]:
    """The question of the last message and the turns before it, oldest first.

    A message is (role, text). Several of the user's in a row are questions that got no answer;
    what the assistant says before any question, and system messages, are left out.
    Raises UsageError where the last message is not the user's, or for a role that is none.
    """
    heard = [(role, text) for role, text in messages if _known(role) not in _UNHEARD]
    if not heard or heard[-1][0] not in _ASKS:
        last = repr(messages[-1][0]) if messages else "missing"
        raise UsageError(f"the last message must be the user's; its role is {last}")
    turns: list[Turn] = []
    for role, text in heard[:-1]:
        if role in _ASKS:
            turns.append(Turn(text, ""))
        elif turns:
            before = turns[-1]
            turns[-1] = Turn(before.question, f"{before.answer}\n{text}".strip())
    return heard[-1][1], tuple(turns)


def _known(role: str) -> str:
    if role in (*_ASKS, *_ANSWERS, *_UNHEARD):
        return role
    raise UsageError(f"there is no role {role!r}; a message is of the user or the assistant")
