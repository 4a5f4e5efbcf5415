"""The pipeline's work for a server: in threads, a bounded number at a time.

A pipeline computes, and a model may write for minutes; an event loop must do neither. So each
question takes one of `concurrency` places until its answer is whole, `waiting` more stand in line,
and what comes then is told to come back.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from anyio import CancelScope, CapacityLimiter, Semaphore, WouldBlock, to_thread

from rag.errors import RagError
from rag.pipeline import Pipeline
from rag.serve.limits import Limits

T = TypeVar("T")


class Busy(RagError):
    """All places are taken and the line is full."""


class Desk:
    """One pipeline for all callers of a server; make it before the event loop or in it."""

    def __init__(self, pipeline: Pipeline, limits: Limits) -> None:
        """Take an open pipeline; who opened it closes it."""
        self.pipeline, self.limits = pipeline, limits
        self._places = Semaphore(limits.concurrency)
        self._threads = CapacityLimiter(limits.concurrency)
        self._waiting = 0

    async def call(self, work: Callable[[], T]) -> T:
        """What `work` returns, done in a thread; raises what it raises, or Busy."""
        async with self._place():
            return await self._run(work)

    async def iterate(self, start: Callable[[], Iterator[T]]) -> AsyncGenerator[T]:
        """What the iterator yields, step by step; it is closed when this is, even in mid-step."""
        async with self._place():
            items = await self._run(start)
            end: Any = object()
            try:
                while (item := await self._run(lambda: next(items, end))) is not end:
                    yield item
            finally:
                with CancelScope(shield=True):
                    await self._run(lambda: _close(items))

    async def _run(self, work: Callable[[], T]) -> T:
        # Not abandoned when the caller goes away: a step that runs is waited for, then closed.
        return await to_thread.run_sync(work, limiter=self._threads)

    async def _wait(self) -> None:
        if self._waiting >= self.limits.waiting:
            raise Busy(f"{self.limits.concurrency} answers are worked on and the line is full")
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        try:
            self._places.acquire_nowait()
        except WouldBlock:
            await self._wait()
        try:
            yield
        finally:
            self._places.release()


def tell_inside(error: Exception) -> None:
    """Say on standard error what went wrong inside; callers are not told more than that it did."""
    told = " ".join(str(error).split())[:300]
    sys.stderr.write(f"ask: internal error: {type(error).__name__}: {told}\n")
    if os.environ.get("ASK_DEBUG"):
        traceback.print_exception(error)


def _close(items: Iterator[Any]) -> None:
    close = getattr(items, "close", None)
    if close is not None:
        close()
