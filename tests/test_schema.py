"""The schema of a file: what a new one is made from is what all steps come to."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils
import sqlite_utils.utils

from sagemaker_registry.backends import CannotOpen, open_backend
from sagemaker_registry.backends.local import driver, schema, schema_steps

SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid"
FIGURES = "SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY rowid"
NOTED = "SELECT id, migration_set, name FROM _sqlite_migrations ORDER BY rowid"


def all_of(connection: sqlite3.Connection) -> dict[str, list[Any]]:
    return {text: connection.execute(text).fetchall() for text in (SCHEMA, FIGURES, NOTED)}


def test_a_new_database_has_what_all_steps_come_to_in_the_same_order() -> None:
    with closing(sqlite3.connect(":memory:")) as new, closing(sqlite3.connect(":memory:")) as stepwise:
        schema.upgrade(new)
        schema_steps.apply(stepwise)
        assert all_of(new) == all_of(stepwise)


def test_what_new_databases_are_made_from_is_what_just_schema_writes() -> None:
    written = Path(schema.__file__).with_suffix(".sql").read_text()
    assert written == schema_steps.as_sql(), "a step was added: just schema"


def test_the_steps_are_those_there_are() -> None:
    with closing(sqlite3.connect(":memory:")) as empty:
        there_are = schema_steps.migrations.pending(sqlite_utils.Database(empty))
    assert tuple(step.name for step in there_are) == schema.STEPS
    assert schema_steps.migrations.migrations_table == schema.TAKEN


def test_steps_that_are_left_are_taken_and_noted_with_those_before() -> None:
    with closing(sqlite3.connect(":memory:")) as older, closing(sqlite3.connect(":memory:")) as stepwise:
        schema_steps.migrations.apply(sqlite_utils.Database(older), stop_before="m0004_events")
        assert schema.left(schema.taken(older)) == schema.STEPS[3:]
        schema.upgrade(older)
        schema_steps.apply(stepwise)
        assert all_of(older) == all_of(stepwise)


def test_the_library_is_the_one_that_sqlite_utils_takes() -> None:
    assert driver.sqlite3 is sqlite_utils.utils.sqlite3


def test_a_file_with_steps_of_somebody_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    theirs = sqlite_utils.Migrations("notes")

    @theirs()
    def m0001_notes(db: sqlite_utils.Database) -> None:
        db.table("notes").create({"text": str})

    with closing(sqlite3.connect(path)) as connection:
        theirs.apply(sqlite_utils.Database(connection))
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(CannotOpen, match=r"notes\.db is a database of something else"):
        open_backend(f"sqlite:///{path}")
    assert path.read_bytes() == before
