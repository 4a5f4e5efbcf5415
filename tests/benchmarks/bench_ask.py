"""How long it takes and how much memory: `python tests/benchmarks/bench_ask.py [--index DIR]`.

Without --index the default index is built first in a folder of its own, with an empty vector
cache, and timed; with it that step is left out. Every number is measured in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "corpus" / "golden" / "dev.jsonl"
ASK = [sys.executable, "-c", "import sys; from rag.cli import main; sys.exit(main())"]
QUESTIONS = {
    "English": "What does torch.stack do?",
    "Korean": "DataLoader의 num_workers 기본값은?",
}
ANSWERED, REFUSED = 0, 3

ENCODER = """
import json, sys, time
started = time.perf_counter()
import numpy, onnxruntime, tokenizers
from rag.encoders import load_encoder
imported = time.perf_counter()
encoder = load_encoder()
encoder.encode_queries(["warm"])
load = time.perf_counter() - imported
questions, records = json.load(sys.stdin)
times = []
for question in questions:
    began = time.perf_counter()
    encoder.encode_queries([question])
    times.append(time.perf_counter() - began)
began = time.perf_counter()
encoder.encode_documents(records)
print(json.dumps({"import": imported - started, "load": load, "query": times,
                  "records": time.perf_counter() - began}))
"""
STAGES = """
import json, sys, time
from rag.pipeline import Pipeline
from rag.question import checked_question, read_question
from rag.reader import read
from rag.reranking import rerank
from rag.retrieve import retrieve
stages = {"retrieving": [], "reranking": [], "reading": []}
with Pipeline.open(sys.argv[1]) as pipeline:
    for question in json.load(sys.stdin):
        asked = read_question(checked_question(question))
        times = [time.perf_counter()]
        found = retrieve(asked, pipeline.index, pipeline.encoder)
        times.append(time.perf_counter())
        found = rerank(found, pipeline.index, pipeline.judge)
        times.append(time.perf_counter())
        read(found, pipeline.index, pipeline.judge)
        times.append(time.perf_counter())
        for stage, before, after in zip(stages, times, times[1:]):
            stages[stage].append(after - before)
print(json.dumps(stages))
"""
PIPELINE = """
import json, resource, sys, time
started = time.perf_counter()
from rag.pipeline import Pipeline
imported = time.perf_counter()
with Pipeline.open(sys.argv[1]) as pipeline:
    opened = time.perf_counter()
    pipeline.ask(sys.argv[2])
    first = time.perf_counter()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # KiB; bytes on macOS
peak = peak / 2**20 if sys.platform == "darwin" else peak / 2**10
print(json.dumps({"import": imported - started, "open": opened - imported,
                  "first": first - opened, "peak": peak}))
