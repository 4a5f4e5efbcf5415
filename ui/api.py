"""What can be asked of the server: the functions behind Gradio's endpoints.

`ask`, `search` and `show` are for programs: named, typed and documented. Those whose names begin
with `page_` serve the page and may change.
"""

from __future__ import annotations

import glob
import logging
import time
import unicodedata
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from typing import Any, Literal, cast

from rag import Answer, Feedback, FeedbackStore, Group, Passage, RagError, Turn
from ui.desk import Desk, NotReady
from ui.evidence import render_document
from ui.html import version
from ui.render import render_answer, render_footer
from ui.strings import Language

log = logging.getLogger("ask.web")

MAX_QUESTION = 2_000  # characters
MAX_TURNS = 6  # earlier questions that a follow-up may refer to
MAX_HITS = 50
MAX_SHOWN = 20_000  # characters of a document that `show` gives at a time
_PAUSE = 0.08  # seconds between two states of a growing answer: more often nobody sees
_MAX_SOURCES = 50
_MAX_TEXT = 4_000  # characters of any other text that comes in

Json = dict[str, Any]


class Refused(Exception):
    """What was asked cannot be done; the message is for whoever asked."""

    def __init__(self, key: str, told: str = "") -> None:
        """`key` names a text of ui/strings.py (error-KEY), `told` says it in words."""
        super().__init__(told or key)
        self.key = key


class Api:
    """The functions, over a desk that may still be opening."""

    def __init__(self, desk: Desk, feedback: FeedbackStore) -> None:
        """`feedback` is where thumbs go."""
        self._desk = desk
        self._feedback = feedback

    # -- for programs ----------------------------------------------------------------------------

    def ask(
        self,
        question: str,
        language: Literal["", "en", "ko"] = "",
        sources: list[str] | None = None,
    ) -> Json:
        """Answer a question from the documentation, with quotes that prove it, or refuse.

        Args:
            question: a question in English or Korean, at most 2,000 characters
            language: "en" or "ko" to answer in that language; empty for the question's own
            sources: ids of sources or documents to keep to (as `search` gives them); empty for all

        Returns:
            the answer, its citations with quote, source and place, its passages, whether it refused
        """
        pipeline = self._ready()
        answer = pipeline.ask(
            _question(question), language=_language(language), source=self._patterns(sources or [])
        )
        return _record(answer)

    def search(self, query: str, k: int = 10) -> list[Json]:
        """Find the passages of the documentation that fit a query best.

        Args:
            query: words or a question in English or Korean, at most 2,000 characters
            k: how many passages come back, 1 to 50

        Returns:
            passages, best first, each with source, title, heading, url, text, start, end and score
        """
        if not 1 <= k <= MAX_HITS:
            raise Refused("inside", f"k is a number from 1 to {MAX_HITS}, not {k}")
        return [_passage(p) for p in self._ready().search(_question(query), k=k)]

    def show(self, source: str, start: int = 0, length: int = MAX_SHOWN) -> Json:
        """Give the text of a document, in which the offsets of citations count, or a part of it.

        Args:
            source: the id of a document ("py:torch.stack"), an alias, or the name of a symbol
            start: the first character, 0 for the beginning
            length: how many characters, 1 to 20,000

        Returns:
            the document: id, title, text from start to end, whole length, url, version, licence
        """
        if start < 0 or not 1 <= length <= MAX_SHOWN:
            raise Refused("inside", f"start is 0 or more, length from 1 to {MAX_SHOWN:,}")
        found = asdict(self._ready().show(_short(source)))
        text = found["text"]
        end = max(start, min(start + length, len(text)))
        return {**found, "text": text[start:end], "start": start, "end": end, "length": len(text)}

    # -- for the page ----------------------------------------------------------------------------

    def page_chat(
        self, question: str, history: list[Any], options: dict[str, Any]
    ) -> Generator[Json, None, None]:
        """The card of an answer as it grows; the last one comes with the record to keep."""
        try:
            language = _page_language(options)
            stream = self._ready().stream(
                _question(question),
                history=_turns(history),
                source=self._patterns(_options(options).get("sources") or []),
            )
            answer, shown = None, 0.0
            with closing(cast(Generator[Answer, None, None], stream)) as answers:
                for answer in answers:
                    if answer.answer and time.monotonic() - shown >= _PAUSE:
                        shown = time.monotonic()
                        yield {"html": render_answer(answer, language)}
            if answer is not None:
                footer = render_footer(answer, language)
                html = render_answer(answer, language)
                yield {"html": html, "footer": footer, "record": _kept(answer)}
        except Refused as error:
            yield {"error": error.key, "told": str(error)}
        except RagError as error:
            yield {"error": "", "told": str(error)}
        except Exception:
            log.exception("an answer failed")
            yield {"error": "inside", "told": "internal error"}

    def page_evidence(
        self, source: str, start: int, end: int, whole: bool, options: dict[str, Any]
    ) -> str:
        """A document for the panel, with the quote marked."""
        document = self._ready().show(_short(source))
        return render_document(document, start, end, _page_language(options), whole=whole)

    def page_status(self) -> Json:
        """How far the index is, and how much is in it."""
        status = asdict(self._desk.status)
        if status["state"] == "ready":
            groups = self._ready().groups()
            status["documents"] = sum(group.documents for group in groups)
            status["generator"] = self._ready().generator.name
        return status

    def page_groups(self) -> list[Json]:
        """What was read into the index."""
        keys = "id title kind documents date licence".split()
        return [
            {key: getattr(group, key) for key in keys} | {"version": version(group.version, "en")}
            for group in self._ready().groups()
        ]

    def page_find(self, pattern: str) -> list[Json]:
        """The first documents whose id or title holds a text, and one more where there are more."""
        heads = self._ready().sources(_short(pattern))[: MAX_HITS + 1]
        return [{"id": head.id, "title": head.title, "kind": head.kind} for head in heads]

    def page_feedback(self, given: dict[str, Any]) -> bool:
        """Keep a thumb up or down."""
        self._feedback.add(
            Feedback(
                question=_question(given.get("question")),
                language="ko" if given.get("language") == "ko" else "en",
                answer=_short(given.get("answer")),
                refused=bool(given.get("refused")),
                helpful=bool(given.get("helpful")),
                reason=_short(given.get("reason")),
                comment=_short(given.get("comment")),
                sources=tuple(map(_short, _listed(given.get("sources"))))[:_MAX_SOURCES],
                quotes=tuple(map(_short, _listed(given.get("quotes"))))[:_MAX_SOURCES],
                history=_turns(given.get("history")),
            )
        )
        return True

    # -- what they share -------------------------------------------------------------------------

    def _ready(self) -> Any:
        try:
            return self._desk.pipeline()
        except NotReady as error:
            raise Refused("opening", str(error) or "the index is not ready yet") from error

    def _patterns(self, ids: Sequence[Any]) -> list[str] | None:
        """The ids of groups and documents as patterns for `Pipeline.ask`."""
        wanted = [_short(one) for one in _listed(ids)[:_MAX_SOURCES] if _short(one)]
        if not wanted:
            return None
        groups = {group.id: group for group in self._ready().groups()}
        return [pattern for one in wanted for pattern in _below(one, groups.get(one))]


