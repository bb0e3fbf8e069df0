"""Where somebody is in a run's rollouts: the step, the order, the query, and whether new steps are followed. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rftui.rollouts.groups import GroupSummary, Sort, count_groups, nearest_step, sort_groups
from rftui.rollouts.header import Head
from rftui.rollouts.query import NOTHING, RolloutQuery
from rftui.rollouts.reads import Extent, StepPage


class RolloutBrowser:
    """Takes what was read and what was asked for, and says which step to read next."""

    def __init__(self) -> None:
        self.steps: Sequence[int] = ()
        self.step: int | None = None
        """The step that is shown or being read."""
        self.page: StepPage | None = None
        self.groups: list[GroupSummary] = []
        """Those of the page that the query finds, in order."""
        self.order = Sort.NUMBER
        self.is_reversed = False
        self.query: RolloutQuery = NOTHING
        self.hits: dict[int, int] | None = None
        self.is_counted = False
        """Whether the query was counted at every step."""
        self.follows = True
        self.newer = 0
        self.problem = ""
        self.has_looked = False
        self._wanted_step: int | None = None
        self._wanted_uid: str | None = None
        self._starts_at_end = False
        self._seeks = False

    @property
    def is_searched(self) -> bool:
        """Whether a query chooses among the groups."""
        return bool(self.query.tests)

    def head(self) -> Head:
        """What the head tells."""
        counts = count_groups(self.page.groups if self.page is not None else ())
        return Head(
            self.steps, self.step, counts, self.order, self.is_reversed, self.follows, self.newer,
            self.query.text, self.hits, self.problem, self.has_looked, self.is_counted,
        )  # fmt: skip

    def take_extent(self, extent: Extent) -> int | None:
        """The step to read because steps came, or more of the shown one; None where nothing is to be read."""
        self.has_looked = True
        came = len(extent.steps) - len(self.steps)
        self.steps = extent.steps
        if not self.steps:
            return None
        if self._wanted_step is not None:
            return self._go(nearest_step(self.steps, self._wanted_step))
        newest = self.steps[-1]
        if self.step is None or (self.follows and newest != self.step):
            return self._go(newest)
        if not self.follows and came > 0:
            self.newer += came
        page = self.page
        if page is None or not page.step == self.step == extent.shown_step:
            return None
        return self.step if page.rollouts != extent.shown_rollouts else None

    def take_page(self, page: StepPage, query: RolloutQuery, *, selected: int | None) -> int | None:
        """Shows a step that was read and gives the row to select; None where another step or query is wanted by now."""
        if page.step != self.step or query != self.query:
            return None
        is_same_step = self.page is not None and self.page.step == page.step
        self.page = page
        self.problem = ""
        return self._arrange(selected if is_same_step else None)

    def take_hits(self, hits: dict[int, int], query: RolloutQuery, *, is_counted: bool = True) -> int | None:
        """Takes what a query finds at each step so far, and once gives the nearest step where this one has nothing.

        Steps nearest to this one are counted first. Who went elsewhere meanwhile stays there.
        """
        if query != self.query:
            return None
        self.hits, self.is_counted = hits, is_counted
        if not self._seeks or self.step is None or not hits:
            return None
        self._seeks = False
        return None if self.step in hits else self._leave_for(nearest_step(list(hits), self.step))

    def show_step(self, step: int, *, uid: str | None = None) -> int | None:
        """The step to read for one that is wanted, and the prompt to select there; None until steps are known."""
        self.follows = False
        self._wanted_uid = uid
        if not self.steps:
            self._wanted_step = step
            return None
        return self._go(nearest_step(self.steps, step))

    def by_steps(self, count: int) -> int | None:
        """The step so many further on; None where there is none."""
        if self.step is None or not self.steps:
            return None
        nearest = nearest_step(self.steps, self.step)
        place = self.steps.index(self.step if nearest is None else nearest) + count
        return self._leave_for(self.steps[max(0, min(len(self.steps) - 1, place))])

    def newest(self) -> int | None:
        """The newest step, which is followed from here on."""
        self.follows, self.newer = True, 0
        return self._go(self.steps[-1]) if self.steps else None

    def next_found_step(self, direction: int) -> int | None:
        """The next step that way at which the query finds anything; after the last one the first."""
        if not self.hits or self.step is None:
            return None
        here = self.step
        round_trip = sorted(self.hits, reverse=direction < 0)
        found = next((step for step in round_trip if (step - here) * direction > 0), round_trip[0])
        step = self._leave_for(found)
        self._starts_at_end = step is not None and direction < 0
        return step

    def search(self, query: RolloutQuery) -> int | None:
        """The step to read again for another query."""
        self.query = query
        self.hits, self.is_counted = None, False
        self.problem = ""
        self._seeks = bool(query.tests)
        return self.step

    def next_order(self, *, selected: int | None) -> int:
        """Sorts by the next value, the most telling end first, and gives the row of the selected group."""
        orders = list(Sort)
        self.order = orders[(orders.index(self.order) + 1) % len(orders)]
        self.is_reversed = self.order in (Sort.REWARD, Sort.ADVANTAGE, Sort.LENGTH)
        return self._arrange(selected)

    def reverse(self, *, selected: int | None) -> int:
        """Turns the order round, and gives the row of the selected group."""
        self.is_reversed = not self.is_reversed
        return self._arrange(selected)

    def _leave_for(self, step: int | None) -> int | None:
        """A step that the user chose, which ends following; None where it is shown already."""
        if step is None or step == self.step:
            return None
        self.follows = False
        return self._go(step)

    def _go(self, step: int | None) -> int | None:
        self.step = step
        self._wanted_step = None
        self._starts_at_end = False
        self._seeks = False
        if self.steps and step == self.steps[-1]:
            self.newer = 0
        return step

    def _arrange(self, selected: int | None) -> int:
        groups = self.page.groups if self.page is not None else ()
        found = [group for group in groups if group.matches] if self.is_searched else groups
        self.groups = sort_groups(found, self.order, is_reversed=self.is_reversed)
        if self._wanted_uid is not None:
            uid, self._wanted_uid = self._wanted_uid, None
            return next((row for row, group in enumerate(self.groups) if group.uid == uid), 0)
        if self._starts_at_end:
            self._starts_at_end = False
            return max(0, len(self.groups) - 1)
        return next((row for row, group in enumerate(self.groups) if group.id == selected), 0)
