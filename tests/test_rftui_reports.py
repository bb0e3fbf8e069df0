"""Reports on studies: every sentence from numbers on the page, hostile text as text, and what is missing said."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evals.statistics import holm
from rftui.cli.root import app
from rftui.formats import fraction, p_text
from rftui.reports.document import document
from rftui.reports.figures import draw_effects
from rftui.reports.findings import Question, Verdict, reach
from rftui.reports.forecasts import NOTHING_SAID
from rftui.reports.markdown import escaped, fenced, markdown
from rftui.reports.page import html
from rftui.reports.pictures import read_picture
from rftui.reports.prose import caveats, forecast_sentences, in_short, sections
from rftui.reports.report import Report, make_report
from rftui.reports.trained import averaged, band, spread_within
from rftui.reports.wording import both_seeds, points, tokens
from rftui.reports.writing import pictures_of, write_report
from rftui.studies.places import StudyPlace
from store.layout import Home
from tests.studied_runs import NAME, study_of, write_cell, write_study

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> {{ 7*7 }} \u202egnp.exe\u2066 \x1b]0;owned\x07\x1b[2J\x00 "
    "```\n# not a heading | [link](javascript:alert(3)) </pre></body>"
)
LOADED = "performance.getEntriesByType('resource').filter(entry => !entry.name.startsWith('data:')).length"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A finished study, with a forecast of one of its two tasks."""
    made = write_study(tmp_path_factory.mktemp("studied") / "home")
    write_forecast(made, "sat")
    return made


@pytest.fixture(scope="module")
def report(home: Home) -> Report:
    return make_report(home, NAME)


def write_forecast(home: Home, task: str, **changed: Any) -> None:
    verdicts = [
        {"about": "sft", "mode": "direct", "outlook": "room to gain", "sentences": ["40.0 points are missing."]},
        {"about": "grpo", "mode": "think", "outlook": "little to gain", "sentences": ["Few groups are mixed."]},
        {"about": "length", "mode": "think", "outlook": "speaks against it", "sentences": ["Longer ones are wrong."]},
        {"about": "thinking", "mode": "both", "outlook": "unclear", "sentences": ["The interval holds zero."]},
    ]
    predicted = {"sft": 0.4, "grpo": 0.021, "length": -0.033, "thinking": None}
    fields = {
        "rules": 1,
        "made_at": 50.0,
        "commit": "abc",
        "settings": {"difficulty": 0.5},
        "verdicts": verdicts,
        "predicted": predicted,
        **changed,
    }
    StudyPlace(home, NAME).forecast(task).write_text(json.dumps(fields))


def prose_of(fields: Mapping[str, Any]) -> Iterator[str]:
    """Every sentence of a document."""
    for name, value in fields["prose"].items():
        if name == "in_short":
            yield from (each["answer"] for each in value)
        elif isinstance(value, str):
            yield value
        elif name != "methods":
            yield from value
    for question in fields["questions"]:
        yield from question["prose"]["answer"]
        yield from question["prose"]["depends_on_task"]


NUMBER = re.compile(r"[-+]?(?:\d(?:[\d,]*\d)?(?:\.\d+)?|\.\d+)")


SHOWN: tuple[tuple[Callable[[float], str], tuple[str, ...]], ...] = (
    (points, ("difference", "low", "high", "first", "second", "effect")),
    (tokens, ("change", "low", "high", "gap", "gap_low", "gap_high")),
    (fraction, ("before_accuracy", "after_accuracy")),
    (p_text, ("p", "p_holm")),
    ("{:.1f}".format, ("before_tokens", "after_tokens", "spread_tokens")),
    (lambda share: f"{share:.2f}".removeprefix("0"), ("significant",)),
)
"""How the numbers under these names are written in prose."""


