"""One run in full, for `rftui show`."""

from __future__ import annotations

import json
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from evals.statistics import FEW_FLIPS
from rftui.cli.output import Column, capped, table_lines
from rftui.evaluations.gains import gains
from rftui.formats import duration, interval, number, p_text, steps
from rftui.runs.texts import own_first
from rftui.terminal.clean import one_line
from store.apply_user import PERSON
from store.runs import find_run, open_catalogue, run_detail

if TYPE_CHECKING:
    from store.layout import Home, RunDir
    from store.runs import RunDetail, RunSummary

EVAL_COLUMNS = (
    Column("step", is_right=True),
    Column("prompt", can_shrink=True),
    Column("decoding", can_shrink=True),
    Column("n", is_right=True),
    Column("accuracy"),
    Column("unparsed", is_right=True),
    Column("data", can_shrink=True),
)
GAIN_COLUMNS = (
    Column("prompt", can_shrink=True),
    Column("decoding", can_shrink=True),
    Column("steps"),
    Column("n", is_right=True),
    Column("gain in points"),
    Column("flips"),
    Column("p"),
)
FEW_FLIPPED = (
    f"fewer than {FEW_FLIPS} examples flipped: there the interval is too narrow, go by the p-value (McNemar, exact)"
)
ATTEMPT_COLUMNS = (
    Column("attempt", is_right=True),
    Column("state"),
    Column("steps"),
    Column("took", is_right=True),
    Column("reason", can_shrink=True),
)


NOTES_SHOWN = 20


def summary_fields(summary: RunSummary) -> dict[str, Any]:
    """The fields of `runs --json`; scripts rely on their names."""
    return {
        "name": summary.name,
        "task": summary.task,
        "method": summary.method,
        "model": summary.model,
        "source": summary.source,
        "state": summary.state,
        "reason": summary.reason,
        "step": summary.step,
        "total_steps": summary.total_steps,
        "created_at": summary.created_at,
        "started_at": summary.started_at,
        "ended_at": summary.ended_at,
        "accuracy": summary.accuracy,
        "accuracy_low": summary.accuracy_low,
        "accuracy_high": summary.accuracy_high,
        "reward": summary.reward,
        "tags": list(summary.tags),
    }


def run_fields(home: Home, name: str) -> dict[str, Any]:
    """The fields of `show --json` that are read and not computed."""
    with closing(open_catalogue(home)) as connection:
        summary, detail = find_run(connection, name), run_detail(connection, name)
    return summary_fields(summary) | detail_fields(home.run(name), detail)


def gain_fields(home: Home, name: str) -> dict[str, Any]:
    """What `show --json` adds: last against first evaluation. Apart, since it resamples and costs seconds of CPU."""
    with closing(open_catalogue(home)) as connection:
        detail = run_detail(connection, name)
    return {"gains": [gain._asdict() for gain in gains(home, name, detail.evals)]}


def detail_fields(run_dir: RunDir, detail: RunDetail) -> dict[str, Any]:
    """The fields of `show --json` beyond those of `runs --json`; scripts rely on their names."""
    launch = _launch(run_dir)
    return {
        "evals": [as_fields(item) for item in detail.evals],
        "attempts": [as_fields(item) for item in detail.attempts],
        "counts": as_fields(detail.counts),
        "notes": [as_fields(item) for item in detail.notes],
        "config": _config(run_dir),
        "origins": launch.get("origins", {}),
        "versions": launch.get("versions", {}),
        "directory": str(run_dir.path),
        "forecast": _forecast(run_dir),
        "python": launch.get("python"),
        "command": launch.get("command"),
        "git": launch.get("git"),
        "hardware": launch.get("hardware"),
        "study": launch.get("study"),
    }


def as_fields(value: Any) -> dict[str, Any]:
    """A row of the store as a dictionary."""
    return dict(value) if isinstance(value, dict) else dict(value._asdict())


