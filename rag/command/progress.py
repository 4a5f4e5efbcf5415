"""Progress of a long run on standard error: one line that changes, or now and then a line."""

from __future__ import annotations

import os
import shutil
import time
from typing import TextIO

from rag.columns import display_width
from rag.command.terminal import one_line

_QUIET = 10.0  # seconds between lines where the stream is no terminal
_REDRAW = 0.1


class Progress:
    """Called with a stage, how much of it is done, and of how much.

    `announce` is printed once before the first stage. On a terminal one line is written over and
    over; elsewhere each stage gets a line, and a long one a line every ten seconds.
    """

    def __init__(self, stream: TextIO, announce: str = "") -> None:
        self.started = False
        self._stream = stream
        self._announce = announce
        self._redraws = stream.isatty() and os.environ.get("TERM") not in ("dumb", None)
        self._stage = ""
        self._since = self._shown = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` of `stage` is done."""
        now = time.monotonic()
        first, self.started = not self.started, True  # known before an interrupt can come
        if first and self._announce:
            self._stream.write(f"ask: {self._announce}\n")
        new = stage != self._stage
        if new:
            self._stage, self._since = stage, now
        wait = _REDRAW if self._redraws else _QUIET
        last = done >= total > 1
        if new or last or now - self._shown >= wait:
            self._shown = now
            self._write(_told(stage, done, total, now - self._since))

    def close(self) -> None:
        """Remove the line from the terminal."""
        if self.started and self._redraws:
            self._stream.write("\r\x1b[K")
        self._stream.flush()

    def _write(self, text: str) -> None:
        line = one_line(text)
        if not self._redraws:
            self._stream.write(f"ask: {line}\n")
        else:
            columns = shutil.get_terminal_size().columns - 1
            while display_width(line) > columns:
                line = line[:-1]
            self._stream.write(f"\r\x1b[K{line}")
        self._stream.flush()


def _told(stage: str, done: int, total: int, elapsed: float) -> str:
    """ "embedding: 5,120 of 21,000 (24%), about 3 min left"."""
    if total <= 1:
        return stage
    told = f"{stage}: {done:,} of {total:,} ({100 * done // total}%)"
    if 0 < done < total and elapsed > 2:
        left = elapsed * (total - done) / done
        told += f", about {duration(left)} left"
    return told


def duration(seconds: float) -> str:
    """Seconds in words: "5 s", "3 min", "2 h", "4 days"."""
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min"), (129_600, 3600, "h")):
        if seconds < limit:
            return f"{round(seconds / unit)} {name}"
    return f"{round(seconds / 86_400)} days"
