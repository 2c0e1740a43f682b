"""Unusable files are rejected with one sentence or answered with errors, never with a traceback."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from durability.environment import mounted, needs_fork
from durability.workload import CALLER, made, open_file
from sagemaker_registry.backends import BackendUnavailable
from sagemaker_registry.backends.files import network_file_system
from sagemaker_registry.backends.store.sqlite import store as store
from sagemaker_registry.backends.store.sqlite.driver import sqlite3

NOBODY_UID = 65534


def error_of(path: Path, *command: str) -> str:
    """Return the error of the command for a file: one sentence, with exit code 2."""
    words = [sys.executable, "-m", "sagemaker_registry.client.cli", *(command or ("groups", "--url"))]
    done = subprocess.run(
        [*words, f"sqlite:///{path}"], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, check=False
    )
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr


def folder_instead(path: Path) -> str:
    path.mkdir()
    return "is not a file"


def named_pipe(path: Path) -> str:
    os.mkfifo(path)
    return "is not a file"


def unix_socket(path: Path) -> str:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))
    return "is not a file"


def file_instead_of_folder(path: Path) -> str:
    path.parent.rmdir()
    path.parent.write_text("a file")
    return "cannot be opened for writing"


def dangling_link(path: Path) -> str:
    (path.parent / "file").write_text("")
    path.symlink_to(path.parent / "file" / "registry.db")
    return "cannot be opened for writing"


def link_to_itself(path: Path) -> str:
    path.symlink_to(path)
    return "is not a file"


def link_in_shared_folder(path: Path) -> str:
    made(path.parent / "real.db")
    path.parent.chmod(0o1777)
    path.symlink_to(path.parent / "real.db")
    return "is a symbolic link in a world-writable directory"


def folder_as_lock(path: Path) -> str:
    made(path)
    path.with_name(f"{path.name}.lock").mkdir()
    return f"the lock file {path}.lock cannot be opened"


def link_as_lock(path: Path) -> str:
    made(path)
    path.with_name(f"{path.name}.lock").symlink_to(path.parent / "victim")
    return f"the lock file {path}.lock cannot be opened"


def folder_as_log(path: Path) -> str:
    made(path)
    path.with_name(f"{path.name}-wal").mkdir()
    return "unable to open database file"


def folder_as_index(path: Path) -> str:
    made(path)
    path.with_name(f"{path.name}-shm").mkdir()
    return "registry.db"


def text_file(path: Path) -> str:
    path.write_text("this is a text, and a long one\n" * 1000)
    return "file is not a database"


def newer_schema(path: Path) -> str:
    made(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 9999")
    return "created by a newer sagemaker-registry"


def development_schema(path: Path) -> str:
    made(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")
    return "created by a development version of sagemaker-registry"


def truncated_file(path: Path) -> str:
    made(path)
    os.truncate(path, path.stat().st_size // 2)
    return "registry.db"


def file_without_pages(path: Path) -> str:
    made(path)
    os.truncate(path, 100)
    return "registry.db"


def foreign_tables(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE model_packages (something TEXT)")
    return "is not a registry database (tables: 'model_packages')"


@pytest.mark.parametrize(
    "make",
    [
        folder_instead,
        pytest.param(named_pipe, marks=needs_fork),
        pytest.param(unix_socket, marks=needs_fork),
        file_instead_of_folder,
        dangling_link,
        link_to_itself,
        link_in_shared_folder,
        folder_as_lock,
        link_as_lock,
        folder_as_log,
        folder_as_index,
        text_file,
        newer_schema,
        development_schema,
        truncated_file,
        file_without_pages,
        foreign_tables,
    ],
)
def test_an_unusable_file_is_rejected_with_one_sentence(make: Callable[[Path], str], tmp_path: Path) -> None:
    path = tmp_path / "folder" / "registry.db"
    path.parent.mkdir()
    expected = make(path)
    before = contents(path.parent)
    with pytest.raises(BackendUnavailable) as refused:
        open_file(path)
    assert expected in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "registry.db" in str(refused.value)
    after = contents(path.parent)
    assert {name: after[name] for name in before} == before, "a rejected file was changed"


@pytest.mark.parametrize("make", [folder_instead, text_file, newer_schema])
@pytest.mark.parametrize(
    "command", [("groups", "--url"), ("serve", "--port", "0", "--backend")], ids=["groups", "serve"]
)
def test_the_command_prints_only_the_error(
    make: Callable[[Path], str], command: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "folder" / "registry.db"
    path.parent.mkdir()
    expected = make(path)
    assert expected in error_of(path, *command)


def contents(folder: Path) -> dict[str, bytes]:
    files = folder.iterdir() if folder.is_dir() else ()
    return {
        file.name: file.read_bytes() for file in files if file.is_file() and not file.name.endswith(("-shm", "-wal"))
    }


AS_ANOTHER_USER = """
import os, sys
from sagemaker_registry.backends import BackendUnavailable, open_backend
import sagemaker_registry.backends.local.registry, sagemaker_registry.backends.store.sqlite.store
from sagemaker_registry.backends.store.sqlite.diagnosis import examine_file
from pathlib import Path
os.setgid({user}); os.setuid({user})
print(*[check.sentence for check in examine_file(Path(sys.argv[1])) if check.verdict == "failed"], sep="; ")
try:
    open_backend("sqlite:///" + sys.argv[1])
    print("opened")
