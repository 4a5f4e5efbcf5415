"""Folders and files of one's own: every kind, every encoding, no way out, nothing dropped."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from pathlib import Path
from unicodedata import is_normalized, normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.errors import SourceError
from rag.sources.folder import KINDS, Skipped, read_folder
from rag.sources.notebook import read_notebook
from rag.sources.pyfile import read_python
from rag.sources.rst import rst_to_text
from rag.types import Document


def write(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def ids(documents: list[Document]) -> list[str]:
    return [document.id for document in documents]


NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {"kernelspec": {"name": "python3", "display_name": "P", "language": "python"}},
    "cells": [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# 노트\n", "**텐서**"]},
        {
            "cell_type": "code",
            "id": "b",
            "metadata": {},
            "execution_count": 1,
            "outputs": [{"output_type": "stream", "name": "stdout", "text": ["secret"]}],
            "source": "x = 1\n",
        },
        {"cell_type": "markdown", "id": "c", "metadata": {}, "source": "```\nleft open"},
        {"cell_type": "markdown", "id": "d", "metadata": {}, "source": "## 끝"},
    ],
}

EVERY_KIND = {
    "docs/guide.md": "---\ntitle: 안내\ndate: 2024-01-02\n---\n# 시작\n\n텐서를 쌓는다.",
    "docs/a/old.markdown": "# Old\n\nstill read",
    "docs/a/page.html": "<title>쪽</title><h1>제목</h1><p>본문</p>",
    "docs/a/page.htm": "<p>A page of its own</p>",
    "docs/spec.rst": "명세\n====\n\n:func:`torch.stack`\\ 을 쓴다.",
    "docs/plain.txt": "첫 줄\n둘째 줄\n",
    "docs/nb.ipynb": json.dumps(NOTEBOOK),
    "docs/mod.py": '"""모듈이다."""\ndef f(a, *, b=1) -> int:\n  """두 수를 더한 값을 준다."""\n',
    "docs/UPPER.MD": "upper",
}


def test_every_kind_is_read_in_order(tmp_path: Path) -> None:
    documents, skipped = read_folder(write(tmp_path, EVERY_KIND) / "docs")
    assert skipped == []
    assert [(d.id, d.title, d.text, d.language) for d in documents] == [
        ("file:docs/UPPER.MD", "UPPER.MD", "upper", "en"),
        ("file:docs/guide.md", "안내", "# 시작\n\n텐서를 쌓는다.", "ko"),
        ("file:docs/mod.py", "mod", MOD_TEXT, "ko"),
        (
            "file:docs/nb.ipynb",
            "노트",
            "# 노트\n\n텐서\n\n```python\nx = 1\n```\n\n```\nleft open\n```\n\n## 끝",
            "ko",
        ),
        ("file:docs/plain.txt", "plain.txt", "첫 줄\n둘째 줄", "ko"),
        ("file:docs/spec.rst", "명세", "# 명세\n\n`torch.stack`을 쓴다.", "ko"),
        ("file:docs/a/old.markdown", "Old", "# Old\n\nstill read", "en"),
        ("file:docs/a/page.htm", "page.htm", "A page of its own", "en"),
        ("file:docs/a/page.html", "쪽", "# 제목\n\n본문", "ko"),
    ]
    formats = {d.id: d.format for d in documents}
    assert formats.pop("file:docs/plain.txt") == "text"
    assert set(formats.values()) == {"markdown"}
    assert {d.kind for d in documents} == {"file"}
    assert [d.date for d in documents if d.date] == ["2024-01-02"]


MOD_TEXT = "# mod\n\n모듈이다.\n\n## function f(a, *, b=1) -> int\n\n두 수를 더한 값을 준다."


def test_reading_twice_gives_the_same(tmp_path: Path) -> None:
    write(tmp_path, EVERY_KIND)
    assert read_folder(tmp_path) == read_folder(tmp_path)


# -- ids ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "id_"),
    [
        ("docs", "file:docs/guide.md"),
        ("./docs/", "file:docs/guide.md"),
        (".", "file:docs/guide.md"),
        ("docs/guide.md", "file:docs/guide.md"),
        ("docs/../docs", "file:docs/guide.md"),
        ("docs/../docs/guide.md", "file:guide.md"),
        ("{here}/docs", "file:docs/guide.md"),
        ("{here}/docs/guide.md", "file:guide.md"),
    ],
)
def test_ids_are_the_path_as_given_and_never_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, id_: str
) -> None:
    write(tmp_path, {"docs/guide.md": "text"})
    monkeypatch.chdir(tmp_path)
    documents, _ = read_folder(path.format(here=tmp_path))
    assert ids(documents) == [id_]


def test_ids_are_nfc(tmp_path: Path) -> None:
    write(tmp_path, {normalize("NFD", "문서/안내.md"): "text"})
    documents, _ = read_folder(tmp_path / normalize("NFD", "문서"))
    assert ids(documents) == ["file:문서/안내.md"]


def test_two_names_that_are_one_id_are_not_mixed_up(tmp_path: Path) -> None:
    write(tmp_path, {"d/" + normalize(form, "각.md"): form for form in ("NFC", "NFD")})
    if len(list((tmp_path / "d").iterdir())) == 1:
        pytest.skip("this file system knows them as one")
    documents, skipped = read_folder(tmp_path / "d")
    assert ids(documents) == ["file:d/각.md"]
    assert skipped == [Skipped("d/각.md", "another file has the same id")]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
def test_names_that_are_no_utf8(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    with open(os.fsencode(tmp_path / "d") + b"/\xb0\xa1.md", "wb") as file:  # noqa: PTH123
        file.write(b"text")
    documents, _ = read_folder(tmp_path / "d")
    documents[0].id.encode()


# -- what is left out --------------------------------------------------------------------------


def test_hidden_files_and_junk_are_not_read(tmp_path: Path) -> None:
    left_out = [
        ".git/a.md",
        ".hidden.md",
        "node_modules/a/README.md",
        "__pycache__/a.txt",
        "env/pyvenv.cfg",
        "env/lib/a.md",
        "venv/a.md",
        "picture.png",
        "data.csv",
    ]
    write(tmp_path, {f"d/{name}": "no" for name in left_out} | {"d/a.md": "yes"})
    documents, skipped = read_folder(tmp_path / "d")
    assert (ids(documents), skipped) == (["file:d/a.md"], [])


def test_what_cannot_be_read_is_named_with_its_reason(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "d/a.md": "yes",
        "d/binary.txt": b"\x00\x01",
        "d/broken.py": "def f(:",
        "d/broken.ipynb": "{}",
        "d/empty.md": "",
        "d/latin.txt": "café Größe".encode("latin-1"),
        "d/nothing.py": "x = 1",
        "d/paper.pdf": b"%PDF",
        "d/script.html": "<script>x</script>",
        "d/한글.hwp": b"",
    }
    documents, skipped = read_folder(write(tmp_path, files) / "d")
    assert ids(documents) == ["file:d/a.md"]
    reasons = {item.path: item.reason for item in skipped}
    assert list(reasons) == sorted(name for name in files if name != "d/a.md")
    assert reasons["d/binary.txt"] == "binary, not text"
    assert reasons["d/broken.py"].startswith("no Python")
    assert reasons["d/broken.ipynb"].startswith("no notebook")
    assert reasons["d/empty.md"] == reasons["d/script.html"] == "no text in it"
    assert reasons["d/latin.txt"] == "neither UTF-8 nor cp949 text"
    assert reasons["d/nothing.py"] == "no docstring in it"
    assert reasons["d/paper.pdf"].startswith(".pdf is not read; read are .htm")
    assert all("\n" not in reason for reason in reasons.values())


def test_large_files_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, {"d/a.md": "yes", "d/large.txt": b"x" * 10_000_001})
    with (tmp_path / "d/giant.txt").open("wb") as file:
        file.truncate(2**34)  # a hole: 16 GiB that nothing must try to hold
    _, skipped = read_folder(tmp_path / "d")
    reason = "larger than the 10 MB that are read"
    assert skipped == [Skipped("d/giant.txt", reason), Skipped("d/large.txt", reason)]


def test_links_do_not_lead_out(tmp_path: Path) -> None:
    write(tmp_path, {"d/a.md": "yes", "secret.md": "no", "out/b.md": "no"})
    links = {
        "secret.md": tmp_path / "secret.md",
        "passwd.txt": Path("/etc/passwd"),
        "up": tmp_path / "out",
        "loop": tmp_path / "d",
        "inside.md": tmp_path / "d/a.md",
        "dangling.md": tmp_path / "nowhere.md",
        "circle.md": tmp_path / "d/circle.md",
    }
    for name, target in links.items():
        (tmp_path / "d" / name).symlink_to(target)
    documents, skipped = read_folder(tmp_path / "d")
    assert {d.id: d.text for d in documents} == {"file:d/a.md": "yes", "file:d/inside.md": "yes"}
    reasons = {item.path: item.reason for item in skipped}
    out = "a link that leads out of the folder"
    assert reasons.pop("d/secret.md") == reasons.pop("d/passwd.txt") == out
    assert reasons.pop("d/up") == reasons.pop("d/loop") == "a link to a folder is not followed"
    assert set(reasons) == {"d/dangling.md", "d/circle.md"}


def test_the_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    write(tmp_path, {"real/a.md": "yes"})
    (tmp_path / "link").symlink_to(tmp_path / "real")
    documents, _ = read_folder(tmp_path / "link")
    assert [d.text for d in documents] == ["yes"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_and_sockets_are_not_waited_for(tmp_path: Path) -> None:
    write(tmp_path, {"d/a.md": "yes"})
    os.mkfifo(tmp_path / "d/pipe.md")
    with socket.socket(socket.AF_UNIX) as server:
        try:
            server.bind(str(tmp_path / "d/socket.md"))
        except OSError:
            pytest.skip("the path is too long for a socket")
        documents, skipped = read_folder(tmp_path / "d")
    assert ids(documents) == ["file:d/a.md"]
    assert [item.path for item in skipped] == ["d/pipe.md", "d/socket.md"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_named(tmp_path: Path) -> None:
    write(tmp_path, {"d/a.md": "yes", "d/locked.md": "no", "d/closed/b.md": "no"})
    (tmp_path / "d/locked.md").chmod(0)
    (tmp_path / "d/closed").chmod(0)
    _, skipped = read_folder(tmp_path / "d")
    (tmp_path / "d/closed").chmod(0o700)
    assert [item.path for item in skipped] == ["d/closed", "d/locked.md"]


@pytest.mark.parametrize("files", [{}, {"d/a.png": b"x"}, {"d/a.txt": b"\0"}])
def test_a_folder_without_text_is_an_error_that_names_it(
    tmp_path: Path, files: dict[str, str | bytes]
) -> None:
    (write(tmp_path, files) / "d").mkdir(exist_ok=True)
    with pytest.raises(SourceError) as error:
        read_folder(tmp_path / "d")
    message = str(error.value)
    assert str(tmp_path / "d") in message and "\n" not in message
    assert all(kind in message for kind in KINDS)


@pytest.mark.parametrize("name", ["nowhere", "a\0b", "file.md/x"])
def test_a_path_that_is_not_there_is_an_error(tmp_path: Path, name: str) -> None:
    write(tmp_path, {"file.md": "x"})
    with pytest.raises(SourceError, match="no such file or folder"):
        read_folder(tmp_path / name)


def test_a_single_file_of_another_kind_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"a.png": b"x"})
    with pytest.raises(SourceError, match=r"a\.png: \.png is not read; read are"):
        read_folder(tmp_path / "a.png")


# -- encodings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp949", "euc-kr"])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_encodings_and_forms_of_korean(tmp_path: Path, encoding: str, form: str) -> None:
    text = "한글 문서를 읽고 그대로 인용한다."
    if form == "NFD" and not encoding.startswith("utf"):
        return  # those cannot hold the parts of a syllable
    write(tmp_path, {"a.txt": normalize(form, text).encode(encoding)})
    documents, _ = read_folder(tmp_path / "a.txt")
    assert documents[0].text == text


# -- Python files ------------------------------------------------------------------------------

PYTHON = '''
"""Tensors.

