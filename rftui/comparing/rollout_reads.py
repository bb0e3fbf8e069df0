"""Reads prompts that several runs met, their completions, and their answers to the same examples. Draws nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rftui.comparing.answers import SharedAnswers, Source, Way, shared_answers
from rftui.comparing.evaluation_reads import ComparedCache
from rftui.comparing.prompts import PromptCache, Shared, shared_prompts
from rftui.rollouts.reads import GroupPage, RolloutSource
from rftui.terminal.clean import one_line
from rftui.terminal.half_blocks import Picture, Size, read_picture
from store.errors import StoreError
from store.layout import Home
from store.rollouts import EvalSample, eval_samples
from store.runs import Evaluation, RunSummary

if TYPE_CHECKING:
    from rftui.comparing.compared_runs import ComparedRun, Evaluated

MOST_EVALUATIONS = 8
"""Evaluations whose completions are kept, so that going back and forth reads nothing."""


class Wanted(NamedTuple):
    """What is to be read."""

    columns: tuple[str, ...] = ()
    """Names of runs."""
    is_training: bool = True
    way: Way | None = None
    """Of asking held-out examples; None for the first that there is."""


class PairsPage(NamedTuple):
    """What was read."""

    wanted: Wanted
    runs: tuple[str, ...] = ()
    """The run of each column; held-out ones are of runs that were asked so."""
    shared: Shared = Shared()
    answers: SharedAnswers = SharedAnswers()
    sources: tuple[Source, ...] = ()
    ways: tuple[Way, ...] = ()
    way: Way | None = None
    problem: str = ""
    """Why something is missing, or cannot be paired."""


class PairsReader:
    """Reads for one view. One thread at a time asks for pages; groups and pictures are read by any."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._prompts = PromptCache(home)
        self._compared = ComparedCache(home)
        self._samples: dict[tuple[Source, int, float | None], dict[str, EvalSample]] = {}

    def page(self, wanted: Wanted, summaries: Mapping[str, RunSummary]) -> PairsPage:
        """What the wanted runs have in common; runs that cannot be read are left out, and said."""
        there = {name: summaries[name] for name in wanted.columns if name in summaries}
        return self._training(wanted, there) if wanted.is_training else self._held_out(wanted, there)

    def group(self, run: str, group_id: int) -> GroupPage:
        """One group in full. Raises StoreError and sqlite3.Error."""
        return RolloutSource(self.home, run).group(group_id, ())

    def picture(self, runs: Sequence[str], digest: str, space: Size, *, is_ascii: bool) -> Picture:
        """An image, from the first run that has it."""
        found = Picture()
        for run in runs:
            found = read_picture(self.home.run(run).media, digest, space, is_ascii=is_ascii)
            if not found.problem:
                break
        return found

    def _training(self, wanted: Wanted, summaries: Mapping[str, RunSummary]) -> PairsPage:
        runs, problems = {}, []
        for name in summaries:
            try:
                runs[name] = self._prompts.read(name)
            except (OSError, StoreError, sqlite3.Error, ValueError) as error:
                # one run that cannot be read must not hide the others
                problems.append(f"{name} cannot be read: {one_line(error, width=120)}")
        return PairsPage(wanted, tuple(runs), shared_prompts(list(runs.values())), problem="  ".join(problems))

    def _held_out(self, wanted: Wanted, summaries: Mapping[str, RunSummary]) -> PairsPage:
        compared = self._compared.read(summaries)
        problems = [f"{name} cannot be read: {why}" for name, why in self._compared.problems.items()]
        ways = _ways(compared)
        way = wanted.way if wanted.way in ways else next(iter(ways), None)
        if way is None:
            return PairsPage(wanted, problem="  ".join(problems))
        sides = _sides(compared, way)
        sources = tuple(_source(run.name, item.totals) for run, item in sides)
        missing = [run.name for run in compared if run.name not in {source.run for source in sources}]
        if missing and not way.is_thinking:
            problems.append(f"{', '.join(missing)} was not asked so")
        problems += _why_not(sides)
        try:
            answers = shared_answers(
                [self._read(source, item.totals) for source, (_, item) in zip(sources, sides, strict=True)]
            )
        except (OSError, StoreError, sqlite3.Error, ValueError) as error:
            answers = SharedAnswers()
            problems.append(f"the answers cannot be read: {one_line(error, width=120)}")
        return PairsPage(
            wanted,
            tuple(source.run for source in sources),
            answers=answers,
            sources=sources,
            ways=ways,
            way=way,
            problem="  ".join(problems),
        )

    def _read(self, source: Source, totals: Evaluation) -> dict[str, EvalSample]:
        """The answers of one evaluation by uid."""
        # an evaluation that was made again has other totals
        key = (source, totals.n, totals.accuracy)
        known = self._samples.get(key)
        if known is None:
            samples = eval_samples(
                self.home, source.run, step=source.step, prompt=source.prompt, decoding=source.decoding
            )
            known = {sample.uid: sample for sample in samples if sample.split == source.split}
            while len(self._samples) >= MOST_EVALUATIONS:
                self._samples.pop(next(iter(self._samples)))
            self._samples[key] = known
        return known


def _ways(runs: Sequence[ComparedRun]) -> tuple[Way, ...]:
    """Ways that several of the runs were asked in, all where there is one run, then the first run both ways."""
    counts: dict[Way, int] = {}
    for run in runs:
        for item in run.last:
            way = Way(item.totals.prompt, item.totals.decoding, item.totals.split)
            counts[way] = counts.get(way, 0) + 1
    shared = [way for way, count in counts.items() if count > 1 or len(runs) == 1]
    thinking = [
        Way("direct", pair.direct.totals.decoding, pair.direct.totals.split, is_thinking=True)
        for run in runs[:1]
        for pair in run.thinking
    ]
    return (*shared, *thinking)


def _sides(runs: Sequence[ComparedRun], way: Way) -> list[tuple[ComparedRun, Evaluated]]:
    """The evaluation of each column."""
    if way.is_thinking:
        run = runs[0]
        asked = (way.decoding, way.split)
        pair = next(pair for pair in run.thinking if (pair.direct.totals.decoding, pair.direct.totals.split) == asked)
        return [(run, pair.direct), (run, pair.think)]
    return [
        (run, item)
        for run in runs
        for item in run.last
        if (item.totals.prompt, item.totals.decoding, item.totals.split) == way[:3]
    ]


def _source(run: str, totals: Evaluation) -> Source:
    return Source(run, totals.prompt, totals.decoding, totals.split, totals.step)


def _why_not(sides: Sequence[tuple[ComparedRun, Evaluated]]) -> list[str]:
    """Why the answers of columns are not to the same examples, as the tests say it."""
    # numpy is not needed for it, evals.statistics is
    from rftui.comparing.comparison import why_not_the_same_data

    (first, before), *others = sides
    found = [why for run, item in others if (why := why_not_the_same_data(first, run, before, item))]
    return list(dict.fromkeys(found))
