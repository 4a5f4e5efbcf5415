"""What the README says is so: its commands, options, exit codes, paths and Python."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import ENGLISH as GUIDE
from asking import ask, environment

from rag import errors
from rag.cli import INTERRUPTED, READER_GONE
from rag.command.actions import REFUSED
from rag.command.arguments import build_parser
from rag.command.helptext import COMMANDS, EPILOG
from rag.sources.folder import KINDS
from rag.sources.manifest import read_manifest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
KOREAN = README[README.index("\n## 한국어\n") :]
ENGLISH = README.removesuffix(KOREAN)


def blocks(language: str, text: str = README) -> list[str]:
    """The fenced blocks of a language; "" for those that name none."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def section(title: str) -> str:
    """The text under a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.M | re.S)
    assert found, f"README.md has no section {title!r}"
    return found[1]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of the rows of all tables in a text."""
    for line in text.splitlines():
        if line.startswith("| ") and not line.startswith("|--"):
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


# -- the two commands ----------------------------------------------------------------------------


def two_commands(text: str) -> list[str]:
    """The lines that make an environment and use it, in the order of a text."""
    return re.findall(r"^\t?(python3 -m venv \.venv && .*)$", text, re.M)


def test_readme_makefile_and_ci_have_the_same_commands() -> None:
    ask, test = two_commands(ENGLISH)
    assert two_commands(KOREAN) == [ask, test]
    assert two_commands((ROOT / "Makefile").read_text(encoding="utf-8")) == [ask, test]
    assert two_commands((ROOT / ".ci" / "run").read_text(encoding="utf-8")) == [test]


def test_the_commands_use_the_pinned_set_and_end_in_asking_and_testing() -> None:
    ask, test = two_commands(ENGLISH)
    assert "pip install -q -c constraints.txt ." in ask
    assert ask.endswith('.venv/bin/ask "Is PyTorch a framework or a library?"')
    assert "-c constraints.txt -e '.[test]'" in test
    assert test.endswith(".venv/bin/pytest")


def test_ci_gets_a_browser_and_does_nothing_but_the_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    lines = [line for line in script.splitlines() if line and not line.startswith("#")]
    _, test = two_commands(ENGLISH)
    browser = ["export ASK_BROWSER=1  # without Chromium or axe-core the tests of the page fail"]
    start = ["set -euo pipefail", 'cd "$(dirname "${BASH_SOURCE[0]}")/.."']
    assert lines == [*start, *browser, ".ci/browser", test]


# -- commands, options, exit codes ---------------------------------------------------------------


def parsers() -> dict[str, argparse.ArgumentParser]:
    """The parser of each command; that of a question under ""."""
    parser = build_parser()
    (children,) = [a for a in parser._actions if isinstance(a, argparse._SubParsersAction)]
    return {"": parser, **children.choices}


def flags(parser: argparse.ArgumentParser) -> set[str]:
    return {max(action.option_strings, key=len) for action in parser._actions} & known()


def known() -> set[str]:
    """Every option of any command, by its long name."""
    names = set()
    for parser in parsers().values():
        names |= {max(a.option_strings, key=len) for a in parser._actions if a.option_strings}
    return names


@pytest.mark.parametrize("title", ["Commands", "한국어"])
def test_every_command_is_listed_and_exists(title: str) -> None:
    listed = [row[0] for row in rows(section(title)) if row[0].startswith("`ask ")]
    named = {cell.strip("`").split()[1] for cell in listed} - {'"question"', '"질문"'}
    assert named == set(COMMANDS)


def options() -> dict[str, list[str]]:
    """The rows of the table of options by option."""
    table = [row for row in rows(section("Commands")) if row[0].startswith("`-")]
    return {row[0].split("`")[1].split()[0]: row for row in table}


def test_every_option_is_listed_and_exists() -> None:
    assert set(options()) == known()


@pytest.mark.parametrize("flag", sorted(known()))
def test_an_option_is_listed_with_the_commands_that_take_it(flag: str) -> None:
    takes = {name or "questions" for name, parser in parsers().items() if takes_it(parser, flag)}
    told = options()[flag][1]
    every = {"questions", *COMMANDS}
    listed = {word.strip("`") for word in re.findall(r"`[\w-]+`|[\w-]+", told)} & every
    if told.startswith("all but"):
        listed = every - listed
    elif told == "all":
        listed = every
    elif not told:
        listed = {"questions"}
    assert listed == takes


