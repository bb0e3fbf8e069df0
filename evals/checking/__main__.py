"""`python -m evals.checking`: reads a request as JSON from stdin and prints what is in the task as one JSON line.

Runs in the interpreter that will train, so that a task of the user's own is run there and nowhere else. The request:
`{"task", "task_options", "source", "seed", "difficulty", "images", "limits"}`.
"""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

from evals.checking.facts import Limits, SplitFacts, TaskFacts
from evals.checking.faults import raised
from evals.checking.task_check import check_task
from evals.tasks import load_task

SHOWN_LABELS = 200
"""Labels of the answer space that are told; how many there are is told too."""


def record(facts: TaskFacts) -> dict[str, Any]:
    """The facts as JSON has them; field names are those of the facts."""
    return {
        "task": facts.task,
        "source": None if facts.source is None else facts.source._asdict(),
        "remarks": facts.remarks,
        "answers": {"count": len(facts.answer_space), "first": facts.answer_space[:SHOWN_LABELS]},
        "splits": [_split_record(split) for split in facts.splits],
        "overlaps": [overlap._asdict() for overlap in facts.overlaps],
        "problems": [problem._asdict() for problem in facts.problems],
        "ok": not facts.errors,
    }


def _split_record(facts: SplitFacts) -> dict[str, Any]:
    labels = facts.labels._asdict()
    del labels["names"]
    return facts._asdict() | {
        "labels": labels,
        "images": facts.images._asdict(),
        "shown": [shown._asdict() for shown in facts.shown],
    }


def answer(request: dict[str, Any]) -> TaskFacts:
    """What is in the task that was asked about."""
    try:
        task = load_task(request["task"], request["task_options"])
    # loading runs the user's own file
    except Exception as error:
        return TaskFacts(request["task"], None, (), (), (), (), (raised(error, "loading it"),))
    return check_task(
        task,
        request["source"],
        seed=request["seed"],
        difficulty=request["difficulty"],
        images=request["images"],
        limits=Limits(**request["limits"]),
    )


def main() -> int:
    """Exit code 0; whether something is wrong stands in what is printed."""
    request = json.load(sys.stdin)
    # what tasks log for the log of a run is said here as remarks
    logging.getLogger("evals").setLevel(logging.ERROR)
    # what a user's file prints must not mix with the answer
    stdout, sys.stdout = sys.stdout, sys.stderr
    facts = answer(request)
    sys.stdout = stdout
    print(json.dumps(record(facts)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
