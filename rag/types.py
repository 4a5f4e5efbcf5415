"""The frozen records that flow through the house, from source to answer.

All text is NFC. Every `start` and `end` counts characters (code points) of the text of the
document they belong to, and `document.text[start:end]` is exactly what is shown and quoted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Language = Literal["en", "ko"]
Format = Literal["docstring", "markdown", "text", "code"]
Kind = Literal["symbol", "package", "page", "post", "file"]
Role = Literal[
    "signature",
    "summary",
    "text",
    "parameter",
    "returns",
    "raises",
    "shape",
    "attribute",
    "note",
    "warning",
    "example",
    "see-also",
    "table",
    "code",
]


@dataclass(frozen=True, slots=True)
class Document:
    """One source as it is read: a symbol's documentation, a page, a note, a file.

    `id` is stable and readable: `py:torch.stack`, `web:en.wikipedia.org/wiki/PyTorch`,
    `post:pytorch-basics-1`, `file:docs/guide.md`. `aliases` are further ids of the same thing
    (`py:torch.cosine_similarity` for `py:torch.nn.functional.cosine_similarity`).
    `version` is what was read, in words: "torch 2.13.0". `date` (YYYY-MM-DD) is when the source
    said so. `licence` is an SPDX id or a short phrase.
    """

    id: str
    title: str
    text: str
    kind: Kind
    format: Format
    language: Language = "en"
    url: str | None = None
    version: str | None = None
    date: str | None = None
    licence: str | None = None
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A small unit to find, inside a larger one to read.

    `start:end` is the unit in the document's text; `section_start:section_end` the section or
    docstring around it that is shown. `record` is the short text that is embedded and searched:
    the name or heading path, then the unit. `heading` is the path in words, " > " between steps;
    `name` the parameter, attribute or heading the unit is about, empty where it has none.
    """

    source: str
    role: Role
    language: Language
    heading: str
    name: str
    start: int
    end: int
    section_start: int
    section_end: int
    record: str


@dataclass(frozen=True, slots=True)
class Trace:
    """Why a passage came: ranks count from 1, None where the leg did not find it."""

    lexical_rank: int | None = None
    dense_rank: int | None = None
    exact_name: bool = False
    fused: float = 0.0
    matched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Passage:
    """A source that may answer, with the span to read first. `rank` counts from 1."""

    source: str
    aliases: tuple[str, ...]
    title: str
    url: str | None
    version: str | None
    date: str | None
    heading: str
    start: int
    end: int
    text: str
    score: float
    rank: int
    trace: Trace = field(default_factory=Trace)


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote that stands verbatim in its source: `text[start:end] == quote`, always."""

    marker: int
    source: str
    aliases: tuple[str, ...]
    title: str
    url: str | None
    version: str | None
    date: str | None
    quote: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Stance:
    """What one source says in an either/or question, proved by the citation `marker`."""

    source: str
    says: str
    date: str | None
    marker: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome of an either/or question.

    `conclusion` is one of the options, "both" (they hold together), "disagree" (the sources
    contradict each other) or "open" (the sources name no winner).
    """

    options: tuple[str, ...]
    conclusion: str
    stances: tuple[Stance, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier question of a conversation and the answer it got."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user gets. `answer` is what is read, quotes included, markers as [1].

    `reason` says in one sentence why it refused; `timings` are seconds by stage name;
    `completed` is the question as it was understood when a follow-up was filled in. `generator` is
    what wrote it: "extractive", or the name of a language model; `notice` says in one sentence when
    that was not as asked for (the model could not be reached, say), and is to be shown.
    """

    question: str
    language: Language
    answer: str
    refused: bool
    reason: str | None
    verdict: Verdict | None
    confidence: float
    generator: str
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    seconds: float
    completed: str | None = None
    timings: tuple[tuple[str, float], ...] = ()
    notice: str | None = None
