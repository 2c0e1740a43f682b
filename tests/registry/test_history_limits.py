"""What `history verify` cannot find, as docs/explanation/history.md says, and what it does find in similar cases."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path

import pytest

from sagemaker_registry.backends.local.history.journal import hash_of
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.rows import HISTORY
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from sagemaker_registry.client import ModelRegistry, archive
from sagemaker_registry.client.backup import backup
from support.history_files import ARN, CALLER, edit, problems, unrecorded, write_history
from support.server import REGION

CHURN = "WHERE name = 'churn'"
PACKAGES = ("model_packages", "search_terms")
CHAIN = ("history", "history_heads")
COUNTER = "the group's next version would be 4, but its last version was 2"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_history(tmp_path / "registry.db")
    return tmp_path / "registry.db"


@pytest.fixture
def earlier(path: Path) -> Path:
    """Return a copy of the file, which a caller then changes."""
    copy = path.with_name("earlier.db")
    backup(f"sqlite:///{path}", copy)
    return copy


def call(path: Path, operation: str, **params: str) -> None:
    with LocalRegistry(SQLiteRows(path)) as registry:
        registry.call(operation, params, CALLER)


def set_back(path: Path, earlier: Path, *tables: str) -> None:
    """Replace the rows of the group churn by those of an earlier copy."""
    connection = sqlite3.connect(path)
    connection.execute("ATTACH ? AS earlier", [str(earlier)])
    with connection:
        for table in tables:
            connection.execute(f"DELETE FROM main.{table} {CHURN}")
            added = connection.execute(f"INSERT INTO main.{table} SELECT * FROM earlier.{table} {CHURN}")
            assert added.rowcount > 0
    connection.close()


def approve(path: Path) -> None:
    arn = ARN.format(CALLER.account, "model-package/churn/2")
    call(path, "UpdateModelPackage", ModelPackageArn=arn, ModelApprovalStatus="Approved")


def test_a_chain_set_back_without_its_records_is_found(path: Path, earlier: Path) -> None:
    approve(path)
    set_back(path, earlier, *CHAIN)
    assert problems(path) == [("churn", 3, "the package differs from the state after this change")]


def test_records_set_back_without_their_chain_are_found(path: Path, earlier: Path) -> None:
    approve(path)
    set_back(path, earlier, *PACKAGES)
    assert problems(path) == [("churn", 5, "the package differs from the state after this change")]


def test_verify_cannot_find_a_chain_that_was_set_back_with_its_records(path: Path, earlier: Path) -> None:
    approve(path)
    set_back(path, earlier, *CHAIN, *PACKAGES)
    assert problems(path) == []


def test_a_registration_set_back_without_the_counter_is_found(path: Path, earlier: Path) -> None:
    call(path, "CreateModelPackage", ModelPackageGroupName="churn")
    set_back(path, earlier, *CHAIN, *PACKAGES)
    assert problems(path) == [("churn", 4, COUNTER)]


def test_verify_cannot_find_a_registration_that_was_set_back_with_the_counter(path: Path, earlier: Path) -> None:
    call(path, "CreateModelPackage", ModelPackageGroupName="churn")
    set_back(path, earlier, *CHAIN, *PACKAGES, "model_package_groups")
    assert problems(path) == []


def test_verify_cannot_find_an_earlier_copy_that_was_restored(path: Path, earlier: Path) -> None:
    approve(path)
    assert problems(earlier) == []
    assert problems(path) == []


def test_verify_cannot_find_a_chain_rewritten_with_all_hashes(path: Path) -> None:
    connection = sqlite3.connect(path)
    previous = ""
    rows = connection.execute(f"SELECT {', '.join(HISTORY.columns)} FROM history {CHURN} ORDER BY seq").fetchall()
    for found in rows:
        forged = dict(zip(HISTORY.columns, found, strict=True))
        forged |= {"actor": "arn:aws:iam::1:user/mallory", "previous": previous}
        previous = hash_of(forged)
        connection.execute(
            f"UPDATE history SET actor = ?, previous = ?, hash = ? {CHURN} AND seq = ?",
            [forged["actor"], forged["previous"], previous, forged["seq"]],
        )
    connection.execute(f"UPDATE history_heads SET hash = ? {CHURN}", [previous])
    connection.commit()
    connection.close()
    assert problems(path) == []


def test_verify_cannot_find_a_group_deleted_with_all_its_rows(path: Path) -> None:
    edit(path, *(f"DELETE FROM {table} {CHURN}" for table in ("model_package_groups", *PACKAGES, *CHAIN)))
    assert problems(path) == []
    assert unrecorded(path) == 0


def test_a_group_deleted_with_its_entries_but_not_their_head_is_found(path: Path) -> None:
    edit(path, *(f"DELETE FROM {table} {CHURN}" for table in ("model_package_groups", *PACKAGES, "history")))
    assert problems(path) == [("churn", 0, "later entries are missing: the chain had 4 entries")]


def test_records_whose_history_was_deleted_are_counted_as_unrecorded(path: Path) -> None:
    edit(path, *(f"DELETE FROM {table} {CHURN}" for table in CHAIN))
    assert (problems(path), unrecorded(path)) == ([], 3)


def test_a_group_added_without_history_is_counted_as_unrecorded(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO model_package_groups SELECT account, region, 'forged', created, 0, rev, "
        f"replace(record, 'churn', 'forged') FROM model_package_groups {CHURN}"
    )
    connection.execute(
        "INSERT INTO search_terms SELECT account, region, kind, path, replace(value, 'churn', 'forged'), moment, "
        f"'forged', version FROM search_terms {CHURN} AND version = 0"
    )
    connection.commit()
    connection.close()
    assert (problems(path), unrecorded(path)) == ([], 1)


def test_an_added_search_term_is_found_only_if_all_groups_are_verified(path: Path) -> None:
    edit(
        path,
        "INSERT INTO search_terms SELECT account, region, kind, path, 'Approved', moment, name, version "
        "FROM search_terms WHERE value = 'Rejected'",
    )
    with LocalRegistry(SQLiteRows(path)) as registry:
        assert registry.extension("history/verify", {"group": "churn"}, CALLER)["broken"] == []
    assert [name for name, _, _ in problems(path)] == ["churn"]


def test_verify_cannot_find_an_edit_of_an_unrecorded_version(path: Path) -> None:
    edit(path, *(f"DELETE FROM {table} {CHURN}" for table in CHAIN))
    edit(path, f"UPDATE model_packages SET record = replace(record, 'Rejected', 'Approved') {CHURN}")
    assert problems(path) == []


def test_verify_finds_only_a_counter_that_is_too_low_after_an_import(path: Path, tmp_path: Path) -> None:
    file, copy = io.BytesIO(), tmp_path / "copy.db"
    with ModelRegistry(f"sqlite:///{path}", region_name=REGION) as registry:
        archive.export(registry.boto3, file, source="registry")
    with ModelRegistry(f"sqlite:///{copy}", region_name=REGION) as registry:
        archive.load(registry.boto3, io.BytesIO(file.getvalue()), "file")
    edit(copy, f"UPDATE model_package_groups SET last_version = 9 {CHURN}")
    assert problems(copy) == []
    edit(copy, f"UPDATE model_package_groups SET last_version = 1 {CHURN}")
    assert [name for name, _, _ in problems(copy)] == ["churn"]


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE events SET record = replace(record, 'Rejected', 'Approved') {CHURN}",
        f"UPDATE model_packages SET rev = rev + 1 {CHURN}",
        "UPDATE client_tokens SET digest = 'x'",
        "INSERT INTO event_deliveries SELECT position, 'ci', account, region, name, version, 'x', 0, 'done', 1, 0, 0, "
        "'', 1 FROM events LIMIT 1",
    ],
    ids=["events", "revisions", "client tokens", "deliveries"],
)
def test_verify_does_not_check_data_without_a_hash(path: Path, statement: str) -> None:
    call(path, "CreateModelPackage", ModelPackageGroupName="churn", ClientToken="job-42")
    with LocalRegistry(SQLiteRows(path)) as registry:
        assert registry.extension("events", {}, CALLER)["events"]
    edit(path, statement)
    assert problems(path) == []
