"""The page of a run: it stands alone, is well formed, and shows every failure with its evidence."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from xml.etree import ElementTree

import pytest
from doubles import NOTE, REFUSED_KO, mixed, question, report_of
from doubles import answer as made

from rag import evaluation as ev
from rag.errors import OutputError
from rag.evaluation.page import render
from rag.evaluation.plots import plots
from rag.evaluation.runs import row_of

EVIL = "<script>alert('&')</script><img src=x onerror=alert(1)>"
VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """The tags of a page with their attributes, its text, and whether every tag is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def pictures(page: Page) -> dict[str, ElementTree.Element]:
    """The pictures in a page, by what they are called."""
    found = {}
    for tag, attributes in page.tags:
        if tag == "img":
            kind, _, data = str(attributes["src"]).partition(",")
            assert kind == "data:image/svg+xml;base64"
            found[str(attributes["alt"])] = ElementTree.fromstring(base64.b64decode(data))
    return found


def hostile() -> ev.Report:
    """A run in which everything that comes from outside holds markup, and a kind in Hangul."""
    return report_of(
        (question(EVIL, question=EVIL, kind="오류 $x$"), made(EVIL, sources=(f"py:{EVIL}",))),
        (question("ko", lang="ko", kind="오류 $x$"), REFUSED_KO),
    )


def test_every_plot_is_there_and_holds_the_numbers() -> None:
    drawn = pictures(Page(render("q.jsonl", ev.summarise(mixed()))))
    assert list(drawn) == [
        "Recall by k", "Right by kind and language", "Risk and coverage", "Calibration", "Latency",
    ]  # fmt: skip
    words = {title: " ".join(svg.itertext()) for title, svg in drawn.items()}
    assert "en, n = 1" in words["Recall by k"]
    assert "offtopic" in words["Right by kind and language"]
    area = ev.summarise(mixed()).parts["all"]["risk area"].value
    assert f"all, area {area:.3f}" in words["Risk and coverage"]


def test_what_is_not_measured_is_not_drawn() -> None:
    nothing: dict[str, Any] = {"answerable": False, "sources": [], "must_contain": []}
    only = report_of((question("u", **nothing), made(confidence=0.0, seconds=0.0)))
    assert list(plots(ev.summarise(only))) == ["Right by kind and language"]


def test_a_failure_shows_its_evidence() -> None:
    turn = {"question": "torch.stack이 뭐야?", "answer": "이어 붙입니다."}
    asked = question("ko-7", lang="ko", question="그럼 기본값은?", history=[turn])
    outcome = made("모릅니다.", lang="ko", sources=("post:pytorch-basics-1",), quote=NOTE[1:])
    page = Page(render("q.jsonl", ev.summarise(report_of((asked, outcome)))))
    for part in (
        "그럼 기본값은?", "torch.stack이 뭐야?", "not said: new dimension | 새 차원",
        "py:torch.stack", "post:pytorch-basics-1", "모릅니다.", NOTE[1:], "does not stand there",
        "0.800",
    ):  # fmt: skip
        assert part in page.text, part


def test_a_run_without_failures_says_so() -> None:
    page = Page(render("q.jsonl", ev.summarise(report_of((question(), made())))))
    assert "Failures: 0 of 1" in page.text
    assert "None." in page.text


def test_changes_and_the_gate_are_shown() -> None:
    rows = [row_of(one) for one in mixed().scores]
    better = report_of((question("b", pair="p", lang="ko"), made("새 차원", lang="ko")))
    compared = ev.compare(rows, [row_of(one) for one in better.scores])
    text = render("q.jsonl", ev.summarise(better), compared, ["accuracy (all) fell"])
    assert "1 went otherwise than before" in Page(text).text
    assert "accuracy (all) fell" in Page(text).text
    assert "Passed" in Page(render("q", ev.summarise(better), breached=())).text
    assert "Passed" not in Page(render("q", ev.summarise(better))).text


def test_markup_from_outside_is_text_and_nothing_is_fetched() -> None:
    page = Page(render(EVIL, ev.summarise(hostile())))
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "iframe", "object", "form"}
    assert page.text.count(EVIL) >= 4  # the title, the question, its id, the answer
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "href"):
            assert str(attributes.get(name, "#")).startswith(("#", "data:")), attributes
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert str(policy).startswith("default-src 'none'; img-src data:")
    for svg in pictures(page).values():
        assert not [e for e in svg.iter() if e.tag.endswith(("script", "image", "foreignObject"))]
        links = [v for e in svg.iter() for k, v in e.attrib.items() if k.endswith("href")]
        assert all(link.startswith("#") for link in links)
    words = " ".join(pictures(page)["Right by kind and language"].itertext())
    assert "오류 $x$" in words


def test_the_folder_holds_the_page_and_the_run(tmp_path: Path) -> None:
    folder = tmp_path / "새 폴더" / "report"
    page = ev.write_page(folder, "q.jsonl", ev.summarise(mixed()))
    assert page == folder / "index.html"
    assert len(ev.read_run(folder / "run.json")) == 3
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["kinds"]
    assert ev.write_page(folder, "again", ev.summarise(mixed())) == page


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(OutputError, match="file"):
        ev.write_page(tmp_path / "file", "q.jsonl", ev.summarise(mixed()))


def test_a_browser_shows_it_and_asks_nobody(tmp_path: Path) -> None:
    """What markup from outside would fetch if it were markup is never asked for."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("there is no Chromium")
    asked: list[str] = []

    class Listener(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        image = f"<img src='{address}/x.png'><link rel=stylesheet href='{address}/x.css'>"
        run = report_of((question(question=image), made(image)))
        page = ev.write_page(tmp_path, image, ev.summarise(run))
        done = subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
             f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", page.as_uri()],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        server.shutdown()
    assert "&lt;img src=" in done.stdout
    assert asked == []
