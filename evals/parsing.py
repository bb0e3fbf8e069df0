"""Reads <think> and <answer> out of a completion and names what is wrong with its form. Never raises."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from evals.prompts import THINK
from evals.tag_lookalikes import tag_count

_TAG = re.compile(r"<(/?)(think|answer)>")


class Malformed(StrEnum):
    """What is wrong with a completion's form; the first that applies, top to bottom.

    First come those that leave nothing to grade, then those of the reasoning, then those of the order. How often each
    occurs in real completions: docs/parsing.md.
    """

    EMPTY = "empty completion"
    """Nothing but white space."""
    LOOKALIKE_TAG = "look-alike tag"
    """Something that only looks like a tag: <THINK>, < answer >, full-width, with a zero-width space, escaped."""
    NO_TAGS = "no tags"
    """Plain text."""
    ENDS_IN_THINK = "ends inside think"
    """<think>, and the completion ends before </think> and before any answer: cut off, or lost in thought."""
    NO_ANSWER = "no answer tag"
    """Reasoning with an end, and no <answer> at all."""
    SEVERAL_ANSWERS = "several answers"
    """More than two answer tags; nothing is graded."""
    UNCLOSED_ANSWER = "unclosed answer"
    """<answer> without </answer>."""
    UNOPENED_ANSWER = "unopened answer"
    """</answer> without <answer>."""
    RESTARTED_THINK = "restarted think"
    """<think> again before </think>."""
    UNCLOSED_THINK = "unclosed think"
    """<think> without </think>, and an answer."""
    UNOPENED_THINK = "unopened think"
    """</think> without <think>."""
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
    blocks: list[_Block]
    """Each from an opening tag to the next closing one."""
    is_restarted: bool
    """Whether one opens inside another."""
    is_unopened: bool
    """Whether one closes that was not open."""
    is_unclosed: bool
    """Whether one is open at the end."""

    @property
    def is_paired(self) -> bool:
        """Whether they open and close in turn."""
        return 2 * len(self.blocks) == self.tags

    @classmethod
    def of(cls, text: str, tags: Sequence[re.Match[str]]) -> _Tagged:
        """What those tags make of the text."""
        blocks: list[_Block] = []
        opening: re.Match[str] | None = None
        is_restarted = is_unopened = False
        for tag in tags:
            is_closing = bool(tag[1])
            if opening is None and not is_closing:
                opening = tag
            elif opening is None:
                is_unopened = True
            elif is_closing:
                blocks.append(_Block(opening.start(), tag.end(), text[opening.end() : tag.start()]))
                opening = None
            else:
                is_restarted = True
        return cls(len(tags), blocks, is_restarted, is_unopened, opening is not None)


class _Completion(NamedTuple):
    """A completion by its tags."""

    text: str
    think: _Tagged
    answer: _Tagged
    lookalikes: int
    """Tags that only look so."""


def parse(completion: str, mode: str) -> Parsed:
    """Think, answer and malformation of a completion to the prompt `mode` (think or direct). Linear in its length.

    An answer is read from a malformed completion where it is unambiguous, so that accuracy and form stay two things: it
    is the only one, nothing in the completion looks like a tag and is none, it holds no other tag, and it does not
    stand inside closed reasoning.
    """
    # one pass over the tags: a lazy .*? between two of them is quadratic where the second never comes
    tags = list(_TAG.finditer(completion))
    think, answer = (_Tagged.of(completion, [tag for tag in tags if tag[2] == name]) for name in ("think", "answer"))
    whole = _Completion(completion, think, answer, tag_count(completion) - len(tags))
    malformed = _malformation(whole, mode)
    thought = think.blocks[0].inner.strip() if len(think.blocks) == 1 else None
    return Parsed(thought, _answer(whole), None if malformed is None else malformed.value)


def _answer(whole: _Completion) -> str | None:
    """The one answer that can be meant."""
    if whole.lookalikes or not whole.answer.is_paired or len(whole.answer.blocks) != 1:
        return None
    block = whole.answer.blocks[0]
    if _TAG.search(block.inner) is not None or _is_inside(block, whole.think.blocks):
        return None
    return block.inner.strip() or None


def _is_inside(answer: _Block, thinks: Sequence[_Block]) -> bool:
    return any(think.start < answer.start < think.end for think in thinks)


def _malformation(whole: _Completion, mode: str) -> Malformed | None:
    think, answer = whole.think, whole.answer
    has_no_answer = answer.tags == 0
    checks = (
        (not whole.text.strip(), Malformed.EMPTY),
        (whole.lookalikes > 0, Malformed.LOOKALIKE_TAG),
        (has_no_answer and think.tags == 0, Malformed.NO_TAGS),
        (has_no_answer and think.is_unclosed, Malformed.ENDS_IN_THINK),
        (has_no_answer, Malformed.NO_ANSWER),
        (answer.tags > 2, Malformed.SEVERAL_ANSWERS),
        (not answer.is_paired and answer.is_unclosed and not answer.is_unopened, Malformed.UNCLOSED_ANSWER),
        (not answer.is_paired, Malformed.UNOPENED_ANSWER),
        (think.is_restarted, Malformed.RESTARTED_THINK),
        (think.is_unclosed, Malformed.UNCLOSED_THINK),
        (think.is_unopened, Malformed.UNOPENED_THINK),
    )
    first = next((malformed for applies, malformed in checks if applies), None)
    return first or _misplaced(whole.text, mode, thinks=think.blocks, answer=answer.blocks[0])


def _misplaced(text: str, mode: str, *, thinks: list[_Block], answer: _Block) -> Malformed | None:
    """What is wrong where every tag has its partner and there is one answer."""
    wants_think = mode == THINK
    blocks = sorted([*thinks, answer])
    checks = (
        (_is_inside(answer, thinks), Malformed.ANSWER_IN_THINK),
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
