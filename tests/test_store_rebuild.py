"""The databases made again from the files are the same, row for row; and what is wrong with them is said."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

import store.rebuild
from store.errors import JournalError
from store.ingest import index_pending, ingest_home, ingest_run
from store.layout import Home
from store.media import write_image
from store.metrics import curve
from store.rebuild import check, rebuild
from store.rollouts import iter_rollouts, open_rollouts
from store.runs import list_runs, open_catalogue
from tests.store_runs import append, attempt_steps, dump_home, eventful_run, group, ingest_all, make_run, metrics, start

ROOT = Path(__file__).parents[1]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Two eventful runs with a tag, read piece by piece as they were written."""
    home = Home(tmp_path / "home")
    for uid, name in ((11, "sat-grpo-1"), (12, "air-grpo-2")):
        run_dir = eventful_run(home, name, uid=uid)
        whole = run_dir.journal(0, 2).read_bytes()
        run_dir.journal(0, 2).write_bytes(whole[: len(whole) // 2])
        ingest_run(home, name)
        index_pending(home, name, budget=5)
        run_dir.journal(0, 2).write_bytes(whole)
    append(home.user_journal, {"type": "tag", "uid": 11, "tag": "paper"}, {"type": "tag", "uid": 12})
    ingest_all(home)
    return home


def everything_in(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def problems(home: Home) -> list[str]:
    return [f"{finding.run}: {finding.problem}" for finding in check(home)]


def test_a_rebuild_gives_the_same_rows_in_every_table(home: Home) -> None:
    before = dump_home(home)

    report = rebuild(home)

    assert dump_home(home) == before
    assert report.runs == 2 and report.foreign == 5
    assert not list(home.databases.glob(".rebuild-*"))


def test_a_rebuild_needs_no_database(home: Home) -> None:
    before = dump_home(home)
    home.catalogue.unlink()
    home.rollouts("sat-grpo-1").write_bytes(b"broken")

    rebuild(home)

    assert dump_home(home) == before


def test_a_rebuild_that_fails_leaves_the_old_databases_as_they_were(home: Home) -> None:
    home.run("air-grpo-2").launch.write_text("{")
    databases = [home.catalogue, *sorted((home.databases / "rollouts").glob("*.db"))]
    before = [path.read_bytes() for path in databases]

    with pytest.raises(JournalError, match="air-grpo-2 is no run that can be read"):
        rebuild(home)

    assert [path.read_bytes() for path in databases] == before
    assert not list(home.databases.glob(".rebuild-*"))


def test_a_rebuild_that_fails_for_several_runs_names_them_all(home: Home) -> None:
    for name in home.runs():
        home.run(name).config.unlink()

    with pytest.raises(JournalError, match="2 runs cannot be read: air-grpo-2, sat-grpo-1"):
        rebuild(home)


def test_a_rebuild_that_is_interrupted_leaves_the_old_databases(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    before = dump_home(home)

    def interrupt(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(store.rebuild, "index_pending", interrupt)
    with pytest.raises(KeyboardInterrupt):
        rebuild(home)

    assert dump_home(home) == before


def test_a_rebuild_forgets_runs_whose_folder_is_gone(home: Home) -> None:
    (home.run("air-grpo-2").path).rename(home.path / "elsewhere")

    rebuild(home)

    with closing(open_catalogue(home)) as connection:
        assert [run.name for run in list_runs(connection)] == ["sat-grpo-1"]
    assert not home.rollouts("air-grpo-2").exists()


def test_what_is_written_after_a_rebuild_is_taken_in(home: Home) -> None:
    reader = open_catalogue(home)
    reader.execute("SELECT * FROM run").fetchall()
    rebuild(home)
    append(home.run("sat-grpo-1").journal(0, 2), metrics(22, reward=4.0), group(22, texts=["later"]))

    ingest_run(home, "sat-grpo-1")
    reader.close()

    with closing(open_catalogue(home)) as connection:
        assert curve(connection, "sat-grpo-1", "reward")[-1] == (22, 4.0)
    assert [rollout.completion for rollout in iter_rollouts(home, "sat-grpo-1", step=22)] == ["later"]


def test_kill_nine_during_rebuilds_leaves_a_store_that_reads_on(home: Home) -> None:
    before = dump_home(home)
    code = (
        "import sys; from pathlib import Path; from store.layout import Home; from store.rebuild import rebuild\n"
        "print('ready', flush=True)\n"
        "while True: rebuild(Home(Path(sys.argv[1])))"
    )
    chance = random.Random(3)
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", code, str(home.path)], cwd=ROOT, stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.4))
        child.kill()
        child.stdout.close()
        child.wait()
        # what a command does that comes next
        ingest_all(home)
        assert dump_home(home) == before

    rebuild(home)
    assert not list(home.databases.glob(".rebuild-*"))


def test_two_rebuilds_at_once_wait_for_each_other(home: Home) -> None:
    before = dump_home(home)
    code = (
        "import sys; from pathlib import Path; from store.layout import Home; from store.rebuild import rebuild\n"
        "sys.stdin.read(); rebuild(Home(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(home.path)]
    children = [subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) for _ in range(2)]
    for child in children:
        assert child.stdin is not None
        child.stdin.close()

    assert [child.wait() for child in children] == [0, 0]
    assert dump_home(home) == before


@pytest.fixture
def sound(tmp_path: Path) -> Home:
    """A home with nothing wrong."""
    home = Home(tmp_path / "sound")
    run_dir = make_run(home)
    attempt_steps(run_dir, 1, range(1, 6))
    write_image(run_dir.media, "ab" * 32, Image.new("RGB", (28, 28)))
    ingest_all(home)
    return home


def test_a_sound_store_has_no_findings(sound: Home) -> None:
    assert check(sound) == []
    assert check(Home(sound.path / "nothing here")) == []


def test_findings_name_the_run_and_a_remedy(home: Home) -> None:
    findings = check(home)

    assert all(finding.fix for finding in findings)
    said = problems(home)
    assert ": 1 lines of user.jsonl are no records" in said
    assert "sat-grpo-1: 2 journal lines are no records" in said
    assert "sat-grpo-1: 1 of 1 images are missing" in said
    assert 'sat-grpo-1: records were dropped: {"group":3} (disk full)' in said


def test_rows_that_were_deleted_are_missed(sound: Home) -> None:
    with closing(sqlite3.connect(sound.rollouts("sat-grpo-1"), isolation_level=None)) as connection:
        connection.execute("DELETE FROM completion WHERE step=3")
        connection.execute("DELETE FROM eval_sample")

    assert problems(sound) == ["sat-grpo-1: 7 rows of its journals are not in the database"]


def test_rows_that_nobody_wrote_are_found(sound: Home) -> None:
    with closing(sqlite3.connect(sound.rollouts("sat-grpo-1"), isolation_level=None)) as connection:
        connection.execute("UPDATE eval_sample SET number=number+10")

    assert "sat-grpo-1: 3 rows have no record in its journals" in problems(sound)


def test_a_journal_that_shrank_is_found(sound: Home) -> None:
    journal = sound.run("sat-grpo-1").journal(0, 1)
    journal.write_bytes(journal.read_bytes()[:500])

    assert "sat-grpo-1: journal/rank0-attempt1.jsonl is shorter than what was read of it" in problems(sound)


def test_a_users_journal_that_shrank_is_found(home: Home) -> None:
    home.user_journal.write_bytes(home.user_journal.read_bytes()[:20])

    assert ": user.jsonl is shorter than what was read of it" in problems(home)


def test_a_run_that_was_never_read_is_found(sound: Home) -> None:
    append(make_run(sound, "new-1", uid=99).journal(0, 1), start())

    assert problems(sound) == ["new-1: is not in the catalogue"]


def test_a_run_without_its_folder_is_found(sound: Home) -> None:
    sound.run("sat-grpo-1").path.rename(sound.path / "elsewhere")

    assert problems(sound) == ["sat-grpo-1: is in the catalogue and its directory is gone"]


def test_one_broken_rollout_database_hides_no_other_finding(home: Home) -> None:
    home.rollouts("air-grpo-2").write_bytes(b"no database at all" * 100)
    home.run("sat-grpo-1").launch.write_text("{")

    said = problems(home)

    assert any(problem.startswith("air-grpo-2:") and "not a database" in problem for problem in said)
    assert any(problem.startswith("sat-grpo-1:") and "is no run that can be read" in problem for problem in said)


def test_a_broken_catalogue_is_one_finding_that_a_rebuild_mends(sound: Home) -> None:
    sound.catalogue.write_bytes(b"no database at all" * 100)
    broken = problems(sound)
    rebuild(sound)

    assert len(broken) == 1 and "not a database" in broken[0]
    assert problems(sound) == []


def test_reading_and_checking_write_nothing_into_run_directories(home: Home) -> None:
    before = everything_in(home.runs_dir)

    ingest_home(home)
    rebuild(home)
    check(home)
    with closing(open_rollouts(home, "sat-grpo-1")):
        assert everything_in(home.runs_dir) == before
