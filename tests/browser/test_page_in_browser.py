"""The page as a person uses it, in a real browser against the real server."""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from webhouse import GUIDE, served, serving
from webreader import Reader

from rag import FeedbackStore, Pipeline
from rag.generators.extractive import Written
from rag.generators.generator import Brief, Part
from ui.desk import Desk

STACK = "How do I stack widgets on a new axis?"
STACK_KO = "위젯을 새 축으로 쌓으려면 어떻게 하나요?"
VERDICT = "Is PyTorch a framework or a library?"
UNKNOWN = "What is the capital of Mongolia?"
GIZMO = "How long is the gizmo charged before its first flight?"
PHONE = {"width": 390, "height": 844}


def ask(page: Page, question: str) -> Locator:
    """Type, press Enter, and wait for the whole answer."""
    at = page.locator(".turn").count()
    page.fill("#question", question)
    page.keyboard.press("Enter")
    turn = page.locator(".turn").nth(at)
    turn.locator(".sure").wait_for()
    return turn


def evidence(page: Page) -> Locator:
    panel = page.locator("#evidence")
    panel.locator("mark").first.wait_for()
    return panel


# -- answers and their proof ---------------------------------------------------------------------


def test_a_marker_shows_its_quote_and_opens_it_in_its_source(reader: Reader) -> None:
    page = reader.open()
    turn = ask(page, STACK)
    marker = turn.locator("blockquote .cite").first
    marker.hover()
    quote = "Use widget.stack(items) to stack widgets on a new axis."
    expect(page.locator("#tip")).to_contain_text(quote)
    expect(page.locator("#tip code").first).to_have_text("widget.stack(items)")
    marker.click()
    panel = evidence(page)
    expect(panel.locator("h2")).to_have_text("Widget guide")
    marked = " ".join(panel.locator("mark").all_inner_texts())
    assert marked.startswith("Use widget.stack(items) to stack widgets")
    expect(panel).to_contain_text("File")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(marker).to_be_focused()


def test_korean_is_asked_and_answered_in_korean(reader: Reader) -> None:
    page = reader.open(locale="ko-KR")
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    turn = ask(page, STACK_KO)
    expect(turn.locator("blockquote").first).to_contain_text("위젯을 새 축으로 쌓으려면")
    turn.locator("blockquote .cite").first.click()
    expect(evidence(page).locator("mark").first).to_contain_text("위젯을 새 축으로")
    expect(page.locator("#evidence .facts")).to_contain_text("종류")


def test_the_interface_changes_its_language_with_the_answers_on_it(reader: Reader) -> None:
    page = reader.open()
    turn = ask(page, STACK)
    expect(turn.locator(".cited h3")).to_have_text("Sources cited")
    page.select_option("#language", "ko")
    expect(turn.locator(".cited h3")).to_have_text("인용한 출처")
    expect(page.locator("[data-do=new]")).to_have_text("새 대화")
    expect(page.get_by_role("button", name="보내기", exact=True)).to_be_visible()
    expect(turn.locator("blockquote").first).to_contain_text("to stack widgets")
    page.reload()
    expect(page.locator("[data-do=new]")).to_have_text("새 대화")


def test_an_either_or_question_gets_a_verdict_card(reader: Reader) -> None:
    page = reader.open()
    turn = ask(page, VERDICT)
    expect(turn.locator(".conclusion strong").first).to_be_visible()
    stances = turn.locator(".stance")
    assert stances.count() >= 2
    for at in range(stances.count()):
        stance = stances.nth(at)
        assert stance.locator(".says").inner_text() in {"framework", "library", "both"}
        assert stance.locator("blockquote").inner_text().startswith("“")
        assert stance.locator("time").inner_text()[:2] == "20"
    stances.first.locator(".cite").click()
    expect(evidence(page).locator(".official")).to_have_attribute("href", re.compile("^https://"))


def test_a_refusal_says_why_and_its_nearest_sections_open(reader: Reader) -> None:
    page = reader.open()
    turn = ask(page, UNKNOWN)
    expect(turn.locator(".refusal .reason")).to_contain_text("do not answer")
    expect(turn.locator(".sure")).to_have_text("Not in the documents")
    assert turn.locator(".cite").count() == 0
    turn.locator(".nearest .chip").first.click()
    expect(page.locator("#evidence-title")).to_be_visible()


