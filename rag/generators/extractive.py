"""The answer without a language model: the sentences that answer, quoted.

Nothing is paraphrased. Outside of quotation marks stand only names, values that a docstring or
signature states (a default), and the fixed sentences of rag/prompts.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.generators import eitheror, symbol
from rag.generators.draft import Draft
from rag.prompts import CORRECTED, label
from rag.reader import Read, Reading
from rag.retrieve import Retrieved
from rag.types import Citation, Verdict

BUDGET, LONG_BUDGET = 640, 4_000  # characters; a reader in a hurry looks at 800
_UNITS, _LONG_UNITS = 3, 12  # quotes from the main source
_OTHERS, _LONG_OTHERS = 2, 6  # further sources, a line each
_CLOSE = 1.2  # how far below the best unit's score a further quote of the same source may lie
_MEANT = 3.0  # the same where the question names the source: the answer is somewhere in it
_NEAR = 2.2  # and the best unit of another source
_NO_PROSE = frozenset(["example", "code", "signature"])


@dataclass(frozen=True, slots=True)
class Written:
    """What a generator gives back: the text, its citations, and the verdict of an either/or."""

    text: str
    citations: tuple[Citation, ...]
    verdict: Verdict | None = None


def write(retrieved: Retrieved, read: Read, *, long: bool = False) -> Written | None:
    """The answer from what was read; None where there is nothing to quote."""
    if not read.units:
        return None
    draft = Draft(LONG_BUDGET if long else BUDGET)
    for entry in retrieved.named:
        if entry.corrected:
            draft.say(
                CORRECTED[retrieved.question.language].format(
                    wrong=entry.mention.name, right=entry.names[0]
                )
            )
    if len(retrieved.question.options) == 2:
        verdict = eitheror.write(retrieved, read, draft)
        if verdict is not None:
            return Written(draft.text, tuple(draft.citations), verdict)
    main = main_places(retrieved, read)
    units = _LONG_UNITS if long else _UNITS
    for place in main:
        _main(retrieved, read, place, draft, max(2, units - len(main) + 1))
    if len(main) == 1:
        _others(retrieved, read, main, draft, _LONG_OTHERS if long else _OTHERS)
        symbol.example(retrieved.question, read, main[0], draft)
    return Written(draft.text, tuple(draft.citations)) if draft.citations else None


def main_places(retrieved: Retrieved, read: Read) -> list[int]:
    """Which documents the answer is about: those that the question names, else the best unit's.

    A name that is surely one beats words that may be names; a stub ("See torch.max") is followed
    by the best of the rest.
    """
    rows = [head.row for head in read.heads]
    named: list[int] = []
    for sure in (True, False):
        if not named:
            named = [n.rows[0] for n in retrieved.named if n.rows and n.mention.sure is sure]
    places = list(dict.fromkeys(rows.index(row) for row in named if row in rows))
    best = read.units[0].place
    if not places:
        return [best]
    if len(places) == 1 and best != places[0] and len(read.documents[places[0]].text) < 200:
        return [places[0], best]
    return places[:2]


def picked(units: Sequence[Reading], count: int, close: float = _CLOSE) -> list[Reading]:
    """The best unit of a source and those that come close; what the question names comes along."""
    prose = [unit for unit in units if unit.chunk.role not in _NO_PROSE] or list(units)
    if not prose:
        return []
    floor = prose[0].score - close
    return [unit for unit in prose if unit.score >= floor or unit.asked][:count]


def _main(retrieved: Retrieved, read: Read, place: int, draft: Draft, count: int) -> None:
    document, units = read.documents[place], read.of(place)
    row = read.heads[place].row
    meant = any(entry.mention.sure and row in entry.rows[:1] for entry in retrieved.named)
    chosen = picked(units, count + 2, _MEANT) if meant else picked(units, count)
    if document.kind == "symbol":
        symbol.write(retrieved, document, units, chosen, draft)
        return
    lead = label(document, retrieved.question.language)
    for unit in chosen:
        if draft.quote(document, unit.chunk, lead=lead, force=not draft.citations):
            lead = ""


def _others(
    retrieved: Retrieved, read: Read, main: Sequence[int], draft: Draft, count: int
) -> None:
    """What else fits, a line a source: for a question that names nothing the second best source
    is often the one that was meant."""
    if any(entry.rows and entry.mention.sure for entry in retrieved.named):
        return
    seen = set(main)
    floor = read.units[0].score - _NEAR
    for unit in read.units:
        if len(seen) - len(main) >= count or unit.score < floor:
            break
        if unit.place in seen or unit.chunk.role in _NO_PROSE:
            continue
        seen.add(unit.place)
        document = read.documents[unit.place]
        draft.quote(document, unit.chunk, lead=label(document, retrieved.question.language))
