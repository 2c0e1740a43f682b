"""Checks of SQLite and a database file for `doctor`, which change neither the file nor its directory."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Any

from ...diagnosis import PATIENCE, Check
from ...errors import BackendUnavailable
from ...files import is_free, network_file_system, reports_network_mounts
from ...urls import database_file
from .. import check_schema_version

FIXED = (3, 51, 3)
BACKPORTS = {(3, 50): 7, (3, 44): 6}
FIRST_WITH_WAL = (3, 7, 0)

ALMOST_FULL = 100 * 2**20
LARGE_WAL = 64 * 2**20
WAL_VERSION = 2


def loses_commits(release: tuple[int, int, int]) -> bool:
    """Return whether an SQLite release has the WAL-reset bug, which loses commits during concurrent checkpoints."""
    if not FIRST_WITH_WAL <= release < FIXED:
        return False
    backport = BACKPORTS.get(release[:2])
    return backport is None or release[2] < backport


def library() -> Check:
    """Check the SQLite library that a registry in this environment would use."""
    sqlite3 = _sqlite3()
    release = sqlite3.sqlite_version_info
    if loses_commits(release):
        sentence = (
            f"SQLite {sqlite3.sqlite_version} can lose commits when connections commit and checkpoint at once (fixed "
            "in 3.51.3); this server is not affected: one connection writes and checkpoints, holding a lock file"
        )
        return Check("sqlite", "ok", sentence, "do not write to the file with other programs while it is in use")
    return Check("sqlite", "ok", f"SQLite {sqlite3.sqlite_version}")


def examine(url: str) -> Iterator[Check]:
    """Examine the database file of a URL; in-memory databases have none."""
    file = database_file(url)
    yield from () if file is None else examine_file(file)


def examine_file(file: Path) -> Iterator[Check]:
    """Check a database file's existence, permissions, file system, lock and content."""
    try:
        is_there = file.exists()
    except OSError as error:
        yield Check("file", "failed", f"{file} cannot be accessed: {error.strerror}", "choose a file you can access")
        return
    if not is_there:
        yield _absent(file)
        return
    if not file.is_file():
        yield Check("file", "failed", f"{file} is not a file", "name a database file: sqlite:///registry.db")
        return
    yield from _rights(file)
    yield from _options(file)
    yield from _lock(file)
    if not os.access(file, os.R_OK):
        return
    try:
        yield from _content(file)
    except _sqlite3().Error as error:
        yield Check("content", "failed", f"{file} cannot be read: {error}", "restore it from a backup")


def _absent(file: Path) -> Check:
    above = next(folder for folder in file.absolute().parents if folder.exists())
    if not os.access(above, os.W_OK | os.X_OK):
        return Check("file", "failed", f"{file.absolute()} does not exist, and {above} is not writable", "name another")
    sentence = f"{file.absolute()} does not exist: `serve` and `register` create it"
    return Check("file", "warning", sentence, "check that the path is correct")


def _rights(file: Path) -> Iterator[Check]:
    state = file.stat()
    yield Check("file", "ok", f"{file.absolute()}, {state.st_size:,} bytes")
    if not os.access(file, os.R_OK):
        yield Check("rights", "failed", "this user cannot read the file", f"chown {_me()} {file}")
    elif not (os.access(file, os.W_OK) and os.access(file.absolute().parent, os.W_OK | os.X_OK)):
        yield Check("rights", "failed", "this user cannot write to the file or its directory", f"chown {_me()} {file}")
    elif sys.platform != "win32" and state.st_mode & 0o077:
        sentence = f"other users on this machine can open the file (mode {state.st_mode & 0o777:04o})"
        yield Check("rights", "warning", sentence, f"chmod 600 {file}")
    else:
        yield Check("rights", "ok", "only this user can open the file")


def _me() -> str:
    return str(getattr(os, "getuid", lambda: "you")())


def _options(file: Path) -> Iterator[Check]:
    kind = network_file_system(file)
    if kind is None and reports_network_mounts():
        yield Check("file system", "ok", "local")
    elif kind is None:
        unknown = "this system does not report whether the file system is local"
        yield Check("file system", "ok", unknown, "keep the file on a local disk")
    else:
        sentence = f"the file is on a network file system ({kind}), where locks between machines are unreliable"
        yield Check("file system", "warning", sentence, "use the file from one machine, or use postgresql://")
    free = shutil.disk_usage(file.absolute().parent).free
    if free > ALMOST_FULL:
        yield Check("disk", "ok", f"{free / 2**20:,.0f} MiB free")
    else:
        yield Check("disk", "warning", f"only {free / 2**20:,.0f} MiB are free", "free disk space")


