"""What is in a task, for people: sizes, balance, images, five examples a split as they will be asked, and problems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rftui.cli.output import Cell, Column
from rftui.formats import counted
from rftui.terminal.clean import one_line

SHOWN_OPTIONS = 12
LABEL_WIDTH = 28
PROMPT_WIDTH = 400
ROW_WIDTH = 200


class Table(NamedTuple):
    """A table to print."""

    columns: list[Column]
    rows: list[list[Cell | str]]


def heading(said: Mapping[str, Any]) -> Iterator[str]:
    """What the task is about, and what should be known of its source."""
    source = said["source"]
    if source is None:
        yield f"task {one_line(said['task'])}"
        return
    detail = one_line(source["detail"])
    # what is generated says so itself
    kind = "" if detail.lower().startswith(f"{source['kind']} data") else f", {source['kind']} data"
    yield f"task {one_line(said['task'])}{kind}: {detail}"
    for remark in said["remarks"]:
        yield f"  {one_line(remark, width=2 * ROW_WIDTH)}"
    answers = said["answers"]
    if answers["count"]:
        names = ", ".join(one_line(name, width=LABEL_WIDTH) for name in answers["first"][:SHOWN_OPTIONS])
        more = f" and {answers['count'] - SHOWN_OPTIONS:,} more" if answers["count"] > SHOWN_OPTIONS else ""
        yield f"  {counted(answers['count'], 'possible answer')}: {names}{more}"
    else:
        yield "  answers are open, or each example has its own options"


def split_table(said: Mapping[str, Any]) -> Table:
    """One row a split: size, options, chance, and what the most frequent answer would score."""
    columns = [
        Column("split"),
        Column("examples", is_right=True),
        Column("answers", is_right=True),
        Column("options", is_right=True),
        Column("chance", is_right=True),
        Column("copies", is_right=True),
        Column("always answering", can_shrink=True),
        Column("scores", is_right=True),
    ]
    rows: list[list[Cell | str]] = []
    for split in said["splits"]:
        labels = split["labels"]
        rows.append(
            [
                Cell(split["split"], "bold"),
                _size(split),
                f"{labels['different']:,}",
                _range(split["options"]),
                "-" if split["chance"] is None else f"{split['chance']:.1%}",
                f"{split['copies']:,}",
                one_line(labels["majority"], width=LABEL_WIDTH),
                f"{labels['majority_share']:.1%}" if split["seen"] else "-",
            ]
        )
    return Table(columns, rows)


def _size(split: Mapping[str, Any]) -> str:
    if split["length"] is None:
        return f"no end, {split['seen']:,} seen"
    return f"{split['length']:,}" + (f", {split['seen']:,} seen" if split["seen"] < split["length"] else "")


def _range(ends: Sequence[int] | None) -> str:
    if ends is None:
        return "open"
    low, high = ends
    return str(low) if low == high else f"{low}-{high}"


def balance_lines(said: Mapping[str, Any]) -> Iterator[str]:
    """How often each answer occurs, and each kind of example, by split."""
    for split in said["splits"]:
        labels, kinds = split["labels"], split["kinds"]
        if not split["seen"]:
            continue
        yield f"  {split['split']:<11}{_shares(labels['most_common'], labels['different'], split['seen'])}"
        if 1 < len(kinds) < labels["different"]:
            yield f"  {'':<11}by kind: {_shares(kinds[:10], len(kinds), split['seen'])}"
        share = labels["trained_majority_share"]
        if share is not None and split["split"] == "heldout":
            yield f"  {'':<11}the most frequent answer of train scores {share:.1%} here"


def _shares(counts: Sequence[Sequence[Any]], different: int, total: int) -> str:
    parts = [f"{one_line(name, width=LABEL_WIDTH)} {count:,} ({count / total:.1%})" for name, count in counts[:8]]
    more = f", and {different - len(parts):,} more" if different > len(parts) else ""
    return ", ".join(parts) + more


def image_lines(said: Mapping[str, Any]) -> Iterator[str]:
    """Images that were read: how many, their sizes, and the visual tokens they become."""
    for split in said["splits"]:
        images = split["images"]
        if not images["examples"]:
            continue
        yield f"  {split['split']:<11}{_image_text(images)}"
        if split["copied"]:
            some = "; ".join(one_line(pair, width=ROW_WIDTH) for pair in split["copied"][:3])
            yield f"  {'':<11}{counted(split['copies'], 'copy', 'copies')} of images of the same split: {some}"
    yield "  tokens are those of Qwen2.5-VL; the embedded model sees every image at 48x48 pixels, 9 tokens"


def _image_text(images: Mapping[str, Any]) -> str:
    unreadable = f", {images['unreadable_count']:,} unreadable" if images["unreadable_count"] else ""
    read = counted(images["read"], "image")
    looked = f"{counted(images['examples'], 'example')} looked at, {read} read{unreadable}"
    if not images["read"]:
        return looked
    sizes = dict.fromkeys("x".join(map(str, images[which])) for which in ("smallest", "largest"))
    least, median, most = images["tokens"]
    tokens = str(least) if least == most else f"{least} to {most} (median {median})"
    shrunk = f"; {images['shrunk']:,} are shrunk" if images["shrunk"] else ""
    return f"{looked}; {' to '.join(sizes)} pixels; {tokens} visual tokens an example{shrunk}"


def example_lines(said: Mapping[str, Any], *, count: int) -> Iterator[str]:
    """The first examples of each split, with both prompts in full as they will be asked."""
    for split in said["splits"]:
        for number, example in enumerate(split["shown"][:count], 1):
            yield ""
            yield f"{split['split']} {number}  {one_line(example['uid'], width=ROW_WIDTH)}"
            for label, text in _example_rows(example):
                yield f"  {label:<8} {text}"


def _example_rows(example: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    images = [f"{width}x{height}, {counted(tokens, 'visual token')}" for width, height, tokens in example["images"]]
    yield "image", "; ".join(images) or "unreadable"
    think, direct = example["prompts"]["think"], example["prompts"]["direct"]
    yield "think", one_line(think, width=PROMPT_WIDTH)
    yield "direct", _from_difference(think, direct)
    if example["options"]:
        more = f" and {len(example['options']) - SHOWN_OPTIONS} more" if len(example["options"]) > SHOWN_OPTIONS else ""
        shown = [one_line(option, width=LABEL_WIDTH) for option in example["options"][:SHOWN_OPTIONS]]
        yield "options", " | ".join(shown) + more
    yield "gold", one_line(example["gold"], width=ROW_WIDTH)


def _from_difference(think: str, direct: str) -> str:
    """The second prompt, from the sentence on in which it differs from the first."""
    same = next(
        (i for i, (a, b) in enumerate(zip(think, direct, strict=False)) if a != b), min(len(think), len(direct))
    )
    start = direct.rfind(". ", 0, same) + 2 if ". " in direct[:same] else 0
    return one_line(("... " if start else "") + direct[start:], width=PROMPT_WIDTH)


def problem_lines(said: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong, errors first, with the fix and some of the examples."""
    for problem in said["problems"]:
        yield f"{problem['level']}: {one_line(problem['found'], width=3 * ROW_WIDTH)}"
        for label, text in (("expected", problem["expected"]), ("fix", problem["fix"])):
            if text:
                yield f"  {label + ':':<10}{one_line(text, width=2 * ROW_WIDTH)}"
        for row in problem["examples"]:
            yield f"  - {one_line(row, width=ROW_WIDTH)}"


def conclusion(said: Mapping[str, Any]) -> str:
    """One line that says whether a launch would go on."""
    errors = sum(problem["level"] == "error" for problem in said["problems"])
    warnings = len(said["problems"]) - errors
    noted = f", {counted(warnings, 'warning')}" if warnings else ""
    if errors:
        return f"{counted(errors, 'error')}{noted}: a launch would fail"
    return f"no errors{noted}: a launch can go on"
