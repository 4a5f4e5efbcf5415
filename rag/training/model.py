"""The student: MiniLM's body over the longer vocabulary, and how its new rows begin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn

from rag.training.align import ibm1
from rag.training.data import Pair, teacher_folder

ENGLISH_ROWS = 30_522
Floats = NDArray[np.float32]


class Student(nn.Module):
    """Token ids to unit vectors: BERT, mean over the tokens, length 1."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.body = body

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(n, tokens) ids and mask -> (n, 384) unit rows."""
        return self.pool(
            self.body(input_ids=input_ids, attention_mask=attention_mask), attention_mask
        )

    def pool(self, output: Any, attention_mask: Tensor) -> Tensor:
        """The body's output -> (n, 384) unit rows."""
        hidden = output.last_hidden_state.float()
        mask = attention_mask.unsqueeze(-1).float()
        mean = (hidden * mask).sum(1) / mask.sum(1).clamp(min=1.0)
        return nn.functional.normalize(mean, dim=-1)

    @property
    def rows(self) -> nn.Parameter:
        """The word embeddings, (vocabulary, 384)."""
        weight = self.body.embeddings.word_embeddings.weight
        assert isinstance(weight, nn.Parameter)
        return weight


def teacher(rows: int = ENGLISH_ROWS, attention: str = "sdpa") -> Student:
    """all-MiniLM-L6-v2, its vocabulary padded to `rows`."""
    from transformers import BertModel

    body = BertModel.from_pretrained(
        str(teacher_folder()), add_pooling_layer=False, attn_implementation=attention
    )
    if rows > ENGLISH_ROWS:
        body.resize_token_embeddings(rows, mean_resizing=False)
    return Student(body).eval()


def load_student(path: Path, rows: int, attention: str = "sdpa") -> Student:
    """The student of a checkpoint, on the processor."""
    student = teacher(rows, attention)
    student.load_state_dict(read_checkpoint(path)["model"])
    return student.eval()


def batch_ids(tokenizer: Tokenizer, texts: Sequence[str], limit: int) -> tuple[Tensor, Tensor]:
    """(ids, mask) of a batch, padded to its longest text, at most `limit` tokens."""
    encoded = [
        ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]
        for ids in (one.ids for one in tokenizer.encode_batch(list(texts)))
    ]
    width = max(map(len, encoded))
    ids = torch.zeros(len(encoded), width, dtype=torch.long)
    mask = torch.zeros(len(encoded), width, dtype=torch.long)
    for row, one in enumerate(encoded):
        ids[row, : len(one)] = torch.tensor(one)
        mask[row, : len(one)] = 1
    return ids, mask


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What a training run kept; of a run on a GPU too, on a machine without one."""
    state: dict[str, Any] = torch.load(path, weights_only=True, map_location="cpu")
    return state


def device_of(wanted: str | None) -> torch.device:
    """The device of this name, or a GPU where there is one, or the processor with both its cores."""
    device = torch.device(wanted or ("cuda" if torch.cuda.is_available() else "cpu"))
    if device.type == "cpu":
        torch.set_num_threads(2)
    return device


@torch.inference_mode()
def embed(model: Student, tokenizer: Tokenizer, texts: Sequence[str], limit: int = 256) -> Floats:
    """(n, 384) unit rows; texts of one length go together."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    result = np.zeros((len(texts), 384), dtype=np.float32)
    with torch.autocast("cpu", torch.bfloat16):
        for start in range(0, len(order), 64):
            part = order[start : start + 64]
            result[part] = model(*batch_ids(tokenizer, [texts[i] for i in part], limit)).numpy()
    return result


def first_rows(tokenizer: Tokenizer, pairs: Sequence[Pair], old: Floats, best: int = 8) -> Floats:
    """New embedding rows, (new, 384): each the mean of the English rows it is aligned to.

    The weight of an English piece is t(en | ko) t(ko | en), so that both must choose each other;
    the best few count. A piece never seen gets the mean of all new rows.
    """
    korean = [_pieces(one.ids) for one in tokenizer.encode_batch([p.ko for p in pairs])]
    english = [_pieces(one.ids) for one in tokenizer.encode_batch([p.en for p in pairs])]
    weights = np.ones(len(pairs), dtype=np.float32)
    there = ibm1(korean, english, weights)
    back = ibm1(english, korean, weights)
    width = tokenizer.get_vocab_size()
    wanted = (there.source >= len(old)) & (there.target < len(old))
    source, target = there.source[wanted].astype(np.int64), there.target[wanted]
    keys = back.target.astype(np.int64) * width + back.source
    order = np.argsort(keys)
    place = order[np.searchsorted(keys, source * width + target, sorter=order) % len(order)]
    score = there.probability[wanted] * back.probability[place]
    rows = np.zeros((width - len(old), old.shape[1]), dtype=np.float32)
    by_score = np.lexsort((-score, source))
    source, target, score = source[by_score], target[by_score], score[by_score]
    heads = np.flatnonzero(np.diff(source, prepend=-1))
    for begin, end in zip(heads, np.append(heads[1:], len(source)), strict=True):
        top = slice(begin, min(begin + best, end))
        mean = np.average(old[target[top]], axis=0, weights=score[top] + 1e-12)
        rows[source[begin] - len(old)] = mean
    seen = np.abs(rows).sum(1) > 0
    rows[~seen] = rows[seen].mean(0)
    return rows


def _pieces(ids: Sequence[int]) -> NDArray[np.int32]:
    return np.unique(np.array(ids[1:-1], dtype=np.int32))
