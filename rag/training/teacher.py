"""The teacher's vectors of every English text that is trained on, computed once.

    python -m rag.training.teacher --data ../shared/data --work .training

Writes WORK/teacher_{pairs,sections}.npy, (n, 384) float16 in the order of `materials`; what exists
is kept.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from rag.training import split as splits
from rag.training.data import (
    WEIGHTS,
    Pair,
    Question,
    Section,
    arguments,
    read_pairs,
    read_questions,
    read_sections,
    teacher_folder,
)
from rag.training.model import embed, teacher


@dataclass(frozen=True)
class Materials:
    """All that is trained on, without the held-out titles."""

    pairs: list[Pair]
    sections: list[Section]
    korean: list[Question]


def materials(data: Path) -> Materials:
    """The training part of the data, in a fixed order."""
    split = splits.load()
    sections = read_sections(data)
    pairs = split.divide(read_pairs(data), sections)[0]
    korean = [row for row in read_questions(data, "tydiqa_korean_train") if not split.holds(row)]
    return Materials(
        [pair for pair in pairs if WEIGHTS.get(pair.file, 1.0) > 0],
        [row for row in sections if not split.holds(row)],
        korean,
    )


def main() -> None:
    """Embed the English side of the pairs, then of the sections."""
    options = arguments(__doc__ or "").parse_args()
    torch.set_num_threads(2)
    found = materials(options.data)
    tokenizer = Tokenizer.from_file(str(teacher_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    model = teacher()
    for name, texts in (
        ("pairs", [pair.en for pair in found.pairs]),
        ("sections", [row.text_en for row in found.sections]),
    ):
        path = options.work / f"teacher_{name}.npy"
        if path.exists():
            continue
        began = time.monotonic()
        unique = list(dict.fromkeys(texts))
        place = {text: row for row, text in enumerate(unique)}
        vectors = embed(model, tokenizer, unique).astype(np.float16)
        with path.with_suffix(".part").open("wb") as file:
            np.save(file, vectors[[place[text] for text in texts]])
        path.with_suffix(".part").rename(path)
        print(f"{name}: {len(unique)} texts in {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
