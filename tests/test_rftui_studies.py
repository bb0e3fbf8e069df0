"""Studies without any process: definitions, cells, what changed, progress, and the table."""

from __future__ import annotations

import csv
import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from rftui.cli.root import run as run_command
from rftui.errors import NotFound, RftuiError, UsageProblem
from rftui.planning.preflight import check_settings
from rftui.studies.cells import cell_settings, cells_of, run_name, settings_digest, share_of
from rftui.studies.changes import changes
from rftui.studies.creating import NewStudy, create_study, new_text
from rftui.studies.definition import Study, parse_study, shipped_names, shipped_study
from rftui.studies.definition import read_study as read_definition
from rftui.studies.extending import extend_study
from rftui.studies.grades import read_grades, rows
from rftui.studies.listing import listed_studies
from rftui.studies.places import StudyPlace, find_place
from rftui.studies.plans import plan_cell
from rftui.studies.progress import EMPTY, TakenRun, read_study
from rftui.studies.tables import csv_form, document, grid_table, latex, markdown, narrow_tables, sentences, study_table
from rftui.studies.takeovers import FinishedRuns, equal_settings
from rftui.studies.waiting import progress_text
from store.config import RUN_NAME_PATTERN, parse_config
from store.layout import Home
from tests.evaluated_runs import REAL
from tests.studies import SMALL, cell_of, make_study, write_cell


def made(**changed: Any) -> Study:
    return parse_study(SMALL | changed, origin="a test")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


# definitions


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_study_has_cells_that_can_be_planned(home: Home, name: str) -> None:
    study = shipped_study(name)

    plans = [plan_cell(home, study, cell, name=run_name(name, cell), gpus="none") for cell in cells_of(study)[:40]]

    assert plans
    for plan in plans:
        assert not [finding for finding in check_settings(plan) if finding.level == "error" and finding.check != "gpus"]


def test_the_paper_is_three_tasks_four_regimes_and_baselines_once() -> None:
    cells = cells_of(shipped_study("paper"))

    assert len(cells) == 3 + 3 * 3 * 3
    assert [cell.is_baseline for cell in cells[:4]] == [True, True, True, False]
    # a whole seed before the second begins
    assert [cell.seed for cell in cells[3:]] == [0] * 9 + [1] * 9 + [2] * 9


