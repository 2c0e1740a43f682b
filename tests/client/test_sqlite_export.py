"""`export --sqlite`: a registry as a database for queries, including the queries of query-with-sqlite.md."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clients_of_others.programs import ROOT
from sagemaker_registry.client import ModelRegistry, archive
from sagemaker_registry.client.archive import sqlite
from sagemaker_registry.client.cli import main
from sagemaker_registry.client.testing import Control
from support.server import REGION, Emulator

PAGE = (ROOT / "docs" / "how-to" / "query-with-sqlite.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
ACCOUNT = "100000000099"
KEYS = {"region_name": REGION, "aws_access_key_id": ACCOUNT, "aws_secret_access_key": "any"}
BOB = f"arn:aws:iam::{ACCOUNT}:root"
DATASET = "s3://data/churn/2026-06"
TABLES = ("groups", "versions", "metrics", "metadata", "decisions", "events")

Rows = list[tuple[Any, ...]]
Select = Callable[[str], Rows]


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[ModelRegistry]:
    with ModelRegistry(f"sqlite:///{tmp_path}/registry.db", **KEYS) as opened:
        yield opened


@pytest.fixture
def select(registry: ModelRegistry, tmp_path: Path) -> Select:
    """Return a function that exports the registry and runs a query on the export after checking its foreign keys."""

    def run(query: str) -> Rows:
        return run_on(exported(registry, tmp_path / "selected.sqlite"), query)

    return run


def exported(registry: ModelRegistry, path: Path, *groups: str) -> Path:
    with path.open("wb") as file:
        archive.export_sqlite(registry.boto3, file, groups=groups)
    return path


def run_on(path: Path, query: str) -> Rows:
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        return database.execute(query).fetchall()


def count(path: Path) -> dict[str, int]:
    return {table: run_on(path, f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


def run_export(path: Path | str, url: str, *options: str) -> Result:
    keys = {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": REGION}
    return CliRunner().invoke(main, ["export", "--sqlite", str(path), "--url", url, *options], env=keys)


# The queries of docs/how-to/query-with-sqlite.md


@pytest.fixture
def export_of_three_months(tmp_path: Path) -> Iterator[Path]:
    """Return the export of a registry with decisions of this month and of the two months before."""
    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    with ModelRegistry("sqlite://", **KEYS) as registry:
        clock = Control(registry.boto3)
        for at, accuracy in ((first - timedelta(days=40), 0.91), (first - timedelta(days=1), 0.93), (first, 0.95)):
            clock.freeze(at)
            version = registry.register("churn", image="churn:1", metadata={"accuracy": accuracy, "dataset": DATASET})
            registry.approve(version, f"ticket {version.version}")
        registry.register("churn", image="churn:1", metadata={"accuracy": "n/a", "dataset": DATASET})
        registry.approve(registry.register("churn", image="churn:1", metadata={"dataset": "s3://data/other"}))
        registry.register("other", image="other:1", metadata={"accuracy": 0.5})
        yield exported(registry, tmp_path / "months.sqlite")


def test_the_documented_queries_return_the_expected_rows(export_of_three_months: Path) -> None:
    used, metric, approved = (run_on(export_of_three_months, query) for query in QUERIES)
    assert [name for name, _, _ in used] == ["churn/1", "churn/2", "churn/3"]
    assert metric == [(f"churn/{number}", "Approved", value) for number, value in ((1, 0.91), (2, 0.93), (3, 0.95))]
    assert [row[1:] for row in approved] == [(BOB, "churn/2", "ticket 2")]


@pytest.mark.parametrize("query", QUERIES)
def test_the_documented_queries_use_indexes(query: str, export_of_three_months: Path) -> None:
    plan = [row[3] for row in run_on(export_of_three_months, f"EXPLAIN QUERY PLAN {query}")]
    assert [step for step in plan if step.startswith("SCAN")] == []


def test_the_documentation_lists_every_column(export_of_three_months: Path) -> None:
    for table in TABLES:
        columns = [row[1] for row in run_on(export_of_three_months, f"PRAGMA table_info({table})")]
        (listed,) = re.findall(rf"^\| `{table}` \|[^|]*\| (.*) \|$", PAGE, re.MULTILINE)
        assert re.findall(r"`(\w+)`", listed) == columns


# Contents of the tables


def test_versions_have_their_columns_and_the_whole_record(registry: ModelRegistry, select: Select) -> None:
    version = registry.register(
        "churn", image="churn:1", model_data="s3://models/1.tar.gz", description="first", tags={"team": "risk"}
    )
    stage = {"Stage": "Staging", "StageStatus": "PendingApproval"}
    registry.boto3.update_model_package(ModelPackageArn=version.arn, ModelLifeCycle=stage)  # type: ignore[arg-type]
    registry.boto3.create_model_package(ModelPackageName="solo", Tags=[{"Key": "a", "Value": "b"}])
    assert select("SELECT name, account, region, json_extract(tags, '$.team') FROM groups") == [
        ("churn", ACCOUNT, REGION, "risk")
    ]
    assert select(
        "SELECT name, version, description, status, stage, image, model_data_url, created_by FROM versions"
    ) == [
        ("churn/1", 1, "first", "PendingManualApproval", "Staging", "churn:1", "s3://models/1.tar.gz", BOB),
        ("solo", None, None, None, None, None, None, BOB),
    ]
    assert select(
        "SELECT groups.name FROM versions LEFT JOIN groups ON groups.arn = group_arn ORDER BY version DESC"
    ) == [
        ("churn",),
        (None,),
    ]
    (created, modified), _ = select("SELECT created, modified FROM versions")
    assert datetime.fromisoformat(created).timestamp() == pytest.approx(version.created.timestamp())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", modified)
    record = json.loads(select("SELECT record FROM versions WHERE name = 'churn/1'")[0][0])
    assert record["ModelLifeCycle"] == stage
    assert not [name for name in record if name.startswith("_")]


def test_metrics_come_from_metadata_and_model_cards(registry: ModelRegistry, select: Select) -> None:
    numbers = {"accuracy": "0.9", "epochs": "12", "loss": "1e-3", "nan": "nan", "infinite": "inf", "word": "high"}
    version = registry.register("churn", image="churn:1", metadata=numbers)
    measured = [{"name": "auc", "type": "number", "value": 0.8}, {"name": "label", "type": "string", "value": "7"}]
    ignored = [{"name": "ok", "type": "boolean", "value": True}, {"value": 3}]
    groups = [{"name": "binary", "metric_data": measured + ignored}]
    card = {"ModelCardContent": json.dumps({"evaluation_details": [{"name": "test", "metric_groups": groups}]})}
    registry.boto3.update_model_package(
        ModelPackageArn=version.arn,
        ModelCard=card | {"ModelCardStatus": "Draft"},  # type: ignore[arg-type]
    )
    assert select("SELECT name, value, source FROM metrics ORDER BY name") == [
        ("accuracy", 0.9, "CustomerMetadataProperties"),
        ("auc", 0.8, "ModelCard.evaluation_details"),
        ("epochs", 12.0, "CustomerMetadataProperties"),
        ("loss", 0.001, "CustomerMetadataProperties"),
    ]
    assert dict(select("SELECT key, value FROM metadata")) == numbers


@pytest.mark.parametrize("content", ["", "no JSON", "[1]", "null", '{"name": 1, "value": 2}'])
def test_a_model_card_without_evaluation_details_has_no_metrics(content: str) -> None:
    assert list(sqlite._of_card(content)) == []


def test_decisions_are_the_changes_of_the_approval_status(registry: ModelRegistry, select: Select) -> None:
    first = registry.register("churn", image="churn:1")
    registry.approve(first, "ticket 1")
    registry.boto3.update_model_package(ModelPackageArn=first.arn, CustomerMetadataProperties={"no": "decision"})
    registry.reject(first, "drift")
    registration = {"ModelPackageGroupName": "churn", "ModelApprovalStatus": "Approved"}
    specification = {"Containers": [{"Image": "churn:2"}]}
    registry.boto3.create_model_package(**registration, InferenceSpecification=specification)  # type: ignore[arg-type]
    assert select("SELECT version_name, decision, previous_status, reason, operation, approvals FROM decisions") == [
        ("churn/1", "Approved", "PendingManualApproval", "ticket 1", "UpdateModelPackage", None),
        ("churn/1", "Rejected", "Approved", "drift", "UpdateModelPackage", None),
        ("churn/2", "Approved", None, None, "CreateModelPackage", None),
    ]
    join = "SELECT count(*) FROM decisions JOIN versions ON arn = version_arn AND name = version_name"
    assert select(join) == [(3,)]


def test_every_required_approval_is_a_decision(tmp_path: Path) -> None:
    rules = tmp_path / "registry.toml"
    rules.write_text(
        '[identities.alice]\naccess_key = "ALICE"\n[identities.bob]\naccess_key = "BOB"\n'
        '[[approval]]\ngroups = ["churn"]\nrules = ["two"]\n[rules.two]\nis = "approvers"\ncount = 2\n'
    )
    url = f"sqlite:///{tmp_path}/ruled.db"
    for name in ("ALICE", "BOB"):
        with ModelRegistry(url, settings=rules, **KEYS | {"aws_access_key_id": name}) as registry:
            version = registry.get("churn/1") if name == "BOB" else registry.register("churn", image="churn:1")
            registry.boto3.update_model_package(
                ModelPackageArn=version.arn, ModelApprovalStatus="Approved", ApprovalDescription=f"{name} agrees"
            )
            path = exported(registry, tmp_path / "ruled.sqlite")
    assert run_on(path, "SELECT decision, status, decided_by, approvals FROM decisions ORDER BY at") == [
        ("Approved", "PendingManualApproval", "arn:aws:iam::123456789012:user/alice", 1),
        ("Approved", "Approved", "arn:aws:iam::123456789012:user/bob", 2),
    ]


def test_events_are_exported_with_their_detail(registry: ModelRegistry, select: Select) -> None:
    registry.approve(registry.register("churn", image="churn:1"), "ticket 1")
    found = [event.envelope for event in registry.events()]
    rows = select("SELECT position, id, at, version_name, type, status, detail FROM events ORDER BY position")
    assert [row[1:3] for row in rows] == [(event["id"], event["time"]) for event in found]
    assert [row[0] for row in rows] == [1, 2]
    assert {row[3:5] for row in rows} == {("churn/1", "SageMaker Model Package State Change")}
    assert [row[5] for row in rows] == ["PendingManualApproval", "Approved"]
    assert json.loads(rows[1][6]) == found[1]["detail"]


def test_decisions_of_a_deleted_version_have_its_name_and_no_arn(tmp_path: Path) -> None:
    with ModelRegistry("sqlite://", **KEYS) as registry:
        clock = Control(registry.boto3)
        clock.freeze("2026-01-01")
        registry.approve(registry.register("churn", image="churn:1"), "old")
        registry.delete_group("churn", with_versions=True)
        clock.advance(60)
        assert registry.register("churn", image="churn:1").version == 1
        path = exported(registry, tmp_path / "deleted.sqlite")
    assert run_on(path, "SELECT version_name, version_arn FROM decisions") == [("churn/1", None)]
    assert [bool(arn) for (arn,) in run_on(path, "SELECT version_arn FROM events ORDER BY position")] == [
        False,
        False,
        True,
    ]


def test_an_imported_registry_keeps_its_decisions(registry: ModelRegistry, tmp_path: Path) -> None:
    registry.approve(registry.register("churn", image="churn:1"), "ticket 1")
    file = io.BytesIO()
    archive.export(registry.boto3, file)
    with ModelRegistry("sqlite://", **KEYS | {"aws_access_key_id": "200000000001"}) as other:
        archive.load(other.boto3, file, "file")
        path = exported(other, tmp_path / "imported.sqlite")
    (found,) = run_on(path, "SELECT version_arn, decided_by, reason FROM decisions")
    assert found == (f"arn:aws:sagemaker:{REGION}:200000000001:model-package/churn/1", BOB, "ticket 1")


def test_text_of_any_script_is_exported_and_searchable(registry: ModelRegistry, tmp_path: Path) -> None:
    description = """It's "größer" [x]; DROP TABLE versions; -- <b>🙂</b> %s ?"""
    metadata = {"a:b/c=d+e@f": "x:y/z@w", "größe": "1 ½", " ": "-"}
    registry.register("churn", image="churn:1", description=description, metadata=metadata)
    registry.boto3.create_model_package_group(ModelPackageGroupName="zero", ModelPackageGroupDescription="Ürün 'x'")
    registry.approve("churn/1", "ticket forty-two")
    path = tmp_path / "it's [odd]?#%20 ü.sqlite"
    exported(registry, path)
    assert run_on(path, "SELECT description FROM versions") == [(description,)]
    assert dict(run_on(path, "SELECT key, value FROM metadata")) == metadata
    for table, column, words in (
        ("versions", "name", "GROSSER OR größer"),
        ("groups", "name", "urun"),
        ("versions", "name", "forty"),
        ("decisions", "version_name", '"ticket forty"'),
    ):
        found = f"SELECT rowid FROM {table}_fts WHERE {table}_fts MATCH '{words}'"
        query = f"SELECT {column} FROM {table} WHERE rowid IN ({found})"
        assert len(run_on(path, query)) == 1, words
    assert run_on(path, "SELECT count(*) FROM versions_fts WHERE versions_fts MATCH 'absent'") == [(0,)]