def test_why_a_passage_came_unfolds(reader: Reader) -> None:
    turn = ask(reader.open(), STACK)
    turn.locator("summary").click()
    row = turn.locator(".why tbody tr").first
    expect(row).to_contain_text("Widget guide")
    expect(row).to_contain_text("stack")
    expect(turn.locator(".timings")).to_contain_text(" ms")


def test_code_is_code_and_can_be_copied(reader: Reader) -> None:
    page = reader.open(permissions=["clipboard-read", "clipboard-write"])
    turn = ask(page, STACK)
    turn.locator("[data-do=copy-answer]").click()
    expect(turn.locator("[data-do=copy-answer] use")).to_have_attribute("href", "#i-check")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "widget.stack(items)" in copied
    assert "[1] Widget guide" in copied


# -- conversations -------------------------------------------------------------------------------


def test_a_follow_up_shows_how_it_was_understood_and_can_be_undone(reader: Reader) -> None:
    page = reader.open()
    ask(page, STACK)
    turn = ask(page, "And how is it cleaned?")
    expect(turn.locator(".completed q")).to_contain_text(STACK)
    turn.locator("[data-do=as-typed]").click()
    again = page.locator(".turn").nth(1)
    again.locator(".sure").wait_for()
    expect(again.locator(".completed")).to_have_count(0)
    expect(page.locator(".turn")).to_have_count(2)


def test_chats_stay_after_a_reload_and_can_be_left_and_deleted(reader: Reader) -> None:
    page = reader.open()
    ask(page, STACK)
    page.reload()
    expect(page.locator(".turn .asked p")).to_have_text(STACK)
    page.locator(".turn blockquote .cite").first.click()
    evidence(page)
    page.click("[data-do=new]")
    expect(page.locator("#hello h1")).to_be_visible()
    ask(page, UNKNOWN)
    expect(page.locator("#chats li")).to_have_count(2)
    page.locator("#chats .open", has_text=STACK).click()
    expect(page.locator(".turn .asked p")).to_have_text(STACK)
    page.locator("#chats li", has_text=STACK).hover()
    page.locator("#chats li", has_text=STACK).locator("[data-do=drop]").click()
    expect(page.locator("#chats li")).to_have_count(1)
    expect(page.locator(".turn")).to_have_count(0)


def test_a_question_is_corrected_and_asked_again(reader: Reader) -> None:
    page = reader.open()
    turn = ask(page, UNKNOWN)
    turn.locator("[data-do=edit]").click()
    expect(page.locator("#question")).to_have_value(UNKNOWN)
    page.fill("#question", STACK)
    page.keyboard.press("Enter")
    expect(page.locator(".turn .asked p")).to_have_text(STACK)
    page.locator(".turn .sure").wait_for()
    page.locator(".turn [data-do=retry]").click()
    page.locator(".turn .sure").wait_for()
    expect(page.locator(".turn")).to_have_count(1)


def test_a_chat_goes_out_as_markdown_and_json_with_its_citations(reader: Reader) -> None:
    page = reader.open()
    ask(page, STACK)
    texts = {}
    for kind in ("md", "json"):
        with page.expect_download() as waiting:
            page.click(f"[data-do=export-{kind}]")
        assert waiting.value.suggested_filename.endswith(f".{kind}")
        texts[kind] = Path(waiting.value.path()).read_text(encoding="utf-8")
    assert f"## {STACK}" in texts["md"]
    (turn,) = json.loads(texts["json"])["turns"]
    for citation in turn["answer"]["citations"]:
        assert citation["quote"] in texts["md"]
        if citation["source"] == "file:docs/guide.md":
            assert GUIDE[citation["start"] : citation["end"]] == citation["quote"]


