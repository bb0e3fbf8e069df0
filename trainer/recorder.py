"""Writes what the training process knows into journal and media folder. Nothing here fails or blocks a run for long.

One Recorder a rank. Records are dictionaries handed to the journal's own thread; images are encoded in a second one.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from PIL import Image

from store.journal_writer import JournalWriter
from store.layout import RunDir
from store.media import image_path, write_image
from trainer.model import FittedImage

logger = logging.getLogger(__name__)

STEP_FLUSH_S = 1.0
"""Longest a step waits for its records to be handed to the kernel."""
CLOSE_PATIENCE_S = 30.0
"""Longest the end of a run waits for images on a slow disk."""
PENDING_IMAGES = 256
"""Images that may wait for a slow disk; later ones are skipped and come again with their next group."""
PHASE_PATIENCE = 10.0
"""The next sign of life is promised within this many times the longest such phase so far."""
FIRST_PHASE_S = 1800.0
"""Promise for a phase that was never timed: loading a large model from a cold disk takes minutes."""


class Recorder:
    """The journal of one rank in one attempt."""

    def __init__(self, run_dir: RunDir, *, attempt: int, rank: int, world_size: int, stall_after_s: float) -> None:
        self.run_dir = run_dir
        self.attempt = attempt
        self.rank = rank
        self.world_size = world_size
        self.stall_after_s = stall_after_s
        self.writer = JournalWriter(run_dir.journal(rank, attempt))
        self.longest_phase_s: dict[str, float] = {}
        self.current_phase: tuple[str, float] | None = None
        self.step = 0
        """The step that the last phase belonged to."""
        self.image_threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="media")
        self.pending_images: dict[str, Future[None]] = {}
        self.has_warned_of_media = False
        self.are_images_late = False
        """Whether the disk took too long for the last step's images."""

    @property
    def is_main(self) -> bool:
        """Whether this rank writes what all ranks share."""
        return self.rank == 0

    def start(self, **facts: Any) -> None:
        """First record: who writes, and what is about to run."""
        self.writer.put(
            "start",
            {
                "attempt": self.attempt,
                "rank": self.rank,
                "world_size": self.world_size,
                "pid": os.getpid(),
                "host": socket.gethostname(),
                **facts,
            },
        )

    def end(self, outcome: str, *, step: int, error: Mapping[str, str] | None = None) -> None:
        """Last record of an orderly end, then everything to disk."""
        self.writer.put("end", {"outcome": outcome, "step": step, "error": error})
        self.close()

    def close(self) -> None:
        """Waits for images and records, for a bounded time each, then closes the journal."""
        wait(self.pending_images.values(), timeout=CLOSE_PATIENCE_S)
        self.image_threads.shutdown(wait=False, cancel_futures=True)
        self.writer.close()

    def phase(self, name: str, *, step: int) -> None:
        """Sign of life: `name` begins, and by when the next sign is due.

        The promise is ten times the longest such phase so far, never under the run's stall_after_s.
        """
        now = time.monotonic()
        self.step = step
        if self.current_phase is not None:
            previous, began = self.current_phase
            self.longest_phase_s[previous] = max(now - began, self.longest_phase_s.get(previous, 0.0))
        longest = self.longest_phase_s.get(name)
        promise = FIRST_PHASE_S if longest is None and name == "load" else PHASE_PATIENCE * (longest or 0.0)
        self.current_phase = (name, now)
        due_s = round(max(self.stall_after_s, promise), 1)
        self.writer.put("phase", {"phase": name, "step": step, "due_s": due_s})

    def metrics(self, step: int, *, epoch: float | None, values: Mapping[str, float | None]) -> None:
        """All values logged at one step; rank 0 only."""
        if self.is_main:
            self.writer.put("metrics", {"step": step, "epoch": epoch, "values": dict(values)})

    def group(self, fields: dict[str, Any]) -> None:
        """This rank's completions of one prompt."""
        self.writer.put("group", fields)

    def eval_answer(self, kind: str, fields: dict[str, Any]) -> None:
        """One held-out example with its completion: `eval_sample`, or `eval_rotation` with its options turned."""
        self.writer.put(kind, fields)

    def eval_result(self, fields: dict[str, Any]) -> None:
        """Totals of one evaluation; rank 0 only."""
        if self.is_main:
            self.writer.put("eval_result", fields)

    def checkpoint(self, path: Path, *, step: int, seconds: float, kind: str) -> None:
        """A folder of weights that is complete on disk; rank 0 only."""
        if not self.is_main:
            return
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        relative = path.relative_to(self.run_dir.path).as_posix()
        self.writer.put(
            "checkpoint", {"step": step, "path": relative, "bytes": size, "seconds": round(seconds, 3), "kind": kind}
        )
        self.writer.sync()

    def note(self, level: str, text: str) -> None:
        """A sentence for the user: level is info, warning or error."""
        self.writer.put("note", {"level": level, "text": text})

    def images(self, fitted: Sequence[FittedImage]) -> list[dict[str, Any]]:
        """References to images as the model saw them; new ones are stored in the background."""
        return [
            {
                "hash": self._stored(item.image),
                "width": item.image.width,
                "height": item.image.height,
                "tokens": item.tokens,
            }
            for item in fitted
        ]

    def _stored(self, image: Image.Image) -> str:
        digest = pixel_hash(image)
        if digest in self.pending_images:
            return digest
        if image_path(self.run_dir.media, digest).exists():
            return digest
        unfinished = sum(not future.done() for future in self.pending_images.values())
        if unfinished < PENDING_IMAGES:
            self.pending_images[digest] = self.image_threads.submit(write_image, self.run_dir.media, digest, image)
        else:
            self._warn_of_media(f"{unfinished} images wait for a slow disk, and more are not kept")
        return digest

    def finish_step(self) -> None:
        """Hands this step's records and images to the kernel, waiting at most a second for a slow disk."""
        deadline = time.monotonic() + STEP_FLUSH_S
        # a disk that hangs costs its second once, and not again at each step
        _, late = wait(self.pending_images.values(), timeout=0 if self.are_images_late else STEP_FLUSH_S)
        self.are_images_late = bool(late)
        self._forget_finished_images()
        self.writer.flush(max(0.0, deadline - time.monotonic()))

    def _forget_finished_images(self) -> None:
        for digest, future in list(self.pending_images.items()):
            if not future.done():
                continue
            del self.pending_images[digest]
            error = future.exception()
            if error is not None:
                self._warn_of_media(f"an image could not be stored ({error})")

    def _warn_of_media(self, trouble: str) -> None:
        """Says it once a run: rollouts without an image are found by `rftui store check`."""
        if not self.has_warned_of_media:
            self.has_warned_of_media = True
            logger.warning("%s; the run goes on", trouble)
            self.note("warning", f"{trouble}; rollouts are kept without their image")


def pixel_hash(image: Image.Image) -> str:
    """SHA-256 over size, mode and pixels, so that an image is named before it is encoded."""
    header = f"{image.mode}:{image.width}x{image.height}:".encode()
    return hashlib.sha256(header + image.tobytes()).hexdigest()
