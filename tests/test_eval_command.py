"""`ask eval` as a user types it, on the small index of asking.py."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from asking import (
    ROOT,
    Done,
    ask,
    assert_one_error,
    go_there,
    interrupt_at,
    make_house,
    run_here,
    start,
)

WIDGETS: list[dict[str, Any]] = [
    {"id": "en", "lang": "en", "question": "How do I stack widgets?",
     "must_contain": [["new axis"]], "pair": "stack"},
    {"id": "ko", "lang": "ko", "question": "위젯을 어떻게 쌓나요?",
     "must_contain": [["새 축"]], "pair": "stack"},
    {"id": "no", "lang": "ko", "question": "오늘 서울 날씨 어때?", "answerable": False,
     "kind": "offtopic", "must_contain": [], "sources": []},
]  # fmt: skip


def write(folder: Path, questions: list[dict[str, Any]]) -> Path:
    """A file of questions in a folder of its own; what is missing in them is filled in."""
    plain = {
        "kind": "howto", "answerable": True, "note": "x",
        "sources": ["file:docs/guide.md", "file:docs/안내서.md"],
    }  # fmt: skip
    file = folder / "questions.jsonl"
    lines = [json.dumps(plain | one, ensure_ascii=False) for one in questions]
    file.write_text("\n".join(lines), encoding="utf-8")
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Three questions about the widgets, all of which go well."""
    return write(tmp_path, WIDGETS)


Evaluate = Callable[..., Done]


@pytest.fixture
def evaluate(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    """`ask eval` with these words, in this process."""
    go_there(make_house(), monkeypatch)

    def run(*words: object) -> Done:
        code, out, err = run_here(capsys, "eval", *map(str, words))
        return Done(code, out.encode(), err.encode())

    return run


def spoilt(made: dict[str, Any]) -> dict[str, Any]:
    """A run as if nothing had gone well."""
    for row in made["scores"]:
        row["values"] = dict.fromkeys(row["values"], 0.0)
        row["wrong"] = ["not said: 축"]
    return made


# -- printing ------------------------------------------------------------------------------------


def test_it_prints_tables_and_one_line_of_json(evaluate: Evaluate, file: Path) -> None:
    done = evaluate(file)
    assert done.code == 0, done.err
    assert done.err.splitlines() == ["ask: asking: 1 of 3 (33%)", "ask: asking: 3 of 3 (100%)"]
    table, _, last = done.out.rstrip().rpartition("\n")
    assert "right answer" in table
    assert "offtopic" in table
    made = json.loads(last)
    assert made["measures"]["all"]["accuracy"]["value"] == 1.0
    assert made["measures"]["ko"]["refusal"]["value"] == 1.0
    assert "scores" not in made


def test_with_json_it_prints_that_line_only_and_every_question(
    evaluate: Evaluate, file: Path
) -> None:
    made = evaluate(file, "--json").json
    assert (made["questions"], made["unasked"]) == (3, 0)
    assert [row["id"] for row in made["scores"]] == ["en", "ko", "no"]
    assert made["scores"][0]["values"]["recall@5"] == 1


def test_failures_are_told_when_they_are_asked_for(evaluate: Evaluate, tmp_path: Path) -> None:
    file = write(tmp_path, [WIDGETS[0] | {"must_contain": [["purple"]]}])
    assert "not said: purple" not in evaluate(file).out
    assert "not said: purple" in evaluate(file, "--failures").out


def test_a_report_is_written_and_can_be_compared_with(
    evaluate: Evaluate, tmp_path: Path, file: Path
) -> None:
    done = evaluate(file, "--report", tmp_path / "보고서")
    assert done.code == 0, done.err
    page = tmp_path / "보고서" / "index.html"
    assert done.err.splitlines()[-1] == f"ask: report: {page}"
    assert "오늘 서울 날씨" not in page.read_text(encoding="utf-8")  # it went well
    compared = evaluate(file, "--compare", page.with_name("run.json"))
    assert "3 questions in both runs; 0 went otherwise than before" in compared.out


def test_what_changed_is_told_question_by_question(
    evaluate: Evaluate, tmp_path: Path, file: Path
) -> None:
    old = tmp_path / "old.json"
    old.write_text(json.dumps(spoilt(evaluate(file, "--json").json)), encoding="utf-8")
    done = evaluate(file, "--compare", old)
    assert "3 went otherwise than before" in done.out
    assert re.search(r"ko \(ko, howto\).*\n  before  not said: 축\n  now     well", done.out)
    changed = json.loads(done.out.splitlines()[-1])["comparison"]
    assert changed["measures"]["all"]["accuracy"]["new"] == 1
    assert len(changed["moved"]) == 3


# -- the gate ------------------------------------------------------------------------------------


def test_what_was_accepted_passes_the_gate(evaluate: Evaluate, file: Path) -> None:
    accepted = evaluate(file, "--accept")
    assert accepted.code == 0, accepted.err
    assert "floors.toml" in accepted.err.splitlines()[-1]
    done = evaluate(file, "--gate", "--json")
    assert done.code == 0, done.err
    assert done.json["gate"] == {"passed": True, "reasons": []}


def test_below_a_floor_it_fails_and_says_why(evaluate: Evaluate, tmp_path: Path) -> None:
    file = write(tmp_path, WIDGETS)
    evaluate(file, "--accept")
    floors = tmp_path / "floors.toml"
    floors.write_text(floors.read_text("utf-8") + '\n[all]\n"mrr" = 1.5\n', "utf-8")
    assert_one_error(evaluate(file, "--gate"), 2, "floors.toml", "TOML")  # [all] stands there twice
    floors.write_text('[ko]\n"mrr" = 1.5\n', "utf-8")
    done = evaluate(file, "--gate", "--json")
    assert done.code == 6
    (reason,) = done.json["gate"]["reasons"]
    assert reason == "mrr (ko) is 1, below its floor 1.5"
    assert done.err.splitlines()[-2:] == [
        f"ask: {reason}", "ask: the gate is shut, for 1 reason",
    ]  # fmt: skip


def test_significantly_worse_answers_fail(evaluate: Evaluate, tmp_path: Path) -> None:
    """The same questions and floors, but documents that no longer say the same."""
    many = [WIDGETS[0] | {"id": f"q{i}", "pair": None} for i in range(8)]
    file = write(tmp_path, many)
    assert evaluate(file, "--accept").code == 0
    (tmp_path / "floors.toml").write_text("[all]\naccuracy = 0.0\n", "utf-8")
    assert evaluate(file, "--gate").code == 0
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "guide.md").write_text("# Gadgets\n\nGadgets are blue.\n", "utf-8")
    assert ask(tmp_path, "ingest", "docs").code == 0
    done = ask(tmp_path, "eval", str(file), "--gate")
    assert done.code == 6, done.err
    assert "accuracy (all) fell from 1 to 0 since the accepted run (p = 0.0078)" in done.err


