"""Gold answers worked out again from what stands where, balance, option order, and reasoning that fits the scene."""

from __future__ import annotations

import random
import re
from collections import Counter, defaultdict
from functools import cache

import pytest
from scipy.stats import chisquare

from evals.generated.scenes import COLOURS, SHAPES, Scene, Thing
from evals.generated.spatial_questions import KINDS, MOST_THINGS, Question, ask, questions_about

MANY = 600
"""Questions of each type."""
UNLIKELY = 1e-3
"""A fair draw fails a test at this level once in a thousand seeds; the seed is fixed."""
STEPS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}
GOLDS = {
    "relation": {"left", "right", "above", "below"},
    "move": {"left", "right", "above", "below"},
    "distance": set(COLOURS),
    "count": {"1", "2", "3", "4"},
    "compare": {"more", "fewer", "equal"},
}


@cache
def questions(kind: str, *, difficulty: float = 0.5, split: str = "train", many: int = MANY) -> tuple[Question, ...]:
    rng = random.Random(f"{kind}/{difficulty}/{split}")
    return tuple(ask(rng, kind, split=split, difficulty=difficulty) for _ in range(many))


def named_things(question: Question) -> list[Thing]:
    """The things that a question names by colour and shape, in its order."""
    by_name = {(thing.colour, thing.shape): thing for thing in question.scene.things}
    names = re.findall(rf"({'|'.join(COLOURS)}) ({'|'.join(SHAPES)})", question.text)
    return [by_name[name] for name in names]


def seen_from(a: tuple[int, int], b: tuple[int, int]) -> str:
    """Where cell a is from cell b, by the larger of the two distances; they are never equal here."""
    right, down = a[0] - b[0], a[1] - b[1]
    assert (right == 0) != (down == 0), "one direction says it"
    return ("right" if right > 0 else "left") if right else ("below" if down > 0 else "above")


def moved(question: Question) -> tuple[int, int]:
    """The cell in which the first thing named stands after it moved."""
    (way,) = re.findall(rf"\b({'|'.join(STEPS)})\b", question.text)
    column, row = named_things(question)[0].cell
    return column + STEPS[way][0], row + STEPS[way][1]


def worked_out(question: Question) -> str:
    """The answer, from the scene's things and the words of the question alone."""
    things = question.scene.things
    if question.kind == "relation":
        a, b = named_things(question)
        return seen_from(a.cell, b.cell)
    if question.kind == "move":
        return seen_from(moved(question), named_things(question)[1].cell)
    if question.kind == "distance":
        order = ["near", "middle", "far"] if "nearest" in question.text else ["far", "middle", "near"]
        first, second, *_ = sorted(things, key=lambda thing: order.index(thing.distance))
        assert first.distance != second.distance, "one thing is extreme"
        return first.colour
    numbers = Counter(thing.shape for thing in things)
    if question.kind == "count":
        (shape,) = re.findall(rf"({'|'.join(SHAPES)})s", question.text)
        return str(numbers[shape])
    with_shape, shape = re.findall(rf"({'|'.join(SHAPES)})s", question.text)
    assert question.text.startswith("Compared with")
    more = numbers[shape] - numbers[with_shape]
    return "more" if more > 0 else "fewer" if more < 0 else "equal"


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_the_gold_answer_is_the_one_worked_out_from_the_scene(kind: str, difficulty: float) -> None:
    for question in questions(kind, difficulty=difficulty, many=200):
        assert question.gold == worked_out(question), question


def test_every_question_that_can_be_asked_of_a_scene_has_the_right_gold() -> None:
    rng = random.Random(0)
    scenes = [question.scene for kind in KINDS for question in questions(kind)[:20]]

    asked = [question for scene in scenes for question in questions_about(rng, scene)]

    assert {question.kind for question in asked} == set(KINDS)
    for question in asked:
        assert question.gold == worked_out(question), question
        assert question.gold in question.options


@pytest.mark.parametrize("kind", KINDS)
def test_the_gold_is_one_of_the_options_which_are_all_different(kind: str) -> None:
    for question in questions(kind):
        assert question.options.count(question.gold) == 1
        assert len(set(question.options)) == len(question.options) >= 3
        assert set(question.options) <= GOLDS[kind]


def test_options_of_a_distance_are_things_that_are_there() -> None:
    for question in questions("distance"):
        assert set(question.options) <= {thing.colour for thing in question.scene.things}


@pytest.mark.parametrize("kind", KINDS)
def test_where_the_gold_stands_among_the_options_tells_nothing(kind: str) -> None:
    asked = questions(kind)
    positions = Counter(question.options.index(question.gold) for question in asked)

    counts = [positions[place] for place in range(len(asked[0].options))]

    assert chisquare(counts).pvalue > UNLIKELY


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_answers_are_balanced_within_each_type(kind: str, difficulty: float) -> None:
    golds = Counter(question.gold for question in questions(kind, difficulty=difficulty))

    assert set(golds) == GOLDS[kind]
    assert chisquare(list(golds.values())).pvalue > UNLIKELY


