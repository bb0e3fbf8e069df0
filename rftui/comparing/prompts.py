"""The prompts that several runs met, with every step each met them at. Draws nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from enum import StrEnum
from typing import NamedTuple

from rftui.rollouts.groups import pass_rates, sparkline
from rftui.terminal.spans import Line, Role, Span, fitted
from rftui.terminal.wrapping import drawable_line
from store.layout import Home
from store.prompts import Met, Prompt, attempts_of, prompts_met, step_start
from store.rollouts import Occurrence, open_rollouts

SPARKS = 4
MetPrompts = Mapping[Prompt, tuple[Occurrence, ...]]
"""By prompt, every occurrence in the order of steps."""


class PromptOrder(StrEnum):
    """Orders of shared prompts, in the turn in which a key goes through them."""

    MET = "first met"
    """By the step at which the first run met it first."""
    DIFFERENCE = "difference"
    """By how far the last pass rates lie apart."""
    RATE = "pass rate"
    """By the last pass rate of the first run."""


class SharedPrompt(NamedTuple):
    """One prompt that all runs in sight met."""

    prompt: Prompt
    met: tuple[tuple[Occurrence, ...], ...]
    """Of each run, in the order of the columns."""

    @property
    def rates(self) -> list[float | None]:
        """The last pass rate of each run."""
        return [pass_rates(occurrences)[-1] for occurrences in self.met]

    @property
    def difference(self) -> float:
        """How far the last pass rates lie apart; 0 where they are not known."""
        known = [rate for rate in self.rates if rate is not None]
        return max(known) - min(known) if known else 0.0


class Shared(NamedTuple):
    """What runs have in common."""

    prompts: tuple[SharedPrompt, ...] = ()
    """In the order in which the first run met them."""
    met: tuple[int, ...] = ()
    """How many prompts each run met."""
    other_questions: int = 0
    """Uids that all runs met, and that do not stand for the same question, options and gold."""


class PromptCache:
    """What runs met, as it was last read; only steps that came since are read. One thread at a time asks."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._kept: dict[str, tuple[tuple[tuple[int, int, int | None], ...], list[Met]]] = {}

    def read(self, run: str) -> MetPrompts:
        """Every prompt of a run. Raises StoreError and sqlite3.Error."""
        with closing(open_rollouts(self.home, run)) as connection:
            attempts = attempts_of(connection)
            before, known = self._kept.get(run, ((), []))
            if before != attempts or not known:
                known = []
            # the last step may not have been there as a whole
            since = step_start(known[-1].occurrence.group_id) if known else 0
            kept = [met for met in known if met.occurrence.group_id < since]
            self._kept[run] = (attempts, [*kept, *prompts_met(connection, since=since)])
        found: dict[Prompt, list[Occurrence]] = {}
        for met in self._kept[run][1]:
            found.setdefault(met.prompt, []).append(met.occurrence)
        return {prompt: tuple(occurrences) for prompt, occurrences in found.items()}


def shared_prompts(runs: Sequence[MetPrompts]) -> Shared:
    """The prompts that every run met."""
    if not runs:
        return Shared()
    first, *others = runs
    prompts = [
        SharedPrompt(prompt, (occurrences, *(other[prompt] for other in others)))
        for prompt, occurrences in first.items()
        if all(prompt in other for other in others)
    ]
    uids = set.intersection(*({prompt.uid for prompt in run} for run in runs))
    same = {shared.prompt.uid for shared in prompts}
    return Shared(tuple(prompts), tuple(len(run) for run in runs), len(uids - same))


def ordered(prompts: Sequence[SharedPrompt], order: PromptOrder) -> list[SharedPrompt]:
    """Prompts in an order, equal ones as they were met."""
    if order is PromptOrder.DIFFERENCE:
        return sorted(prompts, key=lambda shared: -shared.difference)
    if order is PromptOrder.RATE:
        return sorted(prompts, key=lambda shared: (shared.rates[0] is None, -(shared.rates[0] or 0.0)))
    return list(prompts)


def occurrence_near(occurrences: Sequence[Occurrence], step: int | None) -> int:
    """The place of the occurrence nearest to a step, the later of two; the last for None."""
    if step is None:
        return len(occurrences) - 1
    places = range(len(occurrences))
    return min(places, key=lambda place: (abs(occurrences[place].step - step), -place))


def rate_text(occurrence: Occurrence) -> str:
    """`5/8`; a dash for what was not graded."""
    return f"{'—' if occurrence.right is None else occurrence.right}/{occurrence.size}"


def prompt_row(shared: SharedPrompt, letters: Sequence[str], width: int) -> Line:
    """How each run did on a prompt over the steps, the last time in numbers, and the question."""
    spans: list[Span] = []
    for letter, occurrences in zip(letters, shared.met, strict=True):
        # a run that met a prompt once shows its rate as one bar
        rates = sparkline(pass_rates(occurrences), width=SPARKS)
        spans += [
            Span(f"{letter} ", Role.STRONG),
            Span(f"{rates:>{SPARKS}}", Role.BAR),
            Span(f" {rate_text(occurrences[-1]):<5} "),
        ]
    return fitted((*spans, Span(drawable_line(shared.prompt.question), Role.MUTED)), width)


def why_nothing_shared(shared: Shared, letters: Sequence[str], methods: Sequence[str]) -> str:
    """A sentence for runs without a prompt in common."""
    empty = [
        f"{letter} ({method})" for letter, method, met in zip(letters, methods, shared.met, strict=True) if not met
    ]
    if empty:
        only = "only GRPO writes them" if any("grpo" not in each for each in empty) else "none came yet"
        return f"{', '.join(empty)} has no rollouts: {only}; v shows held-out answers"
    if shared.other_questions:
        return f"the {shared.other_questions} uids that all met stand for different questions: other data or difficulty"
    counts = ", ".join(f"{letter} met {met}" for letter, met in zip(letters, shared.met, strict=True))
    return f"no prompt in common ({counts}): other data, or another order of it; v shows held-out answers"
