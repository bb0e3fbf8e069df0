"""Tables on a narrow terminal: what tells runs apart is never cut."""

from __future__ import annotations

from rftui.cli.output import MOST_CELL, MOST_LAST, Column, capped, fitting_widths

COLUMNS = (Column("run"), Column("state"), Column("model", can_shrink=True), Column("reason", can_shrink=True))
ROWS = [["sat-grpo-12", "failed", "Qwen2.5-VL-7B", "RewardsFailed: " + "x" * 200]]


def test_with_room_for_all_nothing_is_cut() -> None:
    assert fitting_widths(COLUMNS, ROWS, room=400) == [11, 6, 13, 215]


def test_the_last_column_gives_way_first() -> None:
    assert fitting_widths(COLUMNS, ROWS, room=70) == [11, 6, 13, 40]


def test_a_column_without_room_for_its_title_is_left_out() -> None:
    assert fitting_widths(COLUMNS, ROWS, room=31) == [11, 6, 13, 0]
    assert fitting_widths(COLUMNS, ROWS, room=24) == [11, 6, 7, 0]


def test_names_and_states_are_never_cut() -> None:
    assert fitting_widths(COLUMNS, ROWS, room=5)[:2] == [11, 6]


def test_without_a_terminal_long_cells_end_and_names_do_not() -> None:
    rows = [["sat-grpo-12", "failed", "m" * 300, "why " * 300], ["n" * 300, "failed", "tiny", "short"]]

    first, second = capped(COLUMNS, rows)

    assert [len(text) for text in first] == [11, 6, MOST_CELL, MOST_LAST]
    assert first[2].endswith("…")
    assert second == ["n" * 300, "failed", "tiny", "short"]
