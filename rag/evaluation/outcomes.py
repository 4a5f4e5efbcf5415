"""Questions asked of the pipeline, or answers made elsewhere, to scores.

Other systems are scored from what they print: one JSON object a line, the form of `ask batch`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from rag.errors import RagError, UsageError
from rag.evaluation import metrics
from rag.evaluation.scores import Cited, Outcome, Score, score
from rag.evaluation.summary import Report
from rag.golden import GoldenQuestion, load_questions
from rag.types import Answer, Citation, Document, Passage, Turn

Ask = Callable[[GoldenQuestion], Answer]
TextOf = Callable[[str], str]


class Asker(Protocol):
    """What the evaluation needs of a pipeline."""

    def ask(self, question: str, *, history: Sequence[Turn] = ()) -> Answer:
        """The answer to a question after the turns of `history`."""

    def show(self, source: str) -> Document:
        """The document of a cited source; raises RagError where there is none."""


def evaluate_file(path: Path | str, pipeline: Asker) -> Report:
    """Ask every question of a file and score the answers; raises what `load_questions` raises."""
    return Report(tuple(ask_all(load_questions(path), pipeline)))


def ask_all(
    questions: Iterable[GoldenQuestion], pipeline: Asker, *, follow_ups: bool = True
) -> Iterator[Score]:
    """Ask one question after the other, each when its score is wanted; without `follow_ups` as if
    nothing had been asked before."""
    return scored(
        questions,
        lambda question: pipeline.ask(
            question.question, history=question.history if follow_ups else ()
        ),
        lambda source: pipeline.show(source).text,
    )


def evaluate(questions: Iterable[GoldenQuestion], ask: Ask, text_of: TextOf) -> Report:
    """Score what `ask` answers; see `scored`."""
    return Report(tuple(scored(questions, ask, text_of)))


def scored(questions: Iterable[GoldenQuestion], ask: Ask, text_of: TextOf) -> Iterator[Score]:
    """Score what `ask` answers; `text_of` gives the text of a source, to check quotes against.

    An `ask` that raises UsageError counts as an empty answer; other errors pass through.
    """
    known = lru_cache(maxsize=1024)(text_of)
    return (score(question, _asked(question, ask, known)) for question in questions)


def _asked(question: GoldenQuestion, ask: Ask, text_of: TextOf) -> Outcome:
    """A question that cannot be read is one without an answer, as in a batch."""
    try:
        return outcome_of(ask(question), text_of)
    except UsageError as error:
        return _no_answer(str(error))


def evaluate_answers(
    questions: Iterable[GoldenQuestion], answers: Iterable[str], text_of: TextOf | None = None
) -> Report:
    """Score answers already made: JSON lines in the form of `ask batch`, found by their `id`.

    An error line of a batch, and a question without an answer, count as an empty answer. Raises
    UsageError for a line that has not the form.
    """
    made: dict[str, Outcome] = {}
    known = lru_cache(maxsize=1024)(text_of) if text_of else None
    for number, line in enumerate(answers, 1):
        if line.strip():
            given = _object(line, number)
            try:
                made[str(given["id"])] = outcome_of_json(given, known)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise UsageError(f"answers, line {number}: not an answer ({error!r})") from error
    return Report(tuple(score(q, made.get(q.id) or _no_answer("there is none")) for q in questions))


def _no_answer(reason: str) -> Outcome:
    return Outcome("", False, reason, 0.0, (), (), (), None, None)


def _object(line: str, number: int) -> dict[str, Any]:
    try:
        given = json.loads(line)
    except ValueError as error:
        raise UsageError(f"answers, line {number}: not JSON ({error})") from error
    if not isinstance(given, dict):
        raise UsageError(f"answers, line {number}: a JSON object is needed")
    return given


def outcome_of(answer: Answer, text_of: TextOf) -> Outcome:
    """What counts of an answer of this program."""
    verdict = answer.verdict
    shown: tuple[Citation | Passage, ...] = (*answer.citations, *answer.passages)
    return Outcome(
        answer=answer.answer,
        refused=answer.refused,
        reason=answer.reason,
        confidence=answer.confidence,
        citations=tuple(
            Cited(
                ids=(c.source, *c.aliases),
                title=c.title,
                version=c.version or "",
                quote=c.quote,
                stands=_stands(c.source, c.quote, c.start, c.end, text_of),
            )
            for c in answer.citations
        ),
        passages=tuple((p.source, *p.aliases) for p in answer.passages),
        names=tuple(name for found in shown for name in (found.title, found.version or "")),
        verdict=_side(verdict.conclusion, verdict.options) if verdict else None,
        seconds=answer.seconds,
    )


def outcome_of_json(given: Mapping[str, Any], text_of: TextOf | None = None) -> Outcome:
    """What counts of an answer as JSON; a line that tells of an error counts as no answer."""
    if "answer" not in given and "error" in given:
        return _no_answer(str(given["error"]))
    citations, passages = given.get("citations") or [], given.get("passages") or []
    verdict = given.get("verdict")
    return Outcome(
        answer=str(given["answer"]),
        refused=bool(given["refused"]),
        reason=given.get("reason"),
        confidence=float(given.get("confidence") or 0.0),
        citations=tuple(_cited(citation, text_of) for citation in citations),
        passages=tuple(_ids(passage) for passage in passages),
        names=tuple(
            str(found[key])
            for found in (*citations, *passages)
            for key in ("title", "version")
            if found.get(key)
        ),
        verdict=_side(verdict["conclusion"], verdict["options"]) if verdict else None,
        seconds=given.get("seconds"),
    )


def _cited(given: Mapping[str, Any], text_of: TextOf | None) -> Cited:
    source, quote = str(given["source"]), str(given["quote"])
    return Cited(
        ids=_ids(given),
        title=str(given.get("title") or ""),
        version=str(given.get("version") or ""),
        quote=quote,
        stands=_stands(source, quote, given["start"], given["end"], text_of) if text_of else None,
    )


def _ids(found: Mapping[str, Any]) -> tuple[str, ...]:
    return (str(found["source"]), *map(str, found.get("aliases") or ()))


def _side(conclusion: str, options: Sequence[str]) -> str:
    """A conclusion without its language: "1" or "2" for an option, else as it is."""
    return str(options.index(conclusion) + 1) if conclusion in options else conclusion


def _stands(source: str, quote: str, start: int, end: int, text_of: TextOf) -> bool:
    try:
        return metrics.verbatim(quote, start, end, text_of(source))
    except RagError:
        return False  # a citation of a source that is not there proves nothing
