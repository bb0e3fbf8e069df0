"""Users' own rewards in real runs: refused at launch, applied, recorded when they raise, and fatal when many do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rftui.planning.plan import LaunchRequest, plan_launch
from store.layout import Home, RunDir
from tests.training_runs import ENVIRONMENT, make_run, of_type, records, train, trainer_command

pytestmark = [pytest.mark.train, pytest.mark.slow]

REWARDS = '''
from itertools import count

CALLS = count()

def brevity(response, example, *, longest=12):
    return 1 - response.tokens / longest

def picky(response, example, *, scale):
    """Grades two of three prompts; of their four completions it fails on two, whatever they say."""
    if example.index % 3 == 0:
        return None
    call = next(CALLS)
    if call % 4 == 0:
        raise KeyError("no such word")
    if call % 4 == 1:
        return float("nan")
    return scale * call

def broken(response, example):
    return 1 / 0
'''
GROUPS = 6


def rftui(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rftui", *arguments],
        cwd=folder,
        env={**os.environ, **ENVIRONMENT, "RFTUI_HOME": str(folder / "home")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def reward_file(tmp_path: Path) -> Path:
    path = tmp_path / "my_rewards.py"
    path.write_text(REWARDS)
    return path


@pytest.fixture(scope="module")
def picky_run(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run whose only reward grades some prompts, raises for some completions and returns NaN for others."""
    folder = tmp_path_factory.mktemp("picky")
    (folder / "my_rewards.py").write_text(REWARDS)
    reward = {"function": f"{folder}/my_rewards.py:picky", "params": {"scale": 0.5}, "weight": 2.0}
    run_dir = make_run(
        folder,
        max_steps=2,
        per_device_train_batch_size=4 * GROUPS,
        rewards={"picky": reward},
        reward_failure_limit=1.0,
    )
    assert train(run_dir) == 0, run_dir.output.read_text()[-3000:]
    return run_dir


def groups_of(run_dir: RunDir) -> list[dict[str, Any]]:
    return of_type(records(run_dir), "group")


def samples_of(run_dir: RunDir) -> list[dict[str, Any]]:
    return [sample for group in groups_of(run_dir) for sample in group["samples"]]


def test_a_relative_path_is_made_absolute_when_it_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reward_file: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assignment = "rewards.brevity.function=my_rewards.py:brevity"

    plan = plan_launch(Home(tmp_path / "home"), LaunchRequest("grpo", {}, recipe="tiny", assignments=[assignment]))

    assert plan.config.rewards["brevity"].function == f"{reward_file}:brevity"
    assert plan.config.rewards["accuracy"].function == ""
    assert plan.origins["rewards.brevity.function"] == "--set"


@pytest.mark.parametrize(
    ("assignment", "found", "fix"),
    [
        ("rewards.mine.function=absent.py:f", "absent.py is not there", "correct the path"),
        ("rewards.mine.function=my_rewards.py", "rewards.mine.function is 'my_rewards.py'", "my_rewards.py:brevity"),
        ("rewards.format.function=my_rewards.py:brevity", "a reward that rftui ships", "rewards.my_format.function"),
    ],
)
def test_a_reward_that_is_not_there_stops_the_launch_before_anything_is_written(
    tmp_path: Path, reward_file: Path, assignment: str, found: str, fix: str
) -> None:
    launched = rftui(tmp_path, "launch", "grpo", "--recipe", "tiny", "--set", assignment, "--json")

    said = json.loads(launched.stderr)
    assert (launched.returncode, launched.stdout) == (2, "")
    assert found in said["found"] and fix in said["fix"] and said["expected"]
    assert not (tmp_path / "home").exists()


def test_a_reward_file_that_does_not_import_stops_the_launch_with_its_line(tmp_path: Path, reward_file: Path) -> None:
    reward_file.write_text("def f(response, example):\n    retrun 1\n")

    launched = rftui(tmp_path, "launch", "grpo", "--recipe", "tiny", "--set", "rewards.mine.function=my_rewards.py:f")

    assert launched.returncode == 2, launched.stderr
    assert f"{reward_file} does not import: SyntaxError: invalid syntax (line 2)" in " ".join(launched.stderr.split())
    assert "Traceback" not in launched.stderr
    assert not (tmp_path / "home").exists()


