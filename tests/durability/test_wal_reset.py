"""SQLite's WAL-reset bug: how it affects connections that checkpoint freely, and why it does not affect ours.

SQLite 3.7.0 to 3.51.2: a checkpoint reads the header of the log's index; before it continues, another connection
commits and, since everything was checkpointed before, restarts the log. The checkpoint then marks as many frames of the
*new* log as done as the old one had. The next checkpoint leaves those out, and their commits are lost when the log
restarts again. SQLite calls `xUnfetch` of its VFS for the changed header at exactly this moment, which makes the bug
easy to reproduce.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from durability.disk import Disk, library
from durability.environment import needs_proc
from durability.workload import CALLER, GROUP, open_file, request, verify
from sagemaker_registry.backends import BackendUnavailable
from sagemaker_registry.backends.errors import InternalFailure
from sagemaker_registry.backends.store.rows import GROUPS
from sagemaker_registry.backends.store.sqlite import store as store
from sagemaker_registry.backends.store.sqlite.diagnosis import loses_commits
from sagemaker_registry.backends.store.sqlite.driver import sqlite3
from sagemaker_registry.client.doctor import examine

fcntl = pytest.importorskip("fcntl", reason="the fault is that of POSIX's locks, which this system has not")

ROWS = 400
PATIENCE = 60.0


class Held(Disk):
    """A disk that pauses a checkpoint of one thread between reading the log's header and its work."""

    def __init__(self) -> None:
        super().__init__()
        self.thread: threading.Thread | None = None
        self.is_held, self.go_on = threading.Event(), threading.Event()

    def before_unfetch(self, path: Path) -> None:
        if threading.current_thread() is self.thread and not self.is_held.is_set():
            self.is_held.set()
            assert self.go_on.wait(60)


def opened(path: Path) -> Any:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=60)
    for name, value in {**store.PRAGMAS, "journal_mode": "WAL", "wal_autocheckpoint": "0"}.items():
        connection.execute(f"PRAGMA {name}={value}")
    return connection


def fill(connection: Any, first: int, count: int) -> None:
    """Commit rows, each in its own page and transaction."""
    for number in range(first, first + count):
        connection.execute("INSERT INTO rows VALUES (?, ?)", (number, bytes(3000)))


@pytest.mark.parametrize("meet", [True, False], ids=["a commit within", "a commit after"])
def test_connections_that_checkpoint_freely_lose_commits(meet: bool, tmp_path: Path, figures: dict[str, Any]) -> None:
    """Reproduces the bug itself; a SQLite in which it is fixed loses nothing."""
    disk, path = Held(), tmp_path / "plain.db"
    with disk.in_use(), closing(opened(path)) as writer, closing(opened(path)) as other:
        writer.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, filling BLOB)")
        other.execute("SELECT count(*) FROM rows").fetchone()
        fill(writer, 0, 100)
        assert writer.execute("PRAGMA wal_checkpoint").fetchone()[0] == 0  # complete: the next commit restarts the log
        disk.thread = threading.Thread(target=lambda: other.execute("PRAGMA wal_checkpoint").fetchone())
        disk.thread.start()
        assert disk.is_held.wait(60)
        if not meet:
            disk.go_on.set()
            disk.thread.join(60)
        fill(writer, 100, 10)
        disk.go_on.set()
        disk.thread.join(60)
        fill(writer, 110, ROWS - 110)  # more frames than the second checkpoint has marked
        writer.execute("PRAGMA wal_checkpoint").fetchone()
        fill(writer, ROWS, 1)  # the log restarts, and its old frames are gone
    with closing(sqlite3.connect(path)) as connection:
        whole = connection.execute("PRAGMA integrity_check(1)").fetchall() == [("ok",)]
        try:
            left = len(connection.execute("SELECT id, filling FROM rows").fetchall())
        except sqlite3.DatabaseError:
            left = 0
    is_intact = whole and left == ROWS + 1
    figures.update({"acknowledged": ROWS + 1, "still there": left, "whole": int(whole)})
    assert is_intact != (meet and loses_commits(sqlite3.sqlite_version_info))


