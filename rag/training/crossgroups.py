"""Questions with texts of which some answer: what the cross-encoder learns from.

    python -m rag.training.crossgroups --index DIR --data ../shared/data --work .training

Writes WORK/cross-NAME.jsonl for every kind of group, one JSON object a line: "query", "texts" (at
most GROUP) and "right", the places of those that answer; none where nothing does. Held-out titles
and pages go to cross-held-NAME.jsonl and are only measured on.

- squad, tydi: sentences of the paragraph that was asked about, the one that holds the answer right;
  beside them sentences of another paragraph of the same article. The rows that were made
  unanswerable have no right one.
- sections: a heading of a tutorial to its section among sections near it, in all four directions.
- pairs: a sentence to its translation among its neighbours, so that Korean words meet English ones.
- calls: questions made by rule about a parameter, what is returned, what a symbol does.
- learner: questions written for this (`questions/`); the unit that proves the answer among those
  that the present reader puts first. Only pages of `for_encoder`, as the weights of ranking, reader
  and confidence are fitted on the others.
- nothing: unanswerable ones of the same folder, and what is found for them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.index import Index
from rag.markup import readable
from rag.pipeline import Pipeline
from rag.question import checked_question, read_question
from rag.reader import Read, read
from rag.reranking import in_context, told
from rag.retrieve import retrieve
from rag.text import fold, nfc, sentences
from rag.training import split as splits
from rag.training.data import Pair, arguments, bucket, clean, read_sections, rows
from rag.training.domain import QUESTIONS, for_encoder
from rag.training.everyday import everyday
from rag.training.teacher import materials

GROUP = 8  # texts of a question
_TEXT = 400  # characters of a text, as of a record (rag/chunking.py)
_NEAR = 6  # sections on either side that a heading's own competes with
_UNITS = 40  # units that the reader brings for a learner's question
_PAIRS = 0.15  # of the parallel sentences
_MEASURED = 5  # one in so many of the held-out questions is measured on
_COPIES = 3  # groups of a learner's question, each with other wrong units

Groups = Iterator[tuple[bool, "Group"]]  # with each, whether it is held out


@dataclass(frozen=True, slots=True)
class Group:
    """A question, texts, and the places of those that answer it."""

    query: str
    texts: tuple[str, ...]
    right: tuple[int, ...]


def mixed(query: str, right: Sequence[str], wrong: Sequence[str], draw: random.Random) -> Group:
    """The texts in an order that tells nothing."""
    texts = list(dict.fromkeys([*right, *wrong]))[:GROUP]
    draw.shuffle(texts)
    return Group(query, tuple(texts), tuple(i for i, text in enumerate(texts) if text in right))


# -- public questions ------------------------------------------------------------------------------


def asked(data: Path, *names: str) -> Groups:
    """Questions of public sets with sentences of paragraphs."""
    for name in names:
        yield from _asked(data, name)


def _asked(data: Path, name: str) -> Groups:
    split, draw = splits.load(), random.Random(21)
    path = data / "qa"
    contexts = {row["context_id"]: row for row in rows(path / f"{name}.contexts.jsonl.gz")}
    pieces = {key: _sentences(row) for key, row in contexts.items()}
    by_title: dict[str, list[str]] = {}
    for key, row in contexts.items():
        by_title.setdefault(row["title"], []).append(key)
    for row in rows(path / f"{name}.jsonl.gz"):
        context = contexts[row["context_id"]]
        own = pieces[row["context_id"]]
        right = []
        if row["answerable"]:
            start = row["answers"][0]["start"]
            right = [text for left, end, text in own if left <= start < end]
            if not right:
                continue
        other = draw.choice(by_title[context["title"]])
        wrong = [text for _, _, text in own if text not in right]
        far = [text for _, _, text in pieces[other]] if other != row["context_id"] else []
        draw.shuffle(wrong)
        draw.shuffle(far)
        held = context["title"].replace("_", " ").casefold() in split.titles
        query = clean(row["question"])
        yield held, mixed(query, right, [*wrong[: GROUP - 2], *far][: GROUP - 1], draw)


def _sentences(context: dict[str, Any]) -> list[tuple[int, int, str]]:
    """(start, end, "title: sentence") of every sentence of a paragraph."""
    title, text = context["title"].replace("_", " "), context["text"]
    return [(s, e, f"{title}: {text[s:e]}"[:_TEXT]) for s, e in sentences(text)]


def sections(data: Path) -> Groups:
    """Headings with their sections, in each language and across."""
    split, draw = splits.load(), random.Random(22)
    found = read_sections(data)
    for place, row in enumerate(found):
        near = [
            one
            for one in found[max(0, place - _NEAR) : place + _NEAR + 1]
            if one is not row and one.file == row.file
        ]
        for head, korean in ((row.head_en, False), (row.head_ko, True)):
            text: Callable[[Any], str] = (
                (lambda one: one.text_en) if draw.random() < 0.7 else lambda one: one.text_ko
            )
            wrong = [text(one)[:_TEXT] for one in draw.sample(near, min(len(near), GROUP - 1))]
            query = everyday(head, draw) if korean and draw.random() < 0.5 else head
            yield split.holds(row), mixed(query, [text(row)[:_TEXT]], wrong, draw)


def translations(pairs: Sequence[Pair]) -> Groups:
    """Sentences with their translations; the wrong ones stand near and share the most words."""
    draw = random.Random(26)
    for place, pair in enumerate(pairs):
        if draw.random() > _PAIRS or len(pair.en) < 30:
            continue
        korean = draw.random() < 0.6  # the question
        own = set(pair.en.lower().split())
        near = [one for one in pairs[max(0, place - 40) : place + 41] if one.en != pair.en]
        near.sort(key=lambda one: -len(own & set(one.en.lower().split())))
        wrong = [(one.en if korean else one.ko)[:_TEXT] for one in near[: GROUP - 1]]
        query, right = (pair.ko, pair.en) if korean else (pair.en, pair.ko)
        yield False, mixed(query, [right[:_TEXT]], wrong, draw)


# -- the documentation ------------------------------------------------------------------------------

_CALLS: dict[str, tuple[str, ...]] = {
    "parameter": (
        "what does {p} do in {s}", "{s} {p}", "what is the {p} argument of {s} for?",
        "which values can {p} of {s} take?", "when should I set {p} in {s}?",
        "{s}에서 {p}는 뭐 하는 인자예요?", "{s} {p} 의미", "{s}의 {p}에는 뭘 넣어야 하나요?",
        "{s}에 {p}를 주면 어떻게 돼?", "{p} 인자 설명해 줘 ({s})",
    ),
    "returns": (
        "what does {s} return?", "return value of {s}", "{s}은 뭘 반환해요?", "{s} 반환값",
    ),
    "shape": (
        "input and output shape of {s}", "{s}의 입력과 출력 모양은?", "{s} 출력 shape",
    ),
    "summary": (
        "what does {s} do?", "what is {s}", "{s}이 뭐예요?", "{s}는 무슨 일을 해?",
    ),
    "raises": ("when does {s} raise an error?", "{s}은 언제 에러가 나요?"),
}  # fmt: skip
_DEFAULTS = (
    "default of {p} in {s}", "what is {p} of {s} if I leave it out?", "{s}의 {p} 기본값은?",
    "{s}에서 {p}를 안 주면 어떻게 돼요?",
)  # fmt: skip


def calls(index: Index) -> Groups:
    """Questions by rule about the parts of a docstring."""
    draw = random.Random(23)
    for head in index.document_heads(range(index.n_documents)):
        if head.kind != "symbol":
            continue
        units = index.chunks(index.chunk_rows_of(head.row))
        summary = next((unit for unit in units if unit.role == "summary"), None)
        short = ".".join(head.title.split(".")[-2:]) if draw.random() < 0.5 else head.title
        short = head.title.rpartition(".")[2] if draw.random() < 0.3 else short
        asking = [unit for unit in units if unit.role in _CALLS]
        for unit in draw.sample(asking, min(3, len(asking))):
            forms = _CALLS[unit.role]
            if unit.role == "parameter" and "default" in unit.record.lower():
                forms = draw.choice((forms, _DEFAULTS))
            query = draw.choice(forms).format(p=unit.name, s=short)
            others = [
                in_context(one, summary)
                for one in units
                if one.role != unit.role or one.role in _CALLS
            ]
            right = [
                in_context(one, summary)
                for one in units
                if one.role == unit.role and one.name == unit.name
            ]
            wrong = [record for record in others if record not in right]
            if wrong:
                yield (
                    False,
                    mixed(query, right[:1], draw.sample(wrong, min(len(wrong), GROUP - 1)), draw),
                )


def learners(pipeline: Pipeline) -> Groups:
    """Learners' questions with the units that the present reader finds."""
    draw = random.Random(24)
    for row in _lines("learner-*.jsonl"):
        held = not for_encoder(row["sources"][0])
        if held and bucket(row["question"], _MEASURED):
            continue
        right, wrong = _judged(row, pipeline)
        if not right:
            continue
        forms = [row["question"]]
        if row["lang"] == "ko":
            forms.append(everyday(row["question"], draw))
        for copy in range(1 if held else _COPIES):
            near = wrong[: GROUP - 1]
            if copy:
                near = draw.sample(wrong, min(len(wrong), GROUP - 1))
            yield held, mixed(forms[copy % len(forms)], right[:1], near, draw)


