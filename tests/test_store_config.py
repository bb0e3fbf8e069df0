"""The run configuration: frozen, checked with messages that help, and the same after a trip through TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from store.config import RUN_NAME_RULE, Method, RunConfig, config_toml, known_keys, parse_config, read_config
from store.errors import RunConfigError
from tests.store_runs import PATIENTLY

finite = st.floats(min_value=1e-12, max_value=1e12, allow_nan=False)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
settings = st.fixed_dictionaries(
    {"name": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)},
    optional={
        "task": words,
        "model": words,
        "learning_rate": finite,
        "seed": st.integers(0, 2**31 - 1),
        "max_steps": st.integers(1, 10**9),
        "shuffle_gold": st.booleans(),
        "prompt": st.sampled_from(["think", "direct"]),
        "lora": st.fixed_dictionaries({}, optional={"r": st.integers(0, 1024), "targets": words}),
        "evaluation": st.fixed_dictionaries(
            {}, optional={"every": st.integers(0, 1000), "prompts": st.lists(st.sampled_from(["think", "direct"]))}
        ),
        "rewards": st.dictionaries(
            words,
            st.fixed_dictionaries(
                {}, optional={"weight": finite, "params": st.dictionaries(words, finite | st.booleans() | words)}
            ),
            max_size=3,
        ),
    },
)


def refusal(**changed: Any) -> str:
    """What is said about settings that are wrong."""
    with pytest.raises(RunConfigError) as caught:
        parse_config({"name": "x", **changed})
    assert caught.value.fix
    return caught.value.message


@PATIENTLY
@given(settings)
def test_a_configuration_is_the_same_after_a_trip_through_toml(chosen: dict[str, Any]) -> None:
    config = parse_config(chosen)

    again = parse_config(tomllib.loads(config_toml(config)))

    assert again == config
    assert config_toml(again) == config_toml(config)


def test_the_file_has_every_setting(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(config_toml(parse_config({"name": "x"})))

    written = tomllib.loads((tmp_path / "config.toml").read_text())

    assert set(written) == set(RunConfig.model_fields)
    assert read_config(tmp_path / "config.toml") == parse_config({"name": "x"})


@pytest.mark.parametrize(("section", "field"), [("", "seed"), ("lora", "r"), ("evaluation", "every")])
def test_a_configuration_cannot_be_changed(section: str, field: str) -> None:
    config = parse_config({"name": "x"})
    target = getattr(config, section) if section else config

    with pytest.raises(ValidationError, match="frozen"):
        setattr(target, field, 1)


@pytest.mark.parametrize(
    ("wrong", "key", "nearest"),
    [
        ({"learning_rat": 1.0}, "learning_rat", "learning_rate"),
        ({"group_size": 8}, "group_size", None),  # nothing is near enough to be helpful
        ({"lora": {"rank": 8, "alph": 2}}, "lora.alph", "lora.alpha"),
        ({"evaluation": {"evry": 5}}, "evaluation.evry", "evaluation.every"),
        ({"vllm": {"mod": "off"}}, "vllm.mod", "vllm.mode"),
        ({"rewards": {"accuracy": {"wieght": 1}}}, "rewards.accuracy.wieght", "rewards.accuracy.weight"),
        ({"rewards": {"format": {"param": {}}}}, "rewards.format.param", "rewards.format.params"),
        ({"xyzzy": 1}, "xyzzy", None),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_known_one(
    wrong: dict[str, Any], key: str, nearest: str | None
) -> None:
    said = refusal(**wrong)

    assert f"unknown setting {key}" in said
    hints = [part for part in said.split("; ") if part.startswith("did you mean")]
    if nearest is None:
        assert not hints
    else:
        assert f"did you mean {nearest}?" in hints


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"max_steps": 0}, "max_steps is 0; input should be greater than or equal to 1"),
        ({"learning_rate": "fast"}, "learning_rate is 'fast'; input should be a valid number"),
        ({"learning_rate": float("nan")}, "learning_rate is nan; input should be a finite number"),
        ({"method": "ppo"}, "method is 'ppo'; input should be 'grpo', 'sft', 'eval' or 'suit'"),
        ({"lora": {"dropout": 1.5}}, "lora.dropout is 1.5; input should be less than 1"),
        ({"name": "../escape"}, "'../escape' is no name for a run"),
        ({"gpus": [0, 1]}, "gpus names 2 and ranks is 1; give one GPU a rank"),
        ({"gpus": [0, 0], "ranks": 2}, "gpus names one twice: [0, 0]; give each rank its own"),
        ({"num_generations": 1}, "num_generations is 1; input should be greater than or equal to 2"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_is_and_what_is_allowed(wrong: dict[str, Any], said: str) -> None:
    assert said in refusal(**wrong)


@pytest.mark.parametrize(
    ("wrong", "found", "expected"),
    [
        ({"max_steps": "abc"}, "max_steps = 'abc'", "for max_steps: a valid integer"),
        ({"name": "a/b"}, "name = 'a/b'", RUN_NAME_RULE),
        ({"nonsense": 1}, "nonsense", "a setting of the run configuration"),
        ({"gpus": [0, 1]}, "", "settings that go together"),
    ],
)
def test_a_refusal_says_what_was_found_and_expected(wrong: dict[str, Any], found: str, expected: str) -> None:
    with pytest.raises(RunConfigError) as refused:
        parse_config({"name": "run"} | wrong)

    assert (refused.value.found, refused.value.expected) == (found, expected)


def test_every_wrong_setting_is_named_at_once() -> None:
    said = refusal(max_steps=0, lora={"r": -1}, nonsense=True)

    assert [word in said for word in ("max_steps", "lora.r", "nonsense")] == [True] * 3


def test_a_missing_name_is_said() -> None:
    with pytest.raises(RunConfigError, match="name is missing"):
        parse_config({})


def test_groups_that_do_not_fill_a_batch_are_refused_with_the_arithmetic() -> None:
    said = refusal(per_device_train_batch_size=6, ranks=2, gradient_accumulation_steps=3, num_generations=8)

    assert said == (
        "one generation makes 36 completions (6 a rank x 2 ranks x 3 batches), which num_generations=8 does not "
        "divide; set per_device_train_batch_size to a multiple of 8"
    )


@pytest.mark.parametrize(
    "fitting",
    [
        {"per_device_train_batch_size": 4, "ranks": 2},  # a group may span ranks
        {"per_device_train_batch_size": 1, "steps_per_generation": 8},
        {"method": "sft", "per_device_train_batch_size": 3},  # only GRPO has groups
    ],
)
def test_a_batch_that_groups_fill_is_taken(fitting: dict[str, Any]) -> None:
    assert parse_config({"name": "x", **fitting})


@pytest.mark.parametrize(
    ("chosen", "step", "expected"),
    [
        ({"per_device_train_batch_size": 8}, 3, 24),
        ({"per_device_train_batch_size": 8, "gradient_accumulation_steps": 4}, 2, 64),
        # two updates from each generation
        ({"per_device_train_batch_size": 8, "num_iterations": 2}, 3, 16),
        # one generation fills four batches, each step takes one
        ({"per_device_train_batch_size": 8, "steps_per_generation": 4}, 5, 64),
        ({"method": "sft"}, 5, 0),
    ],
)
def test_rollouts_are_counted_as_they_are_generated(chosen: dict[str, Any], step: int, expected: int) -> None:
    assert parse_config({"name": "x", **chosen}).rollouts_through(step) == expected


@pytest.mark.parametrize("content", [b"max_steps = ", b"\xff\xfe", b"name = 'x'\nmax_steps = 0\n"])
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.toml").write_bytes(content)

    with pytest.raises(RunConfigError, match=r"config\.toml") as caught:
        read_config(tmp_path / "config.toml")
    assert caught.value.fix


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RunConfigError, match=r"gone\.toml"):
        read_config(tmp_path / "gone.toml")


def test_every_known_key_has_a_meaning_in_words() -> None:
    assert {"learning_rate", "lora.r", "evaluation.every", "rewards.*.weight"} <= set(known_keys())
    described = {name: field.description for name, field in RunConfig.model_fields.items()}
    assert [name for name, text in described.items() if not text and name not in ("name",)] == []
    assert parse_config({"name": "x"}).method is Method.GRPO
