"""Choosing a model: flag, environment, file; what `ask models` tells; and the command with a model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from asking import ROOT, Terminal, ask, assert_one_error, environment, make_house
from scripted import Reply, ScriptedServer, says

from rag.config import ModelSettings, completes_follow_ups, model_settings
from rag.errors import MissingExtra, UsageError
from rag.generators.chat import chat_model, needs_package, without_keys
from rag.generators.models import cached_models, usable_models
from rag.prompts import MODEL_FAILED

WIDGETS = "How do I stack widgets?"
GOOD = (
    "Use `widget.stack(items)` to stack widgets on a new axis [1]. The default of `axis` is 0 [1]."
)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of settings, which is not there yet."""
    path = tmp_path / "config.toml"
    monkeypatch.setenv("ASK_CONFIG", str(path))
    monkeypatch.delenv("ASK_MODEL", raising=False)
    return path


def test_the_flag_wins_over_the_environment_and_that_over_the_file(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert model_settings() == ModelSettings(None, True, None)
    settings.write_text('model = "ollama:a"\nstrict = false\ntimeout = 7\n', encoding="utf-8")
    assert model_settings() == ModelSettings("ollama:a", False, 7.0)
    monkeypatch.setenv("ASK_MODEL", "openai:b")
    assert model_settings().model == "openai:b"
    assert model_settings("local:c", True) == ModelSettings("local:c", True, 7.0)
    assert model_settings("none").model is None


def test_follow_ups_are_completed_unless_the_file_or_the_flag_says_otherwise(
    settings: Path,
) -> None:
    assert completes_follow_ups()
    settings.write_text("follow_ups = false\n", encoding="utf-8")
    assert not completes_follow_ups()
    assert completes_follow_ups(True)
    settings.write_text("follow_ups = true\n", encoding="utf-8")
    assert not completes_follow_ups(False)


@pytest.mark.parametrize(
    "text",
    [
        "model = 3",
        "modle = 'x'",
        "strict = 'yes'",
        "timeout = true",
        "timeout = 0",
        "follow_ups = 1",
        "= =",
        "\ud800",
    ],
)
def test_a_file_that_cannot_be_used_is_an_error(settings: Path, text: str) -> None:
    settings.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UsageError, match=r"config\.toml"):
        model_settings()


@pytest.mark.parametrize(
    ("name", "says_what"),
    [
        ("openai:gpt-5-mini", "OPENAI_API_KEY"),
        ("anthropic:claude", "ANTHROPIC_API_KEY"),
        ("nobody:x", "ask models"),
        ("just words", "ask models"),
        ("http://", "localhost"),
        ("local:/nowhere/at/all", "folder"),
    ],
)
def test_a_model_that_cannot_be_used_is_one_line(name: str, says_what: str) -> None:
    done = ask(make_house(), WIDGETS, "--model", name, HF_HUB_OFFLINE="1")
    assert_one_error(done, 2, says_what)


def test_a_missing_package_is_named() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'ask-docs\[nobody\]'"):
        needs_package("nobody")
    with pytest.raises(MissingExtra, match="pip install langchain-groq"):
        chat_model("groq:llama")


def test_the_command_writes_with_a_model() -> None:
    with ScriptedServer(says(GOOD)) as server:
        done = ask(make_house(), WIDGETS, "--json", "--model", server.url)
        by_environment = ask(make_house(), WIDGETS, ASK_MODEL=server.url)
        quotes = ask(make_house(), WIDGETS, "--json", "--model", "none", ASK_MODEL=server.url)
    assert done.code == 0, done.err
    assert done.json["generator"] == server.url
    assert done.json["answer"].startswith("Use `widget.stack(items)` to stack widgets")
    assert "The default of `axis` is 0." in by_environment.out
    assert quotes.json["generator"] == "extractive"


