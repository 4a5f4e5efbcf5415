"""The parts of training that can be wrong without a loss telling: what is drawn, what is shown."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rag.index import Index
from rag.text import nfc
from rag.training.curves import draw, read_log
from rag.training.domain import for_encoder, learner_questions
from rag.training.everyday import ENDINGS, everyday
from rag.training.export import WEIGHT_STEPS, steps
from rag.training.fitting import DEV, QUESTIONS, default_files, questions_of
from rag.training.mean import mean
from rag.training.measure import Search, by_words
from rag.training.smallindexes import small_indexes
from rag.training.tasks import Task, choose, even, neighbours, pad
from rag.training.train import loss_of

# -- everyday Korean -----------------------------------------------------------------------------


def test_registers_of_one_sentence() -> None:
    formal = "이 함수는 텐서를 반환합니다."
    forms = {everyday(formal, random.Random(seed)) for seed in range(60)}
    assert any(form.startswith("이 함수") and "반환해요" in form for form in forms)
    assert any("반환함" in form for form in forms)
    assert any(" " not in form for form in forms)  # closed up
    assert any("텐서 반환" in form for form in forms)  # a particle dropped
    assert not any("합니다" in form for form in forms)


def test_longer_endings_win() -> None:
    """했습니다 is not 했 and 습니다."""
    assert list(ENDINGS).index("했습니다") < list(ENDINGS).index("습니다")
    assert everyday("설치했습니다", random.Random(1)).startswith("설치했")


@given(st.text(max_size=60), st.integers(0, 9))
def test_any_text_can_be_said(text: str, seed: int) -> None:
    clean = nfc(text)
    assert nfc(everyday(clean, random.Random(seed))) == everyday(clean, random.Random(seed))


# -- batches -------------------------------------------------------------------------------------


def task(n: int = 400, size: int = 8) -> Task:
    ids = [[1, row, 2] for row in range(n)]
    return Task("some", ids, even(ids), others=[[7, row // 2] for row in range(n)], size=size)


def test_rows_that_go_to_one_text_do_not_meet() -> None:
    for step in range(40):
        rows = choose(task(40), 3, step)
        assert len({row // 2 for row in rows}) == len(rows) > 0


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 5)), max_size=20), st.integers(1, 3)
)
def test_hard_paragraphs_are_others_of_the_same_article(
    drawn: list[tuple[str, int]], most: int
) -> None:
    titles = [title for title, _ in drawn]
    texts = [[ord(title), number] for title, number in drawn]
    found = neighbours(titles, texts, most)
    assert found == neighbours(titles, texts, most)
    for own, near in zip(texts, found, strict=True):
        same = {tuple(text) for text in texts if text[0] == own[0]} - {tuple(own)}
        assert {tuple(text) for text in near} <= same
        assert len(near) == min(most, len(same))


def test_a_batch_follows_from_seed_and_step() -> None:
    assert choose(task(), 3, 17) == choose(task(), 3, 17)
    assert choose(task(), 3, 17) != choose(task(), 4, 17)


def test_padding() -> None:
    tokens, mask = pad([[5, 6, 7], [8]])
    assert tokens.tolist() == [[5, 6, 7], [8, 0, 0]]
    assert mask.tolist() == [[1, 1, 1], [1, 0, 0]]


def unit(*angles: float) -> torch.Tensor:
    return torch.tensor([[np.cos(a), np.sin(a)] for a in angles], dtype=torch.float32)


def test_a_hard_wrong_text_raises_the_loss_and_a_copy_of_the_right_one_does_not() -> None:
    vectors, targets = unit(0.0, 2.0), unit(0.3, 2.2)
    plain = loss_of(vectors, targets, cosine=False)
    hard = loss_of(vectors, torch.cat([targets, unit(0.1 - 0.5)]), cosine=False)
    copy = loss_of(vectors, torch.cat([targets, unit(0.3)]), cosine=False)
    assert hard > plain
    assert copy < hard


def test_translations_are_pulled_onto_their_targets() -> None:
    near = loss_of(unit(0.0, 2.0), unit(0.0, 2.0), cosine=True)
    far = loss_of(unit(0.0, 2.0), unit(0.4, 2.4), cosine=True)
    assert near < far


# -- which questions go where --------------------------------------------------------------------


def test_no_question_trains_the_encoder_and_fits_the_weights() -> None:
    kept = {row["id"] for row in questions_of(default_files()) if row["answerable"]}
    seen = {row["id"] for row in learner_questions() if for_encoder(row["sources"][0])}
    assert len(seen) > 400
    assert len(kept) > 400
    assert not kept & seen


def test_the_test_split_is_fitted_on_by_nobody() -> None:
    frozen = (DEV.parent / "test.jsonl").read_text(encoding="utf-8").splitlines()
    asked = {json.loads(line)["question"] for line in frozen}
    assert not asked & {row["question"] for row in questions_of(default_files())}
    assert not asked & {row["question"] for row in learner_questions()}


def test_further_pages_count_as_right(tmp_path: Path) -> None:
    row = {"id": "x", "sources": ["py:a"], "also": ["py:b"], "answerable": True}
    (tmp_path / "q.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert questions_of([tmp_path / "q.jsonl"])[0]["sources"] == ["py:a", "py:b"]


@pytest.mark.parametrize("path", sorted(QUESTIONS.glob("*.jsonl")), ids=lambda path: path.stem)
def test_training_questions_have_their_form(path: Path) -> None:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert len({row["id"] for row in rows}) == len({row["question"] for row in rows}) == len(rows)
    for row in rows:
        assert row["question"] == nfc(row["question"])
        assert row["lang"] in ("en", "ko")
        assert bool(row["sources"]) is row["answerable"] is bool(row["proof"])


# -- measuring -----------------------------------------------------------------------------------


def test_search_by_words_is_bm25_and_ties_stand_in_the_middle() -> None:
    passages = ["how to fold a sheet", "drum", "a press", "glue"]
    found = by_words(Search("made", ["fold sheets", "nothing of it"], passages, [0, 1]))
    # The first question finds its passage, the second shares no word with any of four.
    assert found == {"accuracy@1": 1 / 2, "recall@5": 1.0, "mrr@10": (1 + 1 / 2) / 2}


def test_curves_of_a_log_that_was_begun_again(tmp_path: Path) -> None:
    log = tmp_path / "body.log.jsonl"
    lines = [{"step": 50, "pairs": 2.0}, {"step": 100, "pairs": 9.0}, {"step": 100, "pairs": 1.0}]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert read_log(log) == {"pairs": ([50, 100], [2.0, 1.0])}
    draw(log, tmp_path / "body.png")
    assert (tmp_path / "body.png").read_bytes().startswith(b"\x89PNG")


# -- small indexes -------------------------------------------------------------------------------


def test_a_small_index_holds_the_pages_of_what_it_answers_and_of_nothing_else(
    small_index: Index,
) -> None:
    heads = small_index.document_heads(range(small_index.n_documents))
    asked = [
        {"question": f"What is {head.title}?", "sources": [head.id], "answerable": True}
        for head in heads
    ] + [{"question": "어항은 어떻게 닦나요?", "sources": [], "answerable": False}]
    seen = []
    for index, questions in small_indexes(small_index, asked, 4, sizes=(3, 5)):
        index.check()
        for question in questions:
            held = [index.find_document(source) for source in question["sources"]]
            assert any(held) is question["answerable"]
            seen.append(question["answerable"])
        head = index.document_heads([0])[0]
        row = next(iter(index.chunk_rows_of(0)))
        there = small_index.find_document(head.id)
        assert there is not None
        same = small_index.chunk_rows_of(there[0])[0]
        assert index.chunks([row]) == small_index.chunks([same])
        assert (
            index.dense.vectors(np.array([row])) == small_index.dense.vectors(np.array([same]))
        ).all()
    assert {True, False} == set(seen)


def test_the_mean_of_two_models_lies_between_them() -> None:
    first = {"weight": torch.tensor([0.0, 2.0]), "places": torch.tensor([3, 4])}
    second = {"weight": torch.tensor([1.0, 2.0]), "places": torch.tensor([3, 4])}
    found = mean(first, second, 0.25)
    assert found["weight"].tolist() == [0.25, 2.0]
    assert found["places"].tolist() == [3, 4]
    assert mean(first, second, 1.0)["weight"].tolist() == [1.0, 2.0]


def test_steps_of_an_int8_file_do_not_round_a_small_change_away() -> None:
    """What is quantised, moved by a third of a step and quantised again must have moved."""
    weights = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    values, scale = steps(weights, 0, 64)
    before = values * scale
    moved = before + np.float32(0.33) * scale * (np.arange(64)[:, None] % 2 * 2 - 1)
    again, new_scale = steps(moved, 0, WEIGHT_STEPS)
    change = (again * new_scale - before)[np.abs(values) < 60]
    wanted = (moved - before)[np.abs(values) < 60]
    assert (change * wanted).sum() / (wanted * wanted).sum() > 0.7
    values, scale = steps(moved, 0, 64)
    lost = (values * scale - before)[np.abs(again) < 56]
    assert np.abs(lost).mean() < np.abs(change).mean()
