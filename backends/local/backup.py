"""Copies of a database file while it is in use: of one moment, whole, and looked into before anybody relies on one.

A copy is made by a reader, through SQLite's own backup: writers go on meanwhile, and the moment does not move. Nothing
is checkpointed outside the lock between processes.
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
"""How many are copied before somebody is told, and may interrupt."""

Progress = Callable[[str, int, int], object]
"""Told what is being done, how much of it is done, and how much there is; 0 where nobody knows."""


class Checked(msgspec.Struct, frozen=True):
    """What was found in a copy: rows of `history` that were verified, and where it is `broken`, as in the original."""

    history: int
    broken: tuple[dict[str, Any], ...] = ()


def copy(source: Path, target: Path, progress: Progress) -> None:
    """Copy a database as it is at this moment into a new file, while others write to it.

    Raises:
        BackendUnavailable: it cannot be read; the sentence says why.
    """
    source = source.resolve()  # the lock lies beside the file itself, wherever a link to it is
    try:
        lock = FileLock(source.with_name(source.name + ".lock"))
    except OSError as error:
        raise BackendUnavailable(
            f"{source} cannot be copied: its lock file cannot be opened: {error.strerror}"
        ) from error
    try:
        with lock:
            bind_lock_to_file(source, lock)  # or what is copied is the log of another file
        reader = _connect(source, "rw")
        try:
            for name, value in READER_PRAGMAS.items():
                reader.execute(f"PRAGMA {name}={value}")
            (journal,) = reader.execute("PRAGMA journal_mode").fetchone()
            with nullcontext() if journal == "wal" else lock:  # without a WAL, writers would wait inside SQLite
                _copy(reader, target, progress)
        finally:
            with lock:  # whoever closes a WAL database last checkpoints it
                reader.close()
    except sqlite3.Error as error:
        raise BackendUnavailable(f"{source} cannot be copied: {error}") from error
    finally:
        lock.close()


def _copy(reader: sqlite3.Connection, target: Path, progress: Progress) -> None:
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # from here on the moment is held
    with closing(_connect(target, "rwc")) as copied:
        copied.execute("PRAGMA journal_mode=OFF")
        copied.execute("PRAGMA synchronous=OFF")  # made durable as a whole, before it gets its name
        reader.backup(
            copied,
            pages=PAGES_AT_ONCE,
            progress=lambda _, remaining, total: progress("pages", total - remaining, total),
        )
    reader.execute("ROLLBACK")


def check(file: Path, progress: Progress) -> Checked:
    """Look into a copy nobody uses yet: every page, the schema, and all of its history.

    Raises:
        BackendUnavailable: it is damaged, has another version of the schema, or is no registry.
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
        raise BackendUnavailable("the database is not a registry's: name a file that is")
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
