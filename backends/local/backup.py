"""Consistent copies of a database file in use, and their verification.

A reader makes the copy with SQLite's backup API, so the copy is a consistent snapshot although writers continue.
Checkpoints run only under the inter-process lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from ..base import Caller
from ..errors import BackendUnavailable
from ..files import FileLock
from ..store import check_schema_version
from ..store.rows import HEADS
from ..store.sqlite import schema
from ..store.sqlite.driver import sqlite3
from ..store.sqlite.file import bind_lock_to_file
from ..store.sqlite.store import BUSY_TIMEOUT, READER_PRAGMAS, SQLiteRows
from .operations.review_queue import places_of
from .registry import LocalRegistry

PAGES_AT_ONCE: Final = 512
"""Pages copied between progress reports; the copy can be interrupted at each report."""

Progress = Callable[[str, int, int], object]
"""Called with the current task, the number of items done and the total; 0 if the total is unknown."""


class Checked(msgspec.Struct, frozen=True):
    """The number of verified rows of `history`, and where the history is `broken`, as in the original."""

    history: int
    broken: tuple[dict[str, Any], ...] = ()


def copy(source: Path, target: Path, progress: Progress) -> None:
    """Copy a database at this moment into a new file, while other processes write to it.

    Raises:
        BackendUnavailable: the database cannot be read; the message states the reason.
    """
    source = source.resolve()  # the lock file is next to the real file, not next to a link
    try:
        lock = FileLock(source.with_name(source.name + ".lock"))
    except OSError as error:
        raise BackendUnavailable(f"{source} cannot be copied: cannot open its lock file: {error.strerror}") from error
    try:
        with lock:
            bind_lock_to_file(source, lock)  # otherwise the copy could include the log of another file
        reader = _connect(source, "rw")
        try:
            for name, value in READER_PRAGMAS.items():
                reader.execute(f"PRAGMA {name}={value}")
            (journal,) = reader.execute("PRAGMA journal_mode").fetchone()
            with nullcontext() if journal == "wal" else lock:  # without a WAL, make writers wait for the lock
                _copy(reader, target, progress)
        finally:
            with lock:  # closing the last connection checkpoints the WAL
                reader.close()
    except sqlite3.Error as error:
        raise BackendUnavailable(f"{source} cannot be copied: {error}") from error
    finally:
        lock.close()


def _copy(reader: sqlite3.Connection, target: Path, progress: Progress) -> None:
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # starts the snapshot
    with closing(_connect(target, "rwc")) as copied:
        copied.execute("PRAGMA journal_mode=OFF")
        copied.execute("PRAGMA synchronous=OFF")  # the caller syncs the whole file before renaming it
        reader.backup(
            copied,
            pages=PAGES_AT_ONCE,
            progress=lambda _, remaining, total: progress("pages", total - remaining, total),
        )
    reader.execute("ROLLBACK")


def check(file: Path, progress: Progress) -> Checked:
    """Check a new copy: every page, the schema, and all of its history.

    Raises:
        BackendUnavailable: the copy is damaged, has another schema version, or is not a registry.
    """
    try:
        with closing(_connect(file, "rw")) as connection:
            found = [line for (line,) in connection.execute("PRAGMA integrity_check(5)")]
            if found != ["ok"]:
                raise BackendUnavailable(
                    f"the database is damaged ({'; '.join(found)}): restore it from an older backup"
                )
            version = schema.version_of(connection)
    except sqlite3.Error as error:
        raise BackendUnavailable(f"the copy cannot be read: {error}") from error
    if version is None:
        raise BackendUnavailable("the file is not a registry database: name another file")
    check_schema_version(version)
    rows = SQLiteRows(file)
    with LocalRegistry(rows) as registry:
        with rows.reading() as view:
            places = [replace(Caller(), account=account, region=region) for account, region in places_of(view, HEADS)]
        return _verified(registry, places, progress)


def _verified(registry: LocalRegistry, places: Iterable[Caller], progress: Progress) -> Checked:
    checked, broken = 0, []
    for place in places:
        asked: dict[str, Any] = {}
        while True:
            answer = registry.extension("history/verify", asked, place)
            checked += answer["checked"]
            broken += [{"account": place.account, "region": place.region, **one} for one in answer["broken"]]
            progress("changes of history", checked, 0)
            if "next_token" not in answer:
                break
            asked = {"next_token": answer["next_token"]}
    return Checked(checked, tuple(broken))


def _connect(file: Path, mode: str) -> sqlite3.Connection:
    url = f"{file.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(url, uri=True, timeout=BUSY_TIMEOUT, isolation_level=None)
