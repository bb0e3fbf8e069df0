"""A query is understood as it was meant, and what is wrong with one is said."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rftui.errors import UsageProblem
from rftui.rollouts.query import NOTHING, parse_query
from store.rollouts import RolloutTest

INFINITY = math.inf


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ('"left of"', RolloutTest("text", ":", "left of")),
        ("lamp", RolloutTest("text", ":", "lamp")),
        ("-lamp", RolloutTest("text", ":", "lamp", is_negated=True)),
        ('-"left of"', RolloutTest("text", ":", "left of", is_negated=True)),
        ("<answer>yes</answer>", RolloutTest("text", ":", "<answer>yes</answer>")),  # tags are words, no operator
        ("3<4", RolloutTest("text", ":", "3<4")),  # no key starts with a digit
        ("reward<0.2", RolloutTest("reward", "<", 0.2)),
        ("REWARD>=-1e-3", RolloutTest("reward", ">=", -0.001)),
        ("reward:2", RolloutTest("reward", "=", 2.0)),
        ("step:100..200", RolloutTest("step", "..", 100.0, 200.0)),
        ("step:100..", RolloutTest("step", "..", 100.0, INFINITY)),
        ("step=..200", RolloutTest("step", "..", -INFINITY, 200.0)),
        ("accuracy<1", RolloutTest("reward.accuracy", "<", 1.0)),
        ("reward.My_fn>0.5", RolloutTest("reward.My_fn", ">", 0.5)),  # function names keep their case
        ("clipped:yes", RolloutTest("clipped", "=", 1.0)),
        ("-dead:no", RolloutTest("dead", "=", 0.0, is_negated=True)),
        ("malformed:any", RolloutTest("is_malformed", "=", 1.0)),
        ("malformed:none", RolloutTest("is_malformed", "=", 0.0)),
        ("malformed:think", RolloutTest("malformed", ":", "think")),
        ('malformed="unclosed think"', RolloutTest("malformed", "=", "unclosed think")),
        ("kind:move", RolloutTest("kind", ":", "move")),
        ("uid:sat/generated/d0.5/s0/train/1964", RolloutTest("uid", ":", "sat/generated/d0.5/s0/train/1964")),
    ],
)
def test_a_term_is_the_test_it_stands_for(text: str, test: RolloutTest) -> None:
    assert parse_query(text).tests == (test,)


def test_terms_stand_side_by_side_and_phrases_are_kept_for_highlights() -> None:
    query = parse_query('  "left of" reward<0.2   step:100..200 clipped:yes -blue ')

    assert [test.key for test in query.tests] == ["text", "reward", "step", "clipped", "text"]
    assert query.phrases == ("left of",)
    assert query.text == '"left of" reward<0.2   step:100..200 clipped:yes -blue'


@pytest.mark.parametrize("text", ["", "   ", "\t\n"])
def test_an_empty_query_asks_for_nothing(text: str) -> None:
    assert parse_query(text) == NOTHING


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rewrad<0.2", "did you mean reward?"),
        ("clip:yes", "did you mean clipped?"),
        ("zzzzzz:1", "known are accuracy"),  # nothing near
        ("length>200", "write tokens>200"),
        ("lenght>200", "did you mean length?"),
        ("reward<much", "reward takes a number, not much"),
        ("reward<", "reward takes a number, not nothing"),
        ("reward:nan", "takes a number"),
        ("step:200..100", "is empty"),
        ("step:..", "has no end"),
        ("step:1..x", "takes a number, not x"),
        ("kind<move", "holds words"),
        ("kind:", "looks for nothing"),
        ("clipped:maybe", "takes yes or no"),
        ("clipped<1", "takes yes or no"),
        ('"left of', "never closed"),
        ('"left"of', "text follows"),
        ('""', "looks for nothing"),
        ("x" * 1001, "1000 are the most"),
    ],
)
def test_what_is_wrong_with_a_query_is_said(text: str, message: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse_query(text)

    assert message in caught.value.error


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=60))
def test_any_text_is_a_query_or_an_error_without_control_characters(text: str) -> None:
    try:
        query = parse_query(text)
    except UsageProblem as error:
        said = error.error
    else:
        said = "".join(str(test.value) for test in query.tests)

    assert "\x1b" not in said
    said.encode()
