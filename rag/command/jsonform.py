"""The JSON that goes out and comes in: answers, documents, and the lines of a batch.

The keys and their order are those of the evaluation's form; readers ignore keys they do not know.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rag.errors import UsageError
from rag.types import Answer, Citation, Document, Language, Passage, Turn, Verdict

Id = str | int | float | None


def dumps(record: Mapping[str, object]) -> str:
    """One line of JSON, Hangul as it is."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False)


def answer_form(answer: Answer, id_: Id = None, *, explain: bool = False) -> dict[str, object]:
    """An answer; `explain` adds why each passage came, and how a follow-up was completed."""
    form: dict[str, object] = {
        "id": id_,
        "question": answer.question,
        "language": answer.language,
        "answer": answer.answer,
        "refused": answer.refused,
        "reason": answer.reason,
        "verdict": None if answer.verdict is None else verdict_form(answer.verdict),
        "confidence": float(answer.confidence),
        "generator": answer.generator,
        "citations": [citation_form(citation) for citation in answer.citations],
        "passages": [passage_form(passage, explain) for passage in answer.passages],
        "seconds": float(answer.seconds),
        "notice": answer.notice,
    }
    if explain:
        form["completed"] = answer.completed
        form["timings"] = {name: float(seconds) for name, seconds in answer.timings}
    return form


def verdict_form(verdict: Verdict) -> dict[str, object]:
    """The outcome of an either/or question."""
    return {
        "options": list(verdict.options),
        "conclusion": verdict.conclusion,
        "stances": [asdict(stance) for stance in verdict.stances],
    }


def citation_form(citation: Citation) -> dict[str, object]:
    """A quote and where it stands."""
    return {
        "marker": citation.marker,
        "source": citation.source,
        "aliases": list(citation.aliases),
        "title": citation.title,
        "url": citation.url,
        "version": citation.version,
        "quote": citation.quote,
        "start": citation.start,
        "end": citation.end,
        "date": citation.date,
    }


def passage_form(passage: Passage, explain: bool) -> dict[str, object]:
    """A source that may answer; `show` gives the text of its span."""
    form: dict[str, object] = {
        "source": passage.source,
        "aliases": list(passage.aliases),
        "score": float(passage.score),
        "start": passage.start,
        "end": passage.end,
        "title": passage.title,
        "heading": passage.heading,
        "url": passage.url,
        "version": passage.version,
        "date": passage.date,
    }
    if explain:
        trace = asdict(passage.trace)
        form["trace"] = {**trace, "fused": float(trace["fused"]), "matched": list(trace["matched"])}
    return form


def document_form(document: Document) -> dict[str, object]:
    """What `ask show --json` prints."""
    return {
        "source": document.id,
        "title": document.title,
        "url": document.url,
        "version": document.version,
        "text": document.text,
    }


# -- batch lines ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """A line of a batch that can be answered."""

    id: Id
    question: str
    language: Language | None
    history: tuple[Turn, ...]


def read_record(line: bytes) -> dict[str, Any]:
    """The JSON object of a line; raises UsageError that says what is wrong with it."""
    try:
        record = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UsageError("the line is not UTF-8") from error
    except RecursionError as error:
        raise UsageError("the JSON is nested too deeply") from error
    except ValueError as error:
        raise UsageError(f"not JSON: {error}") from error
    if not isinstance(record, dict):
        raise UsageError('not a JSON object; write {"question": "..."}')
    return record


def record_id(record: Mapping[str, Any]) -> Id:
    """The id of a line where it is a text or a number, else None."""
    found = record.get("id")
    is_number = isinstance(found, int | float) and math.isfinite(found)
    return found if isinstance(found, str) or is_number else None


def read_asked(record: Mapping[str, Any]) -> Asked:
    """What a line asks; raises UsageError where a value is of the wrong kind."""
    question, language = record.get("question"), record.get("lang")
    if not isinstance(question, str):
        raise UsageError('there is no "question", or it is no text')
    if language not in (None, "en", "ko"):
        raise UsageError(f'"lang" is "en" or "ko", not {json.dumps(language, ensure_ascii=False)}')
    history = record.get("history") or []
    if not isinstance(history, list):
        raise UsageError('"history" is a list of {"question", "answer"}')
    return Asked(record_id(record), question, language, tuple(_turn(turn) for turn in history))


def _turn(turn: object) -> Turn:
    if isinstance(turn, dict):
        question, answer = turn.get("question"), turn.get("answer", "")
        if isinstance(question, str) and isinstance(answer, str):
            return Turn(question, answer)
    raise UsageError('"history" is a list of {"question", "answer"}, both texts')
