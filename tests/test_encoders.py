"""The encoders: one space for both languages, and vectors that depend on the text alone."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import unicodedata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag import encoders
from rag.encoders import (
    BUNDLED,
    OnnxEncoder,
    SentenceTransformerEncoder,
    batches,
    bundled_encoder,
    folder_fingerprint,
    load_encoder,
)
from rag.errors import MissingExtra, RagError, UsageError

# Written for this test: the same thing said in both languages.
SAME = [
    (
        "The learning rate decides how large each update step is.",
        "학습률은 한 번의 갱신 폭을 정합니다.",
    ),
    (
        "Save the model to a file and load it again later.",
        "모델을 파일에 저장하고 나중에 다시 불러옵니다.",
    ),
    (
        "Set the random seed to get the same results each time.",
        "매번 같은 결과를 얻으려면 난수 시드를 고정하세요.",
    ),
    ("Move the tensor to the GPU.", "텐서를 GPU로 옮깁니다."),
    (
        "Split the dataset into training and test parts.",
        "데이터셋을 학습용과 테스트용으로 나눕니다.",
    ),
    ("Gradients are computed by automatic differentiation.", "기울기는 자동 미분으로 계산됩니다."),
    ("The function returns a list of strings.", "이 함수는 문자열 리스트를 반환합니다."),
    ("An exception is raised if the file does not exist.", "파일이 없으면 예외가 발생합니다."),
]


@pytest.fixture(scope="module")
def encoder() -> OnnxEncoder:
    return bundled_encoder()


def test_shapes_and_unit_rows(encoder: OnnxEncoder) -> None:
    vectors = encoder.encode_documents(["one", "두 번째 문서", "", "   ", "\n\t"])
    assert vectors.shape == (5, encoder.dim) == (5, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_no_texts_give_no_rows(encoder: OnnxEncoder) -> None:
    assert encoder.encode_queries([]).shape == (0, 384)
    assert encoder.encode_documents([]).shape == (0, 384)


def test_parallel_sentences_find_each_other(encoder: OnnxEncoder) -> None:
    english = encoder.encode_documents([en for en, _ in SAME])
    korean = encoder.encode_queries([ko for _, ko in SAME])
    cosine = korean @ english.T
    assert cosine.argmax(axis=1).tolist() == list(range(len(SAME)))
    others = cosine[~np.eye(len(SAME), dtype=bool)]
    assert cosine.diagonal().mean() > others.mean() + 0.3


def test_related_english_is_nearer_than_unrelated(encoder: OnnxEncoder) -> None:
    question, right, wrong = encoder.encode_queries(
        ["How do I stop training early?", "Early stopping ends training.", "A recipe for soup."]
    )
    assert question @ right > question @ wrong + 0.2


@pytest.mark.parametrize(
    "text", ["텐서를 합치는 방법", "Café naïve", "PyTorch의 autograd란 무엇인가요?"]
)
def test_composed_and_decomposed_text_is_one_text(encoder: OnnxEncoder, text: str) -> None:
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")]
    assert forms[0] != forms[1]
    composed, decomposed = encoder.encode_queries(forms)
    np.testing.assert_allclose(composed, decomposed, atol=1e-6)


def test_hangul_is_known_and_not_taken_apart() -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(BUNDLED / "tokenizer.json"))
    tokens = tokenizer.encode("GPU에서 텐서를 합치려면?").tokens
    assert tokens == ["[CLS]", "gp", "##u", "에서", "텐서", "##를", "합치", "##려면", "?", "[SEP]"]
    every = [chr(code) for code in range(0xAC00, 0xD7A4)]
    known = sum("[UNK]" not in one.tokens for one in tokenizer.encode_batch(every))
    assert known >= 2350  # at least the syllables of KS X 1001


def test_tokenizer_neither_pads_nor_reads_past_its_limit() -> None:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(BUNDLED / "tokenizer.json"))
    assert tokenizer.padding is None  # the original pads to 128, which would enter every mean
    assert tokenizer.truncation["max_length"] == 256
    assert len(tokenizer.encode("word " * 1000).ids) == 256


def test_very_long_text_counts_by_its_beginning(encoder: OnnxEncoder) -> None:
    start = "텐서 tensor " * 200
    vectors = encoder.encode_documents([start + "cats", start + "dogs" * 500_000])
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)


def test_vectors_do_not_depend_on_the_company(encoder: OnnxEncoder) -> None:
    texts = [side for pair in SAME for side in pair] + ["", "short", "긴 문장입니다. " * 60]
    alone = np.concatenate([encoder.encode_documents([text]) for text in texts])
    np.testing.assert_allclose(encoder.encode_documents(texts), alone, atol=1e-5)
    backwards = encoder.encode_documents(texts[::-1])[::-1]
    np.testing.assert_allclose(backwards, alone, atol=1e-5)
    np.testing.assert_array_equal(encoder.encode_queries(texts[:1]), alone[:1])


def test_many_texts_keep_their_places(
    encoder: OnnxEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"item {number} " + "word " * (number % 7) for number in range(40)]
    whole = encoder.encode_documents(texts)
    monkeypatch.setattr(encoders, "SLICE", 16)
    np.testing.assert_allclose(encoder.encode_documents(texts), whole, atol=1e-5)


def test_progress_hears_every_text(encoder: OnnxEncoder) -> None:
    heard: list[int] = []
    encoder.encode_documents(["a"] * 150, heard.append)
    assert heard == sorted(heard)
    assert heard[-1] == 150


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=60))
def test_any_text_has_a_unit_vector(text: str) -> None:
    (vector,) = bundled_encoder().encode_queries([text])
    assert abs(float(np.linalg.norm(vector)) - 1) < 1e-4


def test_lone_surrogates_are_read_over(encoder: OnnxEncoder) -> None:
    assert encoder.encode_queries(["broken \ud800 text"]).shape == (1, 384)


@given(st.lists(st.integers(1, 600), max_size=300))
def test_batches_hold_every_row_once_and_stay_small(lengths: list[int]) -> None:
    groups = batches(lengths)
    assert sorted(row for group in groups for row in group) == list(range(len(lengths)))
    for group in groups:
        assert len(group) == 1 or len(group) * lengths[group[0]] <= encoders.BATCH_TOKENS
        assert len(group) <= encoders.BATCH_TEXTS
    flat = [lengths[row] for group in groups for row in group]
    assert all(left >= right for left, right in pairwise(flat))


def test_card_matches_the_files() -> None:
    card = json.loads((BUNDLED / "config.json").read_text(encoding="utf-8"))
    digests = {
        name: hashlib.sha256((BUNDLED / name).read_bytes()).hexdigest()
        for name in ("model.onnx", "tokenizer.json")
    }
    assert card["sha256"] == digests
    assert card["fingerprint"] == hashlib.sha256("".join(digests.values()).encode()).hexdigest()
    assert bundled_encoder().fingerprint == card["fingerprint"]


def test_vectors_are_those_of_the_export(encoder: OnnxEncoder) -> None:
    samples = json.loads((BUNDLED / "config.json").read_text(encoding="utf-8"))["samples"]
    vectors = encoder.encode_queries([sample["text"] for sample in samples])
    expected = np.array([sample["first"] for sample in samples])
    np.testing.assert_allclose(vectors[:, : expected.shape[1]], expected, atol=5e-3)


def test_bundle_stays_below_sixty_megabytes() -> None:
    files = [path for path in BUNDLED.parent.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 60e6


def test_bundled_encoder_needs_no_torch() -> None:
    code = (
        "import sys, rag.encoders as e\n"
        "assert 'onnxruntime' not in sys.modules\n"
        "e.bundled_encoder().encode_queries(['안녕'])\n"
        "assert not {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_default_is_bundled_and_loaded_once(encoder: OnnxEncoder) -> None:
    assert load_encoder() is load_encoder("bundled") is load_encoder(encoder.name) is encoder


def test_folder_without_an_encoder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RagError, match=r"no encoder in .*FileNotFoundError"):
        OnnxEncoder(tmp_path)


def test_broken_weights_are_one_line(tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((BUNDLED / name).read_bytes())
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(RagError, match="cannot be loaded") as caught:
        OnnxEncoder(tmp_path)
    assert "\n" not in str(caught.value)


# -- sentence-transformers ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model of a few thousand numbers, with prompts, made here."""
    modules = pytest.importorskip("sentence_transformers.models")
    from sentence_transformers import SentenceTransformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "query", ":", "tensor", "model", "텐서"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    body = folder / "body"
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=len(words), intermediate_size=16, **shape)).save_pretrained(
        body
    )
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(body)
    transformer = modules.Transformer(str(body))
    pooling = modules.Pooling(16)
    prompts = {"query": "query: ", "document": ""}
    model = SentenceTransformer(modules=[transformer, pooling], prompts=prompts, device="cpu")
    model.save(str(folder / "model"))
    return folder / "model"


