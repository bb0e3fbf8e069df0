"""RUN_DIR/control.json: what the user asks of the attempt that runs. Trainer and supervisor both read it."""

from __future__ import annotations

import json
import os
import time

from store.layout import RunDir


def write_request(run_dir: RunDir, what: str, *, attempt: int) -> None:
    """Asks `stop` or `kill` of one attempt; a reader sees the old file or the new one, whole."""
    request = {"request": what, "attempt": attempt, "time": time.time()}
    partial = run_dir.control.with_name(f"control.json.{os.getpid()}.tmp")
    partial.write_text(json.dumps(request), encoding="utf-8")
    os.replace(partial, run_dir.control)


def read_request(run_dir: RunDir, *, attempt: int) -> str | None:
    """What is asked of this attempt; requests for other attempts and torn files ask nothing."""
    try:
        request = json.loads(run_dir.control.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(request, dict) or request.get("attempt") != attempt:
        return None
    what = request.get("request")
    return what if what in ("stop", "kill") else None


def stop_words(method: str) -> str:
    """What a run of that method does once it was asked to stop."""
    return _STOPS.get(method, "finishes its step and saves")


_STOPS = {"eval": "ends after the batch being answered", "suit": "ends after the batch being sampled"}
"""Of methods that save nothing."""
