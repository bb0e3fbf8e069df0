"""The same prompt in several runs: what is shared is found, what only looks alike is not, and places are kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from evals.statistics import Paired
from rftui.comparing.answers import (
    AnswerFilter,
    Source,
    Way,
    answer_row,
    chosen,
    filter_text,
    sample_lines,
    shared_answers,
)
from rftui.comparing.browser import PairsBrowser
from rftui.comparing.comparison import Contrast
from rftui.comparing.prompts import (
    PromptCache,
    PromptOrder,
    SharedPrompt,
    occurrence_near,
    ordered,
    prompt_row,
    shared_prompts,
    why_nothing_shared,
)
from rftui.comparing.rollout_header import (
    answer_head,
    column_letters,
    head_line,
    image_difference,
    nothing_text,
    prompt_lines,
    training_head,
)
from rftui.comparing.rollout_reads import PairsPage, PairsReader, Wanted
from store.layout import Home
from store.prompts import Met, Prompt, prompts_met
from store.rollouts import EvalSample, Occurrence
from store.runs import RunSummary, list_runs, open_catalogue
from tests.comparisons import compared_run, step_of, text_of
from tests.rollout_rows import HOSTILE, RUN, add_steps, make_home, occurrence, rollout
from tests.store_runs import append, ingest_all, start

LETTERS = {"a": "A", "b": "B", "c": "C"}


def prompt(number: int, question: str = "Where?") -> Prompt:
    """A prompt of that number."""
    return Prompt(f"sat/train/{number}", question, ("left", "right"), "left")


def met(*rates: tuple[int, int]) -> tuple[Occurrence, ...]:
    """Occurrences by step and how many of four were right."""
    return tuple(occurrence(step, right) for step, right in rates)


def sample(uid: str = "held-out-1", **changed: Any) -> EvalSample:
    """A held-out answer that is right."""
    fields: dict[str, Any] = {
        "step": 9,
        "prompt": "think",
        "decoding": "greedy",
        "split": "test",
        "number": 1,
        "uid": uid,
        "kind": "relation",
        "question": "Where is it?",
        "options": ("left", "right"),
        "gold": "left",
        "images": (),
        "completion": "<think>It is left.</think><answer>left</answer>",
        "think": "It is left.",
        "answer": "left",
        "malformed": None,
        "correct": True,
        "tokens": 12,
        "think_tokens": 6,
        "stop": "eos",
    }
    return EvalSample(**{**fields, **changed})


def evaluation(pattern: str, **changed: Any) -> dict[str, EvalSample]:
    """Answers from a text of 1 (right), 0 (wrong) and - (cannot be graded)."""
    verdicts = {"1": True, "0": False, "-": None}
    samples = [sample(f"held-out-{n}", number=n, correct=verdicts[sign], **changed) for n, sign in enumerate(pattern)]
    return {each.uid: each for each in samples}


def page_of(columns: Sequence[str], prompts: Sequence[SharedPrompt], **changed: Any) -> PairsPage:
    """Training rollouts as they were read."""
    shared = shared_prompts([{each.prompt: each.met[place] for each in prompts} for place in range(len(columns))])
    return PairsPage(Wanted(tuple(columns)), tuple(columns), shared)._replace(**changed)


def browser_of(names: Sequence[str], *, slots: int = 2) -> PairsBrowser:
    """A browser that knows which runs there are."""
    browser = PairsBrowser()
    browser.names, browser.writers, browser.slots = names, names, slots
    return browser


# prompts that runs share


def test_a_prompt_is_shared_by_uid_and_content() -> None:
    first = {prompt(1): met((1, 2)), prompt(2): met((1, 2)), prompt(3): met((2, 2))}
    second = {prompt(2): met((5, 4)), prompt(3, "Other question?"): met((6, 4))}

    shared = shared_prompts([first, second])

    assert [each.prompt.uid for each in shared.prompts] == ["sat/train/2"]
    assert shared.met == (3, 2)
    assert shared.other_questions == 1


def test_prompts_are_sorted_by_how_far_the_runs_lie_apart() -> None:
    close = SharedPrompt(prompt(1), (met((1, 0), (2, 3)), met((1, 3))))
    apart = SharedPrompt(prompt(2), (met((1, 0)), met((1, 4))))
    unknown = SharedPrompt(prompt(3), ((occurrence(1, None),), met((1, 2))))

    assert ordered([close, unknown, apart], PromptOrder.DIFFERENCE) == [apart, close, unknown]
    assert ordered([unknown, apart, close], PromptOrder.RATE) == [close, apart, unknown]
    assert ordered([unknown, apart], PromptOrder.MET) == [unknown, apart]


@pytest.mark.parametrize(("step", "expected"), [(None, 2), (0, 0), (14, 0), (15, 1), (20, 1), (99, 2)])
def test_a_step_is_the_nearest_time_that_a_prompt_was_met(step: int | None, expected: int) -> None:
    assert occurrence_near(met((10, 1), (20, 1), (30, 1)), step) == expected


def test_a_row_tells_each_run_over_the_steps_and_the_last_time() -> None:
    shared = SharedPrompt(prompt(1), (met((1, 0), (2, 4)), met((1, 2))))

    assert text_of([prompt_row(shared, ["A", "B"], 60)]) == ["A   ▁█ 4/4   B    ▅ 2/4   Where?"]


@pytest.mark.parametrize(
    ("runs", "methods", "expected"),
    [
        ([{prompt(1): met((1, 1))}, {}], ["grpo", "sft"], "B (sft) has no rollouts: only GRPO writes them"),
        ([{prompt(1): met((1, 1))}, {}], ["grpo", "grpo"], "B (grpo) has no rollouts: none came yet"),
        ([{prompt(1): met((1, 1))}, {prompt(2): met((1, 1))}], ["grpo"] * 2, "no prompt in common (A met 1, B met 1)"),
        ([{prompt(1): met((1, 1))}, {prompt(1, "?"): met((1, 1))}], ["grpo"] * 2, "stand for different questions"),
    ],
)
def test_nothing_shared_is_a_sentence(
    runs: list[Mapping[Prompt, tuple[Occurrence, ...]]], methods: list[str], expected: str
) -> None:
    assert expected in why_nothing_shared(shared_prompts(runs), ["A", "B"], methods)


def test_only_new_steps_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_home(tmp_path, steps=(1, 2))
    cache = PromptCache(home)
    before = cache.read(RUN)
    asked: list[int] = []

    def counted(connection: sqlite3.Connection, *, since: int = 0) -> list[Met]:
        found = prompts_met(connection, since=since)
        asked.append(len(found))
        return found

    monkeypatch.setattr("rftui.comparing.prompts.prompts_met", counted)
    add_steps(home, 3)
    after = cache.read(RUN)

    # the last step that was known, and the new one
    assert asked == [6]
    assert {prompt.uid: len(times) for prompt, times in before.items()} == dict.fromkeys(
        ("example-0", "example-1", "example-2"), 2
    )
    assert [each.step for each in next(iter(after.values()))] == [1, 2, 3]
    assert after == PromptCache(home).read(RUN)


def test_steps_that_were_made_again_count_once(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    cache = PromptCache(home)
    cache.read(RUN)
    again = [step_of(step, skill=1.0)[0] | {"uid": "example-0"} for step in (2, 3)]
    append(home.run(RUN).journal(0, 2), start(first_step=2), *again)
    ingest_all(home)

    found = cache.read(RUN)

    assert found == PromptCache(home).read(RUN)
    steps = sorted(each.step for prompt, times in found.items() if prompt.uid == "example-0" for each in times)
    assert steps == [1, 2, 3]


# held-out answers


def test_answers_are_shared_by_uid_and_content() -> None:
    first, second = evaluation("110"), evaluation("011")
    second["held-out-1"] = second["held-out-1"]._replace(question="Other?")
    second["held-out-9"] = sample("held-out-9")

    shared = shared_answers([first, second])

    assert [(each.uid, each.verdicts) for each in shared.answers] == [
        ("held-out-0", (True, False)),
        ("held-out-2", (False, True)),
    ]
    assert shared.answered == (3, 4)
    assert shared.other_questions == 1


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        (AnswerFilter.ALL, [0, 1, 2, 3, 4]),
        (AnswerFilter.LOST, [1]),
        (AnswerFilter.GAINED, [2]),
        (AnswerFilter.DIFFER, [1, 2]),
        (AnswerFilter.WRONG, [3]),
        (AnswerFilter.RIGHT, [0]),
    ],
)
def test_filters_choose_by_what_each_column_got_right(which: AnswerFilter, expected: list[int]) -> None:
    shared = shared_answers([evaluation("1100-"), evaluation("1010-")])

    assert [int(each.uid.rpartition("-")[2]) for each in chosen(shared.answers, which)] == expected


def test_a_filter_names_its_columns() -> None:
    assert filter_text(AnswerFilter.LOST, ["A", "C"]) == "right in A, wrong in C"
    assert filter_text(AnswerFilter.GAINED, ["direct", "think"]) == "wrong in direct, right in think"


def test_a_row_tells_who_was_right() -> None:
    shared = shared_answers([evaluation("1-"), evaluation("00")])

    rows = text_of([answer_row(each, ["A", "B"], 60) for each in shared.answers])

    assert rows == ["A✓ B✗ left  Where is it?", "A· B✗ left  Where is it?"]


def test_a_folded_answer_shows_the_start_of_its_reasoning() -> None:
    folded, opened = (text_of(sample_lines(sample(), 60, is_open=is_open)) for is_open in (False, True))

    assert folded == ["answer left ✓  12 tokens, 6 of <think>", "  ▸ think  It is left."]
    assert opened[1] == "  <think>It is left.</think><answer>left</answer>"


def test_one_run_asked_in_two_ways_has_the_prompts_as_heads() -> None:
    sources = [Source("a", prompt, "greedy", "test", 9) for prompt in ("direct", "think")]

    assert column_letters(sources, LETTERS) == ["direct", "think"]
    assert column_letters([sources[0], sources[1]._replace(run="b")], LETTERS) == ["A", "B"]


# where somebody is


def test_columns_are_the_runs_that_write_rollouts() -> None:
    browser = browser_of(["sft", "a", "b"])
    browser.writers = ["a", "b"]

    assert browser.columns == ("a", "b")
    browser.is_training = False
    assert browser.columns == ("sft", "a")


def test_another_run_takes_a_column_in_turn() -> None:
    browser = browser_of(["a", "b", "c", "d"])

    seen = []
    for _ in range(3):
        assert browser.next_run(1)
        seen.append(browser.columns)

    assert seen == [("a", "c"), ("a", "d"), ("a", "b")]
    assert not browser_of(["a", "b"]).next_run(0)


def test_a_run_that_is_gone_gives_its_column_to_another() -> None:
    browser = browser_of(["a", "b", "c"])
    browser.next_run(1)
    browser.names = browser.writers = ["a", "b"]

    assert browser.columns == ("a", "b")


def test_the_selected_prompt_stays_selected_while_others_come() -> None:
    old = [SharedPrompt(prompt(n), (met((n, 1)), met((n, 1)))) for n in (3, 4)]
    new = [SharedPrompt(prompt(n), (met((n, 1)), met((n, 1)))) for n in (1, 2, 3, 4)]
    browser = browser_of(["a", "b"])
    browser.take_page(page_of("ab", old), selected=None)

    assert browser.take_page(page_of("ab", new), selected="sat/train/4") == 3


def test_what_was_wanted_before_is_not_shown() -> None:
    browser = browser_of(["a", "b"])

    assert browser.take_page(page_of("ac", []), selected=None) is None


def test_each_column_has_its_own_step_and_follows_the_last_one() -> None:
    shared = SharedPrompt(prompt(1), (met((1, 0), (5, 1), (9, 2)), met((2, 0), (8, 4))))
    browser = browser_of(["a", "b"])
    browser.take_page(page_of("ab", [shared]), selected=None)

    def steps(item: SharedPrompt) -> list[int]:
        return [browser.occurrence(run, times).step for run, times in zip("ab", item.met, strict=True)]

    assert steps(shared) == [9, 8]
    browser.move_step(["a"], shared, -1)
    assert steps(shared) == [5, 8]
    browser.move_step(["a", "b"], shared, -1)
    assert steps(shared) == [1, 2]
    browser.move_step(["b"], shared, 1)
    grown = shared._replace(met=(shared.met[0], met((2, 0), (8, 4), (20, 4))))
    assert steps(grown) == [1, 20]


def test_a_point_of_the_curves_opens_the_prompt_that_was_met_there() -> None:
    prompts = [SharedPrompt(prompt(n), (met((n, 1), (n + 10, 1)), met((n, 1)))) for n in (1, 2, 3)]
    browser = browser_of(["a", "b"])
    browser.is_training = False
    browser.show_steps({"a": 12, "b": 2})

    row = browser.take_page(page_of("ab", prompts), selected="sat/train/3")

    assert row == 1
    assert browser.occurrence("a", prompts[1].met[0]).step == 12


def contrast(**changed: Any) -> Contrast:
    """A test of two runs."""
    paired = Paired(9, 0.5, 0.4, -0.1, -0.2, 0.0, 1, 2, 3, 3, 0.5)
    return Contrast("a", "b", "think", "think", "greedy", "test", 9, 9, {}, paired, "")._replace(**changed)


def test_a_test_opens_what_was_lost_or_else_gained() -> None:
    browser = browser_of(["c", "a", "b"])
    browser.show_flips(contrast())
    assert (browser.columns, browser.which) == (("a", "b"), AnswerFilter.LOST)
    assert browser.way == Way("think", "greedy", "test")

    gained = contrast().paired
    assert gained is not None
    browser.show_flips(contrast(paired=gained._replace(lost=0)))
    assert browser.which is AnswerFilter.GAINED


def test_a_test_of_thinking_opens_one_run_asked_both_ways() -> None:
    browser = browser_of(["a", "b"])

    browser.show_flips(contrast(before_run="b", before_prompt="direct"))

    assert browser.columns[0] == "b"
    assert browser.way == Way("direct", "greedy", "test", is_thinking=True)


# reading


def summaries_of(home: Home) -> dict[str, RunSummary]:
    """Every run by name."""
    with open_catalogue(home) as connection:
        return {summary.name: summary for summary in list_runs(connection)}


def test_held_out_answers_are_those_of_the_last_evaluations(tmp_path: Path) -> None:
    home = Home(tmp_path)
    compared_run(home, "a", uid=1, skill=0.5)
    compared_run(home, "b", uid=2, skill=0.75, evaluates=("think",))
    reader, summaries = PairsReader(home), summaries_of(home)

    page = reader.page(Wanted(("a", "b"), is_training=False), summaries)

    assert page.ways == (Way("think", "greedy", "test"), Way("direct", "greedy", "test", is_thinking=True))
    assert [source.step for source in page.sources] == [20, 20]
    assert len(chosen(page.answers.answers, AnswerFilter.GAINED)) == 10

    thinking = reader.page(Wanted(("a", "b"), is_training=False, way=page.ways[1]), summaries)
    assert [(source.run, source.prompt) for source in thinking.sources] == [("a", "direct"), ("a", "think")]
    assert len(chosen(thinking.answers.answers, AnswerFilter.GAINED)) == 2


def test_answers_to_other_data_are_said_to_be_so(tmp_path: Path) -> None:
    home = Home(tmp_path)
    compared_run(home, "a", uid=1)
    compared_run(home, "b", uid=2, difficulty=0.9)

    page = PairsReader(home).page(Wanted(("a", "b"), is_training=False), summaries_of(home))

    assert "different difficulty: 0.5 and 0.9" in page.problem


def test_one_broken_run_hides_no_other(tmp_path: Path) -> None:
    home = Home(tmp_path)
    compared_run(home, "a", uid=1)
    compared_run(home, "b", uid=2)
    home.rollouts("b").write_bytes(b"no database " * 500)
    reader, summaries = PairsReader(home), summaries_of(home)

    training = reader.page(Wanted(("a", "b")), summaries)
    assert training.runs == ("a",) and training.shared.prompts
    assert training.problem.startswith("b cannot be read")

    held_out = reader.page(Wanted(("a", "b"), is_training=False), summaries)
    assert held_out.runs == ("a",)
    assert held_out.problem.startswith("b cannot be read")


# heads


def test_the_head_of_a_column_tells_step_rate_and_reward() -> None:
    times = met((3, 1), (7, 4))

    lines = text_of(training_head("A", "sat-1", times, times[0], "saw it at 56x56", 90))

    assert lines[0].split("  ")[:6] == [
        "A sat-1",
        "◀ step 3 ▶",
        "1/4 right",
        "reward 0.5",
        "1 of 2 times",
        "saw it at 56x56",
    ]
    assert lines[1].startswith("●")


def test_an_image_of_another_size_is_said() -> None:
    large = rollout(images=({"hash": "cc", "width": 56, "height": 56, "tokens": 4},))

    assert image_difference(rollout(), large) == "saw it at 56x56"
    assert image_difference(rollout(), rollout()) == ""


def test_why_a_list_is_empty_is_said() -> None:
    browser = browser_of(["a", "b"])
    assert nothing_text(browser, LETTERS, {}) == "reading"

    browser.take_page(page_of("ab", []), selected=None)
    assert "has no rollouts" in nothing_text(browser, LETTERS, {"a": "grpo", "b": "grpo"})

    browser.is_training = False
    browser.take_page(PairsPage(browser.wanted), selected=None)
    assert "no way of asking" in nothing_text(browser, LETTERS, {})


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("width", [1, 27, 80])
def test_hostile_text_stays_text_and_fits(text: str, width: int) -> None:
    odd = sample(question=text, gold=text, answer=text, completion=text, malformed=text, think=text, options=(text,))
    shared = shared_answers([{"u": odd}]).answers[0]
    source = Source(text, text, text, text, 1)
    browser = browser_of([text])
    browser.page = PairsPage(browser.wanted, (text,), problem=text)
    lines = [
        *sample_lines(odd, width, is_open=True),
        *sample_lines(odd, width, is_open=False),
        answer_row(shared, ["A"], width),
        prompt_row(SharedPrompt(Prompt(text, text, (text,), text), (met((1, 1)),)), ["A"], width),
        *prompt_lines(odd, width, 3),
        *training_head("A", text, met((1, 1)), met((1, 1))[0], "", width),
        *answer_head("A", source, odd, "", width),
        head_line(browser, {text: "A"}, 0, width),
    ]

    drawn = text_of(lines)

    assert not any(ord(letter) < 32 or 0x7F <= ord(letter) < 0xA0 for letter in "".join(drawn))
    assert max(map(cell_len, drawn)) <= max(width, 6)
