"""Either/or questions: what each source says, when it said so, and what follows.

No list of known disputes. A source takes a side where a sentence says of the asked subject that it
is, or is called, one of the two options: "... calls Korvia a printer", "코르비아를 프린터라고
부른다". The years that the sentence names, or its source's date, say when.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from rag.lexicon import load_lexicon, translate
from rag.markup import readable
from rag.question import Question
from rag.reader import Reading
from rag.text import KOREAN_STOPWORDS, english_stem, has_hangul, korean_stem, search_tokens
from rag.types import Document

_YEAR = re.compile(r"(?<!\d)((?:19|20)\d\d)(?!\d)")
_NEGATION = re.compile(
    r"\b(?:not|never|neither|nor|wrong|wrongly|mistaken|no longer|out of date|outdated|unknown|"
    r"opposite|slip|whether)\b|인지|여부|아니|않|틀린|반대|잘못|없다|알 수|더 이상|지난 (?:내용|정보|말)|낡은|맞았"
)
_BOTH = re.compile(r"\b(?:both|either)\b|둘 다|두 (?:표현|단어|말)|양쪽|모두")
_CALLS = (
    r"(?:call|calls|called|calling|define|defines|defined|describe|describes|described|name|names|"
    r"named|treat|treats|treated|consider|considers|considered|have|has|gives?|puts?|lists?|"
    r"classif(?:y|ies|ied))"
)
_IS = (
    r"(?:is|was|are|were|seems to be|remains|became|can be)"
    r"(?: (?:called|described|defined|named|expressed|considered|given|known))?(?: as)?"
)
_WINDOW = 70  # characters between the subject and the word that it is called
# What may follow a Korean option where it is predicated: 라고, 로, 이다, 다, 둘 다, a gloss.
_SAID = r"(?:\([^)]*\))?(?:이라|라|으로|로|이다|다\b|이고|이며|이자|,|\s*둘|$|\.)"


@dataclass(frozen=True, slots=True)
class Side:
    """One source's stand: `option` is one of the two or "both"; `reading` proves it."""

    place: int
    option: str
    date: str | None
    reading: Reading


# -- what is asked -------------------------------------------------------------------------------


def subject_forms(question: Question) -> frozenset[str]:
    """What the either/or is about: the words of the question that are no option, as they may be
    written in both languages, in lower case."""
    sides = {form for forms in heard_forms(question.options) for form in forms}
    parts = {word for form in sides for word in re.split(r"[\s-]+", form)}
    forms: set[str] = set()
    for word in re.findall(r"[\w.]+", question.text.lower()):
        stem = korean_stem(word) if has_hangul(word) else word.strip(".")
        if stem in KOREAN_STOPWORDS or not search_tokens(stem) or stem in parts:
            continue
        forms |= {stem, *_translations(stem)} - parts
    return frozenset(form for form in forms if len(form) > 1)


def option_forms(option: str) -> frozenset[str]:
    """How an option may be written: itself and its translations, in lower case."""
    phrase = option.lower()
    return frozenset({phrase, *_translations(phrase)})


def heard_forms(options: Sequence[str]) -> list[frozenset[str]]:
    """The forms by which each option is heard: of "a deep learning framework or a tensor library"
    the nouns alone tell the sides apart."""
    nouns = [re.split(r"\s+", option.strip())[-1] for option in options]
    apart = len({noun.lower() for noun in nouns}) == len(options)
    return [
        option_forms(option) | (option_forms(noun) if apart else frozenset())
        for option, noun in zip(options, nouns, strict=True)
    ]


def _translations(word: str) -> set[str]:
    if has_hangul(word):
        meanings = translate(korean_stem(word))
        return {english.lower() for english, p in meanings if p >= 0.3 and " " not in english}
    return set(_korean_for(english_stem(word)))


@lru_cache(maxsize=256)
def _korean_for(stem: str) -> tuple[str, ...]:
    """Korean words that mean just this English one."""
    return tuple(
        korean
        for korean, meanings in load_lexicon().items()
        if meanings and english_stem(meanings[0][0].lower()) == stem and meanings[0][1] >= 0.4
    )


# -- what the sources say ------------------------------------------------------------------------


def sides(
    question: Question, documents: Sequence[Document], units: Sequence[Reading]
) -> tuple[Side, ...]:
    """The stands that the sources take, best proofs first.

    A source stands once, or twice where it says different things of different years, the newest
    of each. What it reports of another source is that one's stand, not its own.
    """
    stands = _Stands(question)
    others = _told_apart(documents, stands.common)
    found: list[Side] = []
    for unit in units:
        document = documents[unit.place]
        if document.kind == "symbol":
            continue  # a docstring says what a thing does, not what it is called
        text = readable(document.text[unit.chunk.start : unit.chunk.end])
        option = stands.of(text)
        if option is None:
            continue
        if set(search_tokens(text)) & others - _names(document, others):
            continue
        found.append(Side(unit.place, option, _years(text) or document.date, unit))
    return tuple(sorted(_one_voice(found), key=lambda side: -side.reading.score))


