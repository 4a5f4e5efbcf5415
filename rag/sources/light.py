"""Pieces of the light Markdown that every reader of this folder writes."""

from __future__ import annotations

import re
from collections.abc import Sequence


def join_blocks(blocks: Sequence[tuple[str, str]]) -> str:
    """One text of (kind, text) blocks: a blank line between them, none between list items."""
    parts: list[str] = []
    before = ""
    for kind, text in blocks:
        if not text:
            continue
        if parts:
            parts.append("\n" if kind == before == "item" else "\n\n")
        parts.append(text)
        before = kind
    return "".join(parts)


def fenced(code: str, language: str = "") -> str:
    """Code between fences longer than any in it; empty where the code is."""
    code = code.strip("\n").rstrip()
    if not code.strip():
        return ""
    longest = max((len(run) for run in re.findall("`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    name = "" if language in ("default", "none", "text") else re.sub(r"[^\w+#.-]", "", language)
    return f"{fence}{name}\n{code}\n{fence}"