"""
RECORDS = """
import json, sys
from pathlib import Path
from rag.index import read_index
with read_index(Path(sys.argv[1]), None) as index:
    step = max(1, index.n_chunks // 1000)
    print(json.dumps([chunk.record for chunk in index.chunks(range(0, index.n_chunks, step))]))
"""

Row = tuple[str, str]


def python(code: str, *words: str, given: str = "") -> str:
    """What a fresh interpreter prints for `code`."""
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        input=given, capture_output=True, text=True, cwd=ROOT, check=True,
    )  # fmt: skip
    return done.stdout


def ask(*words: str, index: Path, cache: Path | None = None, given: str = "") -> tuple[str, float]:
    """What `ask` prints with these words, and the seconds of the whole process."""
    environment = os.environ | {"ASK_INDEX": str(index)}
    if cache is not None:
        environment["ASK_CACHE"] = str(cache)
    started = time.perf_counter()
    done = subprocess.run(
        [*ASK, *words],
        input=given, capture_output=True, text=True, cwd=ROOT, env=environment, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - started
    if done.returncode not in (ANSWERED, REFUSED):
        raise SystemExit(f"ask {' '.join(words)} ended with {done.returncode}: {done.stderr}")
    return done.stdout, seconds


def build(index: Path) -> list[Row]:
    """The default index from nothing, then once more with nothing to do."""
    cache = index.parent / "cache"
    _, first = ask("ingest", index=index, cache=cache)
    _, again = ask("ingest", index=index, cache=cache)
    return [
        ("index built from nothing", f"{first:.0f} s"),
        ("ingest with nothing changed", f"{again:.1f} s"),
    ]


def cold(index: Path, runs: int) -> list[Row]:
    """Whole processes, one question each."""
    rows = []
    for language, question in QUESTIONS.items():
        seconds = [ask(question, index=index)[1] for _ in range(runs)]
        rows.append((f"cold process, {language} question", f"{statistics.median(seconds):.2f} s"))
    return rows


def batch(index: Path) -> list[Row]:
    """All golden questions in one process."""
    answers, seconds = ask("batch", index=index, given=GOLDEN.read_text(encoding="utf-8"))
    times = [1000 * json.loads(line)["seconds"] for line in answers.splitlines()]
    p95 = statistics.quantiles(times, n=20, method="inclusive")[-1]
    return [
        (f"batch, {len(times)} questions", f"{seconds:.1f} s"),
        ("a question of it, median", f"{statistics.median(times):.0f} ms"),
        ("a question of it, 95%", f"{p95:.0f} ms"),
    ]


def golden_questions() -> list[str]:
    """Every second question of the development part, both languages and all kinds in it."""
    lines = GOLDEN.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines[::2]]


def stages(index: Path) -> list[Row]:
    """Where the time of a question goes in a process that is warm."""
    found = json.loads(python(STAGES, str(index), given=json.dumps(golden_questions())))
    return [
        (f"{stage} of it, median", f"{1000 * statistics.median(seconds):.0f} ms")
        for stage, seconds in found.items()
    ]


def encoder(index: Path, runs: int) -> list[Row]:
    """The bundled encoder on golden questions and on records of the index."""
    records = json.loads(python(RECORDS, str(index)))
    given = json.dumps([golden_questions(), records])
    loads = [json.loads(python(ENCODER, given="[[], []]")) for _ in range(runs)]
    found = json.loads(python(ENCODER, given=given))
    return [
        ("encoder, imports", f"{1000 * statistics.median(one['import'] for one in loads):.0f} ms"),
        ("encoder, load", f"{1000 * statistics.median(one['load'] for one in loads):.0f} ms"),
        ("encoder, a question", f"{1000 * statistics.median(found['query']):.1f} ms"),
        ("encoder, records", f"{len(records) / found['records']:.0f} a second"),
    ]


def process(index: Path) -> list[Row]:
    """Where the time and the memory of a cold question go."""
    found = json.loads(python(PIPELINE, str(index), QUESTIONS["English"]))
    size = sum(file.stat().st_size for file in index.rglob("*") if file.is_file())
    return [
        ("import", f"{1000 * found['import']:.0f} ms"),
        ("open the index", f"{1000 * found['open']:.0f} ms"),
        ("first question", f"{1000 * found['first']:.0f} ms"),
        ("memory at its peak", f"{found['peak']:.0f} MiB"),
        ("index on disk", f"{size / 2**20:.0f} MiB"),
    ]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, help="measure on this index, do not build one")
    parser.add_argument("--runs", type=int, default=5, help="cold processes a question")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        index = words.index or Path(folder) / "index"
        rows = [] if words.index else build(index)
        ask(QUESTIONS["English"], index=index)  # files into the page cache
        rows += [*cold(index, words.runs), *process(index), *batch(index)]
        rows += [*stages(index), *encoder(index, words.runs)]
    width = max(len(name) for name, _ in rows)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}\n")
    print("\n".join(f"{name:<{width}}  {value}" for name, value in rows))


if __name__ == "__main__":
    main()
