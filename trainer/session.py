"""One attempt of a run from configuration to final weights: sft, grpo, eval or suit."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import torch
from accelerate import Accelerator
from peft import LoraConfig
from safetensors import SafetensorError
from transformers import PrinterCallback, set_seed
from trl import GRPOConfig, SFTConfig, SFTTrainer

from evals.rewards import WeightedReward, build_rewards, formula
from evals.task import Source, Task
from evals.tasks import load_task
from store.config import Method, RunConfig
from store.layout import RunDir
from trainer.callbacks import RunCallback, StopRequests
from trainer.capture import RecordedGRPOTrainer, Stopwatch
from trainer.checkpoints import checkpoint_to_resume, step_of
from trainer.earlier_answers import EarlierAnswers, weights_fingerprint
from trainer.errors import EvaluationStopped, WeightsUnsaved
from trainer.evaluate import HeldOutEvaluation
from trainer.model import ImageFitter, image_fitter, load_model, load_processor, model_facts
from trainer.options import lora_arguments, trl_arguments
from trainer.recorder import Recorder
from trainer.restoring import WholeRestore
from trainer.rows import TrainingRows
from trainer.sampling import PromptSampling
from trainer.saving import CheckpointSaves, ForgivingSaves, is_disk_trouble

logger = logging.getLogger(__name__)

RECORDED_VERSIONS = (
    "rftui",
    "torch",
    "torchvision",
    "transformers",
    "trl",
    "accelerate",
    "peft",
    "datasets",
    "deepspeed",
)


class _GRPO(ForgivingSaves, WholeRestore, RecordedGRPOTrainer):
    """GRPO as rftui runs it."""


class _SFT(ForgivingSaves, WholeRestore, SFTTrainer):
    """SFT as rftui runs it."""


class Outcome(NamedTuple):
    """How an attempt ended in order."""

    name: str
    """finished or stopped"""
    step: int
    """Finished updates."""


class Session(NamedTuple):
    """What every method needs, loaded once."""

    config: RunConfig
    run_dir: RunDir
    recorder: Recorder
    stop_requests: StopRequests
    task: Task
    source: Source
    processor: Any
    fit: ImageFitter


def installed_versions() -> dict[str, str]:
    """Versions of what decides a run's numbers; packages that are absent are left out."""
    versions = {}
    for name in RECORDED_VERSIONS:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def run_attempt(
    config: RunConfig, *, run_dir: RunDir, recorder: Recorder, resume: bool, stop_requests: StopRequests
) -> Outcome:
    """Trains or evaluates until the configured last step, or until asked to stop."""
    recorder.phase("load", step=0)
    if config.threads:
        torch.set_num_threads(config.threads)
    set_seed(config.seed)
    task = load_task(config.task, config.task_options)
    processor = load_processor(config)
    session = Session(
        config=config,
        run_dir=run_dir,
        recorder=recorder,
        stop_requests=stop_requests,
        task=task,
        source=task.source(config.source),
        processor=processor,
        fit=image_fitter(processor, config),
    )
    if config.method is Method.EVAL:
        return _evaluate_only(session)
    if config.method is Method.SUIT:
        return _sample_only(session)
    return _train(session, resume=resume)


def _train(session: Session, *, resume: bool) -> Outcome:
    config, recorder = session.config, session.recorder
    checkpoint = checkpoint_to_resume(session.run_dir) if resume and recorder.is_main else None
    arguments = _trl_config(config, session.run_dir)
    if resume and recorder.world_size > 1:
        checkpoint = _broadcast(checkpoint)
    stopwatch = Stopwatch()
    # built after the TRL configuration: with ZeRO-3 that is what shards the weights while they load
    model = load_model(config)
    rows = TrainingRows(session.task, _training_examples(session), config=config, fit=session.fit)
    saves = CheckpointSaves()
    trainer = _build_trainer(session, model=model, rows=rows, arguments=arguments, stopwatch=stopwatch, saves=saves)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(
        RunCallback(
            config,
            run_dir=session.run_dir,
            recorder=recorder,
            stopwatch=stopwatch,
            rows=rows,
            evaluation=_evaluation(session, trainer.accelerator, model=trainer.model),
            accelerator=trainer.accelerator,
            stop_requests=session.stop_requests,
            saves=saves,
        )
    )
    first_step = step_of(checkpoint) + 1 if checkpoint is not None else 1
    resumed_from = checkpoint.relative_to(session.run_dir.path).as_posix() if checkpoint is not None else None
    _record_start(
        session, model=trainer.model, first_step=first_step, resumed_from=resumed_from, total_steps=config.max_steps
    )
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint is not None else None)
    step = int(trainer.state.global_step)
    if step < config.max_steps:
        return Outcome("stopped", step)
    _save_final(session, trainer, step=step)
    return Outcome("finished", step)


def _trl_config(config: RunConfig, run_dir: RunDir) -> Any:
    on_gpu = torch.cuda.is_available()
    arguments = trl_arguments(config, output_dir=run_dir.checkpoints, on_gpu=on_gpu)
    return GRPOConfig(**arguments) if config.method is Method.GRPO else SFTConfig(**arguments)


def _training_examples(session: Session) -> Any:
    config = session.config
    return session.task.examples("train", seed=config.seed, difficulty=config.difficulty, source=session.source)


def _build_trainer(
    session: Session, *, model: Any, rows: TrainingRows, arguments: Any, stopwatch: Stopwatch, saves: CheckpointSaves
) -> Any:
    config = session.config
    lora = lora_arguments(config)
    shared: dict[str, Any] = {
        "model": model,
        "args": arguments,
        "train_dataset": rows.dataset(),
        "processing_class": session.processor,
        "peft_config": LoraConfig(**lora) if lora is not None else None,
        "saves": saves,
    }
    if config.method is Method.SFT:
        return _SFT(**shared)
    return _GRPO(
        **shared,
        config=config,
        rewards=_rewards(session),
        rows=rows,
        recorder=session.recorder,
        stopwatch=stopwatch,
        tokenizer=session.processor.tokenizer,
    )


