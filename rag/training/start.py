"""The student before training: new rows from word alignment, the body as it was.

python -m rag.training.start --data ../shared/data --work .training
python -m rag.training.start --bundled          from the encoder that ships, to train it on
python -m rag.training.start --bundled-cross    from the cross-encoder that ships: cross-start.pt
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer

from rag.crossencoder import BUNDLED as CROSS
from rag.encoderexport import read_weights
from rag.encoders import BUNDLED
from rag.training.data import arguments
from rag.training.model import ENGLISH_ROWS, first_rows, teacher
from rag.training.teacher import materials


def main() -> None:
    """Write WORK/start.pt."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--bundled", action="store_true", help="begin where the shipped one is")
    parser.add_argument("--bundled-cross", action="store_true", help="the same, cross-encoder")
    options = parser.parse_args()
    if options.bundled:
        _bundled(options.work)
        return
    if options.bundled_cross:
        _bundled_cross(options.work)
        return
    tokenizer = Tokenizer.from_file(str(options.work / "tokenizer.json"))
    student = teacher(tokenizer.get_vocab_size())
    old = student.rows.detach()[:ENGLISH_ROWS].numpy()
    rows = first_rows(tokenizer, materials(options.data).pairs, old)
    with torch.no_grad():
        student.rows[ENGLISH_ROWS:] = torch.from_numpy(rows)
    torch.save({"model": student.state_dict(), "step": 0}, options.work / "start.pt")


def _bundled(work: Path) -> None:
    """Write WORK/start.pt and WORK/tokenizer.json from the encoder that ships."""
    work.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(BUNDLED / "tokenizer.json", work / "tokenizer.json")
    weights = read_weights(BUNDLED / "model.onnx")
    student = teacher(len(weights["embeddings.word_embeddings.weight"]))
    state = {f"body.{name}": torch.from_numpy(np.array(w)) for name, w in weights.items()}
    student.load_state_dict(state)
    torch.save({"model": student.state_dict(), "step": 0}, work / "start.pt")


def _bundled_cross(work: Path) -> None:
    """Write WORK/cross-start.pt from the cross-encoder that ships."""
    weights = read_weights(CROSS / "model.onnx")
    own = ("head.weight", "head.bias")
    state = {
        name if name in own else f"body.{name}": torch.from_numpy(np.array(values))
        for name, values in weights.items()
    }
    torch.save({"model": state, "step": 0}, work / "cross-start.pt")


if __name__ == "__main__":
    main()
