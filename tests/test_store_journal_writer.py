"""Whatever the disk does, handing a record over costs nothing, and what is lost is counted."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import threading
import types
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from store.journal import read_chunk
from store.journal_writer import JournalWriter

PATIENCE_S = 20.0


class Disk:
    """os as the writer sees it, with a disk that can be made to refuse, to hang or to stop within a line."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.works = threading.Event()
        self.works.set()
        self.room: int | None = None
        """Bytes that still fit; None for a disk without end."""
        self.sync_error: OSError | None = None
        self.was_synced = threading.Event()
        self.was_asked = threading.Event()
        double = types.SimpleNamespace(**vars(os))
        double.write, double.fsync = self._write, self._fsync
        monkeypatch.setattr("store.journal_writer.os", double)
        monkeypatch.setattr("store.journal_writer.RETRY_S", 0.01)
        monkeypatch.setattr("store.journal_writer.CLOSE_PATIENCE_S", 0.5)

    def hang(self) -> None:
        """Every write from here on waits."""
        self.was_asked.clear()
        self.works.clear()

    def _write(self, descriptor: int, data: bytes) -> int:
        self.was_asked.set()
        self.works.wait()
        if self.room is None:
            return os.write(descriptor, data)
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = os.write(descriptor, data[: self.room])
        self.room -= written
        return written

    def _fsync(self, descriptor: int) -> None:
        if self.sync_error is not None:
            raise self.sync_error
        os.fsync(descriptor)
        self.was_synced.set()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(monkeypatch)
    yield disk
    disk.room = None
    disk.works.set()


def read_all(path: Path) -> list[dict[str, Any]]:
    """All records; there must be no other lines."""
    chunk = read_chunk(path, 0, 1 << 30)
    assert chunk.foreign == []
    assert chunk.next_offset == path.stat().st_size
    return chunk.records


def group(step: int, *, size: int = 10) -> dict[str, Any]:
    """A rollout of about so many bytes."""
    return {"step": step, "text": "x" * size}


def test_records_are_written_in_order_with_unbroken_seq(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "journal" / "j")
    for step in range(500):
        writer.put("group", group(step, size=5_000))
    writer.close()

    records = read_all(tmp_path / "journal" / "j")
    assert [record["step"] for record in records] == list(range(500))
    assert [record["seq"] for record in records] == list(range(500))


def test_after_a_flush_the_kernel_has_everything(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "j")
    writer.put("metrics", {"step": 1})

    assert writer.flush(PATIENCE_S)

    assert len(read_all(tmp_path / "j")) == 1
    writer.close()


