"""What may be wrong with SQLite or a database file, found without a change to the file or beside it."""

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

from ...diagnosis import PATIENCE, Check, Verdict
from ...errors import BackendUnavailable
from ...files import is_free, network_file_system, tells_networks
from ...urls import database_file
from .. import check_schema_version

FIXED = (3, 51, 3)
BACKPORTS = {(3, 50): 7, (3, 44): 6}
FIRST_WITH_WAL = (3, 7, 0)

ALMOST_FULL = 100 * 2**20
LARGE_WAL = 64 * 2**20
WAL_VERSION = 2


def loses_commits(release: tuple[int, int, int]) -> bool:
    """Whether a release of SQLite has the WAL-reset bug: two connections that commit and checkpoint lose commits."""
    if not FIRST_WITH_WAL <= release < FIXED:
        return False
    backport = BACKPORTS.get(release[:2])
    return backport is None or release[2] < backport


def library() -> Check:
    """Return what is to be said of the SQLite that a registry here would use."""
    sqlite3 = _sqlite3()
    release = sqlite3.sqlite_version_info
    if loses_commits(release):
        sentence = (
            f"SQLite {sqlite3.sqlite_version} can lose commits when connections commit and checkpoint at once (fixed "
            "in 3.51.3); a registry of ours never does that: one connection writes and checkpoints, holding a lock file"
        )
        return Check("sqlite", "ok", sentence, "let nothing else write to the file while it is in use")
    return Check("sqlite", "ok", f"SQLite {sqlite3.sqlite_version}")


def examine(url: str) -> Iterator[Check]:
    """Examine the database file of a URL; memory has none."""
    file = database_file(url)
    yield from () if file is None else examine_file(file)


def examine_file(file: Path) -> Iterator[Check]:
    """Look at a database file: whether it is there, whose it is, where, how large, and whether it is whole."""
    try:
        is_there = file.exists()
    except OSError as error:
        yield Check("file", "failed", f"{file} cannot be looked at: {error.strerror}", "name one that you may use")
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
        return  # as was said
    try:
        yield from _content(file)
    except _sqlite3().Error as error:
        yield Check("content", "failed", f"{file} cannot be read: {error}", "restore it from a backup")


def _absent(file: Path) -> Check:
    above = next(folder for folder in file.absolute().parents if folder.exists())
    if not os.access(above, os.W_OK | os.X_OK):
        return Check("file", "failed", f"{file.absolute()} is not there, and {above} cannot be written", "name another")
    sentence = f"{file.absolute()} is not there: it is made when it is first used"
    return Check("file", "warning", sentence, "see that the path is the one you mean")


def _rights(file: Path) -> Iterator[Check]:
    state = file.stat()
    yield Check("file", "ok", f"{file.absolute()}, {state.st_size:,} bytes")
    if not os.access(file, os.R_OK):
        yield Check("rights", "failed", "it cannot be read by this user", f"chown {_me()} {file}")
    elif not (os.access(file, os.W_OK) and os.access(file.absolute().parent, os.W_OK | os.X_OK)):
        yield Check("rights", "failed", "it or its folder cannot be written by this user", f"chown {_me()} {file}")
    elif sys.platform != "win32" and state.st_mode & 0o077:
        sentence = f"others on this machine may open it (mode {state.st_mode & 0o777:04o})"
        yield Check("rights", "warning", sentence, f"chmod 600 {file}")
    else:
        yield Check("rights", "ok", "it is this user's alone")


def _me() -> str:
    return str(getattr(os, "getuid", lambda: "you")())


def _options(file: Path) -> Iterator[Check]:
    kind = network_file_system(file)
    if kind is None and tells_networks():
        yield Check("file system", "ok", "local")
    elif kind is None:
        sentence = "this system does not say whether it is local or on a network"
        yield Check("file system", "ok", sentence, "keep it on a disk of this machine")
    else:
        sentence = f"it is on a network file system ({kind}), where locks between machines cannot be trusted"
        yield Check("file system", "warning", sentence, "use it from one machine, or postgresql:// for a team")
    free = shutil.disk_usage(file.absolute().parent).free
    verdict: Verdict = "ok" if free > ALMOST_FULL else "warning"
    yield Check("disk", verdict, f"{free / 2**20:,.0f} MiB are free", "" if verdict == "ok" else "make room")


