"""What the commands print: stable fields for scripts, clean text for people, documented exit codes."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rftui.terminal.clean import clean
from store.layout import Home
from tests.fake_runs import Bench, trainer_pid, uid_of, wait_for

RUN_FIELDS = {
    "name",
    "task",
    "method",
    "model",
    "source",
    "state",
    "reason",
    "step",
    "total_steps",
    "created_at",
    "started_at",
    "ended_at",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "reward",
    "tags",
}
EVAL_FIELDS = {
    "step",
    "prompt",
    "decoding",
    "split",
    "source",
    "n",
    "correct",
    "accuracy",
    "low",
    "high",
    "unparsed",
}
COUNT_FIELDS = {"groups", "rollouts", "metric_points", "eval_samples", "gaps", "foreign_lines"}
ATTEMPT_FIELDS = {"number", "started_at", "ended_at", "state", "reason", "first_step", "last_step"}
ROLLOUT_FIELDS = {
    "step",
    "group",
    "sample",
    "uid",
    "prompt",
    "image",
    "gold",
    "completion",
    "think",
    "answer",
    "malformed",
    "rewards",
    "reward",
    "advantage",
    "tokens",
    "think_tokens",
    "stop",
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A home with one finished run, only read by the tests that share it."""
    made = Bench(tmp_path_factory.mktemp("finished"))
    made.supervise(made.make_run()).wait(20)
    yield made
    made.clean_up()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.clean_up()


def test_runs_has_its_fields(finished: Bench) -> None:
    (run,) = finished.json("runs")

    assert set(run) >= RUN_FIELDS
    assert (run["name"], run["state"], run["step"], run["total_steps"]) == ("sat-grpo-1", "finished", 5, 5)
    assert (run["accuracy"], run["reward"], run["tags"]) == (0.75, 1.0, [])


def test_show_has_its_fields(finished: Bench) -> None:
    run = finished.json("show", "@last:sat")

    assert set(run) >= RUN_FIELDS | {"evals", "attempts", "counts", "config", "origins", "versions", "directory"}
    assert all(set(item) >= EVAL_FIELDS for item in run["evals"])
    assert all(set(item) >= ATTEMPT_FIELDS for item in run["attempts"])
    assert set(run["counts"]) >= COUNT_FIELDS
    assert (run["counts"]["rollouts"], run["counts"]["groups"]) == (10, 5)
    assert run["config"]["max_steps"] == 5
    assert run["directory"] == str(finished.home.run("sat-grpo-1").path)


def test_rollouts_are_one_object_a_line_with_their_fields(finished: Bench) -> None:
    printed = finished.rftui("rollouts", "sat", "--json").stdout.splitlines()
    rollouts = [json.loads(line) for line in printed]

    assert len(rollouts) == 10
    assert all(set(rollout) >= ROLLOUT_FIELDS for rollout in rollouts)
    assert rollouts[0]["think"] == "step 1\x1b]0;owned\x07", "scripts get the text as the model wrote it"


def test_rollouts_can_be_chosen(finished: Bench) -> None:
    def steps(*options: str) -> list[tuple[int, int]]:
        printed = finished.rftui("rollouts", "sat", "--json", *options).stdout.splitlines()
        return [(item["step"], item["sample"]) for item in map(json.loads, printed)]

    assert steps("--step", "3") == [(3, 0), (3, 1)]
    assert steps("--min-reward", "1.5", "--limit", "2") == [(1, 1), (2, 1)]
    assert steps("--max-reward", "1", "--newest", "--limit", "1") == [(5, 0)]
    assert steps("--prompt", "train-4") == [(4, 0), (4, 1)]
    assert steps("--contains", "step 2\x1b") == [(2, 0), (2, 1)]


def test_rollouts_for_people_show_a_group_its_prompt_and_parsed_answers(finished: Bench) -> None:
    page = finished.rftui("rollouts", "sat", "--step", "3").stdout

    for words in ("step 3  group 0", "Is it left? [/b]", "gold      left", "think     step 3", "advantage +0.5"):
        assert words in page
    assert page.count("prompt") == 1
    assert page == clean(page), "nothing of the hostile completion is left"


def test_curves_have_their_points(finished: Bench) -> None:
    curve = finished.json("curves", "sat", "reward")

    assert curve["metric"] == "reward"
    assert [point[0] for point in curve["points"]] == [1, 2, 3, 4, 5]
    assert curve["points"][4][1] == 1.0


def test_a_value_that_is_not_finite_is_a_text_in_json(finished: Bench) -> None:
    assert finished.json("curves", "sat", "loss")["points"][0] == [1, "NaN"]


