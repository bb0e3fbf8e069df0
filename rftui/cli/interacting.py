"""`rftui interaction`: does a change, such as the length reward, do more on one task than on another?"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rftui.cli.options import HomeOption, JsonOption, complete_run, examples
from rftui.cli.output import print_json, say

if TYPE_CHECKING:
    from evals.interaction import Effect
    from rftui.comparing.compared_runs import ComparedRun
    from rftui.comparing.interactions import Tested
    from store.layout import Home

WIDTH = 100


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(
        epilog=examples(
            "rftui interaction sat-grpo-1 sat-length-1 aircraft-grpo-1 aircraft-length-1",
            "rftui interaction sat-grpo-1,sat-grpo-2 sat-length-1,sat-length-2 banner-grpo-1 banner-length-1 --json",
        )
    )(interaction)


def interaction(
    cells: Annotated[
        list[str],
        typer.Argument(
            metavar="WITHOUT WITH WITHOUT WITH",
            help="Runs of one task without and with the change, then of another; seeds of a cell with commas.",
            autocompletion=complete_run,
        ),
    ],
    prompt: Annotated[str, typer.Option(metavar="think|direct", help="The evaluations asked so.")] = "think",
    decoding: Annotated[str, typer.Option(metavar="greedy|sampled", help="And decoded so.")] = "greedy",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Test whether a change does more on one task than on another: the difference of two paired differences."""
    from rftui.cli.homes import home_to_read
    from rftui.comparing.interactions import Side, sides, tested

    place = home_to_read(home)
    runs = [_read(place, names) for names in sides(cells)]
    found = tested(Side(runs[0], runs[1]), Side(runs[2], runs[3]), prompt=prompt, decoding=decoding)
    if as_json:
        print_json(interaction_fields(found))
        return
    for line in interaction_lines(found):
        say(line)


def _read(home: Home, references: list[str]) -> tuple[ComparedRun, ...]:
    # pydantic costs 0.1 s, which --help should not pay
    from rftui.comparing.compared_runs import read_compared
    from rftui.runs.reads import current_run

    return tuple(read_compared(home, current_run(home, reference)) for reference in references)


def interaction_lines(found: Tested) -> list[str]:
    """The two effects, their difference, and what must be known to believe it."""
    from rftui.evaluations.text import p_text
    from rftui.terminal.clean import one_line

    result = found.result
    lines = [
        f"last held-out evaluations, {found.prompt} {found.decoding}; effects in points with 95% bootstrap intervals"
    ]
    for title, change, effect in zip(found.titles, found.changes, (result.first, result.second), strict=True):
        lines.append(one_line(title, width=WIDTH))
        lines += textwrap.wrap(f"  change: {one_line(change)}", WIDTH, subsequent_indent="    ")
        lines.append(f"  effect {_points(effect)}  over {effect.n} examples")
    difference = (result.difference, result.low, result.high)
    lines.append(f"first effect less second  {_three(difference)}  p {p_text(result.p)}")
    for note in found.notes:
        lines += textwrap.wrap(f"- {one_line(note)}", WIDTH, subsequent_indent="  ")
    return lines


def _points(effect: Effect) -> str:
    return _three((effect.mean, effect.low, effect.high))


def _three(shares: tuple[float, float, float]) -> str:
    middle, low, high = (f"{100 * share:+.1f}" for share in shares)
    return f"{middle} [{low}, {high}]"


def interaction_fields(found: Tested) -> dict[str, Any]:
    """The document of `interaction --json`; docs/evaluation.md describes it, and scripts rely on its names."""
    result = found.result
    return {
        "prompt": found.prompt,
        "decoding": found.decoding,
        "effects": [
            {"data": title, "change": change, **effect._asdict()}
            for title, change, effect in zip(found.titles, found.changes, (result.first, result.second), strict=True)
        ],
        "difference": result.difference,
        "low": result.low,
        "high": result.high,
        "p": result.p,
        "are_seeds_resampled": result.are_seeds_resampled,
        "notes": list(found.notes),
    }
