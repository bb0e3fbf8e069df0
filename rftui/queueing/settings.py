"""HOME/queue.toml: how many slots, and when a GPU counts as somebody else's. Every value has a default."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from rftui.errors import UsageProblem
from store.layout import Home

SLOTS_VARIABLE = "RFTUI_SLOTS"
MOST_SLOTS = 4096


@dataclass(frozen=True)
class QueueSettings:
    """What the queue of a home goes by."""

    slots: int
    """Runs without a GPU that train at once; 0 starts none."""
    slots_origin: str
    """Where that number comes from."""
    busy_memory_percent: float = 10.0
    """Above this share of its memory a GPU that no run holds counts as taken: a context alone takes 1 to 3 %."""
    busy_utilization_percent: float = 5.0
    """Above this share of the last second: a desktop's idle GPU stays below."""
    busy_processes: bool = True
    """Whether any computing process makes it taken, however little it does: it may want the memory in a moment."""


_FILE_KEYS = ("slots", "busy_memory_percent", "busy_utilization_percent", "busy_processes")


def queue_toml(home: Home) -> Path:
    """Where the settings are kept."""
    return home.path / "queue.toml"


def cpu_count() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0))


def default_settings() -> QueueSettings:
    """What holds where nothing is written."""
    return QueueSettings(slots=cpu_count(), slots_origin="CPUs that this process may use")


def read_settings(home: Home) -> QueueSettings:
    """$RFTUI_SLOTS before queue.toml before defaults. Raises UsageProblem for values that mean nothing."""
    found = default_settings()
    content = _content(home)
    for key, value in content.items():
        found = replace(found, **{key: _checked(home, key, value)})
    if "slots" in content:
        found = replace(found, slots_origin="queue.toml")
    if text := os.environ.get(SLOTS_VARIABLE):
        if not text.isdecimal() or int(text) > MOST_SLOTS:
            raise UsageProblem(
                f"{SLOTS_VARIABLE}={text} is no number of slots",
                found=text,
                expected=f"a whole number from 0 to {MOST_SLOTS}",
                fix=f"unset {SLOTS_VARIABLE}, or for example {SLOTS_VARIABLE}=2",
            )
        found = replace(found, slots=int(text), slots_origin=f"${SLOTS_VARIABLE}")
    return found


def write_slots(home: Home, slots: int | None) -> None:
    """Keeps a number of slots in queue.toml, or forgets it. Raises UsageProblem or OSError."""
    content = _content(home)
    content.pop("slots", None)
    if slots is not None:
        content["slots"] = _checked(home, "slots", slots)
    # 10 ms that only this command needs
    import tomli_w

    home.path.mkdir(parents=True, exist_ok=True)
    partial = queue_toml(home).with_name(f"queue.toml.{os.getpid()}.tmp")
    partial.write_text(tomli_w.dumps(content), encoding="utf-8")
    os.replace(partial, queue_toml(home))


def _content(home: Home) -> dict[str, Any]:
    path = queue_toml(home)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageProblem(
            f"{path} cannot be read as TOML: {error}", found=str(error), expected="TOML", fix="mend or remove the file"
        ) from error


def _checked(home: Home, key: str, value: Any) -> Any:
    if key not in _FILE_KEYS:
        expected = f"one of {', '.join(_FILE_KEYS)}"
        raise UsageProblem(f"{queue_toml(home)} has {key}", found=key, expected=expected, fix="remove that line")
    kinds = {field.name: field.type for field in fields(QueueSettings)}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if key == "slots":
        is_fit = isinstance(value, int) and is_number and 0 <= value <= MOST_SLOTS
        expected = f"a whole number from 0 to {MOST_SLOTS}"
    elif kinds[key] == "bool":
        is_fit, expected = isinstance(value, bool), "true or false"
    else:
        is_fit, expected = is_number and 0 <= value <= 100, "a number from 0 to 100"
    if not is_fit:
        raise UsageProblem(
            f"{key} = {value!r} means nothing to the queue",
            found=f"{key} = {value!r}",
            expected=expected,
            fix=f"mend {queue_toml(home)}, or `rftui queue slots N`" if key == "slots" else f"mend {queue_toml(home)}",
        )
    return value
