"""Studies that run: real processes, a fake trainer."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from rftui.studies.places import StudyPlace
from rftui.studies.progress import read_study
from rftui.supervision.ledger import read_ledger
from store.layout import Home
from store.states import State
from tests.fake_runs import Bench, final_state, states_of, trainer_pid, wait_for
from tests.studies import SMALL, cell_of, make_study

QUICK: dict[str, Any] = {"max_steps": 4, "save_steps": 1}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    # two runs at once, whatever machine this is
    made.environment["RFTUI_SLOTS"] = "2"
    yield made
    made.clean_up()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the study of one baseline and one seed has finished."""
    made = Bench(tmp_path_factory.mktemp("finished"))
    small(made, seeds=[0])
    assert made.rftui("study", "run", "small", "--wait").returncode == 0
    return made.home.path


@pytest.fixture
def after(bench: Bench, finished: Path) -> Bench:
    """A home of its own in which that study has finished."""
    shutil.copytree(finished, bench.home.path)
    return bench


def small(bench: Bench, **changed: Any) -> Path:
    """The study of one baseline and two seeds, four steps each; returns its definition."""
    return make_study(bench.home, **{"settings": QUICK} | changed).definition


def states(home: Home) -> dict[str, str]:
    return {item.cell.key: item.state for item in read_study(home, "small").cells}


def test_a_study_runs_to_its_end_and_a_second_run_starts_nothing(bench: Bench) -> None:
    small(bench)

    first = bench.rftui("study", "run", "small", "--wait")
    again = bench.json("study", "run", "small")

    assert first.returncode == 0, first.stderr
    assert states(bench.home) == dict.fromkeys(("sat-base", "sat-grpo-s0", "sat-grpo-s1"), "finished")
    assert (again["launched"], again["resumed"], again["taken_over"]) == ([], [], [])
    launch = json.loads(bench.home.run("small-sat-grpo-s0").launch.read_text())
    assert (launch["study"]["name"], launch["study"]["cell"]) == ("small", "sat-grpo-s0")
    # the tag that the run list filters and groups by
    assert bench.json("show", "small-sat-grpo-s0")["tags"] == ["study:small"]


def test_cells_that_cannot_run_are_all_told_before_anything_starts(bench: Bench) -> None:
    tasks = [{"name": "sat", "source": "generated"}, {"name": "lost", "source": "/nowhere"}, {"name": "cats"}]
    regimes = [*SMALL["regimes"], {"name": "bad", "method": "grpo", "settings": {"num_generations": 7}}]
    small(bench, tasks=tasks, regimes=regimes)

    finished = bench.rftui("study", "run", "small", "--json")

    assert finished.returncode == 2
    problem = json.loads(finished.stderr)
    assert "none was started" in problem["error"]
    assert "num_generations=7 does not divide" in problem["found"]
    assert bench.home.runs() == []


def test_what_the_training_interpreter_refuses_stops_the_study_too(bench: Bench) -> None:
    refusal = {"found": "no weights", "expected": "weights", "fix": "download them"}
    bench.behave(check={"ok": False, "errors": [refusal]})
    small(bench)

    finished = bench.rftui("study", "run", "small", "--json")

    assert finished.returncode == 2
    assert json.loads(finished.stderr) == {
        "error": "3 cells of 3 in the study small cannot run, so none was started",
        "found": "sat-base, sat-grpo-s0, sat-grpo-s1: no weights",
        "expected": "weights",
        "fix": "download them",
    }
    assert bench.home.runs() == []


def test_a_failed_cell_fails_alone_stays_so_and_is_tried_again_on_request(bench: Bench) -> None:
    small(bench, seeds=[0])
    bench.behave(crash_at=2)
    failed = bench.rftui("study", "run", "small", "--wait")
    assert failed.returncode == 1
    assert set(states(bench.home).values()) == {"failed"}

    bench.behave()
    left = bench.json("study", "run", "small")
    retried = bench.rftui("study", "retry", "small", "sat-grpo-s0", "--wait")

    assert sorted(left["failed_before"]) == ["sat-base", "sat-grpo-s0"]
    assert left["launched"] == left["resumed"] == []
    # the other one was not asked for, so the study is not whole
    assert retried.returncode == 1
    assert states(bench.home) == {"sat-base": "failed", "sat-grpo-s0": "finished"}
    assert bench.rftui("study", "retry", "small", "sat-grpo-s0").returncode == 1


