"""The wording that models are asked in and answer with."""

from __future__ import annotations

import pytest

from evals.prompts import DIRECT, THINK, choices, completion_text, user_text


@pytest.mark.parametrize(("options", "text"), [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")])
def test_options_are_listed_as_a_sentence(options: list[str], text: str) -> None:
    assert choices(options) == text


@pytest.mark.parametrize("mode", [THINK, DIRECT])
def test_a_prompt_has_question_options_in_their_order_and_instruction(mode: str) -> None:
    text = user_text("Where is it?", ["left", "right"], mode=mode)

    assert text.startswith("Where is it? ")
    assert "left or right" in text
    assert "<answer> </answer>" in text


def test_only_the_thinking_prompt_speaks_of_thinking() -> None:
    think, direct = (user_text("Where is it?", ["left", "right"], mode=mode) for mode in (THINK, DIRECT))

    assert "<think>" in think
    assert "think" not in direct.lower()
    assert think.partition(" Output")[0] == direct.partition(" Output")[0]


def test_an_open_question_shows_no_options() -> None:
    assert "options" not in user_text("What is it?", [], mode=DIRECT)


@pytest.mark.parametrize(
    ("think", "text"),
    [
        (None, "<answer>left</answer>"),
        ("so", "<think>so</think><answer>left</answer>"),
        ("", "<think></think><answer>left</answer>"),  # an empty thought is written, not left out
    ],
)
def test_a_completion_is_written_with_or_without_reasoning(think: str | None, text: str) -> None:
    assert completion_text("left", think=think) == text
