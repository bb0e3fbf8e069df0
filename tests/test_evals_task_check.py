"""What `rftui tasks check` finds: each fault of a small task by itself, and nothing in a sound one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from evals.checking.__main__ import answer, record
from evals.checking.facts import Level, Limits, TaskFacts
from evals.checking.task_check import check_task
from evals.errors import TaskError
from evals.task import Example, Source, Task
from evals.tasks import load_task
from tests.picture_files import class_folder, make_folder, numbered, picture
from tests.real_data import real_file

ROOT = Path(__file__).parents[1]
Change = Callable[[Example], Example]


def example(split: str, index: int, *, options: tuple[str, ...] = ("left", "right")) -> Example:
    """A sound example, different from any other."""
    colour = (index, {"train": 0, "validation": 1, "heldout": 2}[split], 99)
    return Example(
        f"{split}/{index}",
        split,
        index,
        "place",
        "Where?",
        options,
        options[index * 7 // 3 % len(options)],
        f"scene {split} {index}",
        draw=lambda: (Image.new("RGB", (56, 28), colour),),
    )


class Listed:
    """Examples with a change applied to each, which may raise."""

    def __init__(self, split: str, length: int, change: Change) -> None:
        self.split = split
        self.length = length
        self.change = change

    def __getitem__(self, index: int) -> Example:
        return self.change(example(self.split, index))


def same(one: Example) -> Example:
    return one


class Small(Task):
    """A task of so many examples a split."""

    name = "small"
    summary = "a few examples"

    def __init__(self, sizes: Sequence[int] = (20, 5, 110), change: Change = same) -> None:
        super().__init__()
        self.sizes = dict(zip(("train", "validation", "heldout"), sizes, strict=True))
        self.change = change

    def source(self, option: str) -> Source:
        return Source("real", option, "examples of a test")

    def examples(self, split: str, *, seed: int, difficulty: float, source: Source) -> Listed:
        return Listed(split, self.sizes[split], self.change)


def found(facts: TaskFacts) -> list[str]:
    return [f"{problem.level}: {problem.found}" for problem in facts.problems]


def test_nothing_is_wrong_with_a_sound_task() -> None:
    facts = check_task(Small(), "here")

    assert found(facts) == []
    train, _, heldout = facts.splits
    assert (train.length, train.seen, train.copies, train.options, train.chance) == (20, 20, 0, (2, 2), 0.5)
    assert sum(count for _, count in train.labels.most_common) == 20
    assert heldout.images.read == 110
    assert heldout.images.tokens == (6, 6, 6), "56 x 28 pixels are enlarged to 84 x 56, three cells by two"
    assert [shown.uid for shown in train.shown] == [f"train/{index}" for index in range(5)]
    assert "left or right" in train.shown[0].prompts["think"]
    assert "<think>" not in train.shown[0].prompts["direct"]


def test_the_majority_answer_is_told_with_its_score() -> None:
    def lopsided(one: Example) -> Example:
        return replace(one, gold="left" if one.index % 10 or one.split == "heldout" else "right")

    facts = check_task(Small(change=lopsided), "here")

    train, _, heldout = facts.splits
    assert (train.labels.majority, train.labels.majority_share) == ("left", 0.9)
    assert heldout.labels.trained_majority_share == 1.0
    assert "warning: always answering 'left' scores 90.0% on train" in found(facts)
    assert "warning: every heldout example has the answer 'left'" in found(facts)


def raises(one: Example) -> Example:
    raise KeyError("gold") if one.index == 3 else RuntimeError


FAULTS: list[tuple[Change, str]] = [
    (lambda one: replace(one, gold="up"), "error: 20 of 20 train examples have options that cannot be chosen from"),
    (lambda one: replace(one, options=("left", "left", "right")), "error: .* have options that cannot be chosen from"),
    (
        lambda one: replace(one, gold="", options=()),
        "error: 20 of 20 .* a gold answer that cannot be graded",
    ),
    (lambda one: replace(one, uid="same"), "warning: 19 of 20 train examples have the uid of another example"),
    (lambda one: replace(one, draw=tuple), "warning: .* have no image"),
    (lambda one: replace(one, draw=lambda: 1 / 0), "error: images of 20 of 20 train examples cannot be read"),  # type: ignore[arg-type, return-value]
    (lambda one: replace(one, draw=lambda: (Image.new("RGB", (900, 4)),)), "error: images of 20 of 20 train"),
    (lambda one: replace(one, scene="x"), r"warning: \d+ heldout examples have images that train has too"),
    (
        lambda one: replace(one, scene="x", draw=tuple),
        r"warning: \d+ examples ask the same of the same image as another one and have another answer",
    ),
    (
        lambda one: replace(one, scene="", draw=lambda: (Image.new("RGB", (9, 9)),)),  # copies in other files
        r"warning: 110 heldout examples have images that train has too",
    ),
    (
        lambda one: replace(one, options=(one.gold, "below" if one.gold == "left" else "above")),
        "warning: the right option stands at place 1 in 100% of heldout",
    ),
    (
        lambda one: replace(one, gold="right") if one.split == "train" else one,
        "warning: 1 of 2 held-out answers never occur in training",
    ),
]


@pytest.mark.parametrize(("change", "said"), FAULTS)
def test_each_fault_is_found(change: Change, said: str) -> None:
    messages = found(check_task(Small(change=change), "here"))

    assert any(re.match(said, message) for message in messages), messages


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((0, 5, 110), "error: the train split is empty"),
        ((20, 5, 0), "warning: the heldout split is empty"),
        ((20, 0, 40), "warning: 40 held-out examples: an accuracy near 50% is known to 15% either way"),
    ],
)
def test_sizes_that_say_little_are_told(sizes: tuple[int, int, int], said: str) -> None:
    assert said in found(check_task(Small(sizes), "here"))


def test_a_split_without_validation_is_no_fault() -> None:
    assert found(check_task(Small((20, 0, 110)), "here")) == []


class PaysForNothing(Small):
    """Grades by looking for the answer in the gold text, as Visual-RFT does."""

    def grade(self, answer: str | None, example: Example) -> bool | None:
        return (answer or "") in example.gold


class PaysNever(Small):
    def grade(self, answer: str | None, example: Example) -> bool | None:
        return False


class Stumbles(Small):
    def grade(self, answer: str | None, example: Example) -> bool | None:
        verdicts: dict[str | None, bool] = {}
        return verdicts[answer]


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (PaysForNothing(), "count an empty answer as right"),
        (PaysNever(), "have a gold answer that the task itself grades as wrong"),
        (Stumbles(), "cannot be graded"),
    ],
)
def test_a_rule_that_grades_wrongly_is_an_error(task: Task, said: str) -> None:
    (problem,) = [problem for problem in check_task(task, "here").errors if "train examples" in problem.found]

    assert said in problem.found


def test_images_beyond_the_sample_are_not_opened() -> None:
    def breaks(one: Example) -> Example:
        return replace(one, draw=lambda: 1 / 0) if one.index >= 10 else one  # type: ignore[arg-type, return-value]

    assert found(check_task(Small(change=breaks), "here", images=10)) == []
    everything = check_task(Small(change=breaks), "here", images=None)
    assert everything.splits[0].images.unreadable_count == 10
    assert "ZeroDivisionError" in everything.problems[0].examples[0]


def test_images_above_the_limit_are_counted_as_they_will_be_shrunk() -> None:
    facts = check_task(Small(), "here", limits=Limits(min_pixels=784, max_pixels=784))

    assert (facts.splits[0].images.tokens, facts.splits[0].images.shrunk) == ((1, 1, 1), 20)


def test_a_source_that_cannot_be_used_is_the_only_finding() -> None:
    facts = check_task(load_task("folder"), "/nowhere/at/all")

    assert facts.source is None
    assert found(facts) == ["error: /nowhere/at/all is not there"]


def test_copies_and_broken_files_of_a_folder_are_found(tmp_path: Path) -> None:
    class_folder(tmp_path, {"train/a": 6, "train/b": 6, "test/a": 2})
    make_folder(
        tmp_path,
        {
            "test/b/copy.png": numbered(1),  # content of a training image
            "test/b/again.jpg": picture((2, 0, 77), kind="BMP"),  # another file, the same pixels
            "train/b/broken.png": b"no image",
            "train/a/note.txt": b"",
        },
    )

    facts = check_task(load_task("folder"), str(tmp_path))

    assert facts.overlaps[0].examples == 2
    assert "passed over, being no images: 1 .txt" in facts.remarks
    broken = next(problem for problem in facts.problems if "cannot be read" in problem.found)
    assert (broken.level, broken.found) == (Level.WARNING, "images of 1 of 13 train examples cannot be read")
    assert broken.examples[0].startswith("folder/train/b/broken.png/")


def test_copies_within_a_split_are_named_with_their_twins(tmp_path: Path) -> None:
    class_folder(tmp_path, {"train/a": 2, "train/b": 2, "test/a": 1, "test/b": 1})
    make_folder(tmp_path, {"train/a/again.png": numbered(1)})

    train = check_task(load_task("folder"), str(tmp_path)).splits[0]

    assert train.copies == 1
    assert {name.split("/")[3] for name in train.copied[0].split(" and ")} == {"00001.png", "again.png"}


def test_real_flags_that_look_the_same_are_named() -> None:
    facts = check_task(load_task("folder"), str(real_file("emoji_icons/labels.jsonl").parent), images=1)

    problem = next(problem for problem in facts.problems if "another answer" in problem.found)
    assert any("U.S. Outlying Islands Flag" in row for row in problem.examples)


# a task of the user's own


def page_example() -> str:
    """The Python file in docs/tasks.md."""
    match = re.search(r"```python\n(# my_task.py\n.*?)```", (ROOT / "docs" / "tasks.md").read_text(), re.DOTALL)
    assert match
    return match[1]


def request(task: str, **options: object) -> dict[str, object]:
    limits = {"min_pixels": 3136, "max_pixels": 401408, "cell": 28}
    return {
        "task": task,
        "task_options": options,
        "source": "auto",
        "seed": 0,
        "difficulty": 0.5,
        "images": 20,
        "limits": limits,
    }


def test_the_example_of_the_page_is_a_task(tmp_path: Path) -> None:
    file = tmp_path / "my_task.py"
    file.write_text(page_example())

    said = record(answer(request(str(file), most=6)))

    assert (said["ok"], said["problems"]) == (True, [])
    assert said["answers"]["first"] == ("1", "2", "3", "4", "5", "6")
    assert [split["length"] for split in said["splits"]] == [2000, 2000, 2000]
    assert said["splits"][0]["images"]["read"] == 20


BROKEN = [
    ("import random", "import randum", r"does not import: ModuleNotFoundError.*\(line LINE\)"),
    ('name = "dots"', "pass", "Dots in .* lacks name"),
    ("def examples", "def exmples", r"Dots in .* lacks examples\(\)"),
    (
        "        rng = random",
        "        rng = rundom",
        r"NameError: name 'rundom'.*my_task.py, line LINE, in __getitem__",
    ),
    ("ImageDraw.Draw(card)", "ImageDraw.Drow(card)", r"AttributeError: .*my_task.py, line LINE, in draw"),
    ("return Cards(", "return list(range(3)) or Cards(", r"examples\('train'\) gives a list"),
    ("    length = 2000", "    width = 2000", r"AttributeError: 'Cards' object has no attribute 'length'"),
    (
        "return Source(",
        "return 1 / 0 or Source(",
        r"its source raised ZeroDivisionError.*my_task.py, line LINE, in source",
    ),
    (
        "gold=str(len(cells))",
        "gold=len(cells)",
        r"example 'dots/.*/train/0' has \d in its field gold, of type int \(.*my_task.py, line \d+, in __getitem__\)",
    ),
    ("gold=str(len(cells))", "gold=str(len(cells) + 90)", "have options that cannot be chosen from"),
]


@pytest.mark.parametrize(("old", "new", "said"), BROKEN)
def test_what_is_wrong_in_the_users_file_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    file = tmp_path / "my_task.py"
    file.write_text(page_example().replace(old, new, 1))
    lines = [number for number, text in enumerate(file.read_text().splitlines(), 1) if new in text]
    said = said.replace("LINE", str(lines[0]))

    facts = answer(request(str(file)))

    told = [text for problem in facts.problems for text in (problem.found, *problem.examples)]
    assert facts.errors
    assert any(re.search(said, text) for text in told), told


def test_a_field_that_is_no_text_is_said_once(tmp_path: Path) -> None:
    file = tmp_path / "my_task.py"
    file.write_text(page_example().replace("gold=str(len(cells))", "gold=len(cells)"))

    (problem,) = answer(request(str(file))).problems

    assert problem.expected == "text (str)"
    assert problem.fix == "write gold=str(...) where the task makes its examples"


@pytest.mark.parametrize(
    ("new", "fix"),
    [
        ("1 / 0", "mend the task at that line"),
        ("Image.new('RGB', (0, 0)).resize(7)", "mend the task at that line, or the files that it reads"),
        ("Image.open('gone.png')", "mend the task at that line, or the files that it reads"),
    ],
)
def test_a_drawing_that_raises_is_told_as_the_tasks_own_fault(tmp_path: Path, new: str, fix: str) -> None:
    file = tmp_path / "my_task.py"
    file.write_text(page_example().replace('card = Image.new("RGB", (48, 48), paper)', f"card = {new}"))

    (problem, *_) = answer(request(str(file))).errors

    assert "images of 20 of 20 train examples cannot be read" in problem.found
    assert problem.fix == fix
    assert "my_task.py, line" in problem.examples[0]


def test_files_that_do_not_open_are_no_fault_of_the_task(tmp_path: Path) -> None:
    root = class_folder(tmp_path / "pets", {"train/cat": 3, "train/dog": 3, "test/cat": 3, "test/dog": 3})
    for place in root.rglob("*.png"):
        place.write_bytes(b"no image")

    (problem, *_) = check_task(load_task("folder"), str(root)).errors

    assert problem.fix == "mend or remove the files; a run leaves such examples out and says so"


def test_an_option_that_the_users_task_lacks_is_named(tmp_path: Path) -> None:
    file = tmp_path / "my_task.py"
    file.write_text(page_example())

    with pytest.raises(TaskError, match="did you mean most"):
        load_task(str(file), {"mosst": 3})
    assert "did you mean most" in answer(request(str(file), mosst=3)).problems[0].found


def test_a_hint_names_options_of_the_task_alone() -> None:
    change = FAULTS[-1][0]

    (problem,) = [one for one in check_task(Small(change=change), "here").problems if "never occur" in one.found]

    assert problem.fix == "more images of each, or leave questions with rare answers out"
