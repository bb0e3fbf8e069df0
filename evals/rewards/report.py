"""Attacks on the rewards of one task, from its examples to what a launch or a reader is told. Runs users' own code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from evals.errors import TaskError
from evals.rewards.attacks import Kind, cases, labels_of
from evals.rewards.collisions import Matrix, matrix
from evals.rewards.judging import Bench, Judged, Outcome, Verdict, attack_all, faults
from evals.rewards.registry import build_rewards, formula
from evals.task import Examples, Source, Task

EXAMPLES = 64
"""How many training examples are looked at for questions, options and right answers."""
MOST_LABELS = 1000
"""Labels that are answered to each other; of more, the first are."""
GATE_SECONDS = 1.0
CHECK_SECONDS = 60.0
"""After so long no further label is tried as the right answer, by attacks and once more by the matrix."""


class Setup(NamedTuple):
    """The rewards of a run, ready to be attacked."""

    bench: Bench
    task: Task
    source: Source
    mode: str
    longest: int
    labels: tuple[str, ...]
    """Every label that is known."""
    are_from_examples: bool
    """Whether the labels are those of the examples looked at, because the task names none."""
    settings: Mapping[str, Mapping[str, Any]]


def set_up(
    task: Task,
    settings: Mapping[str, Mapping[str, Any]],
    *,
    source: Source,
    split: Examples,
    mode: str,
    longest: int,
    seconds: float,
) -> Setup:
    """The rewards with cases made from the first examples of a split; draws no image.

    Rewards so slow that `seconds` are over are tried on fewer labels. Raises RewardError or TaskError for rewards or
    data that cannot be used.
    """
    rewards = build_rewards(settings, task)
    examples = [split[index] for index in range(EXAMPLES if split.length is None else min(EXAMPLES, split.length))]
    if not examples:
        raise TaskError(f"{source.name} has no training examples", expected="one or more to attack the rewards on")
    space = task.answer_space(source)
    labels = space or labels_of(examples)
    echoes = [task.user_text(example, mode) for example in examples]
    made = cases(examples, labels[:MOST_LABELS], mode=mode, echoes=echoes, longest=longest)
    bench = Bench(rewards, task, made, seconds=seconds)
    return Setup(bench, task, source, mode, longest, labels, not space, settings)


def gate_problems(setup: Setup) -> list[str]:
    """What the rewards pay although it names no label or several, one sentence each; quick, so not every label."""
    outcomes = attack_all(setup.bench, is_gate=True, seconds=GATE_SECONDS)
    return [
        f"{one.worst.attack.name}: {one.worst.why}"
        for one in faults(outcomes)
        # what raises pays nothing; the run itself counts it
        if one.worst.verdict is not Verdict.RAISED
    ]


def report(setup: Setup) -> dict[str, Any]:
    """Everything about the rewards of a task, as JSON takes it; see docs/rewards.md for the fields."""
    bench = setup.bench
    outcomes = attack_all(bench, seconds=CHECK_SECONDS)
    pays = matrix(bench, seconds=CHECK_SECONDS)
    found = findings(bench, pays)
    return {
        "task": setup.task.name,
        "source": setup.source._asdict(),
        "prompt": setup.mode,
        "max_completion_length": setup.longest,
        "labels": len(setup.labels),
        "labels_from_examples": setup.are_from_examples,
        "labels_tried": max((one.cases for one in outcomes.values()), default=0),
        "is_clean": bool(outcomes) and not found and not faults(outcomes) and not pays.collisions,
        "rewards": [_reward(setup, place) for place in range(len(bench.rewards))],
        "findings": found,
        "attacks": [_attack(bench, one) for one in outcomes.values() if _is_attack(one)],
        "right_answers": [_attack(bench, one) for one in outcomes.values() if not _is_attack(one)],
        "collisions": [collision._asdict() for collision in pays.collisions],
        "unpaid_labels": pays.unpaid,
        "matrix": {
            "labels": list(pays.labels),
            "pays": pays.pays,
            "left_out": pays.left_out + max(0, len(setup.labels) - MOST_LABELS),
        },
    }


def findings(bench: Bench, pays: Matrix) -> list[str]:
    """What is wrong with the rewards as such, in sentences."""
    if not bench.cases:
        return ["no reward says anything of a right answer: nothing could be tried"]
    found = []
    if not any(item.knows_answer and item.weight for item in bench.knowledge):
        found.append("no reward tells a right answer from a wrong one")
    for item in bench.knowledge:
        if item.ignores_what_it_reads:
            found.append(f"{item.name} reads the right answer and pays the same whatever that is: a dead branch")
        if item.prefers_wrong:
            found.append(f"{item.name} pays some wrong answer more than the right one")
    if pays.unpaid and len(pays.unpaid) == len(pays.pays):
        found.append("no label is paid where it is right")
    elif pays.unpaid:
        found.append(f"{len(pays.unpaid)} of {len(pays.pays)} labels are paid no more than a word that is no label")
    return found


def _reward(setup: Setup, place: int) -> dict[str, Any]:
    item = setup.bench.knowledge[place]
    setting = setup.settings[item.name]
    own = setting.get("function", "")
    return {
        "name": item.name,
        "weight": item.weight,
        "pays": own or formula(item.name, setting.get("params", {})),
        "function": own,
        "knows": [what for what, knows in (("answer", item.knows_answer), ("form", item.knows_form)) if knows],
        "reads_gold": item.reads_gold,
        "right": item.right,
        "wrong": item.wrong,
    }


def _is_attack(one: Outcome) -> bool:
    return one.worst.attack.kind in (Kind.TRICK, Kind.FORM)


def _attack(bench: Bench, one: Outcome) -> dict[str, Any]:
    worst: Judged = one.worst
    knowing = [item.name for item in bench.knowledge if item.knows_answer]
    control = bench.control[worst.case.gold]
    return {
        "attack": worst.attack.name,
        "kind": worst.attack.kind.value,
        "answered": worst.attack.text,
        "gold": worst.case.gold,
        "uid": worst.case.example.uid,
        "rewards": worst.pay.values,
        "reward": worst.pay.total,
        "right_rewards": worst.right.values,
        "right_reward": worst.right.total,
        "allowed": {"reward_below": worst.right.total, "at_most": {name: control.values[name] for name in knowing}},
        "verdict": worst.verdict.value,
        "is_fault": worst.verdict.is_fault,
        "why": worst.why,
        "errors": worst.pay.errors,
        "cases_alike": one.faults,
        "cases": one.cases,
    }
