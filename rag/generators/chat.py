"""Any chat model of LangChain, streamed; the only file that knows LangChain's models.

A name is what `init_chat_model` takes ("openai:gpt-5-mini", "ollama:qwen3:4b"), or the address of
a server that speaks OpenAI's protocol: "http://localhost:8000/v1", with "#name" for one of several
models. Nothing is traced or reported unless the user has set LANGSMITH_TRACING.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from rag.errors import MissingExtra, ModelFailed, UsageError
from rag.generators.chatmodel import Limits, Prompt, Relay

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

CONTEXT = 8_192  # tokens; assumed of a model that does not tell
MOST_CONTEXT = 32_768  # more than this is never filled
SERVER_KEY = "ASK_API_KEY"  # for servers given by address; OPENAI_API_KEY is for OpenAI's own
_SOON = 3.0  # seconds to ask a server which models it has

# What a provider's class is given; retrying is ours (rag/generators/composer.py).
_OPTIONS: dict[str, dict[str, Any]] = {
    "openai": {"max_retries": 0},
    "anthropic": {"max_retries": 0},
    "ollama": {"num_ctx": CONTEXT, "temperature": 0.0},
}
_LENGTH = {"openai": "max_tokens", "anthropic": "max_tokens", "ollama": "num_predict"}
_ENDINGS = ("finish_reason", "stop_reason", "done_reason")  # in the last piece of an answer
KEYS = {"openai": "OPENAI_API_KEY", "anthropic": "ANTHROPIC_API_KEY"}
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.I)
_SECRET = re.compile(
    r"\b(?:sk|pk|hf|xai|gsk)[-_][\w*.-]{4,}|(?<=Bearer )\S+|(?<=key=)[^&\s]+", re.I
)


class LangChainModel:
    """A chat model of LangChain as the composer wants one.

    One event loop in a thread of its own serves all callers, so that an answer that nobody waits
    for any more is cancelled at once, the connection closed.
    """

    def __init__(self, name: str, model: BaseChatModel, length: str | None = None) -> None:
        """`length` is what the provider calls the most tokens of an answer."""
        self.name = name
        self._model = model
        self._length = length
        told = (getattr(model, "profile", None) or {}).get("max_input_tokens")
        self.context = min(int(told), MOST_CONTEXT) if told else CONTEXT
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def tokens(self, text: str) -> int:
        """A careful guess: three Latin characters a token, one of any other script."""
        narrow = sum(map(str.isascii, text))
        return narrow // 3 + (len(text) - narrow) + 1

    def stream(self, prompt: Prompt, limits: Limits) -> Iterator[str]:
        """The answer piece by piece; raises ModelFailed."""
        relay = Relay()
        running = asyncio.run_coroutine_threadsafe(self._feed(prompt, limits, relay), self._loop)
        return relay.pieces(limits, running.cancel)

    async def _feed(self, prompt: Prompt, limits: Limits, relay: Relay) -> None:
        options: dict[str, Any] = {self._length: limits.tokens} if self._length else {}
        messages = [("system", prompt.system), ("human", prompt.user)]
        stream = self._model.astream(messages, **options)
        begun = ended = False
        try:
            async for chunk in stream:
                text = str(chunk.text)  # text only: thinking stands in blocks of another type
                begun = begun or bool(text)
                ended = ended or any(chunk.response_metadata.get(key) for key in _ENDINGS)
                relay.put(text)
            cut = begun and not ended and self._length is not None  # of a provider that we know
            relay.end(ModelFailed("broken") if cut else None)
        except Exception as error:  # each provider has its own
            relay.end(failure(error, begun=begun))
        finally:
            await stream.aclose()  # type: ignore[attr-defined]

    def close(self) -> None:
        """Stop the loop; what is still being written is cancelled."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(_cancel_others(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()


# -- by name -------------------------------------------------------------------------------------


def chat_model(name: str) -> LangChainModel:
    """The model of this name.

    Raises MissingExtra where the provider's package is not installed, UsageError where the name
    is none, the key is missing or the server does not say which model it has.
    """
    if name.startswith(("http://", "https://")):
        return _server_model(name)
    provider = name.partition(":")[0]
    key = KEYS.get(provider)
    if key and not os.environ.get(key):
        needs_package(provider)
        raise UsageError(f"model {name!r} needs a key: export {key}=...; ask models tells more")
    return _made(name, provider, name, {})


