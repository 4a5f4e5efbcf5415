"""`ask doctor`: what is installed, what works, and for each thing that does not, what mends it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rag.command.arguments import package_version
from rag.command.jsonform import dumps
from rag.command.progress import duration
from rag.command.session import index_path
from rag.command.terminal import one_line, plural
from rag.errors import RagError

_UNINSTALLED = """torch sentence-transformers langchain gradio faiss-cpu numpy onnxruntime
tokenizers bm25s PyStemmer platformdirs beautifulsoup4 lxml markdown-it-py nbformat shtab""".split()
_TORCH_DEVICE = """
import torch
mps = getattr(torch.backends, "mps", None)
if torch.cuda.is_available():
    print("cuda,", torch.cuda.get_device_name(0))
else:
    print("mps" if mps is not None and mps.is_available() else "cpu")
"""
_TORCH_TIMEOUT = 60  # seconds; importing it takes 2 to 10


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `mend` is the command for one that is not `ok`."""

    part: str
    name: str
    value: str
    ok: bool = True
    mend: str = ""


def examine(args: Namespace) -> int:
    """Print all checks; 0 when all is well, 4 when only the index is not, else 1."""
    checks = []
    for check in _checks(args):
        checks.append(check)
        if not args.json:
            sys.stdout.write(_line(check))
            sys.stdout.flush()
    bad = {check.part for check in checks if not check.ok}
    code = 0 if not bad else 4 if bad == {"index"} else 1
    if args.json:
        sys.stdout.write(dumps({"ok": not bad, "checks": [asdict(c) for c in checks]}) + "\n")
    else:
        sys.stdout.write("all is well\n" if not bad else "not all is well\n")
    return code


def _line(check: Check) -> str:
    line = f"{'ok ' if check.ok else 'BAD'}  {check.name:<22} {one_line(check.value)}\n"
    return line if check.ok else f"{line}     {'mend it with:':<22} {check.mend}\n"


def _checks(args: Namespace) -> Iterator[Check]:
    yield Check("python", "python", f"{platform.python_version()} ({sys.executable})")
    yield Check("packages", "ask-docs", package_version())
    yield from _packages()
    yield _device()
    yield _encoder(args)
    yield _corpus()
    yield from _index(args)
    yield from _folders(args)


# -- packages ------------------------------------------------------------------------------------


def requirements() -> list[str]:
    """What this package needs, as its metadata says; bare names in a checkout."""
    try:
        lines = importlib.metadata.requires("ask-docs") or []
    except importlib.metadata.PackageNotFoundError:
        return _UNINSTALLED
    return [line for line in lines if "extra ==" not in line]


def _packages() -> Iterator[Check]:
    for line in requirements():
        name = re.split(r"[^\w.-]", line, maxsplit=1)[0]
        mend = f"pip install '{line}'"
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Check("packages", name, "not installed", ok=False, mend=mend)
            continue
        fits = _fits(line, found)
        value = found if fits else f"{found}, which is not {line.removeprefix(name)}"
        yield Check("packages", name, value, fits, "" if fits else mend)


def _fits(requirement: str, version: str) -> bool:
    """Whether a version lies within the bounds of a requirement like "torch>=2.6,<2.14"."""
    bounds = re.findall(r"(>=|<)\s*([\d.]+)", requirement)
    found = _numbers(version)
    return all((found >= _numbers(b)) == (sign == ">=") for sign, b in bounds)


def _numbers(version: str) -> tuple[int, ...]:
    """ "2.13.0+cpu" as (2, 13): zeros at the end mean nothing."""
    numbers = re.match(r"[\d.]*\d|", version)
    parts = [int(part or 0) for part in numbers[0].split(".")] if numbers else []
    while parts and parts[-1] == 0:
        parts.pop()
    return tuple(parts)


