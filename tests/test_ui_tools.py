"""`ask web --mcp`: Gradio's MCP server behind the guard, tried with the client of the package mcp."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession, McpError
from mcpclient import talk, text_of
from pydantic import AnyUrl
from test_ui_guard import FOLD, Held, Kept, basic, say, wait_until_ready
from webhouse import LOCAL, serving

from rag import FeedbackStore, Pipeline
from rag.encoders import load_encoder
from rag.generators.generator import Generator
from rag.index import Index
from ui.app import AT_ONCE, MAX_WAITING
from ui.desk import Desk
from ui.guard import MAX_BODY, MCP_PATHS, Rules

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
KINDS = "application/json, text/event-stream"


@pytest.fixture(scope="module")
def address(small_index: Index, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page with MCP, over the invented documents of tests/toolkit.py."""
    with over(small_index, tmp_path_factory.mktemp("f")) as found:
        yield found


def over(index: Index, folder: Path, rules: Rules = LOCAL, generator: Generator | None = None):  # type: ignore[no-untyped-def]
    """The page with MCP over an index that stays open."""
    desk = Desk(lambda progress: Pipeline(Kept(index), load_encoder(None), generator))  # type: ignore[arg-type]
    return serving(desk, FeedbackStore(folder / "f.sqlite"), rules, mcp=True)


def told(result: Any) -> Any:
    """The JSON that a tool gave."""
    assert not result.isError, text_of(result)
    return json.loads(text_of(result))


def mcp(address: str) -> str:
    return f"{address}mcp"


# -- tools ---------------------------------------------------------------------------------------


def test_exactly_three_tools_are_described_with_all_they_take(address: str) -> None:
    async def work(client: ClientSession) -> None:
        who = await client.initialize()
        assert who.serverInfo.name == "ask"
        assert "quoted verbatim" in (who.instructions or "")
        assert who.capabilities.tools
        assert who.capabilities.resources is who.capabilities.prompts is None
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"ask", "search", "show"}
        for tool in tools.values():
            assert len(tool.description or "") > 40
            assert ",," not in (tool.description or "")
            for given in tool.inputSchema["properties"].values():
                assert given["description"]
                assert {"type", "enum", "oneOf"} & set(given)
        assert tools["ask"].inputSchema["required"] == ["question"]
        assert set(tools["ask"].inputSchema["properties"]["language"]["enum"]) == {"", "en", "ko"}
        assert tools["search"].inputSchema["properties"]["k"]["type"] == "integer"

    talk(mcp(address), work)


def test_an_answer_is_json_whose_quotes_are_shown_where_they_stand(address: str) -> None:
    async def work(client: ClientSession) -> None:
        answer = told(await client.call_tool("ask", {"question": FOLD}))
        assert not answer["refused"]
        assert "Folds a sequence of sheets" in answer["answer"]
        assert answer["citations"]
        for one in answer["citations"]:
            span = {"start": one["start"], "length": one["end"] - one["start"]}
            shown = told(await client.call_tool("show", {"source": one["source"], **span}))
            assert shown["text"] == one["quote"]
            assert shown["end"] == one["end"] <= shown["length"]
        assert all("text" not in passage for passage in answer["passages"])
        given = {"question": FOLD, "language": "ko", "sources": ["py:toolkit.glue"]}
        korean = await client.call_tool("ask", given)
        assert {p["source"] for p in told(korean)["passages"]} == {"py:toolkit.glue"}
        assert "\\u" not in text_of(korean)  # Hangul as it is

    talk(mcp(address), work)


def test_search_finds_and_show_turns_pages(address: str, small_pipeline: Pipeline) -> None:
    async def work(client: ClientSession) -> None:
        found = told(await client.call_tool("search", {"query": "crease", "k": 3}))
        assert [p["source"] for p in found] == [
            p.source for p in small_pipeline.search("crease", k=3)
        ]
        pages = [{"end": 0, "length": 1, "text": ""}]
        while pages[-1]["end"] < pages[-1]["length"]:
            given = {"source": "file:guide.md", "start": pages[-1]["end"], "length": 100}
            pages.append(told(await client.call_tool("show", given)))
        assert "".join(p["text"] for p in pages) == small_pipeline.show("file:guide.md").text

    talk(mcp(address), work)


