"""Distil MiniLM into Korean: the student's vector of a text comes to the teacher's of its English.

    python -m rag.training.train --phase rows --steps 2500      new embedding rows, body frozen
    python -m rag.training.train --phase body --steps 2500      the body too, English held in place

Targets are teacher vectors of English texts, fixed: sentences (parallel), the English section under
a Korean heading, the English of a Korean section; only Korean questions go to their own paragraphs.
The loss is in-batch contrast and, for translations, the cosine; in phase `body` English texts are
pulled to their own teacher vectors. Batches follow from the seed and the step alone, so a run goes
on from WORK/PHASE.pt after being stopped.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from rag.training.data import WEIGHTS, arguments
from rag.training.model import ENGLISH_ROWS, Student, load_student
from rag.training.optimiser import LazyAdam
from rag.training.teacher import Materials, materials

BATCH = 128
POOL = 16  # batches drawn at once and sorted by length
TEMPERATURE = 0.05
MIX = {
    "rows": {"pairs": 1.0},
    "body": {"pairs": 0.56, "english": 0.20, "heads": 0.08, "texts": 0.10, "questions": 0.06},
}
LIMIT = {"pairs": 72, "english": 72, "heads": 40, "texts": 128, "questions": 128}
SIZE = {"texts": 48, "questions": 32}
ROW_RATE = {"rows": 1.5e-3, "body": 1e-3}
BODY_RATE = 1e-4


@dataclass(frozen=True)
class Task:
    """Texts, how often each is drawn, and the vector (or the other text) each should come to."""

    name: str
    ids: list[list[int]]
    chances: NDArray[np.float64]  # cumulative, ends at 1
    targets: NDArray[np.float16] | None
    others: list[list[int]] | None = None
    cosine: bool = True


def tasks(found: Materials, tokenizer: Tokenizer, work: Path, phase: str) -> list[Task]:
    """The tasks of a phase, texts already cut into ids."""
    pairs = np.load(work / "teacher_pairs.npy")
    weights = [WEIGHTS.get(pair.file, 1.0) for pair in found.pairs]
    made = [_task("pairs", tokenizer, [pair.ko for pair in found.pairs], weights, pairs)]
    if phase == "body":
        made.append(_task("english", tokenizer, [p.en for p in found.pairs], weights, pairs))
        others = cut(tokenizer, [row.context for row in found.korean], LIMIT["questions"])
        ids = cut(tokenizer, [row.question for row in found.korean], LIMIT["questions"])
        chances = np.arange(1, len(ids) + 1) / len(ids)
        made.append(Task("questions", ids, chances, None, others, cosine=False))
    if phase == "rows":
        return made
    sections = np.load(work / "teacher_sections.npy")
    weights = [WEIGHTS.get(row.file, 1.0) for row in found.sections]
    heads = [row.head_ko for row in found.sections]
    made.append(_task("heads", tokenizer, heads, weights, sections, cosine=False))
    made.append(
        _task("texts", tokenizer, [row.text_ko for row in found.sections], weights, sections)
    )
    return made


def _task(
    name: str,
    tokenizer: Tokenizer,
    texts: Sequence[str],
    weights: Sequence[float],
    targets: NDArray[np.float16],
    *,
    cosine: bool = True,
) -> Task:
    chances = np.cumsum(weights)
    return Task(
        name, cut(tokenizer, texts, LIMIT[name]), chances / chances[-1], targets, None, cosine
    )


def cut(tokenizer: Tokenizer, texts: Sequence[str], limit: int) -> list[list[int]]:
    """Ids of each text, at most `limit`, the last one [SEP]."""
    return [
        ids if len(ids) <= limit else [*ids[: limit - 1], ids[-1]]
        for ids in (one.ids for one in tokenizer.encode_batch(list(texts)))
    ]


def choose(task: Task, seed: int, step: int) -> list[int]:
    """The rows of one batch: of a pool drawn by weight, those of about one length."""
    size = SIZE.get(task.name, BATCH)
    draw = np.random.default_rng([seed, step // POOL, len(task.name)])
    pool = np.searchsorted(task.chances, draw.random(size * POOL))
    pool = pool[np.argsort([len(task.ids[row]) for row in pool], kind="stable")]
    place = draw.permutation(POOL)[step % POOL]
    rows = pool[place * size : (place + 1) * size]
    return list(dict.fromkeys(int(row) for row in rows))


def pad(ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """(ids, mask) as tensors."""
    width = max(map(len, ids))
    tokens = torch.zeros(len(ids), width, dtype=torch.long)
    mask = torch.zeros(len(ids), width, dtype=torch.long)
    for row, one in enumerate(ids):
        tokens[row, : len(one)] = torch.tensor(one)
        mask[row, : len(one)] = 1
    return tokens, mask


def loss_of(vectors: Tensor, targets: Tensor, *, cosine: bool) -> Tensor:
    """Contrast both ways among the batch and, for translations, one minus the cosine.

    Targets that are the same text (cosine over 0.97) do not count against each other.
    """
    scores = vectors @ targets.T / TEMPERATURE
    same = (targets @ targets.T > 0.97) & ~torch.eye(len(targets), dtype=torch.bool)
    scores = scores.masked_fill(same, -1e4)
    wanted = torch.arange(len(vectors))
    contrast = functional.cross_entropy(scores, wanted) + functional.cross_entropy(scores.T, wanted)
    if not cosine:
        return 0.5 * contrast
    return 0.25 * contrast + 4 * (1 - (vectors * targets).sum(1)).mean()


def embed(student: Student, table: LazyAdam, ids: Sequence[Sequence[int]]) -> Tensor:
    """(n, 384) with a gradient to the rows of `table` that occur."""
    tokens, mask = pad(ids)
    rows = table.look_up(tokens).to(student.rows.dtype)
    return student.pool(student.body(inputs_embeds=rows, attention_mask=mask), mask)


def learn(student: Student, table: LazyAdam, task: Task, rows: Sequence[int]) -> float:
    """One forward and backward pass; returns the loss."""
    vectors = embed(student, table, [task.ids[row] for row in rows])
    if task.others is not None:
        targets = embed(student, table, [task.others[row] for row in rows])
    else:
        assert task.targets is not None
        targets = torch.from_numpy(task.targets[rows].astype(np.float32))
    loss = loss_of(vectors, targets, cosine=task.cosine)
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item()


def body_of(student: Student) -> list[torch.nn.Parameter]:
    """All weights but the word embeddings."""
    return [weight for weight in student.parameters() if weight is not student.rows]


@torch.no_grad()
def update(
    optimiser: torch.optim.Optimizer,
    body: list[torch.nn.Parameter],
    copies: list[torch.nn.Parameter],
) -> None:
    """Gradients of the copies to the float32 weights, one step, new weights to the copies."""
    for weight, copy in zip(body, copies, strict=True):
        weight.grad = None if copy.grad is None else copy.grad.float()
        copy.grad = None
    torch.nn.utils.clip_grad_norm_(body, 1.0)
    optimiser.step()
    for weight, copy in zip(body, copies, strict=True):
        copy.copy_(weight)


def save(path: Path, state: dict[str, object]) -> None:
    """Written beside and renamed, so that a stop leaves the last whole checkpoint."""
    torch.save(state, path.with_suffix(".part"))
    path.with_suffix(".part").rename(path)


def options_of() -> argparse.Namespace:
    """The command line."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--phase", choices=list(MIX), required=True)
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--begin", type=Path, help="checkpoint to begin from")
    parser.add_argument("--seed", type=int, default=11)
    return parser.parse_args()


