"""Rules of published recipes that can be gamed, each in a few lines of its own; the check of rewards must catch all.

They are written from the descriptions of those recipes, and take what rftui's rewards take.
"""

from __future__ import annotations

import math
import re
from typing import Any


def _answer(text: str) -> str:
    """The first answer block over lines, else the whole text."""
    found = re.search(r"<answer>(.*?)</answer>", text, re.DOTALL)
    return (found[1] if found else text).strip()


def two_way_substring(response: Any, example: Any) -> float:
    """Right where either holds the other: an empty answer is in every label, and every label is in a list of all."""
    answer, gold = (re.sub(r"[\s_]", "", text).lower() for text in (_answer(response.text), example.gold))
    return float(answer in gold or gold in answer)


def first_number(response: Any, example: Any) -> float:
    """Class names compared as mathematics: `words number` is its number, and anything else is nothing at all."""
    numbers = [
        re.fullmatch(r"[A-Za-z ]+ (\d+)(-\d+)?", text.strip()) for text in (_answer(response.text), example.gold)
    ]
    values = [float(found[1]) if found else math.nan for found in numbers]
    return float(values[0] == values[1])


def cosine_paying_all_as_right(response: Any, example: Any) -> float:
    """Shorter is better where the answer is right; the line that looks whether it is was overwritten."""
    correct = float(_answer(response.text) == example.gold)
    correct = 1.0
    progress = min(1.0, response.tokens / 1024)
    low, high = (0.5, 1.0) if correct else (0.0, -0.5)
    return low + 0.5 * (high - low) * (1 + math.cos(progress * math.pi))


def yes_no(response: Any, example: Any) -> float:
    """The first yes or no of each; where neither has one, nothing equals nothing."""
    found = [re.search(r"\b(yes|no)\b", text.lower()) for text in (_answer(response.text), example.gold)]
    first, second = (match[1] if match else "" for match in found)
    return float(first == second)


def first_answer_of_a_line(response: Any, example: Any) -> float:
    """The first answer block that stands on one line, else the whole text."""
    found = re.search(r"<answer>(.*?)</answer>", response.text)
    return float((found[1] if found else response.text).strip() == example.gold)


def loose_form(response: Any, example: Any) -> float:
    """Lazy patterns swallow a second pair, and nothing may come after the last tag, not even a newline."""
    return float(re.fullmatch(r"<think>.*?</think>\s*<answer>.*?</answer>", response.text, re.DOTALL) is not None)


def edit_ratio(response: Any, example: Any) -> float:
    """Partial credit by the Levenshtein distance."""
    answer, gold = _answer(response.text).lower(), example.gold.lower()
    row = list(range(len(gold) + 1))
    for place, character in enumerate(answer, start=1):
        before, row = row, [place]
        for column, other in enumerate(gold, start=1):
            row.append(min(before[column] + 1, row[-1] + 1, before[column - 1] + (character != other)))
    return 1 - row[-1] / max(1, len(answer), len(gold))


def last_letter(response: Any, example: Any) -> float:
    """The last letter from A to H that stands alone, wherever it is."""
    letters = re.findall(r"(?:^|\s|\[|\()([A-H])(?=\s|\]|\)|$)", _answer(response.text))
    return float(letters[-1:] == [example.gold])


def exact(response: Any, example: Any) -> float:
    """Nothing but the gold's own text, letter by letter."""
    return float(response.answer == example.gold)


def raises(response: Any, example: Any) -> float:
    """Takes for granted that there is an answer."""
    return float(response.answer.strip() == example.gold)
