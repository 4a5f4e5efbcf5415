"""Where the page gets its pipeline: it is opened behind the page, which is there at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from rag import Pipeline, RagError

Progress = Callable[[str, int, int], None]
Opener = Callable[[Progress], Pipeline]


@dataclass(frozen=True, slots=True)
class Status:
    """How far the opening is: `state` is "opening", "building", "ready" or "failed".

    `stage`, `done` and `total` are those of `rag.ingest`; `problem` says why it failed.
    """

    state: str
    stage: str = ""
    done: int = 0
    total: int = 0
    problem: str = ""


class NotReady(Exception):
    """There is no pipeline to ask yet, or none could be opened."""


class Desk:
    """Opens a pipeline in a thread of its own; `pipeline` gives it to whoever asks."""

    def __init__(self, opener: Opener) -> None:
        """`opener` opens the pipeline, or builds its index first; nothing runs before `open`."""
        self._opener = opener
        self._pipeline: Pipeline | None = None
        self._once = threading.Lock()
        self._thread: threading.Thread | None = None
        self.status = Status("opening")
        self.opened = threading.Event()

    def open(self) -> None:
        """Begin, if nobody has; returns at once."""
        with self._once:
            if self._thread is None:
                self._thread = threading.Thread(target=self._open, name="ask-open", daemon=True)
                self._thread.start()

    def _open(self) -> None:
        try:
            self._pipeline = self._opener(self._tell)
            self.status = Status("ready")
        except RagError as error:
            self.status = Status("failed", problem=str(error))
        except Exception as error:
            self.status = Status("failed", problem=f"{type(error).__name__}: {error}"[:300])
            raise
        finally:
            self.opened.set()

    def _tell(self, stage: str, done: int, total: int) -> None:
        self.status = Status("building", stage, done, total)

    def pipeline(self) -> Pipeline:
        """The open pipeline; raises NotReady."""
        if self._pipeline is None:
            raise NotReady(self.status.problem)
        return self._pipeline

    def close(self) -> None:
        """Close what was opened."""
        with self._once:
            if self._pipeline is not None:
                self._pipeline.close()
                self._pipeline = None
