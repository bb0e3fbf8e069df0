"""Reading FGVC-Aircraft from its `.tar.gz`: what decompressing it once costs, and what reading costs from then on.

    python benchmarks/aircraft_archive.py [--images 1200]

The archive is made of photographs of noise, 1600 x 1100 pixels as JPEG, because gzip can make as little of them as of
real ones. Prints seconds of the clock and of computing for the first opening, seconds for the next ones, milliseconds
to read and to decode an image in random order, and what looking for a single image in the packed archive costs instead:
half a pass over it.
"""

from __future__ import annotations

import argparse
import gzip
import io
import os
import random
import tarfile
import tempfile
import time
from pathlib import Path

from PIL import Image, ImageFilter

from evals.files.aircraft_archive import AircraftFiles, decompressed, open_aircraft
from evals.files.pictures import decoded_image

SIZE = (1600, 1100)
DIFFERENT = 20
"""Different images; gzip looks back 32 kB, so that repeating them is as good as new ones."""
READ = 200
DECODED = 20


def noise_jpeg(seed: int) -> bytes:
    """An image of some 300 kB."""
    width, height = SIZE
    noise = Image.frombytes("RGB", SIZE, random.Random(seed).randbytes(width * height * 3))
    buffer = io.BytesIO()
    noise.filter(ImageFilter.GaussianBlur(2)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def write_archive(path: Path, images: int) -> list[str]:
    """An archive of one variant in the official layout; the numbers of its images."""
    numbers = [f"{number:07d}" for number in range(images)]
    contents = [noise_jpeg(seed) for seed in range(DIFFERENT)]
    with tarfile.open(path, "w:gz", compresslevel=6) as archive:
        _add(archive, "variants.txt", b"A310\n")
        _add(archive, "images_variant_train.txt", "".join(f"{number} A310\n" for number in numbers).encode())
        for at, number in enumerate(numbers):
            _add(archive, f"images/{number}.jpg", contents[at % DIFFERENT])
    return numbers


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(f"fgvc-aircraft-2013b/data/{name}")
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def milliseconds_to_read(files: AircraftFiles, numbers: list[str]) -> float:
    """For one image, in random order."""
    began = time.perf_counter()
    for number in numbers:
        files.read(number)
    return (time.perf_counter() - began) / len(numbers) * 1000


def milliseconds_to_decode(files: AircraftFiles, numbers: list[str]) -> float:
    """For one image that is read already."""
    contents = [files.read(number) for number in numbers]
    began = time.perf_counter()
    for content in contents:
        decoded_image(content)
    return (time.perf_counter() - began) / len(contents) * 1000


def seconds_of_a_pass(path: Path) -> float:
    """For decompressing the whole archive into nothing."""
    began = time.perf_counter()
    with gzip.open(path) as packed:
        while packed.read(1 << 20):
            pass
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1200)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        path = Path(folder) / "fgvc-aircraft-2013b.tar.gz"
        numbers = write_archive(path, arguments.images)
        random.Random(0).shuffle(numbers)
        print(f"archive: {arguments.images} images, {path.stat().st_size >> 20} MB")
        clock, computing = time.perf_counter(), time.process_time()
        decompressed(path)
        print(f"first:   {time.perf_counter() - clock:.1f} s, {time.process_time() - computing:.1f} s of computing")
        began = time.perf_counter()
        files = open_aircraft(path)
        print(f"again:   {time.perf_counter() - began:.2f} s")
        print(f"read:    {milliseconds_to_read(files, numbers[:READ]):.1f} ms an image")
        print(f"decode:  {milliseconds_to_decode(files, numbers[:DECODED]):.0f} ms an image")
        print(f"instead: {seconds_of_a_pass(path) / 2:.1f} s an image, half a pass")


if __name__ == "__main__":
    main()
