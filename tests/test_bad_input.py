"""Whatever goes in, one clear line comes out, with the right exit code and no traceback."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from asking import (
    ENGLISH,
    ask,
    assert_one_error,
    forge,
    generation,
    go_there,
    interrupt_at,
    make_house,
    run_here,
    shell,
    start,
)

QUESTION = "How do I stack widgets?"


@pytest.fixture(scope="module")
def house() -> Path:
    """A folder with documents and their index."""
    return make_house()


@pytest.fixture
def index(house: Path, tmp_path: Path) -> Path:
    """A copy of the index, to be spoilt."""
    return Path(shutil.copytree(house / "index", tmp_path / "index"))


@pytest.fixture
def here(house: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The house, being where this process is."""
    return go_there(house, monkeypatch)


# -- questions -----------------------------------------------------------------------------------


@pytest.mark.parametrize("question", ["", "   \n", "\u200b\u202e", "\x1b\x07"])
def test_an_empty_question(house: Path, question: str) -> None:
    assert_one_error(ask(house, question), 2, "the question is empty")


def test_empty_standard_input(house: Path) -> None:
    assert_one_error(ask(house, stdin=b""), 2, "the question is empty")
    assert_one_error(ask(house, stdin=b"\x00\x00\x00"), 2, "the question is empty")


def test_a_question_of_a_megabyte(house: Path) -> None:
    assert_one_error(ask(house, stdin=b"why " * 250_000), 2, "999,999 characters", "2,000")
    assert_one_error(ask(house, "가" * 30_000), 2, "30,000 characters")


def test_control_characters_are_left_out_of_a_question(house: Path) -> None:
    done = ask(house, "--json", stdin=b"How do I\x00 stack\x1b[31m wid\x07gets?\r\n")
    assert done.code in (0, 3)
    assert done.json["question"] == "How do I stack[31m widgets?"


