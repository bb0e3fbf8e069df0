"""Which column of a table is the image, the question, the answer: by names that data sets use, or as the user says."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from evals.errors import TaskError

COMMON: Mapping[str, tuple[str, ...]] = {
    "image": (
        *("image", "images", "image_path", "image_paths", "img", "img_path", "image_file", "image_name", "file_name"),
        *("filename", "file", "picture", "photo", "image_bytes", "image_base64", "decoded_image", "path"),
    ),
    "question": ("question", "problem", "prompt", "query", "instruction", "sentence", "statement", "text", "caption"),
    "options": ("options", "choices", "candidates", "multi_choice_options", "multiple_choice_options", "option"),
    "answer": (
        *("answer", "solution", "gold", "correct_answer", "correct_option", "label", "target", "ground_truth", "gt"),
        *("correct", "answer_index", "answer_idx", "class", "answer_text"),
    ),
    "kind": ("type", "category", "question_type", "kind", "subject", "topic", "skill", "l2-category", "family"),
    "split": ("split", "partition", "set"),
    "id": ("id", "uid", "question_id", "qid", "sample_id", "identifier", "index", "idx"),
}
"""Names by what they are taken for, the surest first."""
SEVERAL_ANSWERS = ("answers", "accepted", "accepted_answers", "valid_answers")
"""Options where there is a column for the right one (SAT), otherwise the answers that count as right (VQA)."""
NUMBERED_IMAGE = re.compile(r"(image|img)[ _-]?\d{1,2}")
NUMBERED_OPTION = re.compile(r"(option|choice)[ _-]?([a-j]|\d)")
FIELD = re.compile(r"\{([^{}]+)\}")
"""A column named in a text."""
CHATS = ("conversations", "messages")


class Columns(NamedTuple):
    """What each column of a table is; empty for what there is none of."""

    image: tuple[str, ...]
    """One column, several numbered ones, or a path with {column} in it."""
    question: str
    options: tuple[str, ...]
    """One column of lists, or one column an option."""
    answer: str
    kind: str
    split: str
    id: str


def find_columns(names: Sequence[str], given: Mapping[str, str], *, has_question: bool) -> Columns:
    """The columns of a table, those that are `given` by what they are first.

    Raises TaskError for a given name that is not there, and where image, question or answer cannot be found;
    `has_question` says that the question is written elsewhere.
    """
    by_plain = {_plain(name): name for name in reversed(names)}
    found = {what: _given(what, given[what], names) for what in COMMON if given.get(what)}
    check_template(given.get("image", ""), names, option="image_column")
    taken = set(found.values())
    images = _numbered(by_plain, NUMBERED_IMAGE) if "image" not in found else []
    options = _options(by_plain, found)
    for what, common in COMMON.items():
        if what not in found:
            free = [by_plain[name] for name in common if name in by_plain and by_plain[name] not in taken]
            found[what] = free[0] if free else ""
            taken.add(found[what])
    several = next((by_plain[name] for name in SEVERAL_ANSWERS if name in by_plain), "")
    if not options and not found["options"] and found["answer"] and several not in taken:
        found["options"] = several
    found["answer"] = found["answer"] or several
    columns = Columns(
        image=tuple(images) if len(images) > 1 or not found["image"] else (found["image"],),
        question="" if has_question else found["question"],
        options=tuple(options) or ((found["options"],) if found["options"] else ()),
        answer=found["answer"],
        kind=found["kind"],
        split=found["split"],
        id=found["id"],
    )
    _refuse_missing(columns, names, has_question=has_question)
    return columns


def _plain(name: str) -> str:
    return re.sub(r"[ -]+", "_", name.strip().lower())


def _given(what: str, name: str, names: Sequence[str]) -> str:
    if name in names or (what == "image" and FIELD.search(name)):
        return name
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    raise TaskError(
        f"task_options.{what}_column is {name}, and there is no such column",
        expected=f"one of {', '.join(names)}",
        fix=f"--set task_options.{what}_column={nearest[0] if nearest else names[0]}",
    )


def check_template(text: str, names: Sequence[str], *, option: str) -> None:
    """Raises TaskError where a text asks for a {column} that is not there."""
    for name in FIELD.findall(text):
        if name not in names:
            nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
            raise TaskError(
                f"task_options.{option} asks for {{{name}}}, and there is no such column",
                expected=f"columns among {', '.join(names)}",
                fix=f"write {{{nearest[0]}}}" if nearest else "correct the name between the braces",
            )


def _numbered(by_plain: Mapping[str, str], pattern: re.Pattern[str]) -> list[str]:
    return [by_plain[name] for name in sorted(by_plain, key=_by_number) if pattern.fullmatch(name)]


def _by_number(name: str) -> tuple[str, int]:
    digits = re.search(r"\d+$", name)
    return (name[: digits.start()], int(digits[0])) if digits else (name, 0)


def _options(by_plain: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """One column an option: option_a, option_b, or simply A, B, C, D."""
    if "options" in found:
        return []
    numbered = _numbered(by_plain, NUMBERED_OPTION)
    letters = [by_plain[letter] for letter in "abcdefghij" if letter in by_plain]
    return numbered if len(numbered) > 1 else letters if len(letters) > 1 else []


def _refuse_missing(columns: Columns, names: Sequence[str], *, has_question: bool) -> None:
    wanted = {"image": columns.image, "question": columns.question or has_question, "answer": columns.answer}
    missing = [what for what, column in wanted.items() if not column]
    if not missing:
        return
    chat = next((name for name in names if _plain(name) in CHATS), None)
    raise TaskError(
        f"no column for the {' and the '.join(missing)} among {', '.join(names)}"
        + (f" ({chat} holds whole conversations)" if chat else ""),
        expected=f"a column such as {' and '.join(COMMON[what][0] for what in missing)}",
        fix=" ".join(f"--set task_options.{what}_column=NAME" for what in missing)
        + (" or --set task_options.question=TEXT" if "question" in missing else ""),
    )
