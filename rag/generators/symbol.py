"""How the documentation of a symbol is told: default, summary, what was asked, call, example."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.generators.draft import Draft
from rag.markup import readable
from rag.prompts import ALIAS_OF, DEFAULT_OF, ROLES, TYPE_OF, label
from rag.question import Question
from rag.reader import Reading
from rag.retrieve import Retrieved
from rag.types import Chunk, Document
from rag.units import asks_for

_SUMMARY = 260  # a longer first sentence is quoted only where it answers
_CALL = 300
_EXAMPLE = 260  # a longer one is cut where the room ends
_FRAME = 20  # what stands around a block of code
_DEFAULT = re.compile(
    r"(?<![\"'`\w-])[Dd]efaults?(?:\s+(?:value is|value:|value|is|to|as))*\s*[:=]?\s*"
    r"(?P<value>``[^`]+``|:\w+:`[^`]+`|'[^']*'|\"[^\"]*\"|-?(?:\d+(?:\.\d+)?|\.\d+)(?:e-?\d+)?|None|True|False)"
)
_TYPED = re.compile(r"\W*\*{0,2}\w+\s*\((?P<type>[^()]+(?:\([^()]*\)[^()]*)*)\)\s*:")
_ALIAS = re.compile(r"Alias (?:for|of|to) :\w+:`~?\.?(?P<other>[\w.]+)")
_LABELLED = re.compile(r"\W*(?:returns?|raises|shape|note|warning|input|output)\b", re.I)
_PARAMETER = re.compile(r"[(,]\s*\*{0,2}([A-Za-z_]\w*)\s*(?=[:=,)])")


def write(
    retrieved: Retrieved,
    document: Document,
    units: Sequence[Reading],
    chosen: Sequence[Reading],
    draft: Draft,
) -> None:
    """Name and summary, and the chosen units."""
    question = retrieved.question
    best = next((unit for unit in units if unit.says), None)
    if facts(retrieved, document, units, draft):
        # What was asked for by name is told; further sentences would only look like more answers,
        # but for the best: "up to which version was True the default?"
        chosen = [unit for unit in chosen if unit.asked or unit is best]
    lead = label(document, question.language)
    summary = next((u.chunk for u in units if u.chunk.role == "summary"), None)
    brief = summary is not None and summary.end - summary.start <= _SUMMARY
    if summary is not None and brief and draft.quote(document, summary, lead=lead):
        lead = ""
    for unit in chosen:
        told = lead or _role(unit.chunk, document, question)
        if draft.quote(document, unit.chunk, lead=told, force=not draft.citations):
            lead = ""


def _role(chunk: Chunk, document: Document, question: Question) -> str:
    """ "Returns:", where the quote does not begin so itself."""
    told = ROLES.get(chunk.role, {}).get(question.language, "")
    return "" if _LABELLED.match(document.text[chunk.start : chunk.end]) else told


def facts(retrieved: Retrieved, document: Document, units: Sequence[Reading], draft: Draft) -> bool:
    """What can be said in a sentence of our own, with its proof: a default, a type, an alias; true
    where that is the default of a parameter that the question names."""
    told = default(retrieved, document, units, draft)
    language = retrieved.question.language
    if "type" in retrieved.question.intents and "default" not in retrieved.question.intents:
        for unit in units:
            match = _TYPED.match(document.text[unit.chunk.start : unit.chunk.end])
            if unit.asked and match:
                line = TYPE_OF[language].format(
                    name=unit.chunk.name, value=readable(match["type"]).strip("`")
                )
                draft.state(line, document, unit.chunk)
                break
    alias = _ALIAS.match(document.text[_body(document) :])
    summary = next((u.chunk for u in units if u.chunk.role == "summary"), None)
    if alias and summary is not None:
        line = ALIAS_OF[language].format(name=document.title, other=alias["other"])
        draft.state(line, document, summary)
    return told


def _body(document: Document) -> int:
    """Where the text behind the call begins."""
    call, gap, _ = document.text.partition("\n\n")
    return len(call) + len(gap) if "(" in call and gap else 0


def call(question: Question, document: Document, units: Sequence[Reading], draft: Draft) -> None:
    """The signature, where the question is about using the thing and it is no novel."""
    found = _signature(units)
    wanted = {"howto", "default", "define", "returns", "shape", "omitted", "number"}
    if found is None or not question.intents & wanted:
        return
    if found.end - found.start <= _CALL and "(" in document.text[: found.end]:
        draft.code(document, found.start, found.end)


def example(question: Question, document: Document, units: Sequence[Reading], draft: Draft) -> None:
    """The docstring's first example where "how" was asked: whole where it fits, else its first
    complete statements with their output."""
    first = _first_example(question, units)
    if first is None:
        return
    room = draft.room - 16
    end = first.end
    if end - first.start > room:
        end = statements_end(document.text, first.start, end, room)
    # Preparations alone show nothing: the thing itself must be in what fits.
    if document.title.rpartition(".")[2] in document.text[first.start : end]:
        draft.code(document, first.start, end)


def usage_room(question: Question, units: Sequence[Reading]) -> int:
    """Characters to keep for the call and a short example, where "how" was asked."""
    first, call = _first_example(question, units), _signature(units)
    if first is None or call is None:
        return 0
    sizes = (first.end - first.start, _EXAMPLE), (call.end - call.start, _CALL)
    return sum(size + _FRAME for size, most in sizes if size <= most)


def _first_example(question: Question, units: Sequence[Reading]) -> Chunk | None:
    examples = [u.chunk for u in units if u.chunk.role == "example"]
    if "howto" not in question.intents or not examples:
        return None
    return min(examples, key=lambda chunk: chunk.start)


def statements_end(text: str, start: int, end: int, room: int) -> int:
    """Where the last complete statement with its output ends that fits into `room` characters."""
    last = start
    for match in re.finditer(r"\n(?=[ \t]*>>> )", text[start:end]):
        if match.start() > room:
            break
        last = start + match.start()
    return last


def default(
    retrieved: Retrieved, document: Document, units: Sequence[Reading], draft: Draft
) -> bool:
    """ "The default of `dim` is `0`." with its proof, where a default was asked for and stated;
    true where the question names every parameter that it was told of."""
    if not retrieved.question.intents & {"default", "omitted"}:
        return False
    told: list[str] = []
    signature = _signature(units)
    text = document.text[signature.start : signature.end] if signature else ""
    for name in asked_parameters(retrieved, units, text)[:2]:
        stated = _stated(document, units, name)
        if stated is not None:
            value, chunk = stated
            line = DEFAULT_OF[retrieved.question.language].format(name=name, value=value)
            draft.state(line, document, chunk)
            told.append(name)
            continue
        found = signature_default(text, name)
        if found is not None and signature is not None:
            line = DEFAULT_OF[retrieved.question.language].format(name=name, value=found)
            draft.state(line, document, signature, quoted=len(text) <= _CALL)
            told.append(name)
    if "omitted" in retrieved.question.intents:
        return False  # what happens then is asked, not only the value
    return bool(told) and all(asks_for(name, retrieved.concepts) for name in told)


def _stated(document: Document, units: Sequence[Reading], name: str) -> tuple[str, Chunk] | None:
    """The default that the parameter's own text states, and that text."""
    for unit in units:
        if unit.chunk.name == name and unit.chunk.role == "parameter":
            match = _DEFAULT.search(document.text[unit.chunk.start : unit.chunk.end])
            if match:
                return readable(match["value"]).strip("`"), unit.chunk
    return None


