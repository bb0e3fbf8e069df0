"""Marked completions: records in user.jsonl that survive a rebuild, listed by a key and by a command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rftui.cli.root import run
from rftui.rollouts.bookmarks import marked_rollouts, place_of, run_bookmarks, set_bookmark
from rftui.rollouts.header import bookmark_row
from store.bookmarks import CompletionPlace
from store.layout import Home
from store.rebuild import check, rebuild
from store.rollouts import iter_rollouts
from tests.rollout_rows import RUN, make_home, rollout
from tests.store_runs import append, rows


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path)


def places(home: Home) -> list[CompletionPlace]:
    return [bookmark.place for bookmark in run_bookmarks(home, RUN)]


def test_marks_are_set_taken_and_listed_in_the_order_of_training(home: Home) -> None:
    found = list(iter_rollouts(home, RUN))
    first, last = place_of(found[0]), place_of(found[-1])

    for place in (last, first, first):
        set_bookmark(home, RUN, place, is_set=True)
    assert places(home) == [first, last]
    assert [mark.rollout for mark in marked_rollouts(home, RUN)] == [found[0], found[-1]]

    set_bookmark(home, RUN, first, is_set=False)
    assert places(home) == [last]


def test_marks_survive_a_rebuild_and_a_rename(home: Home) -> None:
    place = place_of(next(iter(iter_rollouts(home, RUN))))
    set_bookmark(home, RUN, place, is_set=True)
    before = rows(home, "SELECT * FROM bookmark")

    rebuild(home)

    assert rows(home, "SELECT * FROM bookmark") == before != []
    home.run(RUN).path.rename(home.run("renamed-1").path)
    rebuild(home)
    assert [bookmark.place for bookmark in run_bookmarks(home, "renamed-1")] == [place]


@pytest.mark.parametrize(
    "record", [{"uid": 11}, {"uid": 11, "attempt": "x", "step": 1, "group": 0, "sample": 0}, {"uid": 11, "attempt": -1}]
)
def test_a_record_with_other_fields_is_kept_aside(home: Home, record: dict[str, object]) -> None:
    append(home.user_journal, {"type": "bookmark", **record}, {"type": "unbookmark", **record})
    set_bookmark(home, RUN, CompletionPlace(1, 1, 0, 0), is_set=True)

    assert places(home) == [(1, 1, 0, 0)]
    assert "2 lines of user.jsonl are no records" in [finding.problem for finding in check(home)]


@pytest.mark.parametrize("place", [CompletionPlace(1, 99, 0, 0), CompletionPlace(1, 1, 0, 1 << 40)])
def test_a_mark_on_what_is_gone_says_so(home: Home, place: CompletionPlace) -> None:
    set_bookmark(home, RUN, place, is_set=True)

    (mark,) = marked_rollouts(home, RUN)

    assert mark.rollout is None
    assert "no longer hold it" in "".join(span.text for span in bookmark_row(place, mark.rollout, width=60))


def test_a_row_tells_where_how_it_did_and_what_was_asked() -> None:
    row = bookmark_row(CompletionPlace(1, 187, 0, 3), rollout(question="Is it\x1b[31m left?"), width=60)

    assert "".join(span.text for span in row) == "   187 #3 ✓ 2.25   Is it left?"


def test_the_command_prints_marked_completions_alone(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = [one for one in iter_rollouts(home, RUN) if one.step == 2 and one.sample == 1][:2]
    for one in chosen:
        set_bookmark(home, RUN, place_of(one), is_set=True)

    assert run(["rollouts", RUN, "--bookmarks", "--json", "--home", str(home.path)]) == 0

    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["step"], line["group"], line["sample"]) for line in printed] == [(2, one.group, 1) for one in chosen]


def test_a_run_without_marks_has_none(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rollouts", RUN, "--bookmarks", "--home", str(home.path)]) == 0

    assert "no rollouts match" in capsys.readouterr().err
