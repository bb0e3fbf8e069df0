"""What changed between two definitions of a study, and what that does to its cells. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from rftui.planning.settings import flatten
from rftui.studies.cells import cells_of, settings_digest
from rftui.studies.definition import Study
from rftui.terminal.clean import one_line

GONE = "not there"


class FieldChange(NamedTuple):
    """One field that is not as it was."""

    key: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.key}: {self.before} -> {self.after}"


class StudyChange(NamedTuple):
    """What became of a study."""

    fields: tuple[FieldChange, ...]
    added: tuple[str, ...]
    """Cells that were not there."""
    removed: tuple[str, ...]
    """Cells that are gone; their runs stay in the home and count no more."""
    altered: tuple[str, ...]
    """Cells whose runs were made for other settings; they are run anew under another name."""

    @property
    def is_harmless(self) -> bool:
        """Whether every run that there was still counts."""
        return not self.removed and not self.altered


TELLING = frozenset({"title", "published", "published_note"})
"""Fields that say something and decide nothing."""


def changes(before: Study, after: Study) -> StudyChange:
    """What is different in the second definition, field by field and cell by cell."""
    old, new = (_named(study.model_dump(mode="json")) for study in (before, after))
    keys = [key for key in dict.fromkeys([*new, *old]) if old.get(key, GONE) != new.get(key, GONE)]
    old_cells, new_cells = (
        {cell.key: settings_digest(study, cell) for cell in cells_of(study)} for study in (before, after)
    )
    return StudyChange(
        tuple(FieldChange(one_line(key), _text(old, key), _text(new, key)) for key in keys),
        added=tuple(key for key in new_cells if key not in old_cells),
        removed=tuple(key for key in old_cells if key not in new_cells),
        altered=tuple(key for key in new_cells if old_cells.get(key, new_cells[key]) != new_cells[key]),
    )


def _named(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields by dotted key, tasks and regimes by their names; what only tells is left out."""
    kept = {key: value for key, value in fields.items() if key not in TELLING}
    for table in ("tasks", "regimes"):
        kept[table] = {
            item["name"]: {key: value for key, value in item.items() if key not in ("name", "label")}
            for item in fields[table]
        }
    # an empty table says nothing, and would stand as gone beside the first key that is put into it
    return {key: value for key, value in flatten(kept) if value != {}}


def _text(fields: Mapping[str, Any], key: str) -> str:
    return one_line(json.dumps(fields[key], ensure_ascii=False), width=80) if key in fields else GONE
