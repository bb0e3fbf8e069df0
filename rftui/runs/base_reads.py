"""Reads by how much runs differ from the pinned one: their last held-out evaluations, example by example. No widget.

There is a difference only where both were asked the same examples the same way; what did not change is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from typing import Any, NamedTuple

from rftui.runs.versus import Pinned, VersusBase
from store.layout import Home
from store.rollouts import eval_samples
from store.run_list import Asked, last_asked, setting_values
from store.runs import RunSummary, open_catalogue

MOST_KEPT = 2000
MOST_GRADED = 64
"""Evaluations whose answers are kept: 1,000 answers take 0.2 MB."""


class _Place(NamedTuple):
    """One evaluation of one run."""

    uid: int
    asked: Asked


class BaseReader:
    """Reads for one list, from one thread at a time."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._graded: dict[_Place, Mapping[int, bool]] = {}
        self._found: dict[tuple[_Place, _Place], VersusBase | None] = {}

    def read(self, base: Pinned, runs: Mapping[int, RunSummary]) -> dict[int, VersusBase | None]:
        """The difference of each run to the pinned one by uid; None where the examples are not the same.

        Raises StoreError, sqlite3.Error and OSError.
        """
        with closing(open_catalogue(self.home)) as connection:
            of_base = last_asked(connection, base.uid)
            asked = {uid: last_asked(connection, uid)[:1] for uid in runs}
            difficulties = setting_values(connection, "difficulty")
        found: dict[int, VersusBase | None] = {}
        for uid, run in runs.items():
            alike = [
                (_Place(base.uid, before), _Place(uid, after))
                for after in asked[uid]
                for before in of_base
                if before.way == after.way and run.task == base.run.task
                if not after.is_generated or difficulties.get(uid) == difficulties.get(base.uid)
            ]
            found[uid] = self._difference(base.run.name, run.name, *alike[0]) if alike else None
        return found

    def _difference(self, base: str, run: str, before: _Place, after: _Place) -> VersusBase | None:
        if (before, after) not in self._found:
            self._found[before, after] = _paired(self._answers(base, before), self._answers(run, after))
            _forget(self._found, MOST_KEPT)
        return self._found[before, after]

    def _answers(self, run: str, place: _Place) -> Mapping[int, bool]:
        """Whether each example was right, by a hash of its uid and content; those without a grade are left out."""
        graded = self._graded.pop(place, None)
        if graded is None:
            asked = place.asked
            samples = eval_samples(self.home, run, step=asked.step, prompt=asked.prompt, decoding=asked.decoding)
            graded = {
                hash((each.uid, each.question, each.options, each.gold)): each.correct
                for each in samples
                if each.split == asked.split and each.correct is not None
            }
        # what was used last is forgotten last: the pinned run is in every difference
        self._graded[place] = graded
        _forget(self._graded, MOST_GRADED)
        return graded


def _paired(before: Mapping[int, bool], after: Mapping[int, bool]) -> VersusBase | None:
    """None where the examples differ, or none of them was graded."""
    if not before or before.keys() != after.keys():
        return None
    # numpy costs 0.1 s, which a list without a pinned run should not pay
    from evals.statistics import FEW_FLIPS, paired_difference

    change = paired_difference([before[key] for key in before], [after[key] for key in before])
    flips = sum(before[key] != after[key] for key in before)
    return VersusBase(change.mean, change.low, change.high, change.n, is_narrow=flips < FEW_FLIPS)


def _forget(kept: dict[Any, Any], most: int) -> None:
    while len(kept) > most:
        kept.pop(next(iter(kept)))
