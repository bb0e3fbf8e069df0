"""The batch arithmetic in words: what the settings of a run mean in prompts, completions and epochs. Pure."""

from __future__ import annotations

from rftui.formats import counted
from store.config import Method, RunConfig


def batch_sentences(config: RunConfig, *, available_examples: int | None) -> list[str]:
    """Sentences for preflight; `available_examples` is the size of a real data set, None where generated."""
    if config.method is Method.EVAL:
        return []
    if config.method is Method.SUIT:
        return [_sampled(config, available_examples)]
    ranks = counted(config.ranks, "rank")
    product = f"{config.per_device_train_batch_size} a rank x {ranks} x {config.gradient_accumulation_steps}"
    if config.method is Method.SFT:
        examples = int(config.examples_per_step)
        return [f"{examples} examples a step ({product})", _data(config, float(examples), available_examples)]
    completions = int(config.examples_per_step)
    prompts = completions / config.num_generations
    sentences = [
        f"{completions} completions a step ({product}) = {_count(prompts)} prompts x {config.num_generations}",
        _data(config, prompts / config.num_iterations, available_examples),
    ]
    legacy = config.ranks * config.gradient_accumulation_steps * config.per_device_train_batch_size
    if config.ranks > 1 or config.gradient_accumulation_steps > 1:
        sentences.append(
            f"TRL 1.x counts completions; in the code of R1-V, Visual-RFT and CLS-RL (TRL 0.14) the same three numbers "
            f"meant {legacy} prompts = {legacy * config.num_generations} completions a step"
        )
    return sentences


def _sampled(config: RunConfig, available: int | None) -> str:
    drawn = config.train_examples or available
    prompts = config.suit.prompts if drawn is None else min(config.suit.prompts, drawn)
    of_all = f" of {drawn}" if drawn else ""
    completions = 2 * prompts * config.num_generations
    return (
        f"{completions} completions: {prompts} training prompts{of_all} x {config.num_generations}, "
        "with <think> and without; no weights change"
    )


def _count(number: float) -> str:
    return f"{number:.0f}" if number == int(number) else f"{number:.2f}"


def _data(config: RunConfig, per_step: float, available_examples: int | None) -> str:
    total = per_step * config.max_steps
    drawn = config.train_examples or available_examples
    text = f"{total:.0f} training examples in {config.max_steps} steps"
    return f"{text} = {total / drawn:.2f} epochs of {drawn}" if drawn else text
