"""The HTTP server's app: OpenAI's chat completions over the documents, and search. Owns FastAPI."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any, cast

from anyio import CancelScope
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import HTTPException, RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse

from rag.errors import RagError, SourceError, UsageError
from rag.serve.chat import asked, chunks, completion
from rag.serve.desk import Busy, Desk, tell_inside
from rag.serve.limits import error_body
from rag.serve.page import render
from rag.serve.wire import (
    MODEL,
    ChatRequest,
    Completion,
    ErrorBody,
    Found,
    Health,
    K,
    Model,
    Models,
    Source,
)
from rag.types import Answer, Language

_ABOUT = """Answers from documentation, every sentence quoted with the place it stands in.

The chat completions are OpenAI's: point a client at /v1 and take "ask" as the model. The text of an
answer ends with its sources; the field `ask` of a response, and of the last chunk of a stream,
holds the citations as records, what was refused and why, and the passages that were looked at.
Options of our own stand in the field `ask` of a request.

Where the server was started with a key, send it as "Authorization: Bearer KEY"."""
_ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "the question or an option cannot be used"},
    "4XX": {"model": ErrorBody, "description": "401 no key, 404 no such thing, 429 too many"},
    500: {"model": ErrorBody, "description": "something inside went wrong"},
    503: {"model": ErrorBody, "description": "too much to do; come back in a second"},
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "the answer, or with `stream` its chunks as server-sent events",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
_STATUS = {UsageError: 400, SourceError: 404, Busy: 503}


def build_app(desk: Desk, version: str) -> FastAPI:
    """The app over a desk's pipeline; put a `Guard` before it."""
    app = FastAPI(
        title="ask", version=version, description=_ABOUT, docs_url=None, redoc_url=None,
        separate_input_output_schemas=False,
    )  # fmt: skip
    _chat(app, desk)
    _others(app, desk, version)
    app.add_exception_handler(RagError, _told)
    app.add_exception_handler(RequestValidationError, _invalid)
    for status in (400, 404, 405):
        app.add_exception_handler(status, _no_such)
    return app


def _chat(app: FastAPI, desk: Desk) -> None:
    @app.post("/v1/chat/completions", response_model=Completion, responses={**_ERRORS, **_STREAM})
    async def chat_completions(request: ChatRequest) -> Any:
        """Answer the last message; what was said before it is its history."""
        if request.model != MODEL:
            raise HTTPException(404, f"there is no model {request.model!r}; there is {MODEL!r}")
        question, given = asked(request)
        pipeline = desk.pipeline
        if not request.stream:
            answer = await _safely(desk.call(lambda: pipeline.ask(question, **given)))
            return completion(answer)
        answers = desk.iterate(lambda: pipeline.stream(question, **given))
        first = await _safely(anext(answers))  # what is wrong with the question is told here
        usage = request.stream_options is not None and request.stream_options.include_usage
        return _EventStream(_events(first, answers, usage=usage), answers)

    @app.get("/v1/models", responses=_ERRORS)
    async def models() -> Models:
        """What can be asked: one model."""
        return Models(data=(_model(desk),))

    @app.get("/v1/models/{model}", responses=_ERRORS)
    async def model(model: str) -> Model:
        """One of the models."""
        if model != MODEL:
            raise HTTPException(404, f"there is no model {model!r}; there is {MODEL!r}")
        return _model(desk)


def _others(app: FastAPI, desk: Desk, version: str) -> None:
    @app.get("/search", responses=_ERRORS)
    async def search(
        q: Annotated[str, Query(description="the question")],
        k: K = 10,
        source: Annotated[Source | None, Query(description="limits the sources, as ask.source")] = None,
        language: Annotated[Language | None, Query(description="else the question's")] = None,
    ) -> Found:  # fmt: skip
        """The passages nearest to a question, best first."""
        found = await _safely(
            desk.call(lambda: desk.pipeline.search(q, k=k, source=source, language=language))
        )
        return Found(question=q, passages=found)

    @app.get("/health")
    async def health() -> Health:
        """That the server answers; needs no key."""
        index = desk.pipeline.index
        return Health(version=version, documents=index.n_documents, passages=index.n_chunks)

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    async def docs() -> str:
        return render(app.openapi())


def _model(desk: Desk) -> Model:
    made = datetime.strptime(desk.pipeline.index.manifest.created, "%Y-%m-%dT%H:%M:%SZ")
    return Model(created=int(made.replace(tzinfo=UTC).timestamp()))


# -- streams -------------------------------------------------------------------------------------


class _EventStream(StreamingResponse):
    """Closes the answers when the caller goes away, even before the first event was asked for."""

    def __init__(self, events: AsyncGenerator[str], answers: AsyncGenerator[Answer]) -> None:
        super().__init__(events, media_type="text/event-stream")
        self._events, self._answers = events, answers

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            with CancelScope(shield=True):
                await self._events.aclose()
                await self._answers.aclose()


async def _events(
    first: Answer, answers: AsyncGenerator[Answer], *, usage: bool
) -> AsyncGenerator[str]:
    """The chunks as server-sent events; what goes wrong in the middle is an event too."""

    async def all_answers() -> AsyncIterator[Answer]:
        yield first
        async for answer in answers:
            yield answer

    try:
        async for chunk in chunks(all_answers(), usage=usage):
            yield f"data: {chunk.model_dump_json()}\n\n"
    except Exception as error:
        yield f"data: {json.dumps(_error(error)[1], ensure_ascii=False)}\n\n"
    yield "data: [DONE]\n\n"


# -- errors --------------------------------------------------------------------------------------


class _Inside(RagError):
    """Something that should not have happened, already told on standard error."""


async def _safely(work: Any) -> Any:
    """What `work` gives; an error that is not ours becomes one that says nothing of the inside."""
    try:
        return await work
    except RagError:
        raise
    except Exception as error:
        _error(error)
        raise _Inside("internal error") from None


def _error(error: Exception) -> tuple[int, dict[str, object]]:
    """Status and body for an error; one that is not ours is told on standard error only."""
    if not isinstance(error, RagError):
        tell_inside(error)
        return 500, error_body("internal error", "server_error")
    status = next((s for kind, s in _STATUS.items() if isinstance(error, kind)), 500)
    kind = "invalid_request_error" if status < 500 else "server_error"
    return status, error_body(str(error), kind)


async def _told(request: Request, error: Exception) -> JSONResponse:
    status, body = _error(error)
    return JSONResponse(body, status, {"retry-after": "1"} if status == 503 else None)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    first = cast(RequestValidationError, error).errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body") or "the body"
    return JSONResponse(error_body(f"{where}: {first['msg']}", "invalid_request_error"), 400)


async def _no_such(request: Request, error: Exception) -> JSONResponse:
    found = cast(HTTPException, error)
    body = error_body(str(found.detail), "invalid_request_error")
    return JSONResponse(body, found.status_code, found.headers)
