"""The gate of a launch: rewards that pay for no answer or several are refused, quickly, unless told otherwise."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from evals.errors import RewardError
from evals.tasks import load_task
from store.config import RunConfig, parse_config
from tests import gameable_rewards
from tests.training_runs import QUICK
from trainer.reward_check import refused_rewards, reward_report

SAT = load_task("sat")
SOURCE = SAT.source("generated")
FILE = gameable_rewards.__file__


def config(rewards: dict[str, Any], **settings: Any) -> RunConfig:
    return parse_config({**QUICK, "name": "run", "rewards": rewards, **settings})


def gated(rewards: dict[str, Any], **settings: Any) -> list[str]:
    split = SAT.examples("train", seed=0, difficulty=0.5, source=SOURCE)
    return refused_rewards(config(rewards, **settings), SAT, SOURCE, split)


def own(function: str) -> dict[str, Any]:
    return {"function": f"{FILE}:{function}"}


@pytest.mark.parametrize(
    "rewards",
    [
        {"accuracy": {}, "format": {}},
        {"accuracy": {}},
        {"accuracy": {}, "format": {}, "length": {}},
        {"accuracy": {}, "format": {}, "length_per_token": {}, "soft_overlong": {}, "repetition": {}},
        {"accuracy": {"weight": 0.1}, "format": {}},
        {"exact": own("exact"), "format": {}},
        {"accuracy": {}, "loose_form": own("loose_form")},  # a lax form alone earns less than a right answer
    ],
)
@pytest.mark.parametrize("prompt", ["think", "direct"])
def test_rewards_that_hold_pass_without_a_word(rewards: dict[str, Any], prompt: str) -> None:
    assert gated(rewards, prompt=prompt) == []


@pytest.mark.parametrize(
    ("rewards", "said"),
    [
        ({"mine": own("two_way_substring"), "format": {}}, "nothing at all: mine pays it like the right answer"),
        ({"accuracy": {}, "mine": own("two_way_substring")}, "nothing at all: mine pays it like the right answer"),
        ({"mine": own("edit_ratio"), "format": {}}, "mine pays it more than another wrong answer of its length"),
        ({"mine": own("first_answer_of_a_line")}, "two answers, right first: mine pays it like the right answer"),
        ({"mine": own("yes_no")}, "the total reaches the right answer's 1"),
        ({"format": {}}, "a word that is no label: the total reaches the right answer's 1"),
        ({"length": {}}, "a word that is no label: the total reaches"),
        ({"accuracy": {"weight": -1.0}, "format": {}}, "accuracy pays it like the right answer"),
        ({"accuracy": {"weight": 0.0}, "format": {}}, "the total reaches the right answer's 1"),
    ],
)
def test_rewards_that_pay_for_no_answer_or_several_are_refused(rewards: dict[str, Any], said: str) -> None:
    with pytest.raises(RewardError) as caught:
        gated(rewards)

    assert "the rewards pay for an answer that names no label or several" in caught.value.found
    assert said in caught.value.found
    assert "--allow-unsafe-rewards" in caught.value.fix


def test_told_to_a_launch_takes_them_and_the_run_says_so() -> None:
    (warning,) = gated({"format": {}}, allow_unsafe_rewards=True)

    assert warning.endswith("launched all the same, as asked")


def test_a_reward_that_raises_is_left_to_the_run_which_counts_it() -> None:
    assert gated({"accuracy": {}, "mine": own("raises")}) == []


def test_a_slow_reward_holds_a_launch_up_for_little_more_than_a_second(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(
        "import time\n"
        "def slow(response, example):\n"
        "    time.sleep(0.02)\n"
        "    return float(response.answer == example.gold)\n"
    )
    began = time.monotonic()

    assert gated({"mine": {"function": f"{tmp_path}/slow.py:slow"}, "format": {}}) == []

    # without a limit: 16 labels by 14 attacks by 0.02 s, and the right answers before that
    assert time.monotonic() - began < 4.0


def test_a_report_of_rewards_that_cannot_be_used_has_the_error_alone() -> None:
    said = reward_report(config({"length": {"params": {"form": "4a"}}}))

    assert list(said) == ["errors"]
    assert said["errors"][0]["found"] == "rewards.length.params.form is '4a'"


def test_a_report_can_be_written_as_json_whatever_a_label_is() -> None:
    said = reward_report(config({"accuracy": {}, "format": {}}))

    assert said["errors"] == [] and said["is_clean"]
    assert json.loads(json.dumps(said))["task"] == "sat"


@pytest.mark.train
@pytest.mark.slow
def test_a_launch_with_such_rewards_starts_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from rftui.cli.root import run

    monkeypatch.setenv("RFTUI_HOME", str(tmp_path / "home"))
    assignment = f"rewards.mine.function={FILE}:two_way_substring"

    assert run(["launch", "grpo", "--recipe", "tiny", "--gpus", "none", "--set", assignment, "--json"]) == 2

    said = json.loads(capsys.readouterr().err)
    assert "nothing at all: mine pays it like the right answer" in said["found"]
    assert not (tmp_path / "home").exists()
