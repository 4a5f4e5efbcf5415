"""From sources to an index: read, split, embed, save.

A source is named as users type it: `py:torch` (an installed package), `post:...` and `web:...` (our
notes of a page, see corpus/sources.toml), anything else is a file or folder. Each becomes a group
of the index with a hash of its content; what did not change is not read or embedded again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rag.chunking import chunk_document
from rag.contents import Group, IndexContents
from rag.embedding import Embedded, Progress, embed, embedded_records
from rag.encoders import Encoder
from rag.errors import IndexError_, SourceError
from rag.index import Index, named_groups, read_index
from rag.indexwriter import write_index
from rag.markup import readable
from rag.phrasings import attach, load_phrasings, phrasings_fingerprint
from rag.prior import count_mentions, prior, public_names
from rag.sources.folder import Skipped, read_folder
from rag.sources.manifest import SourceEntry, note_document, read_manifest
from rag.sources.package import package_fingerprint, package_version, read_package
from rag.storage import writer_lock
from rag.text import search_tokens
from rag.types import Chunk, Document

CHUNKING = "units-6"


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a run did. `changed` is false where everything was up to date and nothing was written."""

    changed: bool
    groups: tuple[Group, ...]
    documents: int
    chunks: int
    embedded: int
    skipped: tuple[Skipped, ...] = ()
    notice: str | None = None


@dataclass(frozen=True, slots=True)
class _Read:
    """One group as it was read now, or `documents` None where the old index still holds it."""

    group: Group
    documents: tuple[Document, ...] | None
    known: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def chunking_version() -> str:
    """What an index was split and expanded with; one of another version is built anew."""
    return f"{CHUNKING}-{phrasings_fingerprint()}"


def default_sources() -> tuple[str, ...]:
    """The sources of corpus/sources.toml: the post, the pages it cites, and torch."""
    return tuple(entry.id for entry in read_manifest())


def ingest(
    sources: Sequence[str],
    path: Path,
    encoder: Encoder,
    *,
    cache: Path | None = None,
    progress: Progress = lambda stage, done, total: None,
    rebuild: bool = False,
) -> Ingested:
    """Bring `sources` into the index at `path`, keeping what else is in it.

    With an index of another encoder or chunking, or a damaged one, everything it named is read
    again. Vectors are looked up in `cache` (a file) and kept there batch by batch, so that an
    interrupted run goes on where it stopped; the old index answers until the new one is whole.
    Raises SourceError, IndexLocked, OutputError.
    """
    with writer_lock(path) as lock:
        before = _open_before(path)
        kept = named_groups(path)
        old = None if rebuild or not _usable(before, encoder) else before
        try:
            reads, lost = _read_all(kept, [_canonical(s) for s in sources], old, progress)
            if old is not None and all(read.documents is None for read in reads):
                manifest = old.manifest
                return Ingested(
                    False, manifest.groups, manifest.n_documents, manifest.n_chunks, 0,
                    _skipped(reads, lost),
                )  # fmt: skip
            contents, embedded = _contents(reads, old, encoder, cache, progress)
        finally:
            if before is not None:
                before.close()
        progress("writing the index", 0, 1)
        manifest = write_index(
            path, contents, encoder_name=encoder.name, encoder_fingerprint=encoder.fingerprint,
            chunking_version=chunking_version(), lock=lock,
        )  # fmt: skip
        progress("writing the index", 1, 1)
    return Ingested(
        True, manifest.groups, manifest.n_documents, manifest.n_chunks, embedded.made,
        _skipped(reads, lost), embedded.notice,
    )  # fmt: skip


def read_source(source: str) -> tuple[tuple[Document, ...], tuple[Skipped, ...]]:
    """The documents of one source, named as for `ingest`, and the files that could not be read.

    Raises SourceError.
    """
    read = _read(_canonical(source), None, lambda stage, done, total: None)
    return read.documents or (), read.skipped


def _read_all(
    kept: Sequence[str], asked: Sequence[str], old: Index | None, progress: Progress
) -> tuple[list[_Read], list[Skipped]]:
    """What is in the index and what was asked for, each once. What was asked for must be readable;
    what merely was in an index that is replaced is told where it no longer is."""
    reads: list[_Read] = []
    lost: list[Skipped] = []
    for source in dict.fromkeys([*kept, *asked]):
        try:
            reads.append(_read(source, old, progress))
        except SourceError as error:
            if source in asked:
                raise
            lost.append(Skipped(source, str(error)))
    return reads, lost


def _skipped(reads: Sequence[_Read], lost: Sequence[Skipped]) -> tuple[Skipped, ...]:
    return (*(s for read in reads for s in read.skipped), *lost)


def _open_before(path: Path) -> Index | None:
    """The index at `path`, whichever encoder made it; None where there is none to be trusted."""
    try:
        return read_index(path, None)
    except IndexError_:
        return None


def _usable(before: Index | None, encoder: Encoder) -> bool:
    """Whether what is in the index may stay as it is; else its sources are all read again."""
    return (
        before is not None
        and before.manifest.encoder_fingerprint == encoder.fingerprint
        and before.manifest.chunking == chunking_version()
    )


def _canonical(source: str) -> str:
    if re.match(r"^(?:py|post|web|file):", source):
        return source
    return f"file:{Path(source).expanduser()}"


# -- reading -------------------------------------------------------------------------------------


