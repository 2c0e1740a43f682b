"""Export and import: a registry as a file, imported with its version numbers, times, authors and history."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from sagemaker_registry.backends.approval.evaluation import LEDGER
from sagemaker_registry.backends.local.transfer import export as local_export
from sagemaker_registry.client import ModelRegistry, archive, extensions
from sagemaker_registry.client.archive import format as archive_file
from sagemaker_registry.client.archive import reader as archive_api
from sagemaker_registry.client.archive import transfer
from sagemaker_registry.client.cli import main
from sagemaker_registry.client.inprocess import HTTPResponse
from support.server import REGION, Emulator

pytest_plugins = ("support.postgres",)

GROUP = {"ModelPackageGroupName": "churn"}
SOURCE = "100000000099"
ARN = f"arn:aws:sagemaker:us-east-1:{SOURCE}"


def boto(account: str, region: str = REGION) -> dict[str, str]:
    return {"region_name": region, "aws_access_key_id": account, "aws_secret_access_key": "any"}


def fill(registry: ModelRegistry) -> None:
    """Fill a registry with every kind of record: reviewed, deleted, tagged, shared, validated and unversioned."""
    client = registry.boto3
    first = registry.register(
        "churn", image="churn:1", metadata={"größe": "1 ½"}, description="🙂 first", tags={"team": "risk"}
    )
    registry.approve(first, "ticket 42")
    registry.delete(registry.register("churn", image="churn:2"))
    client.create_model_package(**GROUP, SourceUri=first.arn)
    registry.delete(registry.register("churn", image="churn:4"))
    group = first.arn.rpartition("/")[0].replace("model-package/", "model-package-group/")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "111122223333"},
        "Action": "sagemaker:DescribeModelPackage",
        "Resource": [group, f"{first.arn.rpartition('/')[0]}/*"],
    }
    client.put_model_package_group_policy(**GROUP, ResourcePolicy=json.dumps({"Statement": statement}))
    client.create_model_package(ModelPackageName="solo", Tags=[{"Key": "a", "Value": "b"}])
    registry.register("empty", image="x")
    registry.delete_group("empty", with_versions=True)
    client.create_model_package_group(ModelPackageGroupName="zero", ModelPackageGroupDescription="nothing in it")


@pytest.fixture
def source(tmp_path: Path) -> Iterator[ModelRegistry]:
    with ModelRegistry(f"sqlite:///{tmp_path}/source.db", **boto(SOURCE)) as registry:
        fill(registry)
        yield registry


@pytest.fixture(params=["http", "file", "postgres"])
def url(request: pytest.FixtureRequest, serve: Callable[..., Emulator], tmp_path: Path) -> str:
    if request.param == "http":
        return serve("--backend", "sqlite://").url
    return request.getfixturevalue("postgres_url") if request.param == "postgres" else f"sqlite:///{tmp_path}/new.db"


def exported(registry: ModelRegistry, *groups: str) -> bytes:
    file = io.BytesIO()
    archive.export(registry.boto3, file, groups=groups)
    return file.getvalue()


def imported(registry: ModelRegistry, content: bytes, **how: Any) -> archive.ImportResult:
    return archive.load(registry.boto3, io.BytesIO(content), "file", **how)


def parsed(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


def written(lines: list[dict[str, Any]]) -> bytes:
    file = io.BytesIO()
    for line in lines:
        archive_file.write(file, line)
    return file.getvalue()


def without_import(content: bytes) -> list[dict[str, Any]]:
    """Return the lines of an export without header, end, and changes made by an import."""
    return [line for line in parsed(content)[1:-1] if line.get("operation") != "import"]


def run(*arguments: str, **options: Any) -> Result:
    return CliRunner().invoke(main, list(arguments), **options)


def test_an_imported_registry_exports_the_same_lines(source: ModelRegistry, url: str) -> None:
    content = exported(source)
    with ModelRegistry(url, **boto(SOURCE)) as registry:
        found = imported(registry, content)
        assert (found.new, found.same, found.different) == ({"group": 2, "policy": 1, "package": 3}, {}, [])
        assert without_import(exported(registry)) == without_import(content)
        assert registry.verify_history().ok
        assert registry.register("churn", image="churn:5").version == 5
        described = [one.boto3.describe_model_package(ModelPackageName="churn/1") for one in (source, registry)]
        assert {"ResponseMetadata": None, **described[0]} == {
            **described[1],
            "ResponseMetadata": described[0]["ResponseMetadata"],
        }


def test_a_second_import_changes_nothing(source: ModelRegistry, url: str) -> None:
    content = exported(source)
    with ModelRegistry(url, **boto(SOURCE)) as registry:
        imported(registry, content)
        once = exported(registry)
        found = imported(registry, content)
        assert (found.new, found.same, found.different) == ({}, {"group": 2, "policy": 1, "package": 3}, [])
        assert parsed(exported(registry))[1:] == parsed(once)[1:]


def test_an_import_into_another_account_and_region_rewrites_arns_and_keeps_history(
    source: ModelRegistry, url: str
) -> None:
    content = exported(source)
    with ModelRegistry(url, **boto("200000000001", "eu-west-1")) as registry:
        imported(registry, content)
        prefix = "arn:aws:sagemaker:eu-west-1:200000000001"
        third = registry.get("churn/3")
        assert (third.arn, third.record["SourceUri"]) == (
            f"{prefix}:model-package/churn/3",
            f"{prefix}:model-package/churn/1",
        )
        policy = registry.boto3.get_model_package_group_policy(**GROUP)["ResourcePolicy"]
        assert json.loads(policy)["Statement"]["Resource"] == [
            f"{prefix}:model-package-group/churn",
            f"{prefix}:model-package/churn/*",
        ]
        assert third.record["CreatedBy"]["IamIdentity"]["Arn"] == f"arn:aws:iam::{SOURCE}:root"
        changes = list(registry.history("churn", oldest_first=True))
        before = list(source.history("churn", oldest_first=True))
        assert [change.hash for change in changes[: len(before)]] == [change.hash for change in before]
        assert changes[1].arn == f"{ARN}:model-package/churn/1"
        assert {change.operation for change in changes[len(before) :]} == {"import"}
        assert {change.actor for change in changes[len(before) :]} == {"arn:aws:iam::200000000001:root"}
        assert registry.verify_history().ok
        assert registry.as_of("churn", before[-1].at).version == 1
        assert imported(registry, content).new == {}


def test_a_version_number_raised_by_an_import_does_not_break_history(tmp_path: Path) -> None:
    """Two copies of a registry diverge, and one imports the versions that the other created and deleted."""
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("one", "other")]
    with ModelRegistry(urls[0], **boto(SOURCE)) as one:
        one.boto3.create_model_package_group(**GROUP)
    shutil.copyfile(tmp_path / "one.db", tmp_path / "other.db")
    for url, count in zip(urls, (1, 3), strict=True):
        with ModelRegistry(url, **boto(SOURCE)) as registry:
            made = [registry.register("churn", image="churn:1") for _ in range(count)]
            for version in made:
                registry.delete(version)
    with ModelRegistry(urls[0], **boto(SOURCE)) as one, ModelRegistry(urls[1], **boto(SOURCE)) as other:
        assert imported(one, exported(other)).new == {}
        assert one.verify_history().broken == ()
        assert one.register("churn", image="churn:4").version == 4
        assert one.verify_history().broken == ()


def test_an_import_that_conflicts_names_the_records_and_changes_nothing(source: ModelRegistry, url: str) -> None:
    content = exported(source)
    with ModelRegistry(url, **boto(SOURCE)) as registry:
        imported(registry, content)
        registry.reject("churn/1", "too old")
        registry.delete("churn/3")
        before = exported(registry)
        with pytest.raises(archive.ImportRefused, match="different content") as caught:
            imported(registry, content)
        assert caught.value.different == ("package churn/1",)
        result = imported(registry, content, dry_run=True)
        assert (result.new, result.different) == ({"package": 1}, ["package churn/1"])
        assert parsed(exported(registry))[1:] == parsed(before)[1:]
        imported(registry, content, replace=True)
        assert registry.get("churn/1").status == "Approved"
        assert registry.get("churn/3").image == "churn:1"
        newest = next(registry.history("churn/1"))
        assert (newest.operation, newest.was, newest.became) == ("import", "Rejected", "Approved")
        assert registry.verify_history().ok


def test_the_registry_rejects_a_batch_that_conflicts(source: ModelRegistry, url: str) -> None:
    """A client that does not compare first, or is overtaken between the comparison and the write."""
    lines = parsed(exported(source))
    with ModelRegistry(url, **boto(SOURCE)) as registry:
        registry.boto3.create_model_package_group(ModelPackageGroupName="zero", ModelPackageGroupDescription="another")
        before = exported(registry)
        with pytest.raises(ClientError, match="differ from the file: group zero") as caught:
            extensions.ask(registry.boto3, "import", account=SOURCE, region=REGION, lines=lines[1:-1])
        assert caught.value.response["Error"]["Code"] == "ConflictException"
        assert parsed(exported(registry))[1:] == parsed(before)[1:]


def test_an_interrupted_import_can_be_repeated(source: ModelRegistry, url: str) -> None:
    content = exported(source)
    lines = parsed(content)[1:-1]
    for stop in range(0, len(lines), 3):
        with ModelRegistry(url, **boto(SOURCE, f"us-west-{stop:03}")) as registry:
            for start in range(0, stop, 4):
                part = lines[start : min(start + 4, stop)]
                extensions.ask(registry.boto3, "import", account=SOURCE, region=REGION, lines=part)
            imported(registry, content)
            assert registry.verify_history().ok
            again = [line for line in without_import(exported(registry)) if line["type"] == "change"]
            assert again == [line for line in lines if line["type"] == "change"]
            assert [version.version for version in registry.versions("churn")] == [3, 1]


def test_a_paged_export_equals_one_page(source: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = parsed(exported(source))[1:]
    for most in (1, 2, 3, 7):
        monkeypatch.setattr(local_export, "MAX_LINES", most)
        assert parsed(exported(source))[1:] == whole
        monkeypatch.setattr(transfer, "MAX_LINES", most)
        with ModelRegistry("sqlite://", **boto(SOURCE)) as registry:
            imported(registry, exported(source))
            assert without_import(exported(registry)) == whole[:-1]
    monkeypatch.setattr(local_export, "MAX_BYTES", 1)
    monkeypatch.setattr(transfer, "MAX_BYTES", 1)
    assert parsed(exported(source))[1:] == whole


def test_an_export_fails_if_the_group_changes_between_pages(
    source: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_export, "MAX_LINES", 2)
    token = extensions.ask(source.boto3, "export")["next_token"]
    source.reject("churn/1", "meanwhile")
    with pytest.raises(ClientError, match="churn was changed during the export: export it again"):
        extensions.ask(source.boto3, "export", next_token=token)


def test_only_the_selected_groups_are_exported(source: ModelRegistry) -> None:
    assert {line["name"] for line in without_import(exported(source, "z*", "sol?"))} == {"zero", "solo"}
    assert without_import(exported(source, "nobody")) == []
    with ModelRegistry("sqlite://", **boto(SOURCE)) as registry:
        assert imported(registry, exported(source, "nobody")).new == {}


def test_three_hundred_versions_are_imported_over_http(emulator: Emulator, account: str) -> None:
    with ModelRegistry("sqlite://", **boto(SOURCE)) as source, ModelRegistry(emulator.url, **boto(account)) as registry:
        for number in range(1, 301):
            version = source.register("churn", image=f"churn:{number}", description="d" * 1000)
            if number % 3 == 0:
                source.approve(version, f"ticket {number}")
        seen: list[int] = []
        found = imported(registry, exported(source), progress=seen.append)
        assert (found.new, found.history) == ({"group": 1, "package": 300}, 401)
        assert seen == sorted(seen[: len(seen) // 2]) * 2
        assert registry.latest_approved("churn").reason == "ticket 300"
        verified = registry.verify_history()
        assert (verified.ok, verified.checked) == (True, 401 + 301)
        content = exported(registry)
        assert len(without_import(content)) == 401 + 301
        assert registry.register("churn", image="churn:301").version == 301


def test_concurrent_imports_and_writers_keep_every_chain_intact(source: ModelRegistry, url: str) -> None:
    content = exported(source)

    def do_import(_: int) -> str:
        with ModelRegistry(url, **boto(SOURCE)) as registry:
            try:
                imported(registry, content)
            except archive.ImportRefused as error:
                return str(error)
            return "done"

    def write(number: int) -> None:
        with ModelRegistry(url, **boto(SOURCE)) as registry:
            registry.register(f"other-{number % 2}", image="x")

    with ThreadPoolExecutor(8) as pool:
        written = [pool.submit(write, number) for number in range(8)]
        results = list(pool.map(do_import, range(4)))
        assert [one.result() for one in written] == [None] * 8
    assert "done" in results
    assert all(one == "done" or "by another request during the import: import again" in one for one in results)
    with ModelRegistry(url, **boto(SOURCE)) as registry:
        assert registry.verify_history().ok
        assert imported(registry, content).new == {}


# Registries that are not ours


def test_an_export_through_the_api_has_everything_but_history(source: ModelRegistry) -> None:
    place, lines = archive_api.read(source.boto3, None)
    found = list(lines)
    ours = [line for line in without_import(exported(source)) if line["type"] != "change"]
    for line in ours:
        line["record"].pop(LEDGER, None)  # the approver, recorded for rules: not part of the API
    assert (place["account"], place["region"], place["complete"]) == (SOURCE, REGION, False)
    assert [(line["type"], line["name"], line.get("version")) for line in found] == [
        (line["type"], line["name"], line.get("version")) for line in ours
    ]
    group, policy, *versions = found
    assert (group["last_version"], ours[0]["last_version"]) == (3, 4)
    assert group["record"] == ours[0]["record"]
    assert policy == ours[1]
    assert versions == ours[2:]


def no_such_operation(**_: Any) -> Any:
    """Return the error of an unknown operation, which moto itself does not implement and fails on."""
    return HTTPResponse(400), {"Error": {"Code": "UnknownOperationException", "Message": "no"}, "ResponseMetadata": {}}


def test_an_export_from_aws_uses_the_api_and_has_no_history() -> None:
    moto = pytest.importorskip("moto")
    with moto.mock_aws():
        client = boto3.client("sagemaker", region_name=REGION, aws_access_key_id="a", aws_secret_access_key="b")
        client.meta.events.register("before-call.sagemaker.GetModelPackageGroupPolicy", no_such_operation)
        registry = ModelRegistry.from_client(client)
        registry.boto3.create_model_package_group(**GROUP, ModelPackageGroupDescription="theirs")
        for number in (1, 2):
            specification = {
                "Containers": [{"Image": f"churn:{number}"}],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            }
            client.create_model_package(
                **GROUP,
                ModelApprovalStatus="Approved",
                InferenceSpecification=specification,  # type: ignore[arg-type]
            )
        content = exported(registry)
        with pytest.raises(archive.ImportRefused, match="use plan and apply to promote versions"):
            imported(registry, content)
    header, *lines = parsed(content)
    assert header["complete"] is False
    assert [line["type"] for line in lines] == ["group", "package", "package", "end"]
    with ModelRegistry("sqlite://", **boto(SOURCE)) as offline:
        imported(offline, content)
        assert offline.latest_approved("churn").image == "churn:2"
        assert offline.register("churn", image="churn:3").version == 3
        assert offline.verify_history().ok
        with pytest.raises(ClientError, match="its earlier state is unknown"):
            offline.as_of("churn", 1_700_000_000)
        assert offline.as_of("churn", "2999-01-01").version == 2


# Invalid files


def tag(key: str, value: str = "") -> dict[str, str]:
    return {"Key": key, "Value": value}


def import_error(content: bytes, **how: Any) -> str:
    """Return the error for a file, and assert that nothing was imported from it."""
    with ModelRegistry("sqlite://", **boto(SOURCE)) as registry:
        with pytest.raises(archive.InvalidArchive) as caught:
            imported(registry, content, **how)
        assert len(parsed(exported(registry))) == 2
    return str(caught.value)


def test_a_file_truncated_anywhere_is_rejected(source: ModelRegistry) -> None:
    content = exported(source)
    lines = content.splitlines(keepends=True)
    for end in range(len(lines)):
        assert import_error(b"".join(lines[:end])) in (
            "file is empty; expected a file written by `sagemaker-registry export`",
            "file is truncated: the last line, with the number of lines, is missing",
        )
        assert import_error(b"".join(lines[:end]) + lines[end][:-1]).endswith("incomplete line: the file is truncated")
    for dropped in range(1, len(lines) - 1):
        assert import_error(b"".join(lines[:dropped] + lines[dropped + 1 :])).startswith("file, line ")


@pytest.mark.parametrize(
    ("line", "change", "error"),
    [
        (1, lambda line: line.update(format="other"), "file, line 1: expected the header of an export"),
        (1, lambda line: line.update(version=2), "file, line 1: unsupported format version 2, expected 1"),
        (1, lambda line: line.pop("account"), "file, line 1: the header has no account or no region"),
        (1, lambda line: line.update(account="12"), "import: `account` is '12'; expected 12 digits."),
        (2, lambda line: line.update(type="model"), "file, line 2: unknown type 'model'; expected one of change"),
        (2, lambda line: line.update(type=[]), "file, line 2: unknown type []"),
        (2, lambda line: line.update(name=7), "file, line 2: a change requires a name and an integer 'seq'"),
        (2, lambda line: line.update(seq=9), "file, line 2: change 9 of churn does not follow"),
        (3, lambda line: line.update(actor="mallory"), "file, line 3: change 2 of churn does not match its hash"),
        (4, lambda line: line.update(colour="red"), "file, line 4: unknown key `colour`; expected one of "),
        (-1, lambda line: line["counts"].update(group=7), "lines were removed or added"),
        (
            "group",
            lambda line: line.update(last_version="4"),
            "`last_version` is '4'; expected an integer from 0 to",
        ),
        (
            "group",
            lambda line: line.update(last_version=-1),
            "`last_version` is -1; expected an integer from 0 to",
        ),
        (-2, lambda line: line.update(name="zero b"), "1 validation error detected: Value 'zero b'"),
        ("group", lambda line: line["record"].pop("CreationTime"), "Missing required parameter in input"),
        ("group", lambda line: line["record"].update(CreationTime="2026"), "times must be numbers of epoch seconds"),
        ("group", lambda line: line["record"].update(Tags=[{"Key": 1}]), "Tags[0]"),
        ("policy", lambda line: line.update(record={"ResourcePolicy": "{}"}), "The ResourcePolicy is not valid"),
        ("policy", lambda line: line.update(record={}), "Missing required parameter"),
        ("package", lambda line: line.pop("record"), "`record` is missing; expected an object"),
        ("package", lambda line: line.update(created=2**70), "cannot be stored"),
        ("package", lambda line: line["record"].update(Colour="red"), "Unknown parameter in input"),
        (
            "package",
            lambda line: line["record"].update(ModelApprovalStatus="Fine"),
            "invalid ModelApprovalStatus: 'Fine'",
        ),
        ("package", lambda line: line["record"].update(ModelPackageDescription="\ud800"), "cannot be stored"),
        (
            "package",
            lambda line: line["record"].update(_Validation={"begins": "x"}),
            "`_Validation.begins` is 'x'",
        ),
        ("package", lambda line: line["record"].update(CreationTime=1e300), "epoch seconds"),
        ("change", lambda line: line.update(at=2**53), "`at` is 9007199254740992; expected an integer"),
        ("group", lambda line: line.update(created=2**53), "`created` is 9007199254740992; expected an integer"),
        ("package", lambda line: line.update(modified=2**53), "`modified` is 9007199254740992; expected an integer"),
        ("group", lambda line: line.update(created=1000), "created is 1000; expected the record's CreationTime"),
        ("group", lambda line: line["record"].update(CreationTime=1), "expected the record's CreationTime, 1,"),
        ("package", lambda line: line.update(created=line["created"] + 1), "expected the record's CreationTime"),
        (
            "package",
            lambda line: line.update(modified=1000),
            "1000; expected the record's LastModifiedTime",
        ),
        ("unversioned", lambda line: line.update(modified=7), "modified is 7; expected the record's CreationTime"),
        ("group", lambda line: line["record"].update(Tags=[tag("k" * 9_000)]), "Member must have length less than or"),
        ("group", lambda line: line["record"].update(Tags=[tag("a*b")]), "Member must satisfy regular expression"),
        (
            "group",
            lambda line: line["record"].update(Tags=[tag("a"), tag("b"), tag("a")]),
            "tags have the key a",
        ),
        ("unversioned", lambda line: line["record"].update(Tags=[tag("a", "v" * 257)]), "Member must have length less"),
        ("package", lambda line: line["record"].update(CustomerMetadataProperties={"k" * 9_000: "v"}), "Map keys must"),
        ("package", lambda line: line["record"].update(CustomerMetadataProperties={"k": "v" * 257}), "Map value must"),
    ],
)
def test_an_invalid_line_is_reported_with_its_number_and_reason(
    source: ModelRegistry, line: Any, change: Callable[[dict[str, Any]], Any], error: str
) -> None:
    lines = parsed(exported(source))
    if isinstance(line, str):
        wanted = {"unversioned": ("package", "solo")}.get(line, (line, "churn"))
        line = next(number for number, one in enumerate(lines, 1) if (one["type"], one.get("name")) == wanted)
    change(lines[line - 1 if line > 0 else line])
    content = b"".join(json.dumps(one).encode() + b"\n" for one in lines)
    assert error in import_error(content)


def test_moved_and_duplicate_lines_are_rejected(source: ModelRegistry) -> None:
    lines = parsed(exported(source))
    twice = next(number for number, line in enumerate(lines) if line["type"] == "group")
    assert "is duplicated or out of order" in import_error(written([*lines[: twice + 1], *lines[twice:]]))
    assert "unexpected line after the end" in import_error(written([*lines, lines[2]]))
    without_group = [
        lines[0],
        *(line for line in lines if line["type"] == "package" and line["name"] == "churn"),
        lines[-1],
    ]
    assert "belongs to a group that is not in the file" in import_error(written(without_group))


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "file is empty; expected a file written by `sagemaker-registry export`"),
        (b"\n", "file, line 1: invalid JSON"),
        (b"[]\n", "file, line 1: expected a JSON object"),
        (b"SQLite format 3\0\n", "file, line 1: invalid JSON"),
        (b"\xff\xfe\n", "file, line 1: invalid JSON"),
        (b'{"type": NaN}\n', "file, line 1: invalid JSON"),
        (b'{"a":' * 100_000 + b"\n", "file, line 1: invalid JSON"),
    ],
)
def test_a_file_that_is_not_an_export_is_rejected(content: bytes, error: str) -> None:
    assert import_error(content).startswith(error)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def whole() -> list[dict[str, Any]]:
    with ModelRegistry("sqlite://", **boto(SOURCE)) as registry:
        fill(registry)
        return parsed(exported(registry))


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_line_with_any_value_is_imported_or_rejected(whole: list[dict[str, Any]], data: st.DataObject) -> None:
    lines = json.loads(json.dumps(whole))
    where: Any = data.draw(st.sampled_from(lines))
    while True:
        key = data.draw(st.sampled_from(sorted(where)) if isinstance(where, dict) else st.integers(0, len(where) - 1))
        if not (isinstance(where[key], dict | list) and where[key] and data.draw(st.booleans())):
            break
        where = where[key]
    where[key] = data.draw(JSON_VALUES)
    with ModelRegistry("sqlite://", **boto(SOURCE)) as registry:
        try:
            imported(registry, b"".join(json.dumps(one).encode() + b"\n" for one in lines))
        except archive.InvalidArchive:
            assert len(parsed(exported(registry))) == 2
            return
        for version in (*registry.versions("churn"), *registry.versions("zero")):
            registry.approve(version)
        assert registry.boto3.describe_model_package(ModelPackageName="solo")
        assert list(registry.groups())
        assert list(registry.history())
        registry.boto3.search(Resource="ModelPackage")


# Commands


def test_export_can_be_piped_into_import(source: ModelRegistry, url: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sagemaker_registry.client.cli"]
    credentials = {"AWS_ACCESS_KEY_ID": SOURCE, "AWS_SECRET_ACCESS_KEY": "any", "AWS_EC2_METADATA_DISABLED": "true"}
    export = subprocess.Popen(
        [*command, "export", "--url", f"sqlite:///{tmp_path}/source.db"], stdout=subprocess.PIPE, env=credentials
    )
    done = subprocess.run(
        [*command, "import", "-", "--url", url, "--account-as", "200000000002"],
        stdin=export.stdout,
        capture_output=True,
        text=True,
        timeout=60,
        env=credentials,
        check=True,
    )
    assert export.stdout is not None
    export.stdout.close()
    assert export.wait(60) == 0
    assert done.stdout == "imported: 2 groups, 1 policy, 3 packages, with 15 changes of history\n"
    assert done.stderr == ""
    with ModelRegistry(url, **boto("200000000002")) as registry:
        assert registry.latest_approved("churn").version == 1


def test_the_export_and_import_commands_use_files(
    source: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SOURCE)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    file, there = str(tmp_path / "registry.jsonl"), f"sqlite:///{tmp_path}/new.db"
    assert run("export", file, "--url", f"sqlite:///{tmp_path}/source.db").exit_code == 0
    assert Path(file).stat().st_mode & 0o777 == 0o600
    result = run("export", str(tmp_path / "no" / "folder"), "--url", f"sqlite:///{tmp_path}/source.db")
    assert (result.exit_code, f"cannot write {tmp_path}/no/folder: No such file or directory" in result.stderr) == (
        2,
        True,
    )
    result = run("import", file, "--url", there, "--dry-run")
    assert (result.exit_code, result.stdout) == (0, "would be imported: 2 groups, 1 policy, 3 packages\n")
    assert json.loads(run("import", file, "--url", there, "--json").stdout)["new"] == {
        "group": 2,
        "policy": 1,
        "package": 3,
    }
    assert run("import", file, "--url", there).stdout == "already exists: 2 groups, 1 policy, 3 packages\n"
    assert run("reject", "churn/1", "--reason", "old", "--url", there).exit_code == 0
    result = run("import", file, "--url", there)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "these resources exist with different content: package churn/1; add --replace" in result.stderr
    result = run("import", file, "--url", there, "--dry-run")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (
        1,
        "exists with different content; the import would fail: package churn/1",
    )
    assert "replaced: package churn/1" in run("import", file, "--url", there, "--replace").stdout
    Path(file).write_bytes(Path(file).read_bytes()[:-9])
    result = run("import", file, "--url", there)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "incomplete line: the file is truncated" in result.stderr
    assert run("import", file, "--account-as", "12", "--url", there).exit_code == 2
    assert run("import", str(tmp_path / "nothing"), "--url", there).exit_code == 2


def test_a_failed_export_leaves_the_old_file_in_place(tmp_path: Path) -> None:
    file = tmp_path / "registry.jsonl"
    file.write_text("the last good one")
    result = run("export", str(file), "--url", "http://127.0.0.1:9")
    assert result.exit_code == 2
    assert file.read_text() == "the last good one"
    assert [path.name for path in tmp_path.iterdir()] == ["registry.jsonl"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_an_export_to_a_named_pipe_does_not_replace_the_pipe(
    source: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SOURCE)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        content = pool.submit(pipe.read_bytes)
        assert run("export", str(pipe), "--url", f"sqlite:///{tmp_path}/source.db").exit_code == 0
        assert without_import(content.result(timeout=30)) == without_import(exported(source)) != []
    assert pipe.is_fifo()


def test_the_header_does_not_contain_passwords() -> None:
    client: Any = ModelRegistry("sqlite://", **boto(SOURCE))
    for url, shown in (
        ("postgresql://alice:hunter2@db:5432/models?password=hunter3", "postgresql://alice@db:5432/models"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("sqlite:////data/registry.db", "sqlite:////data/registry.db"),
        ("", ""),
    ):
        file = io.BytesIO()
        archive.export(client.boto3, file, source=url)
        assert parsed(file.getvalue())[0]["source"] == shown
    client.close()


def test_an_import_cannot_bypass_approval_rules(source: ModelRegistry, tmp_path: Path) -> None:
    content = exported(source)
    rules = tmp_path / "registry.toml"
    rules.write_text('[[approval]]\ngroups = ["churn"]\nprofile = "strict"\n')
    url = f"sqlite:///{tmp_path}/ruled.db"
    with (
        ModelRegistry(url, settings=rules, **boto(SOURCE)) as registry,
        pytest.raises(ClientError, match=r"AccessDenied.*churn has approval rules"),
    ):
        imported(registry, content)
    with ModelRegistry(url, **boto(SOURCE)) as registry:  # a caller with access to the file itself
        assert list(registry.groups()) == []
        imported(registry, content)
        assert registry.latest_approved("churn")


@pytest.mark.parametrize("kind", ["change", "group", "policy"])
def test_no_line_of_a_group_with_rules_can_be_imported(source: ModelRegistry, tmp_path: Path, kind: str) -> None:
    """Change lines alone would write approvals in the names of other people."""
    header, *lines = parsed(exported(source))
    chosen = [line for line in lines if line["type"] == kind and line["name"] == "churn"]
    rules = tmp_path / "registry.toml"
    rules.write_text('[[approval]]\ngroups = ["churn"]\nprofile = "strict"\n')
    with ModelRegistry(f"sqlite:///{tmp_path}/ruled.db", settings=rules, **boto(SOURCE)) as registry:
        target: Any = registry.boto3
        asked = {"account": header["account"], "region": header["region"], "lines": chosen}
        with pytest.raises(ClientError, match="churn has approval rules"):
            extensions.ask(target, "import", **asked)
        assert list(registry.history()) == []
        assert list(registry.groups()) == []
