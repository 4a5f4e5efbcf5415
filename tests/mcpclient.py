"""The client of the package mcp: connected to a server in memory, to a command, or to an address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from httpx import AsyncClient
from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.memory import create_connected_server_and_client_session

Talk = Callable[[ClientSession], Awaitable[None]]
WAIT = timedelta(seconds=60)


def talk(target: Any, work: Talk, headers: Mapping[str, str] | None = None) -> None:
    """Connect to a server, an address or a command, and work with it."""

    async def run() -> None:
        async with _session(target, dict(headers or {})) as session:
            await work(session)

    asyncio.run(run())


@asynccontextmanager
async def _session(target: Any, headers: dict[str, str]) -> AsyncIterator[ClientSession]:
    if not isinstance(target, str | StdioServerParameters):
        async with create_connected_server_and_client_session(target, WAIT) as session:
            yield session
        return
    async with AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
        streams = (
            streamable_http_client(target, http_client=http)
            if isinstance(target, str)
            else stdio_client(target)
        )
        async with streams as (read, write, *_), ClientSession(read, write, WAIT) as session:
            await session.initialize()
            yield session


def text_of(result: Any) -> str:
    """The one text of a result."""
    (content,) = result.content
    return str(content.text)
