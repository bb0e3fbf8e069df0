"""`rftui store check|rebuild`: the databases against the files they are made from."""

from __future__ import annotations

import typer

from rftui.cli.options import HomeOption, JsonOption, examples
from rftui.cli.output import narrate, print_json, say


def register(app: typer.Typer) -> None:
    """Adds the group."""
    group = typer.Typer(
        help="Check and rebuild the databases.",
        no_args_is_help=True,
        epilog=examples("rftui store check", "rftui store rebuild --json"),
    )
    group.command(epilog=examples("rftui store check", "rftui store check --home /data/rftui --json"))(check)
    group.command(epilog=examples("rftui store rebuild", "rftui store rebuild --home /data/rftui --json"))(rebuild)
    app.add_typer(group, name="store")


def check(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Index what is new, then compare the databases with the run directories; exit code 1 where something is wrong."""
    from rftui.cli.homes import home_to_read
    from rftui.runs.store_check import findings_of

    findings = findings_of(home_to_read(home))
    if as_json:
        print_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            narrate(str(finding))
        count = f"{len(findings)} finding{'s' if len(findings) > 1 else ''}"
        is_wrong = any(finding.is_fault for finding in findings)
        say(f"{count}; each names its remedy" if is_wrong else "nothing wrong")
    if any(finding.is_fault for finding in findings):
        raise typer.Exit(1)


def rebuild(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Make the databases again from the run directories."""
    from rftui.cli.homes import home_to_read
    from store.rebuild import rebuild as rebuild_store

    report = rebuild_store(home_to_read(home))
    for name in report.copies:
        narrate(f"{name} is a copy of another run and was left out; move it out of the home")
    if as_json:
        print_json(report._asdict())
    else:
        say(f"{report.runs} runs made again from {report.records} records; {report.foreign} foreign lines set aside")
