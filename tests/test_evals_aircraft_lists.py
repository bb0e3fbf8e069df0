"""FGVC-Aircraft's lists: what does not fit together is named with its file and line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from evals.errors import TaskError
from evals.generated.aircraft_fleet import fleet, labels
from evals.generated.aircraft_layout import BANNER_PIXELS
from evals.tasks.aircraft import Aircraft
from tests.written_aircraft import VARIANT_TEST, everything, written_data


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_data(tmp_path_factory.mktemp("written"))


@pytest.fixture
def data(unchanged: Path, tmp_path: Path) -> Path:
    """A copy of the data folder, for changing."""
    return Path(shutil.copytree(unchanged, tmp_path / "data"))


def change(file: Path, line: int, to: str | None) -> None:
    """Replaces a line, or takes it out."""
    lines = file.read_text().splitlines()
    lines[line - 1 : line] = [] if to is None else [to]
    file.write_text("".join(f"{text}\n" for text in lines))


def found_in(data: Path, **options: Any) -> str:
    """What the error says that reading everything raises."""
    with pytest.raises(TaskError) as caught:
        everything(data, **options)
    assert caught.value.expected
    return caught.value.found


@pytest.mark.parametrize(
    ("file", "line", "to", "found"),
    [
        (VARIANT_TEST, 3, "1234567", f"{VARIANT_TEST} line 3 is '1234567'"),
        (VARIANT_TEST, 3, "../../passwd Kalo 10", f"{VARIANT_TEST} line 3 is '../../passwd Kalo 10'"),
        (VARIANT_TEST, 3, "1234567 Kalo 11", f"{VARIANT_TEST} line 3 has the label 'Kalo 11'"),
        ("images_family_val.txt", 1, "1234567 Kalo 10", "images_family_val.txt line 1 has the label 'Kalo 10'"),
        ("variants.txt", 2, "Kalo 10", "variants.txt line 2 repeats 'Kalo 10' of line 1"),
        ("variants.txt", 5, None, "has the label 'Miru 10A/B', which variants.txt does not have"),
        ("images_family_test.txt", 4, None, f"{VARIANT_TEST} line 4 lists image"),
        ("images_variant_trainval.txt", 20, None, "which images_variant_trainval.txt does not"),
    ],
)
def test_lists_that_do_not_fit_together_are_named_with_the_line(
    data: Path, file: str, line: int, to: str | None, found: str
) -> None:
    change(data / file, line, to)

    assert found in found_in(data)


def test_an_image_in_two_splits_is_named_with_both_lines(data: Path) -> None:
    first = (data / "images_variant_train.txt").read_text().splitlines()[6]
    change(data / VARIANT_TEST, 2, first)

    said = found_in(data)

    assert said.startswith(f"{VARIANT_TEST} line 2 lists image {first.split()[0]}")
    assert "images_variant_train.txt line 7" in said


def test_an_image_listed_twice_is_named(data: Path) -> None:
    change(data / VARIANT_TEST, 2, (data / VARIANT_TEST).read_text().splitlines()[0])

    assert f"{VARIANT_TEST} line 2 repeats image" in found_in(data)


def test_a_variant_of_two_families_is_named(data: Path) -> None:
    image, _ = (data / "images_family_test.txt").read_text().splitlines()[0].split(" ", 1)
    change(data / "images_family_test.txt", 1, f"{image} Lomi")

    said = found_in(data)

    assert f"{VARIANT_TEST} line 1: variant 'Kalo 10' is of family 'Lomi', and of 'Kalo'" in said


def test_a_missing_image_is_named_with_the_line_that_lists_it(data: Path) -> None:
    rows = [line.split(" ")[0] for line in (data / VARIANT_TEST).read_text().splitlines()]
    for row in rows[3:5]:
        (data / "images" / f"{row}.jpg").unlink()

    said = found_in(data)

    assert f"images/{rows[3]}.jpg, which {VARIANT_TEST} lists in line 4, is not there" in said
    assert "1 more" in said


def test_a_line_that_is_no_utf8_is_named(data: Path) -> None:
    content = (data / "variants.txt").read_bytes().split(b"\n")
    (data / "variants.txt").write_bytes(b"\n".join([content[0], b"Kalo \xff", *content[2:]]))

    assert "variants.txt line 2 is not UTF-8" in found_in(data)


@pytest.mark.parametrize("file", ["variants.txt", "images_variant_train.txt"])
def test_a_missing_list_is_named(data: Path, file: str) -> None:
    (data / file).unlink()

    assert f"{file} is not there" in found_in(data)


@pytest.mark.parametrize("file", ["images_variant_trainval.txt", "images_variant_val.txt"])
def test_lists_of_splits_that_nobody_asks_for_may_be_missing(data: Path, file: str) -> None:
    (data / file).unlink()
    task = Aircraft()

    assert task.examples("train", seed=0, difficulty=0, source=task.source(str(data))).length == 10


def test_windows_line_ends_and_a_mark_at_the_start_are_no_part_of_a_label(data: Path) -> None:
    for path in data.glob("*.txt"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))

    assert {example.gold for example in everything(data)["train"]} == set(labels(fleet(5), "variant"))


def test_classes_that_spelling_cannot_tell_apart_are_refused(data: Path) -> None:
    for path in data.glob("*variant*"):
        path.write_text(path.read_text().replace("Kalo 20", "Kalo-10"))

    assert "cannot be told from class 'Kalo 10'" in found_in(data)


def test_an_image_that_cannot_be_decoded_fails_where_it_is_drawn_and_not_before(data: Path) -> None:
    for path in (data / "images").iterdir():
        path.write_bytes(b"no image")

    example = everything(data)["train"][0]

    with pytest.raises(OSError, match="cannot identify"):
        _ = example.images


def test_an_image_that_is_all_banner_is_refused(data: Path) -> None:
    for path in (data / "images").iterdir():
        Image.new("RGB", (64, BANNER_PIXELS)).save(path)

    with pytest.raises(OSError, match="20 pixels high"):
        _ = everything(data)["train"][0].images
