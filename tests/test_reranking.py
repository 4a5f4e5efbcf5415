"""What the cross-encoder reads is put in order by it, and nothing is read twice."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from judges import WordJudge

from rag import reader, reranking
from rag.encoders import load_encoder
from rag.index import Index
from rag.question import read_question
from rag.reader import JUDGED, read
from rag.reranking import DEPTH, in_context, judged_features, rerank, told
from rag.retrieve import NO_PROSE, Retrieved, prose_unit, retrieve
from rag.types import Chunk


def found(index: Index, text: str) -> Retrieved:
    return retrieve(read_question(text), index, load_encoder(None))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Which handle do I turn?", "last move"),
        ("How do I clean the drum?", "Paper gazette"),
        ("손잡이를 어느 쪽으로 돌리나요?", "종이 신문은"),
    ],
)
def test_the_source_that_the_judge_likes_rises(small_index: Index, text: str, word: str) -> None:
    before = found(small_index, text)
    after = rerank(before, small_index, WordJudge(word))
    assert {one.row for one in after.found} == {one.row for one in before.found}
    assert all(a.score >= b.score for a, b in pairwise(after.found))
    liked = {
        one.row
        for one in before.found[:DEPTH]
        if word in small_index.chunks([prose_unit(before, small_index, one.row) or 0])[0].record
    }
    assert liked
    places = {
        when: min(i for i, one in enumerate(which.found) if one.row in liked)
        for when, which in (("before", before), ("after", after))
    }
    assert places["after"] < places["before"]


def test_the_weights_trust_the_judge() -> None:
    for fitted in (reranking.weights(), reader.judged_weights()):
        for situation in ("named>cross", "unnamed>cross"):
            assert fitted["cross"] + fitted[situation] > 0
        assert fitted["score"] > 0


def test_no_unit_is_read_twice_and_no_call_at_all(small_index: Index) -> None:
    judge = WordJudge("drum")
    retrieved = rerank(found(small_index, "How do I clean the drum?"), small_index, judge)
    text = read(retrieved, small_index, judge)
    assert len(judge.asked) == len(set(judge.asked))
    assert len(judge.asked) <= DEPTH + JUDGED
    read_by_it = {unit.row: unit for unit in text.units if unit.cross is not None}
    assert all(unit.chunk.role not in NO_PROSE for unit in read_by_it.values())
    for row in retrieved.heard.keys() & read_by_it.keys():
        assert read_by_it[row].cross == retrieved.heard[row]


def test_the_unit_that_the_judge_likes_is_read_first(small_index: Index) -> None:
    text = "How do I clean the drum of Korvia?"
    retrieved = found(small_index, text)
    plain = read(retrieved, small_index, None)
    assert all(unit.cross is None for unit in plain.units)
    last = [u for u in plain.units if u.chunk.role not in NO_PROSE][:JUDGED][-1]
    word = last.chunk.record.partition(": ")[2]
    heard = read(retrieved, small_index, WordJudge(word))
    place = [unit.row for unit in heard.units].index(last.row)
    assert place < [unit.row for unit in plain.units].index(last.row)
    assert {unit.row for unit in heard.units} == {unit.row for unit in plain.units}


def test_a_parameter_is_read_with_what_takes_it(small_index: Index) -> None:
    place = small_index.find_document("py:toolkit.glue")
    assert place is not None
    rows = small_index.chunk_rows_of(place[0])
    about = place[1].text.splitlines()[2]
    for text, chunk in zip(told(small_index, rows), small_index.chunks(rows), strict=True):
        if chunk.role == "parameter":
            assert text.startswith(f"toolkit.glue ({about}): {chunk.name}")
        elif chunk.role in ("summary", "signature"):
            assert text == chunk.record


def test_a_long_summary_is_cut_at_a_word_and_a_korean_one_stands_too() -> None:
    def told_of(summary: str) -> str:
        part = Chunk(
            "py:a.b", "parameter", "ko", "a.b", "n", 0, 9, 0, 9, "a.b: n (int): 몇 번인지."
        )
        whole = replace(part, role="summary", name="", record=f"a.b b: {summary}")
        return in_context(part, whole)

    assert told_of("텐서를 여러 번 접는다.") == "a.b (텐서를 여러 번 접는다.): n (int): 몇 번인지."
    long = told_of("folds " * 60)
    assert long.startswith("a.b (folds folds") and long.endswith("folds): n (int): 몇 번인지.")
    assert len(long) < 150


def test_nothing_found_is_nothing_to_read(small_index: Index) -> None:
    nothing = retrieve(
        read_question("What is fold?"), small_index, load_encoder(None), only=lambda _: False
    )
    judge = WordJudge("fold")
    assert rerank(nothing, small_index, judge).found == ()
    assert judge.asked == []


def test_what_is_looked_at() -> None:
    question = read_question("What is fold?")
    assert judged_features(question, True, 1.5, 2.0) == {
        "score": 1.5, "cross": 2 / 5, "named>cross": 2 / 5,
    }  # fmt: skip
    korean = judged_features(read_question("접기가 뭐예요?"), False, 1.5, -5.0)
    assert korean == {"score": 1.5, "cross": -1, "unnamed>cross": -1, "korean>cross": -1}
