"""Which schema a database file has, and how it comes to that of this release: new ones at once, older ones by steps.

sqlite-utils, which takes the steps, loads where there are some to take: it would be a seventh of a server's start.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ...errors import BackendUnavailable
from .driver import sqlite3

STEPS: Final = (
    "m0001_groups_packages_and_tokens",
    "m0002_group_policies",
    "m0003_history",
    "m0004_events",
    "m0005_versions_by_approval",
    "m0006_a_million_versions",
)
"""The steps of `schema_steps`, oldest first."""
TAKEN: Final = "_sqlite_migrations"
"""Where sqlite-utils notes the steps that a file has taken; ours by STEPS_OF."""
STEPS_OF: Final = "sagemaker-registry"

ASK_TAKEN: Final = f"SELECT name FROM {TAKEN} WHERE migration_set = '{STEPS_OF}' ORDER BY rowid"  # noqa: S608 - names are ours
_NOTE: Final = f"INSERT INTO {TAKEN} (migration_set, name, applied_at) VALUES (?, ?, ?)"  # noqa: S608 - names are ours


def taken(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the steps a database has taken, oldest first; none of them, if it is no registry's."""
    is_noted = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (TAKEN,)).fetchone()
    return tuple(name for (name,) in connection.execute(ASK_TAKEN)) if is_noted else ()


def left(taken: tuple[str, ...]) -> tuple[str, ...]:
    """Return the steps that are left to take, oldest first."""
    return tuple(step for step in STEPS if step not in taken)


def unknown(taken: tuple[str, ...]) -> str:
    """Return the steps that a newer release has taken, to be shown; nothing, if there are none."""
    return ", ".join(sorted(set(taken).difference(STEPS)))


def upgrade(connection: sqlite3.Connection) -> None:
    """Bring a database to this release's schema; call it inside a transaction.

    Raises:
        BackendUnavailable: a newer release made the file. Nothing is changed then.
    """
    have = taken(connection)
    if newer := unknown(have):
        raise BackendUnavailable(
            f"the database was made by a newer sagemaker-registry (its schema has {newer}): "
            "upgrade this installation, or open a backup made before the upgrade"
        )
    if not have:
        _make(connection)
    elif left(have):
        from . import migrations

        migrations.apply(connection)


def _make(connection: sqlite3.Connection) -> None:
    """Make all tables in an empty database, and note that no step is left."""
    for statement in Path(__file__).with_suffix(".sql").read_text(encoding="utf-8").split(";\n"):
        connection.execute(statement)
    at = str(datetime.now(UTC))  # as sqlite-utils writes it
    connection.executemany(_NOTE, [(STEPS_OF, step, at) for step in STEPS])