class LockCheckingDisk(Disk):
    """A disk that records operations on a database or its log, and whether the registry's lock was held."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.held: list[str] = []
        self.free: list[str] = []

    def before_write(self, path: Path, offset: int, data: bytes) -> int:
        return self._note(path, "write")

    def before_truncate(self, path: Path, size: int) -> int:
        return self._note(path, "truncate")

    def before_delete(self, path: Path, *, surely: bool) -> int:
        return self._note(path, "delete")

    def before_unfetch(self, path: Path) -> None:
        self._note(path, "look at a log that has changed, to checkpoint it")

    def _note(self, path: Path, what: str) -> int:
        if path.name.startswith(self.path.name):
            descriptor = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.free.append(f"{what}: {path.name}")
            except BlockingIOError:
                self.held.append(f"{what}: {path.name}")
            finally:
                os.close(descriptor)
        return 0


def left_behind(path: Path, *, newer: bool = False) -> None:
    """Create a file as a killed process leaves it, with a log that was not checkpointed."""
    with tempfile.TemporaryDirectory() as elsewhere:
        made = Path(elsewhere) / path.name
        registry = open_file(made)
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
        if newer:
            with closing(sqlite3.connect(made, isolation_level=None)) as connection:
                connection.execute("PRAGMA user_version = 9999")
        for end in ("", "-wal"):
            shutil.copyfile(f"{made}{end}", f"{path}{end}")
        registry.close()


def work_and_close(path: Path) -> None:
    """Two registries on one file, each with changes of the other to checkpoint, closed one after the other."""
    first, second = open_file(path), open_file(path)
    for number in range(20):
        for name, registry in (("first", first), ("second", second)):
            registry.call("CreateModelPackage", request(f"{name}-{number}"), CALLER)
            registry.call("ListModelPackages", {"ModelPackageGroupName": GROUP}, CALLER)
    first.close()
    second.call("CreateModelPackage", request("last"), CALLER)
    second.close()


def take_and_restore_a_snapshot(path: Path) -> None:
    rows = store.SQLiteRows(path)
    snapshot = rows.take_snapshot()
    with rows.writing() as writing:
        writing.delete(GROUPS, [])
    rows.restore_snapshot(snapshot)
    snapshot.close()
    rows.close()


def fail_within_reading(path: Path) -> None:
    rows = store.SQLiteRows(path)
    with pytest.raises(InternalFailure), rows.reading() as reading:
        reading.run("SELECT nothing", ()).fetchall()  # type: ignore[attr-defined]
    rows.close()


def open_a_newer_schema(path: Path) -> None:
    with pytest.raises(BackendUnavailable, match="newer"):
        open_file(path)


def run_doctor(path: Path) -> None:
    assert [check.name for check in examine(f"sqlite:///{path}") if check.verdict == "failed"] == []


def run_doctor_on_an_open_registry(path: Path) -> None:
    registry = open_file(path)
    registry.call("CreateModelPackage", request("open"), CALLER)
    run_doctor(path)
    registry.close()


@pytest.mark.parametrize(
    "use",
    [
        work_and_close,
        take_and_restore_a_snapshot,
        fail_within_reading,
        open_a_newer_schema,
        run_doctor,
        run_doctor_on_an_open_registry,
    ],
)
def test_nothing_is_written_or_checkpointed_without_the_lock(
    use: Callable[[Path], None], tmp_path: Path, figures: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By connections that open, write, read, fail or close, or that close last, on a file left by a killed process."""
    monkeypatch.setitem(store.PRAGMAS, "wal_autocheckpoint", "20")
    path = tmp_path / "registry.db"
    left_behind(path, newer=use is open_a_newer_schema)
    disk = LockCheckingDisk(path)
    with disk.in_use():
        use(path)
    assert disk.free == []
    assert disk.held or use is run_doctor, "no operation was recorded"
    figures.update({"operations under the lock": len(disk.held), "without": len(disk.free)})


def python(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Run a program of these tests in a subprocess with pipes."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
    )


HOLDING = """
import sys
from pathlib import Path
from durability.disk import Disk
from durability.workload import CALLER, open_file, request
from sagemaker_registry.backends.store.sqlite import store as sqlite

class Holding(Disk):
    is_held = False
    def before_write(self, path, offset, data):
        if path.name == "registry.db" and not self.is_held:  # only a checkpoint writes to the file itself
            self.is_held = True
            print("within a checkpoint", flush=True)
            sys.stdin.readline()
        return 0

sqlite.PRAGMAS["wal_autocheckpoint"] = "1"
disk = Holding()
with disk.in_use():
    registry = open_file(Path(sys.argv[1]))
    registry.call("CreateModelPackage", request("held"), CALLER)
    registry.close()
"""


