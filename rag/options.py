"""The two sides of an either/or question, in both languages.

Word by word and without backtracking, so that no question, however long or odd, takes long.
"""

from __future__ import annotations

import re
from itertools import pairwise

_WORD = re.compile(r"[\w.\-]+|[?!,;]")
_FILLERS = frozenset(
    """a an the is it are be been called either more rather just use should i we you does do did was
    were would could can in of for to as by on with what which not""".split()
)
_ARTICLES = frozenset(["a", "an", "the"])
_OR = frozenset(["or"])
_VERSUS = frozenset(["vs", "vs.", "versus"])
_KOREAN_OR = frozenset(["아니면", "혹은", "또는"])
_AMONG = frozenset(["중", "중에", "중에서", "중에서는", "가운데", "중엔"])
# What ends a side in Korean, longest first: copulas in question form, then joining particles.
_COPULAS = (
    "이었나요 인가요 입니까 이에요 일까요 인지요 이예요 인건가 인가 이냐 일까 예요 에요 이야 인지 냐 야 니"
).split()
_JOINS = "이랑은 이랑 하고 랑 와 과".split()
_CASES = "은 는 이 가 을 를".split()
_SIDE = 3  # words of an English side at most


def options(text: str) -> tuple[str, ...]:
    """The two sides ("framework", "library"), or () where the question is no either/or."""
    words = [w.rstrip(".") or w for w in _WORD.findall(text)]
    for find in (_joined_by_or, _versus, _korean_pair, _korean_or, _korean_among):
        found = find(words)
        if found and found[0] and found[1] and found[0].lower() != found[1].lower():
            return found
    return ()


def _joined_by_or(words: list[str]) -> tuple[str, str] | None:
    """ "... a framework or a library?": the words next to "or", as many on both sides."""
    for i, word in enumerate(words):
        if word.lower() in _OR:
            left = _run(words[max(0, i - 5) : i][::-1])[::-1]
            right = _run(words[i + 1 : i + 6])
            if left and right:
                # "a deep learning framework or a tensor library": an article says where a side
                # begins; without one both sides are as long as the shorter.
                shorter = min(len(left), len(right))
                before = words[i - len(left) - 1] if i > len(left) else ""
                mine = len(left) if before.lower() in _ARTICLES else shorter
                yours = len(right) if words[i + 1].lower() in _ARTICLES else shorter
                return " ".join(left[-mine:]), " ".join(right[:yours])
    return None


def _run(words: list[str]) -> list[str]:
    """The first words that are no fillers, up to the next filler or punctuation mark."""
    kept: list[str] = []
    for word in words:
        if word in "?!,;" or word.lower() in _FILLERS:
            if kept:
                break
            continue
        kept.append(word)
    return kept[:_SIDE]


def _versus(words: list[str]) -> tuple[str, str] | None:
    for i, word in enumerate(words[1:-1], 1):
        if word.lower() in _VERSUS:
            return words[i - 1], words[i + 1]
    return None


def _korean_pair(words: list[str]) -> tuple[str, str] | None:
    """ "프레임워크인가요, 라이브러리인가요?": two words with a copula, next to each other."""
    ended = [(i, _without(word, _COPULAS)) for i, word in enumerate(words)]
    sides = [(_with_latin(words, i, stem), i, stem) for i, stem in ended if stem is not None]
    for (_, i, a), (j, end, b) in pairwise(sides):
        between = [w for w in words[i + 1 : j] if w not in (",", "?") and w not in _KOREAN_OR]
        if len(between) <= 1:
            start = _with_latin(words, i, a)
            return " ".join([*words[start:i], a]), " ".join([*words[j:end], b])
    return None


def _with_latin(words: list[str], i: int, stem: str) -> int:
    """Where the side that ends in word i begins: "define by run이야" is one side of three words."""
    start = i
    while (
        stem.isascii() and start > 0 and words[start - 1].isascii() and words[start - 1].isalpha()
    ):
        start -= 1
    return start


def _korean_or(words: list[str]) -> tuple[str, str] | None:
    for i, word in enumerate(words[1:-1], 1):
        if word in _KOREAN_OR:
            before = next((w for w in reversed(words[:i]) if w not in ",?"), "")
            return _stem(before), _stem(words[i + 1])
    return None


def _korean_among(words: list[str]) -> tuple[str, str] | None:
    """ "stack이랑 cat 중 뭐?": a joining particle, the second side, "among"."""
    for i, word in enumerate(words[1:], 1):
        if word in _AMONG and i >= 2:
            first = _without(words[i - 2], _JOINS)
            if first is not None:
                return first, _stem(words[i - 1])
    return None


def _without(word: str, endings: list[str]) -> str | None:
    """The word without the first of the endings that it has, None where it has none."""
    for ending in endings:
        if word.endswith(ending) and len(word) > len(ending):
            return word[: -len(ending)]
    return None


def _stem(word: str) -> str:
    for endings in (_COPULAS, _JOINS, _CASES):
        stem = _without(word, endings)
        if stem is not None and (len(stem) > 1 or endings is _COPULAS):
            return stem
    return word
