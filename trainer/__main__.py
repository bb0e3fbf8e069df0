"""`python -m trainer RUN_DIR`: trains or evaluates one attempt of a run. Started by rftui, or by torchrun, once a rank.

    python -m trainer RUN_DIR [--attempt N] [--resume]
    python -m trainer --check RUN_DIR [RUN_DIR ...]
    python -m trainer --check-rewards RUN_DIR

Exit code 0 means ended in order, finished or stopped: the journal's last record says which. 1 means failed.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from store.config import RunConfig, read_config
from store.layout import RunDir

logger = logging.getLogger("trainer")


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    """The command line of the training process."""
    parser = argparse.ArgumentParser(prog="python -m trainer", description="Train or evaluate one attempt of a run.")
    parser.add_argument(
        "run_dirs", type=Path, nargs="+", metavar="RUN_DIR", help="the run's directory, which holds config.toml"
    )
    parser.add_argument("--attempt", type=int, default=None, help="number of this attempt; the next free one if absent")
    parser.add_argument("--resume", action="store_true", help="go on from the newest complete checkpoint")
    parser.add_argument("--check", action="store_true", help="only report whether this interpreter could train the run")
    parser.add_argument("--check-rewards", action="store_true", help="only attack the run's rewards")
    arguments = parser.parse_args(argv)
    if len(arguments.run_dirs) > 1 and not arguments.check:
        parser.error(f"{len(arguments.run_dirs)} run directories; only --check takes more than one")
    return arguments


def main(argv: list[str]) -> int:
    """Exit code of one rank."""
    arguments = parse_arguments(argv)
    run_dirs = [RunDir(path.resolve()) for path in arguments.run_dirs]
    run_dir = run_dirs[0]
    config = read_config(run_dir.config)
    if config.threads:
        # read once, when the numerical libraries load
        os.environ.setdefault("OMP_NUM_THREADS", str(config.threads))
    if arguments.check:
        return check(run_dirs)
    if arguments.check_rewards:
        return check_rewards(config)
    rank = int(os.environ.get("RANK", "0"))
    logging.basicConfig(
        level=logging.INFO if rank == 0 else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s" if rank == 0 else f"%(asctime)s rank {rank} %(message)s",
        stream=sys.stdout,
    )
    attempt = arguments.attempt if arguments.attempt is not None else next_attempt(run_dir)
    return train(config, run_dir, attempt=attempt, rank=rank, resume=arguments.resume)


def next_attempt(run_dir: RunDir) -> int:
    """One past the highest attempt that has a journal."""
    numbers = [int(path.stem.rpartition("-attempt")[2]) for path in run_dir.journal_dir.glob("rank*-attempt*.jsonl")]
    return max(numbers, default=0) + 1


def check(run_dirs: Sequence[RunDir]) -> int:
    """Prints the check's report of each run, a line each; libraries that print while they load are sent to stderr.

    Of several runs each is reported when it is checked, so that a crash at one leaves the reports of those before it.
    """
    stdout, sys.stdout = sys.stdout, sys.stderr
    # torch and TRL take ten seconds to import; a wrong command line should fail before that
    from trainer.check import report

    is_ok = True
    for run_dir in run_dirs:
        findings = report(read_config(run_dir.config), run_dir)
        print(json.dumps(findings), file=stdout, flush=True)
        is_ok = is_ok and findings["ok"]
    sys.stdout = stdout
    return 0 if is_ok else 1


def check_rewards(config: RunConfig) -> int:
    """Prints what came of the attacks; what a user's file prints is sent to stderr. 1 where something came through."""
    stdout, sys.stdout = sys.stdout, sys.stderr
    # PIL and a task's own readers cost 0.3 s, which training loads later
    from trainer.reward_check import reward_report

    report = reward_report(config)
    sys.stdout = stdout
    print(json.dumps(report))
    return 0 if report.get("is_clean") else 1


def train(config: RunConfig, run_dir: RunDir, *, attempt: int, rank: int, resume: bool) -> int:
    """Runs the attempt and writes how it ended, whatever happens."""
    # torch and TRL take ten seconds to import; a wrong command line should fail before that
    from trainer.callbacks import StopRequests
    from trainer.recorder import Recorder
    from trainer.session import failure_record, run_attempt

    recorder = Recorder(
        run_dir,
        attempt=attempt,
        rank=rank,
        world_size=int(os.environ.get("WORLD_SIZE", "1")),
        stall_after_s=config.stall_after_s,
    )
    stop_requests = StopRequests(run_dir, attempt=attempt)
    stop_requests.install()
    try:
        outcome = run_attempt(config, run_dir=run_dir, recorder=recorder, resume=resume, stop_requests=stop_requests)
    except BaseException as error:  # recorded for the user, then raised again: the process must die as it would have
        recorder.end("failed", step=recorder.step, error=failure_record(error, traceback.format_exc()))
        raise
    recorder.end(outcome.name, step=outcome.step)
    leave_process_group()
    logger.info("%s at step %d", outcome.name, outcome.step)
    return 0


def leave_process_group() -> None:
    """Ends distributed training in order; without it every rank warns at exit."""
    # torch is loaded by now; importing it at the top would slow a wrong command line down
    import torch.distributed

    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
