"""Folders of images as classification sets: what counts as class, split and image."""

from __future__ import annotations

import json
import os
import tarfile
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest

from evals.errors import TaskError
from evals.files.image_files import ZipFiles, list_images
from evals.files.image_folder import LabelledImages, read_image_folder
from evals.files.splits import NO_SPLIT, SPLIT_CODES, Shares, judge_splits, split_by_hash, split_named
from tests.picture_files import class_folder, make_folder, numbered, picture
from tests.real_data import real_file


def labelled(images: LabelledImages) -> dict[str, str]:
    """Class by path."""
    return {
        images.files.name(index): images.classes[place].name
        for index, place in enumerate(images.class_of)
        if place >= 0
    }


def test_a_folder_a_class_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    make_folder(tmp_path, {"dog/2.png": b"", "dog/1.JPG": b"", "hot_dog/a.webp": b"", "cat/x.png": b""})

    images = read_image_folder(tmp_path)

    assert labelled(images) == {"cat/x.png": "cat", "dog/1.JPG": "dog", "dog/2.png": "dog", "hot_dog/a.webp": "hot dog"}
    assert list(images.split_of) == [NO_SPLIT] * 4


def test_folders_named_like_splits_are_splits(tmp_path: Path) -> None:
    make_folder(tmp_path, {f"{split}/{name}/1.png": b"" for split in ("train", "val", "Test") for name in ("a", "b")})

    images = read_image_folder(tmp_path)

    assert [image_class.name for image_class in images.classes] == ["a", "b"]
    assert images.split_counts == {"train": 2, "validation": 2, "heldout": 2}


def test_a_class_named_test_among_others_is_a_class(tmp_path: Path) -> None:
    make_folder(tmp_path, {"test/1.png": b"", "exam/1.png": b""})

    assert labelled(read_image_folder(tmp_path)) == {"test/1.png": "test", "exam/1.png": "exam"}


def test_folders_that_only_wrap_are_passed_over(tmp_path: Path) -> None:
    make_folder(tmp_path, {"data/images/train/a/1.png": b"", "data/images/test/b/1.png": b""})

    images = read_image_folder(tmp_path)

    assert set(labelled(images).values()) == {"a", "b"}
    assert images.split_counts == {"train": 1, "heldout": 1}


def test_nested_class_folders_take_their_path_where_names_repeat(tmp_path: Path) -> None:
    make_folder(tmp_path, {f"{alphabet}/character_01/1.png": b"" for alphabet in ("Greek", "Latin")})

    images = read_image_folder(tmp_path)

    assert [(one.name, one.group) for one in images.classes] == [
        ("Greek/character 01", "Greek"),
        ("Latin/character 01", "Latin"),
    ]


@pytest.mark.parametrize(
    ("class_from", "names"),
    [("auto", ["ant", "bee", "cat"]), ("path", ["bugs/ant", "bugs/bee", "pets/cat"]), ("top", ["bugs", "pets"])],
)
def test_which_folders_make_the_class_can_be_said(tmp_path: Path, class_from: str, names: list[str]) -> None:
    make_folder(tmp_path, {"bugs/ant/1.png": b"", "bugs/bee/1.png": b"", "pets/cat/1.png": b""})

    assert [one.name for one in read_image_folder(tmp_path, class_from=class_from).classes] == names


def test_hidden_and_other_files_are_no_images(tmp_path: Path) -> None:
    make_folder(
        tmp_path,
        {
            "a/1.png": b"",
            "a/.DS_Store": b"",
            "a/._1.png": b"",
            "__MACOSX/a/1.png": b"",
            "b/1.heic": b"",
            "b/2.png": b"",
        },
    )

    images = read_image_folder(tmp_path)

    assert set(labelled(images)) == {"a/1.png", "b/2.png"}
    assert images.files.ignored == {".heic": 1}


