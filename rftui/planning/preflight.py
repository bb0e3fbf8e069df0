"""What should be known before a GPU-hour is spent: every finding with what was found, what was expected and the fix.

Errors stop a launch; warnings and facts are said. The last check runs in the interpreter that will train.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from evals.errors import EvalsError
from rftui.errors import NotFound
from rftui.planning.arithmetic import batch_sentences
from rftui.planning.command import child_environment, shared_environment
from rftui.planning.environments import missing_packages, probe, version_findings
from rftui.planning.findings import Finding, Level
from rftui.planning.plan import LaunchPlan, nearest_name
from rftui.planning.reward_settings import reward_setting_findings
from rftui.queueing.machine import busy_with
from rftui.queueing.settings import default_settings
from rftui.supervision.gpu_locks import is_held
from rftui.supervision.gpus import gpu_activity, installed_gpus, visible_gpus
from store.config import Method, RunConfig, config_toml
from store.layout import NETWORK_FILESYSTEMS, Home, filesystem_type

CHECK_PATIENCE_S = 300.0
"""Importing torch and TRL from a cold network disk takes minutes."""
WANTED_EVERY_S = 0.2
"""How often a check that runs is asked whether anybody still waits for it."""
FREE_DISK_MARGIN_MB = 2048


class Report(NamedTuple):
    """All findings, and what the training interpreter said about itself."""

    findings: list[Finding]
    trainer: dict[str, Any]

    @property
    def errors(self) -> list[Finding]:
        """Findings that stop a launch."""
        return [finding for finding in self.findings if finding.level is Level.ERROR]


def run_preflight(plan: LaunchPlan) -> Report:
    """Every check, cheapest first; the trainer's own check is skipped when a cheap one already failed."""
    findings = [*check_settings(plan), *check_environment(plan)]
    if any(finding.level is Level.ERROR for finding in findings):
        return Report(findings, {})
    return whole_report(plan, findings, check_trainer(plan))


def check_settings(plan: LaunchPlan) -> list[Finding]:
    """What can be said without asking another process. Raises NotFound for a task that does not exist."""
    return [
        *check_task(plan.config),
        *check_batch(plan.config),
        *reward_setting_findings(plan.config),
        *check_gpus(plan.config, hides_gpus=plan.hides_gpus),
        *check_home(plan.home),
        *check_disk(plan.home, plan.config),
        *check_remote_code(plan),
    ]


class TrainerAnswer(NamedTuple):
    """What `python -m trainer --check` said."""

    said: dict[str, Any]
    """Versions, the number of examples, the first prompt; empty where the check itself failed."""
    findings: list[Finding]


def whole_report(plan: LaunchPlan, findings: Sequence[Finding], answer: TrainerAnswer) -> Report:
    """The findings of all checks together; epochs are counted by the examples that the trainer found."""
    said, trainer_findings = answer
    epochs = batch_sentences(plan.config, available_examples=said.get("available_examples"))
    facts = [Finding(Level.FACT, "batch", sentence) for sentence in epochs]
    return Report(
        [
            *facts,
            *(item for item in findings if item.check != "batch" or item.level is not Level.FACT),
            *trainer_findings,
        ],
        said,
    )


def check_task(config: RunConfig) -> Iterator[Finding]:
    """Whether the task's source and the rewards exist. Raises NotFound for a task that does not."""
    # PIL and scipy come with evals: 0.2 s that only a launch needs to pay
    from evals.rewards import check_rewards
    from evals.tasks import check_task_file, is_task_file, load_task, task_names

    if not is_task_file(config.task) and config.task not in task_names():
        raise unknown("task", config.task, task_names())
    try:
        # a user's own task or reward file is run by the training interpreter alone, in check_trainer
        if is_task_file(config.task):
            check_task_file(Path(config.task))
        else:
            load_task(config.task, config.task_options).source(config.source)
        if config.uses_rewards:
            check_rewards({name: reward.model_dump() for name, reward in config.rewards.items()})
    except EvalsError as error:
        yield Finding(Level.ERROR, "task", error.found, expected=error.expected, fix=error.fix)


def unknown(kind: str, name: str, known: Sequence[str]) -> NotFound:
    """The error for a name that nothing has, with the nearest."""
    nearest = nearest_name(name, known)
    fix = f"--{kind} {nearest}" if nearest else f"`rftui {kind}s` lists them"
    if kind == "task" and os.path.exists(os.path.expanduser(name)):
        # somebody's own data in the place of the task that reads it
        fix = f"--task {'folder' if os.path.isdir(os.path.expanduser(name)) else 'jsonl'} --data {name}"
    return NotFound(f"no {kind} {name}", found=name, expected=f"one of {', '.join(known)}", fix=fix)


