"""The recorder on a disk that is slow, full or gone: training waits a second at most, and hears of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import pytest

from store.layout import RunDir

pytestmark = pytest.mark.train


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Any]:
    from trainer.recorder import Recorder

    made = Recorder(RunDir(tmp_path), attempt=1, rank=0, world_size=1, stall_after_s=60.0)
    yield made
    made.close()


@pytest.fixture
def hung_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Images are stored only once the event is set."""
    import trainer.recorder

    is_back = threading.Event()
    monkeypatch.setattr(trainer.recorder, "write_image", lambda *_: is_back.wait(60))
    yield is_back
    is_back.set()


def picture(shade: int) -> Any:
    from PIL import Image

    from trainer.model import FittedImage

    return FittedImage(Image.new("RGB", (8, 8), (shade % 256, shade // 256, 0)), 1)


def notes(run_dir: RunDir) -> list[str]:
    lines = run_dir.journal(0, 1).read_text().splitlines()
    return [record["text"] for line in lines if (record := json.loads(line))["type"] == "note"]


def test_images_are_on_disk_by_the_end_of_a_step(recorder: Any) -> None:
    from store.media import image_path

    (reference,) = recorder.images([picture(1)])
    recorder.finish_step()

    assert image_path(recorder.run_dir.media, reference["hash"]).is_file()


def test_a_disk_that_hangs_costs_its_second_once(
    recorder: Any, hung_disk: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    patience = []

    def noted_wait(futures: Any, *, timeout: float) -> Any:
        patience.append(timeout)
        return wait(futures, timeout=timeout)

    monkeypatch.setattr("trainer.recorder.wait", noted_wait)
    recorder.images([picture(1)])

    for _ in range(4):
        recorder.finish_step()
    hung_disk.set()

    assert patience == [1.0, 0, 0, 0]


def test_images_that_a_slow_disk_takes_no_more_of_are_spoken_of_once(
    recorder: Any, hung_disk: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer.recorder.PENDING_IMAGES", 3)

    for shade in range(10):
        recorder.images([picture(shade)])
    hung_disk.set()
    recorder.close()

    assert notes(recorder.run_dir) == [
        "3 images wait for a slow disk, and more are not kept; rollouts are kept without their image"
    ]


def test_an_image_that_cannot_be_stored_is_spoken_of_and_never_raised(recorder: Any) -> None:
    recorder.run_dir.media.write_text("a file where the folder should be")

    recorder.images([picture(1), picture(2)])
    recorder.finish_step()
    recorder.close()

    (said,) = notes(recorder.run_dir)
    assert said.startswith("an image could not be stored")
