"""The studies of a home and those that ship, as one list."""

from __future__ import annotations

from typing import NamedTuple

from rftui.errors import RftuiError
from rftui.studies.definition import shipped_titles
from rftui.studies.places import study_names
from rftui.studies.progress import read_study
from store.layout import Home


class ListedStudy(NamedTuple):
    """One study in a list."""

    name: str
    title: str
    is_shipped: bool
    """Whether it ships, and is not made in this home yet."""
    cells: int
    finished: int
    states: dict[str, int]
    """Cells by state."""
    problem: str = ""
    """Why its definition cannot be read; empty where it can."""


def listed_studies(home: Home) -> list[ListedStudy]:
    """The home's studies by name, then what ships and is not among them. A broken one hides no other."""
    there = [_listed(home, name) for name in study_names(home)]
    names = {item.name for item in there}
    shipped = [
        ListedStudy(item.name, item.title, is_shipped=True, cells=0, finished=0, states={})
        for item in shipped_titles()
        if item.name not in names
    ]
    return [*there, *shipped]


def _listed(home: Home, name: str) -> ListedStudy:
    try:
        view = read_study(home, name)
    except RftuiError as error:
        return ListedStudy(name, "", is_shipped=False, cells=0, finished=0, states={}, problem=error.error)
    finished = sum(item.is_finished for item in view.cells)
    return ListedStudy(name, view.study.title, False, len(view.cells), finished, view.counts())
