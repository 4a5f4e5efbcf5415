"""The MCP server, tried with the client of the package mcp: in memory, on pipes, over HTTP."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asking import environment, make_house
from mcp import Client, MCPError, StdioServerParameters
from mcp.server import MCPServer
from serving import OPEN, Scripted, request, served

from rag.pipeline import Pipeline
from rag.serve.desk import Desk
from rag.serve.limits import Guard, Limits
from rag.serve.mcp import build_server, http_app

KOREAN = "코르비아를 처음 켤 때 얼마나 걸리나요?"
Talk = Callable[[Client], Awaitable[None]]


def server_over(pipeline: Pipeline, limits: Limits = OPEN) -> MCPServer:
    return build_server(Desk(pipeline, limits), "1.2.3")


def talk(target: Any, work: Talk) -> None:
    """Connect to a server, an address or a command, and work with it."""

    async def run() -> None:
        async with Client(target, read_timeout_seconds=60) as client:
            await work(client)

    asyncio.run(run())


def text_of(result: Any) -> str:
    (content,) = result.content
    return str(content.text)


# -- tools ---------------------------------------------------------------------------------------


def test_the_tools_tell_what_they_take_and_give(small_pipeline: Pipeline) -> None:
    async def work(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"ask", "search", "show"}
        for tool in tools.values():
            assert tool.description and tool.output_schema
            assert tool.annotations and tool.annotations.read_only_hint
        assert tools["ask"].input_schema["required"] == ["question"]
        assert "citations" in (tools["ask"].output_schema or {})["properties"]

    talk(server_over(small_pipeline), work)


def test_an_answer_is_text_with_sources_and_a_record_with_quotes(small_pipeline: Pipeline) -> None:
    async def work(client: Client) -> None:
        result = await client.call_tool("ask", {"question": KOREAN})
        told = result.structured_content
        assert "40초" in text_of(result)
        assert "[1]" in text_of(result)
        for citation in told["citations"]:
            span = {"start": citation["start"], "length": citation["end"] - citation["start"]}
            shown = await client.call_tool("show", {"source": citation["source"], **span})
            assert text_of(shown) == citation["quote"]
        refused = await client.call_tool("ask", {"question": "What is the capital of Mongolia?"})
        assert not refused.is_error
        assert refused.structured_content["refused"]

    talk(server_over(small_pipeline), work)


def test_a_follow_up_takes_its_topic_from_the_history(small_pipeline: Pipeline) -> None:
    async def work(client: Client) -> None:
        history = [{"question": "What does toolkit.fold do?", "answer": "It folds."}]
        given = {"question": "And its default axis?", "history": history, "language": "ko"}
        told = (await client.call_tool("ask", given)).structured_content
        assert "toolkit.fold" in told["completed"]
        assert told["language"] == "ko"

    talk(server_over(small_pipeline), work)


def test_search_finds_passages_and_show_turns_pages(small_pipeline: Pipeline) -> None:
    async def work(client: Client) -> None:
        found = await client.call_tool("search", {"query": "Korvia", "k": 2, "source": "file:*"})
        passages = found.structured_content["passages"]
        assert [p["source"] for p in passages] == [
            p.source for p in small_pipeline.search("Korvia", k=2, source="file:*")
        ]
        assert all(p["text"] in text_of(found) for p in passages)
        pages = []
        while not pages or pages[-1]["end"] < pages[-1]["length"]:
            start = pages[-1]["end"] if pages else 0
            given = {"source": "file:guide.md", "start": start, "length": 100}
            pages.append((await client.call_tool("show", given)).structured_content)
        assert "".join(p["text"] for p in pages) == small_pipeline.show("file:guide.md").text
        beyond = await client.call_tool("show", {"source": "file:guide.md", "start": 10**6})
        assert (text_of(beyond), beyond.is_error) == ("", False)

    talk(server_over(small_pipeline), work)


@pytest.mark.parametrize(
    ("tool", "given", "told"),
    [
        ("ask", {"question": " "}, "the question is empty"),
        ("ask", {}, "question"),
        ("ask", {"question": "words", "language": "fr"}, "language"),
        ("search", {"query": "words", "k": 0}, "k"),
        ("show", {"source": "file:none.md"}, "no source 'file:none.md'"),
        ("show", {"source": "file:guide.md", "start": -1}, "start"),
    ],
)
def test_what_cannot_be_done_is_told_to_the_caller(
    small_pipeline: Pipeline, tool: str, given: dict[str, Any], told: str
) -> None:
    async def work(client: Client) -> None:
        result = await client.call_tool(tool, given)
        assert result.is_error
        assert told in text_of(result)

    talk(server_over(small_pipeline), work)


def test_what_breaks_inside_is_told_without_what_it_was(
    small_pipeline: Pipeline, capfd: pytest.CaptureFixture[str]
) -> None:
    script = Scripted(breaks=True)
    script.go.set()
    broken = Pipeline(small_pipeline.index, small_pipeline.encoder, script)

    async def work(client: Client) -> None:
        result = await client.call_tool("ask", {"question": KOREAN})
        assert result.is_error
        assert "internal error" in text_of(result)
        assert "secret" not in text_of(result)

    talk(server_over(broken), work)
    assert "RuntimeError: the secret inside" in capfd.readouterr().err


def test_many_calls_at_once_wait_for_their_turn_or_are_sent_back(small_pipeline: Pipeline) -> None:
    async def work(client: Client) -> None:
        calls = [client.call_tool("ask", {"question": KOREAN}) for _ in range(12)]
        results = await asyncio.gather(*calls)
        answered = [r for r in results if not r.is_error]
        assert {text_of(r) for r in answered} == {text_of(answered[0])}
        assert "40초" in text_of(answered[0])
        assert all("the line is full" in text_of(r) for r in results if r.is_error)
        assert len(answered) >= 6

    talk(server_over(small_pipeline, Limits(concurrency=2, waiting=4)), work)


# -- resources -----------------------------------------------------------------------------------


def test_sources_are_resources_and_every_document_has_an_address(small_pipeline: Pipeline) -> None:
    async def read(client: Client, uri: str) -> str:
        (content,) = (await client.read_resource(uri)).contents
        return str(content.text)  # type: ignore[union-attr]

    async def work(client: Client) -> None:
        resources = (await client.list_resources()).resources
        assert {r.name for r in resources} == {"py:toolkit", "file:pages"}
        listed = await read(client, str(resources[0].uri))
        assert "- py:toolkit.fold · toolkit.fold" in listed.splitlines()
        (template,) = (await client.list_resource_templates()).resource_templates
        assert template.uri_template == "ask://document/{+id}"
        for source in ("file:안내서.md", "web:almanac.example", "py:toolkit.Press"):
            text = await read(client, f"ask://document/{source}")
            assert text == small_pipeline.show(source).text
        for missing in ("ask://document/file:none", "ask://document/../../etc/passwd"):
            with pytest.raises(MCPError, match="no document"):
                await read(client, missing)

    talk(server_over(small_pipeline), work)


# -- transports ----------------------------------------------------------------------------------


async def _asks_in_korean(client: Client) -> None:
    result = await client.call_tool("ask", {"question": "위젯을 어떻게 쌓나요?"})
    assert "`widget.stack(items)`를 씁니다" in text_of(result)
    assert (await client.list_resources()).resources


def test_the_command_speaks_on_standard_input_and_output() -> None:
    house = make_house()
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "rag.cli", "mcp"], cwd=house, env=environment(house)
    )
    talk(command, _asks_in_korean)


@pytest.mark.parametrize("key", [None, "k1"])
def test_over_http_with_and_without_a_key(small_pipeline: Pipeline, key: str | None) -> None:
    server = server_over(small_pipeline)
    app = Guard(http_app(server), OPEN, host="127.0.0.1", key=key)

    async def work(client: Client) -> None:
        assert "40초" in text_of(await client.call_tool("ask", {"question": KOREAN}))

    with served(app) as address:
        if key is None:
            talk(f"{address}/mcp", work)
            assert request(address, "/mcp", {}, host="evil.example").status == 421
            foreign = {"origin": "https://evil.example", "accept": "application/json"}
            assert request(address, "/mcp", {}, **foreign).status == 403
        else:
            assert request(address, "/mcp", {}).status == 401
            talk(_with_key(f"{address}/mcp", key), work)


@asynccontextmanager
async def _with_key(address: str, key: str) -> AsyncIterator[Any]:
    from httpx2 import AsyncClient
    from mcp.client.streamable_http import streamable_http_client

    async with (
        AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=60) as http,
        streamable_http_client(address, http_client=http) as streams,
    ):
        yield streams
