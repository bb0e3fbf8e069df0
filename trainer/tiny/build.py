"""Makes the untrained embedded model: tokenizer from the tasks' own sentences, processor, and a tiny Qwen2.5-VL."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)

from evals.generated.scenes import CELL_PIXELS, SCENE_PIXELS
from trainer.tiny.curriculum import all_texts
from trainer.tiny.pictures import FRAMES, MERGE, PATCH_PIXELS

CONTROL_TOKENS = [
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
]
TAGS = ["<think>", "</think>", "<answer>", "</answer>"]
"""One token each, but not control tokens: they must survive decoding."""
SET_PHRASES = [
    "You are a helpful assistant.",
    "system\n",
    "user\n",
    "assistant\n",
    " Choose between the following options:",
    "Output the thinking process in ",
    "Output the final answer in ",
    " and final answer in ",
    " tags.",
    " are there?",
    " moves one cell",
    " Where is it from the",
    " from the",
    "Where is the",
    "Which object is",
    "How many",
    "Compared with",
    " more, fewer or equal in number?",
    "This is an image containing an aircraft.",
    " Please identify the model of the aircraft based on the image.",
    "What is the sentiment of the message on the banner?",
    " positive or negative.",
    " negative or positive.",
]
"""Wording that never varies is one token each: half the length of a prompt is half the time of a step."""
VOCABULARY = 1000
CORPUS_SAMPLES = 500
"""Of each task."""

HIDDEN, LAYERS, HEADS, KEY_VALUE_HEADS, FEED_FORWARD = 64, 4, 4, 2, 192
VISION_HIDDEN, VISION_LAYERS, VISION_HEADS = 64, 2, 4
INITIAL_SPREAD = 0.1
"""Wider than usual: at this size weights of 0.02 learn to see much later."""


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer in which every word of the tasks is one token."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=CONTROL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_corpus(), trainer)
    tokenizer.add_tokens([AddedToken(text, special=False, normalized=False) for text in [*TAGS, *SET_PHRASES]])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        padding_side="left",
        additional_special_tokens=CONTROL_TOKENS[1:],
        model_max_length=1024,
    )


def _corpus() -> Iterator[str]:
    for text in all_texts(random.Random(0), samples=CORPUS_SAMPLES):
        # what is a token of its own should not also take up merges
        for phrase in [*TAGS, *SET_PHRASES]:
            text = text.replace(phrase, "\n")
        yield from text.split("\n")


def build_processor(tokenizer: PreTrainedTokenizerFast) -> Any:
    """Qwen2.5-VL's stock processor with this tokenizer, our chat template, and one visual token a cell."""
    area = SCENE_PIXELS * SCENE_PIXELS
    image_processor = Qwen2VLImageProcessor(
        patch_size=PATCH_PIXELS,
        merge_size=MERGE,
        temporal_patch_size=FRAMES,
        size={"shortest_edge": area, "longest_edge": area},
    )
    template = (Path(__file__).parent / "chat_template.jinja").read_text(encoding="utf-8").rstrip("\n")
    return Qwen2_5_VLProcessor(
        image_processor=image_processor,
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(patch_size=PATCH_PIXELS, merge_size=MERGE, temporal_patch_size=FRAMES),
        chat_template=template,
    )


def build_model(tokenizer: PreTrainedTokenizerFast, *, seed: int) -> Qwen2_5_VLForConditionalGeneration:
    """The untrained model; docs/base.md says how large it is."""
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in CONTROL_TOKENS}
    half_head = HIDDEN // HEADS // 2
    # the rotary halves are shared out among time, height and width; they must add up to half a head
    spatial = (half_head - half_head // 4) // 2
    config = Qwen2_5_VLConfig(
        text_config={
            "vocab_size": -(-len(tokenizer) // 32) * 32,
            "hidden_size": HIDDEN,
            "intermediate_size": FEED_FORWARD,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": HEADS,
            "num_key_value_heads": KEY_VALUE_HEADS,
            "max_position_embeddings": 1024,
            "rms_norm_eps": 1e-6,
            "max_window_layers": LAYERS,
            "initializer_range": INITIAL_SPREAD,
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": 10000.0,
                "mrope_section": [half_head - 2 * spatial, spatial, spatial],
            },
            "bos_token_id": ids["<|endoftext|>"],
            "eos_token_id": ids["<|im_end|>"],
            "pad_token_id": ids["<|endoftext|>"],
        },
        vision_config={
            "depth": VISION_LAYERS,
            "hidden_size": VISION_HIDDEN,
            "intermediate_size": VISION_HIDDEN * 2,
            "num_heads": VISION_HEADS,
            "patch_size": PATCH_PIXELS,
            "spatial_merge_size": MERGE,
            "temporal_patch_size": FRAMES,
            "window_size": CELL_PIXELS * 8,
            "out_hidden_size": HIDDEN,
            "fullatt_block_indexes": list(range(VISION_LAYERS)),
            "initializer_range": INITIAL_SPREAD,
        },
        image_token_id=ids["<|image_pad|>"],
        video_token_id=ids["<|video_pad|>"],
        vision_start_token_id=ids["<|vision_start|>"],
        vision_end_token_id=ids["<|vision_end|>"],
        tie_word_embeddings=True,
    )
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = ids["<|im_end|>"]
    model.generation_config.pad_token_id = ids["<|endoftext|>"]
    return model
