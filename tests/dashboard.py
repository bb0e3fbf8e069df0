"""A run screen under Textual's pilot, with waits for what it reads in place of sleeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from rftui.app import RunListApp
from rftui.screens.run_screen import TABS, RunScreen, Tab
from rftui.widgets.pane import Pane
from store.layout import Home, RunDir
from store.runs import find_run, open_catalogue
from tests.store_runs import append, checkpoint, eval_result, ingest_all, make_run, metrics, start

HOSTILE = "\x1b]0;owned\x07\x1b[31m[/b] [@click=app.quit()]x[/] \u202eabc"


class Dashboard:
    """An open run screen."""

    def __init__(self, app: RunListApp, pilot: Pilot[None], screen: RunScreen) -> None:
        self.app = app
        self.pilot = pilot
        self.screen = screen

    async def settle(self) -> None:
        """Until the run was looked at, read and drawn."""
        for turn in range(50):
            await self.app.workers.wait_for_complete()
            await self.pilot.pause()
            # on a busy machine a message that starts the next read may still be on its way
            if turn >= 2 and not any(pane.is_behind for pane in self.screen.query(Pane)):
                return

    async def press(self, *keys: str) -> None:
        """Keys, and what they start."""
        await self.pilot.press(*keys)
        await self.settle()


def curved_run(home: Home, *, steps: int = 60) -> RunDir:
    """A finished GRPO run with evaluations and a checkpoint, a gap, and hostile words in log and reason."""
    run_dir = make_run(home)
    records: list[dict[str, Any]] = [start()]
    for step in range(1, steps + 1):
        values = {
            "reward": step / steps,
            "reward_std": 0.2,
            "entropy": float("nan") if step == 30 else 1.0 / step,
            "num_tokens": 100.0 * step,
            "rewards/accuracy/mean": 0.5,
            f"odd/{HOSTILE}": 1.0,
        }
        records.append(metrics(step, **values))
        if step % 20 == 0:
            records += [eval_result(step), checkpoint(step)]
            records.append(metrics(step, **{"heldout/think/greedy/accuracy": 0.5}))
    append(run_dir.journal(0, 1), *records)
    append(
        run_dir.supervisor_journal,
        {"type": "attempt_start", "attempt": 1, "pid": 1},
        {"type": "state", "attempt": 1, "state": "failed", "reason": HOSTILE},
    )
    run_dir.output.write_text(f"first\n10%|#\r 50%|#####\r100%|##########\nneedle {HOSTILE}\n\tlast\n")
    ingest_all(home)
    return run_dir


@asynccontextmanager
async def dashboard(
    home: Home, name: str, *, size: tuple[int, int] = (120, 40), tabs: tuple[Tab, ...] = TABS
) -> AsyncIterator[Dashboard]:
    """The screen of a run, read and drawn."""
    app = RunListApp(home)
    async with app.run_test(size=size) as pilot:
        with closing(open_catalogue(home)) as connection:
            screen = RunScreen(home, find_run(connection, name), tabs)
        await app.switch_screen(screen)
        opened = Dashboard(app, pilot, screen)
        await opened.settle()
        yield opened


def drive(
    folder: Path,
    scenario: Callable[[Dashboard, RunDir], Awaitable[None]],
    *,
    size: tuple[int, int] = (120, 40),
    tabs: tuple[Tab, ...] = TABS,
) -> None:
    """Runs a scenario on the screen of `curved_run`."""

    async def run() -> None:
        home = Home(folder)
        run_dir = curved_run(home)
        async with dashboard(home, run_dir.name, size=size, tabs=tabs) as opened:
            await scenario(opened, run_dir)

    asyncio.run(run())
