"""The held-out answers of several evaluations to the same examples, side by side. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from rftui.terminal.spans import Line, Role, Span, fitted, flowed
from rftui.terminal.wrapping import drawable, drawable_line, wrap
from store.rollouts import EvalSample

CLIPPED = "length"


class Way(NamedTuple):
    """One way of asking, or one run asked in two ways."""

    prompt: str
    decoding: str
    split: str
    is_thinking: bool = False
    """With <think> against without, of one run."""

    @property
    def title(self) -> str:
        """In words."""
        prompt = "think against direct" if self.is_thinking else self.prompt
        return drawable_line(f"{prompt} {self.decoding}, {self.split}")


class Source(NamedTuple):
    """The evaluation that a column shows."""

    run: str
    prompt: str
    decoding: str
    split: str
    step: int


class AnswerFilter(StrEnum):
    """Which examples are listed, in the turn in which a key goes through them."""

    ALL = "all"
    """Every example that all columns answered."""
    LOST = "right in the first, wrong in the second"
    """What the second column lost."""
    GAINED = "wrong in the first, right in the second"
    """What the second column gained."""
    DIFFER = "not all alike"
    """Right in some columns and wrong in others."""
    WRONG = "wrong in all"
    """No column has them right."""
    RIGHT = "right in all"
    """Every column has them right."""


class SharedAnswer(NamedTuple):
    """One example with the answer of each column."""

    uid: str
    samples: tuple[EvalSample, ...]

    @property
    def verdicts(self) -> tuple[bool | None, ...]:
        """Right or wrong in each column; None where the gold cannot be graded."""
        return tuple(sample.correct for sample in self.samples)


class SharedAnswers(NamedTuple):
    """What evaluations have in common."""

    answers: tuple[SharedAnswer, ...] = ()
    answered: tuple[int, ...] = ()
    """How many examples each evaluation has."""
    other_questions: int = 0
    """Uids in all of them that do not stand for the same question, options and gold."""


def shared_answers(evaluations: Sequence[Mapping[str, EvalSample]]) -> SharedAnswers:
    """The examples that every evaluation answered, in the order of the first."""
    if not evaluations:
        return SharedAnswers()
    first, *others = evaluations
    uids = [uid for uid in first if all(uid in other for other in others)]
    same = [uid for uid in uids if len({_content(each[uid]) for each in evaluations}) == 1]
    answers = tuple(SharedAnswer(uid, tuple(each[uid] for each in evaluations)) for uid in same)
    return SharedAnswers(answers, tuple(len(each) for each in evaluations), len(uids) - len(same))


def _content(sample: EvalSample) -> tuple[str, tuple[str, ...], str]:
    """What makes an example the same one, as in a comparison."""
    return sample.question, sample.options, sample.gold


def chosen(answers: Sequence[SharedAnswer], which: AnswerFilter) -> list[SharedAnswer]:
    """The answers that a filter lets through; those that cannot be graded only where all are shown."""
    return [answer for answer in answers if _passes(answer.verdicts, which)]


def _passes(verdicts: Sequence[bool | None], which: AnswerFilter) -> bool:
    pair = tuple(verdicts[:2])
    return {
        AnswerFilter.ALL: True,
        AnswerFilter.LOST: pair == (True, False),
        AnswerFilter.GAINED: pair == (False, True),
        AnswerFilter.DIFFER: True in verdicts and False in verdicts,
        AnswerFilter.WRONG: all(verdict is False for verdict in verdicts),
        AnswerFilter.RIGHT: all(verdict is True for verdict in verdicts),
    }[which]


def filter_text(which: AnswerFilter, letters: Sequence[str]) -> str:
    """A filter with the letters of its columns: `right in A, wrong in B`."""
    first, second = [*letters, "?", "?"][:2]
    return which.value.replace("the first", first).replace("the second", second)


def verdict_span(verdict: bool | None) -> Span:
    """A sign for right, wrong and what cannot be graded."""
    return {True: Span("✓", Role.RIGHT), False: Span("✗", Role.WRONG), None: Span("·", Role.MUTED)}[verdict]


def answer_row(answer: SharedAnswer, letters: Sequence[str], width: int) -> Line:
    """Right or wrong in each column, the gold answer, and the question."""
    spans: list[Span] = []
    for letter, verdict in zip(letters, answer.verdicts, strict=True):
        spans += [Span(letter, Role.STRONG), verdict_span(verdict), Span(" ")]
    sample = answer.samples[0]
    gold = drawable_line(sample.gold)
    return fitted((*spans, Span(f"{gold}  "), Span(drawable_line(sample.question), Role.MUTED)), width)


def sample_lines(sample: EvalSample, width: int, *, is_open: bool) -> list[Line]:
    """One answer with its completion; without the reasoning where it is folded."""
    said = drawable_line(sample.answer) if sample.answer is not None else "none that could be read"
    verdict = verdict_span(sample.correct)
    role = verdict.role if sample.answer is not None else Role.WARNING
    thought = f", {sample.think_tokens} of <think>" if sample.think_tokens else ""
    pieces: list[Line] = [
        (Span("answer ", Role.MUTED), Span(said, role), Span(" "), verdict),
        (Span(f"{sample.tokens} tokens{thought}", Role.MUTED),),
    ]
    if sample.stop == CLIPPED:
        pieces.append((Span("clipped", Role.WARNING),))
    if sample.malformed:
        pieces.append((Span(f"malformed: {drawable_line(sample.malformed)}", Role.WARNING),))
    lines = flowed(pieces, width)
    if is_open:
        lines += _completion_lines(sample.completion, width)
    elif sample.think:
        lines.append(fitted((Span("  ▸ think  ", Role.MUTED), Span(drawable_line(sample.think[: 4 * width]))), width))
    return lines


def _completion_lines(completion: str, width: int) -> Iterator[Line]:
    text = drawable(completion)
    for paragraph in text.paragraphs:
        for start, end in wrap(paragraph, max(1, width - 2)):
            yield Span("  "), Span(paragraph[start:end])
    for count, what in ((text.hidden, "cannot be seen and are not shown"), (text.left_out, "more are not shown")):
        if count:
            yield fitted((Span(f"  {count:,} characters {what}", Role.WARNING),), width)
