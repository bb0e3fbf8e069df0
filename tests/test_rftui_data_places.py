"""What the source `auto` means at a launch."""

from __future__ import annotations

from pathlib import Path

import pytest

from rftui.planning.plan import LaunchRequest, plan_launch
from rftui.planning.preflight import check_task
from store.layout import Home


def planned(home: Path, **flags: str) -> tuple[str, str | None]:
    """The source of a launch, and where it came from."""
    plan = plan_launch(Home(home), LaunchRequest(method="grpo", recipe="tiny", flags=flags))
    return plan.config.source, plan.origins.get("source")


def test_without_real_data_a_launch_says_that_it_generates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RFTUI_DATA", raising=False)

    assert planned(tmp_path, task="sat") == ("generated", f"auto: nothing at {tmp_path / 'data' / 'sat'}")


@pytest.mark.parametrize("is_named", [True, False])
def test_real_data_in_its_place_is_taken_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_named: bool
) -> None:
    folder = tmp_path / ("elsewhere" if is_named else "home/data") / "aircraft"
    folder.mkdir(parents=True)
    if is_named:
        monkeypatch.setenv("RFTUI_DATA", str(folder.parent))
    else:
        monkeypatch.delenv("RFTUI_DATA", raising=False)

    assert planned(tmp_path / "home", task="aircraft") == (str(folder), f"auto: {folder}")
    # what somebody says goes before what is found
    assert planned(tmp_path / "home", task="aircraft", source="generated")[0] == "generated"
    # data of one task is none of another
    assert planned(tmp_path / "home", task="banner")[0] == "generated"


def test_a_folder_without_data_is_an_error_and_not_generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RFTUI_DATA", str(tmp_path))
    (tmp_path / "aircraft").mkdir()

    plan = plan_launch(Home(tmp_path / "home"), LaunchRequest(method="grpo", recipe="tiny", flags={"task": "aircraft"}))

    assert [finding.check for finding in check_task(plan.config) if finding.level == "error"] == ["task"]


def test_a_task_that_generates_nothing_wants_to_be_told(tmp_path: Path) -> None:
    assert planned(tmp_path, task="folder")[0] == "auto"
