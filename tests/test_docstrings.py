"""Docstrings taken apart: what each unit is, and that nothing gets lost."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag.docstrings import docstring_chunks
from rag.markup import readable
from rag.sources.package import PackageDocs
from rag.types import Chunk, Document, Language


def document(text: str, title: str = "pkg.blend", language: Language = "en") -> Document:
    return Document(f"py:{title}", title, text, "symbol", "docstring", language)


def units(text: str) -> list[tuple[str, str, str]]:
    """(role, name, quote) of each chunk."""
    return [(c.role, c.name, text[c.start : c.end]) for c in docstring_chunks(document(text))]


def quotes(text: str, role: str) -> list[str]:
    return [quote for found, _, quote in units(text) if found == role]


GOOGLE = """pkg.blend(first, second, *, weight=0.5,
    out=None) -> Field

Blend two fields, e.g. pictures. The result is new.

It never copies more than once,
but may allocate.

.. note::
    Both must lie on one device.

    Otherwise it fails.

Note: A short remark.

Args:
    first (Field): the field to begin with.
    second (Field, optional): the other. Default: ``None``
    weight (float): how much
        of the second.

        * 0 keeps the first
        * 1 keeps the second
    *rest: further ones

Keyword Args:
    out (Field): where to write.

Returns:
    Field: the blend. It has the shape of ``first``.

Raises:
    ValueError: when shapes differ.
    TypeError: when a list is given.

Shape:
    - Input: :math:`(N, C)`
    - Output: :math:`(N, C)`

.. warning::
    It is slow.

Example::

    >>> a = field(3)
    >>> blend(a, a)
    field([3.])

    >>> # once more
    >>> blend(a, a, weight=1)

.. seealso:: The guide.
"""


def test_google_style() -> None:
    assert units(GOOGLE) == [
        ("signature", "", "pkg.blend(first, second, *, weight=0.5,\n    out=None) -> Field"),
        ("summary", "", "Blend two fields, e.g. pictures. The result is new."),
        ("text", "", "It never copies more than once,\nbut may allocate."),
        ("note", "", "Both must lie on one device."),
        ("note", "", "Otherwise it fails."),
        ("note", "", "Note: A short remark."),
        ("parameter", "first", "first (Field): the field to begin with."),
        ("parameter", "second", "second (Field, optional): the other. Default: ``None``"),
        (
            "parameter",
            "weight",
            "weight (float): how much\n        of the second.\n\n"
            "        * 0 keeps the first\n        * 1 keeps the second",
        ),
        ("parameter", "rest", "*rest: further ones"),
        ("parameter", "out", "out (Field): where to write."),
        ("returns", "", "Field: the blend. It has the shape of ``first``."),
        ("raises", "ValueError", "ValueError: when shapes differ."),
        ("raises", "TypeError", "TypeError: when a list is given."),
        ("shape", "", "- Input: :math:`(N, C)`"),
        ("shape", "", "- Output: :math:`(N, C)`"),
        ("warning", "", "It is slow."),
        (
            "example",
            "",
            "    >>> a = field(3)\n    >>> blend(a, a)\n    field([3.])\n\n"
            "    >>> # once more\n    >>> blend(a, a, weight=1)",
        ),
        ("see-also", "", ".. seealso:: The guide."),
    ]


@pytest.mark.parametrize("call", ["__init__(size,layers=1)", "area(w, h) -> float"])
def test_a_call_that_the_author_wrote_is_no_sentence(call: str) -> None:
    text = f"pkg.Area(*args, **kwargs)\n\n{call}\n\nArea of a sheet.\n\n면적을 잽니다."
    chunks = docstring_chunks(
        Document("py:pkg.Area", "pkg.Area", text, "symbol", "docstring", "en", None, None, None)
    )
    told = [(chunk.role, text[chunk.start : chunk.end]) for chunk in chunks]
    assert told[:3] == [
        ("signature", "pkg.Area(*args, **kwargs)"),
        ("signature", call),
        ("summary", "Area of a sheet."),
    ]


def test_numpy_style() -> None:
    text = """pkg.area(width, height=1)

Area of a sheet.

Parameters
----------
width : float
    How wide it is.
height : float, optional
    How high it is.

Returns
-------
float
    The area.

Notes
-----
It multiplies. It does not add.

