"""reStructuredText and LaTeX made readable."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.markup import plain_math, readable

anything = st.text(st.characters(codec=None), max_size=100)
# Text in which nothing could be markup: no back tick, backslash, star, colon pair, dots, bracket.
plain = st.text(st.characters(codec="utf-8", exclude_characters="`\\*:._[|&"), max_size=100)

WRITTEN = {
    # Roles show what a reader of the page sees.
    ":attr:`dim` must be :math:`\\leq 3`": "`dim` must be ≤ 3",
    ":class:`~torch.nn.Linear`s and :py:func:`torch.stack`": "`torch.nn.Linear`s and `torch.stack`",
    ":ref:`the guide <notes-guide>` or :func:`!stack`": "`the guide` or `stack`",
    "``dim=1`` and `input`": "`dim=1` and `input`",
    ":attr:`left`\\ `= True`": "`left= True`",
    "**Never** do f(*args, **kwargs) or 2 ** 3 ** 4": "Never do f(*args, **kwargs) or 2 ** 3 ** 4",
    # Links and references.
    "see `Adam paper <https://arxiv.org/abs/1412.6980>`_, `Name`_": "see Adam paper, Name",
    "as in `the paper <x.org>`__ [1]_": "as in the paper",
    ".. _here: https://x.org\nText.": "Text.",
    # Directives.
    ".. note::\n    Be careful.": "Note: Be careful.",
    ".. warning:: It copies.": "Warning: It copies.",
    ".. code-block:: python\n    :linenos:\n\n    x = 1": "x = 1",
    ".. versionadded:: 2.1": "Added in version 2.1",
    ".. deprecated:: 2.0 Use other.": "Deprecated since version 2.0 Use other.",
    "Example::\n\n    >>> x": "Example: >>> x",
    "```python\nx = 1\n```": "```python x = 1 ```",  # a fence is Markdown already
    # Formulas.
    "Shape :math:`(N, C) \\times \\text{out\\_features}`": "Shape (N, C) × out_features",
    ":math:`\\mathcal{U}(-\\sqrt{k}, \\sqrt{k})`": "U(-√k, √k)",
    ":math:`k = \\frac{1}{\\text{in\\_features}}`": "k = 1/(in_features)",
    ":math:`\\sqrt{x^{2} + y^{2}}`": "√(x^{2} + y^{2})",
    ":math:`\\sqrt{\\frac{2}{n}}`": "√(2/n)",
    ":math:`\\frac{\\sqrt{\\frac{\\hat{a}}{b}}}{c}`": "(√(a/b))/c",
    ".. math::\n    y = \\frac{x - \\mathrm{E}[x]}{\\sqrt{\\mathrm{Var}[x] + \\epsilon}}": (
        "y = (x - E[x])/(√(Var[x] + ε))"
    ),
    ":math:`\\unknowncommand{x} \\to \\infty`": "unknowncommand{x} → ∞",
    # Korean around all of it, particles glued on.
    ":attr:`dim`\\ 은 :math:`\\leq 3`\\ 이어야 합니다.": "`dim`은 ≤ 3이어야 합니다.",
    "자세한 것은 `문서 <https://x.org/문서>`_\\ 를 보세요.": "자세한 것은 문서를 보세요.",
    ".. warning::\n    **절대** 쓰지 마세요.": "Warning: 절대 쓰지 마세요.",
}


@pytest.mark.parametrize(("text", "shown"), WRITTEN.items())
def test_what_is_shown(text: str, shown: str) -> None:
    assert readable(text) == shown


def test_lines_become_one() -> None:
    text = "\n:attr:`a`  \n    - one :math:`\\times` two\n\n    - 셋\n\n"
    assert readable(text) == "`a` - one × two - 셋"


def test_a_formula_alone() -> None:
    assert plain_math("\\alpha \\leq \\beta, \\left(x\\right)") == "α ≤ β, (x)"
    assert plain_math("a & b") == "a  b"  # & aligns columns
    assert plain_math("x^2") == "x^2"


@given(plain)
def test_plain_text_stays_but_for_white_space(text: str) -> None:
    assert readable(text) == " ".join(text.split())


@given(st.text("가나다텐서합칩니다 abc.,!?()[]{}<>&=+-1234 \n\t"))
def test_plain_words_and_signs_stay_too(text: str) -> None:
    assert readable(text) == " ".join(text.split())


pieces = st.one_of(
    st.sampled_from(list(WRITTEN)).filter(lambda piece: not piece.startswith((" ", ".. math"))),
    plain.filter(lambda text: "\n" not in text),
)


@given(st.lists(pieces, max_size=6).map("\n\n".join))
def test_readable_text_is_readable_again(text: str) -> None:
    assert readable(readable(text)) == readable(text)


@given(st.lists(st.sampled_from(list(WRITTEN)), max_size=5))
def test_pieces_are_read_one_by_one(texts: list[str]) -> None:
    """What stands before and after does not change how a paragraph is shown."""
    texts = [text for text in texts if ".. math" not in text]  # a formula is read as one
    assert readable("\n\n".join(texts)) == " ".join(WRITTEN[text] for text in texts)


@settings(max_examples=200)
@given(
    st.one_of(
        anything,
        st.lists(
            st.sampled_from(
                ["`", "``", "*", "**", "\\", ":a:`", "<", ">", "_", "\\frac{", "}", "\n"]
            )
        ).map("".join),
    )
)
def test_nothing_fails(text: str) -> None:
    shown = readable(text)
    assert shown == " ".join(shown.split())
    assert "\n\n" not in shown
    assert len(shown) <= 2 * len(text) + 20


@pytest.mark.parametrize(
    "text",
    ["` " + " " * 20_000, "``" * 5_000, "**a" * 5_000, "\\frac{" * 2_000, "\\sqrt{{" * 2_000],
    ids=["spaces", "ticks", "stars", "frac", "sqrt"],
)
def test_no_text_takes_long(text: str) -> None:
    begin = time.process_time()
    readable(f":math:`{text}")
    plain_math(text)
    assert time.process_time() - begin < 2