def test_paper_tiny_asks_500_examples_with_both_prompts_and_trains_300_steps(home: Home) -> None:
    study = shipped_study("paper-tiny")
    configs = [plan_cell(home, study, cell, name="x", gpus="none").config for cell in cells_of(study)]

    assert {config.evaluation.examples for config in configs} == {500}
    assert {len(config.evaluation.prompts) for config in configs} == {2}
    assert {config.max_steps for config in configs if config.method == "grpo"} == {300}
    assert {config.source for config in configs} == {"generated"}
    assert len({config.evaluation.seed for config in configs}) == 1
    assert {config.rewards["length"].params["target"] for config in configs if "length" in config.rewards} == {24}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"tasks": []}, "tasks"),
        ({"seeds": [0, 0]}, "seeds has 0 twice"),
        ({"seeds": [-1]}, "seeds has -1"),
        ({"regimes": [{"name": "a", "method": "ppo"}]}, "regimes.0.method"),
        # a run of that method exists, and is no way to train
        ({"regimes": [{"name": "a", "method": "suit"}]}, "method is suit; give one of eval, sft, grpo"),
        ({"tasks": [{"name": "sat"}, {"name": "sat"}]}, "tasks has sat twice"),
        ({"evaluation": {"exmaples": 3}}, "evaluation has exmaples"),
        ({"sweep": {"learning_rate": []}}, "sweep has no value for learning_rate"),
        ({"random": {"n": 2, "ranges": {"learning_rate": {"low": 0.1, "high": 0.01}}}}, "low < high"),
        ({"colour": "red"}, "colour: no field of that name"),
        ({"name": "../x"}, "name"),
        (
            {"published": [{"source": "a paper", "task": "cats", "regime": "grpo", "prompt": "think", "value": 0.5}]},
            "cats grpo, which is no cell",
        ),
    ],
)
def test_a_wrong_field_is_named_with_what_is_expected(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        made(**changed)

    error = caught.value
    assert said in f"{error.error} {error.expected}"
    assert error.found
    assert error.fix


def test_a_file_that_is_no_toml_is_an_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("name = ")

    with pytest.raises(UsageProblem, match="cannot read the study"):
        read_definition(tmp_path / "x.toml")
    with pytest.raises(NotFound):
        read_definition(tmp_path / "y.toml")


# cells


def test_sweeps_multiply_trained_cells_and_leave_the_others() -> None:
    regimes = [*SMALL["regimes"], {"name": "plain", "method": "grpo", "swept": False}]
    study = made(sweep={"learning_rate": [1e-4, 2e-4], "beta": [0.0, 0.1]}, seeds=[0], regimes=regimes)

    keys = [cell.key for cell in cells_of(study)]

    assert keys[0] == "sat-base"
    assert keys.count("sat-plain-s0") == 1
    assert len([key for key in keys if "-grpo-" in key]) == 4
    assert "sat-grpo-learning_rate0.0001.beta0.1-s0" in keys


def test_random_points_are_the_same_whenever_they_are_drawn() -> None:
    sweep = {"n": 3, "seed": 5, "ranges": {"learning_rate": {"low": 1e-6, "high": 1e-3, "log": True}}}
    first, second = (cells_of(made(random=sweep, seeds=[0])) for _ in range(2))

    assert first == second
    values = [dict(cell.point)["learning_rate"] for cell in first if cell.point]
    assert len(set(values)) == 3
    assert all(1e-6 <= value <= 1e-3 for value in values)


def test_a_sweep_of_too_many_cells_is_refused() -> None:
    with pytest.raises(UsageProblem, match="more than 2000 cells"):
        cells_of(made(sweep={"beta": list(range(100)), "epsilon": list(range(100))}))


def test_names_of_runs_are_names_however_long_the_cell_is() -> None:
    import re

    study = made(name="a" * 30, sweep={"lora.targets": ["x" * 200, ".*[a]"]})

    names = [run_name(study.name, cell) for cell in cells_of(study)]

    assert len(set(names)) == len(names)
    assert all(re.fullmatch(RUN_NAME_PATTERN, name) for name in names)


def test_a_multiple_of_another_setting_is_worked_out_from_the_recipe(home: Home) -> None:
    regime: dict[str, Any] = {"name": "grpo", "method": "grpo"}
    regime["settings"] = {"rewards": {"length": {"params": {"target": "0.25 * max_completion_length"}}}}
    study = made(regimes=[regime])

    config = plan_cell(home, study, cells_of(study)[0], name="x", gpus="none").config

    assert config.rewards["length"].params["target"] == 0.25 * config.max_completion_length
    # the default rewards stay beside it
    assert set(config.rewards) == {"accuracy", "format", "length"}


def test_a_multiple_of_what_is_no_number_says_so() -> None:
    with pytest.raises(UsageProblem, match="optim is no number"):
        share_of("2 * optim", {"optim": "adamw"}, key="max_steps")


@pytest.mark.parametrize(
    ("settings", "said"),
    [({"learning_rte": 1}, "did you mean learning_rate"), ({"gpus": [1]}, "sets gpus among its settings")],
)
def test_a_setting_that_is_none_is_refused_when_a_cell_is_planned(
    home: Home, settings: dict[str, Any], said: str
) -> None:
    study = made(settings=settings)

    with pytest.raises(UsageProblem, match=said):
        plan_cell(home, study, cells_of(study)[1], name="x", gpus="none")


def test_the_study_decides_over_the_recipe_and_the_regime_over_the_study(home: Home) -> None:
    regime = {"name": "grpo", "method": "grpo", "settings": {"max_steps": 7}}
    study = made(settings={"max_steps": 5, "beta": 0.3}, regimes=[regime], seeds=[4], evaluation={"examples": 12})

    config = plan_cell(home, study, cells_of(study)[0], name="x", gpus="none").config

    assert (config.max_steps, config.beta, config.seed, config.evaluation.examples) == (7, 0.3, 4, 12)
    assert config.recipe == "tiny"


# what changed


def test_a_changed_setting_alters_the_cells_that_it_reaches() -> None:
    after = made(regimes=[SMALL["regimes"][0], {**SMALL["regimes"][1], "settings": {"beta": 0.1}}], seeds=[0, 1, 2])

    found = changes(made(), after)

    assert found.altered == ("sat-grpo-s0", "sat-grpo-s1")
    assert found.added == ("sat-grpo-s2",)
    assert not found.removed
    assert {field.key for field in found.fields} == {"seeds", "regimes.grpo.settings.beta"}
    assert next(str(field) for field in found.fields if field.key == "seeds") == "seeds: [0, 1] -> [0, 1, 2]"


def test_how_long_others_train_alters_no_baseline() -> None:
    after = made(settings={"max_steps": 9, "save_steps": 3}, evaluation={"every": 5})

    assert changes(made(), after).altered == ("sat-grpo-s0", "sat-grpo-s1")
    assert "sat-base" in changes(made(), made(evaluation={"examples": 5})).altered


def test_a_title_decides_nothing() -> None:
    assert not changes(made(), made(title="another", published_note="said")).fields


# making and extending


def test_a_new_study_keeps_its_comments_and_names_its_recipe(home: Home) -> None:
    made_study = create_study(home, NewStudy("paper-tiny", name="mine", seeds=[3]))

    text = made_study.place.definition.read_text()
    assert "# the training-free row" in text
    study = read_definition(made_study.place.definition)
    assert (study.name, study.seeds, study.recipe) == ("mine", (3,), "tiny")


def test_a_new_study_takes_other_tasks_sources_and_settings(home: Home, tmp_path: Path) -> None:
    task_file = tmp_path / "My Task.py"
    task_file.write_text("")
    asked = NewStudy(
        "paper", tasks=["sat", str(task_file)], source="generated", recipe="tiny", assignments=["lora.r=4", "beta=0.5"]
    )

    study = create_study(home, asked).study

    assert [(task.name, task.task_name, task.source) for task in study.tasks] == [
        ("sat", "sat", "generated"),
        ("my-task", str(task_file), "generated"),
    ]
    assert cell_settings(study, cells_of(study)[-1])["lora.r"] == 4
    # what a paper says of a task that is not there goes with it
    assert study.published == ()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (NewStudy("papr"), "no study papr ships"),
        (NewStudy("paper", name="Two Words"), "is no name"),
        (NewStudy("paper", recipe="lora"), "no recipe lora"),
        (NewStudy("paper", assignments=["learning_rte=1"]), "learning_rate"),
        (NewStudy("nowhere.toml"), "no study in"),
    ],
)
def test_a_new_study_that_cannot_be_made_says_why(home: Home, asked: NewStudy, said: str) -> None:
    with pytest.raises(RftuiError, match=said) as caught:
        create_study(home, asked)

    assert caught.value.fix
    assert not (home.path / "studies").exists()


