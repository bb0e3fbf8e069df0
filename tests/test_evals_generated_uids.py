"""Names of generated examples: what is drawn is part of them, so that versions of a generator are told apart."""

from __future__ import annotations

import dataclasses

import pytest

from evals.generated import aircraft_scenes, banner_looks, scenes
from evals.generated.uids import uid_of
from evals.task import Example
from evals.tasks import load_task


def first(task_name: str, *, difficulty: float = 0.5) -> Example:
    task = load_task(task_name)
    return task.examples("heldout", seed=0, difficulty=difficulty, source=task.source("generated"))[0]


def test_another_content_at_the_same_place_is_another_name() -> None:
    assert uid_of("sat/heldout/0", "a scene") == uid_of("sat/heldout/0", "a scene")
    assert uid_of("sat/heldout/0", "a scene") != uid_of("sat/heldout/0", "another scene")
    assert uid_of("sat/heldout/0", "a scene").startswith("sat/heldout/0/")


@pytest.mark.parametrize(
    ("task_name", "module", "dial"),
    [
        ("sat", scenes, "STRONGEST_NOISE"),
        ("aircraft", aircraft_scenes, "STRONGEST_NOISE"),
        ("banner", banner_looks, "STRONG_NOISE"),
    ],
)
def test_a_generator_that_draws_otherwise_names_otherwise(
    monkeypatch: pytest.MonkeyPatch, task_name: str, module: object, dial: str
) -> None:
    before = first(task_name)

    monkeypatch.setattr(module, dial, getattr(module, dial) / 2)
    after = first(task_name)

    # the same question at the same place, with less noise in the picture
    assert dataclasses.replace(after, uid=before.uid, draw=before.draw) == before
    assert after.images != before.images
    assert after.uid != before.uid
