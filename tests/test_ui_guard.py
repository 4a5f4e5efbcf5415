"""What stands before Gradio, seen over HTTP: paths, hosts, sizes, headers, the queue, the password."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from gradio_client import Client
from webhouse import LOCAL, served, serving

from rag import FeedbackStore, Pipeline
from rag.encoders import load_encoder
from rag.generators.extractive import Written
from rag.generators.generator import Brief, Part
from rag.index import Index
from ui.app import AT_ONCE, MAX_WAITING
from ui.desk import Desk
from ui.guard import MAX_BODY, Rules

FOLD = "What is toolkit.fold?"


@pytest.fixture(scope="module")
def address(small_index: Index, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server over the invented documents of tests/toolkit.py."""
    with over(Pipeline(small_index, load_encoder(None)), tmp_path_factory.mktemp("f")) as found:
        yield found


def over(pipeline: Pipeline, folder: Path, rules: Rules = LOCAL):  # type: ignore[no-untyped-def]
    """A server over an open pipeline, which it leaves open."""
    desk = Desk(
        lambda progress: Pipeline(Kept(pipeline.index), pipeline.encoder, pipeline.generator)
    )
    return serving(desk, FeedbackStore(folder / "f.sqlite"), rules)


class Kept:
    """An index that stays open when a server that used it closes it."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def __getattr__(self, name: str) -> object:
        return getattr(self._index, name)

    def close(self) -> None:
        """Not now: other tests go on."""


class Said:
    """An answer of the server: status, headers, body."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status, self.body = response.status, response.read()
        self.headers = {name.lower(): value for name, value in response.getheaders()}

    @property
    def json(self):  # type: ignore[no-untyped-def]
        """The body as JSON."""
        return json.loads(self.body)