def test_sentence_transformers_model_by_folder(tiny: Path) -> None:
    model = load_encoder(str(tiny))
    assert isinstance(model, SentenceTransformerEncoder)
    assert model.dim == 16
    heard: list[int] = []
    documents = model.encode_documents(["tensor", "model"], heard.append)
    assert heard == [2]
    assert documents.shape == (2, 16)
    assert documents.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(documents, axis=1), 1.0, atol=1e-5)
    assert model.encode_documents([]).shape == (0, 16)
    assert model.encode_queries([]).shape == (0, 16)


def test_prompts_of_the_model_are_used(tiny: Path) -> None:
    model = SentenceTransformerEncoder(str(tiny), device="cpu")
    query = model.encode_queries(["tensor"])
    assert not np.allclose(query, model.encode_documents(["tensor"]), atol=1e-3)
    np.testing.assert_allclose(query, model.encode_documents(["query: tensor"]), atol=1e-5)


def test_fingerprint_of_a_folder_follows_its_content(tiny: Path) -> None:
    before = folder_fingerprint(tiny)
    assert SentenceTransformerEncoder(str(tiny)).fingerprint == before
    (tiny / "note.txt").write_text("changed", encoding="utf-8")
    assert folder_fingerprint(tiny) != before
    (tiny / "note.txt").unlink()
    assert folder_fingerprint(tiny) == before


def test_folder_that_holds_no_model_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("sentence_transformers")
    with pytest.raises(UsageError, match="cannot be loaded") as caught:
        load_encoder(str(tmp_path))
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_missing_package_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(MissingExtra, match="pip install sentence-transformers"):
        load_encoder("some/model")
