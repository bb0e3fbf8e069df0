"""Makes real run directories for tests of the training process, starts it, and reads its journal back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from store.config import config_toml, parse_config
from store.layout import RunDir

QUICK: dict[str, Any] = {
    "task": "sat",
    "source": "generated",
    "max_steps": 3,
    "per_device_train_batch_size": 8,
    "num_generations": 4,
    "learning_rate": 1e-4,
    "max_completion_length": 12,
    "dtype": "float32",
    "gradient_checkpointing": False,
    "threads": 1,
    "image_min_pixels": 2304,
    "image_max_pixels": 2304,
    "save_steps": 0,
    "evaluation": {"every": 0, "at_start": False, "examples": 0, "batch_size": 8},
}
"""A few seconds of training on one core."""

ENVIRONMENT = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}


def make_run(tmp_path: Path, **settings: Any) -> RunDir:
    """A run directory with the quick settings and these over them."""
    run_dir = RunDir(tmp_path / "run")
    run_dir.path.mkdir(parents=True)
    config = parse_config({**QUICK, "name": "run", **settings})
    run_dir.config.write_text(config_toml(config), encoding="utf-8")
    return run_dir


def trainer_command(run_dir: RunDir, *arguments: str, ranks: int = 0) -> list[str]:
    """The command that rftui starts; `ranks` above 0 goes through torchrun."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)] if ranks else []
    return [sys.executable, *launcher, "-m", "trainer", str(run_dir.path), *arguments]


def start_trainer(run_dir: RunDir, *arguments: str, ranks: int = 0, **environment: str) -> subprocess.Popen[bytes]:
    """A running training process whose output goes to output.log."""
    with run_dir.output.open("ab") as output:
        return subprocess.Popen(
            trainer_command(run_dir, *arguments, ranks=ranks),
            cwd=run_dir.path,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **ENVIRONMENT, **environment},
            start_new_session=True,
        )


def train(run_dir: RunDir, *arguments: str, ranks: int = 0, **environment: str) -> int:
    """Exit code of a whole attempt."""
    return start_trainer(run_dir, *arguments, ranks=ranks, **environment).wait(timeout=300)


def records(run_dir: RunDir, *, rank: int = 0, attempt: int = 1) -> list[dict[str, Any]]:
    """A rank's journal, line by line, read without the store."""
    lines = run_dir.journal(rank, attempt).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def of_type(journal: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The records of one type, in order."""
    return [record for record in journal if record["type"] == kind]