def _server_model(name: str) -> LangChainModel:
    address, _, model = name.partition("#")
    address = address.rstrip("/")
    if not urlsplit(address).hostname:
        raise UsageError(f"model {name!r} is no address; write http://localhost:8000/v1")
    needs_package("openai")
    model = model or _only_model(name, address)
    options = {"base_url": address, "api_key": _server_key(), "temperature": 0.0}
    return _made(f"openai:{model}", "openai", name, options)


def _server_key() -> str:
    return os.environ.get(SERVER_KEY) or "none"


def _only_model(name: str, address: str) -> str:
    found = server_models(address)
    if len(found) == 1:
        return found[0]
    example = f"{address}#{found[0] if found else 'NAME'}"
    told = f"has {len(found)} models" if found else "does not say which models it has"
    raise UsageError(f"the server of model {name!r} {told}: name one, for example {example}")


def server_models(address: str) -> list[str]:
    """The models of a server that speaks OpenAI's protocol; none where it cannot be asked."""
    request = Request(f"{address}/models", headers={"Authorization": f"Bearer {_server_key()}"})
    try:
        with urlopen(request, timeout=_SOON) as reply:
            listed = json.loads(reply.read(1_000_000))["data"]
        return [str(one["id"]) for one in listed]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _made(langchain_name: str, provider: str, name: str, options: dict[str, Any]) -> LangChainModel:
    from langchain.chat_models import init_chat_model

    try:
        options = {**_OPTIONS.get(provider, {}), **options}
        model = init_chat_model(langchain_name, **options)
    except ImportError as error:
        package = re.search(r"pip install (?:-U )?[`'\"]?([\w-]+)", str(error))
        needs = package[1] if package else f"langchain-{provider}"
        raise MissingExtra(f"model {name!r} needs a package: pip install {needs}") from error
    except Exception as error:  # an unknown provider, a missing key, a wrong option
        raise UsageError(f"model {name!r} cannot be used: {told(error)}; see ask models") from error
    return LangChainModel(name, model, _LENGTH.get(provider))


def needs_package(provider: str) -> None:
    """Raise MissingExtra unless the package of a provider that is an extra is installed."""
    from importlib.util import find_spec

    if find_spec(f"langchain_{provider}") is None:
        raise MissingExtra(
            f"models of {provider} need a package: pip install 'ask-docs[{provider}]'"
        )


# -- what goes wrong -----------------------------------------------------------------------------


def failure(error: BaseException, *, begun: bool) -> ModelFailed:
    """An error of whichever library as ours; `begun` says that part of the answer had come."""
    status = _status(error)
    if status in (401, 403):
        return ModelFailed("denied", f"status {status}")
    if status == 429:
        return ModelFailed("busy", "status 429", again=True, wait=_retry_after(error))
    if status is not None:
        return ModelFailed("failed", f"status {status}: {told(error)}", again=status >= 500)
    names = {kind.__name__ for one in _causes(error) for kind in type(one).__mro__}
    if any("Timeout" in one for one in names):
        return ModelFailed("slow", told(error))
    if begun:
        return ModelFailed("broken", told(error))
    if names & {"ConnectError", "APIConnectionError", "ConnectionError", "NetworkError"}:
        return ModelFailed("unreachable", told(error), again=True)
    return ModelFailed("failed", told(error), again=True)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    for _ in range(8):
        if seen is None:
            return
        yield seen
        seen = seen.__cause__ or seen.__context__


def _status(error: BaseException) -> int | None:
    for one in _causes(error):
        found = getattr(one, "status_code", None)
        if isinstance(found, int):
            return found
    return None


def _retry_after(error: BaseException) -> float:
    """Seconds that the server asks to wait, at most ten."""
    for one in _causes(error):
        headers = getattr(getattr(one, "response", None), "headers", None)
        try:
            return max(0.0, min(10.0, float(headers["retry-after"]))) if headers else 0.0
        except (KeyError, ValueError):
            continue
    return 0.0


def told(error: BaseException) -> str:
    """The first line of an error, without keys."""
    line = next(iter(str(error).strip().splitlines()), "")[:300]
    return f"{type(error).__name__}: {without_keys(line)}" if line else type(error).__name__


def without_keys(text: str) -> str:
    """`text` without what the environment keeps secret, and without what looks like a key."""
    for name, value in os.environ.items():
        if len(value) >= 8 and _SECRET_NAME.search(name):
            text = text.replace(value, "***")
    return _SECRET.sub("***", text)
