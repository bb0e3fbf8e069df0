"""Forecasts from the command line: printed again, of what there is so far, kept with a study once and in time."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from evals.forecast import Outlook, forecast
from rftui.cli.root import run
from rftui.errors import NotFound, RftuiError, UsageProblem
from rftui.studies.grades import rows
from rftui.studies.places import StudyPlace
from rftui.studies.progress import read_study
from rftui.suitability.forecasts import forecast_of
from rftui.suitability.page import page_lines
from rftui.suitability.studies import StudyTasks
from rftui.suitability.track import Pair, read_pairs, track_lines, track_record
from store.config import parse_config
from store.forecasts import forecast_document, read_forecast, write_forecast
from store.layout import Home
from tests.sampled_groups import completion, groups, sampled_run
from tests.sampled_groups import of as group_of_completions
from tests.store_runs import append, ingest_all, start
from tests.studied_runs import NAME, write_study

HOSTILE = "\x1b]0;owned\x07[/b]\u202eevil"
STUDY = """
name = "small"
recipe = "tiny"
model = "tiny"
[[tasks]]
name = "sat"
source = "generated"
[[tasks]]
name = "banner"
source = "generated"
difficulty = [0.2, 0.8]
[[regimes]]
name = "base"
method = "eval"
[[regimes]]
name = "longer"
method = "grpo"
settings = { rewards.length = { weight = 1.0 } }
[[regimes]]
name = "grpo"
method = "grpo"
settings = { temperature = 0.7 }
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("RFTUI_HOME", str(tmp_path / "home"))
    return Home(tmp_path / "home")


def document(right: list[int] | None = None, **changed: Any) -> dict[str, Any]:
    """The forecast of a sampling."""
    made = groups([4] * 30 if right is None else right, options=4)
    config = parse_config({"name": "sat-suit-1", "method": "suit", "task": "sat"})
    source = {"kind": "generated", "name": "sat-generated", "detail": "drawn"}
    found = forecast(made, made, trained_prompt="think").as_record()
    launch = {"uid": 7, "git": {"commit": "abc123"}}
    whole = forecast_document(found, config=config, source=source, launch=launch, prompts=30, made_at=60.0)
    # as it comes back from a file
    return dict(json.loads(json.dumps(whole))) | changed


def study(home: Home) -> StudyTasks:
    folder = home.path / "studies" / "small"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.toml").write_text(STUDY)
    return StudyTasks(home, "small", task="sat")


def test_a_forecast_is_written_once_and_stays(home: Home) -> None:
    run_dir = sampled_run(home)
    path = run_dir.forecast

    assert write_forecast(path, document(made_at=1.0))
    assert not write_forecast(path, document(made_at=2.0))
    assert read_forecast(path) == document(made_at=1.0)
    assert [each.name for each in run_dir.path.glob("forecast*")] == ["forecast.json"]


def test_what_there_is_so_far_is_said_and_kept_nowhere(home: Home) -> None:
    run_dir = sampled_run(home, right=[4] * 30)

    found = forecast_of(run_dir)

    assert not found.is_written
    assert found.document["measures"]["think"]["prompts"] == found.document["measures"]["direct"]["prompts"] == 30
    assert found.document["commit"] == "abc123"
    assert not run_dir.forecast.exists()
    assert any("SO FAR" in line for line in page_lines(found.document, width=100, is_written=False))


def test_of_a_step_that_was_sampled_again_the_later_groups_count(home: Home) -> None:
    run_dir = sampled_run(home, right=[4] * 30)
    append(run_dir.journal(0, 2), start(first_step=21) | {"weights": "w"})

    found = forecast_of(run_dir)

    # ten batches under each prompt came before
    assert found.document["measures"]["think"]["prompts"] == 10


def test_a_run_of_another_kind_and_an_empty_one_are_told_of(home: Home) -> None:
    other = sampled_run(home, "sat-grpo-2", uid=8)
    other.config.write_text(other.config.read_text().replace('"suit"', '"grpo"'))
    with pytest.raises(NotFound, match="sampled nothing before training"):
        forecast_of(other)
    empty = sampled_run(home, "sat-suit-3", uid=9, right=[])
    with pytest.raises(NotFound, match="sampled nothing yet"):
        forecast_of(empty)
    empty.forecast.write_text("{torn")
    with pytest.raises(RftuiError, match="cannot be read"):
        forecast_of(empty)


