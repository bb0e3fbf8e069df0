"""Shows a live run until it ends: a progress line on a terminal, plain lines elsewhere. Ctrl-C leaves the run going."""

from __future__ import annotations

import sys
import time

import typer

from rftui.cli.output import console, is_ascii, is_terminal, narrate, print_json, say
from rftui.formats import duration, fraction, number, steps
from rftui.supervision.follower import Follower, Glance, LogTail
from rftui.terminal.clean import one_line
from store.layout import RunDir

POLL_S = 0.5
PLAIN_EVERY_S = 5.0
INTERRUPTED = 130
BAR_FITS = 110
"""Columns from which a progress bar fits beside the numbers."""


def wait_for_end(run_dir: RunDir) -> str:
    """The final state, once there is one."""
    follower = Follower(run_dir)
    try:
        while not (seen := follower.look()).has_ended:
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        raise _left_going(run_dir) from None
    _say_end(seen)
    return seen.state


def follow_run(run_dir: RunDir, *, log: LogTail | None = None) -> str:
    """Shows the run until it ends, with its log above where one is given, and returns the final state."""
    narrate(f"following {run_dir.name}: Ctrl-C leaves the run going")
    follower = Follower(run_dir)
    try:
        seen = _follow_rich(follower, log) if is_terminal() else _follow_plain(follower, log)
    except KeyboardInterrupt:
        raise _left_going(run_dir) from None
    _say_end(seen)
    return seen.state


def follow_json(run_dir: RunDir, log: LogTail) -> None:
    """One JSON object a log line until the run ends."""
    follower = Follower(run_dir)
    try:
        while True:
            seen = follower.look()
            for line in log.read():
                print_json({"line": line})
            if seen.has_ended:
                break
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    rest = log.rest()
    if rest:
        print_json({"line": rest})


def _left_going(run_dir: RunDir) -> typer.Exit:
    name = run_dir.name
    narrate(f"\n{name} goes on. `rftui logs -f {name}` follows it again, `rftui stop {name}` ends it in order.")
    return typer.Exit(INTERRUPTED)


def _say_end(seen: Glance) -> None:
    reason = f": {seen.reason}" if seen.reason else ""
    at = f" at step {steps(seen.step, seen.total_steps)}" if seen.total_steps else ""
    narrate(f"{seen.name} {seen.state}{at}{reason}")


def describe(seen: Glance) -> str:
    """One line: `sat-grpo-1 running  12/140  reward 1.31  accuracy .583 (step 0)  length 31  4m02s left`."""
    if seen.state == "queued":
        return f"{seen.name} queued: {seen.reason}"
    parts = [f"{seen.name} {seen.state}", steps(seen.step, seen.total_steps), *measures(seen)]
    return "  ".join(parts)


def _tells(seen: Glance) -> bool:
    """Whether there is anything to say: a run that was queued a moment ago has no reason yet."""
    return seen.state != "queued" or bool(seen.reason)


def measures(seen: Glance, *, is_short: bool = False) -> list[str]:
    """The numbers of a progress line, those that there are; short ones fit 80 columns with any name of a run."""
    parts = []
    if seen.reward is not None:
        parts.append(f"reward {number(seen.reward, digits=3)}")
    elif seen.loss is not None:
        parts.append(f"loss {number(seen.loss, digits=3)}")
    if seen.accuracy is not None:
        parts.append(
            f"acc {fraction(seen.accuracy)}"
            if is_short
            else f"accuracy {fraction(seen.accuracy)} (step {seen.accuracy_step})"
        )
    if seen.length_tokens is not None:
        parts.append(f"{'len' if is_short else 'length'} {number(seen.length_tokens, digits=3)}")
    if seen.seconds_left is not None and not seen.has_ended:
        parts.append(f"{duration(seen.seconds_left)} left")
    elif seen.phase and not seen.has_ended:
        parts.append(seen.phase)
    return parts


def _follow_plain(follower: Follower, log: LogTail | None) -> Glance:
    last_said, next_at = "", 0.0
    while True:
        seen = follower.look()
        if log is not None:
            for line in log.read():
                say(line)
        elif time.monotonic() >= next_at and (said := describe(seen)) != last_said and _tells(seen):
            narrate(said)
            last_said, next_at = said, time.monotonic() + PLAIN_EVERY_S
        if seen.has_ended:
            break
        time.sleep(POLL_S)
    if log is not None and (rest := log.rest()):
        say(rest)
    return seen


def _follow_rich(follower: Follower, log: LogTail | None) -> Glance:
    # rich's progress costs 0.1 s, and only a terminal draws it
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

    spinner = SpinnerColumn("line" if is_ascii() else "dots")
    text = TextColumn("{task.fields[name]} {task.fields[state]}", markup=False)
    numbers = TextColumn("{task.fields[numbers]}", markup=False)
    # a narrow terminal has room for the numbers or for the bar
    columns = [spinner, text, BarColumn(bar_width=None), numbers] if console().width >= BAR_FITS else [text, numbers]
    with Progress(*columns, console=console(), expand=True) as display:
        task = display.add_task("", name=follower.run_dir.name, state="", numbers="", total=None)
        while True:
            seen = follower.look()
            if log is not None:
                for line in log.read():
                    display.console.print(line, soft_wrap=True)
            display.update(
                task,
                completed=seen.step,
                total=seen.total_steps or None,
                state=seen.state,
                numbers=one_line(seen.reason, width=console().width // 2)
                if seen.state == "queued"
                else "  ".join(
                    [steps(seen.step, seen.total_steps), *measures(seen, is_short=console().width < BAR_FITS)]
                ),
            )
            if seen.has_ended:
                break
            time.sleep(POLL_S)
    if log is not None and (rest := log.rest()):
        console().print(rest)
    sys.stdout.flush()
    return seen
