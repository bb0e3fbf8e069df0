"""Parquet files with images by row: both forms, damaged ones, a huge row group, and a store that survives kills."""

from __future__ import annotations

import errno
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evals.errors import TaskError
from evals.files.image_store import RECORD, ImageStore, cache_folder
from evals.files.parquet_rows import ParquetRows
from tests.sat_parquet import BINARY, STRUCT, picture, row, write

ROOT = Path(__file__).parents[1]
TEXTS = {"question": "string", "answers": "list<string>"}
COLUMNS = ["image_bytes", "images"]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def opened(path: Path) -> ParquetRows:
    return ParquetRows(path, text_columns=TEXTS, image_columns=COLUMNS)


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("kind", [STRUCT, BINARY, pa.large_list(pa.large_binary())])
@pytest.mark.parametrize("row_group_size", [3, 1000])
def test_texts_and_images_are_those_of_the_row_in_every_form(
    tmp_path: Path, column: str, kind: pa.DataType, row_group_size: int
) -> None:
    rows = [row(number, images=[picture(number)] * (1 + number % 2)) for number in range(10)]
    path = write(tmp_path / "data.parquet", rows, column=column, kind=kind, row_group_size=row_group_size)

    read = opened(path)

    assert len(read) == 10
    assert [read.text(n)["question"] for n in (9, 0, 4)] == [rows[n]["question"] for n in (9, 0, 4)]
    assert [read.images(n) for n in (7, 0, 9, 3)] == [tuple(rows[n]["images"]) for n in (7, 0, 9, 3)]
    assert [one["answers"] for batch in read.text_batches() for one in batch] == [one["answers"] for one in rows]


def test_text_of_wide_or_repeated_kinds_reads_as_text(tmp_path: Path) -> None:
    # what polars and pandas write
    question = pa.array(["left?", "right?", "left?"]).dictionary_encode()
    answers = pa.array([["a"], ["b", None], None], pa.large_list(pa.large_string()))
    table = pa.table({"images": pa.array([[b"x"]] * 3, BINARY), "question": question, "answers": answers})
    pq.write_table(table, tmp_path / "data.parquet", row_group_size=2)

    read = opened(tmp_path / "data.parquet")

    assert [read.text(n) for n in range(3)] == [
        {"question": "left?", "answers": ["a"]},
        {"question": "right?", "answers": ["b", None]},
        {"question": "left?", "answers": None},
    ]


def test_only_as_much_of_a_file_is_stored_as_was_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "data.parquet", [row(number) for number in range(2000)])
    read = opened(path)

    read.images(0)
    few = read.store.rows
    read.images(300)
    more = read.store.rows
    read.images(299)

    assert (few, more, read.store.rows) == (256, 512, 512)


def test_equal_images_are_kept_once_and_their_digests_are_equal(tmp_path: Path) -> None:
    path = write(tmp_path / "data.parquet", [row(number, images=[picture(number % 2)]) for number in range(100)])
    read = opened(path)

    digests = [read.stored(number)[0].digest for number in range(100)]

    assert len(set(digests)) == 2
    assert digests[0] == digests[98] != digests[1]
    assert (read.store.folder / "images.bin").stat().st_size == len(picture(0)) + len(picture(1))


@pytest.mark.parametrize(
    ("images", "said"),
    [
        ([], "row 1 of data.parquet has no image"),
        (None, "row 1 of data.parquet has no image"),
        ([None], "row 1 of data.parquet has no image"),
        ([b""], "row 1 of data.parquet has no image"),
        ([picture(5), None], "row 1 of data.parquet has no bytes in image 2 of 2"),
    ],
)
@pytest.mark.parametrize("kind", [STRUCT, BINARY])
def test_a_row_without_an_image_is_named_and_its_neighbours_are_read(
    tmp_path: Path, images: list[bytes | None] | None, said: str, kind: pa.DataType
) -> None:
    read = opened(write(tmp_path / "data.parquet", [row(0), row(1, images=images), row(2)], kind=kind))

    with pytest.raises(TaskError, match=said):
        read.images(1)
    assert read.images(0) == (picture(0),)
    assert read.images(2) == (picture(2),)


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def zeroed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4:400] = bytes(396)
    path.write_bytes(data)


def pointer(path: Path) -> None:
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 4560000000\n")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (torn, "is not read as parquet"),
        (lambda path: path.write_bytes(b""), "is not read as parquet"),
        (lambda path: path.write_bytes(b"PAR1PAR1"), "is not read as parquet"),
        (pointer, "git lfs pull"),
        (lambda path: path.unlink(), "correct the path"),
    ],
)
def test_a_file_that_is_no_parquet_is_told_with_what_to_do(tmp_path: Path, damage: Any, said: str) -> None:
    path = write(tmp_path / "data.parquet", [row(number) for number in range(50)])
    damage(path)

    with pytest.raises(TaskError, match=said):
        opened(path)


