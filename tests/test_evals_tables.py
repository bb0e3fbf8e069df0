"""Tables of examples by row number: where rows begin is kept, and a bad row spoils no other."""

from __future__ import annotations

import json
import random
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from evals.errors import TaskError
from evals.files import tables
from evals.files.tables import RowError, Table, open_table

ROWS = [{"id": number, "question": f"wie groß? ☃ {number}", "options": ["a", "b"]} for number in range(50)]


def write(tmp_path: Path, name: str, text: str | bytes) -> Table:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return open_table(path)


def rows(table: Table) -> list[dict[str, Any]]:
    """All rows, asked for in a mixed order."""
    order = random.Random(0).sample(range(len(table)), len(table))
    by_index = {index: table[index] for index in order}
    return [by_index[index] for index in range(len(table))]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(map(json.dumps, ROWS)),
        "\ufeff" + "\r\n".join(map(json.dumps, ROWS)) + "\r\n",  # as Windows writes it
        "\n\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS) + "\n \n",
        json.dumps(ROWS),
        "\ufeff \n" + json.dumps(ROWS, indent=2, ensure_ascii=False) + "\n",
    ],
)
def test_json_rows_are_reached_by_number(tmp_path: Path, text: str) -> None:
    table = write(tmp_path, "x.json", text)

    assert rows(table) == ROWS
    assert table.columns == ("id", "question", "options")


def test_an_array_longer_than_what_is_read_at_once_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "_CHUNK_BYTES", 7)
    long = [*ROWS, {"text": "x" * 500 + '"]}[{' + "☃" * 100}, {"last": [1, {"a": []}]}]

    assert rows(write(tmp_path, "x.json", json.dumps(long, ensure_ascii=False))) == long


@pytest.mark.parametrize("text", ['[{"a": 1}, {"a": ', '[{"a": 1} nonsense]', "[{'a': 1}]"])
def test_an_array_that_breaks_off_says_where(tmp_path: Path, text: str) -> None:
    with pytest.raises(TaskError, match=r"no whole JSON array: byte \d+"):
        write(tmp_path, "x.json", text)


def test_a_bad_line_spoils_no_other(tmp_path: Path) -> None:
    table = write(tmp_path, "x.jsonl", '{"a": 1}\n{"a": \n[1]\n{"a": 4}\n{"a": "\xff"}'.encode("latin-1"))

    assert (table[0], table[3]) == ({"a": 1}, {"a": 4})
    for index, said in ((1, "no JSON"), (2, "a list where"), (4, "no JSON")):
        with pytest.raises(RowError, match=said):
            table[index]
    assert table.place(2) == "row 3"


@pytest.mark.parametrize(("name", "mark"), [("x.csv", ","), ("x.tsv", "\t")])
def test_cells_may_hold_line_ends_quotes_and_separators(tmp_path: Path, name: str, mark: str) -> None:
    lines = [
        mark.join(("image", " question ", "answer")),
        mark.join(("1.png", '"two\nlines ""said"" ☃"', f'"a{mark}b"')),
        "",
        mark.join(("2.png", "plain", "c")),
    ]

    table = write(tmp_path, name, "\ufeff" + "\r\n".join(lines))

    assert table.columns == ("image", "question", "answer")
    assert [row["image"] for row in rows(table)] == ["1.png", "2.png"]
    assert table[0]["question"].splitlines() == ["two", 'lines "said" ☃']
    assert table[0]["answer"] == f"a{mark}b"


def test_a_row_with_too_few_cells_is_named(tmp_path: Path) -> None:
    table = write(tmp_path, "x.csv", "a,b\n1,2\n3\n4,5\n")

    with pytest.raises(RowError, match="1 cells where the header has 2"):
        table[1]
    assert table[2] == {"a": "4", "b": "5"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.jsonl", "", "no rows"),
        ("x.csv", "a,b\n", "no rows"),
        ("x.xlsx", "PK", "ends in .xlsx"),
    ],
)
def test_files_that_are_no_table_are_refused(tmp_path: Path, name: str, text: str, said: str) -> None:
    with pytest.raises(TaskError, match=said):
        write(tmp_path, name, text)


def test_a_folder_is_sent_to_the_task_for_folders(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="--task folder"):
        open_table(tmp_path)
    with pytest.raises(TaskError, match="is not there"):
        open_table(tmp_path / "none.jsonl")


def test_memory_grows_by_places_and_not_by_rows(tmp_path: Path) -> None:
    row = json.dumps({"image": "x" * 2000, "question": "?"}) + "\n"
    path = tmp_path / "x.jsonl"
    path.write_text(row * 20_000)  # 40 MB

    tracemalloc.start()
    table = open_table(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(table) == 20_000
    assert peak < 2_000_000
