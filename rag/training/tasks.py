"""What is trained on, a task each: texts, and the vectors or texts that they should come to."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from rag.training.data import WEIGHTS, Section, rows
from rag.training.everyday import everyday
from rag.training.teacher import Materials

BATCH = 128
POOL = 16  # batches drawn at once and sorted by length
EVERYDAY = 0.3  # share of the Korean sentences that is rewritten
ALIKE = 3.8  # of 5: sentences of the similarity set that count as saying the same

Ids = list[list[int]]


@dataclass(frozen=True)
class Task:
    """Texts, how often each is drawn, and the vector (or the other text) each should come to.

    `hard` are the ids of texts near the right one that are wrong, some for each row.
    """

    name: str
    ids: Ids
    chances: NDArray[np.float64]  # cumulative, ends at 1
    targets: NDArray[np.float16] | None = None
    others: Ids | None = None
    hard: list[Ids] | None = None
    cosine: bool = False
    size: int = BATCH
    scale: float = 0.05  # temperature


class Builder:
    """Makes tasks out of the training texts, with one tokenizer."""

    def __init__(self, found: Materials, tokenizer: Tokenizer, work: Path, data: Path) -> None:
        self.found, self.tokenizer, self.work, self.data = found, tokenizer, work, data
        self.pair_weights = [WEIGHTS.get(pair.file, 1.0) for pair in found.pairs]

    def make(self, names: Sequence[str]) -> dict[str, Task]:
        """The tasks of these names."""
        makers: dict[str, Callable[[], Task]] = {
            "pairs": self.pairs,
            "english": self.english,
            "heads": self.heads,
            "texts": self.texts,
            "tydi": lambda: self.asked("tydi", "korean", 32),
            "squad": lambda: self.asked("squad", "english", 32),
            "sentences": self.sentences,
            "learner": self.learner,
            "both": self.both,
            "head sections": self.head_sections,
        }
        return {name: makers[name]() for name in names}

    def pairs(self) -> Task:
        """Korean sentences to the teacher's vector of the English one."""
        draw = random.Random(5)
        texts = [
            everyday(pair.ko, draw) if draw.random() < EVERYDAY else pair.ko
            for pair in self.found.pairs
        ]
        return self._vectors("pairs", texts, self.pair_weights, "pairs", 72, cosine=True)

    def both(self) -> Task:
        """Korean sentences to the English ones, neither of them fixed."""
        draw = random.Random(7)
        found = self.found.pairs
        ids = self._cut([_loose(pair.ko, draw) for pair in found], 72)
        chances = np.cumsum(self.pair_weights)
        english = self._cut([pair.en for pair in found], 72)
        return Task("both", ids, chances / chances[-1], others=english, size=64)

    def head_sections(self) -> Task:
        """Headings to their sections, in each language and across, neither of them fixed."""
        draw = random.Random(9)
        heads, texts = [], []
        for row in self.found.sections:
            heads.append(_loose(row.head_ko, draw) if draw.random() < 0.6 else row.head_en)
            texts.append(row.text_en if draw.random() < 0.7 else row.text_ko)
        ids = self._cut(heads, 40)
        return Task("head sections", ids, even(ids), others=self._cut(texts, 128), size=48)

    def english(self) -> Task:
        """English sentences to the teacher's vector of themselves."""
        texts = [pair.en for pair in self.found.pairs]
        return self._vectors("english", texts, self.pair_weights, "pairs", 72, cosine=True)

    def heads(self) -> Task:
        """Korean headings to the teacher's vector of the English section."""
        draw = random.Random(6)
        return self._sections("heads", lambda row: _loose(row.head_ko, draw), 40, cosine=False)

    def texts(self) -> Task:
        """Korean sections to the teacher's vector of the English section."""
        return self._sections("texts", lambda row: row.text_ko, 128, cosine=True, size=48)

    def asked(self, name: str, language: str, size: int) -> Task:
        """Questions to their own paragraphs; others of the same article are hard."""
        found = self.found.korean if language == "korean" else self.found.english
        ids = self._cut([row.question for row in found], 48)
        own = self._cut([row.context for row in found], 160)
        hard = neighbours([row.title for row in found], own)
        return Task(name, ids, even(ids), others=own, hard=hard, size=size)

    def sentences(self) -> Task:
        """Everyday Korean sentences to others that follow from them; contradictions are hard."""
        first, second, hard = [], [], []
        wrong: dict[str, list[str]] = {}
        entailed = []
        for row in rows(self.data / "nli/xnli_ko_test.jsonl.gz"):
            if row["label"] == "contradiction":
                wrong.setdefault(row["premise"], []).append(row["hypothesis"])
            elif row["label"] == "entailment":
                entailed.append((row["hypothesis"], row["premise"]))
        for hypothesis, premise in entailed:
            first.append(hypothesis)
            second.append(premise)
            hard.append(self._cut(wrong.get(premise, []), 64))
        for row in rows(self.data / "sts/korsts_train.jsonl.gz"):
            if row["score"] >= ALIKE and row["ko1"] != row["ko2"]:
                first.append(row["ko1"])
                second.append(row["ko2"])
                hard.append([])
        ids = self._cut(first, 64)
        return Task("sentences", ids, even(ids), others=self._cut(second, 64), hard=hard, size=64)

    def learner(self) -> Task:
        """Questions of learners and tutorial sentences to records of the torch index."""
        lines = (self.work / "domain.jsonl").read_text(encoding="utf-8").splitlines()
        found = [json.loads(line) for line in lines]
        ids = self._cut([row["query"] for row in found], 64)
        chances = np.cumsum([row["weight"] for row in found])
        return Task(
            "learner", ids, chances / chances[-1],
            others=self._cut([row["record"] for row in found], 96),
            hard=[self._cut(row["hard"], 96) for row in found], size=48,
        )  # fmt: skip

    def _sections(
        self,
        name: str,
        text: Callable[[Section], str],
        limit: int,
        *,
        cosine: bool,
        size: int = BATCH,
    ) -> Task:
        found = self.found.sections
        weights = [WEIGHTS.get(row.file, 1.0) for row in found]
        texts = [text(row) for row in found]
        return self._vectors(name, texts, weights, "sections", limit, cosine=cosine, size=size)

    def _vectors(
        self,
        name: str,
        texts: Sequence[str],
        weights: Sequence[float],
        targets: str,
        limit: int,
        *,
        cosine: bool,
        size: int = BATCH,
    ) -> Task:
        chances = np.cumsum(weights)
        vectors = np.load(self.work / f"teacher_{targets}.npy")
        ids = self._cut(texts, limit)
        return Task(name, ids, chances / chances[-1], vectors, cosine=cosine, size=size)

    def _cut(self, texts: Sequence[str], limit: int) -> Ids:
        return cut(self.tokenizer, texts, limit)


