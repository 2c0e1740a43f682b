"""The PostgreSQL store, which several stateless servers can share.

Write transactions run at READ COMMITTED and lock the rows they depend on, so on PostgreSQL conflicting writers wait
instead of failing. The SQL is the common subset of PostgreSQL, Aurora, CockroachDB and YugabyteDB. The server's own
`synchronous_commit` setting determines durability.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
from psycopg import IsolationLevel
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool, PoolTimeout

from ..diagnosis import PATIENCE, UNREACHED, Check, timed
from ..errors import (
    BackendUnavailable,
    InternalFailure,
    RegistryError,
    SerializationFailure,
    ServiceUnavailable,
    ThrottlingException,
    ValidationException,
)
from . import check_schema_version, postgres_schema, snapshots
from .postgres_schema import Connection
from .rows import GROUPS, HEADS, PACKAGES
from .transactions import Run, Transaction, View

MAX_CONNECTIONS: Final = 8
CONNECT_TIMEOUT: Final = 5
WAIT_TIMEOUT: Final = 10
"""Seconds to wait for a connection, or for a row that another writer has locked."""
IDLE_TIMEOUT: Final = 60
"""Seconds of silence after which the server ends a write transaction and releases its rows."""

LOCKED = {GROUPS, PACKAGES, HEADS}
"""Tables whose rows a write transaction locks as it reads them, so that they cannot change before it commits. Policies
are changed only while the row of their group is locked; locking them too could deadlock. Heads of history are always
locked last."""

FACTS = {
    "store": "SELECT substr(version(), 1, 60)",
    "durability": "SELECT CASE WHEN current_setting('fsync', true) = 'off' THEN 'fsync=off' "
    "ELSE 'synchronous_commit=' || current_setting('synchronous_commit', true) END",
    "schema": postgres_schema.ASK_VERSION,
}

CUT_OFF = "The registry's database cannot be reached: a pending change may or may not have been stored."

ANSWERS: dict[str, tuple[type[RegistryError], str]] = {
    # SQLSTATE, or its first two characters: the error raised
    "08": (ServiceUnavailable, CUT_OFF),
    "57": (ServiceUnavailable, CUT_OFF),  # the server is shutting down or has crashed
    "25P03": (ServiceUnavailable, CUT_OFF),  # IDLE_TIMEOUT expired
    "22": (ValidationException, "A value cannot be stored: text must be Unicode without NUL characters."),
    "54": (ValidationException, "A value exceeds the size limit of the registry's database: nothing was changed."),
    "40": (SerializationFailure, "Rate exceeded"),  # 40001 serialization failure, 40P01 deadlock
    "40003": (ServiceUnavailable, CUT_OFF),  # unknown whether it was committed
    "55P03": (ThrottlingException, "Rate exceeded"),  # WAIT_TIMEOUT expired
    "53": (ServiceUnavailable, "The registry's database is out of memory or connections: nothing was changed."),
    "53100": (ServiceUnavailable, "The disk of the registry's database is full: nothing was changed."),
    "58": (ServiceUnavailable, "The disk of the registry's database failed: nothing was changed."),
    "25006": (ServiceUnavailable, "The registry's database is read-only: nothing was changed."),
    "42501": (InternalFailure, "The registry's database user lacks access to its tables: grant it access."),
    "XX001": (InternalFailure, "The registry's database is damaged: restore it from a backup."),
    "XX002": (InternalFailure, "An index of the registry's database is damaged: rebuild it with REINDEX."),
}


class PostgresRows:
    """The tables in one PostgreSQL database, accessed through a connection pool.

    Raises:
        BackendUnavailable: the database cannot be used; the message names it and the reason, but never the password.
    """

    def __init__(self, url: str) -> None:
        options = options_of(url)
        _prepare(options)
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            kwargs={**options, "autocommit": True},
            min_size=1,
            max_size=MAX_CONNECTIONS,
            timeout=WAIT_TIMEOUT,
            configure=_configure,
            check=ConnectionPool.check_connection,
            name="sagemaker-registry",
            open=True,
        )

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Run the block as one transaction; any error rolls it back."""
        with _translated(), self._begin(IsolationLevel.READ_COMMITTED, read_only=False) as connection:
            yield Transaction(_runner(connection), locked=LOCKED)

    @contextmanager
    def reading(self) -> Iterator[View]:
        """Run the block on one consistent view; it neither blocks writers nor waits for them."""
        with _translated(), self._begin(IsolationLevel.REPEATABLE_READ, read_only=True) as connection:
            yield View(_runner(connection), FACTS)

    def check_writing(self) -> None:
        """Do nothing: PostgreSQL shuts down when it cannot write its log."""

    def take_snapshot(self) -> snapshots.RowsSnapshot:
        """Return all rows at one moment; this takes seconds, compared with milliseconds in SQLite."""
        return snapshots.take(self)

    def restore_snapshot(self, snapshot: snapshots.RowsSnapshot) -> None:
        snapshots.restore(self, snapshot)

    @contextmanager
    def _begin(self, level: IsolationLevel, *, read_only: bool) -> Iterator[Connection]:
        with self._pool.connection() as connection:
            connection.isolation_level = level
            connection.read_only = read_only
            with connection.transaction():
                yield connection


