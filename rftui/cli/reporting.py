"""`rftui report`: what a study found, as a page, as Markdown and as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rftui.cli.options import HomeOption, JsonOption, examples
from rftui.cli.output import print_json, say
from rftui.cli.studying import NameArgument

if TYPE_CHECKING:
    from rftui.reports.report import Report
    from store.layout import Home


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=examples("rftui report paper", "rftui report paper --out report --decoding sampled"))(report)


def report(
    study: NameArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Folder to write into; the study's own folder if absent."),
    ] = None,
    decoding: Annotated[
        str, typer.Option(metavar="greedy|sampled", help="Which held-out answers the report is about.")
    ] = "greedy",
    no_figures: Annotated[bool, typer.Option("--no-figures", help="Leave the figures out: no matplotlib.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what a study found: one HTML page without network, Markdown, and JSON."""
    # pydantic and numpy cost 0.3 s, which --help should not pay
    from rftui.cli.homes import home_to_read
    from rftui.reports.document import document
    from rftui.reports.report import make_report
    from rftui.runs.reads import current_runs

    place = home_to_read(home)
    folder = None if as_json and out is None else _folder(place, study, out)
    current_runs(place)
    made = make_report(place, study, decoding=decoding)
    if folder is not None:
        _write(place, made, folder, with_figures=not no_figures, is_quiet=as_json)
    if as_json:
        print_json(document(made))


def _folder(home: Home, study: str, out: Path | None) -> Path:
    """Where to write. Raises NotFound for a study that is not there, UsageProblem where nothing may be written."""
    from rftui.errors import UsageProblem
    from rftui.studies.places import find_place

    place = find_place(home, study)
    if out is None and home.is_read_only:
        raise UsageProblem(
            "the report would be written into a home that is read-only",
            found=str(place.report),
            expected="a folder to write into",
            fix=f"rftui report {study} --out DIR",
        )
    return (out or place.report).expanduser()


def _write(home: Home, made: Report, folder: Path, *, with_figures: bool, is_quiet: bool) -> None:
    from rftui.reports.prose import caveats, in_short
    from rftui.reports.writing import write_report

    written = write_report(home, made, folder, with_figures=with_figures)
    if is_quiet:
        return
    for text in caveats(made):
        say(text)
    for question, answer in in_short(made):
        say(f"{question}")
        say(f"  {answer}")
    for path in (written.page, written.markdown, written.document):
        say(str(path))
