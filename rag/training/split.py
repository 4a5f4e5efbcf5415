"""Which pages, articles and sentences are never trained on: decided by title, before training.

python -m rag.training.split --data ../shared/data
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rag.training.data import (
    HERE,
    Pair,
    Question,
    Section,
    arguments,
    bucket,
    checksums,
    read_pairs,
    read_questions,
    read_sections,
)

BLOCK = 100  # rows; the parallel files carry no titles, so neighbours are held out together
SPLIT = HERE / "split.json"
CHECKSUMS = HERE / "data.sha256.json"
QA_SETS = ("squad11_train", "tydiqa_korean_train", "tydiqa_english_train")


@dataclass(frozen=True)
class Split:
    """Titles of pages and articles, and blocks of 100 rows a file, that are held out."""

    titles: frozenset[str]
    blocks: frozenset[str]

    def holds(self, row: Section | Question) -> bool:
        """True if this page or article is held out."""
        return row.title.casefold() in self.titles

    def divide(self, pairs: list[Pair], pages: Iterable[Section]) -> tuple[list[Pair], list[Pair]]:
        """(training, held out); a pair that stands in a held-out page is held out, and a training
        pair that shares a side with a held-out pair is dropped."""
        text: dict[str, str] = {}
        for page in filter(self.holds, pages):
            text[page.file] = f"{text.get(page.file, '')}\n{page.text_en}\n{page.text_ko}"
        held = [
            p
            for p in pairs
            if block(p) in self.blocks
            or (p.ko in text.get(p.file, "") and p.en in text.get(p.file, ""))
        ]
        sides = {side for pair in held for side in (pair.en, pair.ko)}
        return [p for p in pairs if p.en not in sides and p.ko not in sides], held


def block(pair: Pair) -> str:
    """The name of the block a pair belongs to."""
    return f"{pair.file}:{pair.row // BLOCK}"


def choose(pairs: list[Pair], titled: Iterable[Section | Question]) -> Split:
    """5 of 100 titles (10 for the small Korean set) and 3 of 100 blocks, by hash."""
    titles = {
        row.title.casefold()
        for row in titled
        if bucket(row.title.casefold()) < (10 if row.file == "tydiqa_korean_train" else 5)
    }
    return Split(frozenset(titles), frozenset(b for b in map(block, pairs) if bucket(b) < 3))


def load(path: Path = SPLIT) -> Split:
    """The recorded split."""
    record = json.loads(path.read_text(encoding="utf-8"))
    return Split(frozenset(record["titles"]), frozenset(record["blocks"]))


def main() -> None:
    """Write split.json and data.sha256.json."""
    data: Path = arguments(__doc__ or "").parse_args().data
    pairs, sections = read_pairs(data), read_sections(data)
    questions = [row for name in QA_SETS for row in read_questions(data, name)]
    split = choose(pairs, [*sections, *questions])
    train, held = split.divide(pairs, sections)
    record = {
        "note": "held-out page and article titles, and blocks of 100 rows of the parallel files",
        "titles": sorted(split.titles),
        "blocks": sorted(split.blocks),
        "counts": {
            "pairs_train": len(train),
            "pairs_held_out": len(held),
            "sections_held_out": sum(map(split.holds, sections)),
            "questions_held_out": sum(map(split.holds, questions)),
        },
    }
    write_json(SPLIT, record)
    write_json(CHECKSUMS, checksums(data))
    print(json.dumps(record["counts"]))


def write_json(path: Path, value: object) -> None:
    """One key a line, Korean left readable."""
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
