"""The corpus that comes with the package: `corpus/sources.toml` and our notes on each page.

A page that may not be copied is known by its facts, told in our own words in two notes, one in
English and one in Korean. Both are one document under the page's own id.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import rag
from rag.errors import SourceError
from rag.sources.decoding import decode
from rag.sources.markdown import read_markdown
from rag.types import Document, Language

EntryKind = Literal["post", "page", "package"]

_REQUIRED = ("id", "title", "kind")
_TEXTS = ("id", "title", "url", "language", "licence", "kind", "package", "date", "note_date")
_DATES = ("date", "note_date")


@dataclass(frozen=True, slots=True)
class SourceEntry:
    """One [[source]] of the manifest. `package` is set where `kind` is "package", else `notes`.

    `date` (YYYY-MM-DD or YYYY-MM) is the age of the page our note is of, `note_date` the note's.
    """

    id: str
    title: str
    kind: EntryKind
    url: str | None = None
    language: Language = "en"
    licence: str | None = None
    package: str | None = None
    date: str | None = None
    note_date: str | None = None
    notes: tuple[str, ...] = ()


def corpus_folder() -> Path:
    """Where the corpus lies: beside the package, in a checkout and when installed."""
    return Path(rag.__file__).resolve().parent.parent / "corpus"


def read_manifest(folder: Path | None = None) -> tuple[SourceEntry, ...]:
    """The sources that `sources.toml` names, in its order; SourceError says what is wrong where."""
    path = (folder or corpus_folder()) / "sources.toml"
    try:
        tables = tomllib.loads(decode(path.read_bytes()))
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    except tomllib.TOMLDecodeError as error:
        raise SourceError(f"{path}: {error}") from error
    sources = tables.get("source")
    if not isinstance(sources, list) or not all(isinstance(table, dict) for table in sources):
        raise SourceError(f"{path}: source: write each one as a [[source]] table")
    entries = tuple(_entry(table, f"{path}: source {i}") for i, table in enumerate(sources, 1))
    ids = [entry.id for entry in entries]
    for id_ in ids:
        if ids.count(id_) > 1:
            raise SourceError(f"{path}: id: {id_!r} is given to two sources")
    return entries


def _entry(table: Mapping[str, object], where: str) -> SourceEntry:
    if isinstance(table.get("id"), str):
        where = f"{where} ({table['id']})"
    for key in _REQUIRED:
        if not table.get(key):
            raise SourceError(f"{where}: {key}: is missing")
    for key, value in table.items():
        if key not in (*_TEXTS, "notes"):
            raise SourceError(f"{where}: {key}: is no known key; known are {', '.join(_TEXTS)}")
        if key in _TEXTS and not (isinstance(value, str) and value.strip()):
            raise SourceError(f"{where}: {key}: must be a text in quotes, not {value!r}")
    texts = {key: str(table[key]) for key in _TEXTS if key in table}
    for key in _DATES:
        if key in texts and not re.fullmatch(r"\d{4}(-\d\d(-\d\d)?)?", texts[key]):
            raise SourceError(f"{where}: {key}: {texts[key]!r} is not YYYY-MM-DD or YYYY-MM")
    notes = _notes(table, where)
    kind, language = texts.pop("kind"), texts.pop("language", "en")
    if kind not in get_args(EntryKind):
        raise SourceError(f"{where}: kind: {kind!r} is not one of {', '.join(get_args(EntryKind))}")
    if language not in get_args(Language):
        raise SourceError(f"{where}: language: {language!r} is neither en nor ko")
    needed = "package" if kind == "package" else "notes"
    if not table.get(needed):
        raise SourceError(f"{where}: {needed}: is missing; a {kind} needs it")
    return SourceEntry(
        **texts,
        kind=kind,  # type: ignore[arg-type] # checked above
        language=language,  # type: ignore[arg-type]
        notes=notes,
    )


def _notes(table: Mapping[str, object], where: str) -> tuple[str, ...]:
    notes = table.get("notes", [])
    if not isinstance(notes, list) or not all(isinstance(note, str) for note in notes):
        raise SourceError(f"{where}: notes: must be a list of file names, not {notes!r}")
    for note in notes:
        if Path(note).is_absolute() or ".." in Path(note).parts:
            raise SourceError(f"{where}: notes: {note!r} lies outside the corpus")
    return tuple(notes)


def note_document(entry: SourceEntry, folder: Path | None = None) -> Document:
    """Our notes on a page as one document: English, a blank line, Korean.

    `version` says that it is our note, of when, and of which state of the page.
    Raises SourceError when a note is missing, empty or no text, or the entry is a package.
    """
    if entry.kind == "package":
        raise SourceError(f"{entry.id} is read from the package {entry.package}, it has no note")
    # The file name says the language: English stands first whatever the order in the manifest.
    notes = sorted(entry.notes, key=lambda note: note.endswith(".ko.md"))
    text = "\n\n".join(_note((folder or corpus_folder()) / note, entry) for note in notes)
    return Document(
        id=entry.id,
        title=entry.title,
        text=text,
        kind=entry.kind,
        format="markdown",
        language=entry.language,
        url=entry.url,
        version=_version(entry),
        date=entry.date,
        licence=entry.licence,
    )


def _note(path: Path, entry: SourceEntry) -> str:
    try:
        text = read_markdown(decode(path.read_bytes())).text
    except OSError as error:
        raise SourceError(
            f"{path}: notes of {entry.id}: cannot be read ({error.strerror})"
        ) from error
    except SourceError as error:
        raise SourceError(f"{path}: notes of {entry.id}: {error}") from error
    if not text:
        raise SourceError(f"{path}: notes of {entry.id}: is empty")
    return text


def _version(entry: SourceEntry) -> str:
    note = f"our note of {entry.note_date}" if entry.note_date else "our note"
    return f"{note}, {entry.kind} as of {entry.date}" if entry.date else note
