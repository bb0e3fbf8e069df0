"""Where the dashboard writes what went wrong: a file, since the terminal is taken and belongs to the runs."""

from __future__ import annotations

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from rftui.terminal.clean import one_line
from rftui.view_memory import state_dir

logger = logging.getLogger(__name__)

LARGEST_BYTES = 1 << 20


def log_path() -> Path:
    """The log of every dashboard of this user."""
    return state_dir() / "dashboard.log"


def start_log() -> Path | None:
    """Sends what rftui and the store log into the file; None where it cannot be written."""
    path = log_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=LARGEST_BYTES, backupCount=1, delay=False, encoding="utf-8")
    except OSError:
        # a dashboard without a log is better than none; nothing of ours may reach the terminal that it draws on
        logging.getLogger().addHandler(logging.NullHandler())
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(min(root.level, logging.WARNING) if root.level else logging.WARNING)
    # a log on a full disk must not print tracebacks over the screen
    logging.raiseExceptions = False
    return path


def crash_sentence(error: BaseException, path: Path | None) -> str:
    """One sentence for the terminal about an error that ended the dashboard."""
    where = f"the traceback is in {path}" if path is not None else "no log could be written"
    what = one_line(f"{type(error).__name__}: {error}", width=160)
    return f"the dashboard ended on an error of its own ({what}); {where}; runs go on"


def log_crash(error: BaseException) -> None:
    """Writes the traceback down."""
    logger.error("the dashboard ended", exc_info=(type(error), error, error.__traceback__))
