"""What a home says about its queue: places, words of people, what runs wait for, and whom a GPU belongs to."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rftui.cli.following import describe
from rftui.errors import RftuiError, UsageProblem
from rftui.planning.findings import Level
from rftui.planning.preflight import check_gpus
from rftui.queueing import machine
from rftui.queueing.changing import cancel, hold, place_of, release, set_priority
from rftui.queueing.entries import Entry, QueueReader
from rftui.queueing.machine import busy_with, look
from rftui.queueing.markers import is_marked, marked, queue_dir
from rftui.queueing.order import Verdict, decide
from rftui.queueing.reasons import reason
from rftui.queueing.records import kept_environment, while_queued
from rftui.queueing.request import QueueRequest
from rftui.queueing.settings import QueueSettings, read_settings, write_slots
from rftui.queueing.slots import held_slots, take_slot
from rftui.queueing.waiting import refuse_circle
from rftui.supervision import attend as attending
from rftui.supervision import gpu_locks, gpus
from rftui.supervision.attend import Attention, attend
from rftui.supervision.follower import glance
from rftui.supervision.gpus import Activity
from rftui.supervision.ledger import read_ledger
from rftui.supervision.tail import Progress
from rftui.supervision.trash import throw_away
from store.config import parse_config
from store.journal import Appender
from store.layout import RunDir
from store.states import State
from tests.fake_nvml import FakeNvml
from tests.fake_runs import QUICK, Bench

SETTINGS = QueueSettings(slots=2, slots_origin="a test")


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A home in which nobody is started: what is decided is the subject."""
    made = Bench(tmp_path)
    monkeypatch.setattr("rftui.queueing.guard._start_dispatcher", lambda home, lock: None)
    yield made
    made.clean_up()


def entries(bench: Bench) -> dict[str, Entry]:
    return {entry.name: entry for entry in QueueReader(bench.home).read().entries}


def end(run_dir: RunDir, state: str) -> None:
    """Writes how a run ended."""
    appender = Appender(run_dir.supervisor_journal)
    appender.append("state", attempt=1, state=state, reason="")
    appender.close()


def reason_of(bench: Bench, name: str, settings: QueueSettings = SETTINGS, *, with_gpus: bool = False) -> str:
    """What a run waits for, in words."""
    known = {entry.facts.uid: entry for entry in entries(bench).values()}
    seen = look(bench.home, settings, with_gpus=with_gpus)
    decisions = decide([entry.waiting for entry in known.values()], seen.free)
    decision = next(each for each in decisions if each.run.name == name)
    return reason(known[decision.run.uid], decision, seen)


# places


def test_a_queued_run_is_found_with_what_it_asked_for(bench: Bench) -> None:
    bench.queue_run("sat-grpo-1", priority=3, held=True)

    entry = entries(bench)["sat-grpo-1"]
    assert (entry.priority, entry.attempt, entry.resumes) == (3, 1, False)
    assert entry.block is not None and entry.block.needs_person
    assert entry.waiting.wants.is_slot


def test_what_people_said_later_counts(bench: Bench) -> None:
    first, second = bench.queue_run("sat-grpo-1"), bench.queue_run("sat-grpo-2")

    assert set_priority(second, 7).endswith("has priority 7 and is number 1 in the queue")
    assert "held" in hold(first)
    assert (place_of(second), place_of(first)) == (1, 2)
    assert entries(bench)["sat-grpo-1"].block is not None
    release(first)
    assert entries(bench)["sat-grpo-1"].block is None


def test_a_run_taken_out_is_stopped_and_found_no_more(bench: Bench) -> None:
    run_dir = bench.queue_run("sat-grpo-1")

    assert cancel(run_dir)

    ledger = read_ledger(run_dir)
    assert (ledger.state, ledger.reason) == (State.STOPPED, "taken out of the queue")
    assert not is_marked(bench.home, "sat-grpo-1")
    assert kept_environment(run_dir) is None
    assert not cancel(run_dir), "it is not queued any more"


@pytest.mark.parametrize("change", [hold, release, lambda run_dir: set_priority(run_dir, 1)])
def test_what_is_not_queued_cannot_be_changed_there(bench: Bench, change: Any) -> None:
    run_dir = bench.queue_run("sat-grpo-1")
    cancel(run_dir)

    with pytest.raises(RftuiError, match="sat-grpo-1 does not wait in the queue"):
        change(run_dir)


