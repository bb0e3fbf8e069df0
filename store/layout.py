"""Where everything of a home and of a run lies on disk."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

NETWORK_FILESYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "fuse.sshfs", "glusterfs", "9p", "afs"}
)
"""Filesystems on which SQLite's locks cannot be trusted."""
MOUNTS = Path("/proc/mounts")
OCTAL = re.compile(r"\\([0-7]{3})")
"""How /proc/mounts writes a space, a tab, a newline and a backslash."""


class RunDir:
    """The files of one run. Makes nothing; names only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.path.name

    @property
    def config(self) -> Path:
        """The resolved run configuration."""
        return self.path / "config.toml"

    @property
    def launch(self) -> Path:
        """Who launched the run, with what."""
        return self.path / "launch.json"

    @property
    def control(self) -> Path:
        """A request to stop."""
        return self.path / "control.json"

    @property
    def output(self) -> Path:
        """What the training process printed."""
        return self.path / "output.log"

    @property
    def supervisor_journal(self) -> Path:
        """The supervisor's records."""
        return self.path / "supervisor.jsonl"

    @property
    def supervisor_lock(self) -> Path:
        """Held by the supervisor for its life."""
        return self.path / "supervisor.lock"

    @property
    def supervisor_log(self) -> Path:
        """What the supervisor printed."""
        return self.path / "supervisor.log"

    @property
    def journal_dir(self) -> Path:
        """Journals of the training process."""
        return self.path / "journal"

    def journal(self, rank: int, attempt: int) -> Path:
        """Journal of one rank in one attempt."""
        return self.journal_dir / f"rank{rank}-attempt{attempt}.jsonl"

    @property
    def media(self) -> Path:
        """Images by content."""
        return self.path / "media"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of training."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """Final weights and processor."""
        return self.path / "model"

    @property
    def forecast(self) -> Path:
        """What a sampling before training says; written once, when it is done."""
        return self.path / "forecast.json"


class Home:
    """The files of one rftui home. Makes nothing; names only."""

    def __init__(self, path: Path, *, is_read_only: bool = False) -> None:
        self.path = path
        self.is_read_only = is_read_only
        """Whether readers leave it as it is: they adopt no trainer, settle no ending and index nothing."""
        self._databases: Path | None = None

    @property
    def databases(self) -> Path:
        """Folder of the databases: the home itself, or a local cache where the home is on a network filesystem."""
        if self._databases is None:
            found = self._databases_folder()
            if not self.path.exists():
                # where it will be made may be another filesystem
                return found
            self._databases = found
        return self._databases

    def _databases_folder(self) -> Path:
        if filesystem_type(self.path) not in NETWORK_FILESYSTEMS:
            return self.path
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return cache / "rftui" / hashlib.sha256(str(self.path.resolve()).encode()).hexdigest()[:16]

    @property
    def catalogue(self) -> Path:
        """Runs, metrics, evaluations."""
        return self.databases / "catalogue.db"

    def rollouts(self, name: str) -> Path:
        """Rollouts of one run."""
        return self.databases / "rollouts" / f"{name}.db"

    @property
    def user_journal(self) -> Path:
        """Notes, tags and other things that people did."""
        return self.path / "user.jsonl"

    @property
    def trash(self) -> Path:
        """Runs that were removed and can be put back."""
        return self.path / "trash"

    @property
    def runs_dir(self) -> Path:
        """Folder of all runs."""
        return self.path / "runs"

    def run(self, name: str) -> RunDir:
        """The run of that name, there or not."""
        return RunDir(self.runs_dir / name)

    def runs(self) -> list[str]:
        """Names of the runs that are there; folders without launch.json are no runs."""
        if not self.runs_dir.is_dir():
            return []
        return sorted(
            path.name
            for path in self.runs_dir.iterdir()
            if not path.name.startswith(".") and (path / "launch.json").exists()
        )


def resolve_home(option: Path | None) -> Home:
    """The home meant by --home, else $RFTUI_HOME, else the XDG data directory; $RFTUI_READ_ONLY makes it read-only."""
    named = option or os.environ.get("RFTUI_HOME")
    path = Path(os.path.expanduser(named)).absolute() if named else default_home().path
    return Home(path, is_read_only=bool(os.environ.get("RFTUI_READ_ONLY")))


def default_home() -> Home:
    """The home in the XDG data directory, which is meant where nothing names another."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return Home(data.absolute() / "rftui")


def filesystem_type(path: Path) -> str:
    """Type of the filesystem that holds `path`, or its nearest parent that exists; empty where /proc does not say."""
    target = path.absolute()
    while not target.exists() and target != target.parent:
        target = target.parent
    try:
        mounts = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""
    return mounted_type(mounts, str(target.resolve()))


def mounted_type(mounts: str, resolved: str) -> str:
    """Type of the mount that holds an absolute path, by the text of /proc/mounts; empty where none does."""
    best, found = "", ""
    for line in mounts.splitlines():
        _, mount_point, kind, *_ = line.split()
        place = OCTAL.sub(lambda match: chr(int(match[1], 8)), mount_point)
        is_above = resolved == place or resolved.startswith(place.rstrip("/") + "/")
        if is_above and len(place) >= len(best):
            best, found = place, kind
    return found
