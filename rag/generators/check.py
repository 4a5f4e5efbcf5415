"""Holds what a model wrote against what the documents say, sentence by sentence.

A sentence is supported by a span of a passage where their meaning is close (cosine of the encoder,
words in common, over both languages) and nothing that can be compared disagrees: every number and
name of the sentence is there, both negate or neither does, and no word of the one excludes a word of
the other. The span becomes the quote of the citation, so it is verbatim by construction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from rag.encoders import Encoder, Vectors
from rag.generators.claims import Claim
from rag.generators.excerpts import Excerpt, is_order
from rag.generators.symbol import signature_default
from rag.markup import readable
from rag.text import english_stem, fold, has_hangul, sentences
from rag.types import Document

_REPEATED = 0.5  # of a clause's words that the other must have
_DEFAULT = re.compile(r"\bdefaults?\b|기본", re.I)
_LONGEST = 700  # characters of a span of several sentences
_CLOSEST = 12  # spans that are looked at for a sentence
# Weights and thresholds, set on tests/faithfulness/dev.tsv (tests/benchmarks/bench_check.py).
_COSINE, _WORDS, _ENOUGH = 1.0, 0.6, 0.80
_LEAST_COSINE = 0.30
_MARGIN = 0.04  # how much closer a span that disagrees must be than one that supports, to win
_QUOTED = re.compile(r"[“\"]([^“”\"\n]{12,})[”\"]")


@dataclass(frozen=True)
class Span:
    """A sentence of a document, or a few in a row; `around` is what its place says: title, version."""

    number: int
    document: Document
    start: int
    end: int
    claim: Claim
    around: Claim

    @cached_property
    def lower(self) -> str:
        """Its text and what is around it, in lower case."""
        return f"{self.claim.text}\n{self.around.text}".lower()

    @cached_property
    def words(self) -> frozenset[str]:
        """Its words and those around it."""
        return self.claim.words | self.around.words


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of a sentence: the spans that support it, none where nothing does.

    `why` names what was missing in the closest span: "number", "name", "word", "negation",
    "opposite", "quote" or "meaning".
    """

    spans: tuple[Span, ...]
    why: str = ""


class Checker:
    """The passages of one question, ready to be compared with."""

    def __init__(self, passages: Sequence[Excerpt], encoder: Encoder) -> None:
        """Embeds every span once."""
        self._encoder = encoder
        self.spans = [span for passage in passages for span in _spans(passage)]
        self._vectors = _embedded([span.claim.text for span in self.spans], encoder)
        self._folded = {p.number: _flat(p.document.text) for p in passages}
        self._documents = {p.number: p.document for p in passages}
        self._facts = {p.number: _facts(p) for p in passages}

    def check(self, sentence: str, cited: Iterable[int] = ()) -> Finding:
        """Look for the spans that support `sentence`, in the passages that it cites first.

        A sentence that cites several passages may take its facts from all of them together.
        """
        claim = Claim(sentence)
        if not self.spans:
            return Finding((), "meaning")
        if not self._quotes_stand(sentence):
            return Finding((), "quote")
        vector = _embedded([sentence], self._encoder)[0]
        cosines = self._vectors @ vector
        cited = list(dict.fromkeys(cited))
        first = [i for i, span in enumerate(self.spans) if span.number in cited]
        rest = [i for i, span in enumerate(self.spans) if span.number not in cited]
        why = "meaning"
        for rows in (first, rest):
            found, reason = self._best(claim, rows, cosines)
            if found is not None:
                return Finding((found,))
            why = reason if rows and why == "meaning" else why
            joint = self._together(claim, rows, cosines) if len(cited) > 1 and rows is first else ()
            if joint:
                return Finding(joint)
        return Finding((), why)

    def _best(self, claim: Claim, rows: Sequence[int], cosines: Vectors) -> tuple[Span | None, str]:
        """The span that supports the claim best, or why the closest one does not."""
        ranked = sorted(
            ((self._closeness(claim, self.spans[row], float(cosines[row])), row) for row in rows),
            reverse=True,
        )
        why, against = "", 0.0
        for closeness, row in ranked[:_CLOSEST]:
            if closeness < _ENOUGH or cosines[row] < _LEAST_COSINE:
                break
            span = self.spans[row]
            reason = disagreement(claim, span) or self._facts[span.number].disagreement(claim)
            if not reason:
                # What is said much closer to the claim, and otherwise, refutes it.
                refuted = against > closeness + _MARGIN
                return (None, why) if refuted else (span, "")
            why, against = why or reason, max(against, closeness)
        return None, why or "meaning"

    def _closeness(self, claim: Claim, span: Span, cosine: float) -> float:
        return _COSINE * cosine + _WORDS * covered(claim, span.words)

    def _together(self, claim: Claim, rows: Sequence[int], cosines: Vectors) -> tuple[Span, ...]:
        """The best span of each cited passage, where they support the claim as one text."""
        best: dict[int, tuple[float, Span]] = {}
        for row in rows:
            span = self.spans[row]
            closeness = self._closeness(claim, span, float(cosines[row]))
            if span.number not in best or closeness > best[span.number][0]:
                best[span.number] = (closeness, span)
        spans = [span for _, span in best.values()]
        if len(spans) < 2:
            return ()
        joined = Claim("\n".join(span.claim.text for span in spans))
        around = Claim("\n".join(span.around.text for span in spans))
        whole = Span(0, spans[0].document, 0, 0, joined, around)
        vector, other = _embedded([claim.text, joined.text], self._encoder)
        closeness = self._closeness(claim, whole, float(vector @ other))
        if closeness < _ENOUGH or disagreement(claim, whole):
            return ()
        return tuple(spans)

    def _quotes_stand(self, sentence: str) -> bool:
        """Whether all that stands between quotation marks stands in a passage, word for word."""
        texts = self._folded.values()
        return all(
            any(_flat(quote) in text for text in texts) for quote in _QUOTED.findall(sentence)
        )

    def code(self, lines: str) -> Finding:
        """Where the lines of a block of code stand; every line has to, in one document."""
        wanted = [fold(line) for line in lines.splitlines() if line.strip()]
        for number, document in self._documents.items():
            places = [_line_place(document.text, line) for line in wanted]
            found = [place for place in places if place is not None]
            if wanted and len(found) == len(wanted):
                start, end = min(f[0] for f in found), max(f[1] for f in found)
                if end - start > 4 * len(lines) + 200 or is_order(document.text[start:end]):
                    start, end = found[0]
                text = document.text[start:end]
                return Finding((Span(number, document, start, end, Claim(text), Claim("")),))
        return Finding((), "quote")


