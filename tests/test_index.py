"""The index as a whole: round trips, damage, crashes, locks, and readers beside writers.

Run as a program, this file is the writer that the crash tests kill; see `writer_program`.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rag.catalogue import FoundName, PublicName
from rag.contents import Group, IndexContents
from rag.errors import (
    IndexCorrupt,
    IndexError_,
    IndexIncompatible,
    IndexLocked,
    IndexMissing,
    OutputError,
    RagError,
)
from rag.index import Index, read_index
from rag.indexmanifest import FILES, FORMAT, LANGUAGES, ROLES, Manifest
from rag.indexwriter import Bm25, write_index
from rag.storage import writer_lock
from rag.types import Chunk, Document
from rag.vectorcache import VectorCache, text_hash

ROOT = Path(__file__).parents[1]
DIM = 16
STEPS = (
    "texts", "vectors", "chunk words", "document words", "arrays",
    "sync", "manifest", "pointer", "swap", "clean",
)  # fmt: skip


def sample(version: int = 1, n: int = 12) -> IndexContents:
    """Small contents in two languages; another `version` differs in every text and number."""
    documents, chunks, tokens, document_tokens = [], [], [], []
    for i in range(n):
        korean = i % 3 == 0
        text = f"{'손실 함수는' if korean else 'The loss'} v{version} n{i}. " + f"낱말{i} " * i
        documents.append(
            Document(
                id=f"post:글-{i}" if korean else f"py:torch.nn.Thing{i}",
                title=f"제목 {i}" if korean else f"Thing{i}",
                text=text,
                kind="post" if korean else "symbol",
                format="markdown" if korean else "docstring",
                language="ko" if korean else "en",
                url=None if korean else f"https://example.org/{i}?a=b#c",
                version=f"torch {version}.0",
                date="2026-01-02" if i % 2 else None,
                licence="BSD-3-Clause",
                aliases=() if korean else (f"py:torch.Thing{i}", "py:torch.shared"),
            )
        )
        for j in range(i % 4):
            chunks.append(
                Chunk(
                    source=documents[i].id,
                    role="summary" if j else "parameter",
                    language="ko" if korean else "en",
                    heading=f"torch > Thing{i}",
                    name=f"이름{j}",
                    start=j,
                    end=j + 3,
                    section_start=0,
                    section_end=len(text),
                    record=f"Thing{i} {text[j : j + 3]}",
                )
            )
            tokens.append([f"thing{i}", "손실", f"v{version}"])
        document_tokens.append([f"thing{i}", "손실" if korean else "loss", f"v{version}"])
    rng = np.random.default_rng(version)
    vectors = rng.standard_normal((len(chunks), DIM))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    names = [PublicName(d.id[3:], d.id, float(i)) for i, d in enumerate(documents) if i % 3]
    return IndexContents(
        documents=documents,
        chunks=chunks,
        vectors=vectors.astype(np.float32),
        chunk_tokens=tokens,
        document_tokens=document_tokens,
        priors=np.linspace(0, 1, n, dtype=np.float32),
        names=[*names, PublicName("torch.nn.Undocumented", None, 2.5)],
        groups=[
            Group("torch", f"hash{version}", "package", version="2.13.0"),
            Group("글", "h", "post"),
        ],
        document_groups=["글" if i % 3 == 0 else "torch" for i in range(n)],
    )


def write(path: Path, contents: IndexContents | None = None, **options: Any) -> Manifest:
    given = {"encoder_name": "tiny", "encoder_fingerprint": "abc", "chunking_version": "1"}
    return write_index(path, contents or sample(), **(given | options))


def everything(path: Path, fingerprint: str | None = "abc") -> str:
    """Say in one line all that an index answers."""
    with read_index(path, fingerprint) as index:
        return answers(index)


def answers(index: Index) -> str:
    parts = [
        replace(index.manifest, created="", files={}),
        [index.document(row) for row in range(index.n_documents)],
        index.document_heads(range(index.n_documents)),
        index.chunks(range(index.n_chunks)),
        [index.chunk_rows_of(row) for row in range(index.n_documents)],
        [index.names_ending(name.rpartition(".")[2]) for name in index.all_names()],
        index.find_document("py:torch.shared"),
        [array.tolist() for array in (index.chunk_documents, index.chunk_roles)],
        [array.tolist() for array in (index.chunk_languages, index.priors)],
        index.dense.vectors(range(index.n_chunks)).tolist(),
        index.chunk_sparse.scores({"손실": 1.0, "thing7": 0.5}).tolist(),
        index.document_sparse.scores({"loss": 1.0, "v1": 0.5, "v2": 0.25}).tolist(),
    ]
    return sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index that no test changes."""
    path = tmp_path_factory.mktemp("index") / "색인 (1)?#%"
    write(path)
    return path


