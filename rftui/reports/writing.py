"""Writes a report into a folder: one HTML page, Markdown with its figures and images beside it, and JSON."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rftui.cli.output import json_safe
from rftui.reports.document import document
from rftui.reports.figures import Drawing, check_can_draw, draw_courses, draw_effects, draw_lengths, draw_table
from rftui.reports.findings import TITLES, Question
from rftui.reports.markdown import markdown
from rftui.reports.page import html
from rftui.reports.pictures import Picture, read_picture
from rftui.reports.prose import caption
from rftui.reports.report import Report
from store.layout import Home

PAGE, MARKDOWN, DOCUMENT = "report.html", "report.md", "report.json"
FIGURES, IMAGES = "figures", "images"


class Written(NamedTuple):
    """The files of a report."""

    page: Path
    markdown: Path
    document: Path
    figures: tuple[Path, ...]


def draw(report: Report) -> list[Drawing]:
    """Every figure that there is data for. Raises UsageProblem where matplotlib is missing."""
    check_can_draw()
    drawings = [draw_table(report.table, caption(report, "accuracy"))]
    for question in (Question.THINKING, Question.LONGER):
        answer = report.answer(question)
        if answer is not None:
            drawings.append(draw_effects(answer, question.value, TITLES[question], caption(report, question.value)))
    drawings.append(draw_courses(report.courses, caption(report, "steps")))
    drawings.append(draw_lengths(report.lengths, caption(report, "lengths")))
    return [drawing for drawing in drawings if drawing is not None]


def pictures_of(home: Home, report: Report) -> dict[str, Picture]:
    """The images of its examples by hash; those that are gone or none are left out."""
    wanted = {
        example.image[1]: example.image[0]
        for chosen in report.examples
        for example in chosen.examples
        if example.image is not None
    }
    found = {digest: read_picture(home, run, digest) for digest, run in wanted.items()}
    return {digest: picture for digest, picture in found.items() if picture is not None}


def write_report(home: Home, report: Report, out: Path, *, with_figures: bool = True) -> Written:
    """Writes every file; what an earlier report left there is replaced. Raises OSError and UsageProblem."""
    figures = draw(report) if with_figures else []
    pictures = pictures_of(home, report)
    page = html(report, figures=figures, images={digest: picture.uri for digest, picture in pictures.items()})
    text = markdown(report, figures=figures, images={digest: picture.name for digest, picture in pictures.items()})
    fields = json.dumps(json_safe(document(report)), indent=1, sort_keys=False) + "\n"
    out.mkdir(parents=True, exist_ok=True)
    drawn = _write_beside(out, figures, pictures)
    # the pages last, so that what they show is there
    for name, content in ((DOCUMENT, fields), (MARKDOWN, text), (PAGE, page)):
        _replace(out / name, content.encode("utf-8", "replace"))
    return Written(out / PAGE, out / MARKDOWN, out / DOCUMENT, drawn)


def _write_beside(out: Path, figures: Sequence[Drawing], pictures: Mapping[str, Picture]) -> tuple[Path, ...]:
    """Figures and images as files, for the Markdown."""
    for folder, names in ((FIGURES, r"[a-z-]+\.(svg|png)"), (IMAGES, r"[0-9a-f]{8,16}\.(png|jpg)")):
        _remove_earlier(out / folder, names)
    drawn = []
    for drawing in figures:
        (out / FIGURES).mkdir(exist_ok=True)
        for path, content in (
            (out / FIGURES / f"{drawing.name}.svg", drawing.light.encode()),
            (out / FIGURES / f"{drawing.name}.png", drawing.png),
        ):
            _replace(path, content)
            drawn.append(path)
    for picture in pictures.values():
        (out / IMAGES).mkdir(exist_ok=True)
        _replace(out / IMAGES / picture.name, picture.data)
    return tuple(drawn)


def _remove_earlier(folder: Path, names: str) -> None:
    """Files of an earlier report, by the names that reports give; anything else stays."""
    if folder.is_dir() and not folder.is_symlink():
        for path in folder.iterdir():
            if re.fullmatch(names, path.name):
                path.unlink()
        if not any(folder.iterdir()):
            shutil.rmtree(folder)


def _replace(path: Path, content: bytes) -> None:
    """The file whole or as it was."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_bytes(content)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
