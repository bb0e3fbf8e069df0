"""The filter language of the run list, as a person types it: `task:sat state:running,queued lr>=1e-6 tag:x lamp -hint`.

Bare words and quoted phrases are looked for in what names and describes a run; a leading `-` excludes; everything else
is a key, an operator and a value. A key is a field of the list, a setting, or a metric, whose last value counts. Pure:
what a key stands for beyond the fields is read elsewhere and handed in.
"""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from rftui.errors import QueryError
from rftui.query_words import QueryWord, query_words
from rftui.terminal.clean import clean, one_line
from store.runs import RunSummary
from store.states import State, is_live

EXAMPLE = "task:sat state:running lr>=1e-6 reward>0.5 tag:best words -state:failed"
WORDS = ("task", "method", "state", "tag", "study")
"""Keys that hold words: `:` and `=` mean the whole word, `sat*` its beginning, and a comma any of several."""
TEXTS = ("name", "model", "reason", "source", "note")
"""Keys that hold text: `:` means a part, `=` the whole."""
NUMBERS: Mapping[str, Callable[[RunSummary], float | None]] = {
    "step": lambda run: run.step,
    "steps": lambda run: run.total_steps,
    "accuracy": lambda run: run.accuracy,
    "reward": lambda run: run.reward,
}
AGE = "age"
KINDS = ("starred", "marked", "pinned", "live", "ended", "tagged", "noted")
"""What `is:` asks for."""
SHORTHAND = {"lr": "learning_rate", "acc": "accuracy", "g": "num_generations", "tags": "tag", "notes": "note"}
_FIELDS = (*WORDS, *TEXTS, *NUMBERS, AGE, "is")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_YES_NO = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}


class RunTest(NamedTuple):
    """One condition of a filter."""

    key: str
    """A field, `text` for bare words, else the name of a setting or a metric."""
    operator: str
    """`:` `=` `<` `<=` `>` `>=`, or `..` for a range."""
    value: str | float
    most: float = math.inf
    """The upper end of a range."""
    is_negated: bool = False


