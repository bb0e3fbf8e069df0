"""Sampling before training on the embedded model: cut off, stopped and resumed, it asks nothing twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from store.config import RunConfig, parse_config
from store.forecasts import read_forecast
from store.layout import RunDir
from tests.training_runs import QUICK, make_run, of_type, records, train

PROMPTS, GENERATIONS, STEPS = 5, 3, 6
"""Three batches of two, two and one, under both prompts."""
SETTINGS: dict[str, Any] = {
    "method": "suit",
    "num_generations": GENERATIONS,
    "max_completion_length": 40,
    "suit": {"prompts": PROMPTS, "prompts_per_batch": 2},
}


def sampled(run_dir: RunDir, *attempts: int) -> list[dict[str, Any]]:
    """The groups of some attempts, without what each journal gives its own records."""
    return [
        {key: value for key, value in record.items() if key not in ("seq", "time")}
        for attempt in attempts
        for record in of_type(records(run_dir, attempt=attempt), "group")
    ]


def cut_off(run_dir: RunDir, copy: RunDir, *, step: int) -> None:
    """What a kill -9 in the middle of a step leaves: whole records up to its first group, and a torn line."""
    copy.journal_dir.mkdir(parents=True)
    copy.config.write_bytes(run_dir.config.read_bytes())
    lines = run_dir.journal(0, 1).read_bytes().splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if b'"type":"group","step":%d' % step in line)
    copy.journal(0, 1).write_bytes(b"".join(lines[: place + 1]) + lines[place + 1][:50])


@pytest.mark.train
@pytest.mark.slow
def test_a_sampling_that_was_cut_off_and_then_stopped_ends_as_one_that_was_not(tmp_path: Path) -> None:
    unbroken = make_run(tmp_path / "unbroken", **SETTINGS)
    assert train(unbroken) == 0, unbroken.output.read_text()[-3000:]
    broken = RunDir(tmp_path / "broken" / "run")
    cut_off(unbroken, broken, step=3)

    broken.control.write_text(json.dumps({"request": "stop", "attempt": 2}))
    assert train(broken, "--attempt", "2") == 0, broken.output.read_text()[-3000:]

    assert records(broken, attempt=2)[-1]["outcome"] == "stopped"
    # two steps are whole; of the third one group is missing
    assert records(broken, attempt=2)[-1]["step"] == 2
    assert sampled(broken, 2) == []
    assert read_forecast(broken.forecast) is None

    assert train(broken, "--attempt", "3") == 0, broken.output.read_text()[-3000:]

    assert of_type(records(broken, attempt=3), "start")[0]["first_step"] == 3
    assert sampled(broken, 3) == [group for group in sampled(unbroken, 1) if group["step"] >= 3]
    check_groups(sampled(unbroken, 1))
    check_forecasts(unbroken, broken)


def check_groups(groups: list[dict[str, Any]]) -> None:
    """Every prompt was asked both ways, each completion is graded and rewarded, and none has an advantage."""
    assert [group["step"] for group in groups] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 6]
    by_mode: dict[str, list[tuple[int, str]]] = {"think": [], "direct": []}
    for group in groups:
        by_mode[group["prompt_mode"]].append((group["group"], group["uid"]))
        assert "/train/" in group["uid"]
        assert group["policy_step"] == 0
        assert len(group["samples"]) == GENERATIONS
        for sample in group["samples"]:
            assert sample["advantage"] is None
            assert set(sample["rewards"]) == {"accuracy", "format"}
            assert sample["reward"] == sum(sample["rewards"].values())
    assert by_mode["think"] == by_mode["direct"]
    assert [number for number, _ in by_mode["think"]] == list(range(PROMPTS))
    # sampled, and not decoded greedily again and again
    assert any(len({sample["completion"] for sample in group["samples"]}) > 1 for group in groups)


def check_forecasts(unbroken: RunDir, broken: RunDir) -> None:
    """Both say the same, but for when."""
    made, other = (read_forecast(run_dir.forecast) for run_dir in (unbroken, broken))
    assert made is not None
    assert other is not None
    assert made["measures"]["think"]["prompts"] == PROMPTS
    assert {verdict["outlook"] for verdict in made["verdicts"]} == {"too few prompts"}
    assert made | {"made_at": 0} == other | {"made_at": 0}


def config(**changed: Any) -> RunConfig:
    return parse_config({**QUICK, **SETTINGS, "name": "run", **changed})


@pytest.mark.train
def test_rows_are_drawn_once_each_by_the_seed() -> None:
    # torch takes seconds to import; tests that are not selected should not wait for it
    from trainer.sampling import chosen_rows

    drawn = chosen_rows(config(suit={"prompts": 50}), available=1000)

    assert len(set(drawn)) == 50
    assert drawn != sorted(drawn)
    assert drawn == chosen_rows(config(suit={"prompts": 50}), available=1000)
    assert drawn != chosen_rows(config(suit={"prompts": 50}, seed=1), available=1000)
    assert sorted(chosen_rows(config(suit={"prompts": 50}), available=8)) == list(range(8))


@pytest.mark.train
def test_every_batch_is_asked_both_ways_before_the_next() -> None:
    # torch takes seconds to import; tests that are not selected should not wait for it
    from trainer.sampling import plan_steps

    steps = plan_steps(5, together=2)

    assert [(step.number, step.mode, list(step.prompts)) for step in steps] == [
        (1, "think", [0, 1]),
        (2, "direct", [0, 1]),
        (3, "think", [2, 3]),
        (4, "direct", [2, 3]),
        (5, "think", [4]),
        (6, "direct", [4]),
    ]


@pytest.mark.train
@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, True),
        ({"gold": "another"}, False),
        ({"options": ["other", "ones"]}, False),
        ({"prompt": "asked in other words"}, False),
        ({"prompt_mode": "direct"}, False),
        ({"uid": "another example"}, False),
        # fewer completions than are asked for today
        ({"samples": [{}] * (GENERATIONS - 1)}, False),
        # of another prompt of the step
        ({"group": 1}, False),
    ],
)
def test_a_step_is_taken_over_where_every_group_answers_what_would_be_asked(
    changed: dict[str, Any], expected: bool
) -> None:
    # torch takes seconds to import; tests that are not selected should not wait for it
    from store.sampled import Sampled
    from trainer.sampling import Step, is_whole

    prompt = {"uid": "a", "options": ["left", "right"], "prompt": "Where?", "prompt_mode": "think", "gold": "left"}
    record = {**prompt, "group": 0, "samples": [{}] * GENERATIONS, **changed}
    earlier = Sampled({}, {1: {record["group"]: record}})

    assert is_whole(earlier, Step(1, "think", range(1)), size=GENERATIONS, asked=lambda *_: prompt) is expected
    assert not is_whole(earlier, Step(2, "think", range(1)), size=GENERATIONS, asked=lambda *_: prompt)
