"""What the user has set: a flag wins over the environment, that over the file, that over this.

ASK_INDEX  folder of the index      ASK_CACHE    folder of the vector cache
ASK_FEEDBACK  file of the feedback  ASK_HISTORY  file of the lines typed in conversations
ASK_MODEL  language model           ASK_CONFIG   file of settings: model, strict, timeout,
                                        follow_ups
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import UsageError

APP = "ask-docs"
NO_MODEL = "none"  # as a model's name: quotes only, whatever the environment and the file say


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Which language model writes (None: quotes only), whether only what the documents support is
    shown, and how many seconds its first word may take (None: what suits the model)."""

    model: str | None = None
    strict: bool = True
    timeout: float | None = None


_KINDS: dict[str, tuple[type, ...]] = {
    "model": (str,),
    "strict": (bool,),
    "timeout": (int, float),
    "follow_ups": (bool,),
}


def model_settings(model: str | None = None, strict: bool | None = None) -> ModelSettings:
    """The settings with what the flags say; raises UsageError for a file that cannot be used."""
    file = _settings_file()
    named = (model or os.environ.get("ASK_MODEL") or str(file.get("model", NO_MODEL))).strip()
    told = bool(file.get("strict", True))
    timeout = file.get("timeout")
    return ModelSettings(
        None if named in ("", NO_MODEL) else named,
        told if strict is None else strict,
        None if timeout is None else float(str(timeout)),
    )


def completes_follow_ups(told: bool | None = None) -> bool:
    """Whether a question that leans on those before it is completed: the flag, else the file."""
    return bool(_settings_file().get("follow_ups", True)) if told is None else told


def config_file() -> Path:
    """The file of settings: $ASK_CONFIG, or config.toml in the user's configuration directory."""
    chosen = os.environ.get("ASK_CONFIG")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_config_path

    return user_config_path(APP, appauthor=False) / "config.toml"


def _settings_file() -> dict[str, object]:
    path = config_file()
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"the settings in {path} cannot be read: {error}") from error
    for key, value in found.items():
        if key not in _KINDS:
            raise UsageError(f"{path} sets {key!r}; there are {', '.join(_KINDS)}")
        if not _fits(key, value):
            raise UsageError(f"{path} sets {key} to {value!r}, which it cannot be")
    return found


def _fits(key: str, value: Any) -> bool:
    """Whether a value of the file is of the key's kind; true and false are no numbers."""
    if isinstance(value, bool) != (_KINDS[key] == (bool,)) or not isinstance(value, _KINDS[key]):
        return False
    return key != "timeout" or float(str(value)) > 0


def index_folder() -> Path:
    """The folder of the index: $ASK_INDEX, or the user's data directory."""
    chosen = os.environ.get("ASK_INDEX")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_data_path

    return user_data_path(APP, appauthor=False) / "index"


def cache_file() -> Path:
    """The file of the vector cache: in $ASK_CACHE, or in the user's cache directory."""
    chosen = os.environ.get("ASK_CACHE")
    if chosen:
        return Path(chosen).expanduser() / "vectors.sqlite"
    from platformdirs import user_cache_path

    return user_cache_path(APP, appauthor=False) / "vectors.sqlite"


def history_file() -> Path | None:
    """The file of the lines typed in conversations: $ASK_HISTORY (empty: none is kept), or in
    the user's data directory."""
    chosen = os.environ.get("ASK_HISTORY")
    if chosen is not None:
        return Path(chosen).expanduser() if chosen else None
    from platformdirs import user_data_path

    return user_data_path(APP, appauthor=False) / "history"


def feedback_file() -> Path:
    """The file of what readers thought of answers: $ASK_FEEDBACK, or in the data directory."""
    chosen = os.environ.get("ASK_FEEDBACK")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_data_path

    return user_data_path(APP, appauthor=False) / "feedback.sqlite"
