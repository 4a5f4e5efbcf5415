"""Language models on this machine, with transformers; the only file that knows it.

A name is "local:" and a folder or a name of the hub. Weights come as safetensors only and no code
of a model's repository is run. Nothing is reported to the hub unless the user has set
HF_HUB_DISABLE_TELEMETRY=0.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.encoders import first_line
from rag.errors import MissingExtra, ModelFailed, UsageError
from rag.generators.chatmodel import Limits, Prompt, Relay

if TYPE_CHECKING:
    import torch

CONTEXT = 16_384  # more is never filled: small models lose the thread, and memory grows with it
_REPLACED = "\ufffd"


@dataclass(frozen=True, slots=True)
class Device:
    """Where a model runs, in which type of numbers, and why there."""

    name: str
    dtype: torch.dtype
    told: str

    @property
    def options(self) -> dict[str, Any]:
        """What `generate` is given for it.

        On a GPU with ASK_COMPILE=1 the cache is static, so that transformers compiles the decoding:
        that takes up to a minute at the first answer, and pays for a server, not for one question.
        """
        compiled = self.name == "cuda" and os.environ.get("ASK_COMPILE") == "1"
        return {"cache_implementation": "static"} if compiled else {}

    @property
    def attention(self) -> str | None:
        """The implementation of attention: FlashAttention where it is installed for a GPU, else
        what transformers takes for the model, which is PyTorch's own kernel where it has one."""
        flash = self.name == "cuda" and find_spec("flash_attn") is not None
        return "flash_attention_2" if flash else None


def choose_device() -> Device:
    """The device and the type of numbers for a model on this machine, with the reason.

    ASK_DEVICE names one instead (cpu, cuda, mps).
    """
    import torch

    wanted = os.environ.get("ASK_DEVICE", "")
    mps = torch.backends.mps.is_available()
    if wanted not in ("", "cpu", "cuda", "mps"):
        raise UsageError(f"ASK_DEVICE is {wanted!r}; it can be cpu, cuda or mps")
    if (wanted == "cuda" and not torch.cuda.is_available()) or (wanted == "mps" and not mps):
        raise UsageError(f"ASK_DEVICE is {wanted!r}, and torch finds none; unset it")
    if wanted not in ("cpu", "mps") and torch.cuda.is_available():
        name = torch.cuda.get_device_name(0)
        if torch.cuda.is_bf16_supported():
            return Device(
                "cuda", torch.bfloat16, f"cuda ({name}), bfloat16: the GPU computes in it"
            )
        return Device("cuda", torch.float16, f"cuda ({name}), float16: it has no bfloat16")
    if wanted != "cpu" and mps:
        return Device("mps", torch.float16, "mps, float16: half the memory, and fast there")
    if _bf16_cpu():
        return Device("cpu", torch.bfloat16, "cpu, bfloat16: no GPU, and this CPU computes in it")
    return Device("cpu", torch.float32, "cpu, float32: no GPU, and bfloat16 is slow on this CPU")


