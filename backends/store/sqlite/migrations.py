"""Every step that led to the tables of the SQLite store; released steps are never edited.

So a step says itself what it makes, and takes nothing from code that goes on changing: the tables of `rows` are those
that all steps come to. `tests/data/` holds a file of each released schema, which the next release must open. A new file
is made from what the steps come to, `schema.sql`: after adding one, write that anew with `just schema`.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from .. import terms_0006
from . import lean, schema
from .driver import sqlite3
from .schema_statistics import statistics

if TYPE_CHECKING:
    from sqlite_utils import Database, Migrations
    from sqlite_utils.db import Table
else:
    Database, Migrations = lean.load()

migrations = Migrations(schema.STEPS_OF)


def _create(db: Database, name: str, columns: dict[str, type], key: tuple[str, ...]) -> Table:
    """Create a table in which no column is empty."""
    return db.table(name).create(columns, pk=key, not_null=tuple(columns), strict=True)


@migrations()
def m0001_groups_packages_and_tokens(db: Database) -> None:
    """Groups with their version counter, packages of both types, and answers to remembered client tokens."""
    groups = _create(
        db,
        "model_package_groups",
        {
            "account": str,
            "region": str,
            "name": str,
            "created": int,
            "last_version": int,
            "rev": int,
            "record": str,
        },
        ("account", "region", "name"),
    )
    groups.create_index(["account", "region", "created", "name"])
    packages = _create(
        db,
        "model_packages",
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
        ("account", "region", "name", "version"),
    )
    # One index for each list that is paged: of a group, of one type, of both types.
    packages.create_index(["account", "region", "name", "created", "version"])
    packages.create_index(["account", "region", "type", "created", "name", "version"])
    packages.create_index(["account", "region", "created", "name", "version"])
    tokens = _create(
        db,
        "client_tokens",
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
        ("account", "region", "operation", "token"),
    )
    tokens.create_index(["account", "region", "created"])


@migrations()
def m0002_group_policies(db: Database) -> None:
    """Resource policies of groups, by region first: what others share is looked for within a region."""
    _create(
        db,
        "group_policies",
        {"region": str, "account": str, "name": str, "rev": int, "record": str},
        ("region", "account", "name"),
    )


@migrations()
def m0003_history(db: Database) -> None:
    """Every change of a group, a package or a policy in chains, one for each name, and the last row of each chain."""
    history = _create(
        db,
        "history",
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
        ("account", "region", "name", "seq"),
    )
    # By time over all names, and by version within a name; the key serves the rest.
    history.create_index(["account", "region", "at", "name", "seq"])
    history.create_index(["account", "region", "name", "version", "seq"])
    _create(
        db,
        "history_heads",
        {"account": str, "region": str, "name": str, "seq": int, "hash": str, "rev": int},
        ("account", "region", "name"),
    )


@migrations()
def m0004_events(db: Database) -> None:
    """Events in an outbox, how far each of those who read it has come, and what was delivered to whom."""
    events = _create(
        db,
        "events",
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
        ("account", "region", "name", "seq"),
    )
    events.create_index(["position"])
    _create(db, "event_cursors", {"name": str, "position": int, "rev": int}, ("name",))
    deliveries = _create(
        db,
        "event_deliveries",
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
        ("position", "sink"),
    )
    deliveries.create_index(["sink", "open", "position"])


@migrations()
def m0005_versions_by_approval(db: Database) -> None:
    """Who waits for a decision over all groups, oldest first; and the newest of a group with an approval status."""
    packages = db.table("model_packages")
    packages.create_index(["account", "region", "approval", "created", "name", "version"])
    packages.create_index(["account", "region", "name", "approval", "version"])


@migrations()
def m0006_a_million_versions(db: Database) -> None:
    """What is searched for, as an index; indexes for lists that had none; and fewer pages for a create to write.

    Narrow rows are kept in the index they are found by. Wide ones, such as records, would go to pages of their own; and
    of tokens, which come in no order, an index that holds no more than the key has fewer pages to change.
    """
    db.execute(
        "CREATE TABLE search_terms (account TEXT NOT NULL, region TEXT NOT NULL, kind TEXT NOT NULL, "
        "path TEXT NOT NULL, value TEXT NOT NULL, moment INTEGER NOT NULL, name TEXT NOT NULL, "
        "version INTEGER NOT NULL, PRIMARY KEY (account, region, kind, path, value, moment, name, version)) "
        "STRICT, WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE event_notes (account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, "
        "seq INTEGER NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, "
        "PRIMARY KEY (account, region, name, seq)) STRICT, WITHOUT ROWID"
    )
    _fill_terms(db)
    packages, events, deliveries = (db.table(name) for name in ("model_packages", "events", "event_deliveries"))
    packages.create_index(["account", "region", "modified", "name", "version"])
    db.execute("DROP INDEX idx_model_packages_account_region_name_created_version")  # a group's are sorted by number
    db.execute("INSERT INTO event_notes SELECT account, region, name, seq, version, at FROM events WHERE position = 0")
    db.execute("DELETE FROM events WHERE position = 0")
    db.execute(
        "CREATE TABLE new_history_heads (account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, "
        "seq INTEGER NOT NULL, hash TEXT NOT NULL, rev INTEGER NOT NULL, PRIMARY KEY (account, region, name)) "
        "STRICT, WITHOUT ROWID"
    )
    db.execute(
        "INSERT INTO new_history_heads SELECT account, region, name, seq, hash, rev FROM history_heads "
        "ORDER BY account, region, name"
    )
    db.execute("DROP TABLE history_heads")
    db.execute("ALTER TABLE new_history_heads RENAME TO history_heads")
    events.create_index(["account", "region", "position"])
    events.create_index(["account", "region", "name", "position", "version"])
    deliveries.create_index(["account", "region", "position", "sink"])
    deliveries.create_index(["account", "region", "state", "position", "sink"])
    db.execute("ANALYZE sqlite_master")  # measures nothing, but makes the table that is filled next, and then read
    db.execute("DELETE FROM sqlite_stat1")
    db.conn.executemany("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", statistics())
    db.execute("ANALYZE sqlite_master")


def _fill_terms(db: Database) -> None:
    """Keep the terms of all records there are, as m0006 does."""
    columns, places = ", ".join(terms_0006.COLUMNS), ", ".join("?" for _ in terms_0006.COLUMNS)
    insert = f"INSERT INTO search_terms ({columns}) VALUES ({places}) ON CONFLICT DO NOTHING"  # noqa: S608 - names are ours
    for kind, (table, key, moment) in terms_0006.RECORDS.items():
        for values in db.conn.execute(f"SELECT {', '.join(key)}, {moment}, record FROM {table}"):  # noqa: S608 - names are ours
            db.conn.executemany(insert, terms_0006.of(kind, values))


def apply(connection: sqlite3.Connection) -> None:
    """Take the steps that a database lacks; call it inside a transaction."""
    migrations.apply(Database(connection, execute_plugins=False))


def as_sql() -> str:
    """Return statements that make, in an empty database, what all steps make."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        apply(connection)
        made = [sql for (sql,) in connection.execute(_MADE)]
        figures = [f"INSERT INTO sqlite_stat1 VALUES ({values})" for (values,) in connection.execute(_FIGURES)]  # noqa: S608 - quoted
    measured = ["ANALYZE sqlite_master", "DELETE FROM sqlite_stat1", *figures, "ANALYZE sqlite_master"]
    return "".join(f"{statement};\n" for statement in (f"{_HEAD}{made[0]}", *made[1:], *measured))


_HEAD = "-- What all steps of migrations.py come to, for new files; written by `just schema`.\n"
_MADE = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
_FIGURES = "SELECT quote(tbl) || ', ' || quote(idx) || ', ' || quote(stat) FROM sqlite_stat1 ORDER BY rowid"

if __name__ == "__main__":
    print(as_sql(), end="")
