"""What the names of code in a question stand for: `nn.LSTM`, `F.softmax`, `.expand()`, `gather`.

A name is looked up as people write it: with import habits spelled out, as the end of a longer name,
as a method of some object, in another case, with a slip of the pen.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.catalogue import FoundName
from rag.index import Index
from rag.question import IMPORT_HABITS, OTHER_PACKAGES, Mention
from rag.text import english_stem

_PRIVATE = re.compile(r"(?:^|\.)_[a-z]")  # nothing public, and nothing is said of it
_RAISED = re.compile(r"(?:Error|Exception|Warning)$")


@dataclass(frozen=True, slots=True)
class Named:
    """What a mention in the question turned out to be: documents, best first.

    `missing` says that the name belongs to a documented package and does not exist in it, and
    `corrected` that it is a slip of one that does and is read as that; `undocumented` that it exists there without documentation; `foreign` that it belongs to a
    package that is not in the index.
    """

    mention: Mention
    names: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    missing: bool = False
    undocumented: bool = False
    foreign: bool = False
    corrected: bool = False
    nearest: tuple[str, ...] = ()


def resolve(index: Index, mention: Mention) -> Named:
    """What a name in a question stands for.

    Tried in order: the name itself, with an import habit spelled out (F, nn), as the end of a
    longer name, as a method of some object (`x.expand`, `model.train`), and without regard to case.
    """
    name = mention.name
    root, _, rest = name.partition(".")
    habit = IMPORT_HABITS.get(root)
    full = f"{habit}.{rest}" if habit and rest else habit or name
    found = index.lookup_name(full) or index.lookup_name(name) or index.names_ending(name)
    if not found and full.split(".")[0] in OTHER_PACKAGES and rest:
        return Named(mention, foreign=True)
    members: list[FoundName] = []
    if not found and rest and not habit and not index.lookup_name(root):
        members = _members(index, root, name.rpartition(".")[2])
    if not found and not members and name[-1:].isalpha() and name.rpartition(".")[2][:1].isupper():
        # "BatchNorm" stands for BatchNorm1d and its kin.
        found = [one for n in "213" for one in index.names_ending(f"{name}{n}d")]
    if not members and (mention.sure or len(name) >= 4) and (not found or not mention.sure):
        # A plain word may be a name in another case: "adamw" is AdamW before a function adamw.
        found = [*found, *index.names_ending(name, ignore_case=True)]
    found = members or list(dict.fromkeys(found))
    documented = [f for f in found if f.document is not None]
    if documented:
        if not members:  # those stand in order already
            documented.sort(key=lambda f: -_weight(f, mention))
        rows = tuple(dict.fromkeys(int(f.document) for f in documented if f.document is not None))
        return Named(mention, tuple(f.name for f in documented[:4]), rows)
    if found:
        return Named(mention, tuple(f.name for f in found[:4]), undocumented=True)
    if _PRIVATE.search(full) or (root in sys.stdlib_module_names and _RAISED.search(name)):
        return Named(mention)  # torch._dynamo in a log, pickle.UnpicklingError in a trace
    if root in OTHER_PACKAGES or (rest and full.split(".")[0] in OTHER_PACKAGES):
        return Named(mention, foreign=True)
    if rest and index.lookup_name(full.split(".")[0]):
        nearest = nearest_names(index, full)
        slip = _slip(index, full, nearest)
        if slip is not None and slip.document is not None:
            return Named(mention, (slip.name,), (slip.document,), corrected=True, nearest=nearest)
        return Named(mention, missing=True, nearest=nearest)
    bare = None if rest else _bare_slip(index, name)
    if bare is not None and bare.document is not None:
        return Named(replace(mention, sure=True), (bare.name,), (bare.document,), corrected=True)
    return Named(mention, foreign=bool(rest) and mention.sure)


def _weight(found: FoundName, mention: Mention) -> float:
    """Prior, and a name that ends in just what was written beats one that differs in case."""
    same_case = found.name.endswith(mention.name)
    member = found.name.split(".")[-2:-1]
    is_member = bool(member) and member[0][:1].isupper()
    leading_dot = mention.member and "." not in mention.name
    case = (0.5 if mention.sure else 0.05) * same_case
    return found.prior + case + (0.6 if leading_dot and is_member else 0.0)


_VARIABLES = {
    "model": "Module", "net": "Module", "module": "Module", "layer": "Module", "opt": "Optimizer",
    "optimizer": "Optimizer", "optim": "Optimizer", "sched": "LRScheduler", "scaler": "GradScaler",
    "scheduler": "LRScheduler", "loader": "DataLoader", "dataloader": "DataLoader", "x": "Tensor",
    "loss": "Tensor", "tensor": "Tensor", "t": "Tensor", "y": "Tensor", "a": "Tensor",
    "writer": "SummaryWriter", "w": "Tensor", "out": "Tensor", "self": "Module",
}  # fmt: skip


def _members(index: Index, variable: str, method: str) -> list[FoundName]:
    """Methods of that name; the class that the variable's name hints at comes first."""
    hint = _VARIABLES.get(variable.lower(), variable).lower()
    members = [
        f for f in index.names_ending(method) if f.name.split(".")[-2:-1][0][:1].isupper()
    ]  # fmt: skip
    members.sort(key=lambda f: (hint not in f.name.split(".")[-2].lower(), -f.prior))
    return members[:4]


