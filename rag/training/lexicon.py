"""The Korean-English word list for query expansion, learnt from the parallel text.

    python -m rag.training.lexicon --data ../shared/data

Korean words are the stems that `rag.text` makes of a question, so that keys meet; two neighbours
that often stand together count as one more word. English words are aligned by stem and written as
the commonest form. Where a Korean text explains a word in brackets (합성곱(convolution)), that
counts as a sentence pair of its own. `terms.tsv`, written by hand, goes above what was learnt.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from rag.text import ENGLISH_STOPWORDS, KOREAN_STOPWORDS, english_stem, korean_stem
from rag.training import split as splits
from rag.training.align import Table, ibm1
from rag.training.data import (
    HERE,
    IN_DOMAIN,
    Pair,
    arguments,
    read_pairs,
    read_sections,
)

TARGET = HERE.parent / "bundled" / "lexicon.tsv"
TERMS = HERE / "terms.tsv"
MAX_ROWS = 15_000
BEST = 3
LEAST = 0.12  # probability
LEAST_COUNT = 8.0
COUPLE_COUNT = 12
WORD = re.compile(r"[가-힣]+|[A-Za-z][A-Za-z-]*[A-Za-z]")
NAME = re.compile(r"\S*(?:[_./\\:=<>{}\[\]@#$]\w|\w[_\d]|[a-z][A-Z])\S*")
GLOSS = re.compile(r"([가-힣]+(?: [가-힣]+)?) ?\(([A-Za-z][A-Za-z -]+)\)")
GLOSS_WEIGHT = 2.0

Bag = tuple[list[str], list[str], float]  # Korean words, English words, weight


def korean_words(text: str) -> list[str]:
    """Stems without stop words, and Latin words as they are, in order."""
    words = []
    for word in WORD.findall(NAME.sub(" ", text)):
        if word.isascii():
            words.append(word.lower())
            continue
        stem = korean_stem(word)
        if stem not in KOREAN_STOPWORDS and word not in KOREAN_STOPWORDS:
            words.append(stem)
    return words


def english_words(text: str) -> list[str]:
    """Content words in lower case; names of code are left out."""
    found = (word.lower() for word in WORD.findall(NAME.sub(" ", text)) if word.isascii())
    return [word for word in found if word not in ENGLISH_STOPWORDS and len(word) > 2]


def weight_of(pair: Pair) -> float:
    """3 for our domain, 10 for term tables, 0 for machine translation, else 1."""
    if pair.file == "pytorch_terms":
        return 10.0
    if pair.file == "ms_cpp_docs_mt":
        return 0.0
    return 3.0 if pair.file.startswith(IN_DOMAIN) else 1.0


def bags(pairs: Iterable[Pair]) -> Iterator[Bag]:
    """Sentence pairs as words, and every gloss in brackets as one more."""
    for pair in pairs:
        if not (weight := weight_of(pair)):
            continue
        yield korean_words(pair.ko), english_words(pair.en), weight
        for korean, english in GLOSS.findall(pair.ko):
            yield korean_words(korean), english_words(english), weight * GLOSS_WEIGHT


def with_couples(found: Sequence[Bag]) -> list[Bag]:
    """Neighbouring Korean words joined by a space, where they come together far above chance."""
    single = Counter(word for korean, _, _ in found for word in korean)
    double = Counter(couple for korean, _, _ in found for couple in pairwise(korean))
    total = sum(single.values())
    kept = {
        couple
        for couple, count in double.items()
        if count >= COUPLE_COUNT
        and not any(word.isascii() for word in couple)
        and count * total > 30 * single[couple[0]] * single[couple[1]]
    }
    return [
        (korean + [" ".join(two) for two in pairwise(korean) if two in kept], english, weight)
        for korean, english, weight in found
    ]


def learn(found: Sequence[Bag]) -> dict[str, list[tuple[str, float]]]:
    """Korean word -> English words with t(en | ko), likeliest first.

    A translation must be likely and must, the other way round, not be a mere companion: the
    product of both directions decides.
    """
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for _, english, _ in found:
        for word in english:
            forms[english_stem(word)][word] += 1
    korean = {w: i for i, w in enumerate(dict.fromkeys(w for ko, _, _ in found for w in ko), 1)}
    stems = {stem: number for number, stem in enumerate(forms, 1)}
    sources, targets, weights = [], [], []
    for ko, en, weight in found:
        if ko and en:
            sources.append(np.unique([korean[word] for word in ko]).astype(np.int32))
            targets.append(np.unique([stems[english_stem(word)] for word in en]).astype(np.int32))
            weights.append(weight)
    share = np.array(weights, dtype=np.float32)
    there, back = ibm1(sources, targets, share), ibm1(targets, sources, share)
    shown = [forms[stem].most_common(1)[0][0] for stem in stems]
    return select(there, back, list(korean), shown)


def select(
    there: Table, back: Table, korean: Sequence[str], english: Sequence[str]
) -> dict[str, list[tuple[str, float]]]:
    """The best few translations of every Korean word that was seen often enough."""
    reverse = {
        (int(k), int(e)): float(p)
        for e, k, p in zip(back.source, back.target, back.probability, strict=True)
        if p > 0.003
    }
    counts = np.bincount(there.source, there.count)
    found: dict[str, list[tuple[str, float, float]]] = defaultdict(list)
    likely = (there.probability >= LEAST) & (counts[there.source] >= LEAST_COUNT)
    for cell in np.flatnonzero(likely & (there.source > 0)):
        key = (int(there.source[cell]), int(there.target[cell]))
        word = korean[key[0] - 1]
        if key in reverse and not word.isascii():
            score = float(there.probability[cell])
            found[word].append((english[key[1] - 1], score, score * reverse[key]))
    return {
        word: [(en, p) for en, p, _ in sorted(rows, key=lambda row: (-row[2], row[0]))[:BEST]]
        for word, rows in found.items()
    }


def by_hand(path: Path = TERMS) -> dict[str, list[tuple[str, float]]]:
    """The terms written by hand: `term <tab> english, english`, likeliest first."""
    result: dict[str, list[tuple[str, float]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            terms, english = line.split("\t")
            words = [word.strip() for word in english.split(",")]
            for term in terms.split("|"):
                key = " ".join(korean_stem(word) for word in term.split())
                result[key] = [(w, round(0.9 - 0.15 * i, 2)) for i, w in enumerate(words)]
    return result


def main() -> None:
    """Write rag/bundled/lexicon.tsv, its rows sorted by term and probability."""
    options = arguments(__doc__ or "").parse_args()
    pairs = splits.load().divide(read_pairs(options.data), read_sections(options.data))[0]
    found = with_couples(list(bags(pairs)))
    frequency = Counter(word for korean, _, _ in found for word in korean)
    learnt = learn(found)
    hand = by_hand()
    ranked = sorted(learnt, key=lambda word: (-frequency[word], word))
    rows: list[tuple[str, str, float]] = []
    for term in [*hand, *(word for word in ranked if word not in hand)]:
        rows.extend(
            (term, english, round(p, 2)) for english, p in hand.get(term, learnt.get(term, []))
        )
    rows = sorted(rows[:MAX_ROWS], key=lambda row: (row[0], -row[2], row[1]))
    text = "".join(f"{term}\t{english}\t{p:.2f}\n" for term, english, p in rows)
    TARGET.write_text(text, encoding="utf-8")
    print(f"{len(rows)} rows, {len({row[0] for row in rows})} terms, {len(text.encode())} bytes")


if __name__ == "__main__":
    main()