A module about them.
"""
import nonexistent_module_that_must_not_be_imported
open("left-behind", "w").write("ran")

class Box:
    """Holds things.

    Args:
        size (int): how many
            fit in
        name: what it is called
    """

    def open(self, *, wide: bool = False) -> "Box":
        """상자를 연다.

        >>> Box().open()
        """

    def _inner(self):
        """Private."""

async def run(x):
    r"""Runs \\d."""

def silent(): pass
'''


def test_docstrings_are_read_without_running_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"d/box.py": PYTHON})
    monkeypatch.chdir(tmp_path)
    documents, _ = read_folder("d")
    assert not (tmp_path / "left-behind").exists()
    assert (
        documents[0].text
        == """# box

Tensors.

A module about them.

## class Box

Holds things.

### Args

- size (int): how many fit in
- name: what it is called

### method Box.open(self, *, wide: bool=False) -> 'Box'

상자를 연다.

```python
>>> Box().open()
```

## function run(x)

Runs \\d."""
    )


def test_strange_python() -> None:
    assert read_python("'''doc \\d'''", "m").text == "# m\n\ndoc \\d"  # no warning comes through
    assert read_python("x = 1", "m").text == ""
    for raw in ("def", "(" * 5000, "x = '\ud800'", "a" * 10 + "\0"):
        with pytest.raises(SourceError):
            read_python(raw, "m")
    long = ", ".join(f"parameter_{i}" for i in range(50))
    assert "function f(...)" in read_python(f"def f({long}):\n  'doc'", "m").text


# -- notebooks ---------------------------------------------------------------------------------


def test_notebooks_of_older_formats() -> None:
    cell = {"cell_type": "code", "language": "python", "input": "a = 1", "outputs": []}
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": "제목", "metadata": {}},
                    {**cell, "collapsed": False, "metadata": {}},
                ]
            }
        ],
    }
    page = read_notebook(json.dumps(old))
    assert (page.title, page.text) == ("제목", "## 제목\n\n```python\na = 1\n```")


@pytest.mark.parametrize("raw", ["", "[]", "{}", "3", '{"nbformat": 99}', "[" * 50_000])
def test_what_is_no_notebook(raw: str) -> None:
    with pytest.raises(SourceError, match="no notebook"):
        read_notebook(raw)


# -- reStructuredText --------------------------------------------------------------------------

RST = """
=====
Title
=====

