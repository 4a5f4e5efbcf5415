"""Reads a question and a text together and says whether the text answers it.

The bundled model is this project's own: the first layers of the bundled encoder, trained on
questions with sentences that do and do not answer them (`rag/training/cross.py`). It runs on
onnxruntime alone, and its word pieces are those of the encoder.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from rag.encoders import BUNDLED as ENCODER
from rag.encoders import available_cores, open_session, open_tokenizer
from rag.errors import RagError
from rag.text import nfc

BUNDLED = ENCODER.parent / "crossencoder"
LIMIT, QUERY_LIMIT = 96, 40  # tokens of question and text, of the question
_RUN = 8  # pairs of a run at the most, of about one length
_CHARACTERS = 2_000  # what lies behind is past the limit of tokens
_SEP = 102


class CrossEncoder(Protocol):
    """What the reader needs to know of a model that judges texts."""

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n,) for n texts: above 0 means that the text is more likely than not to answer."""


class Pair(NamedTuple):
    """Ids of a question with a text, and how many of them are the question's."""

    ids: list[int]
    query: int


def joined(query: Sequence[int], text: Sequence[int]) -> Pair:
    """Ids of both, as the tokenizer gives each alone, in one row of at most LIMIT."""
    asked = [*query[: QUERY_LIMIT - 1], _SEP] if len(query) > QUERY_LIMIT else list(query)
    return Pair([*asked, *text[1:-1][: LIMIT - len(asked) - 1], _SEP], len(asked))


class OnnxCrossEncoder:
    """An exported cross-encoder: `model.onnx` and `config.json`, and the encoder's tokenizer.

    The score of a text does not depend on the texts it is judged with.
    """

    def __init__(self, folder: Path, tokenizer: Path, threads: int | None = None) -> None:
        try:
            card = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            self.name, self.fingerprint = str(card["name"]), str(card["fingerprint"])
        except (OSError, ValueError, KeyError) as error:
            raise RagError(
                f"no cross-encoder in {folder} ({type(error).__name__}); install ask-docs again"
            ) from error
        self._workers = threads or available_cores()
        self._tokenizer = open_tokenizer(tokenizer)
        self._session = open_session(folder)

    def scores(self, question: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n,) float32, a score for each text."""
        if not texts:
            return np.zeros(0, np.float32)
        query, *ids = [
            one.ids for one in self._tokenizer.encode_batch([_clean(t) for t in (question, *texts)])
        ]
        pairs = [joined(query, one) for one in ids]
        order = sorted(range(len(pairs)), key=lambda i: -len(pairs[i].ids))
        # Two runs for each core, so that none waits long for the other.
        size = min(_RUN, -(-len(order) // (2 * self._workers)))
        groups = [order[at : at + size] for at in range(0, len(order), size)]
        found = np.zeros(len(texts), np.float32)
        with ThreadPoolExecutor(self._workers) as pool:
            runs = pool.map(lambda rows: self._run([pairs[row] for row in rows]), groups)
            for rows, made in zip(groups, runs, strict=True):
                found[rows] = made
        return found

    def _run(self, pairs: Sequence[Pair]) -> NDArray[np.float32]:
        shape = (len(pairs), max(len(pair.ids) for pair in pairs))
        ids, mask, kinds = (np.zeros(shape, np.int64) for _ in range(3))
        for row, pair in enumerate(pairs):
            ids[row, : len(pair.ids)] = pair.ids
            mask[row, : len(pair.ids)] = 1
            kinds[row, pair.query : len(pair.ids)] = 1
        feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds}
        scores: NDArray[np.float32] = self._session.run(None, feeds)[0]
        return scores


@lru_cache(maxsize=1)
def bundled_cross_encoder() -> OnnxCrossEncoder:
    """The one that ships with the package, loaded once a process."""
    return OnnxCrossEncoder(BUNDLED, ENCODER)


def _clean(text: str) -> str:
    return nfc(text[:_CHARACTERS].encode("utf-8", "replace").decode("utf-8"))
