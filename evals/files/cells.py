"""What stands in the cells of strangers' tables: images, options and right answers, however they are written."""

from __future__ import annotations

import ast
import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from evals.files.pictures import base64_bytes
from evals.grading import normalized

_ANSWER_TAGS = re.compile(r"^\s*(?:<think>.*?</think>)?\s*<answer>(.*?)</answer>\s*$", re.DOTALL)
_IMAGE_MARK = re.compile(r"<image>|<img>|<\|image_pad\|>|<\|vision_(?:start|end)\|>")
_NUMBERED_IMAGE_MARK = re.compile(r"<image[ _](\d+)>")
_LETTER = re.compile(r"^\(?([A-Ja-j])\)?[.:)]?$")
_LABELLED = re.compile(r"^\(?([A-Ja-j])[).:]\s*(\S.*)$", re.DOTALL)
_LABELLED_PARTS = re.compile(r"(?:^|(?<=\s))\(?([A-J])[).:]\s+")
_LONGEST_PATH = 1000
"""Longer texts in a column of images are contents and no names."""


class CellError(ValueError):
    """A row that cannot be asked."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        """Goes on from `a row`: without an answer."""
        self.detail = detail
        """What stands there."""
        super().__init__(f"{reason}: {detail}" if detail else reason)


class LaterImages(ABC):
    """Images that are decoded only when they are asked for."""

    def __init__(self, *, may_be_several: bool) -> None:
        self.may_be_several = may_be_several

    @abstractmethod
    def cells(self) -> tuple[ImageCell, ...]:
        """The images. Raises OSError where there is none that can be read."""


class ImageCell(NamedTuple):
    """One image of a row: where it lies, or its bytes; or all images of a cell that is decoded later."""

    path: str
    data: bytes | None
    later: LaterImages | None = None


def decoded_cells(images: Sequence[ImageCell]) -> tuple[ImageCell, ...]:
    """The images, with those of later cells in their places. Raises OSError."""
    return tuple(found for image in images for found in (image.later.cells() if image.later else (image,)))


def image_cells(cell: Any) -> tuple[ImageCell, ...]:
    """The images in a cell: a path, bytes, base64, `{bytes, path}`, or a list of these. Raises CellError."""
    if cell is None or cell == "":
        return ()
    if isinstance(cell, LaterImages):
        return (ImageCell("", None, cell),)
    if isinstance(cell, bytes | bytearray):
        return (ImageCell("", bytes(cell)),)
    if isinstance(cell, Mapping):
        content = cell.get("bytes")
        if content:
            return image_cells(content)
        path = cell.get("path") or cell.get("file_name") or cell.get("url")
        if not path:
            raise CellError("with an image that has neither bytes nor path", ", ".join(map(str, cell)))
        return image_cells(path)
    if isinstance(cell, list | tuple):
        return tuple(image for item in cell for image in image_cells(item))
    if not isinstance(cell, str):
        raise CellError("with an image that is neither text nor bytes", type(cell).__name__)
    return _image_text(cell)


def _image_text(text: str) -> tuple[ImageCell, ...]:
    stripped = text.strip()
    if stripped.startswith("["):
        return image_cells(_literal(stripped))
    if stripped.startswith(("http://", "https://")):
        raise CellError("with an image that is an address on the net (rftui downloads none)", stripped[:100])
    if len(stripped) > _LONGEST_PATH or stripped[:5].lower() == "data:":
        data = base64_bytes(stripped)
        if data is None:
            raise CellError("with an image that is a long text and no base64", stripped[:60])
        return (ImageCell("", data),)
    return (ImageCell(stripped.removeprefix("file://").replace("\\", "/"), None),)


def _literal(text: str) -> Any:
    """A list written as JSON or as Python prints it. Raises CellError."""
    try:
        return json.loads(text)
    except ValueError:
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            raise CellError("with a list that cannot be read", text[:60]) from None


def text_of(cell: Any) -> str:
    """A cell as text; empty for nothing, `true` and `false` as JSON has them, 3 for 3.0."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    text = str(cell).strip()
    # a table may have a million rows, most of them without tags
    tagged = _ANSWER_TAGS.match(text) if "<answer>" in text else None
    return tagged[1].strip() if tagged else text


