"""`rftui tasks write`: generated examples as files, in the layout that the reader of real data reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rftui.cli.options import JsonOption
from rftui.cli.output import narrate, print_json, say
from rftui.errors import UsageProblem

WRITERS = ("aircraft",)
"""Tasks that can be written."""


def write(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Task by name: aircraft.")],
    to: Annotated[
        Path, typer.Option("--to", metavar="PATH", help="A new or empty folder, or a new .tar.gz.", show_default=False)
    ],
    variants: Annotated[int, typer.Option("--variants", help="How many aircraft there are.")] = 12,
    images: Annotated[int, typer.Option("--images", help="Images of each variant in each split.")] = 33,
    side: Annotated[int, typer.Option("--side", min=32, max=1024, help="Pixels a side, without the banner.")] = 256,
    difficulty: Annotated[
        float, typer.Option("--difficulty", min=0, max=1, help="0 is clean, 1 barely legible.")
    ] = 0.5,
    seed: Annotated[int, typer.Option("--seed", help="Chooses the pictures.")] = 0,
    as_json: JsonOption = False,
) -> None:
    """Write generated aircraft in FGVC-Aircraft's official layout, for trying what reads real data."""
    # PIL costs 50 ms, which the other commands should not pay
    from evals.errors import EvalsError
    from evals.generated.aircraft_layout import Layout, write_official_layout

    if task not in WRITERS:
        raise UsageProblem(
            f"task {task} cannot be written",
            found=task,
            expected=f"one of {', '.join(WRITERS)}",
            fix=f"rftui tasks write aircraft --to {to}",
        )
    to = to.expanduser()
    if not as_json:
        narrate(f"drawing {variants} x {images} x 3 images of {side} pixels")
    layout = Layout(variants=variants, images_a_split=images, side=side, seed=seed, difficulty=difficulty)
    try:
        written = write_official_layout(to, layout)
    except EvalsError as error:
        raise UsageProblem(error.found, found=error.found, expected=error.expected, fix=error.fix) from error
    except OSError as error:
        raise UsageProblem(
            f"{to} cannot be written: {error.strerror or error}",
            found=str(error),
            expected="a place that can be written, with room for the images",
            fix="name another with --to",
        ) from error
    if as_json:
        print_json({"path": str(to), "images": written, "variants": variants})
    else:
        say(f"wrote {written:,} images of {variants} variants to {to}")
        say(f"read them with: rftui tasks check aircraft --data {to}")
