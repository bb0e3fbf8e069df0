"""The embedded model: what it is taught, how its pictures are cut up, and what the shipped weights can do."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers.pre_tokenizers import ByteLevel

from evals.prompts import DIRECT, THINK
from evals.tasks import load_task
from rftui.planning.recipes import load_recipe
from store.config import parse_config
from trainer.model import load_model, load_processor
from trainer.tiny.build import SET_PHRASES, TAGS
from trainer.tiny.curriculum import SUBJECTS, all_texts, lesson
from trainer.tiny.optimizers import Muon, orthogonal
from trainer.tiny.pictures import patches
from trainer.tiny.pretrain import IGNORED, Pretraining
from trainer.tiny.subjects import PLACES, Subject
from trainer.tiny.validation import ANSWER_TOKENS, accuracy, validation_set

CONFIG = parse_config(
    {
        "name": "tiny",
        "model": "tiny",
        "dtype": "float32",
        "attention": "sdpa",
        "image_min_pixels": 2304,
        "image_max_pixels": 2304,
    }
)
NAMES = [subject.name for subject in SUBJECTS]


@pytest.fixture(scope="module")
def processor() -> Any:
    return load_processor(CONFIG)


@pytest.fixture(scope="module")
def model() -> Any:
    return load_model(CONFIG).eval()


def test_pictures_are_cut_as_the_processor_cuts_them(processor: Any) -> None:
    noise = np.random.default_rng(0)
    images = [Image.fromarray(noise.integers(0, 256, (48, 48, 3), dtype=np.uint8)) for _ in range(3)]

    values, grid = patches(images)

    expected = processor.image_processor(images=images, return_tensors="pt")
    assert torch.allclose(values, expected["pixel_values"], atol=1e-5)
    assert torch.equal(grid, expected["image_grid_thw"])


def test_muon_moves_a_matrix_as_torchs_own_does() -> None:
    torch.manual_seed(0)
    start, gradient = torch.randn(24, 40), torch.randn(24, 40)
    ours, theirs = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    ours.grad, theirs.grad = gradient.clone(), gradient.clone()

    optimizers: list[torch.optim.Optimizer] = [
        Muon([ours], lr=0.01, weight_decay=0.1),
        torch.optim.Muon([theirs], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
    ]
    for optimizer in optimizers:
        optimizer.step()

    # theirs is computed with eight bits of mantissa
    assert torch.allclose(ours, theirs, atol=3e-4)
    assert (ours - start).abs().max() > 5e-3


def test_orthogonal_matrices_have_singular_values_near_one() -> None:
    torch.manual_seed(0)

    values = torch.linalg.svdvals(orthogonal(torch.randn(3, 48, 32)))

    assert values.min() > 0.6 and values.max() < 1.3


@pytest.mark.parametrize("subject", SUBJECTS, ids=NAMES)
def test_every_fact_names_a_known_value_for_each_place(subject: Subject) -> None:
    rng = random.Random(0)

    for _ in range(50):
        seen = subject.seen(subject.sample(rng))

        assert seen.keys() == subject.facts.keys()
        for name, values in seen.items():
            assert len(values) == PLACES[subject.facts[name].place]
            assert set(values) <= set(subject.facts[name].values)


@pytest.mark.parametrize("subject", SUBJECTS, ids=NAMES)
def test_lessons_come_from_the_training_split(subject: Subject) -> None:
    rng = random.Random(1)

    splits = set()
    for _ in range(60):
        sample = subject.sample(rng)
        splits.add((sample if hasattr(sample, "split") else sample.scene).split)

    assert splits == {"train"}


def test_both_prompts_are_taught_alike_and_every_answer_is_right() -> None:
    rng = random.Random(2)

    turns = [turn for subject in SUBJECTS for _ in range(100) for turn in lesson(rng, subject, questions=1.0).turns]

    thinking = sum("<think>" in turn.asked for turn in turns)
    assert 0.45 < thinking / len(turns) < 0.55
    assert all(("<think>" in turn.asked) == turn.target.startswith("<think>") for turn in turns)
    assert all(turn.target.endswith("</answer>") for turn in turns)


def test_labels_cover_the_targets_and_nothing_else(model: Any, processor: Any) -> None:
    pretraining = Pretraining(model, processor, seed=0)
    item = lesson(random.Random(3), SUBJECTS[0], questions=0.5)

    ids, labels = pretraining.tokens(item)

    labelled = [token for token, label in zip(ids, labels, strict=True) if label != IGNORED]
    assert [label for label in labels if label != IGNORED] == labelled
    assert processor.tokenizer.decode(labelled) == "".join(f"{turn.target}<|im_end|>" for turn in item.turns)


def test_each_word_of_the_three_tasks_is_one_token(processor: Any) -> None:
    """Words as the texts have them: a space before a word belongs to it, and a hyphen or a slash parts two."""
    words, split = ByteLevel(add_prefix_space=False), set()

    for text in set(all_texts(random.Random(4), samples=150)):
        plain = text
        for phrase in sorted([*TAGS, *SET_PHRASES], key=len, reverse=True):
            plain = plain.replace(phrase, "\n")
        for line in plain.split("\n"):
            split |= {word for word, _ in words.pre_tokenize_str(line) if len(_tokens(processor, word)) != 1}

    assert split == set()


def _tokens(processor: Any, word: str) -> list[str]:
    vocabulary = processor.tokenizer.get_vocab()
    return [word] if word in vocabulary else list(word)


@pytest.mark.parametrize("name", NAMES)
def test_reference_completions_fit_the_room_for_an_answer(processor: Any, name: str) -> None:
    task = load_task(name)
    examples = task.examples("train", seed=0, difficulty=1.0, source=task.source("generated"))

    longest = max(
        len(processor.tokenizer(f"<think>{trace}</think><answer>{examples[index].gold}</answer>")["input_ids"])
        for index in range(200)
        for trace in examples[index].traces
    )

    # the end token takes one more
    assert longest < load_recipe("tiny").settings("grpo")["max_completion_length"] < ANSWER_TOKENS


@pytest.mark.parametrize(("name", "chance"), [("sat", 0.283), ("aircraft", 1 / 12), ("banner", 0.5)])
@pytest.mark.parametrize("mode", [THINK, DIRECT])
def test_the_shipped_weights_can_do_a_task_and_are_far_from_solving_it(
    model: Any, processor: Any, name: str, chance: float, mode: str
) -> None:
    """Bounds are wide, for sixty examples; docs/base.md has a thousand."""
    at_half = accuracy(model, processor, validation_set(name, count=60), mode=mode, greedy=True)
    at_none = accuracy(model, processor, validation_set(name, count=60, difficulty=0.0), mode=mode, greedy=True)

    assert chance - 0.05 < at_half < 0.85
    assert at_none > chance + 0.05