@pytest.fixture
def path(written: Path, tmp_path: Path) -> Path:
    """A copy of that index for one test to change."""
    return Path(shutil.copytree(written, tmp_path / "index"))


def generation(path: Path) -> Path:
    return path / "generations" / (path / "current").read_text().split()[0]


def reseal(path: Path, change: Callable[[dict[str, Any]], None] = lambda raw: None) -> None:
    """Make the checksums fit again, as somebody who changes an index on purpose would."""
    folder = generation(path)
    raw = json.loads((folder / "manifest.json").read_bytes())
    for name in raw["files"]:
        data = (folder / name).read_bytes()
        raw["files"][name] = {"size": len(data), "sha256": sha256(data).hexdigest()}
    change(raw)
    data = json.dumps(raw).encode()
    (folder / "manifest.json").write_bytes(data)
    (path / "current").write_text(f"{folder.name} {sha256(data).hexdigest()}\n")


# --- round trips --------------------------------------------------------------------------------


def test_what_is_read_equals_what_was_written(written: Path) -> None:
    contents = sample()
    with read_index(written, "abc") as index:
        assert (index.n_documents, index.n_chunks) == (12, len(contents.chunks))
        assert [index.document(row) for row in range(12)] == list(contents.documents)
        assert index.chunks(range(index.n_chunks)) == list(contents.chunks)
        assert index.chunks([5, 0, 5]) == [contents.chunks[row] for row in (5, 0, 5)]
        assert index.chunks(np.array([2])) == [contents.chunks[2]]
        np.testing.assert_array_equal(index.priors, contents.priors)
        rows = range(index.n_chunks)
        np.testing.assert_allclose(index.dense.vectors(rows), contents.vectors, atol=1e-3)
        for row in rows:
            chunk = contents.chunks[row]
            assert contents.documents[index.chunk_documents[row]].id == chunk.source
            assert ROLES[index.chunk_roles[row]] == chunk.role
            assert LANGUAGES[index.chunk_languages[row]] == chunk.language


def test_the_chunks_of_a_document_are_its_range(written: Path) -> None:
    with read_index(written, "abc") as index:
        for row in range(index.n_documents):
            found = index.chunks(index.chunk_rows_of(row))
            assert len(found) == row % 4  # some documents have none
            assert all(chunk.source == index.document(row).id for chunk in found)


def test_heads_are_documents_without_text(written: Path) -> None:
    with read_index(written, "abc") as index:
        head, other = index.document_heads([4, 3])
        document = index.document(4)
        assert (head.row, head.length) == (4, len(document.text))
        for name in ("id", "title", "kind", "format", "url", "version", "date", "aliases"):
            assert getattr(head, name) == getattr(document, name)
        assert other.id == "post:글-3"


def test_search_leads_to_the_right_rows(written: Path) -> None:
    contents = sample()
    with read_index(written, "abc") as index:
        _, rows = index.dense.search(contents.vectors[5:6], 3)
        assert rows[0, 0] == 5
        _, rows = index.chunk_sparse.search({"thing7": 1.0}, 5)
        assert {contents.chunks[row].source for row in rows} == {"py:torch.nn.Thing7"}
        _, rows = index.document_sparse.search({"thing9": 1.0}, 5)
        assert rows.tolist() == [9]


def test_documents_are_found_by_id_and_alias(written: Path) -> None:
    with read_index(written, "abc") as index:
        assert index.find_document("py:torch.nn.Thing4") == (4, index.document(4))
        assert index.find_document("py:torch.Thing5") == (5, index.document(5))
        assert index.find_document("py:torch.shared") == (1, index.document(1))  # the first has it
        assert index.find_document("post:글-3") == (3, index.document(3))
        decomposed = "post:\u1100\u1173\u11af-3"
        assert index.find_document(decomposed) == (3, index.document(3))
        assert index.find_document("py:nothing") is None


def test_names_are_found_exactly_and_by_their_end(written: Path) -> None:
    with read_index(written, "abc") as index:
        thing = FoundName("torch.nn.Thing4", 4, 4.0)
        assert index.lookup_name("torch.nn.Thing4") == [thing]
        assert index.lookup_name("torch.nn.thing4") == []
        assert index.names_ending("Thing4") == [thing]
        assert index.names_ending("nn.Thing4") == [thing]
        assert index.names_ending("hing4") == []
        assert index.names_ending("thing4") == []
        assert index.names_ending("NN.thing4", ignore_case=True) == [thing]
        missing = FoundName("torch.nn.Undocumented", None, 2.5)
        assert index.lookup_name("torch.nn.Undocumented") == [missing]
        assert index.all_names() == tuple(sorted(name.name for name in sample().names))


def test_several_meanings_of_a_name_come_by_their_prior(tmp_path: Path) -> None:
    names = [PublicName("a.f", "post:글-0", 1.0), PublicName("b.f", None, 3.0)]
    write(tmp_path, replace(sample(), names=names))
    with read_index(tmp_path, "abc") as index:
        assert [name.name for name in index.names_ending("f")] == ["b.f", "a.f"]


