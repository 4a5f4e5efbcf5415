"""Either/or questions: what each source says, when it said so, and what follows.

No list of known disputes: a sentence about the asked subject that names just one of the two
options takes that side, and the dates in it (or its source's) say when.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.lexicon import load_lexicon, translate
from rag.markup import readable
from rag.question import Question
from rag.reader import Reading
from rag.text import KOREAN_STOPWORDS, english_stem, has_hangul, search_tokens
from rag.types import Document

_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?:-(\d\d))?")
_NEGATION = re.compile(
    r"\b(?:not|never|neither|nor|wrong|mistaken|no longer|out of date|outdated|unknown|swapped|"
    r"opposite|slip)\b|아니|않|틀린|뒤바|반대|잘못|없다|알 수|더 이상|지난 (?:내용|정보|말)|낡은|맞았"
)
_BOTH = re.compile(r"\b(?:both|either)\b|둘 다|두 (?:표현|단어|말)|양쪽|모두")
_PREDICATE = re.compile(
    r"\b(?:is|are|was|were|as|call(?:s|ed)?|defin(?:es|ed|e)|describ(?:es|ed|e)|nam(?:es|ed)|"
    r"lean(?:s|ed)?|says?|said|use[sd]?|word)\b|라고|이라|정의|부르|불린|표현|말한|기울|이다|다\.?$"
)


@dataclass(frozen=True, slots=True)
class Side:
    """One source's stand: `option` is one of the two or "both"; `reading` proves it."""

    place: int
    option: str
    date: str | None
    reading: Reading


def subject_words(question: Question) -> frozenset[str]:
    """What the either/or is about: the words of the question that are no option."""
    sides = {token for option in question.options for token in option_words(option)}
    words = search_tokens(question.text)
    return frozenset(
        alternative
        for word in words
        if word not in sides and word not in KOREAN_STOPWORDS
        for alternative in {word, *(english_stem(e) for e, p in translate(word) if p >= 0.2)}
        if alternative not in sides
    )


def option_words(option: str) -> frozenset[str]:
    """The search words of an option and of its translations: 라이브러리 also finds library."""
    words = search_tokens(option)
    whole = [w for w in words if not (has_hangul(w) and len(w) == 2 and len(option) > 2)]
    found = set(whole[:1] if len(whole) > 1 and not has_hangul(option) else whole)
    for word in list(found):
        if has_hangul(word):
            found.update(
                english_stem(e.lower()) for e, p in translate(word) if p >= 0.3 and " " not in e
            )
        else:
            found.update(_korean_for(word))
    return frozenset(found)


@lru_cache(maxsize=256)
def _korean_for(word: str) -> tuple[str, ...]:
    """Korean words that mean just this English one, by its stem."""
    return tuple(
        korean
        for korean, meanings in load_lexicon().items()
        if meanings and english_stem(meanings[0][0].lower()) == word and meanings[0][1] >= 0.4
    )


def sides(
    question: Question, documents: Sequence[Document], units: Sequence[Reading]
) -> tuple[Side, ...]:
    """The stands that the sources take, best proofs first.

    A source stands once, or twice where it says different things of different years. What it
    reports of another source is that one's stand, not its own.
    """
    a, b = (option_words(option) for option in question.options)
    subject = subject_words(question)
    others = _told_apart(documents, subject | a | b)
    found: list[Side] = []
    for unit in units:
        document = documents[unit.place]
        if document.kind == "symbol":
            continue  # a docstring says what a thing does, not what it is called
        text = readable(document.text[unit.chunk.start : unit.chunk.end])
        words = set(search_tokens(text))
        reported = words & others - _names(document, others)
        if (subject and not (words & subject)) or reported:
            continue
        option = _stand(text, words, question.options, a, b)
        if option is not None:
            found.append(Side(unit.place, option, _years(text) or document.date, unit))
    found.sort(key=lambda side: -side.reading.score)
    return tuple(_one_voice(found))


def _one_voice(found: Sequence[Side]) -> list[Side]:
    """The best stand of each source, and a second of other years."""
    kept: list[Side] = []
    for side in found:
        own = [k for k in kept if k.place == side.place]
        dated = all(_years_differ(k.date, side.date) and k.option != side.option for k in own)
        if not own or (len(own) == 1 and dated and own[0].option != "both" != side.option):
            kept.append(side)
    return kept


def _years_differ(a: str | None, b: str | None) -> bool:
    return a is not None and b is not None and a[:4] != b[:4]


def _names(document: Document, among: frozenset[str]) -> frozenset[str]:
    """The words by which people call a source, of those that tell sources apart."""
    return frozenset(search_tokens(f"{document.title} {document.id}")) & among


def _told_apart(documents: Sequence[Document], common: frozenset[str]) -> frozenset[str]:
    """Words that stand in the title of just one source: Wikipedia, Quora."""
    counts: Counter[str] = Counter()
    for document in documents:
        if document.kind != "symbol":
            counts.update({w for w in search_tokens(document.title) if len(w) > 3} - common)
    return frozenset(word for word, count in counts.items() if count == 1)


def _stand(
    text: str, words: set[str], options: Sequence[str], a: frozenset[str], b: frozenset[str]
) -> str | None:
    says_a, says_b = bool(words & a), bool(words & b)
    if not (says_a or says_b) or not _PREDICATE.search(text) or _NEGATION.search(text):
        return None
    if says_a and says_b:
        if _BOTH.search(text):
            return "both"
        return _nearest_side(text, options, a, b)
    return options[0] if says_a else options[1]


def _nearest_side(
    text: str, options: Sequence[str], a: frozenset[str], b: frozenset[str]
) -> str | None:
    """Where both occur: the one that stands right after "called", "defines ... as a"."""
    match = re.search(
        r"\b(?:calls?|called|defines?|defined|describes?|is)\b(?P<rest>.{0,90})", text
    )
    if match is None:
        return None
    for token in search_tokens(match["rest"]):
        if token in a:
            return options[0]
        if token in b:
            return options[1]
    return None


def _years(text: str) -> str | None:
    """The years that a sentence names itself: "2026", "2022-2023"."""
    years = sorted({m[1] for m in _YEAR.finditer(text)})
    if not years:
        return None
    return years[0] if years[0] == years[-1] else f"{years[0]}-{years[-1]}"


def conclude(options: Sequence[str], found: Sequence[Side]) -> str:
    """What follows: one of the options, "both", "disagree" or "open"."""
    stands = {side.option for side in found}
    named = [side for side in found if side.option != "both"]
    if not stands:
        return "open"
    if len({side.option for side in named}) == 1 and "both" not in stands:
        return named[0].option
    if "both" in stands or not named:
        return "both"
    return "disagree"
