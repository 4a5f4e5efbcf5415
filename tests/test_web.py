"""HTML pages: what a reader sees, in any encoding, and nothing that a reader does not see."""

from __future__ import annotations

import re
from unicodedata import is_normalized

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import SourceError
from rag.sources.web import html_to_text, page_id, read_page

PAGE = """<!DOCTYPE html>
<html lang="en"><head><title>Stacking &mdash; Docs</title><style>p {color: red}</style></head>
<body>
<nav><a href="/">Home</a></nav>
<main>
<h1>Stacking<a class="headerlink" href="#s">¶</a></h1>
<p>Joins <em>tensors</em> along a
 <code class="docutils"><span class="pre">dim</span></code>.<!-- a comment --></p>
<ul><li>one<ul><li>inner &lt;b&gt;</li></ul></li><li><p>two</p></li></ul>
<ol start="3"><li>three<br>more</li></ol>
<table><caption>Costs</caption>
<thead><tr><th>Mode</th><th>Time</th></tr></thead>
<tbody><tr><td>fast</td><td><ul><li>3 ms</li><li>warm</li></ul></td></tr></tbody></table>
<div class="highlight-python notranslate"><pre><span>x</span> = [1,
     2]  # 1 &lt; 2
</pre></div>
<dl><dt>dim</dt><dd>where to <q>stack</q></dd></dl>
<p>A picture: <img alt="two rows" src="a.png"><img alt="icon" src="icon.png"></p>
<script>alert("no")</script>
</main>
<footer>© nobody</footer>
</body></html>"""

TEXT = """# Stacking

Joins tensors along a `dim`.

- one
  - inner <b>
- two
3. three more

Costs

| Mode | Time |
|---|---|
| fast | 3 ms; warm |

```python
x = [1,
     2]  # 1 < 2
```

dim

where to “stack”

A picture: two rows"""

PAGE_KO = """<html><head><title>텐서 쌓기</title>{meta}</head><body>
<h1>텐서 쌓기</h1><p>여러 텐서를 새 차원으로 <b>쌓는다</b>.</p></body></html>"""
TEXT_KO = "# 텐서 쌓기\n\n여러 텐서를 새 차원으로 쌓는다."


def body(html: str) -> str:
    return html_to_text(html.encode())[1]


def test_a_page_reads_as_people_read_it() -> None:
    assert html_to_text(PAGE.encode()) == ("Stacking — Docs", TEXT)


# -- encodings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "meta", "hint"),
    [
        ("utf-8", "", None),
        ("utf-8-sig", "", None),
        ("utf-16", "", None),
        ("cp949", "", None),
        ("euc-kr", "", None),
        ("cp949", '<meta charset="euc-kr">', None),
        ("euc-kr", '<meta http-equiv="Content-Type" content="text/html; charset=EUC-KR">', None),
        ("cp949", "", "ks_c_5601-1987"),
        ("cp949", '<meta charset="utf-8">', None),  # pages lie
        ("utf-8", "", "euc-kr"),  # so do servers
        ("johab", "", "johab"),
    ],
)
def test_korean_in_any_encoding(encoding: str, meta: str, hint: str | None) -> None:
    data = PAGE_KO.format(meta=meta).encode(encoding)
    assert html_to_text(data, hint) == ("텐서 쌓기", TEXT_KO)


def test_syllables_that_only_cp949_has() -> None:
    assert html_to_text("<p>똠방각하와 펲시맨이 왔다</p>".encode("cp949"))[1] == (
        "똠방각하와 펲시맨이 왔다"
    )


def test_western_text_is_not_taken_for_korean() -> None:
    data = "<p>café über naïve Größe</p>".encode("latin-1")
    assert html_to_text(data, "iso-8859-1")[1] == "café über naïve Größe"
    with pytest.raises(SourceError, match="neither UTF-8 nor cp949"):
        html_to_text(data)


@pytest.mark.parametrize("data", [b"\x7fELF\x02\x01\x00\x00", b"\xff\xd8\xff\xe0\x00\x10JFIF"])
def test_binary_is_refused(data: bytes) -> None:
    with pytest.raises(SourceError):
        html_to_text(data)


# -- what is not seen --------------------------------------------------------------------------

