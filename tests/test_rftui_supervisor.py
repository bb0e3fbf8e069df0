"""States are true whatever dies: real processes, real signals, a fake trainer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from rftui.supervision.attend import Attention, attend
from rftui.supervision.control import write_request
from rftui.supervision.processes import Identity, identify, is_alive, kill_run, run_processes, start_ticks
from rftui.supervision.supervisor_lock import is_supervised
from store.layout import RunDir
from store.states import State
from tests.fake_runs import Bench, final_state, kill, states_of, trainer_pid, uid_of, wait_for


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(tmp_path)
    # attend() starts supervisors from this process
    for name in ("PYTHONPATH", "FAKE_TRAINER"):
        monkeypatch.setenv(name, made.environment[name])
    yield made
    made.clean_up()


def test_a_run_that_reaches_its_last_step_is_finished(bench: Bench) -> None:
    run_dir = bench.make_run()

    bench.supervise(run_dir).wait(20)

    assert final_state(run_dir) == ("finished", "")
    assert not is_supervised(run_dir.supervisor_lock)


def test_exit_code_0_alone_is_not_finished(bench: Bench) -> None:
    bench.behave(exit_at=3)
    run_dir = bench.make_run()

    bench.supervise(run_dir).wait(20)

    state, reason = final_state(run_dir)
    assert state == "failed"
    assert "exit code 0 after step 2 of 5" in reason


def test_a_crash_is_failed_with_its_last_line(bench: Bench) -> None:
    bench.behave(crash_at=3)
    run_dir = bench.make_run()

    bench.supervise(run_dir).wait(20)

    assert final_state(run_dir) == ("failed", "exit code 1: RuntimeError: the reward [/b] exploded")


def test_memory_that_ran_out_is_named(bench: Bench) -> None:
    bench.behave(crash_at=2, message="CUDA out of memory. Tried to allocate 2 GiB")
    run_dir = bench.make_run()

    bench.supervise(run_dir).wait(20)

    assert final_state(run_dir)[1].startswith("out of memory: CUDA out of memory")


def test_a_killed_trainer_is_killed_by_name(bench: Bench) -> None:
    bench.behave(step_s=0.2)
    run_dir = bench.make_run(max_steps=500)
    supervisor = bench.supervise(run_dir)

    os.kill(trainer_pid(run_dir), signal.SIGKILL)
    supervisor.wait(20)

    state, reason = final_state(run_dir)
    assert state == "killed"
    assert reason.startswith("SIGKILL after step")


def test_a_request_to_stop_ends_in_stopped(bench: Bench) -> None:
    bench.behave(step_s=0.2)
    run_dir = bench.make_run(max_steps=500)
    supervisor = bench.supervise(run_dir)
    trainer_pid(run_dir)

    write_request(run_dir, "stop", attempt=1)
    supervisor.wait(20)

    state, reason = final_state(run_dir)
    assert state == "stopped"
    assert reason.startswith("on request after step")


def test_an_interpreter_that_is_not_there_is_failed(bench: Bench) -> None:
    run_dir = bench.make_run()
    launch = json.loads(run_dir.launch.read_text())
    run_dir.launch.write_text(json.dumps(launch | {"python": "/nowhere/python"}))

    bench.supervise(run_dir).wait(20)

    assert final_state(run_dir) == ("failed", "cannot start /nowhere/python: No such file or directory")


def test_silence_past_the_promise_is_stalled_and_life_makes_it_running_again(bench: Bench) -> None:
    bench.behave(hang_at=3, hang_s=2.5, due_s=0.7, step_s=0.7)
    run_dir = bench.make_run()

    bench.supervise(run_dir).wait(30)

    seen = states_of(run_dir)
    assert "stalled" in seen
    assert "running" in seen[seen.index("stalled") :]
    assert seen[-1] == "finished"


def test_a_trainer_outlives_its_supervisor_and_is_adopted(bench: Bench) -> None:
    bench.behave(step_s=0.1)
    run_dir = bench.make_run(max_steps=30)
    supervisor = bench.supervise(run_dir)
    pid = trainer_pid(run_dir)
    supervisor.kill()
    supervisor.wait()

    assert attend(run_dir) is Attention.ADOPTION
    assert identify(pid) is not None

    assert final_state(run_dir) == ("finished", "")


def test_an_adopted_trainer_that_is_killed_is_killed(bench: Bench) -> None:
    bench.behave(step_s=0.2)
    run_dir = bench.make_run(max_steps=500)
    supervisor = bench.supervise(run_dir)
    pid = trainer_pid(run_dir)
    supervisor.kill()
    supervisor.wait()
    attend(run_dir)
    wait_for(lambda: is_watched_by_adopter(run_dir), what="an adopter")

    os.kill(pid, signal.SIGKILL)

    assert final_state(run_dir)[0] == "killed"


def test_both_killed_is_lost_as_soon_as_somebody_looks(bench: Bench) -> None:
    bench.behave(step_s=0.2)
    run_dir = bench.make_run(max_steps=500)
    supervisor = bench.supervise(run_dir)
    pid = trainer_pid(run_dir)

    supervisor.kill()
    os.kill(pid, signal.SIGKILL)
    supervisor.wait()
    wait_for(lambda: start_ticks(pid) is None, what="the end of the trainer")

    assert attend(run_dir) is Attention.SETTLED
    assert final_state(run_dir)[0] == "lost"


def test_an_end_that_nobody_saw_is_read_from_the_journal(bench: Bench) -> None:
    bench.behave(step_s=0.1)
    run_dir = bench.make_run(max_steps=15)
    supervisor = bench.supervise(run_dir)
    pid = trainer_pid(run_dir)
    supervisor.kill()
    supervisor.wait()
    # a process that is about to end has no environment any more, and still runs
    wait_for(lambda: start_ticks(pid) is None, what="the end of the trainer")

    assert attend(run_dir) is Attention.SETTLED
    assert final_state(run_dir) == ("finished", "")


def test_of_many_adopters_one_gets_the_run(bench: Bench) -> None:
    bench.behave(step_s=0.1)
    run_dir = bench.make_run(max_steps=40)
    supervisor = bench.supervise(run_dir)
    trainer_pid(run_dir)
    supervisor.kill()
    supervisor.wait()

    adopters = [bench.supervise(run_dir, "--adopt") for _ in range(4)]
    codes = sorted(adopter.wait(30) for adopter in adopters)

    # the late ones find either a supervisor or an end
    assert final_state(run_dir) == ("finished", "")
    assert states_of(run_dir).count("finished") == 1
    assert codes[0] == 0
    assert run_dir.supervisor_journal.read_text().count('"attempt_end"') == 1


def test_looking_at_once_from_many_places_settles_once(bench: Bench) -> None:
    bench.behave(step_s=0.2)
    run_dir = bench.make_run(max_steps=500)
    supervisor = bench.supervise(run_dir)
    pid = trainer_pid(run_dir)
    supervisor.kill()
    kill(pid)
    supervisor.wait()
    wait_for(lambda: not run_processes(uid_of(run_dir)), what="the end of the trainer")

    threads = [threading.Thread(target=attend, args=(run_dir,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert states_of(run_dir).count("lost") == 1


def test_a_launch_that_died_half_way_is_failed(bench: Bench) -> None:
    run_dir = bench.make_run()
    launch = json.loads(run_dir.launch.read_text())
    gone = Identity(pid=1, pid_start=1, boot_id="another boot", host=os.uname().nodename)
    run_dir.launch.write_text(json.dumps(launch | {"launcher": gone._asdict()}))

    attend(run_dir)

    assert final_state(run_dir) == ("failed", "its launch was interrupted before training began")


def test_a_supervisor_killed_before_it_wrote_the_trainer_down_is_no_loss(bench: Bench) -> None:
    bench.behave(step_s=0.1)
    run_dir = bench.make_run(max_steps=30)
    supervisor = bench.supervise(run_dir)
    trainer_pid(run_dir)
    supervisor.kill()
    supervisor.wait()
    lines = run_dir.supervisor_journal.read_text().splitlines(keepends=True)
    starting = next(place for place, line in enumerate(lines) if '"starting"' in line)
    run_dir.supervisor_journal.write_text("".join(lines[: starting + 1]))

    assert attend(run_dir) is Attention.ADOPTION
    assert final_state(run_dir) == ("finished", "")


def test_a_pid_that_was_given_out_again_is_not_the_trainer() -> None:
    me = identify(os.getpid())
    assert me is not None

    assert is_alive(me, run_id=1)
    assert not is_alive(me._replace(pid_start=me.pid_start - 1), run_id=1)
    assert not is_alive(me._replace(boot_id="another"), run_id=1)


def test_a_process_of_another_run_under_the_same_identity_is_not_ours(bench: Bench) -> None:
    bench.behave(step_s=0.2)
    run_dir = bench.make_run(max_steps=500)
    bench.supervise(run_dir)
    identity = identify(trainer_pid(run_dir))
    assert identity is not None

    assert not is_alive(identity, run_id=uid_of(run_dir) + 1)
    assert kill_run(uid_of(run_dir) + 1, leader=identity) == []
    assert is_alive(identity, run_id=uid_of(run_dir))


def test_twenty_kills_leave_true_states(bench: Bench) -> None:
    bench.behave(step_s=0.05)
    victims = ["trainer", "supervisor", "both", "adopted"] * 5
    expected = {"trainer": {"killed"}, "supervisor": {"finished"}, "both": {"lost"}, "adopted": {"killed"}}
    runs = []
    for number, victim in enumerate(victims):
        # whoever is to be killed must still be there when its turn comes
        run_dir = bench.make_run(f"sat-grpo-{number + 1}", max_steps=120 if victim == "supervisor" else 5000)
        runs.append((run_dir, victim, bench.supervise(run_dir)))
        if len(runs) % 5 == 0:
            for batch_dir, batch_victim, supervisor in runs[-5:]:
                _strike(batch_dir, batch_victim, supervisor)
                supervisor.wait(30)

    for run_dir, _, _ in runs:
        wait_for(partial(is_left_alone, run_dir), what="no more adoption")
    found = [(victim, final_state(run_dir)[0]) for run_dir, victim, _ in runs]

    assert [pair for pair in found if pair[1] not in expected[pair[0]]] == []


def is_left_alone(run_dir: RunDir) -> bool:
    """Whether nobody has to adopt the run any more."""
    return attend(run_dir) is not Attention.ADOPTION


def is_watched_by_adopter(run_dir: RunDir) -> bool:
    """Whether the last supervisor adopted the run and has taken its first sample."""
    records = [json.loads(line) for line in run_dir.supervisor_journal.read_text().splitlines()]
    kinds = [(record["type"], record.get("adopts")) for record in records]
    return ("supervisor_start", 1) in kinds and ("sample", None) in kinds[kinds.index(("supervisor_start", 1)) :]


def _strike(run_dir: RunDir, victim: str, supervisor: subprocess.Popen[bytes]) -> None:
    pid = trainer_pid(run_dir)
    if victim == "trainer":
        kill(pid)
        return
    supervisor.kill()
    if victim == "adopted":
        supervisor.wait()
        attend(run_dir)
        wait_for(lambda: is_watched_by_adopter(run_dir), what="an adopter")
    if victim in ("both", "adopted"):
        kill(pid)


def test_states_are_the_contracts(bench: Bench) -> None:
    run_dir = bench.make_run()
    bench.supervise(run_dir).wait(20)

    assert set(states_of(run_dir)) <= {state.value for state in State}
