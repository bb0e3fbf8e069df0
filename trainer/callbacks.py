"""What happens beside TRL's loop: metrics to the journal, held-out evaluation, checkpoints, and a graceful stop."""

from __future__ import annotations

import json
import logging
import math
import signal
import time
from types import FrameType
from typing import Any

import torch
from accelerate import Accelerator
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from store.config import RunConfig
from store.layout import RunDir
from trainer.capture import Stopwatch
from trainer.checkpoints import checkpoint_folder, discard_checkpoint, finish_checkpoint
from trainer.evaluate import HeldOutEvaluation
from trainer.options import is_generation_boundary
from trainer.reading import UnreadableExamples
from trainer.recorder import Recorder
from trainer.rows import TrainingRows
from trainer.saving import CheckpointSaves

logger = logging.getLogger(__name__)

SUMMARY_KEYS = ("reward", "rewards/accuracy/mean", "completions/mean_length", "loss", "mean_token_accuracy")
"""Values of the one line a step in output.log, where the method has them."""


class StopRequests:
    """Whether somebody asked this run to stop at the next step boundary: control.json, or SIGTERM."""

    def __init__(self, run_dir: RunDir, *, attempt: int) -> None:
        self.path = run_dir.control
        self.attempt = attempt
        self.has_signal = False

    def install(self) -> None:
        """Takes SIGTERM as a request to stop."""
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.has_signal = True

    def is_requested(self) -> bool:
        """Whether this attempt was asked to stop; a half-written or foreign control file asks nothing."""
        if self.has_signal:
            return True
        try:
            request = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(request, dict) and request.get("request") == "stop" and request.get("attempt") == self.attempt


class RunCallback(TrainerCallback):
    """Records, evaluates, saves and stops. One object a rank; every rank takes the same decisions."""

    def __init__(
        self,
        config: RunConfig,
        *,
        run_dir: RunDir,
        recorder: Recorder,
        stopwatch: Stopwatch,
        rows: TrainingRows,
        evaluation: HeldOutEvaluation,
        accelerator: Accelerator,
        stop_requests: StopRequests,
        saves: CheckpointSaves,
    ) -> None:
        self.config = config
        self.run_dir = run_dir
        self.recorder = recorder
        self.stopwatch = stopwatch
        self.rows = rows
        self.unreadable = UnreadableExamples(recorder, what="training", consequence="another takes its place")
        self.evaluation = evaluation
        self.accelerator = accelerator
        self.stop_requests = stop_requests
        self.saves = saves
        self.is_stopping = False
        self.step_began = time.perf_counter()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if state.global_step == 0 and self.config.evaluation.at_start:
            self._evaluate(kwargs["model"], state)
        self.recorder.phase("update", step=state.global_step + 1)
        self.step_began = time.perf_counter()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        step = state.global_step
        if self._any_rank(self.unreadable.has_new(self.rows.reader.reasons)):
            self.unreadable.note(self.rows.reader.reasons)
        is_last = step >= self.config.max_steps
        every = self.config.evaluation.every
        if is_last or (every and step % every == 0):
            self._evaluate(kwargs["model"], state)
        self.is_stopping = self.is_stopping or self._any_rank(self.stop_requests.is_requested())
        if is_last or (self.is_stopping and is_generation_boundary(self.config, step)):
            control.should_save = True
            control.should_training_stop = True
        if control.should_save:
            self.recorder.phase("save", step=step)
            self.save_began = time.perf_counter()
        self.recorder.finish_step()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        # every rank has written its shard and random state before the folder may count
        self.accelerator.wait_for_everyone()
        step = state.global_step
        if self._any_rank(self.saves.failure is not None):
            self._report_unsaved(step, self.saves.failure or "another rank's disk refused it")
        elif self.recorder.is_main:
            self._finish_checkpoint(step)
        self.recorder.phase("update", step=step + 1)

    def _finish_checkpoint(self, step: int) -> None:
        try:
            folder = finish_checkpoint(self.run_dir, step, keep=self.config.save_total_limit)
        except OSError as error:
            self._report_unsaved(step, str(error))
            return
        seconds = time.perf_counter() - self.save_began
        self.recorder.checkpoint(folder, step=step, seconds=seconds, kind="checkpoint")
        logger.info("checkpoint %s complete", folder.name)

    def _report_unsaved(self, step: int, reason: str) -> None:
        """Says that there is no checkpoint of this step, and gives its half-written bytes back to the disk."""
        if self.recorder.is_main:
            discard_checkpoint(checkpoint_folder(self.run_dir, step))
            self.recorder.note("warning", f"no checkpoint at step {step}: {reason}; free disk space, the run goes on")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        values = {key: _number(value) for key, value in (logs or {}).items()}
        now = time.perf_counter()
        values["time/since_last_log_s"] = round(now - self.step_began, 6)
        self.step_began = now
        values |= self.stopwatch.read()
        if self.unreadable.noted:
            values["data/unreadable_examples"] = len(self.unreadable.noted)
        epoch = values.pop("epoch", None)
        self.recorder.metrics(state.global_step, epoch=epoch, values=values)
        if self.recorder.is_main:
            logger.info("%s", step_line(values, step=state.global_step, total=self.config.max_steps))

    def _evaluate(self, model: Any, state: TrainerState) -> None:
        began = time.perf_counter()
        metrics = self.evaluation(model, step=state.global_step)
        seconds = time.perf_counter() - began
        # training's own step time leaves evaluation out
        self.step_began += seconds
        if metrics:
            values = {**metrics, "time/eval_s": round(seconds, 6)}
            self.recorder.metrics(state.global_step, epoch=state.epoch, values=values)
            if self.recorder.is_main:
                said = "  ".join(f"{key} {value:.3f}" for key, value in metrics.items() if key.endswith("accuracy"))
                logger.info("held out, step %d: %s (n=%d)", state.global_step, said, self.evaluation.count)

    def _any_rank(self, flag: bool) -> bool:
        """Whether any rank says so; every rank gets the same answer."""
        if self.recorder.world_size == 1:
            return flag
        flags = torch.tensor([int(flag)], device=self.accelerator.device)
        return bool(self.accelerator.gather(flags).max().item())


def _number(value: Any) -> float | None:
    """A metric as the journal takes it; None where TRL had nothing to average."""
    return None if value is None else float(value)


def step_line(values: dict[str, float | None], *, step: int, total: int) -> str:
    """One line for output.log: `step 12/140  reward 1.31  ...`."""
    shown = [
        f"{key.removesuffix('/mean').removeprefix('rewards/')} {value:.4g}"
        for key in SUMMARY_KEYS
        if (value := values.get(key)) is not None and math.isfinite(value)
    ]
    return "  ".join([f"step {step}/{total}", *shown])