def test_curves_are_drawn_in_braille_and_in_ascii(finished: Bench) -> None:
    braille = finished.rftui("curves", "sat", "reward").stdout
    finished.environment["PYTHONIOENCODING"] = "ascii"
    try:
        ascii_only = finished.rftui("curves", "sat", "reward").stdout
    finally:
        del finished.environment["PYTHONIOENCODING"]

    assert any("\u2800" < sign <= "\u28ff" for sign in braille)
    assert ascii_only.isascii()
    assert "*" in ascii_only


def test_logs_print_lines_and_objects(finished: Bench) -> None:
    assert finished.rftui("logs", "sat", "-n", "2").stdout == "step 4/5\nstep 5/5\n"
    assert finished.rftui("logs", "sat", "-n", "1", "--json").stdout == '{"line": "step 5/5"}\n'
    assert "finished at step 5/5" in finished.rftui("logs", "-f", "sat").stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["show", "nothing"], 3),
        (["curves", "sat", "rewardd"], 3),
        (["recipes", "papper"], 3),
        (["stop", "sat"], 1),
        (["kill", "sat", "--yes"], 1),
        (["resume", "sat"], 1),
        (["resume", "sat", "--set", "seed=3"], 2),
        (["resume", "sat", "--set", "max_steps=2"], 2),
        (["rm", "nothing", "--undo"], 3),
        (["eval", "nothing"], 3),
        (["eval", "sat", "--checkpoint", "3"], 3),
        (["runs", "--frobnicate"], 2),
    ],
)
def test_errors_in_json_are_one_object_on_stderr_and_nothing_on_stdout(
    finished: Bench, arguments: list[str], code: int
) -> None:
    refused = finished.rftui(*arguments, "--json")

    assert refused.returncode == code, refused.stderr
    assert refused.stdout == ""
    assert set(json.loads(refused.stderr)) == {"error", "found", "expected", "fix"}


def test_rftui_alone_prints_the_list_where_there_is_no_terminal(finished: Bench) -> None:
    printed = finished.rftui()

    assert printed.returncode == 0
    assert "sat-grpo-1" in printed.stdout


@pytest.mark.parametrize("command", ["tasks", "recipes", "doctor"])
def test_what_there_is_comes_as_json(finished: Bench, command: str) -> None:
    items: list[dict[str, Any]] = finished.json(command)

    assert items
    assert all(isinstance(item, dict) for item in items)


def test_the_store_is_rebuilt_row_for_row(bench: Bench) -> None:
    bench.supervise(bench.make_run()).wait(20)
    before = (bench.json("runs"), bench.json("show", "sat")["counts"])

    rebuilt = bench.json("store", "rebuild")

    assert rebuilt["runs"] == 1
    assert (bench.json("runs"), bench.json("show", "sat")["counts"]) == before


def test_a_store_that_is_no_database_is_exit_code_4(bench: Bench) -> None:
    bench.home.path.mkdir(parents=True)
    bench.home.catalogue.write_text("this is no database, and it is longer than a header of SQLite would be" * 9)

    refused = bench.rftui("runs", "--json")

    assert refused.returncode == 4
    assert "rebuild" in json.loads(refused.stderr)["fix"]


def test_a_run_directory_that_is_broken_does_not_hide_the_others(bench: Bench) -> None:
    bench.supervise(bench.make_run()).wait(20)
    broken = bench.home.run("broken").path
    broken.mkdir()
    (broken / "launch.json").write_text("{")

    listed = bench.rftui("runs", "--json")

    assert listed.returncode == 0
    assert [run["name"] for run in json.loads(listed.stdout)] == ["sat-grpo-1"]
    assert "broken" in listed.stderr


def test_stop_saves_and_resume_goes_on_to_the_last_step(bench: Bench) -> None:
    # long enough for a busy machine to ask in time
    bench.behave(step_s=0.3)
    run_dir = bench.make_run(max_steps=200, save_steps=500)
    bench.supervise(run_dir)
    trainer_pid(run_dir)

    stopped = bench.json("stop", "sat")
    bench.behave(step_s=0.01)
    resumed = bench.rftui("resume", "sat", "--wait")

    assert stopped["state"] == "stopped"
    assert resumed.returncode == 0, resumed.stderr
    run = bench.json("show", "sat")
    first, second = run["attempts"]
    assert (run["state"], run["step"], run["counts"]["groups"]) == ("finished", 200, 200)
    assert second["first_step"] == first["last_step"] + 1


def test_kill_and_resume_from_the_newest_complete_checkpoint(bench: Bench) -> None:
    # long enough for a busy machine to ask in time
    bench.behave(step_s=0.3)
    run_dir = bench.make_run(max_steps=200, save_steps=3)
    bench.supervise(run_dir)
    trainer_pid(run_dir)
    wait_for(lambda: list(run_dir.checkpoints.glob("*/rftui-complete.json")), what="a checkpoint")

    killed = bench.json("kill", "sat", "--yes")
    (run_dir.checkpoints / "checkpoint-199").mkdir()  # a save that was cut off
    bench.behave(step_s=0.01)
    resumed = bench.rftui("resume", "sat", "--wait")

    assert (killed["state"], killed["reason"].partition(" after")[0]) == ("killed", "SIGKILL by rftui kill")
    assert resumed.returncode == 0, resumed.stderr
    run = bench.json("show", "sat")
    assert (run["state"], run["step"], run["counts"]["groups"]) == ("finished", 200, 200)


