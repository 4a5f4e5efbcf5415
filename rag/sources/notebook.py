"""Jupyter notebooks: the written cells as Markdown, the code cells as fenced code, no outputs."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from rag.errors import SourceError
from rag.sources.decoding import clean
from rag.sources.light import fenced
from rag.sources.markdown import MarkdownPage, read_markdown


def read_notebook(raw: str) -> MarkdownPage:
    """The readable text of a notebook of any format version; SourceError where it is none.

    Each cell is read by itself, so that a fence left open in one does not swallow the next.
    """
    notebook = _parsed(raw)
    metadata = _mapping(notebook, "metadata")
    language = (
        _mapping(metadata, "language_info").get("name")
        or _mapping(metadata, "kernelspec").get("language")
        or "python"
    )
    parts: list[str] = []
    page = MarkdownPage("")
    for cell in _cells(notebook):
        source = cell.get("source", "")
        source = "".join(map(str, source)) if isinstance(source, list) else str(source)
        if cell.get("cell_type") == "code":
            parts.append(fenced(clean(source), str(language)))
        elif cell.get("cell_type") in ("markdown", "heading"):
            read = read_markdown(source)
            parts.append(read.text)
            page = MarkdownPage("", page.title or read.title, page.date or read.date)
    text = clean("\n\n".join(part for part in parts if part))
    return MarkdownPage(text, page.title, page.date)


def _parsed(raw: str) -> Mapping[str, Any]:
    import nbformat

    library: Any = nbformat  # it has types, but not on these two
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about missing cell ids and the like: nothing is lost
            # Not nbformat.reads: it validates, and logs what it finds instead of raising it.
            notebook = library.convert(library.reader.reads(raw), 4)
    except RecursionError as error:
        raise SourceError("no notebook: its JSON is nested too deep") from error
    except Exception as error:  # nbformat lets KeyError, AttributeError and its own pass alike
        raise SourceError(f"no notebook that nbformat reads ({type(error).__name__})") from error
    if not isinstance(notebook, Mapping):
        raise SourceError("no notebook: its JSON is not an object")
    return notebook


def _cells(notebook: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    cells = notebook.get("cells", [])
    return [cell for cell in cells if isinstance(cell, Mapping)] if isinstance(cells, list) else []


def _mapping(parent: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = parent.get(key)
    return value if isinstance(value, Mapping) else {}
