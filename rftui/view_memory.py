"""How a person left the dashboard: small JSON values by key, one file a home, in the XDG state directory.

Never in the home of runs: that holds facts, may be somebody else's, and may be mounted read-only.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import tempfile
from pathlib import Path
from threading import Lock
from typing import Any

from store.layout import Home

logger = logging.getLogger(__name__)

_lock = Lock()
"""Reading, changing and replacing a file is one act within a process; between two, the later one wins."""


def state_dir() -> Path:
    """Where rftui keeps what it may forget: logs of the dashboard and views."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state").absolute() / "rftui"


def recall(home: Home | None, key: str) -> Any:
    """The JSON value remembered under `key`, None where there is none.

    Without a home, what is remembered for this user whatever the home, such as the theme. A value comes from a file
    that anybody could have edited: the caller checks its form.
    """
    with _lock:
        return _read(_file_of(home)).get(key)


def remember(home: Home | None, key: str, value: Any) -> None:
    """Remembers a JSON value under `key`; None forgets it. Where it cannot be written the log says so, nobody else."""
    path = _file_of(home)
    with _lock:
        values = _read(path)
        if values.get(key) == value:
            return
        values["home"] = str(home.path) if home is not None else None
        values[key] = value
        try:
            _replace(path, json.dumps({name: kept for name, kept in values.items() if kept is not None}, indent=1))
        except (OSError, TypeError, ValueError) as error:
            # a view that is forgotten costs a few keys, and must never cost the dashboard
            logger.warning("%s cannot be written: %s", path, error)


def _file_of(home: Home | None) -> Path:
    if home is None:
        return state_dir() / "user.json"
    digest = hashlib.sha256(str(home.path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    return state_dir() / "views" / f"{digest[:16]}.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        logger.warning("%s is ignored: %s", path, error)
        return {}
    if not isinstance(values, dict):
        logger.warning("%s is ignored: it holds no object", path)
        return {}
    return values


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise
