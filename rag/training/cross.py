"""Train the cross-encoder: question and text read together, a number that says "answers it".

    python -m rag.training.cross --phase general --steps 9000
    python -m rag.training.cross --phase domain --steps 3000 --begin .training/cross-general.pt

It begins as the first layers of the bundled encoder (`rag.training.start --bundled`), whose word
embeddings stay as they are, so that Korean lies where English does. The loss of a group
(`rag.training.crossgroups`) is the cross-entropy of its right texts against all of them and a
zero that stands for "none of these": a score above zero says that the text answers. Batches follow
from the seed and the step alone, so a run goes on from WORK/cross-PHASE.pt after being stopped.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from rag.crossencoder import Pair, joined
from rag.training.data import training_arguments
from rag.training.model import device_of, read_checkpoint, teacher
from rag.training.train import save, tell, update

LAYERS = 4
GROUPS = 8  # in a batch
POOL = 16  # batches drawn at once and sorted by length
MIX = {
    "general": {"squad": 0.46, "tydi": 0.08, "sections": 0.14, "pairs": 0.12, "calls": 0.05,
                "learner": 0.12, "nothing": 0.03},
    "domain": {"squad": 0.18, "tydi": 0.05, "sections": 0.06, "pairs": 0.02, "calls": 0.05,
               "learner": 0.56, "nothing": 0.08},
}  # fmt: skip
RATE = {"general": 1.2e-4, "domain": 1e-4}
READ = 130_000  # groups of a kind, spread evenly over its file; a run sees no more
MEASURED = 150  # held-out groups of each kind


class CrossEncoder(nn.Module):
    """BERT over "[CLS] question [SEP] text [SEP]"; a linear layer on the first token and the mean."""

    def __init__(self, body: Any) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Linear(2 * body.config.hidden_size, 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, kinds: Tensor) -> Tensor:
        """(n, tokens) ids, mask and 0 or 1 for question or text -> (n,) scores."""
        hidden = self.body(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=kinds
        ).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * mask).sum(1) / mask.sum(1)
        return self.head(torch.cat([hidden[:, 0], mean], 1)).squeeze(1)  # type: ignore[no-any-return]


class Ready(NamedTuple):
    """A group as ids; `right` are places in `pairs`."""

    pairs: list[Pair]
    right: list[int]


def new_model(rows: int, begin: Path) -> CrossEncoder:
    """The first layers of the student in `begin` under a head that has learnt nothing."""
    student = teacher(rows, "eager")
    student.load_state_dict(read_checkpoint(begin)["model"])
    student.body.encoder.layer = student.body.encoder.layer[:LAYERS]
    student.body.config.num_hidden_layers = LAYERS
    torch.manual_seed(5)
    return CrossEncoder(student.body)


def load_cross(path: Path, rows: int) -> CrossEncoder:
    """The model of a checkpoint."""
    body = teacher(rows, "eager").body
    body.encoder.layer = body.encoder.layer[:LAYERS]
    body.config.num_hidden_layers = LAYERS
    model = CrossEncoder(body)
    model.load_state_dict(read_checkpoint(path)["model"])
    return model


def read_groups(path: Path, tokenizer: Tokenizer, most: int | None = None) -> list[Ready]:
    """Groups of a file as ids, at most `most` of them, spread evenly."""
    lines = path.read_text(encoding="utf-8").splitlines()
    if most is not None:
        lines = lines[:: max(1, len(lines) // most)][:most]
    found = [json.loads(line) for line in lines]
    queries = tokenizer.encode_batch([one["query"] for one in found])
    texts = iter(tokenizer.encode_batch([text for one in found for text in one["texts"]]))
    return [
        Ready([joined(query.ids, next(texts).ids) for _ in one["texts"]], one["right"])
        for one, query in zip(found, queries, strict=True)
    ]


def drawn(
    groups: Sequence[Ready], name: str, seed: int, step: int, size: int = GROUPS
) -> list[Ready]:
    """One batch of `size`: of a pool drawn by chance, groups of about one length."""
    draw = random.Random(f"{seed} {name} {step // POOL}")
    pool = [groups[draw.randrange(len(groups))] for _ in range(size * POOL)]
    pool.sort(key=lambda group: max(len(pair.ids) for pair in group.pairs))
    place = draw.sample(range(POOL), POOL)[step % POOL]
    return pool[place * size : (place + 1) * size]


def padded(
    pairs: Sequence[Pair], device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor, Tensor]:
    """(ids, mask, kinds), each (rows, tokens), both rounded up: a kernel is made for every new
    shape, which takes longer than the few empty places."""
    width = -(-max(len(pair.ids) for pair in pairs) // 16) * 16
    height = -(-len(pairs) // 8) * 8
    ids, mask, kinds = (torch.zeros(height, width, dtype=torch.long) for _ in range(3))
    mask[:, 0] = 1
    for row, pair in enumerate(pairs):
        ids[row, : len(pair.ids)] = torch.tensor(pair.ids)
        mask[row, : len(pair.ids)] = 1
        kinds[row, pair.query : len(pair.ids)] = 1
    return ids.to(device), mask.to(device), kinds.to(device)


def loss_of(scores: Tensor, groups: Sequence[Ready]) -> Tensor:
    """Mean over groups of minus log the share of the right ones, "none" among the choices."""
    losses = []
    at = 0
    for group in groups:
        own = torch.cat([scores[at : at + len(group.pairs)].float(), scores.new_zeros(1).float()])
        at += len(group.pairs)
        shares = torch.log_softmax(own, 0)
        wanted = group.right or [len(group.pairs)]
        losses.append(-torch.logsumexp(shares[wanted], 0))
    return torch.stack(losses).mean()


@torch.inference_mode()
def measure(model: CrossEncoder, held: dict[str, list[Ready]]) -> dict[str, float]:
    """In which share of held-out groups the choice is right, "none" among the choices; for groups
    with a right text also, as "NAME first", whether it comes before the wrong ones."""
    result = {}
    device = model.head.weight.device
    model.eval()
    for name, groups in held.items():
        right, first, answered = 0, 0, 0
        for start in range(0, len(groups), GROUPS):
            part = groups[start : start + GROUPS]
            pairs = [pair for group in part for pair in group.pairs]
            scores = model(*padded(pairs, device)).float()
            at = 0
            for group in part:
                own = scores[at : at + len(group.pairs)].tolist()
                at += len(group.pairs)
                best = max(range(len(own)), key=own.__getitem__)
                right += (best in group.right) if own[best] > 0 else not group.right
                first += best in group.right
                answered += bool(group.right)
        result[name] = round(right / len(groups), 3)
        if answered:
            result[f"{name} first"] = round(first / answered, 3)
    return result


def main() -> None:
    """Train one phase; writes WORK/cross-PHASE.pt every 250 steps and at the end."""
    options = training_arguments(__doc__ or "", list(MIX), seed=12).parse_args()
    phase, mix, work = options.phase, MIX[options.phase], options.work
    device = device_of(options.device)
    size = GROUPS * (options.larger or (4 if device.type == "cuda" else 1))
    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    rows = tokenizer.get_vocab_size()
    todo = {name: read_groups(work / f"cross-{name}.jsonl", tokenizer, READ) for name in mix}
    held = dict(_held(work, tokenizer))
    kept = work / f"cross-{phase}.pt"
    origin = kept if kept.exists() else options.begin
    model = load_cross(origin, rows) if origin else new_model(rows, work / "start.pt")
    # The passes run on a bfloat16 copy, twice as fast; the float32 weights are what is updated.
    quick = load_cross(origin, rows) if origin else new_model(rows, work / "start.pt")
    model.to(device)
    quick.to(device, torch.bfloat16)
    quick.body.embeddings.word_embeddings.weight.requires_grad_(False)
    # Few questions, seen often: dropout, but only of what comes in. In every layer it would take two
    # thirds of the time on a processor, for its random numbers.
    for part in quick.modules():
        if isinstance(part, nn.Dropout) and part is not quick.body.embeddings.dropout:
            part.p = 0.0
    body = [w for w, copy in zip(model.parameters(), quick.parameters(), strict=True)
            if copy.requires_grad]  # fmt: skip
    copies = [copy for copy in quick.parameters() if copy.requires_grad]
    optimiser = torch.optim.AdamW(body, lr=RATE[phase], weight_decay=0.01)
    begin = 0
    if kept.exists():
        state = read_checkpoint(kept)
        begin = state["step"]
        optimiser.load_state_dict(state["optimiser"])
    began, losses = time.monotonic(), dict.fromkeys(mix, 0.0)
    for step in range(begin, options.steps):
        draw = random.Random(options.seed * 1_000_003 + step)
        name = draw.choices(list(mix), list(mix.values()))[0]
        batch = drawn(todo[name], name, options.seed, step, size)
        quick.train()
        pairs = [pair for group in batch for pair in group.pairs]
        loss = loss_of(quick(*padded(pairs, device)), batch)
        loss.backward()  # type: ignore[no-untyped-call]
        rate = min(1.0, (step + 1) / 200) * max(0.02, 1 - step / options.steps)
        optimiser.param_groups[0]["lr"] = RATE[phase] * rate
        update(optimiser, body, copies)
        losses[name] = 0.95 * losses[name] + 0.05 * loss.item() if losses[name] else loss.item()
        last = step + 1 == options.steps
        if (step + 1) % 50 == 0 or last:
            shown: dict[str, float] = {
                key: round(value, 4) for key, value in losses.items() if value
            }
            shown["steps_per_second"] = round((step + 1 - begin) / (time.monotonic() - began), 2)
            if (step + 1) % 500 == 0 or last:
                shown |= {f"held {key}": value for key, value in measure(quick, held).items()}
            tell(work / f"cross-{phase}.log.jsonl", {"step": step + 1, **shown})
        if (step + 1) % 250 == 0 or last:
            state = {"model": model.state_dict(), "step": step + 1}
            save(kept, {**state, "optimiser": optimiser.state_dict()})


def _held(work: Path, tokenizer: Tokenizer) -> Iterator[tuple[str, list[Ready]]]:
    for path in sorted(work.glob("cross-held-*.jsonl")):
        groups = read_groups(path, tokenizer, MEASURED)
        if groups:
            yield path.stem.removeprefix("cross-held-"), groups


if __name__ == "__main__":
    main()