def covered(claim: Claim, words: frozenset[str]) -> float:
    """Which share of the claim's words a text has, 0 to 1; names and numbers count double."""
    total = held = 0.0
    for concept in claim.concepts:
        word = next(iter(concept))
        weight = 2.0 if not word.isalpha() else 1.0
        total += weight
        held += weight * max((w for name, w in concept.items() if name in words), default=0.0)
    return held / total if total else 0.0


def disagreement(claim: Claim, span: Span) -> str:
    """What speaks against the claim in a span that is close to it; empty where nothing does."""
    if claim.numbers - span.claim.numbers - span.around.numbers:
        return "number"
    if any(not _named(name, span) for name in claim.names | claim.links):
        return "name"
    if any(not _said(name, span) for name in claim.proper) or not _about(claim, span):
        return "name"
    if not has_hangul(claim.text + span.claim.text) and any(
        english_stem(word) not in span.words for word in claim.objects
    ):
        return "word"
    if not negates_alike(claim, span.claim):
        return "negation"
    if any(
        _opposed(mine, theirs) for mine, theirs in zip(claim.poles, span.claim.poles, strict=True)
    ):
        return "opposite"
    return ""


def negates_alike(claim: Claim, other: Claim) -> bool:
    """Whether each clause of the claim negates as the clause of the other text that it repeats.

    Where no clause is repeated clearly (in another language, say), the texts count as wholes.
    """
    whole = (claim.negations > 0) == (other.negations > 0)
    if len(other.clauses) == len(claim.clauses) == 1:
        return whole
    for clause in claim.clauses:
        share, best = max(
            ((covered(clause, one.words), one) for one in other.clauses), key=lambda pair: pair[0]
        )
        if share < _REPEATED:
            return whole
        if (clause.negations > 0) != (best.negations > 0):
            return False
    return True


@dataclass(frozen=True)
class Facts:
    """What the documentation of a symbol says of its parameters, for claims that name them.

    `call` is its signature, `names` every name of code in its text, in lower case; both are empty
    for what is no symbol.
    """

    call: str = ""
    names: frozenset[str] = frozenset()

    def disagreement(self, claim: Claim) -> str:
        """What of a claim cannot be: a default that the signature gives otherwise, or a plain word
        in the marks of code that is no name here."""
        if any(name.isalpha() and name not in self.names for name in claim.names if self.names):
            return "name"
        defaults = _DEFAULT.search(claim.text) is not None
        values = {name: signature_default(self.call, name) for name in claim.names if defaults}
        for value in values.values():
            plain = re.escape((value or "").strip("\"'"))
            if plain and not _states(claim, plain):
                return "number"
        return ""


