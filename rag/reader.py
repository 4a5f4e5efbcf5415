"""Finds the sentence: which units of the found documents answer the question.

A unit is scored by its cosine to the question, by how much of what was asked it holds (words
weighed by their rarity), by its role in the docstring and by what it states: a question about a
default wants the parameter, "what is" the summary, "when" a year. The best of them are then read
together with the question by the cross-encoder. The weights of all this are fitted
(rag/training/reader.py) on the development questions of corpus/golden.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.catalogue import DocumentHead
from rag.crossencoder import CrossEncoder
from rag.index import Index
from rag.ranking import coverages
from rag.reranking import in_context, judged_features
from rag.retrieve import NO_PROSE, Retrieved
from rag.text import english_stem, search_tokens
from rag.types import Chunk, Document, Role

_REDIRECT = re.compile(
    r"(?:See|see also|Alias (?:for|of|to)|Equivalent to|In-place version of)\s+:\w+:`~?\.?(?P<name>[\w.]+)",
)
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
_FILE = Path(__file__).parent / "bundled" / "reader.json"
_JUDGED_FILE = _FILE.with_name("judged.json")
JUDGED = 16  # units that the cross-encoder reads


@lru_cache(maxsize=1)
def weights() -> Mapping[str, float]:
    """The fitted weights of `unit_features`; `python -m rag.training.reader` fits them again."""
    return _weights(_FILE)


@lru_cache(maxsize=1)
def judged_weights() -> Mapping[str, float]:
    """The fitted weights of `judged_features` for units."""
    return _weights(_JUDGED_FILE)


def _weights(path: Path) -> Mapping[str, float]:
    loaded: dict[str, float] = json.loads(path.read_text(encoding="utf-8"))["weights"]
    return loaded


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


@dataclass(frozen=True, slots=True)
class Reading:
    """A unit with its score and where the score comes from."""

    row: int
    chunk: Chunk
    score: float
    dense: float
    words: float
    place: int  # of its document among the found ones, from 0
    asked: bool = False  # it is about a parameter that the question names
    says: bool = True  # false for a formula or "the input tensor"
    features: Mapping[str, float] = field(default_factory=dict, repr=False, compare=False)
    cross: float | None = None  # what the cross-encoder says, None where it was not asked


@dataclass(frozen=True, slots=True)
class Read:
    """The documents that were read, in order of trust, and their units, best first."""

    documents: tuple[Document, ...]
    heads: tuple[DocumentHead, ...]
    units: tuple[Reading, ...]

    def of(self, place: int) -> tuple[Reading, ...]:
        """The units of the document at `place`, best first."""
        return tuple(unit for unit in self.units if unit.place == place)


def read(
    retrieved: Retrieved, index: Index, judge: CrossEncoder | None, *, documents: int = 5
) -> Read:
    """Score the units of the first `documents` sources, and of what they merely point to.

    The best JUDGED units are put in order by `judge` too; without one the first order stands.
    """
    rows = follow(_first_rows(retrieved, index, documents), index)
    heads = index.document_heads(rows)
    units: list[Reading] = []
    named = _named_words(retrieved)
    behind = _behind(retrieved, rows)
    meant = {row for entry in retrieved.named if entry.mention.sure for row in entry.rows[:2]}
    for place, head in enumerate(heads):
        strange = named if head.row not in meant else set()
        place_of = Place(place, behind[head.row])
        units.extend(_score(retrieved, index, head, place_of, strange))
    units.sort(key=lambda unit: (-unit.score, unit.row))
    if judge is not None:
        units = judged(retrieved, units, judge)
    return Read(tuple(index.document(row) for row in rows), tuple(heads), tuple(units))


def judged(retrieved: Retrieved, units: Sequence[Reading], judge: CrossEncoder) -> list[Reading]:
    """The units in the order that follows when `judge` has read the best of them.

    A unit that was not read together with the question counts as the worst that was.
    """
    heard = {unit.row: retrieved.heard[unit.row] for unit in units if unit.row in retrieved.heard}
    prose = [unit for unit in units if unit.chunk.role not in NO_PROSE]
    asked = [unit for unit in prose[:JUDGED] if unit.row not in heard]
    summaries = {unit.place: unit.chunk for unit in units if unit.chunk.role == "summary"}
    records = [in_context(unit.chunk, summaries.get(unit.place)) for unit in asked]
    scores = judge.scores(retrieved.question.text, records)
    heard |= {unit.row: float(score) for unit, score in zip(asked, scores, strict=True)}
    least = min(heard.values(), default=0.0)
    fitted, named = judged_weights(), retrieved.names_something
    made = []
    for unit in units:
        cross = heard.get(unit.row, least)
        found = judged_features(retrieved.question, named, unit.score, cross)
        score = sum(fitted.get(name, 0.0) * value for name, value in found.items())
        made.append(replace(unit, score=score, cross=heard.get(unit.row)))
    made.sort(key=lambda unit: (-unit.score, unit.row))
    return made


def _first_rows(retrieved: Retrieved, index: Index, count: int) -> list[int]:
    """The first sources; for an either/or that is not about names of code, pages from deeper down
    too, as each source is to be heard."""
    rows = [found.row for found in retrieved.found[:count]]
    if retrieved.question.options:
        heads = index.document_heads([found.row for found in retrieved.found[count:30]])
        rows += [head.row for head in heads if head.kind != "symbol"][:10]
    return rows


def follow(rows: Sequence[int], index: Index) -> list[int]:
    """The rows of documents, each "See torch.max" stub followed by what it points to."""
    followed: list[int] = []
    for row in rows:
        text = index.document(row).text
        followed.append(row)
        match = _REDIRECT.search(text) if len(text) < 400 else None
        target = index.texts.find(f"py:{match['name']}") if match else None
        if target is not None:
            followed.append(target)
    return list(dict.fromkeys(followed))


def _behind(retrieved: Retrieved, rows: Sequence[int]) -> dict[int, float]:
    """How far each document's rank score lies below the best, at most 5; what a stub points to
    stands where the stub does."""
    scores = {found.row: found.score for found in retrieved.found}
    top = max(scores.values(), default=0.0)
    found: dict[int, float] = {}
    last = 0.0
    for row in rows:
        last = min(5.0, top - scores[row]) if row in scores else last
        found[row] = last
    return found


def _named_words(retrieved: Retrieved) -> set[str]:
    """The words of names that resolved: which document is meant is settled by them, and a unit
    of another document gains nothing by holding them."""
    return {
        word
        for entry in retrieved.named
        if entry.rows and entry.mention.sure
        for word in search_tokens(entry.mention.name)
    }


def _score(
    retrieved: Retrieved, index: Index, head: DocumentHead, place: Place, strange: set[str]
) -> list[Reading]:
    rows = index.chunk_rows_of(head.row)
    if not len(rows):
        return []
    chunks = index.chunks(rows)
    numbers = np.arange(rows.start, rows.stop)
    dense = index.dense.vectors(numbers) @ retrieved.vector
    asked = _asked(retrieved.concepts, strange | set(search_tokens(head.title)), index)
    words = coverages(asked, index.chunk_sparse, numbers)
    fitted = weights()
    told_in_both = len({chunk.language for chunk in chunks}) == 2
    alike = _alike(chunks, retrieved.alike[rows.start : rows.stop])
    made = []
    for number, chunk, cosine, held, like in zip(rows, chunks, dense, words, alike, strict=True):
        if told_in_both and chunk.language != retrieved.question.language:
            continue  # the other half of the page says the same in the reader's language
        likeness = Likeness(float(cosine), float(held), like)
        found = unit_features(chunk, retrieved, likeness, place)
        score = sum(fitted.get(name, 0.0) * value for name, value in found.items())
        made.append(
            Reading(
                number, chunk, score, float(cosine), float(held), place.number, "asked" in found,
                says="empty" not in found, features=found,
            )
        )  # fmt: skip
    return made


def _alike(chunks: Sequence[Chunk], likeness: NDArray[np.float32]) -> list[float]:
    """How like the question is to one that was asked of each unit, or, for a sentence about a
    parameter, of any sentence about it."""
    entries: dict[str, float] = {}
    for chunk, like in zip(chunks, likeness, strict=True):
        if chunk.role in ("parameter", "attribute") and chunk.name:
            entries[chunk.name] = max(entries.get(chunk.name, 0.0), float(like))
    return [
        max(float(like), entries.get(chunk.name, 0.0) if chunk.role != "summary" else 0.0)
        for chunk, like in zip(chunks, likeness, strict=True)
    ]


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


def _asked(
    concepts: Sequence[Mapping[str, float]], about: set[str], index: Index
) -> list[tuple[Mapping[str, float], float]]:
    """Concepts with their weight: the rarity of their rarest word; what the document's title or
    a name in the question says is taken out, as every unit of the document is about that."""
    asked = []
    for words in concepts:
        if any(word in about and weight >= 0.5 for word, weight in words.items()):
            continue
        rarity = max((index.chunk_sparse.idf(word) for word in words), default=0.0)
        asked.append((words, rarity or 9.0))  # a word that no document holds is the rarest
    return asked


def asks_for(name: str, concepts: Sequence[Mapping[str, float]]) -> bool:
    """Whether the question names this parameter, in one piece or in words: "negative slope"."""
    if not name:
        return False
    asked = {word for words in concepts for word, weight in words.items() if weight >= 0.5}
    parts = [part for part in name.lower().split("_") if part]
    if name.lower() in asked or english_stem(name.lower()) in asked:
        return True
    return len(parts) > 1 and all(english_stem(part) in asked for part in parts)