def test_thumbs_are_kept_with_their_reason(reader: Reader, feedback_file: Path) -> None:
    page = reader.open()
    turn = ask(page, STACK)
    turn.locator("[data-do=up]").click()
    expect(turn.locator("[data-do=up]")).to_have_attribute("aria-pressed", "true")
    turn.locator("[data-do=down]").click()
    page.get_by_label("The quote does not fit").check()
    page.get_by_label("Anything to add? (optional)").fill("위젯이 아니라 <b>기즈모</b>")
    page.get_by_role("button", name="Send feedback").click()
    expect(turn.locator(".thanks")).to_be_visible()
    # The thumb is shown at once, and kept when the server has heard of it.
    for _ in range(100):
        kept = FeedbackStore(feedback_file).all()
        if len(kept) == 2:
            break
        page.wait_for_timeout(100)
    down, up = sorted(kept, key=lambda one: one.helpful)
    assert (up.helpful, up.question, up.sources[0]) == (True, STACK, "file:docs/guide.md")
    assert (down.helpful, down.reason) == (False, "quote")
    assert down.comment == "위젯이 아니라 <b>기즈모</b>"


class Slow:
    """Writes on and on; knows when it was told to stop."""

    name = "slow"

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def stream(self, brief: Brief) -> Iterator[Part]:
        text = "Word"
        try:
            for _ in range(600):
                text += " word"
                yield Part(Written(text, ()), self.name)
                time.sleep(0.05)
        finally:
            self.stopped.set()


@pytest.mark.parametrize("how", ["the button", "closing the page"])
def test_stopping_ends_the_writing_on_the_server(
    reader: Reader, web_index: Path, tmp_path: Path, how: str
) -> None:
    slow = Slow()
    with served(web_index, tmp_path / "f.sqlite", generator=slow) as address:
        page = reader.open(address)
        page.fill("#question", STACK)
        page.keyboard.press("Enter")
        expect(page.locator(".turn .body")).to_contain_text("word word")
        assert not slow.stopped.is_set()
        if how == "the button":
            page.get_by_role("button", name="Stop").click()
            expect(page.locator(".turn .problem")).to_have_text("Stopped.")
            expect(page.get_by_role("button", name="Send")).to_be_visible()
        else:
            page.close()
        assert slow.stopped.wait(10)


def test_a_question_waits_until_the_index_is_built(
    reader: Reader, web_index: Path, tmp_path: Path
) -> None:
    go = threading.Event()

    def opener(progress: Callable[[str, int, int], None]) -> Pipeline:
        progress("embedding", 30, 100)
        assert go.wait(60)
        return Pipeline.open(web_index)

    with serving(Desk(opener), FeedbackStore(tmp_path / "f.sqlite")) as address:
        page = reader.open(address, ready=False, locale="ko-KR")
        expect(page.locator("#status")).to_contain_text("임베딩 중 30 %")
        page.fill("#question", STACK_KO)
        page.keyboard.press("Enter")
        expect(page.locator("#question")).to_have_value(STACK_KO)
        go.set()
        expect(page.locator(".turn blockquote").first).to_contain_text("위젯")
        expect(page.locator("#status")).to_be_hidden()


def test_a_full_queue_is_told_kindly(reader: Reader) -> None:
    page = reader.open(locale="ko-KR")
    page.route("**/gradio_api/call/page_chat", lambda route: route.fulfill(status=503, body="{}"))
    page.fill("#question", STACK_KO)
    page.keyboard.press("Enter")
    expect(page.locator(".turn .problem")).to_contain_text("질문이 많이 몰렸습니다")
    page.unroute("**/gradio_api/call/page_chat")
    page.locator(".turn [data-do=retry]").click()
    expect(page.locator(".turn blockquote").first).to_contain_text("위젯")
    reader.complaints.clear()  # the browser's own line about the 503


# -- sources -------------------------------------------------------------------------------------


def test_sources_are_listed_searched_opened_and_chosen(reader: Reader) -> None:
    page = reader.open()
    page.get_by_role("tab", name="Sources").click()
    row = page.locator("#groups tr", has_text="PyTorch - Wikipedia")
    expect(row).to_contain_text("CC BY-SA 4.0")
    page.fill("#find", "위젯")
    page.locator("#hits .source", has_text="위젯 안내서").click()
    expect(page.locator("#evidence .document")).to_contain_text("미지근한 물")
    page.get_by_role("checkbox", name="docs").uncheck()
    page.get_by_role("tab", name="Chat").click()
    expect(page.locator("#scope")).to_contain_text("Wikipedia")
    turn = ask(page, STACK)
    expect(turn.locator("[data-source^='file:']")).to_have_count(0)
    page.click("[data-do=clear-scope]")
    expect(ask(page, STACK).locator("blockquote .cite").first).to_be_visible()