def test_sources_are_listed_by_pattern(written: Path) -> None:
    with read_index(written, "abc") as index:
        assert len(index.sources()) == 12
        assert [head.row for head in index.sources("py:*Thing1?")] == [10, 11]
        assert [head.id for head in index.sources("글-9")] == ["post:글-9"]
        assert [head.row for head in index.sources("THING7")] == [7]
        assert index.sources("[a-z]*") == []


def test_groups_tell_what_a_later_run_need_not_read_again(written: Path) -> None:
    with read_index(written, "abc") as index:
        torch, posts = index.manifest.groups
        assert (torch.id, torch.hash, torch.version) == ("torch", "hash1", "2.13.0")
        assert (torch.documents, torch.aliases, posts.documents, posts.aliases) == (8, 16, 4, 0)
        contents = sample()
        assert list(index.documents_of("글")) == list(contents.documents[::3])
        assert list(index.documents_of("nothing")) == []


def test_the_manifest_says_what_the_index_is(written: Path, path: Path) -> None:
    with read_index(written, None) as index:
        manifest = index.manifest
    assert (manifest.encoder, manifest.encoder_fingerprint, manifest.dimension) == (
        "tiny",
        "abc",
        DIM,
    )
    assert (manifest.chunking, manifest.format) == ("1", FORMAT)
    assert (manifest.n_documents, manifest.n_names) == (12, 9)
    assert Manifest.from_json(manifest.to_json()) == manifest
    listed = {*manifest.files, "manifest.json"}
    assert {file.name for file in generation(written).iterdir()} == listed
    assert abs(datetime.fromisoformat(manifest.created) - datetime.now(UTC)).total_seconds() < 600


def test_the_two_bm25_indexes_take_their_own_numbers(tmp_path: Path) -> None:
    write(tmp_path, chunk_bm25=Bm25(0.5, 0.1), document_bm25=Bm25(2.0, 1.0))
    with read_index(tmp_path, "abc") as index:
        assert (index.chunk_sparse.k1, index.chunk_sparse.b) == (0.5, 0.1)
        assert (index.document_sparse.k1, index.document_sparse.b) == (2.0, 1.0)


def test_the_same_contents_give_the_same_files(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a"), write(tmp_path / "b")
    assert first.files == second.files


def test_an_index_of_nothing(tmp_path: Path) -> None:
    empty = np.empty(0, np.float32)
    write(tmp_path, IndexContents([], [], np.empty((0, DIM), np.float32), [], [], empty))
    with read_index(tmp_path, "abc") as index:
        assert (index.n_documents, index.n_chunks, index.all_names()) == (0, 0, ())
        assert index.dense.search(np.zeros((1, DIM), np.float32), 5)[1].shape == (1, 0)
        assert index.chunk_sparse.search({"손실": 1.0}, 5)[1].size == 0
        assert index.find_document("x") is None


def test_rows_that_are_not_there_are_an_index_error(written: Path) -> None:
    with read_index(written, "abc") as index:
        for ask in (
            lambda: index.document(12),
            lambda: index.chunks([0, 999]),
            lambda: index.document_heads([-1]),
            lambda: index.chunk_rows_of(12),
            lambda: index.chunk_rows_of(-1),
        ):
            with pytest.raises(IndexError):
                ask()


hard_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40).map(
    lambda text: normalize("NFC", text)
)


