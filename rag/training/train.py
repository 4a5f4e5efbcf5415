"""Distil MiniLM into Korean, then tune it to find: one phase a run.

    python -m rag.training.train --phase rows --steps 2500      new embedding rows, body frozen
    python -m rag.training.train --phase body --steps 2500 --begin .training/rows.pt
    python -m rag.training.train --phase domain --steps 600 --begin .training/body.pt
    python -m rag.training.train --phase tune --steps 600       from the encoder that ships, alone
    python -m rag.training.train --phase round --steps 900      the same, with more of SQuAD

Targets of translations are teacher vectors of English texts, fixed: sentences (parallel), the
English section under a Korean heading, the English of a Korean section. Questions go to their own
paragraphs, sentences to those that follow from them, learners' questions to records of the torch
index (`rag.training.domain`), hard wrong ones beside them. The loss is in-batch contrast and, for
translations, the cosine; English texts are pulled to their own teacher vectors, which holds English
in place. `tune` goes on without the teacher: all is contrast, English questions hold English.
Batches follow from the seed and the step alone, so a run goes on from WORK/PHASE.pt after
being stopped. Losses go to WORK/PHASE.log.jsonl; `rag.training.curves` draws them.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from rag.training.data import training_arguments
from rag.training.model import ENGLISH_ROWS, Student, device_of, load_student, read_checkpoint
from rag.training.optimiser import LazyAdam
from rag.training.tasks import Builder, Task, choose, pad
from rag.training.teacher import materials

MIX = {
    "rows": {"pairs": 1.0},
    "body": {
        "pairs": 0.36, "english": 0.12, "heads": 0.10, "texts": 0.10, "tydi": 0.08, "squad": 0.16,
        "sentences": 0.08,
    },
    "domain": {
        "pairs": 0.25, "english": 0.12, "heads": 0.08, "texts": 0.06, "tydi": 0.05, "squad": 0.12,
        "sentences": 0.05, "learner": 0.27,
    },
    "tune": {
        "learner": 0.46, "squad": 0.18, "tydi": 0.07, "both": 0.12, "head sections": 0.12,
        "sentences": 0.05,
    },
    "round": {
        "learner": 0.40, "squad": 0.30, "tydi": 0.08, "both": 0.09, "head sections": 0.09,
        "sentences": 0.04,
    },
}  # fmt: skip
ROW_RATE = {"rows": 1.5e-3, "body": 1e-3, "domain": 8e-4, "tune": 5e-4, "round": 5e-4}
BODY_RATE = {"rows": 0.0, "body": 1e-4, "domain": 8e-5, "tune": 6e-5, "round": 6e-5}


def loss_of(vectors: Tensor, targets: Tensor, *, cosine: bool, scale: float = 0.05) -> Tensor:
    """Contrast both ways among the batch and, for translations, one minus the cosine.

    `targets` (m, dim): the first n belong to the n vectors, further ones are wrong for all.
    Targets that are the same text (cosine over 0.97) do not count against each other.
    """
    n = len(vectors)
    scores = vectors @ targets.T / scale
    same = targets[:n] @ targets.T > 0.97
    same[:, :n] &= ~torch.eye(n, dtype=torch.bool, device=vectors.device)
    scores = scores.masked_fill(same, -1e4)
    wanted = torch.arange(n, device=vectors.device)
    contrast = functional.cross_entropy(scores, wanted)
    contrast = contrast + functional.cross_entropy(scores[:, :n].T, wanted)
    if not cosine:
        return 0.5 * contrast
    return 0.25 * contrast + 4 * (1 - (vectors * targets).sum(1)).mean()


def embed(student: Student, table: LazyAdam, ids: Sequence[Sequence[int]]) -> Tensor:
    """(n, 384) with a gradient to the rows of `table` that occur."""
    tokens, mask = (one.to(table.rows.device) for one in pad(ids))
    rows = table.look_up(tokens).to(student.rows.dtype)
    return student.pool(student.body(inputs_embeds=rows, attention_mask=mask), mask)


def learn(student: Student, table: LazyAdam, task: Task, rows: Sequence[int], step: int) -> float:
    """One forward and backward pass; returns the loss."""
    vectors = embed(student, table, [task.ids[row] for row in rows])
    if task.others is not None:
        wrong = [task.hard[row] for row in rows] if task.hard else []
        texts = [task.others[row] for row in rows]
        texts += [some[step % len(some)] for some in wrong if some]
        targets = embed(student, table, texts)
    else:
        assert task.targets is not None
        targets = torch.from_numpy(task.targets[rows].astype(np.float32)).to(vectors.device)
    loss = loss_of(vectors, targets, cosine=task.cosine, scale=task.scale)
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


def tell(path: Path, told: dict[str, float]) -> None:
    """One more line of the log at `path`, shown too."""
    line = json.dumps(told)
    print(line, flush=True)
    with path.open("a", encoding="utf-8") as log:
        log.write(line + "\n")


def main() -> None:
    """Train one phase; writes WORK/PHASE.pt every 50 steps and at the end."""
    options = training_arguments(__doc__ or "", list(MIX), seed=11).parse_args()
    device = device_of(options.device)
    larger = options.larger or (4 if device.type == "cuda" else 1)
    phase, mix = options.phase, MIX[options.phase]
    tokenizer = Tokenizer.from_file(str(options.work / "tokenizer.json"))
    builder = Builder(materials(options.data), tokenizer, options.work, options.data)
    made = builder.make(list(mix))
    todo = {name: replace(task, size=larger * task.size) for name, task in made.items()}
    kept = options.work / f"{phase}.pt"
    origin = kept if kept.exists() else options.begin or options.work / "start.pt"
    student = load_student(origin, tokenizer.get_vocab_size()).to(device)
    # The passes run on a bfloat16 copy, twice as fast; the float32 weights are what is updated.
    # Plain attention: on short texts its backward pass is three times as fast as the fused one.
    quick = load_student(origin, tokenizer.get_vocab_size(), "eager").to(device, torch.bfloat16)
    quick.requires_grad_(phase != "rows")
    table = LazyAdam(student.rows, ENGLISH_ROWS)
    body, copies = body_of(student), body_of(quick)
    optimiser = torch.optim.AdamW(body, lr=BODY_RATE[phase], weight_decay=0.0)
    begin = 0
    if kept.exists():
        state = read_checkpoint(kept)
        begin = state["step"]
        table.load(state["table"])
        optimiser.load_state_dict(state["optimiser"])
    began, losses = time.monotonic(), dict.fromkeys(mix, 0.0)
    for step in range(begin, options.steps):
        draw = random.Random(options.seed * 1_000_003 + step)
        name = draw.choices(list(mix), list(mix.values()))[0]
        loss = learn(quick, table, todo[name], choose(todo[name], options.seed, step), step)
        rate = min(1.0, (step + 1) / 40) * max(0.02, 1 - step / options.steps)
        table.step(ROW_RATE[phase] * rate)
        if phase != "rows":
            optimiser.param_groups[0]["lr"] = BODY_RATE[phase] * rate
            update(optimiser, body, copies)
        losses[name] = 0.95 * losses[name] + 0.05 * loss if losses[name] else loss
        if (step + 1) % 50 == 0:
            shown = {key: round(value, 4) for key, value in losses.items() if value}
            speed = round((step + 1 - begin) / (time.monotonic() - began), 2)
            told = {"step": step + 1, **shown, "steps_per_second": speed}
            tell(options.work / f"{phase}.log.jsonl", told)
        if (step + 1) % 50 == 0 or step + 1 == options.steps:
            state = {"model": student.state_dict(), "step": step + 1, "table": table.state()}
            save(kept, {**state, "optimiser": optimiser.state_dict()})


if __name__ == "__main__":
    main()
