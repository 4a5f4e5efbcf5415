"""Answers and documents as HTML, without Gradio: what is escaped, linked, marked and worded."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import toolkit
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from rag import Answer, Citation, Document, Passage, Pipeline, Stance, Verdict
from ui.evidence import AROUND, render_document
from ui.html import breakable, safe_url
from ui.render import blocks, render_answer, render_footer
from ui.shell import render_shell
from ui.strings import EXAMPLES, words

TAGS = st.text(alphabet="<>&\"'`*[]()“”!/ab1 \n\u202e\x00한글", max_size=60)


def citation(quote: str, marker: int = 1, **more: object) -> Citation:
    plain = Citation(
        marker,
        "file:a.md",
        (),
        "A guide",
        "https://docs.example/a",
        "v1",
        "2026",
        quote,
        0,
        len(quote),
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def answer(text: str, *citations: Citation, **more: object) -> Answer:
    plain = Answer(
        question="?", language="en", answer=text, refused=False, reason=None, verdict=None,
        confidence=0.95, generator="extractive", citations=citations, passages=(), seconds=0.01,
    )  # fmt: skip
    return replace(plain, **more)  # type: ignore[arg-type]


def soup(html: str) -> BeautifulSoup:
    return BeautifulSoup(html, "lxml")


def read(html: str) -> str:
    return soup(html).get_text()


# -- answers -------------------------------------------------------------------------------------


def test_a_quote_stands_apart_with_its_marker() -> None:
    found = soup(render_answer(answer("Guide: “Stack `it`.” [1]", citation("Stack `it`.")), "en"))
    assert found.select_one(".body > p").text == "Guide: "
    assert found.select_one("blockquote code").text == "it"
    (marker,) = found.select("blockquote .cite")
    assert (marker.text, marker["data-source"], marker["data-end"]) == ("1", "file:a.md", "11")
    assert marker["data-quote"] == "Stack `it`."


def test_numbers_in_quotes_and_numbers_without_citation_are_no_links() -> None:
    found = soup(render_answer(answer("See [2]. “As in [1].” [1]", citation("As in [1].")), "en"))
    body = found.select_one(".body")
    assert [link.text for link in body.select(".cite")] == ["1"]
    assert "As in [1]." in body.text
    assert "See [2]." in body.text


def test_code_is_set_apart_and_may_be_cut_while_it_streams() -> None:
    text = "```\n>>> a = 1\n>>> b\n``` [1]"
    whole = soup(render_answer(answer(text, citation(">>> a = 1")), "en"))
    assert whole.select_one("pre").text == ">>> a = 1\n>>> b"
    assert whole.select_one("figcaption .cite").text == "1"
    for end in range(4, len(text)):
        list(blocks(text[:end]))
        assert "<pre" in render_answer(answer(text[:15]), "en")


def test_a_verdict_has_a_column_for_each_stance_and_its_conclusion_above() -> None:
    verdict = Verdict(
        ("framework", "library"), "both",
        (Stance("file:a.md", "library", "2026", 1), Stance("file:a.md", "both", None, 2)),
    )  # fmt: skip
    cited = (citation("It is a library."), citation("It is both.", 2, date="2023-06-04"))
    text = (
        "Both: **framework** and **library**.\n- A: library. “It is a library.” [1]\n- B: “x” [2]"
    )
    html = render_answer(answer(text, *cited, verdict=verdict), "ko")
    found = soup(html)
    assert found.select_one(".conclusion").text == "Both: framework and library."
    columns = found.select(".stance")
    assert [one.select_one(".says").text for one in columns] == ["library", "둘 다"]
    assert [one.select_one("time").text for one in columns] == ["2026", "2023-06-04"]
    assert html.index("conclusion") < html.index("stances")


def test_a_refusal_offers_names_and_sections(small_pipeline: Pipeline) -> None:
    found = soup(render_answer(small_pipeline.ask("What is toolkit.unfold?"), "en"))
    assert found.select("[data-ask]")[0]["data-ask"].startswith("toolkit.")
    assert found.select("[data-source]")
    assert not found.select(".cite")


def test_a_long_name_may_be_broken_after_its_dots() -> None:
    assert breakable("torch.nn.Soft_max") == "torch.<wbr>nn.<wbr>Soft_<wbr>max"
    assert breakable("a.<b>") == "a.&lt;b&gt;"


def test_confidence_is_told_in_words() -> None:
    told = [
        soup(render_footer(answer("x", confidence=sure), "ko")).select_one(".sure").text
        for sure in (0.99, 0.8, 0.6)
    ]
    assert told == [words("ko")[key] for key in ("confident", "likely", "unsure")]
    assert "written" not in render_footer(answer("x"), "en").lower()
    assert "qwen" in render_footer(answer("x", generator="qwen"), "en")


@pytest.mark.parametrize("question", ["What is toolkit.fold?", "toolkit.fold의 crease 기본값은?"])
def test_every_state_of_a_growing_answer_is_well_formed(
    small_pipeline: Pipeline, question: str
) -> None:
    for state in small_pipeline.stream(question):
        for language in ("en", "ko"):
            found = soup(render_answer(state, language) + render_footer(state, language))
            numbers = {int(one.text) for one in found.select(".body .cite")}
            assert numbers <= {one.marker for one in state.citations}
    assert numbers == {one.marker for one in state.citations}


# -- what comes from others ----------------------------------------------------------------------


@given(TAGS, TAGS, TAGS)
def test_no_text_of_others_makes_an_element(text: str, quote: str, title: str) -> None:
    passage = Passage("s", (), title, quote, title, text, title, 0, 1, text, 1.0, 1)
    given_ = answer(
        f"{text}“{quote}” [1]", citation(quote or "x", title=title, url=text, version=title),
        passages=(passage,), notice=text, completed=quote, generator=title or "g",
    )  # fmt: skip
    document = Document("file:x", title, f"{text}\n{quote}", "file", "markdown", url=quote)
    for one in (given_, replace(given_, refused=True)):
        html = render_answer(one, "en") + render_footer(one, "en")
        html += render_document(document, 0, 9, "en")
        found = soup(html)
        kinds = {tag.name for tag in found.find_all()}
        assert not kinds & {"script", "img", "form", "iframe", "style", "object", "b"}
        for tag in found.find_all():
            assert not [name for name in tag.attrs if name.startswith("on")]
            assert re.match(r"https?:|#evidence$|#i-", tag.get("href", "#evidence"))
        assert "\u202e" not in html
        assert "\x00" not in html


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)", "JAVASCRIPT:alert(1)", " https://a.example", "data:text/html,x",
        "//a.example", "https:///x", "https://a.example/\n", "https://user:pw@a.example", "ftp://a.b",
        "https://a.example/" + "x" * 3000, "http://[::1", "vbscript:x", "", None, "https://a\u202eb.example",
    ],
)  # fmt: skip
def test_such_an_address_is_not_linked(url: str | None) -> None:
    assert safe_url(url) is None


def test_a_proper_address_is_linked_and_told_nothing() -> None:
    assert safe_url("https://docs.example/a?b=c#d") == "https://docs.example/a?b=c#d"
    found = soup(render_answer(answer("“x” [1]", citation("x")), "en"))
    link = found.select_one("a.official")
    assert link["href"] == "https://docs.example/a"
    assert {"noopener", "noreferrer"} <= set(link["rel"])


# -- documents -----------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["py:toolkit.fold", "py:toolkit.press.Press"])
def test_what_is_marked_is_the_quote(small_pipeline: Pipeline, source: str) -> None:
    document = small_pipeline.show(source)
    for quote in document.text.split("\n"):
        if re.fullmatch(r"\s*[\w ,.]{12,}", quote):
            start = document.text.index(quote)
            html = render_document(document, start, start + len(quote), "en")
            marked = " ".join(mark.text for mark in soup(html).select("mark"))
            assert marked.split() == quote.split()


def test_a_quote_over_several_lines_is_marked_in_all_of_them() -> None:
    text = "# Title\n\nFirst line of it\nand the second.\n\n한글 문단입니다.\n"
    document = Document("file:x.md", "Title", text, "file", "markdown", language="ko")
    start, end = text.index("line"), text.index("문단")
    marked = [one.text for one in soup(render_document(document, start, end, "ko")).select("mark")]
    assert marked == ["line of it", "and the second.", "한글 "]


def test_a_long_document_is_cut_around_the_quote_and_can_be_had_whole() -> None:
    text = "".join(f"Line number {n} of the document.\n\n" for n in range(2000))
    document = Document("file:x.md", "Long", text, "file", "markdown")
    at = text.index("number 1000")
    cut = render_document(document, at, at + 11, "en")
    assert "number 1000" in cut
    assert len(read(cut)) < 3 * AROUND
    assert "data-whole" in cut
    whole = read(render_document(document, at, at + 11, "en", whole=True))
    assert "Line number 0 of" in whole
    assert "Line number 1999 of" in whole


@given(st.integers(-9, 2000), st.integers(-9, 2000))
def test_any_offsets_are_borne(start: int, end: int) -> None:
    document = Document("py:toolkit.fold", "toolkit.fold", toolkit.FOLD, "symbol", "docstring")
    assert "Folds a sequence" in read(render_document(document, start, end, "en"))


# -- words ---------------------------------------------------------------------------------------


def test_every_word_of_the_page_is_there_in_both_languages() -> None:
    english, korean = words("en"), words("ko")
    assert english.keys() == korean.keys()
    assert all(english.values())
    assert all(re.search("[가-힣]", text) for key, text in korean.items())
    assert len(EXAMPLES["en"]) == len(EXAMPLES["ko"])
    keys = set(re.findall(r'data-t(?:-label|-placeholder)?="([\w-]+)"', render_shell("ko")))
    assert keys <= english.keys()