def main() -> None:
    """Train one phase; writes WORK/PHASE.pt every 50 steps and at the end."""
    options = options_of()
    torch.set_num_threads(2)
    phase, mix = options.phase, MIX[options.phase]
    tokenizer = Tokenizer.from_file(str(options.work / "tokenizer.json"))
    todo = {t.name: t for t in tasks(materials(options.data), tokenizer, options.work, phase)}
    kept = options.work / f"{phase}.pt"
    origin = kept if kept.exists() else options.begin or options.work / "start.pt"
    student = load_student(origin, tokenizer.get_vocab_size())
    # The passes run on a bfloat16 copy, twice as fast; the float32 weights are what is updated.
    # Plain attention: on short texts its backward pass is three times as fast as the fused one.
    quick = load_student(origin, tokenizer.get_vocab_size(), "eager").to(torch.bfloat16)
    quick.requires_grad_(phase == "body")
    table = LazyAdam(student.rows, ENGLISH_ROWS)
    body, copies = body_of(student), body_of(quick)
    optimiser = torch.optim.AdamW(body, lr=BODY_RATE, weight_decay=0.0)
    begin = 0
    if kept.exists():
        state = torch.load(kept, weights_only=True)
        begin = state["step"]
        table.load(state["table"])
        optimiser.load_state_dict(state["optimiser"])
    began, losses = time.monotonic(), dict.fromkeys(mix, 0.0)
    for step in range(begin, options.steps):
        draw = random.Random(options.seed * 1_000_003 + step)
        name = draw.choices(list(mix), list(mix.values()))[0]
        loss = learn(quick, table, todo[name], choose(todo[name], options.seed, step))
        rate = min(1.0, (step + 1) / 40) * max(0.02, 1 - step / options.steps)
        table.step(ROW_RATE[phase] * rate)
        if phase == "body":
            optimiser.param_groups[0]["lr"] = BODY_RATE * rate
            update(optimiser, body, copies)
        losses[name] = 0.95 * losses[name] + 0.05 * loss if losses[name] else loss
        if (step + 1) % 50 == 0:
            shown = " ".join(f"{key} {value:.3f}" for key, value in losses.items())
            speed = (step + 1 - begin) / (time.monotonic() - began)
            print(f"{step + 1} {shown} {speed:.2f} steps/s", flush=True)
        if (step + 1) % 50 == 0 or step + 1 == options.steps:
            state = {"model": student.state_dict(), "step": step + 1, "table": table.state()}
            save(kept, {**state, "optimiser": optimiser.state_dict()})


if __name__ == "__main__":
    main()
