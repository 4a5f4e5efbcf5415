"""Texts to vectors: one protocol, the encoder that ships, and any sentence-transformers model.

The bundled encoder is this project's own student of all-MiniLM-L6-v2 that puts Korean and English
into one space (see `bundled/README.md`). It runs on onnxruntime alone; torch is imported only when
a sentence-transformers model is asked for by name.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from rag.errors import MissingExtra, RagError, UsageError
from rag.text import nfc

Vectors = NDArray[np.float32]
Progress = Callable[[int], None]

BUNDLED = Path(__file__).parent / "bundled" / "encoder"
# Of one run: small enough to stay in cache. Of 256 to 4,096 tokens, 512 took the least time.
BATCH_TOKENS = 512
BATCH_TEXTS = 16
SLICE = 2048  # texts cut into tokens and sorted at a time
MAX_CHARACTERS = 16_384  # what lies behind is past any token limit; it need not be cut into tokens


class Encoder(Protocol):
    """What the index needs to know of a model; rows are unit vectors, so a product is a cosine."""

    @property
    def name(self) -> str:
        """A short name for people."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors do; an index made under another one is refused."""

    @property
    def dim(self) -> int:
        """Numbers a vector."""

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """(n, dim) float32 of n questions; works on no texts too."""

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """(n, dim) float32 of n passages; `progress` hears how many are done so far."""


@dataclass(frozen=True, slots=True)
class Card:
    """What `config.json` beside the weights says."""

    name: str
    revision: str
    dim: int
    max_tokens: int
    fingerprint: str


def read_card(folder: Path) -> Card:
    """The card of an exported encoder.

    Raises RagError if the folder is not one.
    """
    try:
        record = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return Card(*(record[key] for key in Card.__dataclass_fields__))
    except (OSError, ValueError, KeyError) as error:
        raise RagError(
            f"no encoder in {folder} ({type(error).__name__}); install ask-docs again"
        ) from error


