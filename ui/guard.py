"""What stands before Gradio: only known paths and hosts, small bodies, strict headers, a password.

One plain ASGI layer, so that streams pass through as they come.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

MAX_BODY = 64 * 1024  # bytes of a request
_MAX_PAGE = 4 * 2**20  # bytes of the page itself, which is read for its inline scripts

# All that the page and gradio_client need. Gradio's uploads, files, proxy, monitoring
# and the rest do not exist here.
_PATHS = re.compile(
    r"/|/config/?|/theme\.css|/favicon\.ico|/robots\.txt|/page/[\w-]+\.(?:js|css)|/healthz"
    r"|/assets/[\w./-]+|/static/(?:fonts|js|img)/[\w./-]+"
    r"|/gradio_api/(?:info|openapi\.json|startup-events|app_id|heartbeat/\w+|queue/join|queue/data"
    r"|cancel|reset|(?:run|api|call|call/v2)/\w+/?|call/\w+/\w+)/?"
)
# What MCP clients ask for, where it is served; the last is how Gradio knows it.
MCP_PATHS = ("/mcp", "/mcp/", "/gradio_api/mcp", "/gradio_api/mcp/")
_SCRIPT = re.compile(rb"<script(?P<rest>[^>]*)>(?P<body>.*?)</script>", re.S)
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may come in: `hosts` are the names the server answers to (None: any), `user` and
    `password` what a browser asks for (None: nothing)."""

    hosts: frozenset[str] | None
    user: str | None = None
    password: str | None = None


class Guard:
    """Wraps an ASGI app; what it refuses the app never sees."""

    def __init__(self, app: App, rules: Rules, *, mcp: bool = False) -> None:
        """Put `rules` before `app`; with `mcp` it is let through to Gradio's MCP server too."""
        self._app = app
        self._rules = rules
        self._mcp = MCP_PATHS if mcp else ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            refused = self._refuse(scope)
            if refused is not None:
                await _say(send, *refused)
            elif scope["path"] in self._mcp:
                scope = {**scope, "path": MCP_PATHS[-1], "raw_path": MCP_PATHS[-1].encode()}
                await _guarded(self._app, scope, receive, send)
            elif scope["path"] == "/":
                await _page(self._app, scope, receive, send)
            else:
                await _guarded(self._app, scope, receive, send)
        # Websockets are not spoken here: the connection is closed.

    def _refuse(self, scope: Scope) -> tuple[int, str] | None:
        headers = {name.decode("latin-1"): value for name, value in scope["headers"]}
        host = headers.get("host", b"").decode("latin-1")
        name = (urlsplit(f"//{host}").hostname or "") if _plain(host) else ""
        if self._rules.hosts is not None and name not in self._rules.hosts:
            return 421, "this server does not answer to that name"
        if not self._knows(headers.get("authorization", b"")):
            return 401, "a name and a password are needed"
        if scope["path"] in self._mcp:
            if scope["method"] != "POST":  # no session is kept, so there is nothing else to do
                return 405, "MCP is spoken here: POST only"
        elif not _PATHS.fullmatch(scope["path"]):
            return 404, "there is nothing here"
        origin = headers.get("origin", b"").decode("latin-1")
        if origin and scope["method"] != "GET" and urlsplit(origin).netloc != host:
            return 403, "another site may not ask here"
        length = headers.get("content-length", b"0")
        if not length.isdigit() or int(length[:20]) > MAX_BODY:
            return 413, f"a request may have {MAX_BODY} bytes"
        return None

    def _knows(self, header: bytes) -> bool:
        if self._rules.user is None:
            return True
        kind, _, value = header.partition(b" ")
        try:
            given = base64.b64decode(value, validate=True)
        except ValueError:
            return False
        wanted = f"{self._rules.user}:{self._rules.password or ''}".encode()
        # Compared as hashes: neither content nor length shows in the time it takes.
        same = hmac.compare_digest(hashlib.sha256(given).digest(), hashlib.sha256(wanted).digest())
        return kind.lower() == b"basic" and same


def _plain(host: str) -> bool:
    return re.fullmatch(r"[\w.:\[\]-]{1,255}", host) is not None


async def _say(send: Send, status: int, told: str) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), *_policy_headers(())]
    if status == 405:
        headers.append((b"allow", b"POST"))
    if status == 401:
        headers.append((b"www-authenticate", b'Basic realm="ask", charset="UTF-8"'))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": f"{told}\n".encode()})


async def _guarded(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Pass a request on with its body counted and the headers set."""
    seen = 0
    ended = False

    async def count() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY:  # it did not say how long it is
            return {"type": "http.disconnect"}
        return message

    async def dress(message: Message) -> None:
        nonlocal ended
        if seen > MAX_BODY:
            if not ended:
                ended = True
                await _say(send, 413, f"a request may have {MAX_BODY} bytes")
            return
        if message["type"] == "http.response.start":
            message["headers"] = _dressed(message["headers"], ())
        await send(message)

    try:
        await app(scope, count, dress)
    except Exception:
        if seen <= MAX_BODY:
            raise
    if seen > MAX_BODY and not ended:
        await _say(send, 413, f"a request may have {MAX_BODY} bytes")


async def _page(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Pass on the page: its inline scripts are Gradio's own, and are allowed by their hashes."""
    start: Message = {}
    body = b""

    async def gather(message: Message) -> None:
        nonlocal start, body
        if message["type"] == "http.response.start":
            start = message
        else:
            body += message.get("body", b"")
            if len(body) > _MAX_PAGE:
                raise ValueError("the page is too large")

    # Compressed, the scripts could not be read.
    plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
    await app({**scope, "headers": plain}, receive, gather)
    hashes = tuple(
        base64.b64encode(hashlib.sha256(found["body"]).digest()).decode()
        for found in _SCRIPT.finditer(body)
        if b"src=" not in found["rest"]
    )
    await send({**start, "headers": _dressed(start["headers"], hashes)})
    await send({"type": "http.response.body", "body": body})


def policy(hashes: tuple[str, ...]) -> str:
    """The content security policy: nothing but this server; inline scripts only by their hash."""
    scripts = " ".join(["'self'", *(f"'sha256-{value}'" for value in hashes)])
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; manifest-src 'self'; "
        "base-uri 'self'; form-action 'none'; frame-ancestors 'none'; frame-src 'none'; "
        "object-src 'none'"
    )


def _policy_headers(hashes: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    told = {**_HEADERS, "content-security-policy": policy(hashes)}
    return [(name.encode(), value.encode()) for name, value in told.items()]


def _dressed(
    headers: list[tuple[bytes, bytes]], hashes: tuple[str, ...]
) -> list[tuple[bytes, bytes]]:
    ours = _policy_headers(hashes)
    taken = {name for name, _ in ours} | {b"server"}
    return [(name, value) for name, value in headers if name.lower() not in taken] + ours