def _loose(text: str, draw: random.Random) -> str:
    return everyday(text, draw) if draw.random() < EVERYDAY else text


def even(ids: Ids) -> NDArray[np.float64]:
    """Every row as often as any other."""
    return np.arange(1, len(ids) + 1) / len(ids)


def neighbours(titles: Sequence[str], texts: Ids, most: int = 8) -> list[Ids]:
    """For each row, up to `most` texts of the same title that are not its own, seeded."""
    alike: dict[str, dict[tuple[int, ...], None]] = {}
    for title, text in zip(titles, texts, strict=True):
        alike.setdefault(title, {})[tuple(text)] = None
    pools = {title: list(map(list, some)) for title, some in alike.items()}
    draw = random.Random(13)
    found = []
    for title, text in zip(titles, texts, strict=True):
        pool = pools[title]
        drawn = draw.sample(pool, min(most + 1, len(pool)))
        found.append([other for other in drawn if other != text][:most])
    return found


def cut(tokenizer: Tokenizer, texts: Sequence[str], limit: int) -> Ids:
    """Ids of each text, at most `limit`, the last one [SEP]."""
    return [
        ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]
        for ids in (one.ids for one in tokenizer.encode_batch(list(texts)))
    ]


def choose(task: Task, seed: int, step: int) -> list[int]:
    """The rows of one batch: of a pool drawn by weight, those of about one length.

    Two rows of one text, or that should come to one text, do not meet: each would be told that
    the other's is wrong.
    """
    draw = np.random.default_rng([seed, step // POOL, len(task.name)])
    pool = np.searchsorted(task.chances, draw.random(task.size * POOL))
    lengths = task.others or task.ids
    pool = pool[np.argsort([len(lengths[row]) for row in pool], kind="stable")]
    place = draw.permutation(POOL)[step % POOL]
    kept: dict[tuple[int, ...], int] = {}
    for row in pool[place * task.size : (place + 1) * task.size]:
        kept.setdefault(tuple(lengths[row]), int(row))
    return list(dict.fromkeys(kept.values()))


def pad(ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """(ids, mask) as tensors."""
    width = max(map(len, ids))
    tokens = torch.zeros(len(ids), width, dtype=torch.long)
    mask = torch.zeros(len(ids), width, dtype=torch.long)
    for row, one in enumerate(ids):
        tokens[row, : len(one)] = torch.tensor(one)
        mask[row, : len(one)] = 1
    return tokens, mask
