"""Tags that a reader takes for <think> or <answer> and a parser does not: `<THINK>`, `< answer >`, `&lt;answer&gt;`."""

from __future__ import annotations

import re
import unicodedata

_UNSEEN = frozenset({"Cf", "Cc", "Mn", "Me"})
"""Unicode categories that show nothing, or only decorate their neighbour."""
# after Unicode's own decomposition, which has done full-width and mathematical forms
_LOOKALIKES = {
    "a": "\u0430\u03b1\u0251",  # Cyrillic a, alpha, script a
    "e": "\u0435\u03b5",
    "h": "\u04bb",
    "i": "\u0456\u03b9\u0131",  # Cyrillic i, iota, dotless i
    "k": "\u043a\u03ba",
    "n": "\u043f\u03b7",
    "r": "\u0433",
    "s": "\u0455",
    "t": "\u0442\u03c4",
    "w": "\u0461\u051d\u03c9",
    "<": "\u2039\u27e8\u276e\u3008\u02c2\u1438",
    ">": "\u203a\u27e9\u276f\u3009\u02c3\u1433",
}


class _Folding(dict[int, int | str | None]):
    """What a character counts as, for str.translate: None for what shows nothing; found out once for each."""

    def __missing__(self, code: int) -> int | str | None:
        character = chr(code)
        is_unseen = unicodedata.category(character) in _UNSEEN or bool(unicodedata.combining(character))
        is_seen = character.isspace() or not is_unseen
        self[code] = code if is_seen else None
        return self[code]


_FOLDED = _Folding({ord(seen): meant for meant, others in _LOOKALIKES.items() for seen in others})
_ENTITY = re.compile("&([lg])t;")
_SPACES = re.compile(r"\s+")
# every run of white space is one space by then, and nothing in here repeats without a bound, so this is linear
_LOOSE_TAG = re.compile(r"< ?/? ?(?:think(?:ing)?|answers?)(?: \w{1,32} ?=[^<>]{0,64})? ?/? ?>")


def tag_count(text: str) -> int:
    """How many tags a reader sees; each exact tag counts, so more than those means look-alikes."""
    return len(_LOOSE_TAG.findall(_as_seen(text)))


def _as_seen(text: str) -> str:
    """The text as a hasty reader sees it: no case, no invisible characters, no scripts, single spaces."""
    seen = _ENTITY.sub(lambda entity: "<" if entity[1] == "l" else ">", text)
    if not seen.isascii():
        # marks go before as well: to put a long run of them in order takes time quadratic in its length.
        # Decomposed for compatibility, full-width and mathematical letters become plain, and accents come apart
        seen = unicodedata.normalize("NFKD", seen.translate(_FOLDED))
    return _SPACES.sub(" ", seen.lower().translate(_FOLDED))
