"""What is let in: the guard that stands before every app, and the numbers it goes by.

The guard is an ASGI app around an app, so that no library's defaults decide: it looks at the host
that was asked for, the rate, the key and the size of the body before the app sees a byte.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from rag.errors import UsageError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

OPEN_PATHS = ("/health", "/docs", "/openapi.json")  # say nothing of the documents
_CLIENTS = 10_000  # whose rate is remembered; the one not heard of longest is forgotten first
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a server takes. A `rate` of 0 is no limit.

    `concurrency` answers are worked on at a time and `waiting` more requests wait for their turn;
    `rate` requests a minute are taken from one address; a body has at most `body` bytes and must
    be here within `seconds`.
    """

    concurrency: int = 4
    waiting: int = 32
    rate: int = 120
    body: int = 1_000_000
    seconds: float = 30.0


class Rate:
    """A bucket of tokens for each client, refilled at `per_minute`; `now` is a clock in seconds."""

    def __init__(self, per_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._now = per_minute, now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, client: str) -> float:
        """Take one token: 0, or the seconds until there is one."""
        if not self._per_minute:
            return 0.0
        now, speed = self._now(), self._per_minute / 60
        left, since = self._left.pop(client, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - since) * speed)
        taken = left >= 1
        self._left[client] = (left - taken, now)
        if len(self._left) > _CLIENTS:
            self._left.popitem(last=False)
        return 0.0 if taken else (1 - left) / speed


def error_body(message: str, kind: str, code: str | None = None) -> dict[str, object]:
    """An error in OpenAI's form; `kind` is its type, "invalid_request_error" for the caller's."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def check_key(host: str, key: str | None) -> None:
    """Raise UsageError where other machines could ask without a key, or the key is no header."""
    if not key and not is_loopback(host):
        raise UsageError(
            f"other machines reach {host}, so it needs a key: set ASK_KEY or give --key; "
            "or listen on 127.0.0.1"
        )
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        raise UsageError("a key is of ASCII letters, digits and signs, without spaces")


def asks_for_names(host: str, key: str | None) -> bool:
    """Whether only requests to a name of this machine are let in.

    A page in a browser may reach a server of this machine under a name of its own (DNS rebinding),
    but it cannot hide that name. Where there is a key, the page does not have it; a proxy that
    passes the name on may then stand before the server.
    """
    return is_loopback(host) and not key


class Guard:
    """Stands before `app`: refuses, in JSON, what is not let in, and adds headers to all answers."""

    def __init__(self, app: App, limits: Limits, *, host: str, key: str | None = None) -> None:
        """Guard `app`, which listens on `host`; `key` is what callers send as bearer token.

        Raises UsageError as `check_key` does.
        """
        check_key(host, key)
        self._app, self._limits = app, limits
        self._rate = Rate(limits.rate)
        self._key = key.encode() if key else None
        self._local_only = asks_for_names(host, key)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Let a request through, or answer it here."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        send = _with_headers(send)
        refusal = self._refusal(scope)
        if refusal is None:
            body = await self._body(scope, receive)
            if isinstance(body, bytes):
                await self._app(scope, _replayed(body, receive), send)
                return
            refusal = body
        await _respond(send, *refusal)

    def _refusal(self, scope: MutableMapping[str, Any]) -> _Refusal | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if self._local_only and not is_loopback(_name(host)):
            return 421, f"this server is not {host!r}; ask for 127.0.0.1 or localhost", {}
        if scope["path"] in OPEN_PATHS:
            return None
        if b"origin" in headers and not _same_origin(headers[b"origin"], host):
            return 403, "pages of other sites may not ask here", {}
        wait = self._rate.wait((scope.get("client") or ["?"])[0])
        if wait:
            seconds = str(math.ceil(wait))
            told = f"at most {self._limits.rate} requests a minute; wait {seconds} s"
            return 429, told, {"retry-after": seconds}
        if self._key is not None and not hmac.compare_digest(_token(headers), self._key):
            told = "this needs a key: send it as Authorization: Bearer KEY"
            return 401, told, {"www-authenticate": "Bearer"}
        return None

    async def _body(self, scope: MutableMapping[str, Any], receive: Receive) -> bytes | _Refusal:
        limit = self._limits.body
        too_large = 413, f"the body has more than {limit:,} bytes", {"connection": "close"}
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if length.isdigit() and int(length[:20]) > limit:
            return too_large
        body = bytearray()
        try:
            async with asyncio.timeout(self._limits.seconds):
                while True:
                    message = await receive()
                    body += message.get("body", b"")
                    if len(body) > limit:
                        return too_large
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError:
            told = f"the body was not here within {self._limits.seconds:g} s"
            return 408, told, {"connection": "close"}


_Refusal = tuple[int, str, dict[str, str]]
_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}


def _name(host: str) -> str:
    """The name in a Host header, without the port."""
    return host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]


def _same_origin(origin: bytes, host: str) -> bool:
    return origin.decode("latin-1").partition("://")[2] == host


def _token(headers: dict[bytes, bytes]) -> bytes:
    scheme, _, token = headers.get(b"authorization", b"").partition(b" ")
    return token.strip() if scheme.lower() == b"bearer" else b""


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body at once, then what comes after it: that the caller went away."""
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    return sending


async def _respond(send: Send, status: int, told: str, headers: dict[str, str]) -> None:
    kind = "rate_limit_error" if status == 429 else "invalid_request_error"
    body = json.dumps(error_body(told, kind, _CODES.get(status)), ensure_ascii=False).encode()
    named = {"content-type": "application/json", "content-length": str(len(body)), **headers}
    raw = [(name.encode(), value.encode()) for name, value in named.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
