"""Files that are moved, removed or replaced while or before they are open: no log is applied to another file."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from durability.workload import CALLER, GROUP, open_file
from sagemaker_registry.backends import BackendUnavailable
from sagemaker_registry.backends.errors import InternalFailure, ServiceUnavailable
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.rows import GROUPS
from sagemaker_registry.backends.store.sqlite.driver import sqlite3
from sagemaker_registry.backends.store.sqlite.store import BUSY_TIMEOUT
from sagemaker_registry.client.backup import backup


@pytest.mark.parametrize("what", ["the file", "its folder"])
def test_a_file_moved_while_it_is_open_accepts_no_more_writes(what: str, tmp_path: Path) -> None:
    """Otherwise, changes would be acknowledged in a file that is never found again."""
    path = tmp_path / "folder" / "registry.db"
    path.parent.mkdir()
    registry = open_file(path)
    registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
    moved, there = (path.parent, tmp_path / "elsewhere") if what == "its folder" else (path, tmp_path / "moved.db")
    moved.rename(there)
    for ask in (
        lambda: registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": "more"}, CALLER),
        registry.ping,
    ):
        with pytest.raises(
            ServiceUnavailable, match="moved, removed or replaced while it was open: nothing was changed"
        ):
            ask()
    there.rename(moved)
    registry.ping()
    registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": "more"}, CALLER)
    registry.close()
    with open_file(path) as again:
        assert groups_of(again) == {GROUP, "more"}


def test_a_file_moved_while_it_was_open_has_every_acknowledged_change(tmp_path: Path) -> None:
    path, moved = tmp_path / "registry.db", tmp_path / "moved.db"
    registry = open_file(path)
    registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
    path.rename(moved)
    registry.close()
    with open_file(moved) as again:
        assert groups_of(again) == {GROUP}


def test_a_file_that_replaces_an_open_one_is_not_used_with_its_log(tmp_path: Path) -> None:
    """A backup is restored without stopping the server."""
    path, restored = tmp_path / "registry.db", tmp_path / "restored.db"
    with open_file(restored) as registry:
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": "restored"}, CALLER)
    registry = open_file(path)
    registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
    with registry._rows.reading():  # so that a read needs a new connection
        restored.replace(path)
        with pytest.raises(ServiceUnavailable, match="replaced while it was open"):
            groups_of(registry)
    with pytest.raises(ServiceUnavailable, match="replaced while it was open"):
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": "more"}, CALLER)
    registry.close()
    with open_file(path) as again:
        assert groups_of(again) == {"restored"}


def test_a_file_in_place_of_an_open_one_is_not_opened_with_its_log(tmp_path: Path) -> None:
    path, restored = tmp_path / "registry.db", tmp_path / "restored.db"
    with open_file(restored) as registry:
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": "restored"}, CALLER)
    first = open_file(path)
    first.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
    path.rename(tmp_path / "aside.db")
    shutil.copyfile(restored, path)
    with pytest.raises(
        BackendUnavailable,
        match=r"last changes are still in registry\.db-wal: stop the process that has that file open",
    ):
        open_file(path)
    with pytest.raises(BackendUnavailable, match=r"last changes are still in registry\.db-wal"):
        backup(f"sqlite:///{path}", tmp_path / "copy.db")
    with pytest.raises(
        ServiceUnavailable, match="replaced while it was open"
    ):  # the first registry applies its log to its own file
        first.call("CreateModelPackageGroup", {"ModelPackageGroupName": "more"}, CALLER)
    with open_file(path) as second:
        second.call("CreateModelPackageGroup", {"ModelPackageGroupName": "new"}, CALLER)
        with pytest.raises(ServiceUnavailable, match="replaced while it was open"):
            first.call("CreateModelPackageGroup", {"ModelPackageGroupName": "more"}, CALLER)
        first.close()
        second.call("CreateModelPackageGroup", {"ModelPackageGroupName": "newer"}, CALLER)
        assert groups_of(second) == {"restored", "new", "newer"}
    with open_file(path) as again:
        assert groups_of(again) == {"restored", "new", "newer"}
    with open_file(tmp_path / "aside.db") as moved:
        assert groups_of(moved) == {GROUP}


@pytest.mark.parametrize("log", ["registry.db-wal", "registry.db-journal"])
def test_a_file_in_place_of_one_with_an_unapplied_log_is_not_opened(log: str, tmp_path: Path) -> None:
    """A server was killed, and its file was replaced by a backup."""
    path, backup = tmp_path / "registry.db", tmp_path / "backup.db"
    for file in (path, backup):
        with open_file(file) as registry:
            registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": file.stem}, CALLER)
    backup.replace(path)
    (tmp_path / log).write_bytes(b"of the other file")
    with pytest.raises(BackendUnavailable, match=f"last changes are still in {log}"):
        open_file(path)
    assert (tmp_path / log).read_bytes() == b"of the other file"
    (tmp_path / log).unlink()
    with open_file(path) as registry:
        assert groups_of(registry) == {"backup"}


def test_a_copy_of_all_files_of_a_registry_opens_with_its_log(tmp_path: Path) -> None:
    path, copy = tmp_path / "there" / "registry.db", tmp_path / "copy" / "registry.db"
    with open_file(path) as registry:
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
        shutil.copytree(path.parent, copy.parent)
    assert copy.with_name("registry.db-wal").stat().st_size > 0
    with open_file(copy) as registry:
        assert groups_of(registry) == {GROUP}


def test_a_relative_path_does_not_depend_on_a_later_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with open_file(Path("registry.db")) as registry, registry._rows.reading():
        monkeypatch.chdir(tmp_path / "elsewhere")
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
        assert groups_of(registry) == {GROUP}  # with a new connection
    assert [*(tmp_path / "elsewhere").iterdir()] == []


def test_a_reader_of_a_moved_file_does_not_block_writers(tmp_path: Path) -> None:
    """Otherwise, SQLite would wait half a minute for the reader at every write, and other writers for the lock."""
    path = tmp_path / "registry.db"
    registry = open_file(path)
    registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
    with registry._rows.reading() as reading:
        reading.find(GROUPS, [("account", "=", "")], limit=1)
        path.rename(tmp_path / "moved.db")
        began = time.monotonic()
        with pytest.raises(ServiceUnavailable, match="moved, removed or replaced"):
            registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": "more"}, CALLER)
        registry.close()
        assert time.monotonic() - began < BUSY_TIMEOUT / 2
    with open_file(tmp_path / "moved.db") as again:
        assert groups_of(again) == {GROUP}


def test_a_log_that_cannot_be_emptied_does_not_prevent_closing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = open_file(tmp_path / "registry.db")
    registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
    (tmp_path / "registry.db").rename(tmp_path / "moved.db")

    def fail() -> None:
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(registry._rows, "_empty_log", fail)
    with pytest.raises(InternalFailure, match="disk I/O error"):
        registry.close()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        registry._rows._writer.execute("SELECT 1")
    registry.close()


@pytest.mark.skipif(os.name != "posix", reason="links need a privilege elsewhere")
def test_a_reader_that_outlives_its_registry_uses_the_lock_of_the_real_file(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    link = tmp_path / "links" / "registry.db"
    link.symlink_to(tmp_path / "registry.db")
    registry = open_file(link)
    with registry._rows.reading():
        registry.close()
    assert [path.name for path in link.parent.iterdir()] == ["registry.db"]
    registry = open_file(link)
    with registry._rows.reading():
        registry.close()
        shutil.rmtree(tmp_path / "links")
        for file in tmp_path.glob("registry.db*"):
            file.unlink()
    assert registry._rows._idle == []


def groups_of(registry: LocalRegistry) -> set[str]:
    found = registry.call("ListModelPackageGroups", {}, CALLER)["ModelPackageGroupSummaryList"]
    return {group["ModelPackageGroupName"] for group in found}
