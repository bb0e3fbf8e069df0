"""What a comparison tests, what it refuses to test and why, and what it warns of."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from evals.statistics import Paired
from rftui.comparing.compared_runs import ComparedRun, read_compared
from rftui.comparing.comparison import Comparison, Contrast, compare, source_name
from store.layout import Home
from store.runs import find_run, open_catalogue
from tests.evaluated_runs import GENERATED, REAL, answers, evaluation, write_run


def read(home: Home, name: str) -> ComparedRun:
    with closing(open_catalogue(home)) as connection:
        summary = find_run(connection, name)
    return read_compared(home, summary)


def comparison_of(home: Home, *names: str) -> Comparison:
    return compare([read(home, name) for name in names])


def result_of(contrast: Contrast) -> Paired:
    assert contrast.paired is not None, contrast.why_not
    return contrast.paired


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_the_last_evaluations_of_two_runs_are_paired_by_example(home: Home) -> None:
    write_run(home, "a", [evaluation(answers("0000"), step=0), evaluation(answers("1100"), step=9)])
    write_run(home, "b", [evaluation(answers("1111"), step=0), evaluation(answers("0111"), step=8)])

    (contrast,) = comparison_of(home, "a", "b").against

    test = result_of(contrast)
    assert (contrast.before_run, contrast.before_step, contrast.after_run, contrast.after_step) == ("a", 9, "b", 8)
    assert (test.n, test.before, test.after, test.difference) == (4, 0.5, 0.75, 0.25)
    assert (test.gained, test.lost, test.p) == (2, 1, 1.0)
    assert test.low < test.difference < test.high


def test_examples_pair_by_uid_whatever_their_order(home: Home) -> None:
    forwards = answers("1110000")
    write_run(home, "a", [evaluation(forwards)])
    write_run(home, "b", [evaluation(dict(reversed(forwards.items())))])

    (contrast,) = comparison_of(home, "a", "b").against

    assert (result_of(contrast).gained, result_of(contrast).lost) == (0, 0)


def test_flips_are_listed_with_both_answers(home: Home) -> None:
    write_run(home, "a", [evaluation(answers("101"))])
    write_run(home, "b", [evaluation(answers("011"))])

    (contrast,) = comparison_of(home, "a", "b").against

    (broken,), (fixed,) = contrast.broken, contrast.fixed
    assert (broken.uid, broken.before, broken.after) == ("example-0", "left", "right")
    assert (fixed.uid, fixed.before, fixed.after) == ("example-1", "right", "left")


def test_examples_that_only_one_run_graded_are_left_out_and_counted(home: Home) -> None:
    write_run(home, "a", [evaluation(answers("110011"))])
    write_run(home, "b", [evaluation(answers("01-"))])

    comparison = comparison_of(home, "a", "b")

    assert result_of(comparison.against[0]).n == 2
    assert any(
        "only the 2 examples that both graded are tested, of the 6 of a and 2 of b" in n for n in comparison.notes
    )


def test_evaluations_of_the_same_examples_say_nothing_of_overlap(home: Home) -> None:
    for name in ("a", "b"):
        write_run(home, name, [evaluation(answers("10-"))])

    assert not any("both graded" in note for note in comparison_of(home, "a", "b").notes)


@pytest.mark.parametrize(
    ("first", "second", "settings", "why"),
    [
        ({}, {"split": "test"}, {}, "different splits: heldout and test"),
        ({}, {"source": REAL}, {}, "different data sources: sat-generated and real /data/sat"),
        ({}, {}, {"difficulty": 0.9}, "different difficulty: 0.5 and 0.9"),
        ({}, {}, {"task": "aircraft"}, "different tasks: sat and aircraft"),
        ({}, {"question": "What colour?"}, {}, "4 of 4 uids stand for other questions"),
        ({}, {"answers": answers("1010", first=50)}, {}, "not one uid in common"),
        ({}, {"answers": answers("----")}, {}, "no answers stored"),
        ({}, {"prompt": "direct"}, {}, "was not evaluated so"),
        ({}, {"decoding": "sampled"}, {}, "was not evaluated so"),
    ],
)
def test_evaluations_of_other_things_get_no_test_and_the_reason(
    home: Home, first: dict[str, Any], second: dict[str, Any], settings: dict[str, Any], why: str
) -> None:
    write_run(home, "a", [evaluation(**{"given": answers("1010"), **first})])
    given = second.pop("answers", answers("1011"))
    write_run(home, "b", [evaluation(given, **second)], **settings)

    contrasts = comparison_of(home, "a", "b").against

    assert contrasts
    assert all(contrast.paired is None and contrast.source is None for contrast in contrasts)
    assert any(why in contrast.why_not for contrast in contrasts)


def test_difficulty_is_ignored_for_real_data(home: Home) -> None:
    write_run(home, "a", [evaluation(answers("1010"), source=REAL)], difficulty=0.1)
    write_run(home, "b", [evaluation(answers("1011"), source=REAL)], difficulty=0.9)

    (contrast,) = comparison_of(home, "a", "b").against

    assert result_of(contrast).n == 4


def test_a_split_that_both_have_is_tested_though_one_has_another_too(home: Home) -> None:
    write_run(home, "a", [evaluation(answers("1010")), evaluation(answers("11"), split="other")])
    write_run(home, "b", [evaluation(answers("1011"))])

    (contrast,) = comparison_of(home, "a", "b").against

    assert (contrast.split, result_of(contrast).n) == ("heldout", 4)


def test_one_test_is_not_corrected_and_several_are(home: Home) -> None:
    for name, pattern in (("a", "0" * 20), ("b", "1" * 6 + "0" * 14), ("c", "1" * 8 + "0" * 12)):
        write_run(home, name, [evaluation(answers(pattern))])

    (alone,) = comparison_of(home, "a", "b").against
    to_b, to_c = comparison_of(home, "a", "b", "c").against

    assert alone.p_holm is None
    assert (result_of(to_b).p, result_of(to_c).p) == pytest.approx((2 * 2**-6, 2 * 2**-8))
    assert (to_b.p_holm, to_c.p_holm) == (result_of(to_b).p, 2 * result_of(to_c).p)


def test_with_think_is_tested_against_without_at_the_last_step_that_has_both(home: Home) -> None:
    asked = [
        evaluation(answers("0011"), prompt="direct", step=5),
        evaluation(answers("0110"), step=5),
        evaluation(answers("1111"), step=9),
    ]
    write_run(home, "a", asked)
    write_run(home, "b", [evaluation(answers("1111"))])

    in_a, in_b = comparison_of(home, "a", "b").thinking

    assert (in_a.before_prompt, in_a.after_prompt, in_a.before_step, in_a.after_step) == ("direct", "think", 5, 5)
    assert [flip.uid for flip in in_a.fixed] == ["example-1"]
    assert [flip.uid for flip in in_a.broken] == ["example-3"]
    assert (in_b.paired, in_b.why_not) == (None, "no checkpoint was asked both ways (only: think)")


def test_only_settings_that_differ_are_listed_with_the_value_of_each_run(home: Home) -> None:
    write_run(home, "a", [], learning_rate=1e-6, rewards={"accuracy": {"weight": 1.0}})
    write_run(home, "b", [], learning_rate=2e-6, rewards={"accuracy": {"weight": 1.0}, "length": {"weight": 0.5}})

    rows = {row.key: row.values for row in comparison_of(home, "a", "b").settings}

    assert rows["learning_rate"] == {"a": 1e-6, "b": 2e-6}
    assert rows["rewards.length.weight"] == {"a": None, "b": 0.5}
    assert not rows.keys() & {"name", "max_steps", "rewards.accuracy.weight"}


def test_an_evaluation_differs_from_training_in_nothing_that_only_trains(home: Home) -> None:
    write_run(home, "a", [], max_steps=20, learning_rate=1e-4)
    write_run(home, "b", [], method="eval", max_steps=10, learning_rate=2e-4, seed=3)

    found = comparison_of(home, "a", "b").settings

    assert [row.key for row in found] == ["method", "seed"]


def test_a_setting_that_an_older_config_lacks_has_its_default(home: Home) -> None:
    for name in ("a", "b"):
        write_run(home, name, [])
    older = home.run("a").config
    older.write_text("".join(line for line in older.read_text().splitlines(True) if not line.startswith("top_k")))

    assert comparison_of(home, "a", "b").settings == ()


def test_a_config_that_cannot_be_read_does_not_hide_the_evaluations(home: Home) -> None:
    for name in ("a", "b"):
        write_run(home, name, [evaluation(answers("10"), source=REAL)])
    home.run("b").config.write_text("max_steps = [")

    comparison = comparison_of(home, "a", "b")

    assert result_of(comparison.against[0]).n == 2
    assert comparison.runs[1].settings == {}


@pytest.mark.parametrize(
    ("settings", "note"),
    [
        ({"seed": 3}, "these runs differ only by seed"),
        ({"image_max_pixels": 999_999}, "b was asked with other settings than a: image_max_pixels"),
        ({"max_completion_length": 7}, "b was asked with other settings than a: max_new_tokens"),
    ],
)
def test_what_makes_runs_less_comparable_is_noted(home: Home, settings: dict[str, Any], note: str) -> None:
    write_run(home, "a", [evaluation(answers("10"))])
    write_run(home, "b", [evaluation(answers("10"))], **settings)

    assert note in comparison_of(home, "a", "b").notes


def test_temperature_matters_to_sampled_answers_alone(home: Home) -> None:
    for name, decoding, temperature in (("a", "greedy", 1.0), ("b", "greedy", 0.5), ("c", "sampled", 1.0)):
        changed: dict[str, Any] = {"evaluation": {"temperature": temperature}}
        write_run(home, name, [evaluation(answers("10"), decoding=decoding)], **changed)
    write_run(home, "d", [evaluation(answers("10"), decoding="sampled")], evaluation={"temperature": 0.5})

    def is_noted(*names: str) -> bool:
        return any("evaluation.temperature" in note for note in comparison_of(home, *names).notes)

    assert not is_noted("a", "b")
    assert is_noted("c", "d")


def test_tests_of_few_flips_are_warned_of(home: Home) -> None:
    for name, pattern in (("a", "0" * 20), ("b", "1" * 9 + "0" * 11), ("c", "1" * 10 + "0" * 10)):
        write_run(home, name, [evaluation(answers(pattern))])

    notes = comparison_of(home, "a", "b", "c").notes

    assert [note for note in notes if "flipped in one test" in note and "too narrow" in note]


def test_a_live_run_and_generated_data_are_warned_of(home: Home) -> None:
    write_run(home, "a", [evaluation(answers("10"))])
    write_run(home, "b", [evaluation(answers("10"))], state="running")

    notes = comparison_of(home, "a", "b").notes

    assert "b is running: its numbers may still change" in notes
    assert "data: sat-generated (made up, no benchmark)" in notes


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (GENERATED, "sat-generated"),
        (REAL, "real /data/sat"),
        ({"kind": "generated", "name": "scenes"}, "generated scenes"),  # the kind is never left out
        ({}, "unknown"),
    ],
)
def test_generated_data_is_always_called_so(source: dict[str, Any], name: str) -> None:
    assert source_name(source) == name


def test_runs_without_evaluations_compare_their_settings_alone(home: Home) -> None:
    write_run(home, "a", [])
    write_run(home, "b", [], seed=2)

    comparison = comparison_of(home, "a", "b")

    assert (comparison.against, comparison.thinking) == ((), ())
    assert [row.key for row in comparison.settings] == ["seed"]