@pytest.mark.parametrize(
    ("tool", "given", "words"),
    [
        ("ask", {"question": " "}, "the question is empty"),
        ("ask", {}, "'question' is a required property"),
        ("ask", {"question": FOLD, "language": "fr"}, "'fr' is not one of"),
        ("ask", {"question": "가" * 2001}, "at most 2,000 characters"),
        ("search", {"query": "words", "k": 0}, "from 1 to 50"),
        ("show", {"source": "file:none.md"}, "no source 'file:none.md'"),
        ("show", {"source": "file:guide.md", "start": -1}, "start is 0 or more"),
        ("page_feedback", {"given": {}}, "Unknown tool"),
    ],
)
def test_what_cannot_be_done_is_told_in_words(
    address: str, tool: str, given: dict[str, Any], words: str
) -> None:
    async def work(client: ClientSession) -> None:
        result = await client.call_tool(tool, given)
        assert result.isError
        assert words in text_of(result)
        assert text_of(result)[0] not in "\"'"

    talk(mcp(address), work)


def test_there_is_nothing_but_tools(address: str) -> None:
    async def work(client: ClientSession) -> None:
        for asked in (
            client.read_resource(AnyUrl("ask://document/file:guide.md")),
            client.list_resources(), client.get_prompt("ask"), client.list_prompts(),
        ):  # fmt: skip
            with pytest.raises(McpError, match="Method not found"):
                await asked

    talk(mcp(address), work)


def test_many_calls_wait_for_their_turn_or_are_sent_back(
    small_index: Index, tmp_path: Path
) -> None:
    held = Held()

    async def work(client: ClientSession) -> None:
        calls = [
            asyncio.create_task(client.call_tool("ask", {"question": FOLD})) for _ in range(50)
        ]
        while sum(call.done() for call in calls) < len(calls) - MAX_WAITING - AT_ONCE:
            await asyncio.sleep(0.05)
        held.go.set()
        results = await asyncio.gather(*calls)
        answered = [result for result in results if not result.isError]
        assert len(answered) == MAX_WAITING + AT_ONCE
        assert {told(result)["answer"] for result in answered} == {"done"}
        assert all("a little later" in text_of(result) for result in results if result.isError)

    with over(small_index, tmp_path, generator=held) as address:
        wait_until_ready(address)
        talk(mcp(address), work)


# -- the guard -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MCP_PATHS)
def test_every_address_of_it_works_and_is_guarded(address: str, path: str) -> None:
    own = address.rstrip("/")
    assert say(address, "POST", path, PING, accept=KINDS, origin=own).status == 200
    assert (
        say(address, "POST", path, PING, accept=KINDS, origin="http://evil.example").status == 403
    )
    assert say(address, "POST", path, PING, accept=KINDS, host="evil.example").status == 421
    large = {**PING, "params": {"_meta": {"x": "a" * MAX_BODY}}}
    assert say(address, "POST", path, large, accept=KINDS).status == 413
    headers = say(address, "POST", path, PING, accept=KINDS).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("path", MCP_PATHS)
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "OPTIONS", "HEAD"])
def test_nothing_but_post_is_taken(address: str, path: str, method: str) -> None:
    said = say(address, method, path, accept=KINDS)
    assert (said.status, said.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", ["schema", "sse", "messages/", "messages/?session_id=1", "http/"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_rest_of_gradios_server_is_not_there(address: str, path: str, method: str) -> None:
    assert say(address, method, f"/gradio_api/mcp/{path}", PING).status == 404


def test_it_asks_for_the_password(small_index: Index, tmp_path: Path) -> None:
    async def work(client: ClientSession) -> None:
        assert (
            "Folds a sequence" in told(await client.call_tool("ask", {"question": FOLD}))["answer"]
        )

    with over(small_index, tmp_path, Rules(None, "reader", "word")) as address:
        for path in MCP_PATHS:
            assert say(address, "POST", path, PING, accept=KINDS).status == 401
        key = basic("reader:word")
        wait_until_ready(address, key)
        talk(mcp(address), work, {"authorization": key})


def test_no_host_that_a_caller_names_is_called(address: str) -> None:
    headers = {"x-forwarded-host": "beacon.example", "x-forwarded-proto": "http"}

    async def work(client: ClientSession) -> None:
        answer = told(await client.call_tool("ask", {"question": FOLD}))
        assert "beacon" not in json.dumps(answer)

    talk(mcp(address), work, headers)


def test_without_being_asked_for_it_is_not_there(small_index: Index, tmp_path: Path) -> None:
    desk = Desk(lambda progress: Pipeline(Kept(small_index), load_encoder(None)))  # type: ignore[arg-type]
    with serving(desk, FeedbackStore(tmp_path / "f.sqlite")) as address:
        for path in MCP_PATHS:
            assert say(address, "POST", path, PING, accept=KINDS).status == 404
