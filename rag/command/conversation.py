"""`ask` on a terminal: a conversation that keeps its topic.

Lines are read with `input` and the system's readline, which leave it to the terminal to put
Hangul syllables together; nothing here redraws what is being typed.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rag.command.session import say, tell
from rag.command.terminal import clean, plural
from rag.errors import RagError
from rag.types import Language, Turn

if TYPE_CHECKING:
    from rag.pipeline import Pipeline

PROMPT = "ask> "
TURNS = 8  # how many earlier turns a follow-up can refer to
_KEPT_LINES = 1000

_TEXTS: dict[str, dict[Language, str]] = {
    "hello": {
        "en": "{documents} from {groups}. Ask in English or Korean. "
        "/new starts a new topic, /quit or Ctrl-D ends.",
        "ko": "출처 {n_groups:,}곳의 문서 {n_documents:,}건. 한국어나 영어로 물어보세요. "
        "/new는 새 주제, /quit 또는 Ctrl-D는 끝내기입니다.",
    },
    "new": {"en": "A new topic.", "ko": "새 주제로 넘어갑니다."},
    "unknown": {
        "en": "{line} is no command here; there are /new and /quit.",
        "ko": "{line}은(는) 없는 명령입니다. /new와 /quit이 있습니다.",
    },
}


def converse(args: Namespace, pipeline: Pipeline) -> int:
    """Answer line after line until /quit, Ctrl-D or Ctrl-C; a failing question does not end it."""
    language = interface_language(args)
    manifest = pipeline.index.manifest
    n_documents, n_groups = manifest.n_documents, len(manifest.groups)
    _tell(
        language, "hello", n_documents=n_documents, n_groups=n_groups,
        documents=plural(n_documents, "document"), groups=plural(n_groups, "source"),
    )  # fmt: skip
    turns: list[Turn] = []
    with _line_history(), suppress(KeyboardInterrupt, EOFError):
        while (line := _read_line().strip()) not in ("/quit", "/exit"):
            if line == "/new":
                turns.clear()
                _tell(language, "new")
            elif line[:1] == "/" and line[1:].isalpha():
                _tell(language, "unknown", line=line)
            elif line:
                turns.extend(_turn(args, pipeline, line, turns))
        return 0
    sys.stderr.write("\n")  # below the prompt, or ^C
    return 0


def _turn(args: Namespace, pipeline: Pipeline, line: str, turns: list[Turn]) -> Iterator[Turn]:
    """Answer one line; yields the turn that it makes, none where it fails."""
    try:
        answer = tell(args, pipeline, line, turns[-TURNS:])
    except RagError as error:
        say(str(error))
        return
    except Exception as error:
        if os.environ.get("ASK_DEBUG"):
            raise
        say(f"internal error: {type(error).__name__}: {str(error)[:300]}")
        return
    if not args.json:
        sys.stdout.write("\n")
    yield Turn(answer.question, answer.answer)


def interface_language(args: Namespace) -> Language:
    """The language of our own lines: --lang, else what the locale says."""
    if args.lang:
        return "ko" if args.lang == "ko" else "en"
    names = ("LC_ALL", "LC_MESSAGES", "LANG")
    locale = next((value for name in names if (value := os.environ.get(name))), "")
    return "ko" if locale.lower().startswith("ko") else "en"


def _tell(language: Language, text: str, **values: object) -> None:
    sys.stdout.flush()
    sys.stderr.write(clean(_TEXTS[text][language].format(**values)) + "\n")
    sys.stderr.flush()


def _read_line() -> str:
    if sys.stdout.isatty():
        return input(PROMPT)
    # The answers go to a file or a pipe: the prompt must not.
    sys.stderr.write(PROMPT)
    sys.stderr.flush()
    return input()


@contextmanager
def _line_history() -> Iterator[None]:
    """Line editing, and the lines of earlier conversations with the arrow keys."""
    from rag.config import history_file

    try:
        import readline
    except ImportError:  # not on every system; the terminal's own editing is left
        yield
        return
    path = history_file()
    if path is not None:
        with suppress(OSError):
            readline.read_history_file(path)
    try:
        yield
    finally:
        if path is not None:
            with suppress(OSError):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)
                readline.set_history_length(_KEPT_LINES)
                readline.write_history_file(path)
