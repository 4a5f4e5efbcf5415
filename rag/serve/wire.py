"""What goes over the wire. Keys that are not named here are accepted and mean nothing.

`ask` holds what is ours, in requests and in responses; the rest is OpenAI's chat completions.
"""

from __future__ import annotations

import time
import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from rag.types import Answer, Citation, Language, Passage, Verdict

MODEL = "ask"
K = Annotated[int, Field(ge=1, le=100, description="how many passages come back")]
Source = Annotated[str, Field(min_length=1, max_length=500)]


def new_id() -> str:
    """An id as OpenAI's completions have."""
    return f"chatcmpl-{uuid.uuid4().hex}"


def now() -> int:
    """Seconds since 1970."""
    return int(time.time())


def _is_none(value: object) -> bool:
    return value is None


class _In(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True)  # "5" is no number, "yes" no truth


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)


# -- what comes in -------------------------------------------------------------------------------


class Part(_In):
    """A part of a message; only those of the type "text" are read."""

    type: str
    text: str = ""


class ChatMessage(_In):
    """A message. The last is the question; the user's and assistant's before it are its history."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[Part] | None = None

    def text(self) -> str:
        """What the message says."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or () if part.type == "text")


class AskOptions(_In):
    """What `ask` takes beyond OpenAI's keys."""

    language: Language | None = Field(
        default=None, description="of the answer, else the question's"
    )
    source: Source | None = Field(
        default=None, description="a part of a source's id, or a pattern with *"
    )
    k: K = 10
    long: bool = Field(default=False, description="longer answers than about 800 characters")


class StreamOptions(_In):
    """OpenAI's options of a stream."""

    include_usage: bool = False


class ChatRequest(_In):
    """A conversation, the question last. System messages change nothing: the documents answer."""

    model: str = MODEL
    messages: list[ChatMessage] = Field(min_length=1, max_length=1000)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=None, ge=1, le=1, description="there is one answer")
    ask: AskOptions = AskOptions()


# -- what goes out -------------------------------------------------------------------------------


class AskResult(_Out):
    """The answer as `ask` knows it: each citation's quote stands verbatim at [start:end] of the
    text of its source; the markers in the answer's text are those of the citations."""

    refused: bool
    reason: str | None
    language: Language
    generator: str
    notice: str | None
    confidence: float
    completed: str | None = Field(description="the question as it was understood, if a follow-up")
    verdict: Verdict | None
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    seconds: float

    @classmethod
    def of(cls, answer: Answer) -> AskResult:
        """What is told of `answer`."""
        return cls(**{name: getattr(answer, name) for name in cls.model_fields})


class Usage(_Out):
    """Always 0: tokens are not counted."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class AnswerMessage(_Out):
    """The answer with its sources as text."""

    role: Literal["assistant"] = "assistant"
    content: str


class Choice(_Out):
    """The one choice."""

    index: int = 0
    message: AnswerMessage
    finish_reason: Literal["stop"] = "stop"


class Completion(_Out):
    """A whole chat completion."""

    id: str = Field(default_factory=new_id)
    object: Literal["chat.completion"] = "chat.completion"
    created: int = Field(default_factory=now)
    model: str = MODEL
    choices: tuple[Choice, ...]
    usage: Usage = Usage()
    ask: AskResult


class Delta(_Out):
    """What is new."""

    role: Literal["assistant"] | None = Field(default=None, exclude_if=_is_none)
    content: str | None = Field(default=None, exclude_if=_is_none)


class ChunkChoice(_Out):
    """The one choice, as far as it is new."""

    index: int = 0
    delta: Delta
    finish_reason: Literal["stop"] | None = None


class Chunk(_Out):
    """A piece of a streamed completion; the last with a choice has `ask`."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str = MODEL
    choices: tuple[ChunkChoice, ...]
    usage: Usage | None = Field(default=None, exclude_if=_is_none)
    ask: AskResult | None = Field(default=None, exclude_if=_is_none)


class Model(_Out):
    """What answers."""

    id: str = MODEL
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "ask-docs"


class Models(_Out):
    """All there is to choose from."""

    object: Literal["list"] = "list"
    data: tuple[Model, ...]


class Found(_Out):
    """The passages nearest to a question."""

    question: str
    passages: tuple[Passage, ...]


class Health(_Out):
    """That the server answers, and over how much."""

    status: Literal["ok"] = "ok"
    version: str
    documents: int
    passages: int


class ErrorDetail(_Out):
    """What went wrong, in one line."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(_Out):
    """An error in OpenAI's form."""

    error: ErrorDetail
