"""`ask web` and `ask feedback`: the page for the browser, and what its readers thought."""

from __future__ import annotations

import getpass
import os
import sys
from argparse import Namespace
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rag.command.jsonform import dumps
from rag.command.session import index_path, model_options, say
from rag.command.terminal import one_line
from rag.config import feedback_file
from rag.errors import OutputError, UsageError
from rag.feedback import Feedback, FeedbackStore, candidate

if TYPE_CHECKING:
    from collections.abc import Callable

    from rag.pipeline import Pipeline


def serve_page(args: Namespace) -> int:
    """Serve the page until it is interrupted."""
    from ui.serve import Address, listen, serve

    user, password = _credentials(args.auth)
    if args.mcp:
        import rag.serve.mcp  # noqa: F401 - raises MissingExtra; Gradio would go on without
    address = Address(args.host, args.port, user, password)
    if not address.local and user is None:
        raise UsageError(
            f"--host {args.host} lets other machines in, and then a password is needed: add "
            "--auth NAME:PASSWORD, or --auth NAME and type it"
        )
    try:
        listening = listen(address)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"cannot listen at {args.host}, port {args.port}: {reason}; choose another with --port"
        ) from error
    with listening, suppress(KeyboardInterrupt):
        serve(
            _opener(args), FeedbackStore(feedback_file()), address, listening, _started(args),
            mcp=args.mcp,
        )  # fmt: skip
    return 0


def _opener(args: Namespace) -> Callable[[Callable[[str, int, int], None]], Pipeline]:
    def opener(progress: Callable[[str, int, int], None]) -> Pipeline:
        from rag.pipeline import Pipeline

        try:
            pipeline = Pipeline.open(
                index_path(args), encoder=args.encoder, **model_options(args), progress=progress
            )
            pipeline.ask("warm")  # what is loaded on first use is loaded now
        except Exception as error:
            say(str(error) or type(error).__name__)
            raise
        return pipeline

    return opener


def _started(args: Namespace) -> Callable[[str], None]:
    def started(url: str) -> None:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        say("Ctrl-C ends it")
        if args.open:
            import webbrowser

            webbrowser.open(url)

    return started


def _credentials(given: str | None) -> tuple[str | None, str | None]:
    """Name and password; a password that is not given is taken from ASK_PASSWORD or typed."""
    if given is None:
        return None, None
    user, colon, password = given.partition(":")
    if not colon:
        password = os.environ.get("ASK_PASSWORD", "")
        if not password and sys.stdin.isatty():
            password = getpass.getpass(f"password for {user}: ")
    if not user or not password:
        raise UsageError(
            "--auth needs a name and a password: --auth NAME:PASSWORD, or ASK_PASSWORD"
        )
    return user, password


# -- feedback ------------------------------------------------------------------------------------


def tell_feedback(args: Namespace) -> int:
    """List the feedback, or write it as candidates for golden questions."""
    found = FeedbackStore(feedback_file()).all()
    if args.golden is not None:
        return _write_golden(Path(args.golden).expanduser(), found)
    for one in found:
        sys.stdout.write((dumps(asdict(one)) if args.json else _line(one)) + "\n")
    if not found:
        say("there is no feedback yet; it comes from the thumbs of ask web")
    return 0


def _line(one: Feedback) -> str:
    thumb = "+" if one.helpful else "-"
    parts = [f"{one.at[:10]} {thumb} {one_line(one.question, 120)}", one.reason, one.comment]
    return " · ".join(one_line(part, 200) for part in parts if part)


def _write_golden(path: Path, found: list[Feedback]) -> int:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.writelines(f"{candidate(one, n)}\n" for n, one in enumerate(found, 1))
    except FileExistsError as error:
        raise OutputError(f"{path} is there already; name another file") from error
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}") from error
    say(f"{len(found)} candidates in {path}; look at each before you use it")
    return 0
