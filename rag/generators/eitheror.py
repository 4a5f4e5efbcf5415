"""Either/or: source by source, with date and quote, and what follows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from rag.generators.draft import Draft, shown_quote
from rag.prompts import BOTH_WORD, NEWEST, VERDICTS
from rag.question import Question
from rag.reader import Read
from rag.retrieve import Retrieved
from rag.types import Document, Stance, Verdict
from rag.verdict import Side, conclude, last_year, newest, sides

_ROOM = 900  # both sides need more room than a plain answer; "about 800" is what is promised
_SOURCES = 6
_DIFFERENCE = re.compile(r"\bdiffer|\bcompare|차이|다른 점|비교", re.I)
_NUMBER = re.compile(r"(?:[^\W\d]+ )?[~≈<>]?\d[\d.,]*\s?(?:%|년|월|일|개)?", re.I)


def write(retrieved: Retrieved, read: Read, draft: Draft) -> Verdict | None:
    """The verdict and its proofs; None where the documents take no stand on the question.

    Two names of documented objects are no such question: they are compared side by side.
    """
    question = retrieved.question
    named = {n.mention.name for n in retrieved.named if n.rows}
    if sum(option in named for option in question.options) == 2:
        return None
    # "in 1987 or 1988": nothing is called a number; the sentence that has it answers.
    if all(_NUMBER.fullmatch(option) for option in question.options):
        return None
    found = sides(question, read.documents, read.units)
    if not found:
        return None
    if _DIFFERENCE.search(question.text) and len({side.option for side in found}) < 2:
        return None  # what sets them apart was asked, and nobody is of two minds
    draft.budget = max(draft.budget, _ROOM)
    conclusion = conclude(question.options, found)
    draft.say(_conclusion(question, conclusion))
    stances: list[Stance] = []
    latest = newest(found)
    if latest is not None:
        option, year = latest
        word = BOTH_WORD[question.language] if option == "both" else option
        draft.say(NEWEST[question.language].format(option=word, year=year))
    for side in _fitting(balanced(found, question.options), question, read, draft.room):
        document, chunk = read.documents[side.place], side.reading.chunk
        if draft.quote(document, chunk, lead=_lead(side, document, question), force=True):
            stances.append(Stance(document.id, side.option, side.date, draft.citations[-1].marker))
    return Verdict(question.options, conclusion, tuple(stances))


def _lead(side: Side, document: Document, question: Question) -> str:
    """ "- PyTorch - Wikipedia (2026): **library**." """
    option = BOTH_WORD[question.language] if side.option == "both" else side.option
    return f"- {document.title}{f' ({side.date})' if side.date else ''}: **{option}**."


def _fitting(ordered: Sequence[Side], question: Question, read: Read, room: int) -> list[Side]:
    """The first sides, at least two, that fit into `room` characters; newest first."""
    kept: list[Side] = []
    for side in ordered[:_SOURCES]:
        document = read.documents[side.place]
        shown = shown_quote(document, side.reading.chunk)
        length = len(_lead(side, document, question)) + len(shown) + 9
        if length <= room or len(kept) < 2:
            kept.append(side)
            room -= length
    return sorted(kept, key=lambda side: side.date or "", reverse=True)


def _conclusion(question: Question, conclusion: str) -> str:
    a, b = question.options
    if conclusion in VERDICTS:
        return VERDICTS[conclusion][question.language].format(a=a, b=b)
    return VERDICTS["one"][question.language].format(option=conclusion)


def balanced(found: Sequence[Side], options: Sequence[str]) -> list[Side]:
    """The sides in turn: every option gets its newest proof before any gets its second; of one
    year what a source said that has changed its word comes first, then the best."""
    stands = Counter(side.place for side in found)
    by_option: dict[str, list[Side]] = {}
    for side in sorted(found, key=lambda s: (last_year(s.date), stands[s.place] > 1), reverse=True):
        by_option.setdefault(side.option, []).append(side)
    ordered: list[Side] = []
    for i in range(max((len(group) for group in by_option.values()), default=0)):
        for option in (*options, "both"):
            ordered.extend(by_option.get(option, [])[i : i + 1])
    return ordered
