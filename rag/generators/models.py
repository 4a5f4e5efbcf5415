"""Language models by name: which kind a name means, and the generator that has it write."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.request import urlopen

from rag.encoders import Encoder
from rag.generators.chatmodel import ChatModel, Limits
from rag.generators.generator import Generator

LOCAL = "local:"


def model_generator(
    name: str, encoder: Encoder, *, strict: bool = True, timeout: float | None = None
) -> Generator:
    """The generator that has the model of this name write.

    `strict` leaves out what the documents do not say, else it is marked; `timeout` is how long the
    first word may take, in seconds. Raises UsageError for a name that is none and for a model that
    cannot be used, MissingExtra where a package is missing.
    """
    from rag.generators.composing import Composer

    return Composer(load_model(name), encoder, strict=strict, limits=limits(name, timeout))


def load_model(name: str) -> ChatModel:
    """The model of this name: "local:" for transformers on this machine, all else LangChain's."""
    if name.startswith(LOCAL):
        from rag.generators.local import LocalModel

        return LocalModel(name)
    from rag.generators.chat import chat_model

    return chat_model(name)


def limits(name: str, timeout: float | None = None) -> Limits:
    """How long a model may take: a local one reads its prompt slowly where there is no GPU."""
    if timeout is not None:
        return Limits(first=timeout, total=max(Limits().total, timeout))
    return Limits(first=300.0, total=900.0) if name.startswith(LOCAL) else Limits()


# -- what there is -------------------------------------------------------------------------------

_KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
_OLLAMA = "http://127.0.0.1:11434"
_SOON = 1.5  # seconds that a server may take to say which models it has


@dataclass(frozen=True, slots=True)
class Usable:
    """A model or a kind of models: its name as `--model` takes it, whether it can be used here,
    and what is missing, or how it would run."""

    name: str
    usable: bool
    told: str


def usable_models(chosen: str | None = None) -> Iterator[Usable]:
    """What `--model` can be given on this machine, and why not the rest; downloads nothing.

    `chosen` is the model of the settings. Only Ollama's server and one that `chosen` names by its
    address are asked.
    """
    yield Usable("none", True, "quotes without a model; the default")
    for provider, key in _KEYS.items():
        yield _hosted(provider, key)
    yield from _ollama()
    if chosen and chosen.startswith(("http://", "https://")):
        yield _server(chosen)
    yield from _local()


def _hosted(provider: str, key: str) -> Usable:
    name = f"{provider}:NAME"
    if find_spec(f"langchain_{provider}") is None:
        return Usable(name, False, f"needs a package: pip install 'ask-docs[{provider}]'")
    if not os.environ.get(key):
        return Usable(name, False, f"needs a key: export {key}=...")
    return Usable(name, True, f"{key} is set; questions and passages are sent to the provider")


def _ollama() -> Iterator[Usable]:
    if find_spec("langchain_ollama") is None:
        yield Usable("ollama:NAME", False, "needs a package: pip install 'ask-docs[ollama]'")
        return
    host = os.environ.get("OLLAMA_HOST") or _OLLAMA
    address = host if "://" in host else f"http://{host}"
    try:
        with urlopen(f"{address.rstrip('/')}/api/tags", timeout=_SOON) as reply:
            names = [str(one["name"]) for one in json.loads(reply.read(1_000_000))["models"]]
    except (OSError, ValueError, KeyError, TypeError):
        yield Usable("ollama:NAME", False, f"no Ollama answers at {address}: ollama serve")
        return
    if not names:
        yield Usable("ollama:NAME", False, "Ollama has no model yet: ollama pull qwen3:4b")
    for name in names:
        yield Usable(f"ollama:{name}", True, f"at {address}")


def _server(name: str) -> Usable:
    from rag.generators.chat import server_models

    if find_spec("langchain_openai") is None:
        return Usable(name, False, "needs a package: pip install 'ask-docs[openai]'")
    address, _, model = name.partition("#")
    found = server_models(address.rstrip("/"))
    if not found:
        return Usable(name, False, "no server answers there")
    known = model in found if model else len(found) == 1
    return Usable(name, known, f"the server has {', '.join(found[:8])}")


def _local() -> Iterator[Usable]:
    """transformers' models; torch is imported to tell the device."""
    if find_spec("transformers") is None or find_spec("torch") is None:
        yield Usable(f"{LOCAL}NAME", False, "needs packages: pip install transformers torch")
        return
    from rag.generators.local import choose_device

    device = choose_device()
    yield Usable(f"{LOCAL}NAME", True, f"a folder, or a name of the hub; on {device.told}")
    for name in cached_models():
        yield Usable(f"{LOCAL}{name}", True, "in the cache of the hub")


def cached_models() -> list[str]:
    """Chat models in the hub's cache on this machine: those whose configuration is of a causal
    language model."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface").expanduser()
    hub = Path(os.environ.get("HF_HUB_CACHE") or home / "hub").expanduser()
    found = set()
    for config in hub.glob("models--*/snapshots/*/config.json"):
        try:
            record = json.loads(config.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if any(str(one).endswith("ForCausalLM") for one in record.get("architectures") or ()):
            found.add(config.parents[2].name.removeprefix("models--").replace("--", "/"))
    return sorted(found)
