"""Questions with known answers: the form of the evaluation's README, one JSON object a line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from rag.errors import SourceError, UsageError
from rag.types import Language, Turn

_TEXTS = ("id", "lang", "kind", "question")


@dataclass(frozen=True, slots=True)
class GoldenQuestion:
    """A question and what a right answer holds.

    `must_contain` are groups of alternatives, `sources` the ids that answer it; `pair` joins the
    same question in two languages; `history` are the turns before a follow-up.
    """

    id: str
    lang: Language
    kind: str
    question: str
    answerable: bool
    sources: tuple[str, ...] = ()
    must_contain: tuple[tuple[str, ...], ...] = ()
    pair: str | None = None
    history: tuple[Turn, ...] = ()


def load_questions(path: Path | str) -> tuple[GoldenQuestion, ...]:
    """Read a file of questions; keys that are not known here are ignored.

    Raises SourceError for a file that cannot be read, and UsageError that names file, line and
    key for a line that is not a question, for an id that comes twice and for an empty file.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    found: dict[str, GoldenQuestion] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        question = parse_question(line, f"{path}, line {number}")
        if question.id in found:
            raise UsageError(f"{path}, line {number}: key 'id' repeats '{question.id}'")
        found[question.id] = question
    if not found:
        raise UsageError(f"{path} holds no questions; write one JSON object a line")
    return tuple(found.values())


def parse_question(line: str, where: str) -> GoldenQuestion:
    """One line as a question; `where` opens the message of the UsageError it may raise."""
    try:
        given = json.loads(line)
    except ValueError as error:
        raise UsageError(f"{where}: not JSON ({error})") from error
    if not isinstance(given, dict):
        raise UsageError(f"{where}: a JSON object is needed, not {type(given).__name__}")
    texts = {key: _text(given, key, where) for key in _TEXTS}
    if texts["lang"] not in ("en", "ko"):
        raise UsageError(f"{where}: key 'lang' is 'en' or 'ko', not '{texts['lang']}'")
    answerable = _required(given, "answerable", where)
    if not isinstance(answerable, bool):
        raise UsageError(f"{where}: key 'answerable' is true or false, not {answerable!r}")
    if answerable:
        for key in ("sources", "must_contain"):
            _required(given, key, where)
    pair = given.get("pair")
    return GoldenQuestion(
        id=texts["id"],
        lang=cast(Language, texts["lang"]),
        kind=texts["kind"],
        question=texts["question"],
        answerable=answerable,
        sources=_texts(given.get("sources"), "sources", where),
        must_contain=tuple(
            _texts(group, "must_contain", where, empty=False)
            for group in _list(given.get("must_contain"), "must_contain", where)
        ),
        pair=None if pair is None else _text(given, "pair", where),
        history=tuple(
            Turn(*(_text(turn, key, f"{where}, key 'history'") for key in ("question", "answer")))
            for turn in _list(given.get("history"), "history", where)
        ),
    )


def _required(given: Any, key: str, where: str) -> Any:
    if not isinstance(given, dict) or key not in given:
        raise UsageError(f"{where}: key '{key}' is missing")
    return given[key]


def _text(given: Any, key: str, where: str) -> str:
    value = _required(given, key, where)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{where}: key '{key}' is a text that is not empty, not {value!r}")
    return value


def _list(value: Any, key: str, where: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise UsageError(f"{where}: key '{key}' is a list, not {value!r}")
    return value


def _texts(value: Any, key: str, where: str, *, empty: bool = True) -> tuple[str, ...]:
    texts = _list(value, key, where)
    if not (texts or empty) or not all(isinstance(text, str) and text for text in texts):
        raise UsageError(f"{where}: key '{key}' holds texts that are not empty, not {value!r}")
    return tuple(texts)