def test_a_file_that_is_damaged_inside_says_so_when_its_images_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "data.parquet", [row(number) for number in range(50)])
    zeroed(path)
    read = opened(path)

    with pytest.raises(TaskError, match="is damaged"):
        read.images(3)


def test_text_that_is_no_utf8_is_told_when_the_file_is_opened(tmp_path: Path) -> None:
    broken = pa.array([b"\xff\xfe"], pa.binary()).view(pa.string())
    table = pa.table({"images": pa.array([[b"x"]], BINARY), "question": broken, "answers": pa.array([["a"]])})
    pq.write_table(table, tmp_path / "data.parquet")

    with pytest.raises(TaskError, match=r"is damaged: .*UTF8"):
        opened(tmp_path / "data.parquet")


@pytest.mark.parametrize(
    ("table", "found", "expected"),
    [
        ({"image": [b""], "text": ["?"]}, "has the columns image, text", "question, answers and image_bytes or images"),
        ({"images": [[b""]], "question": ["?"]}, "has the columns images, question", "question, answers and"),
        ({"images": [[b""]], "question": [1], "answers": [["a"]]}, "question of .* has the type int64", "string"),
        ({"images": [[b""]], "question": ["?"], "answers": ["a"]}, "answers of .* has the type string", "list<string>"),
        ({"images": ["a.png"], "question": ["?"], "answers": [["a"]]}, "images of .* has the type string", "list<bin"),
        ({"images": [["a.png"]], "question": ["?"], "answers": [["a"]]}, "has the type list<.*string>", "list<binary>"),
        ({"images": [[{"path": "a"}]], "question": ["?"], "answers": [["a"]]}, "has the type list<.*struct", "bytes"),
    ],
)
def test_columns_of_another_form_are_told_with_those_expected(
    tmp_path: Path, table: dict[str, Any], found: str, expected: str
) -> None:
    pq.write_table(pa.table(table), tmp_path / "data.parquet")

    with pytest.raises(TaskError, match=found) as caught:
        opened(tmp_path / "data.parquet")

    assert expected in caught.value.expected


def test_a_file_without_rows_opens(tmp_path: Path) -> None:
    path = write(tmp_path / "data.parquet", [row(0)])
    pq.write_table(pq.read_table(path).slice(0, 0), path)

    assert len(opened(path)) == 0


def test_one_huge_row_group_is_read_in_little_memory(tmp_path: Path) -> None:
    # 80 MB in one row group; pyarrow's own defaults take them all, and copies, before the first row
    noise = [os.urandom(10_000) for _ in range(8000)]
    path = write(
        tmp_path / "data.parquet", [row(n, images=[data]) for n, data in enumerate(noise)], row_group_size=10**6
    )
    script = (
        "import sys; from pathlib import Path; from evals.files.parquet_rows import ParquetRows\n"
        "def peak(): return int(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]) / 1024\n"
        "read = ParquetRows(Path(sys.argv[1]), text_columns={'question': 'string'}, image_columns=['image_bytes'])\n"
        "opened = peak(); last = read.images(len(read) - 1); print(opened, peak(), len(last[0]), read.store.rows)"
    )

    said = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )

    opened_mb, peak_mb, size, stored = map(float, said.stdout.split())
    assert pq.ParquetFile(path).metadata.num_row_groups == 1
    assert (size, stored) == (10_000, 8000)
    assert peak_mb - opened_mb < 90  # some pages of 1,024 images each: 54 measured, and 124 with pyarrow's defaults


def test_a_file_that_changed_under_its_name_gets_a_store_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path / "data.parquet", [row(number) for number in range(3)])
    before = opened(path).images(1)

    write(path, [row(number + 100) for number in range(3)])

    assert before == (picture(1),)
    assert opened(path).images(1) == (picture(101),)


def stream_of(count: int) -> Any:
    def stream(start: int, stop: int) -> Iterator[list[bytes | None]]:
        for number in range(start, min(stop, count)):
            yield [picture(number)] * (1 + number % 2)

    return stream


def test_a_store_goes_on_where_another_stopped_and_reads_each_row_once(tmp_path: Path) -> None:
    asked: list[tuple[int, int]] = []

    def stream(start: int, stop: int) -> Iterator[list[bytes | None]]:
        asked.append((start, stop))
        return stream_of(100)(start, stop)  # type: ignore[no-any-return]

    first, second = (ImageStore(tmp_path / "store", label="data") for _ in range(2))
    first.extend(10, stream, need_bytes=0)
    second.extend(10, stream, need_bytes=0)
    second.extend(30, stream, need_bytes=0)
    first.extend(20, stream, need_bytes=0)

    assert asked == [(0, 10), (10, 30)]
    assert [first.read(image) for image in first[29]] == [picture(29)] * 2


