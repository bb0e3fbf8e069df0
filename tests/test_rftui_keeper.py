"""What a supervisor writes down, also when the disk is full; and who holds a GPU."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rftui.supervision import gpu_locks
from rftui.supervision.keeper import Keeper
from rftui.supervision.ledger import read_ledger
from rftui.supervision.oom import text_evidence
from rftui.supervision.tail import AttemptTail
from store.journal import Appender
from store.layout import RunDir
from store.states import State


@pytest.fixture
def run_dir(tmp_path: Path) -> RunDir:
    made = RunDir(tmp_path / "sat-grpo-1")
    made.journal_dir.mkdir(parents=True)
    return made


def records(run_dir: RunDir) -> list[dict[str, object]]:
    return [json.loads(line) for line in run_dir.supervisor_journal.read_text().splitlines()]


def test_a_state_is_written_once(run_dir: RunDir) -> None:
    keeper = Keeper(run_dir)

    for _ in range(3):
        keeper.state(State.RUNNING, attempt=1)
    keeper.close()

    assert [record["state"] for record in records(run_dir)] == ["running"]
    assert read_ledger(run_dir).state is State.RUNNING


@contextmanager
def full_disk() -> Iterator[None]:
    """Every write to a file fails, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_records_wait_for_a_full_disk_and_samples_do_not(run_dir: RunDir) -> None:
    keeper = Keeper(run_dir)

    with full_disk():
        keeper.state(State.STARTING, attempt=1)
        keeper.sample({"cpu_percent": 1.0})
    keeper.state(State.RUNNING, attempt=1)
    keeper.close()

    assert [record.get("state") for record in records(run_dir)] == ["starting", "running"]


def test_a_second_keeper_goes_on_where_the_first_was_killed(run_dir: RunDir) -> None:
    first = Keeper(run_dir)
    first.state(State.RUNNING, attempt=1)
    with run_dir.supervisor_journal.open("ab") as file:
        file.write(b'{"v":1,"seq":1,"ti')

    second = Keeper(run_dir)
    second.state(State.LOST, "gone", attempt=1)
    second.close()

    ledger = read_ledger(run_dir)
    assert (ledger.state, ledger.reason, ledger.next_attempt) == (State.LOST, "gone", 2)


def test_a_gpu_is_held_until_the_last_holder_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_locks, "LOCK_DIRECTORY", tmp_path / "locks")
    held = gpu_locks.hold_gpus(["GPU-a", "GPU-b"])
    assert held is not None
    trainer = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=held)

    gpu_locks.release(held)

    assert gpu_locks.is_held("GPU-a")
    assert gpu_locks.hold_gpus(["GPU-b", "GPU-c"]) is None
    assert not gpu_locks.is_held("GPU-c"), "a refused request keeps nothing"
    trainer.communicate(b"\n")
    assert not gpu_locks.is_held("GPU-a")


@pytest.mark.parametrize(
    ("text", "is_evidence"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate", True),
        ("Traceback\nMemoryError: Unable to allocate", True),
        ("RuntimeError: [enforce fail] DefaultCPUAllocator: can't allocate memory: you tried", True),
        ("KeyError: 'MemoryError is a word here'", False),
        (None, False),
    ],
)
def test_only_what_says_so_is_evidence_of_memory(text: str | None, is_evidence: bool) -> None:
    assert (text_evidence(text) is not None) is is_evidence


def test_a_tail_skips_rollouts_foreign_lines_and_what_is_not_whole(run_dir: RunDir) -> None:
    journal = Appender(run_dir.journal(0, 1))
    journal.append("start", attempt=1, rank=0, first_step=1, total_steps=9)
    journal.append("group", step=1, samples=[{"completion": "x" * 3_000_000}])
    journal.append("metrics", step=1, values={"reward": "NaN", "loss": 0.5})
    journal.close()
    with run_dir.journal(0, 1).open("ab") as file:
        file.write(b'not json\n{"type": "metrics", "step": 2, "time": 1.0, "values": {}}\n{"type": "metr')
    tail = AttemptTail(run_dir, attempt=1, stall_after_s=60)

    kinds = [record["type"] for record in tail.read()]

    assert kinds == ["start", "metrics", "metrics"]
    assert (tail.progress.step, tail.progress.total_steps) == (2, 9)
    assert tail.read() == []
    assert tail.seconds_overdue() < 0
