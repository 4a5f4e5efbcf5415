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
from functools import wraps
from pathlib import Path
from typing import Any

# Before Gradio is imported: it would look up its own hosts.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# It would make a table of all calls so far after each call, for a monitor that is off.
os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**12)
os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "100"

import gradio as gr
from anyio import create_task_group
from fastapi import FastAPI, Response
from fastapi.responses import FileResponse
from gradio.events import api as endpoint

from rag import FeedbackStore, RagError
from ui.api import Api, Refused
from ui.beside import Beside, Maker
from ui.desk import Desk
from ui.guard import App, Guard, Rules
from ui.shell import render_shell

log = logging.getLogger("ask.web")

MAX_WAITING = 32  # questions in the queue; more are told to come again
AT_ONCE = 4  # questions that are answered at the same time
_LINE = "answers"  # the one line that all questions stand in
_HERE = Path(__file__).parent
_FILES = {path.name: path for path in [_HERE / "style.css", *(_HERE / "page").glob("*.js")]}
_HEAD = (
    '<link rel="stylesheet" href="page/style.css">'
    '<script type="module" src="page/main.js"></script>'
)


def build_app(
    desk: Desk, feedback: FeedbackStore, rules: Rules, beside: Maker | None = None
) -> App:
    """The application; it opens the desk when it starts and closes it when it ends.

    `beside` makes another application from the pipeline, which answers at ui.beside.PATH.
    """
    other: Beside | None = None

    @asynccontextmanager
    async def live(_: FastAPI) -> Any:
        desk.open()
        async with create_task_group() as tasks:
            if other is not None:
                tasks.start_soon(other.run)
            yield
            tasks.cancel_scope.cancel()
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

    gr.mount_gradio_app(
        app, build_blocks(Api(desk, feedback)), path="/", footer_links=[], run_history=False,
        ssr_mode=False, mcp_server=False, enable_monitoring=False, show_error=True, pwa=False,
        head=_HEAD, theme=gr.themes.Base(font="system-ui", font_mono="monospace"),
        max_file_size=0,
    )  # fmt: skip
    if beside is not None:
        other = Beside(app, desk, beside)
    return Guard(other or app, rules)


def build_blocks(api: Api) -> gr.Blocks:
    """The Gradio application: the frame of the page, and the endpoints."""
    blocks = gr.Blocks(analytics_enabled=False, title="ask", fill_width=True)
    with blocks:
        # Our own constant frame; what is put into it later is escaped by ui/render.py.
        gr.Markdown(render_shell(), sanitize_html=False, container=False, elem_id="frame")
        for function in (api.ask, api.search, api.show):
            endpoint(_told(function), api_name=function.__name__, concurrency_id=_LINE)
        endpoint(
            api.page_chat, api_name="page_chat", api_visibility="undocumented", concurrency_id=_LINE
        )
        for helper in (
            api.page_evidence, api.page_status, api.page_groups, api.page_find, api.page_feedback,
        ):  # fmt: skip
            endpoint(
                _told(helper), api_name=helper.__name__, api_visibility="undocumented", queue=False
            )
    # Closed, the interface lets nobody past the queue.
    blocks.queue(max_size=MAX_WAITING, default_concurrency_limit=AT_ONCE, api_open=False)
    return blocks


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
