"""The tokenizer: MiniLM's vocabulary, ids unchanged, and Korean word pieces behind it.

python -m rag.training.vocabulary --data ../shared/data --work .training
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rag.text import korean_stem
from rag.training.data import (
    arguments,
    read_pairs,
    read_questions,
    read_sections,
    teacher_folder,
)
from rag.training.split import load

PIECES = 12_000
ENDINGS = 800
HANGUL = re.compile("[가-힣]+")
MAX_TOKENS = 256


def korean_texts(data: Path) -> Iterator[str]:
    """Every Korean text that may be trained on."""
    split = load()
    sections = read_sections(data)
    for pair in split.divide(read_pairs(data), sections)[0]:
        if pair.file != "ms_cpp_docs_mt":
            yield pair.ko
    for section in sections:
        if not split.holds(section):
            yield f"{section.head_ko} {section.text_ko}"
    for question in read_questions(data, "tydiqa_korean_train"):
        if not split.holds(question):
            yield f"{question.question} {question.context}"


def pieces(texts: Iterable[str], size: int = PIECES) -> list[str]:
    """The commonest endings, the `size` most useful pieces of stems, and all syllables.

    Stems and endings are learnt apart, so that 텐서를, 텐서의 and 텐서에서 share the row of 텐서:
    every row is seen more often. The syllables of KS X 1001 make sure that a rare one costs
    itself only, not its whole word.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    words: Counter[str] = Counter()
    endings: Counter[str] = Counter()
    for run, count in Counter(run for text in texts for run in HANGUL.findall(text)).items():
        stem = korean_stem(run)
        words[stem] += count
        endings[run[len(stem) :]] += count
    del endings[""]
    trainer = trainers.WordPieceTrainer(
        vocab_size=size, min_frequency=5, show_progress=False, limit_alphabet=4000
    )
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    lines = (" ".join([word] * count) for word, count in sorted(words.items()))
    tokenizer.train_from_iterator(lines, trainer)
    learnt = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    found = [piece for piece, _ in learnt if HANGUL.fullmatch(piece.removeprefix("##"))]
    syllables = [form for one in common_syllables() for form in (one, f"##{one}")]
    glued = [f"##{ending}" for ending, _ in endings.most_common(ENDINGS)]
    return list(dict.fromkeys([*glued, *found, *syllables]))


def common_syllables() -> list[str]:
    """The 2,350 syllables of KS X 1001."""
    codes = (bytes([high, low]) for high in range(0xB0, 0xC9) for low in range(0xA1, 0xFF))
    return [code.decode("euc-kr") for code in codes]


def extend(tokenizer: dict[str, Any], added: list[str]) -> dict[str, Any]:
    """MiniLM's tokenizer.json with the Korean pieces appended and Hangul kept whole.

    English comes out as before, accents removed too: marks are dropped between NFD and NFC, and
    Hangul jamo, being no marks, are put together again. Words are cut where Hangul begins or
    ends, so that `GPU를` and `3차원` share the pieces of `를` and `차원`. The fixed padding to 128
    tokens of the original file is switched off: it would enter every mean.
    """
    result: dict[str, Any] = json.loads(json.dumps(tokenizer))
    vocabulary = result["model"]["vocab"]
    for piece in added:
        vocabulary.setdefault(piece, len(vocabulary))
    result["padding"] = None
    result["truncation"] = {
        "direction": "Right",
        "max_length": MAX_TOKENS,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    bert = {**result["normalizer"], "strip_accents": False, "lowercase": False}
    steps = [bert, *({"type": name} for name in ("NFD", "StripAccents", "Lowercase", "NFC"))]
    result["normalizer"] = {"type": "Sequence", "normalizers": steps}
    cut = {
        "type": "Split",
        "pattern": {"Regex": "[가-힣]+"},
        "behavior": "Isolated",
        "invert": False,
    }
    result["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [result["pre_tokenizer"], cut]}
    return result


def main() -> None:
    """Write WORK/tokenizer.json and check that English is cut as before."""
    options = arguments(__doc__ or "").parse_args()
    original = teacher_folder() / "tokenizer.json"
    added = pieces(korean_texts(options.data))
    path = options.work / "tokenizer.json"
    options.work.mkdir(parents=True, exist_ok=True)
    extended = extend(json.loads(original.read_text(encoding="utf-8")), added)
    path.write_text(json.dumps(extended, ensure_ascii=False), encoding="utf-8")
    differing = compare(original, path, [pair.en for pair in read_pairs(options.data)][::5])
    print(f"{len(added)} pieces added; {differing} English texts are cut in another way")


def compare(original: Path, extended: Path, texts: list[str]) -> int:
    """How many texts without Hangul get other ids than from the original tokenizer."""
    from tokenizers import Tokenizer

    before, after = Tokenizer.from_file(str(original)), Tokenizer.from_file(str(extended))
    before.no_padding()
    before.enable_truncation(MAX_TOKENS)
    texts = [text for text in texts if not HANGUL.search(text)]
    texts.append("Café naïve Ångström ＡＢＣ 日本語")
    pairs = zip(before.encode_batch(texts), after.encode_batch(texts), strict=True)
    return sum(left.ids != right.ids for left, right in pairs)


if __name__ == "__main__":
    main()