HIDDEN = """
<!-- X -->
<script>X</script>
<style>X</style>
<template>X</template>
<noscript>X</noscript>
<iframe srcdoc="X">X</iframe>
<svg><text>X</text></svg>
<textarea>X</textarea>
<select><option>X</option></select>
<button>X</button>
<nav>X</nav>
<footer>X</footer>
<div role="navigation">X</div>
<div hidden>X</div>
<div hidden="">a<p>X</p></div>
<div aria-hidden="true">X</div>
<div style="display:none">X</div>
<div style="color: red; DISPLAY : NONE">X</div>
<p style="visibility:hidden"><b>X</b></p>
<span style="font-size: 0px">X</span>
<span style="font-size:0">X</span>
<span style="opacity:0">X</span>
<span style="position:absolute;left:-9999px">X</span>
<span style="color:transparent">X</span>
<span class="sr-only">X</span>
<a class="note visually-hidden" href="#">X</a>
<input type="hidden" value="X">
<p title="X" data-x="X"></p>
<object data="X">X</object>
""".strip().split("\n")


@pytest.mark.parametrize("html", HIDDEN)
@pytest.mark.parametrize("word", ["IGNORE-ALL", "무시하라"])
def test_hidden_text_is_not_read(html: str, word: str) -> None:
    text = body(f"<body><p>before</p>{html.replace('X', word)}<p>after</p></body>")
    assert text == "before\n\nafter"


@pytest.mark.parametrize(
    "style", ["font-size:0.9em", "opacity:0.5", "left:-5px", "color:red", "display:block"]
)
def test_ordinary_styles_hide_nothing(style: str) -> None:
    assert body(f'<p style="{style}">보인다</p>') == "보인다"


def test_entities_are_not_expanded_from_a_doctype() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;">]><p>&b; &amp; 끝</p>'
    assert "lollol" not in body(bomb)
    external = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><p>&e; 끝</p>'
    assert "root:" not in body(external)


# -- limits ------------------------------------------------------------------------------------


def test_deep_pages_are_refused_and_ordinary_depth_is_not() -> None:
    assert body("<div>" * 100 + "deep" + "</div>" * 100) == "deep"
    with pytest.raises(SourceError, match="nested more than 256 deep"):
        body("<div>" * 50_000 + "deep")


def test_too_many_elements_and_too_many_bytes_are_refused() -> None:
    with pytest.raises(SourceError, match="more than 400000 elements"):
        body("<b>" * 400_001)
    with pytest.raises(SourceError, match="10000001 bytes are more than"):
        html_to_text(b"x" * 10_000_001)


# -- the part that is read ---------------------------------------------------------------------

LONG = "본문 " * 60


@pytest.mark.parametrize(
    "wrap",
    ["<main>{}</main>", "<div role='main'>{}</div>", "<article>{}</article>"],
)
def test_the_main_part_is_read_where_there_is_one(wrap: str) -> None:
    text = body(f"<p>around</p>{wrap.format(LONG)}<p>around</p>")
    assert text == LONG.strip()


@pytest.mark.parametrize(
    "html",
    [
        f"<main></main><p>{LONG}</p>",
        f"<main hidden>{'x ' * 100}</main><p>{LONG}</p>",
        f"<div style='display:none'><main>{'x ' * 100}</main></div><p>{LONG}</p>",
    ],
)
def test_an_empty_or_hidden_main_is_none(html: str) -> None:
    assert body(html) == LONG.strip()


