"""The SQLite store: its settings, its file, and errors of the disk and the file."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest

from sagemaker_registry.backends import BackendUnavailable, open_backend
from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.errors import InternalFailure, RegistryError, ServiceUnavailable, ThrottlingException
from sagemaker_registry.backends.files import FileLock, is_share, network_file_system
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.rows import GROUPS
from sagemaker_registry.backends.store.sqlite import store

CALLER = Caller()
GROUP = {"ModelPackageGroupName": "churn"}


def url(path: Path) -> str:
    return f"sqlite:///{path}"


def setting(connection: Any, name: str) -> Any:
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_the_writer_is_durable_and_readers_are_read_only(tmp_path: Path) -> None:
    rows = store.SQLiteRows(tmp_path / "registry.db")
    with rows.writing() as writing, rows.reading() as reading:
        writer, reader = writing.run.__self__, reading.run.__self__
        assert setting(writer, "journal_mode") == "wal"
        for connection in (writer, reader):
            assert setting(connection, "synchronous") == 2
            assert setting(connection, "foreign_keys") == 1
            assert setting(connection, "trusted_schema") == 0
            assert setting(connection, "cell_size_check") == 1
            assert setting(connection, "busy_timeout") == 30_000
        assert setting(reader, "query_only") == 1
        assert setting(reader, "wal_autocheckpoint") == 0
        assert setting(writer, "wal_autocheckpoint") > 0
    rows.close()


def test_database_files_are_private(tmp_path: Path) -> None:
    open_backend(url(tmp_path / "new" / "folder" / "registry.db")).close()
    folder = tmp_path / "new" / "folder"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    rows = store.SQLiteRows(tmp_path / "registry.db")
    row = {"account": "1", "region": "r", "name": "n", "created": 1, "last_version": 0, "rev": 0, "record": {}}
    with pytest.raises(ZeroDivisionError), rows.writing() as writing:
        assert writing.insert(GROUPS, row)
        raise ZeroDivisionError
    with rows.reading() as reading:
        assert reading.find(GROUPS, [("account", "=", "1")], limit=10) == []
    rows.close()


def test_an_update_needs_the_revision_it_read(tmp_path: Path) -> None:
    rows = store.SQLiteRows(tmp_path / "registry.db")
    row = {"account": "1", "region": "r", "name": "n", "created": 1, "last_version": 0, "rev": 0, "record": {"a": 1}}
    key = ("1", "r", "n")
    with rows.writing() as writing:
        assert writing.insert(GROUPS, row)
        assert not writing.insert(GROUPS, row)
        assert writing.update(GROUPS, key, 0, {"record": {"a": 2}})
        assert not writing.update(GROUPS, key, 0, {"record": {"a": 3}})
        assert writing.get(GROUPS, key) == {**row, "rev": 1, "record": {"a": 2}}
    rows.close()


def test_a_reader_sees_a_snapshot_during_writes(tmp_path: Path) -> None:
    rows = store.SQLiteRows(tmp_path / "registry.db")
    row = {"account": "1", "region": "r", "name": "n", "created": 1, "last_version": 0, "rev": 0, "record": {}}
    with rows.reading() as reading:
        assert reading.find(GROUPS, [("account", "=", "1")], limit=10) == []
        with rows.writing() as writing:
            writing.insert(GROUPS, row)
        assert reading.find(GROUPS, [("account", "=", "1")], limit=10) == []
    with rows.reading() as reading:
        assert len(reading.find(GROUPS, [("account", "=", "1")], limit=10)) == 1
    rows.close()


def test_an_error_returns_its_reader_to_the_pool(tmp_path: Path) -> None:
    rows = store.SQLiteRows(tmp_path / "registry.db")
    connections = set()
    for _ in range(3):
        with pytest.raises(KeyError), rows.reading() as reading:
            connections.add(reading.run.__self__)
            raise KeyError
    assert len(connections) == 1
    rows.close()


def test_a_file_lock_excludes_other_processes(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "lock")
    waiting = (
        "import sys; from pathlib import Path; from sagemaker_registry.backends.files import FileLock\n"
        "lock = FileLock(Path(sys.argv[1])); print('ready', flush=True)\n"
        "with lock: print('mine', flush=True)"
    )
    command = [sys.executable, "-c", waiting, str(tmp_path / "lock")]
    with lock:
        other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        taken = threading.Event()
        threading.Thread(target=lambda: other.stdout.readline() == "mine\n" and taken.set()).start()  # type: ignore[union-attr]
        assert not taken.wait(0.2)
    assert taken.wait(30)
    assert other.wait(30) == 0
    other.stdout.close()
    lock.close()


def test_network_file_systems_are_distinguished_from_local_ones(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    share = tmp_path / "team share"
    (share / "local").mkdir(parents=True)
    mounts.write_text(
        f"root / ext4 rw 0 0\nserver:/x {str(share).replace(' ', chr(92) + '040')} nfs4 rw 0 0\n"
        f"disk {str(share / 'local').replace(' ', chr(92) + '040')} xfs rw 0 0\n"
    )
    assert network_file_system(share / "registry.db", mounts) == "nfs4"
    assert network_file_system(share / "local" / "registry.db", mounts) is None
    assert network_file_system(tmp_path / "registry.db", mounts) is None
    assert network_file_system(tmp_path / "registry.db", tmp_path / "no such list") is None
    (tmp_path / "empty").touch()
    assert network_file_system(tmp_path / "registry.db", tmp_path / "empty") is None


@pytest.mark.parametrize(
    "name", ["team share", "a\tb", "a\nb", "a\\b", "a\\040b", "a#b", "für alle", "a\u2028b", "a\rb"]
)
def test_a_network_file_system_is_recognized_under_any_name(name: str, tmp_path: Path) -> None:
    """The list of mounts has spaces, tabs, line ends, backslashes and # as octal numbers."""
    share, mounts = tmp_path / name, tmp_path / "mounts"
    share.mkdir()
    escaped = "".join(f"\\{ord(char):03o}" if char in " \t\n\\#" else char for char in str(share))
    mounts.write_text(f"root / ext4 rw 0 0\nserver:/x {escaped} nfs4 rw 0 0\n")
    assert network_file_system(share / "registry.db", mounts) == "nfs4"


