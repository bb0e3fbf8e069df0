"""The two files that say what a run is, read without pydantic: RUN_DIR/config.toml and RUN_DIR/launch.json.

The supervisor lives as long as the run and should stay small; the configuration was validated when it was written.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from store.layout import RunDir


class RunFacts(NamedTuple):
    """What a supervisor needs to know."""

    name: str
    uid: int
    python: str
    method: str
    max_steps: int
    stall_after_s: float
    ranks: int
    zero: int
    gpus: tuple[int, ...] | None
    """None hides every GPU from the run."""
    created_at: float = 0.0
    queue: Mapping[str, Any] = MappingProxyType({})
    """What the launch asked of the queue; empty for runs of before there was one."""


def read_facts(run_dir: RunDir) -> RunFacts:
    """Raises OSError, ValueError or KeyError where a file is missing, torn or foreign."""
    config: dict[str, Any] = tomllib.loads(run_dir.config.read_text(encoding="utf-8"))
    launch: dict[str, Any] = json.loads(run_dir.launch.read_text(encoding="utf-8"))
    return RunFacts(
        name=run_dir.name,
        uid=int(launch["uid"]),
        python=str(launch["python"]),
        method=str(config["method"]),
        max_steps=int(config["max_steps"]),
        stall_after_s=float(config["stall_after_s"]),
        ranks=int(config["ranks"]),
        zero=int(config["zero"]),
        gpus=None if launch.get("hides_gpus") else tuple(int(index) for index in config["gpus"]),
        created_at=float(launch.get("created_at") or 0),
        queue=launch["queue"] if isinstance(launch.get("queue"), dict) else {},
    )
