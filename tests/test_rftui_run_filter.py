"""A filter of the run list is understood as it was meant, and what is wrong with one is said."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rftui.errors import QueryError
from rftui.runs.filter import EXAMPLE, Known, check_names, fitting, parse_filter
from tests.listed_runs import summary

RUN = summary(
    "sat-grpo-12",
    model="Qwen/Qwen2.5-VL-7B",
    state="failed",
    reason="out of memory",
    tags=("best", "study:paper"),
    created_at=10_000.0,
)
KNOWN = Known(
    now=10_000.0 + 7200,
    starred={1},
    pinned=1,
    notes={1: "reward hacked from step 80"},
    values={"learning_rate": {1: 1e-6}, "kl": {1: 0.02}, "dtype": {1: "bfloat16"}, "shuffle_gold": {1: 1}},
)


def fits(text: str, known: Known = KNOWN) -> bool:
    return fitting(parse_filter(text), known)(1, RUN)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", True),
        ("task:sat", True),
        ("task:sa", False),  # a word is whole
        ("task:sa*", True),
        ("task=SAT", True),
        ("method:grpo -state:running", True),
        ("state:running,failed", True),
        ("-state:failed", False),
        ("tag:best", True),
        ("tag:bes", False),
        ("study:paper", True),
        ("name:grpo-1", True),
        ("name=sat-grpo-1", False),
        ("model:qwen", True),
        ("reason:memory", True),
        ("source:generated", True),
        ("note:hacked", True),
        ("hacked", True),  # bare words look at notes too
        ('"out of memory"', True),
        ("-memory", False),
        ("reward>0.5", True),
        ("reward<=0.8", True),
        ("accuracy:0.4..0.6", True),
        ("acc:0.6..", False),
        ("step=300", True),
        ("age<3h", True),
        ("age>2d", False),
        ("lr>=1e-6", True),
        ("learning_rate<1e-6", False),
        ("kl:..0.05", True),
        ("dtype:bfloat", True),
        ("dtype=bfloat", False),
        ("shuffle_gold:yes", True),
        ("entropy>0", False),  # a metric that this run has not written
        ("-entropy>0", True),
        ("is:starred is:pinned -is:marked", True),
        ("is:live", False),
        ("is:ended", True),
        ("task:sat lr>=1e-6 reward>0.5 tag:best memory -state:running", True),
    ],
)
def test_a_filter_lets_through_what_it_says(text: str, expected: bool) -> None:
    assert fits(text) is expected


@pytest.mark.parametrize(
    ("text", "found", "expected"),
    [
        ("state:runing", "runing", "running"),
        ("state:", "nothing", "a value"),
        ("reward>high", "high", "a number"),
        ("age>soon", "soon", "a time"),
        ("task>sat", "task>sat", "task:sat"),
        ('"never closed', '"never closed', '"two words"'),
        ('""', '""', "a word"),
        ("reward:5..1", "5..1", "reward:1..2"),
        ("is:odd", "odd", "starred"),
        ("state:running state:failed", "state:running state:failed", "running,failed"),
        ("lr>x", "x", "a number"),
        ("a" * 2000, "", "at most"),
    ],
)
def test_a_wrong_filter_says_what_was_found_and_what_was_expected(text: str, found: str, expected: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_filter(text)

    assert found in caught.value.found
    assert expected in caught.value.expected


def test_an_unknown_name_is_refused_with_the_nearest_known_one() -> None:
    wanted = parse_filter("learning_rat>1 kl>0")

    with pytest.raises(QueryError, match="did you mean learning_rate"):
        check_names(wanted, {"learning_rate", "kl"})


def test_names_are_settings_and_metrics_and_no_fields() -> None:
    wanted = parse_filter("task:sat reward>0 lr>0 rewards/accuracy/mean>0.5 is:live word")

    assert wanted.names == {"learning_rate", "rewards/accuracy/mean"}


def test_the_example_in_the_help_is_one() -> None:
    assert len(parse_filter(EXAMPLE).tests) == 7


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_clear_refusal(text: str) -> None:
    try:
        wanted = parse_filter(text)
    except QueryError as error:
        assert error.error and error.expected
        return
    assert fitting(wanted, KNOWN)(1, RUN) in (True, False)


@pytest.mark.parametrize("value", [None, "word", float("nan"), 3])
def test_a_comparison_with_an_odd_value_is_false_and_never_raises(value: Any) -> None:
    known = Known(values={"odd": {1: value}})

    assert fitting(parse_filter("odd<1"), known)(1, RUN) is False