def test_the_last_file_system_mounted_at_a_path_counts(tmp_path: Path) -> None:
    """For example, shares that are mounted on first use."""
    mounts = tmp_path / "mounts"
    mounts.write_text(f"root / ext4 rw 0 0\nsystemd-1 {tmp_path} autofs rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n")
    assert network_file_system(tmp_path / "registry.db", mounts) == "nfs4"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (r"\\server\models\registry.db", True),
        (r"\\?\UNC\server\models\registry.db", True),
        (r"\\wsl.localhost\Debian\home\registry.db", True),
        ("//server/models/registry.db", True),
        (r"C:\models\registry.db", False),
        (r"\\?\C:\models\registry.db", False),
        (r"\\.\C:\models\registry.db", False),
        (r"\models\registry.db", False),
    ],
)
def test_a_windows_share_is_recognized_by_its_path(path: str, expected: bool) -> None:
    assert is_share(PureWindowsPath(path)) is expected


def test_a_posix_path_is_never_a_windows_share() -> None:
    assert not is_share(PurePosixPath("//server/models/registry.db"))


def test_a_database_on_a_network_share_uses_no_write_ahead_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "network_file_system", lambda path: "nfs4")
    rows = store.SQLiteRows(tmp_path / "registry.db")
    assert setting(rows._writer, "journal_mode") == "truncate"
    rows.close()


