"""What is installed: the wheel holds all that `ask` needs, and the pinned set is the tested one."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from asking import ENGLISH, ask
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ("rag", "corpus", "ui")  # ui comes later
MAX_WHEEL = 100 * 10**6  # bytes; what the package index takes for one file


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout by the build backend itself: no network, no pip."""
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (found,) = folder.iterdir()
    return found


@pytest.fixture(scope="module")
def unpacked(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds what is in the wheel, as site-packages would."""
    folder = tmp_path_factory.mktemp("site-packages")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def metadata(unpacked: Path) -> Message:
    """The METADATA of the wheel."""
    (file,) = unpacked.glob("*.dist-info/METADATA")
    return Parser().parsestr(file.read_text(encoding="utf-8"))


def needs(metadata: Message) -> list[Requirement]:
    """All requirements, those of the extras included."""
    return [Requirement(line) for line in metadata.get_all("Requires-Dist") or []]


# -- what is in it -------------------------------------------------------------------------------


def test_the_wheel_holds_the_packages_and_the_corpus_and_nothing_else(unpacked: Path) -> None:
    tops = {path.name for path in unpacked.iterdir()}
    assert {name for name in tops if not name.endswith(".dist-info")} <= set(SHIPPED)
    assert len([name for name in tops if name.endswith(".dist-info")]) == 1


def test_every_file_of_the_checkout_travels(unpacked: Path) -> None:
    for folder in SHIPPED:
        assert files(unpacked / folder) == files(ROOT / folder)


def files(folder: Path) -> dict[str, bytes]:
    """Name and content of the files in a folder, without what Python left there."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize(
    "name",
    [
        "rag/bundled/encoder/model.onnx",
        "rag/bundled/encoder/tokenizer.json",
        "rag/bundled/encoder/config.json",
        "rag/bundled/lexicon.tsv",
        "rag/bundled/reader.json",
        "rag/bundled/confidence.json",
        "corpus/sources.toml",
        "corpus/notes/wikipedia-pytorch.ko.md",
        "corpus/golden/dev.jsonl",
        "corpus/golden/test.jsonl",
    ],
)
def test_what_is_read_at_run_time_is_in_the_wheel(unpacked: Path, name: str) -> None:
    assert (unpacked / name).stat().st_size > 0


def test_the_wheel_is_small_enough_for_a_package_index(wheel: Path) -> None:
    assert wheel.stat().st_size < MAX_WHEEL


# -- what it says of itself ----------------------------------------------------------------------


def test_the_metadata_names_what_a_package_index_shows(metadata: Message, unpacked: Path) -> None:
    assert metadata["Name"] == "ask-docs"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Requires-Python"] == ">=3.11"
    assert str(metadata.get_payload()).startswith("# ask")
    (info,) = unpacked.glob("*.dist-info")
    assert "ask = rag.cli:main" in (info / "entry_points.txt").read_text(encoding="utf-8")
    assert (info / "licenses" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_every_requirement_has_a_lower_and_an_upper_bound(metadata: Message) -> None:
    def bounded(need: Requirement) -> bool:
        kinds = {spec.operator for spec in need.specifier}
        return bool(kinds & {">=", "==", "~="}) and bool(kinds & {"<", "<=", "==", "~="})

    assert needs(metadata)
    assert not [str(need) for need in needs(metadata) if not bounded(need)]


def test_no_torch_newer_than_the_tested_one_is_admitted(metadata: Message) -> None:
    (torch,) = [need for need in needs(metadata) if need.name == "torch"]
    assert torch.specifier.contains("2.13.0+cpu")
    assert not torch.specifier.contains("2.14.0")


def test_what_the_project_is_made_with_is_a_main_dependency(metadata: Message) -> None:
    main = {need.name for need in needs(metadata) if need.marker is None}
    assert main >= {"torch", "sentence-transformers", "langchain", "faiss-cpu", "gradio"}


def test_the_changelog_tells_of_this_version(metadata: Message) -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(metadata['Version'])}\] - \d{{4}}-", changelog, re.M)


# -- it works away from the checkout -------------------------------------------------------------

AWAY = """
import json
import rag
from rag.golden import load_questions
from rag.sources.manifest import corpus_folder, note_document, read_manifest
entries = read_manifest()
notes = [note_document(entry) for entry in entries if entry.kind != "package"]
golden = sorted((corpus_folder() / "golden").glob("*.jsonl"))
print(json.dumps({
    "rag": rag.__file__,
    "corpus": str(corpus_folder()),
    "notes": {note.id: len(note.text) for note in notes},
    "questions": sum(len(load_questions(file)) for file in golden),
}))
"""


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """An empty folder to work in."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return folder


def test_corpus_and_notes_are_found_beside_the_installed_package(
    unpacked: Path, empty: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", AWAY],
        cwd=empty, env=os.environ | {"PYTHONPATH": str(unpacked)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert Path(found["rag"]).is_relative_to(unpacked)
    assert Path(found["corpus"]) == unpacked / "corpus"
    assert "post:pytorch-basics-1" in found["notes"]
    assert min(found["notes"].values()) > 500  # characters
    assert found["questions"] > 0


@pytest.mark.parametrize(
    ("question", "language"),
    [("How do I stack widgets?", "en"), ("위젯을 새 축으로 쌓으려면?", "ko")],
)
def test_it_reads_and_answers_from_the_unpacked_wheel(
    unpacked: Path, empty: Path, question: str, language: str
) -> None:
    (empty / "guide.md").write_text(ENGLISH, encoding="utf-8")
    done = ask(empty, "ingest", "guide.md", PYTHONPATH=str(unpacked))
    assert done.code == 0, done.err
    answer = ask(empty, "--json", question, PYTHONPATH=str(unpacked))
    assert answer.code in (0, 3), answer.err  # 3: refused
    assert answer.json["language"] == language
    assert answer.json["passages"][0]["source"] == "file:guide.md"


# -- the pinned set ------------------------------------------------------------------------------


def pins() -> dict[str, Version]:
    """The versions of constraints.txt by canonical name."""
    found = {}
    for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            continue
        name, version = line.split("==")
        found[canonicalize_name(name)] = Version(version)
    return found


def installed() -> Iterator[tuple[str, str]]:
    """Name and version of all that ask-docs[test] needs here, directly or not."""
    todo, seen = [("ask-docs", frozenset({"test"}))], set()
    while todo:
        name, extras = todo.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        distribution = importlib.metadata.distribution(name)
        if name != "ask-docs":
            yield canonicalize_name(name), distribution.version
        for line in distribution.requires or []:
            need = Requirement(line)
            if need.marker is None or any(
                need.marker.evaluate({"extra": extra}) for extra in ("", *extras)
            ):
                todo.append((need.name, frozenset(need.extras)))


def test_constraints_are_plain_pins() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert not [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)]
    assert len(pins()) == len(lines), "a package is pinned twice"


def test_the_pins_fit_the_bounds(metadata: Message) -> None:
    for need in needs(metadata):
        if need.name == "ask-docs":
            continue  # an extra that holds another one
        if need.marker is None or need.marker.evaluate({"extra": "test"}):
            pinned = pins()[canonicalize_name(need.name)]
            assert need.specifier.contains(pinned), f"{need} does not admit {pinned}"


def test_what_is_tested_is_what_is_pinned() -> None:
    """Or else: pip install -c constraints.txt -e '.[test]'."""
    here = {name: Version(version).public for name, version in installed()}
    pinned = {name: str(version) for name, version in pins().items()}
    assert here == {name: pinned.get(name) for name in here}
