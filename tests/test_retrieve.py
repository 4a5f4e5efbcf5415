"""Fusion as arithmetic, words of a question, names in a question, and the sources that come."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pytest
import toolkit
from hypothesis import given
from hypothesis import strategies as st
from smallencoder import HashingEncoder

from rag.concepts import flat, query_concepts, title_sounds
from rag.encoders import load_encoder
from rag.index import Index
from rag.loanwords import alike
from rag.names import Named, nearest_names, resolve
from rag.pipeline import Pipeline
from rag.question import read_question
from rag.retrieve import RRF_K, Retrieved, passages, reciprocal_rank_fusion, retrieve, source_filter
from rag.text import search_tokens

rankings = st.lists(st.lists(st.integers(0, 30), unique=True, max_size=12), max_size=5)


# -- reciprocal rank fusion ----------------------------------------------------------------------


def test_fusion_is_the_sum_of_reciprocal_ranks() -> None:
    fused = reciprocal_rank_fusion([[7, 3], [3, 9]])
    assert RRF_K == 60
    assert fused == pytest.approx({7: 1 / 61, 3: 1 / 62 + 1 / 61, 9: 1 / 62})


def test_weights_and_k() -> None:
    fused = reciprocal_rank_fusion([[1, 2], [2]], [1.0, 1.5], k=10)
    assert fused == pytest.approx({1: 1 / 11, 2: 1 / 12 + 1.5 / 11})
    with pytest.raises(ValueError, match="zip"):
        reciprocal_rank_fusion([[1], [2]], [1.0])
    assert reciprocal_rank_fusion([]) == {}


@given(rankings)
def test_the_order_of_the_legs_does_not_count(legs: list[list[int]]) -> None:
    there, back = reciprocal_rank_fusion(legs), reciprocal_rank_fusion(legs[::-1])
    assert there.keys() == back.keys() == {item for leg in legs for item in leg}
    assert all(math.isclose(there[item], back[item]) for item in there)


@given(rankings, st.integers(0, 5))
def test_a_leg_without_evidence_changes_nothing(legs: list[list[int]], place: int) -> None:
    assert reciprocal_rank_fusion([*legs[:place], [], *legs[place:]]) == (
        reciprocal_rank_fusion(legs)
    )


@given(st.lists(st.integers(), unique=True, min_size=1))
def test_one_leg_keeps_its_order(leg: list[int]) -> None:
    fused = reciprocal_rank_fusion([leg])
    assert sorted(leg, key=lambda item: -fused[item]) == leg


@given(rankings, st.data())
def test_a_better_rank_never_hurts(legs: list[list[int]], data: st.DataObject) -> None:
    """Moving an item up in one leg raises it, lowers whom it passes, and leaves the rest."""
    long = [i for i, leg in enumerate(legs) if len(leg) >= 2]
    if not long:
        return
    which = data.draw(st.sampled_from(long))
    at = data.draw(st.integers(1, len(legs[which]) - 1))
    better = [list(leg) for leg in legs]
    better[which][at - 1], better[which][at] = better[which][at], better[which][at - 1]
    before, after = reciprocal_rank_fusion(legs), reciprocal_rank_fusion(better)
    up, down = legs[which][at], legs[which][at - 1]
    assert after[up] > before[up]
    assert after[down] < before[down]
    assert all(after[i] == before[i] for i in before if i not in (up, down))


# -- words ---------------------------------------------------------------------------------------


def test_an_english_question_asks_for_its_words() -> None:
    assert query_concepts("How do I stack the sheets?") == ({"stack": 1.0}, {"sheet": 1.0})


def test_a_name_is_asked_for_whole_and_in_its_parts() -> None:
    asked = flat(query_concepts("What is pad_sequence?"))
    assert {"pad_sequence", "pad", "sequenc"} <= asked.keys()


def test_a_korean_word_stands_with_its_english_translations() -> None:
    (concept,) = query_concepts("텐서는?")
    assert concept["텐서"] == 1.0
    assert 0 < concept["tensor"] <= 0.9
    asked = query_concepts("텐서를 새 차원으로 쌓으려면?")
    assert {"tensor", "dimens", "stack"} <= flat(asked).keys()
    assert all(max(concept.values()) == 1.0 for concept in asked)


def test_syllable_pairs_belong_to_their_word() -> None:
    (concept,) = query_concepts("가중치가?")
    assert concept["가중치"] == 1.0
    assert concept["가중"] == concept["중치"] == 0.3


def test_flat_keeps_the_greatest_weight() -> None:
    assert flat([{"a": 1.0, "b": 0.3}, {"b": 0.7, "a": 0.2}]) == {"a": 1.0, "b": 0.7}
    assert flat([]) == {}


@given(st.text(max_size=80))
def test_every_searched_word_is_a_concept_with_itself(text: str) -> None:
    concepts = query_concepts(text)
    assert flat(concepts).keys() >= set(search_tokens(text))
    assert all(0 < weight <= 1 for concept in concepts for weight in concept.values())


# -- names, in the invented package --------------------------------------------------------------


def named(index: Index, text: str) -> Named:
    """What the first sure name of a question turned out to be."""
    mention = next(m for m in read_question(text).mentions if m.sure)
    return resolve(index, mention)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("What does toolkit.fold do?", "toolkit.fold"),
        ("toolkit.fold가 하는 일은?", "toolkit.fold"),
        ("toolkit.fold()를 쓰면?", "toolkit.fold"),
        ("`fold`는 뭐예요?", "toolkit.fold"),  # not the remote namesake
        ("toolkit.press.Press란?", "toolkit.press.Press"),
        ("What is toolkit.Press?", "toolkit.Press"),  # an alias
        ("press.Press(force=1)", "toolkit.press.Press"),  # the end of a longer name
        ("`glideroptimizer`의 drag는?", "toolkit.optim.GliderOptimizer"),  # the other case
        ("Press.step은?", "toolkit.press.Press.step"),
        ("my_press.step()은?", "toolkit.press.Press.step"),  # a variable called like the class
        ("optimizer.step()을 부르면?", "toolkit.optim.GliderOptimizer.step"),
        ("What does optimizer.step() do?", "toolkit.optim.GliderOptimizer.step"),
        ("spread.fold를 쓰면?", "toolkit.inner.remote.spread.fold"),
    ],
)
def test_a_name_in_a_question_is_found(small_index: Index, text: str, name: str) -> None:
    found = named(small_index, text)
    assert found.names[0] == name
    assert small_index.document(found.rows[0]).id == (
        "py:toolkit.press.Press" if name == "toolkit.Press" else f"py:{name}"
    )
    assert not (found.missing or found.foreign or found.corrected or found.undocumented)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("What is toolkit.optim.GliderOptimiser?", "toolkit.optim.GliderOptimizer"),
        ("toolkit.optim.GlidrOptimizer는?", "toolkit.optim.GliderOptimizer"),
        ("toolkit.press.Presss가 뭐야?", "toolkit.press.Press"),
    ],
)
def test_a_slip_is_read_as_what_was_meant(small_index: Index, text: str, right: str) -> None:
    found = named(small_index, text)
    assert (found.corrected, found.missing, found.names) == (True, False, (right,))
    assert small_index.document(found.rows[0]).id == f"py:{right}"


@pytest.mark.parametrize("text", ["Is there toolkit.press.Oven?", "toolkit.press.Oven이 있어?"])
def test_a_name_that_does_not_exist(small_index: Index, text: str) -> None:
    found = named(small_index, text)
    assert (found.missing, found.corrected, found.rows) == (True, False, ())


@pytest.mark.parametrize("text", ["What is toolkit.press.Ghost?", "toolkit.press.Ghost는?"])
def test_a_name_without_documentation(small_index: Index, text: str) -> None:
    found = named(small_index, text)
    assert (found.undocumented, found.missing, found.rows) == (True, False, ())


@pytest.mark.parametrize("text", ["What is tf.function?", "tf.function이 뭐야?", "np.fold는?"])
def test_a_name_of_another_package(small_index: Index, text: str) -> None:
    found = named(small_index, text)
    assert (found.foreign, found.missing, found.rows) == (True, False, ())


@pytest.mark.parametrize(
    "text", ["pickle.UnpicklingError: cannot load", "_pickle.UnpicklingError가 나요"]
)
def test_an_exception_of_python_is_nobodys_package(small_index: Index, text: str) -> None:
    found = named(small_index, text)
    assert not found.rows
    assert not found.foreign
    assert not found.missing


def test_nearest_names_begin_in_the_same_module(small_index: Index) -> None:
    assert nearest_names(small_index, "toolkit.flod")[0] == "toolkit.fold"
    assert nearest_names(small_index, "toolkit.press.Pres")[0] == "toolkit.press.Press"
    assert nearest_names(small_index, "toolkit.optim.glu")[0] == "toolkit.glue"  # moved
    assert nearest_names(small_index, "toolkit.xyzzy") == ()
    assert len(nearest_names(small_index, "toolkit.fold", count=1)) == 1


# -- names, in torch -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("What does F.softmax do?", "torch.nn.functional.softmax"),
        ("F.softmax의 dim은?", "torch.nn.functional.softmax"),
        ("nn.LSTM에서 batch_first는 뭐예요?", "torch.nn.LSTM"),
        ("optim.AdamW의 기본 학습률은?", "torch.optim.AdamW"),
        ("dist.all_reduce가 뭐야?", "torch.distributed.all_reduce"),
        ("Does .expand() copy memory?", "torch.Tensor.expand"),
        (".expand()는 메모리를 복사하나요?", "torch.Tensor.expand"),
        ("x.view()는 언제 실패해?", "torch.Tensor.view"),
        ("loss.backward()는 뭘 해요?", "torch.Tensor.backward"),
        ("What does model.train() do?", "torch.nn.Module.train"),
        ("model.train()을 왜 부르나요?", "torch.nn.Module.train"),
        ("Why call optimizer.step()?", "torch.optim.Optimizer.step"),
        ("optimizer.step()은 언제 불러?", "torch.optim.Optimizer.step"),
        ("optimizer.zero_grad()를 빼면?", "torch.optim.Optimizer.zero_grad"),
        ("`gather`가 하는 일은?", "torch.gather"),
        ("what is `gather` for?", "torch.gather"),
        ("`softmax`는 뭐예요?", "torch.softmax"),
        ("pad_sequence의 padding_value는?", "torch.nn.utils.rnn.pad_sequence"),
        ("How does pad_sequence order its output?", "torch.nn.utils.rnn.pad_sequence"),
        ("LSTM에 hidden_size를 주면?", "torch.nn.LSTM"),
        ("DataLoader의 num_workers는?", "torch.utils.data.DataLoader"),
        ("CrossEntropyLoss란?", "torch.nn.CrossEntropyLoss"),
        ("torch.nn.Conv2D가 뭐야?", "torch.nn.Conv2d"),
        ("`all_reduce`는?", "torch.distributed.all_reduce"),
        ("BatchNorm이 뭐야?", "torch.nn.BatchNorm2d"),
        ("What is MaxPool?", "torch.nn.MaxPool2d"),
        ("clip_grad_norm_은?", "torch.nn.utils.clip_grad_norm_"),
    ],
)
def test_well_known_names_of_torch(torch_pipeline: Pipeline, text: str, name: str) -> None:
    found = named(torch_pipeline.index, text)
    assert found.names[0] == name
    assert not (found.missing or found.foreign or found.corrected)


def test_the_obscure_namesake_comes_later(torch_pipeline: Pipeline) -> None:
    index = torch_pipeline.index
    ids = [index.document(row).id for row in named(index, "`gather`").rows]
    assert ids.index("py:torch.gather") == 0 < ids.index("py:torch.distributed.gather")


@pytest.mark.parametrize("text", ["What is nn.Embeding?", "nn.Embeding이 뭐예요?"])
def test_a_misspelt_name_of_torch(torch_pipeline: Pipeline, text: str) -> None:
    found = named(torch_pipeline.index, text)
    assert (found.corrected, found.names) == (True, ("torch.nn.Embedding",))


def test_the_name_of_a_variable_says_whose_method_it_is(torch_pipeline: Pipeline) -> None:
    found = named(torch_pipeline.index, "scheduler.step()은 언제 불러요?")
    assert found.names[0] == "torch.optim.lr_scheduler.LRScheduler.step"


def test_a_slip_leads_to_the_class_and_not_to_its_module(torch_pipeline: Pipeline) -> None:
    found = named(torch_pipeline.index, "What is torch.utils.data.DataLoder?")
    assert (found.corrected, found.names) == (True, ("torch.utils.data.DataLoader",))


@pytest.mark.parametrize(
    "text",
    [
        "How do I use torch.nn.Dense?",
        "torch.nn.Dense는 어떻게 써요?",
        "nn.Dense의 units는?",
        "torch.optim.Ranger의 학습률은?",
        "What is torch.frobnicate?",
    ],
)
def test_names_that_torch_does_not_have(torch_pipeline: Pipeline, text: str) -> None:
    found = named(torch_pipeline.index, text)
    assert (found.missing, found.corrected, found.rows) == (True, False, ())


@pytest.mark.parametrize(
    "text", ["What does tf.function do?", "tf.function이 뭐예요?", "jax.jit은?", "np.stack이랑?"]
)
def test_names_that_are_not_torchs(torch_pipeline: Pipeline, text: str) -> None:
    found = named(torch_pipeline.index, text)
    assert (found.foreign, found.missing, found.rows) == (True, False, ())


# -- retrieval -----------------------------------------------------------------------------------


def asked(index: Index, text: str, pattern: str | None = None, depth: int = 50) -> Retrieved:
    return retrieve(
        read_question(text), index, load_encoder(None),
        only=source_filter(pattern) if pattern else None, depth=depth,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("How do I clean the drum of Korvia?", "file:guide.md"),
        ("코르비아의 드럼은 어떻게 닦나요?", "file:안내서.md"),
        ("What joins sheets along an axis that they have?", "py:toolkit.glue"),
        ("toolkit.fold의 crease는 뭐예요?", "py:toolkit.fold"),
        ("Which plates are heated?", "py:toolkit.press.Press"),
        ("toolkit.Press에서 force는?", "py:toolkit.press.Press"),
    ],
)
def test_the_source_that_answers_comes_first(small_index: Index, text: str, source: str) -> None:
    (first, *_) = passages(asked(small_index, text), small_index)
    assert first.source == source


@pytest.mark.parametrize(
    ("text", "unwanted"),
    [
        ("What joins sheets, other than toolkit.fold?", "py:toolkit.fold"),
        ("toolkit.fold 말고 종이를 합치는 것은?", "py:toolkit.fold"),
    ],
)
def test_what_is_not_wanted_does_not_come_first(
    small_index: Index, text: str, unwanted: str
) -> None:
    found = asked(small_index, text).found
    heads = small_index.document_heads([one.row for one in found])
    assert unwanted in [head.id for head in heads[1:]]


def test_a_page_is_found_by_its_name_as_korean_hears_it(small_index: Index) -> None:
    titles = ("Software Framework - GeeksforGeeks", "Machine almanac")
    assert alike("긱스포긱스", title_sounds(titles)) == ["geeksforgeeks"]
    assert alike("종이", title_sounds(titles)) == []


def test_an_exact_name_is_in_the_trace(small_index: Index) -> None:
    found = {p.source: p for p in passages(asked(small_index, "toolkit.fold란?"), small_index)}
    assert found["py:toolkit.fold"].trace.exact_name
    assert not found["py:toolkit.glue"].trace.exact_name


def test_the_trace_tells_the_fused_score_again(small_index: Index) -> None:
    """With the ranks of all three legs, the fused score of a source is their weighted sum."""
    for found in asked(small_index, "How do I clean the drum?").found:
        lexical, dense = found.trace.lexical_rank, found.trace.dense_rank
        least = (1 / (60 + lexical) if lexical else 0) + (1.2 / (60 + dense) if dense else 0)
        assert least - 1e-5 <= found.trace.fused <= least + 1 / 61 + 1e-5


def test_passages_are_ranked_sections_that_hold_what_matched(small_index: Index) -> None:
    retrieved = asked(small_index, "How long does the first start take?")
    shown = passages(retrieved, small_index, k=5)
    assert [p.rank for p in shown] == [1, 2, 3, 4, 5]
    assert all(a.score >= b.score for a, b in pairwise(shown))
    for passage in shown:
        document = small_index.find_document(passage.source)
        assert document is not None
        assert document[1].text[passage.start : passage.end] == passage.text != ""
        assert set(passage.trace.matched) <= flat(retrieved.concepts).keys()
    assert "about 40 seconds" in shown[0].text
    assert {"first", "start"} & set(shown[0].trace.matched)


def test_only_some_sources(small_index: Index) -> None:
    text = "How do I clean the drum of Korvia?"
    ids = [p.source for p in passages(asked(small_index, text, "py:toolkit"), small_index)]
    assert ids
    assert all(id_.startswith("py:toolkit") for id_ in ids)
    # A name in the question does not get around the filter, and an alias goes through it.
    ids = [p.source for p in passages(asked(small_index, "toolkit.fold란?", "web:*"), small_index)]
    assert not any(id_.startswith("py:") for id_ in ids)
    found = passages(asked(small_index, "force of the plates", "py:toolkit.Press"), small_index)
    assert [p.source for p in found] == ["py:toolkit.press.Press"]


@pytest.mark.parametrize(
    ("pattern", "source", "fits"),
    [
        ("torch.nn", "py:torch.nn.Linear", True),
        ("torch.nn", "py:torch.optim.SGD", False),
        ("py:torch.nn.*", "py:torch.nn.Linear", True),
        ("torch.nn.*", "py:torch.nn.Linear", False),  # a pattern is of the whole id
        ("*Linear", "py:torch.nn.Linear", True),
        ("py:torch.???", "py:torch.add", True),
        ("안내", "file:안내서.md", True),
        ("", "py:torch.add", True),
    ],
)
def test_source_patterns(pattern: str, source: str, fits: bool) -> None:
    assert source_filter(pattern)(source) is fits


def test_depth_cuts_the_list_and_nothing_else(small_index: Index) -> None:
    text = "How do I fold a sheet?"
    long, short = asked(small_index, text), asked(small_index, text, depth=3)
    assert [f.row for f in short.found] == [f.row for f in long.found[:3]]


def test_words_and_names_are_enough_for_any_encoder(tmp_path: Path) -> None:
    """A bag of words in place of the model: what is asked in the document's words is found."""
    encoder = HashingEncoder()
    path = tmp_path / "index"
    with toolkit.build(path, encoder, toolkit.documents()) as index:
        for text, source in [
            ("wipe the drum with a dry cotton cloth", "file:guide.md"),
            ("드럼을 마른 면 수건으로", "file:안내서.md"),
            ("toolkit.glue", "py:toolkit.glue"),
        ]:
            retrieved = retrieve(read_question(text), index, encoder)
            assert passages(retrieved, index)[0].source == source


def test_nothing_in_common_brings_nothing_up(small_index: Index) -> None:
    """No leg votes for a source without evidence."""
    retrieved = asked(small_index, "zzyzx qwfp")
    assert not retrieved.document_words.any()
    assert all(found.trace.lexical_rank is None for found in retrieved.found)
