"""What is known of a unit for a question, as features: the fitted weights say what each is worth.

Its likeness to the question, its place in the docstring, whether it states what was asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.retrieve import Retrieved
from rag.text import english_stem
from rag.types import Chunk, Role

_STATES: dict[str, re.Pattern[str]] = {
    "default": re.compile(r"\bdefaults?\b|기본값|기본으로", re.I),
    "omitted": re.compile(
        r"\bdefaults?\b|\bnot (?:specified|given|provided|set|passed)\b|\bis ``?None|\bomitted\b|"
        r"\bif (?:only|no)\b|\bunspecified\b|\bunless\b|기본|지정하지 않",
        re.I,
    ),
    "number": re.compile(r"\d"),
    "when": re.compile(r"\b(?:19|20)\d\d\b"),
    "error": re.compile(
        r"\b(?:error|raise|exception|must|instead|should|cannot|expect|advisable|recommended|to avoid|"
        r"make sure|not supported|fail|fall back|workaround|recommend|disable)",
        re.I,
    ),
    "why": re.compile(r"\b(?:because|since|due to|so that|in order|reason)\b|때문|이유|위해", re.I),
    "difference": re.compile(
        r"\b(?:unlike|different|differs?|whereas|while|instead|same as|similar)\b|다르|달리|반면",
        re.I,
    ),
}
_PATH = re.compile(r"\S*(?:://|\.\./|\w/\w+\.(?:png|svg|jpg))\S*|^_.*?:(?=\s|$)")
_UNTOLD = re.compile(
    r"\bunknown\b|\bnot known\b|\bcould not be\b|알 수 없|알려지지 않|확인하지 못|구하지 못", re.I
)
_WORD = re.compile(r"[가-힣]{2,}|[A-Za-z]{3,}")
_PLAIN = frozenset(map(english_stem,
    "the and for this that its input output tensor first second other given result optional".split()
))  # fmt: skip
_POINTER = re.compile(
    r"(?:See|See also|Please see|Refer to|참고:)\b[^`]{,70}|.{,60}\bplease (?:open|file|submit) an? .*",
    re.S,
)
_ANNOUNCES = re.compile(r":$|\b(?:as follows|in the following way|(?:shown|given) below)\.$")
_VALUE = re.compile(r"\d|\b(?:None|True|False|defaults?|must|only|if|기본)\b", re.I)
# A page that speaks of itself instead of its subject: "this note follows the copy of ...".
_ABOUT_ITSELF = re.compile(
    r"\b(?:this|our own|the) (?:note|page|document|article|section)s?\b|이 (?:노트|글|문서|페이지)|노트이다|우리가 쓴",
    re.I,
)
_ROLE_NAMES: dict[Role, str] = {
    "attribute": "parameter", "warning": "note", "code": "example",
}  # fmt: skip
_TELLING = ("parameter", "returns", "text", "note", "warning")  # roles that are to tell something
_UNNAMED = ("first", "behind", "dense", "words", "like")  # weighs otherwise without a name


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document stands: its number among those read, and how far its rank score lies
    behind the best."""

    number: int
    behind: float


@dataclass(frozen=True, slots=True)
class Likeness:
    """Of a unit to the question: the cosine, the share of the asked words that it holds, and how
    like the question is to one that was asked of the unit."""

    cosine: float
    words: float
    asked: float


def unit_features(
    chunk: Chunk, retrieved: Retrieved, likeness: Likeness, place: Place
) -> dict[str, float]:
    """What is known of a unit for this question, by name; the fitted weights say what it is worth.

    `role:...` and `intent>role:...` stand for the place in the docstring, `states:...` for a unit
    that speaks of what was asked for (a default, a number, a year), `asked` for the parameter that
    the question names, `empty` for one that tells nothing, `like` for how like the question is to
    one that was asked of the unit; `first` and `behind` for where its
    document stands, which weighs more where no name of code is given.
    """
    question = retrieved.question
    role = _ROLE_NAMES.get(chunk.role, chunk.role)
    found = {"dense": likeness.cosine, "words": likeness.words, "like": likeness.asked}
    found[f"role:{role}"] = 1.0
    for intent in question.intents:
        found[f"{intent}>role:{role}"] = 1.0
        pattern = _STATES.get(intent)
        if pattern is not None and pattern.search(chunk.record):
            found[f"states:{intent}"] = 1.0
    if chunk.role in ("parameter", "attribute") and asks_for(chunk.name, retrieved.concepts):
        found["asked"] = 1.0
    if chunk.end - chunk.start < 40:
        found["short"] = 1.0
    if chunk.role in _TELLING and tells_nothing(chunk):
        found["empty"] = 1.0
    found["first"], found["behind"] = 1.0 / (1 + place.number), place.behind / 5
    if not retrieved.names_something:
        found |= {f"unnamed>{name}": found[name] for name in _UNNAMED}
        found[f"unnamed>role:{role}"] = 1.0
    if _UNTOLD.search(chunk.record):
        found["untold"] = 1.0  # says that something is not known
    if _ABOUT_ITSELF.search(chunk.record):
        found["about itself"] = 1.0
    return found


def tells_nothing(chunk: Chunk) -> bool:
    """ "input (Tensor): the input tensor.", "scale (float): scale of the distribution", a formula, a
    link, "See also the paper.", "it computes the following:": nothing is told by it."""
    title, _, told = chunk.record.partition(": ")
    if chunk.role != "parameter" and (_POINTER.fullmatch(told) or _ANNOUNCES.search(told)):
        return True  # what it points to or announces is not in it
    if "): " in chunk.record:
        told = chunk.record.rpartition("): ")[2]
    words = _stems(_PATH.sub(" ", told)) - _PLAIN
    if chunk.role == "parameter" and not _VALUE.search(told):
        # What the entry and its owner are called says nothing of it.
        return len(words - _stems(f"{title} {chunk.name}")) < 2
    return len(words) < (3 if "=" in told else 1)


def _stems(text: str) -> set[str]:
    return {english_stem(word.lower()) for word in _WORD.findall(text)}


def asks_for(name: str, concepts: Sequence[Mapping[str, float]]) -> bool:
    """Whether the question names this parameter, in one piece or in words: "negative slope"."""
    if not name:
        return False
    asked = {word for words in concepts for word, weight in words.items() if weight >= 0.5}
    parts = [part for part in name.lower().split("_") if part]
    if name.lower() in asked or english_stem(name.lower()) in asked:
        return True
    return len(parts) > 1 and all(english_stem(part) in asked for part in parts)
