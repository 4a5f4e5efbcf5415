"""Somebody with a browser, and what is seen of the network and the console meanwhile."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Request


class Reader:
    """Somebody with a browser: opens contexts, and sees what the page asked for and complained of."""

    def __init__(self, browser: Browser, address: str) -> None:
        self._browser, self.address = browser, address
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._contexts: list[BrowserContext] = []

    def open(self, address: str = "", *, ready: bool = True, **options: object) -> Page:
        """A new browser profile at the page; `ready` waits until the index is open."""
        context = self._browser.new_context(**{"locale": "en-US", **options})  # type: ignore[arg-type]
        context.set_default_timeout(15_000)
        self._contexts.append(context)
        page = context.new_page()
        page.on("request", self._asked)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda m: self.complaints.append(m.text) if m.type == "error" else None)
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(address or self.address)
        page.wait_for_selector("#ask[data-ready]" if ready else "#question")
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
