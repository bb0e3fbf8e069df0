"""Makes sure that a queue with anybody in it is served: at once where it can be, else by a dispatcher of its own.

The queue's lock is never let go while it is handed on: who holds it starts the dispatcher with it. So there is one
dispatcher at most, and killing it frees the lock for the next who looks.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

from rftui.planning.command import child_environment
from rftui.queueing.markers import marked
from rftui.supervision.supervisor_lock import is_supervised, take
from store.layout import Home

logger = logging.getLogger(__name__)


def queue_lock(home: Home) -> Path:
    """Held by whoever serves the queue; with the databases, which are on local disk."""
    return home.databases / "queue.lock"


def queue_log(home: Home) -> Path:
    """What dispatchers said."""
    return home.databases / "queue.log"


def is_served(home: Home) -> bool:
    """Whether somebody serves the queue at this moment."""
    return is_supervised(queue_lock(home))


def serve_now(home: Home) -> dict[str, subprocess.Popen[bytes]]:
    """One round by this process where nobody serves the queue, and a dispatcher for what is left. Raises OSError.

    Returns the supervisors that were started, by run.
    """
    # what starts runs costs 20 ms, which a look at an empty queue should not pay
    from rftui.queueing.serving import Server

    server, started = Server(home), dict[str, subprocess.Popen[bytes]]()
    home.databases.mkdir(parents=True, exist_ok=True)
    while marked(home):
        lock = take(queue_lock(home))
        if lock is None:
            # whoever has it looks again after letting go
            return started
        try:
            found = server.round()
            started |= found.started
            if found.needs_dispatcher:
                _start_dispatcher(home, lock)
                return started
        finally:
            os.close(lock)
        if not server.is_wanted():
            return started
    return started


def ensure_dispatcher(home: Home) -> None:
    """Starts a dispatcher where anybody waits for one and there is none. Cheap where nobody does; never raises."""
    if home.is_read_only or is_served(home) or not marked(home):
        return
    try:
        home.databases.mkdir(parents=True, exist_ok=True)
        lock = take(queue_lock(home))
        if lock is None:
            return
        # reading the queue costs 10 ms, and mostly somebody serves it
        from rftui.queueing.entries import QueueReader

        try:
            reading = QueueReader(home).read()
            if reading.strays or reading.needs_dispatcher:
                _start_dispatcher(home, lock)
        finally:
            os.close(lock)
    except OSError as error:
        # whoever lists runs or trains one goes on; the next one tries again
        logger.warning("no dispatcher could be started: %s", error)


def _start_dispatcher(home: Home, lock: int) -> None:
    """A dispatcher in a session of its own, which takes over the lock."""
    with queue_log(home).open("ab") as log:
        subprocess.Popen(
            [sys.executable, "-m", "rftui.queueing.dispatcher", str(home.path), "--lock", str(lock)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=home.path,
            env=child_environment({"PYTHONSAFEPATH": "1"}),
            start_new_session=True,
            pass_fds=(lock,),
        )
