"""Options that several commands share, with one wording."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunArgument = Annotated[
    str,
    typer.Argument(metavar="RUN", help="Name of a run, a unique beginning of it, @last, or @last:TASK."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout; errors become JSON on stderr.")]
HomeOption = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help="Where runs are kept; else $RFTUI_HOME, else the XDG data directory."),
]


def examples(*lines: str) -> str:
    """The end of a command's help: real command lines, one a paragraph, since typer joins the lines of one."""
    return "\n\n".join(["Examples:", *(f"$ {line}" for line in lines)])