def say(address: str, method: str, path: str, body: object = None, **headers: str) -> Said:
    """One request; the path goes as it is, the body as JSON."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, dict):
        body, sent["content-type"] = json.dumps(body), "application/json"
    connection.request(method, path, body, sent)  # type: ignore[arg-type]
    said = Said(connection.getresponse())
    connection.close()
    return said


def call(address: str, name: str, *data: object) -> list[tuple[str, object]]:
    """Call an endpoint through the queue; its events as (name, data)."""
    said = say(address, "POST", f"/gradio_api/call/{name}", {"data": list(data)})
    assert said.status == 200, said.body
    stream = say(address, "GET", f"/gradio_api/call/{name}/{said.json['event_id']}")
    found = re.findall(r"^event: (.*)\ndata: (.*)$", stream.body.decode(), re.M)
    return [(event, json.loads(value)) for event, value in found]


# -- headers and paths ---------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/config", "/page/main.js", "/gradio_api/info", "/nowhere"])
def test_every_answer_carries_the_headers(address: str, path: str) -> None:
    headers = say(address, "GET", path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == "'self'"
    assert policy["form-action"] == policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy["script-src"]
    assert not re.search(r"https?:|\*", headers["content-security-policy"])


def test_the_inline_scripts_of_the_page_are_allowed_by_their_hashes(address: str) -> None:
    said = say(address, "GET", "/")
    scripts = re.findall(rb"<script(?![^>]*src=)[^>]*>(.*?)</script>", said.body, re.S)
    assert scripts
    for script in scripts:
        digest = base64.b64encode(hashlib.sha256(script).digest()).decode()
        assert f"'sha256-{digest}'" in said.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    """/gradio_api/file=/etc/passwd /gradio_api/file=ui/app.py /file=/etc/passwd /static/../app.py
    /static/%2e%2e/%2e%2e/etc/passwd /page/..%2fapp.py /page/app.py /gradio_api/proxy=http://x.example/
    /gradio_api/file=http://x.example/ /monitoring /gradio_api/upload /gradio_api/deep_link /docs
    /openapi.json /gradio_api/stream/a/b/1/playlist.m3u8 /custom_component/x //etc/passwd
    /gradio_api/vibe-edit /login /gradio_api/dev/reload /manifest.json""".split(),
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_file_and_nothing_else_of_gradio_is_there(address: str, method: str, path: str) -> None:
    said = say(address, method, path)
    assert said.status in (404, 405)
    assert b"root:" not in said.body


def test_another_name_of_the_server_and_another_site_are_refused(address: str) -> None:
    body = {"data": [FOLD]}
    assert say(address, "GET", "/", Host="evil.example").status == 421
    assert say(address, "GET", "/", Host="127.0.0.1.evil.example:80").status == 421
    path = "/gradio_api/call/ask"
    assert say(address, "POST", path, body, Origin="http://evil.example").status == 403
    assert say(address, "POST", path, body, Origin="null").status == 403
    own = address.rstrip("/")
    assert say(address, "POST", path, body, Origin=own).status == 200
    assert "access-control-allow-origin" not in say(address, "GET", "/config").headers


# -- sizes ---------------------------------------------------------------------------------------


def test_a_large_body_is_refused_whether_or_not_it_says_so(address: str) -> None:
    path = "/gradio_api/call/ask"
    large = {"data": ["가" * MAX_BODY]}
    assert say(address, "POST", path, large).status == 413
    assert b" 413 " in endless(address, path)
    assert say(address, "POST", path, {"data": [FOLD]}).status == 200


def endless(address: str, path: str) -> bytes:
    """What the server says to a body that does not tell its length and has no end."""
    host = urlsplit(address).netloc
    head = f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    with socket.create_connection(
        (host.split(":")[0], int(host.split(":")[1])), timeout=10
    ) as line:
        line.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(MAX_BODY // 4096 + 2):
            line.sendall(b"1000\r\n" + b"a" * 4096 + b"\r\n")
        return line.recv(100)


@pytest.mark.parametrize("way", ["run", "api"])
def test_nobody_passes_the_queue(address: str, way: str) -> None:
    said = say(address, "POST", f"/gradio_api/{way}/page_chat", {"data": [FOLD, [], {}]})
    assert said.status >= 400
    assert b"crease" not in said.body


@pytest.mark.parametrize(("name", "rest"), [("ask", ["", None]), ("search", [5])])
def test_a_long_question_is_an_error_in_words(address: str, name: str, rest: list[object]) -> None:
    ((event, told),) = call(address, name, "가" * 2001, *rest)
    assert event == "error"
    assert "2,000 characters" in str(told)


@pytest.mark.parametrize("text", ["", " ", "\x00", "\ud800", "\u202e", "\u0301" * 1999, "[]" * 999])
def test_odd_questions_are_answered_or_refused_in_words(address: str, text: str) -> None:
    (*_, (event, told)) = call(address, "page_chat", text, [], {})
    assert event == "complete"
    (given,) = told  # type: ignore[misc]
    assert given.get("told") or given["record"]["refused"] in (True, False)


@pytest.mark.parametrize(
    "data",
    [
        [FOLD, "no list", {}],
        [FOLD, [1, {"question": 2}, {"question": "a", "answer": []}], {"sources": "x"}],
        [FOLD, [], {"sources": [1, None, "*[", "x" * 9000], "language": "fr"}],
        [FOLD, None, None],
        [7, [], {}],
    ],
)
def test_what_is_of_the_wrong_kind_is_no_accident(address: str, data: list[object]) -> None:
    (*_, (event, told)) = call(address, "page_chat", *data)
    assert event == "complete"
    given = told[0]  # type: ignore[index]
    assert given.get("error") in (None, "long")


# -- programs ------------------------------------------------------------------------------------


def test_gradio_client_asks_searches_and_shows(address: str) -> None:
    client = Client(address, verbose=False)
    answer = client.predict(FOLD, api_name="/ask")
    assert not answer["refused"]
    text = client.predict("py:toolkit.fold", api_name="/show")["text"]
    for citation in answer["citations"]:
        if citation["source"] == "py:toolkit.fold":
            assert text[citation["start"] : citation["end"]] == citation["quote"]
    assert client.predict("crease", 3, api_name="/search")[0]["source"] == "py:toolkit.fold"
    korean = client.predict(
        question=FOLD, language="ko", sources=["py:toolkit.glue"], api_name="/ask"
    )
    assert korean["language"] == "ko"
    assert {p["source"] for p in korean["passages"]} == {"py:toolkit.glue"}
    client.close()


def test_the_endpoints_are_documented_and_the_pages_own_are_not(address: str) -> None:
    told = say(address, "GET", "/gradio_api/info").json
    assert set(told["named_endpoints"]) == {"/ask", "/search", "/show"}
    for endpoint in told["named_endpoints"].values():
        assert len(endpoint["description"]) > 40
        assert all(p["python_type"]["type"] for p in endpoint["parameters"])
    assert told["unnamed_endpoints"] == {}


def test_sessions_at_the_same_time_are_not_mixed(address: str) -> None:
    questions = [
        "What is toolkit.fold?",
        "What is toolkit.glue?",
        "toolkit.fold의 crease 기본값은?",
    ]

    def asked(at: int) -> tuple[str, object]:
        question = questions[at % 3]
        (*_, (_, told)) = call(address, "page_chat", question, [], {"language": "en"})
        return question, told[0]["record"]  # type: ignore[index]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(asked, range(24)))
    by_question: dict[str, set[str]] = {}
    for question, record in found:
        assert record["question"] == question  # type: ignore[index]
        by_question.setdefault(question, set()).add(record["answer"])  # type: ignore[index]
    assert [len(texts) for texts in by_question.values()] == [1, 1, 1]


# -- the queue -----------------------------------------------------------------------------------


class Held:
    """Writes nothing until it may."""

    name = "held"

    def __init__(self) -> None:
        self.go = threading.Event()

    def stream(self, brief: Brief) -> Iterator[Part]:
        assert self.go.wait(60)
        yield Part(Written("done", ()), self.name)

    def close(self) -> None:
        """There is nothing to close."""


def test_a_full_queue_says_so_and_loses_nobody(small_index: Index, tmp_path: Path) -> None:
    held = Held()
    pipeline = Pipeline(small_index, load_encoder(None), held)
    with over(pipeline, tmp_path) as address:
        wait_until_ready(address)
        body = {"data": [FOLD, [], {}]}
        path = "/gradio_api/call/page_chat"
        said = [say(address, "POST", path, body) for _ in range(MAX_WAITING + AT_ONCE + 20)]
        taken = [one.json["event_id"] for one in said if one.status == 200]
        refused = [one for one in said if one.status == 503]
        assert len(taken) + len(refused) == len(said)
        assert MAX_WAITING <= len(taken) <= MAX_WAITING + AT_ONCE + 1
        assert refused
        held.go.set()
        for event in taken:
            stream = say(address, "GET", f"{path}/{event}").body.decode()
            assert "event: complete" in stream
            assert "done" in stream


def test_the_line_of_programs_is_bounded_and_loses_nobody(
    small_index: Index, tmp_path: Path
) -> None:
    held = Held()
    pipeline = Pipeline(small_index, load_encoder(None), held)
    with over(pipeline, tmp_path) as address, ThreadPoolExecutor(60) as pool:
        wait_until_ready(address)
        asked = [
            pool.submit(say, address, "POST", f"/gradio_api/{way}/ask", {"data": [FOLD, "", None]})
            for way in ("run", "api")
            for _ in range(30)
        ]
        while sum(one.done() for one in asked) < len(asked) - MAX_WAITING - AT_ONCE:
            wait(asked, timeout=0.05)
        assert say(address, "POST", "/gradio_api/run/page_status", {"data": []}).status == 200
        held.go.set()
        said = [one.result() for one in asked]
    answered = [one for one in said if one.status == 200]
    assert len(answered) == MAX_WAITING + AT_ONCE
    assert {one.json["data"][0]["answer"] for one in answered} == {"done"}
    refused = [one for one in said if one.status != 200]
    assert all(b"ask again a little later" in one.body for one in refused)


def wait_until_ready(address: str, key: str = "") -> None:
    for _ in range(200):
        if say(address, "GET", "/healthz", authorization=key).json["state"] == "ready":
            return
    raise AssertionError("it did not get ready")


# -- opening and the password --------------------------------------------------------------------


def test_the_page_is_there_while_the_index_is_built(small_index: Index, tmp_path: Path) -> None:
    go = threading.Event()

    def opener(progress) -> Pipeline:  # type: ignore[no-untyped-def]
        progress("embedding", 30, 100)
        assert go.wait(60)
        return Pipeline(Kept(small_index), load_encoder(None))  # type: ignore[arg-type]

    with serving(Desk(opener), FeedbackStore(tmp_path / "f.sqlite")) as address:
        assert say(address, "GET", "/").status == 200
        status = say(address, "POST", "/gradio_api/run/page_status", {"data": []}).json["data"][0]
        assert (status["state"], status["done"], status["total"]) == ("building", 30, 100)
        (*_, (_, told)) = call(address, "page_chat", FOLD, [], {})
        assert told[0]["error"] == "opening"  # type: ignore[index]
        go.set()
        wait_until_ready(address)
        (*_, (_, told)) = call(address, "page_chat", FOLD, [], {})
        assert told[0]["record"]["refused"] is False  # type: ignore[index]


def test_an_index_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "current").write_text("nonsense")
    with served(tmp_path / "index", tmp_path / "f.sqlite") as address:
        for _ in range(200):
            said = say(address, "POST", "/gradio_api/run/page_status", {"data": []}).json["data"][0]
            if said["state"] != "opening":
                break
        assert said["state"] == "failed"
        assert "rebuild it with" in said["problem"]


def test_with_a_password_nothing_is_open_without_it(small_index: Index, tmp_path: Path) -> None:
    rules = Rules(None, "reader", "비밀 word:1")
    with over(Pipeline(small_index, load_encoder(None)), tmp_path, rules) as address:
        for path in ("/", "/config", "/page/main.js", "/gradio_api/info", "/healthz", "/nowhere"):
            said = say(address, "GET", path)
            assert said.status == 401
            assert said.headers["www-authenticate"].startswith("Basic")
        for wrong in ("reader:", "reader:비밀", "other:비밀 word:1", ":"):
            assert say(address, "GET", "/", Authorization=basic(wrong)).status == 401
        assert say(address, "GET", "/", Authorization="Basic ???").status == 401
        good = basic("reader:비밀 word:1")
        assert say(address, "GET", "/", Authorization=good, Host="any.example").status == 200


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_thumbs_of_the_wrong_kind_are_refused(address: str) -> None:
    path = "/gradio_api/run/page_feedback"
    for given in ({"question": FOLD, "reason": "<b>"}, {"question": "x" * 3000}, {"question": 1}):
        assert say(address, "POST", path, {"data": [given]}).status != 200
