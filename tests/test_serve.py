"""The HTTP server as OpenAI's own client, a browser and careless programs meet it."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import openai
import pytest
from serving import Scripted, api, request

from rag.pipeline import Pipeline
from rag.serve.api import build_app
from rag.serve.desk import Desk
from rag.serve.limits import Limits

QUESTION = "How long does the first start of Korvia take?"
KOREAN = "코르비아를 처음 켤 때 얼마나 걸리나요?"
NOWHERE = "What is the capital of Mongolia?"


@pytest.fixture(scope="module")
def address(small_pipeline: Pipeline) -> Iterator[str]:
    with api(small_pipeline) as found:
        yield found


@pytest.fixture
def client(address: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0) as found:
        yield found


def said(question: str) -> list[Any]:
    return [{"role": "user", "content": question}]


# -- OpenAI's client -----------------------------------------------------------------------------


def test_there_is_one_model(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["ask"]
    assert client.models.retrieve("ask").id == "ask"
    with pytest.raises(openai.NotFoundError, match="no model 'gpt-5'"):
        client.models.retrieve("gpt-5")
    with pytest.raises(openai.NotFoundError, match="no model 'gpt-5'"):
        client.chat.completions.create(model="gpt-5", messages=said(QUESTION))


@pytest.mark.parametrize(("question", "words"), [(QUESTION, "40 seconds"), (KOREAN, "40초")])
def test_an_answer_has_its_citations_as_text_and_as_records(
    client: openai.OpenAI, small_pipeline: Pipeline, question: str, words: str
) -> None:
    done = client.chat.completions.create(model="ask", messages=said(question))
    (choice,) = done.choices
    assert choice.finish_reason == "stop"
    text, extra = choice.message.content or "", (done.model_extra or {})["ask"]
    assert words in text
    assert not extra["refused"]
    for citation in extra["citations"]:
        document = small_pipeline.show(citation["source"])
        assert document.text[citation["start"] : citation["end"]] == citation["quote"]
        assert f"[{citation['marker']}]" in text
        assert re.search(rf"^(\[\d+\])+ {re.escape(document.title)} · ", text, re.M)
    answer = small_pipeline.ask(question)
    assert text.startswith(answer.answer)
    assert [p["source"] for p in extra["passages"]] == [p.source for p in answer.passages]


def test_a_stream_makes_up_the_same_text_and_ends_with_the_citations(
    client: openai.OpenAI,
) -> None:
    whole = client.chat.completions.create(model="ask", messages=said(KOREAN))
    stream = client.chat.completions.create(
        model="ask", messages=said(KOREAN), stream=True, stream_options={"include_usage": True}
    )
    *pieces, last, usage = list(stream)
    text = "".join(piece.choices[0].delta.content or "" for piece in pieces)
    assert text == whole.choices[0].message.content
    assert len(pieces) > 2
    assert pieces[0].choices[0].delta.role == "assistant"
    assert last.choices[0].finish_reason == "stop"
    told, streamed = (whole.model_extra or {})["ask"], (last.model_extra or {})["ask"]
    assert {**told, "seconds": 0} == {**streamed, "seconds": 0}
    assert usage.usage is not None
    assert len({piece.id for piece in (*pieces, last, usage)}) == 1


def test_a_refusal_is_told_in_text_and_record(client: openai.OpenAI) -> None:
    done = client.chat.completions.create(model="ask", messages=said(NOWHERE))
    assert "do not answer" in (done.choices[0].message.content or "")
    extra = (done.model_extra or {})["ask"]
    assert (extra["refused"], extra["citations"]) == (True, [])
    assert extra["reason"]


def test_what_was_said_before_is_the_history(client: openai.OpenAI) -> None:
    messages: list[Any] = [
        {"role": "system", "content": "Answer in French."},
        {"role": "user", "content": "What does toolkit.fold do?"},
        {"role": "assistant", "content": "It folds sheets."},
        {"role": "user", "content": [{"type": "text", "text": "And its default axis?"}]},
    ]
    done = client.chat.completions.create(model="ask", messages=messages, temperature=0.2)
    assert "toolkit.fold" in (done.model_extra or {})["ask"]["completed"]


def test_our_own_options_stand_in_the_extra_body(client: openai.OpenAI) -> None:
    done = client.chat.completions.create(
        model="ask", messages=said(QUESTION),
        extra_body={"ask": {"language": "ko", "k": 2, "source": "file:*"}},
    )  # fmt: skip
    extra = (done.model_extra or {})["ask"]
    assert extra["language"] == "ko"
    assert len(extra["passages"]) == 2
    assert all(p["source"].startswith("file:") for p in extra["passages"])


@pytest.mark.parametrize(
    ("messages", "more", "told"),
    [
        (said("   "), {}, "the question is empty"),
        (said("?" * 10), {}, "no letter or digit"),
        (said("long " * 2000), {}, "characters; at most"),
        ([{"role": "assistant", "content": "hm"}], {}, "must be the user's"),
        ([], {}, "messages: "),
        ([{"role": "king", "content": "hm"}], {}, "messages.0.role: "),
        (said(QUESTION), {"n": 2}, "n: "),
        (said(QUESTION), {"extra_body": {"ask": {"k": "5"}}}, "ask.k: "),
        (said(QUESTION), {"extra_body": {"ask": {"long": "yes"}}}, "ask.long: "),
        (said(QUESTION), {"extra_body": {"ask": {"k": 0}}}, "ask.k: "),
        (said(QUESTION), {"extra_body": {"ask": {"language": "fr"}}}, "ask.language: "),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_asked_is_a_bad_request_that_names_it(
    client: openai.OpenAI, messages: Any, more: Any, told: str, stream: bool
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="ask", messages=messages, stream=stream, **more)
    assert told in caught.value.message
    assert caught.value.type == "invalid_request_error"


def test_the_python_of_the_readme_runs(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(from openai .*?)^```$", readme, re.M | re.S)
    for ours, theirs in (
        ("http://127.0.0.1:8000", address), ("py:torch*", "py:toolkit*"), ("torch.stack", "toolkit.fold"),
    ):  # fmt: skip
        assert ours in code
        code = code.replace(ours, theirs)
    exec(code, {})
    text, quotes = capsys.readouterr().out.rstrip().rsplit("\n", 1)
    assert "toolkit.fold" in text
    assert "Folds a sequence of sheets along a new axis." in quotes


def test_the_async_client_streams_too(address: str) -> None:
    async def ask() -> str:
        async with openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none") as client:
            stream = await client.chat.completions.create(
                model="ask", messages=said(QUESTION), stream=True
            )
            return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])

    assert "40 seconds" in asyncio.run(ask())


def test_many_callers_at_once_get_what_one_gets(small_pipeline: Pipeline) -> None:
    questions = [QUESTION, KOREAN, NOWHERE, "What does toolkit.fold do?"] * 6
    wanted = {question: small_pipeline.ask(question).answer for question in questions}
    limits = Limits(concurrency=3, waiting=100, rate=0)
    with api(small_pipeline, limits) as address, ThreadPoolExecutor(12) as pool:

        def one(pair: tuple[int, str]) -> str:
            body = {"messages": said(pair[1]), "stream": pair[0] % 2 == 0}
            reply = request(address, "/v1/chat/completions", body)
            assert reply.status == 200
            texts = re.findall(r'"content":"((?:[^"\\]|\\.)*)"', reply.body.decode())
            return "".join(texts).encode().decode("unicode_escape").encode("latin-1").decode()

        for question, text in zip(questions, pool.map(one, enumerate(questions)), strict=True):
            assert text.startswith(wanted[question])


# -- search, health, the page --------------------------------------------------------------------


def test_search_gives_the_passages_of_the_answer(address: str, small_pipeline: Pipeline) -> None:
    reply = request(address, "/search?q=Korvia&k=2&source=file:*")
    assert reply.status == 200
    wanted = small_pipeline.search("Korvia", k=2, source="file:*")
    assert [p["text"] for p in reply.json["passages"]] == [p.text for p in wanted]
    assert len(wanted) == 2
    assert "the question is empty" in request(address, "/search?q=%20").told
    assert request(address, "/search").told.startswith("query.q: ")


def test_health_tells_version_and_size(address: str, small_pipeline: Pipeline) -> None:
    index = small_pipeline.index
    assert request(address, "/health").json == {
        "status": "ok", "version": "1.2.3", "documents": index.n_documents,
        "passages": index.n_chunks,
    }  # fmt: skip


class _Outside(HTMLParser):
    """What a page would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe", "object", "form"):
            self.found.append(tag)
        self.found += [f"{k}={v}" for k, v in attrs if k in ("src", "href") and "//" in str(v)]
        self.found += [k for k, _ in attrs if k.startswith("on")]


