"""What is asked before runs are changed, that it is done by the same means as on the command line, and undone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rftui.errors import RftuiError
from rftui.runs.verbs import MOST_NAMED, Question, Refusal, Verb, act, question, undo_question
from rftui.supervision.resuming import resume_run
from rftui.supervision.trash import restore, throw_away, trashed
from store.layout import Home
from store.runs import RunSummary
from store.states import LIVE_STATES, State
from tests.fake_runs import Bench, final_state, trainer_pid
from tests.store_runs import append, make_run


def summary(name: str = "sat-grpo-1", state: str = "running", *, step: int = 12, total: int = 300) -> RunSummary:
    return RunSummary(
        name, "sat", "grpo", "tiny", None, state, "", step, total, 0.0, None, None, None, None, None, None, ()
    )


def asked(verb: Verb, *summaries: RunSummary) -> Question:
    found = question(verb, summaries)
    assert isinstance(found, Question)
    return found


def test_a_question_names_the_run_its_state_and_step_what_will_happen_and_the_command() -> None:
    found = asked(Verb.STOP, summary())

    assert found.title == "Stop sat-grpo-1?"
    assert found.lines == ("sat-grpo-1  running, step 12/300",)
    assert "saves a checkpoint" in found.sentence
    assert found.command == "rftui stop sat-grpo-1"
    assert found.names == ("sat-grpo-1",)


@pytest.mark.parametrize(
    ("verb", "state", "is_yes"),
    [
        (Verb.STOP, "running", True),
        (Verb.RESUME, "stopped", True),
        (Verb.KILL, "running", False),
        (Verb.DELETE, "failed", False),
    ],
)
def test_enter_alone_neither_kills_nor_deletes(verb: Verb, state: str, is_yes: bool) -> None:
    assert asked(verb, summary(state=state)).is_default_yes is is_yes


ENDED = sorted(set(State) - LIVE_STATES)


@pytest.mark.parametrize("state", ENDED)
@pytest.mark.parametrize("verb", [Verb.STOP, Verb.KILL])
def test_a_run_that_ended_is_not_asked_about(verb: Verb, state: str) -> None:
    assert question(verb, [summary(state=state)]) == Refusal(f"sat-grpo-1 is {state}, so there is nothing to {verb}")


@pytest.mark.parametrize("state", sorted(LIVE_STATES))
@pytest.mark.parametrize("verb", [Verb.RESUME, Verb.DELETE])
def test_a_run_that_lives_is_neither_resumed_nor_deleted(verb: Verb, state: str) -> None:
    assert isinstance(question(verb, [summary(state=state)]), Refusal)


def test_a_finished_run_says_how_it_is_trained_further() -> None:
    refused = question(Verb.RESUME, [summary(state="finished", step=300)])

    assert isinstance(refused, Refusal)
    assert "rftui resume sat-grpo-1 --set max_steps=600" in refused.sentence


def test_an_evaluation_that_finished_has_no_steps_to_add() -> None:
    refused = question(Verb.RESUME, [summary(state="finished")._replace(method="eval")])

    assert isinstance(refused, Refusal)
    assert "`rftui eval` makes another one" in refused.sentence and "max_steps" not in refused.sentence


@pytest.mark.parametrize(("verb", "state"), [(Verb.STOP, "running"), (Verb.KILL, "running"), (Verb.RESUME, "stopped")])
def test_an_evaluation_is_asked_about_without_steps_or_checkpoints(verb: Verb, state: str) -> None:
    found = asked(verb, summary(state=state, step=0, total=0)._replace(method="eval"))

    said = " ".join([*found.lines, found.sentence])
    assert "step" not in said and "checkpoint" not in said and "answers" in said


def test_evaluations_among_other_runs_are_asked_about_as_runs() -> None:
    found = asked(Verb.STOP, summary("a"), summary("b")._replace(method="eval"))

    assert "checkpoint" in found.sentence


@pytest.mark.parametrize(
    ("state", "assignments", "said"),
    [
        ("finished", [], "finished its evaluation"),
        ("killed", ["max_steps=600"], "keeps its settings"),
        ("running", [], "is running"),
    ],
)
def test_an_evaluation_is_resumed_as_it_is_or_not_at_all(
    tmp_path: Path, state: str, assignments: list[str], said: str
) -> None:
    run_dir = make_run(Home(tmp_path))
    run_dir.config.write_text(run_dir.config.read_text().replace('"grpo"', '"eval"'))
    append(run_dir.supervisor_journal, {"type": "state", "attempt": 1, "state": state, "reason": ""})

    with pytest.raises(RftuiError, match=said):
        resume_run(run_dir, assignments)


def test_a_run_that_stops_already_is_told_of() -> None:
    refused = question(Verb.STOP, [summary(state="stopping")])

    assert refused == Refusal("sat-grpo-1 is stopping already; K kills it")
    assert asked(Verb.KILL, summary(state="stopping"))


def test_several_runs_are_one_question_that_leaves_out_those_it_does_not_fit() -> None:
    found = asked(Verb.STOP, summary("a"), summary("b", "finished"), summary("c", "queued"))

    assert found.title == "Stop 2 runs?"
    assert found.names == ("a", "c")
    assert found.lines[2] == "left out: b is finished, so there is nothing to stop"
    assert found.command == "rftui stop a; rftui stop c"


@pytest.mark.parametrize("verb", [Verb.STOP, Verb.KILL])
def test_a_queued_run_is_taken_out_of_the_queue(verb: Verb) -> None:
    waiting, running = summary("a", "queued"), summary("b")

    assert asked(verb, waiting).sentence == "Taken out of the queue; R queues it again."
    both = asked(verb, waiting, running).sentence
    assert both.startswith(asked(verb, running).sentence)
    assert both.endswith("Those that are queued: taken out of the queue; R queues it again.")


def test_many_runs_are_counted_and_all_are_meant() -> None:
    found = asked(Verb.STOP, *[summary(f"run-{number}") for number in range(50)])

    assert len(found.lines) == MOST_NAMED + 1
    assert found.lines[-1] == f"and {50 - MOST_NAMED} more"
    assert len(found.names) == 50


def test_no_run_is_no_question() -> None:
    assert question(Verb.STOP, []) == Refusal("no run is selected")


def test_the_last_delete_is_the_one_that_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    assert isinstance(undo_question(home), Refusal)
    for number, name in enumerate(("first", "a-last-1", "second")):
        make_run(home, name, uid=number + 1)
    for at, name in ((100, "first"), (300, "a-last-1"), (200, "second")):
        monkeypatch.setattr(time, "time", lambda at=at: at)
        throw_away(home, name)

    found = undo_question(home, now=360)

    assert isinstance(found, Question)
    assert found.names == ("a-last-1",)
    assert found.lines == ("a-last-1  deleted 1m00s ago", "3 runs are in the trash")
    assert found.command == "rftui rm a-last-1 --undo"
    assert act(home, Verb.UNDO, "a-last-1") == "a-last-1 is back"
    assert home.runs() == ["a-last-1"]


def test_two_runs_of_one_name_thrown_away_in_one_second_come_back_last_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path)
    monkeypatch.setattr(time, "time", lambda: 100)
    for uid in (1, 2):
        make_run(home, "same", uid=uid)
        throw_away(home, "same")

    restore(home, "same")

    assert '"uid": 2' in home.run("same").launch.read_text()
    assert len(trashed(home)) == 1
    with pytest.raises(RftuiError, match="exists again"):
        restore(home, "same")


def test_what_else_lies_in_the_trash_is_left_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    make_run(home, "mine")
    for stray in ("notes", "mine-old", "-5"):
        (home.trash / stray).mkdir(parents=True)

    throw_away(home, "mine")
    restore(home, "mine")

    assert home.runs() == ["mine"]
    assert len(list(home.trash.iterdir())) == 3


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    made = Bench(tmp_path, step_s=0.2)
    for name in ("PYTHONPATH", "FAKE_TRAINER"):
        # supervisors are started by this process
        monkeypatch.setenv(name, made.environment[name])
    yield made
    made.clean_up()


def test_a_run_is_stopped_resumed_killed_deleted_and_brought_back(bench: Bench) -> None:
    run_dir = bench.make_run("sat-grpo-1", max_steps=500)
    bench.supervise(run_dir)
    trainer_pid(run_dir)

    assert act(bench.home, Verb.STOP, "sat-grpo-1") == "asked sat-grpo-1 to stop; it finishes its step and saves"
    assert final_state(run_dir)[0] == "stopped"
    assert "goes on after step" in act(bench.home, Verb.RESUME, "sat-grpo-1")
    trainer_pid(run_dir)
    with pytest.raises(RftuiError, match="still runs"):
        act(bench.home, Verb.DELETE, "sat-grpo-1")
    assert act(bench.home, Verb.KILL, "sat-grpo-1") == "killed 1 process; sat-grpo-1 is killed"
    assert final_state(run_dir)[0] == "killed"
    with pytest.raises(RftuiError, match="does not run"):
        act(bench.home, Verb.STOP, "sat-grpo-1")
    assert "U brings it back" in act(bench.home, Verb.DELETE, "sat-grpo-1")
    assert bench.home.runs() == []
    assert act(bench.home, Verb.UNDO, "sat-grpo-1") == "sat-grpo-1 is back"
    assert bench.home.runs() == ["sat-grpo-1"]


def test_an_evaluation_says_what_a_stop_and_a_resume_of_it_mean(bench: Bench) -> None:
    run_dir = bench.make_run("sat-eval-1", method="eval", max_steps=500)
    bench.supervise(run_dir)
    trainer_pid(run_dir)

    assert act(bench.home, Verb.STOP, "sat-eval-1").endswith("to stop; it ends after the batch being answered")
    final_state(run_dir)
    assert act(bench.home, Verb.RESUME, "sat-eval-1") == "sat-eval-1 has no answers yet, so it begins anew"
