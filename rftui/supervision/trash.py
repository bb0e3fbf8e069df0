"""Throws runs away so that they can be brought back: a rename within the home, and a record in user.jsonl."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from rftui.errors import NotFound, RftuiError
from rftui.runs.user_records import record
from rftui.supervision.ledger import read_ledger
from rftui.supervision.supervisor_lock import supervision
from store.database import open_catalogue_for_writing, remove_database, transaction
from store.ingest import forget_run, ingest_run
from store.layout import Home, RunDir
from store.states import State


def throw_away(home: Home, name: str) -> str:
    """Moves a run to the trash and returns its name. Raises RftuiError for one that still runs."""
    run_dir = home.run(name)
    with supervision(run_dir.supervisor_lock, patience_s=1.0) as is_mine:
        if not is_mine:
            raise RftuiError(
                f"{name} still runs",
                found=f"a supervisor holds {name}",
                expected="a run that has ended",
                fix=f"`rftui stop {name}` first",
            )
        if read_ledger(run_dir).state is State.QUEUED:
            raise RftuiError(
                f"{name} waits in the queue",
                found=f"{name} is queued",
                expected="a run that has ended",
                fix=f"`rftui stop {name}` takes it out of the queue",
            )
        home.trash.mkdir(parents=True, exist_ok=True)
        place = _free_place(home, name)
        uid = _uid(run_dir)
        os.rename(run_dir.path, place)
    _forget(home, name)
    record(home, "trash", [{"run": name, "uid": uid}])
    return name


def restore(home: Home, name: str) -> str:
    """Brings the last run of that name back. Raises NotFound, or RftuiError where the name is taken again."""
    thrown = [item for item in trashed(home) if item.name == name]
    if not thrown:
        raise NotFound(
            f"no {name} in the trash",
            found=name,
            expected=f"one of {', '.join(trashed_names(home))}"
            if trashed_names(home)
            else "a run that was thrown away",
            fix="give the whole name",
        )
    run_dir = home.run(name)
    if run_dir.path.exists():
        raise RftuiError(
            f"a run named {name} exists again",
            found=str(run_dir.path),
            expected="a free name",
            fix=f"`rftui rm {name}` first",
        )
    os.rename(thrown[-1].path, run_dir.path)
    record(home, "untrash", [{"run": name, "uid": _uid(run_dir)}])
    ingest_run(home, name)
    return name


class Trashed(NamedTuple):
    """A run in the trash."""

    time: int
    """When it was thrown away, in whole seconds."""
    name: str
    path: Path


def trashed(home: Home) -> list[Trashed]:
    """The runs in the trash, the last one thrown away at the end; what else lies there is left alone."""
    if not home.trash.is_dir():
        return []
    found = []
    for path in home.trash.iterdir():
        name, dash, seconds = path.name.rpartition("-")
        if dash and name and seconds.isdecimal():
            found.append(Trashed(int(seconds), name, path))
    return sorted(found)


def trashed_names(home: Home) -> list[str]:
    """Names of the runs in the trash."""
    return sorted({item.name for item in trashed(home)})


def _free_place(home: Home, name: str) -> Path:
    """Where in the trash a run goes: no two of one name in the same second, and none before one that went earlier."""
    seconds = int(time.time())
    while (place := home.trash / f"{name}-{seconds}").exists():
        seconds += 1
    return place


def _uid(run_dir: RunDir) -> int | None:
    try:
        return int(json.loads(run_dir.launch.read_text(encoding="utf-8"))["uid"])
    except (OSError, ValueError, KeyError):
        # a run whose launch.json is gone can still be thrown away
        return None


def _forget(home: Home, name: str) -> None:
    """Takes a run out of the databases; its directory in the trash makes them again."""
    with closing(open_catalogue_for_writing(home.catalogue)) as connection:
        row = connection.execute("SELECT id FROM run WHERE name=?", (name,)).fetchone()
        if row is not None:
            with transaction(connection):
                forget_run(connection, int(row[0]))
    remove_database(home.rollouts(name))
