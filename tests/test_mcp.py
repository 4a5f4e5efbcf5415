"""The MCP server, tried with the client of the package mcp: in memory, on pipes, over HTTP."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from asking import environment, make_house
from mcp import ClientSession, McpError, StdioServerParameters
from mcp.server.fastmcp import FastMCP
from mcpclient import talk, text_of
from pydantic import AnyUrl
from serving import OPEN, Scripted, request, served

from rag.pipeline import Pipeline
from rag.serve.desk import Desk
from rag.serve.limits import Guard, Limits
from rag.serve.mcp import build_server, http_app

KOREAN = "코르비아를 처음 켤 때 얼마나 걸리나요?"


def server_over(pipeline: Pipeline, limits: Limits = OPEN) -> FastMCP:
    return build_server(Desk(pipeline, limits), "1.2.3")


def test_the_server_says_who_it_is_and_how_to_be_asked(small_pipeline: Pipeline) -> None:
    async def work(client: ClientSession) -> None:
        told = await client.initialize()
        assert (told.serverInfo.name, told.serverInfo.version) == ("ask", "1.2.3")
        assert "quoted verbatim" in (told.instructions or "")

    talk(server_over(small_pipeline), work)


# -- tools ---------------------------------------------------------------------------------------


def test_the_tools_tell_what_they_take_and_give(small_pipeline: Pipeline) -> None:
    async def work(client: ClientSession) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"ask", "search", "show"}
        for tool in tools.values():
            assert tool.description and tool.outputSchema
            assert tool.annotations and tool.annotations.readOnlyHint
        assert tools["ask"].inputSchema["required"] == ["question"]
        assert "citations" in (tools["ask"].outputSchema or {})["properties"]

    talk(server_over(small_pipeline), work)


def test_an_answer_is_text_with_sources_and_a_record_with_quotes(small_pipeline: Pipeline) -> None:
    async def work(client: ClientSession) -> None:
        result = await client.call_tool("ask", {"question": KOREAN})
        told = result.structuredContent
        assert "40초" in text_of(result)
        assert "[1]" in text_of(result)
        for citation in told["citations"]:
            span = {"start": citation["start"], "length": citation["end"] - citation["start"]}
            shown = await client.call_tool("show", {"source": citation["source"], **span})
            assert text_of(shown) == citation["quote"]
        refused = await client.call_tool("ask", {"question": "What is the capital of Mongolia?"})
        assert not refused.isError
        assert refused.structuredContent["refused"]

    talk(server_over(small_pipeline), work)


def test_a_follow_up_takes_its_topic_from_the_history(small_pipeline: Pipeline) -> None:
    async def work(client: ClientSession) -> None:
        history = [{"question": "What does toolkit.fold do?", "answer": "It folds."}]
        given = {"question": "And its default axis?", "history": history, "language": "ko"}
        told = (await client.call_tool("ask", given)).structuredContent
        assert "toolkit.fold" in told["completed"]
        assert told["language"] == "ko"

    talk(server_over(small_pipeline), work)


def test_search_finds_passages_and_show_turns_pages(small_pipeline: Pipeline) -> None:
    async def work(client: ClientSession) -> None:
        found = await client.call_tool("search", {"query": "Korvia", "k": 2, "source": "file:*"})
        passages = found.structuredContent["passages"]
        assert [p["source"] for p in passages] == [
            p.source for p in small_pipeline.search("Korvia", k=2, source="file:*")
        ]
        assert all(p["text"] in text_of(found) for p in passages)
        pages = []
        while not pages or pages[-1]["end"] < pages[-1]["length"]:
            start = pages[-1]["end"] if pages else 0
            given = {"source": "file:guide.md", "start": start, "length": 100}
            pages.append((await client.call_tool("show", given)).structuredContent)
        assert "".join(p["text"] for p in pages) == small_pipeline.show("file:guide.md").text
        beyond = await client.call_tool("show", {"source": "file:guide.md", "start": 10**6})
        assert (text_of(beyond), beyond.isError) == ("", False)

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
    async def work(client: ClientSession) -> None:
        result = await client.call_tool(tool, given)
        assert result.isError
        assert told in text_of(result)

    talk(server_over(small_pipeline), work)


def test_what_breaks_inside_is_told_without_what_it_was(
    small_pipeline: Pipeline, capfd: pytest.CaptureFixture[str]
) -> None:
    script = Scripted(breaks=True)
    script.go.set()
    broken = Pipeline(small_pipeline.index, small_pipeline.encoder, script)

    async def work(client: ClientSession) -> None:
        result = await client.call_tool("ask", {"question": KOREAN})
        assert result.isError
        assert "internal error" in text_of(result)
        assert "secret" not in text_of(result)

    talk(server_over(broken), work)
    assert "RuntimeError: the secret inside" in capfd.readouterr().err


def test_many_calls_at_once_wait_for_their_turn_or_are_sent_back(small_pipeline: Pipeline) -> None:
    async def work(client: ClientSession) -> None:
        calls = [client.call_tool("ask", {"question": KOREAN}) for _ in range(12)]
        results = await asyncio.gather(*calls)
        answered = [r for r in results if not r.isError]
        assert {text_of(r) for r in answered} == {text_of(answered[0])}
        assert "40초" in text_of(answered[0])
        assert all("the line is full" in text_of(r) for r in results if r.isError)
        assert len(answered) >= 6

    talk(server_over(small_pipeline, Limits(concurrency=2, waiting=4)), work)


# -- resources -----------------------------------------------------------------------------------


def test_sources_are_resources_and_every_document_has_an_address(small_pipeline: Pipeline) -> None:
    async def read(client: ClientSession, uri: str) -> str:
        (content,) = (await client.read_resource(AnyUrl(uri))).contents
        return str(content.text)  # type: ignore[union-attr]

    async def work(client: ClientSession) -> None:
        resources = (await client.list_resources()).resources
        assert {r.name for r in resources} == {"py:toolkit", "file:pages"}
        listed = await read(client, str(resources[0].uri))
        assert "- py:toolkit.fold · toolkit.fold" in listed.splitlines()
        (template,) = (await client.list_resource_templates()).resourceTemplates
        assert template.uriTemplate == "ask://document/{+id}"
        for source in ("file:안내서.md", "web:almanac.example", "py:toolkit.Press"):
            text = await read(client, f"ask://document/{source}")
            assert text == small_pipeline.show(source).text
        nowhere = ("document/file:none", "document/../../etc/passwd", "source/none", "etc/passwd")
        for missing in (*(f"ask://{path}" for path in nowhere), "file:///etc/passwd"):
            with pytest.raises(McpError, match=r"there is no (document|resource)"):
                await read(client, missing)

    talk(server_over(small_pipeline), work)


# -- transports ----------------------------------------------------------------------------------


async def _asks_in_korean(client: ClientSession) -> None:
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

    async def work(client: ClientSession) -> None:
        assert "40초" in text_of(await client.call_tool("ask", {"question": KOREAN}))

    with served(app) as address:
        if key is None:
            talk(f"{address}/mcp", work)
            assert request(address, "/mcp", {}, host="evil.example").status == 421
            foreign = {"origin": "https://evil.example", "accept": "application/json"}
            assert request(address, "/mcp", {}, **foreign).status == 403
        else:
            assert request(address, "/mcp", {}).status == 401
            talk(f"{address}/mcp", work, {"authorization": f"Bearer {key}"})