def test_resume_without_a_checkpoint_starts_again_and_says_so(bench: Bench) -> None:
    bench.behave(crash_at=2)
    bench.supervise(bench.make_run()).wait(20)

    resumed = bench.rftui("resume", "sat", "--wait")

    assert resumed.returncode == 0, resumed.stderr
    assert "starts at step 1 again" in resumed.stderr


def test_a_finished_run_is_trained_further_with_more_steps(bench: Bench) -> None:
    bench.supervise(bench.make_run()).wait(20)

    resumed = bench.rftui("resume", "sat", "--set", "max_steps=8", "--wait")

    assert resumed.returncode == 0, resumed.stderr
    run = bench.json("show", "sat")
    assert (run["step"], run["total_steps"], run["origins"]["max_steps"]) == (8, 8, "resume --set")


def test_a_run_that_lives_is_not_resumed_or_thrown_away(bench: Bench) -> None:
    bench.behave(step_s=0.2)
    run_dir = bench.make_run(max_steps=500)
    bench.supervise(run_dir)
    trainer_pid(run_dir)

    assert bench.rftui("resume", "sat").returncode == 1
    assert bench.rftui("rm", "sat").returncode == 1
    assert run_dir.path.exists()


def test_a_run_in_the_trash_comes_back_whole(bench: Bench) -> None:
    bench.supervise(bench.make_run()).wait(20)
    before = bench.json("show", "sat")

    bench.json("rm", "sat-grpo-1")
    listed = bench.json("runs")
    bench.json("rm", "sat-grpo-1", "--undo")

    assert listed == []
    assert bench.json("show", "sat") == before
    kinds = [json.loads(line)["type"] for line in bench.home.user_journal.read_text().splitlines()]
    assert kinds == ["trash", "untrash"]


def test_any_command_that_reads_adopts_a_trainer_without_supervisor(bench: Bench) -> None:
    # long enough for a busy machine to look in time
    bench.behave(step_s=0.3)
    run_dir = bench.make_run(max_steps=200)
    supervisor = bench.supervise(run_dir)
    trainer_pid(run_dir)
    supervisor.kill()
    supervisor.wait()

    (run,) = bench.json("runs")
    stopped = bench.json("stop", "sat")

    assert run["state"] == "running"
    assert (stopped["state"], stopped["has_ended"]) == ("stopped", True)


def test_both_killed_is_lost_in_the_list_at_once(bench: Bench) -> None:
    bench.behave(step_s=0.2)
    run_dir = bench.make_run(max_steps=500)
    supervisor = bench.supervise(run_dir)
    pid = trainer_pid(run_dir)
    supervisor.kill()
    os.kill(pid, signal.SIGKILL)
    supervisor.wait()
    wait_for(lambda: not Path(f"/proc/{pid}/fd").exists() or not list_open(pid), what="the end of the trainer")

    (run,) = bench.json("runs")

    assert run["state"] == "lost"
    assert "trainer and supervisor both gone" in run["reason"]


def list_open(pid: int) -> list[str]:
    """Open files of a process; none for a zombie."""
    try:
        return os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return []


def test_hostile_names_and_reasons_do_not_reach_the_terminal(bench: Bench) -> None:
    bench.behave(crash_at=1, message="\x1b]0;owned\x07\x1b[2J[bold]boom")
    bench.supervise(bench.make_run(model="evil\x1b[31m/model")).wait(20)

    for command in (["runs"], ["show", "sat"], ["logs", "sat"]):
        printed = bench.rftui(*command).stdout
        assert "boom" in printed
        assert printed == clean(printed)


def test_the_home_can_be_named_before_and_after_the_command(bench: Bench, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    other.path.mkdir()
    bench.supervise(bench.make_run()).wait(20)

    assert json.loads(bench.rftui("--home", str(other.path), "runs", "--json").stdout) == []
    assert json.loads(bench.rftui("runs", "--home", str(other.path), "--json").stdout) == []
    assert uid_of(bench.home.run("sat-grpo-1"))


def test_every_command_shows_two_examples() -> None:
    from typer.main import get_command

    from rftui.cli.root import app

    tree: Any = get_command(app)
    commands = [*tree.commands.items(), *tree.commands["store"].commands.items()]

    for name, command in commands:
        assert (command.epilog or "").count("$ rftui") >= 2, name