def test_images_outside_of_class_folders_have_no_class(tmp_path: Path) -> None:
    make_folder(tmp_path, {"logo.png": b"", "a/1.png": b"", "b/1.png": b""})

    images = read_image_folder(tmp_path)

    assert images.unlabelled == 1
    assert "logo.png" not in labelled(images)


def test_a_folder_that_cannot_be_listed_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder(tmp_path, {"a/1.png": b"", "b/1.png": b"", "locked/1.png": b""})
    scandir = os.scandir

    def refuse(path: str) -> Any:
        if path.endswith(refused):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    # permissions stop no superuser, who may be running this
    monkeypatch.setattr("evals.files.image_files.os.scandir", refuse)
    refused = "locked"
    images = read_image_folder(tmp_path)
    refused = f"{tmp_path.name}/"

    assert set(labelled(images)) == {"a/1.png", "b/1.png"}
    assert images.files.ignored == {"folders that cannot be listed": 1}
    with pytest.raises(TaskError, match="cannot be listed"):
        read_image_folder(tmp_path)


def test_a_link_in_a_circle_ends(tmp_path: Path) -> None:
    make_folder(tmp_path / "data", {"a/1.png": b"", "b/1.png": b""})
    make_folder(tmp_path / "elsewhere", {"1.png": b""})
    os.symlink(tmp_path / "data", tmp_path / "data" / "a" / "again")
    os.symlink(tmp_path / "elsewhere", tmp_path / "data" / "c")

    assert set(labelled(read_image_folder(tmp_path / "data"))) == {"a/1.png", "b/1.png", "c/1.png"}


def test_a_file_of_labels_names_classes(tmp_path: Path) -> None:
    make_folder(tmp_path, {"flags/ad/1.png": b"", "things/ad/1.png": b"", "things/tv/1.png": b""})
    rows = [
        {"key": "ad", "family": "flags", "name": "Andorra"},
        {"key": "ad", "family": "things", "name": "Advert"},
        {"key": "tv", "family": "things", "name": "Television", "aliases": ["TV", "telly"]},
    ]
    (tmp_path / "labels.jsonl").write_text("\n".join(map(json.dumps, rows)))

    images = read_image_folder(tmp_path)

    assert labelled(images) == {
        "flags/ad/1.png": "Andorra",
        "things/ad/1.png": "Advert",
        "things/tv/1.png": "Television",
    }
    assert [one.aliases for one in images.classes] == [(), (), ("TV", "telly")]


def test_a_file_of_labels_gives_each_image_its_class_and_split(tmp_path: Path) -> None:
    make_folder(tmp_path, {"1.png": b"", "2.png": b"", "3.png": b"", "more/4.png": b""})
    (tmp_path / "metadata.csv").write_text(
        "file_name,label,split\n1.png,cat,train\n2.png,dog,test\n./more/4.png,cat,train\n"
    )

    images = read_image_folder(tmp_path)

    assert labelled(images) == {"1.png": "cat", "2.png": "dog", "more/4.png": "cat"}
    assert images.split_counts == {"train": 2, "heldout": 1}
    assert images.unlabelled == 1


def test_labels_may_lie_in_the_folders_of_splits(tmp_path: Path) -> None:
    make_folder(tmp_path, {"train/1.png": b"", "train/2.png": b"", "test/1.png": b""})
    (tmp_path / "train" / "metadata.csv").write_text("file_name,label\n1.png,cat\n2.png,dog\n")
    (tmp_path / "test" / "metadata.jsonl").write_text('{"file_name": "1.png", "label": "dog"}')

    images = read_image_folder(tmp_path)

    assert labelled(images) == {"train/1.png": "cat", "train/2.png": "dog", "test/1.png": "dog"}
    assert images.split_counts == {"train": 2, "heldout": 1}


