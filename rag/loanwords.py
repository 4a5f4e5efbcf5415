"""English words as Korean writes them by sound: 촐레스키 is cholesky, 아다그라드 adagrad.

The lexicon knows the loanwords of its texts. For the others the consonants of both writings are
compared: Korean spells vowels in many ways and puts ㅡ between consonants, but the consonants stay.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

# Consonants of a syllable by the order of Unicode, as they sound in loanwords; silent ones empty.
_FIRST = "k k n t t r m p p s s  c c c k t p h".split(" ")
_LAST = " k k k n n n t r rk rm rp rs rt rp r m p p t t ng c c k t p t".split(" ")
_SOUNDS = (
    (r"(?<=[aeiou])r(?=[^aeiou]|$)", ""),  # 트랜스포머: the r of -er is not heard
    (r"tion|sion", "sn"), (r"gn$", "n"), (r"ng", "\u0002"), (r"ph", "p"), (r"sch|sh", "s"), (r"tch|ch", "c"), (r"th", "t"),
    (r"ck|q", "k"), (r"x", "ks"), (r"c(?=[eiy])", "s"), (r"c(?!$)(?![eiy])", "k"), (r"g(?=[eiy])", "k"),
    (r"j", "c"), (r"[fvb]", "p"), (r"d", "t"), (r"g", "k"), (r"l", "r"), (r"z", "c"),
)  # fmt: skip
# Vowels by the order of Unicode; ㅡ stands between consonants and is not heard.
_VOWELS = "a e a e o e o e o a e e o u o e i u  i i".split(" ")
_LIKE = 0.72  # share of the sounds, vowels too, that two writings have in common
_LEAST = 4  # consonants: with fewer, too many words sound alike


def heard(korean: str) -> str:
    """A Korean word as it sounds: "아다그라드" -> "atakrat"; empty for what is not Hangul."""
    sounds = []
    for letter in korean:
        number = ord(letter) - 0xAC00
        if not 0 <= number < 11_172:
            return ""
        first, rest = divmod(number, 588)
        sounds.append(_FIRST[first] + _VOWELS[rest // 28] + _LAST[rest % 28])
    return _once("".join(sounds))


def spoken(english: str) -> str:
    """An English word as Korean hears it: "adagrad" -> "atakrat"."""
    sounds = english.lower()
    sounds = f"\u0001{sounds[2:]}" if sounds.startswith("ch") else sounds
    for pattern, sound in _SOUNDS:
        sounds = re.sub(pattern, sound, sounds)
    return _once(re.sub(r"[^a-z\u0001\u0002]", "", sounds)).translate({1: "c", 2: "ng"})


def consonants(sounds: str) -> str:
    """What is left without vowels: "atakrat" -> "tkrt"."""
    return _once(re.sub(r"[aeiouyw]", "", sounds))


def alike(korean: str, words: Mapping[str, Sequence[str]], count: int = 3) -> list[str]:
    """The words of `by_sound` that a Korean word may be, the likest first."""
    sounds = heard(korean)
    shares = {
        word: SequenceMatcher(None, sounds, spoken(word)).ratio()
        for word in words.get(consonants(sounds), ())
    }
    near = [word for word, share in shares.items() if share >= _LIKE]
    return sorted(near, key=lambda word: (-shares[word], word))[:count]


def _once(sounds: str) -> str:
    return re.sub(r"(.)\1+", r"\1", sounds)


def by_sound(words: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """English words by their sound, those of too few consonants left out."""
    found: dict[str, list[str]] = defaultdict(list)
    for word in words:
        sound = consonants(spoken(word))
        if len(sound) >= _LEAST:
            found[sound].append(word)
    return {sound: tuple(some) for sound, some in found.items()}
