"""A trained cross-encoder as the int8 ONNX file that ships.

python -m rag.training.crossexport --checkpoint .training/cross-domain.pt --revision 1

The graph and its rounding are those of the encoder (`rag.training.export`); the score is inside.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from tokenizers import Tokenizer
from torch import Tensor

from rag.crossencoder import BUNDLED, OnnxCrossEncoder, joined
from rag.encoders import BUNDLED as ENCODER
from rag.training.cross import CrossEncoder, load_cross, padded
from rag.training.data import arguments
from rag.training.export import OPSET, Plain, quantize
from rag.training.split import write_json

NAME = "ask-cross-ko-en"
SAMPLES = (
    (
        "What does torch.stack do?",
        "torch.stack stack: Concatenates a sequence of tensors along a new dimension.",
    ),
    ("드롭아웃 확률 기본값은?", "torch.nn.Dropout: p (float): probability. Default: 0.5"),
    ("How tall is Mount Halla?", "torch.nn.Dropout: p (float): probability. Default: 0.5"),
)


class PlainCross(Plain):
    """The cross-encoder written out in operations that export to few, known ONNX nodes."""

    def __init__(self, model: CrossEncoder) -> None:
        super().__init__(model.body)
        self.head = model.head

    def forward(self, input_ids: Tensor, attention_mask: Tensor, kinds: Tensor) -> Tensor:  # type: ignore[override]
        """(n, tokens) ids, mask and kinds -> (n,) scores."""
        embedded = self.embeddings(input_ids=input_ids, token_type_ids=kinds)
        hidden = self.through(embedded, attention_mask)
        both = torch.cat([hidden[:, 0], self.mean(hidden, attention_mask)], 1)
        return torch.flatten(self.head(both))


def to_onnx(model: CrossEncoder, path: Path) -> onnx.ModelProto:
    """The fp32 graph, written to `path` and read back."""
    ids = torch.ones(2, 7, dtype=torch.long)
    names = ["input_ids", "attention_mask", "token_type_ids"]
    axes: dict[str, Any] = {name: {0: "n", 1: "tokens"} for name in names}
    torch.onnx.export(
        PlainCross(model).eval(), (ids, ids, ids), str(path), input_names=names,
        output_names=["score"], dynamic_axes={**axes, "score": {0: "n"}}, dynamo=False,
        opset_version=OPSET,
    )  # fmt: skip
    return onnx.load(str(path))


def write(model: onnx.ModelProto, target: Path, revision: str) -> str:
    """The folder, its files made beside the old ones and renamed; returns the fingerprint."""
    target.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".cross-", dir=target.parent))
    onnx.save(model, str(made / "model.onnx"))
    digest = hashlib.sha256((made / "model.onnx").read_bytes()).hexdigest()
    tokens = hashlib.sha256((ENCODER / "tokenizer.json").read_bytes()).hexdigest()
    card: dict[str, Any] = {
        "name": NAME, "revision": revision, "fingerprint": digest, "tokenizer": tokens,
    }  # fmt: skip
    write_json(made / "config.json", card)
    judge = OnnxCrossEncoder(made, ENCODER)
    card["samples"] = [
        {"question": question, "text": text, "score": round(float(judge.scores(question, [text])[0]), 3)}
        for question, text in SAMPLES
    ]  # fmt: skip
    write_json(made / "config.json", card)
    for name in ("model.onnx", "config.json"):
        (made / name).rename(target / name)
    made.rmdir()
    return digest


def compare(model: CrossEncoder, tokenizer: Tokenizer, lines: list[str]) -> str:
    """How far the int8 scores lie from those of the float32 model, and how often both choose the
    same text of a group."""
    judge = OnnxCrossEncoder(BUNDLED, ENCODER)
    far, same = [], 0
    for line in lines:
        group = json.loads(line)
        query, *ids = [one.ids for one in tokenizer.encode_batch([group["query"], *group["texts"]])]
        with torch.inference_mode():
            exact = model(*padded([joined(query, one) for one in ids])).numpy()[: len(ids)]
        found = judge.scores(group["query"], group["texts"])
        far.append(np.abs(exact - found).mean())
        same += int(exact.argmax() == found.argmax())
    return f"int8 to float32: {np.mean(far):.3f} apart, the same first in {same} of {len(lines)}"


def main() -> None:
    """Export a checkpoint to rag/bundled/crossencoder."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--revision", required=True)
    options = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(options.work / "tokenizer.json"))
    model = load_cross(options.checkpoint, tokenizer.get_vocab_size()).eval()
    digest = write(quantize(to_onnx(model, options.work / "cross.onnx")), BUNDLED, options.revision)
    held = (options.work / "cross-held-learner.jsonl").read_text(encoding="utf-8").splitlines()
    size = (BUNDLED / "model.onnx").stat().st_size / 2**20
    print(f"{digest[:12]} {size:.1f} MiB; {compare(model, tokenizer, held[:100])}")


if __name__ == "__main__":
    main()
