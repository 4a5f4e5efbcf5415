"""The walls of the house: who may import whom, and what importing costs.

The rules are read from the source by ast, lazy imports inside functions included.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# From the ground up; a file imports only from lower rows, or from its own room (sources,
# generators), and nothing imports `training`.
LAYERS = (
    "types errors",
    "text columns markup citations prompts config storage turns",
    "docblocks",
    "options sources blocks docstrings lexicon loanwords encoders dense sparse catalogue vectorcache golden "
    "feedback",
    "question chunking contents encoderexport crossencoder phrasings embedding",
    "indexmanifest",
    "index indexwriter evaluation",
    "prior names ranking followup concepts",
    "ingestion retrieve",
    "reranking units",
    "reader",
    "verdict confidence premise",
    "generators",
    "refusal",
    "pipeline",
    "langchain serve",
    "command",
    "cli __main__",
)

# Each third-party library has one owner; numpy is the common tongue.
OWNERS = {
    "faiss": {"dense"},
    "bm25s": {"sparse"},
    "onnxruntime": {"encoders"},
    "tokenizers": {"encoders"},
    "sentence_transformers": {"encoders"},
    "safetensors": {"encoderexport"},
    "onnx": {"encoderexport"},
    "langchain_text_splitters": {"chunking"},
    "langchain_core": {
        *(f"langchain.{part}" for part in "embeddings cosine vectorstore indexstore".split()),
        *(f"langchain.{part}" for part in "retriever runnable loader".split()),
        "generators.chat",
    },
    "pydantic": {"langchain.retriever", "serve.wire", "serve.mcp"},
    "anyio": {"serve.desk", "serve.api"},
    "fastapi": {"serve.api"},
    "uvicorn": {"serve.listen"},
    "mcp": {"serve.mcp"},
    "langchain": {"generators.chat"},
    "transformers": {"generators.local"},
    "bs4": {"sources.web"},
    "lxml": {"sources.web"},
    "markdown_it": {"sources.markdown"},
    "nbformat": {"sources.notebook"},
    "Stemmer": {"text"},
    "platformdirs": {"config"},
    "shtab": {"command.actions"},
    "packaging": {"command.doctor"},
    "ir_measures": {"evaluation.measures"},
    "scipy": {"evaluation.measures"},
    "sklearn": {"evaluation.measures"},
    "matplotlib": {"evaluation.plots", "evaluation.page"},
    "jinja2": {"evaluation.page"},
    "torch": {"command.doctor", "generators.local"},
}

# Only with an extra of this name; without it the owner raises MissingExtra.
EXTRAS = {
    "onnx": "train",
    "mcp": "mcp",
    **dict.fromkeys(("ir_measures", "scipy", "sklearn", "matplotlib", "jinja2"), "eval"),
}

SURFACE = [
    "Answer",
    "Chunk",
    "Citation",
    "Document",
    "DocumentHead",
    "Encoder",
    "Feedback",
    "FeedbackStore",
    "Group",
    "Ingested",
    "Passage",
    "Pipeline",
    "RagError",
    "Stance",
    "Turn",
    "Verdict",
    "ingest",
    "load_encoder",
    "printable",
    "readable",
]

HEAVY = ("torch", "faiss", "langchain", "langchain_core", "gradio", "numpy", "onnxruntime", "bm25s")


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of rag by its dotted name without "rag.", packages by their folder's name."""
    found = {}
    for file in sorted((ROOT / "rag").rglob("*.py")):
        parts = file.relative_to(ROOT / "rag").with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name] = ast.parse(file.read_text(encoding="utf-8"), str(file))
    return found


def house() -> dict[str, ast.Module]:
    """The modules that run in production: all but the surface and `training`."""
    return {name: tree for name, tree in modules().items() if name and room(name) != "training"}


def room(name: str) -> str:
    return name.partition(".")[0]