def test_only_selected_groups_are_exported_to_sqlite(registry: ModelRegistry, tmp_path: Path) -> None:
    for name in ("churn", "churn-eu", "fraud"):
        registry.approve(registry.register(name, image="x:1", metadata={"accuracy": 1}))
    path = exported(registry, tmp_path / "some.sqlite", "churn*")
    assert count(path) == {
        "groups": 2,
        "versions": 2,
        "metrics": 2,
        "metadata": 2,
        "decisions": 2,
        "events": 4,
    }


def test_an_empty_registry_has_every_table(registry: ModelRegistry, tmp_path: Path) -> None:
    path = exported(registry, tmp_path / "empty.sqlite")
    assert count(path) == dict.fromkeys(TABLES, 0)
    assert run_on(path, "SELECT count(*) FROM versions_fts WHERE versions_fts MATCH 'x'") == [(0,)]


def test_more_rows_than_a_batch_are_exported_over_http(emulator: Emulator, account: str, tmp_path: Path) -> None:
    with ModelRegistry(emulator.url, **KEYS | {"aws_access_key_id": account}) as registry:
        for number in range(sqlite.BATCH + 5):
            registry.register("churn", image=f"churn:{number}", metadata={"accuracy": number})
        seen: list[int] = []
        with (tmp_path / "many.sqlite").open("wb") as file:
            counts = archive.export_sqlite(registry.boto3, file, progress=seen.append)
    rows = sqlite.BATCH + 5
    assert counts == {"group": 1, "version": rows, "metric": rows, "metadata": rows, "event": rows}
    assert seen == list(range(1, 2 * rows + 3))
    assert count(tmp_path / "many.sqlite") == dict(zip(TABLES, (1, rows, rows, rows, 0, rows), strict=True))


