"""The documentation says what is there."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_page_of_files_is_what_the_files_say() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "list_files.py"))["files_page"]()

    assert (ROOT / "docs" / "files.md").read_text(encoding="utf-8") == made, "run `make docs`"


def test_every_source_file_says_what_it_is_for() -> None:
    purpose = runpy.run_path(str(ROOT / "docs" / "list_files.py"))["purpose"]
    files = [path for package in ("rftui", "trainer", "evals", "store") for path in (ROOT / package).rglob("*.py")]

    assert [path.name for path in files if not purpose(path)] == []


def test_links_between_pages_lead_to_files() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    links = [(page, link) for page in pages for link in re.findall(r"\]\(([^)#]+)\)", page.read_text())]

    broken = [(page.name, link) for page, link in links if "://" not in link and not (page.parent / link).exists()]

    assert broken == []
