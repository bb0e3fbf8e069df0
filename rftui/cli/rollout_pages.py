"""Rollouts as text: the prompt and gold answer of a group once, its completions below, thinking and answer apart."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from rftui.cli.output import is_ascii, narrate, say
from rftui.formats import number
from rftui.terminal.clean import clean, one_line
from store.media import image_path

if TYPE_CHECKING:
    from store.rollouts import Rollout

TEXT_WIDTH = 100


def print_groups(rollouts: Iterable[Rollout], *, limit: int | None, media: Path) -> None:
    """Prints rollouts that come in the order of their groups."""
    count = 0
    for _, members in groupby(rollouts, key=lambda rollout: (rollout.step, rollout.group)):
        group = list(members)
        count += len(group)
        say("\n".join(group_lines(group, media=media)))
        say()
    if count == 0:
        narrate("no rollouts match")
    elif count == limit:
        narrate(f"the first {count}; --limit shows more, --step and --min-reward narrow down")


def group_lines(group: list[Rollout], *, media: Path) -> Iterator[str]:
    """One group: a headline, the prompt, and each completion."""
    first = group[0]
    rewards = [rollout.reward for rollout in group if rollout.reward is not None]
    flat = len(rewards) > 1 and max(rewards) == min(rewards)
    yield f"step {first.step}  group {first.group}  {one_line(first.uid)}{'  no spread: no gradient' if flat else ''}"
    yield from _block("prompt", first.prompt)
    yield from _block("gold", str(first.gold))
    if first.image:
        # whole, so that it can be copied
        yield f"    {'image':<9} {one_line(image_path(media, first.image))}"
    for rollout in group:
        yield from _sample_lines(rollout)


def _sample_lines(rollout: Rollout) -> Iterator[str]:
    parts = " + ".join(f"{one_line(name)} {number(value)}" for name, value in rollout.rewards.items())
    mark = "*" if is_ascii() else "▸"
    reward = f"reward {number(rollout.reward)} = {parts}  advantage {_signed(rollout.advantage)}"
    yield f"  {mark} #{rollout.sample}  {reward}  {rollout.tokens} tokens, {one_line(rollout.stop)}"
    for name, traceback in rollout.errors.items():
        yield from _block("raised", f"{name}: {traceback}", indent=6)
    if rollout.malformed:
        yield from _block("malformed", rollout.malformed, indent=6)
        yield from _block("text", rollout.completion, indent=6)
        return
    if rollout.think is not None:
        yield from _block("think", rollout.think, indent=6)
    yield from _block("answer", str(rollout.answer), indent=6)


def _signed(value: float | None) -> str:
    return "—" if value is None else f"{value:+.3g}"


def _block(label: str, text: str, *, indent: int = 4) -> Iterator[str]:
    """A labelled text, its lines kept and wrapped."""
    margin = " " * indent
    lead = f"{margin}{label:<9} "
    lines = clean(text).splitlines() or [""]
    for place, line in enumerate(lines):
        start = lead if place == 0 else " " * len(lead)
        yield from textwrap.wrap(
            line, TEXT_WIDTH, initial_indent=start, subsequent_indent=" " * len(lead), drop_whitespace=True
        ) or [start.rstrip()]
