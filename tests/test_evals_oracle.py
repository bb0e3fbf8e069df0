"""Scores of real predictions of others, whose accuracy is known: a whole evaluation from completions to tables."""

from __future__ import annotations

from collections import Counter

import pytest

from evals.grading import matches_gold
from evals.parsing import parse
from evals.scoring import Scored, score
from rftui.evaluations.tables import Confusion, by_kind, confusion
from store.evaluations import EvalAnswer
from tests.real_data import json_lines

STATED = 0.8907
"""CLIP's accuracy on Oxford Pets as stated beside the predictions."""


@pytest.fixture(scope="module")
def predictions() -> list[dict[str, object]]:
    """One prediction an image, with the numbers of its class and of the class that was named."""
    return json_lines("clip_predictions/pets.jsonl")


@pytest.fixture(scope="module")
def answers(predictions: list[dict[str, object]]) -> list[EvalAnswer]:
    """Each prediction as a completion that is parsed and graded by text, as an evaluation does it."""
    found = []
    for number, each in enumerate(predictions):
        gold = str(each["label_name"]).replace("_", " ")
        parsed = parse(f"<answer> {str(each['clip_pred_name']).replace('_', ' ').title()}\n</answer>", "direct")
        correct = matches_gold(parsed.answer, gold)
        found.append(EvalAnswer(number, str(each["image"]), gold, gold, parsed.answer, correct, 9, 0, False, 0))
    return found


def test_the_accuracy_is_the_stated_one(answers: list[EvalAnswer]) -> None:
    totals = score([Scored(each.kind, each.correct, True, 9, 0, False) for each in answers]).total

    assert totals.n == 3669
    assert round(totals.accuracy, 4) == STATED
    assert totals.low < STATED < totals.high


def test_each_class_has_the_accuracy_that_its_numbers_give(
    predictions: list[dict[str, object]], answers: list[EvalAnswer]
) -> None:
    names = {each["label"]: str(each["label_name"]).replace("_", " ") for each in predictions}
    sizes = Counter(each["label"] for each in predictions)
    right = Counter(each["label"] for each in predictions if each["label"] == each["clip_pred"])

    found = {row.kind: (row.correct, row.n) for row in by_kind(answers)}

    assert len(found) == 37
    assert found == {names[label]: (right[label], size) for label, size in sizes.items()}


def test_the_confusion_matrix_is_that_of_the_numbers(
    predictions: list[dict[str, object]], answers: list[EvalAnswer]
) -> None:
    names = {each["label"]: str(each["label_name"]).replace("_", " ") for each in predictions}
    expected = Counter((names[each["label"]], names[each["clip_pred"]]) for each in predictions)

    found = confusion(answers)

    assert isinstance(found, Confusion)
    labels = found.labels
    assert {(labels[gold], labels[answer]): count for (gold, answer), count in found.counts.items()} == expected
    assert not any(found.others.values()) and not any(found.unparsed.values())
    gold, answer, count = found.mistakes()[0]
    assert count == max(n for (one, other), n in expected.items() if one != other)
    assert expected[labels[gold], labels[answer]] == count
