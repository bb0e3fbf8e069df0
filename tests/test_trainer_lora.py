"""LoRA on the embedded model: only adapters train, are saved, resumed from, and evaluated."""

from __future__ import annotations

import json
import shutil
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


def saved_elsewhere(adapted: RunDir, folder: Path, *, base: str) -> Path:
    """The adapter alone, as others save it, with another base."""
    folder.mkdir()
    settings = json.loads((adapted.model / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps(settings | {"base_model_name_or_path": base}))
    shutil.copy(adapted.model / "adapter_model.safetensors", folder)
    return folder


def test_an_adapter_without_a_processor_has_that_of_its_base(adapted: RunDir, tmp_path: Path) -> None:
    from trainer.model import load_model, load_processor

    # made in another environment, where the embedded model lay elsewhere
    adapter = saved_elsewhere(adapted, tmp_path / "adapter", base="/other/site-packages/trainer/tiny/weights")
    config = parse_config({**QUICK, "name": "alone", "model": str(adapter)})

    processor, model = load_processor(config), load_model(config)

    assert processor.image_processor.size["longest_edge"] == QUICK["image_max_pixels"]
    own = load_model(parse_config({**QUICK, "name": "own", "model": str(adapted.model)})).state_dict()
    assert all(bool((weight == own[name]).all()) for name, weight in model.state_dict().items())


def test_an_adapter_whose_base_is_gone_is_refused_with_its_place(adapted: RunDir, tmp_path: Path) -> None:
    from trainer.errors import ModelError
    from trainer.model import adapter_base

    adapter = saved_elsewhere(adapted, tmp_path / "adapter", base="/nowhere/base")

    with pytest.raises(ModelError, match="/nowhere/base"):
        adapter_base(str(adapter))


def test_the_base_of_an_adapter_may_lie_in_the_home_folder(
    adapted: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.model import adapter_base

    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "base").mkdir()
    adapter = saved_elsewhere(adapted, tmp_path / "adapter", base="~/base")

    assert adapter_base(str(adapter)) == str(tmp_path / "base")


def test_an_adapter_folder_and_a_checkpoint_of_it_are_evaluated(adapted: RunDir, tmp_path: Path) -> None:
    asked = {"examples": 8, "batch_size": 8, "prompts": ["direct"]}
    checkpoint = adapted.checkpoints / "checkpoint-1"

    for number, model in enumerate((adapted.model, checkpoint)):
        run_dir = make_run(tmp_path / str(number), method="eval", model=str(model), evaluation=asked)
        assert train(run_dir) == 0, run_dir.output.read_text()[-3000:]
        (result,) = of_type(records(run_dir), "eval_result")
        assert result["n"] == 8


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
