"""The page's endpoints as tools of the Model Context Protocol, which Gradio itself speaks."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import gradio as gr
from gradio.context import LocalContext

from rag import RagError

_TOLD = """Answers from documentation, each sentence quoted verbatim with its source, or a refusal
where the documents do not answer. Ask whole questions in English or Korean. Use search to read
around, and show to read a source; its id stands in each citation and passage."""
_HEARD = ("PingRequest", "ListToolsRequest", "CallToolRequest")
# Of an answer: what a model needs to use and prove it, in this order.
_OF_ANSWER = "answer refused reason verdict completed confidence notice citations".split()
_OF_PASSAGE = "source title heading url".split()


def tune(blocks: gr.Blocks) -> None:
    """After the mounting: tools only, and who they are. Raises RagError where there is no server.

    Gradio's handlers of resources and prompts, of which there are none, would connect to whatever
    host the caller's headers name before they look.
    """
    if blocks.mcp_server_obj is None:
        raise RagError(blocks.mcp_error or "Gradio made no server of MCP")
    # The tools tell the caller what went wrong; the log would only say it again.
    logging.getLogger("mcp").setLevel(logging.CRITICAL)
    server = blocks.mcp_server_obj.mcp_server
    for kind in list(server.request_handlers):
        if kind.__name__ not in _HEARD:
            del server.request_handlers[kind]
    server.instructions = _TOLD
    try:
        server.version = version("ask-docs")
    except PackageNotFoundError:  # run from a checkout that is not installed
        server.version = None


def called() -> bool:
    """Whether the call that runs here came as a tool's, not through the API of Gradio."""
    request = LocalContext.request.get()
    return request is not None and "/mcp" in str(request.url.path)


def as_text(result: Any) -> str:
    """What an endpoint gives as a tool gives it: JSON, of an answer without the text of passages."""
    if isinstance(result, Mapping) and "citations" in result:
        passages = [{key: one[key] for key in _OF_PASSAGE} for one in result["passages"]]
        result = {key: result[key] for key in _OF_ANSWER} | {"passages": passages}
    return json.dumps(result, ensure_ascii=False)