@pytest.mark.parametrize("kind", KINDS)
def test_the_words_of_a_question_do_not_tell_its_answer(kind: str) -> None:
    """Over questions that differ only in colours and shapes, which no rule can use, answers are balanced too."""
    names = re.compile("|".join([*COLOURS, *SHAPES]))
    golds: dict[str, Counter[str]] = defaultdict(Counter)
    for question in questions(kind, many=1600):
        golds[names.sub("_", question.text)][question.gold] += 1

    for words, counts in golds.items():
        assert chisquare([counts[gold] for gold in GOLDS[kind]]).pvalue > UNLIKELY, (words, counts)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_in_a_scene_is_said_twice_or_stands_on_another(kind: str) -> None:
    for question in questions(kind):
        things = question.scene.things
        assert len({thing.colour for thing in things}) == len({thing.cell for thing in things}) == len(things)


def test_a_moved_thing_lands_in_a_free_cell_of_the_grid() -> None:
    for question in questions("move"):
        assert moved(question) in {(column, row) for column in range(3) for row in range(3)}
        assert moved(question) not in {thing.cell for thing in question.scene.things}


@pytest.mark.parametrize("kind", KINDS)
def test_reasoning_comes_in_three_lengths_and_none_is_empty(kind: str) -> None:
    for question in questions(kind):
        lengths = [len(trace.split()) for trace in question.traces]
        assert len(lengths) == 3
        assert 0 < lengths[0] <= lengths[1] < lengths[2]


@pytest.mark.parametrize("kind", ["distance", "count", "compare"])
def test_reasoning_about_more_things_is_longer(kind: str) -> None:
    lengths: dict[int, list[int]] = defaultdict(list)
    for question in questions(kind):
        lengths[len(question.scene.things)].append(len(question.traces[1].split()))

    means = [sum(lengths[size]) / len(lengths[size]) for size in sorted(lengths)]
    assert means == sorted(means) and means[0] < means[-1]


def cells_said(trace: str) -> set[tuple[str, tuple[int, int]]]:
    """Every `colour column row` of a trace."""
    said = re.findall(rf"({'|'.join(COLOURS)}) (\d) (\d)", trace)
    return {(colour, (int(column), int(row))) for colour, column, row in said}


def cells_of(scene: Scene) -> dict[str, tuple[int, int]]:
    return {thing.colour: thing.cell for thing in scene.things}


@pytest.mark.parametrize("trace", [1, 2])
def test_the_evidence_of_a_relation_is_where_both_things_are(trace: int) -> None:
    for question in questions("relation"):
        assert cells_said(question.traces[trace]) == {(thing.colour, thing.cell) for thing in named_things(question)}


@pytest.mark.parametrize("trace", [1, 2])
def test_the_evidence_of_a_move_is_from_where_to_where_and_the_other_thing(trace: int) -> None:
    for question in questions("move"):
        a, b = named_things(question)

        assert cells_said(question.traces[trace]) == {
            (a.colour, a.cell),
            (a.colour, moved(question)),
            (b.colour, b.cell),
        }


@pytest.mark.parametrize("trace", [1, 2])
def test_the_evidence_of_a_distance_is_how_far_each_thing_is(trace: int) -> None:
    for question in questions("distance"):
        said = re.findall(rf"({'|'.join(COLOURS)}) (near|middle|far)", question.traces[trace])

        assert set(said) == {(thing.colour, thing.distance) for thing in question.scene.things}


@pytest.mark.parametrize("trace", [1, 2])
def test_the_evidence_of_a_count_names_each_thing_of_that_shape_once_a_look(trace: int) -> None:
    for question in questions("count"):
        (shape,) = re.findall(rf"({'|'.join(SHAPES)})s", question.text)
        named = Counter(re.findall("|".join(COLOURS), question.traces[trace]))

        assert named == {thing.colour: trace for thing in question.scene.things if thing.shape == shape}


@pytest.mark.parametrize("trace", [1, 2])
def test_the_evidence_of_a_comparison_names_the_things_of_both_shapes(trace: int) -> None:
    for question in questions("compare"):
        shapes = set(re.findall(rf"({'|'.join(SHAPES)})s", question.text))
        named = set(re.findall("|".join(COLOURS), question.traces[trace]))

        assert named == {thing.colour for thing in question.scene.things if thing.shape in shapes}


@pytest.mark.parametrize("kind", KINDS)
def test_harder_questions_are_about_more_things(kind: str) -> None:
    means = [
        sum(len(question.scene.things) for question in questions(kind, difficulty=difficulty)) / MANY
        for difficulty in (0.0, 0.5, 1.0)
    ]

    assert means == sorted(means)
    assert means[2] > means[0] + 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_the_hardest_scenes_are_full_and_none_is_empty(kind: str) -> None:
    sizes = [{len(question.scene.things) for question in questions(kind, difficulty=d)} for d in (0.0, 1.0)]

    assert min(sizes[0]) >= 1
    assert max(sizes[1]) == MOST_THINGS == len(COLOURS)


@pytest.mark.parametrize("split", ["train", "validation", "heldout"])
def test_a_question_is_asked_of_a_scene_of_its_split(split: str) -> None:
    for kind in KINDS:
        assert {question.scene.split for question in questions(kind, split=split, many=30)} == {split}
