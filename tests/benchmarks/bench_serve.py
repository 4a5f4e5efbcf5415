"""What the servers cost: `python tests/benchmarks/bench_serve.py --index DIR [--questions N]`.

The same questions are asked in this process, over HTTP by one caller and by many, and by MCP on
standard input. All on this machine: `ask serve` runs in a process of its own on a free port.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from mcp import ClientSession, StdioServerParameters, stdio_client

from rag.pipeline import Pipeline

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "corpus" / "golden" / "dev.jsonl"
ASK = [sys.executable, "-m", "rag.cli"]

Row = tuple[str, str]


def environment() -> dict[str, str]:
    """This process's, and in it the checkout."""
    return os.environ | {
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    }


@contextmanager
def serving(index: Path) -> Iterator[tuple[str, float]]:
    """Host and port of `ask serve`, and the seconds until it took requests."""
    started = time.perf_counter()
    run = subprocess.Popen(
        [*ASK, "serve", "--port", "0", "--rate", "0", "--index", str(index)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(), text=True,
    )  # fmt: skip
    assert run.stdout is not None
    address = run.stdout.readline().strip().removeprefix("http://")
    yield address, time.perf_counter() - started
    run.terminate()
    run.wait(30)


def times(questions: Sequence[str], work: Callable[[str], object]) -> list[float]:
    """Milliseconds of each question, one after the other."""
    found = []
    for question in questions:
        began = time.perf_counter()
        work(question)
        found.append(1000 * (time.perf_counter() - began))
    return found


def told(found: Sequence[float]) -> str:
    """Median and 95th percentile in words."""
    p95 = statistics.quantiles(found, n=20, method="inclusive")[-1]
    return f"{statistics.median(found):.0f} / {p95:.0f} ms"


class Caller:
    """Asks over one connection that stays open."""

    def __init__(self, address: str) -> None:
        self.line = http.client.HTTPConnection(address, timeout=60)

    def ask(self, question: str, stream: bool = False) -> http.client.HTTPResponse:
        """The response, of which nothing is read yet."""
        body = {"messages": [{"role": "user", "content": question}], "stream": stream}
        headers = {"content-type": "application/json"}
        self.line.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        return self.line.getresponse()

    def whole(self, question: str) -> None:
        """A whole answer."""
        self.ask(question).read()

    def first(self, question: str) -> float:
        """Milliseconds to the first text of a stream; the rest is read afterwards."""
        began = time.perf_counter()
        response = self.ask(question, stream=True)
        while b'"content":"' not in (line := response.readline()) or b'"content":""' in line:
            pass
        found = 1000 * (time.perf_counter() - began)
        response.read()
        return found


def one_caller(address: str, questions: Sequence[str]) -> list[Row]:
    """Latency without company."""
    caller = Caller(address)
    return [
        ("HTTP, whole answer, median / 95%", told(times(questions, caller.whole))),
        ("HTTP, first text of a stream", told([caller.first(question) for question in questions])),
    ]


def many_callers(address: str, questions: Sequence[str], callers: int) -> Row:
    """Answers a second, and how long each waited."""
    shares = [questions[i::callers] for i in range(callers)]
    began = time.perf_counter()
    with ThreadPoolExecutor(callers) as pool:
        found = list(pool.map(lambda share: times(share, Caller(address).whole), shares))
    seconds = time.perf_counter() - began
    waits = [one for share in found for one in share]
    return (
        f"HTTP, {callers} callers",
        f"{len(questions) / seconds:.0f} answers a second, {told(waits)}",
    )


async def mcp_on_pipes(index: Path, questions: Sequence[str]) -> list[Row]:
    """The MCP server on standard input and output."""
    command = StdioServerParameters(
        command=ASK[0], args=[*ASK[1:], "mcp", "--index", str(index)], env=environment()
    )
    began = time.perf_counter()
    async with stdio_client(command) as streams, ClientSession(*streams) as client:
        await client.initialize()
        start = time.perf_counter() - began
        found = []
        for question in questions:
            began = time.perf_counter()
            await client.call_tool("ask", {"question": question})
            found.append(1000 * (time.perf_counter() - began))
    return [("MCP, start", f"{start:.1f} s"), ("MCP, tool ask, median / 95%", told(found))]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=100)
    words = parser.parse_args()
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line)["question"] for line in lines][: words.questions]
    with Pipeline.open(words.index) as pipeline:
        times(questions[:5], pipeline.ask)
        rows = [("in this process, median / 95%", told(times(questions, pipeline.ask)))]
    with serving(words.index) as (address, start):
        rows.append(("HTTP, start", f"{start:.1f} s"))
        times(questions[:5], Caller(address).whole)
        rows += one_caller(address, questions)
        rows += [many_callers(address, questions, callers) for callers in (4, 16)]
    rows += asyncio.run(mcp_on_pipes(words.index, questions))
    width = max(len(name) for name, _ in rows)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n")
    print("\n".join(f"{name:<{width}}  {value}" for name, value in rows))


if __name__ == "__main__":
    main()
