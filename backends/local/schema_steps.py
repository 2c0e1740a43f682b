"""Every step that led to the tables of the SQLite store; released steps are never edited.

`tests/data/` holds a file of each released schema, which the next release must open. A new file is made from what the
steps come to, `schema.sql`: after adding one, write that anew with `just schema`.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import orjson

from . import lean, schema, statements, terms
from .driver import sqlite3
from .rows import CURSORS, DELIVERIES, EVENTS, GROUPS, HEADS, HISTORY, NOTES, PACKAGES, POLICIES, TERMS, TOKENS, Table
from .schema_statistics import statistics

if TYPE_CHECKING:
    from sqlite_utils import Database, Migrations
else:
    Database, Migrations = lean.load()

migrations = Migrations(schema.STEPS_OF)

NUMBERS = frozenset({"seq", "version", "at", "moment", "rev"})
"""Columns of narrow tables that are no texts."""


@migrations()
def m0001_groups_packages_and_tokens(db: Database) -> None:
    """Groups with their version counter, packages of both types, and answers to remembered client tokens."""
    groups, packages, tokens = db.table(GROUPS.name), db.table(PACKAGES.name), db.table(TOKENS.name)
    groups.create(
        {
            "account": str,
            "region": str,
            "name": str,
            "created": int,
            "last_version": int,
            "rev": int,
            "record": str,
        },
        pk=GROUPS.key,
        not_null=GROUPS.columns,
        strict=True,
    )
    groups.create_index(["account", "region", "created", "name"])
    packages.create(
        {
            "account": str,
            "region": str,
            "name": str,
            "version": int,
            "type": str,
            "created": int,
            "modified": int,
            "approval": str,
            "rev": int,
            "record": str,
        },
        pk=PACKAGES.key,
        not_null=PACKAGES.columns,
        strict=True,
    )
    # One index for each list that is paged: of a group, of one type, of both types.
    packages.create_index(["account", "region", "name", "created", "version"])
    packages.create_index(["account", "region", "type", "created", "name", "version"])
    packages.create_index(["account", "region", "created", "name", "version"])
    tokens.create(
        {
            "account": str,
            "region": str,
            "operation": str,
            "token": str,
            "created": int,
            "rev": int,
            "digest": str,
            "record": str,
        },
        pk=TOKENS.key,
        not_null=TOKENS.columns,
        strict=True,
    )
    tokens.create_index(["account", "region", "created"])


@migrations()
def m0002_group_policies(db: Database) -> None:
    """Resource policies of groups, by region first: what others share is looked for within a region."""
    db.table(POLICIES.name).create(
        {"region": str, "account": str, "name": str, "rev": int, "record": str},
        pk=POLICIES.key,
        not_null=POLICIES.columns,
        strict=True,
    )


@migrations()
def m0003_history(db: Database) -> None:
    """Every change of a group, a package or a policy in chains, one for each name, and the last row of each chain."""
    history = db.table(HISTORY.name)
    history.create(
        {
            "account": str,
            "region": str,
            "name": str,
            "seq": int,
            "at": int,
            "actor": str,
            "principal": str,
            "request_id": str,
            "operation": str,
            "kind": str,
            "arn": str,
            "version": int,
            "content": str,
            "previous": str,
            "hash": str,
        },
        pk=HISTORY.key,
        not_null=HISTORY.columns,
        strict=True,
    )
    # By time over all names, and by version within a name; the key serves the rest.
    history.create_index(["account", "region", "at", "name", "seq"])
    history.create_index(["account", "region", "name", "version", "seq"])
    db.table(HEADS.name).create(
        {"account": str, "region": str, "name": str, "seq": int, "hash": str, "rev": int},
        pk=HEADS.key,
        not_null=HEADS.columns,
        strict=True,
    )


@migrations()
def m0004_events(db: Database) -> None:
    """Events in an outbox, how far each of those who read it has come, and what was delivered to whom."""
    events = db.table(EVENTS.name)
    events.create(
        {
            "account": str,
            "region": str,
            "name": str,
            "seq": int,
            "version": int,
            "at": int,
            "position": int,
            "rev": int,
            "record": str,
        },
        pk=EVENTS.key,
        not_null=EVENTS.columns,
        strict=True,
    )
    events.create_index(["position"])
    db.table(CURSORS.name).create(
        {"name": str, "position": int, "rev": int}, pk=CURSORS.key, not_null=CURSORS.columns, strict=True
    )
    deliveries = db.table(DELIVERIES.name)
    deliveries.create(
        {
            "position": int,
            "sink": str,
            "account": str,
            "region": str,
            "name": str,
            "version": int,
            "id": str,
            "open": int,
            "state": str,
            "attempts": int,
            "due": int,
            "changed": int,
            "error": str,
            "rev": int,
        },
        pk=DELIVERIES.key,
        not_null=DELIVERIES.columns,
        strict=True,
    )
    deliveries.create_index(["sink", "open", "position"])


@migrations()
def m0005_versions_by_approval(db: Database) -> None:
    """Who waits for a decision over all groups, oldest first; and the newest of a group with an approval status."""
    packages = db.table(PACKAGES.name)
    packages.create_index(["account", "region", "approval", "created", "name", "version"])
    packages.create_index(["account", "region", "name", "approval", "version"])


@migrations()
def m0006_a_million_versions(db: Database) -> None:
    """What is searched for, as an index; indexes for lists that had none; and fewer pages for a create to write.

    Narrow rows are kept in the index they are found by. Wide ones, such as records, would go to pages of their own; and
    of tokens, which come in no order, an index that holds no more than the key has fewer pages to change.
    """
    for table in (TERMS, NOTES):
        _create_narrow(db, table)
    for table in terms.INDEXED:
        _fill(db, table)
    packages, events, deliveries = (db.table(table.name) for table in (PACKAGES, EVENTS, DELIVERIES))
    packages.create_index(["account", "region", "modified", "name", "version"])
    db.execute("DROP INDEX idx_model_packages_account_region_name_created_version")  # a group's are sorted by number
    db.execute(f"INSERT INTO {NOTES.name} SELECT {', '.join(NOTES.columns)} FROM {EVENTS.name} WHERE position = 0")  # noqa: S608
    db.execute(f"DELETE FROM {EVENTS.name} WHERE position = 0")  # noqa: S608
    _make_narrow(db, HEADS)
    events.create_index(["account", "region", "position"])
    events.create_index(["account", "region", "name", "position", "version"])
    deliveries.create_index(["account", "region", "position", "sink"])
    deliveries.create_index(["account", "region", "state", "position", "sink"])
    db.execute("ANALYZE sqlite_master")  # measures nothing, but makes the table that is filled next, and then read
    db.execute("DELETE FROM sqlite_stat1")
    db.conn.executemany("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", statistics())
    db.execute("ANALYZE sqlite_master")


def _create_narrow(db: Database, table: Table, name: str | None = None) -> None:
    """Create a table whose rows are kept in the index of its key."""
    columns = (f"{column} {'INTEGER' if column in NUMBERS else 'TEXT'} NOT NULL" for column in table.columns)
    key = f"PRIMARY KEY ({', '.join(table.key)})"
    db.execute(f"CREATE TABLE {name or table.name} ({', '.join(columns)}, {key}) STRICT, WITHOUT ROWID")


def _make_narrow(db: Database, table: Table) -> None:
    """Move the rows of a table without other indexes to the index of its key."""
    columns, order = ", ".join(table.columns), ", ".join(table.key)
    _create_narrow(db, table, f"new_{table.name}")
    db.execute(f"INSERT INTO new_{table.name} SELECT {columns} FROM {table.name} ORDER BY {order}")  # noqa: S608
    db.execute(f"DROP TABLE {table.name}")
    db.execute(f"ALTER TABLE new_{table.name} RENAME TO {table.name}")


def _fill(db: Database, table: Table) -> None:
    """Keep the terms of all rows of a table."""
    text = f"SELECT {', '.join(table.columns)} FROM {table.name}"  # noqa: S608 - names are ours
    insert = statements.insert_all(TERMS, 1)
    for values in db.conn.execute(text):
        row = dict(zip(table.columns, values, strict=True))
        row["record"] = orjson.loads(row["record"])
        db.conn.executemany(insert, terms.of(table, row))


def apply(connection: sqlite3.Connection) -> None:
    """Take the steps that a database lacks; call it inside a transaction."""
    migrations.apply(Database(connection, execute_plugins=False))


def as_sql() -> str:
    """Return statements that make, in an empty database, what all steps make."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        apply(connection)
        made = [sql for (sql,) in connection.execute(_MADE)]
        figures = [f"INSERT INTO sqlite_stat1 VALUES ({values})" for (values,) in connection.execute(_FIGURES)]  # noqa: S608
    measured = ["ANALYZE sqlite_master", "DELETE FROM sqlite_stat1", *figures, "ANALYZE sqlite_master"]
    return "".join(f"{statement};\n" for statement in (f"{_HEAD}{made[0]}", *made[1:], *measured))


_HEAD = "-- What all steps of schema_steps.py come to, for new files; written by `just schema`.\n"
_MADE = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
_FIGURES = "SELECT quote(tbl) || ', ' || quote(idx) || ', ' || quote(stat) FROM sqlite_stat1 ORDER BY rowid"

if __name__ == "__main__":
    print(as_sql(), end="")
