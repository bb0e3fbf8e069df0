"""Reads and writes for the list of runs in threads; each ends in a message and in nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from textual.message import Message
from textual.worker import get_current_worker

from rftui.runs.list_reads import ListNews, RunListWatch, Wanted, last_note, metric_choices, read_traces
from rftui.runs.list_text import problem_text
from rftui.runs.versus import Pinned, VersusBase
from rftui.screens.still_screen import StillScreen
from store.layout import Home
from store.run_list import PersonNote, Trace
from store.runs import RunSummary

if TYPE_CHECKING:
    from rftui.runs.base_reads import BaseReader

logger = logging.getLogger(__name__)


class RunListReader(StillScreen):
    """What the screen of the list reads, one read of a kind at a time."""

    class NewsRead(Message):
        """The list changed; None where it did not."""

        bubble = False

        def __init__(self, news: ListNews | None) -> None:
            super().__init__()
            self.news = news

    class AheadRead(Message):
        """What the next keys need is imported."""

        bubble = False

    class TracesRead(Message):
        """What rows show beyond the summaries of their runs."""

        bubble = False

        def __init__(self, runs: Mapping[int, RunSummary], traces: Mapping[int, Trace]) -> None:
            super().__init__()
            self.runs = runs
            self.traces = traces

    class DifferencesRead(Message):
        """By how much rows differ from the pinned run."""

        bubble = False

        def __init__(
            self, pinned: Pinned, runs: Mapping[int, RunSummary], found: Mapping[int, VersusBase | None]
        ) -> None:
            super().__init__()
            self.pinned = pinned
            self.runs = runs
            self.found = found

    class GpusRead(Message):
        """What the GPUs do, and which live runs hold them, by index."""

        bubble = False

        def __init__(self, samples: Sequence[Mapping[str, Any]], holders: Mapping[int, Sequence[str]]) -> None:
            super().__init__()
            self.samples = samples
            self.holders = holders

    class MetricsRead(Message):
        """Everything that runs can be sorted by."""

        bubble = False

        def __init__(self, names: Sequence[str]) -> None:
            super().__init__()
            self.names = names

    class NoteRead(Message):
        """The last note that a person wrote to a run."""

        bubble = False

        def __init__(self, name: str, note: PersonNote | None) -> None:
            super().__init__()
            self.name = name
            self.note = note

    class Said(Message):
        """What somebody said of a run is written down."""

        bubble = False

        def __init__(self, words: str) -> None:
            super().__init__()
            self.words = words

    class Failed(Message):
        """Something could not be read or written."""

        bubble = False

        def __init__(self, kind: str, problem: str) -> None:
            super().__init__()
            self.kind = kind
            self.problem = problem

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.home = home
        self._watch = RunListWatch(home)
        self._base: BaseReader | None = None
        self._is_first = True
        self._busy: set[str] = set()

    def on_unmount(self) -> None:
        """Lets go of the databases in a thread: the last one to close them writes back what was logged."""
        self.app.run_worker(self._watch.close, thread=True, exit_on_error=False)

    def is_busy(self, kind: str) -> bool:
        """Whether a read of that kind is under way."""
        return kind in self._busy

    def read_news(self, wanted: Wanted, *, is_thorough: bool = False) -> None:
        """Looks at all runs; at first as the catalogue has them, so that there is something to see."""

        def read() -> Message:
            if self._is_first:
                self._is_first = False
                return self.NewsRead(self._watch.first())
            return self.NewsRead(self._watch.look(wanted, is_thorough=is_thorough))

        self._start("news", read)

    def read_traces(self, runs: Mapping[int, RunSummary], *, columns: int) -> None:
        """Reads the small curves of rows."""
        self._start("traces", lambda: self.TracesRead(runs, read_traces(self.home, runs, columns=columns)))

    def read_differences(self, pinned: Pinned, runs: Mapping[int, RunSummary]) -> None:
        """Reads by how much runs differ from the pinned one."""

        def read() -> Message:
            if self._base is None:
                # a list without a pinned run does without
                from rftui.runs.base_reads import BaseReader

                self._base = BaseReader(self.home)
            return self.DifferencesRead(pinned, runs, self._base.read(pinned, runs))

        self._start("differences", read)

    def read_gpus(self) -> None:
        """Asks NVML what the GPUs of this machine do, and the store which runs hold them."""

        def read() -> Message:
            # NVML costs 40 ms at first, and the first frame should not wait for it
            from rftui.supervision.gpus import gpu_samples
            from rftui.system.holders import holders_here

            samples = gpu_samples()
            return self.GpusRead(samples, holders_here(self.home) if samples else {})

        self._start("gpus", read)

    def read_ahead(self) -> None:
        """Imports what the next keys need; a first enter should not wait for it."""

        def read() -> Message:
            for name in ("rftui.widgets.run_preview", "rftui.screens.run_screen"):
                import_module(name)
            return self.AheadRead()

        self._start("ahead", read)

    def read_metrics(self) -> None:
        """Reads what runs can be sorted by."""
        self._start("metrics", lambda: self.MetricsRead(metric_choices(self.home)))

    def read_note(self, uid: int, name: str) -> None:
        """Reads the last note of a run."""
        self._start("note", lambda: self.NoteRead(name, last_note(self.home, uid)))

    def write(self, words: str, act: Callable[[], object]) -> None:
        """Writes down what somebody said of a run; the words say it afterwards."""

        def write() -> Message:
            act()
            return self.Said(words)

        self._start("write", write)

    def _start(self, kind: str, work: Callable[[], Message]) -> None:
        if kind in self._busy:
            return
        self._busy.add(kind)
        self.run_worker(lambda: self._in_thread(kind, work), thread=True, group=kind, exit_on_error=False)

    def _in_thread(self, kind: str, work: Callable[[], Message]) -> None:
        message: Message
        try:
            message = work()
        except Exception as error:
            # a pane's boundary: whatever cannot be read or written, the list stays as it was and says why
            logger.warning("the list could not do its %s", kind, exc_info=True)
            message = self.Failed(kind, problem_text(error))
        self._busy.discard(kind)
        if not get_current_worker().is_cancelled:
            self.post_message(message)
