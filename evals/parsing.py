"""Reads <think> and <answer> out of a completion and names what is wrong with its form. Never raises."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from evals.prompts import THINK

_TAG = re.compile(r"</?(?:think|answer)>")


class Malformed(StrEnum):
    """What is wrong with a completion's form; the first that applies, top to bottom."""

    EMPTY = "empty completion"
    """Nothing but white space."""
    NO_ANSWER = "no answer tag"
    """No <answer> at all."""
    UNCLOSED_THINK = "unclosed think"
    """<think> without </think>, or the other way round."""
    UNCLOSED_ANSWER = "unclosed answer"
    """<answer> without </answer>, or the other way round."""
    SEVERAL_ANSWERS = "several answers"
    """More than one answer block; none of them is graded."""
    ANSWER_IN_THINK = "answer inside think"
    """The answer block stands inside the reasoning."""
    EMPTY_ANSWER = "empty answer"
    """Answer tags around nothing."""
    NO_THINK = "no think tag"
    """Asked to think, and no <think>."""
    SEVERAL_THINKS = "several thinks"
    """More than one think block."""
    EMPTY_THINK = "empty think"
    """Think tags around nothing."""
    UNASKED_THINK = "unasked think"
    """A think block although only the answer was asked for."""
    ANSWER_FIRST = "answer before think"
    """The answer comes before the reasoning."""
    TEXT_OUTSIDE = "text outside tags"
    """Words before, between or after the blocks."""


class Parsed(NamedTuple):
    """A completion taken apart."""

    think: str | None
    """Reasoning, stripped; None where there is no single closed think block."""
    answer: str | None
    """The one non-empty answer, stripped; None where there is none to grade."""
    malformed: str | None
    """What is wrong with the form; None for exactly the form that was asked for."""


def parse(completion: str, mode: str) -> Parsed:
    """Think, answer and malformation of a completion to the prompt `mode` (think or direct).

    An answer is read from a malformed completion where it is unambiguous, so that accuracy and form stay two things.
    """
    thinks = _blocks(completion, "think")
    answers = _blocks(completion, "answer")
    think = thinks[0].strip() if len(thinks) == 1 else None
    malformed = _malformation(completion, mode, thinks=thinks, answers=answers)
    refused = (Malformed.SEVERAL_ANSWERS, Malformed.UNCLOSED_ANSWER, Malformed.ANSWER_IN_THINK)
    answer = answers[0].strip() if len(answers) == 1 and malformed not in refused else None
    return Parsed(think, answer or None, None if malformed is None else malformed.value)


def _blocks(text: str, tag: str) -> list[str]:
    return re.findall(rf"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)


def _malformation(text: str, mode: str, *, thinks: list[str], answers: list[str]) -> Malformed | None:
    opened = {name: text.count(f"<{name}>") for name in ("think", "answer")}
    closed = {name: text.count(f"</{name}>") for name in ("think", "answer")}
    wants_think = mode == THINK
    checks = (
        (not text.strip(), Malformed.EMPTY),
        (opened["answer"] == closed["answer"] == 0, Malformed.NO_ANSWER),
        (opened["think"] != closed["think"] or opened["think"] != len(thinks), Malformed.UNCLOSED_THINK),
        (opened["answer"] > 1 or closed["answer"] > 1, Malformed.SEVERAL_ANSWERS),
        (opened["answer"] != closed["answer"] or opened["answer"] != len(answers), Malformed.UNCLOSED_ANSWER),
        (any("<answer>" in block for block in thinks), Malformed.ANSWER_IN_THINK),
        (any(not block.strip() for block in answers), Malformed.EMPTY_ANSWER),
        (wants_think and not thinks, Malformed.NO_THINK),
        (wants_think and len(thinks) > 1, Malformed.SEVERAL_THINKS),
        (wants_think and any(not block.strip() for block in thinks), Malformed.EMPTY_THINK),
        (not wants_think and bool(thinks), Malformed.UNASKED_THINK),
        (bool(thinks) and text.find("<answer>") < text.find("<think>"), Malformed.ANSWER_FIRST),
        (bool(_outside(text).strip()), Malformed.TEXT_OUTSIDE),
    )
    return next((malformed for applies, malformed in checks if applies), None)


def _outside(text: str) -> str:
    """What is left of a completion without its blocks."""
    for tag in ("think", "answer"):
        text = re.sub(rf"<{tag}>.*?</{tag}>", "", text, flags=re.DOTALL)
    return _TAG.sub("", text)