def known_numbers(value: Any, name: str = "") -> Iterator[str]:
    """How each number of a document may be written in prose; numbers within its texts as they are."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key != "prose":
                yield from known_numbers(item, key)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from known_numbers(item, name)
    elif isinstance(value, str):
        yield from NUMBER.findall(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        yield from (str(value), f"{value:,}")
    elif isinstance(value, float):
        yield from (NUMBER.findall(show(value))[0] for show, names in SHOWN if name in names)


def unknown_numbers(fields: Mapping[str, Any], known: set[str]) -> set[tuple[str, str]]:
    """Numbers of the prose that are nowhere else, each with its sentence."""
    return {
        (number, sentence)
        for sentence in prose_of(fields)
        for number in NUMBER.findall(sentence)
        if number not in known
    }


def test_every_number_in_the_prose_is_in_the_json(report: Report) -> None:
    fields = json.loads(json.dumps(document(report)))

    assert not unknown_numbers(fields, set(known_numbers(fields)))


def test_a_sentence_whose_number_is_nowhere_would_be_noticed(report: Report) -> None:
    fields = json.loads(json.dumps(document(report)))
    fields["questions"][0]["prose"]["answer"].append("GRPO gains +98.7 points, p .0123.")

    unknown = unknown_numbers(fields, set(known_numbers(fields)))

    assert {number for number, _ in unknown} == {"+98.7", ".0123"}


def test_the_questions_of_the_paper_are_answered_in_its_order(report: Report) -> None:
    assert [answer.question for answer in report.answers] == list(Question)
    longer = report.answer(Question.LONGER)
    assert longer is not None
    by_place = {(effect.contrast.place.task, effect.contrast.after_prompt): effect.verdict for effect in longer.effects}
    assert by_place["sat", "think"] is Verdict.HIGHER
    assert by_place["banner", "think"] is Verdict.LOWER
    assert by_place["sat", "direct"] is Verdict.UNDECIDED


def test_longer_thinking_is_tested_as_an_interaction_of_tasks(report: Report) -> None:
    longer = report.answer(Question.LONGER)
    assert longer is not None

    think = next(each for each in longer.depends if each.first.after_prompt == "think")

    assert (think.first.place.task, think.second.place.task) == ("sat", "banner")
    effects = {
        effect.contrast.place.task: effect.found.difference
        for effect in longer.effects
        if effect.contrast.after_prompt == "think"
    }
    assert think.found.difference == pytest.approx(effects["sat"] - effects["banner"])
    assert think.verdict is Verdict.HIGHER


def test_p_values_are_corrected_for_all_tests_of_a_question(report: Report) -> None:
    for answer in report.answers:
        assert [effect.p_holm for effect in answer.effects] == holm([effect.found.p for effect in answer.effects])
    thinking = report.answer(Question.THINKING)
    assert thinking is not None
    assert len(thinking.effects) == 8  # two tasks, four regimes


def test_thinking_is_of_the_same_checkpoints(report: Report) -> None:
    thinking = report.answer(Question.THINKING)
    assert thinking is not None

    for effect in thinking.effects:
        before, after = effect.contrast.evaluated("greedy")
        assert [each.run for each in before] == [each.run for each in after]
        assert effect.contrast.of_seeds("greedy").are_seeds_paired


def test_three_seeds_claim_only_about_these_checkpoints(report: Report) -> None:
    assert any("about these checkpoints only and not about a method" in text for text in caveats(report))
    for section in sections(report):
        assert any("these checkpoints only" in sentence for sentence in section.sentences)


def test_five_seeds_claim_about_the_method(tmp_path: Path) -> None:
    study = study_of(seeds=(0, 1, 2, 3, 4), tasks=[{"name": "sat", "source": "generated"}])
    home = write_study(tmp_path / "home", study, without=[f"sat-sft-s{seed}" for seed in range(5)])

    report = make_report(home, NAME)

    base = report.answer(Question.OVER_BASE)
    assert base is not None
    assert all(effect.found.are_seeds_resampled for effect in base.effects)
    text = " ".join(next(each for each in sections(report) if each.answer is base).sentences)
    assert "Seeds and examples are both resampled" in text
    assert "these checkpoints only" not in text
    # a training-free model has no seeds, and is not counted among either
    thinking = report.answer(Question.THINKING)
    assert thinking is not None
    assert (len(thinking.effects), reach(thinking.effects)) == (3, (0, 2))
    # and of SFT, which has no run, it says so
    over_sft = report.answer(Question.OVER_SFT)
    assert over_sft is not None
    assert {each.why for each in over_sft.missing} == {"no finished run of SFT (empty)"}
    assert next(each for each in sections(report) if each.answer is over_sft).sentences == (
        "Not enough data: nothing could be tested.",
    )
    assert sections(report)[0].depends == ("Not enough data: it needs the same change at two places.",)


def test_generated_data_and_the_tiny_model_are_named_on_top_and_at_tables(report: Report) -> None:
    page, text = html(report), markdown(report)

    assert report.caveat == "generated data, tiny model"
    assert page.index("generated data, tiny model") < page.index('id="short"')
    assert page.count("Generated data, tiny model") >= 1 + 2 * len(report.answers)
    assert text.index("Generated data, tiny model") < text.index("## In short")


def test_real_data_is_not_called_generated(tmp_path: Path) -> None:
    study = study_of(seeds=(0,), tasks=[{"name": "sat"}], model="/models/qwen")
    home = write_study(tmp_path / "home", study, without=[f"sat-{regime}" for regime in ("base",)] + all_trained(0))
    cell = next(cell for cell in cells(study) if cell.key == "sat-base")
    real = {"kind": "real", "name": "/data/sat", "detail": "test split as published"}
    write_cell(home, study, cell, source=real)

    report = make_report(home, NAME)

    assert not report.is_generated
    assert "generated" not in report.caveat


def all_trained(seed: int) -> list[str]:
    return [f"sat-{regime}-s{seed}" for regime in ("sft", "grpo", "length")]


def cells(study: Any) -> list[Any]:
    from rftui.studies.cells import cells_of

    return cells_of(study)


def test_a_study_without_a_finished_run_says_not_enough_data(tmp_path: Path) -> None:
    study = study_of(seeds=(0,))
    home = write_study(tmp_path / "home", study, without=[cell.key for cell in cells(study)])

    report = make_report(home, NAME)

    assert {answer for _, answer in in_short(report)} <= {
        "Not enough data: nothing could be tested.",
        "Not enough data: it needs the same change at two places.",
    }
    assert "8 empty" in caveats(report)[0]
    assert "not enough data (1 empty)" in markdown(report)
    assert all(chosen.none for chosen in report.examples)


def test_unfinished_runs_are_left_out_and_counted(tmp_path: Path) -> None:
    study = study_of(seeds=(0,), tasks=[{"name": "sat", "source": "generated"}])
    home = write_study(tmp_path / "home", study, without=["sat-grpo-s0"])
    cell = next(cell for cell in cells(study) if cell.key == "sat-grpo-s0")
    write_cell(home, study, cell, state="failed")

    report = make_report(home, NAME)

    assert any("3 of 4 runs have finished; left out are 1 failed." in text for text in caveats(report))
    base = report.answer(Question.OVER_BASE)
    assert base is not None
    assert {each.why for each in base.missing} == {"no finished run of GRPO (failed)"}


def test_sides_of_different_seeds_say_so(tmp_path: Path) -> None:
    study = study_of(seeds=(0, 1), tasks=[{"name": "sat", "source": "generated"}])
    home = write_study(tmp_path / "home", study, without=["sat-grpo-s1"])

    report = make_report(home, NAME)

    over_sft, over_base = report.answer(Question.OVER_SFT), report.answer(Question.OVER_BASE)
    assert over_sft is not None
    assert over_base is not None
    assert both_seeds(over_sft.effects[0]) == "0 against 0, 1"
    assert both_seeds(over_base.effects[0]) == "0"


def test_each_point_of_a_sweep_is_held_against_the_way_without_it(tmp_path: Path) -> None:
    regimes = study_of().model_dump(mode="json")["regimes"]
    regimes = [{**regimes[2], "swept": False}, {**regimes[3], "settings": {}}]
    sweep = {"rewards.length.weight": [0.0, 0.5, 1.0]}
    study = study_of(seeds=(0,), tasks=[{"name": "sat"}], regimes=regimes, sweep=sweep)
    home = write_study(tmp_path / "home", study)

    report = make_report(home, NAME)

    longer = report.answer(Question.LONGER)
    assert longer is not None
    pairs = {(effect.contrast.before.label, effect.contrast.after.label) for effect in longer.effects}
    # a weight of 0 pays for nothing
    assert pairs == {("GRPO", "GRPO + length (weight=0.5)"), ("GRPO", "GRPO + length (weight=1.0)")}
    assert report.answer(Question.OVER_BASE) is None


def test_runs_on_different_data_are_not_held_against_each_other(tmp_path: Path) -> None:
    study = study_of(seeds=(0,), tasks=[{"name": "sat"}])
    home = write_study(tmp_path / "home", study, without=["sat-base"])
    cell = next(cell for cell in cells(study) if cell.key == "sat-base")
    write_cell(home, study, cell, source={"kind": "real", "name": "/data/sat", "detail": ""})

    base = make_report(home, NAME).answer(Question.OVER_BASE)

    assert base is not None
    assert not base.effects
    assert base.missing[0].why == "different data: real /data/sat, split heldout and sat-generated, split heldout"


def test_examples_are_chosen_by_the_rule_that_is_printed(report: Report) -> None:
    by_title = {chosen.title: chosen for chosen in report.examples}

    pair = by_title["The same image without and with the length reward"].examples[0]
    assert pair.title == "sat: +9 tokens, the median of 40"
    assert [said.who.split(":")[0] for said in pair.said] == ["GRPO, with <think>", "GRPO + length, with <think>"]
    flips = by_title["Flips by thinking"].examples
    assert [(first.verdict, second.verdict) for first, second in (each.said for each in flips[:2])] == [
        (False, True),
        (True, False),
    ]
    advantage = by_title["Largest advantage"].examples
    assert len(advantage) == 4  # two tasks, with and without the length reward
    malformed = by_title["Malformed answers"].examples[0]
    # 10 runs a task were asked one malformed example under two prompts
    assert malformed.title == "sat: unclosed answer, one of 20 among 800 answers"
    page = unescape(html(report))
    assert all(chosen.rule in page for chosen in report.examples)


def test_the_largest_advantage_is_the_largest(home: Home, report: Report) -> None:
    from store.rollouts import iter_rollouts

    chosen = next(each for each in report.examples if each.title == "Largest advantage").examples[0]

    most = max(rollout.advantage or 0.0 for rollout in iter_rollouts(home, f"{NAME}-sat-grpo-s0"))
    assert f"advantage {most:.3f}" in chosen.said[0].facts


def test_what_was_forecast_stands_beside_what_happened(report: Report) -> None:
    rows = {row.about: row for made in report.forecasts.made for row in made.rows}

    assert rows["SFT"].came_out == "gained, where there was room"
    assert rows["GRPO"].came_out == "gained, against the forecast"
    assert rows["the length reward"].came_out == "against the forecast"
    assert rows["thinking, of the untrained model"].came_out == NOTHING_SAID
    assert rows["GRPO"].happened is not None
    assert rows["GRPO"].happened.contrast.after_prompt == "think"
    assert "No forecast was made of banner." in forecast_sentences(report)


def test_a_forecast_made_after_training_began_is_none(tmp_path: Path) -> None:
    study = study_of(seeds=(0,), tasks=[{"name": "sat", "source": "generated"}])
    home = write_study(tmp_path / "home", study)
    write_forecast(home, "sat", made_at=4e9)

    assert "after the first of its training runs had started, so it is none" in " ".join(
        forecast_sentences(make_report(home, NAME))
    )


def test_a_forecast_is_of_the_difficulty_that_was_sampled(tmp_path: Path) -> None:
    study = study_of(seeds=(0,), tasks=[{"name": "sat", "source": "generated", "difficulty": [0.2, 0.5]}])
    home = write_study(tmp_path / "home", study, without=[cell.key for cell in cells(study)])
    write_forecast(home, "sat")

    made = make_report(home, NAME).forecasts.made[0]

    assert {row.place for row in made.rows} == {"sat at difficulty 0.5"}


@pytest.mark.parametrize("time", [1e12, -1e300])
def test_a_forecast_of_a_time_that_no_calendar_has_is_shown(tmp_path: Path, time: float) -> None:
    study = study_of(seeds=(0,), tasks=[{"name": "sat", "source": "generated"}])
    home = write_study(tmp_path / "home", study, without=[cell.key for cell in cells(study)])
    write_forecast(home, "sat", made_at=time)

    assert f"made {time:g} seconds after 1970" in " ".join(forecast_sentences(make_report(home, NAME)))


@pytest.mark.parametrize("text", ["{", "[]", '{"verdicts": 3}'])
def test_a_forecast_that_cannot_be_read_is_said(tmp_path: Path, text: str) -> None:
    study = study_of(seeds=(0,), tasks=[{"name": "sat", "source": "generated"}])
    home = write_study(tmp_path / "home", study, without=[cell.key for cell in cells(study)])
    StudyPlace(home, NAME).forecast("sat").write_text(text)

    assert "A forecast could not be read: forecast-sat.json" in " ".join(forecast_sentences(make_report(home, NAME)))


class Tags(HTMLParser):
    """Elements of a page with their attributes, and the text outside of its style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Report]:
    """A study whose model and data say everything that could do harm."""
    study = study_of(seeds=(0,), tasks=[{"name": "sat", "source": "generated"}])
    home = write_study(tmp_path_factory.mktemp("hostile") / "home", study, hostile=HOSTILE)
    return home, make_report(home, NAME)


