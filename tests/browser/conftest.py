"""A real Chromium for the page's tests. ASK_BROWSER=1, as in CI, makes its absence a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from webhouse import make_index, served
from webreader import Reader

FLAGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync""".split()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium as the system has it; gone after the module, as its driver keeps an event loop."""
    path = os.environ.get("ASK_CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
    if path is None:
        if os.environ.get("ASK_BROWSER"):
            pytest.fail("there is no chromium; .ci/browser installs it")
        pytest.skip("there is no chromium; install it, or name it in ASK_CHROMIUM")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="module")
def web_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the index of tests/webhouse.py."""
    return make_index(tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="module")
def feedback_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps what readers thought."""
    return tmp_path_factory.mktemp("feedback") / "feedback.sqlite"


@pytest.fixture(scope="module")
def address(web_index: Path, feedback_file: Path) -> Iterator[str]:
    """The real server over the small index."""
    with served(web_index, feedback_file) as found:
        yield found


@pytest.fixture
def reader(browser: Browser, address: str) -> Iterator[Reader]:
    """Opens pages; afterwards its network log and its console are looked through."""
    found = Reader(browser, address)
    yield found
    found.check()
    found.close()
