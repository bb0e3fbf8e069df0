"""Rollouts become lines that fit, say what is so, and hold nothing that steers a terminal."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from rftui.rollouts.group_layout import GroupLayout
from rftui.rollouts.group_text import Comparison, View, completion_lines, largest_parts, prompt_lines
from rftui.terminal.spans import Line, Role, Span, fitted, flowed, in_ascii, line_width, marked, phrase_places
from rftui.terminal.wrapping import LONGEST, drawable, drawable_line, wrap
from store.rollouts import Rollout
from tests.rollout_rows import HOSTILE, occurrence, rollout
from tests.store_runs import PATIENTLY

STEERING = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufe0f\ud800-\udfff]")
foreign = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=()), max_size=80),
    st.lists(st.sampled_from([*HOSTILE, " ", "a", "\n"]), max_size=6).map("".join),
)


def said(lines: Iterable[Line]) -> str:
    return "\n".join("".join(span.text for span in line) for line in lines)


def roles(lines: Iterable[Line], role: Role) -> list[str]:
    return [span.text for line in lines for span in line if span.role is role]


def lines_of(one: Rollout, *, width: int = 80, is_open: bool = False, phrases: tuple[str, ...] = ()) -> list[Line]:
    return completion_lines(one, View(width, phrases, frozenset(), largest_parts([one])), is_open=is_open)


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("the red cube", 8, ["the red", "cube"]),
        ("the red cube", 7, ["the red", "cube"]),  # the space at the edge is left out
        ("extraordinary", 5, ["extra", "ordin", "ary"]),
        ("", 5, [""]),
        ("日本語 ok", 4, ["日本", "語", "ok"]),  # two cells a character
        ("日", 1, ["日"]),  # wider than the line, yet the text goes on
        ("ab", 0, ["a", "b"]),
        ("  x", 9, ["  x"]),  # indents stay
    ],
)
def test_a_paragraph_is_wrapped_by_cells(text: str, width: int, expected: list[str]) -> None:
    assert [text[start:end] for start, end in wrap(text, width)] == expected


@given(foreign, st.integers(2, 40))
def test_wrapped_lines_fit_and_lose_only_spaces(text: str, width: int) -> None:
    for paragraph in drawable(text).paragraphs:
        lines = [paragraph[start:end] for start, end in wrap(paragraph, width)]

        assert all(cell_len(line) <= width for line in lines)
        assert "".join(lines).replace(" ", "") == paragraph.replace(" ", "")


@given(foreign)
def test_drawable_text_holds_nothing_that_steers_a_terminal(text: str) -> None:
    assert not any(STEERING.search(paragraph) for paragraph in drawable(text).paragraphs)


def test_what_is_taken_out_is_counted() -> None:
    assert drawable("le\u200bft\x1b[31m").hidden == 6
    assert drawable("left\r\nright") == (("left", "right"), 0, 0)
    assert drawable_line(" a\n\tb ") == "a b"


def test_a_pile_of_marks_is_cut() -> None:
    assert drawable("e" + "\u0301" * 1000).paragraphs == ("e" + "\u0301" * 3,)


def test_a_megabyte_is_laid_out_in_part_and_the_rest_is_counted() -> None:
    text = "word é " * 150_000

    started = time.process_time()
    lines = lines_of(rollout(think=text, completion=text), is_open=True)
    spent = time.process_time() - started

    assert drawable(text).left_out == len(text) - LONGEST
    assert f"{len(text) - LONGEST:,} more characters" in said(lines)
    assert spent < 2


def test_a_completion_tells_its_numbers_parts_thought_and_answer() -> None:
    text = said(lines_of(rollout()))

    for part in ("#0 ✓", "reward 2.25", "adv +0.72", "12 tok", "eos", "accuracy █████ 1", "length █░░░░ 0.25"):
        assert part in text
    assert "▸ think  8 tok  The cube is left of the lamp." in text
    assert "answer left ✓" in text


def test_a_wrong_answer_and_a_disadvantage_are_marked() -> None:
    wrong = rollout(answer="right", rewards={"accuracy": 0.0}, advantage=-1.31)

    assert roles(lines_of(wrong), Role.WRONG) == ["✗", "-1.31", "right", "✗"]


def test_an_answer_without_a_grade_has_no_mark() -> None:
    text = said(lines_of(rollout(rewards={"accuracy": None})))

    assert "✓" not in text and "✗" not in text and "accuracy —" in text


def test_an_open_thought_keeps_its_paragraphs() -> None:
    text = said(lines_of(rollout(think="first\n\nsecond"), is_open=True))

    assert "▾ think  8 tok\n    first\n    \n    second\n" in text


def test_a_malformed_completion_is_shown_as_it_came_with_what_is_wrong() -> None:
    broken = rollout(malformed="unclosed think", answer=None, think=None, completion="<think>a\nb\nc\nd")

    folded, unfolded = said(lines_of(broken)), said(lines_of(broken, is_open=True))

    assert "unclosed think" in folded and "<think>a\n    b\n    c\n    …" in folded
    assert "<think>a\n    b\n    c\n    d" in unfolded


def test_a_clipped_completion_and_a_reward_that_raised_are_warned_of() -> None:
    lines = lines_of(rollout(stop="length", errors={"length": "Traceback\nZeroDivisionError: by zero"}))

    assert roles(lines, Role.WARNING) == ["clipped", "length raised: ZeroDivisionError: by zero"]


def test_negative_and_infinite_parts_have_bars() -> None:
    text = said(lines_of(rollout(rewards={"penalty": -2.0, "odd": float("inf"), "nan": float("nan")})))

    assert "penalty █████ -2" in text and "odd █████ inf" in text and "nan " in text


def test_found_words_are_marked_in_thought_and_answer_and_counted_where_folded() -> None:
    folded = lines_of(rollout(), phrases=("LEFT",))
    unfolded = lines_of(rollout(), phrases=("left of", "left"), is_open=True)

    assert roles(folded, Role.MATCH) == ["  1 found", "left", "left"]
    assert roles(unfolded, Role.MATCH) == ["left of", "left"]


def test_a_found_word_is_marked_on_both_lines_that_it_is_wrapped_over() -> None:
    lines = lines_of(rollout(think="aaaa left of"), phrases=("left of",), is_open=True, width=13)

    assert roles(lines, Role.MATCH)[:2] == ["left", "of"]


def test_a_prompt_tells_question_gold_options_and_history() -> None:
    text = said(prompt_lines(rollout(), [occurrence(1, 0), occurrence(5, 4)], width=80))

    assert text.startswith("Where is it?\n")
    for part in (
        "gold left",
        "options left · right",
        "kind relation",
        "uid sat/train/7",
        "this prompt over 2 steps ▁█",
    ):
        assert part in text
    assert "steps" not in said(prompt_lines(rollout(), [occurrence(1, 0)], width=80))


def test_malformed_tags_are_marked_and_the_malformation_is_named() -> None:
    text = "<think>left of it</think > <answer>left\n< / ANSWER> <b>"

    lines = lines_of(rollout(completion=text, malformed="text after answer"), is_open=True)

    assert "malformed: text after answer" in roles(lines, Role.WARNING)
    assert roles(lines, Role.WARNING)[1:] == ["<think>", "</think >", "<answer>"]


def test_a_marked_completion_has_a_star() -> None:
    lines = completion_lines(rollout(), View(80, marked=frozenset({0})), is_open=False)

    assert said(lines).startswith("#0★ ✓")


def test_a_completion_is_compared_with_one_of_another_step() -> None:
    base = rollout(step=1, sample=2, completion="<think>It is right.</think><answer>right</answer>")
    view = View(80, comparison=Comparison(base, 0))

    text = said(completion_lines(rollout(completion=base.completion.replace("It is", "It was")), view, is_open=False))

    assert "▾ against #2 of step 1: [-1 gone-] {+1 new+}" in text
    assert "It [-is-] {+was+} right." in text
    assert "against" not in said(completion_lines(rollout(sample=1), view, is_open=False)), "only the current one"


def test_the_base_of_a_comparison_is_shown_as_it_is() -> None:
    view = View(80, comparison=Comparison(rollout(), 0))

    text = said(completion_lines(rollout(), view, is_open=False))

    assert "others are compared with it" in text and "against" not in text
    assert "same words" in said(completion_lines(rollout(step=9), view, is_open=False))


def test_a_completion_is_read_as_markdown_when_asked() -> None:
    one = rollout(completion="# So\n- **left**")

    text = said(completion_lines(one, View(80, as_markdown=frozenset({0})), is_open=False))

    assert "▾ as Markdown\n    # So\n\n    · left".replace("\n\n", "\n    \n") in text


def test_another_look_lays_out_what_it_changes() -> None:
    layout = GroupLayout([rollout(sample=number) for number in range(3)], (), View(80))
    before = layout.height

    layout.look(View(80, as_markdown=frozenset({1})), {1})

    assert layout.height == before
    first, end = layout.place(1)
    assert "as Markdown" in said([layout.line(y) for y in range(first, end)])


def test_lines_are_cut_and_flow() -> None:
    assert said([fitted((Span("abc"), Span("def")), 4)]) == "abc…"
    assert said([fitted((Span("日本語"),), 4)]) == "日 …"
    assert said(flowed([(Span("aa"),), (Span("bb"),), (Span("cccccccc"),)], 7, hang=" ")) == "aa  bb\n ccccc…"


def test_places_of_phrases_do_not_overlap_and_are_text() -> None:
    assert phrase_places("a.b axb", ["a.b"]) == [(0, 3)]
    assert phrase_places("left of left", ["left", "left of"]) == [(0, 7), (8, 12)]
    assert marked("abcd", 1, 3, [(0, 2)], Role.PLAIN) == (Span("b", Role.MATCH), Span("c", Role.PLAIN))


def test_ascii_has_a_sign_for_ours_and_a_mark_for_the_rest() -> None:
    assert in_ascii("✓ ▸ █░ 日") == "+ > #- ?"


def test_a_layout_finds_lines_and_completions() -> None:
    rollouts = [rollout(sample=number) for number in range(3)]
    layout = GroupLayout(rollouts, (), View(80))

    tops = [layout.place(index).top for index in range(3)]

    assert [said([layout.line(top)])[:2] for top in tops] == ["#0", "#1", "#2"]
    assert [layout.block_at(top) for top in tops] == [0, 1, 2]
    assert layout.block_at(0) is None and layout.block_at(10_000) == 2
    assert layout.line(10_000) == () and layout.place(2).bottom == layout.height


def test_folding_changes_one_completion_or_all() -> None:
    layout = GroupLayout([rollout(sample=number) for number in range(3)], (), View(80))
    folded = layout.height

    layout.toggle(1)
    assert [layout.is_open(index) for index in range(3)] == [False, True, False] and layout.height == folded + 1

    layout.open_all({0, 1, 2})
    assert layout.height == folded + 3

    layout.open_all(set())
    assert layout.height == folded


def test_a_layout_without_rollouts_is_empty() -> None:
    layout = GroupLayout([], (), View(80))

    assert (layout.height, layout.line(0), layout.block_at(0)) == (0, (), None)


@PATIENTLY
@given(foreign, foreign, st.integers(1, 60), st.booleans(), st.sampled_from([None, "unclosed think"]))
def test_any_text_becomes_lines_that_fit(
    text: str, other: str, width: int, is_open: bool, malformed: str | None
) -> None:
    one = rollout(
        completion=text, think=other, answer=text, gold=other, question=text, uid=other, kind=text, stop=other,
        options=(text, other), rewards={other: 1.0, "b": None}, errors={text: other}, malformed=malformed,
    )  # fmt: skip
    layout = GroupLayout([one], (occurrence(1, 1), occurrence(2, None)), View(width, ("a", "left of")))
    if is_open:
        layout.toggle(0)

    lines = [layout.line(y) for y in range(layout.height)]

    assert not any(STEERING.search(span.text) for line in lines for span in line)
    # a wide character or an indent can be wider than a very narrow pane, which cuts it
    assert width < 16 or all(line_width(line) <= width for line in lines)
