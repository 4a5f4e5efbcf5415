"""The texts of an index in SQLite: documents, chunks and public names, by row number.

The file is written once and then only read (opened immutable, so no journal and no locks).
`text` is the last column of `documents`: SQLite keeps long rows in a chain of pages, and reading
the head of a document then never walks the chain.
"""

from __future__ import annotations

import json
import sqlite3
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from unicodedata import normalize

from rag.errors import IndexCorrupt, OutputError
from rag.storage import REBUILD
from rag.types import Chunk, Document

T = TypeVar("T")

_SCHEMA = """
CREATE TABLE documents (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, kind TEXT NOT NULL,
    format TEXT NOT NULL, language TEXT NOT NULL, url TEXT, version TEXT, date TEXT, licence TEXT,
    aliases TEXT NOT NULL, source_group TEXT NOT NULL, length INTEGER NOT NULL, text TEXT NOT NULL);
CREATE TABLE aliases (alias TEXT PRIMARY KEY, document INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE chunks (
    row INTEGER PRIMARY KEY, document INTEGER NOT NULL, role TEXT NOT NULL,
    language TEXT NOT NULL, heading TEXT NOT NULL, name TEXT NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, section_start INTEGER NOT NULL, section_end INTEGER NOT NULL,
    record TEXT NOT NULL);
CREATE TABLE names (
    name TEXT NOT NULL, last TEXT NOT NULL, last_lower TEXT NOT NULL, document INTEGER,
    prior REAL NOT NULL);
"""
_INDEXES = """
CREATE INDEX documents_by_group ON documents (source_group);
CREATE INDEX names_by_name ON names (name);
CREATE INDEX names_by_last ON names (last);
CREATE INDEX names_by_last_lower ON names (last_lower);
"""
_HEAD = "row, id, title, kind, format, language, url, version, date, licence, aliases, length"
_CHUNK = (
    "chunks.row, documents.id, role, chunks.language, heading, name, start,"
    ' "end", section_start, section_end, record'
)
_BATCH = 500  # placeholders in one statement; SQLite's own limit is far above


@dataclass(frozen=True, slots=True)
class PublicName:
    """A name that users may ask for: `torch.stack`.

    `source` is the id of the document about it, None if it exists but is not documented.
    `prior` says how much others speak of it (a count of mentions, or any weight).
    """

    name: str
    source: str | None
    prior: float = 0.0


@dataclass(frozen=True, slots=True)
class FoundName:
    """A public name and the row of its document, None if it exists but is not documented."""

    name: str
    document: int | None
    prior: float


@dataclass(frozen=True, slots=True)
class DocumentHead:
    """A document without its text; `length` counts the text's characters."""

    row: int
    id: str
    title: str
    kind: str
    format: str
    language: str
    url: str | None
    version: str | None
    date: str | None
    licence: str | None
    aliases: tuple[str, ...]
    length: int


# --- writing ------------------------------------------------------------------------------------


def write_catalogue(
    path: Path,
    documents: Sequence[tuple[Document, str]],
    chunks: Sequence[tuple[Chunk, int]],
    names: Iterable[PublicName],
) -> None:
    """Write a new file at `path`: documents with the id of their group, chunks with their row.

    Raises OutputError where SQLite cannot write.
    """
    rows = {document.id: row for row, (document, _) in enumerate(documents)}
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as base:
            # Nobody reads the file before it is synced and published, so a journal is only cost.
            base.execute("PRAGMA journal_mode = OFF")
            base.execute("PRAGMA synchronous = OFF")
            base.executescript(_SCHEMA)
            base.execute("BEGIN")
            _insert(base, "documents", (_document_row(i, d) for i, d in enumerate(documents)))
            _insert(base, "aliases", _alias_rows(documents))
            _insert(base, "chunks", (_chunk_row(i, c) for i, c in enumerate(chunks)))
            _insert(base, "names", (_name_row(name, rows) for name in names))
            base.executescript(_INDEXES)  # commits what was begun
    except sqlite3.Error as error:
        raise OutputError(f"cannot write {path}: {error}; make room there") from error


