"""Lists the public, documented objects of an installed package; run as a process of its own.

    python -P rag/sources/_inspect.py torch

Importing a package runs its code, so it happens in a child: what the import prints, warns, spawns
or breaks stays there. One JSON object a line on standard output: for every object {"names",
"kind", "doc", "signature"}, and at the end one line {"known": [...]} with every public name,
documented or not, so that nobody is told that an existing name does not exist. Or one line
{"error": ...} where the package cannot be imported.
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import pkgutil
import re
import sys
import types
import warnings
from collections.abc import Iterator
from typing import Any

# Folders inside packages that hold no documentation for users.
_INTERNAL = frozenset(
    "test tests testing conftest examples example benchmarks internal internals experimental "
    "vendor externals third_party setup hipify".split()
)
_SIGNATURE_NOISE = (
    (re.compile(r" -> (?:'None'|None)$"), ""),
    (re.compile(r"<module '([\w.]+)'[^>]*>"), r"\1"),
    (re.compile(r"<([A-Z]\w*\.\w+): [^>]*>"), r"\1"),
    (re.compile(r"<(?:function|class|built-in function) '?([\w.<>]+?)'?(?: at 0x\w+)?>"), r"\1"),
    (re.compile(r"<(?:[^<>]|<[^<>]*>)*>"), "..."),
    (re.compile(r"~(?=[A-Z_]\w*)"), ""),  # how a type variable shows itself
    (re.compile(r"(: |-> )'([^']*)'"), r"\1\2"),
    (re.compile(r"\b(?:collections\.abc|typing|types)\."), ""),
    (re.compile(r"\bNoneType\b"), "None"),
)
# "This function is deprecated ...", within the first paragraphs and before any parameter.
_DEPRECATED = re.compile(
    r"\A\W*deprecated\b|\.\. deprecated::|\bdeprecated in favor of\b"
    r"|\b(?:this (?:function|method|class|module|package|decorator)|`?`?[\w.]+(?:\(.*\))?`?`?) "
    r"is (?:now |in the process of being )?deprecated\b"
    r"|`[^`]*` namespace is in the process of being deprecated",
    re.I,
)
_PARAMETERS = re.compile(r"^(?:Args|Arguments|Parameters|Keyword args)\b.*", re.M | re.S)
_SIGNATURE_LINE = re.compile(r"^(?:\d+\. )?[\w.]+\(.*\)(?: -> .*)?$|^Overloaded function\.$", re.M)
# What pybind11 writes for default values: `= <torch._C.Options object at 0x7f39>`.
_ADDRESS = re.compile(r"= <[^<>]* at 0x[0-9a-f]+>")
_GENERATED = ("Alias for field number", "An enumeration.", "partial(func", "Create a new function")


def _public(name: str) -> bool:
    return not any(p.startswith("_") or p in _INTERNAL for p in name.split("."))


def _modules(root: types.ModuleType) -> Iterator[tuple[str, types.ModuleType]]:
    """The modules of a package; one that cannot be imported (an optional dependency is missing,
    it exits, it is a test) is left out."""
    yield root.__name__, root
    pending = [(root.__name__, root)]
    while pending:
        name, module = pending.pop()
        for info in pkgutil.iter_modules(getattr(module, "__path__", [])):
            full = f"{name}.{info.name}"
            if not _public(full):
                continue
            try:
                child = importlib.import_module(full)
            except KeyboardInterrupt:
                raise
            except BaseException:  # SystemExit and pytest's skip are no Exceptions
                continue
            yield full, child
            pending.append((full, child))


def _exports(name: str, module: types.ModuleType, root: str) -> Iterator[tuple[str, Any]]:
    """Names of a module that are its own: listed in __all__, defined here, or (with no such
    list) a constant or brought up from below or from the private core of the package."""
    listed = getattr(module, "__all__", None)
    listed = None if listed is None else {key for key in listed if isinstance(key, str)}
    for key in sorted(listed | vars(module).keys() if listed else vars(module)):
        if key.startswith("_"):
            continue
        try:  # objects that load themselves when touched may fail at any question
            value = getattr(module, key)
            if isinstance(value, types.ModuleType):
                continue
            home = getattr(value, "__module__", None)
            if not inspect.isclass(value) and callable(value):
                _doc(value)
        except Exception:
            continue
        below = isinstance(home, str) and (home + ".").startswith((name + ".", root + "._"))
        if listed:
            lists_it = key in getattr(sys.modules.get(str(home)), "__all__", ())
            own = key in listed or home == name or (below and lists_it)
        else:
            constant = key.isupper() and home is None
            own = below or constant or (inspect.isbuiltin(value) and home in (None, root))
        if own:
            yield key, value


def _doc(value: Any) -> str:
    doc = value.__doc__ if not isinstance(value, property) else (value.fget or value).__doc__
    if not isinstance(doc, str) or not doc.strip():
        return ""
    if not inspect.isclass(value) and doc == type(value).__doc__:
        return ""
    doc = inspect.cleandoc(doc)
    doc = _ADDRESS.sub("= ...", doc)
    # Signatures alone, as pybind11 writes them, are no documentation.
    if doc.startswith(_GENERATED) or not _SIGNATURE_LINE.sub("", doc).strip():
        return ""
    return doc


def _class_doc(cls: type) -> str:
    doc = "" if any(cls.__doc__ == b.__doc__ for b in cls.__mro__[1:]) else _doc(cls)
    if (
        doc.startswith(f"{cls.__name__}(")
        and "\n" not in doc
        and hasattr(cls, "__dataclass_fields__")
    ):
        doc = ""  # written by @dataclass, not by a person
    init = cls.__dict__.get("__init__")
    extra = _doc(init) if isinstance(init, types.FunctionType) else ""
    return f"{doc}\n\n{extra}".strip() if extra and extra not in doc else doc


def _signature(value: Any) -> str | None:
    """The call as text, without self, private parameters and memory addresses; long ones (over
    240 characters) without annotations."""
    if isinstance(value, property | types.ModuleType):
        return None
    try:
        signature = inspect.signature(value)
        parameters = list(signature.parameters.values())
        if parameters and parameters[0].name in ("self", "cls"):
            parameters = parameters[1:]
        parameters = [p for p in parameters if not p.name.startswith("_")]
        text = str(signature.replace(parameters=parameters))
        if len(text) > 240:
            bare = [p.replace(annotation=p.empty) for p in parameters]
            text = str(signature.replace(parameters=bare))
    except (ValueError, TypeError, RecursionError, AttributeError, NameError):
        return None
    for pattern, replacement in _SIGNATURE_NOISE:
        text = pattern.sub(replacement, text)
    return text


def _is_deprecated(value: Any, doc: str) -> bool:
    return hasattr(value, "__deprecated__") or bool(
        _DEPRECATED.search(_PARAMETERS.sub("", doc)[:400])
    )


def _members(cls: type) -> Iterator[tuple[str, Any, type]]:
    """Public members with the class they come from; private bases count as the class itself."""
    for key in sorted({k for base in cls.__mro__[:-1] for k in vars(base)}):
        if key.startswith("_"):
            continue
        owner = next(b for b in cls.__mro__ if key in vars(b))
        while owner is not cls and not _public(f"{owner.__module__}.{owner.__qualname__}"):
            owner = cls
        value = inspect.getattr_static(cls, key)
        if isinstance(value, staticmethod | classmethod):
            value = value.__func__
        yield key, value, owner


class _Collector:
    """Objects by identity, so that one object under several names becomes one entry."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.objects: dict[int, tuple[Any, list[str], str]] = {}
        self.known: set[str] = set()

    def add(self, value: Any, name: str, kind: str) -> None:
        self.known.add(name)
        names = self.objects.setdefault(id(value), (value, [], kind))[1]
        if name not in names:
            names.append(name)

    def add_members(self) -> None:
        """Members go under the first name of the first class that has them: the other tensor
        types repeat every method of torch.Tensor, and aliases of classes would multiply all."""
        classes = sorted(
            ((_first(names), cls) for cls, names, kind in self.objects.values() if kind == "class"),
            key=lambda item: (item[0].count("."), len(item[0]), item[0]),
        )
        for class_name, cls in classes:
            for key, value, owner in _members(cls):
                if owner is cls and id(value) not in self.objects:
                    self.add(value, f"{class_name}.{key}", "member")
                elif owner.__module__ not in ("builtins", "enum", "typing"):
                    self.known.add(f"{class_name}.{key}")