def test_a_chat_can_be_limited_to_one_document(reader: Reader) -> None:
    page = reader.open()
    ask(page, STACK).locator("blockquote .cite").first.click()
    evidence(page).get_by_role("button", name="Ask only this source").click()
    turn = ask(page, VERDICT)
    turn.locator("summary").click()
    for source in turn.locator(".why .source").all():
        assert source.get_attribute("data-source") == "file:docs/guide.md"


# -- keyboard, phone, dark, harm -----------------------------------------------------------------


def test_enter_while_hangul_is_composed_does_not_send(reader: Reader) -> None:
    page = reader.open(locale="ko-KR")
    page.focus("#question")
    keyboard = page.context.new_cdp_session(page)
    keyboard.send(
        "Input.imeSetComposition", {"text": "위젯", "selectionStart": 2, "selectionEnd": 2}
    )
    # What a browser sends for the Enter that ends a syllable.
    event = "new KeyboardEvent('keydown', {key: 'Enter', bubbles: true, isComposing: true})"
    page.evaluate(f"document.querySelector('#question').dispatchEvent({event})")
    expect(page.locator(".turn")).to_have_count(0)
    keyboard.send("Input.insertText", {"text": "위젯 청소 방법은?"})
    page.keyboard.press("Shift+Enter")
    expect(page.locator(".turn")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator(".turn .asked p")).to_have_text("위젯 청소 방법은?")


def test_a_reader_without_a_mouse_gets_everywhere(reader: Reader) -> None:
    page = reader.open()
    expect(page.locator("#question")).to_be_focused()
    ask(page, STACK)
    reached = set()
    page.evaluate("document.activeElement.blur()")
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.dataset.do ?? document.activeElement.className")
        )
    assert {"new", "cite", "source", "retry", "up", "down", "edit", "export-md"} <= reached
    page.locator(".turn blockquote .cite").first.focus()
    expect(page.locator("#tip")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("#evidence-title")).to_be_focused()


def test_a_phone_shows_everything_without_scrolling_sideways(reader: Reader) -> None:
    page = reader.open(viewport=PHONE, has_touch=True, is_mobile=True)
    page.get_by_role("button", name="Open the menu").tap()
    page.locator("[data-do=new]").tap()
    for question in (VERDICT, "x" * 300, UNKNOWN):
        ask(page, question)
        assert page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
        assert page.evaluate("document.querySelector('#log').scrollWidth") <= PHONE["width"]
    page.locator(".turn").first.locator(".cite").first.tap()
    box = evidence(page).bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, PHONE["width"])
    page.locator("[data-do=close-panel]").tap()
    page.get_by_role("tab", name="Sources").tap()
    row = page.locator("#groups tr", has_text="PyTorch - Wikipedia")
    expect(row.get_by_text("CC BY-SA 4.0")).to_be_in_viewport()
    expect(row.get_by_text("Licence")).to_be_visible()
    table = "document.querySelector('#sources .table')"
    assert page.evaluate(f"{table}.scrollWidth <= {table}.clientWidth")


def test_a_marker_is_never_alone_on_a_line(reader: Reader) -> None:
    page = reader.open()
    turn = ask(page, VERDICT)
    alone = """quotes => quotes.filter(quote => {
        const words = document.createRange();
        words.selectNodeContents(quote.querySelector("p"));
        const end = quote.querySelector(".cite").getBoundingClientRect();
        words.setEndBefore(quote.querySelector(".cite"));
        const lines = [...words.getClientRects()].filter(line => line.width > 8);
        return end.top > lines.at(-1).bottom;
    }).length"""
    for width in range(600, 1300, 70):
        page.set_viewport_size({"width": width, "height": 800})
        assert turn.locator("blockquote").evaluate_all(alone) == 0


