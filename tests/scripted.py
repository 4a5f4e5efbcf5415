"""A server that speaks OpenAI's protocol on loopback, over real HTTP and SSE, and plays any model."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Reply:
    """What the server does with one request.

    `words` are sent one event each, `gap` seconds apart; `late` is how long nothing comes at all.
    `cut` ends the connection behind the words without the protocol's end, `raw` is sent as it is in
    place of events, and another `status` than 200 is an error with `raw` as its body.
    """

    words: Sequence[str] = ()
    status: int = 200
    late: float = 0.0
    gap: float = 0.0
    cut: bool = False
    raw: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


Script = Callable[[Mapping[str, Any]], Reply]


class ScriptedServer:
    """Answers each request with what `script` says; `requests` are those that came, with headers.

    `gone` is set once a client has left in the middle of an answer.
    """

    def __init__(self, script: Script, models: Sequence[str] = ("scripted",)) -> None:
        self.script, self.models = script, models
        self.requests: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.gone = threading.Event()
        self.ending = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                data = [{"id": name, "object": "model"} for name in outer.models]
                outer._send(self, 200, json.dumps({"object": "list", "data": data}).encode())

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.requests.append(body)
                outer.headers.append(dict(self.headers.items()))
                try:
                    outer._play(self, body)
                except (BrokenPipeError, ConnectionResetError):
                    outer.gone.set()

            def log_message(self, *words: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.01,), daemon=True
        )

    @property
    def url(self) -> str:
        """What `--model` takes."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.ending.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _send(self, handler: BaseHTTPRequestHandler, status: int, body: bytes, **more: str) -> None:
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        for name, value in more.items():
            handler.send_header(name, value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _play(self, handler: BaseHTTPRequestHandler, body: Mapping[str, Any]) -> None:
        reply = self.script(body)
        self.ending.wait(reply.late)
        if reply.status != 200:
            error = reply.raw or json.dumps({"error": {"message": "scripted"}}).encode()
            self._send(handler, reply.status, error, **reply.headers)
            return
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        if reply.raw is not None:
            handler.wfile.write(reply.raw)
            return
        for event in _events(reply.words, str(body.get("model"))):
            handler.wfile.write(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())
            handler.wfile.flush()
            if reply.gap and self.ending.wait(reply.gap):
                return
        if reply.cut:
            handler.connection.shutdown(2)
            return
        handler.wfile.write(f"data: {json.dumps(_event({}, 'stop'))}\n\ndata: [DONE]\n\n".encode())


def _events(words: Sequence[str], model: str) -> Iterator[dict[str, Any]]:
    yield _event({"role": "assistant", "content": ""}, None)
    for word in words:
        yield _event({"content": word}, None)


def _event(delta: Mapping[str, Any], finish: str | None) -> dict[str, Any]:
    return {
        "id": "scripted-1", "object": "chat.completion.chunk", "created": int(time.time()),
        "model": "scripted",
        "choices": [{"index": 0, "delta": dict(delta), "finish_reason": finish}],
    }  # fmt: skip


def says(text: str, **more: Any) -> Script:
    """A script that always writes `text`, three characters an event."""
    words = [text[at : at + 3] for at in range(0, len(text), 3)]
    return lambda body: Reply(words, **more)


def in_turn(*replies: Reply) -> Script:
    """A script that gives one reply after another, the last again and again."""
    left = list(replies)
    return lambda body: left.pop(0) if len(left) > 1 else left[0]


def passages_in(body: Mapping[str, Any]) -> str:
    """The user's message of a request: the passages and the question."""
    return next(m["content"] for m in body["messages"] if m["role"] == "user")
