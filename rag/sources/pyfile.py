"""Python files: the docstrings of the module and what it defines, read by `ast`.

Nothing is imported or run: a file may do anything when it is imported.
"""

from __future__ import annotations

import ast
import inspect
import warnings
from collections.abc import Iterator

from rag.errors import SourceError
from rag.sources.decoding import clean
from rag.sources.markdown import MarkdownPage
from rag.sources.rst import rst_to_text

_SIGNATURE = 200  # characters; a longer one is cut, the parameters stand in the docstring
_Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def read_python(raw: str, module: str) -> MarkdownPage:
    """The docstrings of a Python file under headings: `# module`, `## function name(...)`.

    What is private or has no docstring is left out; a file without any gives an empty text.
    Raises SourceError when the file is no Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about escapes in strings: the file's own business
            tree = ast.parse(raw)
        parts = list(_parts(tree, module))
    except SyntaxError as error:
        raise SourceError(f"no Python: {error.msg} (line {error.lineno})") from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceError("no Python that can be parsed") from error
    if not parts:
        return MarkdownPage("", module)
    text = clean("\n\n".join([f"# {module}", *parts]))
    return MarkdownPage(text, module)


def _parts(tree: ast.Module, module: str) -> Iterator[str]:
    if text := _docstring(tree, 1):
        yield text
    for node in tree.body:
        yield from _definition(node, "", 2)


def _definition(node: ast.stmt, owner: str, level: int) -> Iterator[str]:
    """The headed docstring of a class or function, then those of what a class defines."""
    if not isinstance(node, _Definition) or _private(node.name):
        return
    name = f"{owner}{node.name}"
    if text := _docstring(node, level):
        yield f"{'#' * min(level, 6)} {_kind(node, owner)} {name}{_signature(node)}\n\n{text}"
    if isinstance(node, ast.ClassDef):
        for member in node.body:
            yield from _definition(member, f"{name}.", level + 1)


def _private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def _docstring(node: ast.Module | _Definition, level: int) -> str:
    text = ast.get_docstring(node, clean=False)
    return rst_to_text(inspect.cleandoc(clean(text)), level=level) if text else ""


def _kind(node: _Definition, owner: str) -> str:
    if isinstance(node, ast.ClassDef):
        return "class"
    return "method" if owner else "function"


def _signature(node: _Definition) -> str:
    if isinstance(node, ast.ClassDef):
        return ""
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    signature = f"({ast.unparse(node.args)}){returns}"
    return signature if len(signature) <= _SIGNATURE else "(...)"