@pytest.mark.parametrize("cut", [1, 31, 32, 33, 63, 64, 95])
def test_what_a_kill_left_half_written_is_written_again(tmp_path: Path, cut: int) -> None:
    store = ImageStore(tmp_path / "store", label="data")
    store.extend(20, stream_of(20), need_bytes=0)
    index = tmp_path / "store" / "index.bin"
    index.write_bytes(index.read_bytes()[:-cut])
    with (tmp_path / "store" / "images.bin").open("ab") as images:
        images.write(b"bytes whose record never came")

    again = ImageStore(tmp_path / "store", label="data")
    left = again.rows
    again.extend(20, stream_of(20), need_bytes=0)

    assert 17 <= left < 20
    assert index.stat().st_size % RECORD.itemsize == 0
    assert [[again.read(image) for image in again[n]] for n in range(20)] == [
        [picture(n)] * (1 + n % 2) for n in range(20)
    ]


def test_a_store_survives_a_kill_in_the_middle(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from evals.files import image_store\n"
        "from tests.test_evals_parquet_rows import stream_of\n"
        "image_store.FLUSH_BYTES = 500\n"
        "def stream(start, stop):\n"
        "    for number, images in enumerate(stream_of(100)(start, stop), start):\n"
        "        if number == 60: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        yield images\n"
        "image_store.ImageStore(Path(sys.argv[1]), label='data').extend(100, stream, need_bytes=0)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "store")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )

    store = ImageStore(tmp_path / "store", label="data")
    left = store.rows
    store.extend(100, stream_of(100), need_bytes=0)

    assert killed.returncode == -9
    assert 30 < left <= 60
    assert [store.read(store[n][0]) for n in range(100)] == [picture(n) for n in range(100)]


def fill(folder: str) -> int:
    store = ImageStore(Path(folder), label="data")
    store.extend(200, stream_of(200), need_bytes=0)
    return sum(store.read(store[n][0]) == picture(n) for n in range(200))


def test_processes_that_fill_one_store_at_once_take_turns(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        right = pool.map(fill, [str(tmp_path / "store")] * 3)

    assert right == [200, 200, 200]
    size = sum(len(picture(n)) for n in range(200))
    assert (tmp_path / "store" / "images.bin").stat().st_size == size


def test_a_damaged_store_is_told_with_what_to_remove(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "store", label="data.parquet")
    store.extend(5, stream_of(5), need_bytes=0)
    images = tmp_path / "store" / "images.bin"
    images.write_bytes(bytes(images.stat().st_size))

    with pytest.raises(TaskError, match=r"data.parquet .*remove .*store"):
        store.read(store[2][0])


def test_a_store_that_was_removed_is_told(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "store", label="data.parquet")
    store.extend(5, stream_of(5), need_bytes=0)
    (tmp_path / "store" / "images.bin").unlink()

    with pytest.raises(TaskError, match="remove"):
        store.read(store[2][0])


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "store", label="data.parquet")

    with pytest.raises(TaskError, match=r"GB are free .* GB for the images of data.parquet.*XDG_CACHE_HOME"):
        store.extend(5, stream_of(5), need_bytes=10**18)

    assert not (tmp_path / "store" / "images.bin").exists()


def test_a_disk_that_fills_up_is_told_and_what_was_stored_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    store = ImageStore(tmp_path / "store", label="data.parquet")
    store.extend(5, stream_of(20), need_bytes=0)
    with monkeypatch.context() as patched:
        patched.setattr("evals.files.image_store.os.fsync", full)
        with pytest.raises(TaskError, match=r"No space left on device.*goes on where it stopped"):
            store.extend(20, stream_of(20), need_bytes=0)

    again = ImageStore(tmp_path / "store", label="data.parquet")
    assert again.rows == 5
    again.extend(20, stream_of(20), need_bytes=0)
    assert again.read(again[19][0]) == picture(19)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the folder should be")
    store = ImageStore(tmp_path / "store" / "inside", label="data.parquet")

    with pytest.raises(TaskError, match="XDG_CACHE_HOME"):
        store.extend(5, stream_of(5), need_bytes=0)


def test_a_row_beyond_the_store_is_an_index_error(tmp_path: Path) -> None:
    store = ImageStore(tmp_path / "store", label="data")

    with pytest.raises(IndexError, match="row 3"):
        store[3]


def test_stores_lie_in_the_xdg_cache_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "rftui" / "images"

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "rftui" / "images"
