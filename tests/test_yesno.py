"""Yes and no: only where one sentence says so in the words of the question."""

from __future__ import annotations

import pytest

from rag.generators.yesno import asks, says
from rag.pipeline import Pipeline
from rag.question import read_question


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("does toolkit.fold broadcast?", True),
        ("toolkit.fold는 브로드캐스트하나요?", True),
        ("Is the drum washable?", True),
        ("does it move in place or return a copy?", False),
        ("호출해요 아니면 적용해요?", False),
        ("does it not broadcast?", False),  # what would "yes" mean?
        ("브로드캐스트 안 하나요?", False),
        ("why does it broadcast?", False),
        ("어떻게 접나요?", False),
        ("뭐가 달라지나요?", False),
        ("is it always copied?", False),
        ("what is toolkit.fold?", False),
    ],
)
def test_which_questions_ask_for_yes_or_no(text: str, plain: bool) -> None:
    assert asks(read_question(text)) is plain


@pytest.mark.parametrize(
    ("sentence", "held", "said"),
    [
        ("This function does not broadcast.", 0.8, "no"),
        ("It does NOT set the model to evaluation mode.", 0.8, "no"),
        ("이 함수는 브로드캐스트하지 않는다.", 0.8, "no"),
        ("This function broadcasts.", 0.95, "yes"),
        ("이 함수는 브로드캐스트한다.", 0.95, "yes"),
        ("This function broadcasts.", 0.8, None),  # about nearly the same thing only
        ("This function does not broadcast.", 0.5, None),
        ("Broadcasts if the sizes differ.", 1.0, None),
        ("It may not broadcast.", 1.0, None),
        ("Unlike others, it does not broadcast.", 1.0, None),
        ("크기가 다른 경우 브로드캐스트하지 않는다.", 1.0, None),
        ("This does not broadcast. " * 20, 1.0, None),
    ],
)
def test_what_a_sentence_says(sentence: str, held: float, said: str | None) -> None:
    assert says(sentence, held) == said


@pytest.mark.parametrize(
    ("text", "opening"),
    [
        ("Does toolkit.press.Press.step return a value?", "No: `toolkit.press.Press.step`"),
        ("toolkit.press.Press.step은 값을 반환하나요?", "아니요: `toolkit.press.Press.step` 문서"),
    ],
)
def test_the_answer_begins_with_no_and_its_proof(
    small_pipeline: Pipeline, text: str, opening: str
) -> None:
    answer = small_pipeline.ask(text)
    assert answer.answer.startswith(opening), answer.answer
    assert "not" in answer.citations[0].quote
