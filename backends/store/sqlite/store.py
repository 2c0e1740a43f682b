"""The SQLite store: one writer connection behind a lock, and a pool of read-only connections.

Every write is `BEGIN IMMEDIATE` ... `COMMIT` with `synchronous=FULL`: in simulated power failures, NORMAL lost
acknowledged commits and FULL lost none.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec
import orjson

from ...errors import (
    BackendUnavailable,
    InternalFailure,
    RegistryError,
    ServiceUnavailable,
    ThrottlingException,
    ValidationException,
)
from ...files import FileLock, network_file_system
from .. import check_schema_version
from ..transactions import Transaction, View
from . import schema
from .driver import sqlite3
from .file import bind_lock_to_file, create_database_file, lock_of
from .writer_lock import FairLock

BUSY_TIMEOUT: Final = 30.0
CHECKS: Final = {"integrity_check": 16 * 2**20, "quick_check": 100 * 2**20}
"""The check run when a file is opened, by its maximum file size in bytes: a full check including indexes (2 ms per
MiB), then a check for damaged pages only (1 ms per MiB). Larger files are checked only by `doctor`."""
ROOM_FOR_A_WRITE: Final = 128 * 2**10
"""Free bytes that show a disk is not full: more than a typical commit writes."""

PRAGMAS = {
    "synchronous": "FULL",
    "foreign_keys": "ON",
    "trusted_schema": "OFF",
    "cell_size_check": "ON",
    "mmap_size": "0",
    "wal_autocheckpoint": "4000",  # pages, or 16 MiB: the checkpoint blocks a writer
    "cache_size": "-8000",  # KiB: the pages of a dozen indexes that every write visits
}
READER_PRAGMAS = {**PRAGMAS, "query_only": "ON", "wal_autocheckpoint": "0", "cache_size": "-2000"}

FACTS = {
    "store": "SELECT 'SQLite ' || sqlite_version()",
    "journal": "SELECT upper(journal_mode) FROM pragma_journal_mode",
    "durability": "SELECT 'synchronous=' || CASE synchronous "
    "WHEN 0 THEN 'OFF' WHEN 1 THEN 'NORMAL' WHEN 2 THEN 'FULL' ELSE 'EXTRA' END FROM pragma_synchronous",
    "schema": "SELECT user_version FROM pragma_user_version",
}
"""Statements for `View.facts`; they run on a reader, which has the writer's settings."""

ANSWERS: dict[str, tuple[type[RegistryError], str]] = {
    # SQLite's error name: the error raised
    "SQLITE_BUSY": (ThrottlingException, "Rate exceeded"),
    "SQLITE_LOCKED": (ThrottlingException, "Rate exceeded"),
    "SQLITE_FULL": (ServiceUnavailable, "The registry's disk is full: nothing was changed; reading still works."),
    "SQLITE_READONLY": (ServiceUnavailable, "The registry's database is read-only: nothing was changed."),
    "SQLITE_CANTOPEN": (ServiceUnavailable, "The registry's database cannot be opened: nothing was changed."),
    "SQLITE_IOERR": (
        # A commit already in the log reappears after a restart, unless later writes replaced it.
        ServiceUnavailable,
        "The registry's disk failed: nothing was changed, but the change may reappear after a restart.",
    ),
    "SQLITE_CORRUPT": (InternalFailure, "The registry's database is damaged: restore it from a backup."),
    "SQLITE_NOTADB": (InternalFailure, "The registry's database is no longer an SQLite file."),
}

GONE: Final = (
    "The registry's file was moved, removed or replaced while it was open: nothing was changed. "
    "Put it back, or restart the server with the new file."
)

UNREADABLE = (UnicodeDecodeError, orjson.JSONDecodeError, msgspec.DecodeError)
"""Errors for text or records on a damaged page that SQLite does not detect, as it keeps no checksums."""
FAILURES = (*UNREADABLE, sqlite3.Error, OverflowError)


