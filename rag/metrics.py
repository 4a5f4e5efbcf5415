"""The measures of the evaluation, as pure functions of plain values.

Where a measure speaks of ids, one thing found is a sequence of ids: its own first, then its
aliases. Ranks count from 1; a rank of None means "not found". The definitions of accuracy,
citation, refusal and language are those of the evaluation's README; the others name their source.
"""

from __future__ import annotations

import math
import random
import re
import statistics
from collections.abc import Callable, Collection, Iterable, Sequence

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


def recall_at(rank: int | None, k: int) -> float:
    """1.0 where the first relevant source stands among the first k, else 0.0."""
    return float(rank is not None and rank <= k)


def reciprocal_rank(rank: int | None) -> float:
    """1 / rank, 0.0 where nothing was found (Voorhees, TREC-8 question answering, 1999)."""
    return 1 / rank if rank else 0.0


def ndcg_at(ranked: Iterable[Ids], sources: Collection[str], k: int) -> float:
    """Normalised discounted cumulative gain with gains 0 and 1, discount log2(rank + 1).

    Jarvelin and Kekalainen, ACM TOIS 20(4), 2002. Ids that one found source carries together are
    one thing, so that finding it first is a full score.
    """
    expected = set(sources)
    gain, things = 0.0, len(expected)
    for rank, ids in enumerate(distinct(ranked), 1):
        met = expected.intersection(ids)
        if met:
            expected -= met
            things -= len(met) - 1
            gain += 1 / math.log2(rank + 1) if rank <= k else 0.0
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(things, k) + 1))
    return gain / ideal if ideal else 0.0


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


# -- numbers over many questions -----------------------------------------------------------------


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean; raises ValueError where there are no values."""
    if not values:
        raise ValueError("a mean needs at least one value")
    return math.fsum(values) / len(values)


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the middle two."""
    return float(statistics.median(values))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie, linear between neighbours.

    Type 7 of Hyndman and Fan, The American Statistician 50(4), 1996, as in numpy.
    """
    if not values or not 0 <= share <= 1:
        raise ValueError(f"percentile needs values and a share in [0, 1], not {share}")
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def bootstrap(
    values: Sequence[float],
    statistic: Callable[[Sequence[float]], float] = mean,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """The 95% interval of `statistic` by the percentile bootstrap (Efron 1979), seeded."""
    if len(set(values)) <= 1:
        only = statistic(values)
        return only, only
    chance = random.Random(seed)
    drawn = [statistic(chance.choices(values, k=len(values))) for _ in range(resamples)]
    return percentile(drawn, 0.025), percentile(drawn, 0.975)


def auroc(scores: Sequence[float], positive: Sequence[bool]) -> float | None:
    """The chance that a positive scores above a negative, ties half; None without both.

    The Mann-Whitney statistic (Hanley and McNeil, Radiology 143, 1982).
    """
    ups = [s for s, p in zip(scores, positive, strict=True) if p]
    downs = [s for s, p in zip(scores, positive, strict=True) if not p]
    if not ups or not downs:
        return None
    wins = sum((up > down) + 0.5 * (up == down) for up in ups for down in downs)
    return wins / (len(ups) * len(downs))
