"""Another application at one path of the page's address, made once the pipeline is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from anyio import sleep_forever, to_thread

from rag import Pipeline
from ui.desk import Desk, NotReady
from ui.guard import App, Receive, Scope, Send

PATH = "/mcp"
Maker = Callable[[Pipeline], Any]


class Beside:
    """Sends what comes for PATH to the other application, everything else to the page."""

    def __init__(self, page: App, desk: Desk, make: Maker) -> None:
        """`make` gives a Starlette application, whose lifespan `run` keeps going."""
        self._page, self._desk, self._make = page, desk, make
        self._other: App | None = None

    async def run(self) -> None:
        """Make the other application when it can be made; ends when it is cancelled."""
        await to_thread.run_sync(self._desk.opened.wait, abandon_on_cancel=True)
        try:
            other = self._make(self._desk.pipeline())
        except NotReady:
            return  # the page tells why
        async with other.router.lifespan_context(other):
            self._other = other
            await sleep_forever()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"] != PATH:
            await self._page(scope, receive, send)
        elif self._other is not None:
            await self._other(scope, receive, send)
        else:
            head = {"type": "http.response.start", "status": 503, "headers": []}
            await send(head)
            await send({"type": "http.response.body", "body": b"the index is not ready yet\n"})
