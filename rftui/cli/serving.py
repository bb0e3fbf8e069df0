"""`rftui serve`: the dashboard in a browser."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from rftui.cli.options import HomeOption, examples
from rftui.cli.output import narrate, say
from rftui.errors import RftuiError


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command(epilog=examples("rftui serve", "rftui serve --port 8080 --changes"))(serve)


def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any that is free.")] = 8000,
    host: Annotated[
        str,
        typer.Option(help="Address to listen on. Any but a loopback one sends everything over the network in clear."),
    ] = "127.0.0.1",
    is_read_only: Annotated[
        bool,
        typer.Option(
            "--read-only/--changes",
            help="Whether the browser may only look, or also launch, stop and delete runs, with the address.",
        ),
    ] = True,
    home: HomeOption = None,
) -> None:
    """Show the dashboard in a browser, at an address with a secret in it that is printed once.

    It listens on this machine alone; from another, `ssh -L 8000:127.0.0.1:8000 MACHINE` and the same address.
    """
    try:
        # aiohttp and jinja cost 0.4 s, and are an extra
        from rftui.serving import TokenServer, is_loopback, listen, new_token
    except ModuleNotFoundError as error:
        raise RftuiError(
            f"rftui serve needs {error.name}, which is not installed",
            found=f"no module named {error.name}",
            expected="the serve extra",
            fix="pip install 'rftui[serve]'",
        ) from error
    if home is not None:
        os.environ["RFTUI_HOME"] = str(home)
    if is_read_only:
        # launching runs code that the launcher names, so a browser may look and no more unless told otherwise
        os.environ["RFTUI_READ_ONLY"] = "1"
    elif os.environ.get("RFTUI_READ_ONLY"):
        raise RftuiError("--changes contradicts --read-only", fix="leave one of them out")
    if not is_loopback(host):
        narrate(f"warning: {host} can be reached from other machines, and what is shown and typed goes there in clear")
    server = TokenServer(listen(host, port), new_token())
    say(server.url)
    narrate("ctrl+c ends it; " + ("the browser can only look" if is_read_only else "the browser can change runs"))
    server.run()
