"""Completions taken apart: every malformation by example, arbitrary text, very long text, and real completions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.grading import matches_gold
from evals.parsing import Malformed, parse
from evals.prompts import DIRECT, THINK, completion_text
from evals.scoring import Scored, score
from evals.tag_lookalikes import tag_count
from tests.real_completions import accuracy_table, completions, geometry_table, is_same_value, malformation_table
from tests.real_data import json_lines, real_file

TAGS = ("<think>", "</think>", "<answer>", "</answer>")
ROLLOUTS = "vlm_grpo_rollouts/20251028_165141__rollout_results.jsonl"
OTHER_ROLLOUTS = "vlm_grpo_rollouts/20251022_181457__rollout_results.jsonl"
COUNTING = "r1v_eval_logs/counting_results_superclevr_200_qwen2vl_2b_instruct_legacy.json"
COUNTING_TRAINED = "r1v_eval_logs/counting_results_superclevr_200_qwen2vl_2b_instruct_grpo100_legacy.json"

MALFORMED: list[tuple[str, str, Malformed, str | None]] = [
    ("", THINK, Malformed.EMPTY, None),
    (" \n\t", DIRECT, Malformed.EMPTY, None),
    ("<THINK>a</THINK><answer>left</answer>", THINK, Malformed.LOOKALIKE_TAG, None),
    ("<answer>left</answer><ANSWER>right</ANSWER>", DIRECT, Malformed.LOOKALIKE_TAG, None),  # a second answer, hidden
    ("left", DIRECT, Malformed.NO_TAGS, None),
    ("so <b>left</b>", THINK, Malformed.NO_TAGS, None),
    ("<think>on and on", THINK, Malformed.ENDS_IN_THINK, None),  # cut off inside the reasoning
    ("<think>a</think>, or<think>on", THINK, Malformed.ENDS_IN_THINK, None),
    ("<think>it is left</think>", THINK, Malformed.NO_ANSWER, None),
    ("so</think>left", THINK, Malformed.NO_ANSWER, None),
    ("<think>a</think><answer>left</answer><answer>right</answer>", THINK, Malformed.SEVERAL_ANSWERS, None),
    ("<answer>left</answer><answer>left</answer>", DIRECT, Malformed.SEVERAL_ANSWERS, None),
    ("<answer>left</answer></answer>", DIRECT, Malformed.SEVERAL_ANSWERS, None),
    ("<answer>a<answer>left</answer>", DIRECT, Malformed.SEVERAL_ANSWERS, None),
    ("<think>a</think><answer>D</think>b<answer>C</answer>", THINK, Malformed.SEVERAL_ANSWERS, None),
    ("<think>a</think><answer>left", THINK, Malformed.UNCLOSED_ANSWER, None),  # cut off inside the answer
    ("<think>a</think><answer>left</answ", THINK, Malformed.UNCLOSED_ANSWER, None),  # cut off inside a tag
    ("<think>on and <answer>left", THINK, Malformed.UNCLOSED_ANSWER, None),
    ("<answer>left<answer>", DIRECT, Malformed.UNCLOSED_ANSWER, None),
    ("left</answer>", DIRECT, Malformed.UNOPENED_ANSWER, None),
    ("</answer>left<answer>", DIRECT, Malformed.UNOPENED_ANSWER, None),
    ("<think>a<think>b</think><answer>left</answer>", THINK, Malformed.RESTARTED_THINK, "left"),
    ("<think>a<think>b</think></think><answer>left</answer>", THINK, Malformed.RESTARTED_THINK, "left"),
    ("<think>a<think>b<answer>left</answer></think>", THINK, Malformed.RESTARTED_THINK, None),  # and inside it
    ("<think>so <answer>left</answer>", THINK, Malformed.UNCLOSED_THINK, "left"),
    ("</think>so<think><answer>left</answer>", THINK, Malformed.UNCLOSED_THINK, "left"),
    ("so</think><answer>left</answer>", THINK, Malformed.UNOPENED_THINK, "left"),  # as if the template had opened it
    ("<think>maybe <answer>left</answer></think>", THINK, Malformed.ANSWER_IN_THINK, None),
    ("<think>maybe <answer>left</think></answer>", THINK, Malformed.ANSWER_IN_THINK, None),  # crossed
    ("<think>a</think><answer> </answer>", THINK, Malformed.EMPTY_ANSWER, None),
    ("<answer></answer>", DIRECT, Malformed.EMPTY_ANSWER, None),
    ("<answer>left</answer>", THINK, Malformed.NO_THINK, "left"),
    ("<think>a</think><think>b</think><answer>left</answer>", THINK, Malformed.SEVERAL_THINKS, "left"),
    ("<think> </think><answer>left</answer>", THINK, Malformed.EMPTY_THINK, "left"),
    ("<think>a</think><answer>left</answer>", DIRECT, Malformed.UNASKED_THINK, "left"),
    ("<answer>left</answer><think>a</think>", THINK, Malformed.ANSWER_FIRST, "left"),
    ("<answer>le<think>a</think>ft</answer>", THINK, Malformed.ANSWER_FIRST, None),  # thinks inside its answer
    ("so <think>a</think><answer>left</answer>", THINK, Malformed.TEXT_OUTSIDE, "left"),
    ("<think>a</think>so<answer>left</answer>", THINK, Malformed.TEXT_OUTSIDE, "left"),
    ("<think>a</think><answer>left</answer>!", THINK, Malformed.TEXT_OUTSIDE, "left"),
    ("<think>a</think><answer>left</answer><thi", THINK, Malformed.TEXT_OUTSIDE, "left"),  # a tail cut off
    ("It is <answer>left</answer>", DIRECT, Malformed.TEXT_OUTSIDE, "left"),
]

LOOKALIKES = [
    "<ANSWER>",
    "< answer >",
    "<\nanswer\n>",
    "</ answer>",
    "<answer/>",
    '<answer id="1">',
    "<answers>",
    "\uff1canswer\uff1e",  # full width
    "\uff1c\uff41\uff4e\uff53\uff57\uff45\uff52\uff1e",
    "<ans\u200bwer>",  # zero width
    "<answer\u2060>",
    "<an\u00adswer>",  # soft hyphen
    "<ans\x00wer>",
    "<\u0430nswer>",  # Cyrillic
    "<\U0001d41answer>",  # mathematical bold
    "<a\u0301nswer>",  # accented
    "\u226eanswer>",  # a crossed-out <
    "\u27e8answer\u27e9",
    "&lt;answer&gt;",
    "<Think>",
    "<thinking>",
    "</ think>",
]
NO_LOOKALIKES = [
    "a < b",
    "<b>bold</b>",
    "x <answer and y> 3",
    "<answerable>",
    "(answer)",
    "answer>",
    "<answ",
    "< >",
    "é",
]

tagged_text = st.lists(st.sampled_from(TAGS) | st.text(max_size=5), max_size=12).map("".join)
hostile_text = st.lists(st.sampled_from([*TAGS, *LOOKALIKES]) | st.text(max_size=5), max_size=12).map("".join)
plain_text = st.text(min_size=1).filter(lambda text: text.strip() and not tag_count(text))
modes = st.sampled_from([THINK, DIRECT])


@pytest.mark.parametrize(
    "text",
    [
        "<think>one two</think><answer>left</answer>",
        "  <think>\none two\n</think>\n\n<answer> left </answer>\n",  # white space is nobody's fault
        "<think>a < b, <b>bold</b>, <code></think><answer>left</answer>",  # other markup is text
    ],
)
def test_a_completion_in_the_form_asked_for_has_no_malformation(text: str) -> None:
    parsed = parse(text, THINK)

    assert (parsed.answer, parsed.malformed) == ("left", None)
    assert parsed.think


def test_an_answer_alone_is_the_direct_form() -> None:
    assert parse("<answer>left</answer>", DIRECT) == (None, "left", None)


@pytest.mark.parametrize(("text", "mode", "malformed", "answer"), MALFORMED)
def test_each_malformation_is_named_and_an_answer_read_only_where_it_is_unambiguous(
    text: str, mode: str, malformed: Malformed, answer: str | None
) -> None:
    parsed = parse(text, mode)

    assert (parsed.malformed, parsed.answer) == (malformed.value, answer)


def test_every_malformation_has_an_example_above() -> None:
    assert {malformed for _, _, malformed, _ in MALFORMED} == set(Malformed)


@pytest.mark.parametrize("tag", LOOKALIKES)
def test_what_a_reader_takes_for_a_tag_is_told_and_nothing_is_graded_beside_it(tag: str) -> None:
    parsed = parse(f"<think>so</think><answer>left</answer>{tag}", THINK)

    assert (parsed.malformed, parsed.answer) == (Malformed.LOOKALIKE_TAG, None)


@pytest.mark.parametrize("text", NO_LOOKALIKES)
def test_other_markup_and_arithmetic_in_the_reasoning_look_like_no_tag(text: str) -> None:
    assert parse(f"<think>{text}</think><answer>left</answer>", THINK) == (text, "left", None)


@given(text=hostile_text)
def test_every_exact_tag_is_also_one_to_a_reader(text: str) -> None:
    assert tag_count(text) >= sum(text.count(tag) for tag in TAGS)


def test_the_first_malformation_that_applies_is_the_one_named() -> None:
    text = "so <think></think><answer></answer> !"  # empty answer, empty think, text outside

    assert parse(text, THINK).malformed == Malformed.EMPTY_ANSWER


@pytest.mark.parametrize(
    ("text", "think"),
    [
        ("<think> a b </think><answer>left</answer>", "a b"),
        ("<think>a <think>b</think><answer>left</answer>", "a <think>b"),  # restarted once, closed once
        ("<think>a</think><think>b</think>", None),
        ("<think>cut off", None),
        ("no tags", None),
        ("<think></think>", ""),
    ],
)
def test_reasoning_runs_from_the_opening_tag_to_the_next_closing_one(text: str, think: str | None) -> None:
    assert parse(text, THINK).think == think


@given(answer=plain_text, think=st.none() | plain_text)
def test_a_written_completion_is_read_back(answer: str, think: str | None) -> None:
    mode = DIRECT if think is None else THINK

    parsed = parse(completion_text(answer, think=think), mode)

    assert parsed == (None if think is None else think.strip(), answer.strip(), None)


@given(text=hostile_text | st.text(), mode=modes)
def test_no_text_raises_and_an_answer_is_clean_text_of_the_completion(text: str, mode: str) -> None:
    parsed = parse(text, mode)

    assert parsed.malformed is None or parsed.malformed in [kind.value for kind in Malformed]
    if parsed.answer is not None:
        assert parsed.answer == parsed.answer.strip() != ""
        assert parsed.answer in text
        assert tag_count(parsed.answer) == 0
    else:
        assert parsed.malformed is not None


@given(text=tagged_text, mode=modes)
def test_well_formed_is_exactly_what_a_strict_pattern_accepts(text: str, mode: str) -> None:
    inner = r"((?:(?!</?(?:think|answer)>).)*)"
    think = rf"\s*<think>{inner}</think>" if mode == THINK else ""
    strict = re.fullmatch(rf"{think}\s*<answer>{inner}</answer>\s*", text, flags=re.DOTALL)
    accepts = strict is not None and all(group.strip() and not tag_count(group) for group in strict.groups())

    assert (parse(text, mode).malformed is None) is accepts


@pytest.mark.parametrize(
    "piece",
    [
        *(*TAGS, "<think><answer>", "</answer><answer>", "<think></think>", "<answer></answer>", "<", "<think", "a"),
        *("\n", "< ", "<think a", "<think a=", "&lt;", "\u200b", "\u00e9", "<\u0338"),
        *("\u0300\u0316", "\U0001d165\U0001d16d"),  # marks that Unicode orders
    ],
)
@pytest.mark.parametrize("mode", [THINK, DIRECT])
def test_long_hostile_text_is_parsed_in_one_pass(piece: str, mode: str) -> None:
    # a parser that looks for each closing tag from each opening one takes minutes over these
    text = piece * (300_000 // len(piece))

    assert parse(text, mode).malformed is not None


@pytest.mark.parametrize("name", [ROLLOUTS, OTHER_ROLLOUTS])
def test_every_real_rollout_parses(name: str) -> None:
    completions = [record["completion"] for record in json_lines(name)]

    parsed = [parse(completion, mode) for completion in completions for mode in (THINK, DIRECT)]

    known = {None, *(kind.value for kind in Malformed)}
    assert len(parsed) == 2 * len(completions) > 1000
    assert {part.malformed for part in parsed} <= known


def test_real_rollouts_whose_format_was_rewarded_are_well_formed_or_loosely_so() -> None:
    rewarded = [record["completion"] for record in json_lines(ROLLOUTS) if record["rewards"]["format"] == 1.0]

    malformed = [parse(completion, THINK).malformed for completion in rewarded]

    # that reward looks for the tags in order with anything in between: further blocks, a word between the blocks, or
    # the answer inside the reasoning pass it
    loose = [kind for kind in malformed if kind is not None]
    assert len(rewarded) == 757
    assert len(loose) == 8
    assert set(loose) == {Malformed.SEVERAL_ANSWERS, Malformed.TEXT_OUTSIDE, Malformed.ANSWER_IN_THINK}


def test_real_rollouts_whose_format_was_refused_are_malformed_but_for_leading_white_space() -> None:
    refused = [record["completion"] for record in json_lines(ROLLOUTS) if record["rewards"]["format"] == 0.0]

    accepted = [completion for completion in refused if parse(completion, THINK).malformed is None]

    # that reward wants <think> as the very first characters
    assert len(refused) == 763
    assert [completion[:8] for completion in accepted] == ["\n<think>"] * 3


def test_real_well_formed_rollouts_are_graded_as_their_reward_graded_them() -> None:
    parsed = [(parse(record["completion"], THINK), record) for record in json_lines(ROLLOUTS)]
    well_formed = [(part.answer, record) for part, record in parsed if part.malformed is None]

    differing = [
        (answer, record["solution"])
        for answer, record in well_formed
        if matches_gold(answer, record["solution"]) is not (record["rewards"]["accuracy"] == 1.0)
    ]

    assert len(well_formed) == 752
    assert differing == []


@pytest.mark.parametrize(("name", "accuracy"), [(COUNTING_TRAINED, 82.5), (COUNTING, 48.0)])
def test_real_counting_logs_give_the_accuracy_their_authors_stated(name: str, accuracy: float) -> None:
    log = json.loads(real_file(name).read_text())

    parsed = [parse(result["model_output"], THINK) for result in log["results"]]
    scored = [
        Scored("count", matches_gold(part.answer, str(result["ground_truth"])), part.answer is not None, 0, 0, False)
        for part, result in zip(parsed, log["results"], strict=True)
    ]

    assert log["accuracy"] == accuracy
    assert score(scored).total.accuracy * 100 == accuracy


@pytest.mark.parametrize("name", [COUNTING_TRAINED, COUNTING])
def test_numbers_that_the_authors_extracted_are_the_answers_read(name: str) -> None:
    results = json.loads(real_file(name).read_text())["results"]

    extracted = [result for result in results if result["extracted_answer"] is not None]
    read = [parse(result["model_output"], THINK).answer for result in extracted]

    assert len(read) > 150
    assert read == [str(result["extracted_answer"]) for result in extracted]


def test_real_geometry_answers_are_missing_only_where_the_form_is_broken() -> None:
    parsed = [parse(text, THINK) for text in completions("geometry")]

    missing = {part.malformed for part in parsed if part.answer is None}
    assert len(parsed) == 754
    assert missing == {
        Malformed.NO_TAGS,
        Malformed.ENDS_IN_THINK,
        Malformed.NO_ANSWER,
        Malformed.UNCLOSED_ANSWER,
        Malformed.UNOPENED_ANSWER,
    }


@pytest.mark.parametrize("table", [malformation_table, accuracy_table, geometry_table])
def test_the_page_on_parsing_says_what_real_completions_give(table: Callable[[], list[str]]) -> None:
    made = "\n".join(table())

    page = (Path(__file__).parents[1] / "docs" / "parsing.md").read_text(encoding="utf-8")

    assert f"\n\n{made}\n\n" in page


@pytest.mark.parametrize(
    ("answer", "gold", "is_same"),
    [
        ("45", "45°", True),
        ("45 degrees.", "45°", True),
        ("0.6", "\\frac{3}{5}", True),
        ("2√3", "2√{3}cm", True),
        ("65\\pi", "65π", True),
        ("10", "10√{2}", False),
        ("54", "45°", False),
        ("1/0", "1", False),
        (None, "1", False),
    ],
)
def test_geometry_answers_are_compared_by_value_for_that_page(answer: str | None, gold: str, is_same: bool) -> None:
    assert is_same_value(answer, gold) is is_same
