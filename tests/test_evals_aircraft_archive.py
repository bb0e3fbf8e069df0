"""FGVC-Aircraft from a folder or an archive: what is written in its layout is read back."""

from __future__ import annotations

import gzip
import multiprocessing
import os
import shutil
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from evals.errors import TaskError
from evals.files import aircraft_archive
from evals.files.aircraft_archive import TarAircraft, archive_cache, decompressed, open_aircraft
from evals.files.aircraft_lists import read_lists
from evals.generated.aircraft_fleet import LEVELS, fleet, labels
from evals.generated.aircraft_layout import BANNER_PIXELS, RELEASE, write_official_layout
from evals.task import Source
from evals.tasks.aircraft import Aircraft
from tests.real_data import json_lines, real_file
from tests.written_aircraft import LAYOUT, SPLITS, VARIANT_TEST, everything


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the official layout, for reading alone."""
    root = tmp_path_factory.mktemp("written")
    write_official_layout(root, LAYOUT)
    return root


@pytest.fixture
def data(written: Path, tmp_path: Path) -> Path:
    """A copy of the data folder, for changing."""
    return Path(shutil.copytree(written / RELEASE / "data", tmp_path / "data"))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An own cache of decompressed archives."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return archive_cache()


def tar_gz(data: Path, to: Path) -> Path:
    with tarfile.open(to, "w:gz") as archive:
        archive.add(data, f"{RELEASE}/data")
    return to


# what is written is read


@pytest.mark.parametrize("level", LEVELS)
def test_what_is_written_in_the_official_layout_is_read_back(written: Path, level: str) -> None:
    found = everything(written, level=level)

    assert {split: len(examples) for split, examples in found.items()} == dict.fromkeys(SPLITS, 10)
    for examples in found.values():
        expected = Counter(variant.label(level) for variant in fleet(5) for _ in range(2))
        assert Counter(example.gold for example in examples) == expected
    task = Aircraft.configured({"level": level})
    assert task.answer_space(task.source(str(written))) == labels(fleet(5), level)


def test_a_folder_its_parents_a_tar_and_the_archive_give_the_same_examples(written: Path, tmp_path: Path) -> None:
    data = written / RELEASE / "data"
    packed = tar_gz(data, tmp_path / "fgvc-aircraft-2013b.tar.gz")
    plain = tmp_path / "plain.tar"
    plain.write_bytes(gzip.decompress(packed.read_bytes()))

    found = [everything(path) for path in (written, written / RELEASE, data, packed, plain)]

    assert all(other == found[0] for other in found)
    pixels = [[example.images[0].tobytes() for example in each["train"]] for each in found]
    assert all(other == pixels[0] for other in pixels)


def test_the_written_archive_holds_what_the_written_folder_holds(written: Path, tmp_path: Path) -> None:
    archive = tmp_path / "made.tar.gz"

    assert write_official_layout(archive, LAYOUT) == 30

    assert everything(archive) == everything(written)


def test_the_banner_is_cut_off(written: Path) -> None:
    example = everything(written)["train"][0]
    number = example.uid.split("/")[2]

    whole = Image.open(written / RELEASE / "data" / "images" / f"{number}.jpg")

    assert (whole.size, example.images[0].size) == ((64, 64 + BANNER_PIXELS), (64, 64))
    assert example.images[0].tobytes() == whole.crop((0, 0, 64, 64)).tobytes()


def test_the_layout_has_the_official_files_and_traps(written: Path) -> None:
    data = written / RELEASE / "data"

    names = {path.name for path in data.iterdir()}

    lists = {f"images_{part}.txt" for part in ("train", "val", "trainval", "test", "box")}
    lists |= {f"images_{level}_{part}.txt" for level in LEVELS for part in ("train", "val", "trainval", "test")}
    assert names == {"GENERATED.json", "images", "variants.txt", "families.txt", "manufacturers.txt", *lists}
    golds = [line.split(" ", 1)[1] for line in (data / VARIANT_TEST).read_text().splitlines()]
    # label by label, so that whoever takes the first n takes the first classes alone
    assert golds == [variant.name for variant in fleet(5) for _ in range(2)]
    assert any(" " in gold for gold in golds)
    assert len((data / "images_box.txt").read_text().splitlines()) == 30
    assert all(len(path.stem) == 7 and path.stem.isdecimal() for path in (data / "images").iterdir())


def test_no_picture_written_is_in_two_splits(written: Path) -> None:
    scenes = Counter(example.scene for examples in everything(written).values() for example in examples)

    assert set(scenes.values()) == {1}


def test_nothing_that_is_there_is_written_over(written: Path, tmp_path: Path) -> None:
    file = tmp_path / "there.tar.gz"
    file.write_bytes(b"mine")

    for path in (written, file):
        with pytest.raises(TaskError, match="is there already"):
            write_official_layout(path, LAYOUT)

    assert file.read_bytes() == b"mine"


@pytest.mark.parametrize("change", [{"images_a_split": 0}, {"images_a_split": 10**6}, {"variants": 1}])
def test_a_layout_of_no_or_too_many_images_is_refused(tmp_path: Path, change: dict[str, int]) -> None:
    with pytest.raises(TaskError):
        write_official_layout(tmp_path / "new", LAYOUT._replace(**change))

    assert not (tmp_path / "new").exists()


# the task on it


def test_the_seed_chooses_the_order_and_not_the_images(written: Path) -> None:
    task = Aircraft()
    source = task.source(str(written))
    orders = []
    for seed in (0, 0, 1):
        examples = task.examples("heldout", seed=seed, difficulty=0.5, source=source)
        orders.append([examples[index].uid for index in range(10)])

    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2])
    golds = [example.gold for example in everything(written)["heldout"]]
    assert golds != sorted(golds)


def test_trainval_trains_on_the_validation_images_and_says_so(written: Path) -> None:
    task = Aircraft.configured({"train": "trainval"})
    source = task.source(str(written))

    found = everything(written, train="trainval")

    assert (len(found["train"]), len(found["heldout"])) == (20, 10)
    assert {example.scene for example in found["validation"]} < {example.scene for example in found["train"]}
    assert "trains on the validation images too" in source.detail
    uids = [example.uid for examples in found.values() for example in examples]
    assert len(set(uids)) == len(uids)


def test_uids_and_source_tell_no_place_on_this_machine(written: Path) -> None:
    source = Aircraft().source(str(written))

    assert source.kind == "generated"
    assert str(written.parent) not in source.detail
    assert not [e for examples in everything(written).values() for e in examples if str(written) in e.uid + e.scene]


def test_another_archive_with_the_same_numbers_has_other_uids(data: Path) -> None:
    before = everything(data)["heldout"]
    for path in (data / "images").iterdir():
        Image.new("RGB", (64, 84), (int(path.stem) % 256, 0, 0)).save(path)

    after = everything(data)["heldout"]

    assert not {example.uid for example in before} & {example.uid for example in after}


def test_kinds_are_families_or_the_label_where_no_list_says_them(data: Path) -> None:
    assert {example.kind for example in everything(data)["train"]} == set(labels(fleet(5), "family"))
    for path in [*data.glob("images_family_*"), *data.glob("images_manufacturer_*")]:
        path.unlink()

    assert {example.kind for example in everything(data)["train"]} == set(labels(fleet(5), "variant"))


def test_options_are_shown_where_asked_for_alike_for_every_seed(written: Path) -> None:
    task = Aircraft.configured({"options_shown": 3})
    source = task.source(str(written))

    shown = []
    for seed in (0, 1):
        examples = task.examples("heldout", seed=seed, difficulty=0.5, source=source)
        shown.append({e.uid: e.options for e in (examples[index] for index in range(10))})

    assert shown[0] == shown[1]
    assert all(len(set(options)) == 3 for options in shown[0].values())


def test_the_manufacturers_of_the_data_may_stand_before_a_label(written: Path) -> None:
    task, example = Aircraft(), everything(written)["train"][0]
    maker = next(variant.manufacturer for variant in fleet(5) if variant.name == example.gold)

    assert task.grade(f"{maker} {example.gold}", example) is True
    assert task.grade(f"Boeing {example.gold}", example) is False


def test_aliases_are_found_beside_the_data(data: Path) -> None:
    (data / "names.json").write_text('{"Kalo 10": ["Little Kalo"]}')

    example = next(e for e in everything(data, aliases="names.json")["train"] if e.gold == "Kalo 10")

    assert Aircraft().grade("little kalo", example) is True
    with pytest.raises(TaskError, match="which the data does not have"):
        everything(data, aliases="names.json", level="family")


# places


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda path: None, "is not there"),
        (lambda path: path.mkdir(), "holds none of FGVC-Aircraft's lists"),
        (lambda path: path.write_bytes(b"no archive"), "cannot be read as an archive"),
        (lambda path: path.write_bytes(b""), "cannot be read as an archive"),
        (lambda path: path.write_bytes(gzip.compress(b"no tar")), "cannot be read as an archive"),
        (lambda path: path.write_bytes(gzip.compress(os.urandom(5000))[:-20]), "is damaged or cut off"),
        (lambda path: tarfile.open(path, "w").close(), "holds none of FGVC-Aircraft's lists"),
    ],
)
def test_a_place_without_the_data_is_refused(tmp_path: Path, make: Callable[[Path], object], found: str) -> None:
    path = tmp_path / "place"
    make(path)

    with pytest.raises(TaskError) as caught:
        open_aircraft(path)

    assert found in caught.value.found


def test_a_damaged_archive_leaves_nothing_in_the_cache(written: Path, tmp_path: Path, cache: Path) -> None:
    packed = tar_gz(written / RELEASE / "data", tmp_path / "a.tar.gz")
    packed.write_bytes(packed.read_bytes()[:-200])

    with pytest.raises(TaskError, match="damaged or cut off"):
        decompressed(packed)

    assert not [path for path in cache.iterdir() if path.suffix != ".lock"]


def test_an_archive_is_decompressed_once_and_found_again_under_another_name(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tar_gz(written / RELEASE / "data", tmp_path / "a.tar.gz")
    first = everything(packed)
    moved = packed.rename(tmp_path / "b.tar.gz")
    monkeypatch.setattr(aircraft_archive, "_decompress", lambda *_: pytest.fail("decompressed again"))

    assert everything(moved) == first


def test_processes_that_ask_at_once_share_one_decompression(written: Path, tmp_path: Path, cache: Path) -> None:
    packed = tar_gz(written / RELEASE / "data", tmp_path / "a.tar.gz")

    with multiprocessing.get_context("spawn").Pool(3) as pool:
        kept = set(pool.map(decompressed, [packed] * 3))

    assert len(kept) == 1
    assert sorted(path.suffix for path in cache.iterdir()) == [".lock", ".tar"]
    assert len(TarAircraft(kept.pop()).read(next(iter(read_images(written))))) > 500


def read_images(written: Path) -> list[str]:
    return [path.stem for path in (written / RELEASE / "data" / "images").iterdir()]


def test_an_archive_for_which_there_is_no_room_says_what_to_do(
    written: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = tar_gz(written / RELEASE / "data", tmp_path / "a.tar.gz")
    monkeypatch.setattr(aircraft_archive, "SPARE_BYTES", 2**60)

    with pytest.raises(TaskError) as caught:
        open_aircraft(packed)

    assert "XDG_CACHE_HOME" in caught.value.fix


def test_a_cache_that_cannot_be_written_says_what_to_do(written: Path, tmp_path: Path, cache: Path) -> None:
    packed = tar_gz(written / RELEASE / "data", tmp_path / "a.tar.gz")
    cache.parent.parent.mkdir()
    cache.parent.write_text("a file where a folder should be")

    with pytest.raises(TaskError) as caught:
        open_aircraft(packed)

    assert f"cannot be decompressed to {cache}" in caught.value.found
    assert "XDG_CACHE_HOME" in caught.value.fix


# the published lists


def test_the_published_test_list_is_read_with_labels_that_have_spaces_and_slashes() -> None:
    folder = real_file("fgvc_aircraft_lists/data/variants.txt").parent

    lists = read_lists(open_aircraft(folder.parent), "variant")

    predictions = json_lines("fgvc_aircraft_lists/clip_predictions.jsonl")
    golds = {f"{row.image}.jpg": row.label for row in lists.rows["test"]}
    assert len(lists.labels) == 100
    assert golds == {row["image"]: row["label_name"] for row in predictions}
    assert {"F-16A/B", "F/A-18", "Hawk T1", "Embraer Legacy 600"} <= set(golds.values())


def test_the_published_list_without_its_images_names_the_first_missing_one() -> None:
    folder = real_file("fgvc_aircraft_lists/data/variants.txt").parent
    task = Aircraft()

    with pytest.raises(TaskError, match=r"images/1514522.jpg, which images_variant_test.txt lists in line 1"):
        task.examples("heldout", seed=0, difficulty=0, source=task.source(str(folder)))


def test_a_source_of_another_machine_is_refused_like_any_missing_place() -> None:
    with pytest.raises(TaskError, match="is not there"):
        Aircraft().examples("train", seed=0, difficulty=0, source=Source("real", "/nowhere/aircraft", ""))
