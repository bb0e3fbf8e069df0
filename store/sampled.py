"""Reads what a run that samples before training has sampled, from its journals alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from store.journal import read_chunk
from store.layout import RunDir

CHUNK_BYTES = 4 << 20
Record = dict[str, Any]


class Sampled(NamedTuple):
    """What the attempts of a run have sampled so far, as far as it counts."""

    start: Record
    """The last attempt's first record: model, weights, source, versions, how many steps; empty where none began."""
    groups: dict[int, dict[int, Record]]
    """`group` records by step and number."""


def read_sampled(run_dir: RunDir, *, before: int | None = None) -> Sampled:
    """The groups of a run, those of attempts before `before` alone where it is given.

    From its first step on an attempt takes the place of earlier ones; what earlier ones have of later steps is gone.
    Raises OSError where a journal cannot be read.
    """
    start: Record = {}
    groups: dict[int, dict[int, Record]] = {}
    for attempt, paths in sorted(_journals(run_dir).items()):
        if before is not None and attempt >= before:
            break
        records = [record for path in paths for record in _records(path)]
        for record in records:
            if record["type"] == "start" and record.get("rank") == 0:
                start = record
                groups = {step: there for step, there in groups.items() if step < int(record["first_step"])}
        for record in records:
            if record["type"] == "group":
                groups.setdefault(int(record["step"]), {})[int(record["group"])] = record
    return Sampled(start, groups)


def _journals(run_dir: RunDir) -> dict[int, list[Path]]:
    """The journals of each attempt, by rank."""
    found: dict[int, list[Path]] = {}
    for path in sorted(run_dir.journal_dir.glob("rank*-attempt*.jsonl")):
        number = path.stem.rpartition("-attempt")[2]
        if number.isdecimal():
            found.setdefault(int(number), []).append(path)
    return found


def _records(path: Path) -> Iterator[Record]:
    offset = 0
    while (chunk := read_chunk(path, offset, CHUNK_BYTES)).next_offset != offset:
        yield from chunk.records
        offset = chunk.next_offset
