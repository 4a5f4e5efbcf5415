"""The MCP server: tools to ask, search and show, and the sources as resources. Owns mcp."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, Field

from rag.contents import Group
from rag.errors import MissingExtra, RagError
from rag.serve.chat import full_text
from rag.serve.desk import Desk, tell_inside
from rag.serve.wire import AskResult, Found, K, Source
from rag.types import Language, Passage, Turn

try:
    from mcp.server import MCPServer
    from mcp.server.mcpserver import ResourceSecurity
    from mcp.server.mcpserver.exceptions import ResourceNotFoundError, ToolError
    from mcp.server.transport_security import TransportSecuritySettings
    from mcp.types import CallToolResult, TextContent, ToolAnnotations
except ImportError as error:
    raise MissingExtra("mcp is not installed: pip install 'ask-docs[mcp]'") from error

T = TypeVar("T")
PATH = "/mcp"
PAGE = 20_000  # characters of a document that `show` gives at a time
LISTED = 1_000  # documents that the resource of a source lists
DOCUMENT = "ask://document/{+id}"
_TOLD = """Answers from documentation, each sentence quoted verbatim with its source, or a refusal
where the documents do not answer. Ask whole questions in English or Korean. Use search to read
around, and show to read a source; its id stands in each citation and passage."""
_READS = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)


class Shown(BaseModel):
    """A part of a document; offsets of citations count the characters of its whole text."""

    source: str
    title: str
    url: str | None
    version: str | None
    text: str
    start: int
    end: int
    length: int


class AskHistory(BaseModel):
    """An earlier question of the conversation."""

    question: str
    answer: str = ""


def build_server(desk: Desk, version: str) -> MCPServer:
    """The server over a desk's pipeline; `run()` speaks on standard input and output."""
    server = MCPServer("ask", title="ask", version=version, instructions=_TOLD, log_level="ERROR")
    # The tools tell the caller what went wrong; the log would only say it again.
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    _tools(server, desk)
    _resources(server, desk)
    return server


def http_app(server: MCPServer) -> Any:
    """The server as an ASGI app at PATH, without sessions; put a `Guard` before it."""
    # The guard looks at hosts, keys and origins.
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    return server.streamable_http_app(
        streamable_http_path=PATH, stateless_http=True, json_response=True,
        transport_security=security,
    )  # fmt: skip


# -- tools ---------------------------------------------------------------------------------------


def _tools(server: MCPServer, desk: Desk) -> None:
    pipeline = desk.pipeline

    @server.tool(title="Ask the documentation", annotations=_READS)
    async def ask(
        question: str,
        language: Annotated[Language | None, Field(description="of the answer")] = None,
        source: Annotated[Source | None, Field(description="a part of a source's id, or *")] = None,
        long: Annotated[bool, Field(description="longer than about 800 characters")] = False,
        history: Annotated[list[AskHistory], Field(description="oldest first")] = [],  # noqa: B006
    ) -> Annotated[CallToolResult, AskResult]:
        """Answer a question from the documentation, with verbatim citations, or refuse."""
        turns = tuple(Turn(turn.question, turn.answer) for turn in history)
        answer = await _told(
            desk,
            lambda: pipeline.ask(
                question, language=language, source=source, long=long, history=turns
            ),
        )
        return _result(full_text(answer), AskResult.of(answer))

    @server.tool(title="Search the documentation", annotations=_READS)
    async def search(
        query: str,
        k: K = 5,
        language: Language | None = None,
        source: Annotated[Source | None, Field(description="a part of a source's id, or *")] = None,
    ) -> Annotated[CallToolResult, Found]:
        """Find the passages nearest to a question, best first, without an answer."""
        found = await _told(
            desk, lambda: pipeline.search(query, k=k, language=language, source=source)
        )
        text = "\n\n".join(map(_passage_text, found)) or "nothing was found"
        return _result(text, Found(question=query, passages=found))

    @server.tool(title="Show a source", annotations=_READS)
    async def show(
        source: Annotated[str, Field(description="an id, as citations and passages have it")],
        start: Annotated[int, Field(ge=0, description="the first character")] = 0,
        length: Annotated[int, Field(ge=1, le=PAGE)] = PAGE,
    ) -> Annotated[CallToolResult, Shown]:
        """Show the text of a source, or a part of it."""
        document = await _told(desk, lambda: pipeline.show(source))
        end = min(start + length, len(document.text))
        shown = Shown(
            source=document.id, title=document.title, url=document.url, version=document.version,
            text=document.text[start:end], start=start, end=max(start, end),
            length=len(document.text),
        )  # fmt: skip
        return _result(shown.text, shown)


async def _told(desk: Desk, work: Callable[[], T]) -> T:
    """What `work` gives, from the desk; what goes wrong on purpose is told to the caller."""
    try:
        return await desk.call(work)
    except RagError as error:
        raise ToolError(str(error)) from error
    except Exception as error:
        tell_inside(error)
        raise ToolError("internal error") from error


def _result(text: str, structured: BaseModel) -> CallToolResult:
    content = [TextContent(type="text", text=text)]
    return CallToolResult(content=content, structured_content=structured.model_dump(mode="json"))  # type: ignore[arg-type] # a list of one kind


def _passage_text(passage: Passage) -> str:
    where = f"{passage.source} [{passage.start}:{passage.end}]"
    return f"{passage.rank}. {passage.heading} · {where}\n{passage.text}"


# -- resources -----------------------------------------------------------------------------------


def _resources(server: MCPServer, desk: Desk) -> None:
    """One resource for each thing that was ingested, and every document by its id."""
    for group in desk.pipeline.index.manifest.groups:
        _source(server, desk, group)

    # An id is looked up in the index and is never a path, whatever it looks like.
    @server.resource(
        DOCUMENT, title="A document by its id", mime_type="text/markdown",
        security=ResourceSecurity(exempt_params={"id"}),
    )  # fmt: skip
    async def document(id: str) -> str:  # noqa: A002 - the name in the template
        """The whole text of a document, in which the offsets of citations count."""
        return await _read(desk, id)


def _source(server: MCPServer, desk: Desk, group: Group) -> None:
    @server.resource(
        f"ask://source/{quote(group.id, safe='')}", name=group.id, title=group.title or group.id,
        description="a document" if group.documents == 1 else f"{group.documents:,} documents",
        mime_type="text/markdown",
    )  # fmt: skip
    async def source() -> str:
        """The document, or where there are several their ids, each with its title."""
        heads = await desk.call(lambda: desk.pipeline.index.group_heads(group.id))
        if len(heads) == 1:
            return await _read(desk, heads[0].id)
        lines = [f"- {head.id} · {head.title}" for head in heads[:LISTED]]
        if len(heads) > LISTED:
            lines.append(f"and {len(heads) - LISTED:,} more; the tool search finds them")
        return "\n".join(lines)


async def _read(desk: Desk, id_: str) -> str:
    found = await desk.call(lambda: desk.pipeline.index.find_document(id_))
    if found is None:
        raise ResourceNotFoundError(f"there is no document '{id_}'; the tool search finds them")
    return found[1].text
