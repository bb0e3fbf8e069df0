"""CPU of taking journals into the databases, beside bare inserts of the same rows in the same run.

    python benchmarks/ingest.py [--rounds 5] [--steps 1000] [--groups 250]

Prints CPU seconds for each 1,000 metric points (50 a step), each 1,000 rollouts of 4 KB (8 a group), and each 1,000
rollouts in the text index, which grows apart from ingest. The floor is one executemany of the finished rows into a bare
table without keys or indexes (for the text index: into a bare FTS5 table), already parsed and in one transaction, so
the ratio is what reading, parsing, checking, keys, roll-ups and last values cost. Medians over interleaved rounds.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from store.ingest import index_pending, ingest_run
from store.journal import encode
from store.layout import Home, RunDir

METRICS, GROUP_SIZE, TEXT_BYTES = 50, 8, 4096
RUN = "benchmark-1"


def make_run(home: Home) -> RunDir:
    """An empty run."""
    run_dir = home.run(RUN)
    run_dir.journal_dir.mkdir(parents=True)
    run_dir.config.write_text('task = "sat"\nmethod = "grpo"\nmodel = "tiny"\nmax_steps = 1000\n')
    run_dir.launch.write_text('{"uid": 1, "created_at": 0}')
    return run_dir


def write_journal(path: Path, records: Sequence[dict[str, Any]]) -> None:
    """A start record and the others, with seq and time."""
    first = {"type": "start", "first_step": 1, "total_steps": 1000, "source": {"kind": "generated"}}
    lines = (
        encode({"v": 1, "seq": seq, "time": 1.7e9 + seq, **record}) for seq, record in enumerate([first, *records])
    )
    path.write_bytes(b"".join(lines))


def metric_records(steps: int) -> list[dict[str, Any]]:
    """Steps of random values."""
    chance = random.Random(1)
    return [
        {
            "type": "metrics",
            "step": step,
            "epoch": None,
            "values": {f"metric_{number:02d}": chance.gauss(0, 1) for number in range(METRICS)},
        }
        for step in range(1, steps + 1)
    ]


def group_records(groups: int) -> list[dict[str, Any]]:
    """Groups of random words."""
    chance = random.Random(2)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(4000)]

    def sample(number: int) -> dict[str, Any]:
        text = " ".join(chance.choices(words, k=TEXT_BYTES // 5))[:TEXT_BYTES]
        scores = {"accuracy": 1.0, "format": 0.5}
        numbers = {"rewards": scores, "reward": 1.5, "advantage": 0.1, "tokens": 900, "think_tokens": 0}
        return {
            "sample": number,
            "completion": text,
            "think": None,
            "answer": "a",
            "malformed": None,
            "stop": "eos",
            **numbers,
        }

    prompt = {"kind": "k", "question": "q", "options": [], "prompt": "p", "prompt_mode": "think", "gold": "g"}
    return [
        {
            "type": "group",
            "step": 1 + number // 8,
            "policy_step": number // 8,
            "group": number % 8,
            "uid": f"example-{number}",
            "scene": None,
            "images": [],
            "samples": [sample(place) for place in range(GROUP_SIZE)],
            **prompt,
        }
        for number in range(groups)
    ]


def cpu_s(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    before = time.process_time()
    work()
    return time.process_time() - before


def stored_rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """The rows that ingest made."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def bare_insert_s(folder: Path, table: str, rows: Sequence[tuple[Any, ...]]) -> float:
    """CPU seconds of one executemany into a table without keys, in a database as ours are set up."""
    with closing(sqlite3.connect(folder / f"bare-{time.monotonic_ns()}.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute(table)

        def insert() -> None:
            marks = ",".join("?" * len(rows[0]))
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(f"INSERT INTO bare VALUES ({marks})", rows)
            connection.execute("COMMIT")

        return cpu_s(insert)


def columns(rows: Sequence[tuple[Any, ...]]) -> str:
    """A bare table as wide as the rows."""
    return f"CREATE TABLE bare ({','.join(f'c{number}' for number in range(len(rows[0])))})"


def index_all(home: Home) -> None:
    """Puts every waiting text into the index."""
    while index_pending(home, RUN):
        continue


def one_round(records: Sequence[dict[str, Any]], *, kind: str) -> dict[str, tuple[float, float]]:
    """CPU seconds for each 1,000 rows, and of the floor, by what was measured."""
    with tempfile.TemporaryDirectory() as name:
        home = Home(Path(name))
        write_journal(make_run(home).journal(0, 1), records)
        spent = cpu_s(lambda: ingest_run(home, RUN))
        if kind == "metric points":
            rows = stored_rows(home.catalogue, "SELECT * FROM metric_point")
            return {kind: (1000 * spent / len(rows), 1000 * bare_insert_s(Path(name), columns(rows), rows) / len(rows))}
        rows = stored_rows(home.rollouts(RUN), "SELECT * FROM completion")
        floor = bare_insert_s(Path(name), columns(rows), rows)
        indexed = cpu_s(lambda: index_all(home))
        texts = [(row[5],) for row in rows]
        index_floor = bare_insert_s(Path(name), "CREATE VIRTUAL TABLE bare USING fts5(text)", texts)
        return {
            kind: (1000 * spent / len(rows), 1000 * floor / len(rows)),
            "texts indexed": (1000 * indexed / len(rows), 1000 * index_floor / len(rows)),
        }


def main() -> None:
    """Runs the rounds and prints medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--groups", type=int, default=250)
    arguments = parser.parse_args()
    work = {"metric points": metric_records(arguments.steps), "rollouts": group_records(arguments.groups)}
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(arguments.rounds):
        for kind, records in work.items():
            for measured, pair in one_round(records, kind=kind).items():
                found.setdefault(measured, []).append(pair)
    print("CPU seconds for each 1,000, medians")
    for measured, pairs in found.items():
        ours, floor = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(own / bare for own, bare in pairs)
        print(f"{measured:14} {ours:.5f} s   bare insert {floor:.5f} s   ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
