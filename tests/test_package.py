"""The documentation of installed packages: a small one made here, and torch itself."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from unicodedata import is_normalized

import pytest

from rag.errors import SourceError
from rag.sources.package import (
    PackageDocs,
    package_fingerprint,
    package_version,
    read_package,
    symbol_text,
)
from rag.sources.urls import symbol_url
from rag.types import Document

POND = {
    "__init__": '''
        """A pond of fish."""
        import sys
        import warnings

        from pond._core import Fish, pour, 채우기
        from pond.shapes import Square
        from pond.net import net
        from pond import broken_names

        print('{"names": ["pond.fake"], "doc": "printed while importing"}')
        sys.stderr.write("importing\\n")
        warnings.warn("a warning while importing", stacklevel=1)

        __version__ = "1.2"
        LIMIT = 3
        reach = LIMIT


        def hello(name: str = "pond", *, _secret=1, loud: bool = False) -> str:
            """Greet somebody."""


        def undocumented(a):
            return a


        def _private():
            """Nobody reads this."""


        def old():
            """Deprecated. Use hello."""


        def older(a):
            """Catch a fish.

            .. deprecated:: 1.0
            """


        def not_old(style="new"):
            """Choose a style.

            Args:
                style (str): the old style is deprecated.
            """


        def with_object(sink=sys.stderr, make=print, flag=object()) -> None:
            """Take objects."""


        def decomposed():
            """\\u1112\\u1161\\u11ab\\u1100\\u1173\\u11af\\u202e \\x1b[31m"""
    ''',
    "_core": '''
        class _Base:
            def breathe(self):
                """Take a breath of water."""


        class Animal:
            """Something alive."""

            def eat(self, food):
                """Eat the food."""

            def sleep(self):
                return None


        class Fish(_Base, Animal):
            """A fish that swims."""

            def __init__(self, name, scales: int = 10):
                """Make a fish with a name."""

            def swim(self, far: float = 1.0) -> "Fish":
                """Swim that far."""

            @property
            def depth(self):
                """How deep it is."""

            @staticmethod
            def count(kind):
                """Count the fish of a kind."""

            @classmethod
            def born(cls, where):
                """A fish born there."""

            def _hide(self):
                """Not for users."""


        def pour(water, *more):
            """pour(water, *more) -> Pond

            Pour water in. It gets deep.
            """


        def 채우기(물, 양=1):
            """연못을 채웁니다. 물이 넘치면 멈춥니다."""
    ''',
    "shapes": '''
        """Shapes of ponds."""
        __all__ = ["Cube", "Square", "area", "surface", "THREE", "nowhere"]
        THREE = 3


        class Square:
            """A square pond."""

            def grow(self):
                """Make it larger."""


        class Cube(Square):
            """A deep square."""


        def area(side):
            """The area of a pond."""


        def helper():
            """Not in __all__, but at home here."""


        surface = area
    ''',
    "net": '''
        """The module that the function hides."""


        def net(size):
            """A net of that size."""
    ''',
    "needs": '''
        """Needs something that is not installed."""
        import nothing_of_that_name


        def lost():
            """Never seen."""
    ''',
    "leaves": '''
        """Exits while it is imported."""
        raise SystemExit(3)
    ''',
    "skips": '''
        class Skipped(BaseException):
            """As pytest skips."""


        raise Skipped("not here")
    ''',
    "broken_names": '''
        """Objects that fail when touched."""


        class _Lazy:
            def __getattr__(self, name):
                raise RuntimeError("not configured")

            def __call__(self):
                return 1


        settings = _Lazy()


        def fine():
            """Stands beside it."""
    ''',
    "testing": '''
        """Helpers for tests."""


        def check():
            """Check a fish."""
    ''',
    "_internal": '''
        """Private."""


        def secret():
            """A secret."""
    ''',
}
README = "# pond\n\n연못에 물고기를 키우는 도구입니다. 설치는 `pip install pond-tools`로 합니다.\n"


@dataclass
class Place:
    """A folder that is on the path of this process and of its children."""

    folder: Path

    def install(
        self, package: str, modules: dict[str, str], name: str | None = None, more: str = ""
    ) -> None:
        home = self.folder / package
        home.mkdir()
        for module, code in modules.items():
            (home / f"{module}.py").write_text(dedent(code), "utf-8")
        info = self.folder / f"{(name or package).replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name or package}\nVersion: 1.2+cpu\n{more}", "utf-8"
        )
        (info / "top_level.txt").write_text(package, "utf-8")
        (info / "RECORD").write_text(
            "".join(f"{package}/{m}.py,sha256=x,1\n" for m in modules), "utf-8"
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(folder), *sys.path])
        patch.setenv("PYTHONPATH", str(folder))
        yield Place(folder)


@pytest.fixture(scope="module")
def pond(place: Place) -> PackageDocs:
    more = (
        "License-Expression: MIT\nProject-URL: Source, https://example.org/src\n"
        f"Project-URL: Documentation, https://example.org/pond\n\n{README}"
    )
    place.install("pond", POND, "pond-tools", more)
    return read_package("pond")


def named(docs: PackageDocs, name: str) -> Document:
    """The one document with that name or alias."""
    found = [d for d in docs.documents if f"py:{name}" in (d.id, *d.aliases)]
    assert len(found) == 1, (name, [d.id for d in found])
    return found[0]


def names(docs: PackageDocs) -> set[str]:
    return {i.removeprefix("py:") for d in docs.documents for i in (d.id, *d.aliases)}


# -- the small package ---------------------------------------------------------------------------


def test_every_documented_public_object_is_one_document(pond: PackageDocs) -> None:
    assert (pond.package, pond.version) == ("pond", "1.2")
    assert {d.id for d in pond.documents} == {
        "pkg:pond",
        "py:pond",
        "py:pond.Fish",
        "py:pond.Fish.born",
        "py:pond.Fish.breathe",
        "py:pond.Fish.count",
        "py:pond.Fish.depth",
        "py:pond.Fish.eat",
        "py:pond.Fish.swim",
        "py:pond.Square",
        "py:pond.Square.grow",
        "py:pond.broken_names",
        "py:pond.broken_names.fine",
        "py:pond.decomposed",
        "py:pond.hello",
        "py:pond.net",
        "py:pond.not_old",
        "py:pond.pour",
        "py:pond.shapes",
        "py:pond.shapes.Cube",
        "py:pond.shapes.area",
        "py:pond.shapes.helper",
        "py:pond.with_object",
        "py:pond.채우기",
    }


def test_one_object_under_two_names_is_one_document_with_an_alias(pond: PackageDocs) -> None:
    assert named(pond, "pond.shapes.Square").id == "py:pond.Square"
    assert named(pond, "pond.Square").aliases == ("py:pond.shapes.Square",)
    assert named(pond, "pond.Square.grow").aliases == ()  # members under the first name only
    assert named(pond, "pond.shapes.surface").id == "py:pond.shapes.area"
    assert named(pond, "pond.hello").aliases == ()


def test_an_inherited_member_belongs_to_the_class_that_has_it(pond: PackageDocs) -> None:
    assert "pond.shapes.Cube.grow" not in names(pond)
    assert "pond.shapes.Cube.grow" in pond.known
    # A base that users cannot name is no owner: what it gives is the class's own.
    assert named(pond, "pond.Fish.eat").text == "pond.Fish.eat(food)\n\nEat the food."


def test_a_function_hides_the_module_of_its_name(pond: PackageDocs) -> None:
    document = named(pond, "pond.net")
    assert document.text == "pond.net(size)\n\nA net of that size."
    assert document.aliases == ("py:pond.net.net",)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pond", "pond\n\nA pond of fish."),
        (
            "pond.hello",
            "pond.hello(name: str = 'pond', *, loud: bool = False) -> str\n\nGreet somebody.",
        ),
        ("pond.pour", "pond.pour(water, *more) -> Pond\n\nPour water in. It gets deep."),
        (
            "pond.Fish",
            "pond.Fish(name, scales: int = 10)\n\nA fish that swims.\n\nMake a fish with a name.",
        ),
        ("pond.Fish.swim", "pond.Fish.swim(far: float = 1.0) -> Fish\n\nSwim that far."),
        ("pond.Fish.depth", "pond.Fish.depth\n\nHow deep it is."),
        ("pond.Fish.count", "pond.Fish.count(kind)\n\nCount the fish of a kind."),
        ("pond.Fish.born", "pond.Fish.born(where)\n\nA fish born there."),
        ("pond.Fish.breathe", "pond.Fish.breathe()\n\nTake a breath of water."),
        ("pond.with_object", "pond.with_object(sink=..., make=print, flag=...)\n\nTake objects."),
        ("pond.채우기", "pond.채우기(물, 양=1)\n\n연못을 채웁니다. 물이 넘치면 멈춥니다."),
        ("pond.decomposed", "pond.decomposed()\n\n한글 [31m"),
    ],
)  # fmt: skip
def test_the_text_of_a_symbol(pond: PackageDocs, name: str, text: str) -> None:
    assert named(pond, name).text == text


def test_what_a_document_says_of_itself(pond: PackageDocs) -> None:
    document = named(pond, "pond.hello")
    assert (document.kind, document.format, document.title) == ("symbol", "docstring", "pond.hello")
    assert (document.version, document.licence) == ("pond 1.2", "MIT")
    assert document.url == "https://example.org/pond"
    assert document.language == "en"
    assert named(pond, "pond.채우기").language == "ko"


def test_the_description_is_a_document(pond: PackageDocs) -> None:
    (description,) = [d for d in pond.documents if d.kind == "package"]
    assert (description.id, description.format, description.language) == (
        "pkg:pond",
        "markdown",
        "ko",
    )
    assert "연못에 물고기를 키우는 도구입니다." in description.text


def test_what_is_private_deprecated_or_for_tests_stays_out(pond: PackageDocs) -> None:
    found = names(pond)
    for name in found:
        assert not any(part.startswith("_") or part == "testing" for part in name.split("."))
    assert not found & {"pond.old", "pond.older", "pond.fake"}
    assert "pond.not_old" in found  # only a parameter of it is spoken of as deprecated
    text = "\n".join(d.text for d in pond.documents)
    for hidden in ("secret", "Nobody reads", "Never seen", "while importing", "Not for users"):
        assert hidden not in text


def test_names_without_documentation_are_known(pond: PackageDocs) -> None:
    """So that nobody is told that they do not exist."""
    assert {
        "pond",
        "pond.undocumented",
        "pond.LIMIT",
        "pond.old",
        "pond.Fish.sleep",
        "pond.shapes.Square",
        "pond.shapes.THREE",
    } <= set(pond.known)
    assert names(pond) - {"pkg:pond"} <= set(pond.known)
    assert not {"pond._private", "pond.nothing", "pond.shapes.nowhere"} & set(pond.known)
    assert list(pond.known) == sorted(set(pond.known))


def test_reading_twice_gives_the_same(pond: PackageDocs) -> None:
    assert read_package("pond") == pond


def test_the_folder_where_somebody_works_is_not_imported_from(
    pond: PackageDocs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise RuntimeError('the wrong json')", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert read_package("pond") == pond


def test_a_part_of_a_package_can_be_read_alone(pond: PackageDocs) -> None:
    part = read_package("pond.shapes")
    assert {d.id for d in part.documents if d.kind == "symbol"} == {
        "py:pond.shapes",
        "py:pond.shapes.Cube",
        "py:pond.shapes.Square",
        "py:pond.shapes.Square.grow",
        "py:pond.shapes.area",
        "py:pond.shapes.helper",
    }
    assert part.version == "1.2"


def test_version_and_fingerprint_are_read_without_importing(
    place: Place, pond: PackageDocs
) -> None:
    assert package_version("pond") == "1.2"
    before = package_fingerprint("pond")
    assert before == package_fingerprint("pond")
    record = place.folder / "pond_tools-1.2.dist-info" / "RECORD"
    kept = record.read_text("utf-8")
    record.write_text(kept.replace("sha256=x", "sha256=y", 1), "utf-8")
    try:
        assert package_fingerprint("pond") != before
    finally:
        record.write_text(kept, "utf-8")


# -- packages that cannot be read ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "code", "told"),
    [
        ("fails", "raise ValueError('첫 줄\\nsecond')", "be imported: ValueError: 첫 줄 second"),
        ("exits", "import sys; sys.exit(4)", "cannot be imported: SystemExit: 4"),
        ("dies", "import os; os.write(2, b'\\xff gone\\n'); os._exit(9)", r"\(exit 9\): .* gone"),
        ("silent", "import os; os._exit(0)", r"cannot be read \(exit 0\): no output"),
        ("bare", "def f(): pass", "no documented public objects"),
        ("skipping", "class S(BaseException): pass\nraise S('no')", "cannot be imported: S: no"),
    ],
)  # fmt: skip
def test_a_package_that_breaks_is_told_in_one_line(
    place: Place, package: str, code: str, told: str
) -> None:
    place.install(package, {"__init__": code})
    with pytest.raises(SourceError, match=told) as caught:
        read_package(package)
    assert package in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 5


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[None]:
    """Standard input that holds a line, as in `ask batch < questions`."""
    (tmp_path / "typed").write_text("a question\n", "utf-8")
    kept = os.dup(0)
    with (tmp_path / "typed").open("rb") as file:
        os.dup2(file.fileno(), 0)
    yield
    os.dup2(kept, 0)
    os.close(kept)


@pytest.mark.usefixtures("typed")
def test_what_a_package_writes_and_asks_disturbs_nothing(
    place: Place, capfd: pytest.CaptureFixture[str]
) -> None:
    """Written past Python, without a line end, in the form of our own lines; and it asks back."""
    code = '''
        """A noisy package."""
        import os
        import sys
        import warnings

        os.write(1, b'{"error": "no"}\\n{"names": ')
        os.write(2, b"\\xff\\xfe")
        sys.stdout = None
        warnings.simplefilter("error")
        assert sys.stdin.read() == ""


        def loud():
            """Make noise."""
    '''
    place.install("noisy", {"__init__": code})
    docs = read_package("noisy")
    assert {d.id for d in docs.documents} == {"py:noisy", "py:noisy.loud"}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "package", ["nothing_of_that_name", "nothing_of_that_name.part", "없는패키지_"]
)
def test_a_package_that_is_not_installed(package: str) -> None:
    for read in (read_package, package_version, package_fingerprint):
        with pytest.raises(SourceError) as caught:
            read(package)
        assert str(caught.value).startswith(f"'{package}' is not the import name") or str(
            caught.value
        ) == (
            f"package '{package}' is not installed here; "
            f"pip install {package.partition('.')[0]}"
        )  # fmt: skip


@pytest.mark.parametrize(
    "package", ["", "a-b", "../x", "1st", "a b", "a;b", "-c", "a\nb", "x" * 5000 + "!"]
)
def test_what_is_no_name_of_a_package(package: str) -> None:
    with pytest.raises(SourceError, match="is not the import name of a package; write for example"):
        read_package(package)


def test_a_part_that_is_not_there(pond: PackageDocs) -> None:
    with pytest.raises(
        SourceError, match=r"package 'pond\.nope' cannot be imported: ModuleNotFound"
    ):
        read_package("pond.nope")


# -- texts and addresses -------------------------------------------------------------------------


def test_a_docstring_that_begins_with_its_signature_keeps_it() -> None:
    doc = "stack(tensors, dim=0) -> Tensor\n\nConcatenates."
    assert symbol_text("torch.stack", doc, "(*args)") == (
        "torch.stack(tensors, dim=0) -> Tensor\n\nConcatenates."
    )
    assert symbol_text("torch.stack", "torch." + doc, None).startswith(
        "torch.stack(tensors, dim=0)"
    )
    other = "unstack(tensors) is the other way"
    assert symbol_text("torch.stack", other, "(a)") == f"torch.stack(a)\n\n{other}"
    assert symbol_text("torch.pi", "A number.", None) == "torch.pi\n\nA number."
    assert symbol_text("a.b", "첫 줄\r\n둘째\u2028셋째\x0b", "(x)") == "a.b(x)\n\n첫 줄\n둘째\n셋째"


DOCS = "https://docs.pytorch.org/docs/2.13/"


@pytest.mark.parametrize(
    ("name", "kind", "page"),
    [
        ("torch.stack", "function", "generated/torch.stack.html"),
        ("torch.nn.Linear", "class", "generated/torch.nn.Linear.html"),
        ("torch.nn.Module.train", "member", "generated/torch.nn.Module.html"),
        ("torch.Tensor.expand", "member", "generated/torch.Tensor.expand.html"),
        ("torch.nn.functional.elu", "function", "generated/torch.nn.functional.elu.html"),
        ("torch.optim.swa_utils.SWALR", "class", "generated/torch.optim.swa_utils.SWALR.html"),
        ("torch.utils.data.DataLoader", "class", "data.html"),
        ("torch.nn.init.xavier_uniform_", "function", "nn.init.html"),
        ("torch.distributed.gather", "function", "distributed.html"),
        ("torch.distributed.rpc.remote", "function", "rpc.html"),
        ("torch.distributions.Beta.mean", "member", "distributions.html"),
    ],
)
def test_addresses_of_torch(name: str, kind: str, page: str) -> None:
    assert symbol_url(name, kind, "2.13.0", "https://pytorch.org") == f"{DOCS}{page}#{name}"


def test_addresses_of_modules_of_torch() -> None:
    assert symbol_url("torch", "module", "2.13.0", None) == f"{DOCS}torch.html"
    assert symbol_url("torch.optim", "module", "2.13.0", None) == (
        f"{DOCS}optim.html#module-torch.optim"
    )
    assert symbol_url("torch.fx", "module", "2.13.0", None) == f"{DOCS}fx.html#module-torch.fx"


def test_other_packages_have_their_home_for_address() -> None:
    assert symbol_url("numpy.sum", "function", "2.1", "https://numpy.org") == "https://numpy.org"
    assert symbol_url("torchvision.ops", "module", "0.2", None) is None
    assert symbol_url("torch.stack", "function", "2.6.0", None) == (
        "https://docs.pytorch.org/docs/2.6/generated/torch.stack.html#torch.stack"
    )


# -- torch ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    """torch torch.stack torch.unique torch.functional.unique torch.functional.einsum torch.split
    torch.Tensor.expand torch.Tensor.backward torch.nn.Module.train torch.nn.functional.relu
    torch.nn.functional.cosine_similarity torch.cosine_similarity torch.set_default_dtype
    torch.optim.swa_utils.AveragedModel torch.optim.Adam torch.optim.Adam.step torch.no_grad
    torch.optim.lr_scheduler.StepLR torch.utils.data.DataLoader torch.utils.data.random_split
    torch.nn.utils.rnn.pad_sequence torch.nn.init.xavier_uniform_ torch.nn.utils.weight_norm
    torch.linalg.norm torch.fft.fft torch.save torch.load torch.manual_seed torch.compile
    torch.autograd.grad torch.distributed.gather torch.distributions.Normal torch.special.expit
    torch.func.grad torch.amp.autocast torch.hub.load torch.cuda.is_available""".split(),
)
def test_what_people_ask_about_is_found_under_its_name(torch_docs: PackageDocs, name: str) -> None:
    document = named(torch_docs, name)
    assert name in torch_docs.known
    assert len(document.text.split()) > 5


def test_one_object_of_torch_has_all_its_names(torch_docs: PackageDocs) -> None:
    both = ("torch.cosine_similarity", "torch.nn.functional.cosine_similarity")
    assert named(torch_docs, both[0]) is named(torch_docs, both[1])
    # Only the longer name has a page.
    assert str(named(torch_docs, both[0]).url).endswith(f"/generated/{both[1]}.html#{both[1]}")
    stack = "torch.stack"
    assert str(named(torch_docs, stack).url).endswith(f"/generated/{stack}.html#{stack}")
    assert named(torch_docs, "torch.functional.unique").id == "py:torch.unique"
    unique = named(torch_docs, "torch.unique").text
    assert unique.startswith("torch.unique(input, sorted=True, return_inverse=False")
    assert "Returns the unique elements of the input tensor." in unique


def test_torch_is_read_whole_and_clean(torch_docs: PackageDocs) -> None:
    symbols = [d for d in torch_docs.documents if d.kind == "symbol"]
    assert len(symbols) > 3_000
    assert len(torch_docs.known) > len(symbols)
    assert torch_docs.version == package_version("torch")
    every = [i for d in torch_docs.documents for i in (d.id, *d.aliases)]
    assert len(every) == len(set(every)), "a name belongs to one document"
    assert {i.removeprefix("py:") for i in every if i.startswith("py:")} <= set(torch_docs.known)
    for document in symbols:
        parts = document.id.removeprefix("py:").split(".")
        assert parts[0] == "torch"
        for name in (document.id, *document.aliases):
            hidden = {part for part in name[3:].split(".") if part.startswith("_")}
            assert not hidden | ({"testing", "tests", "_C"} & set(name[3:].split("."))), name
        assert is_normalized("NFC", document.text)
        assert document.text == document.text.strip()
        assert document.url
        assert document.url.startswith("https://docs.pytorch.org/docs/")
        assert document.licence


def test_signatures_of_torch_hold_no_address_and_no_path(torch_docs: PackageDocs) -> None:
    """They would change from run to run and from machine to machine."""
    calls = re.compile(r"^(?:\d+\. )?[\w.]+\(.*$", re.M)
    for document in torch_docs.documents:
        if document.kind == "symbol":
            head = document.text.partition("\n\n")[0]
            for call in (head, *calls.findall(document.text)):
                assert " at 0x" not in call, call
                assert "<function" not in head, head
                assert sys.prefix not in call, call
            assert not re.search(r"~[A-Z]", head.partition("\n")[0]), head


def test_the_description_of_torch(torch_docs: PackageDocs) -> None:
    (description,) = [d for d in torch_docs.documents if d.kind == "package"]
    assert description.id == "pkg:torch"
    assert "Tensor computation (like NumPy) with strong GPU acceleration" in description.text
    assert description.language == "en"


def test_names_that_torch_does_not_have_are_unknown(torch_docs: PackageDocs) -> None:
    known = set(torch_docs.known)
    assert not known & {"torch.optim.Ranger", "torch.nn.Transformers", "torch.concatenated"}
    assert {"torch.float32", "torch.Tensor", "torch.norm", "torch.nn.Linear.forward"} <= known
