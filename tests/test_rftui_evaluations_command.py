"""`rftui evals` and `rftui interaction` as they are typed: pages, documents, flips, lengths, and refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rftui.cli.root import run
from rftui.evaluations.reads import EvalsSource
from rftui.evaluations.training_reads import read_training_lengths
from rftui.supervision.resuming import given_answers
from rftui.terminal.clean import clean
from store.layout import Home
from tests.eval_rows import evaluated_home, evaluation_records
from tests.evaluated_runs import GENERATED, REAL, answers, evaluation, write_run
from tests.store_runs import append, group, ingest_all

PAGE = Path(__file__).parent.parent / "docs" / "evaluation.md"
RUN = "sat-grpo-1"
HOSTILE = "\x1b]0;owned\x07[b]x[/]\u202e"
Command = Callable[..., str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A run with evaluations at steps 0 and 50, under both prompts."""
    monkeypatch.setenv("RFTUI_HOME", str(tmp_path))
    return evaluated_home(tmp_path)


@pytest.fixture
def rftui(home: Home, capsys: pytest.CaptureFixture[str]) -> Command:
    def command(*arguments: str) -> str:
        assert run([*arguments]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    return command


def keys_of(value: Any) -> set[str]:
    """Every key of a document but names that are data."""
    if isinstance(value, list):
        return {key for item in value for key in keys_of(item)}
    if not isinstance(value, dict):
        return set()
    data = ("source", "unparsed_by", "images")
    return set(value) | {key for name, item in value.items() if name not in data for key in keys_of(item)}


def test_the_newest_evaluation_is_printed_in_parts(rftui: Command) -> None:
    page = rftui("evals", RUN)

    assert page.splitlines()[1].split()[:3] == ["50", "think", "greedy"]
    assert "step 50  with <think>, greedy" in page
    assert "1 unparsed" in page and "by question type" in page
    assert "thinking broke 0, mended 3" in page and "against step 0" in page


def test_another_evaluation_is_named_by_how_it_was_asked(rftui: Command) -> None:
    assert "step 0  without <think>, greedy" in rftui("evals", RUN, "--step", "0", "--prompt", "direct")


def test_flips_are_listed_each_way_with_both_answers(home: Home, rftui: Command) -> None:
    broken = [*evaluation_records(90, "0" * 12), *evaluation_records(90, "110000000000", prompt="direct")]
    append(home.run(RUN).journal(0, 1), *broken)
    ingest_all(home)

    page = rftui("evals", RUN, "--flips", "--limit", "1", "--full")
    lines = [json.loads(line) for line in rftui("evals", RUN, "--flips", "--json").splitlines()]

    assert "thinking broke 2, the first 1" in page and "thinking mended 0" in page
    assert "without <think>  right: left" in page and "with <think>     wrong: right" in page
    assert "<think>step 90 thinks of 0</think><answer>right</answer>" in page
    assert [(line["flip"], line["number"]) for line in lines] == [("broken", 0), ("broken", 1)]
    assert lines[0]["direct"]["completion"] == "<answer>left</answer>"
    assert [key for key in keys_of(lines) if f"`{key}`" not in PAGE.read_text()] == []


def test_examples_that_did_not_flip_leave_two_empty_lists(rftui: Command) -> None:
    page = rftui("evals", RUN, "--flips", "--step", "0")

    assert "thinking broke 0" in page and "thinking mended 0" in page


def test_the_document_has_its_fields_and_its_page_names_them_all(home: Home, rftui: Command) -> None:
    rounds = [group(1, number, texts=("long right", "ok")) for number in range(3)]
    for each in rounds:
        each["samples"][1]["rewards"] = {"accuracy": 0.0}
    append(home.run(RUN).journal(0, 1), *rounds)
    ingest_all(home)

    document = json.loads(rftui("evals", RUN, "--lengths", "--json"))

    assert [item["step"] for item in document["evaluations"]] == [50, 50, 0, 0]
    assert document["detail"]["thinking"]["gained"] == 3
    within = document["training_lengths"]["within_prompts"]
    # 8 characters more, each a token in these rollouts, and right where the other is wrong
    assert (within["prompts"], within["mixed"], within["gap"]) == (3, 3, 8.0)
    assert within["slope"] == pytest.approx(100 / 8)
    assert document["training_lengths"]["by_rank"][0]["difference"] == -0.5
    page = PAGE.read_text(encoding="utf-8")
    assert [key for key in keys_of(document) if f"`{key}`" not in page] == []


def test_lengths_are_told_within_prompts_too(home: Home, rftui: Command) -> None:
    alone = rftui("evals", RUN, "--lengths")
    append(home.run(RUN).journal(0, 1), group(7, texts=("same", "text")))
    ingest_all(home)
    alike = rftui("evals", RUN, "--lengths")

    assert "by length" not in alone or "within prompts" not in alone
    assert "within prompts  training steps 7 to 7" in alike
    assert "no prompt has graded completions of different lengths" in alike
    assert json.loads(rftui("evals", RUN, "--json")).get("training_lengths") is None


def test_a_view_takes_the_last_steps_and_a_command_all(home: Home) -> None:
    steps = [group(step, texts=("x" * step, "y" * (step + 1))) for step in range(1, 6)]
    append(home.run(RUN).journal(0, 1), *steps)
    ingest_all(home)

    everything, last = (read_training_lengths(home, RUN, most=most) for most in (None, 5))

    assert everything is not None and last is not None
    assert (everything.first_step, everything.last_step) == (1, 5)
    assert (last.first_step, last.last_step) == (4, 5)
    page = EvalsSource(home, RUN).page(None)
    assert page.training is not None and page.training.first_step == 1


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["evals", RUN, "--step", "7"], 3, "no evaluation with step 7"),
        (["evals", RUN, "--decoding", "sampled"], 3, "no evaluation with decoding sampled"),
        (["evals", RUN, "--full"], 2, "--full belongs to --flips"),
        (["evals", RUN, "--limit", "3"], 2, "--limit belongs to --flips"),
        (["evals", RUN, "--flips", "--lengths"], 2, "two lists"),
        (["evals", "nobody"], 3, "nobody"),
    ],
)
def test_what_is_not_there_is_refused_with_the_fix(
    home: Home, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    assert run([*arguments, "--json"]) == code
    problem = json.loads(capsys.readouterr().err)
    assert said in problem["error"] and problem["fix"]


def test_a_run_without_evaluations_is_told_how_to_get_one(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    write_run(home, "sat-new-1", [])

    assert run(["evals", "sat-new-1"]) == 3
    assert "rftui eval sat-new-1" in capsys.readouterr().err


def test_nothing_foreign_reaches_the_terminal(home: Home, rftui: Command) -> None:
    odd = [
        {**record, "kind": HOSTILE, "gold": HOSTILE, "question": HOSTILE, "answer": HOSTILE, "completion": HOSTILE}
        for prompt, pattern in (("think", "01"), ("direct", "10"))
        for record in evaluation_records(99, pattern, prompt=prompt)
    ]
    append(home.run(RUN).journal(0, 1), *odd)
    ingest_all(home)

    for arguments in ([], ["--flips", "--full"], ["--lengths"]):
        page = rftui("evals", RUN, *arguments)
        assert "[b]x[/]" in page or arguments == ["--lengths"]
        assert clean(page) == page


def cell(home: Home, name: str, pattern: str, *, task: str, source: dict[str, Any], **settings: Any) -> None:
    """A run of one cell of an interaction."""
    write_run(home, name, [evaluation(answers(pattern), source=source)], task=task, **settings)


@pytest.fixture
def four(home: Home) -> Home:
    """A change that mends 20 of 60 on one task and breaks 5 of 60 on another."""
    length = {"rewards": {"accuracy": {}, "format": {}, "length": {"weight": 0.5}}}
    cell(home, "hard-1", "1" * 20 + "0" * 40, task="sat", source=GENERATED, seed=1)
    cell(home, "hard-2", "1" * 40 + "0" * 20, task="sat", source=GENERATED, seed=2, **length)
    cell(home, "easy-1", "1" * 50 + "0" * 10, task="sat", source=REAL, seed=1)
    cell(home, "easy-2", "1" * 45 + "0" * 15, task="sat", source=REAL, seed=2, **length)
    return home


def test_an_interaction_is_one_effect_less_the_other_with_what_changed(four: Home, rftui: Command) -> None:
    page = rftui("interaction", "hard-1", "hard-2", "easy-1", "easy-2")
    document = json.loads(rftui("interaction", "hard-1", "hard-2", "easy-1", "easy-2", "--json"))

    assert "effect +33.3" in page and "effect -8.3" in page
    assert "first effect less second  +41.7" in page and "p < 0.0001" in page
    assert page.count("change: rewards.length.weight not set -> 0.5") == 2
    assert "about these checkpoints" in page
    assert document["difference"] == pytest.approx(25 / 60)
    assert [effect["n"] for effect in document["effects"]] == [60, 60]
    assert [key for key in keys_of(document) if f"`{key}`" not in PAGE.read_text()] == []


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["hard-1", "hard-2", "easy-1"], "four cells"),
        (["hard-1", "hard-1", "easy-1", "easy-2"], "four cells"),
        (["hard-1", "easy-2", "easy-1", "hard-2"], "were not asked the same"),
        (["hard-1", "hard-2", "easy-1", "easy-2", "--prompt", "direct"], "was not evaluated with prompt direct"),
    ],
)
def test_cells_that_make_no_interaction_are_refused(
    four: Home, capsys: pytest.CaptureFixture[str], cells: list[str], said: str
) -> None:
    assert run(["interaction", *cells, "--json"]) == 2
    problem = json.loads(capsys.readouterr().err)
    assert said in problem["error"]
    assert "sat-" not in problem["fix"], "a run that is not there"


def test_an_evaluation_without_answers_is_resumed_and_not_evaluated(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(home, "sat-eval-1", [], state="killed", method="eval")
    write_run(home, "sat-grpo-2", [], state="killed")

    codes = [run(["evals", name]) for name in ("sat-eval-1", "sat-grpo-2")]
    said = capsys.readouterr().err

    assert codes == [3, 3]
    assert "`rftui resume sat-eval-1`" in said and "rftui eval sat-eval-1" not in said
    assert "`rftui eval sat-grpo-2` makes one" in said


def test_the_answers_of_an_evaluation_are_counted_once_over_its_attempts(home: Home) -> None:
    write_run(home, "sat-eval-1", [evaluation(answers("1101"), step=0)], state="killed", method="eval")
    run_dir = home.run("sat-eval-1")
    append(run_dir.journal(0, 2), *evaluation_records(0, "101010"))

    assert given_answers(run_dir) == 6
    assert given_answers(home.run("sat-eval-2")) == 0
