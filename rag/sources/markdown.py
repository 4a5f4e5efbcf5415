"""Markdown files: CommonMark with tables, and what bloggers add to it.

The file is rendered to HTML and read as a page, so that a heading, a table or a hidden element
means the same here and on the web. Kramdown's attribute lists (`{:target="_blank"}`) go, formulas
that are single signs (`$$\\rightarrow$$`) become the sign.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from rag.sources.decoding import clean
from rag.sources.web import fragment_to_text

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token


@dataclass(frozen=True, slots=True)
class MarkdownPage:
    """What a Markdown file holds; `title` and `date` are None where the file does not say."""

    text: str
    title: str | None = None
    date: str | None = None


def read_markdown(raw: str) -> MarkdownPage:
    """The readable text of a Markdown file, with the title and date of its front matter.

    Without a title in the front matter, the first heading is it. The text is NFC.
    """
    body, matter = _front_matter(clean(raw))
    text = _rendered(body)
    heading = re.search(r"^#{1,6} (.+)$", text, re.MULTILINE)
    title = matter.get("title") or (heading.group(1) if heading else None)
    date = re.match(r"\d{4}(-\d\d){0,2}", matter.get("date", ""))
    return MarkdownPage(text, title, date.group() if date else None)


# -- front matter ------------------------------------------------------------------------------

_MATTER = re.compile(r"---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_MATTER_LINE = re.compile(r"[ \t].*|-[ \t].*|#.*|[\w.-]+[ \t]*:(?:[ \t].*)?|[ \t]*")


def _front_matter(raw: str) -> tuple[str, dict[str, str]]:
    """The body, and the plain `key: value` pairs of the YAML block before it.

    Two rules (`---`) around a paragraph of prose are no front matter.
    """
    found = _MATTER.match(raw)
    lines = (found.group(1) or "").split("\n") if found else []
    if found is None or not all(_MATTER_LINE.fullmatch(line) for line in lines):
        return raw, {}
    pairs = (line.split(":", 1) for line in lines if re.match(r"[\w.-]+[ \t]*:", line))
    return raw[found.end() :], {key.strip().lower(): _value(value) for key, value in pairs}


def _value(value: str) -> str:
    value = value.strip()
    if value[:1] in ("'", '"') and value[-1:] == value[:1] and len(value) > 1:
        return value[1:-1].strip()
    return re.sub(r"\s#.*", "", value)


# -- Markdown to HTML --------------------------------------------------------------------------

_ATTRIBUTES = re.compile(
    r"""\{(?::\s*|(?=[.#]))(?:(?:[.#][\w-]+|[\w-]+=(?:"[^"\n]*"|'[^'\n]*'|[\w-]+)|[\w-]+)\s*)+\}"""
)
# After what an attribute list may stand directly: the end of a link, emphasis, code or tag.
_BEFORE_ATTRIBUTES = ")]*_`>~\n"
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$(?=\S)([^$\n]*\\[^$\n]*?)(?<=\S)\$(?!\d)", re.DOTALL)
_MACRO = re.compile(r"\\([A-Za-z]+)[ \t]*")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_TAG = re.compile(r"</?([A-Za-z][\w-]*)\s*/?>")
_TAG_NAME = re.compile(r"</?([A-Za-z][\w-]*)")

_SIGNS = dict(
    pair.split("=")
    for pair in """rightarrow=→ to=→ longrightarrow=→ leftarrow=← leftrightarrow=↔ Rightarrow=⇒
    implies=⇒ Leftarrow=⇐ Leftrightarrow=⇔ iff=⇔ uparrow=↑ downarrow=↓ mapsto=↦ times=× cdot=·
    div=÷ pm=± mp=∓ leq=≤ le=≤ geq=≥ ge=≥ neq=≠ ne=≠ approx=≈ sim=∼ equiv=≡ propto=∝ infty=∞
    in=∈ notin=∉ subset=⊂ cup=∪ cap=∩ forall=∀ exists=∃ partial=∂ nabla=∇ sum=∑ prod=∏ int=∫
    ldots=… cdots=… dots=… alpha=α beta=β gamma=γ delta=δ epsilon=ε varepsilon=ε zeta=ζ eta=η
    theta=θ iota=ι kappa=κ lambda=λ mu=μ nu=ν xi=ξ pi=π rho=ρ sigma=σ tau=τ phi=φ varphi=φ chi=χ
    psi=ψ omega=ω Gamma=Γ Delta=Δ Theta=Θ Lambda=Λ Sigma=Σ Phi=Φ Psi=Ψ Omega=Ω circ=∘ odot=⊙
    oplus=⊕ otimes=⊗ quad= top=⊤ ell=ℓ log=log exp=exp max=max min=min""".split()
)
_HTML_TAGS = frozenset(
    """a abbr address area article aside audio b base bdi bdo big blockquote body br button canvas
    caption center cite code col colgroup data datalist dd del details dfn dialog div dl dt em embed
    fieldset figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header hr html i img input
    ins kbd label legend li link main map mark math menu meta nav noscript object ol optgroup
    option p param picture pre progress q rp rt ruby s samp script section select small source span
    strike strong style sub summary sup svg table tbody td template tfoot th thead time tr track tt
    u ul var video wbr""".split()
)


def _rendered(body: str) -> str:
    return fragment_to_text(_markdown_it().render(body))


@lru_cache(maxsize=1)
def _markdown_it() -> MarkdownIt:
    from markdown_it import MarkdownIt

    engine = MarkdownIt("commonmark", {"html": True, "maxNesting": 100})
    engine.enable(["table", "strikethrough"])
    engine.inline.ruler.before("escape", "formula", _formula)
    engine.inline.ruler.before("escape", "attributes", _attributes)
    engine.inline.ruler.at("emphasis", _emphasis)
    engine.add_render_rule("html_inline", _html)
    engine.add_render_rule("html_block", _html)
    return engine


def _attributes(state: StateInline, silent: bool) -> bool:
    """Leaves out a kramdown attribute list, where one may stand."""
    found = _ATTRIBUTES.match(state.src, state.pos)
    if found is None:
        return False
    before, after = state.src[: state.pos][-1:], state.src[found.end() :][:1]
    if before and before not in _BEFORE_ATTRIBUTES and after not in ("", "\n"):
        return False
    if found.group()[1] != ":" and after not in ("", "\n"):  # {#id} ends a heading
        return False
    state.pos = found.end()
    return True


def _emphasis(state: StateInline, silent: bool) -> bool:
    """CommonMark's rule, but for what it misses in **텐서(tensor)**는 and 이것은**(중요)**이다.

    It wants a space or another sign where Korean puts a particle right after the mark.
    """
    from markdown_it.rules_inline import emphasis

    start, known = state.pos, len(state.delimiters)
    if not emphasis.tokenize(state, silent):
        return False
    before, after = state.src[:start][-1:], state.src[state.pos :][:1]
    for delimiter in state.delimiters[known:]:
        if delimiter.marker == ord("*"):
            sign_before = not before.isspace() and not before.isalnum()
            delimiter.close |= sign_before and bool(_HANGUL.match(after))
            delimiter.open |= bool(_HANGUL.match(before)) and not (after + " ")[0].isspace()
    return True


def _formula(state: StateInline, silent: bool) -> bool:
    """Writes a formula of known signs as text, any other as it stands."""
    found = _FORMULA.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        token = state.push("text", "", 0)
        token.content = _signs(found.group(1) or found.group(2)) or found.group()
    state.pos = found.end()
    return True


def _signs(tex: str) -> str | None:
    """The formula in plain signs; None where a command has none."""
    tex = re.sub(r"\\(?:text|mathrm|mathbf|mathit|operatorname)\{([^{}]*)\}", r"\1", tex)
    tex = re.sub(r"\\[,;:! ]", " ", tex)
    text = _MACRO.sub(lambda macro: _SIGNS.get(macro.group(1), "\\"), tex)
    return None if "\\" in text else text.strip()


def _html(
    renderer: object, tokens: Sequence[Token], place: int, options: object, env: object
) -> str:
    """Raw HTML, but `<your-name>` and `List<T>` are words, not elements.

    So is an element that would swallow the rest of the file: a <script> that nothing closes.
    """
    content = _TAG.sub(_placeholder, tokens[place].content)
    opened = _TAG_NAME.match(content)
    name = opened.group(1).lower() if opened else ""
    if name in ("script", "style") and not any(
        f"</{name}" in token.content.lower() for token in tokens[place:]
    ):
        return content.replace("<", "&lt;")
    return content


def _placeholder(tag: re.Match[str]) -> str:
    known = tag.group(1).lower() in _HTML_TAGS
    return tag.group() if known else tag.group().replace("<", "&lt;")
