"""What several test files share: the documentation of the installed torch, and two indexes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import toolkit
from hypothesis import settings

from rag.config import cache_file
from rag.encoders import load_encoder
from rag.index import Index, read_index
from rag.ingestion import default_sources, ingest
from rag.pipeline import Pipeline
from rag.sources.package import PackageDocs, read_package

# Time is measured in a benchmark; on a busy machine a deadline fails what is right.
settings.register_profile("ask", deadline=None)
settings.load_profile("ask")

# A job that a shell starts in the background inherits an ignored SIGINT, and so would the commands
# that the tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def torch_docs() -> PackageDocs:
    """Everything that the installed torch says of itself; reading it takes some seconds."""
    return read_package("torch")


@pytest.fixture(scope="session")
def small_index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    """The invented documents of tests/toolkit.py, with the encoder that ships."""
    path = tmp_path_factory.mktemp("small") / "index"
    with toolkit.build(path, load_encoder(None), toolkit.documents()) as index:
        yield index


@pytest.fixture(scope="session")
def small_pipeline(small_index: Index) -> Pipeline:
    """Questions about the invented documents."""
    return Pipeline(small_index, load_encoder(None))


@pytest.fixture(scope="session")
def torch_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an index of everything that comes by default, torch included.

    Building it takes two minutes the first time; the vectors are kept where `ask` keeps them.
    """
    path = tmp_path_factory.mktemp("torch") / "index"
    ingest(default_sources(), path, load_encoder(None), cache=cache_file())
    return path


@pytest.fixture(scope="session")
def torch_pipeline(torch_index: Path) -> Iterator[Pipeline]:
    """Questions about everything that comes by default."""
    encoder = load_encoder(None)
    with Pipeline(read_index(torch_index, encoder.fingerprint), encoder) as pipeline:
        yield pipeline
