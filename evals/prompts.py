"""The wording of prompts and completions, one for every model: the form of the R1-V and VisualThinker code family."""

from __future__ import annotations

from collections.abc import Sequence

THINK = "think"
DIRECT = "direct"

THINK_INSTRUCTION = "Output the thinking process in <think> </think> and final answer in <answer> </answer> tags."
DIRECT_INSTRUCTION = "Output the final answer in <answer> </answer> tags."


def choices(options: Sequence[str]) -> str:
    """`a, b or c`."""
    return options[0] if len(options) == 1 else f"{', '.join(options[:-1])} or {options[-1]}"


def user_text(question: str, options: Sequence[str], *, mode: str) -> str:
    """The user turn: question, options where there are any, and how to answer."""
    instruction = THINK_INSTRUCTION if mode == THINK else DIRECT_INSTRUCTION
    shown = f" Choose between the following options: {choices(options)}." if options else ""
    return f"{question}{shown} {instruction}"


def completion_text(answer: str, *, think: str | None) -> str:
    """A well-formed completion, with or without reasoning."""
    thought = "" if think is None else f"<think>{think}</think>"
    return f"{thought}<answer>{answer}</answer>"
