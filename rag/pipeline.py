"""The whole way: a question in, an answer with proof out. Nothing else knows all of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from rag.catalogue import DocumentHead
from rag.confidence import features, fitted
from rag.contents import Group
from rag.crossencoder import CrossEncoder, bundled_cross_encoder
from rag.encoders import Encoder, load_encoder
from rag.errors import IndexMissing, SourceError
from rag.followup import follow_up
from rag.generators.generator import Brief, Extractive, Generator, Part, closing
from rag.index import Index, read_index
from rag.names import resolve
from rag.premise import false_premise
from rag.question import Question, checked_question, read_question
from rag.reader import Read, read
from rag.refusal import about_undocumented, for_weakness, on_premise, unanswered
from rag.reranking import rerank
from rag.retrieve import Retrieved, passages, retrieve, source_filter
from rag.types import Answer, Document, Language, Passage, Turn


class Pipeline:
    """Answers questions over an open index. Use it in a `with`, or close it.

    with Pipeline.open() as ask:
        print(ask.ask("What does torch.stack do?").answer)

    It may be used from many threads at once.
    """

    def __init__(
        self, index: Index, encoder: Encoder, generator: Generator | None = None,
        judge: CrossEncoder | None = None,
    ) -> None:  # fmt: skip
        """Put finished parts together; `open` finds them.

        Without a `generator` answers are quotes; without a `judge` the cross-encoder that ships
        reads what was found.
        """
        self.index = index
        self.encoder = encoder
        self.generator = generator or Extractive()
        self.judge = judge or bundled_cross_encoder()

    @classmethod
    def open(
        cls,
        index: Path | str | None = None,
        *,
        encoder: str | None = None,
        model: str | None = None,
        strict: bool = True,
        timeout: float | None = None,
        progress: Callable[[str, int, int], None] = lambda stage, done, total: None,
    ) -> Pipeline:
        """Open the index at `index` (the user's own by default), and build it where there is none.

        `encoder` names a sentence-transformers model in place of the bundled one; `model` names the
        language model that writes the answers (rag/generators/models.py), None quotes only;
        `strict` leaves out what it writes and the documents do not say, else that is marked;
        `timeout` is how many seconds its first word may take;
        `progress` hears how far building is, as in `rag.ingestion.ingest`.
        Raises UsageError or MissingExtra for a model that cannot be used, IndexCorrupt,
        IndexIncompatible, or what `ingest` raises.
        """
        from rag.config import cache_file, index_folder

        path = Path(index) if index is not None else index_folder()
        texts = load_encoder(encoder)
        generator = _generator(model, texts, strict=strict, timeout=timeout)
        try:
            return cls(read_index(path, texts.fingerprint), texts, generator)
        except IndexMissing:
            from rag.ingestion import default_sources, ingest

            ingest(default_sources(), path, texts, cache=cache_file(), progress=progress)
            return cls(read_index(path, texts.fingerprint), texts, generator)

    def ask(
        self,
        question: str,
        *,
        language: Language | None = None,
        k: int = 10,
        source: str | Sequence[str] | None = None,
        long: bool = False,
        history: Sequence[Turn] = (),
    ) -> Answer:
        """Answer `question`.

        `language` overrides the detected one, `k` is how many passages come back, `source` limits
        the sources (a part of their id, or a pattern with *; or several, of which one must fit),
        `long` lifts the limit of about 800 characters, `history` holds earlier turns, whose topic a
        follow-up takes over.
        Raises UsageError for a question that cannot be read.
        """
        *_, answer = self.stream(
            question, language=language, k=k, source=source, long=long, history=history
        )
        return answer

    def stream(
        self,
        question: str,
        *,
        language: Language | None = None,
        k: int = 10,
        source: str | Sequence[str] | None = None,
        long: bool = False,
        history: Sequence[Turn] = (),
    ) -> Iterator[Answer]:
        """The answer as it grows, with what `ask` takes; the last one is the whole answer.

        Each text is the beginning of the next. The first has the passages and no text yet, so that
        they can be shown at once; a refusal comes whole. Closing the iterator stops the work.
        Raises UsageError at once for a question that cannot be read.
        """
        started = time.perf_counter()
        clean = checked_question(question)
        completed = self._completed(clean, history)
        asked = read_question(completed or clean, language)
        return self._stream(clean, completed, asked, started, k=k, source=source, long=long)

    def _completed(self, question: str, history: Sequence[Turn]) -> str | None:
        """A follow-up with its topic put in, None for a question that stands alone."""
        found = follow_up(question, history, self.index)
        if found is None or found.certain:
            return found.text if found else None
        alone, together = (self._held(text) for text in (question, found.text))
        topic = read_question(found.text).mentions[:1]
        rows = {row for mention in topic for row in resolve(self.index, mention).rows[:2]}
        own = max((held for row, held in together if row in rows), default=0.0)
        return found.text if own > 0.5 * max((held for _, held in alone), default=0.0) else None

    def _held(self, question: str) -> list[tuple[int, float]]:
        """For each unit that is read, its document and the share of the asked words it holds."""
        retrieved = retrieve(read_question(question), self.index, self.encoder)
        text = read(retrieved, self.index, None)
        return [(text.heads[unit.place].row, unit.words) for unit in text.units]

    def _stream(
        self, clean: str, completed: str | None, asked: Question, started: float, *,
        k: int, source: str | Sequence[str] | None, long: bool,
    ) -> Iterator[Answer]:  # fmt: skip
        retrieved = self._retrieved(asked, source)
        found = time.perf_counter()
        text = read(retrieved, self.index, self.judge)
        places = passages(retrieved, self.index, k)
        with closing(self._answers(clean, retrieved, text, places, long=long)) as answers:
            for answer in answers:
                now = time.perf_counter()
                timings = (("retrieve", found - started), ("answer", now - found))
                yield _stamped(answer, now - started, timings, completed)

    def _answers(
        self, clean: str, retrieved: Retrieved, text: Read, places: tuple[Passage, ...], *,
        long: bool,
    ) -> Iterator[Answer]:  # fmt: skip
        asked = retrieved.question
        premise = false_premise(retrieved, text, self.index)
        if premise is not None:
            yield on_premise(premise, clean, asked.language, places)
            return
        model = fitted()
        confidence = model.probability(features(retrieved, text, self.index)) if text.units else 0.0
        part = None
        if about_undocumented(retrieved, self.index):
            confidence = 0.0
        if confidence >= model.threshold:
            empty = Answer(
                question=clean, language=asked.language, answer="", refused=False, reason=None,
                verdict=None, confidence=round(confidence, 3), generator=self.generator.name,
                citations=(), passages=places, seconds=0.0,
            )  # fmt: skip
            yield empty
            with closing(self.generator.stream(Brief(retrieved, text, long))) as parts:
                for part in parts:
                    yield unanswered(empty, part) if part.refused else _grown(empty, part)
        if part is None:
            yield for_weakness(retrieved, clean, places, self.index, confidence)

    def search(
        self, question: str, *, language: Language | None = None, k: int = 10,
        source: str | Sequence[str] | None = None,
    ) -> tuple[Passage, ...]:  # fmt: skip
        """The `k` best passages for `question`, without an answer; the keywords are those of `ask`.

        Raises UsageError for a question that cannot be read.
        """
        asked = read_question(checked_question(question), language)
        return passages(self._retrieved(asked, source), self.index, k)

    def _retrieved(self, asked: Question, source: str | Sequence[str] | None) -> Retrieved:
        only = source_filter(source) if source else None
        found = retrieve(asked, self.index, self.encoder, only=only)
        return rerank(found, self.index, self.judge)

    def groups(self) -> tuple[Group, ...]:
        """What was read into the index, as it was read: notes, pages, packages, folders."""
        return self.index.manifest.groups

    def show(self, source: str) -> Document:
        """The document with this id or alias; raises SourceError where there is none."""
        return show_document(self.index, source)

    def sources(self, pattern: str = "") -> list[DocumentHead]:
        """The documents of the index whose id or title holds `pattern`."""
        return self.index.sources(pattern)

    def close(self) -> None:
        """Close the index and let go of the model."""
        self.generator.close()
        self.index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def show_document(index: Index, source: str) -> Document:
    """The document with this id, alias or public name; raises SourceError where there is none."""
    found = index.find_document(source)
    if found is None and ":" not in source:
        named = index.lookup_name(source)
        row = next((n.document for n in named if n.document is not None), None)
        if row is not None:
            return index.document(row)
    if found is None:
        raise SourceError(f"there is no source '{source}' in the index; ask sources lists them")
    return found[1]


def _generator(
    model: str | None, encoder: Encoder, *, strict: bool, timeout: float | None
) -> Generator | None:
    """The generator that the model of this name writes for; None for none."""
    if model is None:
        return None
    from rag.generators.models import model_generator

    return model_generator(model, encoder, strict=strict, timeout=timeout)


def _grown(empty: Answer, part: Part) -> Answer:
    """The answer with what is written so far."""
    return replace(
        empty, answer=part.written.text, verdict=part.written.verdict,
        citations=part.written.citations, generator=part.generator, notice=part.notice,
    )  # fmt: skip


def _stamped(
    answer: Answer, seconds: float, timings: tuple[tuple[str, float], ...], completed: str | None
) -> Answer:
    return replace(
        answer,
        seconds=round(seconds, 4),
        timings=tuple((name, round(value, 4)) for name, value in timings),
        completed=completed,
    )
