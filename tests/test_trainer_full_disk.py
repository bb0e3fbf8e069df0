"""A disk that fills up while a run trains: the run goes on, says what is missing, and nothing is half there."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from store.checkpoints import complete_checkpoints
from tests.training_runs import make_run, of_type, records, train

pytestmark = [pytest.mark.train, pytest.mark.slow]

DISK_MB = 24


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with little room."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "rftui-test", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"this machine mounts nothing: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path, *, leave_kb: int) -> Path:
    """A file that leaves only so much of the disk."""
    free = os.statvfs(place)
    filler = place / "filler"
    with filler.open("wb") as file:
        remaining = free.f_bavail * free.f_frsize - (leave_kb << 10)
        file.write(b"\0" * remaining)
    return filler


def test_a_run_outlives_checkpoints_that_the_disk_refuses(small_disk: Path) -> None:
    run_dir = make_run(small_disk, max_steps=4, save_steps=2)
    # enough for journals and images, too little for weights and optimizer
    fill(small_disk, leave_kb=1200)

    code = train(run_dir)

    journal = records(run_dir)
    assert code == 1
    assert sorted({group["step"] for group in of_type(journal, "group")}) == [1, 2, 3, 4]
    assert [note["text"].split(":")[0] for note in of_type(journal, "note") if "checkpoint" in note["text"]] == [
        "no checkpoint at step 2",
        "no checkpoint at step 4",
    ]
    assert complete_checkpoints(run_dir) == []
    assert not list(run_dir.checkpoints.glob("checkpoint-*"))
    assert (journal[-1]["outcome"], journal[-1]["error"]["type"]) == ("failed", "WeightsUnsaved")
    assert not run_dir.model.exists()


def test_a_run_that_could_not_write_its_weights_finishes_after_a_resume(small_disk: Path) -> None:
    run_dir = make_run(small_disk, max_steps=2, save_steps=0)
    filler = fill(small_disk, leave_kb=1200)
    assert train(run_dir) == 1

    filler.unlink()
    code = train(run_dir, "--attempt", "2", "--resume")

    assert code == 0, run_dir.output.read_text()[-3000:]
    assert records(run_dir, attempt=2)[-1]["outcome"] == "finished"
    assert list(run_dir.model.glob("*.safetensors"))


class _Trainer:
    """Stands for transformers' trainer."""

    is_deepspeed_enabled = False

    def __init__(self, error: BaseException | None) -> None:
        self.error = error

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("error", "is_survived"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (RuntimeError("[enforce fail at inline_container.cc:672] unexpected pos 64 vs 0"), True),  # torch.save
        (RuntimeError("CUDA error: out of memory"), False),  # no fault of the disk
    ],
)
def test_only_trouble_with_the_disk_is_forgiven(error: BaseException, is_survived: bool) -> None:
    from trainer.saving import CheckpointSaves, ForgivingSaves

    class Saving(ForgivingSaves, _Trainer):
        pass

    saves = CheckpointSaves()
    trainer = Saving(error, saves=saves)

    if is_survived:
        trainer._save_checkpoint(None, None)
        assert saves.failure == str(error)
    else:
        with pytest.raises(RuntimeError, match="out of memory"):
            trainer._save_checkpoint(None, None)


def test_with_deepspeed_a_failed_save_ends_the_run_because_the_other_ranks_wait() -> None:
    from trainer.saving import CheckpointSaves, ForgivingSaves

    class Saving(ForgivingSaves, _Trainer):
        is_deepspeed_enabled = True

    trainer = Saving(OSError(errno.ENOSPC, "No space left on device"), saves=CheckpointSaves())

    with pytest.raises(OSError, match="No space left"):
        trainer._save_checkpoint(None, None)
