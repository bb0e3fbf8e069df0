"""Multiple-choice questions in every rotation, and those that nobody can be graded on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.choices import choice_problem, rotations
from evals.task import Example

EXAMPLE = Example("sat/a/1", "heldout", 1, "count", "How many?", ("one", "two", "three"), "two", "scene")
options_of = st.lists(st.text(max_size=5), max_size=6).map(tuple)


def with_options(options: tuple[str, ...]) -> Example:
    return Example("uid", "heldout", 0, "count", "How many?", options, "two", "scene")


def test_rotations_are_the_example_itself_and_its_options_in_every_cyclic_order() -> None:
    assert [(one.uid, one.options) for one in rotations(EXAMPLE)] == [
        ("sat/a/1", ("one", "two", "three")),
        ("sat/a/1/rotated-1", ("two", "three", "one")),
        ("sat/a/1/rotated-2", ("three", "one", "two")),
    ]


def test_an_open_question_has_itself_alone() -> None:
    assert rotations(with_options(())) == (with_options(()),)


@given(options=options_of)
def test_rotations_differ_in_uid_and_order_alone_and_each_option_stands_once_in_each_place(
    options: tuple[str, ...],
) -> None:
    example = with_options(options)

    turned = rotations(example)

    assert turned[0] == example
    assert len(turned) == len({one.uid for one in turned}) == max(1, len(options))
    assert {(one.question, one.gold, one.scene, one.index) for one in turned} == {("How many?", "two", "scene", 0)}
    for place in range(len(options)):
        assert sorted(one.options[place] for one in turned) == sorted(options)


def test_a_model_that_always_picks_one_place_is_right_in_one_rotation() -> None:
    assert [one.options[0] == one.gold for one in rotations(EXAMPLE)].count(True) == 1


@pytest.mark.parametrize(
    ("options", "gold", "problem"),
    [
        (("one", "two"), "two", None),
        (("One ", "two."), "TWO", None),  # as grading reads them
        (("one", "two"), "three", "its correct answer 'three' is not among its options ['one', 'two']"),
        ((), "two", "its correct answer 'two' is not among its options []"),
        (("two", "one", "One."), "two", "its options say 'one' more than once"),
        (("two", "Two"), "two", "its options say 'two' more than once"),
        (("one", "two"), " ", "it has no correct answer"),
    ],
)
def test_a_choice_is_in_order_where_one_option_alone_is_the_gold(
    options: tuple[str, ...], gold: str, problem: str | None
) -> None:
    assert choice_problem(options, gold) == problem
