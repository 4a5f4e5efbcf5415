"""How well an encoder finds texts of titles it was never trained on, beside MiniLM and BM25.

    python -m rag.training.measure --data ../shared/data
    python -m rag.training.measure --checkpoint .training/body.pt

Prints a table and one JSON line. Without options the bundled int8 model is measured.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer

from rag.encoders import BUNDLED, OnnxEncoder
from rag.sparse import SparseIndex
from rag.text import search_tokens
from rag.training import split as splits
from rag.training.data import (
    Pair,
    arguments,
    read_pairs,
    read_questions,
    read_sections,
    teacher_folder,
)
from rag.training.model import Student, embed, load_student, teacher

Floats = NDArray[np.float32]
Embed = Callable[[Sequence[str]], Floats]


@dataclass(frozen=True)
class Search:
    """Queries, passages, and for each query the row of its passage."""

    name: str
    queries: list[str]
    passages: list[str]
    wanted: list[int]


def sentences(pairs: Sequence[Pair], size: int = 1000) -> list[Pair]:
    """Held-out sentences, human translations of more than 20 letters, each side once."""
    good = {
        pair.en: pair
        for pair in pairs
        if pair.file not in ("ms_cpp_docs_mt", "mkqa_questions") and len(pair.en) > 20
    }
    kept = list({pair.ko: pair for pair in good.values()}.values())
    return random.Random(7).sample(kept, size)


def searches(data: Path) -> tuple[list[Search], list[str]]:
    """All held-out searches, and the English sentences among them."""
    split = splits.load()
    every = read_sections(data)
    found = sentences(split.divide(read_pairs(data), every)[1])
    english, korean, rows = [p.en for p in found], [p.ko for p in found], list(range(len(found)))
    held = [section for section in every if split.holds(section)]
    texts, headings = [s.text_en for s in held], [s.head_ko for s in held]
    result = [
        Search("Korean sentence -> English sentence", korean, english, rows),
        Search("English sentence -> Korean sentence", english, korean, rows),
        Search("Korean heading -> English section", headings, texts, list(range(len(held)))),
        Search(
            "English heading -> English section",
            [s.head_en for s in held],
            texts,
            list(range(len(held))),
        ),
        Search(
            "Korean heading -> Korean section",
            headings,
            [s.text_ko for s in held],
            list(range(len(held))),
        ),
    ]
    for name, label in (
        ("squad11_train", "SQuAD question -> paragraph"),
        ("tydiqa_korean_train", "TyDi Korean question -> paragraph"),
    ):
        asked = [row for row in read_questions(data, name) if split.holds(row)]
        passages = list(dict.fromkeys(row.context for row in asked))
        asked = random.Random(7).sample(asked, min(600, len(asked)))
        wanted = [passages.index(row.context) for row in asked]
        result.append(Search(label, [row.question for row in asked], passages, wanted))
    return result, english


def ranks(search: Search, vectors: dict[str, Floats]) -> NDArray[np.int64]:
    """The place, from 1, at which each query finds its passage."""
    queries = np.stack([vectors[text] for text in search.queries])
    scores = queries @ np.stack([vectors[text] for text in search.passages]).T
    right = scores[np.arange(len(queries)), search.wanted]
    above: NDArray[np.int64] = (scores > right[:, None]).sum(1)
    return 1 + above


def figures(place: NDArray[np.int64]) -> dict[str, float]:
    """accuracy@1, recall@5 and MRR@10 of places that count from 1."""
    return {
        "accuracy@1": float((place == 1).mean()),
        "recall@5": float((place <= 5).mean()),
        "mrr@10": float(np.where(place <= 10, 1 / place, 0).mean()),
    }


def scores(found: list[Search], embed: Embed) -> tuple[dict[str, dict[str, float]], Embed]:
    """The figures of each search."""
    texts = list(dict.fromkeys(text for s in found for text in (*s.queries, *s.passages)))
    vectors = dict(zip(texts, embed(texts), strict=True))
    table = {search.name: figures(ranks(search, vectors)) for search in found}
    return table, lambda texts: np.stack([vectors[text] for text in texts])


def by_words(search: Search) -> dict[str, float]:
    """The same of BM25 over the tokens that the index uses; a passage that shares no word with the
    question stands, with all others of the kind, in the middle of them."""
    index = SparseIndex.build([search_tokens(text) for text in search.passages])
    place = []
    for query, wanted in zip(search.queries, search.wanted, strict=True):
        scored = index.scores(dict.fromkeys(search_tokens(query), 1.0))
        ties = int((scored == scored[wanted]).sum()) - 1
        place.append(1 + int((scored > scored[wanted]).sum()) + ties // 2)
    return figures(np.array(place))


def plain(work: Path) -> Embed:
    """all-MiniLM-L6-v2 as it comes; its vectors are kept in `work`, they are always the same."""

    def embed_or_read(texts: Sequence[str]) -> Floats:
        digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
        path = work / f"minilm-{digest}.npy"
        if not path.exists():
            tokenizer = Tokenizer.from_file(str(teacher_folder() / "tokenizer.json"))
            tokenizer.no_padding()
            tokenizer.no_truncation()
            work.mkdir(parents=True, exist_ok=True)
            np.save(path, embed(teacher(), tokenizer, texts))
        return np.asarray(np.load(path), dtype=np.float32)

    return embed_or_read


def of_model(model: Student, tokenizer: Tokenizer) -> Embed:
    """The embedding function of a torch model."""
    return lambda texts: embed(model, tokenizer, texts)


def main() -> None:
    """Measure plain MiniLM and the student on the same held-out texts."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--checkpoint", type=Path, help="a torch checkpoint in place of int8")
    parser.add_argument("--encoder", type=Path, default=BUNDLED, help="an exported folder")
    options = parser.parse_args()
    torch.set_num_threads(2)
    found, english = searches(options.data)
    if options.checkpoint:
        tokenizer = Tokenizer.from_file(str(options.work / "tokenizer.json"))
        student = of_model(load_student(options.checkpoint, tokenizer.get_vocab_size()), tokenizer)
    else:
        student = OnnxEncoder(options.encoder).encode_documents
    before, old = scores(found, plain(options.work))
    after, new = scores(found, student)
    words = {search.name: by_words(search) for search in found}
    print("| search among held-out texts | passages | measure | BM25 | MiniLM | student |")
    print("|---|---:|---|---:|---:|---:|")
    for search in found:
        for measure, value in after[search.name].items():
            cells = f"{search.name} | {len(search.passages)} | {measure}"
            others = f"{words[search.name][measure]:.3f} | {before[search.name][measure]:.3f}"
            print(f"| {cells} | {others} | {value:.3f} |")
    fidelity = {
        "cosine English to teacher": float((old(english) * new(english)).sum(1).mean()),
        "cosine Korean to teacher's English": float(
            (old(english) * new(found[0].queries)).sum(1).mean()
        ),
    }
    print(json.dumps({"bm25": words, "minilm": before, "student": after, **fidelity}))


if __name__ == "__main__":
    main()
