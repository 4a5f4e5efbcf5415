"""How quick the page is: `python tests/benchmarks/bench_web.py --index DIR [--people 10]`.

A real `ask web` process is started over the index. Measured are: process start to the address, to
the first paint of the page and to the field that can be typed in (headless Chromium, three starts,
the median); sending a question in the browser to the first text of its answer; and a number of
people who ask at the same time through the page's endpoint, each in a session of its own, every
answer compared with the one the same question gets alone. Traffic goes to 127.0.0.1 only.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "corpus" / "golden" / "dev.jsonl"
ROUNDS = 10  # questions of each person
FLAGS = "--no-sandbox --disable-gpu --disable-background-networking --no-first-run".split()


@contextmanager
def web(index: str) -> Iterator[tuple[str, float]]:
    """The address of a fresh server, and the seconds it took to print it."""
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "ASK_FEEDBACK": f"{home}/feedback.sqlite", "PYTHONPATH": str(ROOT)}
        began = time.perf_counter()
        run = subprocess.Popen(
            [sys.executable, "-m", "rag.cli", "web", "--port", "0", "--index", index],
            env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert run.stdout is not None
        try:
            address = run.stdout.readline().strip()
            yield address, time.perf_counter() - began
        finally:
            run.terminate()
            run.wait(30)


def start(index: str) -> dict[str, float]:
    """Seconds from the start of the process: address, first paint, field; and to first text."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = os.environ.get("ASK_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page()
        began = time.perf_counter()
        with web(index) as (address, printed):
            opened = time.perf_counter() - began
            page.goto(address)
            page.wait_for_selector("#question")
            field = time.perf_counter() - began
            paint = page.evaluate(
                "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            )
            page.wait_for_selector("#ask[data-ready]")
            ready = time.perf_counter() - began
            times = [first_text(page, question) for question in questions()[:10]]
        browser.close()
    return {
        "address": printed, "paint": opened + paint / 1000, "field": field, "ready": ready,
        "text": statistics.median(times), "text max": max(times),
    }  # fmt: skip


def first_text(page: object, question: str) -> float:
    """Seconds from sending to the first text of the answer, as the page itself sees it."""
    script = """question => new Promise(done => {
        const before = document.querySelectorAll('.turn .body').length;
        const field = document.querySelector('#question');
        field.value = question;
        const began = performance.now();
        new MutationObserver((_, observer) => {
            const bodies = document.querySelectorAll('.turn .body');
            if (bodies.length > before && bodies[before].innerText) {
                observer.disconnect();
                requestAnimationFrame(() => done((performance.now() - began) / 1000));
            }
        }).observe(document.querySelector('#turns'), {childList: true, subtree: true});
        document.querySelector('#form').requestSubmit();
    })"""
    seconds: float = page.evaluate(script, question)  # type: ignore[attr-defined]
    page.wait_for_selector(".turn:last-child .sure")  # type: ignore[attr-defined]
    return seconds


def questions() -> list[str]:
    """Questions of the development set, in an order that mixes languages and kinds."""
    rows = [json.loads(line) for line in GOLDEN.read_text(encoding="utf-8").splitlines()]
    return [row["question"] for row in rows if not row.get("history")][::3]


def ask(address: str, question: str) -> tuple[float, float, str]:
    """Seconds to the first text and to the end, and the answer, as the page asks."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    path = "/gradio_api/call/page_chat"
    body = json.dumps({"data": [question, [], {"language": "en"}]})
    began = time.perf_counter()
    connection.request("POST", path, body, {"content-type": "application/json"})
    event = json.loads(connection.getresponse().read())["event_id"]
    connection.request("GET", f"{path}/{event}")
    response, first, last, name = connection.getresponse(), 0.0, "", ""
    for line in response:
        if line.startswith(b"event:"):
            name = line.split()[1].decode()
        elif line.startswith(b"data:") and name in ("generating", "complete"):
            first = first or time.perf_counter() - began
            last = line[5:].decode() if name == "complete" else last
    ended = time.perf_counter() - began
    connection.close()
    record = json.loads(last)[0]["record"]
    assert record["question"] == question, "an answer came to another's question"
    return first, ended, record["answer"]


def load(index: str, people: int) -> dict[str, float]:
    """Many people at once: percentiles of the seconds, and how many answers were not as alone."""
    asked = questions()
    with web(index) as (address, _):
        while b"ready" not in status(address):
            time.sleep(0.1)
        alone = {question: ask(address, question)[2] for question in asked}

        def person(number: int) -> list[tuple[float, float, bool]]:
            mine = [asked[(number * 7 + at) % len(asked)] for at in range(ROUNDS)]
            told = [(question, *ask(address, question)) for question in mine]
            return [(first, ended, text == alone[q]) for q, first, ended, text in told]

        began = time.perf_counter()
        with ThreadPoolExecutor(people) as pool:
            found = [one for many in pool.map(person, range(people)) for one in many]
        seconds = time.perf_counter() - began
    firsts, ends = sorted(one[0] for one in found), sorted(one[1] for one in found)
    return {
        "answers": len(found), "wrong": sum(not one[2] for one in found),
        "a second": len(found) / seconds, "first p50": at(firsts, 0.5), "first p95": at(firsts, 0.95),
        "whole p50": at(ends, 0.5), "whole p95": at(ends, 0.95), "whole max": ends[-1],
    }  # fmt: skip


def status(address: str) -> bytes:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request("GET", "/healthz")
    said = connection.getresponse().read()
    connection.close()
    return said


def at(values: list[float], share: float) -> float:
    return values[min(len(values) - 1, int(len(values) * share))]


def main() -> int:
    """Measure, print a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--index", required=True)
    parser.add_argument("--people", type=int, default=10)
    args = parser.parse_args()
    starts = [start(args.index) for _ in range(3)]
    middle = {key: statistics.median(one[key] for one in starts) for key in starts[0]}
    crowd = load(args.index, args.people)
    for told, found in (("one reader", middle), (f"{args.people} people", crowd)):
        for key, value in found.items():
            print(f"{told:12} {key:12} {value:8.3f}")
    print(json.dumps({"reader": middle, "people": crowd}))
    return 1 if crowd["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