@pytest.mark.parametrize("url_", ["sqlite://", "sqlite:///registry.db"])
def test_a_closed_registry_rejects_calls_and_can_be_closed_again(
    url_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    registry = open_backend(url_)
    registry.call("CreateModelPackageGroup", GROUP, CALLER)
    registry.close()
    with (tmp_path / "another file").open("wb") as other:  # gets the number of the lock's descriptor
        registry.close()
        for call in (
            lambda: registry.call("ListModelPackageGroups", {}, CALLER),
            lambda: registry.call("CreateModelPackage", GROUP, CALLER),
            registry.ping,
        ):
            with pytest.raises(ServiceUnavailable, match=r"^The registry was closed\.$"):
                call()
        other.write(b"still open")
        other.flush()
    assert not list(tmp_path.glob("*-wal"))


def test_a_reader_open_during_close_leaves_no_write_ahead_log(tmp_path: Path) -> None:
    rows = store.SQLiteRows(tmp_path / "registry.db")
    with rows.reading() as reading:
        rows.close()
        assert reading.find(GROUPS, [("account", "=", "")], limit=1) == []
    assert rows._idle == []
    assert not list(tmp_path.glob("*-wal"))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs a timer that interrupts")
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # an interrupt may come where Python drops it
@pytest.mark.parametrize("operation", ["ListModelPackageGroups", "CreateModelPackage"])
def test_a_registry_works_after_an_interrupt_at_any_moment(operation: str) -> None:
    """Ctrl-C between two steps of Python must not leave the lock of an in-memory store held."""
    rng = random.Random(operation)
    params = GROUP if operation == "CreateModelPackage" else {}
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with open_backend("sqlite://") as registry:
            registry.call("CreateModelPackageGroup", GROUP, CALLER)
            for _ in range(100):
                with suppress(KeyboardInterrupt):
                    signal.setitimer(signal.ITIMER_REAL, rng.uniform(0.0002, 0.002))
                    for _ in range(500):
                        registry.call(operation, params, CALLER)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                assert not registry._rows._lock.locked()  # type: ignore[attr-defined]
            registry.call(operation, params, CALLER)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    "content", [b"this is not a database, it is a text " * 40, b"SQLite format 3\0" + b"\xff" * 5000]
)
def test_a_file_that_is_not_a_database_is_rejected_and_unchanged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(content)
    with pytest.raises(BackendUnavailable, match=r"notes\.txt"):
        open_backend(url(path))
    assert path.read_bytes() == content


def test_a_damaged_file_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    with open_backend(url(path)) as backend:
        backend.call("CreateModelPackageGroup", GROUP, CALLER)
        for _ in range(200):
            backend.call("CreateModelPackage", GROUP, CALLER)
    content = bytearray(path.read_bytes())
    content[20_000:40_000] = os.urandom(20_000)
    path.write_bytes(content)
    with pytest.raises(BackendUnavailable, match=r"damaged|malformed"):
        open_backend(url(path))


def test_a_full_disk_rejects_writes_and_allows_reads(tmp_path: Path) -> None:
    rows = store.SQLiteRows(tmp_path / "registry.db")
    registry = LocalRegistry(rows)
    registry.call("CreateModelPackageGroup", GROUP, CALLER)
    pages = setting(rows._writer, "page_count")
    rows._writer.execute(f"PRAGMA max_page_count={pages + 2}")
    count = 0
    message = ""
    while not message:
        try:
            registry.call("CreateModelPackage", {**GROUP, "ModelPackageDescription": "d" * 1000}, CALLER)
            count += 1
        except ServiceUnavailable as error:
            message = error.message
    assert message == "The registry's disk is full: nothing was changed; reading still works."
    listed = registry.call("ListModelPackages", {**GROUP, "MaxResults": 100}, CALLER)["ModelPackageSummaryList"]
    assert [summary["ModelPackageVersion"] for summary in listed] == list(range(count, 0, -1))
    rows._writer.execute("PRAGMA max_page_count=1000000")
    assert registry.call("CreateModelPackage", GROUP, CALLER)["ModelPackageArn"].endswith(f"/{count + 1}")
    registry.close()


def test_a_write_to_a_read_only_database_is_rejected(tmp_path: Path) -> None:
    rows = store.SQLiteRows(tmp_path / "registry.db")
    rows._writer.execute("PRAGMA query_only=ON")
    with pytest.raises(ServiceUnavailable, match="read-only: nothing was changed"):
        LocalRegistry(rows).call("CreateModelPackageGroup", GROUP, CALLER)
    rows.close()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("SQLITE_BUSY_SNAPSHOT", ThrottlingException),
        ("SQLITE_IOERR_FSYNC", ServiceUnavailable),
        ("SQLITE_CORRUPT_INDEX", InternalFailure),
        (None, InternalFailure),
    ],
)
def test_every_error_of_sqlite_becomes_a_registry_error(name: str | None, kind: type[RegistryError]) -> None:
    error = sqlite3.OperationalError("as it is")
    if name:
        error.sqlite_errorname = name
    with pytest.raises(kind), store._translated():
        raise error
