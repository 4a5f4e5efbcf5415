"""Writes an index whole, and puts it in the place of the old one in one move."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.catalogue import write_catalogue
from rag.contents import IndexContents, check_contents, counted_groups
from rag.dense import DenseIndex
from rag.indexmanifest import (
    ARRAYS,
    FILES,
    FORMAT,
    LANGUAGES,
    PHRASINGS,
    ROLES,
    TEXTS,
    VECTORS,
    Manifest,
)
from rag.sparse import SparseIndex
from rag.storage import (
    Step,
    WriterLock,
    discard,
    new_generation,
    output_errors,
    publish,
    retire,
    seal,
    writer_lock,
)


@dataclass(frozen=True, slots=True)
class Bm25:
    """The two numbers of BM25: k1 is how soon repetition stops counting, b how length does."""

    k1: float = 1.2
    b: float = 0.75


def write_index(
    path: Path,
    contents: IndexContents,
    *,
    encoder_name: str,
    encoder_fingerprint: str,
    chunking_version: str,
    chunk_bm25: Bm25 = Bm25(),
    document_bm25: Bm25 = Bm25(),
    created: datetime | None = None,
    lock: WriterLock | None = None,
    step: Step = lambda name: None,
) -> Manifest:
    """Write an index beside the one at `path` and put it in its place in one move.

    Pass `lock` if the caller holds `writer_lock(path)` already. `step` is called with the name of
    each step when it is done: for progress, and for tests to fail there.
    Raises ValueError where the contents do not fit together, IndexLocked, OutputError; the index
    that was there stays until the new one is complete.
    """
    check_contents(contents)
    manifest = Manifest(
        format=FORMAT,
        package_version=_package_version(),
        created=f"{created or datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        encoder=encoder_name,
        encoder_fingerprint=encoder_fingerprint,
        dimension=contents.vectors.shape[1],
        chunking=chunking_version,
        n_documents=len(contents.documents),
        n_chunks=len(contents.chunks),
        n_names=len(contents.names),
        n_phrasings=len(contents.phrasing_chunks),
        groups=counted_groups(contents),
    )
    with ExitStack() as stack:
        if lock is None:
            stack.enter_context(writer_lock(path))
        elif lock.path != path:
            raise ValueError(f"the lock is for {lock.path}, not for {path}")
        stack.enter_context(output_errors(path))
        folder = new_generation(path)
        try:
            _write_files(folder, contents, chunk_bm25, document_bm25, step)
            manifest = replace(manifest, files=seal(folder, FILES))
            step("sync")
            publish(path, folder, manifest.to_json(), step)
        except BaseException:
            discard(path, folder)
            raise
        step("swap")
        retire(path, folder)
        step("clean")
    return manifest


def _write_files(
    folder: Path, contents: IndexContents, chunk_bm25: Bm25, document_bm25: Bm25, step: Step
) -> None:
    rows = {document.id: row for row, document in enumerate(contents.documents)}
    owners = [rows[chunk.source] for chunk in contents.chunks]
    groups = contents.document_groups or [""] * len(contents.documents)
    write_catalogue(
        folder / TEXTS,
        list(zip(contents.documents, groups, strict=True)),
        list(zip(contents.chunks, owners, strict=True)),
        contents.names,
    )
    step("texts")
    DenseIndex.build(contents.vectors).save(folder / VECTORS)
    step("vectors")
    chunk_words = SparseIndex.build(contents.chunk_tokens, chunk_bm25.k1, chunk_bm25.b)
    chunk_words.save(folder, "chunks")
    step("chunk words")
    words = SparseIndex.build(contents.document_tokens, document_bm25.k1, document_bm25.b)
    words.save(folder, "documents")
    step("document words")
    nothing = np.empty((0, contents.vectors.shape[1]), np.float32)
    asked = nothing if contents.phrasing_vectors is None else contents.phrasing_vectors
    DenseIndex.build(asked).save(folder / PHRASINGS)
    SparseIndex.build(contents.phrasing_tokens).save(folder, "phrasings")
    step("phrasings")
    values: tuple[NDArray[Any], ...] = (
        np.array(owners, np.int32),
        np.array([ROLES.index(chunk.role) for chunk in contents.chunks], np.uint8),
        np.array([LANGUAGES.index(chunk.language) for chunk in contents.chunks], np.uint8),
        contents.priors,
        contents.phrasing_chunks,
    )
    for name, value in zip(ARRAYS, values, strict=True):
        with (folder / name).open("wb") as file:
            np.save(file, value, allow_pickle=False)
    step("arrays")


def _package_version() -> str:
    from importlib.metadata import PackageNotFoundError, version  # 30 ms that a reader can save

    try:
        return version("ask-docs")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"
