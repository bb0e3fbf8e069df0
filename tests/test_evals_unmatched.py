"""Wrong answers that are none of the possible ones: against labels, against options, and where answers are open."""

from __future__ import annotations

import pytest

from evals.class_names import ClassNames
from evals.unmatched import MOST_LISTED, Given, unmatched_record

LABELS = ("737-300", "737-400", "Cessna 172")


def said(record: dict[str, object] | None) -> list[tuple[object, object]]:
    """Answers with their counts."""
    assert record is not None
    answers = record["answers"]
    assert isinstance(answers, list)
    return [(each["answer"], each["count"]) for each in answers]


def test_wrong_answers_that_name_no_label_are_counted_the_most_frequent_first() -> None:
    record = unmatched_record(
        [
            Given("Boeing", False, ()),
            Given("cessna 170", False, ()),
            Given("Cessna-170", False, ()),
            Given("737 300", False, ()),  # names another label: wrong, and matched
            Given("an alias that the task knows", True, ()),
            Given(None, False, ()),  # nothing that could be read
            Given("???", None, ()),  # nothing could be right
        ],
        LABELS,
    )

    assert record is not None
    assert said(record) == [("cessna 170", 2), ("Boeing", 1)]
    assert (record["among"], record["labels"], record["count"]) == ("labels", 3, 3)
    assert record["answers"][0]["nearest"] == ("Cessna 172",)


def test_a_wrong_label_by_another_name_is_one_of_the_labels() -> None:
    names = ClassNames(LABELS, aliases={"Cessna 172": ["Skyhawk"]}, prefixes={"737-300": ["Boeing"]})
    answers = [Given("Boeing 737-300", False, ()), Given("skyhawk", False, ()), Given("Boeing 737", False, ())]

    assert said(unmatched_record(answers, LABELS, names=names)) == [("Boeing 737", 1)]
    assert len(said(unmatched_record(answers, LABELS))) == 3


def test_without_labels_an_answer_is_held_against_the_options_of_its_own_question() -> None:
    record = unmatched_record(
        [
            Given("left", False, ("Left", "right")),  # wrong, and one of them
            Given("left.", False, ("above", "below")),  # an option of another question
            Given("behind", False, ("left", "right")),
        ],
        (),
    )

    assert said(record) == [("behind", 1), ("left.", 1)]
    assert record is not None and record["among"] == "options"


@pytest.mark.parametrize(
    ("answers", "space"),
    [
        ([Given("anything", False, ())], ()),  # open answers
        ([], ()),
        ([Given("x", False, ())], ("f-16", "F 16")),  # labels that cannot be told apart
    ],
)
def test_where_nothing_can_be_matched_nothing_is_said(answers: list[Given], space: tuple[str, ...]) -> None:
    assert unmatched_record(answers, space) is None


def test_a_model_that_babbles_leaves_a_record_of_bounded_length() -> None:
    record = unmatched_record([Given(f"nonsense {number}", False, ()) for number in range(500)], LABELS)

    assert record is not None
    assert (record["count"], len(said(record))) == (500, MOST_LISTED)
