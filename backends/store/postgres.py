"""Rows in PostgreSQL, for a team: many servers without state of their own on one database.

Writers run READ COMMITTED and lock the rows they decide on, so that on PostgreSQL they wait for each other where two
of them meet and never fail for it. The SQL is what PostgreSQL, Aurora, CockroachDB and YugabyteDB have in common. How
durable a commit is, is the server's to say: `synchronous_commit` is left as its owner set it.
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
"""How long a call waits for a connection, or for a row that another writer has locked."""
IDLE_TIMEOUT: Final = 60
"""After which the server ends the transaction of a writer it hears nothing of, and frees its rows."""

LOCKED = {GROUPS, PACKAGES, HEADS}
"""Tables whose rows a transaction that writes locks as it reads them: what it decides by must still hold when it
commits. Policies are only changed behind the lock of their group; locking them too would allow deadlocks. Heads of
history are always locked last."""

FACTS = {
    "store": "SELECT substr(version(), 1, 60)",
    "durability": "SELECT CASE WHEN current_setting('fsync', true) = 'off' THEN 'fsync=off' "
    "ELSE 'synchronous_commit=' || current_setting('synchronous_commit', true) END",
    "schema": postgres_schema.ASK_VERSION,
}
"""See `View.facts`."""

CUT_OFF = "The registry's database cannot be reached: a change that was under way may or may not be stored."

ANSWERS: dict[str, tuple[type[RegistryError], str]] = {
    # SQLSTATE, or its class: what a caller is told
    "08": (ServiceUnavailable, CUT_OFF),
    "57": (ServiceUnavailable, CUT_OFF),  # the server is being stopped, or has crashed
    "25P03": (ServiceUnavailable, CUT_OFF),  # IDLE_TIMEOUT were over
    "22": (ValidationException, "A value cannot be stored: text must be Unicode without NUL characters."),
    "54": (ValidationException, "A value is larger than the registry's database takes: nothing was changed."),
    "40": (SerializationFailure, "Rate exceeded"),  # 40001 serialization failure, 40P01 deadlock
    "40003": (ServiceUnavailable, CUT_OFF),  # was it committed?
    "55P03": (ThrottlingException, "Rate exceeded"),  # WAIT_TIMEOUT were over
    "53": (ServiceUnavailable, "The registry's database is out of memory or connections: nothing was changed."),
    "53100": (ServiceUnavailable, "The disk of the registry's database is full: nothing was changed."),
    "58": (ServiceUnavailable, "The disk of the registry's database failed to answer: nothing was changed."),
    "25006": (ServiceUnavailable, "The registry's database is read-only: nothing was changed."),
    "42501": (InternalFailure, "The registry's user may not use its tables: grant it their rights."),
    "XX001": (InternalFailure, "The registry's database is damaged: restore it from a backup."),
    "XX002": (InternalFailure, "An index of the registry's database is damaged: rebuild it with REINDEX."),
}


class PostgresRows:
    """The tables in one PostgreSQL database, through a pool of connections.

    Raises:
        BackendUnavailable: the database cannot be used; the sentence names it, says why, and never has the password.
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
        """Run the block as one transaction; its errors, and PostgreSQL's, undo all of it."""
        with _translated(), self._begin(IsolationLevel.READ_COMMITTED, read_only=False) as connection:
            yield Transaction(_runner(connection), locked=LOCKED)

    @contextmanager
    def reading(self) -> Iterator[View]:
        """Run the block on one consistent view; writers neither wait for it nor make it wait."""
        with _translated(), self._begin(IsolationLevel.REPEATABLE_READ, read_only=True) as connection:
            yield View(_runner(connection), FACTS)

    def check_writing(self) -> None:
        """Nothing to try: a PostgreSQL that cannot write its log stops."""

    def take_snapshot(self) -> snapshots.RowsSnapshot:
        """Return all rows, as they are at one moment: seconds where SQLite takes milliseconds."""
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
    """Return a statement of `sql` as psycopg and PostgreSQL take it."""
    return re.sub(r"instr\((\w+), \?\)", r"position(? in \1)", text).replace("?", "%s").encode()


def options_of(url: str) -> dict[str, Any]:
    """Return what a URL says, as libpq's parameters.

    Raises:
        BackendUnavailable: not a PostgreSQL URL. The message omits it, as part of it may be a password.
    """
    try:
        if url.count("@") > urlsplit(url).netloc.count("@") or url.count("@") > 1:
            raise ValueError(url)  # libpq would take part of the password for a host, and print it
        given = conninfo_to_dict(url)
    except (psycopg.Error, ValueError):
        raise BackendUnavailable(
            "the URL of the database cannot be read: write postgresql://user:password@host:5432/database, with "
            "characters such as @ / : % in the password as %40 %2F %3A %25"
        ) from None
    return {"connect_timeout": CONNECT_TIMEOUT, "application_name": "sagemaker-registry", **given}


def examine(url: str) -> Iterator[Check]:
    """Reach a database and read its schema version; opening it as a registry would create its tables."""
    options = options_of(url)
    began = time.monotonic()
    try:
        with psycopg.connect(**{**options, "connect_timeout": int(PATIENCE)}, autocommit=True) as connection:
            release = connection.info.parameter_status("server_version")
            yield timed("registry", f"PostgreSQL {release} can be reached", time.monotonic() - began)
            version = postgres_schema.version_of(connection)
            if version is None:
                yield Check("schema", "ok", "not there: the tables are created when the database is first used")
            else:
                check_schema_version(version)
                yield Check("schema", "ok", f"up to date (version {version})")
    except (psycopg.Error, OSError) as error:
        yield Check("registry", "failed", reason_of(error, options), UNREACHED)


def _prepare(options: Mapping[str, Any]) -> None:
    """Reach the database once, and create the tables in an empty one."""
    try:
        with psycopg.connect(**options, autocommit=True) as connection:
            postgres_schema.prepare(connection)
    except (psycopg.Error, OSError) as error:
        where = f"{options.get('dbname') or 'of the user'} on {options.get('host') or 'this machine'}"
        raise BackendUnavailable(
            f"the PostgreSQL database {where} cannot be opened: {reason_of(error, options)}"
        ) from None


def reason_of(error: Exception, options: Mapping[str, Any]) -> str:
    """Return the library's words in one line, without the password, which they should not have anyway."""
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
            f"No connection to the registry's database was free within {WAIT_TIMEOUT} s: nothing was changed."
        ) from error
    except psycopg.Error as error:
        raise _answer(error) from error


def _answer(error: psycopg.Error) -> RegistryError:
    """Return what a caller is told: by SQLSTATE, else by its class."""
    state = error.sqlstate or _state_of(error)
    kind, sentence = ANSWERS.get(state) or ANSWERS.get(state[:2]) or (InternalFailure, "")
    words = error.diag.message_primary or type(error).__name__
    return kind(sentence or f"The registry's database failed: {words}")


def _state_of(error: psycopg.Error) -> str:
    """Return the class of an error the server did not send: of a lost connection, or of a value that cannot be sent."""
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return "08"
    return "22" if isinstance(error, psycopg.DataError) else "XX"