# The command


def test_the_command_writes_a_private_file_and_replaces_the_old_one(registry: ModelRegistry, tmp_path: Path) -> None:
    registry.register("churn", image="churn:1")
    path = tmp_path / "out.sqlite"
    path.write_text("the last one")
    done = run_export(path, f"sqlite:///{tmp_path}/registry.db")
    assert (done.exit_code, done.output) == (0, "")
    assert path.stat().st_mode & 0o777 == 0o600
    assert count(path)["versions"] == 1


def test_the_command_writes_to_a_pipe(registry: ModelRegistry, tmp_path: Path) -> None:
    registry.register("churn", image="churn:1")
    done = run_export("-", f"sqlite:///{tmp_path}/registry.db")
    assert done.stdout_bytes.startswith(b"SQLite format 3\0")


def test_an_export_of_moto_has_no_history(tmp_path: Path, account: str) -> None:
    pytest.importorskip("moto")
    path = tmp_path / "moto.sqlite"
    done = run_export(path, "moto://")
    assert done.exit_code == 0, done.output
    assert done.stderr == "this registry keeps no history; the tables decisions and events are empty\n"
    with ModelRegistry("moto://", **{**KEYS, "aws_access_key_id": account}) as registry:
        registry.approve(registry.register("churn", image="churn:1"), "ticket 1")
        exported(registry, path)
    assert count(path) == dict(zip(TABLES, (1, 1, 0, 0, 0, 0), strict=True))
    assert run_on(path, "SELECT name, status, reason FROM versions") == [("churn/1", "Approved", "ticket 1")]


