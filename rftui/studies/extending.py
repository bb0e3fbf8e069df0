"""More seeds for a study: the one change of a study that says itself what it means, and so is not asked about again."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from pathlib import Path

import tomli_w

from rftui.errors import UsageProblem
from rftui.studies.creating import says, with_heads
from rftui.studies.definition import Study, parse_study, read_study
from rftui.studies.places import find_place
from store.layout import Home


def extend_study(home: Home, name: str, *, more: int = 0, seeds: Sequence[int] = ()) -> tuple[int, ...]:
    """Adds seeds to study.toml, and to what was started where that has no other change. Returns those that are new.

    `more` adds as many after the highest. Raises UsageProblem where nothing is asked for, or a seed is there already.
    """
    place = find_place(home, name)
    study = read_study(place.definition)
    new = _new_seeds(study, more=more, seeds=seeds)
    started = read_study(place.started) if place.started.exists() else None
    wanted = (*study.seeds, *new)
    _set_seeds(place.definition, wanted)
    if started == study:
        _set_seeds(place.started, wanted)
    return new


def _new_seeds(study: Study, *, more: int, seeds: Sequence[int]) -> tuple[int, ...]:
    if more < 0 or (not more and not seeds):
        raise UsageProblem(
            f"no seed to add to {study.name}",
            found=f"--seeds {more}",
            expected="--seeds N for N more seeds, or --seed with a number",
            fix=f"rftui study extend {study.name} --seeds 2",
        )
    there = [seed for seed in seeds if seed in study.seeds]
    if there or len(set(seeds)) < len(seeds) or any(seed < 0 for seed in seeds):
        raise UsageProblem(
            f"{study.name} has seed {there[0]} already" if there else "a seed is a whole number from 0, each once",
            found=", ".join(map(str, seeds)),
            expected=f"seeds other than {', '.join(map(str, study.seeds))}",
            fix=f"rftui study extend {study.name} --seed {max(study.seeds) + 1}",
        )
    first = max((*study.seeds, *seeds)) + 1
    return (*seeds, *range(first, first + more))


def _set_seeds(path: Path, seeds: Sequence[int]) -> None:
    """Writes the seeds into a definition; comments stay where the seeds stand on one line."""
    text = path.read_text(encoding="utf-8")
    fields = tomllib.loads(text) | {"seeds": list(seeds)}
    edited = with_heads(text, {"seeds": list(seeds)})
    text = edited if says(edited, fields) else tomli_w.dumps(fields)
    parse_study(tomllib.loads(text), origin=str(path))
    partial = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
