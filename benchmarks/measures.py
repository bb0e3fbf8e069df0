"""Percentiles, and how a benchmark opens the dashboard's views by the keys that the screen shows."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

from store.layout import Home
from tests.terminal import Terminal


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest of the values that so many percent do not exceed. Raises ValueError for none."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


def environment_of(home: Home) -> dict[str, str]:
    """The environment in which the dashboard opens a home, remembering views beside its runs."""
    state = home.path / "state"
    return {**os.environ, "RFTUI_HOME": str(home.path), "XDG_STATE_HOME": str(state)}


def open_run(terminal: Terminal, name: str) -> None:
    """From the list, on whose first row the run is, to its curves."""
    terminal.wait_for(name)
    terminal.press("enter")
    terminal.wait_for("1 Curves")


def open_tab(terminal: Terminal, title: str) -> None:
    """To a tab by the digit beside its name."""
    found = re.search(rf"(\d) {title}", terminal.text)
    if found is None:
        raise SystemExit(f"the screen shows no tab {title}:\n{terminal.text}")
    terminal.press(found[1])