def takes_it(parser: argparse.ArgumentParser, flag: str) -> bool:
    return any(flag in action.option_strings for action in parser._actions)


def test_every_exit_code_is_listed() -> None:
    listed = {int(row[0]) for row in rows(section("Commands")) if row[0].isdigit()}
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    raised = {kind.exit_code for kind in kinds if issubclass(kind, errors.RagError)}
    assert listed == raised | {0, REFUSED, INTERRUPTED, READER_GONE}
    assert listed == set(map(int, re.findall(r"(?:^| {2,})(\d+)  ", EPILOG, re.M)))


def test_every_environment_variable_is_told() -> None:
    named = set(re.findall(r"\b(?:ASK_[A-Z]+|NO_COLOR)\b", EPILOG))
    assert named
    assert named <= set(re.findall(r"\b(?:ASK_[A-Z]+|NO_COLOR)\b", ENGLISH))


@pytest.mark.parametrize("text", [ENGLISH, KOREAN], ids=["en", "ko"])
def test_the_kinds_of_files_are_named(text: str) -> None:
    shown = {".md", ".rst", ".txt", ".html", ".ipynb", ".py"}
    assert shown <= set(KINDS)
    assert shown <= set(re.findall(r"\.\w+", " ".join(blocks("bash", text))))


# -- Python --------------------------------------------------------------------------------------


def test_the_first_python_has_five_lines() -> None:
    (code,) = blocks("python", section("Python"))
    assert len([line for line in code.splitlines() if line]) <= 5


@pytest.mark.parametrize("title", ["Python", "LangChain"])
def test_the_python_of_the_readme_runs(title: str, tmp_path: Path) -> None:
    (code,) = blocks("python", section(title))
    (tmp_path / "guide.md").write_text(GUIDE, encoding="utf-8")
    assert ask(tmp_path, "ingest", "guide.md").code == 0
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env=environment(tmp_path, PYTHONIOENCODING="utf-8"), capture_output=True,
        text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


# -- paths ---------------------------------------------------------------------------------------


def tree() -> list[str]:
    """The paths of the drawn tree: names before two spaces, depth by indentation."""
    (drawn,) = blocks("", section("The repository"))
    parents: list[str] = []
    found = []
    for line in drawn.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        del parents[depth:]
        for name in line.strip().split("  ")[0].split():
            found.append("".join(parents) + name)
        if found[-1].endswith("/"):
            parents.append(found[-1].rpartition("/")[0].rpartition("/")[2] + "/")
    return found


def test_every_path_of_the_tree_exists() -> None:
    for name in tree():
        path = ROOT / name
        assert path.is_dir() if name.endswith("/") else path.is_file(), f"there is no {name}"


def test_every_module_is_in_the_tree_once() -> None:
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "rag").rglob("*.py")}
    listed = [name for name in tree() if name.startswith("rag/") and name.endswith(".py")]
    assert sorted(listed) == sorted(modules)


def test_every_link_leads_somewhere() -> None:
    titles = re.findall(r"^#+ (.*)$", README, re.M)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    for target in re.findall(r"\]\(([^)\s]+)\)", README):
        if target.startswith("#"):
            assert target[1:] in anchors
        elif not target.startswith("https://"):
            assert (ROOT / target).exists(), target


def test_every_file_named_in_the_text_exists() -> None:
    folders = "rag|corpus|ui|tests"
    for name in re.findall(rf"`((?:{folders})/[\w./-]+)`", README):
        assert (ROOT / name).exists(), name


def test_the_licence_of_every_source_is_told() -> None:
    table = {row[0].strip("`"): row[1] for row in rows(section("Licences"))}
    for entry in read_manifest():
        assert table.get(entry.id) == (entry.licence or "unknown")


def test_no_folder_of_a_machine_and_no_package_index_is_named() -> None:
    for name in ("README.md", "CHANGELOG.md", "constraints.txt", "Makefile", ".ci/run"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.:/~*-])/(?:home|work|root|Users|mnt|opt)/", text), name
        assert not re.search(r"pypi|pythonhosted|index-url|find-links", text), name


def test_nothing_is_left_to_fill_in() -> None:
    assert not re.findall(r"<!--.*?-->|@[A-Z]+@|TODO", README)
