"""Which of the user's own two labels means which of a task's two answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from evals.errors import TaskError
from evals.grading import normalized

KNOWN_LABELS = {
    "positive": ("positive", "pos", "1", "good", "favourable", "favorable"),
    "negative": ("negative", "neg", "0", "-1", "bad", "unfavourable", "unfavorable"),
}
"""Labels that are understood where the user names none."""


class BinaryLabels:
    """Maps labels to `positive` and `negative`, whatever their case; an option of the task names the user's own."""

    def __init__(self, *, positive: str = "", negative: str = "") -> None:
        """`positive` and `negative` are the user's labels; empty for the usual ones.

        Raises TaskError where both are the same.
        """
        self._wanted = {
            "positive": (positive,) if positive else KNOWN_LABELS["positive"],
            "negative": (negative,) if negative else KNOWN_LABELS["negative"],
        }
        self._answers = {
            normalized(label): answer for answer, labels in self._wanted.items() for label in labels if label
        }
        if len(self._answers) < sum(map(len, self._wanted.values())):
            raise TaskError(
                f"task_options.positive is {positive!r} and task_options.negative is {negative!r}",
                expected="two labels that differ in more than case, and that don't mean the other answer",
                fix="name both labels of your data",
            )

    def answer(self, label: Any) -> str | None:
        """positive or negative; None for a label that is neither."""
        return self._answers.get(normalized(_text(label)))

    def answers(self, labels: Iterable[str], *, where: str) -> Mapping[str, str]:
        """The answer of every label of the data. Raises TaskError unless both answers occur and no label is neither."""
        found = {label: self.answer(label) for label in labels}
        known = {label: answer for label, answer in found.items() if answer is not None}
        unknown = [label for label, answer in found.items() if answer is None]
        if unknown or len(set(known.values())) < 2:
            raise TaskError(
                f"{where} has the labels {_listed(found)}",
                expected=f"two: {self.wanted}",
                fix="say which is which: --set task_options.positive=LABEL --set task_options.negative=LABEL",
            )
        return known

    @property
    def wanted(self) -> str:
        """`positive (or pos, 1) and negative`, for messages."""
        return " and ".join(
            labels[0] + (f" (or {', '.join(labels[1:])})" if labels[1:] else "") for labels in self._wanted.values()
        )


def _listed(labels: Iterable[str], *, most: int = 6) -> str:
    names = sorted(map(repr, labels))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _text(label: Any) -> str:
    """A cell as text: JSON may hold 1, 1.0 or true where a CSV holds a text."""
    if isinstance(label, bool) or (isinstance(label, float) and label.is_integer()):
        return str(int(label))
    return str(label)
