"""Which split an example belongs to: by the name that its data gives it, or by a hash of what is in its images."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import NamedTuple

SPLITS = ("train", "validation", "heldout")
"""What every task calls its splits."""
SPLIT_CODES = {split: code for code, split in enumerate(SPLITS)}

_NAMES = {
    "train": ("train", "training", "trn", "trainval"),
    "validation": ("val", "valid", "validation", "dev", "development"),
    "heldout": ("test", "testing", "heldout", "eval", "evaluation"),
}
_SPLIT_OF_NAME = {name: split for split, names in _NAMES.items() for name in names}
_SEPARATORS = re.compile(r"[\s_-]+")


class Shares(NamedTuple):
    """How much of data without splits is kept from training."""

    validation: float = 0.1
    heldout: float = 0.2


def split_named(text: str) -> str | None:
    """The split that a folder or a cell names (`val`, `Test`, `held-out`); None where it names none."""
    return _SPLIT_OF_NAME.get(_SEPARATORS.sub("", text.lower()))


def split_by_hash(content: bytes, shares: Shares) -> str:
    """The split of what has this fingerprint: the same on every machine and at every size of the data.

    Identical images have one fingerprint, so that they never straddle two splits.
    """
    place = int.from_bytes(hashlib.blake2b(content, digest_size=8, person=b"rftui-split").digest(), "big") / 2**64
    if place < shares.heldout:
        return "heldout"
    return "validation" if place < shares.heldout + shares.validation else "train"


class NamedSplits(NamedTuple):
    """What is made of the splits that data names."""

    are_used: bool
    """False where they leave nothing to train on or nothing to hold out; the data is then split by its images."""
    renamed: Mapping[str, str]
    """Splits that stand in for another: where there is no test split, validation is held out."""
    remark: str
    """One sentence where something other than the obvious was done; empty otherwise."""


def judge_splits(counts: Mapping[str, int]) -> NamedSplits:
    """Whether splits of these sizes can be used as they are; `counts` are of `train`, `validation` and `heldout`."""
    there = [split for split in SPLITS if counts.get(split)]
    if "train" not in there or len(there) == 1:
        if not there:
            return NamedSplits(False, {}, "")
        names = " and ".join(there)
        return NamedSplits(False, {}, f"the data names only {names}, so it is split by its images")
    if "heldout" not in there:
        return NamedSplits(True, {"validation": "heldout"}, "there is no test split: the validation split is held out")
    return NamedSplits(True, {}, "")