def test_hostile_text_stays_text_in_the_page(hostile: tuple[Home, Report]) -> None:
    home, report = hostile

    page = html(report, images={digest: picture.uri for digest, picture in pictures_of(home, report).items()})

    tags = Tags(page)
    assert "script" not in {tag for tag, _ in tags.elements}
    assert not [name for _, attributes in tags.elements for name in attributes if name.startswith("on")]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "{{ 7*7 }}" in page  # no template of ours
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", page)
    assert page.count("</body>") == 1


def test_the_page_loads_nothing_and_runs_nothing(home: Home, report: Report) -> None:
    page = html(report, images={digest: picture.uri for digest, picture in pictures_of(home, report).items()})

    elements = Tags(page).elements
    addresses = [
        value or ""
        for _, attributes in elements
        for name, value in attributes.items()
        if name in ("src", "srcset", "href", "action", "data", "poster", "background")
    ]
    assert addresses
    assert all(address.startswith(("data:image/", "#")) for address in addresses)
    assert not {"script", "link", "iframe", "object", "embed", "form", "base"} & {tag for tag, _ in elements}
    policy = next(attributes for tag, attributes in elements if attributes.get("http-equiv"))
    assert policy["content"] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert "url(" not in page
    assert "@import" not in page


def test_hostile_text_stays_text_in_markdown(hostile: tuple[Home, Report]) -> None:
    text = markdown(hostile[1])

    outside = re.sub(r"(?ms)^(`{3,})text\n.*?^\1$", "", text)
    assert "<script" not in outside.replace("\\<script", "")
    assert "](javascript" not in outside.replace("\\]", "")
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert "````text" in text  # its ``` ends no block of ours


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a | b", r"a \| b"),
        ("<b>*x*_y_</b>", r"\<b\>\*x\*\_y\_\</b\>"),
        ("two\nlines", "two lines"),
        ("\u202eabc\x1b[31m", "abc"),
    ],
)
def test_text_is_escaped_for_markdown(text: str, expected: str) -> None:
    assert escaped(text) == expected


