"""Reading a parquet file whose images are one huge row group, as SAT_train.parquet's are: time and memory.

    python benchmarks/row_group.py [--gb 5]

Makes such a file of noise, 30 kB an image, one or two a row, 0.9 GB of it different. Prints seconds and peak memory of
a process that opens it, reads its first row, its last row and 5,000 rows in random order; and beside them the peak of
one that takes the same first row from pyarrow by its defaults: 265 MB against 5,302 MB for 5.4 GB, and 24 s for the one
pass, on two busy cores. Needs half a GB of memory more than it makes different.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

IMAGE_BYTES = 30_000
DIFFERENT_ROWS = 20_000
GB_A_COPY = 0.9

OURS = """
import random, sys, time
from pathlib import Path
from evals.files.parquet_rows import ParquetRows

def peak_mb():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024

def timed(name, function):
    began = time.perf_counter()
    result = function()
    print(f"{name:28} {time.perf_counter() - began:7.2f} s   peak {peak_mb():5} MB", flush=True)
    return result

path, cache = map(Path, sys.argv[1:])
texts = {"question": "string", "answers": "list<string>"}
rows = timed("open, all text", lambda: ParquetRows(path, text_columns=texts, image_columns=["images"], cache=cache))
timed("first row", lambda: rows.images(0))
timed("last row", lambda: rows.images(len(rows) - 1))
chosen = random.Random(0).sample(range(len(rows)), 5000)
timed("5,000 random rows", lambda: sum(len(image) for row in chosen for image in rows.images(row)))
"""

DEFAULTS = """
import sys
from pathlib import Path
import pyarrow.parquet as pq

next(pq.ParquetFile(sys.argv[1]).iter_batches(batch_size=64))
peak = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) // 1024
print(f"{'first row, by the defaults':38}   peak {peak:5} MB")
"""


def write_file(path: Path, gigabytes: float) -> None:
    """One row group; the same 20,000 rows again and again, which parquet does not notice."""
    kind = pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    images = [
        [{"bytes": os.urandom(IMAGE_BYTES), "path": None} for _ in range(1 + row % 2)] for row in range(DIFFERENT_ROWS)
    ]
    questions = [f"Is the lamp left of chair {row}?" for row in range(DIFFERENT_ROWS)]
    table = pa.table(
        {
            "images": pa.array(images, kind),
            "question": questions,
            "answers": pa.array([["yes", "no"]] * DIFFERENT_ROWS),
        }
    )
    pq.write_table(pa.concat_tables([table] * max(1, round(gigabytes / GB_A_COPY))), path, row_group_size=10**9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--gb", type=float, default=5.0)
    parser.add_argument("--folder", type=Path, default=None, help="where there is room; default: the temporary folder")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        path = Path(folder) / "noise.parquet"
        write_file(path, asked.gb)
        metadata = pq.ParquetFile(path).metadata
        print(f"{metadata.num_rows:,} rows in {metadata.num_row_groups} row group, {path.stat().st_size / 1e9:.1f} GB")
        for script, arguments in ((OURS, [str(path), f"{folder}/cache"]), (DEFAULTS, [str(path)])):
            subprocess.run([sys.executable, "-c", script, *arguments], check=True)


if __name__ == "__main__":
    main()
