"""The documentation of an installed package: its docstrings and its own description."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import SourceError
from rag.sources.decoding import clean
from rag.sources.urls import documented_name, symbol_url
from rag.text import fold, language_of
from rag.types import Document

READER = "package-3"  # raise when what is read of a package changes
_TIMEOUT = 180  # seconds for importing and listing a package; torch takes 5
_CALL = re.compile(r"\A[\w.]*\w\s*\(")


@dataclass(frozen=True, slots=True)
class PackageDocs:
    """What an installed package says of itself.

    `known` are all its public names, documented or not: a name outside of it does not exist.
    """

    package: str
    version: str
    documents: tuple[Document, ...]
    known: tuple[str, ...]


def package_version(package: str) -> str:
    """The version of the installed distribution that holds the import name `package`.

    Raises SourceError when it is not installed; nothing is imported.
    """
    return _public(_distribution(package).version)


def package_fingerprint(package: str) -> str:
    """A hash that changes when the installed distribution does, without importing or reading it.

    The record of installed files, which pip writes, lists every file with its own hash.
    """
    distribution = _distribution(package)
    record = distribution.read_text("RECORD") or ""
    seed = f"{READER}\n{distribution.version}\n{record}"
    return hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()


def read_package(package: str) -> PackageDocs:
    """Every public documented object of `package`, and its description (README).

    The package is imported in a child process. Raises SourceError with one line when it is not
    installed or cannot be imported.
    """
    distribution = _distribution(package)
    lines = list(_inspect(package))
    known = tuple(name for line in lines for name in line.get("known", ()))
    home, licence = _home_page(distribution), _licence(distribution)
    version = _public(distribution.version)
    documents = [
        _document(line, package, version, home, licence) for line in lines if "known" not in line
    ]
    if not documents:
        raise SourceError(f"package '{package}' has no documented public objects; nothing to read")
    description = _description(package, distribution, home)
    return PackageDocs(
        package,
        version,
        (*documents, *([description] if description else [])),
        known,
    )


def _distribution(package: str) -> importlib.metadata.Distribution:
    if not re.fullmatch(r"[A-Za-z_][\w.]*", package):
        raise SourceError(
            f"'{package}' is not the import name of a package; write for example py:numpy"
        )
    top = package.partition(".")[0]
    names = importlib.metadata.packages_distributions().get(top, [])
    for name in sorted(names, key=lambda n: n.lower().replace("-", "_") != top.lower()):
        try:
            return importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    raise SourceError(f"package '{package}' is not installed here; pip install {top}")


def _public(version: str) -> str:
    """A version without its local part, the build: 2.13.0+cpu -> 2.13.0."""
    return version.partition("+")[0]


def _inspect(package: str) -> Iterator[dict[str, Any]]:
    # -P: a json.py in the folder where somebody works must not come before the real one.
    command = [sys.executable, "-P", str(Path(__file__).with_name("_inspect.py")), package]
    try:
        run = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SourceError(
            f"reading package '{package}' took over {_TIMEOUT} s; left out"
        ) from error
    lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    for line in lines:
        if "error" in line:
            raise SourceError(
                f"package '{package}' cannot be imported: {fold(line['error'])[:200]}"
            )
    if not lines or "known" not in lines[-1]:
        last = (
            fold(run.stderr.strip().splitlines()[-1])[:200] if run.stderr.strip() else "no output"
        )
        raise SourceError(f"package '{package}' cannot be read (exit {run.returncode}): {last}")
    yield from lines


def _document(
    line: dict[str, Any], package: str, version: str, home: str | None, licence: str | None
) -> Document:
    name, *others = line["names"]
    return Document(
        id=f"py:{name}",
        title=name,
        text=symbol_text(name, line["doc"], line["signature"]),
        kind="symbol",
        format="docstring",
        language=language_of(line["doc"]),
        url=symbol_url(documented_name(line["names"]), line["kind"], version, home),
        version=f"{package} {version}",
        licence=licence,
        aliases=tuple(f"py:{other}" for other in others),
    )


def symbol_text(name: str, doc: str, signature: str | None) -> str:
    """The text of a symbol: its call under the qualified name, a blank line, its docstring.

    A docstring that begins with its own signature, as compiled functions have it, keeps that one.
    The rest of the docstring stands as it was written.
    """
    doc = clean(doc).strip()
    short = name.rpartition(".")[2]
    if _CALL.match(doc) and doc.split("(")[0].strip().split(".")[-1] == short:
        return name + doc[doc.index("(") :]
    return f"{name}{clean(signature) if signature else ''}\n\n{doc}"


def _description(
    package: str, distribution: importlib.metadata.Distribution, home: str | None
) -> Document | None:
    from rag.sources.markdown import read_markdown

    text = str(distribution.metadata.json.get("description") or "")
    if not text.strip():
        return None
    page = read_markdown(text)
    return Document(
        id=f"pkg:{package}",
        title=f"{package}: project description",
        text=page.text,
        kind="package",
        format="markdown",
        language=language_of(page.text[:2000]),
        url=home,
        version=f"{package} {_public(distribution.version)}",
        licence=_licence(distribution),
    )


def _home_page(distribution: importlib.metadata.Distribution) -> str | None:
    by_label: dict[str, str] = {}
    for entry in distribution.metadata.get_all("Project-URL") or []:
        label, _, url = str(entry).partition(",")
        by_label[label.strip().lower()] = url.strip()
    for label in ("documentation", "docs", "homepage", "home"):
        if label in by_label:
            return by_label[label]
    fields = distribution.metadata.json
    return (
        str(fields["home_page"]) if "home_page" in fields else next(iter(by_label.values()), None)
    )


def _licence(distribution: importlib.metadata.Distribution) -> str | None:
    fields = distribution.metadata.json
    licence = fields.get("license_expression") or fields.get("license") or ""
    return fold(str(licence))[:160] or None
