"""Adam for an embedding table of which a batch touches few rows."""

from __future__ import annotations

import torch
from torch import Tensor

BETA1, BETA2, TINY = 0.9, 0.98, 1e-8


class LazyAdam:
    """Rows from `first` on are trained; a row's moments move only when it occurs.

    The dense optimiser would walk through 45,000 rows at each step and move rows by old momentum.
    """

    def __init__(self, rows: Tensor, first: int) -> None:
        self.rows, self.first = rows, first
        self.mean = rows.new_zeros(len(rows) - first, rows.shape[1], requires_grad=False)
        self.square = torch.zeros_like(self.mean)
        self.times = torch.zeros_like(self.mean[:, :1])
        self.used: list[tuple[Tensor, Tensor]] = []

    def look_up(self, tokens: Tensor) -> Tensor:
        """(n, tokens) ids -> (n, tokens, dim), remembered for `step`."""
        ids, inverse = torch.unique(tokens, return_inverse=True)
        leaf = self.rows.detach()[ids].requires_grad_(True)
        self.used.append((ids, leaf))
        return torch.nn.functional.embedding(inverse, leaf)

    @torch.no_grad()
    def step(self, rate: float) -> None:
        """One update of the rows looked up since the last."""
        for ids, leaf in self.used:
            if leaf.grad is None:
                continue
            new = ids >= self.first
            at, grad = ids[new] - self.first, leaf.grad[new].float()
            self.times[at] += 1
            self.mean[at] = BETA1 * self.mean[at] + (1 - BETA1) * grad
            self.square[at] = BETA2 * self.square[at] + (1 - BETA2) * grad * grad
            mean = self.mean[at] / (1 - BETA1 ** self.times[at])
            square = self.square[at] / (1 - BETA2 ** self.times[at])
            self.rows.data[ids[new]] -= rate * mean / (square.sqrt() + TINY)
        self.used.clear()

    def state(self) -> dict[str, Tensor]:
        """The moments, for a checkpoint."""
        return {"mean": self.mean, "square": self.square, "times": self.times}

    def load(self, state: dict[str, Tensor]) -> None:
        """The moments of a checkpoint."""
        for own, name in ((self.mean, "mean"), (self.square, "square"), (self.times, "times")):
            own.copy_(state[name])