# -- what cannot be ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["--gate", "--accept"], 2, "give one of them"),
        (["--gate"], 5, "--accept"),
        (["--compare", "absent.json"], 5, "absent.json"),
        (["--compare", "docs/guide.md"], 2, "docs/guide.md"),
        (["--report", "docs/guide.md"], 5, "docs/guide.md"),
        (["--report", ""], 2, "--report"),
    ],
)
def test_what_cannot_work_fails_before_anything_is_asked(
    evaluate: Evaluate, file: Path, words: list[str], code: int, told: str
) -> None:
    assert_one_error(evaluate(file, *words), code, told)


def blocked(tmp_path: Path, package: str) -> Mapping[str, str]:
    """An environment in which a package cannot be imported, as if it were not installed."""
    module = tmp_path / "blocked" / f"{package}.py"
    module.parent.mkdir()
    module.write_text(f"raise ModuleNotFoundError({package!r}, name={package!r})", "utf-8")
    return {"PYTHONPATH": f"{module.parent}:{ROOT}"}


def test_without_matplotlib_there_are_tables_and_no_page(tmp_path: Path, file: Path) -> None:
    without = blocked(tmp_path, "matplotlib")
    assert ask(make_house(), "eval", str(file), **without).code == 0
    done = ask(make_house(), "eval", str(file), "--report", str(tmp_path / "out"), **without)
    assert_one_error(done, 2, "matplotlib is not installed: pip install 'ask-docs[eval]'")
    assert not (tmp_path / "out").exists()


def test_without_the_extra_the_command_names_it(tmp_path: Path, file: Path) -> None:
    done = ask(make_house(), "eval", str(file), **blocked(tmp_path, "ir_measures"))
    assert_one_error(done, 2, "ir_measures is not installed: pip install 'ask-docs[eval]'")


def test_an_interrupt_prints_what_was_asked_until_then(tmp_path: Path) -> None:
    many = [WIDGETS[i % 2] | {"id": f"q{i}", "pair": f"p{i // 2}"} for i in range(3000)]
    file = write(tmp_path, many)
    run = start(make_house(), "eval", str(file), "--accept", "--report", str(tmp_path / "out"))
    done = interrupt_at(run, b"asking: 1 of 3,000")
    assert done.code == 130, done.err
    table, _, last = done.out.rstrip().rpartition("\n")
    unasked = json.loads(last)["unasked"]
    assert 0 < unasked < 3000
    assert re.search(rf"not asked: interrupted +{unasked}\n", table)
    assert f"ask: interrupted: {unasked:,} of 3,000 questions not asked" in done.err
    assert f"{unasked} were not asked" in (tmp_path / "out" / "index.html").read_text("utf-8")
    assert not (tmp_path / "accepted.json").exists()
