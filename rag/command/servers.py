"""`ask serve` and `ask mcp`: answers for other programs, over HTTP or standard input and output."""

from __future__ import annotations

import os
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rag.command.arguments import package_version
from rag.command.session import open_pipeline, say

INTERRUPTED = 130  # as rag/cli.py has it

if TYPE_CHECKING:
    from rag.serve.desk import Desk
    from rag.serve.limits import Limits


def serve_http(args: Namespace) -> int:
    """Serve OpenAI's interface until SIGINT or SIGTERM."""
    from rag.serve.api import build_app
    from rag.serve.limits import Guard
    from rag.serve.listen import bind, listen

    limits, key = _let_in(args)
    with bind(args.host, args.port) as bound, _desk(args, limits) as desk:
        app = Guard(build_app(desk, package_version()), limits, host=args.host, key=key)
        listen(app, bound, _ready('the OpenAI interface is at {}/v1, the model is "ask"'))
    return 0


def serve_mcp(args: Namespace) -> int:
    """Serve MCP: on standard input until that ends, with --http until SIGINT or SIGTERM."""
    from rag.serve.limits import Guard, Limits
    from rag.serve.mcp import PATH, build_server, http_app

    if not args.http:
        with _desk(args, Limits()) as desk, _ends_at_once(), _own_streams():
            build_server(desk, package_version()).run()
        return 0
    from rag.serve.listen import bind, listen

    limits, key = _let_in(args)
    with bind(args.host, args.port) as bound, _desk(args, limits) as desk:
        app = http_app(build_server(desk, package_version()))
        listen(Guard(app, limits, host=args.host, key=key), bound, _ready(f"MCP is at {{}}{PATH}"))
    return 0


def _let_in(args: Namespace) -> tuple[Limits, str | None]:
    """How much is taken and the key; raises UsageError, before anything is opened."""
    from rag.serve.limits import Limits, check_key

    key = args.key or os.environ.get("ASK_KEY") or None
    check_key(args.host, key)
    return Limits(concurrency=args.concurrency, rate=args.rate), key


@contextmanager
def _desk(args: Namespace, limits: Limits) -> Iterator[Desk]:
    from rag.serve.desk import Desk

    with open_pipeline(args) as pipeline:
        pipeline.search("warm")  # what is loaded on first use is loaded now
        yield Desk(pipeline, limits)


def _ready(told: str) -> Callable[[str], None]:
    """Prints the address on standard output, and what it is for on standard error."""

    def ready(address: str) -> None:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        say(f"{told.format(address)}; Ctrl-C ends it")

    return ready


@contextmanager
def _ends_at_once() -> Iterator[None]:
    """At SIGTERM and SIGINT the process is gone: the thread that reads standard input cannot be
    woken, and waiting for it would wait for the caller. Nothing is open but files to be read."""
    ends = {signal.SIGTERM: 0, signal.SIGINT: INTERRUPTED}

    def end(number: int, frame: object) -> None:
        os._exit(ends[signal.Signals(number)])

    before = {one: signal.signal(one, end) for one in ends}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def _own_streams() -> Iterator[None]:
    """Standard input and output are duplicates meanwhile: the package mcp closes those it speaks
    on, and at the end of the process standard output is flushed once more."""
    before = sys.stdin, sys.stdout
    sys.stdin, sys.stdout = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    try:
        yield
    finally:
        sys.stdin, sys.stdout = before
