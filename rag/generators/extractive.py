"""The answer without a language model: the sentences that answer, quoted.

Nothing is paraphrased. Outside of quotation marks stand only names, values that a docstring or
signature states (a default), and the fixed sentences of rag/prompts.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from rag.generators import eitheror, symbol, yesno
from rag.generators.draft import Draft, shown_quote
from rag.prompts import ALSO, CORRECTED, label
from rag.reader import Read, Reading
from rag.retrieve import Retrieved
from rag.text import points_back
from rag.types import Citation, Document, Language, Verdict

BUDGET, LONG_BUDGET = 760, 4_000  # characters; a reader in a hurry looks at 800
_UNITS, _LONG_UNITS = 3, 12  # quotes from the main source
_OTHERS, _LONG_OTHERS = 4, 8  # further sources, a line each
_OTHERS_ROOM = 300  # characters kept for them where the question names nothing
_MARKS = 12  # characters around a quote
_CLOSE = 1.2  # how far below the best unit's score a further quote of the same source may lie
_LEAST = 2  # units of a symbol, however far apart: its summary is mostly one of them
_MEANT = 2.0  # the same where the question names the source: the answer is somewhere in it
_LEVEL = 0.6  # units whose scores lie so close are as good as each other
_BRIEF = 240  # characters of a unit that may be put before a better one
_BEHIND = 2.5  # how far another source may rank behind the first
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
    others = _other_units(retrieved, read, main)[: _LONG_OTHERS if long else _OTHERS]
    yesno.begin(retrieved, read, main[0], draft)
    for i, place in enumerate(main):
        # What comes behind keeps its room, but the best unit of this source comes before it.
        language = retrieved.question.language
        later = sum(_needed(read, other, language) for other in main[i + 1 :])
        # The two sides of a comparison take equal room.
        compared = "difference" in retrieved.question.intents
        share = compared * draft.room * (len(main) - i - 1) // (len(main) - i)
        behind = max(later, share) or (_OTHERS_ROOM if others else 0)
        kept = max(0, min(behind, draft.room - _needed(read, place, language)))
        draft.budget -= kept
        _main(retrieved, read, place, draft, max(2, units - len(main) + 1), long=long)
        draft.budget += kept
    _others(retrieved, read, others, draft)
    if len(main) == 1:
        symbol.example(retrieved.question, read.documents[main[0]], read.of(main[0]), draft)
    return Written(draft.text, tuple(draft.citations)) if draft.citations else None


def main_places(retrieved: Retrieved, read: Read) -> list[int]:
    """Which documents the answer is about: those that the question names, else the best unit's, or
    the first where one of its units is about as good.

    Words that may be names say it only where a difference is asked for; a stub ("See torch.max")
    is followed by the best of the rest. A page that ranks first and holds the best unit comes
    before what is named: "what does the 2.0 page say of torch.compile?".
    """
    rows = [head.row for head in read.heads]
    named = [n for n in retrieved.named if n.rows and n.mention.sure]
    unwanted = {row for n in retrieved.named if n.mention.unwanted for row in n.rows[:2]}
    wanted = [u for u in read.units if rows[u.place] not in unwanted] or read.units
    best = wanted[0].place
    if len(named) < 2 and "difference" in retrieved.question.intents:
        named += [n for n in retrieved.named if n.rows and n not in named]
    # Of namesakes (memory_allocated of cuda, of xpu) the one that ranks first is meant.
    meant = [[rows.index(row) for row in n.rows[:4] if row in rows] for n in named]
    places = list(dict.fromkeys(min(some) for some in meant if some))
    if not places:
        first = next((unit for unit in wanted if unit.place == 0), None)
        return [0 if first and first.score > wanted[0].score - _LEVEL else best]
    if best == 0 and best not in places and read.documents[best].kind != "symbol":
        return [best, places[0]]
    if len(places) == 1 and best != places[0] and len(read.documents[places[0]].text) < 200:
        return [places[0], best]
    if len(places) == 1 and _within(read.documents[best], read.documents[places[0]]):
        return [best, places[0]]  # Embedding.from_pretrained, where nn.Embedding is named
    if len(places) == 1 and 0 not in places:
        return [places[0], 0]
    return places[:2]


def _within(one: Document, other: Document) -> bool:
    """Whether one is a member of the other."""
    return one.title.startswith(f"{other.title}.")


def picked(
    units: Sequence[Reading], count: int, close: float = _CLOSE, least: int = 1
) -> list[Reading]:
    """The best unit of a source and those that come close, at least `least`; what the question
    names comes along."""
    telling = [unit for unit in units if unit.says or unit.asked]
    prose = [unit for unit in telling if unit.chunk.role not in _NO_PROSE] or list(units)
    if not prose:
        return []
    floor = prose[0].score - close
    near = [unit for i, unit in enumerate(prose) if unit.score >= floor or i < least]
    return [*near, *(unit for unit in prose[len(near) :] if unit.asked)][:count]


def with_next(
    chosen: Sequence[Reading], units: Sequence[Reading], *, any_role: bool = False
) -> list[Reading]:
    """The best unit with the sentence behind it, as the remedy often stands right after the cause;
    of the same entry, or with `any_role` whatever stands there."""
    if not chosen:
        return []
    best = chosen[0].chunk
    behind = [
        u for u in units
        if u.row == chosen[0].row + 1 and u.chunk.section_start == best.section_start
        and (any_role or (u.chunk.role, u.chunk.name) == (best.role, best.name))
        and u.chunk.role not in _NO_PROSE and u.says
    ]  # fmt: skip
    return list(dict.fromkeys([chosen[0], *behind, *chosen[1:]]))


def in_reading_order(chosen: Sequence[Reading]) -> list[Reading]:
    """The same, but what points back ("As such, ...") stands behind the unit that it points to,
    where that is chosen too. A long one would leave no room for the better one."""
    ordered: list[Reading] = []
    for unit in chosen:
        brief = unit.chunk.end - unit.chunk.start <= _BRIEF
        after = [
            i for i, other in enumerate(ordered)
            if brief and other.row == unit.row + 1 and other.chunk.role == unit.chunk.role
            and points_back(other.chunk.record.partition(": ")[2])
        ]  # fmt: skip
        ordered.insert(after[0] if after else len(ordered), unit)
    return ordered


def _main(
    retrieved: Retrieved, read: Read, place: int, draft: Draft, count: int, *, long: bool
) -> None:
    document, units = read.documents[place], read.of(place)
    row = read.heads[place].row
    meant = any(entry.mention.sure and row in entry.rows[:1] for entry in retrieved.named)
    least = _LEAST if document.kind == "symbol" else 1
    close = inf if long else _MEANT
    chosen = picked(units, count + 2, close, least) if meant else picked(units, count, least=least)
    chosen = with_next(chosen, units, any_role="error" in retrieved.question.intents)
    chosen = in_reading_order(chosen)
    if document.kind == "symbol":
        # Where the best unit is no summary, it is something of the thing that was asked about.
        whole = meant and chosen[0].chunk.role == "summary" and not any(u.asked for u in chosen)
        kept = symbol.usage_room(retrieved.question, units) if whole else 0
        draft.budget -= kept
        symbol.write(retrieved, document, units, chosen, draft)
        draft.budget += kept
        symbol.call(retrieved.question, document, units, draft)
        return
    lead = label(document, retrieved.question.language)
    for unit in chosen:
        if draft.quote(document, unit.chunk, lead=lead, force=not draft.citations):
            lead = ""


def _needed(read: Read, place: int, language: Language) -> int:
    """Characters that the summary and the best unit of a source take, with what is around them."""
    document, units = read.documents[place], read.of(place)
    best = picked(units, 1)
    first = _summary(units) if document.kind == "symbol" else None
    shown = {*best, *([first] if first is not None else [])}
    quotes = sum(len(shown_quote(document, unit.chunk)) + _MARKS for unit in shown)
    return len(label(document, language)) + quotes


def _other_units(retrieved: Retrieved, read: Read, main: Sequence[int]) -> list[Reading]:
    """What else may be meant, a unit a source, where the question names nothing: the second best
    source is then often the right one. A symbol is told by its summary."""
    if len(main) > 1 or any(entry.rows and entry.mention.sure for entry in retrieved.named):
        return []
    language = retrieved.question.language
    found = []
    told = {_known_by(read.documents[place], _summary(read.of(place))) for place in main}
    for place, document in enumerate(read.documents):
        prose = [u for u in read.of(place) if u.chunk.role not in _NO_PROSE and u.says]
        prose = [u for u in prose if document.kind == "symbol" or u.chunk.language == language]
        if place in main or not prose or prose[0].features.get("behind", 0.0) * 5 > _BEHIND:
            continue
        summary = _summary(prose) or prose[0]
        if _known_by(document, summary) in told:
            continue  # a namesake that says the same would only be read twice
        told.add(_known_by(document, summary))
        brief = summary.chunk.end - summary.chunk.start <= _OTHERS_ROOM
        whole = document.kind == "symbol" and brief and "error" not in retrieved.question.intents
        found.append(summary if whole else prose[0])
    return found


def _summary(units: Sequence[Reading]) -> Reading | None:
    return next((unit for unit in units if unit.chunk.role == "summary"), None)


def _known_by(document: Document, unit: Reading | None) -> tuple[str, str]:
    """The last step of a name and what is said of it."""
    said = shown_quote(document, unit.chunk) if unit is not None else document.id
    return document.title.rpartition(".")[2], said


def _others(retrieved: Retrieved, read: Read, others: Sequence[Reading], draft: Draft) -> None:
    """A line a source, under a line that says what they are."""
    language = retrieved.question.language
    said = False
    for unit in others:
        document = read.documents[unit.place]
        lead = f"- {label(document, language, brief=True)}"
        if not said:
            lead = f"{ALSO[language]}\n{lead}"
        said = draft.quote(document, unit.chunk, lead=lead) or said
