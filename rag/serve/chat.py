"""An Answer as OpenAI's chat completion, whole or in chunks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from rag.serve.wire import (
    AnswerMessage,
    AskResult,
    ChatRequest,
    Choice,
    Chunk,
    ChunkChoice,
    Completion,
    Delta,
    Usage,
    new_id,
    now,
)
from rag.turns import read_turns
from rag.types import Answer, Citation


def asked(request: ChatRequest) -> tuple[str, dict[str, Any]]:
    """The question and the keywords for `Pipeline.ask`; raises UsageError as `read_turns` does."""
    said = [(message.role, message.text()) for message in request.messages]
    question, history = read_turns(said)
    return question, {**request.ask.model_dump(), "history": history}


def sources_text(citations: Sequence[Citation]) -> str:
    """Each source once, a line each: "[1][3] torch.stack · torch 2.13.0 · https://..."."""
    markers: dict[str, list[Citation]] = {}
    for citation in citations:
        markers.setdefault(citation.source, []).append(citation)
    lines = []
    for group in markers.values():
        first = group[0]
        parts = first.title, first.version or first.date, first.url or first.source
        marks = "".join(f"[{citation.marker}]" for citation in group)
        lines.append(f"{marks} {' · '.join(part for part in parts if part)}")
    return "\n".join(lines)


def after_text(answer: Answer) -> str:
    """What stands below the answer's own text: the notice and the sources."""
    parts = [part for part in (answer.notice, sources_text(answer.citations)) if part]
    return "".join(f"\n\n{part}" for part in parts)


def full_text(answer: Answer) -> str:
    """The answer with its sources as text."""
    return answer.answer + after_text(answer)


def completion(answer: Answer) -> Completion:
    """The whole completion."""
    message = AnswerMessage(content=full_text(answer))
    return Completion(choices=(Choice(message=message),), ask=AskResult.of(answer))


async def chunks(answers: AsyncIterator[Answer], *, usage: bool) -> AsyncIterator[Chunk]:
    """The growing answers as chunks; the texts of all of them make up `full_text` of the last."""
    id_, created = new_id(), now()

    def chunk(delta: Delta, **more: Any) -> Chunk:
        choice = ChunkChoice(delta=delta, finish_reason=more.pop("finish", None))
        return Chunk(id=id_, created=created, choices=(choice,), **more)

    yield chunk(Delta(role="assistant", content=""))
    told, answer = "", None
    async for answer in answers:
        new, told = answer.answer[len(told) :], answer.answer
        if new:
            yield chunk(Delta(content=new))
    if answer is not None:
        if after := after_text(answer):
            yield chunk(Delta(content=after))
        yield chunk(Delta(), finish="stop", ask=AskResult.of(answer))
    if usage:
        yield Chunk(id=id_, created=created, choices=(), usage=Usage())
