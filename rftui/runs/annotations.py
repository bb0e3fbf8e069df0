"""Tags, notes, stars and the pin that people give to runs, all as records in user.jsonl."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import closing

from rftui.errors import NotFound, UsageProblem
from rftui.runs.user_records import record
from rftui.terminal.clean import clean
from store.layout import Home
from store.runs import find_run, open_catalogue

TAG = re.compile(r"""[^\s,"'#-][^\s,"']{0,63}""")
"""Words that the filter language takes without quotes."""


def add_tags(home: Home, name: str, tags: Sequence[str]) -> tuple[str, ...]:
    """Gives a run tags and returns all it has. One that it has already stays. Raises UsageProblem."""
    for tag in tags:
        _check_tag(tag)
    uid, present = _uid_and_tags(home, name)
    _record_tags(home, "tag", uid, [tag for tag in dict.fromkeys(tags) if tag not in present])
    return _uid_and_tags(home, name)[1]


def remove_tags(home: Home, name: str, tags: Sequence[str]) -> tuple[str, ...]:
    """Takes tags from a run and returns those left. Raises NotFound for one that it has not; none is taken then."""
    uid, present = _uid_and_tags(home, name)
    for tag in tags:
        if tag not in present:
            raise NotFound(
                f"{name} has no tag {clean(tag)}",
                found=tag,
                expected=f"one of {', '.join(present)}" if present else "a run with tags",
                fix=f"`rftui show {name} --json` names its tags",
            )
    _record_tags(home, "untag", uid, list(dict.fromkeys(tags)))
    return _uid_and_tags(home, name)[1]


def add_note(home: Home, name: str, text: str) -> None:
    """Writes a note to a run. Raises UsageProblem for one without words."""
    if not clean(text).strip():
        raise UsageProblem("a note without words", found=text, expected="some text", fix=f"rftui note {name} 'text'")
    record(home, "note", [{"uid": _uid_and_tags(home, name)[0], "text": text}])
    _index(home)


def set_tags(home: Home, name: str, tags: Sequence[str]) -> tuple[str, ...]:
    """Makes these the tags of a run and returns them as stored. Raises UsageProblem, and changes nothing then."""
    check_tags(tags)
    present = _uid_and_tags(home, name)[1]
    add_tags(home, name, tags)
    return remove_tags(home, name, [tag for tag in present if tag not in tags])


def replace_note(home: Home, name: str, text: str, *, seq: int | None) -> None:
    """Writes a note in the place of the one with that `seq`; a new one where it is None; without words takes it away.

    Raises UsageProblem for a new one without words.
    """
    uid = _uid_and_tags(home, name)[0]
    if seq is None:
        add_note(home, name, text)
        return
    if clean(text).strip():
        record(home, "note", [{"uid": uid, "text": text, "replaces": seq}])
    else:
        record(home, "unnote", [{"uid": uid, "note": seq}])
    _index(home)


def put_star(home: Home, name: str, *, is_starred: bool) -> None:
    """Puts a star on a run, or takes it away."""
    record(home, "star" if is_starred else "unstar", [{"uid": _uid_and_tags(home, name)[0]}])


def put_pin(home: Home, name: str, *, is_pinned: bool) -> None:
    """Makes a run the baseline that others are held against, in the place of any other; or no run."""
    record(home, "pin" if is_pinned else "unpin", [{"uid": _uid_and_tags(home, name)[0]}])


def _index(home: Home) -> None:
    # what takes in journals costs 60 ms to import, and the list's first frame should not wait for it
    from store.ingest import ingest_user_journal

    ingest_user_journal(home)


def check_tags(tags: Sequence[str]) -> None:
    """Raises UsageProblem for the first word that can be no tag."""
    for tag in tags:
        _check_tag(tag)


def _check_tag(tag: str) -> None:
    if TAG.fullmatch(tag) is None or clean(tag) != tag:
        raise UsageProblem(
            f"{clean(tag)!r} is no tag",
            found=tag,
            expected="up to 64 signs without space, comma or quotes, and neither # nor - in front",
            fix="for example `rftui tag @last best-so-far`",
        )


def _uid_and_tags(home: Home, name: str) -> tuple[int, tuple[str, ...]]:
    with closing(open_catalogue(home)) as connection:
        summary = find_run(connection, name)
        uid = connection.execute("SELECT id FROM run WHERE name=?", (summary.name,)).fetchone()[0]
    return int(uid), summary.tags


def _record_tags(home: Home, kind: str, uid: int, tags: Sequence[str]) -> None:
    if tags:
        record(home, kind, [{"uid": uid, "tag": tag} for tag in tags])
        _index(home)