def test_a_fence_is_longer_than_any_in_its_text() -> None:
    assert fenced("a ```` b").splitlines()[0] == "`````text"


@pytest.mark.parametrize("digest", ["../../../etc/passwd", "", "xyz", "a" * 9999, "00\n" * 3])
def test_a_hash_that_is_none_names_no_file(home: Home, digest: str) -> None:
    assert read_picture(home, f"{NAME}-sat-base", digest) is None


def test_a_file_that_is_no_image_is_left_out(tmp_path: Path) -> None:
    folder = Home(tmp_path).run("r").media / "aa"
    folder.mkdir(parents=True)
    (folder / f"{'aa' * 32}.png").write_bytes(b"<svg onload=alert(1)>")

    assert read_picture(Home(tmp_path), "r", "aa" * 32) is None


def test_curves_of_seeds_become_means_and_a_band() -> None:
    found = band([{1.0: 0.2, 2.0: 0.4, 3.0: 0.9}, {1.0: 0.4, 2.0: 0.4}])

    assert [tuple(point) for point in found] == [(1.0, pytest.approx(0.3), 0.2, 0.4), (2.0, 0.4, 0.4, 0.4)]


def test_long_curves_become_means_over_the_same_stretches() -> None:
    first, second = averaged([{float(s): float(s) for s in range(1, 101)}, {1.0: 5.0}], stretches=10)

    assert len(first) == 10
    assert next(iter(first.values())) == pytest.approx(5.5)  # of steps 1 to 10
    assert list(second) == list(first)[:1]


