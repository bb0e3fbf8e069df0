"""Which class an answer names: one label of many, in any spelling that cannot mean another one.

The whole answer has to be a name. A sentence, a list of classes or "a or b" names none: rules that look for a label
inside the answer, or for the answer inside a label, pay for an empty answer and for a list of everything (Visual-RFT
issues 79 and 161).
"""

from __future__ import annotations

import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from evals.errors import TaskError
from evals.grading import normalized
from evals.task import Example

# spaces, underscores, slashes, and hyphens as keyboards and typesetters have them
_SEPARATORS = re.compile(r"[\s_/\-\u2010-\u2015\u2212]+")
_WORD = re.compile(r"[^\W_]+")
NEAREST_LABELS = 3
NEAREST_CUTOFF = 0.5
_LONGEST_ANSWER = 200
"""Characters of an answer that are compared with labels; a runaway completion is no near miss."""


def collapsed(text: str) -> str:
    """The text without case, spaces, hyphens, underscores and slashes: `F/A-18` and `fa 18` are `fa18`."""
    return _SEPARATORS.sub("", normalized(text))


class UnmatchedAnswer(NamedTuple):
    """An answer that names no class."""

    answer: str
    """As first given."""
    # hides tuple.count, which nobody asks of such a record
    count: int  # type: ignore[assignment]
    """Answers that are the same but for case, spaces, hyphens, underscores and slashes."""
    mentions: tuple[str, ...]
    """Labels that occur in it as whole words; two or more mean that it did not choose."""
    nearest: tuple[str, ...]
    """Labels spelled most like it, the nearest first."""


class ClassNames:
    """The labels of a task with every spelling that means one of them."""

    def __init__(
        self,
        labels: Iterable[str],
        *,
        aliases: Mapping[str, Sequence[str]] | None = None,
        prefixes: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Aliases and prefixes (makers' names) by label; those of labels that are not there are passed over.

        Raises TaskError where two labels, or aliases of two labels, cannot be told apart. A label with a prefix is
        left out where it would mean another label too.
        """
        self.labels = tuple(dict.fromkeys(labels))
        self._label_of: dict[str, str] = {}
        for label in self.labels:
            self._add(label, label)
        for label in self.labels:
            for alias in (aliases or {}).get(label, ()):
                self._add(alias, label)
        self._add_prefixed(prefixes or {})

    def _add(self, spelling: str, label: str) -> None:
        key = collapsed(spelling)
        if not key:
            raise TaskError(f"the name {spelling!r} of class {label!r} is empty", expected="letters or digits")
        other = self._label_of.setdefault(key, label)
        if other != label:
            what = "" if spelling == label else f"its alias {spelling!r} "
            raise TaskError(
                f"class {label!r}: {what}cannot be told from class {other!r}",
                expected="names that differ in more than case, spaces, hyphens, underscores and slashes",
                fix="rename one of them" if spelling == label else "take the alias out",
            )

    def _add_prefixed(self, prefixes: Mapping[str, Sequence[str]]) -> None:
        meant: dict[str, set[str]] = defaultdict(set)
        for label in self.labels:
            for prefix in prefixes.get(label, ()):
                for key in [key for key, of in self._label_of.items() if of == label]:
                    if not key.startswith(collapsed(prefix)):
                        meant[collapsed(prefix) + key].add(label)
        for key, labels in meant.items():
            if len(labels) == 1:
                self._label_of.setdefault(key, *labels)

    @property
    def spellings(self) -> Mapping[str, str]:
        """Label by collapsed spelling."""
        return self._label_of

    def label_of(self, answer: str | None) -> str | None:
        """The label that the whole answer names; None where it names none or several."""
        return None if answer is None else self._label_of.get(collapsed(answer))

    def mentioned(self, answer: str) -> tuple[str, ...]:
        """Labels that stand in the answer as whole words, in the order of the labels; for reports, never for scores."""
        words = _words(answer[:_LONGEST_ANSWER])
        return tuple(label for label in self.labels if _words(label) in words)

    def nearest(self, answer: str) -> tuple[str, ...]:
        """Labels spelled most like the answer, the nearest first; none where none is near."""
        near = difflib.get_close_matches(
            collapsed(answer[:_LONGEST_ANSWER]), self._label_of, n=2 * NEAREST_LABELS, cutoff=NEAREST_CUTOFF
        )
        return tuple(dict.fromkeys(self._label_of[key] for key in near))[:NEAREST_LABELS]


@dataclass(frozen=True)
class ClassExample(Example):
    """An example whose answer may be any spelling of its class."""

    names: ClassNames | None = field(default=None, repr=False, compare=False)
    """Spellings of all classes; None where those could not be told apart, so that only the gold's own text counts."""


def names_of(example: Example) -> ClassNames | None:
    """Every spelling of the classes of an example's task; None for one of another kind of task."""
    return example.names if isinstance(example, ClassExample) else None


def _words(text: str) -> str:
    """Words between single spaces, with one at either end: `F/A-18.` is ` f a 18 `."""
    return f" {' '.join(_WORD.findall(normalized(text)))} "


def unmatched_answers(answers: Iterable[str | None], names: ClassNames) -> list[UnmatchedAnswer]:
    """The answers that name no class, the most frequent first.

    None, where no answer could be read at all, is not among them: that is a failure to parse.
    """
    counts: Counter[str] = Counter()
    first: dict[str, str] = {}
    for answer in answers:
        if answer is not None and names.label_of(answer) is None:
            key = collapsed(answer)
            counts[key] += 1
            first.setdefault(key, answer)
    return [
        UnmatchedAnswer(first[key], count, names.mentioned(first[key]), names.nearest(first[key]))
        for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
