"""Many questions: JSON lines in, JSON lines out, in the same order."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from rag.command.jsonform import answer_form, dumps, read_asked, read_record, record_id
from rag.command.session import ask, open_pipeline, say
from rag.command.terminal import one_line
from rag.errors import RagError, SourceError

if TYPE_CHECKING:
    from rag.pipeline import Pipeline

MAX_LINE = 8_000_000  # bytes of a line that are read at all


def answer_batch(args: Namespace) -> int:
    """Answer the lines of a file or of standard input; the exit code is that of the worst line."""
    with _lines_of(args.file) as lines, open_pipeline(args) as pipeline:
        worst = 0
        for number, line in enumerate(lines, 1):
            if line.strip():
                worst = max(worst, _answer_line(args, pipeline, number, line), key=_gravity)
    return worst


def _gravity(code: int) -> int:
    """An internal error says more than a broken line."""
    return 10 if code == 1 else code


@contextmanager
def _lines_of(name: str) -> Iterator[Iterable[bytes]]:
    if name == "-":
        if sys.stdin.isatty():
            say('reading lines like {"question": "..."}; Ctrl-D ends')
        yield _lines(sys.stdin.buffer)
        return
    try:
        file = Path(name).open("rb")  # noqa: SIM115 - closed below
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise SourceError(f"{name}: {reason}") from error
    with file:
        yield _lines(file)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines; of one that is longer than MAX_LINE, only the beginning."""
    while line := stream.readline(MAX_LINE):
        while not line.endswith(b"\n") and (more := stream.readline(MAX_LINE)):
            line = line[:MAX_LINE] + more[-1:]
        yield line


def _answer_line(args: Namespace, pipeline: Pipeline, number: int, line: bytes) -> int:
    """Answer one line; 0, or the exit code that its error stands for."""
    id_ = None
    code = 0
    try:
        record = read_record(line)
        id_ = record_id(record)
        asked = read_asked(record)
        answer = ask(args, pipeline, asked.question, asked.history, asked.language)
        form = answer_form(answer, id_, explain=args.explain)
    except RagError as error:
        code, told = error.exit_code, str(error)
    except Exception as error:  # one question must not take the others with it
        if os.environ.get("ASK_DEBUG"):
            raise
        code, told = 1, f"internal error: {type(error).__name__}: {str(error)[:300]}"
    if code:
        told = one_line(told)
        say(f"line {number}: {told}")
        form = {"id": id_, "line": number, "error": told}
    sys.stdout.write(dumps(form) + "\n")
    sys.stdout.flush()
    return code
