"""GRPO on the embedded model, for real: what the journal holds after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from store.layout import RunDir
from tests.training_runs import make_run, of_type, records, train

pytestmark = [pytest.mark.train, pytest.mark.slow]

STEPS, COMPLETIONS_A_STEP, GROUP_SIZE = 3, 16, 4


@pytest.fixture(scope="module")
def accumulated(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run with gradient accumulation that logs metrics only every tenth step, evaluated at start and end."""
    run_dir = make_run(
        tmp_path_factory.mktemp("accumulated"),
        gradient_accumulation_steps=2,
        logging_steps=10,
        evaluation={"examples": 10, "every": 0, "at_start": True, "batch_size": 4, "sampled": True},
    )
    assert train(run_dir) == 0, run_dir.output.read_text()[-3000:]
    return run_dir


@pytest.fixture(scope="module")
def journal(accumulated: RunDir) -> list[dict[str, Any]]:
    return records(accumulated)


def test_every_completion_of_every_step_is_there_although_metrics_are_logged_rarely(
    journal: list[dict[str, Any]],
) -> None:
    groups = of_type(journal, "group")

    per_step = {
        step: sum(len(group["samples"]) for group in groups if group["step"] == step) for step in range(1, STEPS + 1)
    }

    assert per_step == dict.fromkeys(range(1, STEPS + 1), COMPLETIONS_A_STEP)
    assert {group["step"] - group["policy_step"] for group in groups} == {1}


def test_groups_of_a_step_are_numbered_from_zero_without_gaps(journal: list[dict[str, Any]]) -> None:
    numbers = [group["group"] for group in of_type(journal, "group") if group["step"] == 2]

    assert numbers == list(range(COMPLETIONS_A_STEP // GROUP_SIZE))


def test_advantages_are_the_centred_and_scaled_rewards_of_their_group(journal: list[dict[str, Any]]) -> None:
    for group in of_type(journal, "group"):
        rewards = [sample["reward"] for sample in group["samples"]]
        mean = sum(rewards) / len(rewards)
        spread = (sum((reward - mean) ** 2 for reward in rewards) / (len(rewards) - 1)) ** 0.5

        expected = [(reward - mean) / (spread + 1e-4) for reward in rewards]

        assert [sample["advantage"] for sample in group["samples"]] == pytest.approx(expected, abs=1e-3)


def test_the_total_reward_is_the_weighted_sum_of_the_named_ones(journal: list[dict[str, Any]]) -> None:
    samples = [sample for group in of_type(journal, "group") for sample in group["samples"]]

    assert all(sample["reward"] == pytest.approx(sum(sample["rewards"].values())) for sample in samples)
    assert {tuple(sample["rewards"]) for sample in samples} == {("accuracy", "format")}


def test_stop_reason_tells_whether_the_limit_was_hit(journal: list[dict[str, Any]]) -> None:
    samples = [sample for group in of_type(journal, "group") for sample in group["samples"]]

    assert all(sample["tokens"] == 12 for sample in samples if sample["stop"] == "length")
    assert {sample["stop"] for sample in samples} <= {"eos", "length"}


def test_each_group_has_its_image_on_disk_as_the_model_saw_it(
    accumulated: RunDir, journal: list[dict[str, Any]]
) -> None:
    from PIL import Image

    from store.media import image_path

    for group in of_type(journal, "group"):
        for reference in group["images"]:
            with Image.open(image_path(accumulated.media, reference["hash"])) as image:
                assert image.size == (reference["width"], reference["height"])
            assert reference["tokens"] > 0


def test_evaluation_writes_one_record_an_example_and_totals_that_agree(journal: list[dict[str, Any]]) -> None:
    results = of_type(journal, "eval_result")
    samples = of_type(journal, "eval_sample")

    assert {(r["step"], r["prompt"], r["decoding"]) for r in results} == {
        (step, prompt, decoding)
        for step in (0, STEPS)
        for prompt in ("think", "direct")
        for decoding in ("greedy", "sampled")
    }
    for result in results:
        own = [s for s in samples if all(s[key] == result[key] for key in ("step", "prompt", "decoding"))]
        assert result["n"] == len(own) == 10
        assert result["correct"] == sum(sample["correct"] for sample in own)
        assert result["low"] <= result["accuracy"] <= result["high"]


def test_held_out_scenes_never_occur_in_training(journal: list[dict[str, Any]]) -> None:
    trained = {group["scene"] for group in of_type(journal, "group")}
    held_out = {sample["scene"] for sample in of_type(journal, "eval_sample")}

    assert trained and held_out and not trained & held_out


def test_the_journal_begins_with_start_and_ends_with_end(journal: list[dict[str, Any]]) -> None:
    start, end = journal[0] if journal[0]["type"] == "start" else of_type(journal, "start")[0], journal[-1]

    assert (start["first_step"], start["total_steps"], start["source"]["kind"]) == (1, STEPS, "generated")
    assert (end["type"], end["outcome"], end["step"], end["error"]) == ("end", "finished", STEPS, None)


def test_final_weights_are_safetensors_that_load(accumulated: RunDir) -> None:
    from transformers import AutoModelForImageTextToText, AutoProcessor

    model = AutoModelForImageTextToText.from_pretrained(accumulated.model)

    assert list(accumulated.model.glob("*.safetensors"))
    assert AutoProcessor.from_pretrained(accumulated.model).image_processor is not None
    assert sum(parameter.numel() for parameter in model.parameters()) > 0


def test_metrics_of_every_step_are_written_under_trls_names(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, max_steps=2)

    assert train(run_dir) == 0, run_dir.output.read_text()[-3000:]

    logged = of_type(records(run_dir), "metrics")
    for step in (1, 2):
        names = {name for record in logged if record["step"] == step for name in record["values"]}
        assert {"reward", "rewards/accuracy/mean", "completions/mean_length", "grad_norm", "step_time"} <= names
        lengths = sorted(
            sample["tokens"]
            for group in of_type(records(run_dir), "group")
            if group["step"] == step
            for sample in group["samples"]
        )
        values = next(record["values"] for record in logged if record["step"] == step and "reward" in record["values"])
        # of sixteen lengths 95% are at most the fifteenth and a quarter, so the sixteenth
        assert (values["completions/p95_length"], values["completions/mean_length"]) == (
            lengths[-1],
            pytest.approx(sum(lengths) / len(lengths)),
        )


def test_a_run_with_shuffled_golds_says_so_in_its_rollouts(tmp_path: Path) -> None:
    plain, control = make_run(tmp_path / "a", max_steps=1), make_run(tmp_path / "b", max_steps=1, shuffle_gold=True)
    for run_dir in (plain, control):
        assert train(run_dir) == 0, run_dir.output.read_text()[-3000:]

    golds = [{g["uid"]: g["gold"] for g in of_type(records(d), "group")} for d in (plain, control)]

    assert golds[0].keys() == golds[1].keys()
