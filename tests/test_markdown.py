"""Markdown files as the text that is stored and quoted."""

from __future__ import annotations

import contextlib
import re
from unicodedata import is_normalized, normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import SourceError
from rag.sources.markdown import MarkdownPage, read_markdown


def text_of(raw: str) -> str:
    return read_markdown(raw).text


# What a Korean blog in Jekyll and kramdown holds, all in one.
POST = """---
layout: post
title: "벡터 노트 <1>"
date: 2024-02-03 10:00:00 +0900
tags: [ml, 'ko']
---

# [노트] 벡터 정리

## 벡터<sub>vector</sub>와 행렬<sub>matrix</sub>
- 왜 쓰나? <br> $$\\rightarrow$$ **빠르기(speed)**는 중요하다.
- 벡터<sub>vector</sub>는 *순서*가 있다!
다음 줄도 같은 항목이다.

|  | 벡터 | 행렬 |
|---|---|---|
|모양|1차원<br>한 줄|2차원|
|장점|- 가벼움<sub>light</sub> <br> - 단순함 <br> $$\\rightarrow$$ 빠름| 표현력 |

### 참고
자세한 것은 [이 글](https://e.org/a){:target="_blank"}과 [문서](https://e.org/b){: .x #y}를 본다.
<br>그림은 아래에 있다.

![벡터 두 개의 합](../img/sum.png)
![fig-1](../img/fig-1.png)
{: .center}

```python
v = [1, 2]  # {:target="_blank"} stays, **this** too
```
"""


def test_a_korean_post_reads_as_people_read_it() -> None:
    page = read_markdown(POST)
    assert (page.title, page.date) == ("벡터 노트 <1>", "2024-02-03")
    assert (
        page.text
        == """# [노트] 벡터 정리

## 벡터(vector)와 행렬(matrix)

- 왜 쓰나? → 빠르기(speed)는 중요하다.
- 벡터(vector)는 순서가 있다! 다음 줄도 같은 항목이다.

|  | 벡터 | 행렬 |
|---|---|---|
| 모양 | 1차원; 한 줄 | 2차원 |
| 장점 | 가벼움(light); 단순함 → 빠름 | 표현력 |

### 참고

자세한 것은 이 글과 문서를 본다.
그림은 아래에 있다.

벡터 두 개의 합

```python
v = [1, 2]  # {:target="_blank"} stays, **this** too
```"""
    )


def test_an_english_page_too() -> None:
    raw = """Title here
==========

Some *text* with `code`, __bold__ and [a link](https://example.org "t"); x<sup>2</sup> ~~gone~~.

3. three
4. four
   - inner

> A quote
> goes on.

| Argument | Type |
|:--|--:|
| dim | int \\| None |

    indented = 1
"""
    assert (
        text_of(raw)
        == """# Title here

Some text with `code`, bold and a link; x^2 ~~gone~~.

3. three
4. four
  - inner

A quote goes on.

| Argument | Type |
|---|---|
| dim | int | None |

```
indented = 1
```"""
    )


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("텐서플로우<sub>TensorFlow</sub>", "텐서플로우(TensorFlow)"),
        ("library<sub>라이브러리</sub>라는", "library(라이브러리)라는"),
        ("H<sub>2</sub>O, x<sub>i</sub>, 10<sup>-6</sup>", "H2O, xi, 10-6"),
        ("10<sup>6</sup> and the 1<sup>st</sup>", "10^6 and the 1st"),
        ("a<sub>(already)</sub>", "a(already)"),
        ("a<sub></sub>b", "ab"),
    ],
)
def test_small_print(raw: str, text: str) -> None:
    assert text_of(raw) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (r"가 $$\rightarrow$$ 나", "가 → 나"),
        (r"a $\leq$ b", "a ≤ b"),
        ("it costs $5 or $6", "it costs $5 or $6"),
        ("`$$\\rightarrow$$`", "`$$\\rightarrow$$`"),
        ("$$x^2$$", "x^2"),
    ],
)
def test_formulas(raw: str, text: str) -> None:
    assert text_of(raw) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ('[글](http://e.org){:target="_blank"}을', "글을"),
        ("**굵게**{: .red}", "굵게"),
        ("## 제목 {#id}", "## 제목"),
        ("문단\n{: .note}", "문단"),
        ("{:toc}", ""),
        ("the format {:.2f} rounds", "the format {:.2f} rounds"),
        ("a {b} c", "a {b} c"),
    ],
)
def test_attribute_lists_go_and_other_braces_stay(raw: str, text: str) -> None:
    assert text_of(raw) == text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("**텐서(tensor)**는 **`x`**이다", "텐서(tensor)는 `x`이다"),
        ("이것은 **'중요'**하다", "이것은 '중요'하다"),
        ("이것은**(중요)**이다. *'또'*는", "이것은(중요)이다. '또'는"),
        ("a ** b 는 **", "a ** b 는 **"),
        ("2 * 3은 6, 3 *4는 12", "2 * 3은 6, 3 *4는 12"),
    ],
)
def test_emphasis_before_a_particle_is_emphasis(raw: str, text: str) -> None:
    assert text_of(raw) == text