def test_the_check_reports_wrong_parameters_and_leaves_stdout_to_its_report(tmp_path: Path, reward_file: Path) -> None:
    reward_file.write_text(f"print('a reward file may print')\n{REWARDS}")
    reward = {"function": f"{reward_file}:brevity", "params": {"longst": 3}}
    run_dir = make_run(tmp_path, rewards={"accuracy": {}, "brevity": reward})

    checked = subprocess.run(
        trainer_command(run_dir, "--check"), env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True
    )

    (error,) = json.loads(checked.stdout)["errors"]
    assert checked.returncode == 1
    assert "unexpected keyword argument 'longst'" in error["found"]
    assert error["fix"] == "write rewards.brevity.params.longest"


def test_the_reward_is_a_metric_under_its_own_name(picky_run: RunDir) -> None:
    names = {name for record in of_type(records(picky_run), "metrics") for name in record["values"]}

    assert {"rewards/picky/mean", "rewards/picky/std"} <= names
    assert tomllib.loads(picky_run.config.read_text())["rewards"]["picky"]["params"] == {"scale": 0.5}


def test_a_reward_that_raises_for_some_leaves_its_traceback_beside_them(picky_run: RunDir) -> None:
    raised = [sample for sample in samples_of(picky_run) if "no such word" in sample.get("errors", {}).get("picky", "")]

    assert raised
    for sample in raised:
        assert 'raise KeyError("no such word")' in sample["errors"]["picky"]
        assert "my_rewards.py" in sample["errors"]["picky"]
        assert (sample["rewards"], sample["reward"], sample["sample"]) == ({"picky": None}, None, 0)


def test_a_reward_that_returns_no_number_counts_as_raised_and_shows_what_it_returned(picky_run: RunDir) -> None:
    returned = [sample for sample in samples_of(picky_run) if sample["sample"] == 1 and sample.get("errors")]

    assert returned
    for sample in returned:
        assert "the reward returned nan (float); expected a finite number, or None" in sample["errors"]["picky"]
        assert (sample["rewards"], sample["reward"]) == ({"picky": None}, None)


def test_completions_without_any_reward_get_no_advantage_and_do_not_shift_their_groups(picky_run: RunDir) -> None:
    assert any(sample["advantage"] for sample in samples_of(picky_run))
    for group in groups_of(picky_run):
        rewards = [sample["reward"] for sample in group["samples"] if sample["reward"] is not None]
        mean = sum(rewards) / max(1, len(rewards))
        spread = (sum((reward - mean) ** 2 for reward in rewards) / max(1, len(rewards) - 1)) ** 0.5

        for sample in group["samples"]:
            graded = sample["reward"] is not None and len(rewards) > 1
            expected = (sample["reward"] - mean) / (spread + 1e-4) if graded else 0.0
            assert sample["advantage"] == pytest.approx(expected, abs=1e-3)


def test_prompts_that_the_reward_does_not_grade_are_no_failures(picky_run: RunDir) -> None:
    ungraded = [group for group in groups_of(picky_run) if int(group["uid"].split("/")[-2]) % 3 == 0]

    assert ungraded
    samples = [sample for group in ungraded for sample in group["samples"]]
    assert {(sample["reward"], sample["advantage"], "errors" in sample) for sample in samples} == {(None, 0.0, False)}


def test_a_reward_that_raises_for_many_fails_the_run_and_the_journal_says_why(
    tmp_path: Path, reward_file: Path
) -> None:
    run_dir = make_run(tmp_path, rewards={"accuracy": {}, "broken": {"function": f"{reward_file}:broken"}})

    assert train(run_dir) == 1

    journal = records(run_dir)
    samples = [sample for group in of_type(journal, "group") for sample in group["samples"]]
    assert len(samples) == 8
    assert all("return 1 / 0" in sample["errors"]["broken"] for sample in samples)
    assert all(sample["rewards"]["accuracy"] is not None for sample in samples)
    end = journal[-1]
    assert (end["type"], end["outcome"], end["error"]["type"]) == ("end", "failed", "RewardsFailed")
    assert "raised for 8 of 8 completions at step 1: broken said ZeroDivisionError" in end["error"]["message"]
