"""The gate: what opens it, what shuts it, and that the answers of today pass.

`test_the_answers_pass_the_gate` is the gate of the project itself; `ask eval FILE --accept` renews
what it compares with.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from asking import ROOT, ask
from doubles import REFUSED_EN, question, report_of
from doubles import answer as made

from rag import evaluation as ev
from rag.errors import SourceError, UsageError
from rag.evaluation.gate import Gate, accepted_file, floors_file, read_floors
from rag.evaluation.runs import row_of


def run(right: int, refused: int = 5, n: int = 40) -> ev.Summary:
    """A run of `n` answerable questions, `right` of them right, and of 5 without an answer."""
    nothing: dict[str, Any] = {"answerable": False, "sources": [], "must_contain": []}
    return ev.summarise(
        report_of(
            *((question(f"q{i}"), made() if i < right else made("모름")) for i in range(n)),
            *(
                (question(f"u{i}", **nothing), REFUSED_EN if i < refused else made())
                for i in range(5)
            ),
        )
    )


def breaches(
    summary: ev.Summary, floors: Mapping[str, Mapping[str, float]], accepted: ev.Summary
) -> tuple[str, ...]:
    rows = [row_of(one) for one in summary.report.scores]
    held = Gate(floors, tuple(row_of(one) for one in accepted.report.scores))
    return ev.breaches(held, summary, rows)


# -- floors --------------------------------------------------------------------------------------


def test_a_floor_holds_at_its_very_value_and_breaks_below() -> None:
    today = run(30)
    assert breaches(today, {"all": {"accuracy": 30 / 40}}, today) == ()
    (told,) = breaches(today, {"all": {"accuracy": 0.76}}, today)
    assert told == "accuracy (all) is 0.75, below its floor 0.76"


def test_where_less_is_better_more_breaks_the_floor() -> None:
    today = run(40)
    length = len(made().answer)
    assert breaches(today, {"en": {"median length": length}}, today) == ()
    (told,) = breaches(today, {"en": {"median length": length - 1}}, today)
    assert "more than the allowed" in told


def test_what_was_not_measured_breaks_its_floor() -> None:
    today = run(40)
    (told,) = breaches(today, {"ko": {"accuracy": 0.1}}, today)
    assert told == "accuracy (ko) was not measured, and its floor is 0.1"


# -- the accepted run ----------------------------------------------------------------------------


def test_significantly_worse_than_the_accepted_run_breaks_the_gate() -> None:
    floors = {"all": {"accuracy": 0.1}}
    assert breaches(run(35), floors, run(40)) == ()  # 2 / 2^5 may be chance
    told = breaches(run(34), floors, run(40))
    assert told[0] == "accuracy (all) fell from 1 to 0.85 since the accepted run (p = 0.031)"
    assert breaches(run(40), floors, run(34)) == ()


def test_accepting_writes_what_the_same_run_passes(tmp_path: Path) -> None:
    file = tmp_path / "질문.jsonl"
    file.write_text("the questions", encoding="utf-8")
    accepted = run(36)
    assert ev.accept(file, accepted) == (floors_file(file), accepted_file(file))
    gate = ev.read_gate(file)
    rows = tuple(row_of(one) for one in accepted.report.scores)
    assert gate.accepted == rows
    assert ev.breaches(gate, accepted, rows) == ()
    low = accepted.parts["all"]["accuracy"].low
    assert low - 0.01 < gate.floors["all"]["accuracy"] <= low < 36 / 40
    assert gate.floors["all"]["verbatim"] == 1
    high = accepted.parts["all"]["false refusal"].high
    assert high <= gate.floors["all"]["false refusal"] < high + 0.01
    lines = accepted_file(file).read_text(encoding="utf-8").splitlines()
    assert sum(line.startswith('{"id": ') for line in lines) == len(rows)


def test_an_interrupted_run_and_one_with_a_false_quote_are_not_accepted(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text("x", encoding="utf-8")
    partly = ev.summarise(ev.Report(run(3).report.scores, unasked=1))
    with pytest.raises(UsageError, match="interrupted"):
        ev.accept(file, partly)
    false = ev.summarise(report_of((question(), made(quote="It says so."))))
    with pytest.raises(UsageError, match="does not stand"):
        ev.accept(file, false)
    assert list(tmp_path.iterdir()) == [file]


# -- reading it ----------------------------------------------------------------------------------


def test_a_gate_of_other_questions_or_none_names_the_command(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text("x", encoding="utf-8")
    remedy = f"ask eval {file} --accept"
    with pytest.raises(SourceError, match=r"floors\.toml") as raised:
        ev.read_gate(file)
    assert remedy in str(raised.value)
    ev.accept(file, run(3))
    file.write_text("y", encoding="utf-8")
    with pytest.raises(UsageError, match="other questions") as raised_too:
        ev.read_gate(file)
    assert remedy in str(raised_too.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("accuracy", "no TOML"),
        ("accuracy = 0.5", "'accuracy' is none of the tables"),
        ("[fr]\naccuracy = 0.5", "'fr' is none of the tables"),
        ("[all]\nrecal = 0.5", "'recal' is no measure"),
        ('[all]\naccuracy = "0.5"', "is a number, not '0.5'"),
        ("[all]\naccuracy = true", "is a number, not True"),
        ("[all]\naccuracy = nan", "is a number, not nan"),
        ("[all]", "no floor"),
        ("", "no floor"),
    ],
)
def test_floors_that_cannot_hold_are_named(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "floors.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=told):
        read_floors(file)


def test_written_floors_are_plain_toml(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text("x", encoding="utf-8")
    floors, accepted = ev.accept(file, run(36))
    assert read_floors(floors) == tomllib.loads(floors.read_text(encoding="utf-8"))
    assert json.loads(accepted.read_text(encoding="utf-8"))["questions_file"] == "q.jsonl"


# -- the gate of the project ---------------------------------------------------------------------

PROVED_ON = "2.13"  # the questions are about this torch


def test_the_answers_pass_the_gate(torch_index: Path, tmp_path: Path) -> None:
    """`ask eval corpus/golden/test.jsonl --gate`, as a user would type it."""
    if not version("torch").startswith(PROVED_ON):
        pytest.skip(f"the questions are about torch {PROVED_ON}, not {version('torch')}")
    golden = ROOT / "corpus" / "golden" / "test.jsonl"
    done = ask(tmp_path, "eval", str(golden), "--gate", "--index", str(torch_index))
    assert done.code == 0, f"{done.err}\n{done.out}"
