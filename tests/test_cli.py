"""The command `ask` as users and scripts meet it: what it prints, where, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import pytest
from asking import (
    ENGLISH,
    KOREAN,
    Terminal,
    ask,
    environment,
    go_there,
    make_house,
    run_here,
    shell,
    start,
)

from rag.command import doctor
from rag.command.arguments import build_parser, parse
from rag.command.helptext import COMMANDS
from rag.errors import UsageError

ANSWER_KEYS = """id question language answer refused reason verdict confidence generator citations
passages seconds notice""".split()
CITATION_KEYS = "marker source aliases title url version quote start end".split()
PASSAGE_KEYS = "source aliases score start end".split()
HEAVY = """numpy faiss onnxruntime tokenizers torch transformers sentence_transformers langchain
langchain_core langchain_text_splitters gradio bs4 lxml bm25s scipy shtab nbformat""".split()


@pytest.fixture(scope="module")
def house() -> Path:
    """A folder with documents and their index."""
    return make_house()


@pytest.fixture
def here(house: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The house, being where this process is."""
    return go_there(house, monkeypatch)


# -- questions -----------------------------------------------------------------------------------


def test_an_answer_goes_to_standard_output_with_its_source(house: Path) -> None:
    done = ask(house, "How do I stack widgets?")
    assert (done.code, done.err) == (0, "")
    assert "Use `widget.stack(items)` to stack widgets on a new axis." in done.out
    assert "[1] Widgets guide · file:docs/guide.md" in done.out.splitlines()


def test_a_korean_question_is_answered_in_korean_whatever_the_locale(house: Path) -> None:
    done = ask(house, "위젯을 어떻게 쌓나요?")
    assert (done.code, done.err) == (0, "")
    assert "위젯을 새 축으로 쌓으려면 `widget.stack(items)`를 씁니다." in done.out
    assert "[1] 위젯 안내서 · file:docs/안내서.md" in done.out.splitlines()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949"])
def test_a_question_on_standard_input(house: Path, encoding: str) -> None:
    done = ask(house, "--json", stdin="위젯을 어떻게 쌓나요?\n".encode(encoding))
    assert done.code == 0
    assert done.json["question"] == "위젯을 어떻게 쌓나요?"


def test_the_json_has_the_keys_of_the_evaluation_in_their_order(house: Path) -> None:
    done = ask(house, "How do I stack widgets?", "--json", "-k", "2")
    answer = done.json
    assert list(answer) == ANSWER_KEYS
    assert answer["id"] is None
    assert (answer["language"], answer["refused"], answer["verdict"]) == ("en", False, None)
    assert len(answer["passages"]) == 2
    for citation in answer["citations"]:
        assert list(citation)[: len(CITATION_KEYS)] == CITATION_KEYS
        assert f"[{citation['marker']}]" in answer["answer"]
    for passage in answer["passages"]:
        assert list(passage)[: len(PASSAGE_KEYS)] == PASSAGE_KEYS