def _runner(connection: Connection) -> Run:
    return lambda text, values: connection.execute(_in_dialect(text), values)


@lru_cache(maxsize=1024)
def _in_dialect(text: str) -> bytes:
    """Translate a statement built by `sql` for psycopg and PostgreSQL."""
    return re.sub(r"instr\((\w+), \?\)", r"position(? in \1)", text).replace("?", "%s").encode()


def options_of(url: str) -> dict[str, Any]:
    """Parse a URL into libpq's parameters.

    Raises:
        BackendUnavailable: not a PostgreSQL URL. The message omits the URL, because it may contain a password.
    """
    try:
        if url.count("@") > urlsplit(url).netloc.count("@") or url.count("@") > 1:
            raise ValueError(url)  # libpq would parse part of the password as a host name and print it
        given = conninfo_to_dict(url)
    except (psycopg.Error, ValueError):
        raise BackendUnavailable(
            "invalid database URL: expected postgresql://user:password@host:5432/database, with characters such as "
            "@ / : % in the password written as %40 %2F %3A %25"
        ) from None
    return {"connect_timeout": CONNECT_TIMEOUT, "application_name": "sagemaker-registry", **given}


def examine(url: str) -> Iterator[Check]:
    """Connect to a database and read its schema version, without creating tables."""
    options = options_of(url)
    began = time.monotonic()
    try:
        with psycopg.connect(**{**options, "connect_timeout": int(PATIENCE)}, autocommit=True) as connection:
            release = connection.info.parameter_status("server_version")
            yield timed("registry", f"connected to PostgreSQL {release}", time.monotonic() - began)
            version = postgres_schema.version_of(connection)
            if version is None:
                yield Check("schema", "ok", "not created yet: the tables are created at first use")
            else:
                check_schema_version(version)
                yield Check("schema", "ok", f"up to date (version {version})")
    except (psycopg.Error, OSError) as error:
        yield Check("registry", "failed", reason_of(error, options), UNREACHED)


def _prepare(options: Mapping[str, Any]) -> None:
    """Connect once, and create the tables in an empty database."""
    try:
        with psycopg.connect(**options, autocommit=True) as connection:
            postgres_schema.prepare(connection)
    except (psycopg.Error, OSError) as error:
        where = f"{options.get('dbname') or '(default)'} on {options.get('host') or 'this machine'}"
        raise BackendUnavailable(
            f"the PostgreSQL database {where} cannot be opened: {reason_of(error, options)}"
        ) from None


def reason_of(error: Exception, options: Mapping[str, Any]) -> str:
    """Return an error's text on one line with the password masked, although it should not contain one."""
    words = " ".join(str(error).split())
    password = options.get("password")
    return words.replace(str(password), "***") if password else words


def _configure(connection: Connection) -> None:
    connection.execute(f"SET lock_timeout = '{WAIT_TIMEOUT}s'".encode())
    connection.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_TIMEOUT}s'".encode())


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except PoolTimeout as error:
        raise ServiceUnavailable(
            f"No database connection became available within {WAIT_TIMEOUT} s: nothing was changed."
        ) from error
    except psycopg.Error as error:
        raise _answer(error) from error


def _answer(error: psycopg.Error) -> RegistryError:
    """Map an error by its SQLSTATE, else by its class."""
    state = error.sqlstate or _state_of(error)
    kind, sentence = ANSWERS.get(state) or ANSWERS.get(state[:2]) or (InternalFailure, "")
    words = error.diag.message_primary or type(error).__name__
    return kind(sentence or f"The registry's database failed: {words}")


def _state_of(error: psycopg.Error) -> str:
    """Return the SQLSTATE class of a client-side error: a lost connection, or a value that cannot be sent."""
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return "08"
    return "22" if isinstance(error, psycopg.DataError) else "XX"
