"""Cloning: what a new run takes from another, what is marked as changed, and what cannot be cloned."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from evals.rewards import resolved_parameters
from rftui.planning.cloning import Change, changed_settings, read_original
from store.config import RunConfig, parse_config
from tests.fake_runs import QUICK, Bench, final_state

SETTINGS: dict[str, Any] = {
    **QUICK,
    "recipe": "tiny",
    # as a launch settles auto
    "source": "generated",
    "learning_rate": 5e-5,
    "seed": 7,
    "lora": {"r": 4},
    "rewards": {"accuracy": {"weight": 2.0}, "length": {"weight": 0.5, "params": {"target": 30}}},
}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.make_run("sat-grpo-1", **SETTINGS)
    yield made
    made.clean_up()


def config_of(bench: Bench, name: str) -> dict[str, Any]:
    return tomllib.loads(bench.home.run(name).config.read_text())


def test_a_clone_has_every_setting_of_its_original_and_the_seed_too(bench: Bench) -> None:
    cloned = bench.rftui("clone", "sat-grpo-1")

    assert cloned.returncode == 0, cloned.stderr
    assert cloned.stdout == "sat-grpo-2\n"
    assert "none changed: with its seed too, this run repeats it" in cloned.stderr
    assert final_state(bench.home.run("sat-grpo-2")) == ("finished", "")
    original, clone = config_of(bench, "sat-grpo-1"), config_of(bench, "sat-grpo-2")
    # the original went by these parameters without writing them down
    original["rewards"]["length"]["params"] = resolved_parameters("length", {"target": 30})
    assert clone == original | {"name": "sat-grpo-2"}
    origins = json.loads(bench.home.run("sat-grpo-2").launch.read_text())["origins"]
    assert (origins["learning_rate"], origins["rewards.length.weight"]) == ("run sat-grpo-1", "run sat-grpo-1")


def test_a_dry_run_marks_what_is_changed_and_what_it_was(bench: Bench) -> None:
    changes = ["--set", "learning_rate=1e-3", "--seed", "8", "--set", "rewards.format.weight=0.1"]

    shown = bench.rftui("clone", "sat", *changes, "--dry-run")

    assert shown.returncode == 0, shown.stderr
    marked = {line.split()[1]: line for line in shown.stdout.splitlines() if line.startswith("* ")}
    assert re.search(r"learning_rate = 0\.001 +# --set, was 5e-05$", marked["learning_rate"])
    assert re.search(r"seed = 8 +# flag, was 7$", marked["seed"])
    assert marked["rewards.format.weight"].endswith("# --set, new")
    assert {key.partition(".")[0] for key in marked} == {"learning_rate", "seed", "rewards"}
    assert not any(key.startswith("rewards.length") for key in marked)
    assert bench.home.runs() == ["sat-grpo-1"]


def test_a_dry_run_in_json_names_the_original_and_the_changes(bench: Bench) -> None:
    shown = bench.json("clone", "sat", "--set", "lora.r=8", "--name", "wider", "--dry-run")

    assert (shown["name"], shown["clone_of"]) == ("wider", "sat-grpo-1")
    assert shown["changed"] == {"lora.r": {"before": 4, "after": 8}}
    assert (shown["origins"]["lora.r"], shown["origins"]["seed"]) == ("--set", "run sat-grpo-1")


def test_a_launch_that_is_no_clone_says_nothing_of_changes(bench: Bench) -> None:
    assert not {"clone_of", "changed"} & set(bench.json("launch", "grpo", "--dry-run"))
    assert "* " not in bench.rftui("launch", "grpo", "--dry-run").stdout


def test_the_rewards_of_a_config_file_replace_those_of_the_original(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "rewards.toml").write_text("[rewards.accuracy]\nweight = 2.0\n")

    shown = bench.rftui("clone", "sat", "--config", str(tmp_path / "rewards.toml"), "--dry-run")

    assert "* rewards.length.weight is gone, was 0.5" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing"], 3, "no run nothing"),
        (["sat", "--set", "lerning_rate=1"], 2, "learning_rate"),
        (["sat", "--set", "method=sft"], 2, "rftui launch"),
        (["sat", "--set", "name=mine"], 2, "--name"),
        (["sat", "--set", "gpus=[0]"], 2, "--gpus"),
        (["sat", "--name", "sat-grpo-1"], 2, "choose another --name"),
        (["sat", "--seed", "x"], 2, "--seed"),
        (["sat", "--python", "/nowhere/python"], 2, "/nowhere/python"),
    ],
)
def test_what_cannot_be_cloned_gets_a_message_its_code_and_writes_nothing(
    bench: Bench, arguments: list[str], code: int, words: str
) -> None:
    refused = bench.rftui("clone", *arguments, "--json")

    assert refused.returncode == code, refused.stderr
    assert refused.stdout == ""
    problem = json.loads(refused.stderr)
    assert set(problem) == {"error", "found", "expected", "fix"}
    assert words in refused.stderr
    assert bench.home.runs() == ["sat-grpo-1"]


def test_a_run_whose_settings_this_version_refuses_cannot_be_cloned(bench: Bench) -> None:
    config = bench.home.run("sat-grpo-1").config
    config.write_text(config.read_text() + "\n[from_the_future]\nx = 1\n")

    refused = bench.rftui("clone", "sat", "--json")

    assert refused.returncode == 2
    assert "from_the_future" in json.loads(refused.stderr)["error"]


def test_remote_code_must_be_typed_again_for_a_clone(bench: Bench) -> None:
    bench.make_run("trusting", **SETTINGS, trust_remote_code=True)

    assert bench.rftui("clone", "trusting", "--dry-run").returncode == 2
    assert bench.rftui("clone", "trusting", "--dry-run", "--set", "trust_remote_code=true").returncode == 0


def test_the_interpreter_and_the_wish_for_no_gpu_are_taken_over_while_they_can_be(bench: Bench, tmp_path: Path) -> None:
    run_dir = bench.home.run("sat-grpo-1")
    launch = json.loads(run_dir.launch.read_text())

    run_dir.launch.write_text(json.dumps(launch | {"hides_gpus": True}))
    kept = read_original(run_dir)
    run_dir.launch.write_text(json.dumps(launch | {"python": str(tmp_path / "gone")}))
    gone = read_original(run_dir)
    run_dir.launch.write_text("{")
    damaged = read_original(run_dir)
    run_dir.launch.write_text(json.dumps(launch))

    assert (kept.python, kept.gpus) == (sys.executable, "none")
    assert (gone.python, gone.gpus) == (None, None)
    assert (damaged.python, damaged.config.seed) == (None, 7)


@pytest.mark.parametrize(("recipe", "known"), [("tiny", "tiny"), ("of-another-version", None), ("", None)])
def test_a_recipe_that_is_gone_is_no_obstacle(bench: Bench, recipe: str, known: str | None) -> None:
    run_dir = bench.make_run("other", **{**SETTINGS, "recipe": recipe})

    assert read_original(run_dir).recipe == known


def test_changes_are_found_in_both_directions() -> None:
    def config(name: str, **settings: Any) -> RunConfig:
        return parse_config({"name": name, **settings})

    before = config("a", seed=1, rewards={"accuracy": {"weight": 1.0}})
    after = config("b", seed=2, rewards={"format": {"weight": 1.0}})

    changes = changed_settings(before, after)

    assert changes["seed"] == Change(1, 2)
    assert (changes["rewards.format.weight"], changes["rewards.accuracy.weight"]) == (
        Change(None, 1.0),
        Change(1.0, None),
    )
    assert "name" not in changes
    assert changed_settings(before, before) == {}


def test_a_damaged_path_of_an_interpreter_is_one_that_is_gone(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    run_dir = bench.make_run("sat-grpo-1")
    run_dir.launch.write_text(json.dumps({**json.loads(run_dir.launch.read_text()), "python": "/bin/sh\x00"}))

    assert read_original(run_dir).python is None
