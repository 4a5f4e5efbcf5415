"""Files and folders of one's own: which files are read, under which id, and which could not be.

Nothing outside the given folder is read, whatever a link inside it says, and nothing that is no
regular file. What cannot be read is returned by name, never dropped silently.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rag.errors import SourceError
from rag.sources.decoding import MAX_BYTES, clean, decode
from rag.sources.markdown import MarkdownPage, read_markdown
from rag.sources.notebook import read_notebook
from rag.sources.pyfile import read_python
from rag.sources.rst import rst_to_text
from rag.sources.web import html_to_text
from rag.text import language_of
from rag.types import Document

_JUNK = frozenset({"node_modules", "__pycache__", "site-packages", "venv", "__MACOSX"})
# People expect these to be read, so it is said that they are not.
_NOT_YET = frozenset(".pdf .docx .doc .pptx .hwp .hwpx .odt .epub .rtf .tex .adoc .mdx".split())

_CODE = re.compile(r"^(`{3,}).*?^\1$", re.MULTILINE | re.DOTALL)  # its words are of no language


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that was not read; `path` is written as in the ids."""

    path: str
    reason: str


def _read_text(raw: str, stem: str) -> MarkdownPage:
    return MarkdownPage(raw.strip("\n"))


def _read_rst(raw: str, stem: str) -> MarkdownPage:
    text = clean(rst_to_text(raw))
    return MarkdownPage(text, _first_heading(text))


_READERS: dict[str, Callable[[str, str], MarkdownPage]] = {
    ".md": lambda raw, stem: read_markdown(raw),
    ".markdown": lambda raw, stem: read_markdown(raw),
    ".rst": _read_rst,
    ".txt": _read_text,
    ".ipynb": lambda raw, stem: read_notebook(raw),
    ".py": read_python,
}
_PAGES = (".html", ".htm")
KINDS = tuple(sorted((*_READERS, *_PAGES)))


def read_folder(path: str | Path) -> tuple[list[Document], list[Skipped]]:
    """The documents of a folder (and its folders) or of one file, and what was left out.

    Ids are `file:` and the path as it was given: `docs` and `docs/guide.md` both lead to
    `file:docs/guide.md`. Of an absolute path, or one with "..", only the last name counts, so
    that no id tells where on a machine a file lies.

    Raises SourceError when there is no such path, or nothing in it that can be read.
    """
    given = Path(path)
    try:
        root = given.resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: links in a circle
        raise SourceError(f"{given}: there is no such file or folder") from error
    base = _base(given, root)
    skipped: list[Skipped] = []
    if root.is_dir():
        files = [(root / name, base / name) for name in _walk(root, base, skipped)]
    else:
        files = [(root, base)]
    documents: dict[str, Document] = {}
    for file, shown in files:
        try:
            document = _document(file, shown, root)
            if document.id in documents:
                raise SourceError("another file has the same id")
        except SourceError as error:
            skipped.append(Skipped(_shown(shown), str(error)))
        except Exception as error:  # one strange file must not keep the others from being read
            skipped.append(Skipped(_shown(shown), f"cannot be read ({type(error).__name__})"))
        else:
            documents[document.id] = document
    if not documents:
        why = f" ({skipped[0].path}: {skipped[0].reason})" if skipped else ""
        raise SourceError(f"{given}: no readable file{why}; read are {' '.join(KINDS)}")
    skipped.sort(key=lambda item: item.path)
    return list(documents.values()), skipped


def _base(given: Path, root: Path) -> Path:
    if given.is_absolute() or ".." in given.parts:
        return Path(root.name)
    return given


def _walk(root: Path, base: Path, skipped: list[Skipped]) -> Iterator[Path]:
    """The files below `root` that are read by their kind, relative to it, sorted."""

    def unreadable(error: OSError) -> None:
        skip(Path(error.filename), f"cannot be listed ({error.strerror})")

    def skip(path: Path, reason: str) -> None:
        skipped.append(Skipped(_shown(base / path.relative_to(root)), reason))

    for folder, folders, names in os.walk(root, onerror=unreadable, followlinks=False):
        here = Path(folder)
        for name in folders:
            if _wanted_folder(here / name) and (here / name).is_symlink():
                skip(here / name, "a link to a folder is not followed")
        folders[:] = sorted(name for name in folders if _wanted_folder(here / name))
        for name in sorted(names):
            suffix = Path(name).suffix.lower()
            if name.startswith(".") or suffix not in (*KINDS, *_NOT_YET):
                continue
            yield (here / name).relative_to(root)


def _wanted_folder(path: Path) -> bool:
    return not (path.name.startswith(".") or path.name in _JUNK or (path / "pyvenv.cfg").is_file())


def _document(file: Path, shown: Path, root: Path) -> Document:
    suffix = file.suffix.lower()
    if suffix not in KINDS:
        raise SourceError(f"{suffix or 'this kind'} is not read; read are {' '.join(KINDS)}")
    data = _bytes(file, root)
    if suffix in _PAGES:
        title, text = html_to_text(data)
        page = MarkdownPage(text, title or None)
    else:
        page = _READERS[suffix](decode(data), clean(file.stem))
    if not page.text.strip():
        raise SourceError("no docstring in it" if suffix == ".py" else "no text in it")
    name = _shown(shown)
    return Document(
        id=f"file:{name}",
        title=page.title or name.rpartition("/")[2],
        text=page.text,
        kind="file",
        format="text" if suffix == ".txt" else "markdown",
        language=language_of(_CODE.sub("", page.text)),
        date=page.date,
    )


def _bytes(file: Path, root: Path) -> bytes:
    """The bytes of a regular file inside `root`, at most MAX_BYTES, without ever waiting."""
    real = file.resolve()
    if not real.is_relative_to(root):
        raise SourceError("a link that leads out of the folder")
    # Not to follow what became a link since, not to wait for a writer of a FIFO.
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    flags |= getattr(os, "O_BINARY", 0)
    try:
        handle = os.open(real, flags)
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise SourceError("no regular file")
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise SourceError(f"cannot be read ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise SourceError(f"larger than the {MAX_BYTES // 1_000_000} MB that are read")
    return data


def _shown(path: Path) -> str:
    """A path as text that can be stored: NFC, "/", without bytes that are no characters."""
    return clean(path.as_posix())


def _first_heading(text: str) -> str | None:
    line = next((line for line in text.split("\n") if line.startswith("#")), "")
    return line.lstrip("# ") or None
