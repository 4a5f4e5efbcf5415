"""The evaluation: a file of questions with known answers, to measures and evidence.

    report = evaluate_file("corpus/golden/dev.jsonl", pipeline)
    print(format_table(summarise(report)))

Needs the extra `eval`; importing it loads nothing heavy.
"""

from __future__ import annotations

from rag.evaluation.comparison import compare
from rag.evaluation.gate import accept, breaches, read_gate
from rag.evaluation.measures import Estimate
from rag.evaluation.outcomes import (
    ask_all,
    evaluate,
    evaluate_answers,
    evaluate_file,
    outcome_of,
    outcome_of_json,
)
from rag.evaluation.page import write_page
from rag.evaluation.runs import read_run
from rag.evaluation.scores import Failure, Outcome, Score, failures
from rag.evaluation.summary import Report, Summary, summarise
from rag.evaluation.table import format_comparison, format_failures, format_table
from rag.golden import GoldenQuestion, load_questions

__all__ = [
    "Estimate",
    "Failure",
    "GoldenQuestion",
    "Outcome",
    "Report",
    "Score",
    "Summary",
    "accept",
    "ask_all",
    "breaches",
    "compare",
    "evaluate",
    "evaluate_answers",
    "evaluate_file",
    "failures",
    "format_comparison",
    "format_failures",
    "format_table",
    "load_questions",
    "outcome_of",
    "outcome_of_json",
    "read_gate",
    "read_run",
    "summarise",
    "write_page",
]