def check_batch(config: RunConfig) -> Iterator[Finding]:
    """What the batch settings mean in prompts and completions, and whether checkpoints fall between generations."""
    for sentence in batch_sentences(config, available_examples=None):
        yield Finding(Level.FACT, "batch", sentence)
    per_step, per_generation = config.gradient_accumulation_steps, config.batches_per_generation * config.num_iterations
    if config.method is Method.GRPO and config.save_steps and config.save_steps * per_step % per_generation:
        yield Finding(
            Level.ERROR,
            "save_steps",
            f"save_steps={config.save_steps} falls inside a generation that {per_generation} batches share",
            expected="checkpoints between generations, so that a resume repeats and shifts nothing",
            fix=f"save_steps={_next_boundary(config, per_generation)}",
        )


def _next_boundary(config: RunConfig, per_generation: int) -> int:
    step = config.save_steps
    while step * config.gradient_accumulation_steps % per_generation:
        step += 1
    return step


def check_gpus(config: RunConfig, *, hides_gpus: bool) -> Iterator[Finding]:
    """Whether the GPUs named exist and are free, and whether there are enough for the ranks."""
    gpus = [] if hides_gpus else installed_gpus()
    by_index = {gpu.index: gpu for gpu in gpus}
    for index in config.gpus:
        if index not in by_index:
            yield Finding(
                Level.ERROR,
                "gpus",
                f"no GPU {index}",
                expected=f"one of {sorted(by_index)}" if by_index else "a machine with GPUs",
                fix="name others with --gpus, or --gpus none to train on the CPU",
            )
        elif is_held(by_index[index].uuid):
            yield Finding(Level.WARNING, "gpus", f"GPU {index} trains another run; this one waits as queued")
        elif others := busy_with(gpu_activity(by_index[index]), default_settings()):
            yield Finding(
                Level.WARNING,
                "gpus",
                f"GPU {index} ({by_index[index].name}) is not free: {others}; this run waits as queued",
                expected="a free GPU",
                fix="end that process, or choose another with --gpus",
            )
    usable = [] if hides_gpus else visible_gpus()
    if usable and not config.gpus and config.ranks > len(usable):
        yield Finding(
            Level.ERROR,
            "gpus",
            f"{config.ranks} ranks and {len(usable)} GPUs",
            expected="a GPU a rank",
            fix=f"--ranks {len(usable)}, or --recipe for this machine (`rftui recipes`)",
        )
    if not usable and config.model != "tiny" and config.method is not Method.EVAL:
        doing = "trains" if config.trains else "samples"
        yield Finding(Level.WARNING, "gpus", f"no GPU found: {config.model} {doing} on the CPU, which takes very long")


def check_home(home: Home) -> Iterator[Finding]:
    """Whether the home can be made, and where the databases go when it is on a network."""
    if trouble := _home_trouble(home.path):
        yield Finding(
            Level.ERROR,
            "home",
            f"{home.path} cannot be {'written' if home.path.exists() else 'made'}: {trouble}",
            expected="a directory that can be written, or a place where one can be made",
            fix="name another with --home",
        )
    kind = filesystem_type(home.path)
    if kind in NETWORK_FILESYSTEMS:
        yield Finding(
            Level.FACT,
            "home",
            f"{home.path} is on {kind}: runs stay there, the databases go to local disk ({home.databases})",
        )


def _home_trouble(path: Path) -> str:
    """Why runs cannot be written there; empty where they can. Leaves nothing behind."""
    parent = next(each for each in [path, *path.parents] if each.exists())
    if parent == path and path.is_dir():
        return "" if os.access(path, os.W_OK | os.X_OK) else "no permission to write"
    try:
        # rights alone do not tell: /proc and read-only filesystems give them, and take no directory
        tempfile.TemporaryDirectory(dir=parent).cleanup()
    except OSError as error:
        return f"{error.strerror} ({parent})"
    return ""


