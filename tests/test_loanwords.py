"""English words by their sound in Korean: pairs that meet, words that do not, and search by them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.concepts import name_sounds
from rag.index import Index
from rag.loanwords import alike, by_sound, consonants, heard, spoken


@pytest.mark.parametrize(
    ("korean", "english"),
    [
        ("촐레스키", "cholesky"), ("아다그라드", "adagrad"), ("드롭아웃", "dropout"),
        ("소프트맥스", "softmax"), ("시그모이드", "sigmoid"), ("크로네커", "kronecker"),
        ("트랜스포머", "transformer"), ("체크포인트", "checkpoint"), ("라플라스", "laplace"),
        ("하드시그모이드", "hardsigmoid"), ("카이밍", "kaiming"), ("소프트사인", "softsign"),
    ],
)  # fmt: skip
def test_both_writings_sound_alike(korean: str, english: str) -> None:
    assert alike(korean, by_sound([english, "skeleton", "autocast"])) == [english]


@pytest.mark.parametrize(("korean", "english"), [("드롭아웃", "softmax"), ("길이별", "global")])
def test_others_do_not(korean: str, english: str) -> None:
    assert alike(korean, by_sound([english])) == []


def test_what_is_not_hangul_has_no_sound() -> None:
    assert heard("drop아웃") == spoken("") == ""
    assert alike("", by_sound(["cholesky"])) == []


def test_words_of_few_consonants_are_left_out() -> None:
    assert by_sound(["relu", "cholesky"]) == {"crsk": ("cholesky",)}
    assert consonants(heard("촐레스키")) == "crsk"


@given(st.text(alphabet="가나다라마바사아자차카타파하글록셋", max_size=12))
def test_any_word_sounds(word: str) -> None:
    assert heard(word).isascii()


def test_names_by_sound_are_of_the_index(small_index: Index) -> None:
    sounds = name_sounds(small_index.all_names())
    assert all(
        " ".join(small_index.all_names()).lower().count(w) for some in sounds.values() for w in some
    )
