"""The bundled encoder as a folder that sentence-transformers loads: float32, safetensors.

The weights are read back from `model.onnx`: int8 times scale, which is what the bundled encoder
computes with. What it does besides, rounding the activations of each token to 8 bits, torch does
not do, and that is the whole difference: without it the vectors are the same to 2e-6. With it their
cosine is 0.998 in the mean and at least 0.99 (0.98 for the empty text, which has two tokens only).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.encoders import BUNDLED, Card, read_card
from rag.errors import MissingExtra, OutputError, RagError, UsageError

MODEL_CARD = BUNDLED.parent / "README.md"
HEADS = 12  # of attention, as all-MiniLM-L6-v2 has them; the file does not tell

Weights = Mapping[str, NDArray[np.float32]]


def export_encoder(target: Path, source: Path = BUNDLED) -> Card:
    """Write the encoder in `source` to the new folder `target`; returns its card.

    Raises UsageError if `target` is there and not empty, OutputError if it cannot be written, and
    MissingExtra without the package onnx.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} exists already; name a folder that does not")
    card = read_card(source)
    weights = read_weights(source / "model.onnx")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        try:
            _write(made, source, card, weights)
            made.chmod(0o755)
            made.rename(target)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write the encoder to {target}: {reason}") from error
    return card


def read_weights(path: Path) -> Weights:
    """The float32 weights of an exported `model.onnx`, by the names that BertModel gives them.

    Raises MissingExtra without the package onnx, RagError if the file is of another form.
    """
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise MissingExtra("onnx is not installed: pip install 'ask-docs[train]'") from error
    graph = onnx.load(str(path)).graph
    stored = {one.name: np.asarray(numpy_helper.to_array(one)) for one in graph.initializer}
    found: dict[str, NDArray[np.float32]] = {}
    for name, values in stored.items():
        if name.startswith("embeddings.") and name.endswith(".int8"):
            found[name.removesuffix(".int8")] = values * stored[f"{_stem(name)}.scale"]
        elif name.endswith((".bias", ".weight")):
            found[_in_body(name)] = values
    for bias, product in _linear(graph, stored):
        # x @ W in the graph, x @ W.T in torch
        matrix = stored[f"{product}.int8"] * stored[f"{product}.scale"]
        found[f"{_stem(_in_body(bias))}.weight"] = np.ascontiguousarray(matrix.T)
    bare = [
        name for name in found if name.endswith(".bias") and f"{_stem(name)}.weight" not in found
    ]
    if bare or not found:
        raise RagError(f"{path} is not of the form that is known here: no weight for {bare}")
    return found


def _linear(graph: Any, stored: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(bias, product) of each linear layer: the sum of a bias and a product scaled back.

    The export names the matrices by number only; the bias beside one tells which it is.
    """
    columns = {
        node.output[0]: _stem(node.input[1])
        for node in graph.node
        if node.op_type == "MatMulIntegerToFloat"
    }
    products = {
        node.output[0]: columns[node.input[0]]
        for node in graph.node
        if node.op_type == "Mul" and node.input[0] in columns
    }
    for node in graph.node:
        if node.op_type == "Add":
            names = sorted(node.input, key=lambda name: name not in stored)
            if names[0] in stored and names[1] in products:
                yield names[0], products[names[1]]


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _in_body(name: str) -> str:
    """A name of the graph as BertModel has it."""
    return f"encoder.layer.{name.removeprefix('layers.')}" if name.startswith("layers.") else name


# -- the folder ----------------------------------------------------------------------------------


def _write(folder: Path, source: Path, card: Card, weights: Weights) -> None:
    from safetensors.numpy import save_file

    save_file(dict(weights), folder / "model.safetensors", metadata={"format": "pt"})
    shutil.copyfile(source / "tokenizer.json", folder / "tokenizer.json")
    shutil.copyfile(MODEL_CARD, folder / "README.md")
    for name, record in _records(card, weights).items():
        (folder / name).parent.mkdir(exist_ok=True)
        text = json.dumps(record, ensure_ascii=False, indent=2) + "\n"
        (folder / name).write_text(text, encoding="utf-8")


def _records(card: Card, weights: Weights) -> dict[str, Any]:
    """The JSON files, in the older of the forms, which every release of the libraries reads."""
    words, width = weights["embeddings.word_embeddings.weight"].shape
    modules = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    return {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "vocab_size": words,
            "hidden_size": width,
            "num_hidden_layers": sum(n.endswith("query.weight") for n in weights),
            "num_attention_heads": HEADS,
            "intermediate_size": len(weights["encoder.layer.0.intermediate.dense.bias"]),
            "hidden_act": "gelu",
            "layer_norm_eps": 1e-12,
            "max_position_embeddings": len(weights["embeddings.position_embeddings.weight"]),
            "type_vocab_size": len(weights["embeddings.token_type_embeddings.weight"]),
            "pad_token_id": 0,
        },
        "modules.json": [
            {
                "idx": at,
                "name": str(at),
                "path": path,
                "type": f"sentence_transformers.models.{kind}",
            }
            for at, (kind, path) in enumerate(modules.items())
        ],
        "sentence_bert_config.json": {
            "max_seq_length": card.max_tokens,
            "do_lower_case": False,
            "model_args": {"add_pooling_layer": False},
        },
        "1_Pooling/config.json": {
            "word_embedding_dimension": width,
            "pooling_mode_cls_token": False,
            "pooling_mode_mean_tokens": True,
        },
        "2_Normalize/config.json": {},
        "tokenizer_config.json": {
            # Any other class would make its own normalizer, which takes Hangul apart.
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": card.max_tokens,
            "pad_token": "[PAD]",
            "unk_token": "[UNK]",
            "cls_token": "[CLS]",
            "sep_token": "[SEP]",
            "mask_token": "[MASK]",
        },
    }