Examples
--------
>>> area(2, 3)
6

>>> area(2)
2

See Also
--------
volume
"""
    assert units(text) == [
        ("signature", "", "pkg.area(width, height=1)"),
        ("summary", "", "Area of a sheet."),
        ("parameter", "width", "width : float\n    How wide it is."),
        ("parameter", "height", "height : float, optional\n    How high it is."),
        ("returns", "", "float\n    The area."),
        ("note", "", "It multiplies. It does not add."),
        ("example", "", ">>> area(2, 3)\n6\n\n>>> area(2)\n2"),
        ("see-also", "", "volume"),
    ]


def test_fields_of_restructuredtext() -> None:
    text = """pkg.send(mail, retries)

Send a mail.
:param mail: the mail
    to send
:type mail: str
:param int retries: how often
:returns: whether it went
:rtype: bool
:raises ValueError: where it is empty
"""
    assert units(text) == [
        ("signature", "", "pkg.send(mail, retries)"),
        ("summary", "", "Send a mail."),
        ("parameter", "mail", ":param mail: the mail\n    to send"),
        ("parameter", "mail", ":type mail: str"),
        ("parameter", "retries", ":param int retries: how often"),
        ("returns", "", ":returns: whether it went"),
        ("returns", "", ":rtype: bool"),
        ("raises", "ValueError", ":raises ValueError: where it is empty"),
    ]


def test_a_korean_docstring() -> None:
    text = """pkg.합치기(첫째, 둘째)

두 필드를 합칩니다. 새 필드가 생겨요.

torch.cat과 달리 새 차원을 만듭니다. torch.stack과는 같습니다.

.. note::
    같은 장치에 있어야 합니다.

주의: 느립니다.

Args:
    first (Field): 첫 필드. 기본값은 None입니다.

매개변수:
    second (Field): 둘째 필드.

반환값:
    Field: 합친 필드.

예제::

    >>> 합치기(a, b)
    필드([1.])
"""
    assert units(text) == [
        ("signature", "", "pkg.합치기(첫째, 둘째)"),
        ("summary", "", "두 필드를 합칩니다. 새 필드가 생겨요."),
        ("text", "", "torch.cat과 달리 새 차원을 만듭니다. torch.stack과는 같습니다."),
        ("note", "", "같은 장치에 있어야 합니다."),
        ("warning", "", "주의: 느립니다."),
        ("parameter", "first", "first (Field): 첫 필드. 기본값은 None입니다."),
        ("parameter", "second", "second (Field): 둘째 필드."),
        ("returns", "", "Field: 합친 필드."),
        ("example", "", "    >>> 합치기(a, b)\n    필드([1.])"),
    ]
    chunks = docstring_chunks(document(text, language="ko"))
    assert {chunk.language for chunk in chunks} == {"ko"}


def test_rows_of_a_table_are_units_and_its_rules_none() -> None:
    text = """pkg.code()

Codes:

=====  ==========
code   means
=====  ==========
1      sent
2      잃음
=====  ==========