def test_spread_within_prompts_ignores_that_between_them() -> None:
    from evals.lengths import Graded

    lengths = [(0, 10), (0, 12), (1, 100), (1, 102)]

    assert spread_within([Graded(group, length, True) for group, length in lengths]) == pytest.approx(2**0.5)


def test_the_report_is_written_with_its_figures(home: Home, report: Report, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")

    written = write_report(home, report, tmp_path / "out")

    names = sorted(path.name for path in written.figures)
    assert [name for name in names if name.endswith(".svg")] == [
        "accuracy.svg",
        "lengths.svg",
        "longer.svg",
        "steps.svg",
        "thinking.svg",
    ]
    page = written.page.read_text(encoding="utf-8")
    assert page.count("data:image/svg+xml;base64,") == 10  # light and dark
    text = written.markdown.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(((?:figures|images)/[^)]+)\)", text):
        assert (tmp_path / "out" / target).is_file()
    assert json.loads(written.document.read_text())["study"] == NAME
    assert not list((tmp_path / "out").rglob(".*"))


def test_another_report_replaces_its_own_files_and_no_others(home: Home, report: Report, tmp_path: Path) -> None:
    figures = tmp_path / "figures"
    figures.mkdir()
    for name in ("steps.svg", "mine.txt"):
        (figures / name).write_text("kept")

    write_report(home, report, tmp_path, with_figures=False)

    assert [path.name for path in figures.iterdir()] == ["mine.txt"]


