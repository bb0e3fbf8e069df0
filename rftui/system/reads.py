"""Reads what the tab of the system shows: samples since the last look, and which run holds which GPU. Draws nothing."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import NamedTuple

from rftui.charts.plot import Plot
from rftui.system.history import Energy, SystemHistory
from rftui.system.holders import HOLDING, gpu_holders, run_gpus
from rftui.system.plots import Window, system_plots
from store.attempt_ends import last_attempt, run_state
from store.layout import Home
from store.runs import open_catalogue
from store.system_samples import START, Place, SystemSample, read_samples


class GpuEnergy(NamedTuple):
    """The energy of one GPU so far."""

    gpu: int
    """NVML's index."""
    energy: Energy


class SystemPage(NamedTuple):
    """All that the tab shows, at one moment."""

    version: tuple[int, Window]
    """Samples so far, and how much of their time is drawn; with the same of both the plots are the same."""
    last: SystemSample | None
    plots: tuple[Plot, ...]
    energies: tuple[GpuEnergy, ...]
    """Of the GPUs that count for the run."""
    host: str | None
    """Where the run trains or trained last; None before its training process spoke."""
    is_live: bool
    """Whether its process lives, so that it holds its GPUs."""
    own: tuple[int, ...]
    """NVML's indices of the run's GPUs; empty where it names none."""
    hides_gpus: bool
    """Whether the run was started on the CPU of a machine that may have GPUs."""
    holders: dict[int, tuple[str, ...]]
    """Live runs of this home by the index of a GPU of that host that they hold."""

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return self.version[0]


class SystemSource:
    """The samples of one run. `page` raises StoreError and sqlite3.Error; one thread at a time calls it."""

    def __init__(self, home: Home, run: str) -> None:
        self.home = home
        self.run = run
        self._history: SystemHistory | None = None
        self._place: Place = START
        self._plots: tuple[Plot, ...] = ()
        self._plotted: tuple[int, Window] | None = None

    def page(self, window: Window, *, is_ascii: bool) -> SystemPage:
        """Everything so far."""
        gpus = run_gpus(self.home, self.run)
        history = self._history = self._history or SystemHistory(gpus or ())
        with closing(open_catalogue(self.home)) as connection:
            while (part := read_samples(connection, self.run, after=self._place)).samples:
                history.add(part.samples)
                self._place = part.place
            state = run_state(connection, self.run)
            attempt = last_attempt(connection, self.run)
            host = attempt.host if attempt is not None else None
            holders = gpu_holders(self.home, connection, host)
        version = (history.samples, window)
        if version != self._plotted:
            self._plotted, self._plots = version, tuple(system_plots(history, window, is_ascii=is_ascii))
        return SystemPage(
            version=version,
            last=history.last,
            plots=self._plots,
            energies=tuple(GpuEnergy(gpu.index, replace(gpu.energy)) for gpu in history.own_gpus),
            host=host,
            is_live=state in HOLDING,
            own=gpus or (),
            hides_gpus=gpus is None,
            holders=holders,
        )