def question_text(cell: Any) -> str:
    """A question without marks for where its image stands; numbered ones are named."""
    text = cell.strip() if isinstance(cell, str) else text_of(cell)
    return _NUMBERED_IMAGE_MARK.sub(r"image \1", _IMAGE_MARK.sub("", text)).strip() if "<" in text else text


def option_texts(cell: Any) -> tuple[str, ...]:
    """The options in a cell: a list, a table by letter, or one text that holds them all; labels are taken off."""
    if cell is None or cell == "":
        return ()
    if isinstance(cell, Mapping):
        return option_texts(list(cell["text"] if isinstance(cell.get("text"), list) else cell.values()))
    if isinstance(cell, list | tuple):
        return _without_labels([text for item in cell if (text := text_of(item))])
    text = str(cell).strip()
    if text.startswith(("[", "{")):
        return option_texts(_literal(text))
    labelled = _LABELLED_PARTS.split(text)
    letters = labelled[1::2]
    if not labelled[0].strip() and len(letters) > 1 and letters == list("ABCDEFGHIJ"[: len(letters)]):
        return tuple(part.strip().rstrip(",;") for part in labelled[2::2])
    for separator in ("\n", "|", ";", ","):
        if separator in text:
            return _without_labels([part.strip() for part in text.split(separator) if part.strip()])
    return (text,)


def _without_labels(texts: Sequence[str]) -> tuple[str, ...]:
    """Options without `A.`, `B.` in front, where all have theirs in order."""
    if not texts or not _LABELLED.match(texts[0]):
        return tuple(texts)
    matches = [_LABELLED.match(text) for text in texts]
    letters = "".join(match[1].upper() for match in matches if match)
    if len(texts) > 1 and letters == "ABCDEFGHIJ"[: len(texts)]:
        return tuple(match[2].strip() for match in matches if match)
    return tuple(texts)


class AnswerAs(StrEnum):
    """How the right answer is written where a row has options."""

    TEXT = "text"
    """The text of the option."""
    LETTER = "letter"
    """A for the first option."""
    INDEX = "index"
    """0 for the first option."""
    INDEX1 = "index1"
    """1 for the first option."""


class AnswerCell(NamedTuple):
    """The right answers in a cell."""

    texts: tuple[str, ...]
    """As they stand there; the first is gold, the others count as right too."""


def answer_cell(cell: Any) -> AnswerCell:
    """The answers in a cell: a text, a number, or several, of which the most frequent is gold (VQA asks ten people)."""
    if isinstance(cell, Mapping):
        return answer_cell(next((cell[key] for key in ("answer", "text", "label") if key in cell), None))
    if isinstance(cell, list | tuple):
        texts = [text for item in cell for text in answer_cell(item).texts]
        # equal counts stay in the order of the cell
        return AnswerCell(tuple(text for text, _ in Counter(texts).most_common()))
    if isinstance(cell, str) and cell.strip().startswith("["):
        try:
            return answer_cell(_literal(cell.strip()))
        except CellError:
            pass
    text = text_of(cell)
    return AnswerCell((text,) if text else ())


@lru_cache(maxsize=4096)
def options_by_text(options: tuple[str, ...]) -> Mapping[str, str]:
    """Options by how answers are compared; fewer than there are options where two of them cannot be told apart."""
    # many rows have the same options
    return {normalized(option): option for option in reversed(options)}


def chosen_option(text: str, options: tuple[str, ...], way: AnswerAs) -> str | None:
    """The option that an answer written this way means; its own text always counts. None where it means none."""
    if way is AnswerAs.LETTER and (letter := _LETTER.match(text)):
        place = ord(letter[1].upper()) - ord("A")
        return options[place] if place < len(options) else None
    if way in (AnswerAs.INDEX, AnswerAs.INDEX1) and text.isdecimal():
        place = int(text) - (way is AnswerAs.INDEX1)
        return options[place] if 0 <= place < len(options) else None
    by_text = options_by_text(options)
    labelled = _LABELLED.match(text)
    return by_text.get(normalized(text)) or (by_text.get(normalized(labelled[2])) if labelled else None)


def fitting_way(counts: Mapping[AnswerAs, int]) -> AnswerAs:
    """The way in which most answers mean an option; text before letters before numbers where several do alike."""
    return max(AnswerAs, key=lambda way: counts.get(way, 0))
