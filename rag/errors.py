"""Every way `ask` can fail, as one tree.

    RagError                1  something inside went wrong
    +-- UsageError          2  the question, an option or an input line is not usable
    +-- IndexError_         4  no index, or one that cannot be trusted
    |   +-- IndexMissing
    |   +-- IndexCorrupt
    |   +-- IndexIncompatible
    |   +-- IndexLocked
    +-- SourceError         5  a file, page or package cannot be read
    +-- OutputError         5  a result cannot be written
    +-- MissingExtra        2  an optional package is not installed
    +-- GateFailed          6  an evaluation is worse than is allowed
    +-- ModelFailed         1  a language model gave no answer; the extractive one is given instead

The number is the exit code of the command; 0 is "answered", 3 is "refused" (no error at all),
130 an interrupt. A message is one line: what is wrong with which value, and the remedy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class RagError(Exception):
    """The root: everything this package raises on purpose."""

    exit_code = 1


class UsageError(RagError):
    """The caller gave something unusable: an empty question, a broken line, a bad option."""

    exit_code = 2


class IndexError_(RagError):  # noqa: N801 - the plain name belongs to Python
    """The index is absent or cannot be trusted."""

    exit_code = 4


class IndexMissing(IndexError_):
    """There is no index at the given place."""


class IndexCorrupt(IndexError_):
    """A file of the index is missing, cut short or altered."""


class IndexIncompatible(IndexError_):
    """The index was written by another format version or another encoder."""


class IndexLocked(IndexError_):
    """Another process is writing this index."""


class SourceError(RagError):
    """A file, page or package cannot be read."""

    exit_code = 5


class OutputError(RagError):
    """A result cannot be written where it should go."""

    exit_code = 5


class MissingExtra(RagError):
    """An optional package is not installed; the message names the pip command."""

    exit_code = 2


class GateFailed(RagError):
    """The answers to golden questions are worse than the gate allows."""

    exit_code = 6


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Around the imports of what only the extra `name` installs: MissingExtra without it."""
    try:
        yield
    except ImportError as error:
        missing = error.name or str(error)
        raise MissingExtra(f"{missing} is not installed: pip install 'ask-docs[{name}]'") from error


class ModelFailed(RagError):
    """A language model gave no answer, or broke off in the middle of one.

    `kind` says why, as a key of `rag.prompts.MODEL_FAILED`; `again` whether a second try may help,
    after `wait` seconds where the server named them.
    """

    def __init__(self, kind: str, told: str = "", *, again: bool = False, wait: float = 0.0):
        super().__init__(f"{kind}: {told}" if told else kind)
        self.kind = kind
        self.told = told
        self.again = again
        self.wait = wait
