"""Which word of one language stands for which word of the other: IBM model 1.

Brown et al. 1993, "The Mathematics of Statistical Machine Translation", model 1. Every word of
the target sentence was made by one word of the source sentence, or by nothing (id 0).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int32]


@dataclass(frozen=True)
class Table:
    """t(target | source) for every pair of words that ever stood in one sentence pair."""

    source: Ids  # (cells,)
    target: Ids  # (cells,)
    probability: NDArray[np.float32]  # (cells,)
    count: NDArray[np.float32]  # (cells,) expected number of times source made target


def ibm1(
    sources: Sequence[Ids],
    targets: Sequence[Ids],
    weights: NDArray[np.float32],
    rounds: int = 5,
) -> Table:
    """Expectation maximisation over sentence pairs; ids from 1 up, `weights` one a pair.

    Memory: about 30 bytes a cell, where a pair has len(source) + 1 times len(target) cells.
    """
    width = max(int(ids.max(initial=0)) for ids in targets) + 1
    lengths = np.array([len(ids) + 1 for ids in sources])
    widths = np.array([len(ids) for ids in targets])
    keys = np.concatenate(
        [
            (np.concatenate([[0], s])[None, :].astype(np.int64) * width + t[:, None]).ravel()
            for s, t in zip(sources, targets, strict=True)
        ]
    )
    cells, index = np.unique(keys, return_inverse=True)
    del keys
    index = index.astype(np.int32)
    group = np.repeat(lengths, widths)  # cells are in rows, one row a target word
    starts = np.concatenate([[0], np.cumsum(group)[:-1]])
    weight = np.repeat(np.repeat(weights, widths), group).astype(np.float32)
    source, target = (cells // width).astype(np.int32), (cells % width).astype(np.int32)
    probability = np.ones(len(cells), dtype=np.float32)
    count = probability
    for _ in range(rounds):
        share = probability[index]
        share /= np.repeat(np.add.reduceat(share, starts), group)
        share *= weight
        count = np.bincount(index, share, len(cells)).astype(np.float32)
        totals = np.bincount(source, count)
        probability = (count / np.maximum(totals[source], 1e-9)).astype(np.float32)
    return Table(source, target, probability, count)
