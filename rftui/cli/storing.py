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
    """Compare the databases with the run directories; exit code 1 where they differ."""
    from store.layout import resolve_home
    from store.rebuild import check as check_store

    findings = list(check_store(resolve_home(home)))
    if as_json:
        print_json([finding if isinstance(finding, str) else finding._asdict() for finding in findings])
    else:
        for finding in findings:
            narrate(str(finding))
        say(
            "nothing wrong"
            if not findings
            else f"{len(findings)} findings; `rftui store rebuild` makes the databases again"
        )
    if findings:
        raise typer.Exit(1)


def rebuild(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Make the databases again from the run directories."""
    from store.layout import resolve_home
    from store.rebuild import rebuild as rebuild_store

    report = rebuild_store(resolve_home(home))
    if as_json:
        print_json(report._asdict() if hasattr(report, "_asdict") else {"rebuilt": True})
    else:
        say(f"rebuilt: {report}")
