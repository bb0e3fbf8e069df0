"""Measures of sampled groups against closed forms and brute force, and what is left out of them."""

from __future__ import annotations

import itertools
import math
import random

import pytest

from evals.suitability import (
    GroupState,
    group_of,
    guessing,
    majority_right,
    measure,
    pass_at_k,
    running_means,
    thinking_gap,
)
from tests.sampled_groups import completion, groups, of, record, unread


@pytest.mark.parametrize(
    ("n", "correct", "k", "expected"), [(10, 3, 1, 0.3), (10, 3, 8, 1.0), (10, 0, 5, 0.0), (4, 2, 2, 5 / 6)]
)
def test_pass_at_k_of_known_counts(n: int, correct: int, k: int, expected: float) -> None:
    assert pass_at_k(n, correct, k) == pytest.approx(expected)


@pytest.mark.parametrize("n", [1, 5, 8])
def test_pass_at_k_is_the_share_of_all_draws_that_hold_a_right_one(n: int) -> None:
    for correct, k in itertools.product(range(n + 1), range(1, n + 1)):
        draws = list(itertools.combinations([place < correct for place in range(n)], k))

        assert pass_at_k(n, correct, k) == pytest.approx(sum(map(any, draws)) / len(draws))


@pytest.mark.parametrize("p", [0.05, 0.3, 0.9])
def test_pass_at_k_is_unbiased(p: float) -> None:
    n, k = 10, 4
    expected = sum(math.comb(n, c) * p**c * (1 - p) ** (n - c) * pass_at_k(n, c, k) for c in range(n + 1))

    assert expected == pytest.approx(1 - (1 - p) ** k)


