"""Text in both languages: normal form, language, sentences, search tokens."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.text import (
    KOREAN_STOPWORDS,
    belongs,
    english_stem,
    fold,
    has_hangul,
    joined,
    korean_stem,
    language_of,
    leans,
    nfc,
    printable,
    search_tokens,
    sentences,
)

anything = st.text(st.characters(codec=None), max_size=80)  # lone surrogates included
syllables = st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), min_size=1)
korean_text = st.lists(
    st.one_of(syllables, st.sampled_from(["torch.stack", "pad_sequence", "dim=1", "GPU"])),
    min_size=1,
    max_size=12,
).map(" ".join)

NOUNS = (
    "텐서 함수 모델 학습률 손실함수 프레임워크 라이브러리 파이토치 배열 차원 그래프 기울기"
    " 최적화 신경망 데이터 배치 에포크 가중치 편향 자동미분 인덱스 장치 메모리 스케줄러"
    " 옵티마이저 역전파 연산 행렬 벡터 이름 클래스 모듈 인자 예제 문서 확률"
).split()
PARTICLES = (
    "을 를 은 는 이 가 의 에 에서 에서는 으로 로 와 과 도 만 까지 부터 들 들은 들을 들의 이란"
    " 이랑 입니다 인가요 이에요 예요 처럼 보다 마다 에는 에도 이나 이고 이며"
).split()


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


# -- normal form ---------------------------------------------------------------------------------


@given(korean_text)
def test_composed_and_decomposed_hangul_are_the_same_words(text: str) -> None:
    apart = unicodedata.normalize("NFD", text)
    assert search_tokens(apart) == search_tokens(text) == search_tokens(nfc(apart))
    assert language_of(apart) == language_of(text)
    assert printable(apart) == text


@given(syllables)
def test_a_decomposed_word_has_the_stem_of_the_composed_one(word: str) -> None:
    assert korean_stem(unicodedata.normalize("NFD", word)) == korean_stem(word)


def test_what_is_printable_stays_and_what_hides_or_reorders_goes() -> None:
    text = "첫 줄\n\t둘째 “줄” — é ∑ 😀 \u3000끝"
    assert printable(text) == text
    for (
        mark
    ) in "\0\x07\x08\x0b\x0c\x1b\x7f\x85\x9b\u061c\u200b\u200d\u200e\u202e\u2060\u2066\ufeff":
        assert printable(f"a{mark}b") == "ab", repr(mark)


def test_a_terminal_sequence_is_only_its_harmless_rest() -> None:
    assert printable("\x1b[2Jtorch\x1b]0;x\x07") == "[2Jtorch]0;x"


def test_marks_between_letters_do_not_keep_them_apart() -> None:
    """Taken out before composing, else the result would not be NFC."""
    assert printable("\u1100\u200b\u1161") == "가"
    assert printable("e\u200d\u0301") == "é"


@given(anything)
def test_printable_text_is_nfc_encodable_and_printable_again(text: str) -> None:
    clean = printable(text)
    assert unicodedata.is_normalized("NFC", clean)
    assert printable(clean) == clean
    assert clean.encode("utf-8").decode("utf-8") == clean
    kinds = {unicodedata.category(c) for c in clean if c not in "\n\t\r"}
    assert not kinds & {"Cc", "Cs"}


@given(anything)
def test_printable_keeps_every_line_end_and_tab(text: str) -> None:
    assert [c for c in printable(text) if c in "\n\t"] == [c for c in text if c in "\n\t"]


@given(anything)
def test_no_text_is_refused(text: str) -> None:
    for character in text:
        has_hangul(character)
    assert fold(text) == fold(fold(text))
    assert all(isinstance(token, str) and token for token in search_tokens(text))
    assert language_of(text) in ("en", "ko")
    sentences(text)
    korean_stem(text)


# -- language ------------------------------------------------------------------------------------

LANGUAGES = {
    # Names of code are of neither language.
    "torch.stack이 뭐야?": "ko",
    "DataLoader의 num_workers 기본값은?": "ko",
    "x.view() vs x.reshape() 차이": "ko",
    "F.cross_entropy ignore_index 기본값": "ko",
    "loss.backward() 하면 gradient 어디에 저장돼?": "ko",
    "`CrossEntropyLoss`는 softmax를 포함하나요?": "ko",
    "손실 함수": "ko",
    "ㅋㅋ": "ko",
    "torch.stack": "en",
    "nn.Linear(3, 4)": "en",
    "": "en",
    "42?": "en",
    # English words that Koreans write as they are.
    "learning rate scheduler 어떻게 써?": "ko",
    "Adam optimizer weight decay 기본값은?": "ko",
    "nn.Module train eval mode 차이점 알려줘": "ko",
    "PyTorch framework or library 뭐예요?": "ko",
    "Is it define by run or define and run이야?": "ko",  # an ending glued to a Latin word
    # An English message, then a Korean question.
    "RuntimeError: view size is not compatible with input tensor's size and stride 라는 에러가"
    " 떠요. 어떻게 하죠?": "ko",
    "view size is not compatible with input tensor's size and stride 라는 에러가 떠요. view 대신 뭘"
    " 쓰면 되나요?": "ko",
    "ValueError: sampler option is mutually exclusive with shuffle 왜 나는 건가요": "ko",
    "RuntimeError: CUDA out of memory\n이거 왜 나요": "ko",
    "expected scalar type Float but found Double 해결": "ko",
    "Can only compute gradients of float tensors 왜 나나요?": "ko",
    "The size of this is not the same as the size of that. 대신 뭘 써요, torch.reshape?": "ko",
    # English that speaks of Korean words.
    "what does 파이토치 mean?": "en",
    "Is PyTorch a 프레임워크?": "en",
    "What is the meaning of 손실 함수?": "en",
    "How do you translate 안녕하세요?": "en",
    "Tell me about it in 한국어": "en",
    "I want to learn 파이토치": "en",
    "이 에러가 떠요. What does it mean?": "en",
    "It says '텐서를 합칩니다.' in the Korean docs, is that torch.stack?": "en",
    "What does this error mean: view size is not compatible?": "en",
}


@pytest.mark.parametrize(("text", "language"), LANGUAGES.items())
def test_the_language_somebody_writes_in(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_long_english_text_with_a_korean_last_line_is_english() -> None:
    page = "This page is about tensors and the ways to join them. " * 60
    assert language_of(page + "한국어로도 읽을 수 있어요.") == "en"


# -- sentences -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expected",
    [
        ["텐서를 합칩니다.", "새 차원이 생겨요!", "정말요?", "네."],
        ["먼저 합친다.", "torch.cat은 새 차원을 만들지 않는다.", "x는 텐서다."],  # a name opens it
        ["값은 0.1이다.", "1.5배 빠르다."],
        ["“합칩니다.”", "(예: torch.stack.)", "끝…"],
        ["Use torch.stack.", "It joins tensors!", "Does it copy?", "Yes."],
        ["Pass dim, e.g. dim=1, i.e. Columns.", "Fig. 3 shows No. 5 of Smith et al. Then.", "End."],
        ["A. B. Smith wrote it.", "The learning rate is 3.14, not 3.", "Use 2.0.1 now."],
        ["Call torch.nn.functional.softmax or F.relu.", "See torch. nn is not one sentence."],
        ['He said "stop."', "(See this.)", "`x.sum()`.", "Then go."],
        ["Wait... what is it?", "No."],
    ],
)
def test_sentences(expected: list[str]) -> None:
    assert cut(" ".join(expected)) == expected
    assert cut("\n  ".join(expected)) == expected  # line breaks inside a paragraph mean nothing


def test_a_blank_line_ends_a_sentence_and_white_space_is_left_out() -> None:
    assert cut("\n\n  a title\n \t\nText of it.  More\n\n") == ["a title", "Text of it.", "More"]
    assert cut("제목\n\n본문이다.") == ["제목", "본문이다."]
    assert cut("") == cut(" \n\n\t ") == []


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        ("Otherwise, it is inferred to be `torch.int64`.", True),
        ("If not, the last dimension is used.", True),
        ("If given, the last dimension is used.", False),
        ("Sorting is stable.", False),
        ("그렇지 않으면 torch.int64가 된다.", True),
        ("다만 복사는 일어나지 않는다.", True),
        ("다만들어진 텐서를 돌려준다.", False),
        ("이 경우에는 복사한다.", False),
        ("텐서를 합친다.", False),
    ],
)
def test_a_sentence_that_leans_on_the_one_before(sentence: str, wanted: bool) -> None:
    assert leans(sentence) is wanted


prose = st.lists(
    st.one_of(
        st.sampled_from(
            ["텐서를", "합칩니다.", "torch.cat", "e.g.", "3.14", "\n", "\n\n", "Yes!", "(a.)", "…"]
        ),
        anything,
    ),
    max_size=25,
).map(" ".join)


@settings(max_examples=200)
@given(prose)
def test_sentences_cover_all_text_once_and_cut_no_word(text: str) -> None:
    spans = sentences(text)
    covered = "".join(text[start:end] for start, end in spans)
    assert re.sub(r"\s", "", covered) == re.sub(r"\s", "", text)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
    for (_, end), (start, _) in pairwise(spans):
        assert end < start
        assert text[end:start].isspace()


# -- search tokens -------------------------------------------------------------------------------


@pytest.mark.parametrize("noun", NOUNS)
def test_a_noun_has_one_stem_under_every_particle(noun: str) -> None:
    assert {korean_stem(noun + particle) for particle in ["", *PARTICLES]} == {noun}
    assert len({tuple(search_tokens(noun + particle)) for particle in ["", *PARTICLES]}) == 1


@pytest.mark.parametrize(
    ("stem", "forms"),
    [
        ("합치", "합치려면 합치는 합치면 합치고 합치나요 합치다 합치려고"),
        ("저장", "저장 저장하려면 저장하는 저장합니다 저장해요 저장했어요 저장할까요 저장되나요"),
        ("계산", "계산 계산됩니다 계산하면 계산한다 계산하나요 계산되는"),
        ("정확", "정확도 정확도를 정확도는"),  # a syllable too many goes, but always the same
    ],
)
def test_a_verb_has_one_stem(stem: str, forms: str) -> None:
    assert {korean_stem(form) for form in forms.split()} == {stem}


@given(st.one_of(syllables, st.sampled_from(NOUNS)), st.lists(st.sampled_from(PARTICLES)))
def test_a_stem_is_its_own_stem_and_never_empty(word: str, particles: list[str]) -> None:
    whole = word + "".join(particles)
    stem = korean_stem(whole)
    assert stem
    assert whole.startswith(stem)
    assert korean_stem(stem) == stem


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("F.cross_entropy", "f.cross_entropy f cross_entropy cross entropi"),
        ("pad_sequence", "pad_sequence pad sequenc"),
        ("CrossEntropyLoss", "crossentropyloss cross entropi loss"),
        ("torch.nn.LSTM", "torch.nn.lstm torch nn lstm"),
        ("gather가", "gather"),
        ("stack()은", "stack"),
        ("`nn.LSTM`의", "nn.lstm nn lstm"),
        ("DataLoader에서는", "dataloader data loader"),
        ("텐서들을", "텐서"),
        ("파이토치에서", "파이토치 파이 이토 토치"),
        ("1,000 3.14", "1,000 3.14"),
        ("What is the use of it?", ""),
        ("뭘 어떻게 하나요?", ""),
        ("café 텐서", "caf é 텐서"),  # names are ASCII; both sides are cut alike
        ("tensors tensor", "tensor tensor"),  # repeats are kept, in order
    ],
)
def test_the_words_under_which_a_text_is_found(text: str, tokens: str) -> None:
    assert search_tokens(text) == tokens.split()


@pytest.mark.parametrize(
    ("asked", "written"),
    [
        ("손실함수", "손실 함수"),
        ("손실함수를 정의하려면", "손실 함수의 정의"),
        ("cross entropy loss", "CrossEntropyLoss"),
        ("pad sequences", "pad_sequence"),
        ("텐서를 저장하려면", "텐서 저장"),
        ("softmax는", "F.softmax"),
        ("Concatenating tensors", "concatenates a tensor"),
    ],
)
def test_a_question_meets_the_text_that_says_it_in_another_form(asked: str, written: str) -> None:
    words = [t for t in search_tokens(written) if t.isalpha() and len(t) < 12 and t != "f"]
    assert words
    assert set(words) <= set(search_tokens(asked))


def test_a_particle_word_of_its_own_is_searched_for() -> None:
    """Only what is glued to a name is a particle."""
    assert search_tokens("만 개") == ["만", "개"]
    assert search_tokens("10만 gather만") == ["10", "gather"]
    assert "하고" not in search_tokens("torch.stack하고 torch.cat")


@given(anything)
def test_tokens_are_lower_case_and_without_space(text: str) -> None:
    for token in search_tokens(text):
        assert token == token.lower()
        assert not re.search(r"\s", token)


@pytest.mark.parametrize(
    "forms", ["concatenate concatenates Concatenated concatenating", "index indexed Indexing"]
)
def test_english_words_meet_in_every_form(forms: str) -> None:
    assert len({token for form in forms.split() for token in search_tokens(form)}) == 1
    assert search_tokens(forms)[0] == english_stem(forms.partition(" ")[0])


def test_stop_words_are_compared_after_their_particles_are_gone() -> None:
    assert search_tokens("무엇을 무엇인가요 어떤 방법으로 텐서를") == ["텐서"]
    assert all(korean_stem(word) == word or not search_tokens(word) for word in KOREAN_STOPWORDS)


def test_folding_is_one_space_between_words() -> None:
    assert fold("  가\n\t나 \u3000 b ") == "가 나 b"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1. Fold it. Turn it.", ["1. Fold it.", "Turn it."]),
        ("It does:\n  2. Fold it.\n  3. 종이를 접는다. 돌린다.",
         ["It does:\n  2. Fold it.", "3. 종이를 접는다.", "돌린다."]),
        ("Default: 0. Must be odd.", ["Default: 0.", "Must be odd."]),
    ],
)  # fmt: skip
def test_the_number_that_opens_a_line_ends_no_sentence(text: str, found: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == found


@given(st.lists(st.integers(1, 9), max_size=12), st.integers(1, 20))
def test_joined_spans_hold_the_same(lengths: list[int], limit: int) -> None:
    ends = [sum(lengths[: i + 1]) for i in range(len(lengths))]
    spans = list(zip([0, *ends], ends, strict=False))
    made = joined(spans, lambda before, after: after[1] - before[0] <= limit)
    assert [start for start, _ in made[1:]] == [end for _, end in made[:-1]]
    assert (made[0][0], made[-1][1]) == (0, ends[-1]) if spans else made == []
    assert all(end - start <= max(limit, *lengths) for start, end in made)
    assert joined(spans, lambda before, after: False) == spans


@pytest.mark.parametrize(
    ("text", "together"),
    [
        ("Returns the number of processors. Always 1.", True),
        ("N.B. This only exists for programs that run on any device.", True),
        ("두 텐서를 새 차원으로 합친다. 항상 그렇다.", True),
        (
            "It computes the mean over all dimensions. The result that is returned has no dimension of its own.",
            False,
        ),
        (
            "모든 차원에 대해 평균을 계산하여 돌려준다. 결과는 스스로의 차원을 하나도 갖지 않는다.",
            False,
        ),
    ],
)
def test_a_very_short_sentence_is_no_quote_of_its_own(text: str, together: bool) -> None:
    before, after = sentences(text)
    assert belongs(text, before, after, 320) is together
