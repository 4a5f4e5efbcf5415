"""What several test files share: the documentation of the installed torch, read once."""

from __future__ import annotations

import pytest

from rag.sources.package import PackageDocs, read_package


@pytest.fixture(scope="session")
def torch_docs() -> PackageDocs:
    """Everything that the installed torch says of itself; reading it takes some seconds."""
    return read_package("torch")
