"""Draws docs/curves.svg and docs/rollouts.svg from a real run: `python docs/take_screenshots.py RUN [--home DIR]`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from rftui.app import RunListApp
from rftui.runs.reads import current_run, current_runs
from store.layout import Home, resolve_home
from store.runs import RunSummary

SIZE = (150, 44)
PAUSE_S = 6.0
"""Enough for the reader threads of a tab to draw a whole run."""


async def take(home: Home, name: str, *, keys_by_file: dict[str, list[str]], folder: Path) -> None:
    """One picture a file, after its keys."""
    app = RunListApp(home)
    async with app.run_test(size=SIZE) as pilot:
        await asyncio.sleep(PAUSE_S)
        names = [summary.name for summary in await asyncio.to_thread(_summaries, home)]
        await pilot.press(*["down"] * names.index(name), "enter")
        for file, keys in keys_by_file.items():
            await asyncio.sleep(PAUSE_S)
            await pilot.press(*keys)
            await asyncio.sleep(PAUSE_S)
            app.save_screenshot(file, path=str(folder))


def _summaries(home: Home) -> list[RunSummary]:
    return current_runs(home)


def main() -> None:
    """Takes both pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="name of the run, as `rftui runs` shows it")
    parser.add_argument("--home", type=Path, default=None)
    arguments = parser.parse_args()
    home = resolve_home(arguments.home)
    name = current_run(home, arguments.run).name
    keys_by_file = {"curves.svg": ["1"], "rollouts.svg": ["2", "end"]}
    asyncio.run(take(home, name, keys_by_file=keys_by_file, folder=Path(__file__).parent))


if __name__ == "__main__":
    main()
