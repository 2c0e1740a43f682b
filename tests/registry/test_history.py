"""Tamper-evident history: every change leaves an entry, in every store, in process and over HTTP."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from sagemaker_registry.backends import open_backend
from sagemaker_registry.backends.approval.rulebook import Rulebook
from sagemaker_registry.backends.base import BackendOptions, NoProbe
from sagemaker_registry.backends.errors import RegistryError
from sagemaker_registry.backends.local.context import RequestContext
from sagemaker_registry.backends.local.history import queries as reading
from sagemaker_registry.backends.local.history import verification
from sagemaker_registry.backends.local.history.journal import hash_of
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.settings import ApprovalTable, Settings
from sagemaker_registry.backends.store.rows import HISTORY, TERMS
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from sagemaker_registry.backends.store.transactions import Transaction
from sagemaker_registry.client import ModelRegistry
from sagemaker_registry.client.cli import main
from support.history_files import ARN, CALLER, edit, problems, write_history
from support.server import REGION, Emulator

pytest_plugins = ("support.postgres",)

GROUP = {"ModelPackageGroupName": "churn"}


@pytest.fixture(params=["http", "file", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "http":
        emulator: Emulator = request.getfixturevalue("emulator")
        return emulator.url
    return (
        request.getfixturevalue("postgres_url") if request.param == "postgres" else f"sqlite:///{tmp_path}/registry.db"
    )


@pytest.fixture
def registry(url: str, account: str) -> Iterator[ModelRegistry]:
    with ModelRegistry(url, region_name=REGION, aws_access_key_id=account, aws_secret_access_key="any") as registry:
        yield registry


def registry_account(registry: ModelRegistry) -> str:
    return registry.get("churn/1").arn.split(":")[4]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def test_each_operation_that_changes_something_leaves_an_entry(registry: ModelRegistry, account: str) -> None:
    client = registry.boto3
    group = ARN.format(account, "model-package-group/churn")
    policy = json.dumps(
        {
            "Statement": {
                "Effect": "Allow",
                "Principal": {"AWS": "111122223333"},
                "Action": "sagemaker:DescribeModelPackage",
                "Resource": "*",
            }
        }
    )
    client.create_model_package_group(**GROUP)
    client.add_tags(ResourceArn=group, Tags=[{"Key": "team", "Value": "risk"}])
    client.add_tags(ResourceArn=group, Tags=[{"Key": "team", "Value": "risk"}])  # changes nothing
    client.put_model_package_group_policy(**GROUP, ResourcePolicy=policy)
    version = client.create_model_package(**GROUP, ModelApprovalStatus="PendingManualApproval")["ModelPackageArn"]
    client.update_model_package(
        ModelPackageArn=version, ModelApprovalStatus="Approved", ApprovalDescription="ticket 42"
    )
    client.update_model_package(ModelPackageArn=version)  # changes nothing
    client.delete_tags(ResourceArn=group, TagKeys=["team"])
    client.delete_model_package(ModelPackageName=version)
    client.create_model_package(ModelPackageName="churn")
    client.delete_model_package_group(**GROUP)
    found = list(registry.history("churn", oldest_first=True))
    assert [(change.operation, change.kind, change.version) for change in found] == [
        ("CreateModelPackageGroup", "group", None),
        ("AddTags", "group", None),
        ("PutModelPackageGroupPolicy", "policy", None),
        ("CreateModelPackage", "package", 1),
        ("UpdateModelPackage", "package", 1),
        ("DeleteTags", "group", None),
        ("DeleteModelPackage", "package", 1),
        ("CreateModelPackage", "package", None),
        ("DeleteModelPackageGroup", "group", None),
        ("DeleteModelPackageGroup", "policy", None),
    ]
    assert [change.seq for change in found] == list(range(1, 11))
    assert {change.actor for change in found} == {f"arn:aws:iam::{account}:root"}
    assert len({change.request_id for change in found}) == 9
    approval = found[4]
    assert (approval.was, approval.became, approval.reason) == ("PendingManualApproval", "Approved", "ticket 42")
    assert approval.arn == version
    assert {"ApprovalDescription", "ModelApprovalStatus"} < {one.path for one in approval.differences}
    assert found[6].after is None
    assert found[6].before == approval.after
    assert found[1].after is not None
    assert found[1].after["Tags"] == [{"Key": "team", "Value": "risk"}]
    assert registry.verify_history().ok


def test_replacing_a_policy_is_one_change(registry: ModelRegistry) -> None:
    texts = [
        json.dumps({"Statement": {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"}})
        for action in ("sagemaker:Search", "sagemaker:ListTags")
    ]
    registry.boto3.create_model_package_group(**GROUP)
    for text in texts:
        registry.boto3.put_model_package_group_policy(**GROUP, ResourcePolicy=text)
    newest = next(registry.history("churn"))
    assert (newest.before, newest.after) == ({"ResourcePolicy": texts[0]}, {"ResourcePolicy": texts[1]})
    assert registry.verify_history("churn").checked == 3


def test_an_entry_has_the_request_id_of_the_response(registry: ModelRegistry) -> None:
    answer = registry.boto3.create_model_package_group(**GROUP)
    assert next(registry.history()).request_id == answer["ResponseMetadata"]["RequestId"]


def test_a_rejected_request_leaves_no_entry(registry: ModelRegistry) -> None:
    registry.register("churn", image="churn:1")
    before = list(registry.history())
    for call, members in (
        (registry.boto3.create_model_package_group, GROUP),
        (registry.boto3.delete_model_package_group, GROUP),
        (registry.boto3.create_model_package, {"ModelPackageGroupName": "nobody"}),
        (registry.boto3.delete_model_package, {"ModelPackageName": "churn/9"}),
    ):
        with pytest.raises(ClientError):
            call(**members)
    assert list(registry.history()) == before


def test_requests_with_the_same_client_token_are_one_change(registry: ModelRegistry) -> None:
    for _ in range(3):
        registry.register("churn", image="churn:1", token="once")
    assert [change.operation for change in registry.history()] == ["CreateModelPackage", "CreateModelPackageGroup"]


def test_a_recreated_group_continues_its_history(registry: ModelRegistry) -> None:
    for _ in range(2):
        registry.delete(registry.register("churn", image="churn:1"))
        registry.delete_group("churn")
    assert [change.seq for change in registry.history("churn")] == list(range(8, 0, -1))
    assert registry.verify_history("churn").ok


def test_changes_are_filtered_and_paged(registry: ModelRegistry, account: str) -> None:
    for number in range(1, 131):
        registry.boto3.create_model_package_group(ModelPackageGroupName=f"group-{number:03}")
    version = registry.register("churn", image="churn:1")
    registry.approve(version)
    whole = list(registry.history())
    assert len(whole) == 133
    assert [change.at for change in whole] == sorted((change.at for change in whole), reverse=True)
    assert list(registry.history(oldest_first=True)) == whole[::-1]
    assert [change.version for change in registry.history(version)] == [1, 1]
    assert len(list(registry.history("churn"))) == 3
    assert len(list(registry.history("churn", 1, operation="UpdateModelPackage"))) == 1
    assert len(list(registry.history(operation="CreateModelPackageGroup"))) == 131
    assert list(registry.history(actor="root")) == list(registry.history(actor=f"*:{account}:*")) == whole
    assert list(registry.history(actor="[r]oot")) == list(registry.history(actor="alice")) == []
    middle = whole[60].at
    assert list(registry.history(since=middle)) == [change for change in whole if change.at >= middle]
    assert list(registry.history(until=middle.isoformat())) == [change for change in whole if change.at <= middle]
    assert list(registry.history(since=middle.timestamp(), until=middle)) == [
        change for change in whole if change.at == middle
    ]


def test_a_date_without_a_time_is_a_whole_day_in_utc() -> None:
    start = datetime(2026, 11, 24, tzinfo=UTC).timestamp() * 1000
    assert reading.milliseconds("2026-11-24", "since", end_of_day=False) == start
    assert reading.milliseconds("2026-11-24", "until", end_of_day=True) == start + 86_400_000 - 1
    assert reading.milliseconds("2026-11-24T01:00", "since", end_of_day=True) == start + 3_600_000
    assert reading.milliseconds("2026-11-24T01:00+01:00", "since", end_of_day=True) == start
    assert reading.iso(reading.milliseconds(1795488997.547, "since", end_of_day=False)) == "2026-11-24T02:56:37.547Z"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"since": "yesterday"}, "since is 'yesterday'; expected a moment such as"),
        ({"until": "nan"}, "until is 'nan'"),
        ({"until": 1e300}, "until is"),
        ({"since": -1}, "since is '-1'"),
        ({"max_results": 101}, "history: `max_results` is 101; expected an integer from 1 to 100."),
        ({"next_token": "x"}, "NextToken is not valid for this request"),
        ({"order": "Sideways"}, "history: `order` is 'Sideways'; expected one of Ascending, Descending."),
        (
            {"group": "arn:aws:sagemaker:us-east-1:999999999999:model-package-group/churn"},
            "not in the caller's account",
        ),
    ],
)
def test_an_invalid_history_request_is_rejected(asked: dict[str, Any], words: str) -> None:
    with LocalRegistry(SQLiteRows(None)) as registry, pytest.raises(RegistryError, match=words):
        registry.extension("history", asked, CALLER)


def test_history_is_not_visible_in_other_accounts_and_regions(registry: ModelRegistry, url: str) -> None:
    registry.register("churn", image="churn:1")
    with ModelRegistry(
        url, region_name=REGION, aws_access_key_id="900000000001", aws_secret_access_key="any"
    ) as other_account:
        assert list(other_account.history()) == []
        assert other_account.verify_history().checked == 0
    with ModelRegistry(
        url, region_name="eu-west-1", aws_access_key_id=registry_account(registry), aws_secret_access_key="any"
    ) as other_region:
        assert list(other_region.history("churn")) == []


def test_history_can_be_read_with_query_parameters(emulator: Emulator) -> None:
    with ModelRegistry(
        emulator.url, region_name="us-west-2", aws_access_key_id="bob", aws_secret_access_key="b"
    ) as registry:
        registry.register("query", image="x")
    headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=alice/20261124/us-west-2/sagemaker/aws4_request"}
    asked = f"{emulator.url}/_registry/history?group=query&version=1&max_results=1"
    answer = requests.get(asked, headers=headers, timeout=10).json()
    assert [(change["operation"], change["actor"][-3:]) for change in answer["changes"]] == [
        ("CreateModelPackage", "bob")
    ]
    assert requests.get(f"{emulator.url}/_registry/import", headers=headers, timeout=10).status_code == 400
    assert requests.get(f"{emulator.url}/_registry/export", headers=headers, timeout=10).json()["lines"]


def test_history_is_not_available_on_aws() -> None:
    client = boto3.client("sagemaker", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
    with ModelRegistry.from_client(client) as registry, pytest.raises(ClientError) as caught:
        next(registry.history())
    assert caught.value.response["Error"]["Code"] == "UnknownOperationException"


def test_concurrent_writers_keep_the_chains_intact(url: str, account: str) -> None:
    boto = {"region_name": REGION, "aws_access_key_id": account, "aws_secret_access_key": "any"}

    def work(number: int) -> None:
        with ModelRegistry(url, **boto) as registry:
            version = registry.register(f"group-{number % 2}", image=f"churn:{number}")
            registry.approve(version, f"ticket {number}")
            registry.boto3.create_model_package(ModelPackageName=f"group-{number % 2}-{number}")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(24)))
    with ModelRegistry(url, **boto) as registry:
        found = registry.verify_history()
        assert (found.ok, found.checked, found.chains) == (True, 2 + 24 * 3, 2 + 24)
        assert [change.seq for change in registry.history("group-0")] == list(range(25, 0, -1))


# Tampering with access to the file


OF_CHURN = "WHERE name = 'churn' AND seq"
REHASHED = "the previous entry was rewritten"
MOVED = "the {}'s column {}, which lists use, does not match its record"
NUMBERED = "the group's next version would be {}, but its last version was {}"
SURPLUS = "unexpected search term: {} {}"


@pytest.mark.parametrize(
    ("statements", "found"),
    [
        ([], []),
        (
            [f"UPDATE history SET content = replace(content, 'Rejected', 'Approved') {OF_CHURN} = 4"],
            [("churn", 4, "the entry was modified after it was written")],
        ),
        (
            [f"UPDATE history SET content = content || ' ' {OF_CHURN} = 1"],
            [("churn", 1, "the entry was modified after it was written")],
        ),
        (
            [f"UPDATE history SET actor = 'arn:aws:iam::1:user/mallory' {OF_CHURN} = 2"],
            [("churn", 2, "the entry was modified after it was written")],
        ),
        ([f"DELETE FROM history {OF_CHURN} = 2"], [("churn", 3, "entry 2 is missing before this entry")]),
        (
            [f"DELETE FROM history {OF_CHURN} IN (1, 2, 3)"],
            [("churn", 4, "entries 1 to 3 are missing before this entry")],
        ),
        ([f"DELETE FROM history {OF_CHURN} > 2"], [("churn", 2, "later entries are missing: the chain had 4 entries")]),
        (
            ["DELETE FROM history WHERE name = 'churn'"],
            [("churn", 0, "later entries are missing: the chain had 4 entries")],
        ),
        (
            [
                f"UPDATE history SET seq = 0 {OF_CHURN} = 2",
                f"UPDATE history SET seq = 2 {OF_CHURN} = 3",
                f"UPDATE history SET seq = 3 {OF_CHURN} = 0",
            ],
            [("churn", 2, "the entry was modified after it was written")],
        ),
        (
            ["DELETE FROM history_heads WHERE name = 'fraud'"],
            [("fraud", 3, "the head of the chain is missing")],
        ),
        (
            [f"DELETE FROM history {OF_CHURN} = 4", "UPDATE history_heads SET seq = 3 WHERE name = 'churn'"],
            [("churn", 3, "the head of the chain does not match its last entry")],
        ),
        (
            [
                "INSERT INTO history SELECT account, region, name, 5, at, actor, principal, request_id, operation, "
                f"kind, arn, version, content, previous, hash FROM history {OF_CHURN} = 4"
            ],
            [("churn", 5, "the entry was modified after it was written")],
        ),
        (
            [
                "UPDATE model_packages SET record = replace(record, 'Rejected', 'Approved') "
                "WHERE version = 1 AND name = 'churn'"
            ],
            [("churn", 4, "the package differs from the state after this change")],
        ),
        (
            ["UPDATE model_packages SET approval = 'Approved' WHERE version = 2 AND name = 'fraud'"],
            [("fraud", 3, MOVED.format("package", "approval"))],
        ),
        (
            ["UPDATE model_packages SET created = 5 WHERE version = 2 AND name = 'fraud'"],
            [("fraud", 3, MOVED.format("package", "created"))],
        ),
        (
            ["UPDATE model_packages SET modified = modified + 1 WHERE version = 1 AND name = 'churn'"],
            [("churn", 4, MOVED.format("package", "modified"))],
        ),
        (
            ["UPDATE model_packages SET type = 'X' WHERE version = 1 AND name = 'fraud'"],
            [("fraud", 2, MOVED.format("package", "type"))],
        ),
        (
            ["UPDATE model_package_groups SET created = created - 1 WHERE name = 'fraud'"],
            [("fraud", 1, MOVED.format("group", "created"))],
        ),
        (
            ["UPDATE model_package_groups SET last_version = 7 WHERE name = 'fraud'"],
            [("fraud", 3, NUMBERED.format(8, 2))],
        ),
        (
            ["UPDATE model_package_groups SET last_version = 1 WHERE name = 'churn'"],
            [("churn", 4, NUMBERED.format(2, 2))],
        ),
        (
            [
                "INSERT INTO search_terms SELECT account, region, kind, path, 'Approved', moment, name, version "
                "FROM search_terms WHERE value = 'Rejected'"
            ],
            [("churn", None, SURPLUS.format("ModelApprovalStatus", "Approved"))],
        ),
        (
            [
                "INSERT INTO search_terms SELECT account, region, kind, path, value, moment, 'gone', 9 "
                "FROM search_terms WHERE value = 'Rejected'"
            ],
            [("gone", None, SURPLUS.format("ModelApprovalStatus", "Rejected"))],
        ),
        (
            [
                "INSERT INTO search_terms SELECT account, region, 'new', path, value, moment, name, version "
                "FROM search_terms WHERE value = 'Rejected'"
            ],
            [("churn", None, SURPLUS.format("ModelApprovalStatus", "Rejected"))],
        ),
        (
            ["DELETE FROM model_package_groups WHERE name = 'fraud'"],
            [("fraud", 1, "the group differs from the state after this change")],
        ),
        (
            ["DELETE FROM search_terms WHERE value = 'Rejected'"],
            [("churn", 4, "search terms of the package are missing")],
        ),
        (
            ["UPDATE search_terms SET value = 'frauD' WHERE name = 'fraud' AND version = 2 AND value = 'fraud'"],
            [("fraud", 3, "search terms of the package are missing")],
        ),
        (
            [
                "INSERT INTO model_packages SELECT account, region, name, 7, type, created, modified, 'Approved', rev, "
                "record FROM model_packages WHERE name = 'churn' AND version = 1"
            ],
            [("churn", None, "no recorded change created this package")],
        ),
    ],
)
def test_verify_finds_tampering_with_the_file(
    tmp_path: Path, statements: list[str], found: list[tuple[str, int | None, str]]
) -> None:
    write_history(tmp_path / "registry.db")
    edit(tmp_path / "registry.db", *statements)
    assert problems(tmp_path / "registry.db") == found


def test_an_entry_rewritten_with_its_hash_is_found_by_the_next_entry(tmp_path: Path) -> None:
    write_history(tmp_path / "registry.db")
    connection = sqlite3.connect(tmp_path / "registry.db")
    found = connection.execute(f"SELECT {', '.join(HISTORY.columns)} FROM history {OF_CHURN} = 2").fetchone()
    forged = dict(zip(HISTORY.columns, found, strict=True)) | {"actor": "arn:aws:iam::1:user/mallory"}
    connection.execute(f"UPDATE history SET actor = ?, hash = ? {OF_CHURN} = 2", [forged["actor"], hash_of(forged)])
    connection.commit()
    connection.close()
    assert problems(tmp_path / "registry.db") == [("churn", 3, REHASHED)]


def test_a_deleted_last_entry_is_found_although_the_head_was_set_back(tmp_path: Path) -> None:
    write_history(tmp_path / "registry.db")
    edit(
        tmp_path / "registry.db",
        f"DELETE FROM history {OF_CHURN} = 4",
        f"UPDATE history_heads SET seq = 3, hash = (SELECT hash FROM history {OF_CHURN} = 3) WHERE name = 'churn'",
    )
    assert problems(tmp_path / "registry.db") == [("churn", 2, "the package differs from the state after this change")]


@pytest.fixture(scope="module")
def rows_of_a_history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "registry.db"
    write_history(path)
    return path


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_verify_finds_any_edit_of_any_column(rows_of_a_history: Path, data: st.DataObject) -> None:
    registry = LocalRegistry(SQLiteRows(rows_of_a_history))
    connection = registry._rows._writer  # type: ignore[attr-defined]
    connection.execute("BEGIN")
    try:
        names = ", ".join(HISTORY.columns)
        kept = connection.execute(f"SELECT rowid, {names} FROM history ORDER BY name, seq").fetchall()
        rowid, *values = data.draw(st.sampled_from(kept))
        column = data.draw(st.sampled_from(HISTORY.columns))
        value = values[HISTORY.columns.index(column)]
        numbers = st.integers(-(2**63), 2**63 - 1)
        changed = data.draw(numbers if isinstance(value, int) else st.one_of(TEXTS, _corrupted(value)), label=column)
        keys = {(row[1], row[2], row[3], row[4]) for row in kept}
        key = [*values[:4]]
        if column in HISTORY.key:
            key[HISTORY.key.index(column)] = changed
        if changed == value or tuple(key) in keys - {tuple(values[:4])}:
            return
        connection.execute(f"UPDATE history SET {column} = ? WHERE rowid = ?", [changed, rowid])
        assert verification.verify(_reading(connection), verification.Query())["broken"] != []
    finally:
        connection.execute("ROLLBACK")
        registry.close()


def _corrupted(text: str) -> st.SearchStrategy[str]:
    """Return texts with one character added, removed or replaced."""
    place = st.integers(0, max(len(text) - 1, 0))
    new = st.sampled_from('x7 \n\\"é')
    return st.one_of(
        st.builds(lambda at, one: text[:at] + one + text[at:], place, new),
        st.builds(lambda at: text[:at] + text[at + 1 :], place),
        st.builds(lambda at, one: text[:at] + one + text[at + 1 :], place, new),
    )


def _reading(connection: sqlite3.Connection) -> RequestContext:
    return RequestContext(
        "history/verify", CALLER, Transaction(connection.execute), 0, Settings(), Rulebook(Settings()), NoProbe()
    )


def test_the_hashes_can_be_computed_as_documented(tmp_path: Path) -> None:
    """As documented: SHA-256 of the columns without account, region and hash, as sorted JSON without spaces."""
    write_history(tmp_path / "registry.db")
    connection = sqlite3.connect(tmp_path / "registry.db")
    connection.row_factory = sqlite3.Row
    previous = {"churn": "", "fraud": ""}
    for found in connection.execute("SELECT * FROM history ORDER BY name, seq"):
        row = dict(found)
        assert row["previous"] == previous[row["name"]]
        hashed = {name: row[name] for name in row if name not in ("account", "region", "hash")}
        text = json.dumps(hashed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert row["hash"] == sha256(text.encode()).hexdigest()
        previous[row["name"]] = row["hash"]
    connection.close()


@given(st.dictionaries(st.sampled_from([*HISTORY.columns]), st.text(st.characters(exclude_categories=["Cs"]))))
def test_hashes_are_computed_over_the_text_of_json_dumps(texts: dict[str, str]) -> None:
    row = {**dict.fromkeys(HISTORY.columns, ""), **texts}
    hashed = {name: row[name] for name in row if name not in ("account", "region", "hash")}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert hash_of(row) == sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("most", [1, 2, 3, 5])
def test_a_long_history_is_verified_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(verification, "MAX_ROWS", most)
    write_history(tmp_path / "registry.db")
    with ModelRegistry(f"sqlite:///{tmp_path}/registry.db", region_name=REGION) as registry:
        whole = registry.verify_history()
        assert (whole.ok, whole.checked, whole.chains, whole.unrecorded) == (True, 7, 2, 0)
        edit(tmp_path / "registry.db", f"UPDATE history SET at = at + 1 {OF_CHURN} = 3")
        (found,) = registry.verify_history().broken
        assert str(found) == "churn/2, change 3: the entry was modified after it was written"
        assert registry.verify_history("fraud").ok
        assert not registry.verify_history("churn").ok
        edit(tmp_path / "registry.db", f"UPDATE history SET at = at - 1 {OF_CHURN} = 3")
        edit(tmp_path / "registry.db", "UPDATE model_package_groups SET last_version = 9 WHERE name = 'churn'")
        (found,) = registry.verify_history().broken
        assert str(found) == f"churn, change 4: {NUMBERED.format(10, 2)}"
        edit(tmp_path / "registry.db", "UPDATE model_package_groups SET last_version = 2 WHERE name = 'churn'")
        edit(
            tmp_path / "registry.db",
            "INSERT INTO search_terms SELECT account, region, kind, path, value, moment + 1, name, version "
            "FROM search_terms WHERE name = 'fraud' AND path = 'ModelPackageGroupName'",
        )
        (found,) = registry.verify_history().broken
        assert str(found) == f"fraud/1: {SURPLUS.format('ModelPackageGroupName', 'fraud')}"


@pytest.mark.parametrize("store", ["file", "postgres"])
def test_search_terms_without_a_record_are_found_in_every_store(
    store: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Terms are read in parts, in the sort order of the store."""
    monkeypatch.setattr(verification, "MAX_ROWS", 2)
    url = request.getfixturevalue("postgres_url") if store == "postgres" else f"sqlite:///{tmp_path}/registry.db"
    metadata = {"a": "0", "B": "É" * 256, "_b": "@", "ä": " x", "b": "y" * 256}
    with ModelRegistry(url, region_name=REGION) as registry, open_backend(url) as backend:
        registry.boto3.create_model_package_group(**GROUP, Tags=[{"Key": "Team", "Value": "x"}])
        for _ in range(3):
            registry.boto3.create_model_package(**GROUP, CustomerMetadataProperties=metadata)
        assert registry.verify_history().ok
        assert isinstance(backend, LocalRegistry)
        for path, value in (("ModelLifeCycle.Stage", ""), ("CustomerMetadataProperties.ß", "é" * 256), ("Tags.~", "~")):
            account = registry.get("churn/1").arn.split(":")[4]
            surplus = (account, REGION, "package", path, value, 5, f"churn-{path[0]}", 2)
            with backend._rows.writing() as rows:
                rows.insert_all(TERMS, [surplus])
            (found,) = registry.verify_history().broken
            assert str(found) == f"churn-{path[0]}/2: {SURPLUS.format(path, value)}"
            with backend._rows.writing() as rows:
                rows.delete_all(TERMS, [surplus])
        assert registry.verify_history().ok


