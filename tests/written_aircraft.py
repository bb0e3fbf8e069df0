"""A few generated aircraft on disk in FGVC-Aircraft's layout, and what the task reads of such files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evals.generated.aircraft_layout import RELEASE, Layout, write_official_layout
from evals.task import Example
from evals.tasks.aircraft import Aircraft

SPLITS = ("train", "validation", "heldout")
LAYOUT = Layout(variants=5, images_a_split=2, side=64)
VARIANT_TEST = "images_variant_test.txt"


def written_data(root: Path) -> Path:
    """The data folder of a few aircraft written below a root."""
    write_official_layout(root, LAYOUT)
    return root / RELEASE / "data"


def everything(path: Path, **options: Any) -> dict[str, list[Example]]:
    """All examples by split."""
    task = Aircraft.configured(options)
    source = task.source(str(path))
    found = {}
    for split in SPLITS:
        examples = task.examples(split, seed=0, difficulty=0.5, source=source)
        found[split] = [examples[index] for index in range(examples.length or 0)]
    return found
