"""`rftui tag` and `note`: what people say about runs."""

from __future__ import annotations

from typing import Annotated

import typer

from rftui.cli.options import HomeOption, JsonOption, RunArgument, complete_tag, examples
from rftui.cli.output import print_json, say


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command(epilog=examples("rftui tag sat-grpo-12 best paper", "rftui tag @last best --remove"))(tag)
    app.command(epilog=examples("rftui note sat-grpo-12 'reward hacked from step 80 on'", "rftui note @last kept"))(
        note
    )


def tag(
    run: RunArgument,
    tags: Annotated[
        list[str], typer.Argument(metavar="TAG", help="Words without spaces.", autocompletion=complete_tag)
    ],
    removes: Annotated[bool, typer.Option("--remove", help="Take the tags away.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give tags to a run, or take them away; `rftui runs --tag TAG` lists the runs that have one."""
    from rftui.cli.homes import home_to_read
    from rftui.runs.annotations import add_tags, remove_tags
    from rftui.runs.reads import current_run

    place = home_to_read(home)
    name = current_run(place, run).name
    left = (remove_tags if removes else add_tags)(place, name, tags)
    if as_json:
        print_json({"name": name, "tags": list(left)})
    else:
        say(f"{name}: {' '.join(left) or 'no tags'}")


def note(
    run: RunArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to remember; quote it.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a note to a run; `rftui show` prints it."""
    from rftui.cli.homes import home_to_read
    from rftui.runs.annotations import add_note
    from rftui.runs.reads import current_run

    place = home_to_read(home)
    name = current_run(place, run).name
    add_note(place, name, text)
    if as_json:
        print_json({"name": name, "text": text})
    else:
        say(f"noted; `rftui show {name}` prints it")
