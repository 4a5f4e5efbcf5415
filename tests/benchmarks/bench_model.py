"""What our way costs around a language model: `python tests/benchmarks/bench_model.py`.

First words: a scripted server begins after half a second; told is how much later than its first
whole sentence the first checked one is shown, retrieval included. Tokens a second: an untrained Llama of
about 50 million weights on the CPU, through `LocalModel` and by plain `generate`, in turns.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import tinymodels
import toolkit
from scripted import ScriptedServer, says

from rag.encoders import load_encoder
from rag.generators.chat import chat_model
from rag.generators.chatmodel import Limits, Prompt
from rag.generators.composing import Composer
from rag.generators.local import LocalModel, choose_device
from rag.pipeline import Pipeline

SENTENCE = "`toolkit.fold` folds a sequence of sheets along a new axis [1]. "
LATE = 0.5  # seconds before the scripted model's first word
TOKENS, ROUNDS = 64, 3


def first_words(folder: Path) -> dict[str, float]:
    """Milliseconds from the model's first sentence to the first one shown, median of ten."""
    encoder = load_encoder(None)
    index = toolkit.build(folder / "index", encoder, toolkit.documents())
    with ScriptedServer(says(SENTENCE * 3, late=LATE)) as server:
        model = chat_model(server.url)
        with Pipeline(index, encoder, Composer(model, encoder)) as pipeline:
            pipeline.ask("What is toolkit.fold?")
            ours, own = [], []
            for _ in range(10):
                started = time.perf_counter()
                text = ""
                for word in model.stream(Prompt("rules", "question"), Limits()):
                    text += word
                    if len(text) > len(SENTENCE):
                        break
                own.append(time.perf_counter() - started)
                started = time.perf_counter()
                next(a for a in pipeline.stream("What is toolkit.fold?") if a.answer)
                ours.append(time.perf_counter() - started)
    return {
        "model_ms": round(1000 * statistics.median(own), 1),
        "ours_ms": round(1000 * statistics.median(ours), 1),
        "beyond_ms": round(1000 * (statistics.median(ours) - statistics.median(own)), 1),
    }


def tokens_a_second(folder: Path) -> dict[str, Any]:
    """Of `LocalModel` and of plain `generate`, best of a few rounds in turns."""
    made = tinymodels.make(folder / "model", width=768, layers=8, context=2048)
    local = LocalModel(f"local:{made}", choose_device())
    prompt = Prompt("rules", "word " * 60)
    ids = local._tokenizer(local.chat(prompt), return_tensors="pt", add_special_tokens=False)
    ids = ids.to(local.device.name)
    local._model.generation_config.eos_token_id = None  # both write exactly as much
    ours, plain = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in local.stream(prompt, Limits(tokens=TOKENS)):
            pass
        ours.append(TOKENS / (time.perf_counter() - started))
        started = time.perf_counter()
        # In a thread of its own too: the number of torch's threads belongs to the calling one.
        generate = partial(local._model.generate, max_new_tokens=TOKENS, do_sample=False)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(generate, **ids, pad_token_id=0).result()
        plain.append(TOKENS / (time.perf_counter() - started))
    weights = sum(p.numel() for p in local._model.parameters())
    return {
        "device": local.device.told, "weights": weights, "ours_tokens_s": round(max(ours), 1),
        "generate_tokens_s": round(max(plain), 1), "share": round(max(ours) / max(plain), 3),
    }  # fmt: skip


def main() -> None:
    """Print two lines for people and one of JSON for machines."""
    with tempfile.TemporaryDirectory() as name:
        result = {"first_words": first_words(Path(name)), "local": tokens_a_second(Path(name))}
    for part, values in result.items():
        print(part, values)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
