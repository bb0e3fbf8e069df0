"""Where SAT lies: a folder, the Hub, or one file, in the layout of version 1 or 2; which files a part of it means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evals.errors import TaskError
from evals.files.same_images import Components
from evals.files.splits import Shares, split_by_hash

if TYPE_CHECKING:
    from evals.files.sat_rows import SatRows

PARTS = ("train", "static", "val", "test")
"""What the authors call their four parts."""
HUB = "hub:"
SHARES = Shares()
"""How a single file is cut."""
_SHARD = re.compile(r"-(\d+)-of-(\d+)(?:-[0-9a-f]+)?\.parquet$")


def patterns(part: str) -> tuple[str, ...]:
    """Where a part may lie below a folder: version 1's file, version 2's shards, and these by plainer names."""
    return f"SAT_{part}.parquet", f"data/{part}-*.parquet", f"{part}-*.parquet", f"{part}.parquet"


class SatPlace:
    """SAT at one place: a folder, a single file, or a data set on the Hub. Looks at names alone. Raises TaskError."""

    def __init__(self, option: str) -> None:
        self.option = option
        self.repository = option.removeprefix(HUB) if option.startswith(HUB) else None
        self.path = Path(option).expanduser()
        self.is_cut = self.repository is None and self.path.is_file() and part_named(self.path) is None
        """Whether it is one file under a name of the user's own, which the splits share."""
        self._rows: dict[str, SatRows] = {}
        if self.repository is not None:
            _check_repository(self.repository)
        elif not self.is_cut and not (option and any(self._local_files(part) for part in PARTS)):
            raise self._nothing_here()

    @property
    def title(self) -> str:
        """What it is, for people."""
        if self.repository is not None:
            return f"SAT from the Hub, {self.repository}"
        return f"SAT in {self.path.name or self.path}" if not self.is_cut else f"Questions in {self.path.name}"

    @property
    def cut(self) -> str:
        """How a single file is cut, for people."""
        held, validation = round(100 * SHARES.heldout), round(100 * SHARES.validation)
        return f"cut by its images: {held}% held out, {validation}% validation, no image in two splits"

    def rows(self, part: str) -> SatRows:
        """The rows of one part, opened once; a single file of the user's own is every part. Raises TaskError."""
        key = "" if self.is_cut else part
        if key not in self._rows:
            # numpy and pyarrow cost 0.3 s, which a command that only asks where SAT is need not pay
            from evals.files.sat_rows import SatRows

            rows = SatRows([self.path] if self.is_cut else self._files(part))
            rows.log_problems()
            self._rows[key] = rows
        return self._rows[key]

    def cut_rows(self, split: str) -> list[int]:
        """Rows of a single file that are in this split; rows that share an image are in one. Reads all images once."""
        rows = self.rows("")
        rows.store_images(len(rows))
        together = Components()
        for row in range(len(rows)):
            together.join(rows.digests(row))
        return [row for row in range(len(rows)) if split_by_hash(together.root(rows.digests(row)[0]), SHARES) == split]

    def _files(self, part: str) -> list[Path]:
        files = (
            self._local_files(part) if self.repository is None else part_files(hub_folder(self.repository, part), part)
        )
        if not files:
            there = [other for other in PARTS if self._local_files(other)]
            raise TaskError(
                f"source {self.option} has no {part} part" + (f", only {', '.join(there)}" if there else ""),
                expected=" or ".join(patterns(part)[:2]),
                fix=_part_fix(part, there, is_file=self.path.is_file()),
            )
        return files

    def _local_files(self, part: str) -> list[Path]:
        if self.repository is not None:
            return []
        if self.path.is_file():
            return [self.path] if part_named(self.path) == part else []
        return part_files(self.path, part)

    def _nothing_here(self) -> TaskError:
        if not self.option or not self.path.is_dir():
            found = f"source {self.option} is not there"
        else:
            names = sorted(entry.name for entry in self.path.iterdir())
            found = f"source {self.option} holds {', '.join(names[:5]) or 'nothing'}{', ...' if len(names) > 5 else ''}"
        return TaskError(
            found,
            expected="a folder with SAT_train.parquet, SAT_val.parquet and SAT_test.parquet (version 2: data/train-*), "
            "a parquet file, or hub:array/SAT",
            fix="correct the path, or leave --data out for generated scenes",
        )


def _part_fix(part: str, there: Sequence[str], *, is_file: bool) -> str:
    if part in ("val", "test") and (other := next((one for one in ("val", "test") if one in there), None)):
        return f"--set task_options.heldout={other}, or fetch the part"
    if is_file:
        return "name the folder that holds all parts; or give the file another name, and it is cut into splits"
    return "fetch the part, or name another place that has it"


def part_files(folder: Path, part: str) -> list[Path]:
    """The files of one part in reading order; none where the folder lacks it. Raises TaskError for a missing shard."""
    for pattern in patterns(part):
        if found := sorted(folder.glob(pattern)):
            _check_shards(found)
            return found
    return []


def part_named(path: Path) -> str | None:
    """The part that the name of a single file says it is; None for a name of the user's own."""
    return next((part for part in PARTS if any(path.match(pattern) for pattern in patterns(part))), None)


def _check_shards(files: Sequence[Path]) -> None:
    shards = [match for file in files if (match := _SHARD.search(file.name))]
    if len(shards) != len(files):
        return
    wanted = {int(match[2]) for match in shards}
    if wanted != {len(files)} or {int(match[1]) for match in shards} != set(range(len(files))):
        raise TaskError(
            f"{files[0].parent} has {len(files)} shards such as {files[0].name}",
            expected=f"all {max(wanted)} of them",
            fix="fetch the others, and nothing of another revision",
        )


def _check_repository(repository: str) -> None:
    if not re.fullmatch(r"\w[\w.-]*/\w[\w.-]*(@[\w./-]+)?", repository):
        raise TaskError(
            f"source {HUB}{repository}",
            expected=f"{HUB}OWNER/NAME, with @REVISION where one is meant",
            fix=f"for example {HUB}array/SAT or {HUB}array/SAT-v2",
        )


def hub_folder(repository: str, part: str) -> Path:
    """The folder with one part of a data set on the Hub, fetched where it is not in huggingface_hub's cache.

    Raises TaskError where it cannot be had. `repository` may end in `@revision`.
    """
    try:
        # comes with the training stack; reading local files needs none of it
        from huggingface_hub import snapshot_download
    except ImportError:
        raise TaskError(
            f"source hub:{repository} in an interpreter without huggingface_hub",
            expected="huggingface_hub, which the train extra brings",
            fix="pip install huggingface_hub",
        ) from None
    name, _, revision = repository.partition("@")
    try:
        # only what the split needs: all four parts together are 7.6 GB
        folder = snapshot_download(
            name, repo_type="dataset", revision=revision or None, allow_patterns=list(patterns(part))
        )
    # no network, no such repository or revision, gated, disk full: all are OSError; a name that cannot be is ValueError
    except (OSError, ValueError) as error:
        raise TaskError(
            f"data set {repository} cannot be fetched from the Hub: {(str(error).splitlines() or ['?'])[0]}",
            expected="a reachable Hub, or the files in its cache",
            fix="fetch the files elsewhere and name their folder with --data",
        ) from error
    return Path(folder)
