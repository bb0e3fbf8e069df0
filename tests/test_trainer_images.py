"""Images that cannot be read: skipped, counted and shown, on all ranks alike, and never the end of a run."""

from __future__ import annotations

import json
import os
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Collection
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from evals.tasks.sat import GeneratedScenes
from store.config import RunConfig, parse_config
from store.layout import RunDir
from tests.patchy_task import BROKEN, TASK, PatchyExamples
from tests.training_runs import ENVIRONMENT, QUICK, make_run, of_type, records
from trainer.errors import ExamplesUnreadable
from trainer.model import FittedImage
from trainer.reading import CANDIDATES, ImageReader
from trainer.rows import TrainingRows

pytestmark = [pytest.mark.train, pytest.mark.slow]

ROOT = Path(__file__).parents[1]
RANKS, ROWS, HELD_OUT = 2, 9, 10


def run_trainer(run_dir: RunDir, *arguments: str, ranks: int = 0, **environment: str) -> int:
    """Exit code of a trainer that knows the task `patchy`."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks)] if ranks else []
    with run_dir.output.open("ab") as output:
        finished = subprocess.run(
            [sys.executable, *launcher, "-m", "tests.patchy_task", str(run_dir.path), *arguments],
            cwd=run_dir.path,
            env={**os.environ, **ENVIRONMENT, "PYTHONPATH": str(ROOT), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
    return finished.returncode


@pytest.fixture(scope="module")
def patchy_run(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """Three steps on two ranks, whose groups of 4 span ranks, over 9 rows of which 2 are broken, and 10 held-out ones.

    The first held-out batch of rank 0 (examples 0 and 2) has no readable example at all.
    """
    run_dir = make_run(
        tmp_path_factory.mktemp("patchy"),
        task="patchy",
        ranks=RANKS,
        per_device_train_batch_size=6,
        evaluation={"examples": HELD_OUT, "every": 0, "at_start": True, "batch_size": 2},
    )
    assert run_trainer(run_dir, "--attempt", "1", ranks=RANKS) == 0, run_dir.output.read_text()[-3000:]
    return run_dir


def all_records(run_dir: RunDir, kind: str) -> list[dict[str, Any]]:
    return [record for rank in range(RANKS) for record in of_type(records(run_dir, rank=rank), kind)]


def index_of(uid: str) -> int:
    return int(uid.split("/")[-2])


def fit(image: Image.Image) -> FittedImage:
    return FittedImage(image if image.mode == "RGB" else image.convert("RGB"), None)


def rows_with(broken: Collection[int], *, length: int, **settings: Any) -> TrainingRows:
    config: RunConfig = parse_config({**QUICK, "name": "run", **settings})
    examples = PatchyExamples(GeneratedScenes("train", seed=0, difficulty=0.0), broken=broken, length=length)
    return TrainingRows(TASK, examples, config=config, fit=fit)


def opened(content: bytes) -> Callable[[], tuple[Image.Image, ...]]:
    return lambda: (Image.open(BytesIO(content)),)


def png(width: int, height: int) -> bytes:
    """A PNG that claims this size and has no pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    checked = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + checked + struct.pack(">I", 0) + b"IDAT"


def raising(error: BaseException) -> Callable[[], tuple[Image.Image, ...]]:
    def draw() -> tuple[Image.Image, ...]:
        raise error

    return draw


@pytest.mark.parametrize(
    ("draw", "reason"),
    [
        (opened(b"not an image"), "UnidentifiedImageError"),
        (opened(b""), "UnidentifiedImageError"),
        (opened(png(48, 48)), "OSError"),  # opens, and breaks off where the pixels begin
        (opened(png(60000, 60000)), "DecompressionBombError"),  # eleven gigabytes of pixels in 41 bytes
        (raising(SyntaxError("broken PNG file")), "SyntaxError: broken PNG file"),  # what PIL says of a wrong checksum
        (raising(FileNotFoundError("gone.png")), "FileNotFoundError: gone.png"),
        (raising(ValueError("no pixels")), "ValueError: no pixels"),
        (raising(KeyError("bytes")), "KeyError: 'bytes'"),  # a row without its column
    ],
)
def test_whatever_reading_raises_is_a_reason_and_no_error(
    draw: Callable[[], tuple[Image.Image, ...]], reason: str
) -> None:
    example = replace(GeneratedScenes("train", seed=0, difficulty=0.0)[3], draw=draw)
    reader = ImageReader(fit)

    assert reader.read(example) is None
    assert reason in reader.reasons[example.uid]


def test_a_file_that_opens_and_does_not_decode_is_unreadable() -> None:
    examples = PatchyExamples(GeneratedScenes("train", seed=0, difficulty=0.0), broken={1})
    reader = ImageReader(fit)

    assert [reader.read(examples[index]) is None for index in range(3)] == [False, True, False]
    assert list(reader.reasons) == [examples[1].uid]


def test_an_example_that_was_unreadable_once_stays_out() -> None:
    example = GeneratedScenes("train", seed=0, difficulty=0.0)[0]
    reader = ImageReader(fit)

    reader.read(replace(example, draw=raising(OSError("stale handle"))))

    assert reader.read(example) is None


def test_stop_requests_pass_through_reading() -> None:
    example = replace(GeneratedScenes("train", seed=0, difficulty=0.0)[0], draw=raising(KeyboardInterrupt()))

    with pytest.raises(KeyboardInterrupt):
        ImageReader(fit).read(example)