def test_a_failed_export_leaves_no_new_file_and_keeps_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "out.sqlite"
    assert run_export(path, "http://127.0.0.1:9").exit_code == 2
    assert list(tmp_path.iterdir()) == []
    path.write_text("the last one")
    assert run_export(path, "http://127.0.0.1:9").exit_code == 2
    assert [file.read_text() for file in tmp_path.iterdir()] == ["the last one"]


def test_an_export_that_fails_midway_leaves_no_file(
    registry: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.approve(registry.register("churn", image="churn:1"))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    with closing(sqlite3.connect(tmp_path / "registry.db")) as database, database:
        database.execute("UPDATE history SET content = 'damaged' WHERE seq = 3")
    done = run_export(tmp_path / "out.sqlite", f"sqlite:///{tmp_path}/registry.db")
    assert (done.exit_code, done.stdout) == (2, "")
    sentence = "churn, change 3 is damaged; run `sagemaker-registry history verify` to check the history"
    assert done.stderr == f"sagemaker-registry: {sentence}\n"
    assert not (tmp_path / "out.sqlite").exists()
    assert list(temporary.iterdir()) == []


def test_a_full_disk_is_one_sentence(registry: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite, "_write", full)
    done = run_export(tmp_path / "out.sqlite", f"sqlite:///{tmp_path}/registry.db")
    assert done.exit_code == 2
    assert re.fullmatch(r".*cannot write the SQLite database in .*: database or disk is full\n", done.stderr)
    assert not (tmp_path / "out.sqlite").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--sqlite", "no/folder/out.sqlite"], "cannot write no/folder/out.sqlite: No such file or directory"),
        (["--sqlite", "."], "is a directory"),
        (["--sqlite", "registry.db"], "registry.db is the registry itself; choose another FILE"),
        (["registry.db"], "registry.db is the registry itself; choose another FILE"),
        (["--sqlite", "a.sqlite", "b.jsonl"], "unexpected extra argument (b.jsonl)"),
    ],
)
def test_an_invalid_destination_is_one_sentence(
    registry: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    registry.register("churn", image="churn:1")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["export", *arguments, "--url", "sqlite:///registry.db"])
    assert (done.exit_code, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert registry.get("churn/1").version == 1


def test_the_database_is_not_written_to_a_terminal() -> None:
    runner = "from sagemaker_registry.client.cli import main; import sys; sys.stdout.isatty = lambda: True; "
    done = subprocess.run(
        [sys.executable, "-c", f"{runner}main(['export', '--sqlite', '--url', 'sqlite://'])"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "--sqlite cannot write to a terminal; add a FILE" in done.stderr


def test_without_sqlite_utils_the_error_names_the_extra(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['sqlite_utils'] = None; from sagemaker_registry.client.cli import main; "
        "main(['export', '--sqlite', 'out.sqlite', '--url', 'sqlite://'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    assert done.returncode == 2
    sentence = "export --sqlite requires the package 'sqlite_utils': pip install 'sagemaker-registry[server]'"
    assert done.stderr == f"sagemaker-registry: {sentence}\n"
    assert list(tmp_path.iterdir()) == []