def _below(id_: str, group: Group | None) -> Iterator[str]:
    """Patterns of a document, or of all documents of a group."""
    if group is not None and group.kind == "files":
        id_ = f"file:{group.title}"
    # A set of one letter makes a pattern even of an id without a wildcard: it fits nothing longer.
    exact = f"[{id_[0]}]{glob.escape(id_[1:])}"
    yield exact
    if group is not None:
        yield f"{exact}.*"
        yield f"{exact}/*"


def _question(given: object) -> str:
    if not isinstance(given, str) or len(given) > MAX_QUESTION:
        raise Refused("long", f"a question has at most {MAX_QUESTION:,} characters")
    return unicodedata.normalize("NFC", given)


def _language(given: object) -> Language | None:
    return given if given == "en" or given == "ko" else None  # noqa: PLR1714 - narrows the type


def _options(given: object) -> Mapping[str, Any]:
    return given if isinstance(given, dict) else {}


def _page_language(options: Mapping[str, Any]) -> Language:
    return _language(_options(options).get("language")) or "en"


def _short(given: object) -> str:
    return given[:_MAX_TEXT] if isinstance(given, str) else ""


def _listed(given: object) -> list[Any]:
    return given if isinstance(given, list) else []


def _turns(given: object) -> tuple[Turn, ...]:
    turns = [turn for turn in _listed(given)[-MAX_TURNS:] if isinstance(turn, dict)]
    return tuple(
        Turn(_short(turn["question"])[:MAX_QUESTION], _short(turn.get("answer")))
        for turn in turns
        if _short(turn.get("question")).strip()
    )


def _record(answer: Answer) -> Json:
    return {**asdict(answer), "passages": [_passage(p) for p in answer.passages]}


def _passage(passage: Passage) -> Json:
    return asdict(passage)


def _kept(answer: Answer) -> Json:
    """What the browser keeps and exports: all but the text of the passages."""
    passages = [{**_passage(p), "text": None} for p in answer.passages]
    return {**asdict(answer), "passages": passages}
