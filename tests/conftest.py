"""Settings of every test."""

from __future__ import annotations

import os
from itertools import count

import pytest
from hypothesis import settings

_tests = count()
"""Numbers of tests, for a folder of each."""

# what a push is judged by must not depend on chance; `HYPOTHESIS_PROFILE=search` looks for new cases
settings.register_profile("fixed", derandomize=True, deadline=None)
settings.register_profile("search", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


@pytest.fixture(autouse=True)
def _own_places(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the dashboard remembers and how keys are bound is nobody's but the test's; no terminal but a good one."""
    base = tmp_path_factory.getbasetemp() / "xdg" / str(next(_tests))
    monkeypatch.setenv("XDG_STATE_HOME", str(base / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(base / "config"))
    monkeypatch.setenv("TERM", "xterm-256color")
    # tests train more runs at once than a small machine has CPUs
    monkeypatch.setenv("RFTUI_SLOTS", "64")
    for name in ("NO_COLOR", "RFTUI_ASCII", "RFTUI_READ_ONLY", "COLORFGBG", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The dashboard and real terminals are waited for: on a busy machine a test is tried once more, and counted so."""
    for item in items:
        if item.path.name.startswith("test_rftui_"):
            item.add_marker(pytest.mark.flaky(reruns=1))