def test_captions_beside_class_folders_change_nothing(tmp_path: Path) -> None:
    make_folder(tmp_path, {"a/1.png": b"", "b/1.png": b""})
    (tmp_path / "metadata.csv").write_text("file_name,text\na/1.png,a photo of something\n")

    assert labelled(read_image_folder(tmp_path)) == {"a/1.png": "a", "b/1.png": "b"}


def test_a_file_of_labels_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    make_folder(tmp_path, {"a/1.png": b"", "b/1.png": b""})
    (tmp_path / "labels.csv").write_text("colour,size\nred,3\n")

    with pytest.raises(TaskError, match=r"labels.csv has the columns colour, size"):
        read_image_folder(tmp_path)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"a/1.heic": b""}, r"no images in .*1 \.heic"),
        ({"a/1.png": b""}, "1 images .* 1 classes: a"),  # one class leaves nothing to tell apart
        ({"1.png": b"", "2.png": b""}, "0 classes: none"),
        ({"Cat/1.png": b"", "cat/1.png": b""}, "Cat and cat read the same"),
        ({"a b/1.png": b"", "a_b/1.png": b""}, "read the same"),
        ({"cat/1.png": b"", "c\u200bat/1.png": b""}, "read the same"),  # a space of no width
    ],
)
def test_folders_that_make_no_task_say_why(tmp_path: Path, files: dict[str, bytes], said: str) -> None:
    make_folder(tmp_path, files)

    with pytest.raises(TaskError, match=said):
        read_image_folder(tmp_path)


