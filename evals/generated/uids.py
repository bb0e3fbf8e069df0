"""Names of generated examples. They hold what is drawn and asked, so that two versions of a generator share none."""

from __future__ import annotations

import hashlib


def uid_of(place: str, *content: object) -> str:
    """The place of an example among the generated ones, and a hash of its content.

    Evaluations are paired by uid: without the hash, those of two versions whose pictures differ would be held against
    each other as if they were of the same examples. The content's repr must be the same on every machine: tuples of
    text, whole numbers, and floats made without functions that differ between C libraries, such as sin.
    """
    return f"{place}/{hashlib.sha256(repr(content).encode()).hexdigest()[:8]}"