def test_a_failing_model_is_told_on_standard_error() -> None:
    key = "sk-secret-0123456789"
    with ScriptedServer(lambda body: Reply(status=401, raw=key.encode())) as server:
        done = ask(make_house(), WIDGETS, "--model", server.url, ASK_API_KEY=key)
    assert done.code == 0
    assert "Use `widget.stack(items)`" in done.out
    assert MODEL_FAILED["denied"]["en"].format(name=server.url) in done.err
    assert key not in done.out + done.err


def test_models_are_listed_with_what_they_lack(tmp_path: Path) -> None:
    with ScriptedServer(says(GOOD), models=["qwen", "exaone"]) as server:
        done = ask(
            tmp_path, "models", "--json", ASK_MODEL=server.url, OPENAI_API_KEY="sk-x-very-secret",
            OLLAMA_HOST="127.0.0.1:9",
        )  # fmt: skip
    found = {line["name"]: line for line in done.lines}
    assert found["none"]["usable"]
    assert found["openai:NAME"]["usable"]
    assert "secret" not in done.out
    assert not found["anthropic:NAME"]["usable"]
    assert "export ANTHROPIC_API_KEY" in found["anthropic:NAME"]["told"]
    assert "ollama serve" in found["ollama:NAME"]["told"]
    assert (found[server.url]["chosen"], found[server.url]["usable"]) == (True, False)
    assert "qwen, exaone" in found[server.url]["told"]
    assert found["local:NAME"]["usable"]


def test_models_of_ollama_and_of_the_cache_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    for name, kind in (("someone--chat", "LlamaForCausalLM"), ("someone--other", "BertModel")):
        snapshot = tmp_path / f"models--{name}" / "snapshots" / "1"
        snapshot.mkdir(parents=True)
        (snapshot / "config.json").write_text(json.dumps({"architectures": [kind]}))
    assert cached_models() == ["someone/chat"]
    assert "local:someone/chat" in {found.name for found in usable_models()}


def test_keys_are_taken_out_of_any_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "plain-words-only")
    told = without_keys("plain-words-only sk-abc123456 Bearer xyz.123 ?key=77&x")
    assert told == "*** *** Bearer *** ?key=***&x"


# Every look-up and connection of the process is written down; only loopback is allowed.
_AUDITED = """
import sys
seen = []
def hook(event, args):
    if event == "socket.getaddrinfo":
        seen.append(str(args[0]))
    if event == "socket.connect" and isinstance(args[1], tuple):
        seen.append(str(args[1][0]))
sys.addaudithook(hook)
from rag.cli import main
code = main(sys.argv[1:])
away = {one for one in seen if one not in ("127.0.0.1", "localhost", "::1", "None")}
print("AWAY", sorted(away), file=sys.stderr)
sys.exit(code)
"""


def test_nothing_but_the_model_is_talked_to() -> None:
    with ScriptedServer(says(GOOD)) as server:
        done = subprocess.run(
            [sys.executable, "-c", _AUDITED, WIDGETS, "--model", server.url],
            cwd=make_house(), env=environment(make_house()), capture_output=True, text=True,
            encoding="utf-8", timeout=120, check=False,
        )  # fmt: skip
        assert len(server.requests) == 1
    assert done.returncode == 0, done.stderr
    assert "AWAY []" in done.stderr
    assert ROOT.is_dir()


def test_on_a_terminal_the_answer_is_shown_as_it_is_written() -> None:
    parts = [word + " " for word in GOOD.split()]
    with ScriptedServer(lambda body: Reply(parts, gap=0.02)) as server:
        words = (WIDGETS, "--model", server.url)
        with Terminal(make_house(), words, NO_COLOR="1") as terminal:
            code, shown = terminal.end()
    assert code == 0
    plain = " ".join(shown.split())
    said = "Use `widget.stack(items)` to stack widgets on a new axis. [1] The default of `axis` is 0. [2]"
    assert plain.count(said) == 1
    assert "guide.md" in plain