@given(texts=st.lists(hard_texts, min_size=1, max_size=5), token=hard_texts)
@settings(max_examples=25, deadline=None)
def test_any_text_comes_back(
    texts: list[str], token: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("index")
    documents = [
        Document(f"file:{i}/{text}", text, text, "file", "text", aliases=(text,))
        for i, text in enumerate(texts)
    ]
    chunks = [
        Chunk(d.id, "code", "ko", d.title, d.title, 0, len(d.text), 0, len(d.text), d.text)
        for d in documents
    ]
    vectors = np.eye(len(texts), DIM, dtype=np.float32)
    tokens = [[token, text] for text in texts]
    priors = np.zeros(len(texts), np.float32)
    write(path, IndexContents(documents, chunks, vectors, tokens, tokens, priors))
    with read_index(path, "abc") as index:
        assert [index.document(row) for row in range(len(texts))] == documents
        assert index.chunks(range(len(texts))) == chunks
        assert all(index.find_document(d.id) == (row, d) for row, d in enumerate(documents))
        assert (index.document_sparse.scores({token: 1.0}) > 0).all()


# --- contents that do not fit -------------------------------------------------------------------


def swapped(chunks: Any) -> list[Chunk]:
    return [chunks[-1], *chunks[1:-1], chunks[0]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: {"vectors": c.vectors[1:]}, "vectors for"),
        (lambda c: {"vectors": c.vectors * 2}, "length 2"),
        (lambda c: {"vectors": c.vectors.astype(np.float64)}, "float64"),
        (lambda c: {"priors": c.priors[1:]}, "11 priors for 12"),
        (lambda c: {"priors": c.priors * np.nan}, "finite"),
        (lambda c: {"chunk_tokens": []}, "0 chunk_tokens"),
        (lambda c: {"document_tokens": []}, "0 document_tokens"),
        (lambda c: {"documents": [c.documents[0]] * 12}, "two documents have the id post:글-0"),
        (lambda c: {"chunks": swapped(c.chunks)}, "documents' order"),
        (lambda c: {"chunks": [replace(x, source="py:x") for x in c.chunks]}, "no document: py:x"),
        (lambda c: {"chunks": [replace(x, section_end=9999) for x in c.chunks]}, "lies outside"),
        (lambda c: {"chunks": [replace(x, start=9) for x in c.chunks]}, "lies outside"),
        (lambda c: {"names": [PublicName("x", "py:x")]}, "leads to no document"),
        (lambda c: {"document_groups": ["torch"]}, "1 document_groups"),
        (lambda c: {"document_groups": ["what"] * 12}, "no group what"),
        (
            lambda c: {"documents": [replace(d, title="\u1100\u1161") for d in c.documents]},
            "not NFC",
        ),
        (
            lambda c: {"documents": [replace(d, text="\ud800" * 99) for d in c.documents]},
            "surrogate",
        ),
    ],
)
def test_contents_that_do_not_fit_change_nothing(
    change: Callable[[IndexContents], dict[str, Any]], message: str, path: Path
) -> None:
    before, contents = everything(path), sample(2)
    with pytest.raises(ValueError, match=message):
        write(path, replace(contents, **change(contents)))
    assert everything(path) == before
    assert len(list((path / "generations").iterdir())) == 1


# --- missing, foreign, damaged ------------------------------------------------------------------


def test_no_index_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path, tmp_path / "none", tmp_path / "file"):
        with pytest.raises(IndexMissing, match="ask ingest"):
            read_index(path, "abc")


def test_another_encoder_is_named(written: Path) -> None:
    with pytest.raises(IndexIncompatible, match=r"tiny \(abc\).*xyz.*ask ingest"):
        read_index(written, "xyz")
    read_index(written, None).close()


def test_another_format_is_named(path: Path) -> None:
    reseal(path, lambda raw: raw.update(format=FORMAT + 1, new_field="?"))
    with pytest.raises(IndexIncompatible, match=f"format {FORMAT + 1}.*reads {FORMAT}.*ask ingest"):
        read_index(path, "abc")


def test_codes_of_another_version_are_incompatible(path: Path) -> None:
    reseal(path, lambda raw: raw.update(roles=["other"]))
    with pytest.raises(IndexIncompatible, match=r"other.*signature.*ask ingest"):
        read_index(path, "abc")


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: raw.update(n_chunks=3),
        lambda raw: raw.update(n_chunks="3"),
        lambda raw: raw.update(n_documents=13),
        lambda raw: raw.update(dimension=DIM * 2),
        lambda raw: raw.update(extra=1),
        lambda raw: raw.pop("encoder"),
        lambda raw: raw["files"].pop("priors.npy"),
        lambda raw: raw["files"].update({"../../../x": {"size": 1, "sha256": "0"}}),
        lambda raw: raw["files"].update({"priors.npy": {"size": "1", "sha256": "0"}}),
        lambda raw: raw.update(groups=[1]),
        lambda raw: raw.update(files=[]),
    ],
)
def test_a_manifest_that_does_not_fit_is_corrupt(
    change: Callable[[dict[str, Any]], None], path: Path
) -> None:
    reseal(path, change)
    with pytest.raises(IndexCorrupt):
        read_index(path, "abc")


@pytest.mark.parametrize("text", [b"[]", b"{", b"\xff", b'"x"', b"[" * 100_000])
def test_a_manifest_that_is_none_is_corrupt(text: bytes, path: Path) -> None:
    folder = generation(path)
    (folder / "manifest.json").write_bytes(text)
    (path / "current").write_text(f"{folder.name} {sha256(text).hexdigest()}\n")
    with pytest.raises(IndexCorrupt):
        read_index(path, "abc")


@pytest.mark.parametrize(
    "text",
    ["", "\n", "x", "../../etc 0\n", "20260101T000000-00000000 " + "0" * 64 + "\n", "a" * 999],
)
def test_a_damaged_pointer_is_corrupt_and_can_be_written_over(text: str, path: Path) -> None:
    before = everything(path)
    (path / "current").write_text(text)
    with pytest.raises(IndexCorrupt, match="ask ingest"):
        read_index(path, "abc")
    write(path)
    assert everything(path) == before
    assert len(list((path / "generations").iterdir())) == 1


