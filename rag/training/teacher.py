"""The teacher's vectors of every English text that is trained on, computed once.

    python -m rag.training.teacher --data ../shared/data --work .training

Writes WORK/teacher_{pairs,sections}.npy, (n, 384) float16 in the order of `materials`; what exists
is kept. The teacher runs as int8, exported as the student is: three times as fast on a processor,
and within a cosine of 0.996 of itself.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from rag.encoders import OnnxEncoder
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
from rag.training.export import quantize, to_onnx, write
from rag.training.model import teacher
from rag.training.vocabulary import MAX_TOKENS


@dataclass(frozen=True)
class Materials:
    """All that is trained on, without the held-out titles."""

    pairs: list[Pair]
    sections: list[Section]
    korean: list[Question]
    english: list[Question]


def materials(data: Path) -> Materials:
    """The training part of the data, in a fixed order."""
    split = splits.load()
    sections = read_sections(data)
    pairs = split.divide(read_pairs(data), sections)[0]
    return Materials(
        [pair for pair in pairs if WEIGHTS.get(pair.file, 1.0) > 0],
        [row for row in sections if not split.holds(row)],
        _questions(data, split, "tydiqa_korean_train"),
        _questions(data, split, "squad11_train") + _questions(data, split, "tydiqa_english_train"),
    )


def _questions(data: Path, split: splits.Split, name: str) -> list[Question]:
    return [row for row in read_questions(data, name) if not split.holds(row)]


def quick_teacher(work: Path) -> OnnxEncoder:
    """all-MiniLM-L6-v2 as int8 ONNX, made once in WORK/teacher."""
    folder = work / "teacher"
    if not (folder / "config.json").exists():
        # MiniLM's file pads every text to 128 tokens, which ruins the mean.
        tokenizer = Tokenizer.from_file(str(teacher_folder() / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        work.mkdir(parents=True, exist_ok=True)
        tokenizer.save(str(work / "teacher-tokenizer.json"))
        model = quantize(to_onnx(teacher(attention="eager"), work / "teacher.onnx"))
        write(model, work / "teacher-tokenizer.json", folder, "teacher")
    return OnnxEncoder(folder)


def main() -> None:
    """Embed the English side of the pairs, then of the sections."""
    options = arguments(__doc__ or "").parse_args()
    torch.set_num_threads(2)
    found = materials(options.data)
    model = quick_teacher(options.work)
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
        vectors = model.encode_documents(unique).astype(np.float16)
        with path.with_suffix(".part").open("wb") as file:
            np.save(file, vectors[[place[text] for text in texts]])
        path.with_suffix(".part").rename(path)
        print(f"{name}: {len(unique)} texts in {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