def test_killed_runs_go_on_where_they_were(bench: Bench) -> None:
    small(bench, seeds=[0], regimes=SMALL["regimes"][1:], settings={"max_steps": 90, "save_steps": 1})
    bench.behave(step_s=0.1)
    bench.json("study", "run", "small")
    run_dir = bench.home.run("small-sat-grpo-s0")
    pid = trainer_pid(run_dir)
    wait_for(lambda: (run_dir.checkpoints / "checkpoint-3" / "rftui-complete.json").exists(), what="a checkpoint")
    os.kill(pid, signal.SIGKILL)
    assert final_state(run_dir)[0] == "killed"

    bench.behave()
    resumed = bench.rftui("study", "run", "small", "--wait")

    assert resumed.returncode == 0, resumed.stderr
    assert "1 resumed" in resumed.stdout
    first_steps = [attempt["first_step"] for attempt in bench.json("show", "small-sat-grpo-s0")["attempts"]]
    assert first_steps[0] == 1
    assert first_steps[1] > 3


def test_stopping_ends_what_runs_and_what_waits_and_running_again_goes_on(bench: Bench) -> None:
    bench.environment["RFTUI_SLOTS"] = "1"
    small(bench, settings={"max_steps": 90, "save_steps": 1})
    bench.behave(step_s=0.1)
    bench.json("study", "run", "small")
    trainer_pid(bench.home.run("small-sat-base"))

    stopped = bench.json("study", "stop", "small")

    assert stopped["failures"] == []
    for name in ("small-sat-base", "small-sat-grpo-s0", "small-sat-grpo-s1"):
        assert final_state(bench.home.run(name))[0] == "stopped"
    bench.behave()
    assert bench.rftui("study", "run", "small", "--wait").returncode == 0
    assert set(states(bench.home).values()) == {"finished"}


def test_a_changed_definition_is_shown_and_not_taken_without_a_yes(after: Bench) -> None:
    bench, definition = after, StudyPlace(after.home, "small").definition
    fields = tomllib.loads(definition.read_text())
    definition.write_text(tomli_w.dumps(fields | {"settings": QUICK | {"beta": 0.1}}))

    refused = bench.rftui("study", "run", "small", "--json")
    agreed = bench.rftui("study", "run", "small", "--wait", "--yes")

    assert refused.returncode == 2
    assert json.loads(refused.stderr)["found"] == "settings.beta: not there -> 0.1"
    assert "made for other settings" in json.loads(refused.stderr)["error"]
    assert agreed.returncode == 0, agreed.stderr
    assert cell_of(read_study(bench.home, "small"), "sat-grpo-s0").run == "small-sat-grpo-s0.2"
    assert {"small-sat-grpo-s0", "small-sat-grpo-s0.2"} < set(bench.home.runs())


def test_a_baseline_that_another_study_computed_is_taken_over(after: Bench) -> None:
    bench = after
    make_study(bench.home, name="other", settings=QUICK, seeds=[1])

    done = bench.json("study", "run", "other", "--wait")

    assert done["taken_over"] == [{"cell": "sat-base", "run": "small-sat-base"}]
    assert [item["cell"] for item in done["launched"]] == ["sat-grpo-s1"]
    shown = bench.json("study", "show", "other")
    base = next(item for item in shown["cells"] if item["cell"] == "sat-base")
    assert (base["run"], base["state"], base["is_taken_over"]) == ("small-sat-base", "finished", True)


def test_extending_starts_the_new_seeds_alone(after: Bench) -> None:
    bench = after

    done = bench.json("study", "extend", "small", "--seeds", "1", "--wait")

    assert [item["cell"] for item in done["launched"]] == ["sat-grpo-s1"]
    assert states_of(bench.home.run("small-sat-grpo-s0")).count("finished") == 1