@needs_proc
def test_a_commit_waits_at_the_lock_while_another_process_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    registry = open_file(path)
    registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
    library()  # so that the other process can use it
    with python(HOLDING, path) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "within a checkpoint\n"
        answer: list[dict[str, Any]] = []
        waiting = threading.Thread(
            target=lambda: answer.append(registry.call("CreateModelPackage", request("waiting"), CALLER))
        )
        waiting.start()
        deadline = time.monotonic() + PATIENCE
        while not waits_for(f"{path}.lock"):
            assert waiting.is_alive()
            assert time.monotonic() < deadline, "it does not wait for the lock"
            waiting.join(0.01)
        found = registry.call("ListModelPackages", {"ModelPackageGroupName": GROUP}, CALLER)  # readers do not wait
        assert len(found["ModelPackageSummaryList"]) == 1
        assert answer == []
        other.communicate("go on\n", timeout=60)
        assert other.returncode == 0
        waiting.join(60)
        assert answer[0]["ModelPackageArn"].endswith("/2")
    verify(registry)
    registry.close()


def waits_for(path: str) -> bool:
    """Return whether this process waits for a lock on a file, according to the kernel."""
    inode = os.stat(path).st_ino
    waiting = [line.split() for line in Path("/proc/locks").read_text().splitlines() if "->" in line]
    return any(line[5] == str(os.getpid()) and line[6].endswith(f":{inode}") for line in waiting)


LOAD = """
import sys
from pathlib import Path
from durability.workload import CALLER, open_file, request

path, name, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
from sagemaker_registry.backends.store.sqlite import store as sqlite
sqlite.PRAGMAS["wal_autocheckpoint"] = "8"
sys.stdin.readline()
for part in range(0, count, 10):  # opened and closed again and again: who is the last to close checkpoints, too
    registry = open_file(path)
    for number in range(part, min(part + 10, count)):
        print(registry.call("CreateModelPackage", request(f"{name}-{number}"), CALLER)["ModelPackageArn"])
    registry.close()
"""


@pytest.mark.sized(ci=60, nightly=2_000, release=20_000)
def test_processes_that_commit_and_checkpoint_concurrently_lose_nothing(
    tmp_path: Path, size: int, figures: dict[str, Any]
) -> None:
    path = tmp_path / "registry.db"
    registry = open_file(path)
    registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
    with ExitStack() as ended:
        loads = [ended.enter_context(python(LOAD, path, f"p{n}", size)) for n in range(3)]
        for load in loads:
            assert load.stdin is not None
            load.stdin.write("go\n")
            load.stdin.flush()
        acknowledged = [line for load in loads for line in load.communicate(timeout=3600)[0].split()]
    assert [load.returncode for load in loads] == [0, 0, 0]
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        stored = [number for (number,) in connection.execute("SELECT version FROM model_packages ORDER BY version")]
    assert stored == list(range(1, 3 * size + 1)) == sorted(int(arn.rpartition("/")[2]) for arn in acknowledged)
    figures.update({"processes": 3, "acknowledged": len(acknowledged), "still there": len(stored)})
    verify(registry)
    registry.close()


OPEN_AND_CLOSE = """
import sys
from pathlib import Path
from durability.workload import open_file
open_file(Path(sys.argv[1])).close()
"""


@pytest.mark.parametrize("look", [lambda path: open_file(path).close(), run_doctor], ids=["open", "examine"])
def test_a_file_opened_twice_in_one_process_keeps_its_log(look: Callable[[Path], None], tmp_path: Path) -> None:
    """Closing any descriptor of a file releases all POSIX locks of a process on it, including SQLite's.

    Another process would then believe to be the last one to close, and remove a log that is still in use.
    """
    path = tmp_path / "registry.db"
    registry = open_file(path)
    registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
    log = os.stat(f"{path}-wal").st_ino
    look(path)
    with python(OPEN_AND_CLOSE, path) as other:
        other.communicate(timeout=PATIENCE)
    assert other.returncode == 0
    assert os.stat(f"{path}-wal").st_ino == log
    acknowledged = registry.call("CreateModelPackage", request("kept"), CALLER)["ModelPackageArn"]
    again = open_file(path)
    assert (
        again.call("DescribeModelPackage", {"ModelPackageName": acknowledged}, CALLER)["ModelPackageArn"]
        == acknowledged
    )
    again.close()
    registry.close()
