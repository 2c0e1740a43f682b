"""The database schema: created in an empty database; other databases are checked by their version."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_utils.utils

from sagemaker_registry.backends import BackendUnavailable, open_backend
from sagemaker_registry.backends.store import SCHEMA_VERSION, snapshots
from sagemaker_registry.backends.store.sqlite import driver, schema

TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def executing(*statements: str) -> Callable[[Path], None]:
    """Return a function that executes statements in a file, like another program or version."""

    def execute(path: Path) -> None:
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(";".join(statements))

    return execute


def migrations_of(name: str) -> Callable[[Path], None]:
    """Return a function that records a migration of sqlite-utils."""
    return executing(
        "CREATE TABLE _sqlite_migrations (id INTEGER PRIMARY KEY, migration_set TEXT, name TEXT, applied_at TEXT)",
        f"INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('{name}', 'm0001')",
    )


def test_a_new_database_has_all_tables_and_the_schema_version() -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        assert schema.version_of(connection) is None
        schema.prepare(connection)
        assert schema.version_of(connection) == SCHEMA_VERSION
        names = {name for (name,) in connection.execute(TABLES)}
        assert names == {table.name for table in snapshots.TABLES}
        for table in snapshots.TABLES:
            columns = [(name, key) for _, name, _, _, _, key in connection.execute(f"PRAGMA table_info({table.name})")]
            assert {name for name, _ in columns} == set(table.columns)
            key = sorted((position, name) for name, position in columns if position)
            assert tuple(name for _, name in key) == table.key


def test_opening_a_current_database_does_not_change_it(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    open_backend(f"sqlite:///{path}").close()
    before = path.read_bytes()
    open_backend(f"sqlite:///{path}").close()
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            executing(f"PRAGMA user_version = {SCHEMA_VERSION + 1}"),
            "newer sagemaker-registry .* upgrade this installation",
        ),
        (executing("PRAGMA user_version = 0"), "development version .*: export it with that version .* import it here"),
    ],
    ids=["newer", "development"],
)
def test_a_file_with_another_schema_version_is_rejected_and_unchanged(
    tmp_path: Path, change: Callable[[Path], None], message: str
) -> None:
    path = tmp_path / "registry.db"
    open_backend(f"sqlite:///{path}").close()
    change(path)
    before = path.read_bytes()
    with pytest.raises(BackendUnavailable, match=rf"registry\.db: the database was created by a {message}"):
        open_backend(f"sqlite:///{path}")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            migrations_of("sagemaker-registry"),
            r"notes\.db: the database was created by a development version of sagemaker-registry: export it with that "
            r"version \(sagemaker-registry export registry\.jsonl\) and import it here",
        ),
        (migrations_of("notes"), r"notes\.db is not a registry database"),
        (
            executing("CREATE TABLE notes (text)", f"PRAGMA user_version = {SCHEMA_VERSION}"),
            r"notes\.db is not a registry database \(tables: 'notes'\)",
        ),
    ],
    ids=["development", "migrations of another program", "another program"],
)
def test_a_file_without_the_schema_is_rejected_and_unchanged(
    tmp_path: Path, make: Callable[[Path], None], message: str
) -> None:
    path = tmp_path / "notes.db"
    make(path)
    before = path.read_bytes()
    with pytest.raises(BackendUnavailable, match=message):
        open_backend(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_the_store_uses_the_sqlite_library_of_sqlite_utils() -> None:
    assert driver.sqlite3 is sqlite_utils.utils.sqlite3