def test_dark_follows_the_system_and_can_be_chosen(reader: Reader) -> None:
    page = reader.open(color_scheme="dark")
    paper = "getComputedStyle(document.querySelector('#ask')).backgroundColor"
    dark = page.evaluate(paper)
    page.select_option("#theme", "light")
    light = page.evaluate(paper)
    assert brightness(dark) < 60
    assert brightness(light) > 220


def brightness(colour: str) -> float:
    return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(",")) / 3


def test_a_document_that_means_harm_is_only_read(reader: Reader) -> None:
    page = reader.open()
    turn = ask(page, GIZMO)
    turn.locator(".source").first.click()
    panel = page.locator("#evidence .document")
    expect(panel).to_contain_text("<script>window.hacked")
    expect(panel).to_contain_text("beacon.example/y.png")
    for where in (turn, panel):
        assert where.locator("script, img, form, iframe, object, [onerror], [onclick]").count() == 0
        assert where.locator("a:not(.cite, [href^='http'])").count() == 0
    assert "\u202e" not in page.content()
    assert page.evaluate("window.hacked") is None


@pytest.mark.parametrize(
    "question",
    [
        "<img src=x onerror=\"window.hacked='question'\"> <script>window.hacked=1</script>",
        "![x](http://beacon.example/q.png) [y](javascript:window.hacked=2) how to stack widgets?",
        '"><svg onload=window.hacked=3> {{7*7}} ${7*7} data:text/html,<script>1</script>',
    ],
)
def test_a_question_that_means_harm_is_only_shown(reader: Reader, question: str) -> None:
    page = reader.open()
    turn = ask(page, question)
    expect(turn.locator(".asked p")).to_have_text(question)
    page.reload()
    expect(page.locator(".turn .asked p")).to_have_text(question)
    assert page.locator("#turns img, #turns script, #chats img").count() == 0
    assert page.evaluate("window.hacked") is None


def test_what_is_put_into_the_page_by_force_is_not_run(reader: Reader) -> None:
    """The second wall: were markup ever to get in, the policy would still stop it."""
    page = reader.open()
    page.evaluate(
        """document.querySelector('#turns').innerHTML =
        '<img src="http://beacon.example/z.png" onerror="window.hacked=1">'
        + '<a id="trap" href="javascript:window.hacked=2">x</a>'"""
    )
    page.click("#trap")
    assert page.evaluate("window.hacked") is None
    assert [text for text in reader.complaints if "Content Security Policy" in text]
    reader.complaints.clear()
    reader.requests = [url for url in reader.requests if "beacon" not in url]


def test_a_question_that_is_too_long_is_not_sent(reader: Reader) -> None:
    page = reader.open()
    page.fill("#question", "가" * 2001)
    expect(page.locator("#count")).to_have_class("over")
    expect(page.locator("#send")).to_be_disabled()
    page.keyboard.press("Enter")
    expect(page.locator(".turn")).to_have_count(0)


# -- axe -----------------------------------------------------------------------------------------

AXE = Path(__file__).resolve().parents[2] / "build" / "axe" / "node_modules" / "axe-core"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1360, 390])
def test_axe_finds_nothing_serious(reader: Reader, scheme: str, width: int) -> None:
    script = AXE / "axe.min.js"
    if not script.is_file():
        if os.environ.get("ASK_BROWSER"):
            pytest.fail("there is no axe-core; .ci/browser installs it")
        pytest.skip("there is no axe-core; .ci/browser installs it")
    page = reader.open(
        color_scheme=scheme, viewport={"width": width, "height": 900}, reduced_motion="reduce"
    )
    source = script.read_text(encoding="utf-8")

    def look() -> None:
        page.evaluate(source)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        told = [
            (one["id"], one["impact"], [node["target"] for node in one["nodes"]][:3])
            for one in found["violations"]
            if one["impact"] in ("serious", "critical")
        ]
        assert told == []

    look()
    ask(page, VERDICT)
    turn = ask(page, STACK)
    turn.locator("summary").click()
    turn.locator("[data-do=down]").click()
    look()
    turn.locator("blockquote .cite").first.click()
    evidence(page)
    look()
    page.keyboard.press("Escape")
    ask(page, UNKNOWN)
    look()
    page.get_by_role("tab").nth(1).click()
    page.locator("#groups td").first.wait_for()
    look()