def asked_parameters(retrieved: Retrieved, units: Sequence[Reading], call: str) -> list[str]:
    """The parameters that the question names, else the best unit's own."""
    names = dict.fromkeys(
        [u.chunk.name for u in units if u.chunk.role == "parameter" and u.chunk.name]
        + _PARAMETER.findall(call)
    )
    asked = [name for name in names if asks_for(name, retrieved.concepts)]
    if asked:
        return asked
    best = next((u.chunk for u in units if u.chunk.role != "signature"), None)
    return [best.name] if best is not None and best.role == "parameter" and best.name else []


def signature_default(call: str, name: str) -> str | None:
    """The default of a parameter as a signature states it: ("f(a, dim=0)", "dim") -> "0"."""
    for entry in _entries(call):
        named = re.match(rf"\s*{re.escape(name)}\s*(?::[^=]*)?=(?P<value>.*)", entry, re.S)
        if named is not None:
            return named["value"].strip() or None
    return None


def _entries(call: str) -> Iterator[str]:
    """What stands between the commas of a call: "f(a: int, dim=(0, 1)) -> b" -> "a: int", "dim=(0, 1)"."""
    start = call.find("(") + 1
    depth, quoted = 0, ""
    for at in range(start, len(call)):
        sign = call[at]
        if quoted or sign in "'\"":
            quoted = "" if sign == quoted else quoted or sign
        elif sign in "([{":
            depth += 1
        elif depth and sign in ")]}":
            depth -= 1
        elif not depth and sign in ",)":
            yield call[start:at]
            start = at + 1
            if sign == ")":
                return


def _signature(units: Sequence[Reading]) -> Chunk | None:
    """The call as the docstring's author wrote it, else as Python tells it."""
    calls = [unit.chunk for unit in units if unit.chunk.role == "signature"]
    return max(calls, key=lambda chunk: chunk.start, default=None)
