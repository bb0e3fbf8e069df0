"""Where each completion of a group stands in a column of lines, and which of them are folded. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Sequence
from itertools import accumulate
from typing import NamedTuple

from rftui.rollouts.group_text import View, completion_lines, largest_parts, prompt_lines
from rftui.terminal.spans import Line
from store.rollouts import Occurrence, Rollout


class Place(NamedTuple):
    """Lines from `top` up to `bottom`, which is no more part of it."""

    top: int
    bottom: int


class GroupLayout:
    """The lines of one group at one width; folding one completion lays out that one again."""

    def __init__(self, rollouts: Sequence[Rollout], history: Sequence[Occurrence], view: View) -> None:
        self.rollouts = rollouts
        self.view = view._replace(largest=largest_parts(rollouts))
        self.open_samples: set[int] = set()
        shows_prompt = bool(rollouts) and view.has_prompt
        self._prompt = prompt_lines(rollouts[0], history, width=view.width) if shows_prompt else []
        self._blocks: list[list[Line]] = []
        self._tops: list[int] = []
        self._lay_out_all()

    @property
    def height(self) -> int:
        """Lines of the whole column."""
        return self._tops[-1]

    def is_open(self, index: int) -> bool:
        """Whether the reasoning of a completion is shown."""
        return self.rollouts[index].sample in self.open_samples

    def toggle(self, index: int) -> None:
        """Folds or unfolds one completion."""
        self.open_samples ^= {self.rollouts[index].sample}
        self._blocks[index] = self._block(index)
        self._measure()

    def open_all(self, samples: set[int]) -> None:
        """Unfolds just these completions."""
        self.open_samples = set(samples)
        self._lay_out_all()

    def look(self, view: View, samples: Collection[int]) -> None:
        """Takes another view of the same width, which shows these completions in another way."""
        self.view = view._replace(largest=self.view.largest)
        for index, rollout in enumerate(self.rollouts):
            if rollout.sample in samples:
                self._blocks[index] = self._block(index)
        self._measure()

    def line(self, y: int) -> Line:
        """The line at `y`; an empty one beyond the end."""
        if y < len(self._prompt):
            return self._prompt[y]
        index = self.block_at(y)
        if index is None or y >= self.height:
            return ()
        return self._blocks[index][y - self._tops[index]]

    def block_at(self, y: int) -> int | None:
        """The completion whose lines hold `y`, the last one beyond the end; None in the prompt or without any."""
        index = bisect_right(self._tops, y) - 1
        return None if index < 0 or not self._blocks else min(index, len(self._blocks) - 1)

    def place(self, index: int) -> Place:
        """Where a completion stands."""
        return Place(self._tops[index], self._tops[index + 1])

    def _block(self, index: int) -> list[Line]:
        return completion_lines(self.rollouts[index], self.view, is_open=self.is_open(index))

    def _lay_out_all(self) -> None:
        self._blocks = [self._block(index) for index in range(len(self.rollouts))]
        self._measure()

    def _measure(self) -> None:
        self._tops = list(accumulate((len(block) for block in self._blocks), initial=len(self._prompt)))
