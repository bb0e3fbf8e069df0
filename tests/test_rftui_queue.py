"""Runs that wait and start, in real processes: order, hand-over, and that nobody's death loses or doubles anything."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rftui.queueing.guard import ensure_dispatcher, is_served, serve_now
from rftui.queueing.markers import marked
from rftui.queueing.records import kept_environment
from rftui.queueing.slots import held_slots
from rftui.supervision import gpu_locks
from rftui.supervision.ledger import read_ledger
from rftui.supervision.processes import start_ticks
from rftui.supervision.resuming import resume_run
from rftui.supervision.steering import ask_to_stop, kill
from rftui.system.holders import run_gpus
from store.layout import RunDir
from store.states import State, is_live
from tests import fake_nvml
from tests.fake_runs import Bench, dispatcher_pid, final_state, trainer_pid, wait_for
from tests.queue_kills import Crowd

LONG = 5000


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """A home with one slot."""
    monkeypatch.setenv("RFTUI_SLOTS", "1")
    made = Bench(tmp_path, step_s=0.02)
    for name in ("PYTHONPATH", "FAKE_TRAINER", "RFTUI_HOME"):
        monkeypatch.setenv(name, made.environment[name])
    yield made
    made.clean_up()


def states(*runs: RunDir) -> list[str]:
    return [str(read_ledger(run_dir).state) for run_dir in runs]


def started_order(runs: list[RunDir]) -> list[str]:
    """The runs in the order in which they began."""
    times = {}
    for run_dir in runs:
        lines = run_dir.supervisor_journal.read_text().splitlines()
        records = [json.loads(line) for line in lines]
        times[run_dir.name] = min(row["time"] for row in records if row.get("state") == "starting")
    return sorted(times, key=lambda name: times[name])


def test_a_run_starts_at_once_where_a_slot_is_free_and_without_a_dispatcher(bench: Bench) -> None:
    run_dir = bench.queue_run("sat-grpo-1", max_steps=LONG)

    assert set(serve_now(bench.home)) == {"sat-grpo-1"}

    assert not is_served(bench.home)
    trainer_pid(run_dir)
    assert held_slots(bench.home) == {0: "sat-grpo-1"}
    wait_for(lambda: not marked(bench.home), what="an empty index")
    assert kept_environment(run_dir) is None


def test_runs_start_one_after_the_other_by_priority_and_then_by_age(bench: Bench) -> None:
    runs = [bench.queue_run(f"sat-grpo-{number}", priority=number == 3) for number in range(1, 5)]

    serve_now(bench.home)
    for run_dir in runs:
        assert final_state(run_dir) == ("finished", "")

    assert started_order(runs) == ["sat-grpo-3", "sat-grpo-1", "sat-grpo-2", "sat-grpo-4"]
    wait_for(lambda: not is_served(bench.home), what="the dispatcher to go")


def test_a_waiting_run_says_what_it_waits_for_and_costs_no_process(bench: Bench) -> None:
    first, second = bench.queue_run("sat-grpo-1", max_steps=LONG), bench.queue_run("sat-grpo-2")

    serve_now(bench.home)
    trainer_pid(first)

    ledger = wait_for(lambda: (found := read_ledger(second)).reason and found, what="a reason")
    assert (ledger.state, ledger.reason, ledger.supervisor) == (State.QUEUED, "waits for the slot", None)
    assert dispatcher_pid(bench.home) is not None


def test_a_dispatcher_that_is_killed_is_replaced_by_a_supervisor(bench: Bench) -> None:
    first, second = bench.queue_run("sat-grpo-1", max_steps=LONG), bench.queue_run("sat-grpo-2")
    serve_now(bench.home)
    trainer_pid(first)
    killed = wait_for(lambda: dispatcher_pid(bench.home), what="a dispatcher")

    os.kill(killed, signal.SIGKILL)

    wait_for(lambda: dispatcher_pid(bench.home) not in (None, killed), what="another dispatcher")
    kill(bench.home, first)
    assert final_state(second) == ("finished", "")


def test_a_dispatcher_that_nobody_replaces_is_started_by_the_next_command(bench: Bench) -> None:
    run_dir = bench.queue_run("sat-grpo-1")

    # nothing serves the queue, as after a restart of the machine
    (listed,) = bench.json("runs")
    assert listed["name"] == "sat-grpo-1"

    assert final_state(run_dir) == ("finished", "")


def test_of_many_who_look_one_dispatcher_is_left(bench: Bench) -> None:
    first = bench.queue_run("sat-grpo-1", max_steps=LONG)
    bench.queue_run("sat-grpo-2")
    for _ in range(8):
        ensure_dispatcher(bench.home)
    trainer_pid(first)

    assert bench.home.databases.joinpath("queue.log").read_text().count("serves the queue") == 1
    assert bench.home.databases.joinpath("queue.log").read_text().count("started sat-grpo-1") == 1


def test_a_slot_is_taken_as_long_as_the_trainer_lives_whoever_died(bench: Bench) -> None:
    first, second = bench.queue_run("sat-grpo-1", max_steps=LONG), bench.queue_run("sat-grpo-2")
    serve_now(bench.home)
    pid = trainer_pid(first)
    supervisor = read_ledger(first).supervisor
    assert supervisor is not None

    os.kill(supervisor.pid, signal.SIGKILL)
    wait_for(lambda: start_ticks(supervisor.pid) is None, what="the end of the supervisor")

    assert held_slots(bench.home) == {0: "sat-grpo-1"}
    assert states(second) == ["queued"]
    os.kill(pid, signal.SIGKILL)
    assert final_state(second) == ("finished", "")


def test_a_run_waits_for_another_and_is_held_when_it_fails(bench: Bench) -> None:
    bench.behave(crash_at=2, step_s=0.02)
    bench.queue_run("sat-grpo-1")
    second = bench.queue_run("sat-grpo-2", after=("sat-grpo-1",))
    serve_now(bench.home)

    held = wait_for(lambda: "failed" in (found := read_ledger(second).reason) and found, what="a hold")

    assert held == "held: sat-grpo-1 failed; `rftui queue release sat-grpo-2` runs it all the same"
    wait_for(lambda: not is_served(bench.home), what="the dispatcher to go: only a person can help")
    bench.behave()
    assert bench.json("queue", "release", "sat-grpo-2")["name"] == "sat-grpo-2"
    assert final_state(second) == ("finished", "")


def test_stop_and_kill_take_a_queued_run_out(bench: Bench) -> None:
    first = bench.queue_run("sat-grpo-1", max_steps=LONG)
    second, third = bench.queue_run("sat-grpo-2"), bench.queue_run("sat-grpo-3")
    serve_now(bench.home)
    trainer_pid(first)

    assert ask_to_stop(second) == "sat-grpo-2 was taken out of the queue"
    assert kill(bench.home, third).pids == []

    assert final_state(second) == final_state(third) == ("stopped", "taken out of the queue")
    wait_for(lambda: marked(bench.home) == [], what="an empty index")
    assert states(first) == ["running"]


def test_a_resumed_run_waits_for_its_turn_and_goes_on_from_its_checkpoint(bench: Bench) -> None:
    first = bench.queue_run("sat-grpo-1", max_steps=LONG)
    serve_now(bench.home)
    wait_for(lambda: (first.checkpoints / "checkpoint-2" / "rftui-complete.json").exists(), what="a checkpoint")
    kill(bench.home, first)
    second = bench.queue_run("sat-grpo-2", max_steps=LONG)
    serve_now(bench.home)
    trainer_pid(second)

    said = resume_run(first, ()).sentence

    assert said.endswith(", in its turn: waits for the slot")
    assert states(first, second) == ["queued", "running"]
    kill(bench.home, second)
    trainer_pid(first)
    records = [json.loads(line) for line in first.supervisor_journal.read_text().splitlines()]
    starts = [record for record in records if record["type"] == "attempt_start"]
    assert [(record["attempt"], record["resume"]) for record in starts] == [(1, False), (2, True)]


def test_more_slots_start_more_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RFTUI_SLOTS")
    bench.environment.pop("RFTUI_SLOTS")
    assert bench.json("queue", "slots", "1")["total"] == 1
    runs = [bench.queue_run(f"sat-grpo-{number}", max_steps=LONG) for number in (1, 2)]
    serve_now(bench.home)
    trainer_pid(runs[0])
    assert states(runs[1]) == ["queued"]

    assert bench.json("queue", "slots", "2") == {"total": 2, "origin": "queue.toml", "taken": 1}

    trainer_pid(runs[1])


def test_a_run_trains_on_the_gpus_that_were_free_and_says_which(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_nvml.install(tmp_path / "fake")
    uuids = [f"GPU-{os.getpid()}-{tmp_path.name}-{index}" for index in range(3)]
    rows: list[dict[str, Any]] = [{"uuid": uuid} for uuid in uuids]
    rows[0] |= {"pids": [os.getpid()]}
    seen = tmp_path / "nvml.json"
    seen.write_text(json.dumps(rows))
    bench.environment |= {"FAKE_NVML": str(seen)}
    first = bench.queue_run("sat-grpo-1", gpus=[0], ranks=1, gpus_any=True, max_steps=LONG)
    second = bench.queue_run("sat-grpo-2", gpus=[0], ranks=1)

    try:
        shown = bench.json("queue")
        trainer_pid(first)

        assert [gpu["free"] for gpu in shown["gpus"]] == [False, True, True]
        assert read_ledger(first).attempt(1).gpus == (1,)
        assert run_gpus(bench.home, "sat-grpo-1") == (1,)
        records = [json.loads(line) for line in first.supervisor_journal.read_text().splitlines()]
        env = next(record["env"] for record in records if record["type"] == "attempt_start")
        assert env["CUDA_VISIBLE_DEVICES"] == "1"
        said = wait_for(lambda: read_ledger(second).reason, what="a reason")
        assert said.startswith("waits for GPU 0: GPU 0 used by ") and f"(pid {os.getpid()})" in said
        rows[0].pop("pids")
        seen.write_text(json.dumps(rows))
        assert final_state(second) == ("finished", "")
    finally:
        for uuid in uuids:
            (gpu_locks.LOCK_DIRECTORY / f"{uuid}.lock").unlink(missing_ok=True)


def test_the_queue_is_shown_with_what_each_waits_for(bench: Bench) -> None:
    first = bench.queue_run("sat-grpo-1", max_steps=LONG)
    bench.queue_run("sat-grpo-2")
    bench.queue_run("sat-grpo-3", after=("sat-grpo-2",), priority=2)
    bench.queue_run("sat-grpo-4", held=True)
    serve_now(bench.home)
    trainer_pid(first)

    shown = bench.json("queue")

    assert [(row["position"], row["name"], row["state"], row["waits_for"]) for row in shown["runs"]] == [
        (1, "sat-grpo-3", "queued", "run"),
        (2, "sat-grpo-2", "queued", "slot"),
        (3, "sat-grpo-4", "held", "person"),
    ]
    assert shown["slots"]["taken"] == [{"slot": 0, "run": "sat-grpo-1"}]
    assert shown["served"] is True
    text = bench.rftui("queue").stdout
    assert "waits for the slot" in text and "1 of 1 slot taken ($RFTUI_SLOTS): sat-grpo-1" in text


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("queue", "hold", "sat-grpo-1"), 1, "does not wait in the queue"),
        (("queue", "priority", "sat-grpo-1", "soon"), 2, "Invalid value"),
        (("queue", "hold", "nobody"), 3, "no run"),
        (("queue", "slots", "9999"), 2, "Invalid value"),
        (("--read-only", "queue", "slots", "2"), 2, "may not be changed"),
        (("launch", "grpo", "--task", "sat", "--after", "nobody", "--detach"), 3, "no run"),
    ],
)
def test_what_the_queue_cannot_do_is_said(bench: Bench, words: tuple[str, ...], code: int, said: str) -> None:
    bench.make_run("sat-grpo-1")

    finished = bench.rftui(*words)

    assert finished.returncode == code
    assert said in finished.stderr


def test_a_launch_goes_into_the_queue_and_says_so(bench: Bench) -> None:
    first = bench.queue_run("sat-grpo-1", max_steps=LONG)
    serve_now(bench.home)
    trainer_pid(first)
    words = ("launch", "grpo", "--task", "sat", "--recipe", "tiny", "--after", "@last", "--priority", "4", "--hold")

    launched = bench.json(*words, "--detach")

    assert (launched["state"], launched["reason"]) == ("queued", "held; `rftui queue release sat-grpo-2`")
    (row,) = bench.json("queue")["runs"]
    assert (row["name"], row["priority"], row["after"]) == ("sat-grpo-2", 4, ["sat-grpo-1"])
    assert [run["reason"] for run in bench.json("runs", "state:queued")] == [launched["reason"]]


def test_random_kills_lose_nothing_and_lease_nothing_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RFTUI_SLOTS")
    crowd = Crowd(tmp_path, runs=14, slots=3, seed=5)
    for name in ("PYTHONPATH", "FAKE_TRAINER", "FAKE_NVML"):
        monkeypatch.setenv(name, crowd.bench.environment[name])
    try:
        outcome = crowd.run(kill_every_s=0.4, patience_s=90)
    finally:
        crowd.clean_up()

    assert outcome.is_clean, outcome
    assert sum(outcome.kills.values()) > 0
    assert sum(outcome.ends.values()) == 14
    assert not any(is_live(state) for state in outcome.ends)
