"""Banners and sentences of the user's own: folders and tables with any two labels, and hostile ones."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image

from evals.errors import TaskError
from evals.files.binary_labels import BinaryLabels
from evals.generated.banner_own_sentences import drawable_text
from evals.task import Example, Source
from evals.tasks import load_task
from tests.real_data import real_file

SPLITS = ("train", "validation", "heldout")


def picture(shade: int) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (40, 20), (shade % 256, shade // 256, 7)).save(content, "PNG")
    return content.getvalue()


def image_folder(root: Path, counts: Mapping[str, int]) -> Path:
    shade = 0
    for label, count in counts.items():
        (root / label).mkdir(parents=True)
        for number in range(count):
            shade += 1
            (root / label / f"{number}.png").write_bytes(picture(shade))
    return root


def image_table(path: Path, labels: list[object], *, column: str = "label") -> Path:
    rows = []
    for number, label in enumerate(labels):
        (path.parent / f"{number}.png").write_bytes(picture(number))
        rows.append({"image": f"{number}.png", column: label})
    if path.suffix == ".csv":
        lines = [f"image,{column}"] + [f"{row['image']},{row[column]}" for row in rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def sentence_table(path: Path, *, count: int = 60, labels: tuple[object, object] = ("positive", "negative")) -> Path:
    rows = [{"text": f"Sentence number {number} of ours", "label": labels[number % 2]} for number in range(count)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def read(option: Path | str, split: str = "train", **options: object) -> tuple[Source, list[Example]]:
    task = load_task("banner", options)
    source = task.source(str(option))
    series = task.examples(split, seed=0, difficulty=0.5, source=source)
    return source, [series[index] for index in range(30 if series.length is None else series.length)]


def refused(option: Path | str, **options: object) -> str:
    with pytest.raises(TaskError) as raised:
        load_task("banner", options).source(str(option))
    return str(raised.value)


# folders and tables of banners


def test_a_folder_of_two_classes_is_asked_for_its_sentiment(tmp_path: Path) -> None:
    root = image_folder(tmp_path / "mine", {"pos": 30, "neg": 30})

    source, train = read(root)

    everything = [example for split in SPLITS for example in read(root, split)[1]]
    assert source.kind == "real"
    assert "60 images of 2 classes" in source.detail
    assert "can't be compared with the paper's" in source.detail
    assert {example.question for example in train} == {"What is the sentiment of the message on the banner?"}
    assert {example.gold for example in train} == {"positive", "negative"}
    assert {example.options for example in everything} == {("positive", "negative"), ("negative", "positive")}
    assert len({example.uid for example in everything}) == len(everything) == 60
    assert all(str(tmp_path) not in example.uid for example in everything)
    assert train[0].images[0].size == (40, 20)


@pytest.mark.parametrize("name", ["set.csv", "set.jsonl"])
@pytest.mark.parametrize(
    ("labels", "options"),
    [
        (("positive", "negative"), {}),
        (("NEG", "Pos"), {}),
        ((1, 0), {}),
        (("sunny", "gloomy"), {"positive": "sunny", "negative": "gloomy"}),
    ],
)
def test_a_table_may_call_its_labels_anything(
    tmp_path: Path, name: str, labels: tuple[object, object], options: dict[str, object]
) -> None:
    table = image_table(tmp_path / name, [*labels] * 15)

    everything = [example for split in SPLITS for example in read(table, split, **options)[1]]

    assert len(everything) == 30
    assert sorted(example.gold for example in everything) == ["negative"] * 15 + ["positive"] * 15
    assert {example.kind for example in everything} == {"positive", "negative"}


def test_a_table_whose_images_are_named_is_no_table_of_sentences(tmp_path: Path) -> None:
    image_table(tmp_path / "set.jsonl", ["pos", "neg"] * 20)
    rows = [json.loads(line) for line in (tmp_path / "set.jsonl").read_text().splitlines()]
    for number, row in enumerate(rows):
        row |= {"text": f"Sentence number {number} of ours", "banner": row.pop("image")}
    (tmp_path / "set.jsonl").write_text("\n".join(map(json.dumps, rows)))

    assert read(tmp_path / "set.jsonl")[0].kind == "generated"
    assert read(tmp_path / "set.jsonl", image_column="banner")[0].kind == "real"


def test_a_column_called_sentiment_is_the_label(tmp_path: Path) -> None:
    table = image_table(tmp_path / "set.jsonl", ["pos", "neg"] * 10, column="sentiment")

    assert len(read(table)[1]) > 5


def test_a_label_goes_with_its_own_image(tmp_path: Path) -> None:
    table = image_table(tmp_path / "set.csv", ["pos", "neg"] * 15)

    for split in SPLITS:
        for example in read(table, split)[1]:
            shade = example.images[0].getpixel((0, 0))
            assert isinstance(shade, tuple)
            assert example.gold == ("negative" if shade[0] % 2 else "positive")


def test_which_label_means_what_is_told(tmp_path: Path) -> None:
    root = image_folder(tmp_path / "mine", {"up": 12, "down": 12})
    task = load_task("banner", {"positive": "up", "negative": "down"})

    remarks = task.remarks(task.source(str(root)))

    assert "labels: down is negative, up is positive" in remarks


@pytest.mark.parametrize(
    ("classes", "options", "said"),
    [
        # a third class
        ({"pos": 4, "neg": 4, "neutral": 4}, {}, "has the labels 'neg', 'neutral', 'pos'"),
        # labels nobody can guess
        ({"aaa": 4, "bbb": 4}, {}, "--set task_options.positive=LABEL"),
        # both mean the same
        ({"pos": 4, "positive": 4}, {}, "expected two: positive"),
        # the option names a label that is not there
        ({"pos": 4, "neg": 4}, {"positive": "sunny"}, "expected two: sunny and negative"),
        ({"pos": 4, "neg": 4}, {"positive": "neg"}, "two labels that differ"),
        ({"pos": 4, "neg": 4}, {"positive": "POS", "negative": "pos"}, "two labels that differ"),
    ],
)
def test_labels_that_are_not_two_are_refused(
    tmp_path: Path, classes: dict[str, int], options: dict[str, object], said: str
) -> None:
    assert said in refused(image_folder(tmp_path / "mine", classes), **options)


@pytest.mark.parametrize("kind", ["folder", "table", "sentences"])
def test_as_much_is_held_out_as_asked(tmp_path: Path, kind: str) -> None:
    if kind == "folder":
        data = image_folder(tmp_path / "mine", {"pos": 30, "neg": 30})
    elif kind == "table":
        data = image_table(tmp_path / "set.csv", ["pos", "neg"] * 30)
    else:
        data = sentence_table(tmp_path / "mine.jsonl", count=60)
    task = load_task("banner", {"validation_share": 0.0, "heldout_share": 0.8})
    source = task.source(str(data))
    series = {s: task.examples(s, seed=0, difficulty=0.5, source=source) for s in SPLITS}

    if kind == "sentences":
        scenes = {s: {series[s][i].uid.split("/")[-2] for i in range(100)} for s in ("train", "heldout")}
        counts = {s: len(found) for s, found in scenes.items()}
    else:
        counts = {s: series[s].length or 0 for s in ("train", "heldout")}

    assert series["validation"].length == 0
    assert sum(counts.values()) == 60
    assert 35 <= counts["heldout"] <= 58


def test_labels_of_terminal_codes_reach_no_message_raw(tmp_path: Path) -> None:
    table = image_table(tmp_path / "set.jsonl", ["\x1b[2Jboo", "\u202eneg"] * 4)

    message = refused(table)

    assert "\x1b" not in message and "\u202e" not in message


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "nothing.csv is not there" in refused(tmp_path / "nothing.csv")
    assert "nothing is not there" in refused(tmp_path / "nothing")


def test_a_file_that_is_no_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")

    assert "notes.txt" in refused(tmp_path / "notes.txt")


def test_rows_without_their_image_are_counted(tmp_path: Path) -> None:
    table = image_table(tmp_path / "set.csv", ["pos", "neg"] * 15)
    (tmp_path / "3.png").unlink()

    source, _ = read(table)

    assert "29 questions" in source.detail and "1 row left out" in source.detail


def test_an_image_that_is_none_is_an_error_when_it_is_drawn_and_not_before(tmp_path: Path) -> None:
    root = image_folder(tmp_path / "mine", {"pos": 12, "neg": 12})
    for file in (root / "pos").iterdir():
        file.write_bytes(b"\x00not an image" + file.name.encode())

    examples = [example for split in SPLITS for example in read(root, split)[1]]

    broken = next(example for example in examples if example.gold == "positive")
    with pytest.raises(OSError, match="cannot identify image file"):
        broken.images  # noqa: B018 - reading is what fails


def test_labels_of_numbers_and_truth_are_texts() -> None:
    labels = BinaryLabels()

    assert [labels.answer(label) for label in (1, 1.0, True, "1", " POS ")] == ["positive"] * 5
    assert [labels.answer(label) for label in (0, 0.0, False, "-1", -1)] == ["negative"] * 5
    others: list[object] = [None, "", 2, 0.5, "nan", [], float("nan"), float("inf")]
    assert [labels.answer(label) for label in others] == [None] * len(others)


# sentences of one's own


def test_own_sentences_are_drawn_and_say_so(tmp_path: Path) -> None:
    table = sentence_table(tmp_path / "mine.jsonl")

    source, train = read(table)

    assert source.kind == "generated"
    assert source.name == f"sentences:{table}"
    assert "60 sentences of mine.jsonl" in source.detail
    assert "can't be compared with the paper's" in source.detail
    assert {example.gold for example in train} == {"positive", "negative"}
    assert all(example.images[0].width == 448 for example in train[:4])
    assert all(str(tmp_path) not in example.uid for example in train)


def test_the_option_and_the_data_flag_mean_the_same(tmp_path: Path) -> None:
    table = sentence_table(tmp_path / "mine.jsonl")

    assert read("auto", sentences=str(table)) == read(table)


def test_own_sentences_are_in_one_split_each(tmp_path: Path) -> None:
    table = sentence_table(tmp_path / "mine.csv.jsonl", count=120)
    drawn = {split: {example.uid.split("/")[-2] for example in read(table, split)[1]} for split in SPLITS}

    assert not drawn["train"] & drawn["heldout"]
    assert not drawn["train"] & drawn["validation"]
    assert not drawn["validation"] & drawn["heldout"]


def test_each_pass_goes_over_all_sentences_and_draws_them_anew(tmp_path: Path) -> None:
    task = load_task("banner")
    source = task.source(str(sentence_table(tmp_path / "mine.jsonl", count=40)))
    series = task.examples("heldout", seed=0, difficulty=0.5, source=source)
    count = int(task.remarks(source)[0].rpartition(", ")[2].split()[0])

    first, second = ([series[turn * count + place] for place in range(count)] for turn in (0, 1))

    names = [sorted(example.uid.split("/")[-2] for example in turn) for turn in (first, second)]
    assert names[0] == names[1] and len(set(names[0])) == count
    assert {example.scene for example in first} != {example.scene for example in second}
    assert series[0] == first[0]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": "fine", "label": "so so"}', "row 5: label is 'so so'"),
        ('{"text": "fine"}', "row 5: label is None"),
        ('{"text": "  ", "label": "positive"}', "row 5: text is '  '"),
        ('{"text": 7, "label": "positive"}', "row 5: text is 7"),
        ('{"text": "fine", "label"', "row 5: no JSON"),
        ("[1, 2]", "row 5: a list where an object"),
    ],
)
def test_a_bad_row_of_sentences_is_named(tmp_path: Path, line: str, said: str) -> None:
    table = sentence_table(tmp_path / "mine.jsonl")
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines[:4], line, *lines[4:]]) + "\n")

    message = refused(table)

    assert str(table) in message and said in message


def test_a_bad_row_of_a_csv_is_named(tmp_path: Path) -> None:
    table = tmp_path / "mine.csv"
    table.write_text('text,label\n"good, really",pos\nbad\n')

    assert "mine.csv, row 2: 1 cells where the header has 2" in refused(table)


def test_sentences_that_no_font_has_are_left_out_and_told(tmp_path: Path) -> None:
    table = sentence_table(tmp_path / "mine.jsonl")
    with table.open("a") as file:
        file.write(json.dumps({"text": "I \N{SNOWMAN} it", "label": "positive"}) + "\n")
        file.write(json.dumps({"text": "so " * 3000 + "bad", "label": "negative"}) + "\n")
        file.write(json.dumps({"text": "good" * 200, "label": "positive"}) + "\n")
    task = load_task("banner")
    source = task.source(str(table))

    remarks = task.remarks(source)

    assert "60 sentences" in source.detail
    assert "3 sentences cannot be drawn; row 61: no font has '\N{SNOWMAN}'" in remarks


@pytest.mark.parametrize(
    ("count", "labels", "said"),
    [
        (3, ("positive", "negative"), "and none for"),
        (40, ("positive", "positive"), "are positive"),
        (40, ("up", "down"), "--set task_options.positive=LABEL"),
    ],
)
def test_sentences_that_cannot_make_a_task_are_refused(
    tmp_path: Path, count: int, labels: tuple[object, object], said: str
) -> None:
    assert said in refused(sentence_table(tmp_path / "mine.jsonl", count=count, labels=labels))


def test_own_sentences_need_room_and_a_whole_path(tmp_path: Path) -> None:
    table = sentence_table(tmp_path / "mine.jsonl")

    assert "task_options.side is 48" in refused(table, side=48)
    assert "expected an absolute path" in refused("auto", sentences="mine.jsonl")
    assert "leave one of them out" in refused(tmp_path / "other.csv", sentences=str(table))
    assert "has no column label; it has text, stars" in refused("auto", sentences=str(_starred(tmp_path)))


def _starred(folder: Path) -> Path:
    table = folder / "starred.csv"
    table.write_text("text,stars\ngood,5\n")
    return table


def test_control_characters_are_spaces_and_invisible_ones_are_gone() -> None:
    assert drawable_text("a\x00b\tc\x1b[2J\x96d") == "a b c [2J d"
    assert drawable_text("co\u00adop\u200b\ufeff") == "coop"
    assert drawable_text("e\u0301") == "\u00e9"
    assert drawable_text("\ud800 \n ") == ""


def test_sentences_that_people_wrote_can_be_drawn() -> None:
    """Reviews by Pang & Lee and Kotzias: broken encodings, 334 characters at most."""
    source, train = read(real_file("sentiment_text/sentences.jsonl"))

    assert "6,775 sentences" in source.detail
    assert {example.images[0].width for example in train} == {448}
