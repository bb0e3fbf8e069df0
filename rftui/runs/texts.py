"""A run in words for the dashboard: its header, its settings with their origins. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rftui.formats import ASCII_SYMBOLS, SYMBOLS, bar, duration, steps
from rftui.runs.filter import study_of
from rftui.terminal.clean import one_line
from store.runs import RunSummary
from store.states import State, is_live

BAR_WIDTH = 20


def header_text(summary: RunSummary, *, left_s: float | None, width: int, is_ascii: bool) -> str:
    """One line: name, state with reason, progress, time left, which data. What comes last gives way first."""
    symbol = (ASCII_SYMBOLS if is_ascii else SYMBOLS).get(summary.state, "?")
    parts = [f"{symbol} {summary.state}", f"step {steps(summary.step, summary.total_steps)}"]
    live = is_live(State(summary.state))
    if live and summary.total_steps:
        parts.append(bar(summary.step / summary.total_steps, width=BAR_WIDTH, is_ascii=is_ascii))
    if live and left_s is not None:
        parts.append(f"{duration(left_s)} left")
    if summary.started_at and summary.ended_at and not live:
        parts.append(f"took {duration(summary.ended_at - summary.started_at)}")
    text = f"{one_line(summary.name)}  {'  '.join(parts)}"
    data = f"{one_line(summary.source.get('kind', '?'))} data" if summary.source else ""
    study = study_of(summary)
    for aside in (data, f"study {one_line(study)}" if study else ""):
        if aside and len(aside) <= width - len(text) - 2:
            text += f"  {aside}"
    room = width - len(text) - 2
    return f"{text}  {one_line(summary.reason, width=room)}" if summary.reason and room > 8 else text


def own_first(origins: Mapping[str, Any]) -> list[str]:
    """Settings that are not defaults: first those of the user (flag, form, file, clone), then those of the recipe."""
    changed = [key for key, origin in origins.items() if origin != "default"]
    return sorted(changed, key=lambda key: str(origins[key]).startswith("recipe"))


def config_lines(fields: Mapping[str, Any]) -> Iterator[str]:
    """Command, versions and every setting with where it came from; changed settings first."""
    origins = {str(key): str(origin) for key, origin in fields["origins"].items()}
    settings = dict(_flat(fields["config"]))
    changed = own_first({key: origins.get(key, "default") for key in settings})
    if not settings:
        yield "no settings: config.toml of this run cannot be read; `rftui store check` says more"
    if changed:
        yield f"settings that are not defaults ({len(changed)})"
        yield from _setting_lines(changed, settings, origins)
        yield ""
    others = [key for key in settings if key not in changed]
    if others:
        yield f"defaults ({len(others)})"
        yield from _setting_lines(others, settings, origins)
        yield ""
    yield "launched as"
    yield f"  {one_line(' '.join(map(str, fields.get('command') or [])) or 'not recorded')}"
    yield f"  python {one_line(fields.get('python') or 'not recorded')}"
    yield f"  git {_git(fields.get('git'))}"
    yield f"  {one_line(fields.get('directory'))}"
    yield from ["", "versions"]
    for name, version in sorted((fields.get("versions") or {}).items()):
        yield f"  {one_line(name)} {one_line(version)}"
    yield from ["", "hardware", f"  {one_line(json.dumps(fields.get('hardware') or {}))}"]


def _git(git: Any) -> str:
    if not isinstance(git, Mapping):
        return "no repository"
    return one_line(", ".join(f"{key} {value}" for key, value in git.items() if value not in (None, "")))


def _setting_lines(keys: Sequence[str], settings: Mapping[str, Any], origins: Mapping[str, str]) -> Iterator[str]:
    width = max(map(len, keys))
    for key in keys:
        yield f"  {one_line(key):<{width}} = {one_line(json.dumps(settings[key]))}  # {one_line(origins.get(key, '?'))}"


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested tables as dotted names."""
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
