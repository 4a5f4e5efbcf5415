"""The training of the cross-encoder: groups, batches, loss, and the export against torch."""

from __future__ import annotations

import math
import random
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import BertConfig, BertModel

from rag.crossencoder import joined
from rag.training.cross import GROUPS, CrossEncoder, Ready, drawn, loss_of, padded
from rag.training.crossexport import to_onnx
from rag.training.crossgroups import GROUP, mixed
from rag.training.export import quantize

WORDS = st.lists(st.text("가나다abc", min_size=1, max_size=4), max_size=10, unique=True)


@given(WORDS, WORDS, st.integers(0, 5))
def test_a_group_keeps_what_is_right(right: list[str], wrong: list[str], seed: int) -> None:
    wrong = [word for word in wrong if word not in right]
    group = mixed("?", right, wrong, random.Random(seed))
    assert len(group.texts) == min(GROUP, len(right) + len(wrong))
    assert {group.texts[i] for i in group.right} == set(right[:GROUP])
    assert mixed("?", right, wrong, random.Random(seed)) == group


def ready(lengths: list[int], right: list[int]) -> Ready:
    return Ready([joined([101, 7, 102], [101, *[9] * n, 102]) for n in lengths], right)


def test_the_loss_is_the_share_of_the_right_ones_and_none_is_a_choice() -> None:
    scores = torch.tensor([2.0, 0.0, 1.0, -1.0, -3.0])
    groups = [ready([1, 1, 1], [0, 2]), ready([1, 1], [])]
    total = math.exp(2) + 1 + math.exp(1) + 1  # the last for "none of these"
    first = -math.log((math.exp(2) + math.exp(1)) / total)
    second = -math.log(1 / (1 + math.exp(-1) + math.exp(-3)))
    assert loss_of(scores, groups).item() == pytest.approx((first + second) / 2, abs=1e-5)


def test_batches_follow_from_seed_and_step() -> None:
    groups = [ready([n, n + 1], [0]) for n in range(1, 60)]
    assert drawn(groups, "a", 1, 5) == drawn(groups, "a", 1, 5)
    assert drawn(groups, "a", 1, 5) != drawn(groups, "a", 2, 5)
    assert len(drawn(groups, "a", 1, 5)) == GROUPS
    longest = [max(len(p.ids) for p in group.pairs) for group in drawn(groups, "a", 1, 5)]
    assert max(longest) - min(longest) < 20  # of about one length


def test_rows_are_padded_to_round_shapes() -> None:
    ids, mask, kinds = padded(ready([3, 20, 5], [0]).pairs)
    assert ids.shape == mask.shape == kinds.shape == (8, 32)
    assert mask.sum(1).tolist() == [7, 24, 9, 1, 1, 1, 1, 1]
    assert kinds[0].tolist()[:8] == [0, 0, 0, 1, 1, 1, 1, 0]


@pytest.fixture(scope="module")
def tiny() -> CrossEncoder:
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=200, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, attn_implementation="eager",
    )  # fmt: skip
    return CrossEncoder(BertModel(config, add_pooling_layer=False)).eval()


def test_the_exported_graph_says_what_torch_says(tiny: CrossEncoder, tmp_path: Path) -> None:
    pairs = [joined([101, 7, 8, 102], [101, *range(20, 20 + n), 102]) for n in (3, 11, 30)]
    ids, mask, kinds = padded(pairs)
    with torch.inference_mode():
        wanted = tiny(ids, mask, kinds).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older exporter says that there is a newer one
        graph = to_onnx(tiny, tmp_path / "exact.onnx")
    feeds = {
        "input_ids": ids.numpy(), "attention_mask": mask.numpy(), "token_type_ids": kinds.numpy(),
    }  # fmt: skip
    exact = onnxruntime.InferenceSession(graph.SerializeToString()).run(None, feeds)[0]
    np.testing.assert_allclose(exact, wanted, atol=1e-5)
    small = onnxruntime.InferenceSession(quantize(graph).SerializeToString()).run(None, feeds)[0]
    np.testing.assert_allclose(small, wanted, atol=0.05)