def _device() -> Check:
    """What torch would run on. Another process imports it: that takes seconds, and may crash."""
    try:
        run = subprocess.run(
            [sys.executable, "-P", "-c", _TORCH_DEVICE],
            capture_output=True, text=True, timeout=_TORCH_TIMEOUT, check=False,
        )  # fmt: skip
        lines = (run.stdout if run.returncode == 0 else run.stderr).strip().splitlines()
        ok, told = run.returncode == 0, lines[-1] if lines else f"it ended with {run.returncode}"
    except (OSError, subprocess.TimeoutExpired) as error:
        ok, told = False, f"{type(error).__name__} after {_TORCH_TIMEOUT} s"
    value = f"the bundled encoder: cpu, {_cores()} cores; torch, for --encoder: {told}"
    return Check(
        "packages", "device", value, ok, "" if ok else "pip install --force-reinstall torch"
    )


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


# -- our own parts -------------------------------------------------------------------------------


def _tried(part: str, name: str, mend: str, work: Callable[[], str]) -> Check:
    """The check that does `work` and tells what it returns; whatever it raises makes it bad."""
    try:
        return Check(part, name, work())
    except RagError as error:
        return Check(part, name, str(error), ok=False, mend=mend)
    except Exception as error:
        return Check(part, name, f"{type(error).__name__}: {error}", ok=False, mend=mend)


def _encoder(args: Namespace) -> Check:
    def load() -> str:
        from rag.encoders import load_encoder

        encoder = load_encoder(args.encoder)
        return f"{encoder.name}, {len(encoder.encode_queries(['words'])[0])} numbers a text"

    return _tried("encoder", "encoder", "pip install --force-reinstall ask-docs", load)


def _corpus() -> Check:
    def read() -> str:
        from rag.sources.manifest import corpus_folder, read_manifest

        return f"{len(read_manifest())} sources in {corpus_folder()}"

    return _tried("corpus", "corpus", "pip install --force-reinstall ask-docs", read)


def _index(args: Namespace) -> Iterator[Check]:
    path = index_path(args)
    mend = "ask ingest" + (f" --index {path}" if args.index else "")
    mend += f" --encoder {args.encoder}" if args.encoder else ""
    stale: list[str] = []

    def opens() -> str:
        from rag.encoders import load_encoder
        from rag.index import read_index

        with read_index(path, load_encoder(args.encoder).fingerprint) as index:
            manifest = index.manifest
        stale.extend(_stale(group) for group in manifest.groups if _stale(group))
        made = datetime.strptime(manifest.created, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        age = duration(max(0.0, (datetime.now(UTC) - made).total_seconds()))
        return (
            f"{path}: {plural(manifest.n_documents, 'document')} from "
            f"{plural(len(manifest.groups), 'source')}, "
            f"made {age} ago with {manifest.encoder}"
        )

    yield _tried("index", "index", mend, opens)
    for told in stale:
        yield Check("index", "index", told, ok=False, mend=mend)


def _stale(group: object) -> str:
    """Whether another version of a package is installed than the index documents, in words."""
    name, version = str(getattr(group, "id", "")), getattr(group, "version", None)
    if not name.startswith("py:") or not version:
        return ""
    from rag.sources.package import package_version as installed_version

    try:
        found = installed_version(name.removeprefix("py:"))
    except RagError:
        return ""
    return "" if found == version else f"documents {name} {version}, but {found} is installed"


def _folders(args: Namespace) -> Iterator[Check]:
    from rag.config import cache_file

    for name, folder, mend in (
        ("index folder", index_path(args), "export ASK_INDEX=FOLDER, one that you may write"),
        ("cache folder", cache_file().parent, "export ASK_CACHE=FOLDER, one that you may write"),
    ):
        yield _tried("folders", name, mend, partial(_writable, folder))


def _writable(folder: Path) -> str:
    """Says that something can be written in `folder`, or where it would be made; raises OSError."""
    there = folder
    while not there.exists():
        there = there.parent
    with tempfile.TemporaryFile(dir=there):
        return f"{folder} is writable"
