"""Files that survive a crash: generations behind one pointer, checksums, the writer's lock.

    PATH/current                  "<generation> <SHA-256 of its manifest>", replaced by renaming
    PATH/lock                     held with flock while someone writes; holds who and since when
    PATH/generations/<generation>/manifest.json and the files that it lists

A generation is written and synced before `current` names it, and never changed afterwards. So
whenever a writer dies, a reader finds the old generation or the new one. A reader that has the
old one open keeps its files; they are only unlinked. Every byte is covered by a checksum: the
manifest's stands in `current`, the others' stand in the manifest.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader, FileIO
from pathlib import Path

from rag.errors import IndexCorrupt, IndexLocked, IndexMissing, OutputError

MANIFEST = "manifest.json"
REBUILD = "rebuild it with: ask ingest"
_GENERATION = re.compile(r"[0-9]{8}T[0-9]{6}-[0-9a-f]{8}")
_POINTER = re.compile(rf"({_GENERATION.pattern}) ([0-9a-f]{{64}})\n")
_MANIFEST_LIMIT = 64 * 2**20

Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What a file of a generation must be: its size in bytes and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class WriterLock:
    """Proof that this process is the only writer of the index at `path`; see `writer_lock`."""

    path: Path


# --- writing ------------------------------------------------------------------------------------


@contextmanager
def writer_lock(path: Path) -> Iterator[WriterLock]:
    """Hold the right to write the index at `path`, making the folder where it is missing.

    The system lets go of the lock when a process dies, so a lock is never stale; what the file
    says is only for people. Raises IndexLocked, naming the other process, or OutputError.
    """
    with output_errors(path):
        path.mkdir(parents=True, exist_ok=True)
        # Unbuffered, so that nothing is left to be written when the disk is full.
        file = (path / "lock").open("a+b", buffering=0)
    with file:
        with output_errors(path):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise IndexLocked(_held(path, file)) from error
            _say(file, json.dumps({"pid": os.getpid(), "since": _now()}))
        try:
            yield WriterLock(path)
        finally:
            with output_errors(path):
                _say(file, "")


def new_generation(path: Path) -> Path:
    """Clean what a crashed writer left at `path` and make an empty folder to write into."""
    try:
        found = _pointer(path)
    except IndexCorrupt:
        found = None
    if found:  # without a usable pointer, keep everything until the new one is in place
        _clean(path, keep=found[0])
    name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    folder = path / "generations" / name
    folder.mkdir(parents=True)
    return folder


def seal(folder: Path, names: tuple[str, ...]) -> dict[str, FileEntry]:
    """Push the files to the disk and return the size and checksum of each."""
    # A file system commits what is asked of it at the same time in one go.
    with ThreadPoolExecutor(8) as pool:
        entries = pool.map(lambda name: _seal(folder / name), names)
        return dict(zip(names, entries, strict=True))


def _seal(path: Path) -> FileEntry:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return FileEntry(file.tell(), digest)


def publish(path: Path, folder: Path, manifest: bytes, step: Step) -> None:
    """Make `folder` the generation that readers find.

    The rename of `current` is the one moment that counts: before it, a crash leaves the old
    index; after it, the new one. Call `retire` when it is done.
    """
    write_synced(folder / MANIFEST, manifest)
    _sync_folder(folder)
    _sync_folder(folder.parent)
    step("manifest")
    pointer = path / "current.new"
    digest = hashlib.sha256(manifest).hexdigest()
    write_synced(pointer, f"{folder.name} {digest}\n".encode())
    step("pointer")
    pointer.replace(path / "current")


def retire(path: Path, folder: Path) -> None:
    """Push the renaming to the disk, then remove every generation but `folder`."""
    _sync_folder(path)
    _clean(path, keep=folder.name)


def discard(path: Path, folder: Path) -> None:
    """Remove a generation that did not come to be; one that `current` names stays."""
    if not is_current(path, folder):
        (path / "current.new").unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file and push it to the disk."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn a failure to write below `path` into an OutputError with the remedy."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(
            f"cannot write the index at {path}: {reason}; make room there or choose another folder"
        ) from error


def _clean(path: Path, keep: str) -> None:
    """Remove what only a writer of ours can have left; what we did not make stays."""
    (path / "current.new").unlink(missing_ok=True)
    generations = path / "generations"
    if not generations.is_dir():
        return
    for folder in generations.iterdir():
        if folder.name != keep and _GENERATION.fullmatch(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        # Some network file systems cannot sync a folder; there is nothing better to do there.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def _say(file: FileIO, text: str) -> None:
    file.truncate(0)
    if text:
        file.write(text.encode())


def _held(path: Path, file: FileIO) -> str:
    file.seek(0)
    try:
        holder = json.loads(file.read(1000))
        who = f"process {int(holder['pid'])} (since {holder['since']})"
    except (ValueError, KeyError, TypeError):  # it has the lock but has not said so yet
        who = "another process"
    return f"the index at {path} is being written by {who}; wait for it to end or stop it"


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


# --- reading ------------------------------------------------------------------------------------


def open_generation(path: Path) -> tuple[Path, bytes]:
    """Return the current generation's folder and its manifest, checked against its checksum.

    Raises IndexMissing or IndexCorrupt.
    """
    found = _pointer(path)
    if found is None:
        raise IndexMissing(f"there is no index at {path}; make one with: ask ingest")
    name, digest = found
    folder = path / "generations" / name
    try:
        manifest = _read(folder / MANIFEST, _MANIFEST_LIMIT)
    except (FileNotFoundError, NotADirectoryError):
        if is_current(path, folder):
            raise IndexCorrupt(f"{folder / MANIFEST} is missing; {REBUILD}") from None
        return open_generation(path)  # a writer has put another in its place just now
    if hashlib.sha256(manifest).hexdigest() != digest:
        raise IndexCorrupt(f"{folder / MANIFEST} was altered; {REBUILD}")
    return folder, manifest


def is_current(path: Path, folder: Path) -> bool:
    """Whether `current` still names the generation `folder`."""
    try:
        found = _pointer(path)
    except IndexCorrupt:
        return False
    return found is not None and found[0] == folder.name


def read_checked(folder: Path, name: str, files: Mapping[str, FileEntry]) -> bytes:
    """Read a file whole; raises IndexCorrupt unless its bytes are those that were written.

    The bytes that are returned are the bytes that were checked.
    """
    data = _read(folder / name, files[name].size)
    _compare(folder / name, FileEntry(len(data), hashlib.sha256(data).hexdigest()), files[name])
    return data


def check_file(folder: Path, name: str, files: Mapping[str, FileEntry]) -> None:
    """Raise IndexCorrupt unless the file is the one that was written, without keeping it."""
    with _open(folder / name) as file:
        size = os.fstat(file.fileno()).st_size
        # A wrong size needs no hash, and a huge file no reading.
        right = size == files[name].size
        digest = hashlib.file_digest(file, "sha256").hexdigest() if right else ""
    _compare(folder / name, FileEntry(size, digest), files[name])


def _compare(path: Path, found: FileEntry, written: FileEntry) -> None:
    if found != written:
        what = "was altered"
        if found.size != written.size:
            what = f"has {found.size} bytes, not {written.size}"
        raise IndexCorrupt(f"{path} {what}; {REBUILD}")


def _pointer(path: Path) -> tuple[str, str] | None:
    """Return the generation's name and its manifest's checksum, None where there is no pointer.

    Raises IndexCorrupt where it says anything else.
    """
    try:
        text = _read(path / "current", 200).decode("ascii", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return None
    match = _POINTER.fullmatch(text)
    if match is None:
        raise IndexCorrupt(f"{path / 'current'} is damaged; {REBUILD}")
    return match[1], match[2]


def _read(path: Path, limit: int) -> bytes:
    """Read at most `limit` bytes and one more, so that a longer file is seen to be longer."""
    with _open(path) as file:
        return file.read(limit + 1)


def _open(path: Path) -> BufferedReader:
    """Open a plain file; a pipe or a device in its place would block or never end."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise IndexCorrupt(f"{path} cannot be read: {reason}; {REBUILD}") from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise IndexCorrupt(f"{path} is not a plain file; {REBUILD}")
    return os.fdopen(handle, "rb")
