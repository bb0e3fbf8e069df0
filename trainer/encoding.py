"""Turns user turns with images into what a model takes, and what it generates into completions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from trainer.model import FittedImage


def encode_prompts(processor: Any, texts: Sequence[str], images: Sequence[Sequence[FittedImage]]) -> Any:
    """Model inputs of one user turn each, padded left; images stand before the text, as TRL puts them."""
    prompts = [
        processor.apply_chat_template(
            [{"role": "user", "content": [*({"type": "image"} for _ in fitted), {"type": "text", "text": text}]}],
            add_generation_prompt=True,
            tokenize=False,
        )
        for text, fitted in zip(texts, images, strict=True)
    ]
    pictures = [[item.image for item in fitted] for fitted in images]
    return processor(text=prompts, images=pictures if any(pictures) else None, padding=True, return_tensors="pt")


def until_end(ids: list[int], ends: Collection[int]) -> list[int]:
    """Token ids up to and including the first that ends a completion."""
    for position, token in enumerate(ids):
        if token in ends:
            return ids[: position + 1]
    return ids