def test_a_run_that_somebody_starts_cannot_be_taken_out(bench: Bench) -> None:
    run_dir = bench.queue_run("sat-grpo-1")
    with while_queued(run_dir) as starting:
        assert starting is not None
        starting.state(State.STARTING)

        with while_queued(run_dir, patience_s=0.0) as other:
            assert other is None

    assert not cancel(run_dir)


def test_the_index_is_made_again_by_whoever_looks(bench: Bench) -> None:
    run_dir = bench.queue_run("sat-grpo-1")
    (queue_dir(bench.home) / "sat-grpo-1").unlink()

    assert attend(run_dir) is Attention.NOTHING

    assert marked(bench.home) == ["sat-grpo-1"]
    assert read_ledger(run_dir).state is State.QUEUED


def test_a_start_that_was_cut_off_goes_back_to_its_place_and_not_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attending, "FORK_PATIENCE_S", 0.0)
    run_dir = bench.queue_run("sat-grpo-1")
    since = entries(bench)["sat-grpo-1"].since

    for _ in range(attending.MOST_STARTS):
        with while_queued(run_dir) as starting:
            assert starting is not None
            starting.state(State.STARTING)
        assert attend(run_dir) is Attention.QUEUED
        assert entries(bench)["sat-grpo-1"].since == since
    with while_queued(run_dir) as starting:
        assert starting is not None
        starting.state(State.STARTING)

    assert attend(run_dir) is Attention.SETTLED
    assert read_ledger(run_dir).state is State.LOST


def test_an_environment_is_kept_for_its_owner_alone(bench: Bench) -> None:
    run_dir = bench.queue_run("sat-grpo-1")

    kept = run_dir.path / "queue-environment.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert (kept_environment(run_dir) or {})["FAKE_TRAINER"] == str(bench.behaviour)


def test_a_queued_run_is_not_thrown_away(bench: Bench) -> None:
    bench.queue_run("sat-grpo-1")

    with pytest.raises(RftuiError, match="waits in the queue"):
        throw_away(bench.home, "sat-grpo-1")


def test_one_broken_run_hides_no_other(bench: Bench) -> None:
    broken = bench.queue_run("sat-grpo-1")
    bench.queue_run("sat-grpo-2")
    broken.config.write_text("no = [toml")

    assert list(entries(bench)) == ["sat-grpo-2"]


# after


@pytest.mark.parametrize(
    ("state", "said", "needs_person"),
    [
        ("running", "waits for sat-grpo-1 to finish", False),
        ("failed", "held: sat-grpo-1 failed; `rftui queue release sat-grpo-2` runs it all the same", True),
        ("killed", "held: sat-grpo-1 was killed; `rftui queue release sat-grpo-2` runs it all the same", True),
        ("stopped", "held: sat-grpo-1 was stopped; `rftui queue release sat-grpo-2` runs it all the same", True),
    ],
)
def test_a_run_waits_for_another_to_finish_well(bench: Bench, state: str, said: str, needs_person: bool) -> None:
    first = bench.queue_run("sat-grpo-1")
    bench.queue_run("sat-grpo-2", after=("sat-grpo-1",))
    end(first, state)

    block = entries(bench)["sat-grpo-2"].block
    assert block is not None and block.needs_person is needs_person
    assert reason_of(bench, "sat-grpo-2") == said


def test_a_run_that_finished_is_waited_for_no_more(bench: Bench) -> None:
    first = bench.queue_run("sat-grpo-1")
    bench.queue_run("sat-grpo-2", after=("sat-grpo-1",))
    end(first, "finished")

    assert entries(bench)["sat-grpo-2"].block is None


def test_another_run_under_the_same_name_is_not_the_one_that_is_waited_for(bench: Bench) -> None:
    first = bench.queue_run("sat-grpo-1")
    bench.queue_run("sat-grpo-2", after=("sat-grpo-1",))
    launch = json.loads(first.launch.read_text())
    first.launch.write_text(json.dumps(launch | {"uid": launch["uid"] + 1}))
    end(first, "finished")

    assert reason_of(bench, "sat-grpo-2").startswith("held: sat-grpo-1 is gone")


def test_release_drops_what_failed_and_keeps_what_still_runs(bench: Bench) -> None:
    failed, running = bench.queue_run("sat-grpo-1"), bench.queue_run("sat-grpo-2")
    third = bench.queue_run("sat-grpo-3", after=("sat-grpo-1", "sat-grpo-2"))
    end(failed, "failed")
    end(running, "running")

    assert release(third).endswith("it still waits for sat-grpo-2")
    end(running, "finished")
    assert entries(bench)["sat-grpo-3"].block is None


