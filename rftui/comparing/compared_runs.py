"""Reads what a comparison needs of each run: its settings, and its last held-out evaluations answer by answer."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from rftui.planning.settings import flatten
from store.config import Method, read_config
from store.errors import RunConfigError
from store.layout import Home, RunDir
from store.rollouts import eval_samples
from store.runs import Evaluation, RunSummary, open_catalogue, run_detail


class Answer(NamedTuple):
    """One held-out answer that could be graded."""

    question: str
    options: tuple[str, ...]
    gold: str
    answer: str | None
    """None where none could be read; such an answer is wrong."""
    is_correct: bool


class Evaluated(NamedTuple):
    """One evaluation with its answers."""

    totals: Evaluation
    answers: Mapping[str, Answer]
    """By uid; examples whose gold cannot be graded are left out."""


class WithAndWithout(NamedTuple):
    """The last checkpoint that was asked the same way with and without <think>."""

    think: Evaluated
    direct: Evaluated


class ComparedRun(NamedTuple):
    """What a comparison sees of a run."""

    summary: RunSummary
    settings: Mapping[str, Any]
    """By dotted key, without the name; empty where config.toml cannot be read."""
    last: tuple[Evaluated, ...]
    """The last evaluation under each prompt, decoding and split."""
    thinking: tuple[WithAndWithout, ...]
    """One for each decoding and split that one checkpoint was asked under with both prompts."""

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.summary.name


def read_compared(home: Home, summary: RunSummary) -> ComparedRun:
    """What a comparison needs of one run. Raises StoreError."""
    name = summary.name
    with closing(open_catalogue(home)) as connection:
        evaluations = run_detail(connection, name).evals
    last = last_of_each(evaluations)
    pairs = last_with_and_without(evaluations)
    # a pair is mostly made of last evaluations, and their answers are read once
    wanted = {_place(item): item for item in [*last, *(item for pair in pairs for item in pair)]}
    read = {place: Evaluated(item, _answers(home, name, item)) for place, item in wanted.items()}
    return ComparedRun(
        summary=summary,
        settings=run_settings(home.run(name)),
        last=tuple(read[_place(item)] for item in last),
        thinking=tuple(WithAndWithout(read[_place(think)], read[_place(direct)]) for think, direct in pairs),
    )


def run_settings(run_dir: RunDir) -> dict[str, Any]:
    """The settings in a run's config.toml by dotted key, without the name and what its method does not use.

    Those that it predates have their defaults.
    """
    try:
        config = read_config(run_dir.config).model_dump(mode="json")
    except RunConfigError:
        config = _as_written(run_dir.config)
    settings = {key: value for key, value in flatten(config) if key != "name"}
    return {key: value for key, value in settings.items() if is_used(key, settings)}


EVALUATION_USES = frozenset(
    {"method", "task", "source", "task_options", "difficulty", "model", "recipe", "trust_remote_code", "seed"}
    | {"dtype", "attention", "image_min_pixels", "image_max_pixels", "max_completion_length", "evaluation"}
    | {"zero", "ranks", "gpus", "threads", "stall_after_s"}
)
"""Settings, or tables of them, that mean something to a run that only evaluates."""


SAMPLING_USES = (EVALUATION_USES - {"evaluation", "zero"}) | frozenset(
    {"suit", "prompt", "num_generations", "temperature", "top_p", "top_k", "train_examples", "shuffle_gold"}
    | {"rewards", "reward_failure_limit"}
)
"""Those that mean something to a run that only samples."""
_USES = {Method.EVAL.value: EVALUATION_USES, Method.SUIT.value: SAMPLING_USES}


def is_used(key: str, settings: Mapping[str, Any]) -> bool:
    """Whether a setting, by dotted key, means something to the run with these settings."""
    uses, table = _USES.get(str(settings.get("method"))), key.partition(".")[0]
    return table != "suit" if uses is None else table in uses


def _as_written(path: Path) -> dict[str, Any]:
    """The settings of a file that this version refuses; none where it cannot be read at all."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        # a run that was damaged still has its evaluations
        return {}


def last_of_each(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """The evaluation with the highest step of each prompt, decoding and split; prompts with <think> first."""
    last: dict[tuple[str, str, str], Evaluation] = {}
    for item in sorted(evaluations, key=lambda item: item.step):
        last[item.prompt, item.decoding, item.split] = item
    return sorted(last.values(), key=lambda item: (item.prompt != "think", item.prompt, item.decoding, item.split))


def last_with_and_without(evaluations: Sequence[Evaluation]) -> list[tuple[Evaluation, Evaluation]]:
    """With and without <think> at the last step that has both, for each decoding and split."""
    found: dict[tuple[str, str], tuple[Evaluation, Evaluation]] = {}
    direct = {(item.step, item.decoding, item.split): item for item in evaluations if item.prompt == "direct"}
    for item in sorted(evaluations, key=lambda item: item.step):
        other = direct.get((item.step, item.decoding, item.split))
        if item.prompt == "think" and other is not None:
            found[item.decoding, item.split] = (item, other)
    return [found[key] for key in sorted(found)]


def _place(item: Evaluation) -> tuple[int, str, str, str]:
    return item.step, item.prompt, item.decoding, item.split


def _answers(home: Home, run: str, item: Evaluation) -> dict[str, Answer]:
    samples = eval_samples(home, run, step=item.step, prompt=item.prompt, decoding=item.decoding)
    return {
        sample.uid: Answer(sample.question, sample.options, sample.gold, sample.answer, sample.correct)
        for sample in samples
        if sample.split == item.split and sample.correct is not None
    }
