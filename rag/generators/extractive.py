"""The answer without a language model: the sentences that answer, quoted.

Nothing is paraphrased. Outside of quotation marks stand only names, numbers that a docstring or
signature states (a default), and the fixed sentences of rag/prompts.py.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.generators.draft import Draft, dedent
from rag.markup import readable
from rag.prompts import ALIASES, BOTH_WORD, DEFAULT_OF, VERDICTS
from rag.question import Question
from rag.reader import Read, Reading, asks_for
from rag.retrieve import Retrieved
from rag.types import Citation, Document, Stance, Verdict
from rag.verdict import Side, conclude, sides

BUDGET, LONG_BUDGET = 620, 4_000  # characters; 800 are read at most by those in a hurry
_MORE, _LONG_MORE = 3, 10  # units beside the first
_CLOSE = 0.80  # a further unit is shown from this share of the best one's score
_DEFAULT = re.compile(
    r"[Dd]efaults?(?:\s+(?:value|is|to|as|:|=|value is|value:))*\s*[:=]?\s*"
    r"(?P<value>``[^`]+``|:\w+:`[^`]+`|'[^']*'|\"[^\"]*\"|-?[\d.]+(?:e-?\d+)?|None|True|False)"
)


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
    question = retrieved.question
    draft = Draft(LONG_BUDGET if long else BUDGET)
    if len(question.options) == 2:
        verdict = _either_or(question, retrieved, read, draft)
        if verdict is not None:
            return Written(draft.text, tuple(draft.citations), verdict)
    _quotes(question, retrieved, read, draft, _LONG_MORE if long else _MORE)
    return Written(draft.text, tuple(draft.citations)) if draft.citations else None


# -- the plain answer ----------------------------------------------------------------------------


def _quotes(question: Question, retrieved: Retrieved, read: Read, draft: Draft, more: int) -> None:
    """The best units: the main document's first, then others that come close."""
    main = _main_places(retrieved, read)
    for place in main:
        units = read.of(place)
        share = more if len(main) == 1 else max(1, more // len(main))
        _about(question, retrieved, read.documents[place], units, draft, share)
    best = read.units[0].score
    for unit in read.units:
        if unit.place in main or len(draft.citations) > more + 1:
            continue
        if unit.score < best * 0.93 or unit.chunk.role in ("example", "signature", "code"):
            continue
        document = read.documents[unit.place]
        draft.add(f"{_label(document, question)} {draft_quote(draft, document, unit)}")
        break


def _main_places(retrieved: Retrieved, read: Read) -> list[int]:
    """Which documents the answer is about: those that the question names, else the best unit's."""
    named = [entry.rows[0] for entry in retrieved.named if entry.rows and entry.mention.sure] or [
        entry.rows[0] for entry in retrieved.named if entry.rows
    ]
    rows = [head.row for head in read.heads]
    places = list(dict.fromkeys(rows.index(row) for row in named if row in rows))
    best = read.units[0]
    if len(places) >= 2:
        return places[:2]
    if places and best.place != places[0] and _is_stub(read.documents[places[0]]):
        return [places[0], best.place]
    return places or [best.place]


def _is_stub(document: Document) -> bool:
    return len(document.text) < 200


def _about(
    question: Question, retrieved: Retrieved, document: Document, units: tuple[Reading, ...],
    draft: Draft, more: int,
) -> None:  # fmt: skip
    """One document's part of the answer."""
    picked = _pick(units, more)
    if document.kind == "symbol":
        _symbol(question, retrieved, document, units, picked, draft)
        return
    for i, unit in enumerate(picked):
        label = _label(document, question) + " " if i == 0 else ""
        draft.add(label + draft_quote(draft, document, unit), force=i == 0)


def _pick(units: tuple[Reading, ...], more: int) -> list[Reading]:
    """The best unit and those that come close, no code among them."""
    prose = [u for u in units if u.chunk.role not in ("example", "code", "signature")] or list(
        units
    )
    if not prose:
        return []
    floor = _CLOSE * prose[0].score
    return [unit for unit in prose[: more + 1] if unit.score >= floor]


def _symbol(
    question: Question, retrieved: Retrieved, document: Document, units: tuple[Reading, ...],
    picked: list[Reading], draft: Draft,
) -> None:  # fmt: skip
    """A symbol: name and summary, the units that answer, the call, and an example where asked."""
    summary = next((u for u in units if u.chunk.role == "summary"), None)
    head = _label(document, question)
    default = _default_line(question, retrieved, document, units, draft)
    if default:
        draft.add(default, force=True)
    if summary is not None and summary.chunk.end - summary.chunk.start <= 260:
        draft.add(f"{head} {draft_quote(draft, document, summary)}", force=not draft.blocks)
    elif not draft.blocks:
        draft.add(head, force=True)
    for unit in picked:
        if not draft.cites(document, unit.chunk.start, unit.chunk.end):
            draft.add(_trial(draft, document, unit), force=len(draft.citations) == 0)
    _call(question, document, units, draft)
    if "howto" in question.intents:
        _example(document, units, draft)


def _trial(draft: Draft, document: Document, unit: Reading) -> str:
    """The quote of a unit; one that would not fit is not numbered, so ask for room first."""
    shown = readable(document.text[unit.chunk.start : unit.chunk.end])
    if len(shown) + 8 > draft.room and draft.citations:
        return " " * (draft.room + 1)
    return draft_quote(draft, document, unit)


def draft_quote(draft: Draft, document: Document, unit: Reading) -> str:
    """The quote of a unit."""
    return draft.quote(document, unit.chunk.start, unit.chunk.end)


def _label(document: Document, question: Question) -> str:
    """What is quoted: "`torch.stack` (torch 2.13.0):" or "PyTorch - Wikipedia (2026-07-02):"."""
    if document.kind != "symbol":
        when = document.date or document.version
        return f"{document.title} ({when}):" if when else f"{document.title}:"
    facts = [document.version or ""]
    if len(document.aliases) == 1:
        name = document.aliases[0].partition(":")[2]
        facts.append(ALIASES[question.language].format(names=f"`{name}`"))
    return f"`{document.title}` ({', '.join(fact for fact in facts if fact)}):"


def _call(question: Question, document: Document, units: tuple[Reading, ...], draft: Draft) -> None:
    """The signature, where the question is about using the thing and it is no novel."""
    signature = next((u.chunk for u in units if u.chunk.role == "signature"), None)
    if signature is None or not question.intents & {
        "howto",
        "default",
        "define",
        "returns",
        "shape",
    }:
        return
    length = signature.end - signature.start
    fits = length + 14 <= min(draft.room, 300) and "(" in document.text[: signature.end]
    if fits and not draft.cites(document, signature.start, signature.end):
        draft.add(draft.code(document, signature.start, signature.end))


def _example(document: Document, units: tuple[Reading, ...], draft: Draft) -> None:
    """The docstring's first example: whole where it fits, else its first complete statements."""
    example = min(
        (u.chunk for u in units if u.chunk.role == "example"), key=lambda c: c.start, default=None
    )
    if example is None:
        return
    start, end = example.start, example.end
    room = draft.room - 16
    if end - start > room:
        end = _statements_end(document.text, start, end, room)
    if end > start and len(dedent(document.text[start:end])) <= room:
        draft.add(draft.code(document, start, end))


def _statements_end(text: str, start: int, end: int, room: int) -> int:
    """Where the last complete statement with its output ends that fits into `room`."""
    last = start
    for match in re.finditer(r"\n(?=[ \t]*>>> )", text[start:end]):
        at = start + match.start()
        if at - start > room:
            break
        last = at
    return last


# -- defaults ------------------------------------------------------------------------------------


def _default_line(
    question: Question, retrieved: Retrieved, document: Document, units: tuple[Reading, ...],
    draft: Draft,
) -> str | None:  # fmt: skip
    """ "The default of `dim` is `0`." with its proof, where a default was asked for and stated."""
    if "default" not in question.intents:
        return None
    signature = next((u.chunk for u in units if u.chunk.role == "signature"), None)
    stated: re.Match[str] | None
    call = document.text[signature.start : signature.end] if signature else ""
    name = _asked_parameter(retrieved, units, call)
    if name is None:
        return None
    for unit in units:
        if unit.chunk.name == name:
            stated = _DEFAULT.search(document.text[unit.chunk.start : unit.chunk.end])
            if stated:
                value = readable(stated["value"]).strip("`")
                marker = draft.marker(document, unit.chunk.start, unit.chunk.end)
                shown = readable(document.text[unit.chunk.start : unit.chunk.end])
                line = DEFAULT_OF[question.language].format(name=name, value=value)
                return f"{line} “{shown}” {marker}"
    default = signature_default(call, name)
    if default is None or signature is None:
        return None
    line = DEFAULT_OF[question.language].format(name=name, value=default)
    return f"{line} {draft.marker(document, signature.start, signature.end)}"


def _asked_parameter(retrieved: Retrieved, units: tuple[Reading, ...], call: str) -> str | None:
    """The parameter that the question is about: named in it, or the best unit's."""
    names = dict.fromkeys(
        [u.chunk.name for u in units if u.chunk.role == "parameter" and u.chunk.name]
        + re.findall(r"[(,]\s*\*{0,2}([A-Za-z_]\w*)\s*[:=,)]", call)
    )
    for name in names:
        if asks_for(name, retrieved.concepts):
            return name
    best = next((u.chunk for u in units if u.chunk.role != "signature"), None)
    return (best.name or None) if best is not None and best.role == "parameter" else None


def signature_default(call: str, name: str) -> str | None:
    """The default of a parameter as a signature states it: ("f(a, dim=0)", "dim") -> "0"."""
    match = re.search(rf"[(,]\s*{re.escape(name)}\s*(?::[^=]*?)?\s*=\s*", call)
    if match is None:
        return None
    depth, at = 0, match.end()
    while at < len(call):
        if call[at] in "([{":
            depth += 1
        elif call[at] in ")]}":
            if depth == 0:
                break
            depth -= 1
        elif call[at] == "," and depth == 0:
            break
        at += 1
    return call[match.end() : at].strip() or None


# -- either/or -----------------------------------------------------------------------------------


def _either_or(
    question: Question, retrieved: Retrieved, read: Read, draft: Draft
) -> Verdict | None:
    """Source by source; None where the question is no either/or that the documents speak of."""
    if (
        sum(1 for entry in retrieved.named if entry.rows and entry.mention.name in question.options)
        == 2
    ):
        return None  # two documented names: they are compared side by side
    found = sides(question, read.documents, [u for u in read.units if u.chunk.role != "code"])
    if not found:
        return None
    conclusion = conclude(question.options, found)
    draft.add(_conclusion_line(question, conclusion), force=True)
    stances: list[Stance] = []
    for side in _balanced(found, question.options):
        document = read.documents[side.place]
        option = BOTH_WORD[question.language] if side.option == "both" else side.option
        when = f", {side.date}" if side.date else ""
        chunk = side.reading.chunk
        line = f"- {document.title}{when}: **{option}**. "
        if len(line) + chunk.end - chunk.start + 8 > draft.room and len(stances) >= 2:
            continue
        quote = draft.quote(document, chunk.start, chunk.end)
        draft.add(line + quote, force=True)
        stances.append(Stance(document.id, side.option, side.date, draft.citations[-1].marker))
    return Verdict(question.options, conclusion, tuple(stances))


def _conclusion_line(question: Question, conclusion: str) -> str:
    a, b = question.options
    if conclusion in VERDICTS:
        return VERDICTS[conclusion][question.language].format(a=a, b=b)
    return VERDICTS["one"][question.language].format(option=conclusion)


def _balanced(found: tuple[Side, ...], options: tuple[str, ...]) -> list[Side]:
    """At most six sides in turn: every option gets its best proof before any its second."""
    by_option: dict[str, list[Side]] = {}
    for side in found:
        by_option.setdefault(side.option, []).append(side)
    ordered: list[Side] = []
    for i in range(max(len(group) for group in by_option.values())):
        for option in (*options, "both"):
            ordered.extend(by_option.get(option, [])[i : i + 1])
    return ordered[:6]
