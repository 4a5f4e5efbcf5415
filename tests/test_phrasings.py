"""Ways to ask: where they hang, that they lead to their document, and that none is from an evaluation."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import toolkit
from hypothesis import given
from hypothesis import strategies as st

from rag import phrasings
from rag.chunking import chunk_document
from rag.encoders import load_encoder
from rag.errors import RagError
from rag.index import Index
from rag.phrasings import PATH, Phrasing, attach, load_phrasings, unit_mark
from rag.question import read_question
from rag.reader import read
from rag.retrieve import retrieve
from rag.training.phrasings import Wish, as_line, read_questions, read_wishes

ROOT = Path(__file__).resolve().parents[1]
GLUE, FOLD = "py:toolkit.glue", "py:toolkit.fold"
# Words that no text of the toolkit holds.
LATIN, KOREAN = "marry brochures", "브로슈어 결혼시키기"
SHARPNESS = "how pointed shall the bend be"


def mark_of(index: Index, source: str, part: str) -> str:
    found = index.find_document(source)
    assert found is not None
    row, document = found
    units = index.chunks(index.chunk_rows_of(row))
    unit = next(unit for unit in units if unit.name == part)
    return unit_mark(document.text[unit.start : unit.end])


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return toolkit.build(tmp_path_factory.mktemp("plain"), load_encoder(), toolkit.documents())


@pytest.fixture(scope="module")
def asked(plain: Index, tmp_path_factory: pytest.TempPathFactory) -> Index:
    known = {
        GLUE: [Phrasing("", LATIN), Phrasing("", KOREAN)],
        FOLD: [Phrasing(mark_of(plain, FOLD, "crease"), SHARPNESS)],
        "py:elsewhere.thing": [Phrasing("", "nobody has this")],
    }
    folder = tmp_path_factory.mktemp("asked")
    return toolkit.build(folder, load_encoder(), toolkit.documents(), phrasings=known)


def first(index: Index, question: str) -> str:
    found = retrieve(read_question(question), index, load_encoder()).found
    return index.document_heads([found[0].row])[0].id


@pytest.mark.parametrize("question", ["marrying brochures?", "브로슈어들을 결혼시키려면?"])
def test_a_document_is_found_by_what_was_asked_of_it(
    plain: Index, asked: Index, question: str
) -> None:
    assert first(asked, question) == GLUE
    bare = retrieve(read_question(question), plain, load_encoder())
    assert bare.alike.max() == 0.0  # and an index without phrasings is searched as before


def test_a_phrasing_lifts_the_unit_that_it_hangs_at(asked: Index) -> None:
    retrieved = retrieve(read_question(f"{SHARPNESS}?"), asked, load_encoder())
    (at,) = np.flatnonzero(retrieved.alike > 0.9)
    (unit,) = asked.chunks([int(at)])
    assert (unit.source, unit.name) == (FOLD, "crease")
    readings = {u.row: u.features["like"] for u in read(retrieved, asked, None).units}
    assert readings[int(at)] == max(readings.values()) > 0.9


def test_nothing_hangs_at_sources_that_are_not_there(asked: Index) -> None:
    assert asked.manifest.n_phrasings == len(asked.phrasing_chunks) == 3
    sources = {unit.source for unit in asked.chunks(asked.phrasing_chunks.tolist())}
    assert sources == {GLUE, FOLD}


def test_without_its_unit_a_phrasing_hangs_at_the_summary() -> None:
    document = next(d for d in toolkit.documents() if d.id == FOLD)
    chunks = chunk_document(document)
    texts = {document.id: document.text}
    (one,) = attach(chunks, texts, {FOLD: [Phrasing("000000", "어떻게 접나요")]})
    assert chunks[one.row].role == "summary"


@given(st.lists(st.sampled_from(toolkit.documents()), unique_by=lambda d: d.id, max_size=4))
def test_every_phrasing_of_what_is_there_hangs_somewhere_in_it(found: list) -> None:
    chunks = [chunk for document in found for chunk in chunk_document(document)]
    texts = {document.id: document.text for document in found}
    known = {
        d.id: [Phrasing("", f"{d.id}?"), Phrasing("abcdef", "뭐예요?")] for d in toolkit.documents()
    }
    attached = attach(chunks, texts, known)
    assert len(attached) == 2 * len(found)
    for one in attached:
        assert chunks[one.row].source == one.text[:-1] or one.text == "뭐예요?"


def test_white_space_does_not_change_a_mark() -> None:
    assert unit_mark("a  b\n c") == unit_mark("a b c") != unit_mark("a b d")


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "phrasings.tsv"
    file.write_text("py:torch.stack\tno mark\n", encoding="utf-8")
    with pytest.raises(RagError, match=r"phrasings\.tsv"):
        phrasings._read(file)


# -- what ships ----------------------------------------------------------------------------------


def test_every_line_that_ships_is_well_formed() -> None:
    lines = PATH.read_text(encoding="utf-8").splitlines()
    assert lines == sorted(set(lines))
    for line in lines:
        source, mark, text = line.split("\t")
        assert source.startswith(("py:torch", "pkg:torch", "web:", "post:")), line
        assert mark == "" or (len(mark) == 6 and int(mark, 16) >= 0), line
        assert text == " ".join(text.split()) and unicodedata.is_normalized("NFC", text), line
    texts = [line.split("\t")[2] for line in lines]
    korean = sum(any("가" <= c <= "힣" for c in text) for text in texts)
    assert 0.4 < korean / len(texts) < 0.6


def test_no_question_of_an_evaluation_ships() -> None:
    shipped = {one.text.casefold() for some in load_phrasings().values() for one in some}
    for split in ("dev", "test"):
        lines = (ROOT / "corpus" / "golden" / f"{split}.jsonl").read_text(encoding="utf-8")
        questions = {json.loads(line)["question"].casefold() for line in lines.splitlines()}
        assert not questions & shipped


def test_what_ships_is_what_was_written_for_it() -> None:
    written = {" ".join(w.text.split()) for w in [*read_wishes(), *read_questions()]}
    shipped = {one.text for some in load_phrasings().values() for one in some}
    assert shipped <= {unicodedata.normalize("NFC", text) for text in written}
    assert len(shipped) > 0.95 * len(written)


def test_a_line_is_made_of_a_parameter_or_of_words(plain: Index) -> None:
    mark = mark_of(plain, FOLD, "crease")
    by_name = as_line(Wish(FOLD, "how  sharp?", parameter="crease"), plain)
    by_words = as_line(Wish(FOLD, "how  sharp?", words="how sharp\nthe edge is"), plain)
    assert by_name == by_words == f"{FOLD}\t{mark}\thow sharp?"
    assert as_line(Wish(FOLD, "접기"), plain) == f"{FOLD}\t\t접기"
    assert as_line(Wish("py:gone", "접기"), plain) is None
