"""What a question takes for granted and is not so: names, parameters, versions, years.

Names that do not exist in the documented package, parameters that a function does not have, a
version or a year that the documents do not reach.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rag.index import Index
from rag.lexicon import translate
from rag.names import Named
from rag.question import Question
from rag.reader import Read, follow
from rag.retrieve import Retrieved
from rag.types import Document

_VERSION = re.compile(r"(?P<name>[^\W\d_]+)\s*v?(?P<major>\d{1,3})\.(?P<minor>\d{1,3})(?!\d)")
# "the momentum argument", "argument momentum", "momentum 인자": said to be a parameter.
_CALLED = re.compile(
    r"(?:^|\b(?:the|its|an?|[\w.]*[A-Z]\w*|\w+\.\w+)\s+)['\"`]?(?P<before>[a-z]\w*)['\"`]?\s+(?:argument|parameter|keyword|flag)\b"
    r"|\b(?:argument|parameter|keyword|flag)\s+['\"`]?(?P<behind>[a-z]\w*_\w*)\b"
    r"|(?<![\w.])(?P<korean>[a-z]\w*)['\"`]?\s?(?:인자|인수|매개변수|파라미터)"
)
# "nn.LSTM recurrent_dropout", "LSTM의 recurrent_dropout", "Adam's weight_decay".
_OF = re.compile(
    r"(?:\b[\w.]*[A-Z]\w*|\b\w+\.\w+)(?:'s|의)?\s(?P<of>[a-z]+_[a-z_]+)(?![A-Za-z0-9_.])"
)
_NO_PARAMETER = frozenset(
    """the a an which what this that its each any every first second third other optional required
    positional keyword only named input default tensor function constructor no one new same extra""".split()
)
_IN_CALL = re.compile(r"[(,]\s*\*{0,2}([A-Za-z_]\w*)\s*(?=[:=,)])")


@dataclass(frozen=True, slots=True)
class Premise:
    """A premise of the question that the documents contradict: a key of prompts.REASONS and what
    to fill in; `nearest` are names that exist."""

    reason: str
    values: Mapping[str, str]
    nearest: tuple[str, ...] = ()


def false_premise(retrieved: Retrieved, read: Read, index: Index) -> Premise | None:
    """The first premise found to be false, None where nothing speaks against the question."""
    named, question = retrieved.named, retrieved.question
    for entry in named:
        if entry.missing and not any(other.rows and other.mention.sure for other in named):
            version = package_title(index, entry.mention.name)
            return Premise(
                "missing", {"name": entry.mention.name, "version": version}, entry.nearest
            )
    keyword = _wrong_parameter(question, named, index)
    if keyword is not None:
        return keyword
    year = max(question.years, default=0)
    newest = int(index.manifest.created[:4])
    if year > newest:
        return Premise("future", {"year": str(year), "end": str(newest)})
    return _later_version(question, index)


def _wrong_parameter(question: Question, named: tuple[Named, ...], index: Index) -> Premise | None:
    """A parameter that the one object asked about does not have: `name=value`, "the name argument",
    or a name with underscores that its documentation does not know."""
    said = list(_parameters_said(question, named))
    names = {name for name, _ in said}
    owners = [n for n in named if n.rows and not n.corrected and n.mention.name not in names]
    sure = [n for n in owners if n.mention.sure]
    # "Adam" alone may be a name; a parameter said beside it makes it one.
    owners = sure or [n for n in owners if n.mention.name[:1].isupper()]
    if len(owners) != 1 or not said:
        return None
    documents = [index.document(row) for row in follow(owners[0].rows[:6], index)]
    texts = [document.text for document in documents]
    anything = any("**" in text.split("\n\n")[0] for text in texts)  # takes any keyword
    for name, called in said:
        known = any(re.search(rf"\b{re.escape(name)}\b", text) for text in texts)
        if not known or (called and not anything and not _takes(documents, name)):
            first = documents[0]
            values = {"name": name, "owner": first.title, "version": first.version or ""}
            return Premise("keyword", values, _nearest(first, name))
    return None


def _nearest(document: Document, name: str) -> tuple[str, ...]:
    """Parameters of the call that look like `name`."""
    taken = _IN_CALL.findall(document.text.split("\n\n")[0])
    return tuple(difflib.get_close_matches(name, taken, n=2, cutoff=0.7))


def _parameters_said(question: Question, named: Sequence[Named]) -> Iterator[tuple[str, bool]]:
    """What the question takes for a parameter, and whether it says so in so many words."""
    for name in question.keywords:
        yield name, False
    for match in _CALLED.finditer(question.text):
        name = match["before"] or match["behind"] or match["korean"]
        if name.lower() not in _NO_PARAMETER and name.isascii() and name.islower():
            yield name, True
    if "error" not in question.intents:
        for match in _OF.finditer(question.text):
            if not any(entry.rows for entry in named if entry.mention.name == match["of"]):
                yield match["of"], False
    if not question.intents & {"default", "omitted", "option", "type"}:
        return  # my_list in "how do I pass my_list" is a name of the asker's own
    for entry in named:
        name = entry.mention.name
        if (
            "_" in name.strip("_")
            and "." not in name
            and name.islower()
            and (entry.corrected or not entry.names)
        ):
            yield name, False


def _takes(documents: Sequence[Document], name: str) -> bool:
    """Whether a call, or a list of parameters, names it: "dim (int)", "f(input, dim=0)"."""
    entry = re.compile(
        rf"^[ \t]*[-*]*[ \t]*\W{{0,3}}{re.escape(name)}\W{{0,3}}\s*(?:\(|:|,|--|–)", re.M
    )
    return any(
        name in _IN_CALL.findall(document.text.split("\n\n")[0]) or entry.search(document.text)
        for document in documents
    )


def _later_version(question: Question, index: Index) -> Premise | None:
    """A version of a documented package after the one that is documented."""
    for match in _VERSION.finditer(question.text):
        said = match["name"].lower()
        forms = {said, *(english.lower() for english, _ in translate(said))}
        for group in index.manifest.groups:
            package = group.id.removeprefix("py:")
            numbers = re.search(r"(\d+)\.(\d+)", group.title)
            if group.kind != "package" or numbers is None:
                continue
            asked = (int(match["major"]), int(match["minor"]))
            documented = (int(numbers[1]), int(numbers[2]))
            if any(package in form for form in forms) and asked > documented:
                version = f"{match['major']}.{match['minor']}"
                return Premise("later", {"version": version, "documented": group.title})
    return None


def package_title(index: Index, name: str) -> str:
    """The package and version that a name would belong to: "torch 2.13.0"."""
    root = name.split(".", maxsplit=1)[0]
    groups = [g for g in index.manifest.groups if g.kind == "package"]
    for group in groups:
        if group.id == f"py:{root}":
            return group.title
    return groups[0].title if groups else "the documents"