After it.
"""
    assert quotes(text, "table") == ["code   means", "1      sent", "2      잃음"]
    assert quotes(text, "text") == ["After it."]


def test_an_announcement_goes_with_what_it_announces() -> None:
    text = (
        "pkg.f(a)\n\nSummary.\n\nWhen ``a`` is True:\n\nIt returns a tuple."
        "\n\n이렇게 쓴다:\n\n    x = 1\n"
    )
    assert quotes(text, "text") == [
        "When ``a`` is True:\n\nIt returns a tuple.",
        "이렇게 쓴다:\n\n    x = 1",
    ]
    shown = "pkg.f(a)\n\nSummary.\n\nFor example:\n\n>>> f(1)\n2\n\nThe end.\n"
    assert quotes(shown, "text") == ["For example:\n\n>>> f(1)\n2", "The end."]


def test_a_long_parameter_is_cut_into_sentences_that_keep_its_name() -> None:
    long = " ".join(f"Sentence {i} says something about the seed of it." for i in range(12))
    text = f"pkg.f(seed)\n\nSummary.\n\nArgs:\n    seed (int): {long}\n"
    found = [(name, quote) for role, name, quote in units(text) if role == "parameter"]
    assert len(found) == 12
    assert {name for name, _ in found} == {"seed"}
    assert found[-1][1] == "Sentence 11 says something about the seed of it."


def test_otherwise_stays_with_its_condition() -> None:
    rule = "If dtype is given, it is used. Otherwise, it is inferred from the input."
    rest = "The rest of the arguments follow in the order of the call."
    assert quotes(f"pkg.f(a)\n\nSummary.\n\n{rule} {rest}\n", "text") == [rule, rest]
    rule = "자료형을 주면 그것을 쓴다. 그렇지 않으면 입력을 따른다."
    rest = "나머지 인자들은 부를 때 적은 차례대로 뒤따른다."
    assert quotes(f"pkg.f(a)\n\n요약이다.\n\n{rule} {rest}\n", "text") == [rule, rest]


@pytest.mark.parametrize("head", ["Example", "Examples", "Usage", "예시"])
def test_code_under_a_head_is_one_unit(head: str) -> None:
    code = "    >>> a = f(1)\n\n    >>> a\n    1\n\n    print(a)  # no prompt"
    text = f"pkg.f(a)\n\nSummary.\n\n{head}::\n\n{code}\n\nProse again.\n"
    assert quotes(text, "example") == [code]
    assert quotes(text, "text") == ["Prose again."]


def test_a_record_names_the_symbol_and_the_parameter() -> None:
    chunks = docstring_chunks(document(GOOGLE, "pkg.CosineBlend"))
    by_unit = {(c.role, c.name): c for c in chunks}
    assert by_unit["summary", ""].record == (
        "pkg.CosineBlend Cosine Blend: Blend two fields, e.g. pictures. The result is new."
    )
    assert by_unit["parameter", "second"].record == (
        "pkg.CosineBlend: second (Field, optional): the other. Default: `None`"
    )
    assert by_unit["shape", ""].record == "pkg.CosineBlend: - Output: (N, C)"
    assert by_unit["signature", ""].record == readable(GOOGLE.partition("\n\n")[0])
    assert {c.heading for c in chunks} == {"pkg.CosineBlend"}
    assert {(c.section_start, c.section_end) for c in chunks} == {(0, len(GOOGLE))}


def test_of_a_long_docstring_the_neighbourhood_is_read() -> None:
    paragraphs = [f"Paragraph {i} is about number {i}. " + "It goes on. " * 12 for i in range(60)]
    text = "pkg.f()\n\n" + "\n\n".join(paragraphs)
    chunk = next(
        c
        for c in docstring_chunks(document(text))
        if "number 30." in text[c.start : c.end] and c.role == "text"
    )
    section = text[chunk.section_start : chunk.section_end]
    assert "number 30." in section
    assert "number 29." in section
    assert "number 31." in section
    assert len(section) < len(text) / 3
    assert section.startswith("Paragraph ")  # whole paragraphs, cut at blank lines
    assert section.endswith("It goes on. ")


def test_code_under_two_colons_alone_is_code_in_pieces() -> None:
    calls = "\n\n".join(
        f"    종이.접기{i}(sheet : Sheet,\n        out : Sheet) -> Sheet" for i in range(99)
    )
    text = f"pkg.ops\n\nAll calls.\n\n::\n\n{calls}\n\nProse again, after the listing of calls.\n"
    pieces = quotes(text, "code")
    assert len(pieces) > 3
    assert all(len(piece) <= 1_200 for piece in pieces)
    assert all(piece.endswith("-> Sheet") for piece in pieces)  # no call is cut
    assert sum(piece.count("->") for piece in pieces) == 99
    assert quotes(text, "text") == ["Prose again, after the listing of calls."]
    assert quotes("pkg.f(a)\n\nSummary.\n\n::\n\n  >>> f(1)\n  2\n", "example") == [
        "  >>> f(1)\n  2"
    ]


# -- nothing gets lost, nothing is made up -------------------------------------------------------

# Said of the form, not of the matter: these lines need not be in a unit.
HEADS = frozenset(
    """args arguments parameters keyword-args keyword-arguments attributes returns return yields
    raises shape note notes warning warnings example examples usage input inputs output outputs
    see-also references 예제 반환값 매개변수""".split()
)
DIRECTIVE = re.compile(r"\.\. [a-z-]+::(?: ?[\w+]+)?")
RULE = re.compile(r"[=~^\-\"'#*+ ]{3,}")


def check(text: str, chunks: list[Chunk]) -> None:
    """Every unit stands in the text, they do not overlap, and only lines of form are left out."""
    assert chunks
    for before, after in pairwise(chunks):
        assert before.end <= after.start
    covered = bytearray(len(text))
    for chunk in chunks:
        assert 0 <= chunk.section_start <= chunk.start < chunk.end <= chunk.section_end <= len(text)
        quote = text[chunk.start : chunk.end]
        assert quote.strip()
        if chunk.role not in ("example", "code") and not quote.lstrip().startswith(".. math::"):
            assert quote == quote.strip()
        covered[chunk.start : chunk.end] = b"\1" * len(quote)
    for line in left_out(text, covered):
        head = line.rstrip(": ").lower().replace(" ", "-") in HEADS
        form = line == "::" or DIRECTIVE.fullmatch(line) or RULE.fullmatch(line)
        assert head or form, f"lost: {line!r}"


def left_out(text: str, covered: bytearray) -> Iterator[str]:
    for line in re.finditer(r"[^\n]+", text):
        free = [i for i in range(*line.span()) if not covered[i] and not text[i].isspace()]
        if free:
            yield "".join(text[min(free) : max(free) + 1])


words = st.sampled_from(
    "dim (int): value. 텐서를 합칩니다. Note: e.g. ``x`` 3.5 >>> x=1 f(a, b) - * : i.e.".split()
)
line = st.lists(words, min_size=1, max_size=8).map(" ".join)
forms = st.sampled_from(
    [
        "Args:", "Returns:", "Raises:", "Example::", "Examples:", "Note:", "Shape:", "예제::",
        "반환값:", ".. note::", ".. warning::", ".. code-block:: python", ".. math::", "----",
        "Parameters\n----------", "Notes\n-----", "====  ====", "", "", ">>> f(1)", "... 2",
        "- one", "* 둘", "1. drei", ":param x: the x", ":returns: y", ":raises ValueError: never",
        "x (int): a number", "**kw: more", ".. versionadded:: 2.1", "Warning: it is slow.",
        "그래서:", "For example:", ":math:`a \\leq b` holds.",
    ]
)  # fmt: skip
docstring = st.lists(
    st.tuples(st.integers(0, 3), st.one_of(line, forms)).map(
        lambda pair: "\n".join(" " * 4 * pair[0] + part for part in pair[1].split("\n"))
    ),
    max_size=30,
).map(lambda lines: "pkg.f(a, b)\n\n" + "\n".join(lines))


@example("pkg.f(a, b)\n\n    f(a, b)")  # the author's own call, indented
@settings(max_examples=400, deadline=None)
@given(docstring)
def test_no_prose_is_lost(text: str) -> None:
    check(text, docstring_chunks(document(text)))


@example("0 \n0")  # white space behind the first line
@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec=None)).map(str.strip).filter(bool))
def test_any_text_can_be_read(text: str) -> None:
    check(text, docstring_chunks(document(text)))


def test_all_of_torch_is_read_and_nothing_lost(torch_docs: PackageDocs) -> None:
    symbols = [d for d in torch_docs.documents if d.format == "docstring"]
    assert len(symbols) > 3_000
    for symbol in symbols:
        chunks = docstring_chunks(symbol)
        check(symbol.text, chunks)
        assert chunks[0].role == "signature"
        assert all(c.source == symbol.id and 0 < len(c.record) <= 400 for c in chunks)
        assert sum(c.role == "summary" for c in chunks) <= 1


def test_known_symbols_of_torch(torch_docs: PackageDocs) -> None:
    by_id = {d.id: d for d in torch_docs.documents}

    def found(name: str, role: str) -> dict[str, str]:
        symbol = by_id[f"py:{name}"]
        return {
            c.name: symbol.text[c.start : c.end] for c in docstring_chunks(symbol) if c.role == role
        }

    assert {"in_features", "out_features", "bias"} <= found("torch.nn.Linear", "parameter").keys()
    assert {"weight", "bias"} <= found("torch.nn.Linear", "attribute").keys()
    assert found("torch.stack", "summary")[""].startswith("Concatenates a sequence of tensors")
    assert "dim" in found("torch.stack", "parameter")
    assert ">>> " in found("torch.stack", "example")[""]
    assert "ignore_index" in found("torch.nn.CrossEntropyLoss", "parameter")