def _bf16_cpu() -> bool:
    """Whether the CPU multiplies bfloat16 in hardware."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return " amx_bf16" in flags or " avx512_bf16" in flags


class LocalModel:
    """A causal language model with a chat template. One answer is written at a time."""

    def __init__(self, name: str, device: Device | None = None) -> None:
        """Load "local:NAME"; raises MissingExtra, and UsageError where it cannot be loaded."""
        os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
        try:
            from transformers import AutoModelForCausalLM, AutoTokenizer
            from transformers.utils import logging
        except ImportError as error:
            raise MissingExtra(
                f"model {name!r} needs packages: pip install transformers torch"
            ) from error
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        self.name = name
        self.device = device or choose_device()
        place = os.path.expanduser(name.partition(":")[2])  # noqa: PTH111 - a name of the hub is no path
        safe: dict[str, Any] = {
            "trust_remote_code": False, "local_files_only": Path(place).is_dir(),
        }  # fmt: skip
        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(place, **safe)
            model: Any = AutoModelForCausalLM.from_pretrained(
                place, dtype=self.device.dtype, use_safetensors=True, attn_implementation=self.device.attention,
                **safe,
            )  # fmt: skip
            self._model = model.to(self.device.name).eval()
        except Exception as error:  # missing, unreachable, broken, too large: all foreign types
            raise _not_loaded(name, error) from error
        if not self._tokenizer.chat_template:
            raise UsageError(f"model {name!r} has no chat template; name a model made for chats")
        self.context = min(
            int(getattr(self._model.config, "max_position_embeddings", CONTEXT)), CONTEXT
        )
        self._own_marks = _own_marks(self._tokenizer)
        self._turn = threading.Lock()

    def tokens(self, text: str) -> int:
        """By the model's own tokenizer."""
        return len(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def stream(self, prompt: Prompt, limits: Limits) -> Iterator[str]:
        """The answer piece by piece; raises ModelFailed. Closing it stops the model at the next token."""
        relay, stopped = Relay(), threading.Event()
        threading.Thread(
            target=self._feed, args=(prompt, limits, relay, stopped), daemon=True
        ).start()
        return relay.pieces(limits, stopped.set)

    def _feed(self, prompt: Prompt, limits: Limits, relay: Relay, stopped: threading.Event) -> None:
        try:
            with self._turn:
                if not stopped.is_set():
                    self._generate(prompt, limits, relay, stopped)
            relay.end()
        except Exception as error:
            relay.end(self._failure(error))

    def _generate(
        self, prompt: Prompt, limits: Limits, relay: Relay, stopped: threading.Event
    ) -> None:
        import torch
        from transformers import StoppingCriteriaList

        text = self.chat(prompt)
        encoded = self._tokenizer(text, return_tensors="pt", add_special_tokens=False)
        encoded = encoded.to(self.device.name)
        length = encoded["input_ids"].shape[1]
        room = min(limits.tokens, self.context - length)
        if room <= 0:
            raise ModelFailed("failed", f"the prompt has {length} tokens, of {self.context}")
        if text.rstrip().endswith("<think>"):  # the template has opened the thoughts
            relay.put("<think>")
        words = Words(self._tokenizer, relay)
        with torch.inference_mode():
            self._model.generate(
                **encoded, max_new_tokens=room, do_sample=False, temperature=None, top_p=None,
                top_k=None, streamer=words, stopping_criteria=StoppingCriteriaList([_Stop(stopped)]),
                pad_token_id=self._pad(), **self.device.options,
            )  # fmt: skip
        words.end()

    def _pad(self) -> int | None:
        found: int | None = self._tokenizer.pad_token_id
        return self._tokenizer.eos_token_id if found is None else found

    def chat(self, prompt: Prompt) -> str:
        """The prompt in the model's template; the rules go before the question where it has no
        system role. What looks like the template's own marks is broken in both."""
        system, user = self._harmless(prompt.system), self._harmless(prompt.user)
        both = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        one = [{"role": "user", "content": f"{system}\n\n{user}"}]
        plain: dict[str, Any] = {"tokenize": False, "add_generation_prompt": True}
        try:
            made = str(self._tokenizer.apply_chat_template(both, **plain, enable_thinking=False))
            if system in made:
                return made
        except Exception:  # jinja2 raises what the template says: there is no system role
            pass
        return str(self._tokenizer.apply_chat_template(one, **plain, enable_thinking=False))

    def _harmless(self, text: str) -> str:
        for mark in self._own_marks:
            text = text.replace(mark, f"{mark[0]} {mark[1:]}")
        return text

    def _failure(self, error: Exception) -> ModelFailed:
        if isinstance(error, ModelFailed):
            return error
        if is_out_of_memory(error):
            return ModelFailed("memory", f"{self.device.told}; name a smaller model")
        return ModelFailed("failed", f"{type(error).__name__}: {first_line(error)}")

    def close(self) -> None:
        """Let go of the weights once the answer that is being written has ended."""
        with self._turn:
            self._model = None
        if self.device.name == "cuda":
            import torch

            torch.cuda.empty_cache()


class Words:
    """A streamer: tokens in, text out, never a part of a letter.

    A token may be a part of a Hangul syllable or an emoji; its text then ends in a replacement
    character and waits for the next. What is decoded begins at the last place that was whole, so
    that the cost of a token does not grow with the answer.
    """

    def __init__(self, tokenizer: Any, relay: Relay) -> None:
        self._tokenizer, self._relay = tokenizer, relay
        self._ids: list[int] = []
        self._shown = 0  # characters of the decoded ids that were handed on
        self._prompt = True

    def put(self, value: Any) -> None:
        """Take the prompt first, then token after token, as `generate` gives them."""
        if self._prompt:
            self._prompt = False
            return
        self._ids.extend(int(one) for one in value.reshape(-1).tolist())
        text = self._text()
        if text.endswith(_REPLACED):
            return
        self._relay.put(text[self._shown :])
        self._shown = len(text)
        if text.endswith("\n"):  # a line is whole: what follows is decoded behind its end only
            self._ids = self._ids[-1:]
            self._shown = len(self._text())

    def end(self) -> None:
        """Hand on what waits; `generate` calls it too."""
        text = self._text().rstrip(_REPLACED)
        self._relay.put(text[self._shown :])
        self._ids, self._shown = [], 0

    def _text(self) -> str:
        return str(
            self._tokenizer.decode(
                self._ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
            )
        )


class _Stop:
    """A stopping criterion: whether nobody waits for the answer any more."""

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped

    def __call__(self, ids: Any, scores: Any, **more: Any) -> Any:
        import torch

        return torch.full((ids.shape[0],), self._stopped.is_set(), device=ids.device)


def _own_marks(tokenizer: Any) -> tuple[str, ...]:
    """The marks of the tokenizer that a document must not be able to write: <|im_start|>, </s>."""
    added = (str(token) for token in tokenizer.get_added_vocab())
    marks = {*map(str, tokenizer.all_special_tokens), *added}
    return tuple(sorted((m for m in marks if len(m.strip()) > 1), key=len, reverse=True))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device or the machine had no memory left."""
    told = f"{type(error).__name__} {error}".lower()
    return (
        isinstance(error, MemoryError)
        or "outofmemory" in told
        or "out of memory" in told
        or ("allocate memory" in told)
    )


def _not_loaded(name: str, error: Exception) -> UsageError:
    if is_out_of_memory(error):
        return UsageError(f"there is not enough memory for model {name!r}: name a smaller one")
    return UsageError(
        f"model {name!r} cannot be loaded: {first_line(error)}; give a folder with safetensors, "
        "or the name of a model on the hub"
    )
