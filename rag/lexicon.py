"""Korean words and the English words they stand for, so that BM25 finds English pages too.

`bundled/lexicon.tsv` holds one translation a line: term, English word, probability. Terms are
stems as `rag.text` cuts them, or two stems with a space between. `rag.training.lexicon` made it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from rag.errors import RagError
from rag.text import korean_stem, nfc

Translations = tuple[tuple[str, float], ...]  # (English word, probability), likeliest first

PATH = Path(__file__).parent / "bundled" / "lexicon.tsv"


def load_lexicon() -> Mapping[str, Translations]:
    """Every term with its translations; read once a process.

    Raises RagError if the file is missing or broken.
    """
    return _read(PATH)


@lru_cache(maxsize=2)
def _read(path: Path) -> Mapping[str, Translations]:
    found: dict[str, Translations] = {}
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            term, english, probability = line.split("\t")
            found[term] = (*found.get(term, ()), (english, float(probability)))
    except (OSError, ValueError) as error:
        raise RagError(
            f"the lexicon {path.name} cannot be read ({error}); install ask-docs again"
        ) from error
    return MappingProxyType(found)


def translate(word: str) -> Translations:
    """The English words for a Korean word or stem, likeliest first; empty if it is not known.

    A word written without its space (손실함수) is read as two known ones if it is not known whole;
    their translations come one after the other.
    """
    lexicon = load_lexicon()
    word = nfc(word).strip()
    for key in (word, korean_stem(word)):
        if key in lexicon:
            return lexicon[key]
    for cut in range(len(word) - 2, 1, -1):
        parts = (word[:cut], korean_stem(word[cut:]))
        if " ".join(parts) in lexicon:
            return lexicon[" ".join(parts)]
        if all(part in lexicon for part in parts):
            return lexicon[parts[0]] + lexicon[parts[1]]
    return ()


def translate_words(words: Sequence[str]) -> list[tuple[str, Translations]]:
    """The known terms of a question with their translations, in order.

    `words` are stems in the order of the text; two neighbours that are one term (자동 미분) are
    taken as one.
    """
    lexicon = load_lexicon()
    found: list[tuple[str, Translations]] = []
    at = 0
    while at < len(words):
        couple = " ".join(words[at : at + 2])
        if at + 1 < len(words) and couple in lexicon:
            found.append((couple, lexicon[couple]))
            at += 2
            continue
        if rows := translate(words[at]):
            found.append((words[at], rows))
        at += 1
    return found
