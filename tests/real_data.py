"""Where real data of others lies, beside the repository; tests that need it are skipped where it does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

DATA = Path(__file__).parents[2] / "shared" / "data"


def real_file(name: str) -> Path:
    """A file of real data. Skips the test where it is not there."""
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"needs {name} in {DATA.name} beside the repository")
    return path


def json_lines(name: str) -> list[dict[str, Any]]:
    """The records of a JSON-lines file."""
    return [json.loads(line) for line in real_file(name).read_text(encoding="utf-8").splitlines()]