def _rewards(session: Session) -> list[WeightedReward]:
    settings = {name: reward.model_dump() for name, reward in session.config.rewards.items()}
    return build_rewards(settings, session.task)


def _evaluation(session: Session, accelerator: Accelerator, *, model: Any) -> HeldOutEvaluation:
    earlier = EarlierAnswers(
        session.run_dir, attempt=session.recorder.attempt, weights=weights_fingerprint(session.config)
    )
    is_all_there_is = session.config.method is Method.EVAL
    return HeldOutEvaluation(
        session.config,
        task=session.task,
        source=session.source,
        processor=session.processor,
        fit=session.fit,
        recorder=session.recorder,
        accelerator=accelerator,
        ends=end_token_ids(model, session.processor),
        earlier=earlier,
        # training stops at a step boundary, which its callback sees to
        is_asked_to_stop=session.stop_requests.is_requested if is_all_there_is else lambda: False,
    )


def end_token_ids(model: Any, processor: Any) -> list[int]:
    """Tokens that end a completion: the model's own, and the tokenizer's."""
    ends = model.generation_config.eos_token_id
    ids = list(ends) if isinstance(ends, list | tuple) else [ends]
    return sorted({token for token in [*ids, processor.tokenizer.eos_token_id] if token is not None})


def _evaluate_only(session: Session) -> Outcome:
    config, recorder = session.config, session.recorder
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    model = load_model(config).to(accelerator.device)
    _record_start(session, model=model, first_step=0, resumed_from=None, total_steps=0)
    began = time.perf_counter()
    try:
        metrics = _evaluation(session, accelerator, model=model)(model, step=0)
    except EvaluationStopped:
        return Outcome("stopped", 0)
    values = {**metrics, "time/eval_s": round(time.perf_counter() - began, 6)}
    recorder.metrics(0, epoch=None, values=values)
    return Outcome("finished", 0)


def _sample_only(session: Session) -> Outcome:
    config, recorder = session.config, session.recorder
    accelerator = Accelerator(cpu=not torch.cuda.is_available())
    model = load_model(config).to(accelerator.device)
    sampling = PromptSampling(
        config,
        run_dir=session.run_dir,
        rows=TrainingRows(session.task, _training_examples(session), config=config, fit=session.fit),
        source=session.source,
        rewards=_rewards(session),
        processor=session.processor,
        recorder=recorder,
        device=accelerator.device,
        ends=end_token_ids(model, session.processor),
        weights=weights_fingerprint(config),
        is_asked_to_stop=session.stop_requests.is_requested,
    )
    total = len(sampling.steps)
    _record_start(session, model=model, first_step=sampling.first_step, resumed_from=None, total_steps=total)
    try:
        sampling(model)
    except EvaluationStopped:
        return Outcome("stopped", sampling.last_step)
    return Outcome("finished", total)


def _record_start(session: Session, *, model: Any, first_step: int, resumed_from: str | None, total_steps: int) -> None:
    config = session.config
    session.recorder.start(
        method=config.method.value,
        task=config.task,
        first_step=first_step,
        total_steps=total_steps,
        resumed_from=resumed_from,
        model=model_facts(model, config)._asdict(),
        weights=weights_fingerprint(config),
        source=session.source._asdict(),
        versions=installed_versions(),
    )
    if session.recorder.is_main:
        logger.info("task %s: %s", config.task, session.source.detail)
        for name, reward in config.rewards.items() if config.uses_rewards else ():
            logger.info("reward %s x %g: %s", name, reward.weight, reward.function or formula(name, reward.params))


def _save_final(session: Session, trainer: Any, *, step: int) -> None:
    """Final weights and processor to RUN_DIR/model, complete or not there at all."""
    recorder = session.recorder
    recorder.phase("save", step=step)
    began = time.perf_counter()
    final = session.run_dir.model
    partial = final.with_name("model.partial")
    try:
        # collective: every rank takes part in gathering sharded weights
        trainer.save_model(str(partial))
        trainer.accelerator.wait_for_everyone()
        if not recorder.is_main:
            return
        session.processor.save_pretrained(partial)
        _replace_folder(partial, final)
    except (OSError, SafetensorError, RuntimeError) as error:
        if not is_disk_trouble(error):
            raise
        shutil.rmtree(partial, ignore_errors=True)
        raise WeightsUnsaved(
            f"all {step} steps are done and the final weights could not be written ({error})",
            expected=f"free space at {final.parent}",
            fix="free some, then `rftui resume` goes on from the newest complete checkpoint",
        ) from error
    recorder.checkpoint(final, step=step, seconds=time.perf_counter() - began, kind="model")


def _replace_folder(new: Path, old: Path) -> None:
    """Puts `new` in the place of `old`; a kill in between leaves at least one of them."""
    if old.exists():
        aside = old.with_name(f"{old.name}.replaced-{time.time_ns()}")
        os.replace(old, aside)
    os.replace(new, old)


def _broadcast(checkpoint: Path | None) -> Path | None:
    """Rank 0's choice of checkpoint on every rank."""
    chosen: list[Path | None] = [checkpoint]
    torch.distributed.broadcast_object_list(chosen, src=0)
    return chosen[0]


def failure_record(error: BaseException, traceback_text: str) -> Mapping[str, str]:
    """What the journal keeps of an exception."""
    return {"type": type(error).__name__, "message": str(error), "traceback": traceback_text}
