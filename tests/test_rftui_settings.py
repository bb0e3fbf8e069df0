"""Settings come from five places, and each value remembers which."""

from __future__ import annotations

from pathlib import Path

import pytest

from rftui.errors import NotFound, UsageProblem
from rftui.planning.arithmetic import batch_sentences
from rftui.planning.recipes import choose_recipe, load_recipe, recipe_names
from rftui.planning.settings import Layer, file_layer, resolve, set_layer, table_layer
from rftui.supervision.gpus import Gpu
from store.config import RunConfig
from store.errors import RunConfigError

NAMED = Layer("counter", {"name": "sat-grpo-1"})


def recipe_config(name: str, method: str = "grpo") -> RunConfig:
    layer = table_layer(f"recipe {name}", load_recipe(name).settings(method))
    return resolve([layer, Layer("command line", {"method": method}), NAMED]).config


def test_later_layers_win_and_origins_say_so(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("learning_rate = 3e-6\nmax_steps = 7\n[evaluation]\nevery = 5\n")

    resolved = resolve(
        [
            table_layer("recipe tiny", load_recipe("tiny").settings("grpo")),
            file_layer(file),
            set_layer(["max_steps=9", "rewards.length.weight=0.5"]),
            Layer("flag", {"seed": 3}),
            NAMED,
        ]
    )

    assert (resolved.config.learning_rate, resolved.config.max_steps, resolved.config.seed) == (3e-6, 9, 3)
    assert resolved.origins["learning_rate"] == f"config file {file}"
    assert resolved.origins["max_steps"] == "--set"
    assert resolved.origins["seed"] == "flag"
    assert resolved.origins["evaluation.every"] == f"config file {file}"
    assert resolved.origins["dtype"] == "recipe tiny"
    assert resolved.origins["epsilon"] == "default"
    assert set(resolved.config.rewards) == {"accuracy", "format", "length"}


def test_a_files_reward_list_replaces_the_default_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[rewards.accuracy]\nweight = 2.0\n")

    config = resolve([file_layer(file), NAMED]).config

    assert {name: reward.weight for name, reward in config.rewards.items()} == {"accuracy": 2.0}


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("learning_rate=1e-5", "learning_rate", 1e-5),
        ("shuffle_gold=true", "shuffle_gold", True),
        ("gpus=[0, 1]", "gpus", [0, 1]),
        ("model=Qwen/Qwen2.5-VL-3B-Instruct", "model", "Qwen/Qwen2.5-VL-3B-Instruct"),  # no quotes needed
        ('task="sat"', "task", "sat"),
        ("source=123", "source", "123"),  # text where text is wanted
        ("lora.targets=.*q_proj", "lora.targets", ".*q_proj"),
    ],
)
def test_values_of_set_are_toml_and_text_needs_no_quotes(text: str, key: str, value: object) -> None:
    assert set_layer([text]).values == {key: value}


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("lerning_rate=1", "learning_rate"), ("lora.rank=3", "lora.r"), ("evaluation.evry=3", "evaluation.every")],
)
def test_an_unknown_key_is_refused_and_the_nearest_named(text: str, nearest: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        set_layer([text])

    assert nearest in caught.value.fix


def test_a_set_without_a_value_is_refused() -> None:
    with pytest.raises(UsageProblem, match="assigns nothing"):
        set_layer(["learning_rate"])


def test_a_wrong_value_is_named_with_its_key() -> None:
    with pytest.raises(RunConfigError, match="max_steps is 0"):
        resolve([set_layer(["max_steps=0"]), NAMED])


@pytest.mark.parametrize("name", recipe_names())
@pytest.mark.parametrize("method", ["grpo", "sft", "eval"])
def test_every_recipe_is_a_valid_configuration(name: str, method: str) -> None:
    assert recipe_config(name, method).method == method


def test_the_paper_recipe_counts_prompts_as_the_papers_code_did() -> None:
    config = recipe_config("paper")

    assert config.examples_per_step == 256
    assert (config.num_generations, config.beta, config.learning_rate, config.max_steps) == (8, 0.04, 1e-6, 300)
    assert (config.loss_type, config.use_bias_correction_kl, config.temperature) == ("grpo", False, 1.0)
    assert (config.max_completion_length, config.image_max_pixels, config.dtype) == (1024, 401408, "bfloat16")
    assert any("32 prompts x 8" in sentence for sentence in batch_sentences(config, available_examples=15000))
    assert any("0.64 epochs of 15000" in sentence for sentence in batch_sentences(config, available_examples=15000))


def test_the_literal_recipe_says_what_the_flags_once_meant() -> None:
    config = recipe_config("paper-literal")
    sentences = batch_sentences(config, available_examples=None)

    assert config.examples_per_step == 32
    assert any("meant 32 prompts = 256 completions" in sentence for sentence in sentences)


def gpu(index: int, memory_gb: int) -> Gpu:
    return Gpu(index, f"GPU-{index}", f"Card {memory_gb}GB", memory_gb * 1024, 0)


@pytest.mark.parametrize(
    ("gpus", "recipe"),
    [
        ([], "tiny"),
        ([gpu(0, 8)], "tiny"),
        ([gpu(0, 24)], "lora-24gb"),
        ([gpu(0, 80)], "lora-80gb"),
        ([gpu(index, 80) for index in range(4)], "lora-80gb"),
        ([gpu(index, 80) for index in range(8)], "paper"),
    ],
)
def test_the_recipe_is_chosen_by_the_gpus(gpus: list[Gpu], recipe: str) -> None:
    choice = choose_recipe(gpus)

    assert choice.recipe.name == recipe
    assert recipe in choice.reason


def test_a_recipe_tells_of_the_method_that_is_launched_and_of_no_other() -> None:
    tiny = load_recipe("tiny")

    said = {method: tiny.summary_of(method) for method in ("grpo", "sft", "eval")}

    assert said == {
        "grpo": "the embedded tiny model on the CPU; GRPO with 16 prompts x 8 completions a step",
        "sft": "the embedded tiny model on the CPU; SFT with 64 examples a step",
        "eval": "the embedded tiny model on the CPU",
    }
    assert "GRPO" not in choose_recipe([], "sft").reason
    assert load_recipe("paper").summary_of("grpo").endswith("GRPO with 32 prompts x 8 completions a step")


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(NotFound) as caught:
        load_recipe("papr")

    assert caught.value.fix == "--recipe paper"
