"""Test controls: reset, snapshots, seeds, the clock, faults and recorded requests, in process and over HTTP."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from traceback import walk_tb
from typing import Any

import boto3
import click
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from click.testing import CliRunner, Result

from sagemaker_registry.backends.approval.guard import GuardedBackend
from sagemaker_registry.backends.base import BackendOptions, Caller
from sagemaker_registry.backends.errors import RegistryError
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.settings import ApprovalTable, Settings
from sagemaker_registry.backends.store.sqlite.driver import sqlite3
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from sagemaker_registry.backends.testing.clock import Clock
from sagemaker_registry.backends.testing.controlled import EXTENSIONS, ControlledBackend
from sagemaker_registry.backends.testing.faults import KINDS
from sagemaker_registry.client import ModelRegistry, archive, connect, extensions
from sagemaker_registry.client.cli import main
from sagemaker_registry.client.commands.testing import control_group
from sagemaker_registry.client.seeding import BadSeed, apply_seed
from sagemaker_registry.client.testing import Control
from sagemaker_registry.client.testing import control as testing
from support.server import REGION, Emulator

pytest_plugins = ("support.postgres",)

SEED: dict[str, Any] = {
    "groups": {
        "churn": {
            "description": "Who will leave",
            "tags": {"team": "risk"},
            "versions": [
                {"image": "churn:1", "metadata": {"accuracy": 0.91}, "status": "Approved", "reason": "ticket 41"},
                {"image": "churn:2", "Domain": "MACHINE_LEARNING"},
            ],
        },
        "fraud": {},
    }
}
NOON = "2026-11-24T12:00:00+00:00"


@pytest.fixture(scope="module")
def served() -> Iterator[Emulator]:
    from support.server import start

    emulator = start("--backend", "sqlite://")
    yield emulator
    assert emulator.stop() == 0


@pytest.fixture(params=["memory", "http", "file"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ModelRegistry]:
    """Yield an empty registry under test control of each kind."""
    if request.param == "http":
        client = connect(request.getfixturevalue("served").url, region_name=REGION)
        Control(client).reset()
    else:
        url = "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path / 'registry.db'}"
        client = testing.connect(url, region_name=REGION)
    yield ModelRegistry.from_client(client)
    client.close()


@pytest.fixture
def control(registry: ModelRegistry) -> Control:
    return Control(registry.boto3)


def refusal(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def names(registry: ModelRegistry) -> list[str]:
    return [group.name for group in registry.groups()]


def export(client: Any) -> bytes:
    file = io.BytesIO()
    archive.export(client, file)
    return file.getvalue()


def test_restoring_a_snapshot_restores_records_and_history(registry: ModelRegistry, control: Control) -> None:
    version = registry.register("churn", image="churn:1")
    history = [change.hash for change in registry.history()]
    control.snapshot("pending")
    registry.approve(version)
    registry.register("fraud", image="fraud:1")
    control.restore("pending")
    assert names(registry) == ["churn"]
    assert registry.get("churn/1").status == "PendingManualApproval"
    assert [change.hash for change in registry.history()] == history
    assert registry.verify_history().ok
    assert registry.register("churn", image="churn:2").version == 2


def test_a_guard_has_no_seed_extension() -> None:
    strict = Settings(approval=(ApprovalTable(groups=("*",), profile="strict"),))
    with GuardedBackend(LocalRegistry(SQLiteRows(None)), BackendOptions(strict)) as guard:
        assert "seed" not in guard.extensions


def test_restoring_an_unknown_snapshot_is_rejected_and_changes_nothing(
    registry: ModelRegistry, control: Control
) -> None:
    registry.register("churn", image="churn:1")
    code, sentence = refusal(lambda: control.restore("nowhere"))
    assert (code, "There is no snapshot 'nowhere'" in sentence) == ("ValidationException", True)
    assert names(registry) == ["churn"]


def test_a_reset_can_be_limited_to_a_group_account_or_region(registry: ModelRegistry, control: Control) -> None:
    for name in ("churn", "fraud"):
        registry.register(name, image="image:1")
    control.reset(group="churn")
    assert names(registry) == ["fraud"]
    assert {change.group for change in registry.history()} == {"fraud"}
    control.reset(account="999999999999")
    control.reset(region="eu-west-1")
    assert names(registry) == ["fraud"]
    control.reset()
    assert names(registry) == []
    assert list(registry.history()) == []
    assert registry.register("churn", image="image:1").version == 1


def test_restores_during_writes_keep_history_intact(registry: ModelRegistry, control: Control) -> None:
    client = registry.boto3
    registry.register("churn", image="churn:0")
    control.snapshot("one")
    failed: list[str] = []

    def write() -> None:
        for _ in range(15):
            try:
                client.create_model_package(ModelPackageGroupName="churn")
            except ClientError as error:
                failed.append(error.response["Error"]["Code"])

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for _ in range(10):
        control.restore("one")
    for writer in writers:
        writer.join()
    assert set(failed) <= {"ThrottlingException"}
    assert registry.verify_history().ok


def test_a_failed_snapshot_keeps_the_old_one_of_that_name(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "registry.db", tmp_path / "elsewhere.db"
    with ControlledBackend(LocalRegistry(SQLiteRows(path))) as controlled:
        controlled.snapshot("empty")
        controlled.call("CreateModelPackageGroup", {"ModelPackageGroupName": "churn"}, Caller())
        path.rename(elsewhere)
        with pytest.raises(RegistryError, match="moved") as refused:
            controlled.snapshot("empty")
        copy = next(frame.f_locals["snapshot"] for frame, _ in walk_tb(refused.tb) if "snapshot" in frame.f_locals)
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            copy.execute("SELECT 1")
        elsewhere.rename(path)
        assert controlled.snapshots() == ["empty"]
        controlled.restore("empty")
        assert controlled.call("ListModelPackageGroups", {}, Caller())["ModelPackageGroupSummaryList"] == []


def test_ten_thousand_versions_are_restored_within_a_second() -> None:
    with ControlledBackend(LocalRegistry(SQLiteRows(None))) as controlled:
        controlled.call("CreateModelPackageGroup", {"ModelPackageGroupName": "churn"}, Caller())
        versions = [{"where": "", "request": {"ModelPackageGroupName": "churn"}}] * 10_000
        group = {"where": "", "request": {"ModelPackageGroupName": "churn"}, "versions": versions}
        assert controlled.extension("seed", {"groups": [group]}, Caller())["new_versions"] == 10_000
        controlled.snapshot("many")
        clock = Clock()
        began = clock()
        controlled.restore("many")
        assert clock() - began < 1.0  # 15 ms on an idle machine
        newest = "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/10000"
        assert (
            controlled.call("DescribeModelPackage", {"ModelPackageName": newest}, Caller())["ModelPackageVersion"]
            == 10_000
        )


def test_recorded_requests_have_parameters_caller_and_outcome(registry: ModelRegistry, control: Control) -> None:
    registry.register("churn", image="churn:1")
    with pytest.raises(ClientError):
        registry.get("churn/9")
    (made,) = control.calls("CreateModelPackage")
    assert (made.outcome, made.region, made.is_answered) == ("ok", REGION, True)
    assert made.params["ModelPackageGroupName"] == "churn"
    (change,) = registry.history("churn/1")
    assert made.request_id == change.request_id
    refused = control.calls("DescribeModelPackage").refused[-1]
    assert (refused.outcome, "does not exist" in refused.message) == ("ValidationException", True)
    assert [call.number for call in control.calls(since=made.number)] > [made.number]
    control.clear_calls()
    assert len(control.calls()) == 0


def test_recorded_requests_name_identities_and_not_access_keys(serve: Callable[..., Emulator], tmp_path: Path) -> None:
    (tmp_path / "registry.toml").write_text('[identities.alice]\naccess_key = "AKIASECRET"\n', encoding="utf-8")
    server = serve("--backend", "sqlite://", "--config", "registry.toml")
    server.client("sagemaker", account="AKIASECRET").list_model_package_groups()
    with Control(server.url, region_name=REGION) as control:
        assert [call.principal for call in control.calls("ListModelPackageGroups")] == ["alice"]
        assert "AKIASECRET" not in json.dumps(extensions.ask(control.client, "calls"))


def test_assertions_about_recorded_requests(registry: ModelRegistry) -> None:
    version = registry.register("churn", image="churn:1")
    registry.reject(version, "too slow")
    calls = Control(registry.boto3).calls("UpdateModelPackage")
    assert calls.once(ModelApprovalStatus="Rejected").params["ApprovalDescription"] == "too slow"
    assert len(calls.times(1)) == 1
    calls.never(ModelApprovalStatus="Approved")
    Control(registry.boto3).calls("CreateModelPackage").any(ModelPackageGroupName="churn")
    Control(registry.boto3).calls("DeleteModelPackage").never()


def test_a_failed_assertion_shows_the_recorded_requests(registry: ModelRegistry) -> None:
    registry.reject(registry.register("churn", image="churn:1"), "too slow")
    with pytest.raises(AssertionError) as caught:
        Control(registry.boto3).calls("UpdateModelPackage").once(
            ModelApprovalStatus="Approved", SourceUri="s3://models/1"
        )
    told = str(caught.value)
    assert told.startswith("UpdateModelPackage was expected once with ModelApprovalStatus='Approved', SourceUri=")
    assert "- ModelApprovalStatus='Approved'\n     + ModelApprovalStatus='Rejected'" in told
    assert "- SourceUri='s3://models/1'\n     + SourceUri=nothing" in told
    assert "       ApprovalDescription='too slow'" in told
    for assertion in (
        Control(registry.boto3).calls("DeleteModelPackage").any,
        Control(registry.boto3).calls("UpdateModelPackage").never,
    ):
        with pytest.raises(AssertionError, match="ModelPackage was expected"):
            assertion()


def test_a_frozen_clock_makes_a_script_reproducible() -> None:
    def script() -> bytes:
        with Control(
            "sqlite://", region_name=REGION, aws_access_key_id="alice", aws_secret_access_key="any"
        ) as control:
            assert control.freeze(NOON).isoformat() == NOON
            registry = ModelRegistry.from_client(control.client)
            version = registry.register("churn", image="churn:1", metadata={"accuracy": 0.9})
            control.advance(3600)
            registry.approve(version, "ticket 42")
            return export(control.client)

    assert script() == script()
    assert b"00000000-0000-4000-8000-00000000000" in script()


def test_the_clock_can_be_frozen_advanced_and_resumed(registry: ModelRegistry, control: Control) -> None:
    control.freeze(NOON)
    first = registry.register("churn", image="churn:1")
    assert first.created.isoformat() == NOON
    assert control.advance(90) - control.freeze(NOON) == timedelta(seconds=90)
    assert control.freeze(1_800_000_000).timestamp() == 1_800_000_000
    real = control.resume()
    assert abs(real.timestamp() - Clock()()) < 60
    assert control.advance(86_400) - real >= timedelta(days=1)


@pytest.mark.parametrize("moment", ["tomorrow", "2026-13-01", -5, 1e20])
def test_an_invalid_time_is_rejected(control: Control, moment: Any) -> None:
    assert refusal(lambda: control.freeze(moment))[0] == "ValidationException"
    assert not extensions.ask(control.client, "clock")["stopped"]


ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture(params=["memory", "http"])
def faulty(request: pytest.FixtureRequest) -> Iterator[Control]:
    """Yield the controls of a registry whose client does not retry."""
    url = request.getfixturevalue("served").url if request.param == "http" else "sqlite://"
    control = Control(url, region_name=REGION, config=ONCE)
    control.reset()
    control.client.create_model_package_group(ModelPackageGroupName="churn")
    yield control
    control.clear_faults()
    control.close()


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [
        ("throttling", "ThrottlingException", 400),
        ("unavailable", "ServiceUnavailable", 503),
        ("failure", "InternalFailure", 500),
        ("conflict", "ConflictException", 400),
    ],
)
def test_a_fault_rejects_a_request_without_changes(faulty: Control, kind: str, code: str, status: int) -> None:
    fault = faulty.fault(kind, "Create*", count=1, message="on purpose")
    with pytest.raises(ClientError) as caught:
        faulty.client.create_model_package(ModelPackageGroupName="churn")
    assert caught.value.response["Error"] == {"Code": code, "Message": "on purpose"}
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert [one.hits for one in faulty.faults() if one.number == fault.number] == [1]
    arn = faulty.client.create_model_package(ModelPackageGroupName="churn")["ModelPackageArn"]
    assert arn.endswith("churn/1")


def test_a_lost_response_keeps_the_change(faulty: Control) -> None:
    with faulty.failing("answer-lost", "CreateModelPackage"), pytest.raises(ConnectionClosedError):
        faulty.client.create_model_package(ModelPackageGroupName="churn")
    listed = faulty.client.list_model_packages(ModelPackageGroupName="churn")["ModelPackageSummaryList"]
    assert [version["ModelPackageVersion"] for version in listed] == [1]
    assert [call.outcome for call in faulty.calls("CreateModelPackage")] == ["ConnectionDropped"]


def test_a_retrying_client_registers_once_despite_lost_responses(served: Emulator) -> None:
    with Control(served.url, region_name=REGION) as control:
        control.reset()
        control.client.create_model_package_group(ModelPackageGroupName="churn")
        control.fault("answer-lost", "CreateModelPackage", count=2)
        control.client.create_model_package(ModelPackageGroupName="churn")
        listed = control.client.list_model_packages(ModelPackageGroupName="churn")["ModelPackageSummaryList"]
        assert [version["ModelPackageVersion"] for version in listed] == [1]
        assert [call.outcome for call in control.calls("CreateModelPackage")] == [
            "ConnectionDropped",
            "ConnectionDropped",
            "ok",
        ]


def test_a_stale_list_leaves_out_recent_versions(faulty: Control) -> None:
    faulty.freeze(NOON)
    faulty.client.create_model_package(ModelPackageGroupName="churn")
    faulty.advance(60)
    faulty.client.create_model_package(ModelPackageGroupName="churn")

    def listed() -> list[int]:
        found = faulty.client.list_model_packages(ModelPackageGroupName="churn")["ModelPackageSummaryList"]
        return sorted(version["ModelPackageVersion"] for version in found)

    with faulty.failing("stale-list", seconds=30):
        assert listed() == [1]
        faulty.advance(30)
        assert listed() == [1, 2]
        found = faulty.client.search(Resource="ModelPackage")["Results"]
        assert len(found) == 2
    assert listed() == [1, 2]


def test_a_version_with_failing_validation_is_failed_in_every_response(faulty: Control) -> None:
    with faulty.failing("validation-fails", count=1):
        failed, fine = (
            faulty.client.create_model_package(ModelPackageGroupName="churn")["ModelPackageArn"] for _ in range(2)
        )
    described = faulty.client.describe_model_package(ModelPackageName=failed)
    assert described["ModelPackageStatus"] == "Failed"
    assert described["ModelPackageStatusDetails"]["ValidationStatuses"][0]["Status"] == "Failed"
    assert faulty.client.describe_model_package(ModelPackageName=fine)["ModelPackageStatus"] == "Completed"
    listed = faulty.client.list_model_packages(ModelPackageGroupName="churn")["ModelPackageSummaryList"]
    assert {one["ModelPackageArn"]: one["ModelPackageStatus"] for one in listed} == {
        failed: "Failed",
        fine: "Completed",
    }


def test_a_latency_fault_delays_matching_operations() -> None:
    with ControlledBackend(LocalRegistry(SQLiteRows(None))) as controlled:
        slept: list[float] = []
        controlled.faults.sleep = slept.append
        controlled.extension("faults/add", {"kind": "latency", "seconds": 2.5, "operation": "List*"}, Caller())
        controlled.call("ListModelPackageGroups", {}, Caller())
        controlled.call("CreateModelPackageGroup", {"ModelPackageGroupName": "churn"}, Caller())
        assert slept == [2.5]


def test_a_fault_rate_is_reproducible() -> None:
    def faults_raised() -> list[bool]:
        with ControlledBackend(LocalRegistry(SQLiteRows(None))) as controlled:
            controlled.extension("faults/add", {"kind": "throttling", "rate": 0.3}, Caller())
            return [is_refused(controlled) for _ in range(300)]

    def is_refused(controlled: ControlledBackend) -> bool:
        try:
            controlled.call("ListModelPackageGroups", {}, Caller())
        except RegistryError as error:
            return error.code == "ThrottlingException"
        return False

    assert faults_raised() == faults_raised()
    assert 60 < sum(faults_raised()) < 120


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "nope"},
        {"kind": "latency", "rate": 2},
        {"kind": "conflict", "count": 0},
        {"kind": "conflict", "x": 1},
        {},
    ],
)
def test_an_invalid_fault_is_rejected(control: Control, given: dict[str, Any]) -> None:
    assert refusal(lambda: extensions.ask(control.client, "faults/add", **given))[0] == "ValidationException"
    assert control.faults() == []


def test_the_error_for_an_unknown_fault_lists_all_kinds(control: Control) -> None:
    _, sentence = refusal(lambda: control.fault("nope"))
    assert all(kind in sentence for kind in KINDS)


def test_a_reset_clears_faults_recorded_requests_and_the_clock(registry: ModelRegistry, control: Control) -> None:
    control.freeze(NOON)
    control.fault("latency", seconds=0)
    registry.register("churn", image="churn:1")
    control.reset()
    assert (control.faults(), list(control.calls())) == ([], [])
    assert not extensions.ask(control.client, "clock")["stopped"]


def test_a_seed_can_be_applied_repeatedly(registry: ModelRegistry, control: Control) -> None:
    result = control.seed(SEED)
    assert (result.new_groups, result.new_versions) == (2, 2)
    again = control.seed(SEED)
    assert (again.new_groups, again.new_versions, again.groups_there, again.versions_there) == (0, 0, 2, 2)
    first, second = registry.get("churn/1"), registry.get("churn/2")
    assert (first.status, first.reason, dict(first.metadata)) == ("Approved", "ticket 41", {"accuracy": "0.91"})
    assert second.status == "PendingManualApproval"
    described = registry.boto3.describe_model_package(ModelPackageName=second.arn)
    assert described["Domain"] == "MACHINE_LEARNING"
    assert {change.operation for change in registry.history()} == {"seed"}
    assert registry.verify_history().ok


def test_a_rejected_seed_changes_nothing(registry: ModelRegistry, control: Control) -> None:
    wrong = {"groups": {**SEED["groups"], "not_a_name": {}}}
    with pytest.raises(BadSeed, match=r"groups\.not_a_name: .*Member must satisfy regular expression"):
        control.seed(wrong)
    assert names(registry) == []


@pytest.mark.parametrize("url", ["moto://", "{file}"])
def test_a_seed_can_be_applied_to_any_registry(url: str, account: str, tmp_path: Path) -> None:
    keys = {"aws_access_key_id": account, "aws_secret_access_key": "any", "region_name": REGION}
    client = connect(url.format(file=f"sqlite:///{tmp_path / 'registry.db'}"), **keys)
    assert apply_seed(client, SEED).new_versions == 2
    assert apply_seed(client, SEED).versions_there == 2
    assert ModelRegistry.from_client(client).latest_approved("churn").version == 1
    client.close()


YAML = """\
groups:
  churn:
    tags: {team: risk}
    versions:
      - image: churn:1
        metadata: {accuracy: 0.91}
      - image: churn:2
        status: Approved
