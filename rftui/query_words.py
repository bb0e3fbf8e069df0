"""The grammar that all query languages share: words, "phrases", and keys with an operator and a value; `-` excludes.

What a key means is for each language to say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from rftui.errors import QueryError
from rftui.terminal.clean import clean, one_line

LONGEST_QUERY = 1000
_WORD = re.compile(
    r"""
      \s* (?P<not>-)? (?:
        (?P<key>[A-Za-z_][\w./-]*?) (?P<sign><=|>=|<|>|=|:) (?: "(?P<quoted>[^"]*)" | (?P<value>[^\s"]*) )
      | "(?P<phrase>[^"]*)"
      | (?P<word>[^\s"]+)
      ) (?=\s|$)
    """,
    re.VERBOSE,
)


class QueryWord(NamedTuple):
    """One thing that is asked for."""

    key: str | None
    """As it was typed; None for a word or phrase to look for."""
    sign: str
    """The operator after the key, as it was typed."""
    value: str
    """What stands behind the operator, or the word or phrase."""
    is_negated: bool


def query_words(text: str) -> Iterator[QueryWord]:
    """The words of a query, cleaned, in order. Raises QueryError where it ends in the middle of one, or is too long."""
    text = clean(text)
    if len(text) > LONGEST_QUERY:
        raise QueryError(
            f"the query has {len(text)} characters; {LONGEST_QUERY} are the most", expected=f"at most {LONGEST_QUERY}"
        )
    place, end = 0, len(text.rstrip())
    while place < end:
        found = _WORD.match(text, place)
        if found is None:
            raise QueryError(
                "a quote is never closed, or text follows it at once",
                found=one_line(text[place:], width=40),
                expected='"two words"',
            )
        yield _word(found)
        place = found.end()


def _word(found: re.Match[str]) -> QueryWord:
    is_negated = found["not"] is not None
    if found["key"] is not None:
        value = found["quoted"] if found["quoted"] is not None else found["value"]
        return QueryWord(found["key"], found["sign"], value, is_negated)
    phrase = found["phrase"] if found["phrase"] is not None else found["word"]
    if not phrase:
        raise QueryError(
            "an empty phrase looks for nothing",
            found='""',
            expected="a word, or a phrase in quotes",
        )
    return QueryWord(None, ":", phrase, is_negated)