.. _target:

Uses :class:`~torch.Tensor`, ``code``, *emph* and `a link <http://e.org>`_.
Shown below::

    x = 1

      y = 2

제목
----
- item one
  goes on
- item two

  * nested

.. note:: Mind
   the gap.

.. code-block:: python
   :linenos:

   def f():
       return 1

.. a comment
   goes

.. deprecated:: 2.1
   Use that.

=====  =====
A      B
=====  =====
1      two
=====  =====

+---+---+
| a | b |
+===+===+
| 1 | 2 |
+---+---+

>>> 1 + 1
2

.. py:function:: foo(a)

   합을 구한다.

   :param int a: 첫째 값
   :returns: the sum

term
    is defined

.. toctree::

   left-out
"""


def test_restructured_text_reads_as_people_read_it() -> None:
    assert (
        rst_to_text(RST)
        == """# Title

Uses `torch.Tensor`, `code`, emph and a link. Shown below:

```
x = 1

  y = 2
```

## 제목

- item one goes on
- item two
  - nested

Note: Mind the gap.

```python
def f():
    return 1
```

Deprecated since version 2.1: Use that.

| A | B |
|---|---|
| 1 | two |

| a | b |
|---|---|
| 1 | 2 |

```python
>>> 1 + 1
2
```

`foo(a)`