def _read(source: str, old: Index | None, progress: Progress) -> _Read:
    before = next((g for g in old.manifest.groups if g.id == source), None) if old else None
    progress(f"reading {source}", 0, 1)
    if source.startswith("py:"):
        read = _read_package(source.removeprefix("py:"), before)
    elif source.startswith("file:"):
        read = _read_files(Path(source.removeprefix("file:")), source, before)
    else:
        read = _read_note(source, before)
    progress(f"reading {source}", 1, 1)
    if before is not None and read.group.hash == before.hash:
        return _Read(before, None, skipped=read.skipped)
    return read


def _read_package(package: str, before: Group | None) -> _Read:
    version = package_version(package)
    group = Group(
        f"py:{package}", package_fingerprint(package), "package", f"{package} {version}", version
    )
    if before is not None and before.hash == group.hash:
        return _Read(group, None)
    docs = read_package(package)
    first = docs.documents[0]
    return _Read(replace(group, licence=first.licence, url=first.url), docs.documents, docs.known)


def _read_files(path: Path, source: str, before: Group | None) -> _Read:
    try:
        documents, skipped = read_folder(path)
    except SourceError:
        if before is None:
            raise
        # A folder of an earlier run is gone: say so, keep what was read from it.
        return _Read(before, None, skipped=(Skipped(path.as_posix(), "no longer there; kept"),))
    group = Group(source, _hash(documents), "files", path.name, language=documents[0].language)
    return _Read(group, tuple(documents), skipped=tuple(skipped))


def _read_note(source: str, before: Group | None) -> _Read:
    entry = _entry(source)
    if entry.package is not None:
        return _read_package(entry.package, before)
    document = note_document(entry)
    group = Group(
        source, _hash([document]), entry.kind, entry.title, document.version, entry.date,
        entry.licence, entry.url, entry.language,
    )  # fmt: skip
    return _Read(group, (document,))


def _entry(source: str) -> SourceEntry:
    entries = {entry.id: entry for entry in read_manifest()}
    if source not in entries:
        raise SourceError(
            f"'{source}' is not in corpus/sources.toml; give a folder, a file or py:PACKAGE, "
            f"or one of {', '.join(entries)}"
        )
    return entries[source]


def _hash(documents: Iterable[Document]) -> str:
    digest = hashlib.sha256()
    for document in documents:
        digest.update(repr(document).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


# -- splitting and embedding ---------------------------------------------------------------------


def _contents(
    reads: Sequence[_Read], old: Index | None, encoder: Encoder, cache: Path | None,
    progress: Progress,
) -> tuple[IndexContents, Embedded]:  # fmt: skip
    documents: list[Document] = []
    owners: list[str] = []
    for read in reads:
        kept = read.documents
        if kept is None:
            kept = tuple(old.documents_of(read.group.id)) if old else ()
        documents.extend(kept)
        owners.extend([read.group.id] * len(kept))
    documents, owners = _unique(documents, owners)
    chunks = [chunk for document in documents for chunk in chunk_document(document)]
    progress("splitting", len(documents), len(documents))
    texts = {document.id: document.text for document in documents}
    phrasings = attach(chunks, texts, load_phrasings())
    records = [*embedded_records(chunks), *(one.text for one in phrasings)]
    embedded = embed(records, encoder, cache, progress)
    mentions = count_mentions(documents)
    known = [name for read in reads for name in read.known] + _kept_names(reads, old)
    contents = IndexContents(
        documents=documents,
        chunks=chunks,
        vectors=embedded.vectors[: len(chunks)],
        chunk_tokens=[
            chunk_tokens(chunk, texts[chunk.source][chunk.start : chunk.end]) for chunk in chunks
        ],
        document_tokens=[document_tokens(document) for document in documents],
        priors=np.array([prior(d, mentions) for d in documents], np.float32),
        names=public_names(documents, known, mentions),
        groups=[read.group for read in reads],
        document_groups=owners,
        phrasing_chunks=np.array([one.row for one in phrasings], np.int32),
        phrasing_vectors=embedded.vectors[len(chunks) :],
        phrasing_tokens=[search_tokens(one.text) for one in phrasings],
    )
    return contents, embedded


def _unique(documents: list[Document], owners: list[str]) -> tuple[list[Document], list[str]]:
    """Each id once; the later group wins, as it was read or named last."""
    last = {document.id: i for i, document in enumerate(documents)}
    keep = sorted(last.values())
    return [documents[i] for i in keep], [owners[i] for i in keep]


def chunk_tokens(chunk: Chunk, text: str) -> list[str]:
    """The words under which a unit is found: its heading and name, then its text."""
    return search_tokens(f"{chunk.heading} {chunk.name} {readable(text)}")


def document_tokens(document: Document) -> list[str]:
    """The words of a whole document; its name weighs most, then the summary, then the rest."""
    names = [document.title, *(a.partition(":")[2] for a in document.aliases)]
    last = document.title.rpartition(".")[2] if document.kind == "symbol" else ""
    head = document.text[:400]
    return [
        *(search_tokens(" ".join(names)) * 2),
        *(search_tokens(last) * 3),
        *search_tokens(head),
        *search_tokens(document.text),
    ]


def _kept_names(reads: Sequence[_Read], old: Index | None) -> list[str]:
    """Known names of packages that were not read again."""
    roots = {r.group.id.removeprefix("py:") for r in reads if r.documents is None}
    if old is None or not roots:
        return []
    return [name for name in old.all_names() if name.split(".")[0] in roots]
