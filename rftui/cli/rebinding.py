"""`rftui keys`: every action of the dashboard with its keys, as the user's own file makes them."""

from __future__ import annotations

import typer

from rftui.cli.options import JsonOption, examples
from rftui.cli.output import Cell, Column, narrate, print_json, print_table

COLUMNS = (Column("id"), Column("place"), Column("keys"), Column("what", can_shrink=True))


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=examples("rftui keys", "rftui keys --json"))(keys)


def keys(as_json: JsonOption = False) -> None:
    """List the dashboard's keys. Bind others by id in ~/.config/rftui/keys.toml: "curves.zoom_in" = "plus,ctrl+up"."""
    # textual's bindings cost 0.3 s
    from rftui.actions import ACTIONS, PLACES
    from rftui.key_names import key_names
    from rftui.user_keys import keys_path, read_user_keys

    keymap, problems = read_user_keys()
    for problem in problems:
        narrate(f"{keys_path()}: {problem}")
    if as_json:
        print_json(
            [
                {
                    "id": action.id,
                    "place": action.place,
                    "keys": keymap.get(action.id, action.keys).split(","),
                    "default_keys": action.keys.split(","),
                    "what": action.tooltip,
                }
                for action in ACTIONS
            ]
        )
        return
    print_table(
        COLUMNS,
        [
            [
                Cell(action.id),
                Cell(PLACES[action.place]),
                Cell(key_names(keymap.get(action.id, action.keys)), "bold" if action.id in keymap else ""),
                Cell(action.tooltip),
            ]
            for action in ACTIONS
        ],
    )