def test_the_page_describes_every_path_and_fetches_nothing(address: str) -> None:
    reply = request(address, "/docs")
    page = reply.body.decode()
    parser = _Outside()
    parser.feed(page)
    assert parser.found == []
    assert "url(" not in page and "@import" not in page
    assert reply.headers["content-security-policy"].startswith("default-src 'none'")
    described = request(address, "/openapi.json").json
    for path in ("/v1/chat/completions", "/v1/models", "/search", "/health"):
        assert path in described["paths"]
        assert path in page
    assert "citations" in str(described["components"]["schemas"]["AskResult"])


def test_what_there_is_not_is_told_in_json(address: str) -> None:
    assert request(address, "/nothing").status == 404
    reply = request(address, "/health", method="DELETE")
    assert (reply.status, reply.headers["allow"]) == (405, "GET")
    assert reply.json["error"]["type"] == "invalid_request_error"
    reply = request(address, "/v1/chat/completions", b"{", **{"content-type": "application/json"})
    assert reply.status == 400


# -- what is not let in --------------------------------------------------------------------------


def test_a_key_is_asked_for_where_there_is_one(small_pipeline: Pipeline) -> None:
    with api(small_pipeline, key="s3cret") as address:
        assert request(address, "/health").status == 200
        for wrong in ({}, {"authorization": "Bearer s3cre"}, {"authorization": "Basic s3cret"}):
            reply = request(address, "/v1/models", **wrong)
            assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
            assert "s3cret" not in reply.body.decode()
        with openai.OpenAI(base_url=f"{address}/v1", api_key="s3cret") as client:
            assert client.models.list().data
        with (
            openai.OpenAI(base_url=f"{address}/v1", api_key="other") as client,
            pytest.raises(openai.AuthenticationError),
        ):
            client.chat.completions.create(model="ask", messages=said(QUESTION))


