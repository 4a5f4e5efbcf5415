"""How one answer is judged, as pure functions of plain values.

Where a measure speaks of ids, one thing found is a sequence of ids: its own first, then its
aliases. Ranks count from 1; a rank of None means "not found". The definitions of accuracy,
citation, refusal and language are those of the evaluation's README. What libraries compute stands
in rag/evaluation/measures.py.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from rag.text import has_hangul, language_of, nfc, sentences
from rag.types import Language

Ids = Sequence[str]
READ = 800  # characters of an answer that count; long dumps do not pay

# -- retrieval -----------------------------------------------------------------------------------


def distinct(ranked: Iterable[Ids]) -> list[Ids]:
    """The first entry of each source, in order; a source is told by its first id."""
    first: dict[str, Ids] = {}
    for ids in ranked:
        first.setdefault(ids[0], ids)
    return list(first.values())


def first_rank(ranked: Iterable[Ids], sources: Collection[str]) -> int | None:
    """The rank of the first distinct source that carries one of the ids in `sources`."""
    for rank, ids in enumerate(distinct(ranked), 1):
        if not set(ids).isdisjoint(sources):
            return rank
    return None


# -- answers -------------------------------------------------------------------------------------


def missing_groups(answer: str, groups: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """The groups of which no alternative stands in the first 800 characters (NFC, case ignored)."""
    read = nfc(answer)[:READ].casefold()
    return [tuple(g) for g in groups if not any(nfc(word).casefold() in read for word in g)]


def accurate(answer: str, refused: bool, groups: Sequence[Sequence[str]]) -> bool:
    """Whether a question that has an answer got it: not refused, and no group is missing."""
    return not refused and not missing_groups(answer, groups)


def refusal_right(answer: str, refused: bool, groups: Sequence[Sequence[str]]) -> bool:
    """Whether a question without answer was refused, or its premise corrected in all groups."""
    return refused or (bool(groups) and not missing_groups(answer, groups))


def cited(citations: Iterable[Ids], sources: Collection[str]) -> bool:
    """Whether at least one citation is of an expected source."""
    return any(not set(ids).isdisjoint(sources) for ids in citations)


def citation_precision(citations: Sequence[Ids], sources: Collection[str]) -> float | None:
    """The share of citations that are of expected sources; None where nothing was cited."""
    if not citations:
        return None
    return sum(not set(ids).isdisjoint(sources) for ids in citations) / len(citations)


def citation_recall(
    citations: Iterable[tuple[Ids, str]], sources: Collection[str], groups: Sequence[Sequence[str]]
) -> float | None:
    """The share of the demanded facts that stand in what is cited of the expected sources.

    A citation is its ids and its words; a fact is a group of alternatives, as in
    `missing_groups`. Sources are alternatives to each other, so that a share of them would say
    little. None where no fact is demanded.
    """
    if not groups:
        return None
    proved = nfc(" ".join(words for ids, words in citations if not set(ids).isdisjoint(sources)))
    held = proved.casefold()
    return sum(any(nfc(word).casefold() in held for word in g) for g in groups) / len(groups)


def verbatim(quote: str, start: int, end: int, text: str) -> bool:
    """Whether a quote is, character for character, what stands at [start, end) of its source."""
    return 0 <= start < end <= len(text) and text[start:end] == quote


# -- language ------------------------------------------------------------------------------------

_FENCE = re.compile(r"```.*?(?:```|\Z)", re.S)
_CODE = re.compile(r"`[^`\n]*`")
_MARKER = re.compile(r"\[\d{1,3}\]")
_NAMED = re.compile(r"\*\*[^*\n]+\*\*")  # the options of a verdict, as the asker wrote them
_WORD = re.compile(r"(?<![\w.])[A-Za-z][a-z']*[a-z](?![\w(]|\.\w)")


def own_words(answer: str, names: Iterable[str] = ()) -> list[str]:
    """The sentences of an answer that are the answerer's own, what is not theirs cut out.

    Cut out are quotes (“ to ”, nested ones included), code, markers, emphasised options and
    `names`, the titles and versions of documents.
    """
    text = _MARKER.sub(" ", _without_quotes(_FENCE.sub("\n", nfc(answer))))
    for name in sorted({nfc(n) for n in names if n}, key=len, reverse=True):
        text = text.replace(name, " ")
    text = _NAMED.sub(" ", _CODE.sub(" ", text))
    lines = (line.strip() for line in text.splitlines())
    return [line[start:end] for line in lines for start, end in sentences(line)]


def _without_quotes(text: str) -> str:
    depth, kept = 0, []
    for character in text:
        if character == "“":
            depth += 1
        elif character == "”" and depth:
            depth -= 1
        elif not depth:
            kept.append(character)
    return "".join(kept)


def in_language(answer: str, language: Language, names: Iterable[str] = ()) -> bool:
    """Whether every sentence of ours is in `language`; one without words is in every language."""
    return not foreign_sentences(answer, language, names)


def foreign_sentences(answer: str, language: Language, names: Iterable[str] = ()) -> list[str]:
    """Our sentences that are in another language than `language`."""
    return [
        sentence
        for sentence in own_words(answer, names)
        if (has_hangul(sentence) or _WORD.search(sentence)) and language_of(sentence) != language
    ]
