"""What every generator is: a brief goes in, the growing answer comes out.

Streaming and not are the same call: whoever wants the whole answer takes the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from rag.citations import markers
from rag.generators import extractive
from rag.generators.extractive import Written
from rag.reader import Read
from rag.retrieve import Retrieved

EXTRACTIVE = "extractive"
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Brief:
    """What a generator works from: the question with what retrieval knows of it, the documents
    and units that were read, best first, and whether the answer may be long."""

    retrieved: Retrieved
    read: Read
    long: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """An answer as far as it is written, citations numbered from 1 in order of appearance.

    `generator` wrote it, or its last part; `notice` is a sentence for the user where that is not
    what was asked for; `refused` says that the generator found no answer in what was read.
    """

    written: Written
    generator: str
    notice: str | None = None
    refused: bool = False


class Generator(Protocol):
    """Writes answers. May be used from many threads at once."""

    @property
    def name(self) -> str:
        """What stands in `Answer.generator`: "extractive", "openai:gpt-5-mini"."""

    def stream(self, brief: Brief) -> Iterator[Part]:
        """The answer as it grows: each text is the beginning of the next, the last is whole.

        Nothing comes where there is nothing to say. Closing the iterator stops the work.
        """

    def close(self) -> None:
        """Let go of what it holds; it is not used afterwards."""


@contextmanager
def closing(stream: Iterator[T]) -> Iterator[Iterator[T]]:
    """The stream, closed at the end if it is one that can be: generators are, lists are not."""
    try:
        yield stream
    finally:
        close = getattr(stream, "close", None)
        if close is not None:
            close()


class Extractive:
    """The generator without a language model: what answers is quoted (rag/generators/extractive.py)."""

    name = EXTRACTIVE

    def stream(self, brief: Brief) -> Iterator[Part]:
        """The quotes, a paragraph more each time."""
        whole = extractive.write(brief.retrieved, brief.read, long=brief.long)
        if whole is not None:
            for part in paragraphs(whole):
                yield Part(part, self.name)

    def close(self) -> None:
        """It holds nothing."""


def paragraphs(whole: Written) -> Iterator[Written]:
    """An answer with one paragraph, then with two, and so on; blocks of code are not cut.

    A part has the citations that its text refers to; the verdict comes with the whole.
    """
    lines = whole.text.split("\n")
    in_code = False
    for end, line in enumerate(lines[:-1], 1):
        in_code ^= line.startswith("```")
        if not in_code and line:
            text = "\n".join(lines[:end])
            last = max(markers(text), default=0)
            yield replace(whole, text=text, citations=whole.citations[:last], verdict=None)
    yield whole
