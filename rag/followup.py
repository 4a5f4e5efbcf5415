"""Follow-ups: "and its default?" with the topic of the conversation put in.

The topic is the last name of code that was asked about, or else the whole last question. A question
that points back ("it", "그건") or is a few words long is completed at once; one that just names
nothing only where the topic's own text speaks of what is asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rag.index import Index
from rag.question import Question, read_question, trigger
from rag.types import Turn

_POINTS_BACK = re.compile(
    r"^\s*(?:and\b|then\b|what about|how about|so\b|but\b|그럼|그러면|그리고|그건|그거|그게|근데|그런데|이건|이거)"
    r"|\b(?:it|its|that|this|they|their)\b|그(?:것|건|거|게)\b|그\s?(?:함수|클래스|모듈|인자)",
    re.I,
)
_FEW, _SOME = 4, 10  # words
# What may stand before the first side of an either/or question without saying what it is about.
_NO_SUBJECT = re.compile(r"\b(?:is|are|was|were|does|do|should|i|we|use|an?|the|[그이저])\b", re.I)
# What a follow-up that says only another name asks about that one too.
_CARRIED = ("default", "type", "shape", "returns")


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A question with its topic put in front; `certain` says that the words point back, so that
    nothing need be looked up to know it."""

    text: str
    certain: bool


def follow_up(question: str, history: Sequence[Turn], index: Index) -> FollowUp | None:
    """The question as the conversation completes it; None where it stands alone."""
    if not history:
        return None
    asked = read_question(question)
    if any(
        m.sure or index.names_ending(m.name)
        for m in asked.mentions
        if not _parameter(m.name, index)
    ):
        return None
    if _has_subject(asked):
        return None
    words = len(question.split())
    certain = bool(_POINTS_BACK.search(question)) or words <= _FEW
    if not certain and words > _SOME:
        return None
    carried = _carried(asked, history[-1])
    for turn in reversed(history):
        names = [
            m.name for m in read_question(turn.question).mentions if index.names_ending(m.name)
        ]
        if names:
            return FollowUp(" ".join([names[-1], question, *carried]), certain)
    return FollowUp(f"{history[-1].question} {question}", True) if certain else None


def _has_subject(asked: Question) -> bool:
    """Whether an either/or question says itself what it is about: "X는 A인가요, B인가요?"."""
    if not asked.options or asked.options[0] not in asked.text:
        return False
    before = asked.text.partition(asked.options[0])[0]
    return bool(re.search(r"\w", _NO_SUBJECT.sub("", _POINTS_BACK.sub("", before))))


def _parameter(name: str, index: Index) -> bool:
    """A word with underscores that is no public name: of a parameter, most likely."""
    return "_" in name and not index.names_ending(name)


def _carried(asked: Question, last: Turn) -> list[str]:
    """The word by which the last question asked for a default, a type and the like, where this one
    asks for nothing of its own: "default of a?", "and b?"."""
    if asked.intents - {"yesno"} or not asked.mentions:
        return []
    before = read_question(last.question)
    found = [trigger(last.question, intent) for intent in _CARRIED if intent in before.intents]
    return [word for word in found[:1] if word]
