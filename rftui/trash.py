"""Throws runs away so that they can be brought back: a rename within the home, and a record in user.jsonl."""

from __future__ import annotations

import json
import os
import time
from contextlib import closing

from rftui.errors import NotFound, RftuiError
from rftui.supervisor_lock import supervision
from rftui.user_records import record
from store.database import open_catalogue_for_writing, remove_database, transaction
from store.ingest import forget_run, ingest_run
from store.layout import Home, RunDir


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
        place = home.trash / f"{name}-{int(time.time())}"
        place.parent.mkdir(parents=True, exist_ok=True)
        uid = _uid(run_dir)
        os.rename(run_dir.path, place)
    _forget(home, name)
    record(home, "trash", [{"run": name, "uid": uid}])
    return name


def restore(home: Home, name: str) -> str:
    """Brings the last run of that name back. Raises NotFound, or RftuiError where the name is taken again."""
    thrown = [path for path in home.trash.glob(f"{name}-*") if path.name.rpartition("-")[0] == name]
    if not thrown:
        raise NotFound(
            f"no {name} in the trash",
            found=name,
            expected=f"one of {', '.join(trashed_names(home))}"
            if trashed_names(home)
            else "a run that was thrown away",
            fix="give the whole name",
        )
    newest = max(thrown, key=lambda path: int(path.name.rpartition("-")[2]))
    run_dir = home.run(name)
    if run_dir.path.exists():
        raise RftuiError(
            f"a run named {name} exists again",
            found=str(run_dir.path),
            expected="a free name",
            fix=f"`rftui rm {name}` first",
        )
    os.rename(newest, run_dir.path)
    record(home, "untrash", [{"run": name, "uid": _uid(run_dir)}])
    ingest_run(home, name)
    return name


def trashed_names(home: Home) -> list[str]:
    """Names of the runs in the trash."""
    if not home.trash.is_dir():
        return []
    return sorted({path.name.rpartition("-")[0] for path in home.trash.iterdir()})


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
