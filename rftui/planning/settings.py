"""Makes one run configuration from defaults, recipe, file, --set and flags, and remembers the origin of each value."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rftui.errors import UsageProblem
from store.config import RunConfig, known_keys, parse_config, unknown_key_message

DEFAULT_ORIGIN = "default"


class Layer(NamedTuple):
    """Settings from one place."""

    origin: str
    values: Mapping[str, Any]
    """By dotted key."""


class Resolved(NamedTuple):
    """A configuration and the origin of every value in it."""

    config: RunConfig
    origins: dict[str, str]
    """By dotted key."""


def flatten(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested tables as dotted keys; an empty table stands for itself."""
    for key, value in settings.items():
        if isinstance(value, Mapping) and value:
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def nest(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as nested tables."""
    nested: dict[str, Any] = {}
    for key, value in settings.items():
        *tables, last = key.split(".")
        place = nested
        for table in tables:
            place = place.setdefault(table, {})
        place[last] = value
    return nested


def table_layer(origin: str, settings: Mapping[str, Any]) -> Layer:
    """A layer from nested tables, such as a recipe's or a file's. Raises UsageProblem for unknown keys."""
    layer = Layer(origin, dict(flatten(settings)))
    for key in layer.values:
        _check_key(key, origin)
    return layer


def file_layer(path: Path) -> Layer:
    """A layer from a TOML file."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageProblem(
            f"cannot read the settings in {path}",
            found=str(error),
            expected="a TOML file of settings",
            fix="name another file with --config, or correct this one",
        ) from error
    return table_layer(f"config file {path}", content)


def set_layer(assignments: Sequence[str]) -> Layer:
    """A layer from `key=value` texts; values are TOML, and text needs no quotes."""
    values: dict[str, Any] = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        key = key.strip()
        if not equals:
            raise UsageProblem(
                f"--set {assignment} assigns nothing",
                found=assignment,
                expected="key=value",
                fix="for example --set learning_rate=1e-6",
            )
        _check_key(key, "--set")
        values[key] = _parse_value(key, text.strip())
    return Layer("--set", values)


def _parse_value(key: str, text: str) -> Any:
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
    field = RunConfig.model_fields.get(key)
    # a name such as 12 or true is text where text is wanted
    return text if field is not None and field.annotation is str and not isinstance(value, str) else value


def _check_key(key: str, origin: str) -> None:
    known = known_keys()
    is_reward = key.startswith("rewards.") and (
        (key.count(".") == 2 and key.endswith((".weight", ".function", ".params"))) or key.split(".")[2:3] == ["params"]
    )
    is_option = key.startswith("task_options.") and key.count(".") == 1
    if key in known or is_reward or is_option or (key.startswith("rewards.") and key.count(".") == 1):
        return
    message = unknown_key_message(key)
    nearest = message.partition("; did you mean ")[2].rstrip("?")
    raise UsageProblem(
        f"{message} (from {origin})",
        found=key,
        expected="a setting of the run configuration",
        fix=f"write {nearest}" if nearest else "`rftui launch grpo --dry-run` lists every setting",
    )


class Setting(NamedTuple):
    """A value that was not checked, and where it comes from."""

    value: Any
    origin: str


def merge(layers: Sequence[Layer]) -> dict[str, Setting]:
    """What the layers make on top of the defaults, by dotted key, unchecked; later layers win.

    A recipe's or file's reward list replaces the one below it; --set and flags change single rewards.
    """
    merged = {key: Setting(value, DEFAULT_ORIGIN) for key, value in flatten(default_settings())}
    for layer in layers:
        if layer.origin.startswith(("recipe", "config file", "run ")) and any(
            key.startswith("rewards.") for key in layer.values
        ):
            merged = {key: value for key, value in merged.items() if not key.startswith("rewards.")}
        for key, value in layer.values.items():
            # a table that was empty until now stands as a key of its own
            merged.pop(key.rpartition(".")[0], None)
            merged[key] = Setting(value, layer.origin)
    return merged


def resolve(layers: Sequence[Layer]) -> Resolved:
    """The configuration that the layers make on top of the defaults. Raises RunConfigError."""
    merged = merge(layers)
    config = parse_config(nest({key: setting.value for key, setting in merged.items()}))
    return Resolved(config, {key: setting.origin for key, setting in merged.items()})


def default_settings() -> dict[str, Any]:
    """Every setting's default, nested; the name, which has none, is left out."""
    settings = RunConfig(name="defaults").model_dump(mode="json")
    del settings["name"]
    return settings