def _launch(run_dir: RunDir) -> dict[str, Any]:
    try:
        launch = json.loads(run_dir.launch.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # a run that was imported or damaged still shows the rest
        return {}
    return launch if isinstance(launch, dict) else {}


def _forecast(run_dir: RunDir) -> dict[str, Any] | None:
    """What a sampling before training came to; None for other runs, and while it is not done."""
    try:
        forecast = json.loads(run_dir.forecast.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # a damaged one is told of by `rftui suit`; the rest of the run is still shown
        return None
    return forecast if isinstance(forecast, dict) else None


def _forecast_lines(forecast: dict[str, Any], name: str) -> Iterator[str]:
    yield from ["", f"forecast before training (`rftui suit {one_line(name)}` says why)"]
    for verdict in forecast.get("verdicts") or ():
        if isinstance(verdict, dict):
            yield f"  {one_line(verdict.get('about'))}: {one_line(verdict.get('outlook'))}"


def _config(run_dir: RunDir) -> dict[str, Any]:
    try:
        return tomllib.loads(run_dir.config.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # a run that was imported or damaged still shows the rest
        return {}


def detail_lines(fields: dict[str, Any], *, hint: str = "; --json shows all") -> Iterator[str]:
    """One run for people, as clean plain lines; the hint says where the settings are that are left out."""
    reason = f": {fields['reason']}" if fields["reason"] else ""
    yield f"{one_line(fields['name'])}  {fields['state']}{one_line(reason)}"
    yield f"  {one_line(fields['method'])} on {one_line(fields['task'])}, model {one_line(fields['model'])}"
    yield f"  step {steps(fields['step'], fields['total_steps'])}, reward {number(fields['reward'])}, {_times(fields)}"
    yield f"  data: {one_line(source_text(fields['source']))}"
    if fields["tags"]:
        yield f"  tags: {one_line(' '.join(fields['tags']))}"
    if isinstance(fields["study"], dict):
        yield f"  study: {one_line(fields['study'].get('name'))}, its cell {one_line(fields['study'].get('cell'))}"
    yield f"  {one_line(fields['directory'])}"
    if fields["evals"]:
        yield from ["", "evaluations", *evaluation_lines(fields["evals"])]
    if fields.get("gains"):
        title = "what training changed (held out, paired over the same examples, 95% bootstrap interval)"
        yield from ["", title, *_table(GAIN_COLUMNS, map(_gain_row, fields["gains"]))]
        if any(item["is_interval_narrow"] for item in fields["gains"]):
            yield f"  {FEW_FLIPPED}"
    if fields.get("forecast"):
        yield from _forecast_lines(fields["forecast"], fields["name"])
    if fields["attempts"]:
        yield from ["", "attempts", *_table(ATTEMPT_COLUMNS, map(_attempt_row, fields["attempts"]))]
    yield from _note_lines(fields["notes"])
    yield from ["", "counts", "  " + ", ".join(f"{n} {key.replace('_', ' ')}" for key, n in fields["counts"].items())]
    origins = fields["origins"]
    changed = own_first(origins)
    yield from ["", f"settings that are not defaults ({len(changed)}{hint})"]
    for key in changed:
        yield f"  {one_line(key)} = {one_line(json.dumps(_lookup(fields['config'], key)))}  # {one_line(origins[key])}"


def evaluation_lines(evaluations: list[dict[str, Any]]) -> Iterator[str]:
    """Held-out evaluations as a table, and what they left out."""
    yield from _table(EVAL_COLUMNS, map(_eval_row, evaluations))
    if unreadable := max(item["unreadable"] for item in evaluations):
        yield f"  n leaves out {unreadable} examples whose images cannot be read"


def _table(columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> list[str]:
    return table_lines(columns, capped(columns, rows))


def _note_lines(notes: list[dict[str, Any]]) -> Iterator[str]:
    """The latest notes of the run, and all of people; --json has all."""
    by_people = [note for note in notes if note["level"] == PERSON]
    notes = [note for note in notes if note["level"] != PERSON]
    if by_people:
        yield from ["", "notes by people"]
        for note in by_people:
            yield f"  {time.strftime('%Y-%m-%d %H:%M', time.localtime(note['time']))} {one_line(note['text'])}"
    if not notes:
        return
    left_out = len(notes) - NOTES_SHOWN
    yield from ["", f"notes (the last {NOTES_SHOWN} of {len(notes)})" if left_out > 0 else "notes"]
    for note in notes[-NOTES_SHOWN:]:
        at = time.strftime("%H:%M:%S", time.localtime(note["time"]))
        yield f"  {at} {one_line(note['level'])}: {one_line(note['text'])}"


def _lookup(config: dict[str, Any], key: str) -> Any:
    value: Any = config
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def source_name(source: Any) -> str:
    """Kind, and name where it says more: `generated`, `real /data/sat`."""
    if not isinstance(source, dict):
        return str(source)
    kind, name = str(source.get("kind")), str(source.get("name"))
    return kind if kind in name else f"{kind} {name}"


def source_text(source: Any) -> str:
    """Where the data came from, in words."""
    if isinstance(source, dict):
        return f"{source.get('kind')} {source.get('name')} ({source.get('detail')})"
    return str(source or "not known before it starts")


def _times(fields: dict[str, Any]) -> str:
    started, ended = fields["started_at"], fields["ended_at"]
    if started is None:
        return "not started"
    return f"{'took' if ended else 'runs for'} {duration((ended or time.time()) - started)}"


def _eval_row(item: dict[str, Any]) -> list[str]:
    return [
        str(item["step"]),
        str(item["prompt"]),
        str(item["decoding"]),
        str(item["n"]),
        interval(item["accuracy"], item["low"], item["high"]),
        str(item["unparsed"]),
        f"{one_line(source_name(item['source']))} {one_line(item['split'])}",
    ]


def _gain_row(item: dict[str, Any]) -> list[str]:
    points = {name: 100 * item[name] for name in ("gain", "low", "high")}
    return [
        str(item["prompt"]),
        str(item["decoding"]),
        f"{item['from_step']} to {item['to_step']}",
        str(item["n"]),
        f"{points['gain']:+.1f} [{points['low']:+.1f}, {points['high']:+.1f}]",
        f"+{item['gained']} -{item['lost']}",
        p_text(item["p"]),
    ]


def _attempt_row(item: dict[str, Any]) -> list[str]:
    started, ended = item.get("started_at"), item.get("ended_at")
    took = duration((ended or time.time()) - started) if started else "—"
    span = f"{item.get('first_step') or '—'} to {item.get('last_step') or '—'}"
    return [str(item["number"]), str(item["state"]), span, took, str(item.get("reason") or "")]
