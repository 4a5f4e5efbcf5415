"""The corpus that comes along: every entry readable, every mistake named."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.chunking import chunk_document
from rag.errors import SourceError
from rag.sources.manifest import SourceEntry, corpus_folder, note_document, read_manifest
from rag.text import has_hangul, nfc

GOOD = """
[[source]]
id = "web:e.org/쌓기"
title = "쌓기"
url = "https://e.org/쌓기/"
language = "ko"
licence = "CC BY-SA 4.0"
kind = "page"
date = "2026-07"
note_date = "2026-11-23"
notes = ["notes/s.ko.md", "notes/s.en.md"]

[[source]]
id = "py:json"
title = "json"
kind = "package"
package = "json"
"""
ENTRY = SourceEntry(
    id="web:e.org/쌓기",
    title="쌓기",
    kind="page",
    url="https://e.org/쌓기/",
    language="ko",
    licence="CC BY-SA 4.0",
    date="2026-07",
    note_date="2026-11-23",
    notes=("notes/s.ko.md", "notes/s.en.md"),
)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    (tmp_path / "notes").mkdir()
    (tmp_path / "sources.toml").write_text(GOOD, "utf-8")
    (tmp_path / "notes/s.en.md").write_text("# Our note\n\n- **It** stacks.\n", "utf-8")
    (tmp_path / "notes/s.ko.md").write_text("# 우리 노트\n\n- **쌓는** 글이다.\n", "utf-8")
    return tmp_path


def test_entries_in_order(corpus: Path) -> None:
    package = SourceEntry(id="py:json", title="json", kind="package", package="json")
    assert read_manifest(corpus) == (ENTRY, package)


def test_both_notes_are_one_document_english_first(corpus: Path) -> None:
    document = note_document(ENTRY, corpus)
    assert document.text == "# Our note\n\n- It stacks.\n\n# 우리 노트\n\n- 쌓는 글이다."
    assert (document.id, document.title) == ("web:e.org/쌓기", "쌓기")
    assert (document.kind, document.format, document.language) == ("page", "markdown", "ko")
    assert document.version == "our note of 2026-11-23, page as of 2026-07"
    assert (document.date, document.licence) == ("2026-07", "CC BY-SA 4.0")
    assert [chunk.language for chunk in chunk_document(document)] == ["en", "ko"]


def test_version_says_what_is_known(corpus: Path) -> None:
    notes = ("notes/s.en.md",)
    bare = SourceEntry(id="post:x", title="x", kind="post", notes=notes)
    assert note_document(bare, corpus).version == "our note"


def test_a_package_has_no_note(corpus: Path) -> None:
    with pytest.raises(SourceError, match="read from the package json"):
        note_document(read_manifest(corpus)[1], corpus)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id = "py:json"\n', "", "source 2: id: is missing"),
        ('title = "쌓기"', 'title = ""', r"source 1 \(web:e.org/쌓기\): title: is missing"),
        ('kind = "page"', 'kind = "film"', "kind: 'film' is not one of post, page, package"),
        ('kind = "package"', 'kind = "post"', r"\(py:json\): notes: is missing; a post needs it"),
        ('package = "json"\n', "", r"\(py:json\): package: is missing; a package needs it"),
        ('language = "ko"', 'language = "fr"', "language: 'fr' is neither en nor ko"),
        ('date = "2026-07"', 'date = "July"', "date: 'July' is not YYYY-MM-DD or YYYY-MM"),
        ('date = "2026-07"', "date = 2026-07-01", "date: must be a text in quotes"),
        ("licence =", "license =", "license: is no known key"),
        ('"notes/s.ko.md"', "3", "notes: must be a list of file names"),
        ('"notes/s.ko.md"', '"../s.ko.md"', "notes: '../s.ko.md' lies outside the corpus"),
        ('"notes/s.ko.md"', '"/etc/passwd"', "notes: '/etc/passwd' lies outside the corpus"),
        ('id = "py:json"', 'id = "web:e.org/쌓기"', "'web:e.org/쌓기' is given to two sources"),
        ("[[source]]", "[source]", "sources.toml: "),
        ('title = "쌓기"', "title = ", "sources.toml: .*line 4"),
    ],
)
def test_mistakes_are_named_by_file_and_key(corpus: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    (corpus / "sources.toml").write_text(GOOD.replace(old, new), "utf-8")
    with pytest.raises(SourceError, match=message) as error:
        read_manifest(corpus)
    assert str(corpus / "sources.toml") in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["", "source = 3", "source = [3]"])
def test_a_manifest_without_sources_is_an_error(corpus: Path, text: str) -> None:
    (corpus / "sources.toml").write_text(text, "utf-8")
    with pytest.raises(SourceError, match="write each one as a"):
        read_manifest(corpus)


def test_missing_and_empty_files_are_errors(corpus: Path) -> None:
    (corpus / "notes/s.ko.md").write_text("<!-- nothing -->", "utf-8")
    with pytest.raises(SourceError, match=r"s\.ko\.md: notes of web:e.org/쌓기: is empty"):
        note_document(ENTRY, corpus)
    (corpus / "notes/s.ko.md").write_bytes(b"\0")
    with pytest.raises(SourceError, match=r"s\.ko\.md: notes of web:e.org/쌓기: binary"):
        note_document(ENTRY, corpus)
    (corpus / "notes/s.ko.md").unlink()
    with pytest.raises(SourceError, match=r"s\.ko\.md: notes of web:e.org/쌓기: cannot be read"):
        note_document(ENTRY, corpus)
    with pytest.raises(SourceError, match=r"sources\.toml: cannot be read"):
        read_manifest(corpus / "notes")


# -- the corpus of this project ----------------------------------------------------------------

SHIPPED = read_manifest()


@pytest.mark.parametrize("entry", [e for e in SHIPPED if e.notes], ids=lambda e: e.id)
def test_every_note_that_ships_is_there_in_both_languages(entry: SourceEntry) -> None:
    document = note_document(entry)
    assert document.text == nfc(document.text) and document.url
    chunks = chunk_document(document)
    assert {chunk.language for chunk in chunks} == {"en", "ko"}
    korean = [document.text[c.start : c.end] for c in chunks if c.language == "ko"]
    assert all(has_hangul(quote) for quote in korean)


def test_every_note_file_belongs_to_a_source() -> None:
    named = {note for entry in SHIPPED for note in entry.notes}
    folder = corpus_folder()
    lying = {path.relative_to(folder).as_posix() for path in (folder / "notes").glob("*.md")}
    assert named == lying
