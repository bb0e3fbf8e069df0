"""Where everything lies, and which folders are runs."""

from __future__ import annotations

from pathlib import Path

import pytest

import store.layout
from store.layout import Home, filesystem_type, mounted_type, resolve_home


def test_folders_without_a_launch_are_no_runs(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for name in ("b-2", "a-1", ".hidden", "half-made"):
        home.run(name).path.mkdir(parents=True)
    for name in ("b-2", "a-1", ".hidden"):
        home.run(name).launch.write_text("{}")
    (home.runs_dir / "a-file").write_text("")

    assert home.runs() == ["a-1", "b-2"]


def test_a_home_that_is_not_there_has_no_runs(tmp_path: Path) -> None:
    assert Home(tmp_path / "nowhere").runs() == []
    assert not (tmp_path / "nowhere").exists()


def test_the_home_is_the_option_then_the_variable_then_the_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.delenv("RFTUI_HOME", raising=False)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    places = [resolve_home(None).path]
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg"))
    places.append(resolve_home(None).path)
    monkeypatch.setenv("RFTUI_HOME", "~/named")
    places.append(resolve_home(None).path)
    places.append(resolve_home(Path("~/option")).path)

    assert [str(place.relative_to(tmp_path)) for place in places] == [
        "me/.local/share/rftui",
        "xdg/rftui",
        "me/named",
        "me/option",
    ]


MOUNTS = r"""
/dev/root / ext4 rw 0 0
server:/home /home nfs4 rw 0 0
/dev/sdb /home/local xfs rw 0 0
lustre:/scratch /scratch lustre rw 0 0
server:/two /with\040space nfs rw 0 0
server:/three /données nfs rw 0 0
overlay /dup ext4 rw 0 0
server:/dup /dup nfs rw 0 0
""".lstrip()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/data", "ext4"),
        ("/home/me/rftui", "nfs4"),
        ("/home/local/rftui", "xfs"),
        ("/homely/rftui", "ext4"),  # begins with the letters of a mount and is elsewhere
        ("/scratch", "lustre"),
        ("/with space/rftui", "nfs"),
        ("/données/rftui", "nfs"),
        ("/dup/rftui", "nfs"),  # what was mounted over it later
    ],
)
def test_the_filesystem_is_that_of_the_nearest_mount(path: str, kind: str) -> None:
    assert mounted_type(MOUNTS, path) == kind


def test_a_path_that_is_not_there_yet_is_on_the_filesystem_of_its_nearest_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "mounts").write_text(f"/dev/root / ext4 rw 0 0\nserver:/x {tmp_path.resolve()} nfs rw 0 0\n")
    monkeypatch.setattr(store.layout, "MOUNTS", tmp_path / "mounts")

    assert filesystem_type(tmp_path / "not" / "there" / "yet") == "nfs"
    assert filesystem_type(tmp_path.parent) == "ext4"


def test_on_a_network_filesystem_the_databases_are_on_a_local_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(store.layout, "filesystem_type", lambda path: "nfs4")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    one, other = Home(tmp_path / "one"), Home(tmp_path / "other")

    assert one.catalogue.is_relative_to(tmp_path / "cache" / "rftui")
    assert one.rollouts("a-1").parent.parent == one.catalogue.parent
    assert one.databases != other.databases
    assert one.run("a-1").path == tmp_path / "one" / "runs" / "a-1"


def test_on_a_local_filesystem_the_databases_are_in_the_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(store.layout, "filesystem_type", lambda path: "ext4")

    assert Home(tmp_path).catalogue == tmp_path / "catalogue.db"


def test_without_a_list_of_mounts_the_filesystem_is_unknown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(store.layout, "MOUNTS", tmp_path / "nowhere")

    assert filesystem_type(tmp_path) == ""
