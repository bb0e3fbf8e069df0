"""Whether an answer to a multiple-choice question is right: its text must be the gold option's, and no other's."""

from __future__ import annotations

import re
import unicodedata

_SPACES = re.compile(r"\s+")


def normalized(text: str) -> str:
    """Lower case, Unicode-composed, single spaces, without a trailing full stop."""
    # not casefold, which makes letters equal that look different: a long s and s, the ligature fi and f, i
    lowered = unicodedata.normalize("NFC", text).lower()
    return _SPACES.sub(" ", lowered).strip().removesuffix(".").rstrip()


def matches_gold(answer: str | None, gold: str) -> bool | None:
    """Whether the whole answer is the gold text; None where the gold is empty and nothing could be right.

    Equality over the whole answer: an empty answer, a list of options and "a or b" all fail it, which two-way
    substring rules do not (Visual-RFT issues 79 and 161).
    """
    wanted = normalized(gold)
    if not wanted:
        return None
    return answer is not None and normalized(answer) == wanted