def test_bytes_that_are_no_characters(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(here, b"stack \xff\xfe widgets?", "--json").json["question"] == "stack ?? widgets?"
    assert ask(here, "--json", stdin=b"stack \xff\xfe widgets?").code in (0, 3)
    for words in (["show", "\udcff"], ["sources", "\udcff"], ["ingest", "\udcff"]):
        code, out, err = run_here(capsys, *words)
        assert (code, out) == (5, "")
        assert err.splitlines()[-1].startswith("ask: ")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--nope", "x"], "there is no option '--nope'"),
        (["-k", "0", "x"], "a number from 1 to 100, not '0'"),
        (["-k", "ten", "x"], "a number from 1 to 100, not 'ten'"),
        (["--lang", "fr", "x"], "invalid choice: 'fr'"),
        (["x", "--index"], "expected one argument"),
        (["--index", "", "x"], "it is empty"),
        (["show"], "the following arguments are required: SOURCE"),
        (["ingest", "--lang", "ko"], "does not take '--lang'"),
        (["completion", "fish"], "invalid choice: 'fish'"),
        (["sources", "of", "errors"], "ask -- sources of errors"),
        (["show", "\x1b[31m\n" * 5000, "y"], "ask show does not take 'y'"),
    ],
)
def test_wrong_usage(words: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run_here(capsys, *words)
    assert (code, out) == (2, "")
    assert err.startswith("ask: ")
    assert err.count("\n") == 1
    assert told in err
    assert "\x1b" not in err


# -- batch ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (b"{", "not JSON"),
        (b"null", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b"{}", 'no "question"'),
        (b'{"question": 5}', 'no "question"'),
        (b'{"question": ""}', "the question is empty"),
        (b'{"question": "\xff"}', "not UTF-8"),
        (b'{"question": "x", "lang": ["ko"]}', '"lang" is "en" or "ko", not ["ko"]'),
        (b'{"question": "x", "history": [{"question": 1}]}', '"history" is a list'),
        (b'{"question": "' + b"x" * 1_000_000 + b'"}', "1,000,000 characters"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"question": ' + b"9" * 5_000 + b"}", "not JSON"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_line(
    here: Path, line: bytes, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    good = json.dumps({"id": 1, "question": QUESTION}).encode()
    (here / "q.jsonl").write_bytes(line + b"\n" + good)
    code, out, err = run_here(capsys, "batch", "q.jsonl")
    assert code == 2
    broken, answer = map(json.loads, out.splitlines())
    assert list(broken) == ["id", "line", "error"]
    assert (broken["id"], broken["line"]) == (None, 1)
    assert error in broken["error"]
    assert err == f"ask: line 1: {broken['error']}\n"
    assert answer["id"] == 1
    assert answer["citations"]


def test_ids_that_are_no_text_or_lone_surrogates_still_make_json(house: Path) -> None:
    lines = [
        b'{"id": "\\ud800", "question": "x", "lang": "xx"}',
        b'{"id": NaN, "question": ""}',
        b'{"id": {"a": 1}, "question": ""}',
        b'{"id": "ok", "question": "stack \\ud800 \\u0000 widgets?"}',
    ]
    done = ask(house, "batch", stdin=b"\n".join(lines))
    assert [line["id"] for line in done.lines] == ["\ud800", None, None, "ok"]


def test_a_batch_file_that_is_not_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_one_error(ask(here, "batch", "no.jsonl"), 5, "no.jsonl: No such file")
    told = "ask: docs: Is a directory\n"
    assert run_here(capsys, "batch", "docs") == (5, "", told)
    told = "ask: no.jsonl: there is no such file\n"
    assert run_here(capsys, "eval", "no.jsonl") == (5, "", told)


# -- indexes -------------------------------------------------------------------------------------


@pytest.mark.parametrize("harm", ["cut", "flipped", "gone"])
def test_every_file_of_a_damaged_index_is_noticed(
    index: Path, harm: str, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [*generation(index).iterdir(), index / "current"]
    assert len(files) > 5
    for file in files:
        if harm == "gone" and file.name == "current":
            continue  # then there is no index, and it would be built
        whole = file.read_bytes()
        middle = len(whole) // 2
        if harm == "cut":
            file.write_bytes(whole[:middle])
        elif harm == "flipped":
            file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        else:
            file.unlink()
        code, out, err = run_here(capsys, "--index", str(index), QUESTION)
        assert (code, out) == (4, ""), file.name
        assert err.count("\n") == 1
        assert err.endswith(f"rebuild it with: ask ingest --index {index}\n"), err
        file.write_bytes(whole)
    assert run_here(capsys, "--index", str(index), QUESTION)[0] == 0


def test_a_damaged_index_in_a_process_of_its_own(house: Path, index: Path) -> None:
    vectors = generation(index) / "dense.faiss"
    vectors.write_bytes(vectors.read_bytes()[:-1])
    words = ("dense.faiss", "rebuild it with: ask ingest --index")
    assert_one_error(ask(house, "--index", str(index), QUESTION), 4, *words)
    assert_one_error(ask(house, "sources", "--index", str(index)), 4, *words)


def test_an_index_of_another_format_or_encoder(house: Path, index: Path) -> None:
    def older(manifest: dict[str, Any]) -> None:
        manifest["encoder_fingerprint"], manifest["encoder"] = "0" * 64, "older"

    def newer(manifest: dict[str, Any]) -> None:
        manifest["format"] = 99

    forge(index, older)
    words = ("made with the encoder older", "rebuild it with: ask ingest")
    assert_one_error(ask(house, "--index", str(index), QUESTION), 4, *words)
    assert ask(house, "sources", "--index", str(index)).code == 0  # no encoder is needed
    forge(index, newer)
    assert_one_error(ask(house, "--index", str(index), QUESTION), 4, "format 99", "ask ingest")


def test_commands_that_only_read_do_not_build_an_index(house: Path) -> None:
    for words in (["sources"], ["show", "x"]):
        done = ask(house, *words, "--index", "none here")
        assert_one_error(done, 4, "make one with: ask ingest --index 'none here'")
    assert not (house / "none here").exists()


def test_ingest_replaces_a_damaged_index(house: Path, index: Path) -> None:
    (index / "current").write_bytes(b"\xff")
    assert ask(house, "ingest", "docs", "--index", str(index)).code == 0
    assert ask(house, "--index", str(index), QUESTION).code == 0


# -- ingest --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("bare", "no readable file"),
        ("nowhere", "no such file or folder"),
        ("binary.md", "binary"),
        ("py:no_such_package_here", "not installed"),
        ("py:", ""),
        ("web:example.org/none", "not in corpus/sources.toml"),
        ("", "it is empty"),
    ],
)
def test_a_source_that_cannot_be_read(
    here: Path, source: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (here / "index" / "current").read_bytes()
    (here / "bare" / "deeper").mkdir(parents=True, exist_ok=True)
    (here / "bare" / "picture.png").write_bytes(b"\x89PNG")
    (here / "binary.md").write_bytes(b"\x00\x01")
    code, out, err = run_here(capsys, "ingest", source)
    assert (code, out) == (5 if source else 2, "")
    last = err.splitlines()[-1]
    assert last.startswith("ask: ")
    assert told in last
    assert (here / "index" / "current").read_bytes() == before


@pytest.mark.parametrize("place", ["docs/guide.md/index", "/proc/none/index", "/dev/null/index"])
def test_an_index_folder_that_cannot_be_written(
    here: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run_here(capsys, "ingest", "docs", "--index", place)
    assert (code, out) == (5, "")
    assert err.count("\n") == 1
    assert err.startswith(f"ask: cannot write the index at {place}: ")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unwritable for root")
def test_an_index_folder_without_permission(house: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    done = ask(house, "ingest", "docs", "--index", str(tmp_path / "index"))
    assert_one_error(done, 5, "cannot write the index")


def test_ctrl_c_during_ingest_leaves_the_old_index(house: Path) -> None:
    many = house / "many"
    many.mkdir()
    for n in range(400):
        text = ENGLISH.replace("widget", f"gadget{n}").replace("Widget", f"Gadget {n}")
        (many / f"{n}.md").write_text(text, encoding="utf-8")
    before = (house / "index" / "current").read_bytes()
    with start(house, "ingest", "many") as run:
        done = interrupt_at(run, b"embedding: 0 of")
    assert (done.code, done.out) == (130, "")
    last = done.err.splitlines()[-1]
    assert last.startswith("ask: interrupted; the index is as it was")
    assert "the same command goes on where this stopped" in last
    assert "Traceback" not in done.err
    assert (house / "index" / "current").read_bytes() == before
    assert ask(house, QUESTION).code == 0
    assert "gadget" not in ask(house, "sources", "file:").out


def test_ctrl_c_while_the_first_index_is_built(house: Path) -> None:
    with start(house, "--index", "first", QUESTION) as run:
        done = interrupt_at(run, b"there is no index yet: building it in first")
    assert (done.code, done.out) == (130, "")
    assert done.err.splitlines()[-1].startswith("ask: interrupted; the index is as it was")
    assert not (house / "first" / "current").exists()


# -- streams -------------------------------------------------------------------------------------


def test_standard_output_that_is_full_or_closed(house: Path) -> None:
    for script, told in (
        (f"ask {QUESTION!r} > /dev/full", "No space left on device"),
        ("ask --help > /dev/full", "No space left on device"),
        (f"ask {QUESTION!r} >&-", "standard output is closed"),
    ):
        done = shell(house, script + "; echo $? >&2")
        error, code = done.err.splitlines()
        assert error.startswith("ask: ")
        assert told in error
        assert code == "5"


def test_standard_input_that_is_closed(house: Path) -> None:
    done = shell(house, "ask <&-")
    assert_one_error(done, 2, "the question is empty")
    assert shell(house, "ask '' 2>&-").code == 2


def test_an_unexpected_error_is_one_line_and_a_traceback_only_on_demand(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # No shell can pass such an argument, so nothing looks for it.
    words = ["sources", "--index", "a\0b"]
    code, out, err = run_here(capsys, *words)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("ask: internal error: ValueError: ")
    assert err.endswith("(run with ASK_DEBUG=1 for the traceback)\n")
    monkeypatch.setenv("ASK_DEBUG", "1")
    assert "Traceback (most recent call last)" in run_here(capsys, *words)[2]
