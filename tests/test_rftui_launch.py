"""Launching: what is shown, what is written, and what outlives the terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.layout import RunDir
from tests.fake_runs import Bench, final_state, trainer_pid, wait_for
from tests.picture_files import class_folder
from tests.terminal import take_terminal

TINY = ["--set", "max_steps=5", "--set", "save_steps=2"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.clean_up()


def test_a_launch_without_a_terminal_prints_the_name_and_returns(bench: Bench) -> None:
    bench.behave(step_s=0.3)

    launched = bench.rftui("launch", "grpo", "--task", "sat", *TINY)

    assert launched.returncode == 0, launched.stderr
    assert launched.stdout == "sat-grpo-1\n"
    assert "recipe tiny" in launched.stderr
    assert "16 prompts x 8" in launched.stderr
    assert final_state(bench.home.run("sat-grpo-1")) == ("finished", "")


def test_names_count_over_the_home(bench: Bench) -> None:
    names = [bench.json("launch", method, *TINY)["name"] for method in ("grpo", "sft")]

    assert names == ["sat-grpo-1", "sat-sft-2"]
    for name in names:
        final_state(bench.home.run(name))


def test_a_launch_writes_what_it_resolved_and_where_it_came_from(bench: Bench) -> None:
    bench.json("launch", "grpo", *TINY, "--seed", "7", "--name", "mine")
    run_dir = bench.home.run("mine")
    final_state(run_dir)

    config = tomllib.loads(run_dir.config.read_text())
    launch = json.loads(run_dir.launch.read_text())

    assert (config["seed"], config["max_steps"], config["recipe"]) == (7, 5, "tiny")
    assert launch["origins"]["seed"] == "flag"
    assert launch["origins"]["max_steps"] == "--set"
    assert 0 < launch["uid"] < 2**48
    assert launch["python"] == sys.executable
    assert launch["env"]["RFTUI_RUN_ID"] == str(launch["uid"])
    assert {"created_at", "rftui_version", "command", "backend", "git", "hardware", "versions"} <= set(launch)


def test_a_dry_run_shows_everything_and_leaves_nothing(bench: Bench) -> None:
    shown = bench.rftui("launch", "grpo", "--dry-run", "--set", "learning_rate=1e-3")

    assert shown.returncode == 0, shown.stderr
    for part in ("learning_rate = 0.001", "# --set", "-m trainer", "PYTHONSAFEPATH=1", "128 completions a step"):
        assert part in shown.stdout
    assert not bench.home.path.exists()


def test_a_dry_run_in_json_has_all_its_parts(bench: Bench) -> None:
    shown = bench.json("launch", "sft", "--dry-run")

    assert {"name", "directory", "config", "origins", "command", "environment", "preflight", "recipe"} <= set(shown)


def test_torchrun_is_used_for_ranks_and_for_zero(bench: Bench) -> None:
    shown = bench.json("launch", "grpo", "--dry-run", "--ranks", "2", "--zero", "2")

    assert shown["command"][1:4] == ["-m", "torch.distributed.run", "--standalone"]
    assert shown["command"][shown["command"].index("--nproc-per-node") + 1] == "2"
    assert shown["environment"]["TORCH_EXTENSIONS_DIR"] == str(bench.home.path / "torch_extensions")
    assert shown["environment"]["PATH"].startswith(str(Path(sys.executable).parent))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["launch", "grpo", "--task", "sta"], 3, "--task sat"),
        (["launch", "grpo", "--recipe", "papper"], 3, "--recipe paper"),
        (["launch", "grpo", "--set", "lerning_rate=1"], 2, "learning_rate"),
        (["launch", "grpo", "--set", "rewards.acuracy.weight=1"], 2, "accuracy"),
        (["launch", "grpo", "--config", "/nowhere.toml"], 2, "/nowhere.toml"),
        (["launch", "grpo", "--python", "/nowhere/python"], 2, "/nowhere/python"),
        (["launch", "grpo", "--gpus", "x"], 2, "indices"),
        (["launch", "grpo", "--gpus", "99"], 2, "no GPU 99"),
        (["launch", "dpo"], 2, "dpo"),
        (["launch", "grpo", "--set", "num_generations=7"], 2, "num_generations"),
        (["launch", "grpo", "--set", "per_device_train_batch_size=4", "--set", "num_generations=3"], 2, "divide"),
        (["launch", "grpo", "--set", "steps_per_generation=2", "--set", "save_steps=3"], 2, "save_steps"),
        (["launch", "grpo", "--source", "/nowhere"], 2, "/nowhere"),
    ],
)
def test_bad_input_gets_a_message_its_code_and_writes_nothing(
    bench: Bench, arguments: list[str], code: int, words: str
) -> None:
    refused = bench.rftui(*arguments, "--json")

    assert refused.returncode == code, refused.stderr
    assert refused.stdout == ""
    problem = json.loads(refused.stderr)
    assert set(problem) == {"error", "found", "expected", "fix"}
    assert words in refused.stderr
    assert not bench.home.path.exists()


def test_what_the_trainers_check_finds_stops_the_launch(bench: Bench) -> None:
    error = {"found": "a llama", "expected": "a vision-language model", "fix": "name one with --model"}
    bench.behave(check={"ok": False, "errors": [error]})

    refused = bench.rftui("launch", "grpo", "--json")

    assert refused.returncode == 2
    assert json.loads(refused.stderr)["found"] == "a llama"
    assert not bench.home.path.exists()


def test_trust_remote_code_must_be_typed(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "sly.toml").write_text("trust_remote_code = true\n")

    refused = bench.rftui("launch", "grpo", "--config", str(tmp_path / "sly.toml"), "--dry-run")
    typed = bench.rftui("launch", "grpo", "--set", "trust_remote_code=true", "--dry-run")

    assert (refused.returncode, typed.returncode) == (2, 0)


def test_wait_returns_1_when_the_run_failed(bench: Bench) -> None:
    bench.behave(crash_at=2)

    waited = bench.rftui("launch", "grpo", *TINY, "--wait")

    assert waited.returncode == 1
    assert "the reward [/b] exploded" in waited.stderr


def test_a_name_that_is_taken_is_refused(bench: Bench) -> None:
    bench.make_run("mine")

    refused = bench.rftui("launch", "grpo", "--name", "mine", "--json")

    assert refused.returncode == 2
    assert "mine" in json.loads(refused.stderr)["error"]


def test_a_home_that_cannot_be_written_is_said(bench: Bench, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no directory")

    refused = bench.rftui("launch", "grpo", "--home", str(blocked / "home"), "--json")

    assert refused.returncode == 2
    assert json.loads(refused.stderr)["fix"]


def launch_on_a_terminal(bench: Bench) -> tuple[subprocess.Popen[bytes], int]:
    """A launch that follows, in a session of its own on a pty, as sshd would start it."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "rftui", "launch", "grpo", "--set", "max_steps=40"],
        env=bench.environment | {"TERM": "xterm-256color"},
        cwd=bench.behaviour.parent,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        preexec_fn=take_terminal,
    )
    os.close(slave)
    return process, master


