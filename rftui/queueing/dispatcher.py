"""`python -m rftui.queueing.dispatcher HOME`: serves the queue of a home as long as anybody waits in it.

One a home, holding the queue's lock for its life. Everything it knows is read from run directories and kernel locks,
so it may be killed at any moment: supervisors it started go on, and the next who looks starts another one.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from pathlib import Path

from rftui.queueing.guard import queue_lock
from rftui.queueing.serving import Server, write_pid
from rftui.supervision.supervisor_lock import take
from store.layout import Home

logger = logging.getLogger("rftui.queueing.dispatcher")

TICK_S = 0.3
"""How long a free slot may stay unused while runs start and end."""
QUIET_TICK_S = 1.0
QUIET_AFTER_S = 10.0
"""Without a start for so long, rounds are rarer: one with 200 waiting runs takes ten milliseconds."""


def main(argv: list[str]) -> int:
    """Exit code: 0 when nobody waits any more, 3 when another one serves the queue."""
    parser = argparse.ArgumentParser(prog="python -m rftui.queueing.dispatcher", description="Serve a home's queue.")
    parser.add_argument("home", type=Path, help="the home")
    parser.add_argument("--lock", type=int, help="descriptor of the queue's lock, held by whoever starts this")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    home = Home(arguments.home.resolve())
    lock = take(queue_lock(home), patience_s=1.0) if arguments.lock is None else arguments.lock
    server = Server(home)
    while lock is not None:
        # no supervisor may inherit it: the lock is this process's life
        os.set_inheritable(lock, False)
        write_pid(lock)
        logger.info("serves the queue of %s", home.path)
        _serve(home, server)
        os.close(lock)
        time.sleep(TICK_S / 10)
        # somebody may have come while the lock was held, and trusted its holder
        lock = take(queue_lock(home)) if home.path.exists() and server.is_wanted() else None
    logger.info("nobody waits any more")
    return 0


def _serve(home: Home, server: Server) -> None:
    """Round after round until nobody is left who may start without a person's word, or the home is gone."""
    quiet_at = time.monotonic() + QUIET_AFTER_S
    while home.path.exists() and (found := server.round()).needs_dispatcher:
        if found.started:
            quiet_at = time.monotonic() + QUIET_AFTER_S
        time.sleep(TICK_S if time.monotonic() < quiet_at else QUIET_TICK_S)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