def check_disk(home: Home, config: RunConfig) -> Iterator[Finding]:
    """Whether the checkpoints will fit. The model's size is known only where it lies on disk."""
    existing = next(parent for parent in [home.path.absolute(), *home.path.absolute().parents] if parent.exists())
    free_mb = psutil.disk_usage(str(existing)).free >> 20
    weights_mb = sum(file.stat().st_size for file in Path(config.model).glob("*.safetensors")) >> 20
    # weights, and for all-weights training two float32 moments of Adam beside them, in each kept checkpoint
    per_checkpoint_mb = weights_mb if config.lora.r else 5 * weights_mb
    needed_mb = per_checkpoint_mb * (config.save_total_limit + 1) + weights_mb + FREE_DISK_MARGIN_MB
    if config.trains and free_mb < needed_mb:
        yield Finding(
            Level.WARNING if not weights_mb else Level.ERROR,
            "disk",
            f"{free_mb} MB free at {existing}",
            expected=f"about {needed_mb} MB for {config.save_total_limit} checkpoints and the final weights",
            fix="free space, lower save_total_limit, or name another --home",
        )


def check_remote_code(plan: LaunchPlan) -> Iterator[Finding]:
    """trust_remote_code runs a stranger's code, so no recipe or file may switch it on."""
    origin = plan.origins.get("trust_remote_code", "")
    if plan.config.trust_remote_code and origin != "--set":
        yield Finding(
            Level.ERROR,
            "trust_remote_code",
            f"switched on by {origin}",
            expected="the user to type it",
            fix="--set trust_remote_code=true, if you trust the model's authors",
        )


def check_trainer(
    plan: LaunchPlan, *, is_wanted: Callable[[], bool] = lambda: True, option: str = "--check"
) -> TrainerAnswer:
    """What `python -m trainer --check` says in the interpreter that will train; its end where it is wanted no more."""
    config = plan.config
    with tempfile.TemporaryDirectory(prefix="rftui-preflight-") as scratch:
        folder = Path(scratch)
        (folder / "config.toml").write_text(config_toml(config), encoding="utf-8")
        gpus = None if plan.hides_gpus else config.gpus
        environment = shared_environment(plan.directory, python=plan.python, zero=config.zero, gpus=gpus)
        try:
            process = subprocess.Popen(
                [plan.python, "-m", "trainer", option, scratch],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=scratch,
                env=child_environment(environment),
            )
            stdout, stderr = _answer(process, is_wanted)
        except subprocess.TimeoutExpired:
            return TrainerAnswer({}, [*check_failed(plan, f"no answer in {CHECK_PATIENCE_S:.0f} s")])
        except OSError as error:
            return TrainerAnswer({}, [*check_failed(plan, str(error))])
    try:
        said = json.loads(stdout.decode("utf-8", "replace").strip().splitlines()[-1])
    except (ValueError, IndexError):
        lines = stderr.decode("utf-8", "replace").strip().splitlines()
        return TrainerAnswer({}, [*check_failed(plan, lines[-1] if lines else f"exit code {process.returncode}")])
    return TrainerAnswer(said, list(trainer_findings(said)))


def _answer(process: subprocess.Popen[bytes], is_wanted: Callable[[], bool]) -> tuple[bytes, bytes]:
    """Both outputs of a process, which is killed once it is wanted no more. Raises TimeoutExpired."""
    deadline = time.monotonic() + CHECK_PATIENCE_S
    while True:
        try:
            return process.communicate(timeout=WANTED_EVERY_S)
        except subprocess.TimeoutExpired:
            is_late = time.monotonic() >= deadline
            if is_late or not is_wanted():
                process.kill()
                outputs = process.communicate()
                if is_late:
                    raise
                return outputs


def check_failed(plan: LaunchPlan, found: str) -> Iterator[Finding]:
    """The check itself failed; the packages were looked at before."""
    yield Finding(
        Level.ERROR,
        "trainer",
        found,
        expected=f"{plan.python} to be able to train",
        fix=f"{plan.python} -m trainer --check shows the rest; --python names another interpreter",
    )


def check_environment(plan: LaunchPlan) -> Iterator[Finding]:
    """Versions and name collisions in the interpreter that will train, from metadata alone."""
    try:
        answer = probe(plan.python)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        yield Finding(
            Level.ERROR,
            "python",
            f"{plan.python}: {error}",
            expected="a Python that answers",
            fix="name another with --python",
        )
        return
    yield from missing_packages(plan.python, answer, level=Level.ERROR)
    yield from version_findings(plan.python, answer)


def trainer_findings(said: dict[str, Any]) -> Iterator[Finding]:
    """The findings in what `python -m trainer --check` said."""
    for error in said.get("errors", []):
        yield Finding(Level.ERROR, "trainer", error["found"], error.get("expected", ""), error.get("fix", ""))
    for warning in said.get("warnings", []):
        yield Finding(Level.WARNING, "trainer", str(warning))
    for sentence in said.get("data", []):
        yield Finding(Level.FACT, "data", str(sentence))
