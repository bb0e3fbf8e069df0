"""Time and memory of listing a folder of 100,000 images as a task, against bare walks of the same folder.

    python benchmarks/image_folder.py [--images 100000] [--classes 1000] [--rounds 5] [--folder DIR]

Makes the folder where none is named. In each round every way is run once, in a process of its own: `find`, a bare
os.walk, our listing, a bare read of four kilobytes of each file, and our split by what is in the images. Prints medians
over the rounds, their ratios, and the peak memory of each way with what an empty process takes.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

HEAD = "import os, resource, sys, time\npath = sys.argv[1]\n"
TAIL = """
print(time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, count)
"""
WAYS = {
    "empty process": "import evals.tasks.folder\nbegan = time.perf_counter()\ncount = 0",
    "find": "import subprocess\nbegan = time.perf_counter()\n"
    "count = subprocess.run(['find', path, '-type', 'f'], stdout=subprocess.PIPE).stdout.count(b'\\n')",
    "os.walk": "began = time.perf_counter()\ncount = sum(len(files) for _, _, files in os.walk(path))",
    "listing": "from evals.tasks.folder import Folder\nbegan = time.perf_counter()\n"
    "task = Folder()\nsource = task.source(path)\ncount = len(task.data(path).images.files)",
    "read 4 kB each": "began = time.perf_counter()\ncount = 0\n"
    "for folder, _, files in os.walk(path):\n"
    "    for name in files:\n"
    "        with open(os.path.join(folder, name), 'rb') as file:\n"
    "            count += bool(file.read(4096))",
    "listing and split": "from evals.tasks.folder import Folder\nbegan = time.perf_counter()\n"
    "task = Folder()\nsource = task.source(path)\n"
    "count = sum(task.examples(split, seed=0, difficulty=0.5, source=source).length\n"
    "            for split in ('train', 'validation', 'heldout'))",
}
"""What each way does in a process of its own, imports before the clock starts."""


class Round(NamedTuple):
    """One way, run once."""

    seconds: float
    peak_mb: float
    count: int


def make_folder(root: Path, *, images: int, classes: int) -> None:
    """So many small image files, all different, in class folders."""
    # a PNG header and a body that nobody decodes: a listing opens no image
    body = bytes(range(256)) * 30
    for number in range(images):
        folder = root / f"class_{number % classes:04}"
        if number < classes:
            folder.mkdir(parents=True)
        with open(folder / f"image_{number:06}.png", "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n" + number.to_bytes(8, "big") + body[: 2000 + number % 5000])


def measure(code: str, path: Path) -> Round:
    """Runs one way in a fresh interpreter."""
    printed = subprocess.run(
        [sys.executable, "-c", HEAD + code + TAIL, str(path)],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    ).stdout.split()
    return Round(float(printed[0]), int(printed[1]) / 1024, int(printed[2]))


def report(rounds: dict[str, list[Round]]) -> None:
    """Medians, and each of our ways as a multiple of its floor."""
    empty_mb = statistics.median(one.peak_mb for one in rounds["empty process"])
    print(f"{'way':<20}{'files':>9}{'seconds':>10}{'peak MB':>9}   (an empty process: {empty_mb:.0f} MB)")
    seconds = {way: statistics.median(one.seconds for one in found) for way, found in rounds.items()}
    for way, found in rounds.items():
        peak_mb = statistics.median(one.peak_mb for one in found)
        if way != "empty process":
            print(f"{way:<20}{found[0].count:>9,}{seconds[way]:>10.3f}{peak_mb:>9.0f}")
    listing_mb = statistics.median(one.peak_mb for one in rounds["listing"]) - empty_mb
    images = rounds["listing"][0].count
    print(f"listing is {seconds['listing'] / seconds['os.walk']:.2f} times os.walk", end=", ")
    print(f"{seconds['listing'] / seconds['find']:.2f} times find", end=", ")
    print(f"and takes {listing_mb:.1f} MB more than nothing: {listing_mb * 2**20 / images:.0f} bytes a file")
    print(f"listing and split is {seconds['listing and split'] / seconds['read 4 kB each']:.2f} times the bare read")


def main() -> None:
    """Makes the folder, runs the rounds, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="a folder of images that is there already")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.folder or Path(scratch) / "images"
        if arguments.folder is None:
            make_folder(folder, images=arguments.images, classes=arguments.classes)
        rounds: dict[str, list[Round]] = {way: [] for way in WAYS}
        for _ in range(arguments.rounds):
            for way, code in WAYS.items():
                rounds[way].append(measure(code, folder))
        report(rounds)


if __name__ == "__main__":
    main()
