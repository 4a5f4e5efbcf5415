"""Tiny language models, made on the spot: a tokenizer trained on a few lines, a few thousand weights.

Untrained they babble, which is all that most tests need; `taught` overfits one until it writes
given answers to given prompts.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

WITH_SYSTEM = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WITHOUT_SYSTEM = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}"
    "{% endif %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
THINKING = WITH_SYSTEM.replace("assistant\n{% endif %}", "assistant\n<think>\n{% endif %}")

LINES = [
    "`toolkit.fold` folds a sequence of sheets along a new axis. [1]",
    "모든 시트의 크기는 같아야 합니다. [1] 🧻👍🏽",
    "The documents do not answer this. 문서에는 이 질문의 답이 없습니다.",
]


def make(
    folder: Path, kind: str = "llama", template: str | None = WITH_SYSTEM, *, width: int = 32,
    layers: int = 2, context: int = 4096, seed: int = 0,
) -> Path:  # fmt: skip
    """A model of random weights in `folder`, as `from_pretrained` loads it; `kind` is llama or qwen3."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

    torch.set_num_threads(1)  # two threads take longer for products of this size
    tokenizer = _tokenizer(template)
    sizes: dict[str, Any] = {
        "vocab_size": len(tokenizer), "hidden_size": width, "intermediate_size": 2 * width,
        "num_hidden_layers": layers, "num_attention_heads": 2, "num_key_value_heads": 2,
        "max_position_embeddings": context, "eos_token_id": tokenizer.eos_token_id,
        "bos_token_id": None, "pad_token_id": tokenizer.pad_token_id,
    }  # fmt: skip
    torch.manual_seed(seed)
    model: Any
    if kind == "qwen3":
        model = Qwen3ForCausalLM(Qwen3Config(**sizes, head_dim=width // 2))
    else:
        model = LlamaForCausalLM(LlamaConfig(**sizes))
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    return folder


def _tokenizer(template: str | None) -> Any:
    """Bytes and a few merges, so that every Hangul syllable and emoji takes several tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    raw.train_from_iterator(
        LINES[:1],
        trainers.BpeTrainer(
            vocab_size=300, special_tokens=special, show_progress=False,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        ),
    )  # fmt: skip
    made = PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    made.chat_template = template
    return made


def teach(folder: Path, prompts: Sequence[str], answers: Sequence[str], steps: int = 150) -> None:
    """Overfit the model in `folder` until it goes on from each prompt with its answer, greedily."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    model: Any = AutoModelForCausalLM.from_pretrained(folder)
    pairs = []
    for prompt, answer in zip(prompts, answers, strict=True):
        before = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        after = [*tokenizer(answer, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
        pairs.append((torch.tensor([before + after]), torch.tensor([[-100] * len(before) + after])))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    model.train()
    for _ in range(steps):
        worst = 0.0
        for ids, labels in pairs:
            loss = model(input_ids=ids, labels=labels).loss
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            worst = max(worst, float(loss.detach()))
        if worst < 0.01:
            break
    model.eval()
    model.save_pretrained(folder)
