"""The page as a web application: Gradio with our frame on it, mounted in FastAPI, behind the guard.

Gradio gives the page, the queue, the streams, the API and its documentation. Its own chat
component is not used: it keeps remote images and forms that a document may hold, and needs scripts
that a strict content security policy forbids.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import asynccontextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Any

# Before Gradio is imported: it would look up its own hosts.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# It would make a table of all calls so far after each call, for a monitor that is off.
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**12)
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "100"

import gradio as gr
from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Response
from fastapi.responses import FileResponse
from gradio.events import api as endpoint

from rag import FeedbackStore, RagError
from ui.api import Api, Refused
from ui.desk import Desk
from ui.guard import App, Guard, Rules
from ui.shell import render_shell
from ui.tools import as_text, called, tune

log = logging.getLogger("ask.web")

# Two lines, the page's in Gradio's queue and the programs': in each so many questions wait, more are
# told to come again, and so many are answered at the same time.
MAX_WAITING, AT_ONCE = 32, 4
_FULL = f"{MAX_WAITING} questions are waiting already; ask again a little later"
_HERE = Path(__file__).parent
_FILES = {path.name: path for path in [_HERE / "style.css", *(_HERE / "page").glob("*.js")]}
_HEAD = (
    '<link rel="stylesheet" href="page/style.css">'
    '<script type="module" src="page/main.js"></script>'
)


def build_app(desk: Desk, feedback: FeedbackStore, rules: Rules, *, mcp: bool = False) -> App:
    """The application; it opens the desk when it starts and closes it when it ends.

    With `mcp` it is a server of MCP as well (ui/tools.py).
    """

    @asynccontextmanager
    async def live(_: FastAPI) -> Any:
        desk.open()
        yield
        desk.close()

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=live)

    @app.get("/page/{name}")
    def page_file(name: str) -> Response:
        if name not in _FILES:
            return Response(status_code=404)
        return FileResponse(_FILES[name], headers={"cache-control": "no-cache"})

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"state": desk.status.state}

    blocks = build_blocks(Api(desk, feedback))
    gr.mount_gradio_app(
        app, blocks, path="/", footer_links=[], run_history=False, ssr_mode=False, mcp_server=mcp,
        enable_monitoring=False, show_error=True, pwa=False,
        head=_HEAD, theme=gr.themes.Base(font="system-ui", font_mono="monospace"),
        max_file_size=0,
    )  # fmt: skip
    if mcp:
        tune(blocks)
    return Guard(app, rules, mcp=mcp)


def build_blocks(api: Api) -> gr.Blocks:
    """The Gradio application: the frame of the page, and the endpoints."""
    blocks = gr.Blocks(analytics_enabled=False, title="ask", fill_width=True)
    with blocks:
        # Our own constant frame; what is put into it later is escaped by ui/render.py.
        gr.Markdown(render_shell(), sanitize_html=False, container=False, elem_id="frame")
        line = _Line()
        for function in (api.ask, api.search, api.show):
            # Past Gradio's queue: for a tool in it, Gradio would call itself over HTTP, at the
            # address that the caller's headers name.
            endpoint(_in_line(function, line), api_name=function.__name__, queue=False)
        endpoint(api.page_chat, api_name="page_chat", api_visibility="undocumented")
        for helper in (
            api.page_evidence, api.page_status, api.page_groups, api.page_find, api.page_feedback,
        ):  # fmt: skip
            endpoint(
                _told(helper), api_name=helper.__name__, api_visibility="undocumented", queue=False
            )
    # Closed, the interface lets nobody past the queue.
    blocks.queue(max_size=MAX_WAITING, default_concurrency_limit=AT_ONCE, api_open=False)
    return blocks


class _Line:
    """Lets AT_ONCE calls work, in threads, and MAX_WAITING more wait."""

    def __init__(self) -> None:
        self._places = CapacityLimiter(AT_ONCE)
        self._inside = 0

    async def run(self, work: Callable[[], Any]) -> Any:
        """What `work` returns; raises gr.Error where the line is full."""
        if self._inside >= AT_ONCE + MAX_WAITING:
            raise gr.Error(_FULL, print_exception=False)
        self._inside += 1
        try:
            return await to_thread.run_sync(work, limiter=self._places)
        finally:
            self._inside -= 1


def _in_line(function: Callable[..., Any], line: _Line) -> Callable[..., Any]:
    """The same function for programs, in its turn; what it gives is text for MCP."""
    told = _told(function)

    @wraps(function)
    async def call(*args: Any, **named: Any) -> Any:
        try:
            result = await line.run(partial(told, *args, **named))
        except gr.Error as error:
            if called():
                raise RuntimeError(error.message) from error  # not in quotation marks
            raise
        return as_text(result) if called() else result

    return call


def _told(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, its own errors as Gradio tells them to callers; others stay hidden."""

    @wraps(function)
    def call(*args: Any, **named: Any) -> Any:
        try:
            return function(*args, **named)
        except (Refused, RagError) as error:
            raise gr.Error(str(error), print_exception=False) from error
        except Exception as error:
            log.exception("%s failed", function.__name__)
            raise gr.Error("internal error", print_exception=False) from error

    return call
