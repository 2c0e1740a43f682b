"""The schema of a file: what a new one is made from is what all steps come to."""

from __future__ import annotations

import ast
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils
import sqlite_utils.utils

from sagemaker_registry.backends import BackendUnavailable, open_backend
from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.store.sqlite import driver, migrations, schema

DATA = Path(__file__).parent / "data"
SCHEMA = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid"
FIGURES = "SELECT tbl, idx, stat FROM sqlite_stat1 ORDER BY rowid"
NOTED = "SELECT id, migration_set, name FROM _sqlite_migrations ORDER BY rowid"

STEPS = ("sqlite/migrations", "postgres_schema", "terms_0006", "sqlite/schema_statistics")
"""Modules that released steps are written in."""
BESIDE_STEPS = {"driver", "lean", "schema", "errors"}
"""What those need to be taken, whatever they are."""


def all_of(connection: sqlite3.Connection) -> dict[str, list[Any]]:
    return {
        text: [tuple(folded(str(value)) for value in row) for row in connection.execute(text)]
        for text in (SCHEMA, FIGURES, NOTED)
    }


def folded(sql: str) -> str:
    """Return statements with their white space folded: how they are set out is the business of a library of others."""
    return " ".join(sql.split())


def test_a_new_database_has_what_all_steps_come_to_in_the_same_order() -> None:
    with closing(sqlite3.connect(":memory:")) as new, closing(sqlite3.connect(":memory:")) as stepwise:
        schema.upgrade(new)
        migrations.apply(stepwise)
        assert all_of(new) == all_of(stepwise)


def test_what_new_databases_are_made_from_is_what_just_schema_writes() -> None:
    written = Path(schema.__file__).with_suffix(".sql").read_text()
    assert folded(written) == folded(migrations.as_sql()), "a step was added: just schema"


@pytest.mark.parametrize("module", STEPS)
def test_released_steps_take_nothing_from_code_that_goes_on_changing(module: str) -> None:
    tree = ast.walk(ast.parse((Path(schema.__file__).parents[1] / f"{module}.py").read_text()))
    taken: set[str] = set()
    for node in tree:
        if isinstance(node, ast.ImportFrom) and node.level:
            taken |= {node.module.split(".")[-1]} if node.module else {alias.name for alias in node.names}
    assert taken <= {*(step.split("/")[-1] for step in STEPS), *BESIDE_STEPS}


@pytest.mark.parametrize("dump", sorted(DATA.glob("schema-*.sql")), ids=lambda dump: dump.stem)
def test_the_steps_of_a_release_come_to_what_its_files_have(dump: Path) -> None:
    with closing(sqlite3.connect(":memory:")) as released, closing(sqlite3.connect(":memory:")) as today:
        released.executescript(dump.read_text())
        steps = schema.taken(released)
        following = dict(zip(schema.STEPS, schema.STEPS[1:], strict=False)).get(steps[-1])
        migrations.migrations.apply(sqlite_utils.Database(today), stop_before=following)
        assert schema.taken(today) == steps
        assert tables_of(today) == tables_of(released)


def tables_of(connection: sqlite3.Connection) -> tuple[set[tuple[str, str]], set[Any]]:
    """Return what there is of tables and indexes, and what the planner is told of them."""
    made = connection.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
    is_told = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'").fetchone()
    return {(name, folded(sql)) for name, sql in made}, set(connection.execute(FIGURES) if is_told else ())


def test_the_terms_that_a_step_makes_of_records_are_those_that_are_kept_of_them_since(tmp_path: Path) -> None:
    path = tmp_path / "registry.db"
    group = {"ModelPackageGroupName": "churn", "Tags": [{"Key": "use", "Value": "fraud"}, {"Key": "none", "Value": ""}]}
    version = {
        "ModelPackageGroupName": "churn",
        "CustomerMetadataProperties": {"team": "risk", "a.b": "x" * 256},
        "SourceUri": f"s3://{'long/' * 60}",
        "ModelLifeCycle": {"Stage": "Development", "StageStatus": "Started"},
    }
    with open_backend(f"sqlite:///{path}") as backend:
        for operation, params in (
            ("CreateModelPackageGroup", group),
            ("CreateModelPackage", version),
            ("CreateModelPackage", {"ModelPackageGroupName": "churn"}),
            ("CreateModelPackage", {"ModelPackageName": "solo", "Tags": group["Tags"]}),
        ):
            backend.call(operation, params, Caller())
    with closing(sqlite3.connect(path)) as connection:
        kept = set(connection.execute("SELECT * FROM search_terms"))
        connection.execute("DELETE FROM search_terms")
        migrations._fill_terms(sqlite_utils.Database(connection))
        assert set(connection.execute("SELECT * FROM search_terms")) == kept
    assert {path for *_, path, _, _, _, _ in kept} >= {"Tags.use", "SourceUri", "ModelLifeCycle.StageStatus"}


def test_the_steps_are_those_there_are() -> None:
    with closing(sqlite3.connect(":memory:")) as empty:
        there_are = migrations.migrations.pending(sqlite_utils.Database(empty))
    assert tuple(step.name for step in there_are) == schema.STEPS
    assert migrations.migrations.migrations_table == schema.TAKEN


def test_steps_that_are_left_are_taken_and_noted_with_those_before() -> None:
    with closing(sqlite3.connect(":memory:")) as older, closing(sqlite3.connect(":memory:")) as stepwise:
        migrations.migrations.apply(sqlite_utils.Database(older), stop_before="m0004_events")
        assert schema.left(schema.taken(older)) == schema.STEPS[3:]
        schema.upgrade(older)
        migrations.apply(stepwise)
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
    with pytest.raises(BackendUnavailable, match=r"notes\.db is a database of something else"):
        open_backend(f"sqlite:///{path}")
    assert path.read_bytes() == before
