"""200 queued runs on one box while dispatcher, supervisors and trainers are killed at random: order, leases, ends.

python -m benchmarks.queued_runs [--runs 200] [--slots 3] [--kill-every 0.7] [--seed 0]
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.queue_kills import Crowd, Outcome


def main() -> int:
    """Exit code 1 where anything was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--slots", type=int, default=3)
    parser.add_argument("--kill-every", type=float, default=0.7, metavar="SECONDS", help="mean time between kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--patience", type=float, default=900, metavar="SECONDS")
    asked = parser.parse_args()
    # it may be set for other measurements, and this one is about slots
    os.environ.pop("RFTUI_SLOTS", None)
    with tempfile.TemporaryDirectory(prefix="rftui-queue-") as folder:
        crowd = Crowd(Path(folder), runs=asked.runs, slots=asked.slots, seed=asked.seed)
        os.environ.update({name: crowd.bench.environment[name] for name in ("PYTHONPATH", "FAKE_TRAINER", "FAKE_NVML")})
        try:
            outcome = crowd.run(kill_every_s=asked.kill_every, patience_s=asked.patience)
        finally:
            crowd.clean_up()
    print_outcome(outcome)
    return 0 if outcome.is_clean else 1


def print_outcome(outcome: Outcome) -> None:
    """What came of it, a line each."""
    print(f"{outcome.runs} runs in {outcome.seconds:.0f} s, {outcome.starts} trainers started")
    print(f"kills: {', '.join(f'{count} {victim}' for victim, count in outcome.kills.items())}")
    print(f"ends: {', '.join(f'{count} {state}' for state, count in outcome.ends.items())}")
    for title, rows in (
        ("held by two at once", outcome.doubly_held),
        ("not what was asked for", outcome.unleased),
        ("out of order", outcome.out_of_order),
        ("before what they wait for", outcome.too_early),
        ("never came to their turn", outcome.unfinished),
    ):
        print(f"{title}: {len(rows)}{f' {rows[:5]}' if rows else ''}")


if __name__ == "__main__":
    sys.exit(main())
