"""Small pieces of HTML. Whatever comes from a document, a question or a model is escaped here.

Texts that are the page's own carry their key (`data-t`), so that the page's script can put them
into the other language without asking again.
"""

from __future__ import annotations

import re
from html import escape
from urllib.parse import urlsplit

from rag import printable
from ui.strings import Language, words

_JOINT = re.compile(r"(?<=[._])(?=\w)")
_CODE = re.compile(r"`([^`\n]+)`")
_BOLD = re.compile(r"(?<![\w*])\*\*(?=[^\s*])([^*\n]*[^\s*])\*\*(?![A-Za-z0-9_*])")
_NOTE = re.compile(r"our note of ([\d-]{4,10}), (?:page|post) as of ([\d-]{4,10})")
_MAX_URL = 2_000  # characters


def text(value: str) -> str:
    """Text of others as HTML: no markup, no control characters, no change of direction."""
    return escape(printable(value), quote=True)


def breakable(value: str) -> str:
    """A name of code as HTML that may be broken after its dots and underscores."""
    return _JOINT.sub("<wbr>", text(value))


def own(key: str, language: Language, tag: str = "span") -> str:
    """A text of the page by its key."""
    return f'<{tag} data-t="{key}">{escape(words(language)[key])}</{tag}>'


def both(english: str, korean: str, language: Language) -> str:
    """A text of the page that depends on what it is about, in both languages."""
    told = korean if language == "ko" else english
    return f'<span data-en="{text(english)}" data-ko="{text(korean)}">{text(told)}</span>'


def version(value: str | None, language: Language) -> str:
    """What was read, in words: the version of a package, or when a note was written of what."""
    note = _NOTE.fullmatch(value or "")
    if note is None:
        return text(value or "")
    return both(note[0], f"{note[1]} 정리, 원문은 {note[2]} 기준", language)


def named(key: str, language: Language) -> str:
    """The attributes that name a control without text."""
    told = escape(words(language)[key], quote=True)
    return f'aria-label="{told}" title="{told}" data-t-label="{key}"'


def icon(name: str) -> str:
    """A sign of the sprite in ui/shell.py; screen readers pass it over."""
    return f'<svg class="icon" aria-hidden="true"><use href="#i-{name}"></use></svg>'


def inline(value: str) -> str:
    """One piece of light Markdown: `code` and **bold**, everything else escaped."""
    parts = _CODE.split(value)
    made = []
    for at, part in enumerate(parts):
        if at % 2:
            made.append(f"<code>{text(part)}</code>")
        else:
            made.append(_BOLD.sub(lambda match: f"<strong>{match[1]}</strong>", text(part)))
    return "".join(made)


def safe_url(url: str | None) -> str | None:
    """An http(s) address that can be linked to, None for anything else."""
    if not url or len(url) > _MAX_URL or printable(url) != url or any(c.isspace() for c in url):
        return None
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return None
    return url if good and "@" not in parts.netloc else None


def outside(url: str | None, label: str, kind: str = "official") -> str:
    """A link to another site, opened by itself and told nothing; empty where the URL is unsafe."""
    safe = safe_url(url)
    if safe is None:
        return ""
    return (
        f'<a class="{kind}" href="{text(safe)}" target="_blank" rel="noopener noreferrer nofollow">'
        f"{label}{icon('out')}</a>"
    )


def place(source: str, start: int, end: int) -> str:
    """The attributes that say which passage a control opens."""
    return f'data-source="{text(source)}" data-start="{start:d}" data-end="{end:d}"'
