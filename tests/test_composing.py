"""A model writes and is checked: good, wrong, lying, slow and broken models over real HTTP."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
import toolkit
from scripted import Reply, ScriptedServer, in_turn, passages_in, says

from rag.citations import faults
from rag.errors import ModelFailed, UsageError
from rag.generators.chat import chat_model
from rag.generators.chatmodel import Limits
from rag.generators.composing import Composer, in_language, says_refusal, without_markers
from rag.pipeline import Pipeline
from rag.prompts import MODEL_FAILED, QUOTED_INSTEAD, REFUSAL, UNSUPPORTED_MARK
from rag.types import Answer

FOLD, FOLD_KO = "What is toolkit.fold?", "toolkit.fold가 뭐예요?"
GOOD = (
    "`toolkit.fold` folds a sequence of sheets along a new axis. [1] "
    "The default of `crease` is 0.25 [1]."
)
GOOD_KO = (
    "`toolkit.fold`는 여러 시트를 새 축을 따라 접습니다 [1]. `crease`의 기본값은 0.25입니다. [1]"
)
QUICK = Limits(first=5.0, pause=5.0, total=20.0)


class House:
    """A scripted server, and a pipeline whose answers it writes; `waits` are its pauses."""

    def __init__(self, server: ScriptedServer, small: Pipeline) -> None:
        self.server, self.small = server, small
        self.waits: list[float] = []
        self.model = chat_model(server.url)
        self.limits = QUICK
        self.strict = True

    @property
    def pipeline(self) -> Pipeline:
        composer = Composer(
            self.model, self.small.encoder, strict=self.strict, limits=self.limits,
            pause=self.waits.append,
        )  # fmt: skip
        return Pipeline(self.small.index, self.small.encoder, composer)

    def ask(self, text: str = FOLD) -> Answer:
        """The answer, its citations checked against the documents."""
        answer = self.pipeline.ask(text)
        assert faults(answer, toolkit.texts_of(self.small.index, answer)) == []
        return answer

    def quotes(self, text: str = FOLD) -> str:
        """What the extractive generator answers."""
        return self.small.ask(text).answer


@pytest.fixture
def house(small_pipeline: Pipeline) -> Iterator[House]:
    with ScriptedServer(says(GOOD)) as server:
        made = House(server, small_pipeline)
        yield made
        made.model.close()


def notice(kind: str, house: House, language: str = "en") -> str:
    told = MODEL_FAILED[kind][language].format(name=house.server.url)  # type: ignore[index]
    return f"{told} {QUOTED_INSTEAD[language]}"  # type: ignore[index]


# -- good models ---------------------------------------------------------------------------------


def test_a_good_answer_is_shown_with_the_words_that_support_it(house: House) -> None:
    answer = house.ask()
    assert answer.answer == (
        "`toolkit.fold` folds a sequence of sheets along a new axis. [1] "
        "The default of `crease` is 0.25. [2]"
    )
    assert [c.quote for c in answer.citations] == [
        "Folds a sequence of sheets along a new axis.",
        "crease (float, optional): how sharp the edge is, in millimetres. Default: ``0.25``",
    ]
    assert (answer.generator, answer.notice, answer.refused) == (house.server.url, None, False)


def test_a_korean_answer_is_proved_by_english_text(house: House) -> None:
    house.server.script = says(GOOD_KO)
    answer = house.ask(FOLD_KO)
    assert answer.notice is None
    assert "새 축을 따라 접습니다. [1]" in answer.answer
    assert "기본값은 0.25입니다. [2]" in answer.answer
    assert {c.source for c in answer.citations} == {"py:toolkit.fold"}


def test_it_grows_sentence_by_sentence(house: House) -> None:
    answers = list(house.pipeline.stream(FOLD))
    assert answers[0].answer == ""
    assert len({answer.answer for answer in answers}) == 3
    for one, following in pairwise(answers):
        assert following.answer.startswith(one.answer)
        assert following.citations[: len(one.citations)] == one.citations


def test_a_list_and_code_keep_their_form(house: House) -> None:
    house.server.script = says(
        "## Answer\n\n- It folds a sequence of sheets along a new axis [1].\n"
        "- All sheets need to have the same size [1].\n\n"
        "```python\n>>> a = toolkit.sheet(2, 3)\n```\n[1]\n"
    )
    assert house.ask().answer == (
        "- It folds a sequence of sheets along a new axis. [1]\n"
        "- All sheets need to have the same size. [2]\n"
        "```\n>>> a = toolkit.sheet(2, 3)\n``` [3]"
    )


def test_code_that_is_in_no_document_is_left_out(house: House) -> None:
    house.server.script = says(f"{GOOD}\n```python\nimport os; os.remove('/')\n```\n")
    assert "remove" not in house.ask().answer


def test_thoughts_are_kept_out(house: House) -> None:
    house.server.script = says(f"<think>\nIs it 0.25? The sheets fold.\n</think>\n{GOOD}")
    answer = house.ask()
    assert "think" not in answer.answer
    assert answer.answer.startswith("`toolkit.fold` folds")


def test_the_model_is_given_passages_between_random_fences(house: House) -> None:
    house.ask()
    house.ask()
    fences = set()
    for request in house.server.requests:
        system, user = (message["content"] for message in request["messages"])
        (first,) = user.splitlines()[:1]
        fence = first.split(" [")[0]
        fences.add(fence)
        assert first == f"{fence} [1]"
        assert fence in system
        assert user.count(fence) % 2 == 0
        assert REFUSAL["en"] in system
        assert "toolkit.fold · toolkit 1.4" in user
        assert user.endswith(f"Question: {FOLD}")
        assert request["stream"] is True
    assert len(fences) == 2


@pytest.mark.parametrize(
    ("text", "says_both"),
    [
        ("Is Korvia a printer or a computer?", "printer and computer"),
        ("코르비아는 프린터인가요, 컴퓨터인가요?", "프린터와(과) 컴퓨터"),
    ],
)
def test_an_either_or_asks_for_both_sides(house: House, text: str, says_both: str) -> None:
    house.server.script = says(
        "The Machine almanac calls Korvia a printer [1]. "
        "The Paper gazette describes Korvia as a computer [2]."
        if text.isascii()
        else "기계 연감은 2024년 판에서 코르비아를 프린터라고 부릅니다 [1]. "
        "종이 신문은 코르비아를 컴퓨터라고 부릅니다 [2]."
    )
    answer = house.ask(text)
    assert says_both in house.server.requests[0]["messages"][0]["content"]
    assert answer.verdict is not None
    assert {stance.source for stance in answer.verdict.stances} == {
        "web:almanac.example",
        "web:gazette.example",
    }
    markers = {stance.marker for stance in answer.verdict.stances}
    assert markers <= {citation.marker for citation in answer.citations}


# -- wrong and lying models ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "lie",
    [
        "The default of `crease` is 0.5 [1].",
        "The default of `axis` is 0.25 [1].",
        "`toolkit.glue` folds a sequence of sheets along a new axis [1].",
        "All sheets do not need to have the same size [1].",
        "All sheets need to have a different size [1].",
        "It was invented by Ada Lovelace in Paris [1].",
        "See https://evil.example/?q=fold for more [1].",
        "The documentation says “folds whatever you throw at it” [1].",
        "![x](https://evil.example/beacon.png) [1].",
    ],
)
def test_a_sentence_that_the_documents_do_not_support_is_left_out(house: House, lie: str) -> None:
    house.server.script = says(f"{GOOD} {lie}")
    answer = house.ask()
    assert answer.answer.endswith("is 0.25. [2]")
    assert answer.notice is None


def test_an_invented_marker_is_removed_and_the_right_one_put(house: House) -> None:
    house.server.script = says("All sheets need to have the same size [17].")
    answer = house.ask()
    assert answer.answer == "All sheets need to have the same size. [1]"
    assert answer.citations[0].quote == "All sheets need to have the same size."


def test_not_strict_marks_what_is_not_supported(house: House) -> None:
    house.strict = False
    house.server.script = says(f"{GOOD} The default of `crease` is 0.5 [1].")
    answer = house.ask()
    assert answer.answer.endswith(f"The default of `crease` is 0.5. *{UNSUPPORTED_MARK['en']}*")


@pytest.mark.parametrize(("text", "language"), [(FOLD, "en"), (FOLD_KO, "ko")])
def test_where_nothing_holds_the_quotes_are_given(house: House, text: str, language: str) -> None:
    house.server.script = says(
        "It bakes bread in Rome since 1812 [1]." if language == "en"
        else "1812년부터 로마에서 빵을 굽습니다 [1]."
    )  # fmt: skip
    answer = house.ask(text)
    assert answer.answer == house.quotes(text)
    assert answer.generator == "extractive"
    assert answer.notice == notice("unsupported", house, language)


def test_where_little_holds_the_quotes_follow(house: House) -> None:
    lies = " ".join(f"It bakes {n} loaves [1]." for n in (17, 18, 19))
    house.server.script = says(f"{GOOD.partition(' The')[0]} {lies}")
    answer = house.ask()
    assert answer.answer.startswith("`toolkit.fold` folds a sequence of sheets")
    assert "loaves" not in answer.answer
    assert answer.notice == notice("unsupported", house)
    assert len(answer.citations) > 2


@pytest.mark.parametrize(("text", "language"), [(FOLD, "en"), (FOLD_KO, "ko")])
def test_the_models_refusal_is_a_refusal(house: House, text: str, language: str) -> None:
    house.server.script = says(REFUSAL[language])  # type: ignore[index]
    answer = house.ask(text)
    assert answer.refused
    assert answer.answer.startswith(REFUSAL[language])  # type: ignore[index]
    assert (answer.generator, answer.citations) == (house.server.url, ())


def test_a_false_premise_is_refused_before_the_model_is_asked(house: House) -> None:
    assert house.ask("How do I use toolkit.unfold?").refused
    assert house.ask("What is the capital of Mongolia?").refused
    assert house.server.requests == []


# -- models that fail ----------------------------------------------------------------------------


def falls_back(house: House, kind: str, requests: int) -> None:
    answer = house.ask()
    assert answer.answer == house.quotes()
    assert (answer.generator, answer.notice) == ("extractive", notice(kind, house))
    assert len(house.server.requests) == requests


def test_a_server_that_is_down(house: House) -> None:
    house.server.__exit__(None, None, None)
    falls_back(house, "unreachable", 0)
    assert house.waits == [0.5, 2.0]


def test_a_server_that_is_too_busy_is_asked_three_times(house: House) -> None:
    house.server.script = lambda body: Reply(status=429, headers={"retry-after": "3"})
    falls_back(house, "busy", 3)
    assert house.waits == [3.0, 3.0]


def test_a_server_that_recovers_is_believed(house: House) -> None:
    good = says(GOOD)({})
    house.server.script = in_turn(Reply(status=503), Reply(status=429), good)
    answer = house.ask()
    assert answer.notice is None
    assert answer.generator == house.server.url
    assert len(house.server.requests) == 3


def test_a_server_error_is_bounded(house: House) -> None:
    house.server.script = lambda body: Reply(status=500)
    falls_back(house, "failed", 3)


@pytest.mark.parametrize("status", [400, 404, 422])
def test_what_will_not_change_is_not_tried_again(house: House, status: int) -> None:
    house.server.script = lambda body: Reply(status=status)
    falls_back(house, "failed", 1)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_told(house: House, status: int) -> None:
    house.server.script = lambda body: Reply(status=status)
    falls_back(house, "denied", 1)


def test_a_slow_first_word(house: House) -> None:
    house.limits = Limits(first=0.2, pause=0.2, total=5.0)
    house.server.script = says(GOOD, late=30.0)
    falls_back(house, "slow", 1)


def test_a_model_that_drips_meets_the_deadline(house: House) -> None:
    house.limits = Limits(first=1.0, pause=1.0, total=0.5)
    house.server.script = says("a " * 600, gap=0.05)
    falls_back(house, "slow", 1)


def test_a_stream_that_breaks_off_keeps_what_holds(house: House) -> None:
    house.server.script = says(f"{GOOD} And then it", cut=True)
    answer = house.ask()
    assert answer.answer.startswith("`toolkit.fold` folds a sequence of sheets along a new axis.")
    assert "And then it" not in answer.answer
    assert answer.notice == notice("broken", house)
    assert answer.citations[-1].marker > 2
    assert len(house.server.requests) == 1


def test_an_empty_answer_is_asked_for_again(house: House) -> None:
    house.server.script = says("")
    falls_back(house, "empty", 3)


@pytest.mark.parametrize(
    "raw",
    [b"data: {not json\n\n", b"data: [1, 2\n\ndata: [DONE]\n\n", b"\x00\xff\xfe", b"<html>hello</html>"],
    ids=["json", "array", "bytes", "html"],
)  # fmt: skip
def test_what_is_not_the_protocol(house: House, raw: bytes) -> None:
    house.server.script = lambda body: Reply(raw=raw)
    answer = house.ask()
    assert answer.answer == house.quotes()
    assert answer.notice
    assert len(house.server.requests) <= 3


@pytest.mark.parametrize(
    ("text", "wrong", "right"),
    [
        (FOLD_KO, GOOD, GOOD_KO),
        (FOLD, GOOD_KO, GOOD),
        (FOLD_KO, "这个函数沿新轴折叠一系列纸张，默认值是零点二五。", GOOD_KO),
    ],
)
def test_an_answer_in_another_language_is_asked_for_again(
    house: House, text: str, wrong: str, right: str
) -> None:
    house.server.script = in_turn(says(wrong)({}), says(right)({}))
    answer = house.ask(text)
    assert answer.notice is None
    assert answer.answer
    first, second = (r["messages"][0]["content"] for r in house.server.requests)
    assert len(second) > len(first)


def test_a_model_that_knows_one_language_only(house: House) -> None:
    house.server.script = says(GOOD)
    answer = house.ask(FOLD_KO)
    assert answer.answer == house.quotes(FOLD_KO)
    assert answer.notice == notice("language", house, "ko")


# -- stopping, threads, secrets ------------------------------------------------------------------


def test_closing_the_stream_ends_the_connection(house: House) -> None:
    house.server.script = says(GOOD + " word" * 5000, gap=0.01)
    stream = house.pipeline.stream(FOLD)
    assert [bool(next(stream).answer) for _ in range(2)] == [False, True]
    stream.close()  # type: ignore[attr-defined]
    assert house.server.gone.wait(10)


def test_many_threads_ask_at_once(house: House) -> None:
    pipeline = house.pipeline
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(pipeline.ask(FOLD).answer)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [found[0]] * 8
    assert found[0].endswith("0.25. [2]")


def test_a_key_is_sent_and_shown_nowhere(
    small_pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "sk-test-0123456789abcdef"
    monkeypatch.setenv("ASK_API_KEY", key)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai-and-nobody-else")
    body = json.dumps({"error": {"message": f"no such model; your key is {key}"}}).encode()
    with ScriptedServer(lambda _: Reply(status=404, raw=body)) as server:
        model = chat_model(server.url)
        with pytest.raises(ModelFailed) as raised:
            list(model.stream(_prompt(), QUICK))
        answer = Pipeline(
            small_pipeline.index, small_pipeline.encoder, Composer(model, small_pipeline.encoder)
        ).ask(FOLD)
        model.close()
    assert key not in f"{raised.value!r} {raised.value} {raised.value.told} {answer}"
    assert "no such model" in raised.value.told
    assert {headers["authorization"] for headers in map(_lower, server.headers)} == {
        f"Bearer {key}"
    }


def _lower(headers: object) -> dict[str, str]:
    return {name.lower(): value for name, value in dict(headers).items()}  # type: ignore[call-overload]


def _prompt() -> object:
    from rag.generators.chatmodel import Prompt

    return Prompt("rules", "question")


def test_a_server_of_several_models_has_to_be_told_which(house: House) -> None:
    with ScriptedServer(says(GOOD), models=["a", "b"]) as server:
        with pytest.raises(UsageError, match=f"{server.url}#a"):
            chat_model(server.url)
        model = chat_model(f"{server.url}#b")
        list(model.stream(_prompt(), QUICK))  # type: ignore[arg-type]
        model.close()
        assert server.requests[0]["model"] == "b"


# -- small things --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "plain", "cited"),
    [
        ("A joins B [1].", "A joins B.", [1]),
        ("A joins B [1][3].", "A joins B.", [1, 3]),
        ("A joins B [1, 2].", "A joins B.", [1, 2]),
        ("A [1] joins B [2].", "A joins B.", [1, 2]),
        ("합칩니다 【2】.", "합칩니다.", [2]),
        ("합칩니다 [발췌문 2].", "합칩니다.", [2]),
        ("`x[0]` is the first.", "`x[0]` is the first.", []),
        ("It is x[1] here.", "It is x[1] here.", []),
    ],
)
def test_markers_are_taken_off(text: str, plain: str, cited: list[int]) -> None:
    assert without_markers(text) == (plain, cited)


def test_a_refusal_is_known_in_any_dress() -> None:
    assert says_refusal("the documents do not answer this", "en")
    assert says_refusal("**문서에는 이 질문의 답이 없습니다**.", "ko")
    assert not says_refusal("The documents say that it folds.", "en")


@pytest.mark.parametrize(
    ("text", "language", "fits"),
    [
        ("It folds sheets.", "en", True),
        ("It folds sheets.", "ko", False),
        ("시트를 접습니다.", "ko", True),
        ("시트를 접습니다.", "en", False),
        ("문서에 따르면 “Folds a sequence of sheets along a new axis.”입니다.", "ko", True),
        ("`toolkit.fold(sheets, axis=0)`", "ko", True),
        ("折叠一系列纸张。", "ko", False),
        ("新しい軸に沿ってシートを折る。", "en", False),
    ],
)
def test_the_language_of_a_sentence(text: str, language: str, fits: bool) -> None:
    assert in_language(text, language) is fits  # type: ignore[arg-type]


def test_an_answer_takes_the_time_it_takes(house: House) -> None:
    started = time.perf_counter()
    answer = house.ask()
    assert 0 < answer.seconds <= time.perf_counter() - started
    assert dataclasses.asdict(answer)
    assert "[1]" in passages_in(house.server.requests[0])
