"""Reading questions: the form, and what is said of a line that has another one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from doubles import line
from hypothesis import given
from hypothesis import strategies as st

from rag import evaluation as ev
from rag.errors import SourceError, UsageError
from rag.golden import parse_question
from rag.types import Turn


def test_questions_are_read_with_pairs_and_history(tmp_path: Path) -> None:
    history = [{"question": "torch.stack이 뭐야?", "answer": "텐서를 이어 붙입니다."}]
    lines = [
        line("a", pair="stack", unknown_key=1),
        line("b", lang="ko", question="그럼 기본값은?", pair="stack", history=history),
        {k: line("c")[k] for k in ("id", "lang", "kind", "question")} | {"answerable": False},
    ]
    file = tmp_path / "q.jsonl"
    file.write_text("\n\n".join(json.dumps(one, ensure_ascii=False) for one in lines), "utf-8")
    a, b, c = ev.load_questions(file)
    assert (a.sources, a.must_contain) == (("py:torch.stack",), (("new dimension", "새 차원"),))
    assert b.history == (Turn("torch.stack이 뭐야?", "텐서를 이어 붙입니다."),)
    assert a.pair == b.pair == "stack"
    assert (c.sources, c.must_contain, c.pair, c.history) == ((), (), None, ())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", None),
        ("id", 7),
        ("lang", "fr"),
        ("kind", ""),
        ("question", "  "),
        ("answerable", "yes"),
        ("sources", "py:torch.stack"),
        ("sources", [1]),
        ("must_contain", [[]]),
        ("must_contain", ["차원"]),
        ("pair", 3),
        ("history", [{"question": "그럼?"}]),
        ("history", ["그럼?"]),
    ],
)
def test_a_bad_value_names_file_line_and_key(tmp_path: Path, key: str, value: object) -> None:
    file = tmp_path / "질문.jsonl"
    file.write_text(f"{json.dumps(line('a'))}\n{json.dumps(line('b') | {key: value})}\n", "utf-8")
    with pytest.raises(UsageError) as raised:
        ev.load_questions(file)
    assert all(part in str(raised.value) for part in ("질문.jsonl", "line 2", f"'{key}'"))


@pytest.mark.parametrize(
    "key", ["id", "lang", "kind", "question", "answerable", "sources", "must_contain"]
)
def test_a_missing_key_is_named(key: str) -> None:
    given_ = {k: v for k, v in line().items() if k != key}
    with pytest.raises(UsageError, match=f"key '{key}' is missing"):
        parse_question(json.dumps(given_), "here")


@pytest.mark.parametrize("broken", ["{", "[1]", '"질문"', "nonsense"])
def test_a_line_that_is_no_object_is_named(tmp_path: Path, broken: str) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text(broken, "utf-8")
    with pytest.raises(UsageError, match="line 1"):
        ev.load_questions(file)


def test_repeated_ids_empty_and_absent_files(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text(f"{json.dumps(line())}\n{json.dumps(line())}", "utf-8")
    with pytest.raises(UsageError, match="repeats 'q1'"):
        ev.load_questions(file)
    file.write_text("\n \n", "utf-8")
    with pytest.raises(UsageError, match="no questions"):
        ev.load_questions(file)
    with pytest.raises(SourceError, match=r"absent\.jsonl"):
        ev.load_questions(tmp_path / "absent.jsonl")
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SourceError, match="cannot be read"):
        ev.load_questions(file)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_any_json_is_a_question_or_a_usage_error(value: object) -> None:
    for key in ("must_contain", "sources", "history", "lang", "pair", "answerable"):
        try:
            parse_question(json.dumps(line() | {key: value}), "here")
        except UsageError as error:
            assert "\n" not in str(error)