def _lock(file: Path) -> Iterator[Check]:
    """Check that the inter-process lock is available, if its file exists; otherwise writes are blocked."""
    path = file.resolve().with_name(f"{file.resolve().name}.lock")
    if not path.exists():
        yield Check("lock", "ok", f"{path.name} does not exist: it is created on the next use")
        return
    if not os.access(path, os.R_OK | os.W_OK):
        yield Check("lock", "failed", f"{path.name} cannot be opened by this user", f"chown {_me()} {path}")
        return
    began = time.monotonic()
    if is_free(path, PATIENCE):
        yield Check("lock", "ok", f"acquired after {(time.monotonic() - began) * 1000:.0f} ms")
        return
    sentence = f"a process has held {path.name} for {PATIENCE:.0f} s: no other process can write"
    yield Check("lock", "failed", sentence, f"find it with: lsof {path}")


def _content(file: Path) -> Iterator[Check]:
    head = _head(file)
    if not head:
        yield Check("content", "ok", "the file is empty: the registry is created at first use")
        return
    yield _journal(file, uses_wal=head[18:19] == bytes([WAL_VERSION]))
    yield from _durability()
    url = _read_only(file)
    if url is None:
        sentence = "not checked: the -wal file has changes, but its -shm file is missing"
        yield Check("content", "warning", sentence, "run any other command on the file once")
        return
    began = time.monotonic()
    with closing(_sqlite3().connect(url, uri=True, isolation_level=None)) as connection:
        found = [line for (line,) in connection.execute("PRAGMA integrity_check(5)")]
        if found != ["ok"]:
            yield Check("content", "failed", f"the file is damaged: {'; '.join(found)}", "restore it from a backup")
            return
        yield Check("content", "ok", f"intact: integrity_check took {(time.monotonic() - began) * 1000:.0f} ms")
        yield _schema(connection)


def _head(file: Path) -> bytes:
    """Return the first bytes of a file.

    With POSIX locks, the descriptor stays open: closing it would release all of this process's locks on the file,
    including those of a registry open in this process.
    """
    if sys.platform == "win32":
        with file.open("rb") as opened:
            return opened.read(20)
    state = file.stat()
    return os.pread(_descriptor(file, state.st_dev, state.st_ino), 20, 0)


@cache
def _descriptor(file: Path, device: int, inode: int) -> int:
    return os.open(file, os.O_RDONLY | os.O_CLOEXEC)


def _journal(file: Path, *, uses_wal: bool) -> Check:
    wal = file.with_name(f"{file.name}-wal")
    size = wal.stat().st_size if wal.exists() else 0
    said = f"WAL with {size:,} bytes" if uses_wal else "rollback journal"
    if size > LARGE_WAL:
        sentence = f"the write-ahead log has {size:,} bytes, because a reader keeps it from being reset"
        return Check("journal", "warning", sentence, "stop long-running readers and restart the server")
    if uses_wal and network_file_system(file):
        sentence = "the write-ahead log is on a network file system, where it can become damaged"
        return Check("journal", "warning", sentence, "open the file once with this release")
    return Check("journal", "ok", said)


def _durability() -> Iterator[Check]:
    """Report the `synchronous` setting of this release, which the file does not record."""
    try:
        from .store import PRAGMAS
    except ModuleNotFoundError:
        return  # the check of the extra reports this
    yield Check(
        "durability", "ok", f"synchronous={PRAGMAS['synchronous']}: acknowledged changes survive a power failure"
    )


def _read_only(file: Path) -> str | None:
    """Return a URL that reads a file without creating files next to it, or None.

    Reading creates nothing if the WAL and its index exist. Without WAL content, the file alone is complete.
    """
    wal, index = (file.with_name(f"{file.name}{end}") for end in ("-wal", "-shm"))
    if wal.exists() and index.exists():
        return f"{file.absolute().as_uri()}?mode=ro"
    if wal.exists() and wal.stat().st_size:
        return None
    return f"{file.absolute().as_uri()}?immutable=1"


def _schema(connection: Any) -> Check:
    try:
        from . import schema
    except ModuleNotFoundError:
        return Check("schema", "ok", "not checked: [server] is not installed")
    version = schema.version_of(connection)
    if version is None:
        return Check("schema", "failed", "the file is not a registry database", "name another file")
    try:
        check_schema_version(version)
    except BackendUnavailable as error:
        sentence, _, advice = str(error).partition(": ")
        return Check("schema", "failed", sentence, advice)
    return Check("schema", "ok", f"up to date (version {version})")


def _sqlite3() -> Any:
    """Return the sqlite3 module of the store: pysqlite3 if [server] installed it."""
    try:
        from .driver import sqlite3
    except ModuleNotFoundError:
        import sqlite3
    return sqlite3
