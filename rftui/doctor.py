"""What is wrong with a machine, an environment or a home, each with its fix. Looks only; changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from rftui import __version__
from rftui.command import child_environment
from rftui.gpu_locks import is_held
from rftui.gpus import installed_gpus
from rftui.preflight import Finding, Level, check_home
from rftui.processes import run_id_of, start_ticks
from store.layout import Home

OUR_PACKAGES = ("rftui", "trainer", "evals", "store")
VLLM_NEEDS = {"0.31.0": {"torch": "2.13.0", "transformers": "5.17.0"}}
"""What a vLLM release pins, of those that TRL 1.16 supports."""
PROBE_PATIENCE_S = 60.0
# reads metadata only, so that an environment with a broken torch still answers
_PROBE = """
import importlib.metadata as m, importlib.util as u, json, sys
def version(name):
    try: return m.version(name)
    except m.PackageNotFoundError: return None
names = ("rftui", "torch", "torchvision", "transformers", "trl", "accelerate", "peft", "datasets", "deepspeed", "vllm")
def place(name):
    spec = u.find_spec(name)
    return None if spec is None else (spec.origin or str(list(spec.submodule_search_locations or [])))
owners = m.packages_distributions()
print(json.dumps({"python": sys.version.split()[0], "versions": {n: version(n) for n in names},
  "places": {n: place(n) for n in ("rftui", "trainer", "evals", "store")},
  "owners": {n: sorted(set(owners.get(n, []))) for n in ("rftui", "trainer", "evals", "store")}}))
"""


def examine(home: Home, *, python: str) -> list[Finding]:
    """All findings, facts included."""
    return [
        Finding(Level.FACT, "rftui", f"rftui {__version__} in {sys.executable}"),
        *_names(),
        *_interpreter(python),
        *_gpus(),
        *_home(home),
        *_orphans(home),
    ]


def _names() -> Iterator[Finding]:
    """Whether another distribution owns one of our four generic names."""
    owners = metadata.packages_distributions()
    for name in OUR_PACKAGES:
        strangers = sorted(set(owners.get(name, [])) - {"rftui"})
        if strangers:
            yield name_taken(name, strangers, sys.executable)


def name_taken(name: str, strangers: list[str], python: str) -> Finding:
    """An error: two distributions write into one package."""
    return Finding(
        Level.ERROR,
        "names",
        f"{', '.join(strangers)} also installs a package named {name} in {python}",
        expected=f"only rftui to own {name}",
        fix=f"{python} -m pip uninstall {' '.join(strangers)}, or give rftui an environment of its own",
    )


def probe(python: str) -> dict[str, Any]:
    """Versions and places of packages in an interpreter. Raises OSError or ValueError where it does not answer."""
    finished = subprocess.run(
        [python, "-c", _PROBE],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=child_environment({"PYTHONSAFEPATH": "1"}),
        timeout=PROBE_PATIENCE_S,
        check=False,
    )
    if finished.returncode != 0:
        raise ValueError(finished.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or finished.returncode)
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer


def _interpreter(python: str) -> Iterator[Finding]:
    try:
        answer = probe(python)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        yield Finding(Level.ERROR, "python", f"{python}: {error}", expected="a Python that answers", fix="name another")
        return
    versions = {name: version for name, version in answer["versions"].items() if version}
    said = ", ".join(f"{name} {version}" for name, version in versions.items())
    yield Finding(Level.FACT, "python", f"{python}: Python {answer['python']}, {said}")
    yield from version_findings(python, answer)


def version_findings(python: str, answer: dict[str, Any]) -> Iterator[Finding]:
    """What the versions of an interpreter rule out."""
    versions = answer["versions"]
    missing = [name for name in ("torch", "torchvision", "transformers", "trl") if not versions.get(name)]
    if missing:
        yield Finding(
            Level.WARNING,
            "python",
            f"{python} lacks {', '.join(missing)}",
            expected="the training packages, if it is to train",
            fix=f"{python} -m pip install 'rftui[train]'",
        )
    if versions.get("rftui") not in (None, __version__):
        yield Finding(
            Level.ERROR,
            "versions",
            f"rftui {versions['rftui']} in {python}",
            expected=f"rftui {__version__}, as here",
            fix=f"{python} -m pip install rftui=={__version__}",
        )
    pins = VLLM_NEEDS.get(versions.get("vllm") or "", {})
    for name, wanted in pins.items():
        if versions.get(name) and versions[name].partition("+")[0] != wanted:
            yield Finding(
                Level.WARNING,
                "versions",
                f"vllm {versions['vllm']} beside {name} {versions[name]}",
                expected=f"{name} {wanted}, which that vLLM was built for",
                fix="keep vLLM in an environment of its own and name it with --python",
            )
    for name, owners in answer["owners"].items():
        strangers = [owner for owner in owners if owner != "rftui"]
        if strangers:
            yield name_taken(name, strangers, python)


def _gpus() -> Iterator[Finding]:
    gpus = installed_gpus()
    if not gpus:
        yield Finding(Level.FACT, "gpus", "no GPU found (NVML): runs train on the CPU")
    for gpu in gpus:
        use = "held by a run" if is_held(gpu.uuid) else f"{gpu.memory_used_mb} MB in use"
        yield Finding(Level.FACT, "gpus", f"GPU {gpu.index}: {gpu.name}, {gpu.memory_total_mb} MB, {use}")


def _home(home: Home) -> Iterator[Finding]:
    existing = next(parent for parent in [home.path.absolute(), *home.path.absolute().parents] if parent.exists())
    yield Finding(Level.FACT, "home", f"{home.path}, {len(home.runs())} runs")
    if not os.access(existing, os.W_OK | os.X_OK):
        yield Finding(
            Level.ERROR,
            "home",
            f"{existing} cannot be written",
            expected="a home of your own",
            fix="--home or RFTUI_HOME",
        )
    yield from check_home(home)


def _orphans(home: Home) -> Iterator[Finding]:
    """Training processes of runs that this home does not hold."""
    known = set()
    for name in home.runs():
        try:
            known.add(str(json.loads(home.run(name).launch.read_text(encoding="utf-8"))["uid"]))
        except (OSError, ValueError, KeyError):
            yield Finding(
                Level.WARNING,
                "runs",
                f"{name} has no readable launch.json",
                expected="a run directory that rftui made",
                fix=f"restore it, or move {home.run(name).path} away",
            )
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        run_id = run_id_of(int(entry.name))
        if run_id is not None and run_id not in known and start_ticks(int(entry.name)) is not None:
            yield Finding(
                Level.WARNING,
                "processes",
                f"pid {entry.name} trains a run that is not in this home (RFTUI_RUN_ID={run_id})",
                expected="a run of this home",
                fix="look in the other home with --home",
            )
