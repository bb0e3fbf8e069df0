"""Which class an answer names: every spelling of one label, never two labels, and a report of what named none."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from evals.aircraft_names import ALIASES, MAKERS, maker_prefixes, user_aliases
from evals.class_names import ClassNames, collapsed, unmatched_answers
from evals.errors import TaskError
from evals.task import Example
from evals.tasks.aircraft import Aircraft
from tests.real_data import json_lines, real_file

NAMES = ("737-700", "737-800", "BAE 146-200", "BAE 146-300", "C-47", "F-16A/B", "F/A-18", "Hawk T1", "Saab 2000")
FAMILIES = (
    *("A300", "A310", "A320", "A330", "A340", "A380", "ATR-42", "ATR-72", "An-12", "BAE 146", "BAE-125"),
    *("Beechcraft 1900", "Boeing 707", "Boeing 717", "Boeing 727", "Boeing 737", "Boeing 747", "Boeing 757"),
    *("Boeing 767", "Boeing 777", "C-130", "C-47", "CRJ-200", "CRJ-700", "Cessna 172", "Cessna 208"),
    *("Cessna Citation", "Challenger 600", "DC-10", "DC-3", "DC-6", "DC-8", "DC-9", "DH-82", "DHC-1", "DHC-6"),
    *("DR-400", "Dash 8", "Dornier 328", "EMB-120", "Embraer E-Jet", "Embraer ERJ 145", "Embraer Legacy 600"),
    *("Eurofighter Typhoon", "F-16", "F/A-18", "Falcon 2000", "Falcon 900", "Fokker 100", "Fokker 50", "Fokker 70"),
    *("Global Express", "Gulfstream", "Hawk T1", "Il-76", "King Air", "L-1011", "MD-11", "MD-80", "MD-90"),
    *("Metroliner", "PA-28", "SR-20", "Saab 2000", "Saab 340", "Spitfire", "Tornado", "Tu-134", "Tu-154", "Yak-42"),
)
"""The seventy families of the published data."""
MAKERS_OF_LABELS = ("Boeing", "Lockheed Corporation", "Lockheed Martin", "McDonnell Douglas", "de Havilland")


def official() -> ClassNames:
    """The hundred official variants with the shipped aliases and makers."""
    lines = real_file("fgvc_aircraft_lists/data/variants.txt").read_text().splitlines()
    return ClassNames(lines, aliases=ALIASES["variant"], prefixes=maker_prefixes())


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("737-700", "737-700"),
        ("  737 700. ", "737-700"),
        ("BAE146_200", "BAE 146-200"),
        ("bae 146/200", "BAE 146-200"),
        ("f a 18", "F/A-18"),
        ("F16AB", "F-16A/B"),
        # a hyphen that does not break, and a dash, as models write them
        ("F/A\u201118", "F/A-18"),
        ("C\u201347", "C-47"),
        ("HAWK\nT1", "Hawk T1"),
        # none
        (None, None),
        ("", None),
        (" - / ", None),
        ("737", None),
        ("700", None),
        ("2000", None),
        ("737-7000", None),
        ("The aircraft is a 737-700", None),
        ("not 737-700", None),
        # several
        ("737-700 or 737-800", None),
        ("737-700/737-800", None),
        ("737-700, 737-700", None),
        (", ".join(NAMES), None),
        # a Cyrillic letter
        ("\u0421-47", None),
        ("C-47" * 1024, None),
    ],
)
def test_an_answer_names_a_label_only_where_the_whole_of_it_is_that_name(answer: str | None, label: str | None) -> None:
    assert ClassNames(NAMES).label_of(answer) == label


@pytest.mark.parametrize(
    ("labels", "aliases", "found"),
    [
        (("DC-10", "DC 10"), {}, "class 'DC 10': cannot be told from class 'DC-10'"),
        (("a", "b"), {"a": ["B"]}, "class 'a': its alias 'B' cannot be told from class 'b'"),
        (("a", "b"), {"a": ["x"], "b": ["X"]}, "class 'b': its alias 'X' cannot be told from class 'a'"),
        (("a", "-"), {}, "the name '-' of class '-' is empty"),
    ],
)
def test_names_that_cannot_be_told_apart_are_refused(
    labels: tuple[str, ...], aliases: dict[str, list[str]], found: str
) -> None:
    with pytest.raises(TaskError, match=found):
        ClassNames(labels, aliases=aliases)


def test_a_maker_may_stand_before_a_label_and_before_its_aliases() -> None:
    names = ClassNames(("A310", "B200"), aliases={"B200": ["King Air 200"]}, prefixes={"B200": ["Beech"]})

    assert [names.label_of(answer) for answer in ("Beech B200", "beech king air 200", "Beech A310", "Beech")] == [
        "B200",
        "B200",
        None,
        None,
    ]


def test_a_maker_that_would_make_one_label_of_two_is_passed_over() -> None:
    names = ClassNames(("717", "Boeing 717", "300"), prefixes={"717": ["Boeing"], "300": ["x"], "Boeing 717": ["x"]})

    assert names.label_of("Boeing 717") == "Boeing 717"
    assert ClassNames(("1 0", "0"), prefixes={"1 0": ["a"], "0": ["a1"]}).label_of("a 10") is None


# the official hundred


def test_no_two_official_names_aliases_or_prefixed_names_collide() -> None:
    names = official()

    graded = [(answer, names.label_of(answer)) for answer in names.labels]

    assert len(names.labels) == 100
    assert all(answer == label for answer, label in graded)
    assert len({collapsed(label) for label in names.labels}) == 100


def test_every_label_with_aliases_or_makers_is_an_official_one() -> None:
    known = {*official().labels, *FAMILIES}

    assert {label for labels in MAKERS.values() for label in labels} <= known
    assert set(ALIASES["variant"]) <= set(official().labels)


@pytest.mark.parametrize(
    ("level", "labels"),
    [("family", FAMILIES), ("manufacturer", tuple(dict.fromkeys((*MAKERS_OF_LABELS, *ALIASES["manufacturer"]))))],
)
def test_aliases_of_families_and_makers_do_not_collide(level: str, labels: tuple[str, ...]) -> None:
    names = ClassNames(labels, aliases=ALIASES[level], prefixes=maker_prefixes())

    assert [names.label_of(label) for label in labels] == list(labels)
    assert set(ALIASES[level]) <= set(labels)


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("Boeing 737-700", "737-700"),
        ("Airbus A380", "A380"),
        ("McDonnell Douglas F/A-18 Hornet", "F/A-18"),
        ("General Dynamics F-16 Fighting Falcon", "F-16A/B"),
        ("F-16A", "F-16A/B"),
        ("Supermarine Spitfire", "Spitfire"),
        ("Beechcraft King Air B200", "Model B200"),
        ("de Havilland DH.82 Tiger Moth", "DH-82"),
        ("Robin DR400", "DR-400"),
        ("BAE Systems Hawk T1", "Hawk T1"),
        ("Lockheed L-1011 TriStar", "L-1011"),
        ("Dash 8 Q300", "DHC-8-300"),
        # the pairs that a symbolic parser takes for equal (training.md 2.6), and wrong makers
        ("BAE 146", None),
        ("Airbus 737-700", None),
        ("Boeing 737", None),
        ("600", None),
        ("2000", None),
        ("Embraer 600", None),
    ],
)
def test_official_aircraft_are_known_by_their_common_names(answer: str, label: str | None) -> None:
    assert official().label_of(answer) == label


def test_real_predictions_are_graded_as_their_numbers_say() -> None:
    predictions = json_lines("fgvc_aircraft_lists/clip_predictions.jsonl")
    task = Aircraft()
    names = official()

    def graded(row: dict[str, object]) -> bool | None:
        example = Example(str(row["image"]), "heldout", 0, "", "", (), str(row["label_name"]), "")
        return task.grade(str(row["clip_pred_name"]), example)

    by_name = [graded(row) for row in predictions]
    by_number = [row["label"] == row["clip_pred"] for row in predictions]
    assert by_name == by_number
    assert 0 < sum(by_number) < len(predictions) > 1000
    # what a model that copies CLIP's spelling without any mark would get
    blurred = [
        names.label_of(str(row["clip_pred_name"]).replace("-", "").lower()) == row["label_name"] for row in predictions
    ]
    assert blurred == by_number


def test_two_way_substring_would_have_paid_where_this_does_not() -> None:
    names = official()
    every = ", ".join(names.labels)

    substring_rule = [label.lower() in every.lower() or every.lower() in label.lower() for label in names.labels]

    assert all(substring_rule)
    assert names.label_of(every) is None
    assert names.label_of("") is None


# answers that matched nothing


def test_unmatched_answers_are_counted_with_what_they_mention_and_resemble() -> None:
    answers = ["737-700", "737 700 or 737-800", "737-700 OR 737-800", None, "Saab 2001", "", "a small plane", "f/a18"]

    found = unmatched_answers(answers, ClassNames(NAMES))

    assert [(each.answer, each.count) for each in found] == [
        ("737 700 or 737-800", 2),
        ("", 1),
        ("a small plane", 1),
        ("Saab 2001", 1),
    ]
    assert found[0].mentions == ("737-700", "737-800")
    assert found[3].nearest[0] == "Saab 2000"
    assert found[1].nearest == found[2].nearest == ()


def test_unmatched_and_matched_answers_are_all_answers() -> None:
    names = official()
    predictions = [str(row["clip_pred_name"]) for row in json_lines("fgvc_aircraft_lists/clip_predictions.jsonl")]
    answers = [text if number % 3 else f"{text} maybe" for number, text in enumerate(predictions)]

    found = unmatched_answers(answers, names)

    assert sum(each.count for each in found) == sum(text.endswith("maybe") for text in answers)
    assert Counter({each.answer: each.count for each in found}) == Counter(t for t in answers if t.endswith("maybe"))


def test_a_runaway_answer_is_reported_quickly() -> None:
    found = unmatched_answers(["737-700 " * 200_000], ClassNames(NAMES))

    assert (found[0].count, found[0].mentions) == (1, ("737-700",))


# a user's own aliases


def test_a_users_aliases_count_as_right(tmp_path: Path) -> None:
    file = tmp_path / "aliases.json"
    file.write_text(json.dumps({"Kalo 10": ["Little Kalo"]}))
    task = Aircraft.configured({"aliases": str(file)})
    example = replace(task.examples("train", seed=0, difficulty=0, source=task.source("auto"))[0], gold="Kalo 10")

    assert (task.grade("little kalo", example), task.grade("Hald Air Little Kalo", example)) == (True, True)
    assert task.grade("little", example) is False


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "cannot be read"),
        ("{", "cannot be read"),
        ("[1]", "holds no object"),
        ('{"Kalo 11": ["x"]}', "names the class 'Kalo 11', which the data does not have"),
        ('{"Kalo 10": "x"}', "gives 'Kalo 10' 'x'"),
        ('{"Kalo 10": [" "]}', "gives 'Kalo 10'"),
    ],
)
def test_aliases_that_cannot_be_used_say_why(tmp_path: Path, content: str | None, found: str) -> None:
    file = tmp_path / "aliases.json"
    if content is not None:
        file.write_text(content)

    with pytest.raises(TaskError) as caught:
        user_aliases(file, ["Kalo 10", "Kalo 20"])

    assert found in caught.value.found
    assert str(file) in caught.value.found
