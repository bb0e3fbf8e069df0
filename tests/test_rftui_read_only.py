"""`rftui --read-only`: homes of other people and on read-only mounts are read, and nothing in them changes."""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from rftui.cli.root import READERS, app, run
from rftui.errors import StoreTrouble
from rftui.runs.user_records import record
from store.errors import StoreUnreadable
from store.layout import Home
from store.runs import open_catalogue
from tests.rollout_rows import RUN, make_home
from tests.store_runs import append, supervise
from tests.terminal import APP, Terminal


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home with an indexed run that is recorded as live and has no process, and of which not all was read."""
    place = make_home(tmp_path)
    supervise(place.run(RUN), 2)
    append(place.run(RUN).supervisor_journal, {"type": "note", "level": "info", "text": "later"})
    place.user_journal.write_text('{"v":1,"seq":1,"time":1.0,"type":"tag","run":"x","add":["y"],"remove":[]}\n')
    monkeypatch.setenv("RFTUI_HOME", str(place.path))
    # the command sets it for what it starts; monkeypatch takes that back
    monkeypatch.setenv("RFTUI_READ_ONLY", "")
    return place


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Every file but SQLite's scratch files, with its time and bytes."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }


@pytest.mark.parametrize(
    "command", [["runs"], ["show", RUN], ["curves", RUN], ["rollouts", RUN, "--limit", "1"], ["logs", RUN]]
)
def test_commands_that_read_leave_everything_as_it_was(
    home: Home, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(home.path)

    code = run(["--read-only", *command])

    said = capsys.readouterr()
    assert code == 0, said.err
    assert contents(home.path) == before
    assert [path for path in home.path.rglob("*-wal") if path.stat().st_size] == []


def test_without_it_the_same_home_is_brought_up_to_date(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(home.path)

    assert run(["runs"]) == 0

    assert contents(home.path) != before


def test_what_only_reads_is_a_command() -> None:
    names = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    names |= {str(group.name) for group in app.registered_groups}

    assert names >= READERS


@pytest.mark.parametrize("command", ["launch", "clone", "eval", "stop", "kill", "resume", "rm", "tag", "note", "store"])
def test_commands_that_change_are_refused(home: Home, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command not in READERS
    assert run(["--read-only", command, "--json"]) == 2

    said = capsys.readouterr()
    assert said.out == ""
    assert json.loads(said.err)["error"].startswith(f"rftui {command} may change something")


def test_the_environment_asks_for_it_as_well(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RFTUI_READ_ONLY", "1")

    assert run(["tag", RUN, "best"]) == 2


def test_nothing_that_people_say_is_written_down(home: Home) -> None:
    before = contents(home.path)

    with pytest.raises(StoreTrouble, match="is read-only here"):
        record(Home(home.path, is_read_only=True), "note", [{"uid": 1, "text": "x"}])

    assert contents(home.path) == before


def test_an_older_schema_is_left_to_its_owner(home: Home) -> None:
    with closing(sqlite3.connect(home.catalogue)) as connection:
        connection.execute("PRAGMA user_version=1")
        connection.commit()
    before = contents(home.path)

    with pytest.raises(StoreUnreadable, match="its home is read-only") as raised:
        open_catalogue(Home(home.path, is_read_only=True))

    assert "copy the home" in raised.value.fix
    assert contents(home.path) == before


def can_mount() -> bool:
    """Whether this process may mount."""
    return subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="mounting is not permitted here")
def test_a_read_only_mount_is_shown_with_its_runs(home: Home, tmp_path: Path) -> None:
    place = tmp_path / "mounted"
    place.mkdir()
    start = shlex.join([sys.executable, *APP[1:], "--read-only"])
    script = f"mount --bind {home.path} {place} && mount -o remount,bind,ro {place} && exec {start}"
    environment = {**os.environ, "RFTUI_HOME": str(place)}
    before = contents(home.path)

    with Terminal(["unshare", "-m", "sh", "-c", script], environment=environment) as terminal:
        assert "read-only" in terminal.wait_for(RUN).split("\n")[0]
        terminal.press("enter")
        assert "read-only" in terminal.wait_for("1 Curves").split("\n")[0]
        terminal.press("2")
        terminal.wait_for("#0")
        terminal.press("S")
        terminal.wait_for("read-only: start rftui without --read-only")
        terminal.press("q")

        assert terminal.wait() == 0
    assert contents(home.path) == before
