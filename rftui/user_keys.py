"""The user's own keys: `keys.toml` in the XDG config directory, by the ids of actions. Pure but for reading that file.

```toml
"curves.zoom_in" = "plus,ctrl+up"

[list]
open = ["enter", "o"]
```
"""

from __future__ import annotations

import os
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from rftui.actions import ACTIONS, BY_ID, PLACES
from rftui.key_names import KEY_OF_SIGN, key_name
from rftui.terminal.clean import one_line

MODIFIERS = ("ctrl", "alt", "shift", "super", "meta", "hyper")
NAMED_KEYS = frozenset(
    {"enter", "escape", "tab", "space", "backspace", "delete", "insert", "home", "end", "pageup", "pagedown"}
    | {"up", "down", "left", "right"}
    | {f"f{number}" for number in range(1, 25)}
)
"""Keys that are no sign; the names that Textual gives them."""
PLENTY_BYTES = 1 << 20
"""No keys file is this long; one that is was something else."""


class UserKeys(NamedTuple):
    """What a keys file asks for and what is wrong with it."""

    keymap: dict[str, str]
    """Keys with commas between, by the id of the action; only those that can be had."""
    problems: tuple[str, ...] = ()
    """One sentence each."""


def keys_path() -> Path:
    """Where the user's keys are written."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config").absolute() / "rftui" / "keys.toml"


def read_user_keys(path: Path | None = None) -> UserKeys:
    """The user's keys; what cannot be had is told, and keeps its default."""
    path = path or keys_path()
    try:
        with path.open("rb") as file:
            text = file.read(PLENTY_BYTES).decode("utf-8")
        return parse_user_keys(tomllib.loads(text))
    except FileNotFoundError:
        return UserKeys({})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        return UserKeys({}, (f"{path.name} cannot be read, the default keys are kept: {one_line(error)}",))


def parse_user_keys(content: Mapping[str, Any]) -> UserKeys:
    """Keys out of a parsed file, by `place.name` or by `name` in a table of the place."""
    keymap: dict[str, str] = {}
    problems: list[str] = []
    for name, value in _entries(content):
        if name not in BY_ID:
            problems.append(_unknown(name))
            continue
        try:
            keymap[name] = ",".join(dict.fromkeys(_key(key) for key in _listed(value)))
        except ValueError as error:
            problems.append(f"{name} keeps its keys: {error}")
    problems += _drop_clashes(keymap)
    return UserKeys(keymap, tuple(problems))


def _entries(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", keys) for inner, keys in value.items())
        else:
            yield name, value


def _unknown(name: str) -> str:
    near = get_close_matches(name, BY_ID, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]}?" if near else "; `rftui keys` lists all"
    return f"no action is called {one_line(name, width=60)}{hint}"


def _listed(value: Any) -> list[str]:
    if isinstance(value, str):
        # a comma alone is the key of that sign
        keys = [value] if value == "," else [key.strip() for key in value.split(",")]
    elif isinstance(value, list) and all(isinstance(key, str) for key in value):
        keys = value
    else:
        raise ValueError(f"keys are text such as plus,ctrl+up, and not {one_line(value, width=40)}")
    if not any(keys):
        raise ValueError("no key is given, and an action without one could not be reached")
    return keys


def _key(written: str) -> str:
    """Textual's name of a key. Raises ValueError for what no terminal sends."""
    if len(written) == 1:
        return _last_key(written)
    *modifiers, last = written.split("+")
    if written.endswith("++"):
        # ctrl++ is ctrl with the plus
        modifiers, last = written[:-2].split("+"), "+"
    strange = [modifier for modifier in modifiers if modifier not in MODIFIERS]
    if strange:
        raise ValueError(f"{one_line(strange[0], width=30)} is none of {', '.join(MODIFIERS)}")
    return "+".join([*dict.fromkeys(modifiers), _last_key(last)])


def _last_key(name: str) -> str:
    if name in NAMED_KEYS or name in KEY_OF_SIGN.values():
        return name
    if len(name) == 1 and name in KEY_OF_SIGN:
        return KEY_OF_SIGN[name]
    if len(name) == 1 and name.isalnum():
        return name
    near = get_close_matches(name.lower(), [*NAMED_KEYS, *KEY_OF_SIGN.values()], n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ValueError(f"no key is called {one_line(name, width=30) or 'nothing'}{hint}")


def _drop_clashes(keymap: dict[str, str]) -> list[str]:
    """Takes out of the keymap what would make one key mean two things at one place, and names it."""
    problems = []
    while clash := next(_clashes(keymap), None):
        place, key, names = clash
        mine = [name for name in names if name in keymap]
        problems.append(
            f"{key_name(key)} would mean {' and '.join(names)} at one place ({PLACES[place]}): "
            f"{' and '.join(mine)} {'keeps its' if len(mine) == 1 else 'keep their'} default keys"
        )
        for name in mine:
            del keymap[name]
    return problems


def _clashes(keymap: Mapping[str, str]) -> Iterator[tuple[str, str, list[str]]]:
    """Places and keys with the actions that would share them, where one of these was bound by the user."""
    holders: dict[tuple[str, str], list[str]] = defaultdict(list)
    for action in ACTIONS:
        # what comes before every dialog comes before every place
        places = PLACES if action.is_first else (action.place,)
        for key in keymap.get(action.id, action.keys).split(","):
            for place in places:
                holders[place, key].append(action.id)
    for (place, key), names in holders.items():
        if len(names) > 1 and any(name in keymap for name in names):
            yield place, key, names