def test_the_page_says_where_its_numbers_come_from_and_why_groups_are_dead() -> None:
    made = document([8] * 10 + [0] * 10 + [4] * 10)
    page = "\n".join(page_lines(made, width=80, is_written=True))

    assert "GENERATED DATA; the embedded tiny model, difficulty 0.5" in page
    assert "30 prompts of split train, graded: 30 with <think> and 30 without <think>; 8" in page
    for label in ("dead: all right", "dead: all wrong", "mixed: some right, some wrong"):
        assert f"  {label:<30}    33.3% [19.2, 51.2]    33.3% [19.2, 51.2]" in page
    assert f"  {'dead: no answer could be read':<30}      0.0% [0.0, 11.4]" in page
    assert "Rules 1 (docs/suitability.md), made 1970-01-01 00:01 UTC" in page
    assert max(map(len, page.splitlines())) <= 80


def test_hostile_names_reach_the_page_as_text() -> None:
    settings = document()["settings"] | {"task": HOSTILE, "model": HOSTILE}
    made = document(run=HOSTILE, settings=settings, source={"kind": "real", "name": HOSTILE})
    made["measures"]["think"]["unread_by"] = {HOSTILE: 3}

    page = "\n".join(page_lines(made, width=100, is_written=True))

    assert not any(character in page for character in "\x1b\x07\u202e")
    assert "[/b]" in page


def test_a_page_without_any_graded_prompt_says_so() -> None:
    nothing = forecast([group_of_completions(0, [completion(None)])], [], trained_prompt="think").as_record()

    page = "\n".join(page_lines(document() | nothing, width=80, is_written=True))

    assert "no prompt could be graded" in page