except BackendUnavailable as refused:
    print(refused)
"""


@pytest.mark.parametrize("modes", [(0o700, 0o600), (0o755, 0o444), (0o755, 0o600), (0o755, 0o666)])
def test_a_file_of_another_user_is_rejected(modes: tuple[int, int]) -> None:
    """The folder, the file, or only the files to be created next to it."""
    import tempfile

    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root has files that others cannot use")
    with tempfile.TemporaryDirectory() as folder:  # other users cannot enter pytest's folders
        os.chmod(folder, 0o755)
        inner = Path(folder) / "inner"
        inner.mkdir()
        path = inner / "registry.db"
        made(path)
        path.chmod(modes[1])
        inner.chmod(modes[0])
        done = subprocess.run(
            [sys.executable, "-c", AS_ANOTHER_USER.format(user=NOBODY_UID), str(path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd="/",
        )
        assert done.stderr == ""
        doctor, sentence = done.stdout.splitlines()
        assert "Permission denied" in sentence
        assert str(path) in sentence
        assert doctor


@pytest.mark.parametrize("log", [False, True], ids=["closed", "left behind"])
def test_a_read_only_file_system_is_named_in_the_error(log: bool, tmp_path: Path) -> None:
    with mounted(tmp_path / "read-only") as folder:
        made(folder / "registry.db", log=log)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        with pytest.raises(BackendUnavailable, match="Read-only file system"):
            open_file(folder / "registry.db")
        with pytest.raises(BackendUnavailable, match="Read-only file system"):
            open_file(folder / "new.db")


def test_a_network_share_uses_a_rollback_journal_and_doctor_reports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/models {tmp_path} nfs4 rw,vers=4.2 0 0\n")
    from sagemaker_registry.backends.store.sqlite import diagnosis

    share = tmp_path / "share"
    share.mkdir()
    path = share / "registry.db"
    made(path)
    for module in (store, diagnosis):
        monkeypatch.setattr(module, "network_file_system", lambda file: network_file_system(file, mounts))
    assert network_file_system(path, mounts) == "nfs4"
    before = {check.name: check for check in diagnosis.examine_file(path)}
    assert before["journal"].verdict == "warning"
    registry = open_file(path)
    registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": "shared"}, CALLER)
    assert not path.with_name("registry.db-wal").exists()
    with registry._rows.reading() as reading:
        assert reading.facts()["journal"] == ["TRUNCATE"]
    registry.close()
    after = {check.name: check for check in diagnosis.examine_file(path)}
    assert "nfs4" in after["file system"].sentence
    assert "rollback journal" in after["journal"].sentence
