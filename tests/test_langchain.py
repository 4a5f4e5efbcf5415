"""The parts of `ask` as LangChain meets them, beyond its standard suites."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda

from rag.encoders import load_encoder
from rag.errors import IndexCorrupt, IndexIncompatible, IndexMissing, SourceError, UsageError
from rag.index import Index
from rag.langchain import (
    AskEmbeddings,
    AskRetriever,
    AskRunnable,
    AskVectorStore,
    IndexVectorStore,
    SourceLoader,
)
from rag.langchain.cosine import marginal_relevance, unit
from rag.langchain.filters import read_filter
from rag.pipeline import Pipeline
from rag.types import Answer

QUESTION = "How long does the first start of Korvia take?"
KOREAN = "코르비아를 처음 켤 때 얼마나 걸리나요?"


# -- embeddings ----------------------------------------------------------------------------------


def test_embeddings_are_those_of_the_encoder() -> None:
    embeddings, encoder = AskEmbeddings(), load_encoder()
    assert np.allclose(embeddings.embed_query(KOREAN), encoder.encode_queries([KOREAN])[0])
    made = embeddings.embed_documents([QUESTION, KOREAN])
    assert np.allclose(made, encoder.encode_documents([QUESTION, KOREAN]))


# -- filters -------------------------------------------------------------------------------------

KOREAN_PAGE = {"language": "ko", "source": "file:안내서.md", "year": 2024, "aliases": ["a", "b"]}


@pytest.mark.parametrize(
    ("given", "fits"),
    [
        ({}, True),
        ({"language": "ko"}, True),
        ({"language": "en"}, False),
        ({"language": ["en", "ko"]}, True),
        ({"language": "ko", "year": 2023}, False),
        ({"year": {"$gte": 2024, "$lt": 2025}}, True),
        ({"year": {"$gt": 2024}}, False),
        ({"year": {"$lte": 2023}}, False),
        ({"year": {"$ne": 2023}}, True),
        ({"year": {"$nin": [2023, 2024]}}, False),
        ({"year": {"$gt": "2000"}}, False),  # a number is neither before nor after a text
        ({"source": {"$glob": "file:안내*"}}, True),
        ({"source": {"$glob": "py:*"}}, False),
        ({"aliases": "b"}, True),
        ({"aliases": ["b", "c"]}, True),
        ({"aliases": {"$ne": "b"}}, False),
        ({"nothing": "here"}, False),
        ({"nothing": {"$ne": "here"}}, True),
        ({"nothing": {"$exists": False}}, True),
        ({"year": {"$exists": True}}, True),
        ({"$or": [{"language": "en"}, {"year": 2024}]}, True),
        ({"$and": [{"language": "en"}, {"year": 2024}]}, False),
        ({"$not": {"language": "en"}}, True),
        (lambda metadata: metadata["year"] > 2000, True),
        (None, True),
    ],
)
def test_what_a_filter_lets_through(given: Any, fits: bool) -> None:
    assert read_filter(given)(KOREAN_PAGE) is fits


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"year": {"$near": 2024}}, r"no \$near"),
        ({"$xor": []}, r"no \$xor"),
        ({"$or": {"a": 1}}, "list of filters"),
        ({"year": {"$in": 2024}}, "take a list"),
        (["language"], "a dict or a function"),
    ],
)
def test_a_filter_that_says_nothing_is_refused(given: Any, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_filter(given)


# -- a store of one's own ------------------------------------------------------------------------


def store_of(*texts: str, **metadata: list[Any]) -> AskVectorStore:
    """A store of these texts with ids 0, 1, ...; each keyword gives one value a text."""
    metadatas = [{key: values[i] for key, values in metadata.items()} for i in range(len(texts))]
    ids = [str(i) for i in range(len(texts))]
    return AskVectorStore.from_texts(list(texts), AskEmbeddings(), metadatas, ids=ids)


ANIMALS = ("A cat sleeps on the sofa.", "The dog barks at night.", "고양이가 소파에서 잔다.")


def test_scores_are_cosines_and_a_filter_limits_the_search_not_its_result() -> None:
    store = store_of(*ANIMALS, language=["en", "en", "ko"])
    found = store.similarity_search_with_score("Where does the cat sleep?", k=3)
    # The Korean sentence says the same; either may be a hair nearer.
    assert {document.id for document, _ in found[:2]} == {"0", "2"}
    (first, score), *_ = [one for one in found if one[0].id != "2"]
    vectors = AskEmbeddings().encoder.encode_queries(["Where does the cat sleep?", ANIMALS[0]])
    assert first.page_content == ANIMALS[0]
    assert score == pytest.approx(float(vectors[0] @ vectors[1]), abs=2e-3)  # half precision
    # The one Korean text is found although two others are nearer than it may be.
    (korean,) = store.similarity_search("dog", k=1, filter={"language": "ko"})
    assert korean.id == "2"
    assert store.similarity_search("dog", filter={"language": "fr"}) == []
    rated = store.similarity_search_with_relevance_scores("the cat", k=3)
    relevance = {str(document.id): value for document, value in rated}
    assert all(0 <= r <= 1 for r in relevance.values())
    assert relevance["0"] > relevance["1"]


def test_as_retriever_passes_filter_and_mmr_on() -> None:
    store = store_of(*ANIMALS, ANIMALS[0] + " ", language=["en", "en", "ko", "en"])
    english: dict[str, Any] = {"k": 2, "filter": {"language": "en"}}
    twice = store.as_retriever(search_kwargs=english).invoke("a cat on a sofa")
    assert {d.id for d in twice} == {"0", "3"}  # the same sentence two times
    various = store.as_retriever(search_type="mmr", search_kwargs={**english, "lambda_mult": 0.3})
    assert len({d.id for d in various.invoke("a cat on a sofa")} & {"0", "3"}) == 1
    only = store.as_retriever(search_type="mmr", search_kwargs={"filter": {"language": "ko"}})
    assert [d.id for d in only.invoke("a cat on a sofa")] == ["2"]


@given(
    st.integers(1, 8).flatmap(
        lambda n: st.tuples(
            st.lists(
                st.lists(st.integers(-5, 5), min_size=3, max_size=3).filter(any),
                min_size=n, max_size=n,
            ),
            st.integers(1, 9),
        )
    )
)  # fmt: skip
def test_mmr_takes_each_row_once_and_by_relevance_alone_with_lambda_1(
    case: tuple[list[list[int]], int],
) -> None:
    rows, k = case
    vectors = unit(rows)
    relevance = vectors @ unit([[1, 2, 3]])[0]
    for weight in (0.0, 0.5, 1.0):
        chosen = marginal_relevance(relevance, vectors, k, weight)
        assert len(chosen) == len(set(chosen)) == min(k, len(rows))
        if weight:
            assert relevance[chosen[0]] == relevance.max()
    assert list(relevance[chosen]) == sorted(relevance, reverse=True)[:k]


def test_what_is_deleted_is_not_found_and_the_others_keep_their_texts() -> None:
    store = store_of(*ANIMALS)
    assert store.delete(["0", "unknown"])
    assert len(store) == 2
    assert {d.page_content for d in store.similarity_search("cat", k=9)} == set(ANIMALS[1:])
    assert store.delete()
    assert (len(store), store.similarity_search("cat")) == (0, [])


def test_who_gets_a_document_cannot_change_the_store() -> None:
    store = store_of("cat", kind=["animal"])
    store.similarity_search("cat")[0].metadata["kind"] = "changed"
    store.get_by_ids(["0"])[0].metadata["kind"] = "changed"
    assert store.get_by_ids(["0"])[0].metadata == {"kind": "animal"}


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda s: s.add_texts(["a", "b"], ids=["1"]), "2 texts, 2 metadata and 1 ids"),
        (lambda s: s.similarity_search("a", k=0), "from 1, not 0"),
        (lambda s: s.similarity_search_by_vector([1.0, 0.0]), "2 numbers, those of the store"),
        (lambda s: s.similarity_search_by_vector([float("nan")] * 384), "not finite"),
        (lambda s: s.max_marginal_relevance_search("a", lambda_mult=2), "from 0 to 1, not 2"),
    ],
)
def test_bad_calls_name_the_value(act: Callable[[AskVectorStore], Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        act(store_of("cat"))


def test_another_embedding_model_is_refused(tmp_path: Path) -> None:
    store_of("cat").save_local(tmp_path)
    store = AskVectorStore.load_local(tmp_path, DeterministicFakeEmbedding(size=6))
    with pytest.raises(UsageError, match="6 numbers, those of the store 384"):
        store.add_texts(["dog"])


def test_many_threads_may_write_and_search() -> None:
    store = AskVectorStore(DeterministicFakeEmbedding(size=16))

    def work(number: int) -> int:
        store.add_texts([f"text {number}"], ids=[str(number)])
        found = store.similarity_search(f"text {number}", k=1)[0]
        if number % 2:
            store.delete([str(number)])
        return int(str(found.id))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(64))) == list(range(64))
    assert len(store) == 32


# -- saved and loaded ----------------------------------------------------------------------------


def test_a_saved_store_comes_back_whole(tmp_path: Path) -> None:
    store = store_of(*ANIMALS, note=["plain", "a\nb\u2028c", {"deep": [1, None, True]}])
    store.save_local(tmp_path / "s")
    store.delete(["1"])
    store.save_local(tmp_path / "s")  # in the place of the one before
    back = AskVectorStore.load_local(tmp_path / "s", AskEmbeddings())
    assert back.similarity_search_with_score("고양이", k=3) == store.similarity_search_with_score(
        "고양이", k=3
    )
    back.add_texts(["A new bird sings."])
    assert len(back) == 3
    names = {file.name for file in (tmp_path / "s").rglob("*") if file.is_file()}
    assert names == {"current", "lock", "manifest.json", "documents.jsonl", "vectors.faiss"}


def test_an_empty_store_is_saved_too(tmp_path: Path) -> None:
    AskVectorStore(AskEmbeddings()).save_local(tmp_path)
    back = AskVectorStore.load_local(tmp_path, AskEmbeddings())
    assert back.add_texts(["cat"], ids=["1"]) == ["1"]


@pytest.mark.parametrize("name", ["documents.jsonl", "vectors.faiss", "manifest.json", "current"])
@pytest.mark.parametrize("cut", [True, False])
def test_a_damaged_file_is_told_and_never_read(tmp_path: Path, name: str, cut: bool) -> None:
    store_of(*ANIMALS).save_local(tmp_path)
    (file,) = tmp_path.rglob(name)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data[:-1] if cut else data)
    with pytest.raises(IndexCorrupt, match="save_local"):
        AskVectorStore.load_local(tmp_path, AskEmbeddings())


def test_where_no_store_lies_the_error_says_so(tmp_path: Path, small_index: Index) -> None:
    with pytest.raises(IndexMissing, match="write one with save_local"):
        AskVectorStore.load_local(tmp_path, AskEmbeddings())
    store_of("cat").save_local(tmp_path / "store")
    with pytest.raises(IndexIncompatible):  # an index is no store
        AskVectorStore.load_local(Path(small_index.texts._path).parents[2], AskEmbeddings())


def test_metadata_that_is_no_json_is_named_and_nothing_is_replaced(tmp_path: Path) -> None:
    store_of("cat").save_local(tmp_path)
    bad = store_of("dog", thing=[object()])
    with pytest.raises(UsageError, match="document '0' cannot be saved as JSON"):
        bad.save_local(tmp_path)
    (found,) = AskVectorStore.load_local(tmp_path, AskEmbeddings()).get_by_ids(["0"])
    assert found.page_content == "cat"


# -- the index -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def index_store(small_index: Index) -> IndexVectorStore:
    return IndexVectorStore(small_index, load_encoder())


@pytest.mark.parametrize(("question", "language"), [(QUESTION, "en"), (KOREAN, "ko")])
def test_units_of_the_index_are_found_where_they_stand(
    index_store: IndexVectorStore, small_pipeline: Pipeline, question: str, language: str
) -> None:
    found = index_store.similarity_search(question, k=9, filter={"language": language})
    (first,) = [d for d in found if "40" in d.page_content]
    text = small_pipeline.show(first.metadata["source"]).text
    assert text[first.metadata["start"] : first.metadata["end"]] == first.page_content
    assert index_store.get_by_ids([str(first.id), "file:none#0", "file:guide.md#99"]) == [first]
    json.dumps(first.metadata)


def test_a_filter_of_the_index_sees_every_unit_that_fits(
    index_store: IndexVectorStore, small_index: Index
) -> None:
    found = index_store.similarity_search(
        "sheets", k=500, filter={"source": {"$glob": "py:toolkit.*"}, "role": "parameter"}
    )
    units = small_index.chunks(range(small_index.n_chunks))
    wanted = [u for u in units if u.source.startswith("py:toolkit.") and u.role == "parameter"]
    assert len(found) == len(wanted) > 5
    assert {d.metadata["role"] for d in found} == {"parameter"}
    assert index_store.similarity_search("sheets", filter={"kind": "none"}) == []
    (alias,) = index_store.similarity_search("force", k=1, filter={"aliases": "py:toolkit.Press"})
    assert alias.metadata["source"] == "py:toolkit.press.Press"


def test_the_index_store_is_read_only_and_says_who_writes(index_store: IndexVectorStore) -> None:
    document = Document(page_content="new")
    for act in (
        lambda: index_store.add_documents([document]),
        lambda: index_store.delete(["file:guide.md#0"]),
        lambda: IndexVectorStore.from_documents([document], AskEmbeddings()),
    ):
        with pytest.raises(UsageError, match="written by ask ingest"):
            act()


def test_the_index_store_opens_by_path(small_index: Index) -> None:
    store = IndexVectorStore.open(Path(small_index.texts._path).parents[2])
    assert store.max_marginal_relevance_search("Korvia", k=2)
    store.close()


# -- retriever and runnable ----------------------------------------------------------------------


def test_the_retriever_gives_the_passages_of_the_answer(small_pipeline: Pipeline) -> None:
    found = AskRetriever(pipeline=small_pipeline, k=4).invoke(KOREAN)
    passages = small_pipeline.ask(KOREAN, k=4).passages
    assert [d.page_content for d in found] == [p.text for p in passages]
    assert [d.metadata["source"] for d in found] == [p.source for p in passages]
    json.dumps([d.metadata for d in found])
    limited = AskRetriever(pipeline=small_pipeline).invoke("start", source="web:*")
    assert {d.metadata["source"] for d in limited} <= {"web:almanac.example", "web:gazette.example"}


def test_a_question_runs_and_streams_to_the_same_answer(small_pipeline: Pipeline) -> None:
    run = AskRunnable(small_pipeline)
    whole = run.invoke(QUESTION)
    assert "40 seconds" in whole.answer
    grown = list(run.stream(QUESTION))
    assert grown[-1].answer == whole.answer
    assert all(b.answer.startswith(a.answer) for a, b in pairwise(grown))


def test_a_conversation_of_messages_keeps_its_topic(small_pipeline: Pipeline) -> None:
    messages = [
        SystemMessage("Be brief."),
        HumanMessage("What does toolkit.fold do?"),
        AIMessage("It folds."),
        HumanMessage("And its default axis?"),
    ]
    answer = AskRunnable(small_pipeline).invoke(messages)
    assert answer.completed is not None
    assert "toolkit.fold" in answer.completed
    form = {
        "question": "And its default axis?",
        "history": [{"question": "What does toolkit.fold do?", "answer": "It folds."}],
    }
    assert AskRunnable(small_pipeline).invoke(form).completed == answer.completed


def test_it_stands_in_a_chain_in_batches_and_in_async_code(small_pipeline: Pipeline) -> None:
    run = AskRunnable(small_pipeline)
    prompt = ChatPromptTemplate.from_messages([("human", "How long does {what} take?")])
    chain = prompt | run | RunnableLambda(lambda answer: answer.answer) | StrOutputParser()
    given = {"what": "the first start of Korvia"}
    assert "40 seconds" in chain.invoke(given)
    assert "".join(chain.stream(given)) == chain.invoke(given)
    assert [a.language for a in run.batch([QUESTION, KOREAN])] == ["en", "ko"]

    async def both() -> tuple[Answer, list[Answer]]:
        return await run.ainvoke(KOREAN), [answer async for answer in run.astream(KOREAN)]

    one, many = asyncio.run(both())
    assert one.answer == many[-1].answer
    assert "40초" in one.answer


@pytest.mark.parametrize(
    "asked",
    [
        "",
        {"query": "words"},
        {"question": 3},
        [AIMessage("I ask")],
        {"question": "a", "lang": "ko"},
    ],
)
def test_what_is_no_question_is_refused(small_pipeline: Pipeline, asked: Any) -> None:
    with pytest.raises(UsageError):
        AskRunnable(small_pipeline).invoke(asked)


# -- loader --------------------------------------------------------------------------------------


def test_the_loader_reads_folders_and_tells_what_it_could_not(tmp_path: Path) -> None:
    (tmp_path / "guide.md").write_text("# Guide\n\nTurn the handle.\n", encoding="utf-8")
    (tmp_path / "안내서.md").write_text("# 안내서\n\n손잡이를 돌립니다.\n", encoding="utf-8")
    (tmp_path / "broken.ipynb").write_text("{", encoding="utf-8")
    loader = SourceLoader(str(tmp_path))
    documents = loader.load()
    assert {d.metadata["language"] for d in documents} == {"en", "ko"}
    assert all(str(d.id).startswith("file:") for d in documents)
    assert [Path(s.path).name for s in loader.skipped] == ["broken.ipynb"]


def test_the_loader_reads_packages_and_notes_without_loading_all_first() -> None:
    lazy = SourceLoader("post:pytorch-basics-1", "no such folder").lazy_load()
    assert next(lazy).id == "post:pytorch-basics-1"
    with pytest.raises(SourceError, match="no such folder"):
        next(lazy)
    found = {d.id: d for d in SourceLoader("py:platformdirs").load()}
    assert found["py:platformdirs.user_data_dir"].metadata["kind"] == "symbol"
