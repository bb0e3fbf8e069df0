"""Completions that people mark to find them again. They are records in user.jsonl; the catalogue is made from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from rftui.runs.user_records import record
from store.apply_rollouts import completion_id, group_id
from store.bookmarks import Bookmark, CompletionPlace, bookmarks
from store.ingest import ingest_user_journal
from store.layout import Home
from store.rollouts import Rollout, open_rollouts, rollout_of
from store.runs import open_catalogue


class Marked(NamedTuple):
    """A bookmark with the completion that it means."""

    bookmark: Bookmark
    rollout: Rollout | None
    """None where the run's files no longer hold it."""


def place_of(rollout: Rollout) -> CompletionPlace:
    """What tells a completion from all others of its run."""
    return CompletionPlace(rollout.attempt, rollout.step, rollout.group, rollout.sample)


def set_bookmark(home: Home, run: str, place: CompletionPlace, *, is_set: bool) -> None:
    """Marks a completion, or takes the mark away. Raises StoreTrouble, StoreError and OSError."""
    with closing(open_catalogue(home)) as connection:
        uid = connection.execute("SELECT id FROM run WHERE name=?", (run,)).fetchone()[0]
    record(home, "bookmark" if is_set else "unbookmark", [{"uid": int(uid), **place._asdict()}])
    ingest_user_journal(home)


def run_bookmarks(home: Home, run: str) -> list[Bookmark]:
    """The bookmarks of a run, in the order of training."""
    with closing(open_catalogue(home)) as connection:
        return bookmarks(connection, run)


def marked_rollouts(home: Home, run: str) -> list[Marked]:
    """The bookmarks of a run with their completions, in the order of training."""
    return list(_with_rollouts(home, run, run_bookmarks(home, run)))


def _with_rollouts(home: Home, run: str, found: list[Bookmark]) -> Iterator[Marked]:
    with closing(open_rollouts(home, run)) as connection:
        for bookmark in found:
            attempt, step, group, sample = bookmark.place
            try:
                identity = completion_id(group_id(attempt, step, group), sample)
            except ValueError:
                # somebody wrote the record by hand
                yield Marked(bookmark, None)
                continue
            yield Marked(bookmark, rollout_of(connection, identity))
