"""Journals survive hostile values, torn and foreign lines, and give back exactly what was written."""

from __future__ import annotations

import errno
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.journal import FOREIGN_CHARACTERS, Appender, decode_number, encode, next_seq, read_chunk
from tests.store_runs import PATIENTLY

LIMIT = 1 << 20
HOSTILE_TEXT = [
    "",
    "line\nbreak",
    "carriage\rreturn and \r\n both",  # bytes.splitlines would cut here
    "\u2028 and \u2029 and \x85 and \x0b\x0c",  # str.splitlines would cut here
    "nul \x00 and escape \x1b[31m",
    "lone surrogates \ud800 and \udfff",  # UTF-8 has no bytes for them
    "\U0001f600 family 👩‍👩‍👧‍👦",
    'quote " backslash \\ brace {',
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def record(seq: int, **fields: Any) -> dict[str, Any]:
    """A record with our form."""
    return {"v": 1, "seq": seq, "time": 1000.0 + seq, "type": "note", **fields}


def as_journal_says(value: Any) -> Any:
    """The value as JSON lines carry it."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, dict):
        return {key: as_journal_says(item) for key, item in value.items()}
    return [as_journal_says(item) for item in value] if isinstance(value, list) else value


@PATIENTLY
@given(json_values)
def test_a_record_is_one_line_and_comes_back_as_it_was(value: Any) -> None:
    line = encode(record(0, value=value))

    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert json.loads(line)["value"] == as_journal_says(value)


@pytest.mark.parametrize("text", HOSTILE_TEXT)
def test_text_survives_writing_and_reading(tmp_path: Path, text: str) -> None:
    (tmp_path / "j").write_bytes(encode(record(0, text=text)) + encode(record(1, text="after")))

    chunk = read_chunk(tmp_path / "j", 0, LIMIT)

    assert [found["text"] for found in chunk.records] == [text, "after"]
    assert chunk.foreign == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.float64("nan"), "NaN"),
        (Path("a/b"), "a/b"),  # whatever JSON lacks becomes text
        ({1: "one"}, {"1": "one"}),
        ((1, 2), [1, 2]),
    ],
)
def test_values_that_json_lacks_are_written_as_what_they_mean(value: Any, expected: Any) -> None:
    assert json.loads(encode(record(0, value=value)))["value"] == expected


@pytest.mark.parametrize(
    ("written", "number"),
    [("NaN", math.nan), ("Infinity", math.inf), ("-Infinity", -math.inf), (3, 3.0), (0.25, 0.25)],
)
def test_a_number_is_read_as_it_was_meant(written: Any, number: float) -> None:
    assert decode_number(written) == pytest.approx(number, nan_ok=True)


@pytest.mark.parametrize("written", [None, "0.5", True, [], {}])
def test_what_is_no_number_is_none(written: Any) -> None:
    assert decode_number(written) is None


def test_a_torn_last_line_waits_until_it_is_finished(tmp_path: Path) -> None:
    whole, torn = encode(record(0)), encode(record(1, text="x" * 50))
    (tmp_path / "j").write_bytes(whole + torn[:20])

    first = read_chunk(tmp_path / "j", 0, LIMIT)
    (tmp_path / "j").write_bytes(whole + torn)
    second = read_chunk(tmp_path / "j", first.next_offset, LIMIT)

    assert [found["seq"] for found in first.records] == [0]
    assert first.next_offset == len(whole)
    assert [found["seq"] for found in second.records] == [1]


@PATIENTLY
@given(st.lists(st.sampled_from(["", "a", "é", "\r", "\U0001f600" * 3]), max_size=8), st.data())
def test_reading_piece_by_piece_finds_what_reading_at_once_finds(texts: list[str], data: Any) -> None:
    lines = [encode(record(seq, text=text)) for seq, text in enumerate(texts)]
    seqs: list[int] = []
    offset = 0

    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(lines))
        file.flush()
        while True:
            chunk = read_chunk(Path(file.name), offset, data.draw(st.integers(1, 200)))
            seqs += [found["seq"] for found in chunk.records]
            if chunk.next_offset == offset:
                break
            offset = chunk.next_offset

    assert seqs == list(range(len(texts)))
    assert offset == sum(map(len, lines))


def test_a_ten_megabyte_line_is_one_record_even_for_a_small_reader(tmp_path: Path) -> None:
    text = "é" * 5_000_000
    (tmp_path / "j").write_bytes(encode(record(0, text=text)) + encode(record(1)))

    chunk = read_chunk(tmp_path / "j", 0, 4096)

    assert [found["seq"] for found in chunk.records] == [0]
    assert chunk.records[0]["text"] == text


FOREIGN = [
    b"Traceback (most recent call last):",
    b'{"type": "note", "v": 1, "seq": 0}',  # no time
    b'{"type": 3, "v": 1, "seq": 0, "time": 1}',
    b"[1, 2]",
    b"null",
    b"\xff\xfe\x00 not text",
    b'{"type": "note", "v": 1',
    b"[" * 100_000,  # deeper than the parser goes
    b"1" * 5_000,  # an integer longer than Python takes from text
]


@pytest.mark.parametrize("line", FOREIGN)
def test_a_foreign_line_is_kept_aside_and_its_neighbours_are_read(tmp_path: Path, line: bytes) -> None:
    before = encode(record(0))
    (tmp_path / "j").write_bytes(before + line + b"\n" + encode(record(1)))

    chunk = read_chunk(tmp_path / "j", 0, LIMIT)

    assert [found["seq"] for found in chunk.records] == [0, 1]
    assert [found.offset for found in chunk.foreign] == [len(before)]
    assert chunk.foreign[0].text == line.decode("utf-8", "replace")[:FOREIGN_CHARACTERS]


def test_empty_lines_are_nobodys(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"\n \n" + encode(record(0)) + b"\n")

    chunk = read_chunk(tmp_path / "j", 0, LIMIT)

    assert len(chunk.records) == 1 and chunk.foreign == []


def test_an_appender_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    for _ in range(2):
        appender = Appender(tmp_path / "j")
        appender.append("note", text="x")
        appender.append("note", text="y")
        appender.close()

    assert [found["seq"] for found in read_chunk(tmp_path / "j", 0, LIMIT).records] == [0, 1, 2, 3]
    assert next_seq(tmp_path / "j") == 4


def test_an_appender_ends_the_line_that_a_kill_cut_off(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(encode(record(0)) + b'{"v":1,"se')

    appender = Appender(tmp_path / "j")
    appender.append("note", text="after")
    appender.close()

    chunk = read_chunk(tmp_path / "j", 0, LIMIT)
    assert [found["seq"] for found in chunk.records] == [0, 1]
    assert [found.text for found in chunk.foreign] == ['{"v":1,"se']


def test_an_appender_on_a_full_disk_says_so_and_goes_on_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appender = Appender(tmp_path / "j")
    appender.append("note", text="before")
    real_write = os.write

    def all_but_seven_bytes(descriptor: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real_write(descriptor, data[:-7]) if len(data) > 60 else real_write(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr("store.journal.os.write", all_but_seven_bytes)
        with pytest.raises(OSError, match="No space left"):
            appender.append("note", text="lost" * 20)
    appender.append("note", text="after")
    appender.close()

    chunk = read_chunk(tmp_path / "j", 0, LIMIT)
    assert [found["text"] for found in chunk.records] == ["before", "after"]
    assert len(chunk.foreign) == 1