def test_a_run_that_is_mended_lets_the_next_go_on(bench: Bench) -> None:
    first = bench.queue_run("sat-grpo-1")
    bench.queue_run("sat-grpo-2", after=("sat-grpo-1",))
    end(first, "failed")
    end(first, "running")

    block = entries(bench)["sat-grpo-2"].block
    assert block is not None and not block.needs_person


def test_nobody_waits_for_who_waits_for_him(bench: Bench) -> None:
    first = bench.make_run("sat-grpo-1")
    bench.queue_run("sat-grpo-2", after=("sat-grpo-1",))
    bench.queue_run("sat-grpo-3", after=("sat-grpo-2",))

    with pytest.raises(UsageProblem, match="would wait for itself"):
        refuse_circle(first, QueueRequest(after=["sat-grpo-3"]))


# slots and their number


def test_slots_are_counted_by_who_holds_them(bench: Bench) -> None:
    first, second = take_slot(bench.home, 2, holder="a"), take_slot(bench.home, 2, holder="b")
    assert first is not None and second is not None
    try:
        assert held_slots(bench.home) == {0: "a", 1: "b"}
        assert take_slot(bench.home, 2, holder="c") is None
        os.close(first[1])
        # one that is beyond a smaller number counts as long as it is held
        assert take_slot(bench.home, 1, holder="c") is None
        third = take_slot(bench.home, 2, holder="c")
        assert third is not None and third[0] == 0
        os.close(third[1])
    finally:
        os.close(second[1])
    assert held_slots(bench.home) == {}


def test_the_number_of_slots_says_where_it_is_from(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.home.path.mkdir(parents=True, exist_ok=True)
    assert read_settings(bench.home).slots_origin == "$RFTUI_SLOTS"
    monkeypatch.delenv("RFTUI_SLOTS")
    assert read_settings(bench.home).slots == len(os.sched_getaffinity(0))
    write_slots(bench.home, 5)
    assert (read_settings(bench.home).slots, read_settings(bench.home).slots_origin) == (5, "queue.toml")
    write_slots(bench.home, None)
    assert read_settings(bench.home).slots_origin.startswith("CPUs")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("slots = -1", "slots = -1 means nothing"),
        ("slots = true", "slots = True means nothing"),
        ("slot = 2", "has slot"),
        ("busy_memory_percent = 200", "busy_memory_percent = 200 means nothing"),
        ("slots = ", "cannot be read as TOML"),
    ],
)
def test_settings_that_mean_nothing_are_named(bench: Bench, text: str, said: str) -> None:
    bench.home.path.mkdir(parents=True, exist_ok=True)
    (bench.home.path / "queue.toml").write_text(text)

    with pytest.raises(UsageProblem, match=said):
        read_settings(bench.home)


