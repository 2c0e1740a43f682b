"""The schema of the SQLite store, created from schema.sql.

Future schema versions will migrate existing files with sqlite-utils migrations, called from `prepare`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from .. import SCHEMA_VERSION, check_schema_version
from .driver import sqlite3

APPLICATION_ID: Final = int.from_bytes(b"SMRG")
"""The `application_id` in the file header; `user_version`, the schema version, is stored with it."""


def version_of(connection: sqlite3.Connection) -> int | None:
    """Return a database's schema version: 0 for a development version, None if it is not a registry."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    if application == APPLICATION_ID:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    if connection.execute("SELECT 1 FROM sqlite_schema WHERE name = '_sqlite_migrations'").fetchone():
        steps = "SELECT 1 FROM _sqlite_migrations WHERE migration_set = 'sagemaker-registry'"
        return 0 if connection.execute(steps).fetchone() else None
    return None


def prepare(connection: sqlite3.Connection) -> None:
    """Create the tables in an empty database; call this inside a transaction.

    Raises:
        BackendUnavailable: the database has another schema version; nothing was changed.
    """
    version = version_of(connection)
    if version is not None:
        check_schema_version(version)
        return
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split(";\n"):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
