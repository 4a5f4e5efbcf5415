"""Questions of the domain with the record that answers each, and hard wrong ones beside it.

    python -m rag.training.domain --index DIR --data ../shared/data --work .training

Writes WORK/domain.jsonl: learners' questions written for this (`questions/`), and sentences of
tutorials that mention a name of the API, with the names taken out, each with a record of the torch
index. What the present encoder finds near a question without being right is kept as hard.

Only pages of `for_encoder` are used: on the others the ranking, the reader and the confidence are
fitted, so that these do not learn from questions that the encoder has seen.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.index import Index
from rag.pipeline import Pipeline
from rag.text import fold, nfc
from rag.training.data import HERE, Pair, arguments, bucket
from rag.training.everyday import everyday
from rag.training.teacher import materials
from rag.types import Chunk

QUESTIONS = HERE / "questions"
SHARE = 60  # of 100 pages, by hash of the id
NEAR, HARD = 40, 6
LEARNER, TUTORIAL = 4.0, 0.5  # how often a row of each is drawn
_NAME = re.compile(r"\b(?:[a-z_]+\.)*[A-Za-z_]\w*\b")


@dataclass(frozen=True)
class Asked:
    """A text to find with, and the sources and words that are right."""

    query: str
    sources: tuple[str, ...]
    words: str
    weight: float
    also: tuple[str, ...] = ()  # right too, though not the first to think of: never hard


def for_encoder(source: str) -> bool:
    """True if questions on this page may train the encoder."""
    return bucket(source) < SHARE


def learner_questions(folder: Path = QUESTIONS) -> list[dict[str, Any]]:
    """The answerable questions of all files."""
    return [
        json.loads(line)
        for path in sorted(folder.glob("learner-*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]


def learners() -> Iterator[Asked]:
    """Learners' questions, as written and, Korean ones, in another register."""
    draw = random.Random(8)
    for row in learner_questions():
        if not for_encoder(row["sources"][0]):
            continue
        words = row["proof"][0]["words"] if row["proof"] else ""
        forms = [row["question"]]
        if row["lang"] == "ko":
            forms.append(everyday(row["question"], draw))
        for form in dict.fromkeys(forms):
            weight, also = LEARNER / len(forms), tuple(row.get("also", ()))
            yield Asked(form, tuple(row["sources"]), words, weight, also)


def tutorials(pairs: Sequence[Pair], index: Index) -> Iterator[Asked]:
    """Sentences of PyTorch and Hugging Face tutorials that mention one object of torch."""
    for pair in pairs:
        if not pair.file.startswith(("pytorch_", "hf_")):
            continue
        mentioned = {
            found.id: match.group()
            for match in _NAME.finditer(pair.en)
            if "." in match.group() or re.search("[a-z][A-Z]|_", match.group())
            for found in index.document_heads(_rows(match.group(), index))
        }
        if len(mentioned) != 1:
            continue
        source, name = next(iter(mentioned.items()))
        if not for_encoder(source):
            continue
        for text in (pair.ko, pair.en):
            bare = " ".join(re.sub(rf"\S*{re.escape(name)}[()]*", " ", text).split())
            if len(bare.split()) > 5:
                yield Asked(bare, (source,), "", TUTORIAL)


def _rows(name: str, index: Index) -> list[int]:
    """The one document of this name, or none."""
    found = {one.document for one in index.names_ending(name) if one.document is not None}
    return list(found) if len(found) == 1 else []


def right_record(asked: Asked, index: Index) -> Chunk | None:
    """The unit that holds the proof, or else the summary of the first source."""
    wanted = fold(nfc(asked.words)).lower()
    first = None
    for source in asked.sources:
        found = index.find_document(source)
        if found is None:
            continue
        row, document = found
        for chunk in index.chunks(index.chunk_rows_of(row)):
            first = first if first is not None or chunk.role == "signature" else chunk
            if wanted and wanted in fold(document.text[chunk.start : chunk.end]).lower():
                return chunk
    return first


def main() -> None:
    """Write WORK/domain.jsonl."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--index", type=Path, required=True)
    options = parser.parse_args()
    with Pipeline.open(options.index) as pipeline:
        index = pipeline.index
        asked = [*learners(), *tutorials(materials(options.data).pairs, index)]
        vectors = pipeline.encoder.encode_queries([one.query for one in asked])
        _, near_rows = index.dense.search(vectors, NEAR)
        written = 0
        path = options.work / "domain.jsonl"
        with path.open("w", encoding="utf-8") as lines:
            for number, one in enumerate(asked):
                right = right_record(one, index)
                if right is None:
                    continue
                near = index.chunks([int(row) for row in near_rows[number] if row >= 0])
                hard = [
                    chunk.record
                    for chunk in near
                    if chunk.source not in (*one.sources, *one.also)
                    and chunk.record != right.record
                ]
                record = {
                    "query": one.query,
                    "record": right.record,
                    "hard": hard[2 : 2 + HARD],  # the very nearest may be right too
                    "weight": one.weight,
                }
                lines.write(json.dumps(record, ensure_ascii=False) + "\n")
                written += 1
    print(f"{written} rows in {path}")


if __name__ == "__main__":
    main()
