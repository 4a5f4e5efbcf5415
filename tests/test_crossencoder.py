"""The cross-encoder: what answers lies above what does not, whatever else is judged beside it."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.crossencoder import (
    BUNDLED,
    LIMIT,
    QUERY_LIMIT,
    OnnxCrossEncoder,
    bundled_cross_encoder,
    joined,
)
from rag.encoders import BUNDLED as ENCODER
from rag.errors import RagError

# Written for this test, about a thing that no training text knows: a question, the sentence that
# answers it, and others of the same page.
PAGE = {
    "en": (
        "What happens if the lid of the Korvia is left open?",
        "Korvia: With the lid open the drum does not turn, and a red lamp blinks.",
        "Korvia: The drum is made of brushed steel.",
        "Korvia: It was first sold in 1987 in a small shop.",
        "Korvia: The manual comes in four languages.",
    ),
    "ko": (
        "코르비아 뚜껑을 열어 두면 어떻게 되나요?",
        "코르비아: 뚜껑이 열려 있으면 드럼이 돌지 않고 빨간 등이 깜빡인다.",
        "코르비아: 드럼은 솔질한 강철로 만든다.",
        "코르비아: 1987년에 작은 가게에서 처음 팔렸다.",
        "코르비아: 설명서는 네 언어로 나온다.",
    ),
}
TEXTS = [text for page in PAGE.values() for text in page[1:]]


@pytest.fixture(scope="module")
def judge() -> OnnxCrossEncoder:
    return bundled_cross_encoder()


@pytest.mark.parametrize("language", PAGE)
def test_the_sentence_that_answers_comes_first(judge: OnnxCrossEncoder, language: str) -> None:
    question, *texts = PAGE[language]
    assert int(np.argmax(judge.scores(question, texts))) == 0


def test_a_korean_question_finds_the_english_sentence(judge: OnnxCrossEncoder) -> None:
    _, *texts = PAGE["en"]
    assert int(np.argmax(judge.scores(PAGE["ko"][0], texts))) == 0


def test_what_has_nothing_to_do_with_it_is_below_zero(judge: OnnxCrossEncoder) -> None:
    assert (judge.scores("Who won the football match yesterday?", TEXTS) < 0).all()
    assert (judge.scores("어제 축구 누가 이겼어?", TEXTS) < 0).all()


def test_a_score_does_not_depend_on_the_texts_beside_it(judge: OnnxCrossEncoder) -> None:
    question = PAGE["ko"][0]
    together = judge.scores(question, TEXTS)
    alone = np.array([judge.scores(question, [text])[0] for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=2e-3)
    np.testing.assert_allclose(judge.scores(question, TEXTS[::-1])[::-1], together, atol=2e-3)


@pytest.mark.parametrize("form", ["NFD", "NFKD"])
def test_decomposed_hangul_is_the_same(judge: OnnxCrossEncoder, form: str) -> None:
    question, *texts = PAGE["ko"]
    other = judge.scores(
        unicodedata.normalize(form, question), [unicodedata.normalize(form, t) for t in texts]
    )
    np.testing.assert_array_equal(other, judge.scores(question, texts))


@settings(max_examples=30)
@given(st.text(max_size=80), st.lists(st.text(max_size=200), max_size=4))
def test_any_text_has_a_score(question: str, texts: list[str]) -> None:
    scores = bundled_cross_encoder().scores(question, texts)
    assert scores.shape == (len(texts),)
    assert scores.dtype == np.float32
    assert np.isfinite(scores).all()


def test_huge_texts_count_by_their_beginning(judge: OnnxCrossEncoder) -> None:
    question, right, *_ = PAGE["en"]
    long = [right + " The drum turns." * 20, right + " The drum turns." * 20_000]
    assert judge.scores(question, long)[0] == judge.scores(question, long)[1]


@given(
    st.lists(st.integers(1000, 2000), max_size=150), st.lists(st.integers(3000, 4000), max_size=150)
)
def test_question_and_text_are_joined_within_the_limit(query: list[int], text: list[int]) -> None:
    cls, sep = 101, 102
    pair = joined([cls, *query, sep], [cls, *text, sep])
    assert len(pair.ids) == min(LIMIT, pair.query + len(text) + 1)
    assert (pair.ids[0], pair.ids[pair.query - 1], pair.ids[-1]) == (cls, sep, sep)
    assert pair.query == min(QUERY_LIMIT, len(query) + 2)
    assert pair.ids[1 : pair.query - 1] == query[: QUERY_LIMIT - 2]
    assert pair.ids[pair.query : -1] == text[: LIMIT - pair.query - 1]


def test_the_files_are_those_that_were_exported(judge: OnnxCrossEncoder) -> None:
    card = json.loads((BUNDLED / "config.json").read_text(encoding="utf-8"))
    for file, digest in (
        (BUNDLED / "model.onnx", card["fingerprint"]),
        (ENCODER / "tokenizer.json", card["tokenizer"]),
    ):
        assert hashlib.sha256(file.read_bytes()).hexdigest() == digest
    assert card["samples"]
    for one in card["samples"]:
        # Other processors round otherwise.
        assert judge.scores(one["question"], [one["text"]])[0] == pytest.approx(
            one["score"], abs=0.3
        )


def test_what_ships_is_small() -> None:
    assert (BUNDLED / "model.onnx").stat().st_size <= 30 * 2**20
    sizes = [file.stat().st_size for file in BUNDLED.parent.rglob("*") if file.is_file()]
    assert sum(sizes) <= 60 * 2**20


def test_a_folder_without_one_is_said_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(RagError, match=r"no cross-encoder in .* install ask-docs again"):
        OnnxCrossEncoder(tmp_path, ENCODER)
    (tmp_path / "config.json").write_text('{"name": "a", "fingerprint": "b"}', encoding="utf-8")
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(RagError, match="cannot be loaded"):
        OnnxCrossEncoder(tmp_path, ENCODER)
