"""`ask models`: which language models can write answers here, and what the others lack."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import asdict

from rag.command.jsonform import dumps
from rag.command.terminal import one_line
from rag.config import model_settings


def list_models(args: Namespace) -> int:
    """Print a line a model as it is looked at; the exit code is 0 whatever there is."""
    from rag.generators.models import usable_models

    chosen = model_settings().model
    for found in usable_models(chosen):
        if args.json:
            line = dumps({**asdict(found), "chosen": found.name == (chosen or "none")})
        else:
            mark = "ok " if found.usable else "-  "
            line = f"{mark} {one_line(found.name):<24} {one_line(found.told)}"
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    if chosen and not args.json:
        sys.stdout.write(f"chosen: {one_line(chosen)}\n")
    return 0