@pytest.mark.parametrize("text", ["two", "-1", "99999", "1.5"])
def test_a_number_of_slots_from_the_environment_is_checked(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("RFTUI_SLOTS", text)

    with pytest.raises(UsageProblem, match="is no number of slots"):
        read_settings(bench.home)


# GPUs


@pytest.fixture
def nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four GPUs that nobody uses; the file says what NVML sees."""
    path = tmp_path / "nvml.json"
    path.write_text(json.dumps([{"uuid": f"GPU-{index}"} for index in range(4)]))
    monkeypatch.setattr(gpus, "_nvml", lambda: FakeNvml(path))
    monkeypatch.setattr(gpu_locks, "LOCK_DIRECTORY", tmp_path / "locks")
    return path


def see(nvml: Path, index: int, **seen: Any) -> None:
    """Changes what NVML sees of one GPU."""
    rows = json.loads(nvml.read_text())
    rows[index] |= seen
    nvml.write_text(json.dumps(rows))


@pytest.mark.parametrize(
    ("activity", "said"),
    [
        (Activity(0.0, 0.0, ()), ""),
        (Activity(10.0, 5.0, ()), ""),  # a desktop's share
        (Activity(12.0, 0.0, ()), "12% of its memory used by somebody NVML does not name"),
        (Activity(0.0, 60.0, ()), "kept 60% busy by somebody NVML does not name"),
        (Activity(0.0, None, ()), ""),  # NVML cannot tell
        (Activity(2.0, 0.0, (2**22 + 1,)), f"used by a process (pid {2**22 + 1})"),  # of another container
        (Activity(2.0, 0.0, tuple(range(2**22 + 1, 2**22 + 6))), " and 2 more"),
    ],
)
def test_whoever_uses_a_gpu_that_no_run_holds_is_named(activity: Activity, said: str) -> None:
    found = busy_with(activity, SETTINGS)

    assert found.endswith(said) if said else not found


def test_a_process_is_named_as_far_as_the_machine_tells() -> None:
    said = busy_with(Activity(0.0, 0.0, (os.getpid(),)), SETTINGS)

    assert said.startswith("used by ") and f"(pid {os.getpid()})" in said and " of " in said


def test_thresholds_and_processes_are_settings() -> None:
    lenient = QueueSettings(1, "a test", busy_memory_percent=50, busy_utilization_percent=90, busy_processes=False)

    assert busy_with(Activity(40.0, 80.0, (1,)), lenient) == ""


def test_a_gpu_of_a_run_is_held_whatever_nvml_sees(bench: Bench, nvml: Path) -> None:
    see(nvml, 0, pids=[os.getpid()], used_mb=60_000)
    held = gpu_locks.hold_gpus(["GPU-0"], holder="air-sft-2")
    assert held is not None
    try:
        first = look(bench.home, SETTINGS, with_gpus=True).gpus[0]
        assert (first.is_free, first.taken_by) == (False, "held by air-sft-2")
    finally:
        gpu_locks.release(held)
    assert look(bench.home, SETTINGS, with_gpus=True).gpus[0].taken_by.startswith("used by")


def test_a_run_says_which_gpus_it_waits_for_and_who_has_them(bench: Bench, nvml: Path) -> None:
    bench.queue_run("sat-grpo-1", gpus=[0], ranks=1)
    bench.queue_run("sat-grpo-2", gpus=[1, 2], ranks=2, gpus_any=True)
    see(nvml, 0, used_mb=40_000)

    assert (
        reason_of(bench, "sat-grpo-1", with_gpus=True)
        == "waits for GPU 0: GPU 0 50% of its memory used by somebody NVML does not name"
    )
    # three are free, so that the second starts
    assert reason_of(bench, "sat-grpo-2", with_gpus=True) == ""
    see(nvml, 1, utilization=99)
    see(nvml, 2, utilization=99)
    assert reason_of(bench, "sat-grpo-2", with_gpus=True).startswith("waits for 2 GPUs: GPU 0 50% of its memory")


def test_a_run_that_wants_more_than_there_is_says_so(bench: Bench, nvml: Path) -> None:
    bench.queue_run("sat-grpo-1", gpus=[7], ranks=1)

    assert reason_of(bench, "sat-grpo-1", with_gpus=True) == (
        "wants GPU 7; of those it may use this machine has none of them: stop it, or clone it to others"
    )


def test_a_lease_names_its_holder_and_is_free_when_closed(bench: Bench, nvml: Path) -> None:
    seen = look(bench.home, SETTINGS, with_gpus=True)
    lease = machine.take(bench.home, seen, (1, 3), holder="sat-grpo-9")
    assert lease is not None

    held = look(bench.home, SETTINGS, with_gpus=True)
    assert [gpu.holder for gpu in held.gpus] == [None, "sat-grpo-9", None, "sat-grpo-9"]
    assert machine.take(bench.home, seen, (3,), holder="sat-grpo-10") is None, "somebody was quicker"
    lease.close()
    assert len(look(bench.home, SETTINGS, with_gpus=True).free.gpus) == 4


def test_verdicts_go_by_what_is_free(bench: Bench, nvml: Path) -> None:
    bench.queue_run("sat-grpo-1", gpus=[0], ranks=1)
    bench.queue_run("sat-grpo-2")

    known = entries(bench)
    free = look(bench.home, SETTINGS, with_gpus=True).free
    verdicts = {each.run.name: each for each in decide([entry.waiting for entry in known.values()], free)}
    assert (verdicts["sat-grpo-1"].verdict, verdicts["sat-grpo-1"].gpus) == (Verdict.START, (0,))
    assert verdicts["sat-grpo-2"].verdict is Verdict.START


def test_a_launch_says_before_that_it_will_have_to_wait(bench: Bench, nvml: Path) -> None:
    see(nvml, 0, used_mb=40_000)
    config = parse_config({"name": "sat-grpo-1", **QUICK, "gpus": [0, 1], "ranks": 2})

    (found,) = check_gpus(config, hides_gpus=False)

    assert found.level is Level.WARNING
    assert found.found.startswith("GPU 0 (Fake 80 GB) is not free: 50% of its memory used by somebody NVML does not")
    assert found.found.endswith("; this run waits as queued")


def test_who_follows_a_queued_run_is_told_what_it_waits_for() -> None:
    waits = glance("sat-grpo-1", "queued", "waits for the slot", Progress(), total_steps=300)

    assert describe(waits) == "sat-grpo-1 queued: waits for the slot"
