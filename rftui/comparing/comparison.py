"""Compares runs: the settings that differ, and paired tests of their last held-out evaluations. Pure.

A test is made only where the examples are the same: one task, split, source and difficulty, and the same uid, question,
options and gold. Everywhere else the contrast says why there is none.
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from evals.statistics import FEW_FLIPS, Paired, holm, paired
from rftui.comparing.compared_runs import Answer, ComparedRun, Evaluated, is_used
from store.states import is_live

LEVEL = 0.95
ASKED_WITH = ("image_min_pixels", "image_max_pixels", "dtype")
"""Settings that change what a model answers to the same example, beside temperature and longest answer."""


class Setting(NamedTuple):
    """A setting that is not the same in all runs."""

    key: str
    values: dict[str, Any]
    """By run; None where a run has no such setting."""


class Flip(NamedTuple):
    """An example that one evaluation got right and the other wrong."""

    uid: str
    question: str
    gold: str
    before: str | None
    after: str | None


class Contrast(NamedTuple):
    """One evaluation against another: of two runs, or of one run with and without <think>."""

    before_run: str
    after_run: str
    before_prompt: str
    after_prompt: str
    decoding: str
    split: str
    before_step: int | None
    after_step: int | None
    source: dict[str, Any] | None
    """Of the data; None where there is no test."""
    paired: Paired | None
    why_not: str
    """Why there is no test; empty where there is one."""
    p_holm: float | None = None
    """Corrected for all tests that answer the same question; None where this is the only one."""
    fixed: tuple[Flip, ...] = ()
    """Wrong before, right after."""
    broken: tuple[Flip, ...] = ()
    """Right before, wrong after."""


class Comparison(NamedTuple):
    """All that is said about some runs."""

    runs: tuple[ComparedRun, ...]
    """The baseline first."""
    settings: tuple[Setting, ...]
    against: tuple[Contrast, ...]
    """Each other run against the baseline."""
    thinking: tuple[Contrast, ...]
    """Each run with <think> against itself without."""
    notes: tuple[str, ...]
    """What a reader must know before believing the numbers."""

    @property
    def baseline(self) -> ComparedRun:
        """The run that the others are held against."""
        return self.runs[0]


def compare(runs: Sequence[ComparedRun]) -> Comparison:
    """Compares each run with the first, and each with and without <think>."""
    baseline, *others = runs
    return _compared(runs, [contrast for other in others for contrast in _against(baseline, other)])


def compare_pairs(runs: Sequence[ComparedRun]) -> Comparison:
    """Compares each run with each run before it, corrected for all of these tests together."""
    return _compared(runs, [contrast for one, other in combinations(runs, 2) for contrast in _against(one, other)])


def _compared(runs: Sequence[ComparedRun], contrasts: Sequence[Contrast]) -> Comparison:
    against = _corrected(contrasts)
    thinking = _corrected([contrast for run in runs for contrast in _thinking(run)])
    settings = different_settings(runs)
    return Comparison(tuple(runs), settings, against, thinking, tuple(_notes(runs, settings, [*against, *thinking])))


def letters_of(names: Sequence[str]) -> dict[str, str]:
    """A, B, C and so on for runs; numbers where there are more runs than letters."""
    signs = string.ascii_uppercase if len(names) <= 26 else [str(number) for number in range(1, len(names) + 1)]
    return dict(zip(names, signs, strict=False))


def different_settings(runs: Sequence[ComparedRun]) -> tuple[Setting, ...]:
    """Settings that are not the same everywhere they are used, in the order of the configuration."""
    keys = dict.fromkeys(key for run in runs for key in run.settings)
    found: list[Setting] = []
    for key in keys:
        users = [run for run in runs if is_used(key, run.settings)]
        if any(run.settings.get(key) != users[0].settings.get(key) for run in users):
            found.append(Setting(key, {run.name: run.settings.get(key) for run in runs}))
    return tuple(found)


def source_name(source: Mapping[str, Any]) -> str:
    """Kind and name, or the name alone where it has the kind in it: `sat-generated`, `real /data/sat`."""
    kind, name = str(source.get("kind") or "unknown"), str(source.get("name") or "")
    return name if kind in name else f"{kind} {name}".strip()


def _against(baseline: ComparedRun, other: ComparedRun) -> Iterator[Contrast]:
    """One contrast for each way of asking that either run was evaluated under."""
    for prompt, decoding in dict.fromkeys((item.totals.prompt, item.totals.decoding) for item in _all(baseline, other)):
        before, after = (_by_split(run, prompt, decoding) for run in (baseline, other))
        shared = [split for split in before if split in after]
        for split in shared:
            yield _contrast(baseline, other, before[split], after[split])
        if not shared:
            yield _untested(baseline, other, prompt, decoding, list(before), list(after))


def _all(*runs: ComparedRun) -> list[Evaluated]:
    return [item for run in runs for item in run.last]


def _by_split(run: ComparedRun, prompt: str, decoding: str) -> dict[str, Evaluated]:
    asked = (prompt, decoding)
    return {item.totals.split: item for item in run.last if (item.totals.prompt, item.totals.decoding) == asked}


def _untested(
    baseline: ComparedRun, other: ComparedRun, prompt: str, decoding: str, before: list[str], after: list[str]
) -> Contrast:
    if before and after:
        why = f"different splits: {', '.join(before)} and {', '.join(after)}"
    else:
        why = f"{(other if before else baseline).name} was not evaluated so"
    split = ", ".join(dict.fromkeys([*before, *after]))
    return Contrast(baseline.name, other.name, prompt, prompt, decoding, split, None, None, None, None, why)


def _contrast(baseline: ComparedRun, other: ComparedRun, before: Evaluated, after: Evaluated) -> Contrast:
    why = why_not_the_same_data(baseline, other, before, after)
    return _pair(baseline.name, other.name, before, after, why=why)


def why_not_the_same_data(baseline: ComparedRun, other: ComparedRun, before: Evaluated, after: Evaluated) -> str:
    """Empty where nothing speaks against pairing the answers."""
    if baseline.summary.task != other.summary.task:
        return f"different tasks: {baseline.summary.task} and {other.summary.task}"
    sources = [source_name(item.totals.source) for item in (before, after)]
    if sources[0] != sources[1]:
        return f"different data sources: {sources[0]} and {sources[1]}"
    difficulties = [run.settings.get("difficulty") for run in (baseline, other)]
    if before.totals.source.get("kind") == "generated" and difficulties[0] != difficulties[1]:
        return f"different difficulty: {difficulties[0]} and {difficulties[1]}"
    return ""


def _thinking(run: ComparedRun) -> Iterator[Contrast]:
    """With against without <think>; one contrast that says why not where a run was never asked both ways."""
    for pair in run.thinking:
        yield _pair(run.name, run.name, pair.direct, pair.think)
    if run.last and not run.thinking:
        prompts = ", ".join(dict.fromkeys(item.totals.prompt for item in run.last))
        why = f"no checkpoint was asked both ways (only: {prompts})"
        yield Contrast(run.name, run.name, "direct", "think", "", "", None, None, None, None, why)


def _pair(before_run: str, after_run: str, before: Evaluated, after: Evaluated, *, why: str = "") -> Contrast:
    shared = [uid for uid in before.answers if uid in after.answers]
    changed = [uid for uid in shared if _content(before.answers[uid]) != _content(after.answers[uid])]
    if not why and not shared:
        why = "different examples: not one uid in common" if before.answers and after.answers else "no answers stored"
    if not why and changed:
        why = (
            f"different examples: {len(changed)} of {len(shared)} uids stand for other questions, such as {changed[0]}"
        )
    contrast = Contrast(
        before_run=before_run,
        after_run=after_run,
        before_prompt=before.totals.prompt,
        after_prompt=after.totals.prompt,
        decoding=after.totals.decoding,
        split=after.totals.split,
        before_step=before.totals.step,
        after_step=after.totals.step,
        source=None if why else after.totals.source,
        paired=None,
        why_not=why,
    )
    return contrast if why else _tested(contrast, {uid: (before.answers[uid], after.answers[uid]) for uid in shared})


def _content(answer: Answer) -> tuple[str, tuple[str, ...], str]:
    """What makes an example the same one; its image is not among it, since each run fits images to its own size."""
    return answer.question, answer.options, answer.gold


def _tested(contrast: Contrast, pairs: Mapping[str, tuple[Answer, Answer]]) -> Contrast:
    """The contrast with its test, and the examples that flipped each way."""
    flips = [
        (Flip(uid, now.question, now.gold, then.answer, now.answer), now.is_correct)
        for uid, (then, now) in pairs.items()
        if then.is_correct != now.is_correct
    ]
    return contrast._replace(
        paired=paired(
            [then.is_correct for then, _ in pairs.values()],
            [now.is_correct for _, now in pairs.values()],
            level=LEVEL,
        ),
        fixed=tuple(flip for flip, is_right_now in flips if is_right_now),
        broken=tuple(flip for flip, is_right_now in flips if not is_right_now),
    )


def _corrected(contrasts: Sequence[Contrast]) -> tuple[Contrast, ...]:
    """The contrasts with p-values corrected for how many tests there are; a single test needs no correction."""
    p_values = [contrast.paired.p for contrast in contrasts if contrast.paired is not None]
    if len(p_values) < 2:
        return tuple(contrasts)
    corrected = iter(holm(p_values))
    return tuple(
        contrast if contrast.paired is None else contrast._replace(p_holm=next(corrected)) for contrast in contrasts
    )


def _notes(runs: Sequence[ComparedRun], settings: Sequence[Setting], contrasts: Sequence[Contrast]) -> Iterator[str]:
    for run in runs:
        if is_live(run.summary.state):
            yield f"{run.name} is {run.summary.state}: its numbers may still change"
        if unreadable := max((item.totals.unreadable for item in run.last), default=0):
            yield f"n of {run.name} leaves out {unreadable} examples whose images cannot be read"
    if [row.key for row in settings] == ["seed"]:
        yield "these runs differ only by seed"
    yield from _asked_otherwise(runs)
    yield from _overlaps(runs, contrasts)
    if narrow := [contrast.paired for contrast in contrasts if contrast.paired and contrast.paired.is_interval_narrow]:
        count = f"{len(narrow)} tests" if len(narrow) > 1 else "one test"
        yield (
            f"fewer than {FEW_FLIPS} examples flipped in {count}: there the interval is too narrow, go by the p-value"
        )
    if any(contrast.paired for contrast in contrasts):
        yield (
            "the tests resample examples, not seeds: they are about these checkpoints, "
            "and not about the methods that made them"
        )
    sources = [item.totals.source for run in runs for item in run.last]
    for source in {source_name(source): source for source in sources}.values():
        if source.get("detail"):
            yield f"data: {source_name(source)} ({source['detail']})"


def _asked_otherwise(runs: Sequence[ComparedRun]) -> Iterator[str]:
    """Names settings by which the same examples were asked in another way."""
    baseline, *others = ((run.name, _asked_with(run)) for run in runs)
    for name, settings in others:
        if differing := [key for key, value in settings.items() if value != baseline[1].get(key, value)]:
            yield f"{name} was asked with other settings than {baseline[0]}: {', '.join(differing)}"


def _asked_with(run: ComparedRun) -> dict[str, Any]:
    settings = {key: run.settings.get(key) for key in ASKED_WITH}
    settings["max_new_tokens"] = run.settings.get("evaluation.max_new_tokens") or run.settings.get(
        "max_completion_length"
    )
    if any(item.totals.decoding == "sampled" for item in run.last):
        settings["evaluation.temperature"] = run.settings.get("evaluation.temperature")
    return settings


def _overlaps(runs: Sequence[ComparedRun], contrasts: Sequence[Contrast]) -> Iterator[str]:
    """Says where a test covers only part of an evaluation."""
    sizes = {
        (run.name, item.totals.prompt, item.totals.decoding, item.totals.split): item.totals.n
        for run in runs
        for item in [*run.last, *(side for pair in run.thinking for side in pair)]
    }
    seen: dict[str, None] = {}
    for contrast in contrasts:
        if contrast.paired is None:
            continue
        places = ((contrast.before_run, contrast.before_prompt), (contrast.after_run, contrast.after_prompt))
        counts = [sizes[name, prompt, contrast.decoding, contrast.split] for name, prompt in places]
        if counts != [contrast.paired.n] * 2:
            sides = " and ".join(f"{n} of {name}" for n, (name, _) in zip(counts, places, strict=True))
            seen[f"only the {contrast.paired.n} examples that both graded are tested, of the {sides}"] = None
    yield from seen
