"""Which lines of reStructuredText belong together, and which directives mean what."""

from __future__ import annotations

import re
import textwrap

RULE = re.compile(r"([!-/:-@[-`{-~])\1{2,}\s*$")
SIMPLE_RULE = re.compile(r"\s*={2,}(?:\s+={2,})+\s*$")
GRID_RULE = re.compile(r"\s*\+(?:[-=]+\+)+\s*$")
BULLET = re.compile(r"([-*+•]|\(?(?:\d{1,4}|[a-zA-Z#])[.)])\s+(?=\S)")
FIELD = re.compile(r":([a-z][\w -]*?)(?:\s+([^:]+))?:(?:\s+|$)")

# Directives by what becomes of them.
CODE = frozenset(
    """code code-block sourcecode testcode doctest prompt parsed-literal ipython highlight-code
    console""".split()
)
NOTES = frozenset(
    "note warning tip important caution attention danger error hint seealso admonition".split()
)
VERSIONS = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
}
UNSEEN = frozenset(
    """toctree raw include contents index highlight meta currentmodule module autosummary automodule
    autoclass autofunction automethod autodata autoattribute default-role role testsetup
    testcleanup literalinclude sectionauthor codeauthor tabularcolumns plot graphviz bibliography
    raw-html container-start""".split()
)


def block_end(lines: list[str], place: int) -> int:
    """The line after the block that begins at `place`, which is not indented."""
    first = lines[place]
    below = place + 1
    if first.startswith("```"):
        ends = (i for i in range(below, len(lines)) if lines[i].rstrip() == "```")
        return next(ends, place) + 1
    if first.startswith(("..", "!!! ")) or BULLET.match(first) or FIELD.match(first):
        return while_indented(lines, below)
    if GRID_RULE.match(first) or SIMPLE_RULE.match(first):
        while below < len(lines) and (lines[below].strip() or _rows_go_on(lines, below)):
            below += 1
        return below
    while below < len(lines) and lines[below].strip() and lines[below][0] != " ":
        if not first.startswith(">>>") and lines[below].startswith((">>>", ".. ", "```")):
            return below
        if BULLET.match(lines[below]) and lines[below - 1].rstrip().endswith(":"):
            return below
        below += 1
    if first.startswith(">>>"):
        while below < len(lines) and lines[below].strip():
            below += 1
        return below
    literal = lines[below - 1].rstrip().endswith("::")
    if below < len(lines) and (literal or lines[below][:1] == " "):
        return while_indented(lines, below)
    return below


def _rows_go_on(lines: list[str], place: int) -> bool:
    """Whether a simple table has a blank line here: another of its rules follows soon."""
    return any(SIMPLE_RULE.match(line) for line in lines[place + 1 : place + 3])


def while_indented(lines: list[str], place: int) -> int:
    """The first line from `place` that is not indented; blank lines at the end are left out."""
    stop = place
    for i in range(place, len(lines)):
        if not lines[i].strip():
            continue
        if lines[i][0] != " ":
            break
        stop = i + 1
    return stop


def dedented(lines: list[str]) -> list[str]:
    """The lines without the indentation that all of them share."""
    return textwrap.dedent("\n".join(lines)).split("\n") if lines else []


def options(body: list[str]) -> tuple[dict[str, str], list[str]]:
    """The `:name: value` lines at the head of a directive's body, and the rest."""
    values: dict[str, str] = {}
    for i, line in enumerate(body):
        found = re.match(r":([\w-]+):(?:\s+(.*))?$", line)
        if found is None:
            return values, body[i:]
        values[found.group(1)] = found.group(2) or ""
    return values, []
