"""The command `ask`: parse, call, print, exit.

What the words mean stands in rag/command/arguments.py, what the commands do in rag/command/actions.py. Nothing
heavy is imported before it is needed, so that `ask --help` is quick. Whatever goes wrong becomes
one line on standard error and an exit code (rag/errors.py); ASK_DEBUG=1 shows tracebacks.
"""

from __future__ import annotations

import io
import os
import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rag.errors import OutputError, RagError

INTERRUPTED, READER_GONE = 130, 141  # as shells number the ends by SIGINT and SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run `ask` with these arguments, the process's own by default; returns the exit code."""
    flags = ""
    try:
        _prepare_streams()
        from rag.command.arguments import parse

        args = parse(sys.argv[1:] if argv is None else argv)
        flags = _flags(args)
        from rag.command.actions import run

        code = run(args)
        sys.stdout.flush()
        return code
    except SystemExit as end:  # argparse, after --help and --version
        return _ended(end.code)
    except BrokenPipeError:
        _drop_output()
        return READER_GONE
    except KeyboardInterrupt as stop:
        return _complain(str(stop) or "interrupted", INTERRUPTED)
    except RagError as error:
        # The remedy is for the index that was meant.
        return _complain(str(error).replace("ask ingest", f"ask ingest{flags}"), error.exit_code)
    except OSError as error:
        return _complain(_told(error), OutputError.exit_code)
    except Exception as error:
        hint = "run with ASK_DEBUG=1 for the traceback"
        return _complain(f"internal error: {type(error).__name__}: {str(error)[:300]} ({hint})", 1)


def _ended(code: object) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
        return READER_GONE
    except OSError as error:
        return _complain(_told(error), OutputError.exit_code)
    return code if isinstance(code, int) else 0


def _complain(message: str, code: int) -> int:
    """Say what went wrong in one line; returns the exit code."""
    from rag.command.terminal import one_line

    # What was answered so far comes first. That may be what fails.
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    with suppress(OSError, ValueError):
        if code == INTERRUPTED and sys.stderr.isatty():
            sys.stderr.write("\n")  # below the ^C
        if os.environ.get("ASK_DEBUG") and sys.exc_info()[1] is not None:
            import traceback

            traceback.print_exc()
        sys.stderr.write(f"ask: {one_line(message)}\n")
        sys.stderr.flush()
    _drop_output()
    return code


def _told(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    if error.filename is None:
        return f"cannot read or write: {reason}"
    return f"{os.fsdecode(error.filename)}: {reason}"


def _flags(args: Namespace) -> str:
    """The options that say which index is meant, as they would be typed again."""
    given = [
        ("--index", getattr(args, "index", None)),
        ("--encoder", getattr(args, "encoder", None)),
    ]
    return "".join(f" {flag} {shlex.quote(value)}" for flag, value in given if value)


# -- streams -------------------------------------------------------------------------------------


def _prepare_streams() -> None:
    """UTF-8 in and out whatever the locale says; bytes and surrogates that are none do not raise.

    Raises OutputError where there is no standard output.
    """
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
        raise OutputError("standard output is closed")
    for stream, errors in (
        (sys.stdin, "replace"),
        (sys.stdout, "backslashreplace"),
        (sys.stderr, "backslashreplace"),
    ):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)


def _drop_output() -> None:
    """Let what is still in the buffer go nowhere, or Python would complain of it at its end."""
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        return
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
