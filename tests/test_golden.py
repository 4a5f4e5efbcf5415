"""The golden questions: their form, their balance, and that their proofs are true.

A golden question that the documentation no longer proves would teach the retriever and the
refusal threshold something false, so every proof is looked up in the installed torch. The
split `dev` is for looking and tuning; `test` is for reporting only, and shares nothing with it.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import re
import tomllib
import unicodedata
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).resolve().parents[1] / "corpus"
SPLITS = ("dev", "test")
FROZEN = "0ad5db110ee7ed876089403a89d60a9eaf35ac1893007a911cf2761a9f07296f"  # SHA-256 of test.jsonl
ALIKE = 0.75  # the likest two of the splits, two error messages, come to it

ANSWERABLE_KINDS = {"api", "howto", "concept", "error", "comparison", "history"}
UNANSWERABLE_KINDS = {"offtopic", "neartopic", "false-premise", "future", "injection"}
REQUIRED = {
    "id": str,
    "lang": str,
    "kind": str,
    "question": str,
    "answerable": bool,
    "sources": list,
    "must_contain": list,
    "proof": list,
    "note": str,
}
PROVED_ON = "2.13"  # the proofs quote the docstrings of this torch


def load(split: str) -> list[dict[str, Any]]:
    lines = (CORPUS / "golden" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


BY_SPLIT = {split: load(split) for split in SPLITS}
QUESTIONS = [q for questions in BY_SPLIT.values() for q in questions]
ANSWERABLE = [q for q in QUESTIONS if q["answerable"]]


def fold(text: str) -> str:
    return " ".join(text.split())


def plain(text: str) -> str:
    return fold(unicodedata.normalize("NFC", text)).casefold()


def resolve(qualified: str) -> Any:
    """Finds a public torch object by its name, importing the modules on the way."""
    names = qualified.split(".")
    found = importlib.import_module(names[0])
    for i, name in enumerate(names[1:], start=2):
        if not hasattr(found, name):
            importlib.import_module(".".join(names[:i]))
        found = getattr(found, name)
    return found


@cache
def documentation(source: str) -> str:
    found = resolve(source.removeprefix("py:"))
    try:
        signature = str(inspect.signature(found))
    except (TypeError, ValueError):
        signature = ""  # builtins state their signature in the docstring
    return fold(f"{inspect.getdoc(found) or ''} {signature}")


@cache
def note_files() -> dict[str, list[str]]:
    with (CORPUS / "sources.toml").open("rb") as file:
        return {source["id"]: source["notes"] for source in tomllib.load(file)["source"]}


@cache
def notes_of(source: str) -> str:
    texts = [(CORPUS / note).read_text(encoding="utf-8") for note in note_files()[source]]
    return plain(" ".join(texts))


def test_every_line_has_the_agreed_form() -> None:
    for q in QUESTIONS:
        for key, kind in REQUIRED.items():
            assert isinstance(q.get(key), kind), (q.get("id"), key)
        assert q["lang"] in {"en", "ko"}, q["id"]
        assert q["question"] == q["question"].strip() != "", q["id"]
        assert unicodedata.is_normalized("NFC", q["question"]), q["id"]
        assert q["kind"] in (ANSWERABLE_KINDS if q["answerable"] else UNANSWERABLE_KINDS), q["id"]
        for source in q["sources"]:
            assert source.startswith("py:torch") or note_files().get(source), (q["id"], source)
        assert len(set(q["sources"])) == len(q["sources"]), q["id"]
        for group in q["must_contain"]:
            assert group, q["id"]
            assert all(isinstance(word, str) and word for word in group), q["id"]
        for turn in q.get("history", []):
            assert set(turn) == {"question", "answer"}, q["id"]
            assert all(isinstance(text, str) and text.strip() for text in turn.values()), q["id"]


def test_answerable_questions_have_sources_demands_and_proofs() -> None:
    for q in ANSWERABLE:
        assert q["sources"], q["id"]
        assert q["must_contain"], q["id"]
        assert q["proof"], q["id"]
        for proof in q["proof"]:
            assert proof["source"] in q["sources"], (q["id"], proof)
            assert proof["words"].strip(), q["id"]


def test_ids_and_questions_are_unique() -> None:
    ids = Counter(q["id"] for q in QUESTIONS)
    assert max(ids.values()) == 1, ids.most_common(1)
    texts = Counter(plain(q["question"]) for q in QUESTIONS)
    assert max(texts.values()) == 1, texts.most_common(1)


def test_no_two_questions_nearly_repeat_each_other() -> None:
    words = [(q["id"], set(re.findall(r"\w+", plain(q["question"])))) for q in QUESTIONS]
    for i, (one, a) in enumerate(words):
        for other, b in words[:i]:
            assert len(a & b) <= 0.6 * len(a | b), (one, other)


@pytest.mark.parametrize("q", QUESTIONS, ids=lambda q: q["id"])
def test_language_is_that_of_the_question(q: dict[str, Any]) -> None:
    hangul = re.search(r"[\uac00-\ud7a3]", q["question"]) is not None
    assert hangul == (q["lang"] == "ko")


@pytest.mark.parametrize("split", SPLITS)
def test_balance_of_languages_and_kinds(split: str) -> None:
    questions = BY_SPLIT[split]
    count = Counter((q["answerable"], q["lang"]) for q in questions)
    assert min(count[True, "en"], count[True, "ko"]) >= 75
    assert abs(count[True, "en"] - count[True, "ko"]) <= 4
    assert min(count[False, "en"], count[False, "ko"]) >= 33
    assert abs(count[False, "en"] - count[False, "ko"]) <= 4
    for lang in ("en", "ko"):
        kinds = {q["kind"] for q in questions if q["lang"] == lang}
        assert kinds == ANSWERABLE_KINDS | UNANSWERABLE_KINDS, lang


@pytest.mark.parametrize("split", SPLITS)
def test_pages_prove_about_a_third(split: str) -> None:
    answerable = [q for q in BY_SPLIT[split] if q["answerable"]]
    pages = [q for q in answerable if not q["sources"][0].startswith("py:")]
    assert 0.25 <= len(pages) / len(answerable) <= 0.45
    cited = {source for q in pages for source in q["sources"]}
    assert cited >= {source for source, notes in note_files().items() if notes}


@pytest.mark.parametrize("split", SPLITS)
def test_follow_ups_are_asked_in_both_languages(split: str) -> None:
    count = Counter(q["lang"] for q in BY_SPLIT[split] if q.get("history"))
    assert min(count["en"], count["ko"]) >= 6


def test_an_echo_of_a_test_question_is_no_answer() -> None:
    for q in BY_SPLIT["test"]:
        said = plain(" ".join([q["question"], *(t["answer"] for t in q.get("history", []))]))
        groups = q["must_contain"]
        met = [any(plain(word) in said for word in group) for group in groups]
        assert not groups or not all(met), q["id"]


@pytest.mark.parametrize("split", SPLITS)
def test_pairs_stand_in_both_languages_and_agree(split: str) -> None:
    pairs: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for q in BY_SPLIT[split]:
        if "pair" in q:
            pairs[q["pair"]].append(q)
    assert len(pairs) >= 25
    for name, both in pairs.items():
        assert sorted(q["lang"] for q in both) == ["en", "ko"], name
        assert both[0]["sources"] == both[1]["sources"], name
        assert both[0]["kind"] == both[1]["kind"], name


def test_the_splits_share_no_pair() -> None:
    dev, test = ({q["pair"] for q in BY_SPLIT[split] if "pair" in q} for split in SPLITS)
    assert not dev & test


# -- the split -----------------------------------------------------------------------------------


def test_the_test_split_is_frozen() -> None:
    """Changing it makes every earlier figure one of other questions; then accept a run anew, too."""
    data = (CORPUS / "golden" / "test.jsonl").read_bytes()
    assert hashlib.sha256(data).hexdigest() == FROZEN


def likeness(one: str, other: str) -> float:
    """How alike two questions are, 0 to 1: the trigrams of letters that they share (Dice)."""
    a, b = trigrams(one), trigrams(other)
    return 2 * len(a & b) / (len(a) + len(b))


@cache
def trigrams(text: str) -> frozenset[str]:
    letters = " ".join(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold()))
    return frozenset(f" {letters} "[i : i + 3] for i in range(len(letters)))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What does torch.stack do?", "what does  `torch.stack` do"),
        ("What is the default of dim in torch.stack?", "What's the default of dim in torch.stack?"),
        ("AdamW 가중치 감쇠 기본값이 얼마예요?", "AdamW의 가중치 감쇠 기본값이 얼마죠?"),
        ("난수 시드 고정하는 방법", unicodedata.normalize("NFD", "난수 시드를 고정하는 방법")),
    ],
)
def test_near_copies_are_alike(one: str, other: str) -> None:
    assert likeness(one, other) > ALIKE


def test_no_test_question_is_nearly_a_dev_question() -> None:
    for q in BY_SPLIT["test"]:
        for tuned in BY_SPLIT["dev"]:
            assert likeness(q["question"], tuned["question"]) <= ALIKE, (q["id"], tuned["id"])


def test_no_test_question_is_proved_by_the_words_that_prove_a_dev_question() -> None:
    """Words of a few letters ("framework") prove many things; a sentence proves one."""
    tuned = [(p, q["id"]) for q in BY_SPLIT["dev"] for p in q["proof"] if len(p["words"]) >= 20]
    for q in BY_SPLIT["test"]:
        for proof in q["proof"]:
            for other, id_ in tuned:
                if proof["source"] == other["source"] and len(proof["words"]) >= 20:
                    a, b = fold(proof["words"]), fold(other["words"])
                    assert a not in b, (q["id"], id_)
                    assert b not in a, (q["id"], id_)


# -- proofs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", ANSWERABLE, ids=lambda q: q["id"])
def test_docstrings_prove_the_question(q: dict[str, Any]) -> None:
    torch = pytest.importorskip("torch")
    if not torch.__version__.startswith(PROVED_ON):
        pytest.skip(f"the proofs quote torch {PROVED_ON}, not {torch.__version__}")
    for source in q["sources"]:
        if source.startswith("py:"):
            assert documentation(source), source
    for proof in q["proof"]:
        if proof["source"].startswith("py:"):
            assert fold(proof["words"]) in documentation(proof["source"]), proof


@pytest.mark.parametrize("q", ANSWERABLE, ids=lambda q: q["id"])
def test_the_documentation_can_satisfy_the_demands(q: dict[str, Any]) -> None:
    """At least one alternative of each group stands in a source or is its name."""
    torch = pytest.importorskip("torch")
    if not torch.__version__.startswith(PROVED_ON):
        pytest.skip(f"the proofs quote torch {PROVED_ON}, not {torch.__version__}")
    text = " ".join(
        f"{s[3:]} {documentation(s)}" if s.startswith("py:") else notes_of(s) for s in q["sources"]
    )
    for group in q["must_contain"]:
        assert any(plain(word) in plain(text) for word in group), group


@pytest.mark.parametrize("q", ANSWERABLE, ids=lambda q: q["id"])
def test_notes_prove_the_question(q: dict[str, Any]) -> None:
    for proof in q["proof"]:
        if not proof["source"].startswith("py:"):
            assert plain(proof["words"]) in notes_of(proof["source"]), proof


def test_false_premises_name_objects_that_do_not_exist() -> None:
    pytest.importorskip("torch")
    for q in QUESTIONS:
        if q["kind"] == "false-premise" and "no such object" in q["note"]:
            # ASCII, or a Korean particle would count as the end of the name
            pattern = r"(?:torch\.|nn\.|Tensor\.)[A-Za-z_][\w.]*"
            names = re.findall(pattern, q["question"], re.ASCII)
            assert names, q["id"]
            name = names[0].rstrip(".")
            name = name if name.startswith("torch.") else f"torch.{name}"
            with pytest.raises((AttributeError, ImportError)):
                resolve(name)