def _insert(base: sqlite3.Connection, table: str, rows: Iterable[tuple[Any, ...]]) -> None:
    columns = len(base.execute(f"SELECT * FROM {table} LIMIT 0").description)
    base.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)


def _document_row(row: int, item: tuple[Document, str]) -> tuple[Any, ...]:
    d, group = item
    aliases = json.dumps(d.aliases, ensure_ascii=False)
    return (
        row, d.id, d.title, d.kind, d.format, d.language, d.url, d.version, d.date, d.licence,
        aliases, group, len(d.text), d.text,
    )  # fmt: skip


def _alias_rows(documents: Sequence[tuple[Document, str]]) -> Iterator[tuple[str, int]]:
    """Give an alias that several documents claim to the first of them."""
    taken: set[str] = set()
    for row, (document, _) in enumerate(documents):
        for alias in document.aliases:
            if alias not in taken:
                taken.add(alias)
                yield alias, row


def _chunk_row(row: int, item: tuple[Chunk, int]) -> tuple[Any, ...]:
    c, document = item
    return (
        row, document, c.role, c.language, c.heading, c.name, c.start, c.end,
        c.section_start, c.section_end, c.record,
    )  # fmt: skip


def _name_row(name: PublicName, rows: Mapping[str, int]) -> tuple[Any, ...]:
    last = name.name.rpartition(".")[2]
    row = None if name.source is None else rows[name.source]
    return name.name, last, last.lower(), row, name.prior


# --- reading ------------------------------------------------------------------------------------