def packed(folder: Path, archive: Path) -> Path:
    """The folder as an archive, with names that begin with ./ in a tar as `tar cf x.tar .` writes them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packing:
            for number, file in enumerate(files):
                packing.write(file, file.relative_to(folder), zipfile.ZIP_STORED if number % 2 else None)
    else:
        with tarfile.open(archive, "w") as packing_tar:
            for file in files:
                packing_tar.add(file, f"./{file.relative_to(folder)}")
    return archive


@pytest.mark.parametrize("suffix", [".zip", ".tar"])
def test_an_archive_reads_like_its_folder(tmp_path: Path, suffix: str) -> None:
    folder = class_folder(tmp_path / "data", {"a": 3, "b": 2})
    from_folder = read_image_folder(folder)

    from_archive = read_image_folder(packed(folder, tmp_path / f"data{suffix}"))

    assert labelled(from_archive) == labelled(from_folder)
    for index in range(5):
        assert from_archive.files.read(index) == from_folder.files.read(index)
        assert from_archive.files.fingerprint(index) == from_folder.files.fingerprint(index)


def test_a_zip_that_unpacks_without_end_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evals.files.image_files.MAX_FILE_BYTES", 1000)
    folder = make_folder(tmp_path / "data", {"a/1.png": bytes(100_000), "b/1.png": b"x"})

    files = ZipFiles(packed(folder, tmp_path / "data.zip"))

    with pytest.raises(OSError, match="longer than"):
        files.read(0)
    assert files.read(1) == b"x"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.zip", b"no zip", "cannot be read as an archive"),
        ("x.tar", b"no tar" * 1000, "cannot be read as an archive"),
        ("x.tar.gz", b"", "compressed archive"),
        ("x.csv", b"", "for a table use --task jsonl"),
    ],
)
def test_files_that_are_no_folder_say_what_to_do(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(TaskError, match=said):
        list_images(tmp_path / name)


def test_a_pipe_with_the_name_of_an_image_blocks_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "a" / "1.png")

    files = list_images(tmp_path)

    with pytest.raises(OSError, match="not a regular"):
        files.read(0)
    with pytest.raises(OSError, match="not a regular"):
        files.fingerprint(0)


def test_fingerprints_tell_contents_apart_and_equal_ones_not(tmp_path: Path) -> None:
    long = bytes(range(256)) * 200
    other = bytearray(long)
    other[len(other) // 2 + 5] ^= 1
    make_folder(tmp_path, {"a/1.png": long, "a/2.png": long, "a/3.png": bytes(other), "a/4.png": long + b"0"})
    make_folder(tmp_path, {"b/1.png": picture("red"), "b/2.png": picture("blue")})

    files = list_images(tmp_path)
    prints = [files.fingerprint(index) for index in range(6)]

    assert prints[0] == prints[1]
    assert len(set(prints)) == 5


def test_a_split_by_hash_has_the_sizes_asked_for() -> None:
    splits = [split_by_hash(number.to_bytes(4, "big"), Shares(0.1, 0.2)) for number in range(20_000)]

    # 4 standard deviations of a share of 20,000
    assert splits.count("heldout") / 20_000 == pytest.approx(0.2, abs=0.012)
    assert splits.count("validation") / 20_000 == pytest.approx(0.1, abs=0.009)


def test_a_split_by_hash_is_the_same_on_every_machine() -> None:
    assert [split_by_hash(bytes([number]), Shares()) for number in range(6)] == [
        "train",
        "train",
        "train",
        "heldout",
        "train",
        "heldout",
    ]


@pytest.mark.parametrize(
    ("counts", "are_used", "renamed"),
    [
        ({"train": 5, "validation": 2, "heldout": 2}, True, {}),
        ({"train": 5, "heldout": 2}, True, {}),
        ({"train": 5, "validation": 2}, True, {"validation": "heldout"}),  # something must be held out
        ({"train": 5}, False, {}),
        ({"validation": 5}, False, {}),  # nlvr's dev part: nothing to train on
        ({"validation": 5, "heldout": 5}, False, {}),
        ({}, False, {}),
    ],
)
def test_named_splits_are_used_where_they_leave_both_sides(
    counts: dict[str, int], are_used: bool, renamed: dict[str, str]
) -> None:
    judged = judge_splits(counts)

    assert (judged.are_used, judged.renamed) == (are_used, renamed)


@pytest.mark.parametrize(
    ("text", "split"),
    [("val", "validation"), ("Held-Out", "heldout"), ("TEST", "heldout"), ("training", "train"), ("tests", None)],
)
def test_names_of_splits_are_known(text: str, split: str | None) -> None:
    assert split_named(text) == split


def test_names_that_are_no_utf8_survive(tmp_path: Path) -> None:
    make_folder(tmp_path, {"a/1.png": numbered(1), "b/1.png": numbered(2)})
    os.rename(os.fsencode(tmp_path / "a"), os.fsencode(tmp_path) + b"/caf\xe9")

    files = list_images(tmp_path)

    assert {files.read(0), files.read(1)} == {numbered(1), numbered(2)}


def test_a_listing_keeps_some_tens_of_bytes_a_file(tmp_path: Path) -> None:
    for number in range(10_000):
        if number < 100:
            (tmp_path / f"class_{number}").mkdir()
        (tmp_path / f"class_{number % 100}" / f"image_{number:08}.png").touch()

    tracemalloc.start()
    images = read_image_folder(tmp_path)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(images.files) == 10_000
    assert kept < 60 * 10_000
    assert peak < 100 * 10_000


def test_omniglot_is_read_from_its_zip() -> None:
    images = read_image_folder(real_file("omniglot/images_background_small1.zip"))

    assert len(images.files) == 2720
    assert len(images.classes) == 136
    assert images.classes[0].name == "Balinese/character01"
    assert {one.group for one in images.classes} == {"Balinese", "Early Aramaic", "Greek", "Korean", "Latin"}


def test_emoji_take_the_names_of_their_file_of_labels() -> None:
    images = read_image_folder(real_file("emoji_icons/labels.jsonl").parent)

    assert len(images.classes) == 517
    assert labelled(images)["flags/ad/noto.png"] == "Andorra Flag"
    assert labelled(images)["objects/convenience_store/noto.png"] == "CONVENIENCE STORE"


def test_split_codes_fit_a_byte() -> None:
    assert set(SPLIT_CODES.values()) == {0, 1, 2}