def imported(tree: ast.Module) -> Iterator[str]:
    """Dotted names that a module imports anywhere; `from a import b` gives "a.b"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inner(tree: ast.Module) -> set[str]:
    """The modules of rag that a module imports, by their longest name that is a module."""
    found = set()
    for name in imported(tree):
        parts = name.split(".")
        if parts[0] != "rag":
            continue
        while parts[1:] and ".".join(parts[1:]) not in modules():
            parts.pop()
        found.add(".".join(parts[1:]))
    return found


def outer(tree: ast.Module) -> set[str]:
    """The third-party packages that a module imports."""
    roots = {name.split(".")[0] for name in imported(tree)}
    return roots - set(sys.stdlib_module_names) - {"rag", "ui", "__future__"}


def layer(name: str) -> int:
    return next((i for i, row in enumerate(LAYERS) if room(name) in row.split()), -1)


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    return done.stdout.strip()


# -- imports -------------------------------------------------------------------------------------


def test_the_parser_sees_every_form_of_import() -> None:
    tree = ast.parse(
        "import rag.text as t\nfrom rag import errors\ndef f():\n    from os import path"
    )
    assert set(imported(tree)) == {"rag.text", "rag.errors", "os.path"}
    assert inner(tree) == {"text", "errors"}
    assert outer(ast.parse("import faiss, os\nimport numpy.typing")) == {"faiss", "numpy"}


@pytest.mark.parametrize("name", house())
def test_every_module_has_a_layer(name: str) -> None:
    assert layer(name) >= 0, f"rag.{name} stands in no row of LAYERS"


@pytest.mark.parametrize("name", house())
def test_imports_go_down_or_stay_in_the_room(name: str) -> None:
    up = {
        other
        for other in inner(house()[name])
        if other and room(other) != room(name) and layer(other) >= layer(name)
    }
    assert not up, f"rag.{name} must not import {sorted(up)}"


def test_there_is_no_cycle() -> None:
    """Taking away what imports nothing that is left, again and again, leaves nothing."""
    left = {name: inner(tree) - {name, ""} for name, tree in house().items()}
    while True:
        free = {name for name, others in left.items() if not others & left.keys()}
        if not free:
            break
        left = {name: others for name, others in left.items() if name not in free}
    assert not left, f"these import each other: {sorted(left)}"


@pytest.mark.parametrize("name", house())
def test_each_library_has_one_owner(name: str) -> None:
    for library in outer(house()[name]) - {"numpy"}:
        assert name in OWNERS.get(library, ()), f"rag.{name} must not import {library}"


def test_what_is_imported_is_a_declared_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    owners = packages_distributions()
    for library in set().union(*map(outer, house().values())):
        needs = extras[EXTRAS[library]] if library in EXTRAS else project["dependencies"]
        declared = {normalised(re.split(r"[^\w.-]", need)[0]) for need in needs}
        sellers = {normalised(name) for name in owners.get(library, [library])}
        assert sellers & declared, f"pyproject.toml does not declare {library}"


def normalised(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_only_training_imports_training() -> None:
    assert not {n for n, tree in house().items() if any(map(_trains, inner(tree)))}
    assert not any(map(_trains, inner(modules()[""])))


def _trains(name: str) -> bool:
    return room(name) == "training"


def test_the_ui_imports_the_surface_only() -> None:
    for file in (ROOT / "ui").rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        names = {name for name in imported(tree) if name.split(".")[0] == "rag"}
        allowed = {"rag", *(f"rag.{name}" for name in SURFACE)}
        assert names <= allowed, f"{file.name} imports {sorted(names - allowed)}"


@pytest.mark.parametrize("name", modules())
def test_nothing_is_pickled(name: str) -> None:
    tree = modules()[name]
    roots = {one.split(".")[0] for one in imported(tree)}
    assert not roots & {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve"}
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant), name
            assert node.value.value is False, name


# -- the surface ---------------------------------------------------------------------------------


def test_importing_loads_nothing_heavy() -> None:
    loaded = run(f"import rag, sys; print(*[m for m in {HEAVY!r} if m in sys.modules])")
    assert loaded == ""


def test_importing_the_evaluation_loads_nothing_heavy() -> None:
    heavy = {*HEAVY, *(library for library, extra in EXTRAS.items() if extra == "eval")}
    names = sorted(heavy - {"numpy"})  # which its arrays are made of
    loaded = run(f"import rag.evaluation, sys; print(*[m for m in {names!r} if m in sys.modules])")
    assert loaded == ""


def test_the_surface_is_this_list_and_every_name_is_there() -> None:
    said = run("import rag; [getattr(rag, n) for n in rag.__all__]; print(*sorted(rag.__all__))")
    assert said.split() == sorted(SURFACE)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    assert run("import rag; print(hasattr(rag, 'Ranger'))") == "False"


# -- in every file -------------------------------------------------------------------------------


def public(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Public functions and classes of a module, with the public methods of public classes."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in tree.body:
        if isinstance(node, kinds) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, kinds) and not part.name.startswith("_"):
                        yield f"{node.name}.{part.name}", part


@pytest.mark.parametrize("name", modules())
def test_what_is_public_has_a_docstring(name: str) -> None:
    tree = modules()[name]
    assert ast.get_docstring(tree), f"rag.{name} has no docstring"
    if name.rpartition(".")[2].startswith("_"):
        return  # in a private module nothing is public
    bare = [
        label
        for label, node in public(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not ast.get_docstring(node)
    ]
    assert not bare, f"rag.{name}: no docstring on {bare}"


def texts() -> Iterator[tuple[Path, str]]:
    """The text files of the checkout: what is committed, without what tools leave behind."""
    tops = [p for p in ROOT.iterdir() if p.is_file()]
    folders = [ROOT / name for name in ("rag", "ui", "corpus", "tests", ".ci")]
    for file in (*tops, *(f for folder in folders for f in folder.rglob("*") if f.is_file())):
        if "__pycache__" in file.parts:
            continue
        try:
            yield file, file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # weights and other binary files


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    tops = "|".join(("home", "work", "root", "Users", "mnt"))
    machine = re.compile(rf"(?<![\w.:/~*-])/(?:{tops})/\w|[A-Z]:\\Users\\")
    found = {
        f"{file.relative_to(ROOT)}: {match.group()}"
        for file, text in texts()
        if (match := machine.search(text))
    }
    assert not found