class Catalogue:
    """An open, read-only file of texts. Safe to share between threads."""

    def __init__(self, path: Path) -> None:
        """Open the file at `path`; raises IndexCorrupt where it is no such file.

        The file is opened here and now, so it may be unlinked afterwards.
        """
        self._path = path
        # One connection behind a lock: a second could not be opened once a writer has replaced
        # this generation, and a query takes microseconds.
        self._lock = threading.Lock()
        with self._errors():
            uri = f"{path.resolve().as_uri()}?mode=ro&immutable=1"
            self._base = sqlite3.connect(uri, uri=True, check_same_thread=False)
            self.close = weakref.finalize(self, self._base.close)
            self._base.execute("PRAGMA trusted_schema = OFF")
            self._base.execute("PRAGMA cell_size_check = ON")
            self.n_documents = self._count("documents")
            self.n_chunks = self._count("chunks")
        self._names: tuple[str, ...] | None = None

    def document(self, row: int) -> Document:
        """Return the document at `row`; raises IndexError where there is none."""
        found = self._rows(f"SELECT {_HEAD}, text FROM documents WHERE row = ?", (int(row),))
        if not found:
            raise IndexError(f"no document {row}: there are {self.n_documents}")
        *head, text = found[0]
        return _document(_head(head), text)

    def heads(self, rows: Iterable[int]) -> list[DocumentHead]:
        """Return the heads of the documents at `rows`, in that order."""
        return self._by_row(f"SELECT {_HEAD} FROM documents WHERE row IN", rows, _head)

    def chunks(self, rows: Iterable[int]) -> list[Chunk]:
        """Return the chunks at `rows`, in that order; raises IndexError where there is none."""
        statement = (
            f"SELECT {_CHUNK} FROM chunks JOIN documents ON documents.row = chunks.document"
            " WHERE chunks.row IN"
        )
        return self._by_row(statement, rows, lambda found: Chunk(*found[1:]))

    def find(self, id_or_alias: str) -> int | None:
        """Return the row of the document with this id, else of the first with this alias."""
        wanted = normalize("NFC", id_or_alias)
        found = self._rows("SELECT row FROM documents WHERE id = ?", (wanted,)) or self._rows(
            "SELECT document FROM aliases WHERE alias = ?", (wanted,)
        )
        return int(found[0][0]) if found else None

    def names(self, name: str) -> list[FoundName]:
        """Return what is known of exactly this name, the greatest prior first."""
        return self._names_where("name = ?", (normalize("NFC", name),))

    def names_ending(self, ending: str, *, ignore_case: bool = False) -> list[FoundName]:
        """Return the names that end in these components, the greatest prior first.

        `Linear` finds `torch.nn.Linear`, `nn.Linear` too, but `near` does not.
        """
        ending = normalize("NFC", ending)
        last = ending.rpartition(".")[2]
        if ignore_case:
            ending, last = ending.lower(), last.lower()
        column = "last_lower" if ignore_case else "last"
        found = self._names_where(f"{column} = ?", (last,))
        fold = str.lower if ignore_case else str
        return [n for n in found if f".{fold(n.name)}".endswith(f".{ending}")]

    def all_names(self) -> tuple[str, ...]:
        """Return every public name in order, for suggestions; read on the first call only."""
        if self._names is None:
            found = self._rows("SELECT DISTINCT name FROM names ORDER BY name", ())
            self._names = tuple(name for (name,) in found)
        return self._names

    def sources(self, pattern: str = "") -> list[DocumentHead]:
        """Return the documents whose id fits `pattern`, by row.

        A pattern with * or ? is compared with the whole id (`py:torch.nn.*`); any other text is
        looked for in id and title, in any case.
        """
        pattern = normalize("NFC", pattern)
        if "*" in pattern or "?" in pattern:
            where, values = "id GLOB ?", (pattern.replace("[", "[[]"),)
        else:
            where = "instr(lower(id), ?1) OR instr(lower(title), ?1) OR ?1 = ''"
            values = (pattern.lower(),)
        found = self._rows(f"SELECT {_HEAD} FROM documents WHERE {where} ORDER BY row", values)
        return [_head(row) for row in found]

    def documents_of(self, group: str) -> Iterator[Document]:
        """Yield the documents that came with the group of this id, one by one."""
        where = "source_group = ? ORDER BY row"
        for (row,) in self._rows(f"SELECT row FROM documents WHERE {where}", (group,)):
            yield self.document(row)

    def heads_of(self, group: str) -> list[DocumentHead]:
        """Return the heads of the documents that came with the group of this id, by row."""
        statement = f"SELECT {_HEAD} FROM documents WHERE source_group = ? ORDER BY row"
        return [_head(row) for row in self._rows(statement, (group,))]

    def _names_where(self, where: str, values: tuple[Any, ...]) -> list[FoundName]:
        order = "prior DESC, length(name), name"
        found = self._rows(
            f"SELECT name, document, prior FROM names WHERE {where} ORDER BY {order}", values
        )
        return [FoundName(*row) for row in found]

    def _by_row(
        self, statement: str, rows: Iterable[int], make: Callable[[tuple[Any, ...]], T]
    ) -> list[T]:
        wanted = [int(row) for row in rows]
        found: dict[int, T] = {}
        unique = list(dict.fromkeys(wanted))
        for at in range(0, len(unique), _BATCH):
            batch = unique[at : at + _BATCH]
            marks = ", ".join("?" * len(batch))
            found.update((row[0], make(row)) for row in self._rows(f"{statement} ({marks})", batch))
        missing = [row for row in unique if row not in found]
        if missing:
            raise IndexError(f"no row {missing[0]} in {self._path.name}")
        return [found[row] for row in wanted]

    def _count(self, table: str) -> int:
        # Rows are numbered from 0 without a gap; counting them would read the whole table.
        (found,) = self._rows(f"SELECT coalesce(max(row), -1) + 1 FROM {table}", ())
        return int(found[0])

    def _rows(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with self._errors(), self._lock:
            return self._base.execute(statement, values).fetchall()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise IndexCorrupt(f"{self._path} cannot be read: {error}; {REBUILD}") from error


def _head(row: Sequence[Any]) -> DocumentHead:
    *front, aliases, length = row
    try:
        names: tuple[str, ...] = tuple(json.loads(aliases))
    except (ValueError, TypeError) as error:
        raise IndexCorrupt(f"the aliases of {row[1]!r} cannot be read; {REBUILD}") from error
    fields: list[Any] = [*front, names, length]
    return DocumentHead(*fields)


def _document(head: DocumentHead, text: str) -> Document:
    return Document(
        head.id, head.title, text, head.kind, head.format, head.language,  # type: ignore[arg-type]
        head.url, head.version, head.date, head.licence, head.aliases,
    )  # fmt: skip
