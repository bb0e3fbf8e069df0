"""Several runs to compare: seeds of one setting, another method, another task; and their screen under the pilot."""

from __future__ import annotations

import asyncio
import atexit
import json
import math
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from PIL import Image
from textual.events import Mount
from textual.pilot import Pilot

from rftui.app import LIST, RunListApp
from rftui.screens.compare_screen import CompareScreen
from rftui.screens.run_list import RunListScreen
from rftui.terminal.spans import Line
from store.config import config_toml, parse_config
from store.layout import Home, RunDir
from store.media import write_image
from tests.rollout_rows import RED, step_record
from tests.store_runs import append, eval_result, eval_sample, ingest_all, metrics, start

HELD_OUT = "heldout/{prompt}/greedy/accuracy"
EXAMPLES = 40


def text_of(lines: Sequence[Line]) -> list[str]:
    """Lines of spans as plain text."""
    return ["".join(span.text for span in line) for line in lines]


def compared_run(
    home: Home,
    name: str,
    *,
    uid: int,
    steps: int = 20,
    skill: float = 0.5,
    state: str = "finished",
    evaluates: Sequence[str] = ("think", "direct"),
    **settings: Any,
) -> RunDir:
    """A run with curves, evaluations and, where it is GRPO, rollouts; `skill` decides what it gets right."""
    run_dir = home.run(name)
    run_dir.journal_dir.mkdir(parents=True)
    config = parse_config({"name": name, "max_steps": 300, **settings})
    run_dir.config.write_text(config_toml(config))
    run_dir.launch.write_text(json.dumps({"v": 1, "uid": uid, "name": name, "created_at": 100.0 + uid}))
    write_image(run_dir.media, RED, Image.new("RGB", (28, 28), "red"))
    records: list[dict[str, Any]] = [start()] if steps else []
    for step in range(1, steps + 1):
        records += step_of(step, skill=skill, method=config.method.value)
        if step % 10 == 0:
            records += evaluation_of(step, skill=skill * step / steps, prompts=evaluates)
    if records:
        append(run_dir.journal(0, 1), *records)
    append(
        run_dir.supervisor_journal,
        {"type": "attempt_start", "attempt": 1, "pid": 1},
        {"type": "state", "attempt": 1, "state": state, "reason": ""},
    )
    ingest_all(home)
    return run_dir


def step_of(step: int, *, skill: float, method: str = "grpo") -> list[dict[str, Any]]:
    """What a step leaves: metrics, and the prompts that every seed meets in the same order."""
    curve = skill * (1 - math.exp(-step / 10))
    if method != "grpo":
        return [metrics(step, loss=1 - curve, mean_token_accuracy=curve)]
    groups = [
        step_record(
            step, number, right=right, uid=f"sat/train/{(step * 3 + number) % 12}", question=f"Where, {number}?"
        )
        for number, right in enumerate((4, round(4 * skill), 0))
    ]
    values = {"reward": 1 + curve, "kl": 0.01 * step, "rewards/accuracy/mean": curve, "num_tokens": 100.0 * step}
    return [*groups, metrics(step, **values)]


def evaluation_of(step: int, *, skill: float, prompts: Sequence[str]) -> list[dict[str, Any]]:
    """A held-out evaluation of forty examples, of which the first share is right; without <think> a tenth less."""
    records: list[dict[str, Any]] = []
    for prompt in prompts:
        right = round(EXAMPLES * (skill if prompt == "think" else skill * 0.9))
        for index in range(EXAMPLES):
            said = {"answer": "left" if index < right else "right", "prompt": prompt}
            text = f"<think>held out {index}</think><answer>{said['answer']}</answer>"
            records.append(eval_sample(step, index, correct=index < right, completion=text, **said))
        totals = {
            "n": EXAMPLES,
            "accuracy": right / EXAMPLES,
            "low": right / EXAMPLES - 0.1,
            "high": right / EXAMPLES + 0.1,
        }
        records.append(eval_result(step, correct=right, prompt=prompt, **totals))
        records.append(metrics(step, **{HELD_OUT.format(prompt=prompt): right / EXAMPLES}))
    return records


def seeded_home(folder: Path) -> Home:
    """Two seeds of GRPO, and SFT."""
    shutil.copytree(_seeded(), folder, dirs_exist_ok=True)
    return Home(folder)


@cache
def _seeded() -> Path:
    """Made once: it takes longer than most of what is tested on it."""
    folder = Path(mkdtemp(prefix="rftui-compared-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    home = Home(folder)
    compared_run(home, "sat-grpo-1", uid=1, skill=0.5, seed=1)
    compared_run(home, "sat-grpo-2", uid=2, skill=0.75, seed=2)
    compared_run(home, "sat-sft-3", uid=3, skill=0.3, method="sft", learning_rate=2e-5, prompt="direct")
    return folder


class Compared:
    """An open comparison."""

    def __init__(self, app: RunListApp, pilot: Pilot[None], screen: CompareScreen) -> None:
        self.app = app
        self.pilot = pilot
        self.screen = screen

    async def settle(self) -> None:
        """Until the runs were looked at, read and drawn."""
        await self.pilot.pause()
        for turn in range(20):
            # what was read may ask for more, such as a picture; on a busy machine its message may be on its way
            if turn >= 2 and not any(not worker.is_finished for worker in self.app.workers):
                return
            await self.app.workers.wait_for_complete()
            await self.pilot.pause()

    async def settle_until(self, is_so: Callable[[], bool]) -> None:
        """Until something is so, or 100 times settled: a busy machine may take a process for idle that has no turn."""
        for _ in range(100):
            if is_so():
                return
            await self.settle()

    async def look(self) -> None:
        """Looks at the runs as the screen's own clock would."""
        self.screen.look()
        await self.settle()

    async def press(self, *keys: str) -> None:
        """Keys, and what they start."""
        await self.pilot.press(*keys)
        await self.settle()

    def rows(self, selector: str) -> list[str]:
        """What a widget draws, as text."""
        widget = self.screen.query_one(selector)
        return ["".join(part.text for part in widget.render_line(y)).rstrip() for y in range(widget.size.height)]


class OpenOnComparison(RunListApp):
    """The dashboard with a comparison in the place of the list, which is there to go back to."""

    def __init__(self, home: Home, first: CompareScreen) -> None:
        super().__init__(home)
        self._first = first

    def on_mount(self, event: Mount | None = None) -> None:
        """Opens the comparison; the list would be drawn first, and takes longer than the test."""
        if event is not None:
            event.prevent_default()
        self.install_screen(RunListScreen(self.home), LIST)
        self.push_screen(self._first)


@asynccontextmanager
async def compared(
    home: Home, names: Sequence[str], pinned: str | None = None, *, size: tuple[int, int] = (140, 32)
) -> AsyncIterator[Compared]:
    """The comparison of runs, read and drawn."""
    # a test looks when it wants to
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("rftui.screens.compare_screen.LOOK_EVERY_S", 3600.0)
    screen = CompareScreen(home, names, pinned)
    app = OpenOnComparison(home, screen)
    async with app.run_test(size=size) as pilot:
        opened = Compared(app, pilot, screen)
        await opened.settle()
        try:
            yield opened
        finally:
            monkeypatch.undo()


def drive_comparison(
    home: Home,
    names: Sequence[str],
    scenario: Callable[[Compared], Awaitable[None]],
    *,
    pinned: str | None = None,
    size: tuple[int, int] = (140, 32),
) -> None:
    """Runs a scenario on a comparison."""

    async def run() -> None:
        async with compared(home, names, pinned, size=size) as opened:
            await scenario(opened)

    asyncio.run(run())