"""


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (
            "s.yaml",
            YAML.replace("status", "statuss"),
            "s.yaml, line 8: groups.churn.versions[1].statuss: unknown field; did you mean status?",
        ),
        ("s.yaml", YAML.replace("Approved", "Fine"), "line 8: groups.churn.versions[1].status: unknown status 'Fine'"),
        ("s.yaml", YAML.replace("0.91", "[1]"), "line 5: groups.churn.versions[0]: metadata 'accuracy' is [1]"),
        (
            "s.yaml",
            YAML.replace("churn:1", "{a: b}"),
            "line 5: groups.churn.versions[0]: Invalid type for parameter InferenceSpecification",
        ),
        ("s.yaml", YAML + "  churn: {}\n", "line 9: duplicate key churn, first on line 2"),
        (
            "s.yaml",
            YAML.replace("tags: {team: risk}", "tags: 3"),
            "line 3: groups.churn.tags: expected a mapping, not '3'",
        ),
        ("s.yaml", YAML + "x", "line 9: invalid YAML"),
        ("s.yaml", "- a\n", "expected a mapping"),
        (
            "s.json",
            '{"groups": {"churn": {\n"versions": [\n{"imagee": "a"}]}}}',
            "s.json, line 3: groups.churn.versions[0]",
        ),
        ("s.json", '{"groups": \n', "s.json, line 2: invalid JSON"),
        ("s.txt", "", "unsupported file type; expected .yaml, .yml, .json"),
    ],
)
def test_an_error_in_a_seed_is_reported_with_its_line_and_nothing_is_changed(
    tmp_path: Path, name: str, content: str, sentence: str
) -> None:
    file = tmp_path / name
    file.write_text(content, encoding="utf-8")
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    ended = run("seed", str(file), "--url", url)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert sentence in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    with ModelRegistry(url) as registry:
        assert names(registry) == []


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"AWS_DEFAULT_REGION": REGION})


def test_a_server_applies_a_folder_of_seeds_at_start(serve: Callable[..., Emulator], tmp_path: Path) -> None:
    folder = tmp_path / "seeds"
    folder.mkdir()
    (folder / "a.yaml").write_text(YAML, encoding="utf-8")
    (folder / "b.json").write_text(json.dumps({"groups": {"fraud": {}}}), encoding="utf-8")
    (folder / "notes.txt").write_text("no seed", encoding="utf-8")
    server = serve("--backend", "sqlite://", "--seed", str(folder))
    with ModelRegistry(server.url) as registry:
        assert names(registry) == ["churn", "fraud"]
        registry.register("fraud", image="fraud:1")
        Control(registry.boto3).restore()
        assert [version.version for version in registry.versions("churn")] == [2, 1]
        assert list(registry.versions("fraud")) == []


def test_without_pyyaml_a_yaml_seed_names_the_package_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.yaml").write_text(YAML, encoding="utf-8")
    (tmp_path / "b.json").write_text(json.dumps({"groups": {"fraud": {}}}), encoding="utf-8")
    monkeypatch.setitem(sys.modules, "yaml", None)
    with Control("sqlite://", region_name=REGION) as control:
        with pytest.raises(
            BadSeed, match=r"a\.yaml requires the package 'PyYAML': pip install pyyaml, or write the seed in JSON"
        ):
            control.seed(tmp_path / "a.yaml")
        assert control.seed(tmp_path / "b.json").new_groups == 1


def test_a_group_in_two_seeds_is_rejected(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(YAML, encoding="utf-8")
    ended = run("serve", "--backend", "sqlite://", "--port", "0", "--seed", str(tmp_path))
    assert ended.exit_code == 2
    assert "b.yaml, line 2: groups.churn: duplicate group, already defined in" in ended.stderr


def test_the_control_and_seed_commands(served: Emulator, tmp_path: Path) -> None:
    def done(*arguments: str) -> str:
        ended = run(*arguments, "--url", served.url)
        assert ended.exit_code == 0, ended.stderr
        return ended.stdout.strip()

    file = tmp_path / "seed.yaml"
    file.write_text(YAML, encoding="utf-8")
    assert done("control", "reset") == "reset"
    assert done("seed", str(file)) == "created 1 group and 2 versions"
    assert done("seed", str(file)) == "created 0 groups and 0 versions; 1 group and 2 versions already existed"
    assert done("control", "snapshot", "seeded") == "saved snapshot seeded"
    assert {"seeded", "start"} <= set(done("control", "snapshots").splitlines())
    assert done("control", "clock", "--freeze", NOON) == "2026-11-24T12:00:00.000Z"
    assert done("control", "clock", "--advance", "60") == "2026-11-24T12:01:00.000Z"
    done("control", "clock", "--resume")
    (made,) = [json.loads(done("control", "fault", "conflict", "--operation", "Delete*", "--json"))]
    assert (made[0]["kind"], made[0]["operation"], made[0]["hits"]) == ("conflict", "Delete*", 0)
    assert "conflict" in done("control", "faults")
    assert done("control", "faults", "--clear") == ""
    done("versions", "churn")
    (listed,) = json.loads(done("control", "calls", "--operation", "ListModelPackages", "--json", "--clear"))
    assert listed["params"]["ModelPackageGroupName"] == "churn"
    assert done("control", "calls") == ""
    done("control", "reset", "--group", "churn")
    assert done("groups") == ""
    done("control", "restore", "seeded")
    assert done("groups").startswith("churn")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("restore", "nowhere"), "There is no snapshot 'nowhere'"),
        (("fault", "nope"), "Unknown fault kind 'nope'"),
        (("faults", "--clear-number", "99"), "There is no fault 99"),
        (("clock", "--freeze", "noon"), "Invalid time 'noon'"),
    ],
)
def test_an_error_of_a_control_command_is_one_sentence(
    served: Emulator, arguments: tuple[str, ...], sentence: str
) -> None:
    ended = run("control", *arguments, "--url", served.url)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert sentence in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", control_group.commands.values(), ids=lambda command: command.name)
def test_every_control_command_has_examples(command: Any) -> None:
    assert "Examples:" in command.help
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option))


def test_a_persistent_registry_cannot_be_reset(serve: Callable[..., Emulator]) -> None:
    server = serve("--backend", "sqlite:///registry.db")
    ModelRegistry(server.url).register("churn", image="churn:1")
    for name in EXTENSIONS:
        assert requests.post(f"{server.url}/_registry/{name}", data=b"{}", timeout=10).status_code == 400
    ended = run("control", "reset", "--url", server.url)
    assert (ended.exit_code, "not under test control" in ended.stderr) == (2, True)
    server.client("s3").create_bucket(Bucket="artefacts")
    refused = requests.post(f"{server.url}/moto-api/reset", timeout=60)
    assert (refused.status_code, refused.json()["__type"]) == (400, "AccessDeniedException")
    assert [bucket["Name"] for bucket in server.client("s3").list_buckets()["Buckets"]] == ["artefacts"]
    with ModelRegistry(server.url) as registry:
        assert names(registry) == ["churn"]


def test_test_controls_can_be_enabled_and_disabled(serve: Callable[..., Emulator]) -> None:
    off = serve("--backend", "sqlite://", "--no-test-controls")
    assert not EXTENSIONS.keys() & requests.get(f"{off.url}/_registry/info", timeout=10).json()["extensions"].keys()
    on = serve("--backend", "sqlite:///registry.db", "--test-controls")
    with ModelRegistry(on.url) as registry:
        registry.register("churn", image="churn:1")
        Control(registry.boto3).reset()
        assert names(registry) == []


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}]
)
@pytest.mark.parametrize("path", ["/_registry/reset", "/_registry/restore", "/moto-api/reset"])
def test_other_sites_cannot_use_test_controls(served: Emulator, headers: dict[str, str], path: str) -> None:
    with ModelRegistry(served.url) as registry:
        Control(registry.boto3).reset()
        registry.register("churn", image="churn:1")
        answer = requests.post(f"{served.url}{path}", headers=headers, data=b'{"name": "start"}', timeout=10)
        assert answer.status_code in (400, 421)
        assert names(registry) == ["churn"]


def test_a_get_request_changes_nothing(served: Emulator) -> None:
    for name, extension in EXTENSIONS.items():
        status = requests.get(f"{served.url}/_registry/{name}", timeout=10).status_code
        assert status == (400 if extension.writes else 200), name


def test_the_reset_of_moto_also_resets_the_registry(serve: Callable[..., Emulator]) -> None:
    server = serve("--backend", "sqlite://")

    def reset() -> None:
        answer = requests.post(f"{server.url}/moto-api/reset", timeout=60)
        assert (answer.status_code, answer.text) == (200, '{"status": "ok"}')

    s3 = server.client("s3")
    for _ in range(2):
        server.client("sagemaker").create_model_package_group(ModelPackageGroupName="churn")
        reset()  # first without moto loaded, then with a bucket in it
        assert server.client("sagemaker").list_model_package_groups()["ModelPackageGroupSummaryList"] == []
        s3.create_bucket(Bucket="models")
    reset()
    assert s3.list_buckets()["Buckets"] == []


def test_health_and_ready_return_ok(served: Emulator) -> None:
    for name in ("health", "ready"):
        assert requests.get(f"{served.url}/_registry/{name}", timeout=10).json() == {"status": "ok"}


def test_ready_waits_for_the_server(served: Emulator, control: Control) -> None:
    assert control.ready()
    assert "calls" in control.info()["extensions"]
    assert run("control", "ready", "--url", served.url).stdout == "ready\n"
    ended = run("control", "ready", "--url", "http://127.0.0.1:1", "--timeout", "0")
    assert (ended.exit_code, ended.stderr) == (3, "sagemaker-registry: the registry did not respond within 0 seconds\n")


def test_a_postgresql_registry_can_be_restored(postgres_url: str) -> None:
    client = testing.connect(postgres_url, region_name=REGION)
    registry, control = ModelRegistry.from_client(client), Control(client)
    registry.register("churn", image="churn:1")
    control.snapshot("one")
    control.seed(SEED)
    control.restore("one")
    assert [version.version for version in registry.versions("churn")] == [1]
    assert registry.verify_history().ok
    assert registry.register("churn", image="churn:2").version == 2
    control.reset(group="churn")
    assert names(registry) == []
    client.close()


def test_a_stock_client_gets_faults_as_aws_errors(served: Emulator) -> None:
    with Control(served.url, region_name=REGION) as control:
        control.reset()
        keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b"}
        client = boto3.client("sagemaker", endpoint_url=served.url, region_name=REGION, config=ONCE, **keys)  # type: ignore[arg-type]
        with control.failing("throttling"), pytest.raises(ClientError, match="Rate exceeded"):
            client.list_model_package_groups()
