"""CPU that a command costs before it does anything, against a typer app of one command.

    python benchmarks/startup.py [--pairs 12] [--runs 1000]

Prints the ratio of `rftui --help` and of `rftui runs` (on a home of 1,000 runs) to that app's `--help`: medians of
CPU seconds (user and system, children included) over interleaved pairs, so that a busy machine slows both alike.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from store.config import config_toml, parse_config
from store.ingest import ingest_home
from store.journal import Appender
from store.layout import Home

ONE_COMMAND = """
import typer

app = typer.Typer()


@app.command()
def hello(name: str = "you", times: int = 1) -> None:
    "Say hello."
    for _ in range(times):
        print("hello", name)


app()
"""


def cpu_seconds(command: list[str], environment: dict[str, str]) -> float:
    """User and system time of one process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    subprocess.run(command, env=environment, check=True, cwd=tempfile.gettempdir(), **quiet)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def fill_home(home: Home, *, runs: int) -> None:
    """Runs that have ended, with the records a real one leaves, indexed."""
    for number in range(1, runs + 1):
        run_dir = home.run(f"sat-grpo-{number}")
        run_dir.journal_dir.mkdir(parents=True)
        config = parse_config({"name": run_dir.path.name, "max_steps": 3})
        run_dir.config.write_text(config_toml(config))
        created = time.time() - 60 * number
        launch = {"v": 1, "uid": number, "name": config.name, "created_at": created, "python": sys.executable}
        run_dir.launch.write_text(json.dumps(launch | {"origins": {}, "versions": {}, "rftui_version": "0.1.0"}))
        trainer = Appender(run_dir.journal(0, 1))
        trainer.append("start", attempt=1, rank=0, world_size=1, first_step=1, total_steps=3, method="grpo", task="sat")
        for step in range(1, 4):
            trainer.append("metrics", step=step, epoch=0.1, values={"reward": float(step), "loss": 0.1})
        trainer.append("end", outcome="finished", step=3, error=None)
        trainer.close()
        supervisor = Appender(run_dir.supervisor_journal)
        supervisor.append("state", attempt=1, state="running", reason="")
        supervisor.append("state", attempt=1, state="finished", reason="")
        supervisor.close()
    ingest_home(home)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=12, help="interleaved repetitions of each command")
    parser.add_argument("--runs", type=int, default=1000, help="runs in the home that `rftui runs` lists")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rftui-startup-") as folder:
        home = Home(Path(folder) / "home")
        fill_home(home, runs=arguments.runs)
        app = Path(folder) / "one_command.py"
        app.write_text(ONE_COMMAND)
        environment = os.environ | {"RFTUI_HOME": str(home.path)}
        commands = {
            "one-command typer app --help": [sys.executable, str(app), "--help"],
            "rftui --help": [sys.executable, "-m", "rftui", "--help"],
            f"rftui runs ({arguments.runs} runs)": [sys.executable, "-m", "rftui", "runs"],
        }
        for command in commands.values():
            cpu_seconds(command, environment)  # once unmeasured: bytecode and file cache
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(arguments.pairs):
            for name, command in commands.items():
                seconds[name].append(cpu_seconds(command, environment))
    base = next(iter(commands))
    for name, values in seconds.items():
        ratios = [value / reference for value, reference in zip(values, seconds[base], strict=True)]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"{name:<34} {statistics.median(values):.3f} s CPU   {statistics.median(ratios):.2f}x ({spread})")


if __name__ == "__main__":
    main()
