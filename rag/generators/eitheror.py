"""Either/or: source by source, with date and quote, and what follows."""

from __future__ import annotations

from collections.abc import Sequence

from rag.generators.draft import Draft, shown_quote
from rag.prompts import BOTH_WORD, NEWEST, VERDICTS
from rag.question import Question
from rag.reader import Read
from rag.retrieve import Retrieved
from rag.types import Stance, Verdict
from rag.verdict import Side, conclude, newest, sides

_ROOM = 1_300  # both sides need more room than a plain answer
_SOURCES = 6


def write(retrieved: Retrieved, read: Read, draft: Draft) -> Verdict | None:
    """The verdict and its proofs; None where the documents take no stand on the question.

    Two names of documented objects are no such question: they are compared side by side.
    """
    question = retrieved.question
    named = {n.mention.name for n in retrieved.named if n.rows}
    if sum(option in named for option in question.options) == 2:
        return None
    found = sides(question, read.documents, read.units)
    if not found:
        return None
    draft.budget = max(draft.budget, _ROOM)
    conclusion = conclude(question.options, found)
    draft.say(_conclusion(question, conclusion))
    stances: list[Stance] = []
    latest = newest(found)
    if latest is not None:
        option, year = latest
        word = BOTH_WORD[question.language] if option == "both" else option
        draft.say(NEWEST[question.language].format(option=word, year=year))
    chosen = balanced(found, question.options)[:_SOURCES]
    chosen.sort(key=lambda side: side.date or "", reverse=True)
    for side in chosen:
        document, chunk = read.documents[side.place], side.reading.chunk
        option = BOTH_WORD[question.language] if side.option == "both" else side.option
        lead = f"- {document.title}{f' ({side.date})' if side.date else ''}: **{option}**."
        fits = len(lead) + len(shown_quote(document, chunk)) + 8 <= draft.room
        if (fits or len(stances) < 2) and draft.quote(document, chunk, lead=lead, force=True):
            stances.append(Stance(document.id, side.option, side.date, draft.citations[-1].marker))
    return Verdict(question.options, conclusion, tuple(stances))


def _conclusion(question: Question, conclusion: str) -> str:
    a, b = question.options
    if conclusion in VERDICTS:
        return VERDICTS[conclusion][question.language].format(a=a, b=b)
    return VERDICTS["one"][question.language].format(option=conclusion)


def balanced(found: Sequence[Side], options: Sequence[str]) -> list[Side]:
    """The sides in turn: every option gets its best proof before any gets its second."""
    by_option: dict[str, list[Side]] = {}
    for side in found:
        by_option.setdefault(side.option, []).append(side)
    ordered: list[Side] = []
    for i in range(max((len(group) for group in by_option.values()), default=0)):
        for option in (*options, "both"):
            ordered.extend(by_option.get(option, [])[i : i + 1])
    return ordered
