"""Answers on a terminal: widths, wrapping, styles, progress, and what documents may not do."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.columns import display_width
from rag.command.progress import Progress, duration
from rag.command.terminal import (
    Style,
    clean,
    one_line,
    plural,
    render_answer,
    source_lines,
    style_of,
    wrap,
)
from rag.types import Answer, Citation, Passage, Trace


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def citation(marker: int, source: str = "py:torch.stack", **more: str | None) -> Citation:
    values = {"title": source.partition(":")[2], "url": None, "version": None, "date": None, **more}
    return Citation(
        marker=marker, source=source, aliases=(), quote="q", start=0, end=1,
        title=str(values["title"]), url=values["url"], version=values["version"],
        date=values["date"],
    )  # fmt: skip


def answer(text: str, *citations: Citation, refused: bool = False) -> Answer:
    return Answer(
        question="q", language="en", answer=text, refused=refused, reason=None, verdict=None,
        confidence=0.5, generator="extractive", citations=citations, passages=(), seconds=0.01,
    )  # fmt: skip


# -- wrapping -----------------------------------------------------------------------------------


def test_lines_break_at_spaces() -> None:
    assert list(wrap("one two three", 7)) == ["one two", "three"]
    assert list(wrap("하나 둘 셋 넷", 7)) == ["하나 둘", "셋 넷"]
    assert list(wrap("- one two three", 9, "  ")) == ["- one two", "  three"]
    assert list(wrap("    indented text here", 14)) == ["    indented", "text here"]


def test_without_a_width_nothing_is_broken() -> None:
    assert list(wrap("x " * 500, None)) == ["x " * 500]


def test_a_long_word_is_broken_between_syllables_but_a_name_or_url_is_not() -> None:
    assert list(wrap("가나다라마바사", 6)) == ["가나다", "라마바", "사"]
    url = "https://docs.pytorch.org/docs/2.13/generated/torch.stack.html"
    assert list(wrap(f"see {url} there", 20)) == ["see", url, "there"]


WORDS = st.text(alphabet="ab가나한é ", max_size=60)


@given(text=WORDS, width=st.integers(4, 30), hang=st.sampled_from(["", "  "]))
def test_wrapping_keeps_every_letter_and_the_width(text: str, width: int, hang: str) -> None:
    lines = list(wrap(text, width, hang))
    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in (line.strip() for line in lines):
        can_break = any(2 in (display_width(a), display_width(b)) for a, b in pairwise(line))
        assert display_width(line) <= width or not (can_break or " " in line)


# -- what documents may not do -------------------------------------------------------------------


def test_control_characters_of_a_document_do_not_reach_the_terminal() -> None:
    evil = "\U000e0041\u061c\u00ad \x1b[2J\x1b]0;title\x07 a\rb \u202egnp.exe\u202c \x9b31m"
    evil += " \u200b \x00 \x01bold\x02"
    made = answer(
        f"{evil} [1]",
        citation(1, f"file:{evil}", title=evil, url=f"https://x/{evil}", version=evil),
    )
    for style in (Style(), Style(40), Style(40, colour=True)):
        shown = render_answer(made, style, explain=True)
        for mark in ("\x1b[36m", "\x1b[2m", "\x1b[1m", "\x1b[33m", "\x1b[0m"):
            shown = shown.replace(mark, "")
        assert shown.replace("\n", "").isprintable(), repr(shown)
    assert "bold" in render_answer(made, Style())


def test_clean_has_one_kind_of_line_end_and_no_tabs() -> None:
    assert clean("a\r\nb\rc\u2028d\te") == "a\nb\nc\nd   e"


def test_one_line_folds_and_shortens() -> None:
    assert one_line("a\n\tb\x1b[1m") == "a b[1m"
    short = one_line("가" * 5000, 100)
    assert len(short) <= 110
    assert " ... " in short


# -- answers -------------------------------------------------------------------------------------

TEXT = """The default of `dim` is `0`. [1]
```
torch.stack(tensors, dim=0)
``` [2]
- A, 2022: **framework**. “It is a framework in every sense of the word.” [3]
- B, 2026: **라이브러리**. “x**2 and y**2” [3]"""


def test_into_a_pipe_go_plain_lines() -> None:
    shown = render_answer(answer(TEXT), Style())
    assert shown.splitlines() == [
        "The default of `dim` is `0`. [1]",
        "    torch.stack(tensors, dim=0)",
        "    [2]",
        "- A, 2022: framework. “It is a framework in every sense of the word.” [3]",
        "- B, 2026: 라이브러리. “x**2 and y**2” [3]",
    ]


def test_on_a_terminal_there_is_air_and_items_hang() -> None:
    shown = render_answer(answer(TEXT), Style(36))
    assert shown.splitlines() == [
        "The default of `dim` is `0`. [1]",
        "",
        "    torch.stack(tensors, dim=0)",
        "    [2]",
        "",
        "- A, 2022: framework. “It is a",
        "  framework in every sense of the",
        "  word.” [3]",
        "- B, 2026: 라이브러리. “x**2 and",
        "  y**2” [3]",
    ]


def test_code_is_never_wrapped_or_styled() -> None:
    code = "```python\nf(" + "x, " * 40 + "**a, **b)  # [1]\n\n    return\n```"
    lines = render_answer(answer(code), Style(40, colour=True)).splitlines()
    assert lines == ["    f(" + "x, " * 40 + "**a, **b)  # [1]", "", "        return"]


def test_markers_and_verdicts_are_coloured_and_a_refusal_looks_like_one() -> None:
    shown = render_answer(answer("**프레임워크**와(과) x [1]"), Style(60, colour=True))
    assert shown == "\x1b[1m프레임워크\x1b[0m와(과) x \x1b[36m[1]\x1b[0m\n"
    refusal = answer("The documents do not answer this.\nNearest: a", refused=True)
    shown = render_answer(refusal, Style(60, colour=True))
    assert shown.startswith("\x1b[33mThe documents do not answer this.\x1b[0m\n")
    assert "\x1b" not in render_answer(refusal, Style(60))


def test_each_source_is_listed_once_with_its_markers() -> None:
    url = "https://docs.pytorch.org/docs/2.13/generated/torch.stack.html"
    stack = {"version": "torch 2.13.0", "url": url}
    page = citation(2, "web:x.org/a", title="A page", date="2026-07-02", url="https://x.org/a")
    cited = [citation(1, **stack), page, citation(3, **stack), citation(4, "file:a.md", title="가")]
    assert [Style().paint(line) for line in source_lines(cited, Style())] == [
        f"[1][3] torch.stack · torch 2.13.0 · {url}",
        "[2] A page · 2026-07-02 · https://x.org/a",
        "[4] 가 · file:a.md",
    ]
    narrow = [Style().paint(line) for line in source_lines(cited[:1], Style(40))]
    assert narrow == ["[1] torch.stack · torch 2.13.0", f"    {url}"]


def test_explain_shows_ranks_and_a_dash_where_there_is_none() -> None:
    passage = Passage(
        source="py:torch.stack", aliases=(), title="torch.stack", url=None, version=None, date=None,
        heading="torch.stack > Parameters", start=0, end=1, text="x", score=0.5, rank=1,
        trace=Trace(None, 3, True, 0.03279, ("stack", "텐서")),
    )  # fmt: skip
    made = answer("x")
    made = Answer(**{**{n: getattr(made, n) for n in made.__slots__}, "passages": (passage,)})
    assert render_answer(made, Style(), explain=True).splitlines()[2:] == [
        "  1  py:torch.stack  torch.stack > Parameters",
        "     lexical - · dense 3 · fused 0.0328 · exact name · words: stack, 텐서",
        "confidence 0.500 · 0.010 s",
    ]


def test_the_style_depends_on_the_stream_and_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "72")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert style_of(io.StringIO()) == Style(None, False)
    assert style_of(Screen()) == Style(72, True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert style_of(Screen()) == Style(72, False)
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert style_of(Screen()) == Style(72, False)
    monkeypatch.setenv("COLUMNS", "500")
    assert style_of(Screen()).width == 100


# -- progress ------------------------------------------------------------------------------------


def test_progress_in_a_log_is_a_line_a_stage_and_the_end() -> None:
    log = io.StringIO()
    progress = Progress(log, "building")
    assert not progress.started
    for done in range(0, 1001, 100):
        progress("embedding", done, 1000)
    progress("writing the index", 0, 1)
    progress("writing the index", 1, 1)
    progress.close()
    assert progress.started
    assert log.getvalue().splitlines() == [
        "ask: building",
        "ask: embedding: 0 of 1,000 (0%)",
        "ask: embedding: 1,000 of 1,000 (100%)",
        "ask: writing the index",
    ]


def test_progress_on_a_terminal_is_one_line_that_is_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "20")
    screen = Screen()
    progress = Progress(screen)
    progress("reading file:아주-긴-이름의-폴더\x1b[2J", 0, 1)
    progress.close()
    first, second = screen.getvalue().split("\r\x1b[K")[1:]
    assert display_width(first) <= 19
    assert first.startswith("reading file:아주")
    assert second == ""


def test_durations_and_plurals_are_in_words() -> None:
    assert [duration(s) for s in (0.4, 75, 180, 7200, 400_000)] == [
        "0 s", "75 s", "3 min", "2 h", "5 days",
    ]  # fmt: skip
    assert [plural(n, "file") for n in (0, 1, 2000)] == ["0 files", "1 file", "2,000 files"]
