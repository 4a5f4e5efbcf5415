"""What the composer needs of a language model, and how words get from its thread to ours in time."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from rag.errors import ModelFailed


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is said to a model: the rules, and the passages with the question."""

    system: str
    user: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a model may take, in seconds, and how much it may write, in tokens.

    `first` is the time to its first word, `pause` that between two, `total` that of one answer.
    """

    first: float = 60.0
    pause: float = 30.0
    total: float = 300.0
    tokens: int = 700


LIMITS = Limits()


class ChatModel(Protocol):
    """A language model. May be used from many threads at once."""

    @property
    def name(self) -> str:
        """As the user named it: "ollama:qwen3:4b"."""

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may have together."""

    def tokens(self, text: str) -> int:
        """How many tokens a text has, by the model's own count or a careful guess."""

    def stream(self, prompt: Prompt, limits: Limits) -> Iterator[str]:
        """The answer piece by piece, without what the model thinks to itself.

        Raises ModelFailed, also in the middle. Closing the iterator stops the model.
        """

    def close(self) -> None:
        """Let go of threads and memory; it is not used afterwards."""


class Relay:
    """Pieces of text on their way from the thread of a model to the thread that reads them."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[str | BaseException | None] = queue.SimpleQueue()

    def put(self, text: str) -> None:
        """Hand a piece over."""
        if text:
            self._queue.put(text)

    def end(self, error: BaseException | None = None) -> None:
        """Say that nothing more comes, or what went wrong."""
        self._queue.put(error)

    def pieces(self, limits: Limits, stop: Callable[[], object]) -> Iterator[str]:
        """The pieces as they come; `stop` is called at the end, whichever it is.

        Raises ModelFailed where one takes too long, and what the model's side has failed with.
        """
        deadline = time.monotonic() + limits.total
        patience = limits.first
        try:
            while True:
                left = min(patience, deadline - time.monotonic())
                try:
                    piece = self._queue.get(timeout=max(0.0, left))
                except queue.Empty:
                    raise ModelFailed("slow") from None
                if piece is None:
                    return
                if isinstance(piece, BaseException):
                    raise piece
                patience = limits.pause
                yield piece
        finally:
            stop()
