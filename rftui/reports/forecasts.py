"""What `rftui suit` said of a study before training, beside what then happened, right or wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from evals.forecast import Outlook
from rftui.reports.findings import Answer, Effect, Question, Verdict
from rftui.reports.measured import Measured, Place, Role
from rftui.studies.places import StudyPlace
from rftui.terminal.clean import one_line

ABOUT = {
    "sft": ("SFT", Question.SFT),
    "grpo": ("GRPO", Question.OVER_BASE),
    "length": ("the length reward", Question.LONGER),
    "thinking": ("thinking, of the untrained model", Question.THINKING),
}
"""What a verdict is about, in words, and the question that measures it."""
SAYS = {
    Outlook.ROOM: {
        Verdict.HIGHER: "gained, where there was room",
        Verdict.LOWER: "lost, although there was room to gain",
        Verdict.UNDECIDED: "no gain shown, although there was room",
    },
    Outlook.LITTLE: {
        Verdict.HIGHER: "gained, against the forecast",
        Verdict.LOWER: "lost; the forecast was little to gain",
        Verdict.UNDECIDED: "no gain shown, as forecast",
    },
    Outlook.NO_SIGNAL: {
        Verdict.HIGHER: "gained, against the forecast",
        Verdict.LOWER: "lost; the forecast was no signal",
        Verdict.UNDECIDED: "no gain shown, as forecast",
    },
    Outlook.FOR: {
        Verdict.HIGHER: "as forecast",
        Verdict.LOWER: "against the forecast",
        Verdict.UNDECIDED: "not told apart: neither for the forecast nor against it",
    },
    Outlook.AGAINST: {
        Verdict.HIGHER: "against the forecast",
        Verdict.LOWER: "as forecast",
        Verdict.UNDECIDED: "not told apart: neither for the forecast nor against it",
    },
}
"""How a forecast came out, by what was said and what the test says."""
NOTHING_SAID = "the forecast left it open"


class Foreseen(NamedTuple):
    """One verdict of a forecast, and what was measured of it at one place."""

    place: str
    about: str
    """In words."""
    outlook: str
    predicted: float | None
    """What the gain is held against, as a share: see docs/suitability.md; None where nothing was."""
    sentences: tuple[str, ...]
    happened: Effect | None
    came_out: str
    """How it came out; why it cannot be said where nothing was measured."""


class Made(NamedTuple):
    """The forecast of one task."""

    task: str
    made_at: float | None
    """Seconds since 1970."""
    rules: str
    """Version of the rules."""
    commit: str
    was_before: bool | None
    """Whether it was made before the first of the task's training runs started; None where that is not known."""
    rows: tuple[Foreseen, ...]


class Forecasts(NamedTuple):
    """What was forecast of a study."""

    made: tuple[Made, ...]
    absent: tuple[str, ...]
    """Tasks of which nothing was."""
    problems: tuple[str, ...]
    """Files that could not be read, and why."""


def read_forecasts(place: StudyPlace, measured: Measured, answers: Sequence[Answer]) -> Forecasts:
    """The forecasts in a study's folder, each beside what was measured."""
    made: list[Made] = []
    absent: list[str] = []
    problems: list[str] = []
    for task in measured.study.tasks:
        path = place.forecast(task.name)
        try:
            record = _record(path)
        except (OSError, ValueError) as error:
            problems.append(f"{path.name}: {one_line(error, width=160)}")
            continue
        if record is None:
            absent.append(task.name)
            continue
        places = [each for each in measured.places if each.task == task.name and _is_of(record, each)]
        rows = [row for each in places for row in _rows(record, each, answers)]
        when = _number(record.get("made_at"))
        made.append(
            Made(
                task=task.name,
                made_at=when,
                rules=one_line(record.get("rules", "unknown"), width=20),
                commit=one_line(record.get("commit") or "", width=60),
                was_before=_was_before(when, places),
                rows=tuple(rows),
            )
        )
    return Forecasts(tuple(made), tuple(absent), tuple(problems))


def _record(path: Path) -> Mapping[str, Any] | None:
    """What a forecast's file says; None where there is none. Raises OSError and ValueError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    record = json.loads(text)
    if not isinstance(record, dict) or not isinstance(record.get("verdicts"), list):
        raise ValueError("found no verdicts; expected a forecast as `rftui suit --study` writes it")
    return record


def _is_of(record: Mapping[str, Any], place: Place) -> bool:
    """Whether it is about this place: a task of several difficulties was sampled at one of them."""
    settings = record.get("settings")
    sampled = _number(settings.get("difficulty")) if isinstance(settings, dict) else None
    return None in (place.difficulty, sampled) or place.difficulty == sampled


def _rows(record: Mapping[str, Any], place: Place, answers: Sequence[Answer]) -> list[Foreseen]:
    predicted = record.get("predicted")
    shares = predicted if isinstance(predicted, dict) else {}
    rows = []
    for item in record["verdicts"]:
        if not isinstance(item, dict) or item.get("about") not in ABOUT:
            continue
        about, question = ABOUT[item["about"]]
        happened = _happened(answers, place, question, mode=str(item.get("mode")))
        outlook = one_line(item.get("outlook", ""), width=40)
        said = item.get("sentences")
        rows.append(
            Foreseen(
                place=place.title,
                about=about,
                outlook=outlook,
                predicted=_number(shares.get(item["about"])),
                sentences=tuple(one_line(each) for each in said) if isinstance(said, list) else (),
                happened=happened,
                came_out=_came_out(outlook, happened),
            )
        )
    return rows


def _happened(answers: Sequence[Answer], place: Place, question: Question, *, mode: str) -> Effect | None:
    """The effect that a verdict is about: under its own prompt, of the first way of its role."""
    effects = [
        effect
        for answer in answers
        if answer.question is question
        for effect in answer.effects
        if effect.contrast.place is place
    ]
    if question is Question.THINKING:
        effects = [effect for effect in effects if effect.contrast.after.role is Role.BASE]
        return next(iter(effects), None)
    return next((effect for effect in effects if effect.contrast.after_prompt == mode), None)


def _came_out(outlook: str, happened: Effect | None) -> str:
    if happened is None:
        return "not measured"
    try:
        said = SAYS.get(Outlook(outlook))
    except ValueError:
        said = None
    return NOTHING_SAID if said is None else said[happened.verdict]


def _was_before(when: float | None, places: Sequence[Place]) -> bool | None:
    starts = [
        cell.started_at
        for place in places
        for way in place.ways
        if way.is_trained
        for cell in way.cells
        if cell.started_at is not None
    ]
    return None if when is None or not starts else when < min(starts)


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number else None
