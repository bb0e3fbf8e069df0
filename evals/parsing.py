"""Reads <think> and <answer> out of a completion and names what is wrong with its form. Never raises."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from evals.prompts import THINK

_TAG = re.compile(r"<(/?)(think|answer)>")


class Malformed(StrEnum):
    """What is wrong with a completion's form; the first that applies, top to bottom."""

    EMPTY = "empty completion"
    """Nothing but white space."""
    NO_ANSWER = "no answer tag"
    """No <answer> at all."""
    UNCLOSED_THINK = "unclosed think"
    """<think> without </think>, the other way round, or one inside another."""
    SEVERAL_ANSWERS = "several answers"
    """More than two answer tags; nothing is graded."""
    UNCLOSED_ANSWER = "unclosed answer"
    """<answer> without </answer>, or the other way round."""
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
    """Reasoning, stripped: from <think> to the next </think>, where that happens once; else None."""
    answer: str | None
    """The one non-empty answer, stripped; None where there is none to grade."""
    malformed: str | None
    """What is wrong with the form; None for exactly the form that was asked for."""


class _Block(NamedTuple):
    """Where an opening tag and its closing one stand, and what is between them."""

    start: int
    end: int
    inner: str


class _Tagged(NamedTuple):
    """The tags of one name in a completion."""

    tags: int
    is_paired: bool
    """Whether they open and close in turn."""
    blocks: list[_Block]
    """Each from an opening tag to the next closing one."""

    @classmethod
    def of(cls, text: str, tags: Sequence[re.Match[str]]) -> _Tagged:
        """What those tags make of the text."""
        blocks: list[_Block] = []
        opening: re.Match[str] | None = None
        for tag in tags:
            is_closing = bool(tag[1])
            if opening is None and not is_closing:
                opening = tag
            elif opening is not None and is_closing:
                blocks.append(_Block(opening.start(), tag.end(), text[opening.end() : tag.start()]))
                opening = None
        # as many blocks as pairs only when no tag was passed over
        return cls(len(tags), 2 * len(blocks) == len(tags), blocks)


def parse(completion: str, mode: str) -> Parsed:
    """Think, answer and malformation of a completion to the prompt `mode` (think or direct). Linear in its length.

    An answer is read from a malformed completion where it is unambiguous, so that accuracy and form stay two things: it
    is the only one, holds no other tag, and does not stand inside closed reasoning.
    """
    # one pass over the tags: a lazy .*? between two of them is quadratic where the second never comes
    tags = list(_TAG.finditer(completion))
    think, answer = (_Tagged.of(completion, [tag for tag in tags if tag[2] == name]) for name in ("think", "answer"))
    malformed = _malformation(completion, mode, think=think, answer=answer)
    thought = think.blocks[0].inner.strip() if len(think.blocks) == 1 else None
    answered = answer.blocks[0].inner.strip() if answer.is_paired and len(answer.blocks) == 1 else ""
    is_refused = malformed is Malformed.ANSWER_IN_THINK or _TAG.search(answered) is not None
    return Parsed(thought, None if is_refused else answered or None, None if malformed is None else malformed.value)


def _malformation(text: str, mode: str, *, think: _Tagged, answer: _Tagged) -> Malformed | None:
    if not text.strip():
        return Malformed.EMPTY
    if answer.tags == 0:
        return Malformed.NO_ANSWER
    if not think.is_paired:
        return Malformed.UNCLOSED_THINK
    if answer.tags > 2:
        return Malformed.SEVERAL_ANSWERS
    if not answer.is_paired:
        return Malformed.UNCLOSED_ANSWER
    return _misplaced(text, mode, thinks=think.blocks, answer=answer.blocks[0])


def _misplaced(text: str, mode: str, *, thinks: list[_Block], answer: _Block) -> Malformed | None:
    """What is wrong where every tag has its partner and there is one answer."""
    wants_think = mode == THINK
    blocks = sorted([*thinks, answer])
    checks = (
        (any(think.start < answer.start < think.end for think in thinks), Malformed.ANSWER_IN_THINK),
        (not answer.inner.strip(), Malformed.EMPTY_ANSWER),
        (wants_think and not thinks, Malformed.NO_THINK),
        (wants_think and len(thinks) > 1, Malformed.SEVERAL_THINKS),
        (wants_think and any(not think.inner.strip() for think in thinks), Malformed.EMPTY_THINK),
        (not wants_think and bool(thinks), Malformed.UNASKED_THINK),
        (blocks[0] == answer and bool(thinks), Malformed.ANSWER_FIRST),
        (bool(_outside(text, blocks).strip()), Malformed.TEXT_OUTSIDE),
    )
    return next((malformed for applies, malformed in checks if applies), None)


def _outside(text: str, blocks: Sequence[_Block]) -> str:
    """What stands before, between and after blocks that follow one another."""
    starts, ends = [block.start for block in blocks], [block.end for block in blocks]
    return "".join(text[end:start] for end, start in zip([0, *ends], [*starts, len(text)], strict=True))
