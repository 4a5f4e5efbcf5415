"""Text as both languages write it: NFC, language, sentences, search tokens.

Korean glues particles and endings to words (텐서를, 합치려면) and Python glues words to names
(`pad_sequence`, `CrossEntropyLoss`). Search works on what is inside: both are taken apart here,
the same way for questions and documents.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from rag.types import Language

_HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3"
_HANGUL_RUN = re.compile(f"[{_HANGUL}]+")
_GLUED = re.compile(f"[A-Za-z0-9)\\]`][{_HANGUL}]+$")
_PLAIN_WORD = re.compile(r"(?<![\w.`(])[A-Za-z]?[a-z']+(?![\w.(`]*[\w(`])")
_TOKEN = re.compile(
    rf"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*|[{_HANGUL}]+|\d+(?:[.,]\d+)*|[^\W\d_]+"
)
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")

# How a question opens in English, and how one closes in Korean; for texts with words of both.
_ENGLISH_OPENING = re.compile(
    r"\W*(?:what|how|why|which|who|whose|when|where|is|are|do|does|did|can|could|should|would|will|"
    r"please|tell|explain|describe|show|give|define|translate|compare|list)(?:'s)?\b(?!')",
    re.I,
)
_KOREAN_CLOSING = re.compile("[요까죠냐줘돼]$|니다$|[나되는뭐]지$|[하되시]나$|는데$")
_ASKED_NOUNS = frozenset("에러 오류 해결 원인 이유 차이 차이점 방법 의미 뜻 설명 예제".split())
_WORD_EDGE = re.compile(r"^[\W_]+|[\W_]+$")
_PASTED = 2_000  # characters; longer texts are documents, not questions

# Control characters and invisible marks that could hide or reorder text; tabs and newlines stay.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)

ENGLISH_STOPWORDS = frozenset(
    """a about all also am an and any are as at be been being but by can could did do does doing
    done for from get gets give gives had has have having he her here him his how i if in into is
    it its itself just let like ll made make makes many may me might mine more most much must my
    need of on one or other our ours out over own please re s same shall she should so some such t
    tell than that the their them then there these they this those through to too up us ve very
    was we were what when where which while who whom whose why will with would you your yours
    want use uses using used""".split()
)

# Question words, fillers and auxiliary verbs; compared after particles are gone.
KOREAN_STOPWORDS = frozenset(
    """무엇 무슨 뭐 뭘 뭔 뭔가 뭐예 뭐에 뭐지 뭐야 어떻게 어떤 어떠 어때 어느 어디 어디서 왜 언제 누구 누가
    얼마 얼마나 몇 그 그럼 그러면 그런데 그리고 그래서 그냥 근데 이 저 것 거 게 건 걸 수 때 경우 대해 대한
    대하 관해 좀 또 더 잘 다 안 못 나 내 제 우리 저희 너 있 없 하 되 돼 된 될 않 아니 이랑 및 등 중
    해 해야 해주 알려 알려줘 알려주 설명 설명해 말해 말하 주 줘 준 쓰 써 쓸 쓰면 싶 같 위해 위하 통해
    따르 따라 의하 정도 지금 혹시 제발 사용 사용하 이용 방법 뜻 의미 궁금 질문""".split()
)

# Longest first. Case particles, topic markers, copulas and question ends, then verb endings.
# A list, not a morphological analyser: the analysers cost a second of start-up and this costs none.
_PARTICLES = """으로부터 에서부터 이라고는 이라는 이라고 이라면 이었나요 이었어요 인가요 인건가요 입니까 입니다 이에요
    이예요 이던가 인지를 인지는 이란 이랑은 이랑 이나 이든 이며 이고 이야 이지 인데 인지 으로는 으로서
    으로써 으로도 으로만 으로 에서는 에서도 에서만 에서 에게서 에게는 에게 에는 에도 에만 에다 에 까지는 까지
    부터는 부터 보다는 보다 처럼은 처럼 만큼 마다 조차 라고는 라고 라는 라면 라서 라도 란 랑은 랑 로부터
    로는 로서 로써 로도 로만 로 와는 와도 와의 와 과는 과도 과의 과 하고 한테 께서 들은 들이 들을 들의
    들 은요 는요 은 는 이 가 을 를 의 도 만 나요 예요 에요 야 요 여 죠""".split()
_ENDINGS = """하려면은 하려면 하려고 하려는 했는데 했더니 하였다 하였습니다 했습니다 하십시오 하시오 하세요 하나요
    하는가 하는지 하는데 하는게 하는거 하는법 하는 하지만 하지 하게 하고 하면서 하면은 하면 하며 하기 하여
    해야만 해야 해주세요 해줘 해주나요 해줄 해도 해서 했나요 했어요 했어 했던 했다 한다고 한다는 한다면 한다
    할까요 할까 할때 할 합니까 합니다 합니다만 해요 해 한 함 하자 하다 되려면 되는지 되는가 되는데 되는 되나요 되어야
    되어 되었나요 되었다 되었습니다 됐나요 됐어 됐다 되면 되고 되지 된다고 된다 된다면 됩니까 됩니다 될까요 될까 될 돼요
    돼야 돼서 돼 된 됨 되다 시키려면 시키는 시키면 시켜 시킨 시킬
    으려면 으려고 으면서 으면 은데 인데요 은데요 으며 으니 으나 을까요 을까 을지 을 려면 려고 려는 려면은
    었나요 었는데 었더니 었어요 었어 었습니다 었다 았나요 았는데 았더니 았어요 았어 았습니다 았다
    습니까 습니다 나요 는가요 는가 는지 는데요 는데 는건 는거 는게 는 은지 은가 지만 지는 지도 고서 고 면서 면은 면
    어야 아야 어서 아서 어요 아요 어도 아도 던지 다 니까 주세요 세요 죠""".split()
_SUFFIXES = tuple(sorted({*_PARTICLES, *_ENDINGS}, key=lambda s: (-len(s), s)))
_PARTICLE_SET = frozenset(_PARTICLES) | {"에요", "예요", "할", "한", "하는", "해", "로", "되는"}


def nfc(text: str) -> str:
    """Text in NFC, the only form that is stored, compared and counted here."""
    return unicodedata.normalize("NFC", text)


def printable(text: str) -> str:
    """NFC text without control characters, zero-width marks and bidi overrides.

    A lone surrogate becomes a question mark; tabs and line ends stay.
    """
    # NFC last: what is taken out may have stood between a letter and its mark.
    return nfc(_UNSAFE.sub("", text.encode("utf-8", "replace").decode("utf-8")))


def fold(text: str) -> str:
    """White space folded to single spaces."""
    return " ".join(text.split())


def has_hangul(text: str) -> bool:
    """Whether any Hangul letter stands in the text."""
    return _HANGUL_RUN.search(text) is not None


def language_of(text: str) -> Language:
    """The language somebody writes in: Korean when Hangul words outnumber plain English words.

    Names of code (`torch.stack`, `num_workers`, `DataLoader`) are of neither language, so
    "DataLoader의 num_workers 기본값은?" is Korean and "what does 파이토치 mean?" is English. A short
    text that ends as Korean does is Korean: an English message pasted before a Korean question.
    """
    text = nfc(text)
    if not has_hangul(text):
        return "en"
    return "ko" if _outnumbers(text) or _asks_in_korean(text) else "en"


def _outnumbers(text: str) -> bool:
    return len(_HANGUL_RUN.findall(text)) >= len(_PLAIN_WORD.findall(text))


def _asks_in_korean(text: str) -> bool:
    """Whether a text with more English words than Korean ones ends with a Korean question.

    The verb stands last in Korean, so the words at the end tell: two or more in Hangul, or one
    with a particle or an ending. "What is the meaning of 손실 함수?" is opened as English is.
    """
    if len(text) > _PASTED:
        return False
    start, end = sentences(text)[-1]
    last = text[start:end]
    tail: list[str] = []
    for word in reversed(last.split()):
        core = _WORD_EDGE.sub("", word)
        if not tail and _GLUED.search(core):
            return True  # "... define and run이야?": only Korean glues an ending to a Latin word
        if core and not _HANGUL_RUN.fullmatch(core):
            break
        tail.extend([core] if core else [])
    if not tail:
        return start > 0 and has_hangul(last) and _outnumbers(last)
    if _ENGLISH_OPENING.match(last):
        return len(tail) > 1 and _KOREAN_CLOSING.search(tail[0]) is not None
    return len(tail) > 1 or korean_stem(tail[0]) != tail[0] or tail[0] in _ASKED_NOUNS


# -- sentences ---------------------------------------------------------------------------------

_ABBREVIATION = re.compile(
    r"(?:\b(?:e\.g|i\.e|etc|cf|vs|Fig|Eq|Sec|No|resp|approx|al|Dr|Mr|Ms|Inc|incl|w\.r\.t|a\.k\.a)"
    r"|(?:^|[\s(])[A-Z]|(?:^|\n)[ \t]*\d{1,2})\.$"  # the last one: the number of a list item
)
_END = re.compile(r"(?<![.!?。…])[.!?。…]++[\"'”’)\]`*]*+(?=\s|$)")
_BREAK = re.compile(r"\n[ \t]*\n")
_LOWER_START = re.compile(r"\s+[a-z]")


_BRIEF = 40  # characters; Hangul says the same in half as many
_LEANING = re.compile(
    r"(?:Otherwise|Instead|However|But|Then|Thus|Hence|Therefore|So|If (?:so|not)|In (?:this|that) case)\b"
    r"|(?:그렇지 않으면|그렇지 않은|아니면|이 경우|그 경우|그래서|따라서|그러면|그 대신|하지만|그러나|다만)(?![가-힣])"
)


def leans(sentence: str) -> bool:
    """Whether a sentence opens with a word that says nothing without the sentence before it."""
    return bool(_LEANING.match(sentence))


_BACK = re.compile(
    r"(?:As such|This|These|Those|That|It|They|Such|The same)\b|(?:이는|이것은|이때|그것은|그때)(?![가-힣])"
)


def points_back(sentence: str) -> bool:
    """Whether a sentence begins by pointing to the one before it, as "This ..." does."""
    return leans(sentence) or bool(_BACK.match(sentence))


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the sentences of `text`, without the white space around them.

    A blank line always ends one. A full stop does not end one inside a name or number, after an
    abbreviation or the number that opens a line, or before a lower-case word, unless it stands after Hangul, where a name in lower
    case may open the next sentence. Line breaks inside a paragraph mean nothing.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for block in (*_BREAK.finditer(text), None):
        stop = block.start() if block else len(text)
        spans.extend(_paragraph_sentences(text, start, stop))
        start = block.end() if block else stop
    return spans


def _paragraph_sentences(text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    at = start
    for end in _END.finditer(text, start, stop):
        before = text[max(at, end.start() - 12) : end.start() + 1]
        if _ABBREVIATION.search(before):
            continue
        if _LOWER_START.match(text, end.end(), stop) and not has_hangul(before[-2:]):
            continue
        yield from _stripped(text, at, end.end())
        at = end.end()
    yield from _stripped(text, at, stop)


def _stripped(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    left = start + len(piece) - len(piece.lstrip())
    right = start + len(piece.rstrip())
    if left < right:
        yield left, right


def joined(
    spans: Iterable[tuple[int, int]], belong: Callable[[tuple[int, int], tuple[int, int]], bool]
) -> list[tuple[int, int]]:
    """The spans, each that belongs to what stands before it made one with it."""
    made: list[tuple[int, int]] = []
    for span in spans:
        if made and belong(made[-1], span):
            made[-1] = (made[-1][0], span[1])
        else:
            made.append(span)
    return made


def belongs(text: str, before: tuple[int, int], after: tuple[int, int], most: int) -> bool:
    """Whether the sentence at `after` is to be quoted together with the one before it: it leans on
    that, up to `most` characters of both, or one of them is very short."""
    length = after[1] - before[0]
    if leans(text[slice(*after)]) and length <= most:
        return True
    return (_brief(text, before) or _brief(text, after)) and length <= 4 * _BRIEF


def _brief(text: str, span: tuple[int, int]) -> bool:
    words = text[slice(*span)]
    return len(words) < (_BRIEF // 2 if has_hangul(words) else _BRIEF)


# -- search tokens -----------------------------------------------------------------------------


def search_tokens(text: str) -> list[str]:
    """The tokens under which `text` is found, in order, repeats kept.

    `F.cross_entropy` gives "f.cross_entropy", "f", "cross_entropy", "cross", "entropi"; a
    camel-case name its words; an English word its stem; a Korean word its stem without particles and, when
    that is long, its pairs of syllables, so that 손실함수 meets 손실 함수.
    """
    text = nfc(text)
    tokens: list[str] = []
    for match in _TOKEN.finditer(text):
        word, before = match.group(), text[match.start() - 1 : match.start()]
        # A particle glued to a name (`gather가`, `stack()은`) is no word of its own.
        if word in _PARTICLE_SET and before and not before.isspace():
            continue
        tokens.extend(_word_tokens(word))
    return tokens


_ACRONYMS = re.compile(r"[A-Z][A-Za-z]?[A-Z]+s|[cgntx]pus")


@lru_cache(maxsize=100_000)
def _word_tokens(word: str) -> tuple[str, ...]:
    if _HANGUL_RUN.fullmatch(word):
        return tuple(_korean_tokens(word))
    if _ACRONYMS.fullmatch(word):
        word = word[:-1]  # the stemmer takes "gpus" for a word like "status"
    if not word.isascii() or word[0].isdigit():
        return (word.lower(),)
    return tuple(_latin_tokens(word))


def _latin_tokens(word: str) -> Iterator[str]:
    if "." in word:
        yield word.lower()
    for part in word.split("."):
        pieces = _CAMEL.findall(part)
        lower = part.lower().strip("_")
        if not lower:
            continue
        if len(pieces) > 1 or "_" in part:
            yield lower
            for piece in pieces:
                if piece.lower() not in ENGLISH_STOPWORDS and len(piece) > 1:
                    yield english_stem(piece.lower())
        elif lower not in ENGLISH_STOPWORDS:
            yield english_stem(lower)


def _korean_tokens(word: str) -> Iterator[str]:
    stem = korean_stem(word)
    if stem in KOREAN_STOPWORDS or word in KOREAN_STOPWORDS:
        return
    yield stem
    if len(stem) >= 3:
        for i in range(len(stem) - 1):
            yield stem[i : i + 2]


_OF_THREAD = threading.local()  # a Stemmer keeps a state and must not be shared


def _stemmer() -> object:
    if not hasattr(_OF_THREAD, "stemmer"):
        import Stemmer

        _OF_THREAD.stemmer = Stemmer.Stemmer("english")
    return _OF_THREAD.stemmer


@lru_cache(maxsize=50_000)
def english_stem(word: str) -> str:
    """The Snowball stem of a lower-case English word."""
    return str(_stemmer().stemWord(word))  # type: ignore[attr-defined]


@lru_cache(maxsize=50_000)
def korean_stem(word: str) -> str:
    """A Korean word without its particles and endings: 텐서들을 -> 텐서, 합치려면 -> 합치.

    Suffixes go until none is left, so that a stem is its own stem: 정확도를 and 정확도 meet even
    where a noun loses a syllable that looks like a particle. One syllable always stays, two where
    the suffix is a single syllable.
    """
    stem = nfc(word)
    while (shorter := _strip_once(stem)) != stem:
        stem = shorter
    return stem


def _strip_once(word: str) -> str:
    for suffix in _SUFFIXES:
        keep = 2 if len(suffix) == 1 else 1
        if len(word) - len(suffix) >= keep and word.endswith(suffix):
            return word[: -len(suffix)]
    return word
