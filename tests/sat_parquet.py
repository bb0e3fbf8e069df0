"""Small parquet files in SAT's two forms, with pictures that can be told apart."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

STRUCT = pa.list_(pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
BINARY = pa.list_(pa.binary())


def picture(number: int, *, side: int = 8) -> bytes:
    """A PNG of one colour, different for each number."""
    file = io.BytesIO()
    Image.new("RGB", (side, side), (number % 256, number // 256 % 256, 7)).save(file, "PNG")
    return file.getvalue()


def row(number: int, **changed: Any) -> dict[str, Any]:
    """A question about picture `number`, with three options, the middle one right."""
    return {
        "images": [picture(number)],
        "question": f"What is in picture {number}?",
        "answers": [f"a{number}", f"b{number}", f"c{number}"],
        "question_type": ("obj_movement", "perspective")[number % 2],
        "correct_answer": f"b{number}",
        **changed,
    }


def write(
    path: Path,
    rows: Sequence[dict[str, Any]],
    *,
    column: str = "image_bytes",
    kind: pa.DataType = STRUCT,
    **options: Any,
) -> Path:
    """Writes the rows in version 1 (`image_bytes`) or 2 (`images`), images as structs or as bytes."""

    def images(one: dict[str, Any]) -> list[Any] | None:
        found: list[bytes | None] | None = one["images"]
        if found is None or kind != STRUCT:
            return found
        # a path of somebody's own machine may stand in such files
        return [None if data is None else {"bytes": data, "path": f"/home/me/{n}.png"} for n, data in enumerate(found)]

    text = [name for name in ("question", "answers", "question_type", "correct_answer") if rows and name in rows[0]]
    columns = {column: pa.array([images(one) for one in rows], kind)}
    columns |= {name: pa.array([one[name] for one in rows], _type(name)) for name in text}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **options)
    return path


def _type(name: str) -> pa.DataType:
    return pa.list_(pa.string()) if name == "answers" else pa.string()
