"""Rewards under attack: the shipped ones hold, and each rule that is known to be gamed is caught by name."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.class_names import ClassExample, ClassNames
from evals.prompts import DIRECT, THINK
from evals.rewards import WeightedReward, build_rewards, reward_names
from evals.rewards.attacks import Case, Kind, attacks, cases, count_tokens, gate_attacks, labels_of
from evals.rewards.collisions import Matrix, matrix
from evals.rewards.judging import Bench, Outcome, Verdict, attack_all, faults
from evals.task import Example
from evals.tasks import load_task
from tests import gameable_rewards as gameable
from tests.real_data import real_file

SAT = load_task("sat")
ANIMALS = ("ant", "garden bee", "cat", "dog-fish")
AIRCRAFT = ("BAE 146-200", "BAE 146-300", "Challenger 600", "Embraer Legacy 600", "Falcon 2000", "Saab 2000")
LETTERS = ("A", "B", "C", "D")
YES_NO = ("yes", "no", "it cannot be seen")


def example(gold: str, options: Sequence[str] = ()) -> Example:
    return Example(f"uid/{gold}", "train", 0, "kind", "What is it?", tuple(options), gold, "scene")


def cases_of(labels: Sequence[str], *, mode: str = THINK, longest: int = 1024, shows: bool = True) -> list[Case]:
    examples = [example(label, labels if shows else ()) for label in labels]
    echoes = [SAT.user_text(one, mode) for one in examples]
    return cases(examples, labels, mode=mode, echoes=echoes, longest=longest)


def bench(*rewards: WeightedReward, labels: Sequence[str] = ANIMALS, **kwargs: Any) -> Bench:
    return Bench(rewards, SAT, cases_of(labels, **kwargs))


def shipped(**settings: dict[str, Any]) -> list[WeightedReward]:
    return build_rewards(settings, SAT)


def own(function: Callable[..., Any], weight: float = 1.0) -> WeightedReward:
    return WeightedReward(function.__name__, weight, function)


ACCURACY, FORM = shipped(accuracy={}, format={})


def paid_names(bench: Bench) -> set[str]:
    return {outcome.worst.attack.name for outcome in faults(attack_all(bench))}


def outcome(bench: Bench, name: str) -> Outcome:
    return attack_all(bench)[name]


@pytest.mark.parametrize("mode", [THINK, DIRECT])
@pytest.mark.parametrize("labels", [ANIMALS, AIRCRAFT, LETTERS, YES_NO, ("1", "2", "12"), ("only",), ("Ä", "ä\u0308b")])
def test_accuracy_and_format_hold_and_miss_no_right_answer(labels: Sequence[str], mode: str) -> None:
    tried = bench(ACCURACY, FORM, labels=labels, mode=mode)

    outcomes = attack_all(tried)

    verdicts = {name: outcome.worst.verdict for name, outcome in outcomes.items()}
    assert set(verdicts.values()) <= {Verdict.REFUSED, Verdict.ACCEPTED}, verdicts
    assert not matrix(tried).collisions and not matrix(tried).unpaid


@pytest.mark.parametrize("form", ["relative", "ratio"])
def test_the_papers_length_reward_beside_accuracy_and_format_cannot_be_gamed(form: str) -> None:
    rewards = shipped(accuracy={}, format={}, length={"params": {"form": form}})

    assert paid_names(bench(*rewards)) == set()


def test_a_steep_length_reward_pays_long_wrong_answers_like_short_right_ones() -> None:
    rewards = shipped(accuracy={}, format={}, length={"params": {"form": "difference"}})

    paid = outcome(bench(*rewards), "repeated word, wrong answer")

    assert (paid.worst.verdict, paid.worst.why) == (Verdict.PAID, "the total reaches the right answer's 2")


@pytest.mark.parametrize(("longest", "is_paid"), [(700, False), (1024, True)])
def test_paying_each_token_is_safe_only_while_completions_are_short(longest: int, is_paid: bool) -> None:
    rewards = shipped(accuracy={}, format={}, length_per_token={})

    found = paid_names(bench(*rewards, longest=longest))

    assert ("repeated word, wrong answer" in found) is is_paid


def test_gating_a_reward_for_length_takes_the_pay_from_long_wrong_answers() -> None:
    rewards = shipped(accuracy={}, format={}, length_per_token={"weight": 5.0, "params": {"gate": "correct"}})

    assert paid_names(bench(*rewards)) == set()


@pytest.mark.parametrize(
    ("function", "labels", "expected"),
    [
        (
            gameable.two_way_substring,
            ANIMALS,
            {"empty answer", "white space as answer", "nothing at all", "all labels, right first"},
        ),
        (gameable.two_way_substring, ANIMALS, {"A or B", "not A", "B, not A", "question and options"}),
        (gameable.yes_no, YES_NO, {"a word that is no label", "nothing at all", "A or B", "the prompt again"}),
        (
            gameable.first_answer_of_a_line,
            ANIMALS,
            {"no tags", "two answers, right first", "answer inside think"},
        ),
        (gameable.last_letter, LETTERS, {"all labels, right last", "B or A", "no tags"}),
        (
            gameable.edit_ratio,
            ANIMALS,
            {"all labels, right first", "A or B", "not A", "a zero-width space inside"},
        ),
        (gameable.loose_form, ANIMALS, {"the whole form twice", "nothing inside the tags"}),
    ],
)
def test_a_rule_that_can_be_gamed_is_caught_beside_the_other_reward(
    function: Callable[..., Any], labels: Sequence[str], expected: set[str]
) -> None:
    other = ACCURACY if function is gameable.loose_form else FORM

    assert expected <= paid_names(bench(own(function), other, labels=labels))


def test_partial_credit_is_told_from_full() -> None:
    tried = bench(own(gameable.edit_ratio), FORM)

    found = outcome(tried, "A or B").worst

    assert (found.verdict, found.why) == (
        Verdict.PARTLY_PAID,
        "edit_ratio pays it more than another wrong answer of its length",
    )
    assert all(not collision.is_full for collision in matrix(tried).collisions)
    assert ("ant", "cat") in {(collision.gold, collision.answer) for collision in matrix(tried).collisions}


def test_answers_on_lines_of_their_own_are_missed_and_that_is_no_fault() -> None:
    found = outcome(bench(own(gameable.first_answer_of_a_line), FORM), "a line of its own").worst

    assert (found.verdict, found.verdict.is_fault) == (Verdict.MISSED, False)
    assert found.why == "first_answer_of_a_line does not pay it like the right answer"


def test_the_usual_format_pattern_misses_a_newline_at_the_end() -> None:
    tried = attack_all(bench(ACCURACY, own(gameable.loose_form)))

    missed = {name for name, outcome in tried.items() if outcome.worst.verdict is Verdict.MISSED}
    assert missed == {"a newline at the end", "a space at the start"}


def test_a_dead_branch_is_seen_although_the_other_rewards_keep_the_total_low() -> None:
    tried = bench(ACCURACY, FORM, own(gameable.cosine_paying_all_as_right))

    ignoring = {item.name for item in tried.knowledge if item.ignores_what_it_reads}

    assert ignoring == {"cosine_paying_all_as_right"}


def test_alone_a_dead_branch_pays_a_wrong_answer_like_the_right_one() -> None:
    tried = attack_all(bench(own(gameable.cosine_paying_all_as_right)), is_gate=True)

    assert tried["a word that is no label"].worst.verdict is Verdict.PAID
    assert tried["nothing at all"].worst.verdict is Verdict.PAID


def test_class_names_read_as_mathematics_collide_in_pairs() -> None:
    found = matrix(bench(own(gameable.first_number), FORM, labels=AIRCRAFT))

    assert {(collision.gold, collision.answer) for collision in found.collisions if collision.is_full} == {
        *zip(AIRCRAFT[::2], AIRCRAFT[1::2], strict=True),
        *zip(AIRCRAFT[1::2], AIRCRAFT[::2], strict=True),
    }


def test_on_all_variants_the_same_three_pairs_collide_and_most_are_never_paid() -> None:
    variants = real_file("fgvc_aircraft_lists/data/variants.txt").read_text(encoding="utf-8").split("\n")
    labels = [label for label in variants if label]

    found = matrix(bench(own(gameable.first_number), FORM, labels=labels, shows=False))

    assert len(labels) == 100
    assert {(collision.gold, collision.answer) for collision in found.collisions} == {
        *zip(AIRCRAFT[::2], AIRCRAFT[1::2], strict=True),
        *zip(AIRCRAFT[1::2], AIRCRAFT[::2], strict=True),
    }
    assert "737-200" in found.unpaid and len(found.unpaid) > 70


def test_yes_no_pays_any_answer_where_the_right_one_is_neither() -> None:
    found = matrix(bench(own(gameable.yes_no), labels=(*YES_NO, "both")))

    assert found.unpaid == ["it cannot be seen", "both"]
    assert not {collision for collision in found.collisions if collision.gold in ("yes", "no")}


def test_a_rule_without_the_tasks_other_spellings_misses_them() -> None:
    class Lenient(type(SAT)):  # type: ignore[misc]
        """Takes quotes for no part of an answer."""

        def grade(self, answer: str | None, example: Example) -> bool | None:
            return super().grade(answer and answer.strip('"'), example)  # type: ignore[no-any-return]

    tried = Bench([own(gameable.exact), FORM], Lenient(), cases_of(ANIMALS))

    assert outcome(tried, "in quotes").worst.verdict is Verdict.MISSED
    assert outcome(tried, "in bold").worst.verdict is Verdict.REFUSED


def test_other_names_of_an_answer_are_tried_where_the_task_has_some() -> None:
    named = [case._replace(aliases=("Phlox paniculata",)) for case in cases_of(("garden phlox", "rose"))]

    names = {attack.text for attack in attacks(named[0]) if attack.kind is Kind.SPELLING}

    assert named[0].completion("Phlox paniculata") in names


def test_a_rule_that_does_not_know_a_classs_other_name_misses_it() -> None:
    class Flowers(type(SAT)):  # type: ignore[misc]
        """Knows flowers by their common and their scientific names."""

        def grade(self, answer: str | None, example: Example) -> bool | None:
            assert isinstance(example, ClassExample) and example.names is not None
            return example.names.label_of(answer) == example.gold

    names = ClassNames(("garden phlox", "rose"), aliases={"garden phlox": ["Phlox paniculata"]})
    flowers = [
        ClassExample(label, "train", 0, "kind", "Which flower?", (), label, "scene", names=names)
        for label in names.labels
    ]
    made = cases(flowers, names.labels, mode=DIRECT, echoes=["", ""], longest=100)

    tried = {
        reward.name: outcome(Bench([reward, FORM], Flowers(), made), "another name it goes by")
        for reward in (build_rewards({"accuracy": {}}, Flowers())[0], own(gameable.exact))
    }

    assert tried["accuracy"].worst.verdict is Verdict.ACCEPTED
    assert tried["exact"].worst.verdict is Verdict.MISSED
    assert tried["exact"].worst.attack.text == "<answer>phloxpaniculata</answer>"


def test_a_rule_that_pays_more_spellings_than_the_task_is_no_fault_and_is_told() -> None:
    def anywhere_in_a_sentence(response: Any, example: Example) -> float:
        return float((response.answer or "").removeprefix("The answer is ").rstrip(".") == example.gold)

    found = outcome(bench(own(anywhere_in_a_sentence), FORM), "in a sentence").worst

    assert (found.verdict, found.verdict.is_fault) == (Verdict.LENIENT, False)


def test_a_reward_that_raises_is_a_fault_and_its_words_are_kept() -> None:
    found = outcome(bench(own(gameable.raises), FORM), "nothing at all").worst

    assert (found.verdict, found.verdict.is_fault) == (Verdict.RAISED, True)
    assert found.why == "raises raised AttributeError: 'NoneType' object has no attribute 'strip'"


@pytest.mark.parametrize("returned", [float("nan"), "1", float("inf")])
def test_a_reward_that_returns_no_number_counts_as_raised(returned: object) -> None:
    def odd(response: Any, example: Example) -> object:
        return returned if not response.text else 0.0

    found = outcome(bench(ACCURACY, own(odd)), "nothing at all").worst

    assert found.verdict is Verdict.RAISED and "the reward returned" in found.why


def test_a_reward_for_being_wrong_is_seen() -> None:
    tried = bench(ACCURACY._replace(weight=-1.0), FORM)

    assert [item.prefers_wrong for item in tried.knowledge] == [True, False]
    assert outcome(tried, "a word that is no label").worst.verdict is Verdict.PAID


def test_a_reward_of_weight_nought_is_recorded_and_judged_by_nobody() -> None:
    tried = bench(ACCURACY, FORM, own(gameable.two_way_substring, weight=0.0))

    assert paid_names(tried) == set()


def test_cases_that_cannot_be_graded_are_left_out() -> None:
    def only_cats(response: Any, example: Example) -> float | None:
        return float(response.answer == "cat") if example.gold == "cat" else None

    tried = bench(own(only_cats))

    assert [case.gold for case in tried.cases] == ["cat"]


def test_what_rewards_look_at_is_found_out_by_trying() -> None:
    rewards = shipped(accuracy={}, format={}, length={}, soft_overlong={}, repetition={})

    known = {item.name: (item.knows_answer, item.knows_form, item.reads_gold) for item in bench(*rewards).knowledge}

    assert known == {
        "accuracy": (True, False, True),
        "format": (False, True, False),
        "length": (False, False, False),
        "soft_overlong": (False, False, False),
        "repetition": (False, False, False),
    }


def test_every_label_is_the_right_one_once_and_takes_an_example_that_has_it() -> None:
    examples = [example("cat", ("cat", "ant")), example("ant", ("ant", "cat"))]

    made = cases(examples, ["ant", "emu", "cat"], mode=DIRECT, echoes=["first", "second"], longest=10)

    assert [(case.gold, case.example.uid, case.echo) for case in made] == [
        ("ant", "uid/ant", "second"),
        ("emu", "uid/cat", "first"),
        ("cat", "uid/cat", "first"),
    ]
    assert made[1].labels == ("emu", "ant")


def test_labels_are_options_and_answers_in_order_of_appearance() -> None:
    assert labels_of([example("b", ("a", "b")), example("c"), example("")]) == ("a", "b", "c")


@pytest.mark.parametrize("longest", [1, 40, 700, 5000])
def test_repeated_words_are_as_many_as_a_completion_may_have_and_no_more_than_1024(longest: int) -> None:
    (case, *_) = cases_of(ANIMALS, longest=longest)

    long = {attack.name: count_tokens(attack.text) for attack in attacks(case) if "repeated" in attack.name}

    # the tags and the thought around them come on top where there is hardly any room
    assert max(long.values()) <= min(longest, 1024) + 20
    if longest == 700:
        assert long["repeated word, wrong answer"] > 600


def test_a_variant_that_is_another_label_is_no_attack() -> None:
    (upper, lower) = cases_of(("US", "us"))

    assert "small letters" not in {attack.name for attack in attacks(upper)}
    assert "capitals" not in {attack.name for attack in attacks(lower)}


@pytest.mark.parametrize("mode", [THINK, DIRECT])
def test_attacks_have_names_of_their_own_and_the_gate_takes_none_that_is_right(mode: str) -> None:
    (case, *_) = cases_of(ANIMALS, mode=mode)

    made = attacks(case)

    assert len({attack.name for attack in made}) == len(made) >= 40
    assert {attack.kind for attack in gate_attacks(case)} == {Kind.TRICK}
    assert {attack.name for attack in gate_attacks(case)} < {attack.name for attack in made}


def test_a_hundred_labels_pass_the_gate_in_under_a_second() -> None:
    rng = random.Random(0)
    labels = sorted({"".join(rng.choices("abcdefgh 0123456789", k=12)).strip() for _ in range(110)})[:100]

    began = time.process_time()
    tried = bench(ACCURACY, FORM, labels=labels, shows=False)
    found = attack_all(tried, is_gate=True)
    took = time.process_time() - began

    assert len(tried.cases) == 100 and not faults(found)
    assert took < 1.0


def test_a_slow_reward_ends_the_attacks_early_after_one_case() -> None:
    found = attack_all(bench(ACCURACY, FORM), seconds=0.0)
    pays = matrix(bench(ACCURACY, FORM), seconds=0.0)

    assert {outcome.cases for outcome in found.values()} == {1}
    assert (len(pays.pays), pays.left_out) == (1, len(ANIMALS) - 1)


def test_of_many_labels_evenly_chosen_ones_are_tried_as_the_right_one() -> None:
    labels = [f"label {n:03}" for n in range(50)]

    def last_only(response: Any, example: Example) -> float:
        return float(response.answer == example.gold or (example.gold == "label 040" and not response.text))

    found = attack_all(bench(own(last_only), FORM, labels=labels, shows=False), most_cases=5)

    assert {outcome.cases for outcome in found.values()} == {5}
    assert found["nothing at all"].worst.case.gold == "label 040"


def test_an_answer_of_all_labels_has_the_right_one_and_at_most_two_hundred() -> None:
    labels = [f"label {n:03}" for n in range(300)]

    case = cases_of(labels, shows=False)[-1]

    (text,) = (attack.text for attack in attacks(case) if attack.name == "all labels, right last")
    assert text.count("label ") == 201 and "label 299</answer>" in text


def test_the_matrix_has_a_row_a_right_answer_and_a_column_an_answer() -> None:
    def earlier(response: Any, example: Example) -> float:
        return float((response.answer or "~") <= example.gold)

    found: Matrix = matrix(bench(own(earlier), labels=("a", "b", "c")))

    assert found.labels == ("a", "b", "c")
    assert found.pays == [[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]]
    assert [(one.gold, one.answer) for one in found.collisions] == [("b", "a"), ("c", "a"), ("c", "b")]


@settings(max_examples=25, deadline=None)
@given(
    labels=st.lists(st.text(min_size=1).filter(lambda text: text.strip()), min_size=1, max_size=4, unique=True),
    mode=st.sampled_from([THINK, DIRECT]),
)
def test_no_label_breaks_the_attacks_and_no_shipped_reward_raises(labels: list[str], mode: str) -> None:
    tried = bench(*shipped(**{name: {} for name in reward_names()}), labels=labels, mode=mode)

    outcomes = attack_all(tried)
    matrix(tried)

    assert Verdict.RAISED not in {outcome.worst.verdict for outcome in outcomes.values()}


def test_the_word_that_is_no_label_is_as_long_as_what_it_is_held_against() -> None:
    (case, *_) = cases_of(ANIMALS)
    long = case.response(case.completion("cat", think=" ".join(["so"] * 100)))

    control = case.control_like(long)

    assert (control.answer, control.tokens, control.think_tokens) == ("xqz", long.tokens, long.think_tokens)
    assert len(control.text.split()) == len(long.text.split())
    assert len(control.text) == len(long.text)


@pytest.mark.parametrize(
    ("gold", "nonsense"),
    [("ant", "xqz"), ("BAE 146-200", "xqz kxq-vkx"), ("x", "q"), ("+", "xqzvk"), ("\u732b", "x")],
)
def test_a_word_that_is_no_label_has_the_shape_of_the_right_answer(gold: str, nonsense: str) -> None:
    (case, *_) = cases_of((gold, "other"))

    assert case.nonsense == nonsense
    assert case.control().tokens == case.response(case.reference).tokens


def by_characters(response: Any, example: Example) -> float:
    return 0.001 * len(response.text)


def any_label(response: Any, example: Example) -> float:
    return float(response.answer in ANIMALS)


def words_of_three(response: Any, example: Example) -> float:
    return len(response.text.split()) / 100 if len(example.gold) > 2 else 0.0


@pytest.mark.parametrize("function", [by_characters, any_label, words_of_three])
@pytest.mark.parametrize("mode", [THINK, DIRECT])
def test_rewards_for_length_or_for_any_label_are_not_taken_for_rewards_that_know_the_answer(
    function: Callable[..., Any], mode: str
) -> None:
    tried = bench(ACCURACY, FORM, own(function, weight=0.5), mode=mode)

    assert [item.knows_answer for item in tried.knowledge] == [True, False, False]
    assert not faults(attack_all(tried, is_gate=True))
