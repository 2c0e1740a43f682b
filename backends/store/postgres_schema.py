"""The schema of the PostgreSQL store.

Text is compared byte by byte, as in SQLite, so that every store sorts alike. Several servers may start at once on an
empty database: the row that holds the schema version is also the lock for creating the tables, because CockroachDB has
no advisory locks.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final, LiteralString

import psycopg
from psycopg.errors import DuplicateObject, DuplicateTable, UndefinedTable, UniqueViolation

from . import SCHEMA_VERSION, check_schema_version

Connection = psycopg.Connection[tuple[Any, ...]]

TEXT_BY_BYTES: Final = 'TEXT COLLATE "C"'
TEXT_ON_COCKROACH: Final = "TEXT"
"""CockroachDB compares text byte by byte by default, and rejects columns with that collation (cockroach#108657)."""

VERSION_TABLE: Final = "CREATE TABLE IF NOT EXISTS registry_schema (name TEXT NOT NULL PRIMARY KEY, version BIGINT)"
"""A table with one row, whose version is NULL until the other tables exist."""

ASK_VERSION: Final = "SELECT version FROM registry_schema"

SCHEMA: Final[LiteralString] = """
CREATE TABLE model_package_groups (
    account {text} NOT NULL,
    region {text} NOT NULL,
    name {text} NOT NULL,
    created BIGINT NOT NULL,
    last_version BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    record {text} NOT NULL,
    PRIMARY KEY (account, region, name)
);
CREATE INDEX groups_by_time ON model_package_groups (account, region, created, name);

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
);
CREATE INDEX packages_of_type ON model_packages (account, region, type, created, name, version);
CREATE INDEX packages_by_time ON model_packages (account, region, created, name, version);
-- Versions with an approval status across all groups, oldest first.
CREATE INDEX packages_by_approval ON model_packages (account, region, approval, created, name, version);
-- The newest version of a group with a given approval status.
CREATE INDEX packages_of_group_by_approval ON model_packages (account, region, name, approval, version);
CREATE INDEX packages_by_change ON model_packages (account, region, modified, name, version);

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
);

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
);
CREATE INDEX tokens_by_time ON client_tokens (account, region, created);

-- By region first, because groups shared by other accounts are looked up within a region.
CREATE TABLE group_policies (
    region {text} NOT NULL,
    account {text} NOT NULL,
    name {text} NOT NULL,
    rev BIGINT NOT NULL,
    record {text} NOT NULL,
    PRIMARY KEY (region, account, name)
);

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
);
CREATE INDEX history_by_time ON history (account, region, at, name, seq);
CREATE INDEX history_of_version ON history (account, region, name, version, seq);

CREATE TABLE history_heads (
    account {text} NOT NULL,
    region {text} NOT NULL,
    name {text} NOT NULL,
    seq BIGINT NOT NULL,
    hash {text} NOT NULL,
    rev BIGINT NOT NULL,
    PRIMARY KEY (account, region, name)
);

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
);
CREATE INDEX events_by_position ON events (position);
CREATE INDEX events_of_place ON events (account, region, position);
CREATE INDEX events_of_name ON events (account, region, name, position, version);

CREATE TABLE event_notes (
    account {text} NOT NULL,
    region {text} NOT NULL,
    name {text} NOT NULL,
    seq BIGINT NOT NULL,
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (account, region, name, seq)
);

CREATE TABLE event_cursors (
    name {text} NOT NULL,
    position BIGINT NOT NULL,
    rev BIGINT NOT NULL,
    PRIMARY KEY (name)
);

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
);
CREATE INDEX deliveries_of_sink ON event_deliveries (sink, open, position);
CREATE INDEX deliveries_of_place ON event_deliveries (account, region, position, sink);
CREATE INDEX deliveries_by_state ON event_deliveries (account, region, state, position, sink);
"""
"""All tables and indexes; {text} stands for the text type, and times are epoch milliseconds."""


def prepare(connection: Connection) -> None:
    """Create the tables in an empty database; change nothing in a database that has them.

    Raises:
        BackendUnavailable: the database has another schema version.
    """
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED  # sees commits made during a wait
    if (version := version_of(connection)) is not None:
        check_schema_version(version)
        return
    with suppress(DuplicateTable, DuplicateObject, UniqueViolation):  # IF NOT EXISTS can fail in a race
        connection.execute(VERSION_TABLE)
    connection.execute("INSERT INTO registry_schema (name) VALUES ('schema') ON CONFLICT DO NOTHING")
    with connection.transaction():
        (version,) = connection.execute(f"{ASK_VERSION} FOR UPDATE").fetchone() or (None,)
        if version is not None:
            check_schema_version(version)
            return
        (server,) = connection.execute("SELECT version()").fetchone() or ("",)
        text = TEXT_ON_COCKROACH if "CockroachDB" in server else TEXT_BY_BYTES
        connection.execute(SCHEMA.replace("{text}", text).encode())
        connection.execute("UPDATE registry_schema SET version = %s", [SCHEMA_VERSION])


def version_of(connection: Connection) -> int | None:
    """Return a database's schema version: 0 for a development version, None without tables."""
    try:
        (version,) = connection.execute(ASK_VERSION).fetchone() or (None,)
    except UndefinedTable:
        (steps,) = connection.execute("SELECT to_regclass('schema_steps')").fetchone() or (None,)
        return None if steps is None else 0
    return None if version is None else int(version)
