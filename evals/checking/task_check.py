"""Everything that `rftui tasks check` finds in a task; one of the user's own may raise anywhere: that is a finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evals.checking.facts import Level, Limits, Problem, SplitFacts, TaskFacts
from evals.checking.faults import raised
from evals.checking.same_images import ImagesSeen
from evals.checking.split_reader import SplitReader
from evals.errors import ExampleError, TaskError
from evals.files.splits import SPLITS
from evals.scoring import wilson
from evals.task import Source, Task

SAMPLED_IMAGES = 200
"""Examples a split whose images are read, unless all are asked for."""
FEW_HELD_OUT = 100
LARGE_MAJORITY = 0.6
"""A more frequent answer is worth a warning, where several are possible."""
SKEW = 0.2
"""How far the share of one place of the right option may be above an even one."""
SKEW_EXAMPLES = 30
"""Fewer examples show no skew."""


def check_task(
    task: Task,
    option: str,
    *,
    seed: int = 0,
    difficulty: float = 0.5,
    images: int | None = SAMPLED_IMAGES,
    limits: Limits | None = None,
) -> TaskFacts:
    """What is in a task, with the source that `option` names. `images` None reads the images of all examples."""
    try:
        source = task.source(option)
        remarks, space = tuple(task.remarks(source)), tuple(task.answer_space(source))
    # the user's own code may raise anything
    except Exception as error:
        return TaskFacts(task.name, None, (), (), (), (), (raised(error, "its source"),))
    seen, facts, problems = ImagesSeen(), [], []
    majority: str | None = None
    for split in SPLITS:
        try:
            examples = task.examples(split, seed=seed, difficulty=difficulty, source=source)
            if isinstance(examples, list | tuple):
                problems.append(
                    Problem(
                        Level.ERROR,
                        f"examples({split!r}) gives a {type(examples).__name__}",
                        expected="an object with `length` (None without end) and examples by [index]",
                        fix="docs/tasks.md has an example",
                    )
                )
                continue
            reader = SplitReader(task, split, examples, images=images, limits=limits or Limits(), seen=seen)
            facts.append(reader.read(train_majority=majority))
        except ExampleError as error:
            problems.append(raised(error, f"examples({split!r})"))
            break
        # the user's own code may raise anything
        except Exception as error:
            # a task may do without validation, which no run reads
            if split != "validation" or not isinstance(error, TaskError):
                problems.append(raised(error, f"examples({split!r})"))
            continue
        problems += list(reader.problems())
        majority = facts[-1].labels.majority if split == "train" and facts[-1].seen else majority
    overlaps = tuple(seen.overlaps())
    for overlap in overlaps:
        problems.append(
            Problem(
                Level.WARNING,
                f"{overlap.examples:,} {overlap.second} examples have images that {overlap.first} has too",
                expected="images that only one split has",
                fix=_overlap_fix(task, source),
                examples=overlap.some,
            )
        )
    if count := seen.contradictions.counts["another answer"]:
        problems.append(
            Problem(
                Level.WARNING,
                f"{count:,} examples ask the same of the same image as another one and have another answer",
                expected="one answer to one question",
                fix="remove the wrong one of each pair",
                examples=tuple(seen.contradictions.rows["another answer"]),
            )
        )
    problems += [problem for split in facts for problem in _of_split(split, task)]
    problems += list(_between(facts, task))
    ordered = sorted(problems, key=lambda problem: problem.level is not Level.ERROR)
    return TaskFacts(task.name, source, remarks, space, tuple(facts), overlaps, tuple(ordered))


def _overlap_fix(task: Task, source: Source) -> str:
    if "splits" in type(task.options).model_fields:
        return "--set task_options.splits=images splits by what is in the images"
    return "say so beside every number" if source.kind == "real" else "let no scene fall into two splits"


def _of_split(facts: SplitFacts, task: Task) -> Iterator[Problem]:
    """What one split's numbers say."""
    if facts.length == 0 and facts.split != "validation":
        yield Problem(
            Level.ERROR if facts.split == "train" else Level.WARNING,
            f"the {facts.split} split is empty",
            expected="examples to train on" if facts.split == "train" else "examples to evaluate on",
            fix="look at how the data is split",
        )
    yield from _of_images(facts)
    labels = facts.labels
    is_lopsided = labels.different > 1 and labels.majority_share >= LARGE_MAJORITY
    if facts.split != "validation" and is_lopsided:
        yield Problem(
            Level.WARNING,
            f"always answering {labels.majority!r} scores {labels.majority_share:.1%} on {facts.split}",
            expected="answers that occur about alike",
            fix="read accuracy against that, or balance the data",
        )
    if labels.different == 1 and facts.seen > 1 and facts.split != "validation":
        yield Problem(
            Level.WARNING,
            f"every {facts.split} example has the answer {labels.majority!r}",
            expected="two or more different answers",
            fix="look at the column or folders that answers come from",
        )
    yield from _of_positions(facts, task)
    if facts.split == "heldout" and facts.length is not None and 0 < facts.length < FEW_HELD_OUT:
        interval = wilson(facts.length // 2, facts.length)
        yield Problem(
            Level.WARNING,
            f"{facts.length} held-out examples: an accuracy near 50% is known to "
            f"{(interval.high - interval.low) / 2:.0%} either way",
            expected=f"{FEW_HELD_OUT} or more",
            fix="hold out more",
        )


def _of_images(facts: SplitFacts) -> Iterator[Problem]:
    images = facts.images
    if not images.unreadable_count:
        return
    is_everything = images.unreadable_count == images.examples
    yield Problem(
        Level.ERROR if is_everything and facts.split != "validation" else Level.WARNING,
        f"images of {images.unreadable_count:,} of {images.examples:,} {facts.split} examples cannot be read",
        expected="image files that open",
        fix=images.fix,
        examples=images.unreadable,
    )


def _of_positions(facts: SplitFacts, task: Task) -> Iterator[Problem]:
    total = sum(facts.positions)
    if facts.options is None or total < SKEW_EXAMPLES or facts.chance is None:
        return
    place = max(range(len(facts.positions)), key=lambda place: facts.positions[place])
    share = facts.positions[place] / total
    if share > facts.chance + SKEW:
        yield Problem(
            Level.WARNING,
            f"the right option stands at place {place + 1} in {share:.0%} of {facts.split}",
            expected=f"about {facts.chance:.0%} at each place",
            fix="shuffle the options"
            + (
                " (--set task_options.shuffle_options=true)"
                if "shuffle_options" in type(task.options).model_fields
                else ""
            ),
        )


def _between(splits: Sequence[SplitFacts], task: Task) -> Iterator[Problem]:
    """What splits say about each other."""
    by_name = {facts.split: facts for facts in splits}
    train, heldout = by_name.get("train"), by_name.get("heldout")
    if train is None or heldout is None or not train.seen:
        return
    untaught = sorted(heldout.labels.names - train.labels.names)
    is_closed = heldout.chance is not None
    if untaught and is_closed and train.seen == train.length:
        yield Problem(
            Level.WARNING,
            f"{len(untaught):,} of {heldout.labels.different:,} held-out answers never occur in training",
            expected="each answer in both",
            fix="more images of each"
            + (
                ", or leave rare classes out (--set task_options.min_per_class=10)"
                if "min_per_class" in type(task.options).model_fields
                else ", or leave questions with rare answers out"
            ),
            examples=tuple(untaught[:10]),
        )