def all_files(path: Path) -> list[Path]:
    return [path / "current", *sorted(generation(path).iterdir())]


FILE_NAMES = ("current", "manifest.json", *FILES)


@pytest.mark.parametrize("name", FILE_NAMES)
@pytest.mark.parametrize(
    "damage", ["delete", "empty", "cut", "longer", "flip", "folder", "pipe", "swap"]
)
def test_each_file_damaged_is_corrupt(name: str, damage: str, path: Path) -> None:
    file = path / "current" if name == "current" else generation(path) / name
    data = file.read_bytes()
    other = generation(path) / ("priors.npy" if name != "priors.npy" else "dense.faiss")
    file.unlink()
    if damage == "folder":
        file.mkdir()
    elif damage == "pipe":
        os.mkfifo(file)
    elif damage != "delete":
        flipped = bytes([*data[:-9], data[-9] ^ 1, *data[-8:]])
        file.write_bytes(
            {
                "empty": b"",
                "cut": data[:-1],
                "longer": data + b"\n",
                "flip": flipped,
                "swap": other.read_bytes(),
            }[damage]
        )
    missing = name == "current" and damage == "delete"
    with pytest.raises(IndexMissing if missing else IndexCorrupt) as caught:
        read_index(path, "abc")
    message = str(caught.value)
    assert "ask ingest" in message
    assert "\n" not in message
    assert caught.value.exit_code == 4


def test_files_of_another_generation_do_not_fit(path: Path, tmp_path: Path) -> None:
    write(tmp_path / "other", sample(2))
    for file in generation(tmp_path / "other").iterdir():
        target = generation(path) / file.name
        before = target.read_bytes()
        if before == file.read_bytes():
            continue
        shutil.copy(file, target)
        with pytest.raises(IndexCorrupt, match=re.escape(file.name)):
            read_index(path, "abc")
        target.write_bytes(before)
    read_index(path, "abc").close()


@st.composite
def mutations(draw: st.DrawFn) -> tuple[str, str, float, int]:
    """Draw a file, a kind of damage, a place in it (0 to 1) and a number for the rest."""
    kinds = st.sampled_from(["cut", "flip", "word", "insert", "zeros", "other"])
    place = st.floats(0, 1, exclude_max=True)
    return draw(st.sampled_from(FILE_NAMES)), draw(kinds), draw(place), draw(st.integers(0, 2**32))


def damaged(data: bytes, kind: str, place: float, number: int, other: bytes) -> bytes:
    at = int(place * len(data))
    word = number.to_bytes(8, "little")
    return {
        "cut": data[:at],
        "flip": data[:at] + bytes([data[at] ^ 1 << number % 8]) + data[at + 1 :],
        "word": data[:at] + word + data[at + 8 :],
        "insert": data[:at] + word + data[at:],
        "zeros": data[:at] + bytes(min(100, len(data) - at)) + data[at + 100 :],
        "other": other,
    }[kind]


@given(mutation=mutations())
@settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_damage_gives_a_wrong_answer(
    mutation: tuple[str, str, float, int], shared_copy: tuple[Path, str]
) -> None:
    path, expected = shared_copy
    name, kind, place, number = mutation
    files = {file.name: file for file in all_files(path)}
    data, other = files[name].read_bytes(), files[FILE_NAMES[number % len(FILE_NAMES)]].read_bytes()
    changed = damaged(data, kind, place, number, other)
    files[name].write_bytes(changed)
    try:
        if changed == data:
            assert everything(path) == expected
        else:
            with pytest.raises(IndexError_):
                read_index(path, "abc")
    finally:
        files[name].write_bytes(data)


