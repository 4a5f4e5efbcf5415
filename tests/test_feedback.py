"""Thumbs: kept, listed, and turned into candidates for golden questions."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from asking import ask, assert_one_error

from rag.errors import OutputError
from rag.feedback import Feedback, FeedbackStore, candidate
from rag.golden import load_questions
from rag.types import Turn

UP = Feedback(
    "기본 축은?", "ko", "“기본 축은 0입니다.” [1]", False, True,
    sources=("file:안내서.md",), quotes=("기본 축은 0입니다.",), history=(Turn("위젯 쌓기", ""),),
)  # fmt: skip
DOWN = Feedback(
    "What is `x`?", "en", "“x” [1]", False, False, "wrong", "it is\ny", ("file:a",), ("x",)
)
REFUSED = Feedback("Capital of Mongolia?", "en", "No.", True, True)


@pytest.fixture
def store(tmp_path: Path) -> FeedbackStore:
    """A store with one thumb of each kind."""
    found = FeedbackStore(tmp_path / "deep" / "feedback.sqlite")
    for one in (UP, DOWN, REFUSED):
        found.add(one)
    return found


def test_what_was_kept_comes_back(store: FeedbackStore) -> None:
    found = store.all()
    assert [one.question for one in found] == [UP.question, DOWN.question, REFUSED.question]
    assert found[0].history == UP.history
    assert found[1].comment == DOWN.comment
    assert all(one.at.endswith("Z") for one in found)


def test_without_a_file_there_is_none_and_none_is_made(tmp_path: Path) -> None:
    assert FeedbackStore(tmp_path / "f").all() == []
    assert list(tmp_path.iterdir()) == []


def test_many_at_once_lose_nothing(tmp_path: Path) -> None:
    store = FeedbackStore(tmp_path / "f.sqlite")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.add(UP), range(40)))
    assert len(store.all()) == 40


def test_a_file_that_is_no_store_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("no database at all, and longer than its header is")
    with pytest.raises(OutputError, match="ASK_FEEDBACK"):
        FeedbackStore(tmp_path / "f").all()
    with sqlite3.connect(tmp_path / "g") as base:
        base.execute("CREATE TABLE feedback (x)")
    base.close()
    with pytest.raises(OutputError):
        FeedbackStore(tmp_path / "g").all()


def test_candidates_are_golden_questions(store: FeedbackStore, tmp_path: Path) -> None:
    lines = [candidate(one, n) for n, one in enumerate(store.all(), 1)]
    (tmp_path / "golden.jsonl").write_text("\n".join(lines), encoding="utf-8")
    up, down, refused = load_questions(tmp_path / "golden.jsonl")
    assert (up.answerable, up.sources, up.must_contain) == (
        True, ("file:안내서.md",), (("기본 축은 0입니다.",),),
    )  # fmt: skip
    assert up.history[0].question == "위젯 쌓기"
    assert (down.answerable, down.sources, down.must_contain) == (True, (), ())
    assert "down (wrong): it is" in json.loads(lines[1])["note"]
    assert (refused.answerable, refused.sources) == (False, ())


def test_the_command_lists_and_writes(store: FeedbackStore, tmp_path: Path) -> None:
    there = {"ASK_FEEDBACK": str(store.path)}
    listed = ask(tmp_path, "feedback", **there)
    assert [line[11:12] for line in listed.out.splitlines()] == ["+", "-", "+"]
    assert "What is `x`? · wrong · it is y" in listed.out
    assert ask(tmp_path, "feedback", "--json", **there).lines[1]["comment"] == "it is\ny"
    done = ask(tmp_path, "feedback", "--golden", "new.jsonl", **there)
    assert (done.code, len(load_questions(tmp_path / "new.jsonl"))) == (0, 3)
    again = ask(tmp_path, "feedback", "--golden", "new.jsonl", **there)
    assert_one_error(again, 5, "new.jsonl", "another file")
    assert ask(tmp_path, "feedback").code == 0
