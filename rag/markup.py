"""reStructuredText and a little LaTeX, made readable for people and for search.

What is stored and cited is the docstring as it was written; what is shown is `readable(quote)`.
"""

from __future__ import annotations

import re

_DIRECTIVE = re.compile(
    r"^[ \t]*\.\. (?:(?P<name>note|warning|seealso|tip|important|caution|attention)::|"
    r"(?P<since>versionadded|versionchanged|deprecated)::|"
    r"(?:code-block|code|highlight)::[ \t]*[\w+-]*|"
    r"(?:math|testcode|testoutput|image|figure|rubric|admonition|function|method|"
    r"automethod|autofunction|autoclass|currentmodule|module|"
    r"list-table|table|topic|ifconfig|only|raw)::[ \t]*)",
    re.M,
)
_OPTION = re.compile(
    r"^[ \t]*:(?:nowrap|skipif|caption|name|widths|header-rows|label|noindex|linenos):.*$", re.M
)
_SINCE = {
    "versionadded": "Added in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
}
_TARGET = re.compile(r"^[ \t]*\.\. _[^:\n]*:.*$", re.M)
_ROLE = re.compile(r":(?:[a-zA-Z]+:)?[a-zA-Z]+:`(?P<body>[^`]*)`")
_MATH = re.compile(r":math:`(?P<body>[^`]*)`")
_LINK = re.compile(r"`(?P<label>[^`<]+)<[^`>]+>`_{1,2}")
_REFERENCE = re.compile(r"`(?P<label>[^`]+)`_{1,2}(?!\w)")
_CODE = re.compile(r"(?<!`)``(?!`)(?P<body>.+?)(?<!`)``(?!`)", re.S)  # a fence has three
_BOLD = re.compile(r"\*\*(?P<body>[^*\s](?:[^*]*[^*\s])?)\*\*")
_FOOTNOTE = re.compile(r"\[[\w#*-]+\]_")

_COMMANDS = {
    "times": "×", "cdot": "·", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥", "neq": "≠", "ne": "≠",
    "infty": "∞", "pm": "±", "approx": "≈", "in": "∈", "sum": "Σ", "prod": "Π", "to": "→",
    "rightarrow": "→", "leftarrow": "←", "ldots": "...", "cdots": "...", "dots": "...", "quad": " ",
    "qquad": " ", "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε",
    "varepsilon": "ε", "eta": "η", "theta": "θ", "lambda": "λ", "mu": "μ", "nu": "ν", "pi": "π",
    "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "omega": "ω", "Phi": "Φ", "Delta": "Δ",
    "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "left": "", "right": "", "odot": "⊙",
    "displaystyle": "", "limits": "", "Vert": "‖", "lVert": "‖", "rVert": "‖", "partial": "∂",
    "nabla": "∇", "ast": "*", "star": "⋆", "lvert": "|", "rvert": "|", "mid": "|", "sim": "~",
}  # fmt: skip
_GROUP = r"\s*\{((?:[^{}]|\{[^{}]*\})*)\}"  # braces, and pairs of them inside
_FRAC = re.compile(rf"\\d?frac{_GROUP}{_GROUP}")
_SQRT = re.compile(rf"\\sqrt{_GROUP}")
_WRAP = re.compile(
    r"\\(?:text|mathrm|mathbf|mathit|mathbb|mathcal|operatorname|textbf|hat|bar|vec|tilde|texttt)"
    r"\s*\{([^{}]*)\}"
)
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\{[^}]*\}(?:\{[^}]*\})?")
_COMMAND = re.compile(r"\\([a-zA-Z]+)\s?")


def readable(text: str) -> str:
    """`text` on one line: roles, directives and LaTeX commands turned into plain words and signs.

    ":attr:`dim` must be :math:`\\leq 3`" gives "`dim` must be ≤ 3". Plain text comes back as it is
    but for folded white space; the function is idempotent on its own results.
    """
    return " ".join(_inline(text).split())


def _inline(text: str) -> str:
    is_math = ".. math::" in text
    text = _TARGET.sub("", _OPTION.sub("", text))
    text = _DIRECTIVE.sub(_opening, text)
    text = _MATH.sub(lambda m: plain_math(m["body"]), text)
    text = _ROLE.sub(lambda m: f"`{_role_text(m['body'])}`", text)
    text = _LINK.sub(lambda m: m["label"].strip(), text)
    text = text.replace("`\\ `", "")  # reST's way to write one code span after another
    text = _REFERENCE.sub(lambda m: m["label"], text)
    text = _CODE.sub(lambda m: f"`{m['body']}`", text)
    text = _BOLD.sub(lambda m: m["body"], text)
    text = _FOOTNOTE.sub("", text)
    text = text.replace("\\ ", "").replace("::\n", ":\n").removesuffix("::")
    return plain_math(text) if is_math else text


def _opening(directive: re.Match[str]) -> str:
    if directive["since"]:
        return _SINCE[directive["since"]]
    return f"{directive['name'].capitalize()}: " if directive["name"] else ""


def _role_text(body: str) -> str:
    """The shown text of a role: `~torch.nn.Linear` -> torch.nn.Linear, `text <target>` -> text."""
    label, _, target = body.partition("<")
    return (
        label.strip().lstrip("~!.") if target and label.strip() else body.strip("<> ").lstrip("~!.")
    )


def plain_math(formula: str) -> str:
    """Simple LaTeX as plain signs: \\sqrt{2} -> √2, \\frac{a}{b} -> (a)/(b); the rest stays."""
    for _ in range(3):  # nested braces open from the inside
        formula = _WRAP.sub(r"\1", formula)
        formula = _SQRT.sub(lambda m: f"√{m[1]}" if len(m[1]) == 1 else f"√({m[1]})", formula)
        formula = _FRAC.sub(
            lambda m: "/".join(p if len(p) == 1 else f"({p})" for p in m.groups()), formula
        )
    formula = _ENVIRONMENT.sub("", formula)
    formula = formula.replace("\\\\", " ").replace("\\_", "_").replace("\\,", " ").replace("&", "")
    formula = (
        formula.replace("\\{", "{").replace("\\}", "}").replace("\\;", " ").replace("\\|", "‖")
    )
    return _COMMAND.sub(_command, formula).strip()


def _command(match: re.Match[str]) -> str:
    space = " " if match[0][-1].isspace() else ""
    return _COMMANDS.get(match[1], match[1]) + space