def test_the_verify_command_reports_a_broken_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_REGISTRY_URL", f"sqlite:///{tmp_path}/registry.db")
    write_history(tmp_path / "registry.db")
    result = run("history", "verify")
    assert (result.exit_code, result.stdout) == (0, "7 changes in 2 chains, no faults found\n")
    edit(tmp_path / "registry.db", f"DELETE FROM history {OF_CHURN} = 2")
    result = run("history", "verify")
    assert (result.exit_code, result.stdout) == (1, "churn/2, change 3: entry 2 is missing before this entry\n")
    assert "history was altered in 1 place" in result.stderr
    assert json.loads(run("history", "verify", "--json").stdout)["ok"] is False
    assert run("history", "verify", "fraud").exit_code == 0
    assert run("history", "verify", "nobody").exit_code == 2


def test_the_history_and_as_of_commands(
    registry: ModelRegistry, url: str, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGEMAKER_REGISTRY_URL", url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    registry.approve(registry.register("churn", image="churn:1"), "ticket 42")
    registry.register("verify", image="churn:1")
    lines = run("history", "churn").stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].endswith("UpdateModelPackage       churn/1  PendingManualApproval -> Approved  ticket 42")
    assert run("history", "churn/1", "--limit", "1").stdout.splitlines()[0].split()[2:] == lines[0].split()[2:]
    assert len(run("history", "list", "verify").stdout.splitlines()) == 2
    assert len(run("history").stdout.splitlines()) == 5
    assert (
        len(run("history", "--since", "2026-01-01", "--until", "2999-01-01", "--actor", "root").stdout.splitlines())
        == 5
    )
    (approval,) = json.loads(run("history", "--operation", "UpdateModelPackage", "--json").stdout)
    assert approval["after"]["ApprovalDescription"] == "ticket 42"
    assert run("as-of", "churn", "2999-01-01").stdout.endswith(":model-package/churn/1\n")
    assert json.loads(run("as-of", "churn", "2999-01-01", "--json").stdout)["ModelApprovalStatus"] == "Approved"
    assert run("as-of", "churn", "2001-01-01").exit_code == 1
    assert run("as-of", "churn", "2999-01-01", "--version", "9").exit_code == 1
    for refused in (["as-of", "churn", "soon"], ["as-of", "nobody", "2999-01-01"], ["history", "--since", "soon"]):
        result = run(*refused)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "ValidationException" in result.stderr


