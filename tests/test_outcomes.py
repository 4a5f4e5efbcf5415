"""Questions in, report out, with doubles for the pipeline that are passed in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from doubles import REFUSED_EN, answer, line, question, report_of, text_of, values

from rag import evaluation as ev
from rag.errors import IndexCorrupt, UsageError
from rag.types import Answer, Document, Turn


class Echo:
    """Answers every question alike and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def ask(self, question: str, *, history: Sequence[Turn] = ()) -> Answer:
        self.asked.append((question, len(history)))
        return answer()

    def show(self, source: str) -> Document:
        return Document(source, source, text_of(source), "symbol", "docstring")


def test_a_file_is_asked_in_order_with_its_history(tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    turn = {"question": "torch.stack?", "answer": "이어 붙입니다."}
    lines = [line("a"), line("b", question="그럼 기본값은?", lang="ko", history=[turn])]
    file.write_text("\n".join(json.dumps(one) for one in lines), "utf-8")
    echo = Echo()
    report = ev.evaluate_file(file, echo)
    assert echo.asked == [("What does torch.stack do?", 0), ("그럼 기본값은?", 1)]
    assert [s.right for s in report.scores] == [True, True]
    alone = Echo()
    assert len(list(ev.ask_all(ev.load_questions(file), alone, follow_ups=False))) == 2
    assert [turns for _, turns in alone.asked] == [0, 0]


def test_a_question_that_cannot_be_read_is_one_without_an_answer() -> None:
    def ask(asked: ev.GoldenQuestion) -> Answer:
        if asked.id == "b":
            raise UsageError("the question is too long")
        return answer()

    report = ev.evaluate([question("a"), question("b")], ask, text_of)
    assert [s.right for s in report.scores] == [True, False]
    assert ev.failures(report.scores)[0].wrong[0] == "no answer: the question is too long"


def test_a_broken_index_ends_the_evaluation() -> None:
    def ask(asked: ev.GoldenQuestion) -> Answer:
        raise IndexCorrupt("altered")

    with pytest.raises(IndexCorrupt):
        ev.evaluate([question()], ask, text_of)


# -- answers made elsewhere ----------------------------------------------------------------------


def batch_line(id_: str, made: Answer, **more: Any) -> str:
    cites: list[dict[str, Any]] = [
        {"marker": c.marker, "source": c.source, "aliases": [], "title": c.title, "url": None,
         "version": c.version, "quote": c.quote, "start": c.start, "end": c.end}
        for c in made.citations
    ]  # fmt: skip
    places = [
        {"source": p.source, "aliases": [], "score": p.score, "start": 0, "end": 5}
        for p in made.passages
    ]
    plain = {
        "id": id_, "question": made.question, "language": made.language, "answer": made.answer,
        "refused": made.refused, "reason": made.reason, "verdict": None,
        "confidence": made.confidence, "generator": "other", "citations": cites,
        "passages": places, "seconds": made.seconds,
    }  # fmt: skip
    return json.dumps(plain | more, ensure_ascii=False)


def test_answers_as_json_score_like_answers_as_records() -> None:
    asked = [question("a"), question("b"), question("c", lang="ko")]
    made = [answer(), REFUSED_EN, answer("새 차원입니다.", sources=("py:x", "py:torch.stack"))]
    lines = [batch_line(q.id, a) for q, a in zip(asked, made, strict=True)]
    records = report_of(*zip(asked, made, strict=True))
    assert values(ev.evaluate_answers(asked, reversed(lines), text_of)) == values(records)


def test_without_texts_nothing_is_said_about_quotes() -> None:
    report = ev.evaluate_answers([question("a")], [batch_line("a", answer())])
    assert report.scores[0].outcome.verbatim is None
    assert "verbatim" not in values(report)
    assert "quotes verbatim" not in ev.format_table(ev.summarise(report))


def test_an_error_line_and_a_missing_answer_count_as_wrong() -> None:
    error = json.dumps({"id": "a", "error": "wrong JSON"})
    report = ev.evaluate_answers([question("a"), question("b")], [error, ""])
    assert [s.right for s in report.scores] == [False, False]
    assert values(report)["false refusal"] == 0
    wrong = [failure.wrong[0] for failure in ev.failures(report.scores)]
    assert wrong == ["no answer: wrong JSON", "no answer: there is none"]


@pytest.mark.parametrize(
    "broken", ["{", "[]", '{"id": "a"}', batch_line("a", answer(), citations=3)]
)
def test_a_line_that_is_no_answer_is_named(broken: str) -> None:
    with pytest.raises(UsageError, match="line 2"):
        ev.evaluate_answers([question("a")], ["", broken], text_of)


def test_a_verdict_as_json_is_compared_without_its_language() -> None:
    verdict = {"options": ["프레임워크", "라이브러리"], "conclusion": "라이브러리", "stances": []}
    given_ = json.loads(batch_line("a", answer(), verdict=verdict))
    assert ev.outcome_of_json(given_).verdict == "2"
    assert (
        ev.outcome_of_json(given_ | {"verdict": verdict | {"conclusion": "both"}}).verdict == "both"
    )
