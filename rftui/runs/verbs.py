"""What the dashboard does to runs: what is asked before, and the doing, by the same functions as the commands."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from rftui.formats import duration, steps
from store.layout import Home
from store.runs import RunSummary
from store.states import State, is_live


class Verb(StrEnum):
    """What is done to runs that are there."""

    STOP = "stop"
    """Save at the next step boundary and end."""
    KILL = "kill"
    """End at once."""
    RESUME = "resume"
    """Go on after the newest complete checkpoint."""
    DELETE = "delete"
    """Into the trash."""
    UNDO = "undo"
    """Out of the trash."""


class Question(NamedTuple):
    """A dialog before something is changed."""

    title: str
    lines: tuple[str, ...]
    """The runs with state and step, and what else should be known."""
    sentence: str
    """What will happen."""
    command: str
    """The same on the command line; empty where there is none."""
    yes: str
    """The word on the button."""
    is_default_yes: bool
    """Whether enter alone confirms."""
    names: tuple[str, ...] = ()
    """The runs that it is about."""


class Refusal(NamedTuple):
    """Why there is nothing to ask."""

    sentence: str


def act(home: Home, verb: Verb, name: str) -> str:
    """Does it to one run, and says what was done. Raises RftuiError, StoreError or OSError."""
    # the supervisor's parts cost 0.1 s, which the first frame of the dashboard should not pay
    from rftui.runs.reads import current_run
    from rftui.supervision.resuming import resume_run
    from rftui.supervision.steering import ask_to_stop, kill, killed_sentence
    from rftui.supervision.trash import restore, throw_away

    if verb is Verb.UNDO:
        return f"{restore(home, name)} is back"
    # what is recorded is made true first: a trainer that lost its supervisor gets one
    run_dir = home.run(current_run(home, name).name)
    match verb:
        case Verb.STOP:
            return ask_to_stop(run_dir)
        case Verb.KILL:
            killed = kill(home, run_dir)
            state = killed.end.state or "still ending"
            return f"{killed_sentence(killed.pids)}; {name} is {state}"
        case Verb.RESUME:
            return resume_run(run_dir, ()).sentence
        case Verb.DELETE:
            return f"{throw_away(home, name)} is in the trash; U brings it back"


class _Wording(NamedTuple):
    """How one verb is asked about."""

    title: str
    one: str
    several: str
    evaluations: str
    """In the place of both where all only evaluate or sample, and have no checkpoints."""
    command: str
    is_default_yes: bool


_WORDINGS = {
    Verb.STOP: _Wording(
        "Stop",
        "It finishes its step, saves a checkpoint and ends; R resumes it.",
        "Each finishes its step, saves a checkpoint and ends; R resumes them.",
        "Ends after the batch being answered; R goes on with the answers that are there.",
        "rftui stop",
        True,
    ),
    Verb.KILL: _Wording(
        "Kill",
        "Its processes end at once by SIGKILL; steps since its last checkpoint are lost.",
        "Their processes end at once by SIGKILL; steps since their last checkpoints are lost.",
        "Ends at once by SIGKILL; the batch being answered is lost, R goes on with the answers that are there.",
        "rftui kill",
        False,
    ),
    Verb.RESUME: _Wording(
        "Resume",
        "It goes on as a new attempt after its newest complete checkpoint, or from step 1 where it has none.",
        "Each goes on as a new attempt after its newest complete checkpoint, or from step 1 where it has none; "
        "evaluations keep their answers.",
        "Goes on as a new attempt with the answers that are there.",
        "rftui resume",
        True,
    ),
    Verb.DELETE: _Wording(
        "Delete",
        "It goes to the trash with its checkpoints and rollouts; U brings it back.",
        "They go to the trash with their checkpoints and rollouts; U brings them back one by one.",
        "To the trash with its answers; U brings it back, one by one where there are several.",
        "rftui rm",
        False,
    ),
}
MOST_NAMED = 8
"""Runs that a dialog names one by one; the rest is counted."""


def question(verb: Verb, summaries: Sequence[RunSummary]) -> Question | Refusal:
    """What to ask about these runs; a refusal where the verb fits none of them."""
    reasons = {summary.name: reason for summary in summaries if (reason := refusal(verb, summary))}
    fitting = [summary for summary in summaries if summary.name not in reasons]
    if not fitting:
        return Refusal("; ".join(list(reasons.values())[:MOST_NAMED]) or "no run is selected")
    wording = _WORDINGS[verb]
    is_one = len(fitting) == 1
    named = fitting[:MOST_NAMED]
    lines = [f"{item.name}  {_where(item)}" for item in named]
    if len(fitting) > len(named):
        lines.append(f"and {len(fitting) - len(named)} more")
    lines += [f"left out: {reason}" for reason in list(reasons.values())[:MOST_NAMED]]
    commands = [f"{wording.command} {shlex.quote(item.name)}" for item in fitting]
    return Question(
        title=f"{wording.title} {fitting[0].name}?" if is_one else f"{wording.title} {len(fitting)} runs?",
        lines=tuple(lines),
        sentence=_sentence(verb, fitting),
        command="; ".join(commands),
        yes=verb.value,
        is_default_yes=wording.is_default_yes,
        names=tuple(item.name for item in fitting),
    )


OUT_OF_QUEUE = "Taken out of the queue; R queues it again."
"""What stop and kill do to a run that waits for its turn."""


def _sentence(verb: Verb, fitting: Sequence[RunSummary]) -> str:
    wording = _WORDINGS[verb]
    running = [item for item in fitting if item.state != State.QUEUED]
    if verb in (Verb.STOP, Verb.KILL) and len(running) < len(fitting):
        if not running:
            return OUT_OF_QUEUE
        return f"{_sentence(verb, running)} Those that are queued: {OUT_OF_QUEUE[0].lower()}{OUT_OF_QUEUE[1:]}"
    if all(item.method in ("eval", "suit") for item in fitting):
        return wording.evaluations
    return wording.one if len(fitting) == 1 else wording.several


def _where(item: RunSummary) -> str:
    if item.method == "eval":
        return f"{item.state}, an evaluation"
    return f"{item.state}, step {steps(item.step, item.total_steps)}"


def refusal(verb: Verb, summary: RunSummary) -> str:
    """Why a verb does not fit a run in its state; empty where it does."""
    name, state = summary.name, summary.state
    live = is_live(state)
    if verb in (Verb.STOP, Verb.KILL) and not live:
        return f"{name} is {state}, so there is nothing to {verb}"
    if verb is Verb.STOP and state == State.STOPPING:
        return f"{name} is stopping already; K kills it"
    if verb is Verb.RESUME and live:
        return f"{name} is {state}, so there is nothing to resume"
    if verb is Verb.RESUME and state == State.FINISHED and summary.method in ("eval", "suit"):
        did = "evaluation" if summary.method == "eval" else "sampling"
        return f"{name} finished its {did}; `rftui {summary.method}` makes another one"
    if verb is Verb.RESUME and state == State.FINISHED:
        more = f"rftui resume {shlex.quote(name)} --set max_steps={2 * max(1, summary.total_steps)}"
        return f"{name} finished all its {summary.total_steps} steps; `{more}` trains it further"
    if verb is Verb.DELETE and live:
        return f"{name} is {state}: stop it first (S)"
    return ""


def undo_question(home: Home, *, now: float | None = None) -> Question | Refusal:
    """What to ask before the last run that was thrown away comes back."""
    # see act
    from rftui.supervision.trash import trashed

    thrown = trashed(home)
    if not thrown:
        return Refusal("the trash is empty: there is no delete to undo")
    last = thrown[-1]
    age = duration((time.time() if now is None else now) - last.time)
    return Question(
        title=f"Bring {last.name} back?",
        lines=(f"{last.name}  deleted {age} ago", *([f"{len(thrown)} runs are in the trash"] if thrown[1:] else [])),
        sentence="It comes back from the trash with everything that it had.",
        command=f"rftui rm {shlex.quote(last.name)} --undo",
        yes="bring back",
        is_default_yes=True,
        names=(last.name,),
    )
