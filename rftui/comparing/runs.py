"""The runs of a comparison by letter, and what must be said of them before any number. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rftui.charts.plot import COLOURS, SERIES, sample_of
from rftui.comparing.comparison import letters_of
from rftui.comparing.watch import WatchedRun
from rftui.formats import ASCII_SYMBOLS, SYMBOLS, steps
from rftui.terminal.spans import LINE_ROLES, Line, Role, Span, fitted, flowed
from rftui.terminal.wrapping import drawable_line
from store.runs import RunSummary


class CompareRuns:
    """The runs of a comparison as they were last seen; each look makes another one."""

    def __init__(self, runs: Sequence[WatchedRun]) -> None:
        self.runs = tuple(runs)
        self.letters = letters_of([run.name for run in runs])
        """Of every run, also of those that are gone: no letter changes while the comparison is open."""

    @property
    def there(self) -> list[str]:
        """Names of the runs that can be compared, the baseline first."""
        return [run.name for run in self.runs if run.is_there]

    @property
    def summaries(self) -> dict[str, RunSummary]:
        """The runs that can be compared."""
        return {run.name: run.summary for run in self.runs if run.is_there and run.summary is not None}

    @property
    def versions(self) -> Mapping[str, int]:
        """By run a number that changes when there is something else to read."""
        return {run.name: run.journals for run in self.runs if run.is_there}


def legend_lines(runs: CompareRuns, width: int, *, at_most: int, is_ascii: bool) -> list[Line]:
    """Letter, line and name of every run with its state and step, shorter where there are many; cut to some lines."""
    long = [_entry(runs, run, number, is_ascii=is_ascii) for number, run in enumerate(runs.runs)]
    lines = flowed(long, width, gap="   ")
    if len(lines) > at_most:
        # a name tells runs apart, a state does not
        lines = flowed([entry[:4] for entry in long], width, gap="   ")
    if len(lines) > at_most:
        shown = lines[:at_most]
        last = (*shown[-1], Span("   more", Role.MUTED))
        return [*shown[:-1], fitted(last, width)]
    return lines


def _entry(runs: CompareRuns, run: WatchedRun, number: int, *, is_ascii: bool) -> Line:
    ink = LINE_ROLES[number % COLOURS]
    head = (
        Span(runs.letters[run.name], Role.STRONG),
        Span(f" {sample_of(number, is_ascii=is_ascii)} " if number < SERIES else " ", ink),
        Span(drawable_line(run.name), Role.PLAIN if run.is_there or run.summary is None else Role.WARNING),
    )
    if run.problem or run.summary is None:
        # what is wrong stands in a sentence below
        return (*head, Span(" gone" if run.problem else " …", Role.WARNING if run.problem else Role.MUTED))
    summary = run.summary
    symbol = (ASCII_SYMBOLS if is_ascii else SYMBOLS).get(summary.state, "?")
    said = f" {summary.state} {steps(summary.step, summary.total_steps)}"
    return (*head, Span(f" {symbol}", Role.MUTED), Span(said, Role.MUTED))


def warnings_of(runs: CompareRuns) -> Iterator[str]:
    """What makes a comparison less than it seems, a sentence each."""
    for run in runs.runs:
        if run.problem:
            yield f"{drawable_line(run.name)} {drawable_line(run.problem)}: it is left out"
    summaries = runs.summaries
    if any(run.summary is None and not run.problem for run in runs.runs):
        return
    if not summaries:
        yield "there is nothing left to compare: esc goes back to the list"
    elif len(runs.runs) == 1:
        yield "one run alone has nothing to be compared with: esc, mark another with space, and c again"
    elif len(summaries) == 1:
        yield f"only {drawable_line(next(iter(summaries)))} is left"
    tasks = dict.fromkeys(drawable_line(summary.task) for summary in summaries.values())
    if len(tasks) > 1:
        yield f"different tasks ({', '.join(tasks)}): no test says which run is better at either"
    for name, version in runs.versions.items():
        if version <= 0 or (not summaries[name].step and summaries[name].accuracy is None):
            yield f"{drawable_line(name)} has written no step yet"
    if len(runs.runs) > SERIES:
        yield f"charts show the first {SERIES} of {len(runs.runs)} runs"


def warning_lines(runs: CompareRuns, width: int, *, at_most: int) -> list[Line]:
    """The warnings side by side on at most some lines."""
    pieces: list[Line] = [(Span(f"! {text}", Role.WARNING),) for text in warnings_of(runs)]
    return flowed(pieces, width, gap="   ")[:at_most]
