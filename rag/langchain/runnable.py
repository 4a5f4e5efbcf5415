"""The whole way as a LangChain Runnable: a question in, an Answer out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.messages import BaseMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableConfig

from rag.errors import UsageError
from rag.pipeline import Pipeline
from rag.turns import read_turns
from rag.types import Answer, Turn

Asked = str | PromptValue | Sequence[Any] | Mapping[str, Any]
_KEYS = frozenset(["question", "history", "language", "k", "source", "long"])


class AskRunnable(Runnable[Asked, Answer]):
    """Answers a question, a conversation as LangChain's messages, or a dict of what `ask` takes.

    `AskRunnable(pipeline).invoke({"question": "...", "language": "ko"})`. Streamed, each Answer
    goes on where the one before ended, and the last is whole; so in a chain
    (`AskRunnable(pipeline) | show`) the next part gets the whole one.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        """Take an open pipeline; who opened it closes it."""
        self.pipeline = pipeline

    def invoke(self, input: Asked, config: RunnableConfig | None = None, **kwargs: Any) -> Answer:  # noqa: A002
        """The answer; raises UsageError for a question that cannot be read."""
        return self._call_with_config(self._ask, input, config, run_type="chain", **kwargs)

    def stream(
        self, input: Asked, config: RunnableConfig | None = None, **kwargs: Any | None  # noqa: A002
    ) -> Iterator[Answer]:  # fmt: skip
        """The answer as it grows."""
        yield from self.transform(iter([input]), config, **kwargs)

    def transform(
        self, input: Iterator[Asked], config: RunnableConfig | None = None, **kwargs: Any | None  # noqa: A002
    ) -> Iterator[Answer]:  # fmt: skip
        """The answer to the last of what comes in, as it grows."""
        yield from self._transform_stream_with_config(input, self._answers, config, **kwargs)

    async def astream(
        self, input: Asked, config: RunnableConfig | None = None, **kwargs: Any | None  # noqa: A002
    ) -> AsyncIterator[Answer]:  # fmt: skip
        """The answer as it grows; the work is done in another thread."""
        from langchain_core.runnables.config import run_in_executor

        answers = self.stream(input, config, **kwargs)
        done = object()
        try:
            while (answer := await run_in_executor(config, next, answers, done)) is not done:
                yield answer  # type: ignore[misc] # done is left out above
        finally:
            answers.close()  # type: ignore[attr-defined] # it is a generator

    def _ask(self, asked: Asked, **more: Any) -> Answer:
        question, given = read_asked(asked)
        return self.pipeline.ask(question, **{**given, **more})

    def _answers(self, asked: Iterator[Asked], **more: Any) -> Iterator[Answer]:
        *_, last = asked
        question, given = read_asked(last)
        yield from self.pipeline.stream(question, **{**given, **more})


def read_asked(asked: Asked) -> tuple[str, dict[str, Any]]:
    """The question, and the keywords for `Pipeline.ask`; raises UsageError for anything else."""
    if isinstance(asked, str):
        return asked, {}
    if isinstance(asked, PromptValue):
        return _conversation(asked.to_messages())
    if isinstance(asked, Mapping):
        return _record(asked)
    if isinstance(asked, BaseMessage):
        return _conversation([asked])
    return _conversation(convert_to_messages(asked))


def _record(asked: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    unknown = sorted(set(asked) - _KEYS)
    if unknown or not isinstance(asked.get("question"), str):
        told = f"there is no key {unknown[0]!r}" if unknown else 'there is no "question"'
        raise UsageError(f"{told}; a question may have {', '.join(sorted(_KEYS))}")
    given = {key: value for key, value in asked.items() if key != "question"}
    if "history" in given:
        given["history"] = tuple(_turn(turn) for turn in given["history"])
    return asked["question"], given


def _turn(turn: Turn | Mapping[str, str]) -> Turn:
    return turn if isinstance(turn, Turn) else Turn(turn["question"], turn.get("answer", ""))


def _conversation(messages: Sequence[BaseMessage]) -> tuple[str, dict[str, Any]]:
    question, history = read_turns([(message.type, message.text) for message in messages])
    return question, {"history": history}
