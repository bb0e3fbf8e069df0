"""Wrong answers that are none of the possible ones: what a model says in place of a label, for people to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from evals.class_names import ClassNames, unmatched_answers
from evals.errors import TaskError
from evals.grading import normalized

MOST_LISTED = 100


class Given(NamedTuple):
    """One answer."""

    answer: str | None
    correct: bool | None
    options: Sequence[str]
    """Answers it could choose from; empty where the question showed none."""


def unmatched_record(
    answers: Sequence[Given], space: Sequence[str], *, names: ClassNames | None = None
) -> dict[str, Any] | None:
    """Wrong answers that name no label of the answer space, or else no option of their question, as a journal record.

    `names` are the labels with their aliases, where the task knows any: a wrong label by another name is matched too.
    `answers` of the record lists at most 100 different ones, the most frequent first. None where answers are open.
    Answers that were called right are none of these, whichever alias they used.
    """
    if not space and not any(given.options for given in answers):
        return None
    try:
        names = names or ClassNames(space)
    except TaskError:
        # labels that no spelling tells apart: there is nothing to match answers with
        return None
    # an option of another question is none of this one's, so there the spellings of labels decide nothing
    said = [given.answer for given in answers if given.correct is False and (space or _is_no_option(given))]
    found = unmatched_answers(said, names)
    return {
        "among": "labels" if space else "options",
        "labels": len(names.labels),
        "count": sum(each.count for each in found),
        "answers": [each._asdict() for each in found[:MOST_LISTED]],
    }


def _is_no_option(given: Given) -> bool:
    return given.answer is not None and normalized(given.answer) not in map(normalized, given.options)
