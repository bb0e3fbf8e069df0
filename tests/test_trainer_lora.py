"""LoRA on the embedded model: only adapters train, are saved, resumed from, and evaluated."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from store.config import parse_config
from store.layout import RunDir
from tests.training_runs import QUICK, make_run, of_type, records, train

pytestmark = [pytest.mark.train, pytest.mark.slow]

LORA = {"r": 4, "targets": r".*language_model.*\.(q|v)_proj"}


@pytest.fixture(scope="module")
def adapted(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run of two steps, stopped in between by its only checkpoint and resumed."""
    # at a high rate, so that two steps leave a mark on the weights
    run_dir = make_run(
        tmp_path_factory.mktemp("lora"), lora=LORA, max_steps=2, save_steps=1, learning_rate=0.05, method="sft"
    )
    assert train(run_dir) == 0, run_dir.output.read_text()[-3000:]
    return run_dir


def test_only_the_adapter_trains_and_only_it_is_saved(adapted: RunDir) -> None:
    facts = of_type(records(adapted), "start")[0]["model"]

    assert 0 < facts["trainable"] < facts["parameters"] / 10
    assert (adapted.model / "adapter_model.safetensors").is_file()
    assert not (adapted.model / "model.safetensors").exists()


def test_an_adapter_loads_as_its_base_with_the_adapter_merged_in(adapted: RunDir) -> None:
    import torch

    from trainer.model import load_model

    base = load_model(parse_config({**QUICK, "name": "base", "model": "tiny"})).state_dict()
    merged = load_model(parse_config({**QUICK, "name": "merged", "model": str(adapted.model)})).state_dict()

    changed = {name for name in base if not torch.equal(base[name], merged[name])}
    assert base.keys() == merged.keys()
    assert changed and all("language_model" in name and ("q_proj" in name or "v_proj" in name) for name in changed)


def test_a_run_with_an_adapter_resumes(adapted: RunDir) -> None:
    config = adapted.config.read_text().replace("max_steps = 2", "max_steps = 3")
    adapted.config.write_text(config)

    assert train(adapted, "--attempt", "2", "--resume") == 0, adapted.output.read_text()[-3000:]

    journal = records(adapted, attempt=2)
    assert of_type(journal, "start")[0]["first_step"] == 3
    assert journal[-1]["outcome"] == "finished"


def test_training_on_top_of_an_adapter_is_refused_with_what_to_do(adapted: RunDir, tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, model=str(adapted.model))

    assert train(run_dir, "--check") == 1

    report = json.loads(run_dir.output.read_text().splitlines()[-1])
    assert "LoRA adapter" in report["errors"][0]["found"]
    assert "merge" in report["errors"][0]["fix"]


def test_an_adapter_without_its_weights_is_refused(adapted: RunDir, tmp_path: Path) -> None:
    from trainer.errors import ModelError
    from trainer.model import adapter_base

    (tmp_path / "adapter_config.json").write_text((adapted.model / "adapter_config.json").read_text())

    with pytest.raises(ModelError, match=r"adapter_model\.safetensors"):
        adapter_base(str(tmp_path))