def test_records_from_many_threads_each_come_once(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "j")

    def put_many(number: int) -> None:
        for i in range(200):
            writer.put("note", {"n": (number, i)})

    threads = [threading.Thread(target=put_many, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()

    counted = Counter(tuple(record["n"]) for record in read_all(tmp_path / "j"))
    assert counted == {(number, i): 1 for number in range(4) for i in range(200)}


def test_a_full_disk_delays_records_and_loses_none(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter(tmp_path / "j")
    disk.room = 0
    for step in range(50):
        writer.put("group", group(step))

    assert not writer.flush(PATIENCE_S)
    disk.room = None
    writer.close()

    assert [record["step"] for record in read_all(tmp_path / "j")] == list(range(50))


def test_bytes_that_a_full_disk_refused_are_never_called_written(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter(tmp_path / "j")
    disk.room = 0
    writer.put("group", group(1))
    answers = [writer.flush(PATIENCE_S) for _ in range(200)]
    written = (tmp_path / "j").stat().st_size

    assert written == 0 and not any(answers)
    disk.room = None
    writer.close()


def test_a_disk_that_fills_within_a_line_leaves_no_broken_line(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter(tmp_path / "j")
    for room in (1, 37, 100, 3):
        disk.room = room
        writer.put("group", group(room, size=300))
        writer.flush(PATIENCE_S)
    torn = (tmp_path / "j").read_bytes()
    disk.room = None
    writer.close()

    assert torn and not torn.endswith(b"\n")
    assert [record["step"] for record in read_all(tmp_path / "j")] == [1, 37, 100, 3]


def test_a_hung_disk_never_holds_up_the_caller(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter(tmp_path / "j")
    disk.hang()
    writer.put("group", group(0))
    assert disk.was_asked.wait(PATIENCE_S)

    for step in range(1, 1000):
        writer.put("group", group(step))
    first = writer.flush(0.05)
    # had the second waited as well, this test would take as long
    second = writer.flush(1e6)
    disk.works.set()
    writer.close()

    assert (first, second) == (False, False)
    assert [record["step"] for record in read_all(tmp_path / "j")] == list(range(1000))


def test_a_disk_that_hung_is_waited_for_again_once_it_works(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter(tmp_path / "j")
    disk.hang()
    writer.put("group", group(0))
    writer.flush(0.01)
    disk.works.set()
    assert writer.sync(PATIENCE_S)

    writer.put("group", group(1))

    assert writer.flush(PATIENCE_S)
    assert len(read_all(tmp_path / "j")) == 2
    writer.close()


def test_memory_is_bounded_and_the_oldest_rollouts_go_first(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter(tmp_path / "j", memory_bytes=100_000)
    disk.hang()
    writer.put("note", {"text": "holds the disk"})
    assert disk.was_asked.wait(PATIENCE_S)

    for step in range(200):
        writer.put("metrics", {"step": step, "values": {"reward": 1.0}})
        writer.put("group", group(step, size=1_000))
    waiting = writer._pending_bytes
    disk.works.set()
    writer.close()

    records = read_all(tmp_path / "j")
    kept = [record["step"] for record in records if record["type"] == "group"]
    gaps = [record for record in records if record["type"] == "gap"]
    assert waiting <= 100_000
    assert [record["step"] for record in records if record["type"] == "metrics"] == list(range(200))
    assert 0 < len(kept) < 200 and kept == list(range(200 - len(kept), 200))
    assert sum(gap["dropped"]["group"] for gap in gaps) == 200 - len(kept)
    assert (gaps[0]["first_step"], gaps[-1]["last_step"]) == (0, 199 - len(kept))


def test_without_rollouts_the_oldest_records_go(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter(tmp_path / "j", memory_bytes=20_000)
    disk.room = 0
    for step in range(100):
        writer.put("metrics", {"step": step, "text": "x" * 1_000})
    disk.room = None
    writer.close()

    records = read_all(tmp_path / "j")
    kept = sum(record["type"] == "metrics" for record in records)
    dropped = sum(record["dropped"]["metrics"] for record in records if record["type"] == "gap")
    assert dropped > 0 and kept + dropped == 100


def test_a_long_run_leaves_nothing_behind_in_memory(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "j")
    for step in range(2_000):
        writer.put("group", group(step))
    writer.flush(PATIENCE_S)

    assert (len(writer._pending), len(writer._droppable), writer._pending_bytes) == (0, 0, 0)
    writer.close()


def test_a_record_is_written_as_it_was_when_it_was_handed_over(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter(tmp_path / "j")
    disk.hang()
    writer.put("note", {"text": "holds the disk"})
    fields = {"texts": ["first"]}
    writer.put("note", fields)
    fields["texts"].append("second")
    disk.works.set()
    writer.close()

    assert read_all(tmp_path / "j")[1]["texts"] == ["first"]


class Unprintable:
    """Something that no encoder can write."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


def test_a_record_that_cannot_be_encoded_is_counted_and_the_next_is_written(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "j")
    writer.put("note", {"text": Unprintable()})
    writer.put("note", {"text": "after"})

    assert writer.flush(PATIENCE_S)
    writer.close()

    gap, note = sorted(read_all(tmp_path / "j"), key=lambda record: str(record["type"]))
    assert note["text"] == "after"
    assert (gap["type"], gap["dropped"]) == ("gap", {"note": 1})
    assert "no text" in gap["reason"]


def test_a_sync_says_whether_the_disk_has_everything(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter(tmp_path / "j")
    writer.put("checkpoint", {"step": 1})
    good = writer.sync(PATIENCE_S)
    disk.sync_error = OSError(errno.EIO, "Input/output error")
    writer.put("checkpoint", {"step": 2})
    bad = writer.sync(PATIENCE_S)
    disk.sync_error = None
    writer.close()

    assert (good, bad) == (True, False)
    assert len(read_all(tmp_path / "j")) == 2


def test_what_was_written_goes_to_disk_by_itself(tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.journal_writer.SYNC_EVERY_S", 0.05)
    writer = JournalWriter(tmp_path / "j")
    writer.put("note", {"text": "x"})

    assert disk.was_synced.wait(PATIENCE_S)
    writer.close()


def test_a_sync_on_a_full_or_hung_disk_gives_up(tmp_path: Path, disk: Disk) -> None:
    writer = JournalWriter(tmp_path / "j")
    disk.room = 0
    writer.put("checkpoint", {"step": 1})
    on_full = writer.sync(0.05)
    disk.room = None
    disk.hang()
    writer.put("checkpoint", {"step": 2})
    on_hung = writer.sync(0.05)
    disk.works.set()

    assert (on_full, on_hung) == (False, False)
    assert writer.sync(PATIENCE_S)
    writer.close()


def test_a_sync_with_nothing_to_write_is_done_at_once(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "j")

    assert writer.sync(PATIENCE_S)
    writer.close()


def test_closing_on_a_full_disk_ends_and_says_what_was_lost(
    tmp_path: Path, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    writer = JournalWriter(tmp_path / "j")
    disk.room = 0
    writer.put("group", group(1))

    with caplog.at_level(logging.ERROR):
        writer.close()

    assert "were not written: [Errno 28] No space left on device" in caplog.text


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "j")
    writer.put("note", {"text": "x"})
    writer.close()
    writer.close()

    assert len(read_all(tmp_path / "j")) == 1
    assert not writer._thread.is_alive()


def test_a_writer_that_was_closed_keeps_nobody_waiting(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "j")
    writer.close()
    writer.put("note", {"text": "too late"})

    # had they waited for the thread that is gone, this test would never end
    assert not writer.flush(1e6)
    assert not writer.sync(1e6)


def test_the_next_writer_ends_a_torn_line_and_keeps_counting(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path / "j")
    writer.put("note", {"text": "first"})
    writer.close()
    with (tmp_path / "j").open("ab") as file:
        file.write(b'{"v":1,"seq":1,"ti')

    writer = JournalWriter(tmp_path / "j")
    writer.put("note", {"text": "second"})
    writer.close()

    chunk = read_chunk(tmp_path / "j", 0, 1 << 20)
    assert [(record["seq"], record["text"]) for record in chunk.records] == [(0, "first"), (1, "second")]
    assert [line.text for line in chunk.foreign] == ['{"v":1,"seq":1,"ti']


def test_a_folder_that_cannot_be_made_yet_is_made_later(tmp_path: Path, disk: Disk) -> None:
    (tmp_path / "journal").write_text("in the way")
    writer = JournalWriter(tmp_path / "journal" / "j")
    writer.put("note", {"text": "x"})
    assert not writer.flush(PATIENCE_S)

    (tmp_path / "journal").unlink()
    writer.close()

    assert len(read_all(tmp_path / "journal" / "j")) == 1


def test_a_really_full_filesystem_loses_nothing_once_there_is_room(small_disk: Path, disk: Disk) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"\0" * 900_000)
    writer = JournalWriter(small_disk / "j")
    for step in range(40):
        writer.put("group", group(step, size=10_000))
    is_handed_over = writer.flush(PATIENCE_S)

    ballast.unlink()
    writer.close()

    assert not is_handed_over
    assert [record["step"] for record in read_all(small_disk / "j")] == list(range(40))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of one megabyte."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"mounting a small filesystem takes root: {error}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
