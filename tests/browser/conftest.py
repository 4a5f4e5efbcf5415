"""A real Chromium for the page's tests. ASK_BROWSER=1, as in CI, makes its absence a failure."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright
from webhouse import make_index, served

FLAGS = """--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking
--disable-component-update --disable-sync""".split()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium as the system has it."""
    path = os.environ.get("ASK_CHROMIUM") or shutil.which("chromium") or shutil.which("chrome")
    if path is None:
        if os.environ.get("ASK_BROWSER"):
            pytest.fail("there is no chromium; .ci/browser installs it")
        pytest.skip("there is no chromium; install it, or name it in ASK_CHROMIUM")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def web_index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the index of tests/webhouse.py."""
    return make_index(tmp_path_factory.mktemp("web"))


@pytest.fixture(scope="session")
def feedback_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server keeps what readers thought."""
    return tmp_path_factory.mktemp("feedback") / "feedback.sqlite"


@pytest.fixture(scope="session")
def address(web_index: Path, feedback_file: Path) -> Iterator[str]:
    """The real server over the small index."""
    with served(web_index, feedback_file) as found:
        yield found


class Reader:
    """Somebody with a browser: opens contexts, and sees what the page asked for and complained of."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser, self.address = browser, address
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._contexts: list[BrowserContext] = []

    def open(self, address: str = "", **options: object) -> Page:
        """A new browser profile at the page, ready to be asked."""
        context = self._browser.new_context(**{"locale": "en-US", **options})  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("request", self._asked)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(address or self.address)
        page.wait_for_selector("#ask[data-ready]")
        return page

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def check(self) -> None:
        """Nothing but the server was asked, and nothing went wrong in any page."""
        hosts = {urlsplit(url).hostname for url in self.requests if not url.startswith("blob:")}
        assert hosts <= {"127.0.0.1"}
        assert self.complaints == []

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def reader(browser: Browser, address: str) -> Iterator[Reader]:
    """Opens pages; afterwards its network log and its console are looked through."""
    found = Reader(browser, address)
    yield found
    found.check()
    found.close()