class _Stands:
    """The patterns of one question."""

    def __init__(self, question: Question) -> None:
        """Compile what says the subject to be one of the options."""
        self.options = question.options
        forms = heard_forms(question.options)
        subject = _any_of(subject_forms(question))
        self.common = frozenset(
            token
            for form in (*forms[0], *forms[1], *subject_forms(question))
            for token in search_tokens(form)
        )
        self.each = [re.compile(_any_of(form), re.I) for form in forms]
        self.said = [re.compile(rf"{_any_of(form)}(?={_SAID})", re.I) for form in forms]
        side = "|".join(f"(?P<o{i}>{_any_of(form)})" for i, form in enumerate(forms))
        gloss = r"(?:\([^)]*\))?"
        gap = rf"[^.;:]{{0,{_WINDOW}}}?"
        self.english = (
            re.compile(rf"\b{_CALLS} (?:the )?{subject}{gloss},? (?:as )?{gap}(?:{side})", re.I),
            re.compile(rf"{subject}{gloss} {_IS} {gap}(?:{side})", re.I),
        )
        self.korean = (
            re.compile(
                rf"{subject}{gloss}(?:를|을|은|는|이|가|도)\s{gap}(?:{side})(?={_SAID})", re.I
            ),
        )

    def of(self, text: str) -> str | None:
        """The option that a sentence gives to the subject, "both", or None."""
        if _NEGATION.search(text):
            return None
        for pattern in self.korean if has_hangul(text) else self.english:
            match = pattern.search(text)
            if match:
                if all(each.search(text) for each in self.each) and _BOTH.search(text):
                    return "both"
                if has_hangul(text) and all(said.search(text) for said in self.said):
                    return None  # "그때는 프린터, 지금은 컴퓨터라고": a history, no stand
                return self.options[0 if match["o0"] else 1]
        return None


def _any_of(forms: Iterable[str]) -> str:
    """A pattern for any of the forms, words whole; hyphens and spaces are the same."""
    parts = []
    for form in sorted(forms, key=lambda f: (-len(f), f)):
        words = r"[\s-]+".join(re.escape(word) for word in re.split(r"[\s-]+", form) if word)
        parts.append(
            words if has_hangul(form) else rf"(?<![A-Za-z0-9_-]){words}s?(?![A-Za-z0-9_-])"
        )
    return f"(?:{'|'.join(parts)})" if parts else r"(?:(?!))"


def _one_voice(found: Sequence[Side]) -> list[Side]:
    """For each source its newest stand for each option, and only the best of one year."""
    kept: list[Side] = []
    ordered = sorted(found, key=lambda s: (last_year(s.date), s.reading.score), reverse=True)
    for side in ordered:
        own = [other for other in kept if other.place == side.place]
        if any(o.option in (side.option, "both") or side.option == "both" for o in own):
            continue
        if all(last_year(other.date) != last_year(side.date) for other in own):
            kept.append(side)
    return kept


def last_year(date: str | None) -> str:
    """The latest year that a date or a span of years names: "2023" of "2022-2023"; "" of none."""
    years = [match[1] for match in _YEAR.finditer(date or "")]
    return max(years, default="")


def _names(document: Document, among: frozenset[str]) -> frozenset[str]:
    """The words by which people call a source, of those that tell sources apart."""
    return frozenset(search_tokens(f"{document.title} {document.id}")) & among


def _told_apart(documents: Sequence[Document], common: frozenset[str]) -> frozenset[str]:
    """Words that stand in the title or the host of just one source: Wikipedia, Quora."""
    counts: Counter[str] = Counter()
    for document in documents:
        if document.kind != "symbol":
            called = f"{document.title} {_host(document)}"
            counts.update({w for w in search_tokens(called) if len(w) > 3} - common)
    return frozenset(word for word, count in counts.items() if count == 1)


def _host(document: Document) -> str:
    """ "web:www.boostcourse.org/ai213" -> "www boostcourse", the name that a site goes by."""
    scheme, _, rest = document.id.partition(":")
    return " ".join(rest.partition("/")[0].split(".")[:-1]) if scheme == "web" else ""


def _years(text: str) -> str | None:
    """The years that a sentence names itself: "2026", "2022-2023"."""
    years = sorted({m[1] for m in _YEAR.finditer(text)})
    if not years:
        return None
    return years[0] if years[0] == years[-1] else f"{years[0]}-{years[-1]}"


# -- what follows --------------------------------------------------------------------------------


def conclude(options: Sequence[str], found: Sequence[Side]) -> str:
    """One of the options, "both", "disagree" or "open"."""
    stands = {side.option for side in found}
    named = {option for option in stands if option != "both"}
    if not stands:
        return "open"
    if "both" in stands:
        return "both"
    return named.pop() if len(named) == 1 else "disagree"


def newest(found: Sequence[Side]) -> tuple[str, str] | None:
    """The option that all the newest stands share, and their year; None where they do not."""
    year = max((last_year(side.date) for side in found), default="")
    latest = {side.option for side in found if last_year(side.date) == year}
    older = {side.option for side in found} - latest
    return (latest.pop(), year) if year and len(latest) == 1 and older else None