class RunFilter(NamedTuple):
    """What a filter asks for; without tests every run fits."""

    text: str = ""
    """As it was typed."""
    tests: tuple[RunTest, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Settings and metrics whose values the filter needs."""
        return frozenset(test.key for test in self.tests if test.key not in _FIELDS and test.key != "text")

    @property
    def needs_notes(self) -> bool:
        """Whether it asks for what people wrote."""
        return any(test.key in ("note", "text") or test.value == "noted" for test in self.tests)


class Known(NamedTuple):
    """What is known about runs beyond their summaries."""

    now: float = 0.0
    starred: Collection[int] = ()
    marked: Collection[int] = ()
    pinned: int | None = None
    notes: Mapping[int, str] = {}
    values: Mapping[str, Mapping[int, float | str]] = {}
    """Settings and last values of metrics by name, each by uid."""


Test = Callable[[int, RunSummary], bool]


def parse_filter(text: str) -> RunFilter:
    """The tests that a filter stands for; none for an empty one. Raises QueryError."""
    tests = [_test(word) for word in query_words(text)]
    _refuse_two_words(tests)
    return RunFilter(clean(text).strip(), tuple(tests))


def _test(word: QueryWord) -> RunTest:
    typed, sign, value, is_negated = word
    if typed is None:
        return RunTest("text", ":", value.lower(), is_negated=is_negated)
    key = SHORTHAND.get(typed.lower(), typed.lower() if typed.lower() in _FIELDS else typed)
    if not value:
        raise QueryError(f"{one_line(key, width=30)}{sign} looks for nothing", found="nothing", expected="a value")
    if key == "is":
        return _kind_test(sign, value, is_negated=is_negated)
    if key in WORDS or key in TEXTS:
        return _word_test(key, sign, value, is_negated=is_negated)
    return _value_test(key, sign, value, is_negated=is_negated)


def _kind_test(sign: str, value: str, *, is_negated: bool) -> RunTest:
    kinds = [kind for kind in KINDS if kind.startswith(value.lower())]
    if sign not in (":", "=") or len(kinds) != 1:
        raise QueryError(
            f"is{sign}{one_line(value, width=30)} asks for nothing",
            found=one_line(value, width=30),
            expected=f"is: with one of {', '.join(KINDS)}",
        )
    return RunTest("is", "=", kinds[0], is_negated=is_negated)


def _word_test(key: str, sign: str, value: str, *, is_negated: bool) -> RunTest:
    if sign not in (":", "="):
        raise QueryError(
            f"{key} holds words, which {sign} cannot compare",
            found=f"{key}{sign}{one_line(value, width=30)}",
            expected=f"{key}:{one_line(value, width=30)}",
        )
    if key == "state":
        for word in value.lower().split(","):
            if not any(_is_word(word, state.value) for state in State):
                near = difflib.get_close_matches(word, [state.value for state in State], n=1)
                raise QueryError(
                    "no state has that name" + (f"; did you mean {near[0]}?" if near else ""),
                    found=one_line(word, width=30) or "nothing",
                    expected=f"one of {', '.join(state.value for state in State)}",
                )
    return RunTest(key, sign, value.lower(), is_negated=is_negated)


def _value_test(key: str, sign: str, value: str, *, is_negated: bool) -> RunTest:
    """A comparison of numbers where the value is one, else of a setting's text."""
    if sign in (":", "=") and ".." in value:
        low, _, high = value.partition("..")
        least = _number(key, low) if low else -math.inf
        most = _number(key, high) if high else math.inf
        if least > most or not (low or high):
            raise QueryError(
                f"the range of {one_line(key, width=30)} is empty",
                found=one_line(value, width=30),
                expected=f"{one_line(key, width=30)}:1..2, :1.. or :..2",
            )
        return RunTest(key, "..", least, most, is_negated=is_negated)
    is_named = key not in NUMBERS and key != AGE
    if is_named and sign in (":", "=") and _as_number(key, value) is None:
        if (answer := _YES_NO.get(value.lower())) is not None:
            return RunTest(key, "=", answer, is_negated=is_negated)
        return RunTest(key, sign, value.lower(), is_negated=is_negated)
    return RunTest(key, "=" if sign == ":" else sign, _number(key, value), is_negated=is_negated)


def _as_number(key: str, value: str) -> float | None:
    unit = _UNITS_S.get(value[-1:].lower()) if key == AGE else None
    try:
        number = float(value[:-1] if unit else value) * (unit or 1)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _number(key: str, value: str) -> float:
    number = _as_number(key, value)
    if number is None:
        example = f"{AGE}<2d" if key == AGE else f"{one_line(key, width=30)}<0.5"
        what = "a time such as 90m, 6h or 2d" if key == AGE else "a number"
        raise QueryError(
            f"{one_line(key, width=30)} takes {what}",
            found=one_line(value, width=30) or "nothing",
            expected=f"{what}, as in {example}",
        )
    return number


def _refuse_two_words(tests: Collection[RunTest]) -> None:
    """One run has one state, so two of them fit no run; whoever writes two means either."""
    for key in ("state", "task", "method"):
        words = [str(test.value) for test in tests if test.key == key and not test.is_negated]
        if len(set(words)) > 1:
            raise QueryError(
                f"no run has two of {key}",
                found=" ".join(f"{key}:{one_line(word, width=20)}" for word in words),
                expected=f"{key}:{one_line(','.join(words), width=60)} for any of them",
            )


def check_names(wanted: RunFilter, names: Collection[str]) -> None:
    """Raises QueryError where the filter has a key that is no field, no setting and no metric of these names."""
    for key in sorted(wanted.names):
        if key in names:
            continue
        shown = one_line(key, width=40)
        near = difflib.get_close_matches(key, [*_FIELDS, *SHORTHAND, *names], n=1, cutoff=0.6)
        raise QueryError(
            f"no field, setting or metric is named {shown}"
            + (f"; did you mean {one_line(near[0], width=40)}?" if near else ""),
            found=shown,
            expected=f"one of {', '.join(sorted(_FIELDS))}, a setting such as lr, or a metric such as kl",
        )


def study_of(run: RunSummary) -> str:
    """The study that a run belongs to, which a tag `study:NAME` says; empty for none."""
    return next((tag.partition(":")[2] for tag in run.tags if tag.startswith("study:")), "")


def source_word(run: RunSummary) -> str:
    """`real` or `generated`, as stored but clean; empty before training began."""
    kind = run.source.get("kind") if isinstance(run.source, dict) else None
    return one_line(kind) if kind else ""


def fitting(wanted: RunFilter, known: Known) -> Test:
    """Whether a run, by uid and summary, passes every test."""
    tests = [_compiled(test, known) for test in wanted.tests]

    def fits(uid: int, run: RunSummary) -> bool:
        return all(test(uid, run) for test in tests)

    return fits


def _compiled(test: RunTest, known: Known) -> Test:
    plain = _plain(test, known)
    if not test.is_negated:
        return plain
    return lambda uid, run: not plain(uid, run)


def _plain(test: RunTest, known: Known) -> Test:
    key, value = test.key, test.value
    if key == "text":
        word = str(value)
        return lambda uid, run: word in _described(run) or word in known.notes.get(uid, "").lower()
    if key == "is":
        return _kinds(known)[str(value)]
    if key in WORDS:
        words = tuple(str(value).split(","))
        return lambda uid, run: any(_is_word(word, held) for word in words for held in _words(key, run))
    if key in TEXTS:
        word, is_whole = str(value), test.operator == "="
        return lambda uid, run: _is_text(word, _text(key, uid, run, known), is_whole=is_whole)
    if key == AGE:
        return lambda uid, run: _compares(test, known.now - run.created_at)
    if key in NUMBERS:
        read = NUMBERS[key]
        return lambda uid, run: _compares(test, read(run))
    values = known.values.get(key, {})
    return lambda uid, run: _compares(test, values.get(uid))


def _kinds(known: Known) -> dict[str, Test]:
    return {
        "starred": lambda uid, run: uid in known.starred,
        "marked": lambda uid, run: uid in known.marked,
        "pinned": lambda uid, run: uid == known.pinned,
        "live": lambda uid, run: is_live(run.state),
        "ended": lambda uid, run: not is_live(run.state),
        "tagged": lambda uid, run: bool(run.tags),
        "noted": lambda uid, run: uid in known.notes,
    }


def _described(run: RunSummary) -> str:
    return f"{run.name} {run.task} {run.method} {run.model} {run.reason} {' '.join(run.tags)}".lower()


def _words(key: str, run: RunSummary) -> tuple[str, ...]:
    if key == "tag":
        return run.tags
    if key == "study":
        return (study_of(run),)
    return (run.task if key == "task" else run.method if key == "method" else run.state,)


def _is_word(word: str, held: str) -> bool:
    held = held.lower()
    return held.startswith(word[:-1]) if word.endswith("*") else held == word


def _text(key: str, uid: int, run: RunSummary, known: Known) -> str:
    if key == "note":
        return known.notes.get(uid, "")
    if key == "source":
        return source_word(run)
    return run.name if key == "name" else run.model if key == "model" else run.reason


def _is_text(word: str, held: str, *, is_whole: bool) -> bool:
    return word == held.lower() if is_whole else word in held.lower()


def _compares(test: RunTest, held: float | str | None) -> bool:
    if held is None:
        return False
    if isinstance(test.value, str):
        return _is_text(test.value, str(held), is_whole=test.operator == "=")
    if isinstance(held, str):
        return False
    if test.operator == "..":
        return test.value <= held <= test.most
    return _COMPARE[test.operator](held, test.value)
