"""What is searched for a question: its words, their translations, and names that sound like them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from rag.index import Index
from rag.lexicon import translate
from rag.loanwords import alike, by_sound
from rag.question import KOREAN_PACKAGES
from rag.text import english_stem, has_hangul, search_tokens

_WORD = re.compile(r"[A-Z]?[a-z]{3,}")
_PARTS = re.compile(r"[\s-]+")
_TITLE_WORD = re.compile(r"[A-Za-z]{6,}")


def query_concepts(text: str) -> tuple[Mapping[str, float], ...]:
    """What a question asks for, word by word: each a word and what it may be called, weighted.

    A Korean word stands with its English translations from the lexicon; the syllable pairs of a
    long Korean word belong to it at a third of its weight.
    """
    concepts: dict[str, dict[str, float]] = {}
    parent = ""
    for token in search_tokens(text):
        if has_hangul(token) and len(token) == 2 and token in parent and token != parent:
            concepts[parent].setdefault(token, 0.3)
            continue
        parent = token
        words = concepts.setdefault(token, {token: 1.0})
        if has_hangul(token):
            for english, probability in translate(token):
                joined = [english.replace("-", "_")] if "-" in english else []  # one-hot: one_hot
                for word in [*_PARTS.split(english), *joined]:
                    stem = english_stem(word.lower())
                    words[stem] = max(words.get(stem, 0.0), 0.9 * probability)
    return tuple(concepts.values())


def heard_concepts(
    concepts: tuple[Mapping[str, float], ...], index: Index
) -> tuple[tuple[Mapping[str, float], ...], list[str]]:
    """Korean words that neither lexicon nor documents know, with the words of public names and of
    titles that sound like them; and these words alone."""
    found: list[Mapping[str, float]] = []
    heard: list[str] = []
    for words in concepts:
        korean = next(iter(words))
        long = has_hangul(korean) and len(korean) > 2 and korean not in KOREAN_PACKAGES
        strange = long and not index.chunk_sparse.known(korean)
        told = any(word.isascii() and share >= 0.2 for word, share in words.items())
        names = alike(korean, name_sounds(index.all_names())) if strange and not told else []
        if long and not told:  # who names a page means it, though others speak of it too
            names += alike(korean, title_sounds(tuple(g.title for g in index.manifest.groups)))
        found.append({**words, **{english_stem(name): 0.7 for name in names}})
        heard.extend(names)
    return tuple(found), heard


@lru_cache(maxsize=4)
def name_sounds(names: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """The words in the last parts of public names, by their sound in Korean."""
    words = {word.lower() for name in names for word in _WORD.findall(name.rpartition(".")[2])}
    return by_sound(sorted(words))


@lru_cache(maxsize=4)
def title_sounds(titles: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """The long words of titles, by their sound in Korean."""
    return by_sound(sorted({word.lower() for t in titles for word in _TITLE_WORD.findall(t)}))


def flat(concepts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """All words of the concepts, each with its greatest weight."""
    weights: dict[str, float] = {}
    for words in concepts:
        for word, weight in words.items():
            weights[word] = max(weights.get(word, 0.0), weight)
    return weights