class SQLiteRows:
    """The tables in one SQLite file, or in memory if `path` is None.

    Raises:
        BackendUnavailable: the file cannot be used; the message states the reason and the remedy.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path.absolute() if path is not None else None  # the process may change its working directory
        self._lock: FairLock | threading.Lock = FairLock() if path is not None else threading.Lock()
        self._is_failing = self._is_closed = False
        self._journal = "WAL"
        self._idle: list[sqlite3.Connection] = []
        self._between_processes: AbstractContextManager[None] = nullcontext()
        with ExitStack() as undo:
            if self.path is not None:
                self._file = create_database_file(self.path)
                lock = lock_of(self._file)
                undo.callback(lock.close)
                self._between_processes = lock
            try:
                with self._between_processes:
                    self._opened = self._identify_file()
                    if isinstance(self._between_processes, FileLock):
                        bind_lock_to_file(self._file, self._between_processes)
                    self._writer = self._connect(PRAGMAS)
                    with ExitStack() as closed:
                        closed.callback(self._writer.close)  # closing the last connection checkpoints, so hold the lock
                        self._prepare()
                        if self._was_replaced():
                            raise BackendUnavailable(f"{path} was replaced while it was being opened: try again")
                        closed.pop_all()
            except sqlite3.Error as error:
                raise BackendUnavailable(f"{path} cannot be opened: {' '.join(str(error).split())}") from error
            except UNREADABLE as error:
                raise BackendUnavailable(f"{path} is damaged ({error}): restore it from a backup") from error
            undo.pop_all()

    def close(self) -> None:
        """Close all connections, checkpointing under the lock; a second call does nothing."""
        with _translated(), self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            with ExitStack() as closed:
                if isinstance(self._between_processes, FileLock):
                    closed.callback(self._between_processes.close)
                closed.enter_context(self._between_processes)
                closed.callback(self._writer.close)
                while self._idle:
                    self._idle.pop().close()
                if self._was_replaced():
                    self._empty_log()

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Run the block as one durable transaction; any error rolls it back."""
        with _translated(), self._lock:
            self._check_open()
            with self._between_processes, self._noting_failure():
                if self._was_replaced():
                    self._empty_log()
                    raise ServiceUnavailable(GONE)
                connection = self._writer
                try:
                    self._begin("IMMEDIATE")
                    yield Transaction(connection.execute)
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:  # SQLite has already rolled back if the disk is full
                        connection.execute("ROLLBACK")
                    raise

    def reading(self) -> AbstractContextManager[View]:
        """Run the block on one consistent view; for a file, it neither blocks writers nor waits for them."""
        return _Reading(self) if self.path is not None else self._reading_memory()

    @contextmanager
    def _reading_memory(self) -> Iterator[View]:
        """Yield a view on the single connection; as a generator, it releases the lock even after an interrupt."""
        with _translated(), self._lock:
            self._check_open()
            try:
                self._begin("DEFERRED")
                yield View(self._writer.execute, FACTS)
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")

    def check_writing(self) -> None:
        """If the last write failed, write an unchanged value: a full disk may have space again."""
        self._check_usable()
        if self._is_failing and self.path is not None:
            if shutil.disk_usage(self.path.parent).free < ROOM_FOR_A_WRITE:
                raise ServiceUnavailable(ANSWERS["SQLITE_FULL"][1])
            with self.writing():
                (version,) = self._writer.execute("PRAGMA user_version").fetchone()
                self._writer.execute(f"PRAGMA user_version = {version}")

    def take_snapshot(self) -> sqlite3.Connection:
        """Return a copy of all pages as an in-memory database; this takes milliseconds."""
        snapshot = sqlite3.connect(":memory:", check_same_thread=False)
        with _translated(), ExitStack() as undo, self._lock:
            undo.callback(snapshot.close)
            self._check_usable()
            with self._between_processes:
                self._writer.backup(snapshot)
            undo.pop_all()
        return snapshot

    def restore_snapshot(self, snapshot: sqlite3.Connection) -> None:
        with _translated(), self._lock:
            self._check_usable()
            with self._between_processes:
                snapshot.backup(self._writer)

    @contextmanager
    def _noting_failure(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error:
            self._is_failing = True
            raise
        self._is_failing = False

    def _begin(self, how: str) -> None:
        """Begin a write transaction after rolling back an interrupted one; call this with the locks held."""
        if self._writer.in_transaction:
            self._writer.execute("ROLLBACK")
        self._writer.execute(f"BEGIN {how}")

    def _borrow(self) -> sqlite3.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            self._check_usable()
            journal = {} if self._journal == "WAL" else {"journal_mode": self._journal}
            return self._connect({**READER_PRAGMAS, **journal})

    def _give_back(self, connection: sqlite3.Connection, *, has_failed: bool) -> None:
        """Return a connection to the pool; close it instead if it failed or the store is closed."""
        if has_failed:
            self._close_reader(connection)
            return
        self._idle.append(connection)
        if self._is_closed:
            with suppress(IndexError):
                self._close_reader(self._idle.pop())

    def _close_reader(self, connection: sqlite3.Connection) -> None:
        """Close a reader, under the lock if the store is closed, because the last connection checkpoints."""
        with ExitStack() as held:
            if self._is_closed:
                with suppress(BackendUnavailable):  # if its directory is gone, no other process can hold it
                    held.enter_context(held.enter_context(closing(lock_of(self._file))))
            connection.close()

    def _identify_file(self) -> tuple[int, int] | None:
        """Return the device and inode of the file at the path; None without a file, or in memory."""
        if self.path is None:
            return None
        try:
            found = os.stat(self.path)
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _was_replaced(self) -> bool:
        """Whether the file was moved, removed or replaced since it was opened.

        SQLite would keep writing to a file that is no longer reachable. A new connection would open the file now at the
        path, together with this file's log.
        """
        return self._identify_file() != self._opened

    def _check_open(self) -> None:
        if self._is_closed:
            raise ServiceUnavailable("The registry was closed.")

    def _check_usable(self) -> None:
        self._check_open()
        if self._was_replaced():
            raise ServiceUnavailable(GONE)

    def _empty_log(self) -> None:
        """Checkpoint the log into the file that was moved; call this with the locks held.

        SQLite leaves the log in place even when it closes: a replacement file would take it for its own when next
        opened, and be overwritten. If a reader still uses the log, it stays full; the checkpoint does not wait for
        readers.
        """
        self._writer.execute("PRAGMA busy_timeout=0")
        try:
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._writer.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT * 1000:.0f}")

    def _connect(self, pragmas: dict[str, str]) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path or ":memory:",
            timeout=BUSY_TIMEOUT,
            isolation_level=None,  # transactions begin explicitly: see `writing`
            check_same_thread=False,
            cached_statements=256,
        )
        try:
            for name, value in pragmas.items():
                connection.execute(f"PRAGMA {name}={value}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    def _prepare(self) -> None:
        """Check the file, choose its journal mode, and create the tables in an empty file."""
        if self.path is not None:
            self._check_file()
            self._journal = "TRUNCATE" if network_file_system(self.path) else "WAL"
            self._writer.execute(f"PRAGMA journal_mode={self._journal}")
        self._begin("IMMEDIATE")
        try:
            schema.prepare(self._writer)
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise
        self._writer.execute("COMMIT")

    def _check_file(self) -> None:
        """Raise BackendUnavailable for a damaged file, another program's or another schema version; change nothing."""
        assert self.path is not None  # noqa: S101 - the caller checks this
        size = self.path.stat().st_size
        check = next((name for name, most in CHECKS.items() if size <= most), None)
        if check is not None:
            (verdict,) = self._writer.execute(f"PRAGMA {check}(1)").fetchone()
            if verdict != "ok":
                words = " ".join(verdict.split())
                raise BackendUnavailable(f"{self.path} is damaged ({words}): restore it from a backup")
        tables = [name for (name,) in self._writer.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        version = schema.version_of(self._writer)
        if tables and version is None:
            some = ", ".join(repr(name) for name in sorted(tables)[:3])
            raise BackendUnavailable(f"{self.path} is not a registry database (tables: {some}): name another file")
        if version is not None:
            try:
                check_schema_version(version)
            except BackendUnavailable as error:
                raise BackendUnavailable(f"{self.path}: {error}") from error


class _Reading:
    """A consistent view for `with`: a class, because each generator layer would slow down single-row reads."""

    __slots__ = ("_connection", "_rows")

    def __init__(self, rows: SQLiteRows) -> None:
        self._rows = rows

    def __enter__(self) -> View:
        try:
            connection = self._connection = self._rows._borrow()
            try:
                connection.execute("BEGIN")
            except BaseException:
                self._rows._give_back(connection, has_failed=True)
                raise
        except sqlite3.Error as error:
            raise _registry_error(error) from error
        return View(connection.execute, FACTS)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, has_failed = self._connection, isinstance(error, sqlite3.Error)
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error as failure:
            has_failed = True
            raise _registry_error(failure) from failure
        finally:
            self._rows._give_back(connection, has_failed=has_failed)
        if isinstance(error, FAILURES):
            raise _registry_error(error) from error


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        raise _registry_error(error) from error


def _registry_error(error: Exception) -> RegistryError:
    """Map one of FAILURES to the error that is raised."""
    if isinstance(error, UNREADABLE):
        return InternalFailure(ANSWERS["SQLITE_CORRUPT"][1])
    if isinstance(error, OverflowError):  # from the driver: an integer too large for a column
        return ValidationException("A number is out of range: integers can have at most 63 bits.")
    name = getattr(error, "sqlite_errorname", "") or ""
    primary = "_".join(name.split("_")[:2])  # SQLITE_IOERR_FSYNC maps to SQLITE_IOERR
    kind, sentence = ANSWERS.get(primary, (InternalFailure, f"The registry's database failed: {error}"))
    return kind(sentence)
