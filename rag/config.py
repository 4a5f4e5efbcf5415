"""Where things live on the user's machine. A flag wins over the environment, which wins over this.

ASK_INDEX  folder of the index      ASK_CACHE    folder of the vector cache
ASK_FEEDBACK  file of the feedback  ASK_HISTORY  file of the lines typed in conversations
"""

from __future__ import annotations

import os
from pathlib import Path

APP = "ask-docs"


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
