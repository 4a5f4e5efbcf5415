"""HTML pages: from bytes to the text a reader sees, without network, entities or scripts.

Nothing here opens a connection. `read_page` is given a loader, so that the one guarded fetcher of
the house, a test or a folder of saved pages can stand behind it.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from rag.errors import SourceError
from rag.sources.decoding import clean, decode
from rag.sources.writer import Writer
from rag.text import fold, language_of
from rag.types import Document

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from bs4.element import PageElement, Tag

# A hand-written page stays below 50 levels and a long reference page below 100,000 elements.
MAX_DEPTH = 256
MAX_NODES = 400_000

_META = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.IGNORECASE)
_XML_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>")
_UNSEEN_TAGS = frozenset(
    """script style template noscript nav iframe object embed svg canvas video audio select button
    textarea head title dialog input footer datalist""".split()
)
_UNSEEN_STYLE = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|font-size:0(?![.\d])|opacity:0(?![.\d])"
    r"|opacity:0\.0*(?:;|$)|color:transparent|(?:text-indent|left|top|right):-\d{3,}"
)
_UNSEEN_CLASSES = frozenset(
    """sr-only visually-hidden visuallyhidden screen-reader-text headerlink anchor-link
    viewcode-link mw-editsection reference-group-label linenos linenodiv lineno gutter noprint
    copybtn""".split()
)
_UNSEEN_ROLES = frozenset({"navigation", "search", "banner", "contentinfo", "menu", "menubar"})
# Code with line numbers is often laid out as a table.
_CODE_TABLES = frozenset({"highlighttable", "rouge-table", "codehilitetable"})


class Loader(Protocol):
    """Brings the bytes of an address, or raises SourceError: `fetch(url) -> bytes`."""

    def __call__(self, url: str) -> bytes: ...


def page_id(url: str) -> str:
    """The id of a page: `web:` with host and path, no trailing slash, query or fragment."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceError(f"{url!r} is not a web address: give http://... or https://...")
    return clean(f"web:{parts.hostname}{unquote(parts.path).rstrip('/')}")


def read_page(url: str, fetch: Loader) -> Document:
    """The page at `url` as a document; SourceError when it has no text."""
    title, text = html_to_text(fetch(url))
    if not text:
        raise SourceError(f"{url} has no text to read: is it drawn by a script?")
    return Document(
        id=page_id(url),
        title=title or url,
        text=text,
        kind="page",
        format="markdown",
        language=language_of(text),
        url=url,
    )


def html_to_text(data: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The title and the readable text of a page.

    `encoding` is what the server said, if it said; then the page's own <meta>, UTF-8 and cp949
    are tried. The text is that of <main>, or of a lone <article>, or of the body.
    Raises SourceError when the page is no text, too large or nested too deep.
    """
    if encoding is None and (meta := _META.search(data[:4096])):
        encoding = meta.group(1).decode("ascii")
    soup = _parse(decode(data, encoding))
    text = _text(_main(soup))
    heading = re.search(r"^#+ (.+)$", text, re.MULTILINE)
    title = fold(clean(soup.title.get_text())) if soup.title else ""
    return title or (heading.group(1) if heading else ""), text


def fragment_to_text(html: str) -> str:
    """The readable text of HTML that is no whole page; `html` is cleaned text."""
    return _text(_parse(f"<body>{html}</body>"))


def _parse(html: str) -> BeautifulSoup:
    from bs4 import BeautifulSoup

    if html.count("<") > MAX_NODES:
        raise SourceError(f"a page of more than {MAX_NODES} elements is not read")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "looks like XML", "looks like a file name": it is neither
        return BeautifulSoup(_XML_DECLARATION.sub("", html), "lxml")


def _main(soup: BeautifulSoup) -> Tag:
    """The part that holds the content, where the page says so and it is shown at all."""
    articles: list[Tag] = list(soup.find_all("article", limit=2))
    candidates: list[Tag | None] = [soup.find("main"), soup.find(None, {"role": "main"})]
    candidates += articles if len(articles) == 1 else []
    for tag in candidates:
        shown = tag is not None and not any(_unseen(t) for t in (tag, *tag.parents))
        if tag is not None and shown and len(fold(tag.get_text())) > 100:
            return tag
    return soup


def _text(root: Tag) -> str:
    """Writes the tree below `root`, with a stack of its own: pages choose how deep they nest."""
    from bs4.element import NavigableString, Tag

    writer = Writer()
    stack: list[tuple[str, Iterator[PageElement]]] = [("", iter(root.children))]
    while stack:
        name, children = stack[-1]
        child = next(children, None)
        if child is None:
            stack.pop()
            writer.end(name)
        elif isinstance(child, Tag):
            _enter(child, writer, stack)
        elif type(child) is NavigableString:  # no Comment, Doctype, Script: those are subclasses
            writer.text(clean(child))  # an entity may have put in what was cleaned away
    return clean(writer.finish())


def _enter(tag: Tag, writer: Writer, stack: list[tuple[str, Iterator[PageElement]]]) -> None:
    if _unseen(tag):
        return
    if len(stack) > MAX_DEPTH:
        raise SourceError(f"a page nested more than {MAX_DEPTH} deep is not read")
    name = tag.name
    if name == "table" and _CODE_TABLES & set(_attribute(tag, "class").split()):
        name = "div"
    writer.start(name, {key: _attribute(tag, key) for key in tag.attrs})
    # Formulas are told by their text alternative; the elements inside say it once more.
    stack.append((name, iter(() if name == "math" else tag.children)))


def _unseen(tag: Tag) -> bool:
    """Whether a browser would not show it, or it is furniture around the content."""
    if tag.name in _UNSEEN_TAGS:
        return True
    if not tag.attrs:
        return False
    if "hidden" in tag.attrs or _attribute(tag, "aria-hidden").lower() == "true":
        return True
    style = re.sub(r"\s+", "", _attribute(tag, "style").lower())
    return bool(
        _UNSEEN_STYLE.search(style)
        or _attribute(tag, "role").lower() in _UNSEEN_ROLES
        or _UNSEEN_CLASSES & set(_attribute(tag, "class").split())
        or ("reference" in _attribute(tag, "class").split() and tag.name == "sup")
    )


def _attribute(tag: Tag, name: str) -> str:
    value = tag.get(name)
    return clean(" ".join(value) if isinstance(value, list) else str(value or ""))
