"""A model of another family: what is not Qwen's must train, evaluate and be recorded all the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.training_runs import make_run, of_type, records, train

pytestmark = [pytest.mark.train, pytest.mark.slow]

CHAT_TEMPLATE = (
    "{% for message in messages %}{{ message['role'] + ': ' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}{{ '\n' }}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)


def save_tiny_llava(folder: Path) -> None:
    """An untrained LLaVA of a few thousand parameters: 32 x 32 pixels, 16 visual tokens."""
    import torch
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    from trainer.tiny.build import build_tokenizer

    tokenizer: Any = build_tokenizer()
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"]})
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8
    )
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    image_token = tokenizer.convert_tokens_to_ids("<image>")
    model = LlavaForConditionalGeneration(
        LlavaConfig(vision_config=vision, text_config=text, image_token_index=image_token)
    )
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    processor = LlavaProcessor(
        CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=CHAT_TEMPLATE,
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)


def test_a_llava_trains_by_grpo_with_every_completion_recorded(tmp_path: Path) -> None:
    model = tmp_path / "llava"
    save_tiny_llava(model)
    run_dir = make_run(
        tmp_path,
        model=str(model),
        max_steps=2,
        evaluation={"every": 0, "at_start": False, "examples": 4, "batch_size": 4},
    )

    assert train(run_dir) == 0, run_dir.output.read_text()[-3000:]

    journal = records(run_dir)
    samples = [sample for group in of_type(journal, "group") for sample in group["samples"]]
    assert len(samples) == 2 * 8
    assert len(of_type(journal, "eval_sample")) == 2 * 4
    assert journal[-1]["outcome"] == "finished"
    assert list(run_dir.model.glob("*.safetensors"))
