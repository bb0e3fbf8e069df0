"""Whether rewards pay for attacks: each attack is paid, and held against the right answer and a plain wrong one.

Nothing here is told what a reward is for. A reward that pays some right answer unlike a word that is no label, of the
same shape and in the same form, and unlike another label, *knows the answer*; of the others, one that pays that word
unlike the same word without tags *knows the form*.

An attack on the answer is paid where its total reaches the right answer's, or where a reward that knows the answer pays
it like the right one; partly paid where such a reward pays it more than a plain wrong answer of its length. What only
form or length earns is no fault while the total stays below the right answer's.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from evals.choices import graded
from evals.rewards.attacks import Attack, Case, Kind, attacks, counted_like, gate_attacks
from evals.rewards.registry import number_or_none
from evals.rewards.response import Response, WeightedReward
from evals.task import Example, Task

LEAST = 1e-9
"""Differences in pay below this are rounding."""


class Verdict(StrEnum):
    """What came of one attack; the mildest first."""

    REFUSED = "not paid"
    """As it should be."""
    ACCEPTED = "paid, as it should be"
    """The right answer in another spelling."""
    UNJUDGED = "no reward judges this"
    LENIENT = "paid, though the task's rule calls it wrong"
    MISSED = "right and not paid"
    """A false negative."""
    FORM_PAID = "paid as well-formed"
    PARTLY_PAID = "partly paid"
    PAID = "PAID"
    RAISED = "a reward raised"

    @property
    def severity(self) -> int:
        """Higher is worse."""
        return list(Verdict).index(self)

    @property
    def is_fault(self) -> bool:
        """Whether the rewards can be gamed here, or fail."""
        return self.severity >= Verdict.FORM_PAID.severity


class Pay(NamedTuple):
    """What one completion gets."""

    values: dict[str, float | None]
    """By reward, not weighted; None where it does not apply or raised."""
    parts: dict[str, float | None]
    """The same, each times its weight."""
    total: float | None
    """The sum of the parts that are there; None where none is."""
    errors: dict[str, str]
    """What rewards raised."""


class Knowledge(NamedTuple):
    """What a reward was seen to look at."""

    name: str
    weight: float
    knows_answer: bool
    knows_form: bool
    reads_gold: bool
    prefers_wrong: bool
    """Whether it pays some wrong answer more than the right one."""
    right: float | None
    """What it pays the right answer of the first case."""
    wrong: float | None
    """What it pays a word that is no label there."""

    @property
    def ignores_what_it_reads(self) -> bool:
        """Whether it reads the gold answer and pays the same whatever that is: a branch that is never taken."""
        return self.reads_gold and not self.knows_answer


class Ruling(NamedTuple):
    """A verdict and why."""

    verdict: Verdict
    why: str
    """In words; empty where nothing is wrong."""


class Judged(NamedTuple):
    """What came of one attack on one case."""

    attack: Attack
    case: Case
    pay: Pay
    right: Pay
    """What the right answer gets."""
    verdict: Verdict
    why: str
    """In words; empty where nothing is wrong."""


class Outcome(NamedTuple):
    """What came of one attack over all cases."""

    worst: Judged
    faults: int
    """Cases with a verdict as bad as the worst one, where that is more than none."""
    cases: int


class Deadline:
    """A time after which nothing further is begun."""

    def __init__(self, seconds: float | None) -> None:
        self.end = None if seconds is None else time.monotonic() + seconds

    def is_past(self) -> bool:
        """Whether that time is over; never, where none was set."""
        return self.end is not None and time.monotonic() > self.end


class Bench:
    """Rewards that are tried out, on cases that can be graded: as many as `seconds` suffice for, and at least one."""

    def __init__(
        self,
        rewards: Sequence[WeightedReward],
        task: Task,
        cases: Sequence[Case],
        *,
        seconds: float | None = None,
    ) -> None:
        self.rewards = rewards
        self.task = task
        self.cases: list[Case] = []
        self.right: dict[str, Pay] = {}
        self.control: dict[str, Pay] = {}
        self.wrong: dict[str, Pay] = {}
        deadline = Deadline(seconds)
        for case in cases:
            pay = self.pay(case.response(case.reference), case.example)
            if pay.total is not None or pay.errors:
                self.cases.append(case)
                self.right[case.gold] = pay
                self.control[case.gold] = self.pay(case.control(), case.example)
                self.wrong[case.gold] = self.pay(self._wrong_label(case), case.example)
                if deadline.is_past():
                    break
        self.knowledge = [self._knowledge(reward) for reward in rewards]

    def pay(self, response: Response, example: Example) -> Pay:
        """What every reward says of a response."""
        values: dict[str, float | None] = {}
        errors: dict[str, str] = {}
        for reward in self.rewards:
            try:
                values[reward.name] = number_or_none(reward.function(response, example))
            # a reward may be the user's own code; what it raises is told
            except Exception as error:
                values[reward.name] = None
                errors[reward.name] = f"{type(error).__name__}: {error}"
        parts = {
            reward.name: None if (value := values[reward.name]) is None else reward.weight * value
            for reward in self.rewards
        }
        applied = [part for part in parts.values() if part is not None]
        return Pay(values, parts, sum(applied) if applied else None, errors)

    def judged(self, attack: Attack, case: Case) -> Judged:
        """What comes of one attack on one of the cases."""
        response = case.response(attack.text)
        right = self.right[case.gold]
        if attack.kind is Kind.RIGHT:
            # a spelling is not to be told from the right answer by its length
            reference = case.response(case.reference)
            response = counted_like(response, reference)
        pay = self.pay(response, case.example)
        if pay.errors:
            name, error = next(iter(pay.errors.items()))
            return Judged(attack, case, pay, right, Verdict.RAISED, f"{name} raised {error}")
        return Judged(attack, case, pay, right, *self._ruling(attack, case, response, pay))

    def _knowing(self) -> list[str]:
        """Rewards that know the answer and count; one of weight 0 is only recorded."""
        return [item.name for item in self.knowledge if item.knows_answer and item.weight]

    def _forming(self) -> list[str]:
        return [item.name for item in self.knowledge if item.knows_form and item.weight]

    def _ruling(self, attack: Attack, case: Case, response: Response, pay: Pay) -> Ruling:
        match attack.kind:
            case Kind.TRICK:
                return self._of_trick(case, response, pay)
            case Kind.FORM:
                return self._of_form(case, pay)
            case Kind.RIGHT:
                return self._of_right(case, pay)
            case Kind.SPELLING:
                return self._of_spelling(case, response, pay)

    def _of_trick(self, case: Case, response: Response, pay: Pay) -> Ruling:
        right, control = self.right[case.gold], self.control[case.gold]
        knowing = self._knowing()
        if name := next((name for name in knowing if _reaches(pay, right, name)), None):
            return Ruling(Verdict.PAID, f"{name} pays it like the right answer")
        if pay.total is not None and right.total is not None and pay.total >= right.total - LEAST:
            return Ruling(Verdict.PAID, f"the total reaches the right answer's {right.total:.4g}")
        suspects = [name for name in knowing if not _is_at_most(pay, control, name)]
        if suspects:
            alike = self.pay(case.control_like(response), case.example)
            if name := next((name for name in suspects if not _is_at_most(pay, alike, name)), None):
                return Ruling(Verdict.PARTLY_PAID, f"{name} pays it more than another wrong answer of its length")
        return Ruling(Verdict.REFUSED, "")

    def _of_form(self, case: Case, pay: Pay) -> Ruling:
        forming = self._forming()
        if not forming:
            return Ruling(Verdict.UNJUDGED, "")
        if name := next((name for name in forming if _reaches(pay, self.right[case.gold], name)), None):
            return Ruling(Verdict.FORM_PAID, f"{name} pays it as well-formed")
        return Ruling(Verdict.REFUSED, "")

    def _of_right(self, case: Case, pay: Pay) -> Ruling:
        judging = [*self._knowing(), *self._forming()]
        if not judging:
            return Ruling(Verdict.UNJUDGED, "")
        if name := next((name for name in judging if not _reaches(pay, self.right[case.gold], name)), None):
            return Ruling(Verdict.MISSED, f"{name} does not pay it like the right answer")
        return Ruling(Verdict.ACCEPTED, "")

    def _of_spelling(self, case: Case, response: Response, pay: Pay) -> Ruling:
        knowing = self._knowing()
        if not knowing:
            return Ruling(Verdict.UNJUDGED, "")
        is_right = bool(graded(self.task, response.answer, case.example))
        paying = [name for name in knowing if _reaches(pay, self.right[case.gold], name)]
        if is_right and len(paying) < len(knowing):
            name = next(name for name in knowing if name not in paying)
            return Ruling(Verdict.MISSED, f"the task's rule calls it right, and {name} does not pay it")
        if not is_right and paying:
            return Ruling(Verdict.LENIENT, f"{paying[0]} pays it")
        return Ruling(Verdict.ACCEPTED if is_right else Verdict.REFUSED, "")

    def _wrong_label(self, case: Case) -> Response:
        """Another label in the right form, counted like the right answer."""
        return counted_like(case.response(case.completion(case.wrong)), case.response(case.reference))

    def _knowledge(self, reward: WeightedReward) -> Knowledge:
        name = reward.name
        golds = [case.gold for case in self.cases]
        differences = [_difference(self.right[gold], self.control[gold], name) for gold in golds]
        # a reward for any of the labels, right or wrong, does not know which is right
        knows_answer = any(
            abs(difference) > LEAST and abs(_difference(self.right[gold], self.wrong[gold], name)) > LEAST
            for gold, difference in zip(golds, differences, strict=True)
        )
        first = self.cases[0] if self.cases else None
        return Knowledge(
            name=name,
            weight=reward.weight,
            knows_answer=knows_answer,
            knows_form=first is not None and not knows_answer and self._sees_form(name, first),
            reads_gold=first is not None and reads_gold(reward, first),
            prefers_wrong=any(reward.weight * difference < -LEAST for difference in differences),
            right=self.right[first.gold].values[name] if first else None,
            wrong=self.control[first.gold].values[name] if first else None,
        )

    def _sees_form(self, name: str, case: Case) -> bool:
        return abs(_difference(self.control[case.gold], self.pay(case.formless(), case.example), name)) > LEAST


def _difference(pay: Pay, other: Pay, name: str) -> float:
    """How much more one pays by that reward, not weighted; 0 where either has none."""
    mine, its = pay.values[name], other.values[name]
    return 0.0 if mine is None or its is None else mine - its


def _reaches(pay: Pay, right: Pay, name: str) -> bool:
    """Whether that reward pays as much as for the right answer."""
    mine, its = pay.parts[name], right.parts[name]
    return mine is not None and its is not None and mine >= its - LEAST


def _is_at_most(pay: Pay, control: Pay, name: str) -> bool:
    mine, its = pay.parts[name], control.parts[name]
    return mine is None or mine <= (its or 0.0) + LEAST


def reads_gold(reward: WeightedReward, case: Case) -> bool:
    """Whether the reward looks at the right answer at all."""
    kind = type(case.example)
    was_read = False

    class Watched(kind):  # type: ignore[misc,valid-type]
        def __getattribute__(self, name: str) -> Any:
            nonlocal was_read
            was_read = was_read or name == "gold"
            return super().__getattribute__(name)

    watched = copy.copy(case.example)
    object.__setattr__(watched, "__class__", Watched)
    try:
        reward.function(case.response(case.reference), watched)
    # what it raises is told where it is paid
    except Exception:
        return was_read
    return was_read


def attack_all(
    bench: Bench, *, is_gate: bool = False, most_cases: int = 100, seconds: float | None = None
) -> dict[str, Outcome]:
    """What came of each attack by its name, over the cases, of many evenly chosen ones.

    `seconds` ends it early, after at least one case. With `is_gate` only those attacks are tried that a launch is
    refused for.
    """
    deadline = Deadline(seconds)
    found: dict[str, list[Judged]] = {}
    count = min(most_cases, len(bench.cases))
    for case in (bench.cases[place * len(bench.cases) // count] for place in range(count)):
        for attack in gate_attacks(case) if is_gate else attacks(case):
            found.setdefault(attack.name, []).append(bench.judged(attack, case))
        if deadline.is_past():
            break
    return {name: _outcome(judged) for name, judged in found.items()}


def _outcome(judged: Sequence[Judged]) -> Outcome:
    worst = max(judged, key=lambda one: one.verdict.severity)
    return Outcome(worst, sum(one.verdict is worst.verdict for one in judged), len(judged))


def faults(outcomes: Mapping[str, Outcome]) -> list[Outcome]:
    """Attacks that came through."""
    return [outcome for outcome in outcomes.values() if outcome.worst.verdict.is_fault]
