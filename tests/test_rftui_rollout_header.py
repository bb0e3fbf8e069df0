"""The head and the rows of lists say what is so and fit."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from rftui.key_names import help_rows
from rftui.rollouts.groups import Sort, StepCounts, summarise
from rftui.rollouts.header import Head, group_row, head_lines, history_row, image_title, track
from rftui.terminal.spans import Line, Role, line_width
from tests.rollout_rows import occurrence, sample


def head(**changed: Any) -> Head:
    """Step 5 of three, while nothing is looked for."""
    fields: dict[str, Any] = {
        "steps": (2, 5, 9),
        "step": 5,
        "counts": StepCounts(32, mixed=16, solved=9, missed=7, ungraded=0, dead=12),
        "order": Sort.NUMBER,
        "is_reversed": False,
        "follows": False,
        "newer": 0,
        "query": "",
        "hits": None,
        "problem": "",
        "has_looked": True,
    }
    return Head(**{**fields, **changed})


def said(lines: Iterable[Line]) -> str:
    return "\n".join("".join(span.text for span in line) for line in lines)


def test_the_head_counts_the_groups_and_shows_the_place_of_the_step() -> None:
    assert said(head_lines(head(), 120)).splitlines()[0].rstrip() == (
        "step ◀ 5 ▶ /9  groups 32: frontier 16, solved 9, all wrong 7; dead 12  sort number ↑"
    )
    assert said(head_lines(head(), 13)).splitlines()[1] == "─────●─────  "


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"follows": True}, "following"),
        ({"newer": 3}, "+3 new (end)"),
        ({"is_reversed": True, "order": Sort.LENGTH}, "sort length ↓"),
        ({"query": "lamp"}, "lamp  looking"),
        ({"query": "lamp", "hits": {5: 2, 9: 1}}, "lamp  3 found in 2 steps, 2 here"),
        ({"query": "lamp", "hits": {}}, "0 found in 0 steps, 0 here"),
        ({"problem": "no key is named x"}, "no key is named x"),
        ({"step": None, "steps": ()}, "no rollouts yet"),
        # a run that was deleted while its rollouts were looked at
        ({"step": 5, "steps": ()}, "no rollouts yet"),
        ({"step": None, "steps": (), "has_looked": False}, "reading the rollouts"),
        ({"step": None, "steps": (), "problem": "cannot be read"}, "cannot be read"),
    ],
)
def test_the_head_says_what_is_going_on(changed: dict[str, Any], words: str) -> None:
    assert words in said(head_lines(head(**changed), 120))


@pytest.mark.parametrize("width", [1, 5, 20, 40, 78])
@pytest.mark.parametrize("query", ["", "x" * 60])
def test_the_head_fits(width: int, query: str) -> None:
    assert all(line_width(line) <= width for line in head_lines(head(query=query, hits={5: 1}, newer=2), width))


def test_the_track_raises_steps_with_hits() -> None:
    assert said([track((1, 2, 3, 4, 5), 3, {1: 1, 5: 2, 99: 1}, 5)]) == "▄─●─▄"
    assert said([track((7,), 7, {}, 3)]) == "●──"
    assert said([track((), None, {}, 3)]) == "───"


def row(
    *accuracies: float | None, width: int = 60, order: Sort = Sort.NUMBER, searched: bool = False, **changed: Any
) -> str:
    members = [
        sample(group=12, sample=place, accuracy=accuracy, reward=accuracy, **changed)
        for place, accuracy in enumerate(accuracies)
    ]
    return said([group_row(summarise(members)[0], order=order, is_searched=searched, width=width)])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (row(1.0, 0.0, 1.0, 1.0), "0012 ▇▇▇▇▇▇▁▁ 3/4         relation"),
        (row(1.0, 1.0), "0012 ▇▇▇▇▇▇▇▇ 2/2   ✓dead relation"),
        (row(0.0, 0.0), "0012 ▁▁▁▁▁▁▁▁ 0/2    dead relation"),
        (row(None, None), "0012 ········ —/2         relation"),
        (row(1.0, 0.0, width=26), "0012 ▇▇▇▇▁▁▁▁ 1/2        "),  # no room for more
        (row(1.0, 0.0, order=Sort.LENGTH), "0012 ▇▇▇▇▁▁▁▁ 1/2         10t relation"),
        (row(1.0, 0.0, order=Sort.REWARD), "0012 ▇▇▇▇▁▁▁▁ 1/2         0.5 relation"),
        (row(1.0, 0.0, searched=True), "0012 ▇▇▇▇▁▁▁▁ 1/2         2 found relation"),
        (row(1.0, 0.0, is_clipped=True, is_malformed=True), "0012 ▇▇▇▇▁▁▁▁ 1/2         2 malformed 2 clipped relation"),
    ],
)
def test_a_group_is_one_row(text: str, expected: str) -> None:
    assert text == expected


def test_the_spread_of_advantages_stands_in_the_row_when_sorted_by_it() -> None:
    members = [sample(sample=place, advantage=value) for place, value in enumerate((-1.0, 2.0))]

    assert "±1.50" in said([group_row(summarise(members)[0], order=Sort.ADVANTAGE, is_searched=False, width=60)])


def test_a_step_of_a_prompt_is_one_row_and_the_shown_one_is_marked() -> None:
    assert said([history_row(occurrence(187, 3), shown_step=187, width=50)]) == "   187 ● ▇▇▇▇▇▇▁▁ 3/4   reward 0.5"
    assert said([history_row(occurrence(187, 3), shown_step=9, width=26)]) == "   187   ▇▇▇▇▇▇▁▁ 3/4   "
    assert "········ —/4" in said([history_row(occurrence(1, None), shown_step=9, width=26)])


def test_an_image_has_its_size_and_tokens_and_what_is_no_number_is_a_question_mark() -> None:
    image: dict[str, object] = {"hash": "aa", "width": 448, "height": 336, "tokens": 192}

    assert said(image_title([image], 0, 60)) == "image 448x336 = 192 tokens"
    assert said(image_title([image, {"width": "\x1b[31m"}], 1, 60)) == "image 2 of 2 ?x? = ? tokens"


def test_marks_are_in_the_roles_of_what_they_mean() -> None:
    line = group_row(summarise([sample(accuracy=1.0)])[0], order=Sort.NUMBER, is_searched=False, width=60)

    assert [span.text for span in line if span.role is Role.RIGHT] == ["✓"]


def test_the_help_explains_the_words_of_the_head() -> None:
    words = dict(dict(help_rows())["rollouts"])

    assert "some completions are right and some are not" in words["frontier"]
    assert "rewards are all equal" in words["dead"]
