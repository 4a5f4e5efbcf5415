"""Runs an ASGI app until it is told to stop. Owns uvicorn."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from rag.errors import UsageError

GRACE = 10  # seconds that answers have to end in when the server stops
_CONNECTIONS = 256
_HEADER_BYTES = 32_768


class _Server(uvicorn.Server):
    """Stops at SIGTERM and SIGINT, and then goes on where it was called, with what must be closed.

    uvicorn's own raises the signal once more, which would end the process there.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield  # only the main thread hears signals
            return
        before = {one: signal.signal(one, self.handle_exit) for one in _STOPS}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)


_STOPS = (signal.SIGINT, signal.SIGTERM)


def listen(app: Any, bound: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve `app` at a socket of `bind` until SIGINT or SIGTERM; then return.

    `ready` hears the address when requests are taken. Answers that are on their way have GRACE
    seconds to end; a second SIGINT does not wait for them.
    """
    name, port = bound.getsockname()[:2]
    ready(f"http://{f'[{name}]' if ':' in name else name}:{port}")
    make_server(app).run(sockets=[bound])


def make_server(app: Any) -> uvicorn.Server:
    """A server of `app` that has not begun; `run(sockets=[...])` begins."""
    return _Server(
        uvicorn.Config(
            app, loop="asyncio", http="h11", ws="none", lifespan="auto", log_config=None,
            log_level="warning", access_log=False, server_header=False, proxy_headers=False,
            limit_concurrency=_CONNECTIONS, h11_max_incomplete_event_size=_HEADER_BYTES,
            timeout_graceful_shutdown=GRACE,
        )
    )  # fmt: skip


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens at host and port (0: any free one).

    Raises UsageError where nobody can listen there.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        made = socket.create_server((host, port), family=family, backlog=_CONNECTIONS)
    except OSError as error:
        # create_server puts the address into the reason too.
        known = error.errno is not None and error.errno > 0  # names that are none have others
        reason = os.strerror(error.errno or 0) if known else error.strerror
        raise UsageError(
            f"cannot listen on {host}, port {port}: {reason}; choose another --host or --port"
        ) from error
    # asyncio sends small answers at once (TCP_NODELAY) only where a socket says that it speaks TCP;
    # without it each answer waits 40 ms for the caller's acknowledgement (measured).
    return socket.socket(made.family, made.type, socket.IPPROTO_TCP, fileno=made.detach())