def nearest_names(index: Index, name: str, count: int = 3) -> tuple[str, ...]:
    """Names of the documented package that look like `name`, siblings in its module first."""
    parent, _, last = name.rpartition(".")
    known = [n for n in index.all_names() if not n.rpartition(".")[2].startswith("_")]
    # Names that differ in case alone (DataLoader, dataloader): the one written like `name` stays.
    known.sort(key=lambda n: n.rpartition(".")[2][:1].isupper() == last[:1].isupper())
    siblings = {n.rpartition(".")[2].lower(): n for n in known if n.rpartition(".")[0] == parent}
    near = difflib.get_close_matches(last.lower(), siblings, n=count, cutoff=0.6)
    found = [siblings[word] for word in near]
    if len(found) < count:
        lasts: dict[str, str] = {}
        for n in known:
            word = n.rpartition(".")[2].lower()
            if word not in lasts or len(n) < len(lasts[word]):
                lasts[word] = n
        near = difflib.get_close_matches(last.lower(), lasts, n=count, cutoff=0.7)
        found += [lasts[word] for word in near if lasts[word] not in found]
    return tuple(found[:count])


def _slip(index: Index, name: str, nearest: Sequence[str]) -> FoundName | None:
    """The existing name of the same module that differs from `name` by a letter or two."""
    parent, _, last = name.rpartition(".")
    for candidate in nearest[:1]:
        home, _, other = candidate.rpartition(".")
        alike = difflib.SequenceMatcher(None, other.lower(), last.lower()).ratio()
        if home == parent and len(last) >= 5 and alike >= 0.86:
            return next(iter(index.lookup_name(candidate)), None)
    return None


def _bare_slip(index: Index, word: str) -> FoundName | None:
    """The name that a word without a dot is a slip of: "Adagard", "LocalResponceNorm".

    Only a word that no document holds is one; it begins like the name, in the same case, and is
    not its plural.
    """
    stem = english_stem(word.lower())
    if len(word) < 6 or index.document_sparse.known(stem) or index.chunk_sparse.known(stem):
        return None
    lasts: dict[str, str] = {}
    for name in index.all_names():
        last = name.rpartition(".")[2]
        if last[:1] == word[:1] and abs(len(last) - len(word)) <= 2:
            lasts.setdefault(last, name)
    near = difflib.get_close_matches(word, lasts, n=3, cutoff=0.82)
    found = [one for last in near for one in index.names_ending(last) if one.document is not None]
    alike = [f for f in found if f.name.endswith(near[0])]
    return max(alike, key=lambda f: f.prior) if alike else None
