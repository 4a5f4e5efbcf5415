"""`ask web` as a process: where it listens, what it refuses, how it ends."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from asking import ASK, ask, assert_one_error, environment, make_house
from mcp import ClientSession, McpError
from mcpclient import talk, text_of
from pydantic import AnyUrl


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--host", "0.0.0.0"], "--auth"),
        (["--host", "::"], "--auth"),
        (["--auth", "reader"], "password"),
        (["--auth", ":word"], "name"),
        (["--port", "70000"], "65535"),
        (["--port", "x"], "65535"),
        (["--host", "192.0.2.1", "--auth", "a:b"], "--port"),
        (["--host", "no such host", "--auth", "a:b"], "cannot listen"),
    ],
)
def test_what_cannot_be_is_one_error(tmp_path: Path, words: list[str], told: str) -> None:
    assert_one_error(ask(tmp_path, "web", *words), 2, told)


def test_a_port_that_is_taken_is_one_error(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_one_error(ask(tmp_path, "web", "--port", port), 2, port, "--port")


def start(*words: str, **more: str) -> subprocess.Popen[str]:
    home = make_house()
    return subprocess.Popen(
        [*ASK, "web", "--port", "0", *words], cwd=home, env=environment(home, **more),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_it_serves_this_machine_only_and_ends_with_ctrl_c() -> None:
    run = start()
    try:
        assert run.stdout is not None
        address = run.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(address, timeout=30) as said:
            assert b"page/main.js" in said.read()
            assert said.headers["content-security-policy"]
        listening = Path(f"/proc/{run.pid}/net/tcp")
        if listening.is_file():
            port = int(address.rstrip("/").rpartition(":")[2])
            places = {
                line.split()[1]
                for line in listening.read_text().splitlines()[1:]
                if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")
            }
            assert places == {f"0100007F:{port:04X}"}
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=30)
    finally:
        run.kill()
        run.communicate()
    assert run.returncode == 0
    assert "Traceback" not in err


def test_another_address_asks_for_the_password_for_the_page_and_for_mcp() -> None:
    run = start("--host", "0.0.0.0", "--mcp", "--auth", "reader", ASK_PASSWORD="a word")
    try:
        assert run.stdout is not None
        address = run.stdout.readline().strip().replace("0.0.0.0", "127.0.0.1")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address, timeout=30)
        assert refused.value.code == 401
        refused.value.close()
        key = base64.b64encode(b"reader:a word").decode()
        request = urllib.request.Request(address, headers={"authorization": f"Basic {key}"})
        with urllib.request.urlopen(request, timeout=30) as said:
            assert said.status == 200
        talk(f"{address}mcp", three_tools, {"authorization": f"Basic {key}"})
        os.kill(run.pid, signal.SIGINT)
        run.communicate(timeout=30)
    finally:
        run.kill()
        run.communicate()


async def three_tools(client: ClientSession) -> None:
    """The tools are there."""
    found = (await client.list_tools()).tools
    assert {tool.name for tool in found} == {"ask", "search", "show"}


def test_a_session_of_mcp_that_is_open_does_not_keep_it_from_ending() -> None:
    run = start("--mcp")
    try:
        assert run.stdout is not None
        address = run.stdout.readline().strip()

        async def work(client: ClientSession) -> None:
            answer = await when_ready(client, "위젯을 어떻게 쌓나요?")
            assert "widget.stack" in answer["answer"]
            assert answer["citations"][0]["source"] == "file:docs/안내서.md"
            run.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(run.wait, 30) == 0

        talk(f"{address}mcp", work)
        _, err = run.communicate(timeout=30)
    finally:
        run.kill()
        run.communicate()
    assert err == "ask: Ctrl-C ends it\n"


def test_without_the_package_mcp_the_pip_command_is_told(tmp_path: Path) -> None:
    (tmp_path / "mcp.py").write_text("raise ImportError('not here')", encoding="utf-8")
    home = make_house()
    path = f"{tmp_path}:{environment(home)['PYTHONPATH']}"
    done = ask(home, "web", "--mcp", "--port", "0", PYTHONPATH=path)
    assert_one_error(done, 2, "pip install 'ask-docs[mcp]'")


async def when_ready(client: ClientSession, question: str) -> dict[str, Any]:
    """The answer, once the index is open."""
    for _ in range(200):
        result = await client.call_tool("ask", {"question": question})
        if not result.isError:
            return dict(json.loads(text_of(result)))
        assert "not ready yet" in text_of(result)
        await asyncio.sleep(0.1)
    raise AssertionError("it did not get ready")


OFFLINE = """
import socket, sys
def hook(event, args):
    if event == "socket.getaddrinfo" and args[0] not in ("127.0.0.1", "localhost", None):
        print("looked up", args[0]); sys.stdout.flush()
    if event == "socket.connect" and isinstance(args[1], tuple) and args[1][0] not in ("127.0.0.1", "::1"):
        print("connected to", args[1]); sys.stdout.flush()
sys.addaudithook(hook)
from rag.cli import main
sys.exit(main(["web", "--port", "0", *sys.argv[1:]]))
"""


@pytest.mark.parametrize("words", [(), ("--mcp",)])
def test_nothing_is_looked_up_and_nobody_is_called(words: tuple[str, ...]) -> None:
    home = make_house()
    run = subprocess.Popen(
        [sys.executable, "-c", OFFLINE, *words], cwd=home, env=environment(home),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert run.stdout is not None
        address = run.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:")
        state = b""
        while b"ready" not in state:
            with urllib.request.urlopen(f"{address}healthz", timeout=30) as said:
                state = said.read()
            assert b"failed" not in state
        with urllib.request.urlopen(address, timeout=30) as said:
            assert said.status == 200
        if words:
            talk(f"{address}mcp", lead_elsewhere, {"x-forwarded-host": "beacon.example"})
        run.send_signal(signal.SIGINT)
        out, _ = run.communicate(timeout=30)
    finally:
        run.kill()
        run.communicate()
    assert out == ""


async def lead_elsewhere(client: ClientSession) -> None:
    """Everything by which Gradio could be had to call itself where the headers say it is."""
    await when_ready(client, "위젯을 어떻게 쌓나요?")
    with pytest.raises(McpError):
        await client.read_resource(AnyUrl("ask://document/x"))
    with pytest.raises(McpError):
        await client.get_prompt("ask")
