"""Which unit of the found documents answers, in both languages."""

from __future__ import annotations

from itertools import pairwise

import pytest

from rag.concepts import query_concepts
from rag.crossencoder import bundled_cross_encoder
from rag.encoders import load_encoder
from rag.index import Index
from rag.question import read_question
from rag.reader import Read, read, weights
from rag.retrieve import retrieve
from rag.types import Chunk, Role
from rag.units import asks_for, tells_nothing


def reading(index: Index, text: str, documents: int = 5) -> Read:
    retrieved = retrieve(read_question(text), index, load_encoder(None))
    return read(retrieved, index, bundled_cross_encoder(), documents=documents)


def best(index: Index, text: str) -> str:
    """The text of the best unit."""
    found = reading(index, text)
    unit = found.units[0]
    return found.documents[unit.place].text[unit.chunk.start : unit.chunk.end]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("When was Korvia first sold?", "1987"),
        ("코르비아는 언제 처음 팔렸나요?", "1987년"),
        ("How do I clean the drum of Korvia?", "dry cotton cloth"),
        ("코르비아의 드럼은 어떻게 닦나요?", "마른 면 수건"),
        ("How long does the first start take?", "about 40 seconds"),
        ("처음 켤 때 왜 40초가 걸리나요?", "65도"),
        ("Which way do I turn the green handle?", "to the left"),
        ("초록 손잡이를 어느 쪽으로 돌리나요?", "왼쪽"),
    ],
)
def test_the_sentence_that_answers_is_read_first(small_index: Index, text: str, holds: str) -> None:
    assert holds in best(small_index, text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("What does crease do in toolkit.fold?", "crease"),
        ("toolkit.fold에서 crease는 무슨 뜻이에요?", "crease"),
        ("What is the default force of toolkit.Press?", "force"),
        ("toolkit.Press의 force 기본값은?", "force"),
        ("What is drag in toolkit.optim.GliderOptimizer?", "drag"),
    ],
)
def test_the_parameter_that_is_asked_for_is_marked(
    small_index: Index, text: str, name: str
) -> None:
    found = reading(small_index, text)
    assert {unit.chunk.name for unit in found.units if unit.asked} == {name}
    (best_of_asked, *_) = (u for u in found.of(0) if u.chunk.role == "parameter")
    assert best_of_asked.chunk.name == name


@pytest.mark.parametrize("text", ["What is toolkit.glue?", "toolkit.glue는 무엇인가요?"])
def test_what_is_asks_for_the_summary(small_index: Index, text: str) -> None:
    found = reading(small_index, text)
    prose = [u for u in found.of(0) if u.chunk.role not in ("signature", "example")]
    assert "summary" in [u.chunk.role for u in prose[:2]]


def test_units_come_best_first_and_know_their_document(small_index: Index) -> None:
    found = reading(small_index, "How do I fold sheets?")
    assert all(a.score >= b.score for a, b in pairwise(found.units))
    for place, document in enumerate(found.documents):
        units = found.of(place)
        assert {unit.chunk.source for unit in units} == {document.id} == {found.heads[place].id}
        assert all(unit.place == place for unit in units)
    assert sum(len(found.of(p)) for p in range(len(found.documents))) == len(found.units)


def test_a_stub_is_followed_to_what_it_points_to(small_index: Index) -> None:
    found = reading(small_index, "What does toolkit.Sheet.glue do?", documents=1)
    assert [d.id for d in found.documents] == ["py:toolkit.Sheet.glue", "py:toolkit.glue"]


def test_only_so_many_documents_are_read(small_index: Index) -> None:
    text = "How do I clean the drum of Korvia?"
    assert len(reading(small_index, text, documents=2).documents) == 2
    either = reading(small_index, "Is Korvia a printer or a computer?", documents=1)
    pages = {"web:almanac.example", "web:gazette.example"}
    assert pages <= {d.id for d in either.documents}  # each source is to be heard


def test_a_page_in_both_languages_is_read_in_the_language_of_the_question(
    small_index: Index,
) -> None:
    for text, language in [
        ("Is Korvia a printer or a computer?", "en"),
        ("코르비아는 프린터인가요, 컴퓨터인가요?", "ko"),
    ]:
        found = reading(small_index, text)
        units = [u for u in found.units if u.chunk.source == "web:almanac.example"]
        assert {u.chunk.language for u in units} == {language}


@pytest.mark.parametrize(
    ("name", "text", "asked"),
    [
        ("crease", "What is crease?", True),
        ("crease", "crease는 뭐예요?", True),
        ("crease", "What are creases?", True),  # by its stem
        ("negative_slope", "Which negative slope is taken?", True),
        ("negative_slope", "What is negative_slope?", True),
        ("negative_slope", "Which slope is taken?", False),
        ("padding_idx", "padding_idx를 주면?", True),
        ("dim", "차원은?", True),  # 차원 is translated
        ("weight", "가중치는?", True),
        ("crease", "What is axis?", False),
        ("", "What is axis?", False),
    ],
)
def test_a_parameter_is_asked_for_by_name_or_in_words(name: str, text: str, asked: bool) -> None:
    assert asks_for(name, query_concepts(text)) is asked


def test_the_fit_favours_what_holds_the_asked_words() -> None:
    fitted = weights()
    assert fitted["words"] > 0
    assert fitted["dense"] > 0
    assert fitted["asked"] > 0
    assert fitted["about itself"] <= 0


def test_an_index_without_units_has_nothing_to_read(small_index: Index) -> None:
    retrieved = retrieve(
        read_question("What is fold?"), small_index, load_encoder(None), only=lambda _: False
    )
    found = read(retrieved, small_index, bundled_cross_encoder())
    assert found.units == found.documents == ()


@pytest.mark.parametrize(
    ("role", "record", "empty"),
    [
        ("parameter", "a.Normal: scale (float or Tensor): scale of the normal", True),
        ("parameter", "a.mean: input (Tensor): the input tensor.", True),
        ("parameter", "a.strip: prefix (str): prefix.", True),
        ("parameter", "a.Drop: p: probability of an element to be zeroed", False),
        ("parameter", "a.sum: dim (int): the dim, must be positive", False),
        ("parameter", "a.sum: dim (int, optional): the dim. Default: 0", False),
        ("parameter", "a.접기: 축 (int): 새 차원이 끼워질 자리", False),
        ("returns", "a.sum: the resulting sum", False),
        ("text", "a.tanh: y = x", True),
        ("text", "a.tanh: See also Hyperbolic tangent on Wikipedia .", True),
        ("text", "a.tanh: See `a.atanh` for the inverse.", False),
        ("text", "접기: 종이를 반으로 접는다.", False),
        ("text", "a.LSTM: each layer computes the following function:", True),
        ("text", "a.LSTM: This changes the cell in the following way.", True),
        ("warning", "a.mm: If functionality is missing please open a feature request.", True),
        ("warning", "a.mm: Please open no more than one file.", False),
    ],
)
def test_what_tells_nothing(role: Role, record: str, empty: bool) -> None:
    name = record.partition(": ")[2].partition(" ")[0].strip(":") if role == "parameter" else ""
    chunk = Chunk("py:a", role, "en", "a", name, 0, 80, 0, 80, record)
    assert tells_nothing(chunk) is empty