def _judged(row: dict[str, Any], pipeline: Pipeline) -> tuple[list[str], list[str]]:
    """Records that prove the answer, and records that do not hold it, best first.

    A unit without the proof that still holds all words of a right answer is neither.
    """
    found = _read(row["question"], pipeline)
    records = _records(found)
    proofs = [fold(nfc(proof["words"])).lower() for proof in row["proof"]]
    fitting = {*row["sources"], *row.get("also", ())}
    right, wrong = [], []
    for unit in found.units:
        document = found.documents[unit.place]
        raw = document.text[unit.chunk.start : unit.chunk.end]
        forms = (fold(raw).lower(), readable(raw).lower())
        own = bool({document.id, *document.aliases} & fitting)
        if own and any(words in text for words in proofs for text in forms):
            right.append(records[unit.row])
        elif unit.chunk.role != "signature" and not _answers(row["must_contain"], forms):
            wrong.append(records[unit.row])
    if not right:
        right = list(_proving(row, proofs, pipeline.index))
    return right, wrong[:_UNITS]


def _answers(groups: Sequence[Sequence[str]], forms: Sequence[str]) -> bool:
    return all(any(nfc(a).lower() in text for a in some for text in forms) for some in groups)


def _records(found: Read) -> dict[int, str]:
    """What the cross-encoder reads of each unit, by the row of the unit."""
    summaries = {unit.place: unit.chunk for unit in found.units if unit.chunk.role == "summary"}
    return {u.row: in_context(u.chunk, summaries.get(u.place)) for u in found.units}