@pytest.mark.parametrize(("n", "correct", "k"), [(4, 5, 1), (4, -1, 1), (4, 1, 0), (4, 1, 5)])
def test_pass_at_k_refuses_what_cannot_be(n: int, correct: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@k needs"):
        pass_at_k(n, correct, k)


def test_groups_are_told_apart_by_why_they_teach_nothing() -> None:
    right, wrong = completion(True), completion(False)
    found = measure(
        [
            of(0, [right, wrong]),
            of(1, [right, right]),
            of(2, [wrong, wrong]),
            # an answer could be read of one, and it was wrong
            of(3, [unread(), wrong]),
            of(4, [unread(), unread()]),
        ],
        mode="think",
    )

    assert found is not None
    shares = {state: estimate.value for state, estimate in found.groups.items()}
    assert shares == {GroupState.MIXED: 0.2, GroupState.SOLVED: 0.2, GroupState.MISSED: 0.4, GroupState.UNREAD: 0.2}
    assert found.unread.value == pytest.approx(0.3)
    assert found.unread_by == {"no answer tag": 3}


def test_a_group_that_is_not_mixed_can_be_paid_for_its_form() -> None:
    formed = completion(False, reward=1.0)
    found = measure([of(0, [formed, completion(False)]), of(1, [formed, formed])], mode="think")

    assert found is not None
    assert (found.paid_for_form.value, found.paid_alike.value) == (0.5, 0.5)


def test_rates_and_headroom_are_means_over_prompts() -> None:
    found = measure(groups([0, 4, 8, 2]), mode="direct")

    assert found is not None
    assert found.pass_at_1.value == pytest.approx(14 / 32)
    assert found.pass_at_g.value == pytest.approx(3 / 4)
    assert found.headroom.value == pytest.approx(3 / 4 - 14 / 32)
    assert [k for k, _ in found.curve] == [1, 2, 4, 8]
    assert found.curve[1][1] == pytest.approx((0 + pass_at_k(8, 4, 2) + 1 + pass_at_k(8, 2, 2)) / 4)


@pytest.mark.parametrize("right", [0, 8])
def test_prompts_that_are_all_alike_still_have_an_interval(right: int) -> None:
    found = measure(groups([right] * 50), mode="think")

    assert found is not None
    # Wilson of 50 of 50: one of twenty such samples would still hold a share of 7%
    assert found.pass_at_1.high - found.pass_at_1.low == pytest.approx(0.0713, abs=1e-3)
    assert found.headroom.high > 0.05


def test_prompts_whose_gold_cannot_be_graded_are_left_out_and_counted() -> None:
    found = measure([*groups([4, 4]), of(2, [completion(None), completion(True)])], mode="think")

    assert found is not None
    assert (found.prompts, found.ungraded) == (2, 1)
    assert measure([of(0, [completion(None)])], mode="think") is None
    assert running_means([of(0, [completion(None)])]) == {}


def test_groups_of_different_sizes_are_not_mixed_up() -> None:
    with pytest.raises(ValueError, match=r"found \[4, 8\]"):
        measure([*groups([1], size=4), *groups([1])], mode="think")


def test_the_most_frequent_answer_counts_and_ties_in_part() -> None:
    said = {"a": completion(True, answer="A. "), "b": completion(False, answer="b"), "c": completion(False, answer="c")}

    def of_answers(letters: str) -> float:
        return majority_right(of(0, [said.get(letter, unread()) for letter in letters]))

    assert of_answers("aab") == 1.0
    assert of_answers("abb") == 0.0
    assert of_answers("ab-") == 0.5
    assert of_answers("abc") == pytest.approx(1 / 3)
    # what cannot be read does not vote
    assert of_answers("a---") == 1.0
    assert of_answers("----") == 0.0


def test_guessing_is_what_random_picks_come_to() -> None:
    found = guessing([2, 4], 3)

    assert found is not None
    outcomes = {options: list(itertools.product([True] + [False] * (options - 1), repeat=3)) for options in (2, 4)}
    for value, holds in ((found.pass_at_g, any), (found.mixed, lambda picks: any(picks) and not all(picks))):
        exact = sum(sum(map(holds, draws)) / len(draws) for draws in outcomes.values()) / 2
        assert value == pytest.approx(exact)
    assert found.pass_at_1 == pytest.approx(3 / 8)
    assert guessing([4, 0], 8) is None
    assert guessing([], 8) is None


def test_the_gap_of_thinking_is_paired_by_prompt() -> None:
    think, direct = groups([8, 4, 2, 6]), groups([4, 4, 2])

    found = thinking_gap(think, direct)

    assert found is not None
    assert found.prompts == 3
    assert found.gap.value == pytest.approx((4 + 0 + 0) / 8 / 3)
    assert thinking_gap(think, []) is None
    same = thinking_gap(direct, direct)
    assert same is not None
    assert same.gap.low < 0 == same.gap.value < same.gap.high


def test_completions_at_the_limit_say_nothing_of_length() -> None:
    rng = random.Random(0)

    def one(number: int) -> list[object]:
        short = [completion(rng.random() < 0.8, tokens=rng.randint(10, 20)) for _ in range(6)]
        return [*short, unread(tokens=48, is_clipped=True), unread(tokens=48, is_clipped=True)]

    found = measure([of(number, one(number)) for number in range(40)], mode="think")  # type: ignore[arg-type]

    assert found is not None
    assert found.length is not None
    assert found.length.completions == 240
    assert found.clipped.value == pytest.approx(0.25)
    # with them longer completions would be wrong most of the time
    assert found.length.slope_low < 0 < found.length.slope_high


def test_the_effect_of_length_is_its_slope_times_its_spread() -> None:
    made = [of(number, [completion(place > 3, tokens=10 + place) for place in range(8)]) for number in range(25)]

    found = measure(made, mode="think")

    assert found is not None
    assert found.length is not None
    assert found.length_effect is not None
    spread = math.sqrt(sum((place - 3.5) ** 2 for place in range(8)) / 7)
    assert found.length_spread == pytest.approx(spread)
    assert found.length_effect.value == pytest.approx(found.length.slope / 100 * spread)
    assert found.length_effect.low > 0


def test_a_journal_record_becomes_a_group() -> None:
    made = record(3, (0, 5), size=8)
    made["samples"][0]["rewards"]["accuracy"] = "NaN"
    made["samples"][7] |= {"stop": "length", "answer": None, "malformed": "unclosed think"}

    found = group_of(made)

    assert (found.number, found.options, len(found.completions)) == (1, 2, 8)
    assert found.completions[0].is_right is None
    assert [each.is_right for each in found.completions[1:]] == [True] * 4 + [False] * 3
    assert found.completions[7].is_clipped
    assert not found.is_graded
