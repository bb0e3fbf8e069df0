"""The check of the training interpreter for many runs at once: torch and TRL are imported once, and not once a run."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rftui.planning.command import child_environment, shared_environment
from rftui.planning.plan import LaunchPlan
from rftui.planning.preflight import CHECK_PATIENCE_S, TrainerAnswer, check_failed, trainer_findings
from store.config import config_toml

PATIENCE_EACH_S = 60.0
"""Listing a large data set takes this long at worst."""


def check_trainers(plans: Sequence[LaunchPlan]) -> list[TrainerAnswer]:
    """What `python -m trainer --check` says of each plan, in order; those of one environment share one process."""
    groups: dict[Hashable, list[int]] = {}
    for place, plan in enumerate(plans):
        config = plan.config
        key = (plan.python, config.zero, config.gpus, plan.hides_gpus, config.threads)
        groups.setdefault(key, []).append(place)
    answers: dict[int, TrainerAnswer] = {}
    for places in groups.values():
        together = [plans[place] for place in places]
        answers |= dict(zip(places, _answers(together), strict=True))
    return [answers[place] for place in range(len(plans))]


def _answers(plans: Sequence[LaunchPlan]) -> Iterator[TrainerAnswer]:
    """The answers of one process; where it ends before the last of them, the others have failed."""
    first, patience_s = plans[0], CHECK_PATIENCE_S + PATIENCE_EACH_S * len(plans)
    trouble, lines = "", []
    with tempfile.TemporaryDirectory(prefix="rftui-preflight-") as scratch:
        folders = [Path(scratch, str(place)) for place in range(len(plans))]
        for folder, plan in zip(folders, plans, strict=True):
            folder.mkdir()
            (folder / "config.toml").write_text(config_toml(plan.config), encoding="utf-8")
        gpus = None if first.hides_gpus else first.config.gpus
        environment = shared_environment(first.directory, python=first.python, zero=first.config.zero, gpus=gpus)
        try:
            finished = subprocess.run(
                [first.python, "-m", "trainer", "--check", *map(str, folders)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                cwd=scratch,
                env=child_environment(environment),
                timeout=patience_s,
                check=False,
            )
            lines = finished.stdout.decode("utf-8", "replace").strip().splitlines()
            said = finished.stderr.decode("utf-8", "replace").strip().splitlines()
            trouble = said[-1] if said else f"exit code {finished.returncode}"
        except subprocess.TimeoutExpired:
            trouble = f"no answer in {patience_s:.0f} s"
        except OSError as error:
            trouble = str(error)
    for place, plan in enumerate(plans):
        answer = _parsed(lines[place]) if place < len(lines) else None
        yield (
            TrainerAnswer({}, [*check_failed(plan, trouble)])
            if answer is None
            else TrainerAnswer(answer, list(trainer_findings(answer)))
        )


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None
