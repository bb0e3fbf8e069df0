"""Stop, kill, resume, ranks and ZeRO of the training process, without the supervisor."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from store.checkpoints import complete_checkpoints
from store.layout import RunDir
from tests.training_runs import make_run, of_type, records, start_trainer, train

pytestmark = [pytest.mark.train, pytest.mark.slow]


def weights_of(folder: Path) -> dict[str, torch.Tensor]:
    (path,) = folder.glob("*model.safetensors")
    weights: dict[str, torch.Tensor] = load_file(path)
    return weights


def wait_for_step(run_dir: RunDir, step: int, *, attempt: int = 1, timeout_s: float = 120) -> None:
    """Returns once the journal holds rollouts of `step`."""
    deadline = time.monotonic() + timeout_s
    path = run_dir.journal(0, attempt)
    while time.monotonic() < deadline:
        if path.exists():
            whole = path.read_text(encoding="utf-8").rpartition("\n")[0].splitlines()
            if any(record["step"] >= step for record in of_type([json.loads(line) for line in whole], "group")):
                return
        time.sleep(0.05)
    raise TimeoutError(run_dir.output.read_text()[-3000:])


def test_stop_saves_a_checkpoint_at_the_step_boundary_and_resume_reaches_the_end(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, max_steps=60)
    process = start_trainer(run_dir)
    wait_for_step(run_dir, 3)

    run_dir.control.write_text(json.dumps({"request": "stop", "attempt": 1, "time": time.time()}))
    code = process.wait(timeout=60)

    end = records(run_dir)[-1]
    assert (code, end["type"], end["outcome"]) == (0, "end", "stopped")
    assert [checkpoint.step for checkpoint in complete_checkpoints(run_dir)] == [end["step"]]

    assert train(run_dir, "--attempt", "2", "--resume") == 0, run_dir.output.read_text()[-3000:]
    journal = records(run_dir, attempt=2)
    assert of_type(journal, "start")[0]["first_step"] == end["step"] + 1
    assert journal[-1]["outcome"] == "finished"
    assert sorted({g["step"] for g in of_type(journal, "group")}) == list(range(end["step"] + 1, 61))


def test_a_stop_request_for_another_attempt_is_ignored(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, max_steps=2)
    run_dir.control.write_text(json.dumps({"request": "stop", "attempt": 7}))

    assert train(run_dir) == 0
    assert records(run_dir)[-1]["outcome"] == "finished"


def test_sigterm_stops_in_order(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, max_steps=200)
    process = start_trainer(run_dir)
    wait_for_step(run_dir, 2)

    process.send_signal(signal.SIGTERM)

    assert process.wait(timeout=60) == 0
    assert records(run_dir)[-1]["outcome"] == "stopped"


def test_after_kill_nine_resume_takes_the_newest_complete_checkpoint_and_repeats_the_same_prompts(
    tmp_path: Path,
) -> None:
    run_dir = make_run(tmp_path, max_steps=14, save_steps=4)
    process = start_trainer(run_dir)
    wait_for_step(run_dir, 7)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # a save that a kill cut off: transformers would pick it and fail
    broken = run_dir.checkpoints / "checkpoint-99"
    broken.mkdir()
    (broken / "model.safetensors").write_bytes(b"cut off")

    assert train(run_dir, "--attempt", "2", "--resume") == 0, run_dir.output.read_text()[-3000:]

    first, second = records(run_dir, attempt=1), records(run_dir, attempt=2)
    resumed_at = of_type(second, "start")[0]["first_step"]
    assert resumed_at % 4 == 1 and resumed_at > 1
    assert not broken.exists()
    prompts_by_attempt = [
        {(g["step"], g["group"]): g["uid"] for g in of_type(journal, "group")} for journal in (first, second)
    ]
    overlap = prompts_by_attempt[0].keys() & prompts_by_attempt[1].keys()
    assert overlap
    assert all(prompts_by_attempt[0][key] == prompts_by_attempt[1][key] for key in overlap)
    assert second[-1]["outcome"] == "finished"


@pytest.mark.parametrize(
    "settings",
    [{"method": "sft", "prompt": "direct"}, {"method": "grpo"}, {"method": "grpo", "lora": {"r": 4}}],
    ids=["sft", "grpo", "lora"],
)
def test_a_resumed_run_ends_with_the_weights_of_one_that_never_stopped(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    run_dir = make_run(tmp_path, max_steps=4, save_steps=2, learning_rate=1e-2, **settings)
    assert train(run_dir) == 0, run_dir.output.read_text()[-3000:]
    unbroken = weights_of(run_dir.model)
    halfway = weights_of(run_dir.checkpoints / "checkpoint-2")
    assert any(not torch.equal(unbroken[name], halfway[name]) for name in unbroken)
    shutil.rmtree(run_dir.model)
    shutil.rmtree(run_dir.checkpoints / "checkpoint-4")

    assert train(run_dir, "--attempt", "2", "--resume") == 0, run_dir.output.read_text()[-3000:]

    assert of_type(records(run_dir, attempt=2), "start")[0]["first_step"] == 3
    resumed = weights_of(run_dir.model)
    assert resumed.keys() == unbroken.keys()
    for name, weight in unbroken.items():
        torch.testing.assert_close(resumed[name], weight)


@pytest.mark.parametrize("zero", [0, 2])
def test_two_ranks_record_each_completion_once_with_its_own_advantage(tmp_path: Path, zero: int) -> None:
    # 6 completions a rank and groups of 4: the middle group spans both ranks
    run_dir = make_run(tmp_path, max_steps=2, per_device_train_batch_size=6, num_generations=4, ranks=2, zero=zero)
    extensions = Path(__file__).parent.parent / ".torch_extensions"

    code = train(run_dir, "--attempt", "1", ranks=2, TORCH_EXTENSIONS_DIR=str(extensions))

    assert code == 0, run_dir.output.read_text()[-3000:]
    samples = {
        (group["step"], group["group"], sample["sample"]): sample
        for rank in (0, 1)
        for group in of_type(records(run_dir, rank=rank), "group")
        for sample in group["samples"]
    }
    written = sum(len(group["samples"]) for rank in (0, 1) for group in of_type(records(run_dir, rank=rank), "group"))
    assert written == len(samples) == 2 * 12
    for step in (1, 2):
        for group in range(3):
            rewards = [samples[step, group, sample]["reward"] for sample in range(4)]
            advantages = [samples[step, group, sample]["advantage"] for sample in range(4)]
            mean = sum(rewards) / 4
            spread = (sum((reward - mean) ** 2 for reward in rewards) / 3) ** 0.5
            assert advantages == pytest.approx([(reward - mean) / (spread + 1e-4) for reward in rewards], abs=1e-3)


def test_sft_trains_and_finishes(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, method="sft", prompt="direct", max_steps=2)

    assert train(run_dir) == 0, run_dir.output.read_text()[-3000:]

    journal = records(run_dir)
    names = {name for record in of_type(journal, "metrics") for name in record["values"]}
    assert {"loss", "mean_token_accuracy"} <= names
    assert journal[-1]["outcome"] == "finished"


def test_a_model_that_is_not_there_fails_with_what_to_do(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, model=str(tmp_path / "absent"))

    assert train(run_dir) == 1

    end = records(run_dir)[-1]
    assert (end["outcome"], end["error"]["type"]) == ("failed", "ModelError")
    assert "--model" in end["error"]["message"]
