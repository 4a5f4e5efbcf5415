"""Running the page: the socket, the address that is printed, the end."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn

from rag import FeedbackStore
from ui.desk import Desk, Opener
from ui.guard import Rules


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen, and the name and password that a browser is asked for."""

    host: str = "127.0.0.1"
    port: int = 7860
    user: str | None = None
    password: str | None = None

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def listen(address: Address) -> socket.socket:
    """A socket that is bound and listens; raises OSError where the address cannot be had."""
    family, kind, _, _, place = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    found = socket.socket(family, kind)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(place)
        found.listen(128)
    except OSError:
        found.close()
        raise
    return found


def serve(
    opener: Opener, feedback: FeedbackStore, address: Address, listening: socket.socket,
    started: Callable[[str], None], *, mcp: bool = False,
) -> None:  # fmt: skip
    """Serve the page until a signal ends it; `started` hears its URL once it can be opened.

    With `mcp` it is a server of MCP as well.
    """
    desk = Desk(opener)
    desk.open()  # beside what follows
    from ui.app import build_app  # Gradio takes seconds; a wrong option is told before that

    port = listening.getsockname()[1]
    name = f"[{address.host}]" if ":" in address.host else address.host
    hosts = frozenset({"127.0.0.1", "localhost", "::1", address.host}) if address.local else None
    rules = Rules(hosts, address.user, address.password)
    app = build_app(desk, feedback, rules, mcp=mcp)
    config = uvicorn.Config(
        app, log_level="critical",  # it would show a trace for each answer that Ctrl-C cuts off
        access_log=False, server_header=False, ws="none",
        timeout_keep_alive=30, timeout_graceful_shutdown=3, lifespan="on",
    )  # fmt: skip
    server = _Server(config, lambda: started(f"http://{name}:{port}/"))
    try:
        server.run(sockets=[listening])
    finally:
        if not desk.opened.wait(3):
            # An index that is being built is not waited for: native code in its thread would end
            # the interpreter with an abort. The old index stays as it is (rag/storage.py).
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)


class _Server(uvicorn.Server):
    """Tells when it is up."""

    def __init__(self, config: uvicorn.Config, up: Callable[[], None]) -> None:
        super().__init__(config)
        self._up = up

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._up()