def test_a_broken_rows_stand_in_depends_on_the_row_alone() -> None:
    broken = {3, 4, 10, 11}
    forward, backward = rows_with(broken, length=40), rows_with(broken, length=40)

    in_order = {row: forward[row].example.uid for row in range(40)}
    in_reverse = {row: backward[row].example.uid for row in reversed(range(40))}

    assert in_order == in_reverse
    whole = rows_with((), length=40)
    assert {row for row in range(40) if in_order[row] != whole[row].example.uid} == broken
    assert not {index_of(uid) for uid in in_order.values()} & broken


def test_stand_ins_of_different_rows_differ() -> None:
    rows = rows_with(range(20), length=200)

    assert len({rows[row].example.uid for row in range(20)}) > 10


def test_a_stand_in_keeps_its_own_shuffled_gold() -> None:
    rows = rows_with({3}, length=40, shuffle_gold=True)

    stand_in = rows[3].example

    assert stand_in.gold == rows[stand_in.index].example.gold


def test_a_shuffled_gold_is_one_of_the_options_shown() -> None:
    plain, control = rows_with((), length=200), rows_with((), length=200, shuffle_gold=True)

    examples = [control[row].example for row in range(200)]

    assert all(example.gold in example.options for example in examples)
    wrong = sum(example.gold != plain[row].example.gold for row, example in enumerate(examples))
    # two to four options: more than half of the golds are another one
    assert wrong > 100


@pytest.mark.parametrize(("length", "tried"), [(40, CANDIDATES), (5, 5), (1, 1)])
def test_rows_of_which_none_can_be_read_end_the_run_with_the_last_reason(length: int, tried: int) -> None:
    rows = rows_with(range(length), length=length)

    with pytest.raises(ExamplesUnreadable) as caught:
        rows[0]

    assert f"none of {tried} training examples tried could be read; the last said" in caught.value.found
    assert caught.value.fix


def test_a_row_is_found_as_long_as_one_stand_in_can_be_read() -> None:
    rows = rows_with(set(range(12)) - {7}, length=12)

    assert {index_of(rows[row].example.uid) for row in range(12)} == {7}


def test_broken_examples_train_nobody_and_every_group_is_whole(patchy_run: RunDir) -> None:
    groups = all_records(patchy_run, "group")
    samples: dict[tuple[int, int], list[int]] = {}
    uids: dict[tuple[int, int], set[str]] = {}
    for group in groups:
        samples.setdefault((group["step"], group["group"]), []).extend(s["sample"] for s in group["samples"])
        uids.setdefault((group["step"], group["group"]), set()).add(group["uid"])

    assert not {index_of(group["uid"]) for group in groups} & set(BROKEN["train"])
    assert len(samples) == ROWS
    assert all(sorted(numbers) == [0, 1, 2, 3] for numbers in samples.values())
    # the middle group of each step spans both ranks: its prompt must be the same on both
    assert all(len(own) == 1 for own in uids.values())


def test_each_broken_example_is_noted_once_with_uid_and_reason(patchy_run: RunDir) -> None:
    notes = [note for note in all_records(patchy_run, "note") if "cannot be read" in note["text"]]

    named = sorted(note["text"].split(" cannot")[0].rpartition("/")[0] for note in notes)
    trained = [f"training example sat/generated/d0.5/s0/train/{index}" for index in (2, 7)]
    held_out = [f"held-out example sat/generated/d0.5/s0/heldout/{index}" for index in (0, 2, 5)]
    assert named == sorted(trained + held_out)
    assert all(note["level"] == "warning" and "Error" in note["text"] for note in notes)
    assert re.search("heldout/5/[0-9a-f]{8} cannot be read", patchy_run.output.read_text())


def test_broken_examples_are_counted_over_all_ranks(patchy_run: RunDir) -> None:
    values = [record["values"] for record in of_type(records(patchy_run), "metrics")]

    assert [v["data/unreadable_examples"] for v in values if "data/unreadable_examples" in v][-1] == 2
    assert {v["heldout/unreadable_examples"] for v in values if "heldout/unreadable_examples" in v} == {3}


def test_an_evaluation_leaves_broken_examples_out_of_n_and_says_how_many(patchy_run: RunDir) -> None:
    results = of_type(records(patchy_run), "eval_result")
    samples = all_records(patchy_run, "eval_sample")

    assert len(results) == 4
    for result in results:
        own = [s["index"] for s in samples if (s["step"], s["prompt"]) == (result["step"], result["prompt"])]
        assert (result["n"], result["unreadable"]) == (HELD_OUT - 3, 3)
        assert sorted(own) == [1, 3, 4, 6, 7, 8, 9]


def test_a_check_of_broken_data_warns_of_some_and_refuses_none_readable(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, task="patchy")

    assert run_trainer(run_dir, "--check", PATCHY="all") == 1

    report = json.loads(run_dir.output.read_text().splitlines()[-1])
    (error,) = report["errors"]
    assert f"none of {CANDIDATES} training examples tried could be read" in error["found"]


def test_held_out_data_of_which_nothing_can_be_read_fails_the_run_and_says_so(tmp_path: Path) -> None:
    run_dir = make_run(tmp_path, task="patchy", method="eval", evaluation={"examples": 40, "batch_size": 4})

    assert run_trainer(run_dir, PATCHY="all") == 1

    end = records(run_dir)[-1]
    assert (end["type"], end["outcome"], end["error"]["type"]) == ("end", "failed", "ExamplesUnreadable")
    assert f"none of {CANDIDATES} held-out examples tried could be read" in end["error"]["message"]
