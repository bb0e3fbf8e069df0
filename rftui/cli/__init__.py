"""The command line. `main` is the console script; nothing heavy is imported before a command needs it."""

from rftui.cli.root import main

__all__ = ["main"]
