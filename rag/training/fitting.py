"""The questions that ranking, reader and confidence are fitted on.

By default the development part of the golden set and the questions of `questions/` whose page
the encoder was not trained on (`rag.training.domain.for_encoder`): a question that the encoder has
seen would make its vectors look better than they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.training.data import HERE
from rag.training.domain import QUESTIONS, for_encoder

DEV = HERE.parents[1] / "corpus" / "golden" / "dev.jsonl"


def fitting_arguments(description: str) -> argparse.ArgumentParser:
    """The options of a fit: files of questions and the index."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("questions", type=Path, nargs="*", default=default_files())
    parser.add_argument("--index", type=Path)
    return parser


def default_files() -> list[Path]:
    """The development questions and those written for training."""
    return [DEV, *sorted(QUESTIONS.glob("*.jsonl"))]


def questions_of(files: Sequence[Path]) -> list[dict[str, Any]]:
    """The questions of all files, without those that an encoder was trained on.

    `also` names further pages that are right though not the first to think of.
    """
    found = []
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line) if line.strip() else None
            if row is None or (file.parent == QUESTIONS and _seen(row)):
                continue
            found.append({**row, "sources": [*row["sources"], *row.get("also", [])]})
    return found


def _seen(row: dict[str, Any]) -> bool:
    # What has no answer was not shown to the encoder, but to the cross-encoder.
    return for_encoder(row["sources"][0] if row["sources"] else row["question"])