def read_until(master: int, words: bytes) -> bytes:
    """What the terminal showed up to these words."""
    seen, deadline = b"", time.monotonic() + 20
    while words not in seen and time.monotonic() < deadline:
        if select.select([master], [], [], 0.2)[0]:
            try:
                seen += os.read(master, 65536)
            except OSError:
                # the other side was closed, and everything it wrote has been read
                break
    assert words in seen, seen
    return seen


def followed_run(bench: Bench) -> RunDir:
    wait_for(bench.home.runs, what="a run")
    run_dir = bench.home.run("sat-grpo-1")
    trainer_pid(run_dir)
    return run_dir


def test_a_run_survives_the_hang_up_of_its_terminal(bench: Bench) -> None:
    bench.behave(step_s=0.1)
    process, master = launch_on_a_terminal(bench)
    read_until(master, b"Ctrl-C leaves the run going")
    run_dir = followed_run(bench)

    os.close(master)
    process.wait(10)

    assert final_state(run_dir) == ("finished", "")


def test_ctrl_c_leaves_the_run_going_with_exit_code_130(bench: Bench) -> None:
    bench.behave(step_s=0.1)
    process, master = launch_on_a_terminal(bench)
    read_until(master, b"Ctrl-C leaves the run going")
    run_dir = followed_run(bench)

    os.write(master, b"\x03")
    read_until(master, b"goes on")
    code = process.wait(10)
    os.close(master)

    assert code == 130
    assert final_state(run_dir) == ("finished", "")


def test_sigterm_to_a_following_launch_leaves_the_run_going(bench: Bench) -> None:
    bench.behave(step_s=0.1)
    process, master = launch_on_a_terminal(bench)
    run_dir = followed_run(bench)

    process.send_signal(signal.SIGTERM)
    process.wait(10)
    os.close(master)

    assert final_state(run_dir) == ("finished", "")


def test_a_path_of_data_is_planned_without_detours(bench: Bench, tmp_path: Path) -> None:
    pets = class_folder(tmp_path / "pets", {"cat": 3, "dog": 3})

    planned = bench.json("launch", "grpo", "--task", "folder", "--data", f"{pets}/cat/../../pets", "--dry-run")

    assert planned["config"]["source"] == str(pets)


def test_a_path_under_a_user_that_is_not_there_is_planned_as_typed(bench: Bench) -> None:
    planned = bench.json("launch", "grpo", "--model", "~nobody-of-that-name/model", "--dry-run")

    assert planned["config"]["model"] == "~nobody-of-that-name/model"
