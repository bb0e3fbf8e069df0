"""Experiment manager for reinforcement fine-tuning of vision-language models. Never imports torch or trainer."""

__version__ = "0.1.0"
