"""The encoder for sentence-transformers: the same vectors, but for the rounding of activations."""

from __future__ import annotations

import json
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from asking import ask

from rag.encoderexport import export_encoder, read_weights
from rag.encoders import (
    BUNDLED,
    OnnxEncoder,
    SentenceTransformerEncoder,
    bundled_encoder,
    load_encoder,
)
from rag.errors import MissingExtra, OutputError, RagError, UsageError

pytest.importorskip("onnx")

LONG = "Each worker loads one batch of samples in a process of its own. " * 60
TEXTS = [
    "What does torch.stack do?",
    "torch.stack은 무엇을 하나요?",
    unicodedata.normalize("NFD", "학습률을 낮추려면 어떻게 해요?"),
    "DataLoader의 num_workers 기본값은 0이며, 주 프로세스에서 데이터를 불러옵니다.",
    "Is PyTorch a framework or a library?",
    "파이토치는 프레임워크예요, 라이브러리예요?",
    "RuntimeError: Expected all tensors to be on the same device, but found cuda:0 and cpu!",
    "손실 함수",
    "gradient",
    "x = torch.randn(2, 3).to('cuda')  # GPU로 옮긴다",
    "Café, naïve, 漢字, ①, 😀",
    "배치 정규화는 학습과 평가에서 다르게 동작한다. " * 3,
    LONG,
    "",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("export") / "made" / "encoder"
    export_encoder(target)
    return target


def test_the_vectors_are_those_of_the_bundled_encoder(folder: Path) -> None:
    exported = load_encoder(str(folder))
    assert isinstance(exported, SentenceTransformerEncoder)
    ours, theirs = bundled_encoder().encode_queries(TEXTS), exported.encode_queries(TEXTS)
    assert theirs.shape == ours.shape == (len(TEXTS), 384)
    np.testing.assert_allclose(np.linalg.norm(theirs, axis=1), 1.0, atol=1e-5)
    cosines = dict(zip(TEXTS, (ours * theirs).sum(1), strict=True))
    assert cosines.pop("") >= 0.98  # two tokens: there is little to average over
    assert min(cosines.values()) >= 0.99, cosines
    documents = exported.encode_documents(TEXTS)
    np.testing.assert_allclose(documents, theirs, atol=1e-5)  # there is no prompt


def test_without_the_rounding_they_are_the_same_to_six_digits(folder: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((BUNDLED / name).read_bytes())
    without_rounding(BUNDLED / "model.onnx", tmp_path / "model.onnx")
    plain, exported = OnnxEncoder(tmp_path), SentenceTransformerEncoder(str(folder), device="cpu")
    np.testing.assert_allclose(
        plain.encode_queries(TEXTS), exported.encode_queries(TEXTS), atol=2e-6
    )


def without_rounding(source: Path, target: Path) -> None:
    """The bundled model with its products taken of the activations as they are."""
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load(str(source))
    nodes = []
    for node in model.graph.node:
        if node.op_type != "MatMulIntegerToFloat":
            nodes.append(node)
            continue
        rows, matrix = node.input[0].removesuffix(".uint8"), node.input[1]
        wide, product = f"{node.output[0]}.matrix", f"{node.output[0]}.product"
        nodes.append(helper.make_node("Cast", [matrix], [wide], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("MatMul", [f"{rows}.unit", wide], [product]))
        nodes.append(helper.make_node("Mul", [product, node.input[3]], node.output))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, str(target))


def test_a_text_past_the_limit_counts_by_its_beginning(folder: Path) -> None:
    """The word at the end would count if more tokens were read."""
    exported = SentenceTransformerEncoder(str(folder), device="cpu")
    here, there = exported.encode_queries([LONG, LONG + "quantum chromodynamics"])
    np.testing.assert_allclose(here, there, atol=1e-6)


def test_a_number_is_int8_times_the_scale_of_its_row() -> None:
    """Checked where a row's greatest number stands: it has the value 125, or 63 in a product."""
    weights = read_weights(BUNDLED / "model.onnx")
    for name, steps in [
        ("embeddings.word_embeddings.weight", 125),
        ("encoder.layer.5.output.dense.weight", 63),
    ]:
        rows = weights[name][1000:1100] if steps == 125 else weights[name][:100]
        unit = rows / np.abs(rows).max(1, keepdims=True) * steps
        np.testing.assert_allclose(unit, np.round(unit), atol=1e-3)
    assert len(weights) == 5 + 6 * 16  # BertModel without its pooler
    assert all(values.dtype == np.float32 for values in weights.values())
    assert weights["encoder.layer.0.intermediate.dense.weight"].shape == (1536, 384)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    for target in (tmp_path, tmp_path / "mine.txt"):
        with pytest.raises(UsageError, match="exists already"):
            export_encoder(target)
    with pytest.raises(OutputError, match="cannot write the encoder"):
        export_encoder(tmp_path / "mine.txt" / "below")
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_model_of_another_form_is_refused(tmp_path: Path) -> None:
    import onnx
    from onnx import helper

    path = tmp_path / "model.onnx"
    onnx.save(helper.make_model(helper.make_graph([], "empty", [], [])), str(path))
    with pytest.raises(RagError, match="not of the form"):
        read_weights(path)


def test_without_onnx_the_command_to_get_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtra, match=r"pip install 'ask-docs\[train\]'"):
        export_encoder(tmp_path / "encoder")
    assert not list(tmp_path.iterdir())


def test_the_command(tmp_path: Path) -> None:
    done = ask(tmp_path, "export-encoder", "out", "--json")
    assert (done.code, done.err) == (0, "")
    assert done.json["encoder"] == bundled_encoder().name
    files = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert done.json["bytes"] == sum(path.stat().st_size for path in files)
    modules = json.loads((tmp_path / "out" / "modules.json").read_text(encoding="utf-8"))
    assert [one["type"].rpartition(".")[2] for one in modules] == [
        "Transformer",
        "Pooling",
        "Normalize",
    ]
    again = ask(tmp_path, "export-encoder", "out")
    assert (again.code, again.out) == (2, "")
    assert "out exists already" in again.err
