"""`ask` on a terminal: a conversation that keeps its topic.

Lines are read with `input` and the system's readline, which leave it to the terminal to put
Hangul syllables together; nothing here redraws what is being typed.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rag.command.session import say, tell
from rag.command.terminal import clean, plural
from rag.errors import RagError
from rag.types import Answer, Language, Turn

if TYPE_CHECKING:
    from rag.pipeline import Pipeline

PROMPT = "ask> "
TURNS = 8  # how many earlier turns a follow-up can refer to
_KEPT_LINES = 1000

_TEXTS: dict[str, dict[Language, str]] = {
    "hello": {
        "en": "{documents} from {groups}. Ask in English or Korean. "
        "/new starts a new topic, /help tells more, /quit or Ctrl-D ends.",
        "ko": "출처 {n_groups:,}곳의 문서 {n_documents:,}건. 한국어나 영어로 물어보세요. "
        "/new는 새 주제, /help는 도움말, /quit 또는 Ctrl-D는 끝내기입니다.",
    },
    "help": {
        "en": """A question may lean on those before it ("and its default?"); → shows how it was understood.
/alone  asks the last question again, as it was typed
/new    starts a new topic
/quit   ends, as Ctrl-D does
ask --no-follow-ups takes every question as it stands; so does follow_ups = false in the settings.""",
        "ko": """"그럼 기본값은?"처럼 앞 질문에 이어서 물어볼 수 있고, 어떻게 이해했는지는 → 뒤에 나옵니다.
/alone  마지막 질문을 앞 질문과 잇지 않고 적은 그대로 다시 묻습니다
/new    새 주제로 넘어갑니다
/quit   끝냅니다(Ctrl-D도 같습니다)
ask --no-follow-ups로 시작하거나 설정 파일에 follow_ups = false를 적으면 질문을 늘 그대로 묻습니다.""",
    },
    "new": {"en": "A new topic.", "ko": "새 주제로 넘어갑니다."},
    "completed": {
        "en": "Completed from the conversation; /alone asks it as you typed it.",
        "ko": "앞 질문과 이어서 이해했습니다. 적은 그대로 다시 물으려면 /alone을 입력하세요.",
    },
    "none": {"en": "Nothing was asked yet.", "ko": "아직 질문이 없습니다."},
    "unknown": {
        "en": "{line} is no command here; there are /alone, /new, /help and /quit.",
        "ko": "{line}은(는) 없는 명령입니다. /alone, /new, /help, /quit이 있습니다.",
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
    talk = _Talk(args, pipeline, language)
    with _line_history(), suppress(KeyboardInterrupt, EOFError):
        while (line := _read_line().strip()) not in ("/quit", "/exit"):
            if line[:1] == "/" and line[1:].isalpha():
                talk.obey(line)
            elif line:
                talk.ask(line)
        return 0
    sys.stderr.write("\n")  # below the prompt, or ^C
    return 0


class _Talk:
    """The turns so far, and the last question."""

    def __init__(self, args: Namespace, pipeline: Pipeline, language: Language) -> None:
        self._args, self._pipeline, self._language = args, pipeline, language
        self._turns: list[Turn] = []
        self._last = ""
        self._hinted = bool(args.json)

    def obey(self, command: str) -> None:
        """Do what a line that begins with a slash says."""
        if command == "/new":
            self._turns.clear()
            _tell(self._language, "new")
        elif command == "/help":
            _tell(self._language, "help")
        elif command != "/alone":
            _tell(self._language, "unknown", line=command)
        elif self._last:
            self.ask(self._last, alone=True)
        else:
            _tell(self._language, "none")

    def ask(self, line: str, *, alone: bool = False) -> None:
        """Answer one line and keep the turn, if it does not fail."""
        self._last = line
        answer = self._answer(line, () if alone else self._turns[-TURNS:])
        if answer is None:
            return
        self._turns.append(Turn(answer.question, answer.answer))
        if answer.completed and not self._hinted:
            self._hinted = True
            _tell(self._language, "completed")

    def _answer(self, line: str, turns: Sequence[Turn]) -> Answer | None:
        try:
            answer = tell(self._args, self._pipeline, line, turns)
        except RagError as error:
            say(str(error))
            return None
        except Exception as error:
            if os.environ.get("ASK_DEBUG"):
                raise
            say(f"internal error: {type(error).__name__}: {str(error)[:300]}")
            return None
        if not self._args.json:
            sys.stdout.write("\n")
        return answer


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
