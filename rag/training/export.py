"""The student as an int8 ONNX file beside its tokenizer and card: what `rag.encoders` loads.

    python -m rag.training.export --work .training --checkpoint .training/best.pt --revision 1

onnxruntime's own dynamic quantization takes one scale for a whole batch of activations, so that
a text's vector depends on its neighbours (cosine 0.99 between alone and in company), and full
8-bit weights overflow on processors without VNNI. Here every token has its own scale, and weights
go to 64 of 127 steps: 255 * 64 * 2 stays inside 16 bits, and every machine gets the same numbers.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from torch import Tensor, nn

from rag.training import split as splits
from rag.training.data import HERE, arguments, read_pairs, read_sections
from rag.training.measure import sentences
from rag.training.model import Student, batch_ids, load_student
from rag.training.split import write_json
from rag.training.vocabulary import MAX_TOKENS

NAME = "ask-minilm-ko-en"
TARGET = HERE.parent / "bundled" / "encoder"
ROW_STEPS = 127
# At most 127 and 64, and others than before: a model that was trained on from an int8 file lies near
# the steps of old, and the same steps would round what it has learnt away.
TABLE_STEPS, WEIGHT_STEPS = 125, 63
OPSET = 17
RUNTIME = "com.microsoft"  # operations that onnxruntime adds
SAMPLES = (
    "How do I concatenate two tensors along a new dimension?",
    "두 텐서를 새로운 차원으로 합치려면 어떻게 하나요?",
    "torch.nn.CrossEntropyLoss(weight=None, ignore_index=-100, reduction='mean')",
    "DataLoader의 num_workers 기본값은 0이며, 이는 주 프로세스에서 데이터를 불러온다는 뜻입니다.",
)


class Plain(nn.Module):
    """BERT, the mean, length 1, written out in operations that export to few, known ONNX nodes."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.embeddings = body.embeddings
        self.layers = body.encoder.layer
        self.heads = int(body.config.num_attention_heads)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(n, tokens) -> (n, 384) unit rows."""
        hidden = self.through(self.embeddings(input_ids=input_ids), attention_mask)
        return nn.functional.normalize(self.mean(hidden, attention_mask), dim=-1)

    def through(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """(n, tokens, 384) embeddings -> (n, tokens, 384), all layers."""
        bias = (1.0 - attention_mask[:, None, None, :].to(hidden.dtype)) * -10000.0
        for layer in self.layers:
            hidden = layer.attention.output(self.attend(layer.attention.self, hidden, bias), hidden)
            hidden = layer.output(layer.intermediate(hidden), hidden)
        return hidden

    def mean(self, hidden: Tensor, attention_mask: Tensor) -> Tensor:
        """(n, tokens, 384) -> (n, 384): the mean over the tokens that the mask counts."""
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        return (hidden * mask).sum(1) / mask.sum(1).clamp(min=1.0)

    def attend(self, attention: Any, hidden: Tensor, bias: Tensor) -> Tensor:
        """(n, tokens, 384) -> (n, tokens, 384): softmax(q k / sqrt(d)) v, all heads."""
        shape = (hidden.shape[0], hidden.shape[1], self.heads, -1)
        query, key, value = (
            part(hidden).reshape(shape).transpose(1, 2)
            for part in (attention.query, attention.key, attention.value)
        )
        scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
        mixed = (torch.softmax(scores + bias, -1) @ value).transpose(1, 2)
        return torch.flatten(mixed, 2)


def to_onnx(student: Student, path: Path) -> onnx.ModelProto:
    """The fp32 graph, written to `path` and read back."""
    ids = torch.ones(2, 7, dtype=torch.long)
    axes = {0: "n", 1: "tokens"}
    torch.onnx.export(
        Plain(student.body).eval(),
        (ids, ids),
        str(path),
        input_names=["input_ids", "attention_mask"],
        output_names=["embedding"],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, "embedding": {0: "n"}},
        dynamo=False,  # the newer exporter names and splits nodes in ways `quantize` need not know
        opset_version=OPSET,
    )
    return onnx.load(str(path))


def steps(weight: NDArray[np.float32], axis: int, limit: int) -> tuple[Any, Any]:
    """(int8 values, float32 scales) with one scale a slice along `axis`."""
    scale = np.maximum(np.abs(weight).max(axis=axis, keepdims=True) / limit, 1e-12)
    return np.round(weight / scale).astype(np.int8), scale.astype(np.float32)


def quantize(model: onnx.ModelProto) -> onnx.ModelProto:
    """int8 embedding rows and int8 matrix products, in place; everything else stays float32."""
    graph = model.graph
    weights = {one.name: one for one in graph.initializer}
    constants = {
        "steps": np.float32(ROW_STEPS),
        "step": np.float32(1 / ROW_STEPS),
        "tiny": np.float32(1e-12),
        "one": np.float32(1),
        "middle": np.uint8(128),
    }
    made = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    nodes: list[onnx.NodeProto] = []
    rounded: set[str] = set()
    replaced: set[str] = set()
    for node in graph.node:
        name = node.input[0] if node.op_type == "Gather" else node.input[-1] if node.input else ""
        if node.op_type not in ("Gather", "MatMul") or len(weights.get(name, _NOTHING).dims) != 2:
            nodes.append(node)
            continue
        table = node.op_type == "Gather"
        values, scale = steps(
            numpy_helper.to_array(weights[name]),
            1 if table else 0,
            TABLE_STEPS if table else WEIGHT_STEPS,
        )
        if name not in replaced:
            made.append(numpy_helper.from_array(values, f"{name}.int8"))
            made.append(numpy_helper.from_array(scale if table else scale[0], f"{name}.scale"))
            replaced.add(name)
        if not table and node.input[0] not in rounded:
            nodes.extend(_round_rows(node.input[0]))
            rounded.add(node.input[0])
        nodes.extend(_lookup(name, node) if table else _product(name, node))
    kept = [one for one in graph.initializer if one.name not in replaced]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend([*kept, *made])
    model.opset_import.append(helper.make_opsetid(RUNTIME, 1))
    onnx.checker.check_model(model)
    return model


_NOTHING = TensorProto()


def _lookup(table: str, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    ids, out = node.input[1], node.output[0]
    return [
        helper.make_node("Gather", [f"{table}.int8", ids], [f"{out}.int8"]),
        helper.make_node("Gather", [f"{table}.scale", ids], [f"{out}.scale"]),
        helper.make_node("Cast", [f"{out}.int8"], [f"{out}.float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", [f"{out}.float", f"{out}.scale"], [out]),
    ]


def _round_rows(value: str) -> list[onnx.NodeProto]:
    """One scale a token: uint8 around 128."""
    return [
        helper.make_node("ReduceMax", [value], [f"{value}.most"], axes=[-1], keepdims=1),
        helper.make_node("ReduceMin", [value], [f"{value}.least"], axes=[-1], keepdims=1),
        helper.make_node("Neg", [f"{value}.least"], [f"{value}.below"]),
        helper.make_node("Max", [f"{value}.most", f"{value}.below", "tiny"], [f"{value}.max"]),
        helper.make_node("Div", ["steps", f"{value}.max"], [f"{value}.finer"]),
        helper.make_node("Mul", [value, f"{value}.finer"], [f"{value}.unit"]),
        helper.make_node("QuantizeLinear", [f"{value}.unit", "one", "middle"], [f"{value}.uint8"]),
        helper.make_node("Mul", [f"{value}.max", "step"], [f"{value}.scale"]),
    ]


def _product(weight: str, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    """The product of whole numbers, put back to scale a column within it and a row behind it: five
    sixths of the time went into passes over the numbers, not into the product."""
    value, out = node.input[0], node.output[0]
    inputs = [f"{value}.uint8", f"{weight}.int8", "one", f"{weight}.scale", "middle"]
    return [
        helper.make_node("MatMulIntegerToFloat", inputs, [f"{out}.columns"], domain=RUNTIME),
        helper.make_node("Mul", [f"{out}.columns", f"{value}.scale"], [out]),
    ]


def write(model: onnx.ModelProto, tokenizer: Path, target: Path, revision: str) -> str:
    """The folder, made beside the old one and swapped in; returns the fingerprint."""
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=".encoder-", dir=target.parent))
    onnx.save(model, str(made / "model.onnx"))
    shutil.copyfile(tokenizer, made / "tokenizer.json")
    digests = {
        name: hashlib.sha256((made / name).read_bytes()).hexdigest()
        for name in ("model.onnx", "tokenizer.json")
    }
    fingerprint = hashlib.sha256("".join(digests.values()).encode()).hexdigest()
    card = {
        "name": NAME,
        "revision": revision,
        "dim": 384,
        "max_tokens": MAX_TOKENS,
        "sha256": digests,
        "fingerprint": fingerprint,
        "samples": samples(made),
    }
    write_json(made / "config.json", card)
    made.chmod(0o755)
    old = target.with_name(f".{target.name}-old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    made.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    return fingerprint


def samples(folder: Path) -> list[dict[str, Any]]:
    """A few texts with the first numbers of their vectors, for a test to compare with."""
    vectors = run(folder, SAMPLES)
    return [
        {"text": text, "first": [round(float(x), 4) for x in vector[:8]]}
        for text, vector in zip(SAMPLES, vectors, strict=True)
    ]


def run(folder: Path, texts: Any) -> NDArray[np.float32]:
    """(n, 384): the exported model on each text alone."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    found = []
    for text in texts:
        ids, mask = batch_ids(tokenizer, [text], MAX_TOKENS)
        feeds = {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
        found.append(session.run(None, feeds)[0][0])
    return np.stack(found)


def main() -> None:
    """Export a checkpoint, print its size and its cosine against the fp32 model."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--revision", required=True)
    parser.add_argument("--target", type=Path, default=TARGET)
    options = parser.parse_args()
    path = options.work / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(path))
    student = load_student(options.checkpoint, tokenizer.get_vocab_size(), "eager")
    model = quantize(to_onnx(student, options.work / "fp32.onnx"))
    fingerprint = write(model, path, options.target, options.revision)
    size = sum(file.stat().st_size for file in options.target.iterdir()) / 2**20
    held = sentences(splits.load().divide(read_pairs(options.data), read_sections(options.data))[1])
    texts = [*(pair.en for pair in held[:150]), *(pair.ko for pair in held[150:300])]
    with torch.inference_mode():
        exact = np.concatenate([student(*batch_ids(tokenizer, [t], 256)).numpy() for t in texts])
    cosine = (exact * run(options.target, texts)).sum(1)
    print(f"{fingerprint[:12]} {size:.1f} MiB; cosine to fp32 over {len(texts)} texts: ", end="")
    print(f"mean {cosine.mean():.4f}, least {cosine.min():.4f}")


if __name__ == "__main__":
    main()