# The state at a past moment

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["create", "Approved", "Rejected", "PendingManualApproval", "delete"]),
        st.integers(1, 4),
        st.integers(0, 3),
    ),
    max_size=25,
)


@given(steps=STEPS, asked=st.lists(st.integers(-1, 80), min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_as_of_agrees_with_a_model_of_the_group(steps: list[tuple[str, int, int]], asked: list[int]) -> None:
    now, state, made = 1_000_000_000, {}, 0
    with LocalRegistry(SQLiteRows(None), clock=lambda: now) as registry:
        registry.call("CreateModelPackageGroup", GROUP, CALLER)
        states: list[tuple[int, dict[int, str]]] = [(now, {})]
        for step, version, later in steps:
            now += later
            arn = ARN.format(CALLER.account, f"model-package/churn/{version}")
            if step == "create":
                registry.call("CreateModelPackage", GROUP, CALLER)
                made += 1
                state[made] = "PendingManualApproval"
            elif version in state and step == "delete":
                registry.call("DeleteModelPackage", {"ModelPackageName": arn}, CALLER)
                del state[version]
            elif version in state:
                registry.call("UpdateModelPackage", {"ModelPackageArn": arn, "ModelApprovalStatus": step}, CALLER)
                state[version] = step
            states.append((now, dict(state)))
        for moment in (1_000_000_000 + seconds for seconds in asked):
            then = next((state for at, state in reversed(states) if at <= moment), {})
            approved = max((number for number, status in then.items() if status == "Approved"), default=None)
            found = registry.extension("as-of", {"group": "churn", "moment": moment}, CALLER)
            assert found["version"] == approved
            for version in range(1, 5):
                found = registry.extension("as-of", {"group": f"churn/{version}", "moment": moment}, CALLER)
                record = found["record"] or {}
                assert record.get("ModelApprovalStatus") == then.get(version)


def test_as_of_in_the_python_client(registry: ModelRegistry) -> None:
    first = registry.approve(registry.register("churn", image="churn:1"), "good")
    at = next(registry.history("churn/1")).at
    registry.approve(registry.register("churn", image="churn:2"))
    registry.reject(first, "bad after all")
    if next(registry.history("churn/2")).at > at:
        assert registry.as_of("churn", at) == first
    assert registry.as_of("churn", "2999-01-01").version == 2
    assert registry.as_of("churn", "2999-01-01", 1).status == "Rejected"
    with pytest.raises(LookupError, match="churn has no approved version"):
        registry.as_of("churn", 1)
    with pytest.raises(LookupError, match="version 7 of churn did not exist then"):
        registry.as_of("churn", "2999-01-01", 7)


@pytest.fixture
def without_history(tmp_path: Path) -> Path:
    """Return a file with one approved version of group churn and no history."""
    path = tmp_path / "older.db"
    with ModelRegistry(f"sqlite:///{path}", region_name=REGION) as registry:
        registry.approve(registry.register("churn", image="churn:1"))
    with sqlite3.connect(path) as connection:
        for table in ("history", "history_heads", "events", "event_notes"):
            connection.execute(f"DELETE FROM {table}")
    connection.close()
    return path


def test_history_of_a_group_without_any_begins_with_its_next_change(without_history: Path) -> None:
    with ModelRegistry(f"sqlite:///{without_history}", region_name=REGION) as registry:
        assert list(registry.history()) == []
        verified = registry.verify_history()
        assert (verified.ok, verified.checked, verified.unrecorded) == (True, 0, 2)
        with pytest.raises(ClientError, match="There is no history of churn"):
            registry.as_of("churn", "2999-01-01")
        registry.register("churn", image="churn:2")
        began = next(registry.history()).at
        assert registry.as_of("churn", began).version == 1
        with pytest.raises(ClientError, match=r"The history of churn begins at .*: its earlier state is unknown"):
            registry.as_of("churn", began.timestamp() - 1)
        registry.reject("churn/1", "too old")
        rejected = next(registry.history("churn/1")).at
        if rejected > began:
            assert registry.as_of("churn", began, 1).status == "Approved"
        with pytest.raises(LookupError, match="has no approved version"):
            registry.as_of("churn", rejected)
        verified = registry.verify_history()
        assert (verified.ok, verified.checked, verified.unrecorded) == (True, 2, 1)


def test_only_the_journal_writes_history_and_it_only_inserts() -> None:
    """Only a call with the table's name could change or remove history."""
    sources = sorted((Path(__file__).parents[2] / "backends").rglob("*.py"))
    text = {path.name: path.read_text(encoding="utf-8") for path in sources}
    calls = {
        name: [verb for verb in ("insert", "update", "delete") if f"{verb}(HISTORY" in content]
        for name, content in text.items()
    }
    assert {name: verbs for name, verbs in calls.items() if verbs} == {"journal.py": ["insert"]}
    heads = {name for name, content in text.items() if any(f"{verb}(HEADS" in content for verb in ("insert", "update"))}
    assert heads == {"journal.py"}
    assert not any("delete(HEADS" in content for content in text.values())


def test_no_statement_changes_or_removes_history(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    statements: list[str] = []
    rows = SQLiteRows(tmp_path / "registry.db")
    rows._writer.set_trace_callback(statements.append)
    with LocalRegistry(rows) as registry:
        registry.call("CreateModelPackageGroup", GROUP, CALLER)
        arn = registry.call("CreateModelPackage", GROUP, CALLER)["ModelPackageArn"]
        registry.call("UpdateModelPackage", {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"}, CALLER)
        registry.call("DeleteModelPackage", {"ModelPackageName": arn}, CALLER)
        registry.call("DeleteModelPackageGroup", GROUP, CALLER)
        rows._writer.set_trace_callback(None)
    of_history = {statement.split()[0] for statement in statements if " history " in statement}
    assert of_history == {"INSERT"}


def test_an_entry_records_the_rule_results_of_a_decision() -> None:
    ruled = Settings(approval=(ApprovalTable(groups=("*",), rules=("reason-required",)),))
    with LocalRegistry(SQLiteRows(None), options=BackendOptions(ruled)) as registry:
        registry.call("CreateModelPackageGroup", GROUP, CALLER)
        arn = registry.call("CreateModelPackage", GROUP, CALLER)["ModelPackageArn"]
        decision = {"arn": arn, "status": "Approved", "reason": "ticket 42"}
        registry.extension("decide", decision, CALLER)
        change = registry.extension("history", {}, CALLER)["changes"][0]
        assert (change["operation"], change["reason"]) == ("UpdateModelPackage", "ticket 42")
        assert [(rule["rule"], rule["is"]) for rule in change["rules"]] == [("reason-required", "passed")]
