"""A run as JSON: what it holds, and that what is written is what is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from doubles import mixed

from rag import evaluation as ev
from rag.errors import SourceError, UsageError
from rag.evaluation import runs


def test_json_is_one_line_with_the_numbers_of_the_summary() -> None:
    text = runs.dumps(runs.full(ev.summarise(mixed())))
    made = json.loads(text)
    assert "\n" not in text
    assert (made["questions"], made["unasked"]) == (3, 0)
    assert made["measures"]["all"]["accuracy"] == {"value": 0.5, "low": 0.0, "high": 1.0, "n": 2}
    assert made["measures"]["en"]["refusal"]["value"] == 1
    assert list(made["kinds"]) == ["api", "offtopic"]
    assert made["kinds"]["api"]["ko"]["accuracy"]["value"] == 0


def test_the_brief_form_tells_of_no_question_and_no_kind() -> None:
    report = ev.Report(mixed().scores, unasked=2)
    made = runs.brief(ev.summarise(report))
    assert (made["questions"], made["unasked"]) == (5, 2)
    assert set(made) == {"questions", "unasked", "measures"}


def test_a_run_is_read_as_it_was_written_and_holds_no_answer(tmp_path: Path) -> None:
    file = tmp_path / "기록.json"
    text = runs.dumps(runs.full(ev.summarise(mixed())))
    file.write_text(text, encoding="utf-8")
    assert ev.read_run(file) == tuple(map(runs.row_of, mixed().scores))
    assert "모름" not in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "not JSON"),
        ('{"questions": 3}', "no single question"),
        ('{"scores": [3]}', "broken"),
        ('{"scores": [{"id": "a"}]}', "broken"),
        ('{"scores": 7}', "broken"),
        ('{"scores": [{"id": "a", "lang": "en", "kind": "api", "question": "?", '
         '"values": {"accuracy": "none"}, "wrong": []}]}', "broken"),
    ],
)  # fmt: skip
def test_what_is_no_run_is_named(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "old.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=told) as raised:
        ev.read_run(file)
    assert str(file) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_run_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"absent\.json"):
        ev.read_run(tmp_path / "absent.json")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not JSON"):
        ev.read_run(tmp_path / "bytes.json")
