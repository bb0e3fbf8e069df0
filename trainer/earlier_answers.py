"""Held-out answers that earlier attempts of this run gave before they ended, so that no question is asked twice.

Only answers that would come out the same count: given by the same weights, at step 0 (later weights are trained anew by
an attempt that repeats their steps), to a question that reads the same.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from store.config import RunConfig
from store.journal import read_chunk
from store.layout import RunDir
from trainer.held_out_records import SPLIT, Question, Record, Way
from trainer.model import ADAPTER_SETTINGS, adapter_base, model_location

logger = logging.getLogger(__name__)

CHUNK_BYTES = 4 << 20
OF_THE_RECORD = ("v", "seq", "time", "type")
"""Fields that a journal gives to each of its records anew."""
MUST_AGREE = ("uid", "kind", "question", "options", "user_text", "gold", "scene")
"""Fields by which a question is the same one."""


class EarlierAnswers:
    """Answers of the attempts before this one, read when the first is asked for."""

    def __init__(self, run_dir: RunDir, *, attempt: int, weights: str) -> None:
        self.run_dir = run_dir
        self.attempt = attempt
        self.weights = weights
        self._known: dict[tuple[Way, Question], Record] | None = None

    def find(self, way: Way, question: Question, fields: Record) -> Record | None:
        """The fields of the answer to a question, whose own fields are given; None where it has to be asked."""
        if way.step or self.attempt < 2:
            return None
        if self._known is None:
            self._known = self._read()
        record = self._known.get((way, question))
        if record is None or any(record.get(name) != fields[name] for name in MUST_AGREE):
            return None
        return record

    def _read(self) -> dict[tuple[Way, Question], Record]:
        known: dict[tuple[Way, Question], Record] = {}
        for path in sorted(self.run_dir.journal_dir.glob("rank*-attempt*.jsonl"), key=_attempt_of):
            if 0 < _attempt_of(path) < self.attempt:
                known |= dict(self._answers(path))
        return known

    def _answers(self, path: Path) -> Iterator[tuple[tuple[Way, Question], Record]]:
        try:
            for record in _records_before_training(path):
                if record["type"] == "start" and record.get("weights") != self.weights:
                    logger.info("%s was answered by other weights; its questions are asked again", path.name)
                    return
                is_answer = record["type"] in ("eval_sample", "eval_rotation") and record.get("split") == SPLIT
                if is_answer and record["step"] == 0:
                    way = Way(record["step"], record["prompt"], record["decoding"])
                    question = Question(record["index"], record.get("rotation", 0))
                    yield (way, question), {key: record[key] for key in record if key not in OF_THE_RECORD}
        except (OSError, KeyError, TypeError) as error:
            # a damaged journal costs its answers, which are then asked for again
            logger.warning("%s cannot be read further (%s)", path, error)


def _attempt_of(path: Path) -> int:
    number = path.stem.rpartition("-attempt")[2]
    return int(number) if number.isdecimal() else 0


def _records_before_training(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a journal up to the first rollout: what comes after it belongs to later weights."""
    offset = 0
    while True:
        chunk = read_chunk(path, offset, CHUNK_BYTES)
        for record in chunk.records:
            if record["type"] == "group":
                return
            yield record
        if chunk.next_offset == offset:
            return
        offset = chunk.next_offset


def weights_fingerprint(config: RunConfig) -> str:
    """What tells the weights of a run's model from others under the same name: files with sizes and times.

    A name on the Hub is its own: what it stands for is the cache's concern. Raises ModelError.
    """
    location = model_location(config)
    parts = [location]
    for folder in filter(None, (location, adapter_base(location))):
        files = sorted([*Path(folder).glob("*.safetensors"), *Path(folder).glob(ADAPTER_SETTINGS)])
        parts += [f"{file.name} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in files]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
