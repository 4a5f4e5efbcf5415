"""What readers of the page thought of answers: kept in one SQLite file, read as golden questions."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rag.errors import OutputError, UsageError
from rag.types import Language, Turn

REASONS = ("wrong", "incomplete", "quote", "outdated", "unclear", "refused", "other")

_SCHEMA = """
CREATE TABLE IF NOT EXISTS feedback (
    number INTEGER PRIMARY KEY, at TEXT NOT NULL, helpful INTEGER NOT NULL, reason TEXT NOT NULL,
    comment TEXT NOT NULL, question TEXT NOT NULL, language TEXT NOT NULL, answer TEXT NOT NULL,
    refused INTEGER NOT NULL, sources TEXT NOT NULL, quotes TEXT NOT NULL, history TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Feedback:
    """A thumb up or down on an answer.

    `reason` is one of REASONS or empty; `sources` are the ids that the answer cited, `quotes` what
    it quoted of them; `history` are the turns before it. `at` is UTC, as 2026-11-24T09:00:00Z.
    """

    question: str
    language: Language
    answer: str
    refused: bool
    helpful: bool
    reason: str = ""
    comment: str = ""
    sources: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    history: tuple[Turn, ...] = ()
    at: str = ""


class FeedbackStore:
    """The file of all feedback. Safe to share between threads and processes."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened or made before the first `add`."""
        self.path = path

    def add(self, feedback: Feedback) -> None:
        """Keep it, with the time of now where it has none; raises UsageError, OutputError."""
        if feedback.reason not in ("", *REASONS):
            raise UsageError(f"a reason is one of {', '.join(REASONS)}, not {feedback.reason!r}")
        at = feedback.at or f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        row = (
            at, feedback.helpful, feedback.reason, feedback.comment, feedback.question,
            feedback.language, feedback.answer, feedback.refused, _json(feedback.sources),
            _json(feedback.quotes), _json([[t.question, t.answer] for t in feedback.history]),
        )  # fmt: skip
        with self._open() as base, base:
            base.execute(f"INSERT INTO feedback VALUES (NULL, {', '.join('?' * len(row))})", row)

    def all(self) -> list[Feedback]:
        """All feedback, the oldest first; empty where there is no file; raises OutputError."""
        if not self.path.is_file():
            return []
        columns = (
            "question language answer refused helpful reason comment sources quotes history at"
        )
        with self._open() as base:
            query = f"SELECT {', '.join(columns.split())} FROM feedback ORDER BY number"
            return [_read(row) for row in base.execute(query)]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self.path, timeout=5)) as base:
                base.execute(_SCHEMA)
                yield base
        except (sqlite3.Error, OSError, ValueError) as error:
            raise OutputError(
                f"the feedback at {self.path} cannot be read or written: {error}; "
                "set ASK_FEEDBACK to another file"
            ) from error


def candidate(feedback: Feedback, number: int) -> str:
    """Feedback as a line of golden questions, for somebody to look at before it is used.

    A thumb up on an answer proposes its sources and quotes as right, a thumb up on a refusal that
    the documents do not answer; a thumb down proposes the question alone.
    """
    good = feedback.helpful and not feedback.refused
    said = "up" if feedback.helpful else f"down ({feedback.reason or 'no reason'})"
    comment = f": {feedback.comment}" if feedback.comment else ""
    record: dict[str, object] = {
        "id": f"feedback-{number:03}",
        "lang": feedback.language,
        "kind": "feedback",
        "question": feedback.question,
        "answerable": not (feedback.helpful and feedback.refused),
        "sources": list(feedback.sources) if good else [],
        "must_contain": [[quote] for quote in feedback.quotes[:1]] if good else [],
        "note": f"candidate, {feedback.at}, thumb {said}{comment}",
    }
    if feedback.history:
        record["history"] = [
            {"question": turn.question, "answer": turn.answer or "-"} for turn in feedback.history
        ]
    return _json(record)


def _read(row: tuple[object, ...]) -> Feedback:
    question, language, answer, refused, helpful, reason, comment, *lists, at = row
    sources, quotes, history = (json.loads(str(text)) for text in lists)
    return Feedback(
        question=str(question), language="ko" if language == "ko" else "en", answer=str(answer),
        refused=bool(refused), helpful=bool(helpful), reason=str(reason), comment=str(comment),
        sources=tuple(sources), quotes=tuple(quotes),
        history=tuple(Turn(*turn) for turn in history), at=str(at),
    )  # fmt: skip


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
