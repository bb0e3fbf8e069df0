"""Where everything of a study lies in its home. Makes nothing; names only."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from rftui.errors import NotFound
from rftui.studies.definition import NAME_PATTERN
from store.layout import Home


class StudyPlace:
    """The files of one study."""

    def __init__(self, home: Home, name: str) -> None:
        self.home = home
        self.name = name

    @property
    def path(self) -> Path:
        """Its folder."""
        return studies_dir(self.home) / self.name

    @property
    def definition(self) -> Path:
        """What the study is, for people to edit."""
        return self.path / "study.toml"

    @property
    def started(self) -> Path:
        """What it was when it last ran."""
        return self.path / "started.toml"

    @property
    def taken(self) -> Path:
        """Runs from elsewhere that stand for cells, by cell."""
        return self.path / "taken.json"

    @property
    def lock(self) -> Path:
        """Held by whoever starts its runs."""
        return self.path / "study.lock"

    @property
    def report(self) -> Path:
        """Its report."""
        return self.path / "report"

    def forecast(self, task: str) -> Path:
        """What was forecast for one of its tasks before training."""
        return self.path / f"forecast-{task}.json"


def studies_dir(home: Home) -> Path:
    """Folder of all studies of a home."""
    return home.path / "studies"


def study_names(home: Home) -> list[str]:
    """Names of the studies that are there; folders without study.toml are none."""
    folder = studies_dir(home)
    if not folder.is_dir():
        return []
    return sorted(
        path.name
        for path in folder.iterdir()
        if re.fullmatch(NAME_PATTERN, path.name) and (path / "study.toml").is_file()
    )


def find_place(home: Home, name: str) -> StudyPlace:
    """The study of that name. Raises NotFound that names the nearest."""
    names = study_names(home)
    if name in names:
        return StudyPlace(home, name)
    nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
    raise NotFound(
        f"no study {name}",
        found=", ".join(names) or f"no study in {studies_dir(home)}",
        expected="the name of a study of this home",
        fix=f"write {nearest[0]}" if nearest else "`rftui study new paper` makes one, `rftui study list` lists them",
    )
