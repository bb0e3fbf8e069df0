"""The command line and environment of a training process. Pure; the supervisor runs what this returns."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from rftui.supervision.processes import ATTEMPT_VARIABLE, RUN_ID_VARIABLE

_KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": "10000000000", "MALLOC_MMAP_THRESHOLD_": "4000000000"}
"""On the CPU each step frees and takes the same large blocks; glibc then keeps them: 2.3 s a step, and 2.7 without."""


class TrainerCommand(NamedTuple):
    """What starts one attempt."""

    arguments: list[str]
    environment: dict[str, str]
    """Only what rftui sets, on top of what it was itself started with."""


def trainer_command(
    run_dir: Path,
    *,
    python: str,
    uid: int,
    attempt: int,
    resume: bool,
    ranks: int,
    zero: int,
    gpus: tuple[int, ...] | None,
) -> TrainerCommand:
    """Plain python for one rank; torchrun for several, and for DeepSpeed, which wants a process group."""
    module = ["-m", "trainer", str(run_dir), "--attempt", str(attempt)]
    if resume:
        module.append("--resume")
    if ranks == 1 and zero == 0:
        arguments = [python, *module]
    else:
        # --standalone and the loopback address keep the rendezvous on this machine
        launcher = ["-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
        arguments = [python, *launcher, "--nproc-per-node", str(ranks), *module]
    environment = shared_environment(run_dir, python=python, zero=zero, gpus=gpus)
    return TrainerCommand(arguments, environment | {RUN_ID_VARIABLE: str(uid), ATTEMPT_VARIABLE: str(attempt)})


def shared_environment(run_dir: Path, *, python: str, zero: int, gpus: tuple[int, ...] | None) -> dict[str, str]:
    """What training and its preflight both need to be set. `gpus` None hides every GPU; empty changes nothing."""
    environment = {
        # `trainer`, `evals` and `store` are common names: nothing may be imported from the working directory
        "PYTHONSAFEPATH": "1",
        "PYTHONUNBUFFERED": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    if gpus is None:
        environment["CUDA_VISIBLE_DEVICES"] = ""
        environment |= {name: os.environ.get(name, kept) for name, kept in _KEEP_MEMORY.items()}
    elif gpus:
        environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
        environment["CUDA_VISIBLE_DEVICES"] = ",".join(str(index) for index in gpus)
    if zero:
        # DeepSpeed compiles kernels with the ninja beside the interpreter, and keeps them where the home is
        environment["TORCH_EXTENSIONS_DIR"] = str(run_dir.parent.parent / "torch_extensions")
        environment["PATH"] = os.pathsep.join([str(Path(python).parent), os.environ.get("PATH", os.defpath)])
    return environment


def child_environment(environment: Mapping[str, str], *, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """`base`, else this process's environment, with `environment` on top, without marks of another run."""
    inherited = os.environ if base is None else base
    return {
        **{name: value for name, value in inherited.items() if name not in (RUN_ID_VARIABLE, ATTEMPT_VARIABLE)},
        **environment,
    }
