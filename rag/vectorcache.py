"""Vectors that were computed before, so that reading the same text twice embeds nothing.

A cache may be thrown away at any time, so nothing here is an error: a damaged file is discarded
and `notice` says so, a folder that cannot be written makes a cache that forgets.
"""

from __future__ import annotations

import hashlib
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

_SCHEMA = """
CREATE TABLE IF NOT EXISTS vectors (
    encoder TEXT NOT NULL, hash BLOB NOT NULL, crc INTEGER NOT NULL, vector BLOB NOT NULL,
    PRIMARY KEY (encoder, hash)) WITHOUT ROWID
"""
_BATCH = 500
# The message about a damaged file quotes it, and what it quotes may be no text.
_TROUBLE = (sqlite3.Error, UnicodeDecodeError)


def text_hash(text: str) -> bytes:
    """Return the key of a text: SHA-256 of its UTF-8."""
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).digest()


class VectorCache:
    """Vectors of one encoder by the hash of their text, in half precision as the index keeps them.

    Every `put_many` is kept at once, so an interrupted run loses at most one batch.
    """

    def __init__(self, path: Path, encoder_fingerprint: str, dimension: int) -> None:
        """Open or make the cache file at `path`; several processes may share it."""
        self.notice: str | None = None
        self._path = path
        self._encoder = encoder_fingerprint
        self._dimension = dimension
        self._base: sqlite3.Connection | None = None
        self._open()

    @property
    def discarded(self) -> bool:
        """Whether something was wrong with the file; `notice` says what, in one line."""
        return self.notice is not None

    def get_many(self, hashes: Iterable[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Return the vectors, (dim,) float32, of those hashes that are known."""
        found: dict[bytes, NDArray[np.float32]] = {}
        wanted = list(dict.fromkeys(hashes))
        for at in range(0, len(wanted), _BATCH):
            for key, crc, blob in self._select(wanted[at : at + _BATCH]):
                # SQLite does not see a bit that flips inside a value, so each has its checksum.
                if len(blob) == 2 * self._dimension and zlib.crc32(key + blob) == crc:
                    found[key] = np.frombuffer(blob, np.float16).astype(np.float32)
        return found

    def put_many(self, vectors: Mapping[bytes, NDArray[np.float32]]) -> None:
        """Keep the vectors, (dim,) float32 each, by the hash of their text."""
        rows = []
        for key, vector in vectors.items():
            if vector.shape != (self._dimension,):
                raise ValueError(f"a vector is {vector.shape}, not ({self._dimension},)")
            blob = vector.astype("<f2").tobytes()
            rows.append((self._encoder, key, zlib.crc32(key + blob), blob))
        try:
            if self._base is not None:
                with self._base:
                    self._base.executemany("INSERT OR REPLACE INTO vectors VALUES (?,?,?,?)", rows)
        except _TROUBLE as error:
            self._trouble(error)

    def close(self) -> None:
        """Close the file; using the cache afterwards finds and keeps nothing."""
        if self._base is not None:
            self._base.close()
            self._base = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _select(self, hashes: list[bytes]) -> list[tuple[bytes, int, bytes]]:
        marks = ", ".join("?" * len(hashes))
        statement = f"SELECT hash, crc, vector FROM vectors WHERE encoder = ? AND hash IN ({marks})"
        try:
            if self._base is not None:
                found = self._base.execute(statement, [self._encoder, *hashes]).fetchall()
                kinds = (bytes, int, bytes)  # a damaged row may hold anything
                return [row for row in found if tuple(map(type, row)) == kinds]
        except _TROUBLE as error:
            self._trouble(error)
        return []

    def _open(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._connect()
        except OSError as error:
            self.notice = f"the vector cache {self._path} is not used: {error.strerror or error}"
        except _TROUBLE as error:
            self._trouble(error)

    def _connect(self) -> None:
        self._base = sqlite3.connect(self._path, timeout=10)
        self._base.execute("PRAGMA journal_mode = WAL")
        self._base.execute("PRAGMA synchronous = NORMAL")
        self._base.execute(_SCHEMA)
        self._base.execute("SELECT encoder, hash, crc, vector FROM vectors LIMIT 1").fetchall()

    def _trouble(self, error: Exception) -> None:
        """Start again with an empty file if this one is damaged; do without if it is no use."""
        self.close()
        first = self.notice is None
        # OperationalError also means "locked" or "disk full": no reason to throw work away.
        damaged = not isinstance(error, sqlite3.OperationalError) or "no such" in str(error)
        self.notice = f"the vector cache {self._path} is not used: {error}"
        if not (first and damaged):
            return
        try:
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            self._connect()
            self.notice = f"the vector cache {self._path} was damaged and begun anew: {error}"
        except (OSError, *_TROUBLE):
            self.close()
