"""How an attempt ended is judged from evidence alone."""

from __future__ import annotations

from typing import Any

import pytest

from rftui.supervision.endings import Evidence, judge, last_traceback, rank_signal
from rftui.supervision.tail import Progress
from store.states import State


def evidence(*, end: dict[str, Any] | None = None, step: int = 3, **changes: Any) -> Evidence:
    progress = Progress(has_started=True, step=step, ends={0: end} if end else {})
    plain = Evidence(
        method="grpo",
        max_steps=5,
        progress=progress,
        exit_code=None,
        signal_name=None,
        oom=None,
        traceback=None,
        requests=frozenset(),
        was_watched=True,
        same_boot=True,
    )
    return plain._replace(**changes)


FINISHED = {"outcome": "finished", "step": 5, "error": None}
OOM_ERROR = {"type": "OutOfMemoryError", "message": "CUDA out of memory. Tried", "traceback": "..."}


@pytest.mark.parametrize(
    ("seen", "state", "reason"),
    [
        (evidence(end=FINISHED, exit_code=0), State.FINISHED, ""),
        # killed while it tidied up: the work was done
        (evidence(end=FINISHED, signal_name="SIGKILL"), State.FINISHED, ""),
        # nobody saw the end, and the journal says it
        (evidence(end=FINISHED, was_watched=False), State.FINISHED, ""),
        (evidence(end={"outcome": "finished", "step": 4}, exit_code=0), State.FAILED, "step 4 of 5"),
        (evidence(exit_code=0), State.FAILED, "exit code 0 after step 3 of 5"),
        (evidence(end={"outcome": "stopped", "step": 3}, requests=frozenset({"stop"})), State.STOPPED, "on request"),
        (evidence(end={"outcome": "stopped", "step": 3}), State.STOPPED, "by SIGTERM"),
        (
            evidence(end={"outcome": "failed", "step": 3, "error": {"type": "ValueError", "message": "bad\nrow"}}),
            State.FAILED,
            "ValueError: bad",
        ),
        (
            evidence(end={"outcome": "failed", "step": 3, "error": OOM_ERROR}, oom={"detail": "CUDA out of memory"}),
            State.FAILED,
            "out of memory: CUDA out of memory",
        ),
        (evidence(exit_code=7, traceback="Traceback\nKeyError: 'x'"), State.FAILED, "exit code 7: KeyError: 'x'"),
        (evidence(signal_name="SIGKILL"), State.KILLED, "SIGKILL after step 3"),
        (evidence(signal_name="SIGKILL", requests=frozenset({"kill"})), State.KILLED, "rftui kill"),
        (evidence(signal_name="SIGKILL", oom={"detail": "oom_kill went up"}), State.FAILED, "out of memory"),
        (evidence(signal_name="SIGSEGV"), State.FAILED, "SIGSEGV"),
        # adopted, so its exit status went to another parent; Python writes an end record on every exception
        (evidence(), State.KILLED, "a signal that nobody saw"),
        (evidence(was_watched=False), State.LOST, "both gone"),
        (evidence(was_watched=False, same_boot=False), State.LOST, "restarted"),
        (evidence(was_watched=False, has_spawned=False), State.LOST, "before training began"),
    ],
)
def test_the_end_is_called_what_it_was(seen: Evidence, state: State, reason: str) -> None:
    verdict = judge(seen)

    assert verdict.state is state
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"end": {"outcome": "stopped", "step": 0}, "requests": frozenset({"stop"})}, "on request in mid-evaluation"),
        ({"signal_name": "SIGKILL"}, "SIGKILL in mid-evaluation"),
        ({"signal_name": "SIGKILL", "progress": Progress()}, "SIGKILL before it began"),
    ],
)
def test_an_evaluation_has_no_steps_to_end_after(changes: dict[str, Any], reason: str) -> None:
    assert judge(evidence(method="eval", max_steps=300, **changes)).reason == reason


def test_an_evaluation_finishes_at_step_zero() -> None:
    seen = evidence(end={"outcome": "finished", "step": 0}, method="eval", exit_code=0)

    assert judge(seen).state is State.FINISHED


LOG = """step 3/5
Traceback (most recent call last):
  File "a.py", line 1, in <module>
    raise ValueError("one\\ntwo")
ValueError: one
two
more output
Traceback (most recent call last):
  File "run.py", line 9, in <module>
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
  exitcode  : -9 (pid: 123)
"""


def test_the_traceback_shown_is_the_trainers_and_not_the_launchers() -> None:
    found = last_traceback(LOG)

    assert found is not None
    assert found.splitlines()[-1] == "ValueError: one"


def test_the_signal_of_a_rank_is_found_in_what_torchrun_prints() -> None:
    assert rank_signal(LOG) == "SIGKILL"
