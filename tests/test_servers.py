"""`ask serve` and `ask mcp` as commands: they start, end when told to, and say what is wrong."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import openai
import pytest
from asking import ASK, Done, ask, assert_one_error, environment, make_house, run_here, start
from serving import request

from rag.serve.listen import bind


@pytest.fixture(scope="module")
def house() -> Path:
    return make_house()


def address_of(run: subprocess.Popen[bytes]) -> str:
    """The address that a server prints when it takes requests."""
    assert run.stdout is not None
    return run.stdout.readline().decode().strip()


def ended(run: subprocess.Popen[bytes]) -> Done:
    out, err = run.communicate(timeout=60)
    return Done(run.returncode, out, err)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("words", [("serve",), ("mcp", "--http")])
def test_a_server_ends_cleanly_when_it_is_told_to(
    house: Path, words: tuple[str, ...], stop: signal.Signals
) -> None:
    run = start(house, *words, "--port", "0")
    address = address_of(run)
    assert request(address, "/nothing").status == 404
    with socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))):  # stays open
        run.send_signal(stop)
        done = ended(run)
    assert (done.code, done.out) == (0, "")
    (line,) = done.err.splitlines()
    assert line.startswith("ask: ") and address in line


def test_the_openai_client_works_on_the_command_in_both_languages(house: Path) -> None:
    run = start(house, "serve", "--port", "0")
    with openai.OpenAI(base_url=f"{address_of(run)}/v1", api_key="none") as client:
        for question, words in (
            ("How do I stack widgets?", "Use `widget.stack(items)`"),
            ("위젯을 어떻게 쌓나요?", "`widget.stack(items)`를 씁니다"),
        ):
            done = client.chat.completions.create(
                model="ask", messages=[{"role": "user", "content": question}]
            )
            assert words in (done.choices[0].message.content or "")
    run.terminate()
    assert ended(run).code == 0


def test_the_key_may_stand_in_the_environment(house: Path) -> None:
    run = subprocess.Popen(
        [*ASK, "serve", "--port", "0"], cwd=house, env=environment(house, ASK_KEY="k1"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    address = address_of(run)
    assert request(address, "/v1/models").status == 401
    assert request(address, "/v1/models", authorization="Bearer k1").status == 200
    run.terminate()
    assert "k1" not in ended(run).err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--host", "0.0.0.0"), "needs a key: set ASK_KEY or give --key"),
        (("--key", "two words"), "a key is of ASCII"),
        (("--host", "no.such.host.example", "--key", "k"), "cannot listen on no.such.host.example"),
        (("--rate", "-1"), "--rate"),
        (("--port", "70000"), "a number from 0 to 65535"),
        (("--concurrency", "0"), "a number from 1 to 100"),
    ],
)
def test_what_cannot_be_served_is_one_line(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    code, out, err = run_here(capsys, "serve", *words)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert told in err


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, _, err = run_here(capsys, "serve", "--port", port)
    assert code == 2
    assert f"port {port}: Address already in use; choose another --host or --port" in err


def test_small_answers_are_sent_at_once() -> None:
    with bind("127.0.0.1", 0) as bound:
        assert bound.proto == socket.IPPROTO_TCP  # by which asyncio sets TCP_NODELAY


def test_without_the_package_mcp_the_pip_command_is_told(house: Path, tmp_path: Path) -> None:
    (tmp_path / "mcp.py").write_text("raise ImportError('not here')", encoding="utf-8")
    path = f"{tmp_path}:{environment(house)['PYTHONPATH']}"
    done = ask(house, "mcp", PYTHONPATH=path)
    assert_one_error(done, 2, "pip install 'ask-docs[mcp]'")


def test_standard_input_that_ends_ends_the_mcp_server(house: Path) -> None:
    done = ask(house, "mcp")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_signal_ends_the_mcp_server_on_standard_input(house: Path) -> None:
    for stop, code in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        run = start(house, "mcp")
        assert run.stdin is not None and run.stdout is not None
        run.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
        run.stdin.flush()
        assert b'"id":1' in run.stdout.readline().replace(b" ", b"")
        run.send_signal(stop)
        assert run.wait(30) == code
        ended(run)
