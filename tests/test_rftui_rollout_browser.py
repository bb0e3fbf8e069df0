"""The view goes to the step that was meant, and follows new ones until somebody reads."""

from __future__ import annotations

from rftui.rollouts.browser import RolloutBrowser
from rftui.rollouts.groups import Sort, summarise
from rftui.rollouts.query import NOTHING, parse_query
from rftui.rollouts.reads import Extent, StepPage
from tests.rollout_rows import sample

QUERY = parse_query("lamp")


def page(step: int, *, rollouts: int = 6, matches: tuple[bool, ...] = (True, True, True)) -> StepPage:
    """Three groups of two completions: 0, 1 and 2 right."""
    samples = [
        sample(
            group_id=step * 10 + number,
            group=number,
            uid=f"uid-{number}",
            sample=place,
            accuracy=float(place < number),
            reward=float(number),
            matches=matches[number],
        )
        for number in range(3)
        for place in range(2)
    ]
    return StepPage(step, tuple(summarise(samples)), rollouts)


def browser_at(step: int, *, steps: tuple[int, ...] = (2, 5, 9)) -> RolloutBrowser:
    """A browser that shows one of some steps."""
    browser = RolloutBrowser()
    browser.show_step(step)
    browser.take_extent(Extent(steps))
    browser.take_page(page(step), NOTHING, selected=None)
    return browser


def test_the_newest_step_is_read_first_and_followed() -> None:
    browser = RolloutBrowser()

    assert browser.take_extent(Extent((1, 2))) == 2
    assert browser.take_extent(Extent((1, 2, 3))) == 3 and browser.newer == 0


def test_nothing_is_read_while_there_is_nothing() -> None:
    browser = RolloutBrowser()

    assert browser.take_extent(Extent(())) is None
    assert browser.by_steps(1) is None and browser.newest() is None and browser.head().step is None


def test_a_step_asked_for_before_any_is_known_is_opened_when_they_are() -> None:
    browser = RolloutBrowser()

    assert browser.show_step(4) is None
    assert browser.take_extent(Extent((2, 5, 9))) == 5
    assert not browser.follows


def test_new_steps_are_counted_and_not_opened_once_somebody_chose_one() -> None:
    browser = browser_at(5)

    assert browser.take_extent(Extent((2, 5, 9, 10, 11), 5, 6)) is None
    assert browser.newer == 2
    assert browser.newest() == 11 and browser.newer == 0 and browser.follows


def test_a_step_that_grew_is_read_again() -> None:
    browser = browser_at(9)

    assert browser.take_extent(Extent((2, 5, 9), 9, 6)) is None
    assert browser.take_extent(Extent((2, 5, 9), 9, 8)) == 9


def test_a_look_that_was_taken_at_another_step_reads_nothing_again() -> None:
    assert browser_at(9).take_extent(Extent((2, 5, 9), None, 0)) is None


def test_steps_end_at_the_first_and_the_last() -> None:
    browser = browser_at(5)

    assert [browser.by_steps(count) for count in (1, 1, -99, -1)] == [9, None, 2, None]


def test_a_page_that_is_no_more_wanted_is_not_shown() -> None:
    browser = browser_at(5)

    assert browser.take_page(page(2), NOTHING, selected=None) is None
    assert browser.take_page(page(5), QUERY, selected=None) is None


def test_the_selected_group_stays_selected_in_another_order() -> None:
    browser = browser_at(5)

    assert browser.reverse(selected=50) == 2
    assert browser.next_order(selected=50) == 0 and browser.order is Sort.PASS_RATE


def test_orders_come_round_with_the_most_telling_end_first() -> None:
    browser = browser_at(5)
    seen = []
    for _ in Sort:
        browser.next_order(selected=None)
        seen.append((browser.order, browser.is_reversed))

    assert seen == [
        (Sort.PASS_RATE, False),
        (Sort.REWARD, True),
        (Sort.ADVANTAGE, True),
        (Sort.LENGTH, True),
        (Sort.NUMBER, False),
    ]


def test_another_step_starts_at_its_first_group_or_at_the_prompt_that_was_asked_for() -> None:
    browser = browser_at(5)

    browser.show_step(9)
    assert browser.take_page(page(9), NOTHING, selected=52) == 0

    browser.show_step(2, uid="uid-1")
    assert browser.take_page(page(2), NOTHING, selected=90) == 1


def test_a_query_leaves_only_groups_in_which_it_finds_something() -> None:
    browser = browser_at(5)

    assert browser.search(QUERY) == 5
    assert browser.take_page(page(5, matches=(False, True, False)), QUERY, selected=50) == 0
    assert [group.number for group in browser.groups] == [1]
    assert browser.head().counts.groups == 3


def test_a_query_goes_to_the_nearest_step_where_it_finds_something() -> None:
    browser = browser_at(5)
    browser.search(QUERY)

    assert browser.take_hits({9: 1}, QUERY) == 9
    assert browser.take_hits({9: 1, 2: 4}, QUERY) is None
    assert browser.take_hits({2: 1}, NOTHING) is None


def test_a_count_that_goes_on_moves_nobody_twice() -> None:
    browser = browser_at(5)
    browser.search(QUERY)

    assert browser.take_hits({}, QUERY, is_counted=False) is None
    assert browser.take_hits({9: 1}, QUERY, is_counted=False) == 9
    browser.by_steps(-1)
    assert browser.take_hits({9: 1, 2: 4}, QUERY) is None
    assert browser.head().is_counted


def test_who_goes_elsewhere_while_it_is_counted_stays_there() -> None:
    browser = browser_at(5)
    browser.search(QUERY)
    browser.by_steps(-1)

    assert browser.take_hits({9: 1}, QUERY) is None


def test_found_steps_are_gone_through_in_a_circle() -> None:
    browser = browser_at(5, steps=(2, 5, 7, 9))
    browser.search(QUERY)
    browser.take_hits({2: 1, 5: 1, 9: 1}, QUERY)

    assert [browser.next_found_step(1) for _ in range(3)] == [9, 2, 5]
    assert browser.next_found_step(-1) == 2
    assert browser.take_page(page(2), QUERY, selected=None) == 2, "going back starts at the last group"


def test_no_found_step_is_none() -> None:
    browser = browser_at(5)
    browser.search(QUERY)

    assert browser.next_found_step(1) is None
    browser.take_hits({}, QUERY)
    assert browser.next_found_step(1) is None