def test_the_same_study_gives_the_same_figure(report: Report) -> None:
    pytest.importorskip("matplotlib")
    thinking = report.answer(Question.THINKING)
    assert thinking is not None

    first, second = (draw_effects(thinking, "thinking", "t", "c") for _ in range(2))

    assert first is not None
    assert first == second
    assert first.light != first.dark


def test_the_command_writes_into_the_study_and_says_what_it_found(home: Home) -> None:
    result = CliRunner().invoke(app, ["report", NAME, "--no-figures", "--home", str(home.path)])

    assert result.exit_code == 0, result.output
    place = StudyPlace(home, NAME).report
    assert str(place / "report.html") in result.output
    assert "Does longer thinking help?" in result.output
    assert (place / "report.md").is_file()


def test_the_command_prints_one_document_and_writes_nothing(home: Home, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in StudyPlace(home, NAME).path.rglob("*")}

    result = CliRunner().invoke(app, ["report", NAME, "--json", "--home", str(home.path)])

    fields = json.loads(result.output)
    assert {question["question"] for question in fields["questions"]} == {each.value for each in Question}
    effect = fields["questions"][0]["effects"][0]
    assert {"difference", "low", "high", "p", "p_holm", "n", "seeds", "test", "data", "verdict"} <= set(effect)
    assert {path: path.stat().st_mtime_ns for path in StudyPlace(home, NAME).path.rglob("*")} == before