합을 구한다.

- a: 첫째 값
- returns: the sum
- term: is defined"""
    )


def test_numpy_style_sections_become_headings_and_items() -> None:
    raw = "Sum.\n\nParameters\n----------\nx : int\n    첫째.\ny\n    The y.\n"
    assert rst_to_text(raw, level=2) == "Sum.\n\n### Parameters\n\n- x : int: 첫째.\n- y: The y."


def test_docstrings_written_in_markdown() -> None:
    raw = """예제:
    ```python
    # a comment, no heading
    def f():

        return 1
    ```

!!! note "참고"

    Body text
    goes on.

# By definition
# it is code
>>> f()
1

## 제목

```
left open
"""
    assert (
        rst_to_text(raw, level=1)
        == """예제:

```python
# a comment, no heading
def f():

    return 1
```

참고: Body text goes on.

```
# By definition
# it is code
```

```python
>>> f()
1
```

## 제목

```

left open"""
    )


RST_LINES = st.lists(
    st.sampled_from(
        """.. note::|   indented|      more|::|- item|term:|    x: y|====|----|== ==|+--+|>>> x|
        :param a: b|.. _t: u|.. |..|:a:`b|`|*|a::|1. x||  - y|가나다|.. image:: x|```|# h|
        !!! note""".split("|")
    )
    | st.text(max_size=10),
    max_size=25,
).map("\n".join)


@settings(max_examples=300, deadline=None)
@given(RST_LINES)
def test_any_restructured_text_gives_text(raw: str) -> None:
    assert isinstance(rst_to_text(raw), str)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.text("abc가나", min_size=1, max_size=5), min_size=1), min_size=1))
def test_no_word_of_a_paragraph_or_item_is_lost(lines: list[list[str]]) -> None:
    words = [word for line in lines for word in line]
    for mark in ("", "- ", "    ", ">>> ", ".. note:: "):
        raw = "\n\n".join(mark + " ".join(line) for line in lines)
        assert re.findall("[abc가나]+", rst_to_text(raw).replace("Note:", "")) == words or (
            mark == ">>> " and all(word in rst_to_text(raw) for word in words)
        )


def test_deep_indentation_ends() -> None:
    raw = "\n\n".join(" " * i + f"w{i}" for i in range(300))
    text = rst_to_text(raw)
    assert all(f"w{i}" in text for i in range(300))


@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=300), kind=st.sampled_from(KINDS))
def test_any_file_is_a_document_or_named(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, kind: str
) -> None:
    root = tmp_path_factory.getbasetemp() / "any"
    root.mkdir(exist_ok=True)
    for old in root.iterdir():
        old.unlink()
    write(root, {"a.md": "yes", f"z{kind}": data})
    documents, skipped = read_folder(root)
    assert len(documents) + len(skipped) == 2
    assert all(is_normalized("NFC", d.text) and d.text.strip() for d in documents)
    assert not any(item.reason.startswith("cannot be read") for item in skipped)
