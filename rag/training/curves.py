"""Draws the losses of a training run: python -m rag.training.curves [--work .training].

Reads WORK/PHASE.log.jsonl of each phase and writes rag/training/curves/PHASE.png with the log
beside it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from rag.training.data import HERE, arguments

TARGET = HERE / "curves"
_NO_LOSS = ("step", "steps_per_second", "held")


def read_log(path: Path) -> dict[str, tuple[list[int], list[float]]]:
    """(steps, losses) of each task; where a run was begun again, its last word on a step."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    by_step = {line["step"]: line for line in lines}
    curves: dict[str, tuple[list[int], list[float]]] = {}
    for step in sorted(by_step):
        for name, value in by_step[step].items():
            if name.split()[0] not in _NO_LOSS:
                steps, losses = curves.setdefault(name, ([], []))
                steps.append(step)
                losses.append(value)
    return curves


def draw(log: Path, target: Path) -> None:
    """One line a task, smoothed as the log is."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for name, (steps, losses) in read_log(log).items():
        axes.plot(steps, losses, label=name, linewidth=1.5)
    axes.set(
        xlabel="step", ylabel="loss, running mean", title=f"phase {target.stem}", ylim=(0, None)
    )
    axes.legend(frameon=False, ncols=2)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(target, dpi=100)
    pyplot.close(figure)


def main() -> None:
    """Draw every phase that has a log."""
    work: Path = arguments(__doc__ or "").parse_args().work
    TARGET.mkdir(exist_ok=True)
    for log in sorted(work.glob("*.log.jsonl")):
        phase = log.name.removesuffix(".log.jsonl")
        draw(log, TARGET / f"{phase}.png")
        shutil.copyfile(log, TARGET / log.name)
        print(TARGET / f"{phase}.png")


if __name__ == "__main__":
    main()
