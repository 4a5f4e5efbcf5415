"""How wide text is on a terminal, and tables that line up with Hangul in them."""

from __future__ import annotations

import pytest

from rag.columns import display_width, pad, side_by_side


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("abc", 3),
        ("한글", 2 * 2),
        ("torch는", 5 + 2),
        ("\u1112\u1161\u11ab", 2),  # 한 in three letters that join
        ("e\u0301", 1),
        ("“…”", 3),
        ("，", 2),
    ],
)
def test_hangul_is_two_columns_wide_and_what_joins_is_none(text: str, width: int) -> None:
    assert display_width(text) == width


def test_pad_counts_columns() -> None:
    assert pad("한글", 6) == "한글  "
    assert pad("abc", 6) == "abc   "


def test_columns_line_up_under_hangul() -> None:
    lines = list(side_by_side([["종류", "n"], ["api", "12"], ["오류 메시지", ""]]))
    assert lines == ["종류         n", "api          12", "오류 메시지"]