def test_a_home_that_may_not_be_changed_shows_studies_and_starts_none(bench: Bench) -> None:
    small(bench)
    bench.environment["RFTUI_READ_ONLY"] = "1"

    assert bench.rftui("study", "list").returncode == 0
    assert bench.rftui("study", "show", "small").returncode == 0
    refused = bench.rftui("study", "run", "small", "--json")
    assert refused.returncode == 2
    assert "--read-only" in json.loads(refused.stderr)["error"]
    assert bench.home.runs() == []


def test_two_forms_at_once_and_a_cell_that_is_none_are_refused(bench: Bench) -> None:
    small(bench)

    assert bench.rftui("study", "show", "small", "--csv", "--latex").returncode == 2
    refused = bench.rftui("study", "run", "small", "--cell", "sat-grpo-s9", "--json")
    assert refused.returncode != 0
    assert "no cell sat-grpo-s9" in json.loads(refused.stderr)["error"]


def test_of_several_run_directories_only_the_check_takes_more_than_one(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "trainer", str(tmp_path / "a"), str(tmp_path / "b")]

    finished = subprocess.run(command, capture_output=True, text=True)

    assert finished.returncode == 2
    assert "2 run directories; only --check takes more than one" in finished.stderr


@pytest.mark.train
@pytest.mark.slow
def test_a_real_study_of_two_cells_fills_its_table(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    make_study(
        home,
        seeds=[0],
        regimes=[SMALL["regimes"][0], {"name": "sft", "label": "SFT", "method": "sft"}],
        settings={"max_steps": 2, "per_device_train_batch_size": 4},
        evaluation={"examples": 8, "every": 0, "at_start": False, "sampled": False},
    )
    environment = {**os.environ, "RFTUI_HOME": str(home.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "rftui", "study"]

    done = subprocess.run([*command, "run", "small", "--wait"], env=environment, capture_output=True, text=True)
    shown = subprocess.run([*command, "show", "small", "--json"], env=environment, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    document = json.loads(shown.stdout)
    assert document["states"] == {"finished": 2}
    numbers = {(item["regime"], item["prompt"]): (item["n"], item["source"]) for item in document["table"]}
    ways = [(regime, prompt) for regime in ("base", "sft") for prompt in ("direct", "think")]
    assert numbers == dict.fromkeys(ways, (8, "generated"))
    assert "generated data, tiny model: not comparable with any paper" in document["notes"]


@pytest.mark.slow
def test_a_study_ends_whole_although_everything_is_killed_five_times(bench: Bench) -> None:
    small(bench, seeds=[0, 1, 2], settings={"max_steps": 12, "save_steps": 1})
    bench.behave(step_s=0.15)
    chance = random.Random(5)

    for turn in range(5):
        command = [sys.executable, "-m", "rftui", "study", "run", "small", "--wait"]
        process = subprocess.Popen(command, env=bench.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if turn:
            # the first kill comes while cells are checked or launched, the others while some of them train
            wait_for(partial(trains_or_ended, bench.home, process), what="a run that trains")
        with suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0.0, 1.5))
        process.kill()
        kill_everything(bench.home)
        process.communicate()

    last = bench.rftui("study", "run", "small", "--wait")
    assert last.returncode == 0, last.stdout + last.stderr
    assert set(states(bench.home).values()) == {"finished"}
    # nothing was launched twice under another name, and something was cut off
    assert len(bench.home.runs()) == 4
    assert sum(len(bench.json("show", name)["attempts"]) for name in bench.home.runs()) > 4
    for name in bench.home.runs():
        steps = [step for step, _ in bench.json("curves", name, "reward")["points"]]
        assert steps == list(range(1, 13))


def trains_or_ended(home: Home, process: subprocess.Popen[bytes]) -> bool:
    """Whether any run of the home is training, or the command that starts them has ended."""
    is_training = any(read_ledger(home.run(name)).state is State.RUNNING for name in home.runs())
    return is_training or process.poll() is not None


def kill_everything(home: Home) -> None:
    """kill -9 to every process that names this home in its command: supervisors, trainers, what serves the queue."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if str(home.path).encode() in (folder / "cmdline").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)
