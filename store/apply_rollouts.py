"""What each journal record does to a run's rollout database. Every write replaces by a packed natural key."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from store.apply_catalogue import supersede
from store.fields import UNUSABLE, as_json, optional_text, text, whole
from store.journal import decode_number

STEP_BITS, GROUP_BITS, SAMPLE_BITS = 24, 18, 12
"""16 million steps, 262,144 groups a step, 4,096 completions a group; 9 bits are left for the attempt."""


def group_id(attempt: int, step: int, group: int) -> int:
    """A group's id: attempt, step and number packed, so that ids sort as groups do and a rebuild gives the same.

    Raises ValueError where a part does not fit.
    """
    for value, bits in ((attempt, 9), (step, STEP_BITS), (group, GROUP_BITS)):
        if not 0 <= value < 1 << bits:
            raise ValueError(f"{value} does not fit into {bits} bits")
    return (((attempt << STEP_BITS) | step) << GROUP_BITS) | group


def completion_id(group: int, sample: int) -> int:
    """A completion's id from its group's id and its number in the group. Raises ValueError where it does not fit."""
    if not 0 <= sample < 1 << SAMPLE_BITS:
        raise ValueError(f"sample {sample} does not fit into {SAMPLE_BITS} bits")
    return (group << SAMPLE_BITS) | sample


class RolloutsWriter:
    """Applies records of one run within an open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    def apply(self, records: Sequence[dict[str, Any]], *, attempt: int) -> list[int]:
        """Applies one journal's records in order and returns the indices of those that are no records of ours."""
        groups: list[tuple[Any, ...]] = []
        completions: list[tuple[Any, ...]] = []
        samples: list[tuple[Any, ...]] = []
        refused: list[int] = []
        for number, record in enumerate(records):
            try:
                if record["type"] == "group":
                    group, members = _group_rows(record, attempt=attempt)
                    groups.append(group)
                    completions += members
                elif record["type"] == "eval_sample":
                    samples.append(_eval_sample_row(record, attempt=attempt))
                elif record["type"] == "start":
                    self._start(record, attempt=attempt)
            except UNUSABLE:
                refused.append(number)
        self._store(groups, completions, samples)
        return refused

    def _start(self, record: dict[str, Any], *, attempt: int) -> None:
        self.connection.execute(
            "INSERT OR REPLACE INTO attempt (number, first_step) VALUES (?,?)", (attempt, whole(record["first_step"]))
        )
        supersede(self.connection, "attempt", "", ())

    def _store(
        self,
        groups: Sequence[tuple[Any, ...]],
        completions: Sequence[tuple[Any, ...]],
        samples: Sequence[tuple[Any, ...]],
    ) -> None:
        execute = self.connection.executemany
        execute(f"INSERT OR REPLACE INTO prompt_group VALUES ({_marks(14)})", groups)
        # a completion that comes twice must not be indexed twice, so one that is there stays
        execute(
            "INSERT OR IGNORE INTO unindexed SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM completion WHERE id=?1)",
            [row[:1] for row in completions],
        )
        execute(f"INSERT OR IGNORE INTO completion VALUES ({_marks(16)})", completions)
        execute(f"INSERT OR REPLACE INTO eval_sample VALUES ({_marks(22)})", samples)


def _marks(count: int) -> str:
    return ",".join("?" * count)


def _group_rows(record: dict[str, Any], *, attempt: int) -> tuple[tuple[Any, ...], list[tuple[Any, ...]]]:
    step = whole(record["step"])
    identity = group_id(attempt, step, whole(record["group"]))
    group = (
        identity,
        attempt,
        step,
        whole(record["policy_step"]),
        whole(record["group"]),
        *(text(record[name]) for name in ("uid", "kind", "question")),
        as_json(record["options"]),
        *(text(record[name]) for name in ("prompt", "prompt_mode", "gold")),
        optional_text(record.get("scene")),
        as_json(record["images"]),
    )
    members = [_completion_row(sample, group=identity, attempt=attempt, step=step) for sample in record["samples"]]
    return group, members


def _completion_row(sample: dict[str, Any], *, group: int, attempt: int, step: int) -> tuple[Any, ...]:
    errors = sample.get("errors")
    return (
        completion_id(group, whole(sample["sample"])),
        group,
        attempt,
        step,
        whole(sample["sample"]),
        text(sample["completion"]),
        *(optional_text(sample[name]) for name in ("think", "answer", "malformed")),
        as_json(sample["rewards"]),
        decode_number(sample["reward"]),
        decode_number(sample["advantage"]),
        whole(sample["tokens"]),
        whole(sample["think_tokens"]),
        text(sample["stop"]),
        None if not errors else as_json(errors),
    )


def _eval_sample_row(record: dict[str, Any], *, attempt: int) -> tuple[Any, ...]:
    correct = record["correct"]
    return (
        attempt,
        whole(record["step"]),
        *(text(record[name]) for name in ("prompt", "decoding", "split")),
        whole(record["index"]),
        *(text(record[name]) for name in ("uid", "kind", "question")),
        as_json(record["options"]),
        *(text(record[name]) for name in ("user_text", "gold")),
        optional_text(record.get("scene")),
        as_json(record["images"]),
        text(record["completion"]),
        *(optional_text(record[name]) for name in ("think", "answer", "malformed")),
        None if correct is None else int(bool(correct)),
        whole(record["tokens"]),
        whole(record["think_tokens"]),
        text(record["stop"]),
    )
