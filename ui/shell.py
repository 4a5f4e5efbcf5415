"""The frame of the page as HTML: everything but answers. Its script is ui/page/*.js."""

from __future__ import annotations

from html import escape

from ui.html import icon, named, own
from ui.strings import Language, page_words, words

_ICONS = {
    "menu": "M4 7h16M4 12h16M4 17h16",
    "plus": "M12 5v14M5 12h14",
    "close": "M6 6l12 12M18 6L6 18",
    "send": "M12 19V5M6 11l6-6 6 6",
    "stop": "M7 7h10v10H7z",
    "copy": "M9 9h11v11H9zM5 15H4V4h11v1",
    "check": "M5 13l4 4L19 7",
    "undo": "M9 7L4 12l5 5M4 12h11a5 5 0 0 1 0 10h-2",
    "retry": "M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6",
    "edit": "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
    "trash": "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
    "up": "M7 11v9H4v-9zM7 11l4-8c2 0 3 1 2.6 3L13 9h6.5l-1.7 9.5c-.2 1-.8 1.5-1.8 1.5H7",
    "down": "M17 13V4h3v9zM17 13l-4 8c-2 0-3-1-2.6-3l.6-3H4.5l1.7-9.5C6.4 4.5 7 4 8 4h9",
    "out": "M14 5h5v5M19 5l-8 8M11 6H5v13h13v-6",
    "save": "M12 4v11M7 10l5 5 5-5M5 20h14",
    "book": "M5 4h10a4 4 0 0 1 4 4v12H8a3 3 0 0 1-3-3zM5 17a3 3 0 0 1 3-3h11",
    "half": "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
}


def render_shell(language: Language = "en") -> str:
    """The frame in one language; the script turns it into the reader's own at once."""
    data = escape(page_words(), quote=True)
    return (
        f'<div id="ask" data-words="{data}" hidden>{_sprite()}{_side(language)}'
        f'<main id="main">{_top(language)}{_chat(language)}{_sources(language)}</main>'
        f"{_panel(language)}"
        '<div id="tip" role="tooltip" hidden></div>'
        '<div id="said" class="unseen" role="status" aria-live="polite"></div></div>'
    )


def _sprite() -> str:
    symbols = "".join(
        f'<symbol id="i-{name}" viewBox="0 0 24 24"><path d="{path}"/></symbol>'
        for name, path in _ICONS.items()
    )
    return f'<svg class="sprite" aria-hidden="true" width="0" height="0">{symbols}</svg>'


def _button(do: str, sign: str, key: str, language: Language, kind: str = "round") -> str:
    return (
        f'<button type="button" class="{kind}" data-do="{do}" {named(key, language)}>'
        f"{icon(sign)}</button>"
    )


def _side(language: Language) -> str:
    told = words(language)
    themes = "".join(
        f'<option value="{name}" data-t="theme-{name}">{escape(told[f"theme-{name}"])}</option>'
        for name in ("auto", "light", "dark")
    )
    return (
        f'<nav id="side" {named("chats", language)}><div class="brand"><span class="logo">ask</span>'
        f"{_button('close-menu', 'close', 'close-menu', language, 'round narrow')}</div>"
        f'<button type="button" class="new" data-do="new">{icon("plus")}{own("new", language)}</button>'
        f"{own('chats', language, 'h2')}"
        f'<ul id="chats"></ul><p id="no-chats" class="faint">{own("no-chats", language)}</p>'
        f'<div class="settings"><label>{own("language", language)}<select id="language">'
        '<option value="ko" lang="ko">한국어</option><option value="en" lang="en">English</option>'
        f"</select></label><label>{own('theme', language)}"
        f'<select id="theme">{themes}</select></label></div></nav>'
    )


def _top(language: Language) -> str:
    return (
        f'<header id="top">{_button("menu", "menu", "open-menu", language, "round narrow")}'
        '<div class="tabs" role="tablist">'
        f'<button type="button" role="tab" id="tab-chat" aria-controls="chat" aria-selected="true">{own("chat", language)}</button>'
        f'<button type="button" role="tab" id="tab-sources" aria-controls="sources" aria-selected="false" tabindex="-1">{own("sources", language)}</button>'
        "</div>"
        f'<div class="tools">{_button("export-md", "save", "export-md", language)}'
        f'<button type="button" class="round word" data-do="export-json" {named("export-json", language)}>'
        f"{{ }}</button></div></header>"
    )


def _chat(language: Language) -> str:
    told = words(language)
    return (
        '<section id="chat" role="tabpanel" aria-labelledby="tab-chat">'
        '<div id="status" hidden><p></p><progress aria-labelledby="status-told"></progress>'
        '<span id="status-told"></span></div>'
        f'<div id="log" role="log" aria-live="off" tabindex="0" {named("chat", language)}><div id="hello">'
        f"{own('title', language, 'h1')}{own('lede', language, 'p')}"
        f'{own("examples", language, "h2")}<ul id="examples"></ul></div><div id="turns"></div></div>'
        f'<form id="form"><div id="scope" hidden></div><div class="box"><label class="unseen" for="question">{own("question", language)}</label>'
        f'<textarea id="question" rows="1" aria-describedby="hint" placeholder="{escape(told["placeholder"], quote=True)}" '
        'data-t-placeholder="placeholder" autocomplete="off"></textarea>'
        f'<button type="submit" id="send" {named("send", language)}>{icon("send")}</button>'
        f'<button type="button" id="stop" data-do="stop" hidden {named("stop", language)}>{icon("stop")}</button></div>'
        f'<p id="hint" class="faint">{own("hint", language)}<span id="count"></span></p></form></section>'
    )


def _sources(language: Language) -> str:
    heads = "".join(
        f'<th scope="col">{own(key, language)}</th>'
        for key in ("use", "sources", "kind", "count", "version", "date", "licence")
    )
    return (
        '<section id="sources" role="tabpanel" aria-labelledby="tab-sources" hidden>'
        f"{own('sources', language, 'h1')}{own('sources-lede', language, 'p')}"
        f'<label class="unseen" for="find">{own("search-sources", language)}</label>'
        f'<input type="search" id="find" placeholder="{escape(words(language)["search-sources"], quote=True)}" '
        'data-t-placeholder="search-sources" autocomplete="off">'
        '<ul id="hits"></ul><p id="hits-more" class="faint" role="status"></p>'
        f'<div class="table" tabindex="0" role="region" {named("sources", language)}><table id="groups">'
        f"<thead><tr>{heads}</tr></thead><tbody></tbody></table></div></section>"
    )


def _panel(language: Language) -> str:
    return (
        f'<aside id="evidence" hidden {named("evidence", language)}><div class="bar">'
        f"{own('evidence', language)}{_button('close-panel', 'close', 'close', language)}</div>"
        '<div id="page"></div></aside>'
    )
