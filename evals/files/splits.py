"""Which split an example belongs to: by the name that its data gives it, or by a hash of what is in its images."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

SPLITS = ("train", "validation", "heldout")
"""What every task calls its splits."""
SPLIT_CODES = {split: code for code, split in enumerate(SPLITS)}
NO_SPLIT = 255
"""Code of what names no split, or belongs to none."""

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


class SettledSplits(NamedTuple):
    """Which split each example is in, and why."""

    codes: bytearray
    """By `SPLIT_CODES`; 255 for what belongs to none."""
    remark: str
    """One sentence about how they came to be."""
    unreadable: int
    """Examples left out because their images could not be read to split by them."""

    @property
    def counts(self) -> dict[str, int]:
        """How many examples each split has."""
        counted = Counter(self.codes)
        return {split: counted[code] for split, code in SPLIT_CODES.items()}


def settled_splits(
    named: bytearray, *, wanted: Callable[[int], bool], content: Callable[[int], bytes], shares: Shares, by_images: bool
) -> SettledSplits:
    """The splits that the data names where they can be used, and otherwise a split by a hash of each example's images.

    `named` has a code for each example, `wanted` says which examples there are, and `content` gives the fingerprint of
    what is in one's images or raises OSError. With `by_images` the names are passed over.
    """
    counted = Counter(code for index, code in enumerate(named) if wanted(index))
    judged = judge_splits({split: counted[code] for split, code in SPLIT_CODES.items()})
    if judged.are_used and not by_images:
        renamed = {SPLIT_CODES[old]: SPLIT_CODES[new] for old, new in judged.renamed.items()}
        codes = bytearray(renamed.get(code, code) if wanted(index) else NO_SPLIT for index, code in enumerate(named))
        return SettledSplits(codes, judged.remark or "splits as the data names them", 0)
    codes, unreadable = bytearray([NO_SPLIT]) * len(named), 0
    for index in range(len(named)):
        if wanted(index):
            try:
                codes[index] = SPLIT_CODES[split_by_hash(content(index), shares)]
            except OSError:
                unreadable += 1
    said = "splits by a hash of each image, so that equal images are in one split"
    return SettledSplits(codes, said if by_images or not judged.remark else f"{judged.remark}; {said}", unreadable)