def test_several_articles_are_all_read() -> None:
    assert body(f"<article>{LONG}</article><article>{LONG}</article>").count("본문") == 120


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<table><tr><td>only</td></tr><tr><td>looks</td></tr></table>", "only\n\nlooks"),
        (
            "<table><tr><th>a</th><td>b</td></tr><tr><th>c</th><td>d</td></tr></table>",
            "| a | b |\n| c | d |",
        ),
        (
            "<table><tr><td>a<table><tr><td>x</td><td>y</td></tr></table></td><td>b</td></tr>"
            "</table>",
            "| a; x; y | b |",
        ),
        ("<table><tr><td><pre>f(1)\ng</pre></td><td>b</td></tr></table>", "| `f(1) g` | b |"),
        (
            "<table class='highlighttable'><tr><td class='linenos'><pre>1\n2</pre></td>"
            "<td class='code'><pre>a\nb</pre></td></tr></table>",
            "```\na\nb\n```",
        ),
        ("<p>E = <math alttext='mc^2'><mi>m</mi></math></p>", "E = mc^2"),
        ("<pre>a<br>b</pre>", "```\na\nb\n```"),
        ("<pre>```\nx\n```</pre>", "````\n```\nx\n```\n````"),
        ("<p>a&nbsp;&nbsp;b\n\n c</p>", "a b c"),
        ("<p>읽<wbr>기 전<b>용</b></p>", "읽기 전용"),
        ("just words", "just words"),
        ('<?xml version="1.0"?><html><body><p>한글</p></body></html>', "한글"),
    ],
)
def test_layouts(html: str, text: str) -> None:
    assert body(html) == text


@pytest.mark.parametrize("html", ["", "<html></html>", "<p> </p>", "https://example.org"])
def test_pages_without_elements(html: str) -> None:
    assert html_to_text(html.encode()) == ("", html if "<" not in html else "")


# -- loading -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "id_"),
    [
        ("https://en.wikipedia.org/wiki/PyTorch", "web:en.wikipedia.org/wiki/PyTorch"),
        ("http://Example.org:8080/a/b/?q=1#x", "web:example.org/a/b"),
        ("https://example.org/", "web:example.org"),
        ("https://ko.wikipedia.org/wiki/%ED%85%90%EC%84%9C", "web:ko.wikipedia.org/wiki/텐서"),
    ],
)
def test_page_ids(url: str, id_: str) -> None:
    assert page_id(url) == id_


@pytest.mark.parametrize("url", ["file:///etc/passwd", "example.org", "ftp://e.org/x", "https://"])
def test_other_addresses_have_none(url: str) -> None:
    with pytest.raises(SourceError, match="not a web address"):
        page_id(url)


def test_a_loader_stands_behind_a_page() -> None:
    pages = {"https://e.org/쌓기/": PAGE_KO.format(meta="").encode()}
    document = read_page("https://e.org/쌓기/", lambda url: pages[url])
    assert (document.id, document.title) == ("web:e.org/쌓기", "텐서 쌓기")
    assert (document.text, document.language) == (TEXT_KO, "ko")
    assert (document.kind, document.format) == ("page", "markdown")
    with pytest.raises(SourceError, match="no text to read"):
        read_page("https://e.org/", lambda url: b"<script>draw()</script>")


# -- properties --------------------------------------------------------------------------------

TAGS = st.sampled_from(
    """<p> </p> <div> </div> <table> <tr> <td> <th> </td> </tr> </table> <ul> <li> </ul> <ol> <pre>
    </pre> <code> </code> <sub> </sub> <q> </q> <br> <h2> </h2> <!-- --> <b> </b> <math> <dl> <dt>
    <dd> </dl> <title> </title> <main> &amp; &#x0; &#xD800; &#x202e; &#173; <?xml
    <![CDATA[ ]]>""".split()
)


@settings(max_examples=300, deadline=None)
@given(st.lists(TAGS | st.text(max_size=8), max_size=40).map("".join))
def test_any_page_gives_clean_text(html: str) -> None:
    title, text = html_to_text(html.encode("utf-8", "replace").replace(b"\0", b""))
    for got in (title, text):
        assert is_normalized("NFC", got) and got == got.strip()
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u202e\ud800-\udfff]", got)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_text_or_an_error(data: bytes) -> None:
    try:
        html_to_text(data)
    except SourceError as error:
        assert "\n" not in str(error)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("abc텐서", min_size=1, max_size=5), min_size=1), st.data())
def test_no_word_is_lost(words: list[str], data: st.DataObject) -> None:
    tags = data.draw(
        st.lists(st.sampled_from(["p", "li", "h2", "td", "pre", "b", "div"]), min_size=1)
    )
    html = "".join(f"<{tag}>{word} </{tag}>" for tag, word in zip(tags * len(words), words))  # noqa: B905
    assert re.findall(r"[abc텐서]+", body(html)) == words
