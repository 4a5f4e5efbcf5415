"""An Answer as HTML: pure functions, no Gradio. Every text of a document passes `ui.html.text`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from rag import Answer, Citation, Passage, Stance, Verdict, readable
from ui.html import breakable, icon, inline, named, outside, own, place, text, version
from ui.strings import Language

_FENCE = re.compile(r"^```[\w+-]*(?P<after>(?: ?\[\d{1,3}\])*)$")
_MARKER = re.compile(r"\[(\d{1,3})\]")
_NAMES = re.compile(r"`([^`\n]{1,200})`")
_CONFIDENT, _LIKELY = 0.9, 0.75  # the fitted threshold of answering at all is 0.59


@dataclass(frozen=True, slots=True)
class Block:
    """A part of an answer: "text", "item" or "code"; `after` are the markers behind code."""

    kind: str
    body: str
    after: str = ""


def blocks(answer: str) -> Iterator[Block]:
    """The lines of an answer as blocks; code that is not closed yet runs to the end."""
    code: list[str] | None = None
    for line in answer.split("\n"):
        fence = _FENCE.match(line)
        if code is None:
            if fence:
                code = []
            elif line.startswith("- "):
                yield Block("item", line[2:])
            elif line.strip():
                yield Block("text", line)
        elif fence:
            yield Block("code", "\n".join(code), fence["after"].strip())
            code = None
        else:
            code.append(line)
    if code:
        yield Block("code", "\n".join(code))


def render_answer(answer: Answer, language: Language) -> str:
    """The card of an answer, in full or as far as it has grown; `language` is that of the page."""
    if answer.refused:
        body = _refusal(answer, language)
    elif answer.verdict is not None:
        body = _verdict(answer, answer.verdict, language)
    else:
        body = _body(answer, language, blocks(answer.answer))
    parts = [
        _completed(answer, language),
        f'<div class="body" lang="{answer.language}">{body}</div>',
        f'<p class="notice">{inline(answer.notice)}</p>' if answer.notice else "",
        _cited(answer, language),
    ]
    return "".join(parts)


def render_footer(answer: Answer, language: Language) -> str:
    """What stands below a finished answer: how sure it is, and why these passages."""
    tone = "refused" if answer.refused else _sureness(answer.confidence)
    writer = ""
    if answer.generator != "extractive":
        writer = (
            f'<span class="writer">{own("written-by", language)} {text(answer.generator)}</span>'
        )
    return (
        f'<p class="sure {tone}"><span class="dot" aria-hidden="true"></span>{own(tone, language)}'
        f"{writer}</p>{_why(answer, language)}"
    )


def _sureness(confidence: float) -> str:
    if confidence >= _CONFIDENT:
        return "confident"
    return "likely" if confidence >= _LIKELY else "unsure"


def _completed(answer: Answer, language: Language) -> str:
    if not answer.completed:
        return ""
    return (
        f'<p class="completed">{own("completed", language)} <q>{inline(answer.completed)}</q> '
        f'<button type="button" class="quiet" data-do="as-typed">{icon("undo")}'
        f"{own('as-typed', language)}</button></p>"
    )


# -- text, quotes, code --------------------------------------------------------------------------


def _body(answer: Answer, language: Language, found: Iterator[Block]) -> str:
    citations = {citation.marker: citation for citation in answer.citations}
    made = []
    for block in found:
        if block.kind == "code":
            made.append(_code(block, citations, language))
        else:
            made.append(_paragraph(block, citations))
    return "".join(made)


def _code(block: Block, citations: Mapping[int, Citation], language: Language) -> str:
    return (
        f'<figure class="code"><pre tabindex="0"><code>{text(block.body)}</code></pre>'
        f'<figcaption>{_markers(block.after, citations)}<button type="button" class="quiet" '
        f'data-do="copy-code" {named("copy", language)}>{icon("copy")}</button></figcaption></figure>'
    )


def _paragraph(block: Block, citations: Mapping[int, Citation]) -> str:
    """Words of ours as a paragraph, and each quote below them as a quotation with its marker."""
    made: list[str] = []
    for ours, quote, after in _split_quotes(block.body):
        if ours.strip():
            made.append(f"<p>{_markers(ours, citations)}</p>")
        if quote:
            marks = _markers(after.strip(), citations)
            made.append(
                f'<blockquote><p><span class="words">{inline(quote)}</span>\u00a0{marks}</p></blockquote>'
            )
    inner = "".join(made)
    return f'<div class="item">{inner}</div>' if block.kind == "item" else inner


def _split_quotes(line: str) -> Iterator[tuple[str, str, str]]:
    """A line as (our words, a quote, the markers behind it), quotes within quotes left whole."""
    at = 0
    while (start := line.find("“", at)) >= 0:
        depth, end = 0, start
        for end in range(start, len(line)):
            depth += (line[end] == "“") - (line[end] == "”")
            if depth == 0:
                break
        else:
            end = len(line)  # it has not been written to its end yet
        after = re.match(r"(?: ?\[\d{1,3}\])*", line[end + 1 :])
        marks = after[0] if after else ""
        yield line[at:start], line[start : end + 1], marks
        at = end + 1 + len(marks)
    yield line[at:], "", ""


def _markers(value: str, citations: Mapping[int, Citation]) -> str:
    """Inline text with [1] as a link to its quote; a number without a citation stays as it is."""
    made = []
    for at, part in enumerate(_MARKER.split(value)):
        if at % 2 == 0:
            made.append(inline(part))
        elif int(part) in citations:
            made.append(marker(citations[int(part)]))
        else:
            made.append(f"[{part}]")
    return "".join(made)


def marker(citation: Citation) -> str:
    """A citation as a link: its quote is shown beside it, a click opens it in its source."""
    where = " · ".join(filter(None, (citation.title, citation.version or citation.date)))
    return (
        f'<a class="cite" href="#evidence" {place(citation.source, citation.start, citation.end)} '
        f'data-quote="{text(readable(citation.quote))}" data-where="{text(where)}" '
        f'aria-label="[{citation.marker}] {text(where)}">{citation.marker}</a>'
    )


# -- sources, verdicts, refusals -----------------------------------------------------------------


def _cited(answer: Answer, language: Language) -> str:
    by_source: dict[str, list[Citation]] = {}
    for citation in answer.citations:
        by_source.setdefault(citation.source, []).append(citation)
    if not by_source:
        return ""
    rows = []
    for source, group in by_source.items():
        first = group[0]
        numbers = "".join(marker(citation) for citation in group)
        detail = version(first.version or first.date, language)
        label = (
            f'<button type="button" class="source" {place(source, first.start, first.end)}>'
            f'<span class="name">{text(first.title)}</span> <span class="detail">{detail}</span>'
            "</button>"
        )
        rows.append(f"<li>{label}{numbers}{outside(first.url, own('official', language))}</li>")
    return (
        f'<section class="cited">{own("cited", language, "h3")}<ul>{"".join(rows)}</ul></section>'
    )


def _verdict(answer: Answer, verdict: Verdict, language: Language) -> str:
    """The conclusion on top, then a column for each source: its stance, its quote, its date."""
    citations = {citation.marker: citation for citation in answer.citations}
    ours = [block for block in blocks(answer.answer) if block.kind != "item"]
    columns = "".join(
        _stance(stance, citations[stance.marker], verdict.options, language)
        for stance in verdict.stances
        if stance.marker in citations
    )
    return (
        f'<div class="verdict"><div class="conclusion">{_body(answer, language, iter(ours))}</div>'
        f'<ol class="stances">{columns}</ol></div>'
    )


def _stance(
    stance: Stance, citation: Citation, options: tuple[str, ...], language: Language
) -> str:
    side = options.index(stance.says) if stance.says in options else "none"
    says = own("both", language) if stance.says == "both" else text(stance.says)
    date = stance.date or citation.date or ""
    return (
        f'<li class="stance side-{side}"><p class="says">{says}</p>'
        f"<blockquote><p>{inline('“' + readable(citation.quote) + '”')}\u00a0{marker(citation)}</p></blockquote>"
        f'<p class="who"><span>{text(citation.title)}</span> <time>{text(date)}</time></p></li>'
    )


def _refusal(answer: Answer, language: Language) -> str:
    said, _, more = answer.answer.partition("\n")
    names = _NAMES.findall(more)
    told = f'<p class="reason">{_markers(said, {})}</p>'
    if names:
        buttons = "".join(
            f'<button type="button" class="chip" data-ask="{text(name)}"><code>{text(name)}</code></button>'
            for name in names
        )
        told += f'<div class="nearest">{own("did-you-mean", language, "h3")}{buttons}</div>'
    if answer.passages:
        buttons = "".join(_near(passage) for passage in answer.passages[:4])
        told += f'<div class="nearest">{own("nearest", language, "h3")}{buttons}</div>'
    return f'<div class="refusal">{told}</div>'


def _near(passage: Passage) -> str:
    heading = passage.heading.rpartition(" > ")[2]
    detail = f' <span class="detail">{text(heading)}</span>' if heading != passage.title else ""
    return (
        f'<button type="button" class="chip" {place(passage.source, passage.start, passage.end)}>'
        f"{text(passage.title)}{detail}</button>"
    )


# -- why this passage ----------------------------------------------------------------------------


def _why(answer: Answer, language: Language) -> str:
    heads = "rank passage lexical dense fused matched".split()
    head = "".join(f'<th scope="col">{own(key, language)}</th>' for key in heads)
    rows = "".join(_trace(passage, language) for passage in answer.passages)
    times = " · ".join(
        f"{own(f'time-{name}', language) if name in ('retrieve', 'answer') else text(name)} "
        f"{seconds * 1000:,.0f} ms"
        for name, seconds in answer.timings
    )
    return (
        f'<details class="why"><summary>{own("why", language)}</summary>'
        f'<div class="table" tabindex="0" role="region" {named("why", language)}>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
        f'<p class="timings">{own("timings", language)}: {answer.seconds * 1000:,.0f} ms'
        f"{f' ({times})' if times else ''}</p></details>"
    )


def _trace(passage: Passage, language: Language) -> str:
    trace = passage.trace
    matched = ", ".join(text(word) for word in trace.matched) or "–"
    if trace.exact_name:
        matched = f'<span class="exact">{own("exact", language)}</span> {matched}'
    opener = (
        f'<button type="button" class="source" {place(passage.source, passage.start, passage.end)}>'
        f"{breakable(passage.title)}</button>"
    )
    cells = [
        opener,
        trace.lexical_rank or "–",
        trace.dense_rank or "–",
        f"{trace.fused:.4f}",
        matched,
    ]
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{passage.rank}</th>{row}</tr>'
