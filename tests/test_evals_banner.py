"""The task banner on generated banners: balanced, disjoint, and asked in words that say nothing about the answer."""

from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest

from evals import prompts
from evals.errors import TaskError
from evals.generated.banner_questions import DESCRIPTION_WEIGHTS, describe, sample_question, traces
from evals.generated.banner_sentences import ANSWERS, FORMS, Message, sentence
from evals.parsing import parse
from evals.task import Example
from evals.tasks import load_task

SPLITS = ("train", "validation", "heldout")


def examples(split: str, count: int, *, difficulty: float = 0.5, seed: int = 0, **options: object) -> list[Example]:
    task = load_task("banner", options)
    series = task.examples(split, seed=seed, difficulty=difficulty, source=task.source("auto"))
    return [series[index] for index in range(count)]


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
def test_answers_are_balanced_within_every_form(difficulty: float) -> None:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for example in examples("heldout", 200, difficulty=difficulty):
        counts[example.kind][example.gold] += 1

    assert set(counts) <= set(FORMS)
    assert all(golds["positive"] == golds["negative"] for golds in counts.values())


def test_no_banner_is_in_two_splits() -> None:
    scenes = {
        split: {example.scene for seed in (0, 1) for example in examples(split, 400, seed=seed)} for split in SPLITS
    }

    assert not scenes["train"] & scenes["validation"]
    assert not scenes["train"] & scenes["heldout"]
    assert not scenes["validation"] & scenes["heldout"]
    assert all(len(of_split) > 300 for of_split in scenes.values())


def test_an_example_depends_on_its_place_alone() -> None:
    forwards = examples("train", 12)
    task = load_task("banner")
    series = task.examples("train", seed=0, difficulty=0.5, source=task.source("generated"))

    backwards = [series[index] for index in reversed(range(12))][::-1]

    assert forwards == backwards
    assert [e.images[0].tobytes() for e in forwards] == [e.images[0].tobytes() for e in backwards]


def test_uids_tell_split_seed_difficulty_and_size_apart() -> None:
    uids = [
        example.uid
        for options in ({}, {"side": 64}, {"side": 448}, {"side": 448, "aspect": 2.0})
        for split in SPLITS
        for seed in (0, 1)
        for difficulty in (0.0, 1.0)
        for example in examples(split, 2, seed=seed, difficulty=difficulty, **options)
    ]

    assert len(set(uids)) == len(uids)


def test_both_orders_of_the_options_are_shown_and_neither_tells_the_answer() -> None:
    first_is_gold = Counter(example.options[0] == example.gold for example in examples("train", 400))

    assert set(first_is_gold) == {True, False}
    assert abs(first_is_gold[True] - 200) < 50


def test_prompt_asks_for_the_sentiment_and_shows_the_options() -> None:
    task = load_task("banner")
    [example] = examples("train", 1)

    text = task.user_text(example, "think")

    assert text.startswith("What is the sentiment of the message on the banner?")
    assert prompts.choices(example.options) in text
    assert prompts.THINK_INSTRUCTION in text


def test_reference_completions_are_graded_right_and_the_other_answer_wrong() -> None:
    task = load_task("banner")
    for example in examples("validation", 30, difficulty=1.0):
        for mode, target in (("think", "trace"), ("direct", "answer")):
            answer = parse(task.reference_completion(example, mode, target=target), mode).answer

            assert task.grade(answer, example) is True
        wrong = next(option for option in ANSWERS if option != example.gold)
        assert task.grade(wrong, example) is False
        assert task.grade("positive or negative", example) is False
        assert task.grade(f" {example.gold.upper()}. ", example) is True


def test_traces_come_in_three_lengths_and_name_the_evidence() -> None:
    for example in examples("train", 60, difficulty=1.0):
        glance, evidence, twice = example.traces

        assert len(glance.split()) < len(evidence.split()) < len(twice.split())
        assert twice.count(evidence) == 2
        assert (", turned" in evidence) == (example.kind in ("negation", "mixed"))
        assert ("after but" in evidence) == (example.kind in ("contrast", "mixed"))


@pytest.mark.parametrize("form", FORMS)
def test_a_trace_leads_to_the_gold_answer(form: str) -> None:
    for gold in ANSWERS:
        message = sentence(random.Random(form), form, gold)

        evidence = traces(message)[1]

        says_positive = evidence.rpartition(" : ")[2].count("positive") == 1
        assert (says_positive != message.turned) == (gold == "positive"), evidence


def test_a_message_of_unknown_verdict_has_no_trace() -> None:
    assert traces(Message("sentence", "positive", (), "I came back twice", "", False, "")) == ()


def test_descriptions_say_what_the_banner_says() -> None:
    for seed in range(40):
        rng = random.Random(seed)
        banner = sample_question(rng, difficulty=rng.random()).banner

        said = {what: describe(rng, banner, what) for what in DESCRIPTION_WEIGHTS}

        assert said["read"].target == banner.message.text
        rows = said["rows"].target.split(", ")
        assert len(rows) == 3
        assert [row for row in rows if row != "none"] == list(banner.message.rows)
        assert said["letters"].target.replace(" ", "").lower() == banner.message.verdict
        assert said["verdict"].target.startswith(f"{banner.message.verdict} is ")
        word = said["meaning"].asked.split()[1]
        assert said["meaning"].target in (f"{word} is positive", f"{word} is negative")


@pytest.mark.parametrize("side", [48, 96, 191])
def test_small_banners_are_squares_of_that_side(side: int) -> None:
    [example] = examples("train", 1, side=side)

    assert example.images[0].size == (side, side)


def test_large_banners_say_sentences_as_wide_as_asked() -> None:
    for example in examples("heldout", 6, side=448, aspect=2.0):
        assert example.images[0].size == (448, 224)
        assert len(example.traces[1].split()) > 5


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"side": 20}, "task_options.side is 20; banners need 48 pixels"),
        ({"side": 4096}, "task_options.side is 4096"),
        ({"aspect": -1.0}, "task_options.aspect is -1.0"),
        ({"sise": 64}, "did you mean side?"),
        ({"positive": 1}, "task_options.positive is 1"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(TaskError) as raised:
        load_task("banner", options)

    assert said in str(raised.value)


def test_a_shape_without_room_for_a_sentence_is_refused() -> None:
    task = load_task("banner", {"side": 192, "aspect": 8.0})

    with pytest.raises(TaskError, match="leaves 24 pixels of height"):
        task.source("auto")


def test_source_says_that_results_are_not_the_papers() -> None:
    source = load_task("banner").source("auto")

    assert source.kind == "generated"
    assert "can't be compared with the paper's" in source.detail
    assert load_task("banner").answer_space(source) == ("positive", "negative")


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(TaskError, match="split test"):
        examples("test", 1)
