"""An image is stored whole under its hash or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from store.media import image_path, write_image

DIGEST = "ab" + "cd" * 31
ROOT = Path(__file__).parents[1]


def names_in(folder: Path) -> list[str]:
    return [path.name for path in sorted(folder.rglob("*")) if path.is_file()]


def test_an_image_comes_back_pixel_for_pixel(tmp_path: Path) -> None:
    image = Image.linear_gradient("L").convert("RGB")

    write_image(tmp_path, DIGEST, image)

    with Image.open(image_path(tmp_path, DIGEST)) as stored:
        assert stored.mode == "RGB" and stored.tobytes() == image.tobytes()
    assert names_in(tmp_path) == [f"{DIGEST}.png"]


def test_an_image_that_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = Image.new("RGB", (4, 4))

    def stop_halfway(path: Path, format: str) -> None:
        path.write_bytes(b"\x89PNG half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(image, "save", stop_halfway)
    with pytest.raises(OSError, match="No space left"):
        write_image(tmp_path, DIGEST, image)

    assert names_in(tmp_path) == []


def test_processes_that_store_the_same_image_leave_one_whole_image(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from PIL import Image; from store.media import image_path, write_image\n"
        "image = Image.effect_noise((64, 64), 50).point(lambda value: 7); sys.stdin.read()\n"
        "for _ in range(100):\n"
        "    write_image(Path(sys.argv[1]), sys.argv[2], image)\n"
        "    with Image.open(image_path(Path(sys.argv[1]), sys.argv[2])) as stored:\n"
        "        assert stored.tobytes() == bytes([7]) * 64 * 64"
    )
    command = [sys.executable, "-c", code, str(tmp_path), DIGEST]
    children = [subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE) for _ in range(2)]
    for child in children:
        assert child.stdin is not None
        child.stdin.close()

    assert [child.wait() for child in children] == [0, 0]
    assert names_in(tmp_path) == [f"{DIGEST}.png"]
