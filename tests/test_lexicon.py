"""The word list: keys are the stems a question is cut into, translations are English words."""

from __future__ import annotations

import subprocess
import sys
import time
import unicodedata
from pathlib import Path

import pytest

from rag import lexicon
from rag.errors import RagError
from rag.lexicon import PATH, load_lexicon, translate, translate_words
from rag.text import korean_stem, search_tokens


def words(term: str) -> set[str]:
    return {english for english, _ in translate(term)}


@pytest.mark.parametrize(
    ("korean", "english"),
    [
        ("손실", "loss"),
        ("텐서", "tensor"),
        ("역전파", "backward"),
        ("역전파", "backpropagation"),
        ("자동 미분", "autograd"),
        ("난수", "random"),
        ("시드", "seed"),
        ("차원", "dimension"),
        ("합치", "concatenate"),
        ("나누", "split"),
        ("옮기", "move"),
        ("바꾸", "convert"),
        ("고정", "freeze"),
        ("저장", "save"),
        ("불러오", "load"),
        ("정규화", "normalization"),
        ("예외", "exception"),
        ("문자열", "string"),
        ("반환", "return"),
        ("기본값", "default"),
    ],
)
def test_terms_of_the_field(korean: str, english: str) -> None:
    assert english in words(korean)


@pytest.mark.parametrize("written", ["손실 함수", "손실함수", "손실함수를", "손실함수는"])
def test_a_compound_is_found_with_and_without_its_space(written: str) -> None:
    assert "loss" in words(written)


def test_particles_do_not_hide_a_word() -> None:
    assert translate("텐서를") == translate("텐서") == translate("텐서에서")


def test_decomposed_hangul_is_the_same_word() -> None:
    assert translate(unicodedata.normalize("NFD", "텐서")) == translate("텐서") != ()


@pytest.mark.parametrize("unknown", ["", " ", "pytorch", "뷁쀍", "!?"])
def test_unknown_words_have_no_translation(unknown: str) -> None:
    assert translate(unknown) == ()


def test_tokens_of_a_question_are_keys() -> None:
    questions = [
        "난수 시드를 고정하려면?",
        "두 텐서를 합치려면 어떻게 하나요?",
        "모델을 저장하고 불러오는 방법",
    ]
    wanted = ["난수", "시드", "고정", "텐서", "합치", "모델", "저장", "불러오"]
    tokens = [token for question in questions for token in search_tokens(question)]
    for word in wanted:
        assert word in tokens
        assert word in load_lexicon()


def test_neighbours_that_are_one_term_are_taken_as_one() -> None:
    found = translate_words(["자동", "미분", "뷁쀍", "텐서"])
    assert [term for term, _ in found] == ["자동 미분", "텐서"]
    assert translate_words([]) == []


def test_every_row_is_well_formed() -> None:
    lines = PATH.read_text(encoding="utf-8").splitlines()
    assert 5_000 < len(lines) <= 15_000
    assert PATH.stat().st_size < 1_000_000
    rows = [line.split("\t") for line in lines]
    assert rows == sorted(rows, key=lambda row: (row[0], -float(row[2]), row[1]))
    for term, english, probability in rows:
        assert term == unicodedata.normalize("NFC", term)
        assert english.isascii()
        assert english == english.lower()
        assert 0 < float(probability) <= 1
    assert len({(term, english) for term, english, _ in rows}) == len(rows)


def test_nearly_every_key_is_its_own_stem() -> None:
    terms = [term for term in load_lexicon() if " " not in term]
    same = sum(korean_stem(term) == term for term in terms)
    assert same / len(terms) > 0.99  # else questions and keys are cut by different rules


def test_loading_is_quick_and_needs_only_text_rules() -> None:
    code = "import sys, rag.lexicon as x; x.load_lexicon(); assert 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
    times = []
    for _ in range(5):
        lexicon._read.cache_clear()
        began = time.process_time()
        load_lexicon()
        times.append(time.process_time() - began)
    assert min(times) < 0.03
    assert load_lexicon() is load_lexicon()


def test_lexicon_cannot_be_changed_by_accident() -> None:
    with pytest.raises(TypeError):
        load_lexicon()["새말"] = ()  # type: ignore[index]


@pytest.mark.parametrize("content", [None, "one\ttwo\n", "term\tword\tmuch\n"])
def test_a_broken_file_is_one_line(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "lexicon.tsv"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(RagError, match=r"lexicon\.tsv cannot be read") as caught:
        lexicon._read(path)
    assert "\n" not in str(caught.value)
