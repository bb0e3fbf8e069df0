"""The embedded model: a tiny Qwen2.5-VL whose weights this project trained. For learning the tool and for tests."""

from pathlib import Path


def tiny_model_dir() -> Path:
    """Directory of the shipped weights, tokenizer and processor."""
    return Path(__file__).parent / "weights"