def _proving(row: dict[str, Any], proofs: Sequence[str], index: Index) -> Iterator[str]:
    """The units that hold the proof, of a page that was not found."""
    for source in row["sources"]:
        place = index.find_document(source)
        if place is not None:
            rows = index.chunk_rows_of(place[0])
            for chunk, record in zip(index.chunks(rows), told(index, rows), strict=True):
                text = fold(place[1].text[chunk.start : chunk.end]).lower()
                if any(words in text for words in proofs):
                    yield record


def nothing(pipeline: Pipeline) -> Groups:
    """Unanswerable questions with what is found for them."""
    draw = random.Random(25)
    for row in _lines("unanswerable-*.jsonl"):
        found = list(_records(_read(row["question"], pipeline)).values())[:_UNITS]
        held = not for_encoder(row["question"])
        for copy in range(1 if held else _COPIES):
            some = draw.sample(found, min(len(found), GROUP)) if copy else found[:GROUP]
            yield held, mixed(row["question"], [], some, draw)


def _read(question: str, pipeline: Pipeline) -> Read:
    asking = read_question(checked_question(question))
    return read(retrieve(asking, pipeline.index, pipeline.encoder), pipeline.index, None)


def _lines(pattern: str) -> Iterator[dict[str, Any]]:
    for path in sorted(QUESTIONS.glob(pattern)):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                yield json.loads(line)


# -- writing ---------------------------------------------------------------------------------------


def write(name: str, groups: Groups, work: Path) -> str:
    """WORK/cross-NAME.jsonl and WORK/cross-held-NAME.jsonl."""
    counts = [0, 0]
    paths = [work / f"cross-{name}.jsonl", work / f"cross-held-{name}.jsonl"]
    with paths[0].open("w", encoding="utf-8") as own, paths[1].open("w", encoding="utf-8") as kept:
        for held, group in groups:
            if len(group.texts) > 1:
                record = {"query": group.query, "texts": group.texts, "right": group.right}
                (kept if held else own).write(json.dumps(record, ensure_ascii=False) + "\n")
                counts[held] += 1
    return f"{name}: {counts[0]} to train on, {counts[1]} held out"


def main() -> None:
    """Write all groups, or those of --only."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--index", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="kinds of groups")
    options = parser.parse_args()
    with Pipeline.open(options.index) as pipeline:
        makers: dict[str, Callable[[], Groups]] = {
            "calls": lambda: calls(pipeline.index),
            "learner": lambda: learners(pipeline),
            "nothing": lambda: nothing(pipeline),
            "pairs": lambda: translations(materials(options.data).pairs),
            "sections": lambda: sections(options.data),
            "squad": lambda: asked(options.data, "squad11_train", "tydiqa_english_train"),
            "tydi": lambda: asked(options.data, "tydiqa_korean_train"),
        }
        for name in options.only or makers:
            print(write(name, makers[name](), options.work), flush=True)


if __name__ == "__main__":
    main()
