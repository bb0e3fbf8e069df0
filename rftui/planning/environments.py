"""What an interpreter that may train holds: versions, and who owns the names of our packages. Reads metadata only."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any

from rftui import __version__
from rftui.planning.command import child_environment
from rftui.planning.findings import Finding, Level

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
        said = finished.stderr.decode("utf-8", "replace").strip().splitlines()
        # another program may print our question back at length
        raise ValueError(f"exit code {finished.returncode}: {said[-1][:200] if said else 'nothing was said'}")
    answer: dict[str, Any] = json.loads(finished.stdout)
    return answer


def missing_packages(python: str, answer: dict[str, Any], *, level: Level) -> Iterator[Finding]:
    """What an interpreter lacks to train."""
    missing = [name for name in ("torch", "torchvision", "transformers", "trl") if not answer["versions"].get(name)]
    if missing:
        yield Finding(
            level,
            "python",
            f"{python} lacks {', '.join(missing)}",
            expected="the training packages, if it is to train",
            fix=f"{python} -m pip install 'rftui[train]'",
        )


def version_findings(python: str, answer: dict[str, Any]) -> Iterator[Finding]:
    """What the versions of an interpreter rule out."""
    versions = answer["versions"]
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