def test_a_run_is_printed_again_by_its_name_and_as_json(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = sampled_run(home)
    write_forecast(run_dir.forecast, document())
    ingest_all(home)

    assert run(["suit", "sat-suit-1", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == {"is_whole": True, **document()}
    assert run(["suit", "sat-suit"]) == 0
    out = capsys.readouterr().out
    assert "GRPO: room to gain" in out
    assert "earlier forecasts: none" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["suit"], "none is named"),
        (["suit", "sat-suit-1", "--prompts", "9"], "what it sampled, whatever is asked now"),
        (["suit", "--study", "small", "--detach"], "names its runs itself"),
        (["suit", "--study", "none"], "no study none"),
        (["suit", "nowhere"], "no run"),
    ],
)
def test_what_does_not_go_together_is_refused(
    home: Home, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sampled_run(home)
    ingest_all(home)

    assert run(arguments) in (2, 3)
    assert said in capsys.readouterr().err


def test_a_study_is_sampled_as_its_plain_grpo_would_be(home: Home) -> None:
    from rftui.planning.plan import LaunchRequest, plan_launch

    tasks = study(home)
    changes = LaunchRequest(method="suit", flags={"task": "sat", "suit.prompts": 50})

    config = plan_launch(home, tasks.request("sat", changes, difficulty=None)).config

    assert (config.method.value, config.task, config.source, config.model) == ("suit", "sat", "generated", "tiny")
    assert (config.temperature, config.suit.prompts, config.recipe) == (0.7, 50, "tiny")
    assert set(config.rewards) == {"accuracy", "format"}
    with pytest.raises(UsageProblem, match="banner has 2 difficulties"):
        tasks.request("banner", changes, difficulty=None)
    hard = plan_launch(home, tasks.request("banner", changes, difficulty=0.8)).config
    assert (hard.task, hard.difficulty) == ("banner", 0.8)


def test_a_forecast_is_kept_with_a_study_once(home: Home) -> None:
    made = document()

    kept = Path(study(home).keep("sat", made))

    assert json.loads(kept.read_text()) == made
    with pytest.raises(UsageProblem, match="has a forecast of sat"):
        study(home)
    os.remove(kept)
    with pytest.raises(UsageProblem, match="is no forecast of sat"):
        study(home).keep("sat", made | {"settings": made["settings"] | {"task": "aircraft"}})


def pair(about: str, predicted: float, measured: float) -> Pair:
    return Pair("small", "sat", about, "room to gain", predicted, measured, measured - 0.1, measured + 0.1, "gained")


def test_forecasts_are_held_against_gains_by_rank() -> None:
    gains = [0.01, 0.05, 0.02, 0.2, 0.5]
    pairs = [pair("GRPO", predicted, gain) for predicted, gain in zip([0.1, 0.3, 0.2, 0.4, 0.5], gains, strict=True)]
    pairs += [pair("SFT", 0.1 * place, 0.0) for place in range(5)] + [pair("the length reward", 0.1, 0.2)] * 4

    found = {each.about: each for each in track_record(pairs)}

    assert found["GRPO"].rank_correlation == pytest.approx(1.0)
    assert found["GRPO"].n == 5
    assert found["SFT"].rank_correlation is None
    assert "all alike" in found["SFT"].why_not
    assert "not enough" in found["the length reward"].why_not
    assert any("GRPO: +1.00" in line and "n = 5" in line for line in track_lines(pairs))
    # 4 of 5 in order but for two neighbours: 1 - 6 * 2 / (5 * 24)
    swapped = [pair("GRPO", predicted, gain) for predicted, gain in zip([0.1, 0.2, 0.3, 0.4, 0.5], gains, strict=True)]
    assert track_record(swapped)[1].rank_correlation == pytest.approx(0.9)


def test_without_a_study_nothing_is_claimed_of_earlier_forecasts() -> None:
    assert "how good they are is not known" in track_lines([])[0]


def test_every_outlook_has_its_own_words() -> None:
    assert len({each.value for each in Outlook}) == len(Outlook)


def test_the_dashboard_shows_the_forecast_where_others_have_evaluations(home: Home) -> None:
    # textual and the run's screen cost a second, which the other tests do without
    import asyncio

    from rftui.screens.run_screen import TABS
    from rftui.widgets.text_panes import ForecastPane
    from tests.dashboard import dashboard

    run_dir = sampled_run(home)
    write_forecast(run_dir.forecast, document())
    ingest_all(home)

    async def look() -> None:
        async with dashboard(home, run_dir.name, tabs=tuple(tab for tab in TABS if tab.id == "evals")) as opened:
            shown = "\n".join(opened.screen.query_one(ForecastPane).lines.lines)
            assert "GRPO: room to gain" in shown
            assert "dead: all wrong" in shown

    asyncio.run(look())


def test_a_run_shows_its_forecast_once_there_is_one(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    run_dir = sampled_run(home)
    ingest_all(home)

    assert run(["show", run_dir.name, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["forecast"] is None
    write_forecast(run_dir.forecast, document())
    assert run(["show", run_dir.name]) == 0
    assert "  grpo: room to gain" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(("mode", "steps"), [("think", {1, 3, 5}), ("direct", {2, 4, 6})])
def test_completions_are_found_by_the_prompt_that_asked_for_them(home: Home, mode: str, steps: set[int]) -> None:
    from contextlib import closing

    from rftui.rollouts.query import parse_query
    from store.rollouts import iter_rollouts, matches_by_step, open_rollouts

    sampled_run(home, right=[4] * 3)
    ingest_all(home)

    with closing(open_rollouts(home, "sat-suit-1")) as connection:
        found = dict(matches_by_step(connection, parse_query(f"mode:{mode} right:yes").tests, range(1, 7)))

    assert {step for step, count in found.items() if count} == steps
    modes = {rollout.prompt_mode for rollout in iter_rollouts(home, "sat-suit-1") if rollout.step in steps}
    assert modes == {mode}


def test_forecasts_of_a_finished_study_are_held_against_what_it_measured(home: Home) -> None:
    write_study(home.path)
    place = StudyPlace(home, NAME)
    early, late = document(made_at=1.0), document(made_at=1e12)
    write_forecast(place.forecast("sat"), early)
    # made when training was long done
    write_forecast(place.forecast("banner"), late)

    pairs = {each.about: each for each in read_pairs(home)}

    assert {each.place for each in pairs.values()} == {"sat"}
    assert pairs["GRPO"].predicted == early["predicted"]["grpo"]
    # nothing was predicted of length, where all completions are of one
    assert "the length reward" not in pairs
    table = {row.regime: row.results for row in rows(home, read_study(home, NAME)) if row.task == "sat"}
    for about, before, after, prompt in (
        ("SFT", "base", "sft", "direct"),
        ("GRPO", "base", "grpo", "think"),
    ):
        accuracies = [table[regime][prompt].accuracy for regime in (before, after)]
        assert None not in accuracies
        assert pairs[about].measured == pytest.approx(accuracies[1] - accuracies[0])  # type: ignore[operator]
    assert {each.about: each.n for each in track_record(list(pairs.values()))}["SFT"] == 1
