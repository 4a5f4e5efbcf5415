"""What the browser tests look at: a small index, and the real server on a free port."""

from __future__ import annotations

import asyncio
import gc
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn

from rag import FeedbackStore, Pipeline
from rag.encoders import load_encoder
from rag.generators.generator import Generator
from rag.index import read_index
from rag.ingestion import default_sources, ingest
from ui.desk import Desk
from ui.guard import Rules

with warnings.catch_warnings():  # Gradio's import leaves event loops open
    warnings.simplefilter("ignore", ResourceWarning)
    from ui.app import build_app

    gc.collect()

LOCAL = Rules(frozenset({"127.0.0.1", "localhost"}))

GUIDE = """# Widget guide

## Stacking widgets

Use `widget.stack(items)` to stack widgets on a new axis. The default of `axis` is 0.

```python
import widget
widget.stack([1, 2])
```

## Cleaning widgets

A widget is cleaned with warm water and a soft brush, never with alcohol.
"""
GUIDE_KO = """# 위젯 안내서

## 위젯 쌓기

위젯을 새 축으로 쌓으려면 `widget.stack(items)`를 씁니다. 기본 축은 0입니다.

## 위젯 청소

위젯은 미지근한 물과 부드러운 솔로 닦고, 알코올은 쓰지 않습니다.
"""
# Everything here is meant to be seen as text and to do nothing.
EVIL = """Gizmo manual <script>window.hacked = "title"</script>

Charging the gizmo <img src=x onerror="window.hacked='heading'">

The gizmo is charged for nine hours on <b>Mondays</b> <script>window.hacked = "text"</script> in the blue dock
<img src="http://beacon.example/x.png" onerror="window.hacked='image'"> before its first flight.

![beacon](http://beacon.example/y.png) [click](javascript:window.hacked='link') \u202egnirts\u202c
<form action="http://beacon.example/form"><button>Charge</button></form>
<a href="data:text/html,<script>1</script>" onclick="window.hacked='click'">data</a>
<iframe srcdoc="<script>parent.hacked = 'frame'</script>"></iframe><svg onload="window.hacked='svg'">
"""


def make_index(folder: Path) -> Path:
    """An index of our notes, two guides and a document that means harm."""
    docs = folder / "docs"
    docs.mkdir()
    (docs / "guide.md").write_text(GUIDE, encoding="utf-8")
    (docs / "안내서.md").write_text(GUIDE_KO, encoding="utf-8")
    (docs / "gizmo.txt").write_text(EVIL, encoding="utf-8")
    notes = [source for source in default_sources() if not source.startswith("py:")]
    ingest([*notes, str(docs)], folder / "index", load_encoder(None))
    return folder / "index"


@contextmanager
def served(
    index: Path, feedback: Path, *, generator: Generator | None = None, rules: Rules | None = None
) -> Iterator[str]:
    """The address of a server over the index, until the end of the `with`."""
    encoder = load_encoder(None)

    def opener(progress: object) -> Pipeline:
        return Pipeline(read_index(index, encoder.fingerprint), encoder, generator)

    with serving(Desk(opener), FeedbackStore(feedback), rules or LOCAL) as address:
        yield address


@contextmanager
def serving(
    desk: Desk, feedback: FeedbackStore, rules: Rules = LOCAL, *, mcp: bool = False
) -> Iterator[str]:
    """Serve the page from a thread of its own."""
    with quiet():
        app = build_app(desk, feedback, rules, mcp=mcp)
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_level="warning", ws="none", timeout_graceful_shutdown=1, lifespan="on"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()
        with quiet():
            del app, config, server, thread


@contextmanager
def quiet() -> Iterator[None]:
    """Clean up here what Gradio leaves behind, event loops that nobody closed, without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        try:
            asyncio.get_running_loop()  # the browser's
        except RuntimeError:
            asyncio.set_event_loop(None)  # or else the next one that is set leaves this one behind
        gc.collect()
