"""Keys in words: as the footer and the help write them. Pure; knows no widget."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from rftui.actions import ACTIONS, PLACES, Action

_NAMES = {
    "question_mark": "?",
    "exclamation_mark": "!",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "left_parenthesis": "(",
    "right_parenthesis": ")",
    "plus": "+",
    "equals_sign": "=",
    "minus": "-",
    "underscore": "_",
    "number_sign": "#",
    "dollar_sign": "$",
    "percent_sign": "%",
    "ampersand": "&",
    "asterisk": "*",
    "at": "@",
    "apostrophe": "'",
    "quotation_mark": '"',
    "grave_accent": "`",
    "circumflex_accent": "^",
    "vertical_line": "|",
    "tilde": "~",
    "comma": ",",
    "full_stop": ".",
    "colon": ":",
    "semicolon": ";",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "slash": "/",
    "backslash": "\\",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "delete": "del",
}
"""Textual's names of keys that people call otherwise."""
KEY_OF_SIGN = {sign: name for name, sign in _NAMES.items() if len(sign) == 1}
"""Textual's name of every sign that is no letter and no digit."""


def key_name(key: str) -> str:
    """One key as people read it: `?`, `ctrl+up`."""
    *modifiers, last = key.split("+")
    return "+".join([*modifiers, _NAMES.get(last, last)])


def key_names(keys: str) -> str:
    """Keys with commas between as people read them: `left h`."""
    return " ".join(key_name(key.strip()) for key in keys.split(","))


WORDS: dict[str, dict[str, str]] = {
    "list": {
        "vs base 95%": "Points of held-out accuracy above the pinned run over the same examples, paired, with the 95% "
        "interval; a dash where source, split, prompt, decoding or examples are not the same; * where so few examples "
        "flipped that the interval is too narrow: `rftui compare` gives the p-value",
    },
    "rollouts": {
        "frontier": "Groups of which some completions are right and some are not",
        "solved, all wrong": "Groups of which all are right, or none is",
        "dead": "Groups whose rewards are all equal, so that nothing is learned from them: mostly solved or all wrong",
    },
}
"""Words on the screen that the help explains, by place."""


def help_rows(
    here: Collection[str] = (), keymap: Mapping[str, str] | None = None
) -> list[tuple[str, list[tuple[str, str]]]]:
    """Every place with its keys and what they do, the places `here` first; keys that do the same stand together.

    Words that stand on the screen there come after its keys.

    `keymap` has the keys of the actions that a user bound otherwise, by id.
    """
    rows = []
    for place, title in sorted(PLACES.items(), key=lambda item: item[0] not in here or item[0] == "app"):
        keys: dict[str, str] = {}
        for action in ACTIONS:
            if action.place == place:
                keys[action.tooltip] = f"{keys.get(action.tooltip, '')} {_keys_of(action, keymap)}".strip()
        rows.append((title, [*((names, tooltip) for tooltip, names in keys.items()), *WORDS.get(place, {}).items()]))
    return rows


def _keys_of(action: Action, keymap: Mapping[str, str] | None) -> str:
    return key_names((keymap or {}).get(action.id, action.keys))