def test_too_many_requests_are_told_when_to_come_back(small_pipeline: Pipeline) -> None:
    with api(small_pipeline, Limits(rate=3)) as address:
        replies = [request(address, "/v1/models") for _ in range(4)]
        assert [reply.status for reply in replies] == [200, 200, 200, 429]
        assert 1 <= int(replies[-1].headers["retry-after"]) <= 20
        assert request(address, "/health").status == 200
        with (
            openai.OpenAI(base_url=f"{address}/v1", api_key="x", max_retries=0) as client,
            pytest.raises(openai.RateLimitError),
        ):
            client.models.list()


def test_a_body_that_is_too_large_or_too_slow_is_not_waited_for(small_pipeline: Pipeline) -> None:
    with api(small_pipeline, Limits(rate=0, body=1000, seconds=0.2)) as address:
        path = "/v1/chat/completions"
        assert request(address, path, b"x" * 1001).status == 413
        host, port = address.removeprefix("http://").split(":")
        for length, sent, status in (
            ("content-length: 99999999999", b"", b"413"),
            ("transfer-encoding: chunked", b"3e9\r\n" + b"x" * 1001 + b"\r\n", b"413"),
            ("content-length: 10", b"{", b"408"),
        ):
            with socket.create_connection((host, int(port)), timeout=20) as line:
                head = f"POST {path} HTTP/1.1\r\nhost: {host}\r\n{length}\r\n\r\n"
                line.sendall(head.encode() + sent)
                assert line.recv(100).startswith(b"HTTP/1.1 " + status)
        assert request(address, "/health").status == 200


def test_another_name_for_this_machine_is_refused(address: str) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil.example:80", ""):
        assert request(address, "/v1/models", host=host).status == 421
    for host in ("localhost", "localhost:99", "127.0.0.1", "[::1]:8000"):
        assert request(address, "/v1/models", host=host).status == 200


def test_with_a_key_a_proxy_may_pass_its_own_name_on(small_pipeline: Pipeline) -> None:
    with api(small_pipeline, key="k1") as address:
        given = {"host": "docs.example", "authorization": "Bearer k1"}
        assert request(address, "/v1/models", **given).status == 200
        assert request(address, "/v1/models", host="docs.example").status == 401


