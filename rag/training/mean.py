"""The weights between two checkpoints: python -m rag.training.mean A.pt B.pt --share 0.6.

A model that was tuned on narrow data keeps most of what it learnt, and loses less of what it knew,
when its weights are drawn back part of the way to where they were (Wortsman et al., Robust
fine-tuning of zero-shot models, CVPR 2022). Writes WORK/mean.pt.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from rag.training.data import arguments
from rag.training.model import read_checkpoint
from rag.training.train import save


def mean(
    first: Mapping[str, Tensor], second: Mapping[str, Tensor], share: float
) -> dict[str, Tensor]:
    """`share` of the second and the rest of the first, weight by weight; whole numbers stay."""
    return {
        name: value + share * (second[name] - value) if value.is_floating_point() else value
        for name, value in first.items()
    }


def main() -> None:
    """Write WORK/mean.pt."""
    parser = arguments(__doc__ or "")
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--share", type=float, default=0.6, help="of the second")
    options = parser.parse_args()
    first, second = (read_checkpoint(path) for path in (options.first, options.second))
    weights = mean(first["model"], second["model"], options.share)
    save(options.work / "mean.pt", {"model": weights, "step": second["step"]})


if __name__ == "__main__":
    main()
