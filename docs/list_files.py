"""Prints docs/files.md: every source file with the first sentence of its docstring or comment. `make docs` runs it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("rftui", "trainer", "evals", "store", "tests", "benchmarks", "docs")


def purpose(path: Path) -> str:
    """The first line that says what a file is for; empty where it says nothing."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        lines = (ast.get_docstring(ast.parse(text)) or "").splitlines()
    elif path.suffix == ".toml":
        lines = [line.removeprefix("# ") for line in text.splitlines() if line.startswith("#")]
    else:
        lines = []
    paragraph = " ".join(lines).strip()
    return re.split(r"(?<=[.]) ", paragraph, maxsplit=1)[0] if paragraph else ""


def files_page() -> str:
    """The whole page."""
    parts = ["# Files\n\nMade by `make docs` from the files themselves.\n"]
    for package in PACKAGES:
        files = [
            path for suffix in ("py", "toml") for path in sorted((ROOT / package).rglob(f"*.{suffix}")) if purpose(path)
        ]
        rows = [f"| `{path.relative_to(ROOT).as_posix()}` | {purpose(path).replace('|', '/')} |" for path in files]
        parts.append("\n".join([f"## {package}/\n", "| file | what it is for |", "| --- | --- |", *rows, ""]))
    return "\n".join(parts)


if __name__ == "__main__":
    print(files_page(), end="")