@pytest.mark.parametrize("question", ["How do I stack widgets?", "위젯 크기가 다르면?"])
def test_every_quote_stands_in_what_show_prints(
    here: Path, question: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = json.loads(run_here(capsys, question, "--json")[1])
    assert answer["citations"]
    for citation in answer["citations"]:
        shown = json.loads(run_here(capsys, "show", citation["source"], "--json")[1])
        assert shown["text"][citation["start"] : citation["end"]] == citation["quote"]


def test_a_refusal_has_its_own_exit_code_and_goes_to_standard_output(house: Path) -> None:
    done = ask(house, "Who won the world cup in 1998?", "--json")
    assert (done.code, done.err) == (3, "")
    assert done.json["refused"] is True
    assert done.json["reason"]


def test_a_source_pattern_limits_the_sources(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run_here(capsys, "How do I stack widgets?", "--json", "--source", "*안내서*")
    sources = {passage["source"] for passage in json.loads(out)["passages"]}
    assert sources == {"file:docs/안내서.md"}


def test_the_language_can_be_chosen(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run_here(capsys, "--lang", "ko", "--json", "widget.stack?")
    assert json.loads(out)["language"] == "ko"


def test_explain_tells_why_each_passage_came(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run_here(capsys, "stack widgets", "--explain")
    assert "  1  file:docs/guide.md  Widgets guide > Stacking widgets\n     lexical " in out
    assert re.search(r"lexical \d · dense \d · fused 0\.\d+ · words: .*widget", out)
    _, out, _ = run_here(capsys, "stack widgets", "--explain", "--json")
    trace = json.loads(out)["passages"][0]["trace"]
    assert list(trace) == ["lexical_rank", "dense_rank", "exact_name", "fused", "matched"]
    assert {"stack", "widget"} <= set(trace["matched"])


# -- which word is a command ---------------------------------------------------------------------


def test_the_first_word_decides_what_is_meant() -> None:
    assert parse(["sources"]).command == "sources"
    assert parse(["--json", "sources", "x"]).pattern == "x"
    assert parse(["--index", "ingest", "ingest"]).command == "ingest"
    assert parse(["sources of randomness"]).question == ["sources of randomness"]
    assert parse(["--", "ingest"]).question == ["ingest"]
    assert parse(["--json", "--", "--help"]).question == ["--help"]
    assert parse(["what", "is", "--json", "torch?"]).question == ["what", "is", "torch?"]
    assert parse(["tell", "me", "sources"]).command == "question"
    assert parse([]).question == []


def test_a_question_that_begins_like_a_command_is_told_what_to_do() -> None:
    with pytest.raises(UsageError, match="ask -- show me how to stack"):
        parse(["show", "me", "how", "to", "stack"])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        parse([name, "--help"])
    assert end.value.code == 0
    assert f"usage: ask {name}" in capsys.readouterr().out


def test_help_names_every_command_and_exit_code() -> None:
    text = build_parser().format_help()
    assert all(f"\n    {name} " in text for name in COMMANDS)
    assert all(f"  {code}  " in text for code in (0, 1, 2, 3, 4, 5, 130, 141))
    assert max(map(len, text.splitlines())) <= 80


# -- what is loaded ------------------------------------------------------------------------------


def loaded(house: Path, *words: str) -> set[str]:
    """The modules in memory after `ask` has run with these words."""
    script = "import sys, rag.cli; rag.cli.main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    run = subprocess.run(
        [sys.executable, "-c", script, *words],
        cwd=house, env=environment(house), capture_output=True, check=True,
    )  # fmt: skip
    return set(run.stderr.decode().split())


def test_help_loads_nothing_heavy(house: Path) -> None:
    assert loaded(house, "--help") & set(HEAVY) == set()


def test_a_question_loads_no_torch_and_no_readers(house: Path) -> None:
    allowed = {"numpy", "faiss", "onnxruntime", "tokenizers"}
    assert loaded(house, "How do I stack widgets?") & set(HEAVY) <= allowed


def test_help_is_quick(house: Path) -> None:
    spent = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert ask(house, "--help").code == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) < 0.2


def test_version(house: Path) -> None:
    done = ask(house, "--version")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("ask ")


# -- ingest, sources, show -----------------------------------------------------------------------


def test_ingest_counts_and_says_when_nothing_changed(tmp_path: Path) -> None:
    docs = tmp_path / "notes"
    docs.mkdir()
    (docs / "a.md").write_text(ENGLISH, encoding="utf-8")
    (docs / "b.md").write_bytes(b"\x00\x01binary")
    (docs / "c.pdf").write_bytes(b"%PDF-1.4")
    first = ask(tmp_path, "ingest", "notes")
    assert first.code == 0
    assert first.out.splitlines()[-1].startswith("1 document, 2 passages; 2 newly embedded, in ")
    assert "ask: 2 files could not be read:\n  notes/b.md: binary" in first.err
    assert "notes/c.pdf" in first.err
    assert "ask: embedding: 2 of 2 (100%)" in first.err
    second = ask(tmp_path, "ingest", "notes")
    assert second.out.endswith("1 document, 2 passages; nothing changed, nothing embedded\n")
    (docs / "a.md").write_text(KOREAN, encoding="utf-8")
    third = ask(tmp_path, "ingest", "notes", "--json").json
    assert (third["changed"], third["documents"], third["embedded"]) == (True, 1, 2)
    assert [skipped["path"] for skipped in third["skipped"]] == ["notes/b.md", "notes/c.pdf"]
    again = ask(tmp_path, "ingest", "notes", "--rebuild", "--json").json
    assert (again["changed"], again["embedded"]) == (True, 0)


def test_sources_lists_groups_and_with_a_pattern_documents(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_here(capsys, "sources") == (0, "file:docs  docs  2 documents\n", "")
    assert json.loads(run_here(capsys, "sources", "--json")[1])["documents"] == 2
    document = json.loads(run_here(capsys, "sources", "안내", "--json")[1])
    assert document["id"] == "file:docs/안내서.md"
    assert document["characters"] == len(KOREAN.strip())
    line = "file:docs/guide.md  Widgets guide\n"
    assert run_here(capsys, "sources", "guide") == (0, line, "")


def test_show_prints_the_text(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(capsys, "show", "file:docs/안내서.md") == (0, KOREAN, "")
    assert json.loads(run_here(capsys, "show", "file:docs/guide.md", "--json")[1]) == {
        "source": "file:docs/guide.md",
        "title": "Widgets guide",
        "url": None,
        "version": None,
        "text": ENGLISH.strip(),
    }


# -- batch ---------------------------------------------------------------------------------------


def test_a_batch_is_answered_in_order_and_a_broken_line_does_not_stop_it(house: Path) -> None:
    lines = [
        '{"id": "a", "question": "How do I stack widgets?"}',
        '{"id": "b", "question": ',
        "",
        '{"id": 3, "lang": "ko", "question": "위젯을 어떻게 쌓나요?", "unknown": {}}',
        '{"id": "d", "question": "   "}',
        '{"id": "e", "question": "x", "lang": "fr"}',
        '{"id": "f", "question": "x", "history": "y"}',
        "[1, 2]",
        '{"id": "g", "question": "Who won the world cup in 1998?"}',
    ]
    done = ask(house, "batch", stdin="\n".join(lines).encode())
    assert done.code == 2
    assert [line["id"] for line in done.lines] == ["a", None, 3, "d", "e", "f", None, "g"]
    assert [line.get("line") for line in done.lines] == [None, 2, None, 5, 6, 7, 8, None]
    answers = [line for line in done.lines if "answer" in line]
    assert all(list(answer) == ANSWER_KEYS for answer in answers)
    assert [answer["language"] for answer in answers] == ["en", "ko", "en"]
    assert [line.partition(": ")[2].split(":")[0] for line in done.err.splitlines()] == [
        f"line {number}" for number in (2, 5, 6, 7, 8)
    ]


def test_a_batch_from_a_file_without_broken_lines_ends_well(house: Path) -> None:
    questions = ({"id": n, "question": f"stack widgets {n}?"} for n in range(5))
    (house / "questions.jsonl").write_text("\n".join(map(json.dumps, questions)) + "\n")
    done = ask(house, "batch", "questions.jsonl", "--json", "-k", "1")
    assert (done.code, done.err) == (0, "")
    assert [line["id"] for line in done.lines] == [0, 1, 2, 3, 4]


def test_a_batch_answers_each_line_before_the_next_comes(house: Path) -> None:
    with start(house, "batch") as run:
        assert run.stdin is not None
        assert run.stdout is not None
        for number in range(3):
            run.stdin.write(b'{"id": %d, "question": "stack widgets?"}\n' % number)
            run.stdin.flush()
            assert json.loads(run.stdout.readline())["id"] == number
        run.stdin.close()
        assert run.wait(60) == 0
        assert run.stdout.read() == b""


def test_the_history_of_a_line_is_its_topic(house: Path) -> None:
    history = [{"question": "위젯을 어떻게 쌓나요?", "answer": "..."}]
    line = json.dumps({"question": "그럼 기본 축은?", "history": history}).encode()
    answer = ask(house, "batch", "--explain", stdin=line).json
    assert answer["question"] == "그럼 기본 축은?"
    assert "위젯" in answer["completed"]


def test_follow_ups_are_switched_off_by_the_flag_and_by_the_settings(
    house: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "config.toml"
    settings.write_text("follow_ups = false\n", encoding="utf-8")
    history = [{"question": "위젯을 어떻게 쌓나요?", "answer": "..."}]
    line = json.dumps({"question": "그럼 기본 축은?", "history": history}).encode()
    set_off = {"ASK_CONFIG": str(settings)}
    batch = ("batch", "--explain")
    assert ask(house, *batch, "--no-follow-ups", stdin=line).json["completed"] is None
    assert ask(house, *batch, stdin=line, **set_off).json["completed"] is None
    assert "위젯" in ask(house, *batch, "--follow-ups", stdin=line, **set_off).json["completed"]


# -- doctor and completion -----------------------------------------------------------------------


def test_doctor_tells_what_is_there(house: Path) -> None:
    done = ask(house, "doctor")
    assert (done.code, done.err) == (0, ""), done.out
    for word in ("python", "torch", "faiss-cpu", "gradio", "device", "2 documents from 1 source"):
        assert word in done.out
    assert done.out.endswith("all is well\n")


def test_doctor_names_the_command_that_mends_a_missing_index(tmp_path: Path) -> None:
    args = Namespace(index=str(tmp_path / "none"), encoder=None)
    (check,) = doctor._index(args)
    assert (check.part, check.ok) == ("index", False)
    assert check.mend == f"ask ingest --index {tmp_path / 'none'}"


@pytest.mark.parametrize(
    ("requirement", "version", "fits"),
    [
        ("torch>=2.6,<2.14", "2.13.0+cpu", True),
        ("torch>=2.6,<2.14", "2.6", True),
        ("torch>=2.6,<2.14", "2.14.0", False),
        ("torch>=2.6,<2.14", "2.5.1", False),
        ("gradio", "6.31.0", True),
        ("bm25s>=0.3.16,<0.4", "0.3.9", False),
    ],
)
def test_doctor_compares_versions_with_bounds(requirement: str, version: str, fits: bool) -> None:
    assert doctor._fits(requirement, version) is fits


@pytest.mark.parametrize("name", ["bash", "zsh"])
def test_completion_is_a_script_that_the_shell_reads(house: Path, name: str) -> None:
    done = ask(house, "completion", name)
    assert (done.code, done.err) == (0, "")
    assert all(command in done.out for command in COMMANDS)
    if shutil.which(name):
        read = subprocess.run(
            [name, "-n"], input=done.out.encode(), capture_output=True, check=False
        )
        assert (read.returncode, read.stderr) == (0, b"")


def test_bash_completes_commands_and_options(house: Path) -> None:
    (house / "ask.bash").write_text(ask(house, "completion", "bash").out, encoding="utf-8")
    script = 'source ask.bash; COMP_WORDS=(ask {}); COMP_CWORD={}; {} ask; echo "${{COMPREPLY[@]}}"'
    name = shell(house, "source ask.bash; complete -p ask | grep -o '_shtab[a-z_]*'").out.strip()
    assert shell(house, script.format("in", 1, name)).out == "ingest\n"
    assert shell(house, script.format("ingest --re", 2, name)).out == "--rebuild\n"
    assert shell(house, script.format("batch --no-f", 2, name)).out == "--no-follow-ups\n"


# -- streams -------------------------------------------------------------------------------------


def test_a_reader_that_goes_away_is_no_error(house: Path) -> None:
    line = json.dumps({"question": "How do I stack widgets?"})
    done = shell(house, f"yes '{line}' | ask batch | head -1 | wc -l; echo ${{PIPESTATUS[1]}}")
    assert (done.out.split(), done.err) == (["1", "141"], "")


def test_there_is_colour_on_a_terminal_only_and_not_with_no_color(house: Path) -> None:
    shown = {}
    for name, more in {"plain": {"NO_COLOR": "1"}, "colour": {}, "dumb": {"TERM": "dumb"}}.items():
        with Terminal(house, ["How do I stack widgets?"], **more) as terminal:
            code, shown[name] = terminal.end()
            assert code == 0
    assert "\x1b[36m[1]\x1b[0m" in shown["colour"]
    assert "\x1b" not in shown["plain"] + shown["dumb"]


def test_lines_on_a_terminal_are_no_longer_than_it_is_wide(house: Path) -> None:
    with Terminal(house, ["위젯을 어떻게 쌓나요?"], NO_COLOR="1") as terminal:
        code, shown = terminal.end()
    assert code == 0
    wide = "가-힣"
    for line in shown.splitlines():
        assert sum(2 if wide[0] <= char <= wide[2] else 1 for char in line) <= 60


# -- the conversation ----------------------------------------------------------------------------

PROMPT = "ask> "


def test_a_conversation_keeps_the_topic_and_survives_what_is_typed(house: Path) -> None:
    with Terminal(house, NO_COLOR="1", LC_ALL="C.UTF-8") as terminal:
        assert "2 documents from 1 source." in terminal.read(PROMPT)
        terminal.type("위젯을 어떻게 쌓나요?\n")
        assert "“위젯을 새 축으로 쌓으려면" in terminal.read(PROMPT).replace("\n", " ")
        terminal.type("그럼 기본 축은?\n")
        assert "→ 위젯을 어떻게 쌓나요? 그럼 기본 축은?" in terminal.read(PROMPT)
        terminal.type("\n")
        assert terminal.read(PROMPT).strip() == PROMPT.strip()
        terminal.type("???\n")
        assert "ask: the question '???' has no letter" in terminal.read(PROMPT)
        terminal.type("/new\n")
        assert "A new topic." in terminal.read(PROMPT)
        terminal.type("그럼 기본 축은?\n")
        assert "→" not in terminal.read(PROMPT)
        terminal.type("/quit\n")
        assert terminal.end()[0] == 0
    lines = (house / "history").read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["위젯을 어떻게 쌓나요?", "그럼 기본 축은?"]
    assert os.stat(house / "history").st_mode & 0o077 == 0  # noqa: PTH116


@pytest.mark.parametrize(
    ("language", "asked", "hint", "nothing"),
    [
        (
            "en", ("How do I stack widgets?", "And its default?"),
            "as you typed it", "Nothing was asked",
        ),
        (
            "ko", ("위젯을 어떻게 쌓나요?", "그럼 기본 축은?"),
            "/alone을 입력", "아직 질문이 없습니다",
        ),
    ],
)  # fmt: skip
def test_a_follow_up_can_be_asked_again_as_it_was_typed(
    house: Path, language: str, asked: tuple[str, str], hint: str, nothing: str
) -> None:
    first, second = asked
    words = ["--lang", language]
    with Terminal(house, words, NO_COLOR="1", LC_ALL="C.UTF-8", ASK_HISTORY="") as terminal:
        assert "/help" in terminal.read(PROMPT)
        terminal.type("/alone\n")
        assert nothing in terminal.read(PROMPT)
        terminal.type(f"{first}\n")
        assert hint not in terminal.read(PROMPT)
        terminal.type(f"{second}\n")
        shown = terminal.read(PROMPT)
        assert f"→ {first} {second}" in shown
        assert hint in shown
        for _ in range(2):  # again and again
            terminal.type("/alone\n")
            shown = terminal.read(PROMPT)
            assert len(shown) > 60
            assert "→" not in shown
        terminal.type(f"{second}\n")
        assert f"→ {second} {second}" in terminal.read(PROMPT)
        terminal.type("/help\n")
        shown = terminal.read(PROMPT)
        for told in ("/alone", "/new", "/quit", "--no-follow-ups", "follow_ups = false"):
            assert told in shown
        terminal.type("/nothing\n")
        assert "/alone, /new, /help" in terminal.read(PROMPT)


def test_without_follow_ups_every_line_stands_for_itself(house: Path) -> None:
    with Terminal(house, ["--no-follow-ups"], NO_COLOR="1", ASK_HISTORY="") as terminal:
        terminal.read(PROMPT)
        terminal.type("위젯을 어떻게 쌓나요?\n")
        terminal.read(PROMPT)
        terminal.type("그럼 기본 축은?\n")
        assert "→" not in terminal.read(PROMPT)


@pytest.mark.parametrize("key", ["\x03", "\x04"])
def test_ctrl_c_and_ctrl_d_end_a_conversation_politely(house: Path, key: str) -> None:
    with Terminal(house, ["--lang", "ko"], ASK_HISTORY="") as terminal:
        assert "한국어나 영어로 물어보세요" in terminal.read(PROMPT)
        terminal.press(key)
        code, shown = terminal.end()
    assert code == 0
    assert "Traceback" not in shown