def _states(claim: Claim, value: str) -> bool:
    """Whether a claim gives a value, in whichever notation: 1e-2 is 0.01."""
    if re.search(rf"(?<![\w.]){value}(?![\w]|\.\d)", claim.text, re.I):
        return True
    number = next(iter(Claim(value.replace("\\", "")).numbers), None)
    return number is not None and number in claim.numbers


def _facts(passage: Excerpt) -> Facts:
    document = passage.document
    if document.kind != "symbol":
        return Facts()
    call = next((c for c in passage.chunks if c.role == "signature"), None)
    text = document.text[call.start : call.end] if call else ""
    words = re.findall(r"[`\w.]+", readable(document.text))
    quoted = (word.strip("`.,") for word in words if "`" in word)
    parts = (part for name in quoted for part in (name, *name.split(".")))
    listed = re.findall(r"[A-Za-z_]\w*", f"{text} {document.title}")
    items = re.findall(r"^[ \t]*\*{0,2}([A-Za-z_]\w*)[ \t]*(?:\([^)\n]*\))?:", document.text, re.M)
    return Facts(
        text,
        frozenset(
            word.lower() for word in (*parts, *listed, *items, "none", "true", "false", "tensor")
        ),
    )


def _named(name: str, span: Span) -> bool:
    """Whether a name of code stands in a span or around it, whole or by its last parts."""
    if re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", span.lower):
        return True
    last = name.rpartition(".")[2]
    if last == name:
        return False
    # torch.stack where the span says `stack`; but then no other owner may stand before it.
    return re.search(rf"(?<![\w.]){re.escape(last)}(?![\w])", span.lower) is not None


def _said(word: str, span: Span) -> bool:
    """Whether a name in Latin letters stands in a span, also as a part: PyTorch's, or as Hangul."""
    return word in span.lower or bool(Claim(word).words & span.words)


def _about(claim: Claim, span: Span) -> bool:
    """Whether the subject that opens the claim stands in the span, where that can be told: in two
    languages it can only be told of words that the lexicon knows."""
    if claim.subject is None:
        return True
    concepts = Claim(claim.subject).concepts
    across = has_hangul(claim.subject) and not has_hangul(span.claim.text)
    for concept in concepts:
        if across and all(map(has_hangul, concept)):
            continue
        if (
            not any(word in span.words for word in concept)
            and claim.subject.lower() not in span.lower
        ):
            return False
    return True


def _opposed(mine: tuple[bool, bool], theirs: tuple[bool, bool]) -> bool:
    """Whether the claim has the one word and the span only the other."""
    (a, b), (c, d) = mine, theirs
    return (a and not b and d and not c) or (b and not a and c and not d)


# -- spans ---------------------------------------------------------------------------------------


def _spans(passage: Excerpt) -> Iterable[Span]:
    document = passage.document
    for chunk in passage.chunks:
        if chunk.role in ("example", "code"):
            continue  # what an example shows is no statement; `Checker.code` looks into documents
        facts = (
            document.title, *(alias.partition(":")[2] for alias in document.aliases), chunk.heading,
            chunk.name, document.version or "", (document.date or "").replace("-", " "),
        )  # fmt: skip
        spoken = "default 기본값" if chunk.role == "signature" else ""
        around = Claim(" · ".join(fact for fact in (*facts, spoken) if fact))
        text = document.text[chunk.start : chunk.end]
        whole = chunk.role == "signature"
        for start, end in [(0, len(text))] if whole else _cuts(text):
            piece = text[start:end]
            if piece.strip() and not is_order(piece):
                place = chunk.start + start, chunk.start + end
                yield Span(passage.number, document, *place, Claim(readable(piece)), around)


def _cuts(text: str) -> list[tuple[int, int]]:
    """Each sentence, each two in a row, and the whole where it is not long."""
    single = sentences(text)
    cuts = [*single, *((a, d) for (a, _), (_, d) in pairwise(single))]
    if len(single) > 2 and len(text) <= _LONGEST:
        cuts.append((single[0][0], single[-1][1]))
    return cuts


def _line_place(text: str, line: str) -> tuple[int, int] | None:
    """Where a line stands in a text, white space inside of it aside."""
    pattern = r"[ \t]+".join(re.escape(word) for word in line.split())
    found = re.search(rf"^[ \t]*({pattern})[ \t]*$", text, re.M)
    return found.span(1) if found else None


def _flat(text: str) -> str:
    """A text as quotes are compared: readable, white space folded, without marks of code."""
    return re.sub(r"[`*]", "", readable(text)).lower().rstrip(".,;:…")


def _embedded(texts: Sequence[str], encoder: Encoder) -> Vectors:
    """(n, dim) float32, unit rows."""
    return np.asarray(encoder.encode_documents(list(texts)), np.float32)