def test_a_study_that_is_not_there_is_an_error(home: Home) -> None:
    from rftui.errors import NotFound

    result = CliRunner().invoke(app, ["report", "gird", "--home", str(home.path)])

    assert isinstance(result.exception, NotFound)
    assert result.exception.fix == f"write {NAME}"


def test_a_decoding_that_nobody_measured_is_an_error(home: Home) -> None:
    from rftui.errors import UsageProblem

    with pytest.raises(UsageProblem, match="no finished run of grid was evaluated sampled"):
        make_report(home, NAME, decoding="sampled")


def test_the_figures_come_with_an_extra_of_their_own() -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]

    assert [line.split(">")[0] for line in project["optional-dependencies"]["report"]] == ["matplotlib", "jinja2"]


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_the_page_fits_a_phone_and_a_desk_in_a_real_browser(
    hostile: tuple[Home, Report], tmp_path: Path, width: int, scheme: str
) -> None:
    pytest.importorskip("aiohttp")
    from tests.browser import browser, chromium

    program = chromium()
    if program is None:
        pytest.skip("needs Chromium")
    home, report = hostile
    path = write_report(home, report, tmp_path, with_figures=False).page

    async def look() -> tuple[list[str], dict[str, Any]]:
        async with browser(program, tmp_path / "profile") as page:
            is_mobile = width < 600
            metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": is_mobile}
            await page.call("Emulation.setDeviceMetricsOverride", **metrics)
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            await page.call("Emulation.setEmulatedMedia", features=features)
            await page.open(path.as_uri())
            await page.wait_for("document.readyState === 'complete' && !!document.querySelector('#runs')")
            return page.complaints, {
                "width": await page.value("document.documentElement.scrollWidth"),
                "paper": await page.value("getComputedStyle(document.body).backgroundColor"),
                "loaded": await page.value(LOADED),
                "images": await page.value("[...document.images].every(image => image.naturalWidth > 0)"),
                "shown": await page.value("document.body.innerText.includes('<script>alert(1)</script>')"),
            }

    complaints, seen = asyncio.run(look())

    assert not complaints
    assert seen["width"] <= width
    assert seen["paper"] == {"light": "rgb(255, 255, 255)", "dark": "rgb(13, 17, 23)"}[scheme]
    assert seen["loaded"] == 0
    assert seen["images"]
    assert seen["shown"]  # as text


@pytest.mark.parametrize("module", ["matplotlib", "jinja2"])
def test_a_missing_library_is_named_with_its_extra_and_nothing_is_written(
    home: Home, report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    from rftui.errors import UsageProblem

    # what Python does for a module that is not installed
    monkeypatch.setitem(sys.modules, module, None)

    with pytest.raises(UsageProblem, match=f"need.? {module}, which is not installed") as raised:
        write_report(home, report, tmp_path / "out", with_figures=module == "matplotlib")

    assert "pip install 'rftui[report]'" in raised.value.fix
    assert not (tmp_path / "out").exists()