def test_a_page_of_another_site_cannot_ask(address: str) -> None:
    # Without a preflight a browser sends only such types; and no answer allows another origin.
    body = b'{"messages": [{"role": "user", "content": "What does toolkit.fold do?"}]}'
    path = "/v1/chat/completions"
    assert request(address, path, body, **{"content-type": "text/plain"}).status == 400
    for origin in ("https://evil.example", "null", "http://localhost:1"):
        assert request(address, path, {"messages": said(QUESTION)}, origin=origin).status == 403
    reply = request(address, "/v1/models", origin=address)
    assert reply.status == 200
    assert "access-control-allow-origin" not in reply.headers


# -- models that are slow, or break --------------------------------------------------------------


def scripted(pipeline: Pipeline, script: Scripted) -> Pipeline:
    return Pipeline(pipeline.index, pipeline.encoder, script)


def test_when_all_places_and_the_line_are_taken_the_server_says_so(
    small_pipeline: Pipeline,
) -> None:
    script = Scripted()
    limits = Limits(concurrency=1, waiting=0, rate=0)
    body = {"messages": said(QUESTION)}
    with api(scripted(small_pipeline, script), limits) as address, ThreadPoolExecutor(1) as pool:
        first = pool.submit(request, address, "/v1/chat/completions", body)
        assert script.began.wait(20)
        for path, more in (("/v1/chat/completions", body), ("/search?q=Korvia", None)):
            reply = request(address, path, more)
            assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert request(address, "/health").status == 200  # takes no place
        script.go.set()
        assert first.result().status == 200
        assert request(address, "/search?q=Korvia").status == 200


def test_who_goes_away_stops_the_model_and_frees_the_place(small_pipeline: Pipeline) -> None:
    script = Scripted("word " * 100_000)
    script.go.set()
    limits = Limits(concurrency=1, waiting=0, rate=0)
    with (
        api(scripted(small_pipeline, script), limits) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="x", max_retries=5) as client,
    ):
        stream = client.chat.completions.create(model="ask", messages=said(QUESTION), stream=True)
        for _, piece in zip(range(3), stream, strict=False):
            assert piece.choices
        stream.close()
        assert script.ended.wait(20)
        script.words = ["done"]
        again = client.chat.completions.create(model="ask", messages=said(QUESTION))
        assert (again.choices[0].message.content or "").startswith("done")


@pytest.mark.parametrize("spec", ["2.3", "2.4"])
def test_who_goes_away_before_the_first_event_frees_the_place_too(
    small_pipeline: Pipeline, spec: str
) -> None:
    script = Scripted()
    script.go.set()
    desk = Desk(scripted(small_pipeline, script), Limits(concurrency=1, waiting=0))
    body = json.dumps({"messages": said(QUESTION), "stream": True}).encode()

    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise OSError("gone")

    async def call() -> None:
        scope = {
            "type": "http", "method": "POST", "path": "/v1/chat/completions", "query_string": b"",
            "headers": [(b"content-type", b"application/json")], "asgi": {"spec_version": spec},
        }  # fmt: skip
        with suppress(BaseException):
            await build_app(desk, "1")(scope, receive, send)
        assert await desk.call(lambda: "a place") == "a place"

    asyncio.run(call())


def test_what_breaks_inside_is_told_without_what_it_was(
    small_pipeline: Pipeline, capfd: pytest.CaptureFixture[str]
) -> None:
    script = Scripted(breaks=True)
    script.go.set()
    with (
        api(scripted(small_pipeline, script)) as address,
        openai.OpenAI(base_url=f"{address}/v1", api_key="x", max_retries=0) as client,
    ):
        with pytest.raises(openai.InternalServerError, match="internal error"):
            client.chat.completions.create(model="ask", messages=said(QUESTION))
        stream = client.chat.completions.create(model="ask", messages=said(QUESTION), stream=True)
        with pytest.raises(openai.APIError, match="internal error"):
            list(stream)
        body = {"messages": said(QUESTION), "stream": True}
        reply = request(address, "/v1/chat/completions", body)
        assert "one" in reply.body.decode()
        assert "secret" not in reply.body.decode()
        assert reply.body.rstrip().endswith(b"data: [DONE]")
    told = capfd.readouterr().err
    assert told.count("ask: internal error: RuntimeError: the secret inside\n") == 3
