"""How well known a name is: the names a package makes public, and how often others speak of them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rag.catalogue import PublicName
from rag.types import Document

_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


def count_mentions(documents: Sequence[Document]) -> Counter[str]:
    """In how many other documents each document is named, by document id.

    "torch.nn.Linear" and "nn.Linear" both count for it; a bare last word does not.
    """
    by_name: dict[str, str] = {}
    for document in documents:
        for name in (document.id, *document.aliases):
            full = name.partition(":")[2]
            for tail in (full, full.partition(".")[2]):
                if "." in tail:
                    by_name.setdefault(tail, document.id)
    counts: Counter[str] = Counter()
    for document in documents:
        named = {by_name.get(name) for name in _NAME.findall(document.text)}
        counts.update(name for name in named if name and name != document.id)
    return counts


def prior(document: Document, mentions: Mapping[str, int]) -> float:
    """How likely people mean this document, 0 to 1: named often by others, few steps deep."""
    if document.kind != "symbol":
        return 0.6
    depth = document.title.count(".")
    shallow = max(0.0, 1.0 - 0.18 * max(0, depth - 1))
    return 0.5 * shallow + 0.5 * min(1.0, math.log1p(mentions.get(document.id, 0)) / 4)


def public_names(
    documents: Sequence[Document], known: Iterable[str], mentions: Mapping[str, int]
) -> list[PublicName]:
    """Every name users may ask for: of documents and their aliases with the document's prior, and
    those that are merely known to exist."""
    names: dict[str, PublicName] = {}
    for document in documents:
        if document.kind == "symbol":
            weight = prior(document, mentions)
            for name in (document.id, *document.aliases):
                full = name.partition(":")[2]
                names.setdefault(full, PublicName(full, document.id, weight))
    for name in known:
        names.setdefault(name, PublicName(name, None, 0.0))
    return list(names.values())