@pytest.mark.parametrize(
    "raw",
    [
        "보임 <!-- 숨김 --> 끝",
        "보임\n\n<!--\n숨김\n-->\n\n끝",
        "보임 <script>숨김()</script> 끝",
        "보임\n\n<style>\n.숨김 {}\n</style>\n\n끝",
        '보임\n\n<div style="display: none">\n\n**숨김**\n\n</div>\n\n끝',
        "보임 <span hidden>숨김</span> 끝",
    ],
)
def test_what_no_reader_sees_is_not_read(raw: str) -> None:
    assert text_of(raw).split() == ["보임", "끝"]


@pytest.mark.parametrize(
    "raw",
    [
        "Put <your-name> in List<T> 끝",
        "A <script> that is not closed 끝",
        "A <title> and a <textarea> 끝",
        "2 < 3 & 4 > 1 &lt;b&gt; 끝",
    ],
)
def test_what_only_looks_like_html_is_text(raw: str) -> None:
    assert text_of(raw) == raw.replace("&lt;", "<").replace("&gt;", ">")


# -- front matter ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "page"),
    [
        ("---\ntitle: 제목\n---\n본문", MarkdownPage("본문", "제목", None)),
        ("---\ntitle: 'It is' # c\n...\nbody", MarkdownPage("body", "'It is'", None)),
        ("---\ndate: 2024-05\n---\n# H\n", MarkdownPage("# H", "H", "2024-05")),
        ("---\n---\nbody", MarkdownPage("body", None, None)),
        ("\ufeff---\r\ntitle: a\r\n---\r\nb", MarkdownPage("b", "a", None)),
        ("---\ntags:\n  - a\n- b\n# c\n\nx: 1\n---\nbody", MarkdownPage("body", None, None)),
    ],
)
def test_front_matter(raw: str, page: MarkdownPage) -> None:
    assert read_markdown(raw) == page


def test_two_rules_are_no_front_matter() -> None:
    assert text_of("---\nOnly a sentence stands here.\n\n---\n끝") == (
        "Only a sentence stands here.\n\n끝"
    )


def test_without_front_matter_the_first_heading_is_the_title() -> None:
    assert read_markdown("text\n\n### 소제목 `x`\n").title == "소제목 `x`"
    assert read_markdown("text").title is None


# -- code and characters -----------------------------------------------------------------------

CODE = st.text(
    st.characters(exclude_categories=["C"], include_characters="\n\t") | st.sampled_from("`#|-<&"),
    max_size=60,
)


@settings(max_examples=200, deadline=None)
@given(CODE)
def test_code_is_verbatim(code: str) -> None:
    code = normalize("NFC", re.sub("[\x85\u2028\u2029\u00ad]", "", code)).strip("\n").rstrip()
    text = text_of(f"~~~~~~py\n{code}\n~~~~~~\n\nend")
    if "~~~~~~" in code or not code.strip():
        return
    fence = "`" * max([3, *(len(run) + 1 for run in re.findall("`{3,}", code))])
    assert text == f"{fence}py\n{code}\n{fence}\n\nend"


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(), max_size=120) | st.text("#-|`*_<>[]()!{}$&:\\ \n텐a", max_size=80))
def test_any_text_gives_clean_text(raw: str) -> None:
    text = text_of(raw)
    assert is_normalized("NFC", text)
    text.encode("utf-8")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e\ufeff]", text)
    assert text == text.strip()


WORDS = st.lists(st.text("abc가나다", min_size=1, max_size=6), min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(st.lists(WORDS, min_size=1), st.sampled_from(["", "- ", "> ", "## ", "| ", "1. "]))
def test_no_word_is_lost(lines: list[list[str]], mark: str) -> None:
    raw = "\n\n".join(mark + " ".join(line) for line in lines)
    assert re.findall(r"[abc가-힣]+", text_of(raw)) == [word for line in lines for word in line]


def test_nfd_becomes_nfc() -> None:
    raw = "## 한글 텐서\n\n- 텐서<sub>tensor</sub>"
    assert text_of(normalize("NFD", raw)) == text_of(raw)


def test_reading_twice_changes_nothing_more() -> None:
    once = text_of(POST.replace("<br>그림", "그림"))
    assert text_of(once) == once


@pytest.mark.parametrize(
    "raw",
    ["> " * 5000 + "deep", "- " * 5000 + "deep", "[" * 20_000, "*a " * 20_000, "<div>" * 5000],
    ids=["quotes", "lists", "brackets", "stars", "divs"],
)
def test_strange_files_end_soon(raw: str) -> None:
    with contextlib.suppress(SourceError):
        text_of(raw)
