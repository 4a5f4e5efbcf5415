"""The MCP server: tools to ask, search and show, and the sources as resources. Owns mcp."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import quote, unquote

from pydantic import AnyUrl, BaseModel, Field

from rag.contents import Group
from rag.errors import MissingExtra, RagError
from rag.serve.chat import full_text
from rag.serve.desk import Desk, tell_inside
from rag.serve.wire import AskResult, Found, K, Source
from rag.types import Language, Passage, Turn

try:
    from mcp.server.fastmcp import FastMCP
    from mcp.server.fastmcp.exceptions import ResourceError, ToolError
    from mcp.server.lowlevel.helper_types import ReadResourceContents
    from mcp.server.transport_security import TransportSecuritySettings
    from mcp.types import CallToolResult, Resource, ResourceTemplate, TextContent, ToolAnnotations
except ImportError as error:
    raise MissingExtra("mcp is not installed: pip install 'ask-docs[mcp]'") from error

T = TypeVar("T")
PATH = "/mcp"
PAGE = 20_000  # characters of a document that `show` gives at a time
LISTED = 1_000  # documents that the resource of a source lists
DOCUMENT, SOURCE = "ask://document/", "ask://source/"
_MARKDOWN = "text/markdown"
_TOLD = """Answers from documentation, each sentence quoted verbatim with its source, or a refusal
where the documents do not answer. Ask whole questions in English or Korean. Use search to read
around, and show to read a source; its id stands in each citation and passage."""
_READS = ToolAnnotations(readOnlyHint=True, idempotentHint=True, openWorldHint=False)


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


def build_server(desk: Desk, version: str) -> FastMCP:
    """The server over a desk's pipeline; `run()` speaks on standard input and output."""
    # The guard looks at hosts, keys and origins.
    security = TransportSecuritySettings(enable_dns_rebinding_protection=False)
    server = _Server(
        desk, instructions=_TOLD, log_level="ERROR", streamable_http_path=PATH,
        stateless_http=True, json_response=True, transport_security=security,
    )  # fmt: skip
    server._mcp_server.version = version  # there is no public way
    # The tools tell the caller what went wrong; the log would only say it again.
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    _tools(server, desk)
    return server


def http_app(server: FastMCP) -> Any:
    """The server as an ASGI app at PATH, without sessions; put a `Guard` before it."""
    return server.streamable_http_app()


# -- tools ---------------------------------------------------------------------------------------


def _tools(server: FastMCP, desk: Desk) -> None:
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
    return CallToolResult(content=content, structuredContent=structured.model_dump(mode="json"))  # type: ignore[arg-type] # a list of one kind


def _passage_text(passage: Passage) -> str:
    where = f"{passage.source} [{passage.start}:{passage.end}]"
    return f"{passage.rank}. {passage.heading} · {where}\n{passage.text}"


# -- resources -----------------------------------------------------------------------------------


class _Server(FastMCP):
    """One resource for each thing that was ingested, and every document by its id.

    FastMCP's own templates stop at a slash, which ids have.
    """

    def __init__(self, desk: Desk, **settings: Any) -> None:
        super().__init__("ask", **settings)
        self._desk = desk
        self._groups = {f"{SOURCE}{quote(g.id, safe='')}": g for g in _groups(desk)}

    async def list_resources(self) -> list[Resource]:
        """What was ingested."""
        return [
            Resource(
                uri=AnyUrl(uri), name=group.id, title=group.title or group.id,
                description=_counted(group), mimeType=_MARKDOWN,
            )
            for uri, group in self._groups.items()
        ]  # fmt: skip

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        """A document by its id."""
        told = "The whole text of a document, in which the offsets of citations count."
        return [
            ResourceTemplate(
                uriTemplate=f"{DOCUMENT}{{+id}}", name="document", title="A document by its id",
                description=told, mimeType=_MARKDOWN,
            )
        ]  # fmt: skip

    async def read_resource(self, uri: AnyUrl | str) -> list[ReadResourceContents]:
        """The text of a resource; an id is looked up in the index and is never a path."""
        asked = str(uri)
        group = self._groups.get(asked)
        if group is not None:
            text = await _group_text(self._desk, group)
        elif asked.startswith(DOCUMENT):
            text = await _read(self._desk, unquote(asked.removeprefix(DOCUMENT)))
        else:
            raise ResourceError(f"there is no resource '{asked}'")
        return [ReadResourceContents(content=text, mime_type=_MARKDOWN)]


def _groups(desk: Desk) -> tuple[Group, ...]:
    return tuple(desk.pipeline.index.manifest.groups)


def _counted(group: Group) -> str:
    return "a document" if group.documents == 1 else f"{group.documents:,} documents"


async def _group_text(desk: Desk, group: Group) -> str:
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
        raise ResourceError(f"there is no document '{id_}'; the tool search finds them")
    return found[1].text
