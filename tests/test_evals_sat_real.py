"""The task `sat` on files in the authors' layouts: small ones made here, and real images where they are at hand."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evals.errors import TaskError
from evals.files import sat_files
from evals.files.pictures import decoded_image
from evals.prompts import THINK
from evals.tasks import load_task
from evals.tasks.sat import RealQuestions, SpatialAptitude
from tests.real_data import json_lines, real_file
from tests.sat_parquet import BINARY, STRUCT, picture, row, write

STRUCT_FILE = "nlvr1/sat_shape_struct.parquet"
BINARY_FILE = "nlvr1/sat_shape_binary.parquet"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def version_1(tmp_path: Path) -> Path:
    """A folder as array/SAT: train of 60 rows, every fourth with two images; static, val and test of 12, 20 and 10."""
    folder = tmp_path / "SAT"
    train = [row(n, images=[picture(n), picture(n + 500)][: 2 if n % 4 == 0 else 1]) for n in range(60)]
    write(folder / "SAT_train.parquet", train)
    write(folder / "SAT_static.parquet", [row(n) for n in range(1000, 1012)])
    write(folder / "SAT_val.parquet", [row(n) for n in range(2000, 2020)], kind=BINARY)
    write(folder / "SAT_test.parquet", [row(n) for n in range(3000, 3010)])
    return folder


@pytest.fixture
def version_2(tmp_path: Path) -> Path:
    """A folder as array/SAT-v2: train in two shards of 5 rows, val of 20, test of 10."""
    folder = tmp_path / "SAT-v2"
    for shard in range(2):
        rows = [row(n) for n in range(5 * shard, 5 * shard + 5)]
        write(folder / f"data/train-0000{shard}-of-00002.parquet", rows, column="images")
    write(folder / "data/val-00000-of-00001.parquet", [row(n) for n in range(2000, 2020)], column="images")
    write(folder / "data/test-00000-of-00001.parquet", [row(n) for n in range(3000, 3010)], column="images")
    return folder


def task(**options: Any) -> SpatialAptitude:
    made = load_task("sat", options)
    assert isinstance(made, SpatialAptitude)
    return made


def questions(place: Path | str, split: str = "train", *, seed: int = 0, **options: Any) -> RealQuestions:
    sat = task(**options)
    found = sat.examples(split, seed=seed, difficulty=0.5, source=sat.source(str(place)))
    assert isinstance(found, RealQuestions)
    return found


def numbers(found: RealQuestions) -> list[int]:
    """Which rows of the fixtures these are, in their order."""
    return [int(found[index].gold.removeprefix("b")) for index in range(found.length)]


@pytest.mark.parametrize(
    ("split", "options", "expected"),
    [
        ("train", {}, range(60)),
        ("train", {"subset": "static"}, range(1000, 1012)),
        ("train", {"subset": "paper15k"}, [n for n in range(60) if n % 4]),
        ("validation", {}, range(2000, 2020)),
        ("heldout", {}, range(2000, 2020)),
        ("heldout", {"heldout": "test"}, range(3000, 3010)),
        ("validation", {"heldout": "test", "subset": "paper15k"}, range(2000, 2020)),
    ],
)
def test_each_split_is_the_part_that_the_options_say(
    version_1: Path, split: str, options: dict[str, Any], expected: Any
) -> None:
    assert sorted(numbers(questions(version_1, split, **options))) == list(expected)


def test_version_2_is_read_over_its_shards(version_2: Path) -> None:
    assert sorted(numbers(questions(version_2))) == list(range(10))
    assert sorted(numbers(questions(version_2, "heldout", heldout="test"))) == list(range(3000, 3010))


def test_the_papers_subset_ends_at_row_15_000(version_1: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evals.tasks.sat.PAPER_ROWS", 10)

    assert sorted(numbers(questions(version_1, subset="paper15k"))) == [1, 2, 3, 5, 6, 7, 9]


def test_the_papers_subset_takes_the_first_rows_over_shards(version_2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evals.tasks.sat.PAPER_ROWS", 7)

    assert sorted(numbers(questions(version_2, subset="paper15k"))) == list(range(7))


@pytest.mark.parametrize("kind", [STRUCT, BINARY])
@pytest.mark.parametrize("column", ["image_bytes", "images"])
def test_an_example_is_the_row_with_its_images(tmp_path: Path, column: str, kind: pa.DataType) -> None:
    two = row(3, images=[picture(3), picture(4)], answers=["left", "right"], correct_answer="left")
    write(tmp_path / "SAT_train.parquet", [two], column=column, kind=kind)

    example = questions(tmp_path)[0]

    assert (example.split, example.index, example.kind) == ("train", 0, "perspective")
    assert (example.question, example.gold) == ("What is in picture 3?", "left")
    assert sorted(example.options) == ["left", "right"]
    assert [image.getpixel((0, 0)) for image in example.images] == [(3, 0, 7), (4, 0, 7)]
    assert task().grade("Left.", example) is True
    assert task().grade("right", example) is False


def test_a_prompt_asks_for_an_options_text(version_1: Path) -> None:
    example = questions(version_1, "heldout")[0]

    text = task().user_text(example, THINK)

    first, second, third = example.options
    assert text.startswith(f"{example.question} Choose between the following options: {first}, {second} or {third}. ")


def test_a_uid_names_file_and_row_and_no_place_on_a_machine(version_1: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "moved"
    there = {example.gold: example.uid for example in map(questions(version_1, "heldout").__getitem__, range(20))}
    version_1.rename(elsewhere)
    here = {example.gold: example.uid for example in map(questions(elsewhere, "heldout").__getitem__, range(20))}

    assert there == here
    assert there["b2003"].startswith("sat/SAT_val/3/")
    assert len(set(there.values())) == 20
    # the files themselves hold paths of their authors' machine
    assert not any(str(tmp_path) in uid or "/home" in uid for uid in here.values())


def test_the_same_row_with_another_question_has_another_uid(tmp_path: Path) -> None:
    write(tmp_path / "a" / "SAT_train.parquet", [row(0)])
    write(tmp_path / "b" / "SAT_train.parquet", [row(0, question="And what is not?")])

    assert questions(tmp_path / "a")[0].uid != questions(tmp_path / "b")[0].uid


def test_order_of_rows_and_options_depends_on_the_seed_alone(version_1: Path) -> None:
    def shown(seed: int) -> list[tuple[str, tuple[str, ...]]]:
        found = questions(version_1, seed=seed)
        return [(found[index].uid, found[index].options) for index in range(found.length)]

    first, again, other = shown(0), shown(0), shown(1)

    assert first == again
    assert [uid for uid, _ in first] != [uid for uid, _ in other]
    assert {uid for uid, _ in first} == {uid for uid, _ in other}
    assert dict(first) != dict(other)
    places = Counter(options.index(f"b{uid.split('/')[2]}") for uid, options in first)
    assert all(places[place] > 8 for place in range(3))  # 60 rows whose file always has the right answer second


def test_a_sorted_file_is_asked_in_mixed_order(version_1: Path) -> None:
    found = questions(version_1)

    assert {found[index].kind for index in range(10)} == {"obj_movement", "perspective"}
    assert numbers(found) != sorted(numbers(found))


def test_scenes_are_equal_exactly_where_images_are(tmp_path: Path) -> None:
    rows = [
        row(0),
        row(1, images=[picture(0)]),
        row(2, images=[picture(0), picture(1)]),
        row(3, images=[picture(1), picture(0)]),
        row(4),
    ]
    write(tmp_path / "SAT_train.parquet", rows)
    found = questions(tmp_path)

    scenes = {example.gold: example.scene for example in map(found.__getitem__, range(5))}

    assert scenes["b0"] == scenes["b1"]
    assert len(set(scenes.values())) == 4


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"correct_answer": "elsewhere"}, "is not among its options"),
        ({"correct_answer": None}, "has no correct answer"),
        ({"answers": ["b1", "x", "X. "]}, "more than once"),
        ({"answers": ["b1", "b1"]}, "more than once"),
        ({"answers": []}, "is not among its options"),
        ({"answers": None}, "is not among its options"),
        ({"answers": [None, "x"]}, "is not among its options"),
    ],
)
def test_a_row_that_nobody_can_be_graded_on_is_told_and_ungradable(
    tmp_path: Path, changed: dict[str, Any], problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / "SAT_train.parquet", [row(0), row(1, **changed), row(2)])

    with caplog.at_level(logging.WARNING):
        found = questions(tmp_path)

    examples = {example.uid.split("/")[2]: example for example in map(found.__getitem__, range(3))}
    assert [task().grade("b1", examples[number]) for number in "012"] == [False, None, False]
    assert problem in caplog.text
    assert "1 of 3 rows of SAT_train.parquet cannot be graded; the first is SAT_train/1" in caplog.text


def test_missing_text_is_empty_and_a_missing_type_is_said(tmp_path: Path) -> None:
    write(tmp_path / "SAT_train.parquet", [row(0, question=None, question_type=None)])

    example = questions(tmp_path)[0]

    assert (example.question, example.kind) == ("", "(none)")


def test_a_corrupt_image_harms_only_its_own_example(tmp_path: Path) -> None:
    cut_off = picture(1, side=300)[:300]
    write(
        tmp_path / "SAT_train.parquet", [row(0), row(1, images=[cut_off]), row(2, images=[b"GIF of nothing"]), row(3)]
    )
    found = questions(tmp_path)
    examples = {example.gold: example for example in map(found.__getitem__, range(4))}

    with pytest.raises((OSError, SyntaxError)):
        _ = examples["b1"].images
    with pytest.raises(TaskError, match="image 1 of SAT_train/2 begins with b'GIF of n'; expected an image file"):
        _ = examples["b2"].images
    assert [examples[whole].images[0].size for whole in ("b0", "b3")] == [(8, 8), (8, 8)]


def test_an_example_without_an_image_is_listed_and_says_so_when_looked_at(tmp_path: Path) -> None:
    write(tmp_path / "SAT_train.parquet", [row(0, images=[]), row(1, images=None)])
    found = questions(tmp_path)

    assert found.length == 2
    for index in range(2):
        with pytest.raises(TaskError, match=r"row \d of SAT_train.parquet has no image"):
            _ = found[index].images


def test_a_file_of_the_users_own_is_cut_by_its_images(tmp_path: Path) -> None:
    # pairs of rows share an image; every tenth row has a second image, of the row before
    rows = [
        row(n, images=[picture(n // 2), *([picture(n // 2 - 1)] if n % 10 == 0 and n else [])], correct_answer=f"b{n}")
        for n in range(400)
    ]
    path = write(tmp_path / "mine.parquet", rows)

    splits = {split: questions(path, split) for split in ("train", "validation", "heldout")}

    found = {split: numbers(part) for split, part in splits.items()}
    images = {split: {p for n in part for p in rows[n]["images"]} for split, part in found.items()}
    assert sorted(n for part in found.values() for n in part) == list(range(400))
    assert not images["train"] & images["heldout"]
    assert not images["train"] & images["validation"]
    assert not images["validation"] & images["heldout"]
    assert len(found["train"]) > 220 and len(found["heldout"]) > 40 and len(found["validation"]) > 15


def test_a_cut_stays_the_same_when_rows_are_added(tmp_path: Path) -> None:
    rows = [row(n) for n in range(100)]
    few, more = write(tmp_path / "few.parquet", rows[:50]), write(tmp_path / "more.parquet", rows)

    held = set(numbers(questions(more, "heldout")))

    assert set(numbers(questions(few, "heldout"))) == {n for n in held if n < 50}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, ["SAT in SAT", "all of train", "held out is val, synthetic", "task_options.heldout=test"]),
        ({"subset": "paper15k"}, ["first 15,000 rows with one image"]),
        ({"subset": "static", "heldout": "test"}, ["trains on static", "the 150 real test images"]),
    ],
)
def test_a_source_says_what_is_trained_on_and_held_out(version_1: Path, options: Any, said: list[str]) -> None:
    source = task(**options).source(str(version_1))

    assert (source.kind, source.name) == ("real", str(version_1))
    assert all(text in source.detail for text in said)


def test_asking_for_the_source_reads_no_file(version_1: Path) -> None:
    for path in version_1.iterdir():
        path.write_bytes(b"")

    assert task().source(str(version_1)).kind == "real"
    assert task().source("hub:array/SAT-v2@main").kind == "real"


def test_a_single_official_file_is_its_part_alone(version_1: Path) -> None:
    test = version_1 / "SAT_test.parquet"

    assert len(numbers(questions(test, "heldout", heldout="test"))) == 10
    with pytest.raises(TaskError, match=r"no val part, only test.*task_options.heldout=test"):
        questions(test, "heldout")
    with pytest.raises(TaskError, match=r"no train part, only test.*name the folder"):
        questions(test, "train")


def test_a_part_that_is_missing_is_told(version_1: Path) -> None:
    (version_1 / "SAT_static.parquet").unlink()

    with pytest.raises(TaskError, match=r"no static part, only train, val, test; expected SAT_static.parquet or data/"):
        questions(version_1, subset="static")


def test_a_missing_shard_is_told(version_2: Path) -> None:
    (version_2 / "data/train-00001-of-00002.parquet").unlink()

    with pytest.raises(TaskError, match=r"1 shards such as train-00000-of-00002.parquet; expected all 2"):
        questions(version_2)


@pytest.mark.parametrize("place", ["nowhere", "empty", "other"])
def test_a_place_without_sat_is_refused_with_what_is_there(tmp_path: Path, place: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "cat.png").write_bytes(b"")

    with pytest.raises(TaskError) as caught:
        task().source(str(tmp_path / place))

    assert {"nowhere": "is not there", "empty": "holds nothing", "other": "holds cat.png"}[place] in caught.value.found
    assert "SAT_train.parquet" in caught.value.expected


@pytest.mark.parametrize("repository", ["", "SAT", "a/b/c", "a b/c", "../x", "array/SAT@"])
def test_a_hub_source_that_names_no_data_set_is_refused(repository: str) -> None:
    with pytest.raises(TaskError, match="hub:OWNER/NAME"):
        task().source(f"hub:{repository}")


class FakeHub(ModuleType):
    """Stands in for huggingface_hub: serves one folder, remembers what was asked."""

    def __init__(self, folder: Path | None) -> None:
        super().__init__("huggingface_hub")
        self.folder = folder
        self.asked: list[dict[str, Any]] = []

    def snapshot_download(self, repo_id: str, **asked: Any) -> str:
        self.asked.append({"repo_id": repo_id, **asked})
        if self.folder is None:
            raise ConnectionError("Name or service not known\nand more")
        return str(self.folder)


@pytest.mark.parametrize(
    ("repository", "name", "revision"), [("array/SAT", "array/SAT", None), ("a/b@v1", "a/b", "v1")]
)
def test_the_hub_is_asked_for_the_files_of_one_part_only(
    version_1: Path, monkeypatch: pytest.MonkeyPatch, repository: str, name: str, revision: str | None
) -> None:
    hub = FakeHub(version_1)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)

    found = questions(f"hub:{repository}", "heldout")

    assert sorted(numbers(found)) == list(range(2000, 2020))
    assert found[0].uid.startswith("sat/SAT_val/")
    assert [(ask["repo_id"], ask["repo_type"], ask["revision"]) for ask in hub.asked] == [(name, "dataset", revision)]
    assert hub.asked[0]["allow_patterns"] == list(sat_files.patterns("val"))


def test_a_hub_that_cannot_be_reached_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", FakeHub(None))

    with pytest.raises(
        TaskError, match=r"array/SAT cannot be fetched from the Hub: Name or service not known; .*--data"
    ):
        questions("hub:array/SAT")


def test_a_data_set_on_the_hub_without_the_part_is_told(version_1: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (version_1 / "SAT_static.parquet").unlink()
    monkeypatch.setitem(sys.modules, "huggingface_hub", FakeHub(version_1))

    with pytest.raises(TaskError, match="hub:array/SAT has no static part"):
        questions("hub:array/SAT", subset="static")


def test_an_interpreter_without_the_hub_library_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)

    with pytest.raises(TaskError, match="pip install huggingface_hub"):
        questions("hub:array/SAT")


def test_the_hub_librarys_own_cache_serves_without_a_network(
    version_1: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    revision = "0" * 40
    cached = tmp_path / "hub" / "datasets--array--SAT"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text(revision)
    (cached / "snapshots").mkdir()
    version_1.rename(cached / "snapshots" / revision)
    real = hub.snapshot_download
    monkeypatch.setattr(
        hub,
        "snapshot_download",
        lambda *args, **named: real(*args, cache_dir=tmp_path / "hub", local_files_only=True, **named),
    )

    assert sorted(numbers(questions("hub:array/SAT", "heldout"))) == list(range(2000, 2020))


@pytest.mark.parametrize("option", ["subset", "heldout"])
def test_an_unknown_value_of_an_option_is_refused(option: str) -> None:
    with pytest.raises(TaskError, match=f"task_options.{option}"):
        task(**{option: "paper"})


def real_examples(name: str) -> dict[int, Any]:
    """Examples of all three splits of a real file, by row."""
    splits = [questions(real_file(name), split) for split in ("train", "validation", "heldout")]
    examples = [part[index] for part in splits for index in range(part.length)]
    return {int(example.uid.split("/")[2]): example for example in examples}


@pytest.mark.parametrize(("name", "count"), [(STRUCT_FILE, 400), (BINARY_FILE, 100)])
def test_real_images_in_sats_shape_are_read(name: str, count: int) -> None:
    examples = real_examples(name)

    rows = pq.read_table(real_file(name), columns=["question", "correct_answer"]).to_pylist()
    assert sorted(examples) == list(range(count))
    assert {image.size for row in range(50) for image in examples[row].images} == {(400, 100)}
    assert all(set(example.options) == {"true", "false"} and example.problem is None for example in examples.values())
    assert [(examples[row].question, examples[row].gold) for row in range(count)] == [
        (one["question"], one["correct_answer"]) for one in rows
    ]


def test_real_images_are_those_that_the_data_sets_own_folder_shows_with_the_sentence() -> None:
    examples = real_examples(STRUCT_FILE)
    files: dict[str, set[str]] = {}
    for record in json_lines("nlvr1/nlvr.jsonl"):
        files.setdefault(record["sentence"], set()).add(record["image"])

    for number in range(0, 400, 20):
        candidates = files[examples[number].question.split("? ", 1)[1]]
        shown = [decoded_image(real_file(f"nlvr1/{file}").read_bytes()).tobytes() for file in sorted(candidates)]

        assert examples[number].images[0].tobytes() in shown