def _first(names: list[str]) -> str:
    """The name to show: the shortest path, as people write it."""
    return min(names, key=lambda name: (name.count("."), len(name), name))


def _hidden(name: str, module: types.ModuleType) -> bool:
    """Whether something else stands under the module's name in its parent: the function
    `torch.nn.utils.weight_norm` hides the module that it comes from."""
    parent, _, key = name.rpartition(".")
    return getattr(sys.modules.get(parent), key, module) is not module


def collect(root_name: str) -> Iterator[dict[str, Any]]:
    """The lines that this program prints, as dictionaries."""
    root = importlib.import_module(root_name)
    found = _Collector(root_name)
    for name, module in _modules(root):
        if not _hidden(name, module):
            found.add(module, name, "module")
        for key, value in _exports(name, module, root_name):
            if inspect.isclass(value):
                found.add(value, f"{name}.{key}", "class")
            elif callable(value):
                found.add(value, f"{name}.{key}", "function")
            else:
                found.known.add(f"{name}.{key}")
    found.add_members()
    for value, names, kind in found.objects.values():
        doc = _class_doc(value) if kind == "class" else _doc(value)
        if doc and not _is_deprecated(value, doc):
            names.sort(key=lambda name: (name.count("."), len(name), name))
            yield {"names": names, "kind": kind, "doc": doc, "signature": _signature(value)}
    yield {"known": sorted(found.known)}


def main(argv: list[str]) -> None:
    warnings.simplefilter("ignore")
    # Whatever the package writes to standard output, from C as well, goes to standard error.
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    try:
        lines = list(collect(argv[0]))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        lines = [{"error": f"{type(error).__name__}: {error}"}]
    for line in lines:
        out.write(json.dumps(line, ensure_ascii=True) + "\n")
    out.close()
    # Packages leave threads and exit hooks behind (torch does); nothing of them is wanted here.
    os._exit("error" in lines[-1])


if __name__ == "__main__":
    main(sys.argv[1:])