def test_a_study_is_not_written_over(home: Home) -> None:
    create_study(home, NewStudy("seeds"))

    with pytest.raises(RftuiError, match="is there"):
        create_study(home, NewStudy("seeds"))


def test_a_definition_of_ones_own_may_come_from_a_file(home: Home, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(tomli_w.dumps(SMALL | {"name": "mine"}))

    assert new_text(NewStudy(str(tmp_path / "mine.toml"))).study.name == "mine"


def test_extending_adds_seeds_and_is_no_change_to_be_asked_about(home: Home) -> None:
    place = create_study(home, NewStudy("seeds")).place
    place.started.write_text(place.definition.read_text())

    assert extend_study(home, "seeds", more=2) == (5, 6)
    assert extend_study(home, "seeds", seeds=[11]) == (11,)

    assert read_definition(place.definition).seeds == (0, 1, 2, 3, 4, 5, 6, 11)
    assert read_definition(place.started) == read_definition(place.definition)
    assert place.definition.read_text().startswith("# How far results move")


def test_extending_does_not_hide_another_change(home: Home) -> None:
    place = make_study(home)
    place.started.write_text(tomli_w.dumps(SMALL | {"settings": {"beta": 0.5}}))

    extend_study(home, "small", more=1)

    assert read_definition(place.started).seeds == (0, 1)


@pytest.mark.parametrize("asked", [{"more": 0}, {"seeds": [1]}, {"seeds": [7, 7]}, {"more": -1}])
def test_an_extension_that_is_none_is_refused(home: Home, asked: dict[str, Any]) -> None:
    make_study(home)

    with pytest.raises(UsageProblem) as caught:
        extend_study(home, "small", **asked)

    assert caught.value.fix.startswith("rftui study extend small")


# progress and numbers


def test_an_empty_study_knows_the_names_of_its_runs(home: Home) -> None:
    make_study(home)

    view = read_study(home, "small")

    assert view.counts() == {EMPTY: 3}
    assert [item.run for item in view.cells] == ["small-sat-base", "small-sat-grpo-s0", "small-sat-grpo-s1"]
    assert not view.is_started


def test_a_run_counts_for_the_cell_that_it_was_launched_for_and_for_no_other(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-grpo-s0", {"think": "1100"})
    place = make_study(home, settings={"beta": 0.5})

    changed = cell_of(read_study(home, "small"), "sat-grpo-s0")
    place.definition.write_text(tomli_w.dumps(SMALL))
    before = cell_of(read_study(home, "small"), "sat-grpo-s0")

    assert (changed.state, changed.run) == (EMPTY, "small-sat-grpo-s0.2")
    assert (before.state, before.run) == ("finished", "small-sat-grpo-s0")


def test_a_strangers_run_of_the_same_name_is_not_the_cells(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-base", {"think": "11"})
    launch = home.run("small-sat-base").launch
    launch.write_text(json.dumps({"uid": 5, "name": "small-sat-base", "created_at": 1.0}))

    assert cell_of(read_study(home, "small"), "sat-base").run == "small-sat-base.2"


def test_results_are_those_of_the_last_evaluation_by_prompt(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-grpo-s0", {"think": "1110", "direct": "10"})

    results = cell_of(read_study(home, "small"), "sat-grpo-s0").results

    assert (results["think", "greedy"].correct, results["think", "greedy"].n) == (3, 4)
    assert results["direct", "greedy"].accuracy == 0.5
    assert results["think", "greedy"].source_kind == "generated"


def test_a_run_that_was_taken_over_stands_for_its_cell_until_it_is_gone(home: Home) -> None:
    place = make_study(home)
    study = read_definition(place.definition)
    write_cell(home, "small", "sat-base", {"think": "11"})
    home.run("small-sat-base").path.rename(home.run("other").path)
    digest = settings_digest(study, cells_of(study)[0])
    place.taken.write_text(json.dumps({"sat-base": TakenRun("other", digest)._asdict()}))

    assert cell_of(read_study(home, "small"), "sat-base").is_taken_over
    home.run("other").launch.unlink()
    assert cell_of(read_study(home, "small"), "sat-base").state == EMPTY


def test_a_damaged_list_of_runs_taken_over_takes_nothing_over(home: Home) -> None:
    make_study(home).taken.write_text('{"sat-base": 3}')

    assert cell_of(read_study(home, "small"), "sat-base").state == EMPTY


def test_a_study_that_is_not_there_names_the_nearest(home: Home) -> None:
    make_study(home)

    with pytest.raises(NotFound) as caught:
        find_place(home, "smal")

    assert caught.value.fix == "write small"


def test_the_table_averages_finished_seeds_and_says_which(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-base", {"think": "1000", "direct": "1100"})
    write_cell(home, "small", "sat-grpo-s0", {"think": "1110", "direct": "1100"})
    write_cell(home, "small", "sat-grpo-s1", {"think": "1100", "direct": "1100"}, state="running")

    base, grpo = rows(home, read_study(home, "small"))

    assert base.results["think"].accuracy == 0.25
    assert grpo.results["think"].accuracy == 0.75
    assert (grpo.results["think"].seeds, grpo.results["think"].states) == ((0,), ("finished", "running"))
    write_cell_finished(home)
    both = rows(home, read_study(home, "small"))[1].results["think"]
    assert (both.accuracy, both.seeds, both.are_seeds_resampled) == (0.625, (0, 1), False)
    assert both.low is not None
    assert both.low < 0.625


def write_cell_finished(home: Home) -> None:
    """The second seed's run ends."""
    from store.ingest import ingest_run
    from tests.store_runs import append

    append(home.run("small-sat-grpo-s1").supervisor_journal, {"type": "state", "attempt": 1, "state": "finished"})
    ingest_run(home, "small-sat-grpo-s1")


def test_grades_are_by_example_and_only_of_what_can_be_graded(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-base", {"think": "10-"})
    view = cell_of(read_study(home, "small"), "sat-base")

    assert read_grades(home, view, "think", "greedy") == {"example-0": True, "example-1": False}
    assert read_grades(home, view, "direct", "greedy") == {}


def test_answers_that_are_indexed_after_their_totals_are_not_missed_for_good(home: Home) -> None:
    make_study(home)
    write_cell(home, "small", "sat-base", {"think": "1000"})
    database = home.rollouts("small-sat-base")
    hidden = database.with_suffix(".hidden")
    database.rename(hidden)

    before = rows(home, read_study(home, "small"))[0].results["think"].accuracy
    hidden.rename(database)

    assert before is None
    assert rows(home, read_study(home, "small"))[0].results["think"].accuracy == 0.25


def finished_study(home: Home, **changed: Any) -> None:
    make_study(home, **changed)
    for item, think in zip(read_study(home, "small").cells, ("1000", "1110", "1010"), strict=False):
        write_cell(home, "small", item.cell.key, {"think": think, "direct": "1100"})


def test_the_table_for_people_has_both_prompts_intervals_n_seeds_and_source(home: Home) -> None:
    finished_study(home)
    table = grid_table(study_table(home, read_study(home, "small")))

    assert [column.title for column in table.columns] == [
        "task", "trained by", "w/o <think>", "w/ <think>", "n", "seeds", "data"
    ]  # fmt: skip
    assert table.rows[1][:2] == ["sat", "GRPO"]
    assert table.rows[1][3].startswith(".625 [")
    assert table.rows[1][4:] == ["4", "2", "generated"]


def test_generated_data_and_a_tiny_model_are_said_wherever_they_are_so(home: Home) -> None:
    finished_study(home)
    said = sentences(study_table(home, read_study(home, "small")))

    assert "generated data, tiny model: not comparable with any paper" in said
    assert any("under 5 seeds" in sentence for sentence in said)


def test_nothing_is_said_of_generated_data_where_data_is_real(home: Home) -> None:
    make_study(home, model="some/model", recipe="paper")
    write_cell(home, "small", "sat-base", {"think": "10"}, source=REAL)

    assert not any("generated" in text for text in sentences(study_table(home, read_study(home, "small"))))


def test_published_numbers_stand_beside_ours_with_their_source(home: Home) -> None:
    number = {"source": "a paper, table 1", "task": "sat", "regime": "grpo", "prompt": "think", "value": 0.912}
    finished_study(home, published=[number])
    shown = study_table(home, read_study(home, "small"))

    assert "—, .912" in grid_table(shown).rows[1]
    assert "paper: a paper, table 1" in sentences(shown)
    entry = next(item for item in document(shown)["table"] if item["regime"] == "grpo" and item["prompt"] == "think")
    assert (entry["published"], entry["published_source"]) == (0.912, "a paper, table 1")


def test_every_form_tells_the_same_numbers(home: Home) -> None:
    finished_study(home)
    shown = study_table(home, read_study(home, "small"))

    as_markdown, as_latex = "\n".join(markdown(shown)), "\n".join(latex(shown))
    read = list(csv.DictReader(csv_form(shown).splitlines()))
    entry = next(item for item in read if item["regime"] == "grpo" and item["prompt"] == "think")

    assert "| sat | GRPO |" in as_markdown
    assert ".625 [" in as_markdown
    assert ".625 [" in as_latex
    assert "tiny model" in as_latex
    assert (float(entry["accuracy"]), entry["seeds"], entry["source"]) == (0.625, "0 1", "generated")
    assert document(shown)["states"] == {"finished": 3}


def test_a_terminal_of_80_columns_shows_every_column_of_the_grid(home: Home) -> None:
    regimes = [SMALL["regimes"][0], {"name": "grpo", "label": "GRPO + length", "method": "grpo"}]
    finished_study(home, regimes=regimes, tasks=[{"name": "aircraft", "source": "generated"}], seeds=[0])
    (table,) = narrow_tables(study_table(home, read_study(home, "small")))

    widths = [max(len(text) for text in column) for column in zip(*table.rows, strict=True)]

    assert table.title == "greedy, n 4, generated data"
    assert [column.title for column in table.columns] == ["task", "trained by", "w/o <think>", "w/ <think>", "seeds"]
    assert sum(max(width, 5) + 3 for width in widths) <= 80


def test_two_decodings_stand_below_each_other(home: Home) -> None:
    make_study(home, seeds=[0])
    write_cell(home, "small", "sat-base", {"think": "10"}, decoding="greedy")
    write_cell(home, "small", "sat-grpo-s0", {"think": "11"}, decoding="sampled")

    table = grid_table(study_table(home, read_study(home, "small")))

    assert [row[2] for row in table.rows] == ["greedy", "sampled", "greedy", "sampled"]
    assert table.rows[0][4].startswith(".500")
    assert table.rows[3][4].startswith("1.000")


def test_hostile_labels_stay_text(home: Home) -> None:
    regimes = [{"name": "base", "label": "a|b\x1b[31m\n](x) & \\input{y}", "method": "eval"}]
    make_study(home, regimes=regimes)
    write_cell(home, "small", "sat-base", {"think": "10"})
    shown = study_table(home, read_study(home, "small"))

    lines = list(markdown(shown))
    assert r"a\|b" in next(line for line in lines if line.startswith("| sat"))
    assert not any("\x1b" in line for line in [*lines, *latex(shown), csv_form(shown)])
    assert r"\textbackslash{}input\{y\}" in "\n".join(latex(shown))


# taking over


def test_a_finished_run_with_equal_settings_stands_for_a_baseline(home: Home) -> None:
    study = made()
    plan = plan_cell(home, study, cells_of(study)[0], name="x", gpus="none")
    write_finished(home, "elsewhere", plan.config.model_dump(mode="json"))

    assert FinishedRuns(home).equal_to(plan.config) == "elsewhere"


@pytest.mark.parametrize(
    "changed", [{"difficulty": 0.9}, {"evaluation": {"seed": 3}}, {"task": "banner"}, {"max_completion_length": 47}]
)
def test_a_run_with_other_settings_does_not(home: Home, changed: dict[str, Any]) -> None:
    study = made()
    plan = plan_cell(home, study, cells_of(study)[0], name="x", gpus="none")
    settings = plan.config.model_dump(mode="json")
    settings["evaluation"] |= changed.pop("evaluation", {})
    write_finished(home, "elsewhere", settings | changed)

    assert FinishedRuns(home).equal_to(plan.config) is None


def test_a_run_of_another_version_does_not(home: Home) -> None:
    study = made()
    plan = plan_cell(home, study, cells_of(study)[0], name="x", gpus="none")
    write_finished(home, "elsewhere", plan.config.model_dump(mode="json"), version="0.0.1")

    assert FinishedRuns(home).equal_to(plan.config) is None


def test_code_of_the_users_own_is_never_taken_over(home: Home, tmp_path: Path) -> None:
    config = parse_config({"name": "x", "method": "eval", "task": str(tmp_path / "task.py")})
    write_finished(home, "elsewhere", config.model_dump(mode="json"))

    assert FinishedRuns(home).equal_to(config) is None


def test_training_settings_say_nothing_about_an_evaluation() -> None:
    one = parse_config({"name": "x", "method": "eval", "max_steps": 5, "seed": 3})
    other = parse_config({"name": "y", "method": "eval", "max_steps": 9})

    assert equal_settings(one) == equal_settings(other)
    trained = [parse_config({"name": "x", "max_steps": steps}) for steps in (5, 9)]
    assert equal_settings(trained[0]) != equal_settings(trained[1])


def write_finished(home: Home, name: str, settings: dict[str, Any], *, version: str | None = None) -> None:
    import rftui
    from store.config import config_toml
    from store.ingest import ingest_run
    from tests.store_runs import append

    run_dir = home.run(name)
    run_dir.journal_dir.mkdir(parents=True)
    run_dir.config.write_text(config_toml(parse_config(settings | {"name": name})))
    facts = {"uid": 77, "name": name, "created_at": 10.0, "rftui_version": version or rftui.__version__}
    run_dir.launch.write_text(json.dumps(facts))
    append(run_dir.supervisor_journal, {"type": "state", "attempt": 1, "state": "finished"})
    ingest_run(home, name)


# lists and words


def test_a_broken_study_hides_no_other_in_the_list(home: Home) -> None:
    make_study(home)
    broken = StudyPlace(home, "broken")
    broken.path.mkdir(parents=True)
    broken.definition.write_text("name = 3")

    listed = {item.name: item for item in listed_studies(home)}

    assert listed["small"].cells == 3
    assert listed["broken"].problem
    assert listed["paper"].is_shipped


def test_progress_is_one_line() -> None:
    states = {"a": "finished", "b": "running", "c": "queued", "d": "queued"}

    assert progress_text(states, empty=1) == "1 of 5 cells finished, 2 queued, 1 running (b)"


# commands, in this process: those that start nothing


def told(capsys: pytest.CaptureFixture[str], home: Home, *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `rftui study`."""
    code = run_command(["study", *words, "--home", str(home.path)])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_study_is_made_listed_and_left_as_it_is_by_command(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(capsys, home, "new", "seeds", "--name", "mine", "--seeds", "3,4", "--json")
    assert code == 0
    assert json.loads(out)["cells"] == 1 + 2 * 2
    before = StudyPlace(home, "mine").definition.read_text()

    again = told(capsys, home, "new", "seeds", "--name", "mine", "--if-absent")
    refused = told(capsys, home, "new", "seeds", "--name", "mine", "--json")

    assert again[0] == 0
    assert "stays as it is" in again[2]
    assert refused[0] == 1
    assert json.loads(refused[2])["error"] == "a study mine is there"
    assert StudyPlace(home, "mine").definition.read_text() == before
    listed = json.loads(told(capsys, home, "list", "--json")[1])
    assert [item["name"] for item in listed if not item["is_shipped"]] == ["mine"]
    assert {"paper", "paper-tiny", "length", "difficulty"} <= {item["name"] for item in listed if item["is_shipped"]}


def test_a_definition_is_printed_and_not_written(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = told(capsys, home, "new", "paper", "--task", "sat", "--recipe", "tiny", "--print")

    assert code == 0
    assert parse_study(tomllib.loads(out), origin="what was printed").tasks[0].name == "sat"
    assert not (home.path / "studies").exists()


def test_seeds_that_are_no_numbers_are_refused(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = told(capsys, home, "new", "paper", "--seeds", "1,two", "--json")

    assert code == 2
    assert json.loads(err) == {
        "error": "--seeds 1,two are no seeds",
        "found": "1,two",
        "expected": "whole numbers with commas",
        "fix": "--seeds 0,1,2",
    }


def test_the_table_is_shown_in_each_form_by_command(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    finished_study(home)

    shown = {form: told(capsys, home, "show", "small", form) for form in ("--markdown", "--latex", "--csv", "--json")}
    for_people = told(capsys, home, "show", "small", "--cells")
    folder = told(capsys, home, "show", "small", "--folder")

    assert {code for code, _, _ in shown.values()} == {0}
    assert "| sat | GRPO |" in shown["--markdown"][1]
    assert r"\begin{tabular}" in shown["--latex"][1]
    assert shown["--csv"][1].startswith("study,task,")
    assert json.loads(shown["--json"][1])["states"] == {"finished": 3}
    assert "tiny model" in for_people[1]
    assert "small-sat-grpo-s1" in for_people[1]
    assert folder[1].strip() == str(home.path / "studies" / "small")


@pytest.mark.parametrize("command", ["list", "new", "run", "show", "stop", "extend", "retry"])
def test_every_command_shows_two_examples_in_its_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["study", command, "--help"]) == 0

    assert capsys.readouterr().out.count("$ rftui study") >= 2


def test_nothing_that_failed_is_nothing_to_try_again(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    finished_study(home)

    code, _, err = told(capsys, home, "retry", "small", "--json")

    assert code == 1
    assert json.loads(err)["found"] == "3 finished"
