"""From sources to an index: what is read and embedded again, what stays, and what an interrupt costs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import toolkit
from hypothesis import given
from hypothesis import strategies as st
from smallencoder import HashingEncoder

from rag.chunking import chunk_document
from rag.embedding import COMMONPLACE, SHARED, embedded_records
from rag.errors import IndexIncompatible, IndexLocked, IndexMissing, SourceError
from rag.index import Index, read_index
from rag.ingestion import (
    Ingested,
    Progress,
    chunk_tokens,
    default_sources,
    document_tokens,
    ingest,
)
from rag.prior import count_mentions, prior
from rag.sources.folder import read_folder
from rag.sources.manifest import read_manifest
from rag.sources.package import PackageDocs
from rag.storage import open_generation, writer_lock
from rag.types import Chunk, Document
from rag.vectorcache import VectorCache, text_hash

PACKAGE = "py:packaging"  # small, installed with us, and without anything to download


class House:
    """A folder with an index, a cache, an encoder that counts, and two folders of documents."""

    def __init__(self, root: Path) -> None:
        self.root, self.index, self.cache = root, root / "index", root / "cache.sqlite"
        self.encoder = HashingEncoder()
        self.manual = self.write("manual", guide=toolkit.GUIDE)
        self.heft = self.write("heft", 안내서=toolkit.GUIDE_KO)

    def write(self, folder: str, **texts: str) -> str:
        """Write Markdown files into a folder, and name it as a source."""
        (self.root / folder).mkdir(exist_ok=True)
        for name, text in texts.items():
            (self.root / folder / f"{name}.md").write_text(text, encoding="utf-8")
        return str(self.root / folder)

    def ingest(
        self,
        *sources: str,
        progress: Progress = lambda stage, done, total: None,
        rebuild: bool = False,
    ) -> tuple[Ingested, int]:
        """Run `ingest`; returns what it says, and how many passages the encoder really saw."""
        before = self.encoder.documents
        done = ingest(
            sources, self.index, self.encoder, cache=self.cache, progress=progress, rebuild=rebuild
        )
        return done, self.encoder.documents - before

    def open(self) -> Index:
        return read_index(self.index, self.encoder.fingerprint)

    def ids(self) -> list[str]:
        with self.open() as index:
            return [index.document(row).id for row in range(index.n_documents)]

    def state(self) -> tuple[str, bytes]:
        """Which generation is there; changes whenever an index is written."""
        folder, manifest = open_generation(self.index)
        return folder.name, manifest


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


# -- what is read and embedded again -------------------------------------------------------------


def test_a_folder_becomes_an_index(house: House) -> None:
    done, embedded = house.ingest(house.manual, house.heft)
    assert done.changed
    assert done.embedded == embedded > 0
    assert house.ids() == ["file:manual/guide.md", "file:heft/안내서.md"]
    assert [(g.id, g.kind, g.documents) for g in done.groups] == [
        (f"file:{house.manual}", "files", 1),
        (f"file:{house.heft}", "files", 1),
    ]
    with house.open() as index:
        assert (done.documents, done.chunks) == (index.n_documents, index.n_chunks)
        assert {chunk.language for chunk in index.chunks(range(index.n_chunks))} == {"en", "ko"}


def test_a_second_run_embeds_and_writes_nothing(house: House) -> None:
    first, _ = house.ingest(house.manual, house.heft, PACKAGE)
    before = house.state()
    for sources in ([house.manual, house.heft, PACKAGE], [PACKAGE, house.heft], []):
        done, embedded = house.ingest(*sources)
        assert (done.changed, done.embedded, embedded) == (False, 0, 0)
        assert (done.documents, done.chunks) == (first.documents, first.chunks)
        assert done.groups == first.groups
        assert house.state() == before


def test_another_folder_leaves_the_rest_as_it_is(house: House) -> None:
    house.ingest(house.manual, PACKAGE)
    with house.open() as index:
        before = {d.id: d for d in map(index.document, range(index.n_documents))}
        names = index.all_names()
    done, embedded = house.ingest(house.heft)
    assert [group.id for group in done.groups] == [
        f"file:{house.manual}", PACKAGE, f"file:{house.heft}"
    ]  # fmt: skip
    with house.open() as index:
        after = {d.id: d for d in map(index.document, range(index.n_documents))}
        assert index.all_names() == names  # undocumented names of the package included
        new = {index.chunks([row])[0].record for row in _rows(index, "file:heft/안내서.md")}
    assert after.keys() - before.keys() == {"file:heft/안내서.md"}
    assert before.items() <= after.items()
    assert done.embedded == embedded == len(new)


def _rows(index: Index, source: str) -> range:
    found = index.find_document(source)
    assert found is not None
    return index.chunk_rows_of(found[0])


def test_a_changed_file_costs_its_own_new_units_only(house: House) -> None:
    first, _ = house.ingest(house.manual, house.heft, PACKAGE)
    house.write("manual", guide=toolkit.GUIDE.replace("dry cotton", "dry woollen"))
    done, embedded = house.ingest()
    assert (done.changed, done.embedded, embedded) == (True, 1, 1)
    changed = [a.id for a, b in zip(done.groups, first.groups, strict=True) if a.hash != b.hash]
    assert changed == [f"file:{house.manual}"]
    with house.open() as index:
        found = index.find_document("file:manual/guide.md")
        assert found is not None
        assert "dry woollen" in found[1].text


def test_a_new_and_a_removed_file(house: House) -> None:
    house.ingest(house.manual)
    house.write("manual", almanac=toolkit.ALMANAC)
    done, _ = house.ingest()
    assert (done.changed, done.documents) == (True, 2)
    (house.root / "manual" / "guide.md").unlink()
    done, embedded = house.ingest()
    assert (done.changed, embedded) == (True, 0)
    assert house.ids() == ["file:manual/almanac.md"]


def test_a_folder_that_is_gone_is_kept_and_said(house: House) -> None:
    house.ingest(house.manual, house.heft)
    before = house.state()
    (house.root / "manual" / "guide.md").unlink()
    (house.root / "manual").rmdir()
    done, _ = house.ingest()
    assert not done.changed
    assert [(s.path, s.reason) for s in done.skipped] == [(house.manual, "no longer there; kept")]
    assert house.state() == before
    assert "file:manual/guide.md" in house.ids()


def test_a_file_that_cannot_be_read_is_said_each_time(house: House) -> None:
    (house.root / "manual" / "broken.md").write_bytes(b"\xff\xfe\x00\xd8")
    (house.root / "manual" / "empty.md").write_text("", encoding="utf-8")
    for changed in (True, False):
        done, _ = house.ingest(house.manual)
        assert done.changed is changed
        assert "manual/empty.md" in {s.path for s in done.skipped}
        assert all(s.reason for s in done.skipped)


def test_rebuilding_reads_again_what_is_given_and_embeds_nothing_new(house: House) -> None:
    first, _ = house.ingest(house.manual, house.heft)
    done, embedded = house.ingest(house.manual, house.heft, rebuild=True)
    assert (done.changed, embedded) == (True, 0)
    assert (done.documents, done.chunks) == (first.documents, first.chunks)


def test_without_a_cache_everything_is_embedded(house: House) -> None:
    done, embedded = house.ingest(house.manual)
    again = ingest([house.heft], house.index, house.encoder)
    assert again.embedded > done.embedded == embedded


def test_vectors_in_the_index_are_those_of_the_encoder(house: House) -> None:
    house.ingest(house.manual, house.heft)
    with house.open() as index:
        prose = [i for i, c in enumerate(index.chunks(range(index.n_chunks))) if c.role == "text"]
        records = [chunk.record for chunk in index.chunks(prose)]
        wanted = house.encoder.encode_queries(records)
        found = (index.dense.vectors(prose) * wanted).sum(axis=1)
    assert found == pytest.approx(1, abs=1e-3)  # kept in half precision


def test_another_encoder_replaces_the_index(house: House) -> None:
    house.ingest(house.manual)
    house.encoder = HashingEncoder(seed=1)
    done, embedded = house.ingest(house.manual)
    assert done.changed
    assert done.embedded == embedded > 0
    assert house.ids() == ["file:manual/guide.md"]


def test_another_encoder_reads_again_everything_that_was_named(house: House) -> None:
    house.ingest(house.manual, house.heft)
    house.encoder = HashingEncoder(seed=1)
    house.ingest(house.manual)
    assert house.ids() == ["file:manual/guide.md", "file:heft/안내서.md"]


def test_an_index_of_another_format_is_read_again_with_everything_that_it_named(
    house: House,
) -> None:
    house.ingest(house.manual, house.heft)
    folder, raw = open_generation(house.index)
    old = json.dumps(json.loads(raw) | {"format": 1}).encode()
    (folder / "manifest.json").write_bytes(old)
    pointer = f"{folder.name} {hashlib.sha256(old).hexdigest()}\n"
    (house.index / "current").write_text(pointer, encoding="ascii")
    with pytest.raises(IndexIncompatible, match="ask ingest"):
        house.open()
    done, _ = house.ingest()
    assert done.changed
    assert house.ids() == ["file:manual/guide.md", "file:heft/안내서.md"]


def test_a_damaged_index_is_replaced(house: House) -> None:
    house.ingest(house.manual)
    folder, _ = open_generation(house.index)
    (folder / "dense.faiss").write_bytes(b"nothing of the kind")
    done, embedded = house.ingest(house.manual)
    assert (done.changed, embedded) == (True, 0)
    assert house.ids() == ["file:manual/guide.md"]


@pytest.mark.parametrize("source", ["web:nowhere.example", "no/such/folder", "py:no_such_package"])
def test_a_source_that_is_not_there_changes_nothing(house: House, source: str) -> None:
    house.ingest(house.manual)
    before = house.state()
    with pytest.raises(SourceError):
        house.ingest(house.heft, source)
    assert house.state() == before


# -- one writer, and interrupts ------------------------------------------------------------------


def test_a_second_writer_is_told(house: House) -> None:
    with writer_lock(house.index), pytest.raises(IndexLocked):
        house.ingest(house.manual)
    assert house.ingest(house.manual)[0].changed  # the lock is let go


def test_a_writer_in_the_middle_of_embedding_holds_the_lock(house: House) -> None:
    seen: list[type[BaseException]] = []

    def during(texts: Sequence[str]) -> None:
        try:
            ingest([house.heft], house.index, HashingEncoder(), cache=house.cache)
        except IndexLocked as error:
            seen.append(type(error))

    house.encoder = HashingEncoder(during=during)
    done, _ = house.ingest(house.manual)
    assert done.changed
    assert seen == [IndexLocked]
    assert house.ids() == ["file:manual/guide.md"]


def many(count: int) -> str:
    """A page of that many units with words of their own."""
    lines = [f"- Lever number {i} of Korvia moves wheel number {i * 7 + 1}." for i in range(count)]
    return "# Levers\n\n" + "\n".join(lines) + "\n"


def interrupted_at(stage: str, after: int) -> Progress:
    """A listener that presses Ctrl-C when `stage` has got further than `after`."""

    def listen(name: str, done: int, total: int) -> None:
        if name == stage and done > after:
            raise KeyboardInterrupt

    return listen


def test_an_interrupted_run_goes_on_where_it_stopped(house: House) -> None:
    house.ingest(house.manual)
    before = house.state()
    house.encoder.documents = 0
    levers = house.write("levers", many=many(1_500))
    with pytest.raises(KeyboardInterrupt):
        house.ingest(levers, progress=interrupted_at("embedding", 0))
    kept = house.encoder.documents
    assert 0 < kept < 1_500
    # The old index is there as it was, and answers; the lock is free.
    assert house.state() == before
    assert house.ids() == ["file:manual/guide.md"]
    done, embedded = house.ingest(levers)
    assert embedded == done.embedded == 1_500 - kept
    assert house.ids() == ["file:manual/guide.md", "file:levers/many.md"]
    assert not house.ingest(levers)[0].changed


@pytest.mark.parametrize("stage", ["reading", "splitting", "embedding", "writing the index"])
def test_an_interrupt_leaves_the_old_index(house: House, stage: str) -> None:
    house.ingest(house.manual)
    before = house.state()

    def listen(name: str, done: int, total: int) -> None:
        if name.startswith(stage):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        house.ingest(house.heft, progress=listen)
    assert house.state() == before
    assert house.ids() == ["file:manual/guide.md"]


def test_an_interrupted_first_run_leaves_no_index(house: House) -> None:
    with pytest.raises(KeyboardInterrupt):
        house.ingest(house.manual, progress=interrupted_at("embedding", -1))
    with pytest.raises(IndexMissing):
        house.open()


def test_an_encoder_that_stops_keeps_what_it_made(house: House) -> None:
    """Ctrl-C inside of the encoder: the batches before it are in the cache."""
    calls: list[int] = []

    def during(texts: Sequence[str]) -> None:
        calls.append(len(texts))
        if len(calls) == 2:
            raise KeyboardInterrupt

    house.encoder = HashingEncoder(during=during)
    levers = house.write("levers", many=many(1_500))
    with pytest.raises(KeyboardInterrupt):
        house.ingest(levers)
    (document,), _ = read_folder(levers)
    keys = [text_hash(chunk.record) for chunk in chunk_document(document)]
    with VectorCache(house.cache, house.encoder.fingerprint, house.encoder.dim) as cache:
        assert len(cache.get_many(keys)) == calls[0] > 0
    assert house.ingest(levers)[0].embedded == 1_500 - calls[0]


def test_progress_counts_up_to_the_total(house: House) -> None:
    heard: dict[str, list[tuple[int, int]]] = {}

    def listen(stage: str, done: int, total: int) -> None:
        heard.setdefault(stage, []).append((done, total))

    levers = house.write("levers", many=many(1_100))
    house.ingest(levers, progress=listen)
    assert list(heard) == [f"reading file:{levers}", "splitting", "embedding", "writing the index"]
    for counts in heard.values():
        assert counts == sorted(counts)
        assert counts[-1][0] == counts[-1][1]
        assert len({total for _, total in counts}) == 1


# -- documents and names -------------------------------------------------------------------------


def test_one_id_is_one_document(house: House) -> None:
    """Two folders of the same name: the one that is named later wins."""
    (house.root / "other").mkdir()
    second = house.write("other/manual", guide="# Another guide\n\nPull the blue handle first.\n")
    done, _ = house.ingest(house.manual, second)
    assert house.ids() == ["file:manual/guide.md"]
    assert [group.documents for group in done.groups] == [0, 1]
    with house.open() as index:
        assert index.document(0).title == "Another guide"


def test_a_package_brings_its_names(house: House) -> None:
    done, _ = house.ingest(PACKAGE)
    (group,) = done.groups
    assert (group.kind, group.title) == ("package", f"packaging {group.version}")
    with house.open() as index:
        (found, *_) = index.names_ending("Version")
        assert found.document is not None
        assert index.document(found.document).kind == "symbol"


def test_a_note_is_a_group_with_its_dates(house: House) -> None:
    done, _ = house.ingest("post:pytorch-basics-1")
    (group,) = done.groups
    entry = next(e for e in read_manifest() if e.id == "post:pytorch-basics-1")
    assert (group.kind, group.title, group.date, group.url) == (
        "post", entry.title, entry.date, entry.url,
    )  # fmt: skip
    with house.open() as index:
        assert {c.language for c in index.chunks(range(index.n_chunks))} == {"en", "ko"}


def test_the_default_sources_are_those_of_the_manifest() -> None:
    assert "py:torch" in default_sources()
    assert "post:pytorch-basics-1" in default_sources()
    assert len(set(default_sources())) == len(default_sources())


def symbols(**texts: str) -> list[Document]:
    """Documented objects of packages a and b; __ stands for a dot."""
    made = []
    for key, text in texts.items():
        name = key.replace("__", ".")
        made.append(Document(f"py:{name}", name, text, "symbol", "docstring"))
    return made


def test_a_document_is_mentioned_by_others_in_full_or_without_the_package() -> None:
    found = symbols(
        a__nn__Line="See a.nn.Line, that is me.",
        a__one="Uses :class:`a.nn.Line` and a.nn.Line again.",
        a__two="Like nn.Line.",
        a__three="A Line is drawn. b.nn.Line is none of ours.",
    )
    assert count_mentions(found) == {"py:a.nn.Line": 2}


def test_an_alias_is_a_mention_too() -> None:
    line = Document(
        "py:a.nn.Line", "a.nn.Line", "", "symbol", "docstring", aliases=("py:a.draw.Line",)
    )
    assert count_mentions([line, *symbols(a__one="See a.draw.Line.")]) == {"py:a.nn.Line": 1}


def test_the_well_known_beats_the_obscure() -> None:
    shallow, deep = symbols(torch__gather="", torch__distributed__inner__gather="")
    assert prior(shallow, {}) > prior(deep, {})
    assert prior(shallow, {"py:torch.gather": 9}) > prior(shallow, {"py:torch.gather": 1})
    # Being spoken of can make up for depth, but not for much of it.
    assert prior(deep, {deep.id: 50}) > prior(shallow, {})


@given(st.integers(0, 9), st.integers(0, 10_000), st.integers(0, 10_000))
def test_priors_lie_between_0_and_1_and_grow_with_mentions(depth: int, a: int, b: int) -> None:
    (document,) = symbols(**{"t" + "__x" * depth: ""})
    less, more = (prior(document, {document.id: count}) for count in sorted((a, b)))
    assert 0 <= less <= more <= 1


def test_priors_of_torch_put_the_known_first(torch_docs: PackageDocs) -> None:
    documents = torch_docs.documents
    mentions = count_mentions(documents)
    by_id = {document.id: document for document in documents}
    for known, obscure in [
        ("torch.gather", "torch.distributed.gather"),
        ("torch.nn.Linear", "torch.nn.quantized.Linear"),
        ("torch.stack", "torch.Tensor.hsplit"),
        ("torch.softmax", "torch.sparse.softmax"),
    ]:
        assert prior(by_id[f"py:{known}"], mentions) > prior(by_id[f"py:{obscure}"], mentions)


# -- words ---------------------------------------------------------------------------------------


def test_the_name_of_a_symbol_weighs_most() -> None:
    words = document_tokens(toolkit.symbol("toolkit.press.Press", toolkit.PRESS))
    assert words.count("press") > words.count("plate") > words.count("kilonewton") > 0


def test_a_unit_is_found_by_its_heading_and_name() -> None:
    chunk = Chunk("py:a", "parameter", "en", "a.fold", "crease", 0, 5, 0, 5, "ignored")
    assert {"fold", "creas", "sharp"} <= set(chunk_tokens(chunk, "how :attr:`sharp`"))
    assert "ignor" not in chunk_tokens(chunk, "how sharp")


@pytest.mark.parametrize("often", ["Runs the forward pass as usual.", "순전파를 여느 때처럼 한다."])
def test_what_stands_everywhere_shares_the_vector_of_the_summary(often: str) -> None:
    def embedded(count: int) -> list[str]:
        chunks = [
            chunk
            for number in range(count)
            for chunk in chunk_document(
                Document(
                    f"py:pkg.f{number}", f"pkg.f{number}",
                    f"pkg.f{number}(a)\n\nAdds {number} to what is given.\n\n{often}\n",
                    "symbol", "docstring",
                )
            )
        ]  # fmt: skip
        return embedded_records(chunks)

    few, many = embedded(COMMONPLACE - 1), embedded(COMMONPLACE)
    assert any(often in record for record in few)
    assert not any(often in record for record in many)
    assert len(set(many)) == COMMONPLACE  # each its own summary


def test_a_long_listing_does_not_crowd_others_out() -> None:
    """Of units that would share a vector the first SHARED do, and the others find nothing."""
    unit = Chunk("py:a.ops", "summary", "en", "a.ops", "", 0, 1, 0, 1, "a.ops ops: All calls.")
    calls = [replace(unit, role="code", record=f"a.접기{i}()") for i in range(SHARED + 5)]
    records = embedded_records([unit, *calls])
    assert records == [unit.record] * (1 + SHARED) + [""] * 5
