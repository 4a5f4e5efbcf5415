"""Language models by name."""

from __future__ import annotations

from rag.encoders import Encoder
from rag.errors import UsageError
from rag.generators.generator import Generator


def model_generator(name: str, encoder: Encoder) -> Generator:
    """The generator that has the model of this name write."""
    raise UsageError(f"there is no model {name!r}: language models are not read yet")
