"""The tables of the PostgreSQL store and every step that led to them; released steps are never edited.

So a step says itself what it makes, and takes nothing from code that goes on changing.

Text is compared by its bytes, as SQLite does, so that every store sorts alike. Many servers may start at once on an
empty database: each step is a transaction that first takes the lock row.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, LiteralString

import psycopg
from psycopg.errors import DuplicateObject, DuplicateTable, UndefinedTable, UniqueViolation

from ..errors import BackendUnavailable
from . import terms_0006

Connection = psycopg.Connection[tuple[Any, ...]]

TEXT_BY_BYTES: Final = 'TEXT COLLATE "C"'
TEXT_ON_COCKROACH: Final = "TEXT"
"""CockroachDB compares by bytes without being told, and refuses columns with that collation (cockroach#108657)."""

LOCK_ROW: Final = "lock"
ROWS_AT_ONCE: Final = 500


def _fill_terms(connection: Connection) -> None:
    """Keep the terms of all records there are, as m0006 does."""
    columns, places = ", ".join(terms_0006.COLUMNS), ", ".join("%s" for _ in terms_0006.COLUMNS)
    insert = f"INSERT INTO search_terms ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING".encode()  # noqa: S608 - names are ours
    for kind, (table, key, moment) in terms_0006.RECORDS.items():
        position, beyond = ", ".join(key), ", ".join("%s" for _ in key)
        text = (
            f"SELECT {position}, {moment}, record FROM {table} WHERE ({position}) > ({beyond}) "  # noqa: S608 - names are ours
            f"ORDER BY {position} LIMIT {ROWS_AT_ONCE}"
        ).encode()
        after: tuple[Any, ...] = tuple(-1 if column == "version" else "" for column in key)
        while found := connection.execute(text, after).fetchall():
            after = found[-1][: len(key)]
            terms = [term for values in found for term in terms_0006.of(kind, values)]
            connection.cursor().executemany(insert, terms)


STEPS: dict[str, tuple[LiteralString | Callable[[Connection], None], ...]] = {
    # {text} is the type of text; times are epoch milliseconds
    "m0001_groups_packages_and_tokens": (
        """
        CREATE TABLE model_package_groups (
            account {text} NOT NULL,
            region {text} NOT NULL,
            name {text} NOT NULL,
            created BIGINT NOT NULL,
            last_version BIGINT NOT NULL,
            rev BIGINT NOT NULL,
            record {text} NOT NULL,
            PRIMARY KEY (account, region, name)
        )
        """,
        "CREATE INDEX groups_by_time ON model_package_groups (account, region, created, name)",
        """
        CREATE TABLE model_packages (
            account {text} NOT NULL,
            region {text} NOT NULL,
            name {text} NOT NULL,
            version BIGINT NOT NULL,
            type {text} NOT NULL,
            created BIGINT NOT NULL,
            modified BIGINT NOT NULL,
            approval {text} NOT NULL,
            rev BIGINT NOT NULL,
            record {text} NOT NULL,
            PRIMARY KEY (account, region, name, version)
        )
        """,
        # One index for each list that is paged: of a group, of one type, of both types.
        "CREATE INDEX packages_of_group ON model_packages (account, region, name, created, version)",
        "CREATE INDEX packages_of_type ON model_packages (account, region, type, created, name, version)",
        "CREATE INDEX packages_by_time ON model_packages (account, region, created, name, version)",
        """
        CREATE TABLE client_tokens (
            account {text} NOT NULL,
            region {text} NOT NULL,
            operation {text} NOT NULL,
            token {text} NOT NULL,
            created BIGINT NOT NULL,
            rev BIGINT NOT NULL,
            digest {text} NOT NULL,
            record {text} NOT NULL,
            PRIMARY KEY (account, region, operation, token)
        )
        """,
        "CREATE INDEX tokens_by_time ON client_tokens (account, region, created)",
    ),
    "m0002_group_policies": (
        """
        CREATE TABLE group_policies (
            region {text} NOT NULL,
            account {text} NOT NULL,
            name {text} NOT NULL,
            rev BIGINT NOT NULL,
            record {text} NOT NULL,
            PRIMARY KEY (region, account, name)
        )
        """,
    ),
    "m0003_history": (
        """
        CREATE TABLE history (
            account {text} NOT NULL,
            region {text} NOT NULL,
            name {text} NOT NULL,
            seq BIGINT NOT NULL,
            at BIGINT NOT NULL,
            actor {text} NOT NULL,
            principal {text} NOT NULL,
            request_id {text} NOT NULL,
            operation {text} NOT NULL,
            kind {text} NOT NULL,
            arn {text} NOT NULL,
            version BIGINT NOT NULL,
            content {text} NOT NULL,
            previous {text} NOT NULL,
            hash {text} NOT NULL,
            PRIMARY KEY (account, region, name, seq)
        )
        """,
        # By time over all names, and by version within a name; the key serves the rest.
        "CREATE INDEX history_by_time ON history (account, region, at, name, seq)",
        "CREATE INDEX history_of_version ON history (account, region, name, version, seq)",
        """
        CREATE TABLE history_heads (
            account {text} NOT NULL,
            region {text} NOT NULL,
            name {text} NOT NULL,
            seq BIGINT NOT NULL,
            hash {text} NOT NULL,
            rev BIGINT NOT NULL,
            PRIMARY KEY (account, region, name)
        )
        """,
    ),
    "m0004_events": (
        """
        CREATE TABLE events (
            account {text} NOT NULL,
            region {text} NOT NULL,
            name {text} NOT NULL,
            seq BIGINT NOT NULL,
            version BIGINT NOT NULL,
            at BIGINT NOT NULL,
            position BIGINT NOT NULL,
            rev BIGINT NOT NULL,
            record {text} NOT NULL,
            PRIMARY KEY (account, region, name, seq)
        )
        """,
        "CREATE INDEX events_by_position ON events (position)",
        """
        CREATE TABLE event_cursors (
            name {text} NOT NULL,
            position BIGINT NOT NULL,
            rev BIGINT NOT NULL,
            PRIMARY KEY (name)
        )
        """,
        """
        CREATE TABLE event_deliveries (
            position BIGINT NOT NULL,
            sink {text} NOT NULL,
            account {text} NOT NULL,
            region {text} NOT NULL,
            name {text} NOT NULL,
            version BIGINT NOT NULL,
            id {text} NOT NULL,
            open BIGINT NOT NULL,
            state {text} NOT NULL,
            attempts BIGINT NOT NULL,
            due BIGINT NOT NULL,
            changed BIGINT NOT NULL,
            error {text} NOT NULL,
            rev BIGINT NOT NULL,
            PRIMARY KEY (position, sink)
        )
        """,
        "CREATE INDEX deliveries_of_sink ON event_deliveries (sink, open, position)",
    ),
    "m0005_versions_by_approval": (
        # Who waits for a decision over all groups, oldest first; the newest of a group with an approval status.
        "CREATE INDEX packages_by_approval ON model_packages (account, region, approval, created, name, version)",
        "CREATE INDEX packages_of_group_by_approval ON model_packages (account, region, name, approval, version)",
    ),
    "m0006_a_million_versions": (
        """
        CREATE TABLE search_terms (
            account {text} NOT NULL,
            region {text} NOT NULL,
            kind {text} NOT NULL,
            path {text} NOT NULL,
            value {text} NOT NULL,
            moment BIGINT NOT NULL,
            name {text} NOT NULL,
            version BIGINT NOT NULL,
            PRIMARY KEY (account, region, kind, path, value, moment, name, version)
        )
        """,
        _fill_terms,
        "CREATE INDEX packages_by_change ON model_packages (account, region, modified, name, version)",
        "DROP INDEX packages_of_group",  # a group's versions are sorted by number
        """
        CREATE TABLE event_notes (
            account {text} NOT NULL,
            region {text} NOT NULL,
            name {text} NOT NULL,
            seq BIGINT NOT NULL,
            version BIGINT NOT NULL,
            at BIGINT NOT NULL,
            PRIMARY KEY (account, region, name, seq)
        )
        """,
        "INSERT INTO event_notes SELECT account, region, name, seq, version, at FROM events WHERE position = 0",
        "DELETE FROM events WHERE position = 0",
        # Each list of events and deliveries that would have to be sorted.
        "CREATE INDEX events_of_place ON events (account, region, position)",
        "CREATE INDEX events_of_name ON events (account, region, name, position, version)",
        "CREATE INDEX deliveries_of_place ON event_deliveries (account, region, position, sink)",
        "CREATE INDEX deliveries_by_state ON event_deliveries (account, region, state, position, sink)",
    ),
}


def upgrade(connection: Connection) -> None:
    """Bring a database to this release's schema, one transaction a step; a database that has it is only read.

    Raises:
        BackendUnavailable: a newer release made the database. Nothing is changed then.
    """
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED  # see what others did while we waited
    if not left(connection):
        return
    _make_the_lock(connection)
    while _take_a_step(connection):
        pass


def _take_a_step(connection: Connection) -> bool:
    """Carry out the first step that is missing, behind the lock row; False if none is."""
    with connection.transaction():
        connection.execute("SELECT name FROM schema_steps WHERE name = %s FOR UPDATE", [LOCK_ROW])
        pending = left(connection)
        if not pending:
            return False
        (version,) = connection.execute("SELECT version()").fetchone() or ("",)
        text = TEXT_ON_COCKROACH if "CockroachDB" in version else TEXT_BY_BYTES
        for statement in STEPS[pending[0]]:
            if callable(statement):
                statement(connection)
            else:
                connection.execute(statement.replace("{text}", text).encode())
        _note(connection, pending[0])
    return True


def left(connection: Connection) -> list[str]:
    """Return the steps that the database lacks, in order; nothing is changed.

    Raises:
        BackendUnavailable: a newer release made the database.
    """
    try:
        names = {name for (name,) in connection.execute("SELECT name FROM schema_steps")}
    except UndefinedTable:
        return list(STEPS)
    if unknown := names - STEPS.keys() - {LOCK_ROW}:
        raise BackendUnavailable(
            f"the database was made by a newer sagemaker-registry (its schema has {', '.join(sorted(unknown))}): "
            "upgrade this installation, or open a backup made before the upgrade"
        )
    return [name for name in STEPS if name not in names]


def _make_the_lock(connection: Connection) -> None:
    """Make the table of steps with its lock row; whoever is late finds them made."""
    with suppress(DuplicateTable, DuplicateObject, UniqueViolation):  # IF NOT EXISTS fails where two are as quick
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_steps (name TEXT NOT NULL PRIMARY KEY, applied BIGINT NOT NULL)"
        )
    _note(connection, LOCK_ROW)


def _note(connection: Connection, name: str) -> None:
    connection.execute(
        "INSERT INTO schema_steps (name, applied) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        [name, int(time.time() * 1000)],
    )
