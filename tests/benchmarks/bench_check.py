"""How well, and how fast, the check of written sentences works:

    python tests/benchmarks/bench_check.py [--index DIR] [--set dev|test] [--wrong]

tests/faithfulness/*.tsv holds sentences written from the documentation, each with four corruptions:
another number, another name, a negation, another subject. The thresholds were set on dev; test is
what is reported. The passages are those that the true sentence, asked as a question, retrieves, so
that they hold documents on similar things too.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import sys
import time
from collections import Counter
from pathlib import Path

from rag.config import index_folder
from rag.crossencoder import bundled_cross_encoder
from rag.encoders import load_encoder
from rag.generators.chat import LangChainModel
from rag.generators.check import Checker
from rag.generators.excerpts import excerpts
from rag.index import read_index
from rag.question import read_question
from rag.reader import read
from rag.retrieve import retrieve

SETS = Path(__file__).resolve().parents[1] / "faithfulness"


def rows(name: str) -> list[dict[str, str]]:
    """The sentences of a set, a true one before its corruptions."""
    with (SETS / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def main() -> None:
    """Print a table for people and a line of JSON for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--index", type=Path, default=None)
    parser.add_argument("--set", choices=["dev", "test"], default="test")
    parser.add_argument("--wrong", action="store_true", help="print what was judged wrongly")
    args = parser.parse_args()
    encoder = load_encoder(None)
    index = read_index(args.index or index_folder(), encoder.fingerprint)
    passed: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    missing, ready, each = 0, [], []
    checker = None
    for row in rows(args.set):
        if row["kind"] == "true":
            retrieved = retrieve(read_question(row["sentence"]), index, encoder)
            found = read(retrieved, index, bundled_cross_encoder())
            passages = excerpts(found, lambda text: LangChainModel.tokens(None, text), 6_000)
            missing += row["source"] not in {one.document.id for one in passages}
            started = time.perf_counter()
            checker = Checker(passages, encoder)
            ready.append(time.perf_counter() - started)
        assert checker is not None
        started = time.perf_counter()
        finding = checker.check(row["sentence"])
        each.append(time.perf_counter() - started)
        for lang in (row["lang"], "all"):
            total[row["kind"], lang] += 1
            passed[row["kind"], lang] += bool(finding.spans)
        if args.wrong and bool(finding.spans) != (row["kind"] == "true"):
            proof = [span.claim.text[:90] for span in finding.spans]
            print(f"{row['kind']:9} {row['sentence']}\n          {finding.why} {proof}")
    report(args.set, passed, total, missing, ready, each)


def report(  # noqa: PLR0917
    name: str, passed: Counter[tuple[str, str]], total: Counter[tuple[str, str]], missing: int,
    ready: list[float], each: list[float],
) -> None:  # fmt: skip
    """Precision and recall of "supported", and which share of each corruption was caught."""
    kinds = ("number", "name", "negation", "subject")
    result: dict[str, object] = {"set": name, "sentences": len(each), "missing": missing}
    for lang in ("all", "en", "ko"):
        true, false = passed["true", lang], sum(passed[kind, lang] for kind in kinds)
        caught = {k: 1 - passed[k, lang] / max(1, total[k, lang]) for k in kinds}
        result[lang] = {
            "precision": round(true / max(1, true + false), 3),
            "recall": round(true / max(1, total["true", lang]), 3),
            **{f"caught {kind}": round(share, 3) for kind, share in caught.items()},
        }
        print(f"{lang:4}", result[lang])
    result["ready_ms"] = round(1000 * statistics.median(ready), 1)
    result["sentence_ms"] = round(1000 * statistics.median(each), 1)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
