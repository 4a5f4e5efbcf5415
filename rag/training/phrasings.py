"""Puts together how people ask for what a document tells: python -m rag.training.phrasings.

Reads the learners' questions (`questions/learner-*.jsonl`) and the shorter wishes
(`questions/wishes-*.tsv`: source, where in it, text; where is a parameter, words of the sentence
behind a `~`, or nothing), finds the unit that answers each in
the index, and writes bundled/phrasings.tsv. A question must not find itself where weights are fitted on it:
ranking, reranking and reader are fitted on an index made with `--without all`, so that every page is
known as well as the others; the confidence on one with `--without fitted`, where questions without
an answer meet nearly as much that is like them as in the index that ships.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rag.index import Index, read_index
from rag.phrasings import PATH, unit_mark
from rag.text import nfc
from rag.training.domain import QUESTIONS, for_encoder
from rag.types import Chunk

WORDS = "~"  # before words of the sentence that answers


class Wish(NamedTuple):
    """A text, the source that answers it, and where in it: a parameter's name or words of it."""

    source: str
    text: str
    parameter: str = ""
    words: str = ""


def main() -> None:
    """Read the questions and write bundled/phrasings.tsv."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--without", choices=("all", "fitted"), help="learners' questions left out")
    options = parser.parse_args()
    questions = [] if options.without == "all" else read_questions()
    if options.without == "fitted":
        questions = [one for one in questions if for_encoder(one.source)]
    wishes = [*read_wishes(), *questions]
    with read_index(options.index, None) as index:
        lines = sorted({line for wish in wishes if (line := as_line(wish, index)) is not None})
    PATH.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    print(f"{len(lines)} of {len(wishes)} phrasings, {len({s.split()[0] for s in lines})} sources")


def read_wishes(folder: Path = QUESTIONS) -> Iterator[Wish]:
    """The lines of wishes-*.tsv."""
    for file in sorted(folder.glob("wishes-*.tsv")):
        for line in file.read_text(encoding="utf-8").splitlines():
            source, part, text = line.split("\t")
            words = part.removeprefix(WORDS) if part.startswith(WORDS) else ""
            yield Wish(source, text, "" if words else part, words)


def read_questions(folder: Path = QUESTIONS) -> Iterator[Wish]:
    """The learners' questions that the documents answer, with the words that prove the answer."""
    for file in sorted(folder.glob("learner-*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            proof = row["proof"][0]
            yield Wish(proof["source"], row["question"], words=proof["words"])


def as_line(wish: Wish, index: Index) -> str | None:
    """The line of the file, None where the source is not in the index."""
    found = index.find_document(wish.source)
    if found is None:
        return None
    row, document = found
    unit = _unit(wish, document.text, index.chunks(index.chunk_rows_of(row)))
    whole = unit is None or unit.role == "summary"
    mark = "" if unit is None or whole else unit_mark(document.text[unit.start : unit.end])
    return f"{document.id}\t{mark}\t{' '.join(nfc(wish.text).split())}"


def _unit(wish: Wish, text: str, chunks: list[Chunk]) -> Chunk | None:
    if wish.parameter:
        roles = ("parameter", "attribute")
        return next((c for c in chunks if c.name == wish.parameter and c.role in roles), None)
    spaced = r"\s+".join(map(re.escape, nfc(wish.words).split()))
    match = re.search(spaced, text, re.I) if spaced else None
    if match is None:
        return None
    return next((c for c in chunks if c.start <= match.start() < c.end), None)


if __name__ == "__main__":
    main()
