"""What an index says about itself, and which files it consists of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import get_args

import numpy as np

from rag.contents import Group
from rag.errors import IndexCorrupt, IndexIncompatible
from rag.sparse import sparse_files
from rag.storage import REBUILD, FileEntry
from rag.types import Language, Role

FORMAT = 2
ROLES: tuple[Role, ...] = get_args(Role)
LANGUAGES: tuple[Language, ...] = get_args(Language)

TEXTS, VECTORS, PHRASINGS = "documents.sqlite", "dense.faiss", "phrasings.faiss"
ARRAYS: dict[str, type[np.generic]] = {
    "chunk_documents.npy": np.int32,
    "chunk_roles.npy": np.uint8,
    "chunk_languages.npy": np.uint8,
    "priors.npy": np.float32,
    "phrasing_chunks.npy": np.int32,
}
FILES = (
    TEXTS,
    VECTORS,
    PHRASINGS,
    *sparse_files("chunks"),
    *sparse_files("documents"),
    *sparse_files("phrasings"),
    *ARRAYS,
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an index says about itself."""

    format: int
    package_version: str
    created: str
    encoder: str
    encoder_fingerprint: str
    dimension: int
    chunking: str
    n_documents: int
    n_chunks: int
    n_names: int
    n_phrasings: int
    groups: tuple[Group, ...]
    roles: tuple[str, ...] = ROLES
    languages: tuple[str, ...] = LANGUAGES
    files: Mapping[str, FileEntry] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """Return the manifest as UTF-8 JSON, one field a line where that reads well."""
        return (json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n").encode("utf-8")

    @classmethod
    def from_json(cls, data: bytes) -> Manifest:
        """Read what `to_json` wrote; raises IndexIncompatible or IndexCorrupt."""
        try:
            raw = json.loads(data)
            found = raw.get("format")
            if found != FORMAT:
                raise IndexIncompatible(
                    f"the index has format {found}, this version reads {FORMAT}; {REBUILD}"
                )
            raw["groups"] = tuple(Group(**group) for group in raw["groups"])
            raw["files"] = {name: FileEntry(**entry) for name, entry in raw["files"].items()}
            raw["roles"], raw["languages"] = tuple(raw["roles"]), tuple(raw["languages"])
            manifest = cls(**raw)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise IndexCorrupt(f"the manifest cannot be read: {error}; {REBUILD}") from error
        numbers = [
            manifest.dimension,
            manifest.n_documents,
            manifest.n_chunks,
            manifest.n_phrasings,
        ]
        numbers += [entry.size for entry in manifest.files.values()]
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            raise IndexCorrupt(f"the manifest holds a number that is none; {REBUILD}")
        if set(manifest.files) != set(FILES):
            raise IndexCorrupt(f"the manifest lists other files than an index has; {REBUILD}")
        return manifest
