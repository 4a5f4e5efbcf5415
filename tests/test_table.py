"""What is printed of a run: tables that line up, and what changed since another run."""

from __future__ import annotations

from doubles import answer as made
from doubles import mixed, question, report_of

from rag import evaluation as ev
from rag.evaluation.runs import row_of


def table(report: ev.Report) -> str:
    return ev.format_table(ev.summarise(report))


def test_the_table_is_aligned_and_holds_languages_and_kinds() -> None:
    lines = table(mixed()).splitlines()
    assert lines[0].split() == ["all", "en", "ko"]
    right = next(one for one in lines if one.startswith("right answer"))
    assert right.split()[2:] == [
        "0.50", "(0.00-1.00)", "1.00", "(1.00-1.00)", "0.00", "(0.00-0.00)",
    ]  # fmt: skip
    assert lines[0].index("ko") == right.index("0.00 (0.00-0.00)")
    kinds = [one.split()[0] for one in lines[lines.index("") + 3 :]]
    assert kinds == ["api", "offtopic"]


def test_a_kind_tells_how_many_went_right_in_each_language() -> None:
    *_, head, _, api, offtopic = table(mixed()).splitlines()
    assert head.split()[:5] == ["kind", "n", "right", "en", "ko"]
    assert api.split()[:8] == [
        "api", "2", "0.50", "(0.00-1.00)", "1.00", "(1.00-1.00)", "0.00", "(0.00-0.00)",
    ]  # fmt: skip
    assert offtopic.split()[1:6] == ["1", "1.00", "(1.00-1.00)", "1.00", "(1.00-1.00)"]


def test_one_language_alone_prints_its_columns_only() -> None:
    report = report_of((question("한글", lang="ko"), made("답", lang="ko")))
    assert table(report).splitlines()[0].split() == ["all", "ko"]


def test_what_an_interrupt_left_over_is_told() -> None:
    told = next(
        one for one in table(ev.Report(mixed().scores, 3)).splitlines() if "interrupted" in one
    )
    assert told.split() == ["not", "asked:", "interrupted", "3"]
    assert "interrupted" not in table(mixed())


def test_changes_are_told_by_measure_and_by_question() -> None:
    old = [row_of(one) for one in mixed().scores]
    better = report_of(
        (question("a", pair="p"), made()),
        (question("b", pair="p", lang="ko"), made("새 차원", lang="ko")),
        (question("new"), made()),
    )
    text = ev.format_comparison(ev.compare(old, [row_of(one) for one in better.scores]))
    first, _, rest = text.partition("\n\n")
    assert first == (
        "2 questions in both runs, 1 in the old one only, 1 in the new one only; "
        "1 went otherwise than before"
    )
    all_, ko = (line.split() for line in rest.splitlines() if "right answer" in line)
    assert all_[0] == "all"
    assert all_[3:] == ["0.500", "1.000", "+0.500", "(+0.000", "to", "+1.000)", "1.0000"]
    assert ko[:1] == ["ko"]
    assert "b (ko, api): What does torch.stack do?" in text
    assert "  before  not said: new dimension | 새 차원" in text
    assert "  now     well" in text


def test_nothing_changed_is_said_in_a_line() -> None:
    rows = [row_of(one) for one in mixed().scores]
    assert ev.format_comparison(ev.compare(rows, rows)) == (
        "3 questions in both runs; 0 went otherwise than before"
    )