@pytest.fixture(scope="module")
def shared_copy(written: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    copy = Path(shutil.copytree(written, tmp_path_factory.mktemp("copy") / "index"))
    return copy, everything(copy)


@given(mutation=mutations())
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_damage_with_fitting_checksums_is_typed_too(
    mutation: tuple[str, str, float, int], shared_copy: tuple[Path, str]
) -> None:
    """Somebody who changes an index on purpose may make it answer wrongly, but break nothing."""
    path, _ = shared_copy
    name, kind, place, number = mutation
    if name in ("current", "manifest.json"):
        return
    file = generation(path) / name
    other = generation(path) / FILE_NAMES[2 + number % (len(FILE_NAMES) - 2)]
    changing = (file, generation(path) / "manifest.json", path / "current")
    keep = {changed: changed.read_bytes() for changed in changing}
    file.write_bytes(damaged(keep[file], kind, place, number, other.read_bytes()))
    try:
        reseal(path)
        everything(path)
    except (RagError, IndexError):  # IndexError: a row that the damaged texts no longer hold
        pass
    finally:
        for kept, data in keep.items():
            kept.write_bytes(data)


# --- no pickle ----------------------------------------------------------------------------------


def test_planted_files_are_never_opened(path: Path) -> None:
    folder, before = generation(path), everything(path)
    for name in ("index.pkl", "documents.sqlite-wal", "documents.sqlite-journal", "chunks.npz"):
        (folder / name).write_bytes(b"\x80\x04cos\nsystem\n(S'false'\ntR.")
    opened: list[str] = []
    hook_on = True

    def hook(event: str, values: tuple[object, ...]) -> None:
        if hook_on and event in ("open", "pickle.find_class", "marshal.loads"):
            opened.append(f"{event} {values[0]}")

    sys.addaudithook(hook)
    assert everything(path) == before
    hook_on = False
    assert any("manifest.json" in line for line in opened)
    assert not [line for line in opened if re.search("pkl|wal|journal|npz|pickle", line)]


def test_no_code_uses_pickle() -> None:
    forbidden = re.compile(
        r"\bimport (pickle|dill|joblib|shelve|marshal)\b|\bfrom (pickle|dill|joblib|shelve)\b"
        r"|pickle\.loads?|allow_pickle\s*=\s*True|allow_dangerous|\btorch\.load\((?![^)]*weights_only=True)"
    )
    files = [*(ROOT / "rag").rglob("*.py"), *(ROOT / "ui").rglob("*.py")]
    assert len(files) > 5
    found = [f"{f.name}: {m[0]}" for f in files if (m := forbidden.search(f.read_text("utf-8")))]
    assert found == []


# --- crashes ------------------------------------------------------------------------------------


def writer_program(folder: str, *steps: str) -> None:
    """For each step, write version 2 over the index `folder`/step in a child that dies there.

    A step that is a number is a time in milliseconds after which the child is killed.
    """
    contents = sample(2)
    import bm25s  # noqa: F401 - imported once here, not in every child

    for name in steps:

        def die(step: str, name: str = name) -> None:
            if step == name:
                os.kill(os.getpid(), signal.SIGKILL)

        child = os.fork()
        if child == 0:
            write(Path(folder, name), contents, step=die)
            os._exit(0)
        if name.isdigit():
            time.sleep(int(name) / 1000)
            os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def run_writer(folder: Path, steps: list[str]) -> None:
    command = [sys.executable, __file__, str(folder), *steps]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run(command, env=environment, check=True, timeout=120)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_writer_killed_at_any_step_leaves_the_old_index_or_the_new(
    fresh: bool, written: Path, tmp_path: Path
) -> None:
    write(tmp_path / "new", sample(2))
    old, new = everything(written), everything(tmp_path / "new")
    for step in STEPS:
        if not fresh:
            shutil.copytree(written, tmp_path / step)
    run_writer(tmp_path, list(STEPS))
    for step in STEPS:
        path = tmp_path / step
        if step in ("swap", "clean"):
            assert everything(path) == new
        elif fresh:
            with pytest.raises(IndexMissing):
                read_index(path, "abc")
        else:
            assert everything(path) == old
        # The next writer finds no lock, and leaves nothing of the dead one behind.
        write(path, sample(2))
        assert everything(path) == new
        assert len(list((path / "generations").iterdir())) == 1
        assert sorted(file.name for file in path.iterdir()) == ["current", "generations", "lock"]


def test_a_writer_killed_at_any_time_leaves_the_old_index_or_the_new(
    written: Path, tmp_path: Path
) -> None:
    write(tmp_path / "new", sample(2))
    both = {everything(written), everything(tmp_path / "new")}
    times = [str(milliseconds) for milliseconds in range(1, 70, 2)]
    for name in times:
        shutil.copytree(written, tmp_path / name)
    run_writer(tmp_path, times)
    assert {everything(tmp_path / name) for name in times} <= both


@pytest.mark.parametrize("step", STEPS)
def test_an_error_at_any_step_leaves_no_rest(step: str, path: Path) -> None:
    old = everything(path)

    def fail(name: str) -> None:
        if name == step:
            raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left on device") as caught:
        write(path, sample(2), step=fail)
    assert str(path) in str(caught.value)
    if step in ("swap", "clean"):
        write(tmp := path.parent / "new", sample(2))
        assert everything(path) == everything(tmp)
    else:
        assert everything(path) == old
        assert sorted(file.name for file in path.iterdir()) == ["current", "generations", "lock"]
        assert len(list((path / "generations").iterdir())) == 1


def test_what_a_crashed_writer_left_goes_and_what_is_foreign_stays(path: Path) -> None:
    left = path / "generations" / "20200101T000000-0123abcd"
    left.mkdir()
    (left / "dense.faiss").write_bytes(b"half")
    (path / "current.new").write_text("half")
    foreign = path / "generations" / "my photos"
    foreign.mkdir()
    (path / "notes.txt").write_text("mine")
    write(path)
    assert not left.exists()
    assert not (path / "current.new").exists()
    assert foreign.exists()
    assert (path / "notes.txt").read_text() == "mine"


# --- disk and permissions -----------------------------------------------------------------------


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond `size` bytes: a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("step", ["before", *STEPS[:7]])
@pytest.mark.parametrize("size", [0, 100, 2000])
def test_a_disk_that_fills_up_leaves_the_old_index(step: str, size: int, path: Path) -> None:
    old = everything(path)

    def fill(name: str) -> None:
        if name == step:
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    try:
        with largest_file(size if step == "before" else resource.RLIM_INFINITY):
            write(path, sample(2, n=60), step=fill)
    except OutputError as error:
        message = str(error)
        assert str(path) in message
        assert "\n" not in message
        assert "make room" in message
        assert everything(path) == old
    else:  # what was left to write was smaller than the room
        assert size > 0
        assert everything(path) != old
    assert len(list((path / "generations").iterdir())) == 1


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OutputError, match=r"cannot write the index at .*file.*another folder"):
            write(path)
    (tmp_path / "file").unlink()
    (tmp_path / "generations").write_text("in the way")
    with pytest.raises(OutputError, match="cannot write"):
        write(tmp_path)


