"""What a command imports before it does anything. Numbers: benchmarks/startup.py."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fake_runs import Bench

# not pydantic: typer itself turns the command line into values with it
HEAVY = ("torch", "textual", "sqlmodel", "sqlalchemy", "psutil", "PIL", "scipy", "numpy", "pynvml")
REPORT = """
import json, sys
from rftui.cli.root import run
import io, contextlib
with contextlib.redirect_stdout(io.StringIO()):
    code = run(json.loads(sys.argv[1]))
print(json.dumps([code, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def imported(bench: Bench, *arguments: str) -> set[str]:
    # a home that is named and not there is an error
    bench.home.path.mkdir(exist_ok=True)
    finished = subprocess.run(
        [sys.executable, "-c", REPORT, json.dumps(arguments)],
        env=bench.environment,
        cwd=bench.behaviour.parent,
        capture_output=True,
        text=True,
        check=True,
    )
    code, modules = json.loads(finished.stdout)
    assert code == 0
    return set(modules)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["runs"], ["runs", "--json"], ["compare", "--help"], ["clone", "--help"]]
)
def test_light_commands_import_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    bench = Bench(tmp_path)

    assert imported(bench, *arguments) & set(HEAVY) == set()


def test_a_printed_run_list_needs_no_rich_tables(tmp_path: Path) -> None:
    bench = Bench(tmp_path)

    assert "rich" not in imported(bench, "runs")


def test_the_supervisor_stays_light(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    code = "import json, sys, rftui.supervision.supervisor; print(json.dumps(sorted(sys.modules)))"
    finished = subprocess.run(
        [sys.executable, "-c", code], env=bench.environment, capture_output=True, text=True, check=True, cwd=tmp_path
    )

    modules = {name.partition(".")[0] for name in json.loads(finished.stdout)}

    assert (
        modules & {"torch", "textual", "typer", "rich", "pydantic", "sqlmodel", "sqlalchemy", "PIL", "scipy"} == set()
    )
