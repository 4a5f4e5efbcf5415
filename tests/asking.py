"""Runs the real command for the tests: in processes of its own, on a small index, or on a pty."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from rag import cli

ROOT = Path(__file__).parent.parent
ASK = [sys.executable, "-m", "rag.cli"]

ENGLISH = """# Widgets guide

## Stacking widgets

Use `widget.stack(items)` to stack widgets on a new axis. The default of `axis` is 0.

## Errors

A `WidgetError` is raised when the sizes of the widgets differ.
"""
KOREAN = """# 위젯 안내서

## 위젯 쌓기

위젯을 새 축으로 쌓으려면 `widget.stack(items)`를 씁니다. 기본 축은 0입니다.

## 오류

위젯의 크기가 다르면 `WidgetError`가 발생합니다.
"""


def environment(home: Path, **more: str) -> dict[str, str]:
    """A bare environment in which everything lives below `home`; the locale knows no Hangul."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "LC_ALL": "C",
        "PYTHONPATH": str(ROOT),
        "ASK_INDEX": str(home / "index"),
        "ASK_CACHE": str(home / "cache"),
        "ASK_HISTORY": str(home / "history"),
        **more,
    }


@cache
def make_house() -> Path:
    """A folder with documents, and an index of them at index/; one for the whole session."""
    home = Path(tempfile.mkdtemp(prefix="ask-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    docs = home / "docs"
    docs.mkdir()
    (docs / "guide.md").write_text(ENGLISH, encoding="utf-8")
    (docs / "안내서.md").write_text(KOREAN, encoding="utf-8")
    done = ask(home, "ingest", "docs")
    assert done.code == 0, done.err
    return home


def go_there(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the house the place and environment of this process, for `run_here`."""
    monkeypatch.chdir(home)
    for name, value in environment(home).items():
        monkeypatch.setenv(name, value)
    return home


def run_here(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run the command in this process, for cases too many to start one for each."""
    code = cli.main(words)
    return (code, *capsys.readouterr())


class Done:
    """What a run of the command left behind."""

    def __init__(self, code: int, out: bytes, err: bytes) -> None:
        self.code, self.out, self.err = code, out.decode("utf-8"), err.decode("utf-8")

    @property
    def json(self) -> Any:
        """Standard output as one JSON value."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def ask(home: Path, *words: str | bytes, stdin: bytes = b"", **more: str) -> Done:
    """Run `ask` in `home` with these words."""
    run = subprocess.run(
        [*ASK, *words], cwd=home, env=environment(home, **more), input=stdin,
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    return Done(run.returncode, run.stdout, run.stderr)


def shell(home: Path, script: str) -> Done:
    """Run a bash script in which `ask` is the command."""
    words = " ".join(f"'{word}'" for word in ASK)
    run = subprocess.run(
        ["bash", "-c", f'ask() {{ {words} "$@"; }}\n{script}'],
        cwd=home, env=environment(home), stdin=subprocess.DEVNULL, capture_output=True,
        timeout=120, check=False,
    )  # fmt: skip
    return Done(run.returncode, run.stdout, run.stderr)


def start(home: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start `ask` with pipes; its standard error is read as it comes."""
    return subprocess.Popen(
        [*ASK, *words], cwd=home, env=environment(home), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def interrupt_at(run: subprocess.Popen[bytes], words: bytes) -> Done:
    """Send Ctrl-C once a line of standard error holds `words`; returns what came after it."""
    assert run.stderr is not None
    for line in run.stderr:
        if words in line:
            break
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    return Done(run.returncode, out, err)


def assert_one_error(done: Done, code: int, *words: str) -> None:
    """Exit code `code`, nothing on standard output, one line on standard error with `words`."""
    assert (done.code, done.out) == (code, ""), done.err
    lines = done.err.splitlines()
    assert len(lines) == 1, done.err
    assert lines[0].startswith("ask: ")
    assert "Traceback" not in done.err
    for word in words:
        assert word in lines[0]


def generation(index: Path) -> Path:
    """The folder that holds the files of the index now."""
    return index / "generations" / (index / "current").read_text(encoding="ascii").split()[0]


def forge(index: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest of an index and set the checksum right, as another program might."""
    manifest = generation(index) / "manifest.json"
    record = json.loads(manifest.read_bytes())
    change(record)
    data = json.dumps(record).encode()
    manifest.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    (index / "current").write_text(f"{manifest.parent.name} {digest}\n", encoding="ascii")


# The child makes the terminal its own, so that Ctrl-C reaches it as it does a user's command.
_LAUNCH = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """`ask` on a terminal of 60 columns: type lines, read what is shown."""

    def __init__(self, home: Path, words: Sequence[str] = (), **more: str) -> None:
        self._main, side = pty.openpty()
        env = environment(home, **{"TERM": "xterm", "COLUMNS": "60", "LINES": "40", **more})
        self._run = subprocess.Popen(
            [sys.executable, "-c", _LAUNCH, *ASK, *words],
            cwd=home, env=env, stdin=side, stdout=side, stderr=side,
        )  # fmt: skip
        os.close(side)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run.kill()
        self._run.wait()
        os.close(self._main)

    def read(self, until: str | None = None, seconds: float = 60) -> str:
        """What is shown until `until` stands at the end, or until the command ends."""
        shown = b""
        deadline = time.monotonic() + seconds
        while until is None or not shown.decode("utf-8", "ignore").endswith(until):
            ready, _, _ = select.select([self._main], [], [], deadline - time.monotonic())
            assert ready, f"nothing more came after {shown!r}"
            try:
                data = os.read(self._main, 65536)
            except OSError:  # how Linux says that the other side is closed
                data = b""
            if not data:
                assert until is None, f"it ended after {shown!r}"
                break
            shown += data
        return shown.decode("utf-8").replace("\r\n", "\n")

    def type(self, text: str) -> None:
        """Type, control characters included."""
        os.write(self._main, text.encode("utf-8"))

    def press(self, key: str) -> None:
        """Press a key that ends the command, as often as it takes.

        Python's readline misses a signal that comes between its prompt and its waiting.
        """
        for _ in range(20):
            os.write(self._main, key.encode())
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._run.wait(2)
                return

    def end(self) -> tuple[int, str]:
        """The exit code and what was still shown."""
        shown = self.read()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._run.wait(60)
        return self._run.returncode, shown