# --- writers and readers together ---------------------------------------------------------------


def test_a_second_writer_is_told_who_writes(path: Path) -> None:
    old = everything(path)
    code = (
        "import sys, pathlib; from rag.storage import writer_lock\n"
        "with writer_lock(pathlib.Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    holder = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        start = time.monotonic()
        with pytest.raises(IndexLocked, match=f"process {holder.pid} .since 20"):
            write(path, sample(2))
        assert time.monotonic() - start < 1
        assert everything(path) == old  # readers do not mind
        holder.kill()
    write(path, sample(2))  # the dead writer's lock is no lock
    assert everything(path) != old


def test_a_lock_that_does_not_say_who_is_still_a_lock(path: Path) -> None:
    with (path / "lock").open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for text in ("", "not json", '{"pid": "x"}', "[]"):
            (path / "lock").write_text(text)
            with pytest.raises(IndexLocked, match="another process"):
                write(path)


def test_a_caller_may_hold_the_lock_for_longer(tmp_path: Path) -> None:
    with writer_lock(tmp_path / "new") as lock:
        assert str(os.getpid()) in (tmp_path / "new" / "lock").read_text()
        with pytest.raises(IndexLocked, match=f"process {os.getpid()}"):
            write(tmp_path / "new")
        write(tmp_path / "new", lock=lock)
        with pytest.raises(ValueError, match="the lock is for"):
            write(tmp_path / "other", lock=lock)
    assert (tmp_path / "new" / "lock").read_text() == ""
    read_index(tmp_path / "new", "abc").close()


def test_a_reader_of_the_old_index_is_not_disturbed(tmp_path: Path) -> None:
    # Enough text that SQLite has not read it all before the files are gone.
    write(tmp_path / "a", old := sample(1, n=400))
    write(tmp_path / "b", old)
    with read_index(tmp_path / "b", "abc") as index:
        expected = answers(index)
    with read_index(tmp_path / "a", "abc") as index:
        seen = []
        write(tmp_path / "a", sample(2), step=lambda _: seen.append(index.document(0).text))
        assert set(seen) == {old.documents[0].text}
        assert len(list((tmp_path / "a" / "generations").iterdir())) == 1
        assert answers(index) == expected
    assert everything(tmp_path / "a") != expected


def test_readers_beside_a_busy_writer_see_one_index_or_the_other(tmp_path: Path) -> None:
    path = tmp_path / "index"
    versions = set()
    for version in (1, 2):
        write(path, sample(version))
        versions.add(everything(path))
    done = threading.Event()
    seen: list[str] = []
    failures: list[BaseException] = []

    def read() -> None:
        while not done.is_set():
            try:
                seen.append(everything(path))
            except BaseException as error:
                failures.append(error)
                return

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for version in range(16):
        write(path, sample(1 + version % 2))
    done.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert set(seen) == versions


def test_an_open_index_answers_from_many_threads(written: Path) -> None:
    with read_index(written, "abc") as index:
        expected = answers(index)
        found: list[str] = []
        threads = [threading.Thread(target=lambda: found.append(answers(index))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [expected] * 8


def test_a_closed_index_says_so_in_our_words(written: Path) -> None:
    index = read_index(written, "abc")
    index.close()
    index.close()
    with pytest.raises(IndexCorrupt):
        index.document(0)


# --- the vector cache ---------------------------------------------------------------------------


def vectors_for(texts: list[str]) -> dict[bytes, np.ndarray[Any, np.dtype[np.float32]]]:
    return {text_hash(t): np.full(DIM, len(t) / 8, np.float32) for t in texts}


def test_vectors_come_back(tmp_path: Path) -> None:
    known = vectors_for(["a", "손실 함수", "\ud800"])
    with VectorCache(tmp_path / "new" / "v.sqlite", "abc", DIM) as cache:
        cache.put_many(known)
        assert not cache.discarded
    with VectorCache(tmp_path / "new" / "v.sqlite", "abc", DIM) as cache:
        found = cache.get_many([*known, text_hash("unknown"), *known])
        assert found.keys() == known.keys()
        for key, vector in known.items():
            np.testing.assert_array_equal(found[key], vector)
            assert found[key].dtype == np.float32
        assert cache.get_many([]) == {}


def test_many_vectors_in_batches(tmp_path: Path) -> None:
    known = {text_hash(str(i)): np.full(DIM, i / 2048, np.float32) for i in range(1300)}
    with VectorCache(tmp_path / "v", "abc", DIM) as cache:
        cache.put_many(known)
        found = cache.get_many(known)
    assert all(found[key][0] == pytest.approx(known[key][0], abs=1e-3) for key in known)


def test_vectors_of_another_encoder_or_size_are_not_taken(tmp_path: Path) -> None:
    known = vectors_for(["a"])
    with VectorCache(tmp_path / "v", "abc", DIM) as cache:
        cache.put_many(known)
        with pytest.raises(ValueError, match=r"\(3,\), not \(16,\)"):
            cache.put_many({b"x": np.zeros(3, np.float32)})
    with VectorCache(tmp_path / "v", "xyz", DIM) as cache:
        assert cache.get_many(known) == {}
    with VectorCache(tmp_path / "v", "abc", DIM * 2) as cache:
        assert cache.get_many(known) == {}


@pytest.mark.parametrize("data", [b"", b"garbage " * 100, b"SQLite format 3\0" + b"x" * 5000])
def test_a_damaged_cache_is_begun_anew(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(data)
    known = vectors_for(["a"])
    with VectorCache(tmp_path / "v", "abc", DIM) as cache:
        assert cache.discarded == bool(data)  # an empty file is a new one
        assert cache.get_many(known) == {}
        cache.put_many(known)
        assert cache.get_many(known).keys() == known.keys()
        if data:
            assert re.search("damaged and begun anew", cache.notice or "")


def test_a_cache_with_other_tables_is_begun_anew(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "v")
    base.execute("CREATE TABLE vectors (old)")
    base.close()
    with VectorCache(tmp_path / "v", "abc", DIM) as cache:
        assert cache.discarded
        cache.put_many(vectors_for(["a"]))
        assert len(cache.get_many(vectors_for(["a"]))) == 1


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
@example(place=0.248046875, bit=7, cut=False)  # no UTF-8 in what SQLite has to say about it
@settings(max_examples=40, deadline=None)
def test_a_damaged_cache_never_gives_a_wrong_vector(
    place: float, bit: int, cut: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("cache") / "v"
    known = {text_hash(str(i)): np.full(DIM, i / 64, np.float32) for i in range(64)}
    with VectorCache(path, "abc", DIM) as cache:
        cache.put_many(known)
    data = bytearray(path.read_bytes())
    at = int(place * len(data))
    if cut:
        del data[at:]
    else:
        data[at] ^= 1 << bit
    path.write_bytes(data)
    with VectorCache(path, "abc", DIM) as cache:
        for key, vector in cache.get_many(known).items():
            np.testing.assert_array_equal(vector, known[key])
        cache.put_many(known)


def test_a_place_for_no_cache_is_a_notice_not_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "file" / "v", tmp_path / "folder"):
        with VectorCache(path, "abc", DIM) as cache:
            assert "is not used" in (cache.notice or "")
            cache.put_many(vectors_for(["a"]))
            assert cache.get_many(vectors_for(["a"])) == {}


def test_a_full_disk_does_not_stop_the_cache(tmp_path: Path) -> None:
    with VectorCache(tmp_path / "v", "abc", DIM) as cache, largest_file(20_000):
        cache.put_many({text_hash(str(i)): np.ones(DIM, np.float32) for i in range(5000)})
        assert cache.discarded


def test_what_was_embedded_before_a_crash_is_kept(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib, numpy as np; from rag.vectorcache import VectorCache, text_hash\n"
        f"cache = VectorCache(pathlib.Path(sys.argv[1]), 'abc', {DIM})\n"
        "for i in range(10):\n"
        f"    cache.put_many({{text_hash(str(i)): np.ones({DIM}, np.float32)}})\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "v")], cwd=ROOT, check=False)
    with VectorCache(tmp_path / "v", "abc", DIM) as cache:
        assert len(cache.get_many(text_hash(str(i)) for i in range(10))) == 10
        assert not cache.discarded


if __name__ == "__main__":
    writer_program(*sys.argv[1:])
