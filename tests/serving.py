"""Real servers on loopback for the tests: an app in a thread, or `ask` in a process of its own."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rag.generators.generator import Brief, Part
from rag.pipeline import Pipeline
from rag.serve.api import build_app
from rag.serve.desk import Desk
from rag.serve.limits import Guard, Limits
from rag.serve.listen import bind, make_server

OPEN = Limits(rate=0)


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The address of an ASGI app that is served on a free port until this ends."""
    server, bound = make_server(app), bind("127.0.0.1", 0)
    thread = threading.Thread(target=lambda: server.run(sockets=[bound]), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        bound.close()


@contextmanager
def api(pipeline: Pipeline, limits: Limits = OPEN, key: str | None = None) -> Iterator[str]:
    """The address of the HTTP server over a pipeline."""
    app = build_app(Desk(pipeline, limits), "1.2.3")
    with served(Guard(app, limits, host="127.0.0.1", key=key)) as address:
        yield address


class Reply:
    """What a server answered."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.body = response.status, response.read()
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def told(self) -> str:
        """The message of an error in OpenAI's form."""
        return str(self.json["error"]["message"])


def request(
    address: str, path: str, body: Any = None, method: str | None = None, **headers: str
) -> Reply:
    """One request as it is written here; `body` that is no bytes is sent as JSON."""
    line = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
    if body is not None and not isinstance(body, bytes):
        body, headers = json.dumps(body).encode(), {"content-type": "application/json", **headers}
    line.request(method or ("GET" if body is None else "POST"), path, body, headers)
    reply = Reply(line.getresponse())
    line.close()
    return reply


class Scripted:
    """A generator that writes word after word, waits for `go` before each, or breaks."""

    name = "scripted"

    def __init__(self, words: str = "one two three", breaks: bool = False) -> None:
        self.words, self.breaks = words.split(), breaks
        self.go, self.began, self.ended = threading.Event(), threading.Event(), threading.Event()

    def stream(self, brief: Brief) -> Iterator[Part]:
        """The words of the script."""
        from rag.generators.extractive import Written

        self.began.set()
        try:
            for end in range(1, len(self.words) + 1):
                self.go.wait(20)
                if self.breaks and end > 1:
                    raise RuntimeError("the secret inside")
                yield Part(Written(" ".join(self.words[:end]), ()), self.name)
        finally:
            self.ended.set()