def _lock(file: Path) -> Iterator[Check]:
    """Whether the lock between processes can be had, where one of ours has made its file: else nobody can write."""
    path = file.resolve().with_name(f"{file.resolve().name}.lock")
    if not path.exists() or not os.access(path, os.R_OK | os.W_OK):
        said = (
            "cannot be opened by this user" if path.exists() else "not there: it is made when the file is next opened"
        )
        verdict: Verdict = "failed" if path.exists() else "ok"
        yield Check("lock", verdict, f"{path.name} {said}", f"chown {_me()} {path}" if path.exists() else "")
        return
    began = time.monotonic()
    if is_free(path, PATIENCE):
        yield Check("lock", "ok", f"it can be had, after {(time.monotonic() - began) * 1000:.0f} ms")
        return
    sentence = f"a process has held {path.name} for {PATIENCE:.0f} s: nobody else can write"
    yield Check("lock", "failed", sentence, f"find it with: lsof {path}")


def _content(file: Path) -> Iterator[Check]:
    head = _head(file)
    if not head:
        yield Check("content", "ok", "it is empty: a registry is made in it when it is first used")
        return
    yield _journal(file, uses_wal=head[18:19] == bytes([WAL_VERSION]))
    yield from _durability()
    url = _read_only(file)
    if url is None:
        sentence = "its -wal file has changes, and there is no -shm file to read them by: it is not looked into"
        yield Check("content", "warning", sentence, "open it once, as any other command does")
        return
    began = time.monotonic()
    with closing(_sqlite3().connect(url, uri=True, isolation_level=None)) as connection:
        found = [line for (line,) in connection.execute("PRAGMA integrity_check(5)")]
        if found != ["ok"]:
            yield Check("content", "failed", f"it is damaged: {'; '.join(found)}", "restore it from a backup")
            return
        yield Check("content", "ok", f"whole: integrity_check took {(time.monotonic() - began) * 1000:.0f} ms")
        yield _schema(connection)


def _head(file: Path) -> bytes:
    """Return the first bytes of a file.

    The descriptor stays open where locks are POSIX's: closing it would give up all that this process has on the file,
    and with them those of a registry that is open here.
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
    said = f"WAL, {size:,} bytes of it not in the file yet" if uses_wal else "a rollback journal"
    if size > LARGE_WAL:
        return Check("journal", "warning", said, "stop whoever reads for long, and restart the server")
    if uses_wal and network_file_system(file):
        return Check("journal", "warning", f"{said}, on a network file system", "open it once with this release")
    return Check("journal", "ok", said)


def _durability() -> Iterator[Check]:
    """What a registry of this release asks of the disk at each commit: the file itself does not say."""
    try:
        from .store import PRAGMAS
    except ModuleNotFoundError:
        return  # said of the extra
    yield Check("durability", "ok", f"synchronous={PRAGMAS['synchronous']}: what was acknowledged outlives a power cut")


def _read_only(file: Path) -> str | None:
    """Return the URL to read a file by so that nothing is made beside it; None if there is none.

    With a WAL and its index, reading makes nothing; without a WAL that has changes, the file alone is all there is.
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
        return Check("schema", "ok", "not looked at without [server]")
    version = schema.version_of(connection)
    if version is None:
        return Check("schema", "failed", "it is not a registry's", "name a file that is")
    try:
        check_schema_version(version)
    except BackendUnavailable as error:
        sentence, _, advice = str(error).partition(": ")
        return Check("schema", "failed", sentence, advice)
    return Check("schema", "ok", f"up to date (version {version})")


def _sqlite3() -> Any:
    """Return the SQLite a registry uses: that of [server], if it is installed."""
    try:
        from .driver import sqlite3
    except ModuleNotFoundError:
        import sqlite3
    return sqlite3
