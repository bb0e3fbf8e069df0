"""The query language of rollouts, as a person types it: `"left of" reward<0.2 step:1..9 clipped:yes -malformed:any`.

Bare words and quoted phrases are looked for in the completion; a leading `-` excludes; everything else is a key, an
operator and a value. Pure: the text becomes tests, and store/rollouts.py makes SQL with parameters of them.
"""

from __future__ import annotations

import difflib
import math
from typing import NamedTuple

from rftui.errors import QueryError
from rftui.query_words import QueryWord, query_words
from rftui.terminal.clean import clean, one_line
from store.rollouts import FLAG_KEYS, NUMBER_KEYS, TEXT_KEYS, RolloutTest

REWARD_PREFIX = "reward."
SHORTHAND = {"accuracy": "reward.accuracy", "format": "reward.format"}
"""Reward parts that every task of ours has, by the name people type."""
AMBIGUOUS = {"length": "write tokens>200 for how long a completion is, reward.length<0.5 for the reward part"}
_YES = {"yes": True, "true": True, "1": True, "any": True, "no": False, "false": False, "0": False, "none": False}


class RolloutQuery(NamedTuple):
    """What a query asks for."""

    text: str
    """As it was typed."""
    tests: tuple[RolloutTest, ...] = ()
    phrases: tuple[str, ...] = ()
    """What is looked for in completions, to highlight it there."""


NOTHING = RolloutQuery("")


def parse_query(text: str) -> RolloutQuery:
    """The tests that a query stands for; none for an empty one. Raises QueryError."""
    tests = [_test(word) for word in query_words(text)]
    phrases = tuple(str(test.value) for test in tests if test.key == "text" and not test.is_negated)
    return RolloutQuery(clean(text).strip(), tuple(tests), phrases)


def _test(word: QueryWord) -> RolloutTest:
    typed, sign, value, is_negated = word
    if typed is None:
        return RolloutTest("text", ":", value, is_negated=is_negated)
    key = SHORTHAND.get(typed.lower(), typed.lower())
    if key.startswith(REWARD_PREFIX):
        # names of reward functions are case sensitive
        key = REWARD_PREFIX + SHORTHAND.get(typed.lower(), typed)[len(REWARD_PREFIX) :]
        return _number_test(key, sign, value, is_negated=is_negated)
    if key in NUMBER_KEYS:
        return _number_test(key, sign, value, is_negated=is_negated)
    if key in FLAG_KEYS:
        return _flag_test(key, sign, value, is_negated=is_negated)
    if key in TEXT_KEYS:
        return _text_test(key, sign, value, is_negated=is_negated)
    raise QueryError(_unknown(key))


def _unknown(key: str) -> str:
    if key in AMBIGUOUS:
        return f"{key} could mean two things; {AMBIGUOUS[key]}"
    known = [*NUMBER_KEYS, *FLAG_KEYS, *TEXT_KEYS, *SHORTHAND]
    near = difflib.get_close_matches(key, [*known, *AMBIGUOUS], n=1, cutoff=0.5)
    advice = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))} and reward.NAME"
    return f"no key is named {one_line(key, width=30)}; {advice}"


def _number_test(key: str, operator: str, value: str, *, is_negated: bool) -> RolloutTest:
    if operator in (":", "=") and ".." in value:
        low, _, high = value.partition("..")
        if not low and not high:
            raise QueryError(f"{key}:.. has no end; write {key}:100..200, {key}:100.. or {key}:..200")
        least = _number(key, low) if low else -math.inf
        most = _number(key, high) if high else math.inf
        if least > most:
            raise QueryError(f"{key}:{one_line(value, width=30)} is empty; write the smaller end first")
        return RolloutTest(key, "..", least, most, is_negated=is_negated)
    return RolloutTest(key, "=" if operator == ":" else operator, _number(key, value), is_negated=is_negated)


def _number(key: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        found = one_line(value, width=30) or "nothing"
        raise QueryError(f"{key} takes a number, not {found}; write {key}<0.5 or {key}:1..2")
    return number


def _flag_test(key: str, operator: str, value: str, *, is_negated: bool) -> RolloutTest:
    if operator not in (":", "=") or value.lower() not in _YES:
        raise QueryError(f"{key} takes yes or no; write {key}:yes")
    return RolloutTest(key, "=", float(_YES[value.lower()]), is_negated=is_negated)


def _text_test(key: str, operator: str, value: str, *, is_negated: bool) -> RolloutTest:
    if operator not in (":", "="):
        raise QueryError(f"{key} holds words, which {operator} cannot compare; write {key}:part or {key}=whole")
    if key == "malformed" and value.lower() in ("any", "yes", "none", "no"):
        return RolloutTest("is_malformed", "=", float(value.lower() in ("any", "yes")), is_negated=is_negated)
    if not value:
        raise QueryError(f"{key}{operator} looks for nothing; write {key}:part or {key}=whole")
    return RolloutTest(key, operator, value, is_negated=is_negated)
