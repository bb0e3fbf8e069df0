"""Where somebody is in the list of runs: what is shown, the cursor, marks, and what is known of each row. No widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rftui.runs.filter import AGE, Known, RunFilter, check_names
from rftui.runs.list_reads import ListNews, Wanted
from rftui.runs.marks import Marks
from rftui.runs.rows import Layout, RowFacts, group_line, head_line, layout, run_line
from rftui.runs.versus import KnownDifferences, Pinned
from rftui.runs.view import SORTS, Entry, GroupHead, RunView, arrange, group_of, stays, view_fields, view_of
from rftui.terminal.spans import Line
from store.run_list import Trace
from store.runs import RunSummary
from store.states import State, is_live

MOST_TRACES = 2000
"""Small curves that are kept, so that going back reads nothing."""


class Counts(NamedTuple):
    """How many runs there are of each kind."""

    total: int
    running: int
    """Those with a process: starting, running, stalled and stopping."""
    queued: int
    done: int
    """Those that ended, however."""
    shown: int
    """Those that the filter lets through."""
    marked: int


class RunBrowser:
    """The list as one person sees it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.view = RunView()
        self.news = ListNews({}, Marks())
        self.entries: list[Entry] = []
        self.marked: dict[int, None] = {}
        """Uids of marked runs, in the order of marking."""
        self.cursor = 0
        self.is_ascii = False
        self._clock = clock
        self._pending: RunView | None = None
        self._traces: dict[int, tuple[RunSummary, Trace]] = {}
        self.differences = KnownDifferences()
        self._longest_name = 0
        self._has_tags = False
        self._layout: Layout | None = None

    # what is known

    @property
    def wanted(self) -> Wanted:
        """What has to be read for the view, the asked-for one where one is waited for."""
        view = self._pending or self.view
        return Wanted(view.names, notes=view.filter.needs_notes)

    @property
    def runs(self) -> Mapping[int, RunSummary]:
        """Every run by uid."""
        return self.news.runs

    @property
    def baseline(self) -> RunSummary | None:
        """The pinned run."""
        pinned = self.news.marks.pinned
        return None if pinned is None else self.runs.get(pinned)

    @property
    def counts(self) -> Counts:
        """How many runs there are of each kind."""
        states = [run.state for run in self.runs.values()]
        queued = sum(state == State.QUEUED for state in states)
        live = sum(map(is_live, states))
        heads = [entry for entry in self.entries if isinstance(entry, GroupHead)]
        shown = sum(head.total for head in heads) if heads else len(self.entries)
        return Counts(len(states), live - queued, queued, len(states) - live, shown, len(self.marked))

    def take(self, news: ListNews) -> bool:
        """Takes in what was read, and says whether rows came, went or moved.

        Raises QueryError where what was asked for names no field, setting or metric; the view stays as it was then.
        """
        before, self.news = self.news, news
        base, pinned = self.baseline, news.marks.pinned
        self.differences.pin(None if base is None or pinned is None else Pinned(pinned, base))
        self._layout = None
        self._longest_name = max((len(run.name) for run in news.runs.values()), default=0)
        self._has_tags = any(run.tags for run in news.runs.values())
        self.marked = {uid: None for uid in self.marked if uid in news.runs}
        if self._pending is not None and self.wanted == news.wanted:
            pending, self._pending = self._pending, None
            self._show(self.view)
            check_names(pending.filter, news.names)
            return self._show(pending)
        if self.view.names and self.view.names <= news.wanted.names:
            # a remembered view may name what no run has any more
            self._check_sort()
        if self._stays(before, news):
            return False
        return self._show(self.view)

    def _check_sort(self) -> None:
        if self.view.sort not in SORTS and self.view.sort not in self.news.names:
            self.view = self.view._replace(sort=SORTS[0], is_reversed=False)

    def _stays(self, before: ListNews, after: ListNews) -> bool:
        """Whether every row is where it was."""
        view = self.view
        is_timed = any(test.key == AGE for test in view.filter.tests)
        if view.names or view.filter.needs_notes or is_timed or before.marks != after.marks:
            return False
        if list(before.runs) != list(after.runs):
            return False
        known = self._known()
        changed = [uid for uid, run in after.runs.items() if before.runs[uid] is not run]
        return all(stays(view, known, uid, before.runs[uid], after.runs[uid]) for uid in changed)

    def _known(self) -> Known:
        news = self.news
        return Known(
            now=self._clock(),
            starred=news.marks.starred,
            marked=self.marked.keys(),
            pinned=news.marks.pinned,
            notes=news.notes,
            values=news.values,
        )

    # what is shown

    def ask(self, view: RunView) -> bool:
        """Asks for another view, and says whether it is shown; where more must be read for it, `take` shows it."""
        needed = Wanted(view.names, notes=view.filter.needs_notes)
        have = self.news.wanted
        if needed.names <= have.names and needed.notes <= have.notes:
            self._pending = None
            check_names(view.filter, self.news.names)
            return self._show(view)
        self._pending = view
        return False

    def _show(self, view: RunView) -> bool:
        at = self.entry
        self.view, self._layout = view, None
        self.entries = arrange(self.runs, view, self._known())
        self.cursor = self._place_of(at)
        return True

    def _place_of(self, entry: Entry | None) -> int:
        """Where the cursor goes so that it stays on what it was on, as near as can be."""
        if isinstance(entry, int):
            if entry in self.entries:
                return self.entries.index(entry)
            if self.view.group and entry in self.runs:
                name = group_of(self.view, self.runs[entry])
                entry = next((head for head in self.entries if isinstance(head, GroupHead) and head.name == name), None)
        if isinstance(entry, GroupHead):
            name = entry.name
            for place, other in enumerate(self.entries):
                if isinstance(other, GroupHead) and other.name == name:
                    return place
        return max(0, min(self.cursor, len(self.entries) - 1))

    def shape(self, width: int) -> Layout:
        """The columns for a width."""
        metric = "" if self.view.sort in SORTS else self.view.sort
        self._layout = layout(
            width,
            longest_name=self._longest_name,
            has_baseline=self.baseline is not None,
            has_tags=self._has_tags,
            metric=metric,
        )
        return self._layout

    def head(self, width: int) -> Line:
        """Titles of the columns."""
        return head_line(self.shape(width), self.view, is_ascii=self.is_ascii)

    def line(self, place: int, width: int, *, is_chosen: bool) -> Line:
        """The row at a place."""
        entry = self.entries[place]
        if isinstance(entry, GroupHead):
            best = None if entry.best is None else self.runs.get(entry.best)
            return group_line(entry, self.view, best, is_chosen=is_chosen, width=width, is_ascii=self.is_ascii)
        shape = self._layout if self._layout is not None and self._layout.width == width else self.shape(width)
        run = self.runs[entry]
        cached = self._traces.get(entry)
        facts = RowFacts(
            trace=None if cached is None else cached[1],
            is_chosen=is_chosen,
            is_marked=entry in self.marked,
            is_starred=entry in self.news.marks.starred,
            is_pinned=entry == self.news.marks.pinned,
            has_baseline=self.baseline is not None,
            versus=self.differences.get(entry),
            is_versus_read=self.differences.is_known(entry),
            value=self.news.values.get(self.view.sort, {}).get(entry),
            now=self._clock(),
        )
        return run_line(shape, run, facts, is_ascii=self.is_ascii)

    def untraced(self, first: int, last: int) -> dict[int, RunSummary]:
        """Runs of the rows from `first` up to `last` whose small curve is not known, or is older than they are."""
        found = {}
        for entry in self.entries[first:last]:
            if isinstance(entry, int):
                run, cached = self.runs[entry], self._traces.get(entry)
                if cached is None or cached[0] is not run:
                    found[entry] = run
        return found

    def take_traces(self, runs: Mapping[int, RunSummary], traces: Mapping[int, Trace]) -> None:
        """Takes in the small curves of rows, as the runs were when they were read."""
        for uid, trace in traces.items():
            self._traces.pop(uid, None)
            self._traces[uid] = (runs[uid], trace)
        while len(self._traces) > MOST_TRACES:
            self._traces.pop(next(iter(self._traces)))

    def undiffered(self, first: int, last: int) -> dict[int, RunSummary]:
        """Runs of the rows from `first` up to `last` whose difference to the pinned run may be another by now."""
        found = {entry: self.runs[entry] for entry in self.entries[first:last] if isinstance(entry, int)}
        return {uid: run for uid, run in found.items() if self.differences.is_behind(uid, run)}

    # where the cursor is

    @property
    def entry(self) -> Entry | None:
        """The row under the cursor."""
        return self.entries[self.cursor] if self.cursor < len(self.entries) else None

    @property
    def run(self) -> RunSummary | None:
        """The run under the cursor; None on the head of a group."""
        entry = self.entry
        return self.runs.get(entry) if isinstance(entry, int) else None

    @property
    def selected(self) -> list[str]:
        """Names of the marked runs in the order of marking, else of the one under the cursor."""
        if self.marked:
            return [self.runs[uid].name for uid in self.marked if uid in self.runs]
        return [] if self.run is None else [self.run.name]

    def mark(self) -> None:
        """Marks the run under the cursor, or all of the group under it; what is all marked already is unmarked."""
        entry = self.entry
        members = [entry] if isinstance(entry, int) else self._members(entry)
        if all(uid in self.marked for uid in members):
            for uid in members:
                self.marked.pop(uid, None)
        else:
            self.marked.update(dict.fromkeys(members))

    def mark_all(self) -> None:
        """Marks every run that is shown; unmarks all where they are."""
        shown = [entry for entry in self.entries if isinstance(entry, int)]
        self.marked = {} if shown and all(uid in self.marked for uid in shown) else dict.fromkeys(shown)

    def _members(self, head: GroupHead | None) -> list[int]:
        if head is None:
            return []
        everyone = arrange(self.runs, self.view._replace(group="", folded=frozenset()), self._known())
        return [uid for uid in everyone if isinstance(uid, int) and group_of(self.view, self.runs[uid]) == head.name]

    def fold(self) -> bool:
        """Folds or unfolds the group of the row under the cursor; False where nothing is grouped."""
        entry = self.entry
        if not self.view.group or entry is None:
            return False
        name = entry.name if isinstance(entry, GroupHead) else group_of(self.view, self.runs[entry])
        return self.ask(self.view._replace(folded=self.view.folded ^ {name}))

    def fold_all(self) -> bool:
        """Folds all groups, or unfolds them where all are folded; False where nothing is grouped."""
        names = frozenset(entry.name for entry in self.entries if isinstance(entry, GroupHead))
        if not names:
            return False
        return self.ask(self.view._replace(folded=frozenset() if self.view.folded >= names else names))

    # what is remembered

    def fields(self) -> dict[str, Any]:
        """View, cursor and pin as JSON values."""
        return {
            **view_fields(self.view),
            "cursor": None if self.run is None else self.run.name,
            "pin": None if self.baseline is None else self.baseline.name,
        }

    def restore(self, fields: object) -> None:
        """Goes back to a view that `fields` gave, at the latest when what it needs is read.

        The pin is not taken from it: user.jsonl says which run is pinned.
        """
        view = view_of(fields)
        cursor = fields.get("cursor") if isinstance(fields, Mapping) else None
        self._show(self.view)
        if not self.ask(view):
            # what can be shown of it at once
            plain = view._replace(filter=RunFilter() if view.filter.names else view.filter)
            self._show(plain if plain.sort in SORTS else plain._replace(sort=SORTS[0]))
        self.put_cursor_on(cursor)

    def put_cursor_on(self, name: object) -> None:
        """Puts the cursor on a run by name, where it is shown."""
        for place, entry in enumerate(self.entries):
            if isinstance(entry, int) and self.runs[entry].name == name:
                self.cursor = place
                return