def open_session(folder: Path) -> Any:
    """The onnxruntime session of `model.onnx`; raises RagError where it cannot be loaded."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    # One thread a run and several runs side by side: a product of this size shared between two
    # cores takes longer than on one (186 records/s against 270, and 350 with two runs at once).
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # the library raises bare or private types
        raise RagError(f"encoder {folder} cannot be loaded: {first_line(error)}") from error


@lru_cache(maxsize=2)  # encoder and cross-encoder cut texts with the same one
def open_tokenizer(folder: Path) -> Any:
    """The tokenizer of `tokenizer.json`, read once; raises RagError where it cannot be loaded."""
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises bare types
        raise RagError(f"encoder {folder} cannot be loaded: {first_line(error)}") from error


class OnnxEncoder:
    """An exported encoder: `model.onnx`, `tokenizer.json` and `config.json` in one folder.

    Pooling and normalisation are inside the graph. The vector of a text does not depend on the
    texts it is encoded with. Texts longer than the token limit count by their beginning.
    """

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        card = read_card(folder)
        self.name, self.dim = card.name, card.dim
        self.fingerprint = card.fingerprint  # written at export: nothing is hashed at a start
        self._workers = threads or available_cores()
        self._tokenizer = open_tokenizer(folder)
        self._session = open_session(folder)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """(n, dim) float32, unit rows."""
        return self._encode(texts, None)

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """(n, dim) float32, unit rows; `progress` hears how many are done so far."""
        return self._encode(texts, progress)

    def _encode(self, texts: Sequence[str], progress: Progress | None) -> Vectors:
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        done = 0
        with ThreadPoolExecutor(self._workers) as pool:  # starts no thread before it has work
            for start in range(0, len(texts), SLICE):
                part = [_prepared(text) for text in texts[start : start + SLICE]]
                ids = [one.ids for one in self._tokenizer.encode_batch(part)]
                groups = batches([len(one) for one in ids])
                runs = ([ids[row] for row in rows] for rows in groups)
                # A question is one group: it runs here and now.
                found = pool.map(self._run, runs) if len(groups) > 1 else map(self._run, runs)
                for rows, made in zip(groups, found, strict=True):
                    vectors[[start + row for row in rows]] = made
                    done += len(rows)
                    if progress is not None:
                        progress(done)
        return vectors

    def _run(self, ids: list[list[int]]) -> Vectors:
        width = max(map(len, ids))
        tokens = np.zeros((len(ids), width), dtype=np.int64)
        mask = np.zeros((len(ids), width), dtype=np.int64)
        for row, one in enumerate(ids):
            tokens[row, : len(one)] = one
            mask[row, : len(one)] = 1
        found = self._session.run(None, {"input_ids": tokens, "attention_mask": mask})
        return cast(Vectors, found[0])


class SentenceTransformerEncoder:
    """Any sentence-transformers model, by the name of its repository or as a folder.

    The model's own prompts for queries and documents are used where it has some. Weights come as
    safetensors only and no code of the model's repository is run.
    """

    def __init__(self, name: str, device: str | None = None) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingExtra(
                "sentence-transformers is not installed: pip install sentence-transformers"
            ) from error
        try:
            self._model = SentenceTransformer(
                name,
                device=device,
                trust_remote_code=False,
                local_files_only=Path(name).is_dir(),
                model_kwargs={"use_safetensors": True},
            )
        except Exception as error:  # missing, unreachable, broken: all kinds of foreign types
            raise UsageError(
                f"encoder {name!r} cannot be loaded: {first_line(error)}; give the name of a "
                "sentence-transformers model or a folder that holds one"
            ) from error
        self.name = name
        self._lock = threading.Lock()  # its tokenizer does not bear two threads at once
        self.dim = len(self.encode_queries(["one text"])[0])
        self.fingerprint = self._fingerprint()

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """(n, dim) float32, unit rows."""
        return self._encode(self._model.encode_query, texts)

    def encode_documents(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """(n, dim) float32, unit rows; `progress` hears how many are done so far."""
        parts: list[Vectors] = []
        for start in range(0, len(texts), 256):
            part = texts[start : start + 256]
            parts.append(self._encode(self._model.encode_document, part))
            if progress is not None:
                progress(start + len(part))
        return np.concatenate(parts) if parts else np.zeros((0, self.dim), dtype=np.float32)

    def _encode(self, encode: Callable[..., Any], texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dim), dtype=np.float32)
        clean = [_prepared(text) for text in texts]
        with self._lock:
            found = encode(
                clean, normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
            )
        return np.asarray(found, dtype=np.float32)

    def _fingerprint(self) -> str:
        if Path(self.name).is_dir():
            return folder_fingerprint(Path(self.name))
        config = getattr(self._model[0], "auto_model", None)
        revision = getattr(getattr(config, "config", None), "_commit_hash", None)
        return hashlib.sha256(f"{self.name}@{revision}".encode()).hexdigest()


def folder_fingerprint(folder: Path) -> str:
    """sha256 over the names, sizes, first and last 64 KiB of a model's files: quick, not proof."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        size = path.stat().st_size
        digest.update(f"{path.relative_to(folder).as_posix()} {size}\n".encode())
        with path.open("rb") as file:
            digest.update(file.read(65_536))
            file.seek(max(0, size - 65_536))
            digest.update(file.read(65_536))
    return digest.hexdigest()


def batches(lengths: Sequence[int]) -> list[list[int]]:
    """Rows in batches of like length, long ones first, so that little is padded."""
    groups: list[list[int]] = []
    for row in sorted(range(len(lengths)), key=lambda row: -lengths[row]):
        full = groups and len(groups[-1]) >= min(
            BATCH_TEXTS, max(1, BATCH_TOKENS // lengths[groups[-1][0]])
        )
        if full or not groups:
            groups.append([])
        groups[-1].append(row)
    return groups


@lru_cache(maxsize=1)
def bundled_encoder() -> OnnxEncoder:
    """The encoder that ships with the package, loaded once a process."""
    return OnnxEncoder(BUNDLED)


def load_encoder(name: str | None = None) -> Encoder:
    """The bundled encoder, or the sentence-transformers model of that name or folder.

    Raises UsageError if there is no such model, MissingExtra without sentence-transformers.
    """
    bundled = name is None or name in ("bundled", read_card(BUNDLED).name)
    return bundled_encoder() if bundled else SentenceTransformerEncoder(str(name))


def available_cores() -> int:
    """Cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def first_line(error: Exception) -> str:
    """An error of another library in one line."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]


def _prepared(text: str) -> str:
    return nfc(text[:MAX_CHARACTERS].encode("utf-8", "replace").decode("utf-8"))
