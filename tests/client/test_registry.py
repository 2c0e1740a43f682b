"""ModelRegistry, in process and over HTTP."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagemaker_registry.client import connect
from sagemaker_registry.client.registry import Comparison, Difference, ModelRegistry, NoApprovedVersion, Rejected
from sagemaker_registry.client.registry import requests as module

PENDING = "PendingManualApproval"
IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:3"
ARCHIVE = "s3://models/churn/model.tar.gz"


@dataclass
class Clock:
    """A clock that advances only during sleep; `then` runs at the first sleep."""

    now: float = 0.0
    sleeps: list[float] = field(default_factory=list)
    then: Callable[[], Any] = lambda: None

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        if not self.sleeps:
            self.then()
        self.sleeps.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["in process", "served"])
def registry(request: pytest.FixtureRequest, account: str, clock: Clock) -> Iterator[ModelRegistry]:
    url = "sqlite://" if request.param == "in process" else request.getfixturevalue("emulator").url
    keys = {"aws_access_key_id": account, "aws_secret_access_key": "any"}
    with ModelRegistry(url, region_name="us-east-1", sleep=clock.sleep, clock=clock.time, **keys) as opened:
        yield opened


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)


def names(found: Any) -> list[str]:
    return [f"{version.group}/{version.version}" for version in found]


def test_a_model_is_registered_reviewed_and_deployed(registry: ModelRegistry) -> None:
    good = registry.register("churn", image=IMAGE, model_data=ARCHIVE, metadata={"accuracy": 0.97}, git_commit="4f5")
    worse = registry.register("churn", image=IMAGE, model_data=ARCHIVE, metadata={"accuracy": 0.91})
    for version in registry.pending("churn"):
        if float(version.metadata["accuracy"]) > 0.95:
            registry.approve(version, "above our 0.95")
        else:
            registry.reject(version, "below our 0.95")
    deployed = registry.wait_for_decision(good, timeout=60)
    assert deployed == registry.latest_approved("churn")
    assert (deployed.reason, deployed.model_data) == ("above our 0.95", ARCHIVE)
    assert registry.get(worse.arn).status == "Rejected"


def test_a_registered_version_has_its_lineage(registry: ModelRegistry) -> None:
    version = registry.register(
        "churn",
        image=IMAGE,
        model_data=ARCHIVE,
        metadata={"accuracy": 0.1 + 0.2, "rows": 1200, "team": "growth"},
        metrics="s3://models/churn/metrics.json",
        description="gradient boosting",
        training_job="churn-17",
        dataset_version="2026-11",
        git_commit="4f5c2a9",
        content_types=["application/json"],
        Domain="MACHINE_LEARNING",
        MetadataProperties={"Repository": "git@example.com:churn"},
    )
    assert names([version]) == ["churn/1"]
    assert (version.status, version.package_status) == (PENDING, "Completed")
    assert (version.description, version.reason) == ("gradient boosting", None)
    assert (version.image, version.model_data) == (IMAGE, ARCHIVE)
    assert (version.modified, version.modified_by) == (None, None)
    assert dict(version.metadata) == {
        "accuracy": "0.30000000000000004",
        "rows": "1200",
        "team": "growth",
        "training_job": "churn-17",
        "dataset_version": "2026-11",
        "git_commit": "4f5c2a9",
    }
    record = version.record
    assert record["MetadataProperties"] == {
        "CommitId": "4f5c2a9",
        "GeneratedBy": "churn-17",
        "Repository": "git@example.com:churn",
    }
    report = {"ContentType": "application/json", "S3Uri": "s3://models/churn/metrics.json"}
    assert record["ModelMetrics"] == {"ModelQuality": {"Statistics": report}}
    assert record["InferenceSpecification"]["SupportedContentTypes"] == ["application/json"]
    assert record["InferenceSpecification"]["SupportedResponseMIMETypes"] == ["text/csv"]
    assert record["Domain"] == "MACHINE_LEARNING"
    assert "ResponseMetadata" not in record


def test_a_version_can_be_registered_with_few_arguments_or_only_aws_members(registry: ModelRegistry) -> None:
    assert registry.register("churn").image is None
    uncompressed = {"S3Uri": "s3://models/churn/", "S3DataType": "S3Prefix", "CompressionType": "None"}
    container = {"Image": IMAGE, "ModelDataSource": {"S3DataSource": uncompressed}}
    types = {"SupportedContentTypes": ["text/csv"], "SupportedResponseMIMETypes": ["text/csv"]}
    version = registry.register(
        "churn",
        InferenceSpecification={"Containers": [container], **types},
        ModelApprovalStatus="Approved",
        CustomerMetadataProperties={"team": "growth"},
        git_commit="4f5c2a9",
    )
    assert (version.status, version.model_data) == ("Approved", "s3://models/churn/")
    assert dict(version.metadata) == {"team": "growth", "git_commit": "4f5c2a9"}


def test_the_approval_status_is_sent_with_the_registration(registry: ModelRegistry) -> None:
    sent: list[dict[str, Any]] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        sent.append(params)

    registry.boto3.meta.events.register("provide-client-params.sagemaker.CreateModelPackage", note)
    registry.register("churn", image=IMAGE)
    assert sent[0]["ModelApprovalStatus"] == PENDING
    assert registry.register("churn", image=IMAGE, approval="Approved").status == "Approved"


def test_the_same_token_registers_once(registry: ModelRegistry) -> None:
    first = registry.register("churn", image=IMAGE, token="run-17")
    assert registry.register("churn", image=IMAGE, token="run-17") == first
    assert names(registry.versions("churn")) == ["churn/1"]


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"metadata": {"accuracy": 0.9, "auc": None}}, "metadata 'auc' is None"),
        ({"metadata": {"folds": [0.9, 0.8]}}, r"metadata 'folds' is \[0.9, 0.8\]"),
        ({"metadata": {"git_commit": "a"}, "git_commit": "b"}, "git_commit is given twice"),
        ({"description": "a", "ModelPackageDescription": "b"}, "ModelPackageDescription is given twice"),
        ({"image": "a", "InferenceSpecification": {"Containers": []}}, "Containers is given twice"),
    ],
)
def test_invalid_arguments_are_rejected_before_anything_is_created(
    registry: ModelRegistry, members: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        registry.register("churn", **members)
    assert list(registry.groups()) == []


def test_numpy_numbers_are_stored_as_plain_numbers(registry: ModelRegistry) -> None:
    numpy = pytest.importorskip("numpy")
    found = {"double": numpy.float64(0.9), "single": numpy.float32(0.9), "rows": numpy.int64(7)}
    assert dict(registry.register("churn", metadata=found).metadata) == {"double": "0.9", "single": "0.9", "rows": "7"}


def test_the_group_is_created_once_with_its_tags(registry: ModelRegistry) -> None:
    registry.register("churn", image=IMAGE, tags={"team": "growth"})
    registry.register("churn", image=IMAGE, tags={"team": "other"})
    (group,) = registry.groups()
    assert (group.name, group.description) == ("churn", None)
    assert group.created.tzinfo is not None
    assert registry.boto3.list_tags(ResourceArn=group.arn)["Tags"] == [{"Key": "team", "Value": "growth"}]
    assert registry.register(group.arn, image=IMAGE).version == 3


def test_a_group_given_by_arn_is_not_created(registry: ModelRegistry) -> None:
    arn = registry.register("churn").arn.replace("model-package/churn/1", "model-package-group/absent")
    with pytest.raises(ClientError, match="does not exist"):
        registry.register(arn)
    assert [group.name for group in registry.groups()] == ["churn"]


def test_eight_threads_can_register_into_a_new_group(registry: ModelRegistry) -> None:
    with ThreadPoolExecutor(8) as threads:
        versions = list(threads.map(lambda number: registry.register("churn", metadata={"n": number}), range(8)))
    assert sorted(version.version for version in versions) == list(range(1, 9))
    assert {version.metadata["n"] for version in versions} == {str(number) for number in range(8)}


def test_a_group_created_meanwhile_is_not_an_error(registry: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    describe = registry.boto3.describe_model_package_group

    def taken_meanwhile(**_: Any) -> None:
        registry.boto3.create_model_package_group(ModelPackageGroupName="churn")
        describe(ModelPackageGroupName="absent")

    monkeypatch.setattr(registry.boto3, "describe_model_package_group", taken_meanwhile)
    assert registry.register("churn").version == 1


def test_other_errors_of_reading_the_group_are_raised(registry: ModelRegistry) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        registry.register("not a name")


@pytest.mark.usefixtures("small_pages")
def test_groups_are_listed_by_name_over_all_pages(registry: ModelRegistry) -> None:
    for name in ("d", "a", "c", "e", "b"):
        registry.boto3.create_model_package_group(ModelPackageGroupName=name, ModelPackageGroupDescription=name * 2)
    assert [(group.name, group.description) for group in registry.groups()] == [(name, name * 2) for name in "abcde"]


@pytest.mark.usefixtures("small_pages")
def test_versions_are_listed_newest_first_over_empty_pages(registry: ModelRegistry) -> None:
    for approval in ("Approved", PENDING, PENDING, PENDING, "Approved", "Rejected"):
        registry.register("churn", approval=approval)  # type: ignore[arg-type]
    assert names(registry.versions("churn")) == [f"churn/{number}" for number in (6, 5, 4, 3, 2, 1)]
    assert names(registry.versions("churn", status="Approved")) == ["churn/5", "churn/1"]
    assert names(registry.pending("churn")) == ["churn/2", "churn/3", "churn/4"]
    assert names(registry.versions("absent")) == []


@pytest.mark.usefixtures("small_pages")
def test_pending_versions_of_all_groups_are_listed_oldest_first(registry: ModelRegistry) -> None:
    for group in ("churn", "fraud", "churn", "fraud"):
        registry.register(group)
    registry.approve("churn/1")
    assert {*names(registry.pending())} == {"fraud/1", "churn/2", "fraud/2"}
    assert [version.created for version in registry.pending()] == sorted(v.created for v in registry.pending())


def test_listed_versions_are_complete(registry: ModelRegistry) -> None:
    version = registry.reject(registry.register("churn", image=IMAGE, metadata={"auc": 1}), "too good to be true")
    assert next(registry.versions("churn")) == version
    assert version.reason == "too good to be true"


@pytest.mark.usefixtures("small_pages")
def test_versions_decided_or_deleted_meanwhile_are_not_pending(registry: ModelRegistry) -> None:
    for _ in range(4):
        registry.register("churn")
    pending = registry.pending("churn")
    first = next(pending)
    registry.approve("churn/2")
    registry.delete("churn/3")
    assert names([first, *pending]) == ["churn/1", "churn/4"]


def test_a_version_can_be_read_by_arn_name_or_number(registry: ModelRegistry) -> None:
    version = registry.register("churn", image=IMAGE)
    group = next(registry.groups())
    ways: list[tuple[Any, ...]] = [(version.arn,), ("churn/1",), ("churn", 1), (group.arn, 1)]
    assert [registry.get(*way) for way in ways] == [version] * 4
    with pytest.raises(ClientError, match="does not exist"):
        registry.get("churn", 2)


def test_a_package_without_a_group_is_not_a_version(registry: ModelRegistry) -> None:
    specification: Any = {
        "Containers": [{"Image": IMAGE}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
        "SupportedTransformInstanceTypes": ["ml.m5.large"],
        "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
    }
    registry.boto3.create_model_package(ModelPackageName="solo", InferenceSpecification=specification)
    with pytest.raises(ValueError, match="solo is not a version of a group; read it with"):
        registry.get("solo")
    assert list(registry.pending()) == []


def test_a_decision_is_stored_with_caller_time_and_reason(registry: ModelRegistry) -> None:
    version = registry.register("churn")
    approved = registry.approve(version, "ticket 42")
    assert (approved.status, approved.reason) == ("Approved", "ticket 42")
    assert approved.modified is not None
    assert approved.modified >= version.created
    assert (approved.modified_by or "").startswith("arn:aws:iam::")
    rejected = registry.reject(version.arn, "drifted")
    assert (rejected.status, rejected.reason) == ("Rejected", "drifted")


def test_a_new_decision_replaces_the_old_reason(registry: ModelRegistry) -> None:
    rejected = registry.reject(registry.register("churn"), "too slow")
    approved = registry.approve(rejected)
    assert (approved.status, approved.reason) == ("Approved", None)
    assert "ApprovalDescription" not in registry.approve(registry.register("churn")).record


@pytest.mark.parametrize("reason", ["", "  ", None])
def test_a_rejection_needs_a_reason(registry: ModelRegistry, reason: Any) -> None:
    version = registry.register("churn")
    with pytest.raises(ValueError, match="requires a reason"):
        registry.reject(version, reason)
    assert registry.get(version.arn).status == PENDING


def test_latest_approved_is_the_newest_approved_version(registry: ModelRegistry) -> None:
    versions = [registry.register("churn") for _ in range(3)]
    with pytest.raises(NoApprovedVersion, match="churn has no approved version") as caught:
        registry.latest_approved("churn")
    assert caught.value.group == "churn"
    assert isinstance(caught.value, LookupError)
    registry.approve(versions[1])
    registry.approve(versions[0])
    assert names([registry.latest_approved("churn")]) == ["churn/2"]


def test_wait_for_decision_returns_the_approved_version(registry: ModelRegistry, clock: Clock) -> None:
    version = registry.register("churn")
    clock.then = lambda: registry.approve(version)
    assert registry.wait_for_decision(version, timeout=60, poll=5).status == "Approved"
    assert clock.sleeps == [5]


def test_wait_for_decision_raises_rejected_with_the_reason(registry: ModelRegistry, clock: Clock) -> None:
    version = registry.register("churn")
    clock.then = lambda: registry.reject(version, "too slow")
    with pytest.raises(Rejected, match="churn/1 was rejected: too slow") as caught:
        registry.wait_for_decision(version.arn, timeout=60)
    assert caught.value.reason == "too slow"
    assert caught.value.version.status == "Rejected"


def test_wait_for_decision_times_out(registry: ModelRegistry, clock: Clock) -> None:
    version = registry.register("churn")
    with pytest.raises(TimeoutError, match="churn/1 is still PendingManualApproval after 5 seconds"):
        registry.wait_for_decision(version, timeout=5)
    assert clock.sleeps == [2.0, 2.0, 1.0]


def test_compare_shows_every_difference_except_members_that_always_differ(registry: ModelRegistry) -> None:
    a = registry.register("churn", image=IMAGE, metadata={"accuracy": 0.9, "team": "growth", "folds": 5})
    b = registry.register("churn", image=f"{IMAGE}.1", metadata={"accuracy": 0.95, "team": "core", "auc": 1})
    b = registry.approve(b, "better")
    compared = registry.compare(a, b.arn)
    assert (compared.a, compared.b) == (a, b)
    found = {one.path: (one.a, one.b, one.delta) for one in compared.differences if "Digest" not in one.path}
    assert found == {
        "ModelApprovalStatus": (PENDING, "Approved", None),
        "ApprovalDescription": (None, "better", None),
        "InferenceSpecification.Containers[0].Image": (IMAGE, f"{IMAGE}.1", None),
        "CustomerMetadataProperties.accuracy": ("0.9", "0.95", 0.05),
        "CustomerMetadataProperties.team": ("growth", "core", None),
        "CustomerMetadataProperties.folds": ("5", None, None),
        "CustomerMetadataProperties.auc": (None, "1", None),
    }
    assert registry.compare(a, "churn/1") == Comparison(a, a, ())


@pytest.mark.parametrize(("a", "b"), [("nan", "1"), ("1", "inf"), ("inf", "inf"), ("", "1"), ("x", "1")])
def test_values_that_are_not_finite_numbers_have_no_delta(a: str, b: str) -> None:
    assert Difference("CustomerMetadataProperties.loss", a, b).delta is None


def test_a_deleted_version_number_is_not_reused(registry: ModelRegistry) -> None:
    registry.delete(registry.register("churn"))
    registry.delete(registry.register("churn").arn)
    assert names([registry.register("churn")]) == ["churn/3"]


@pytest.mark.usefixtures("small_pages")
def test_a_group_is_deleted_with_its_versions_only_on_request(registry: ModelRegistry) -> None:
    for _ in range(5):
        registry.register("churn")
    registry.register("fraud")
    with pytest.raises(ClientError, match="ConflictException"):
        registry.delete_group("churn")
    registry.delete_group("churn", with_versions=True)
    assert [group.name for group in registry.groups()] == ["fraud"]
    with pytest.raises(ClientError, match="does not exist"):
        registry.delete_group("churn", with_versions=True)


def test_versions_are_immutable_hashable_and_picklable(registry: ModelRegistry) -> None:
    version = registry.register("churn", metadata={"auc": 1})
    with pytest.raises(FrozenInstanceError):
        version.status = "Approved"  # type: ignore[misc]
    with pytest.raises(TypeError):
        version.metadata["auc"] = "2"  # type: ignore[index]
    assert {version, registry.get(version.arn)} == {version}
    for sent in (version, Rejected(version), NoApprovedVersion("churn")):
        again = pickle.loads(pickle.dumps(sent))
        assert (type(again), str(again)) == (type(sent), str(sent))


def test_a_given_client_is_used_and_not_closed() -> None:
    client = connect("sqlite://")
    with ModelRegistry.from_client(client) as registry:
        assert registry.boto3 is client
        client.create_model_package_group(ModelPackageGroupName="churn")
    assert [group.name for group in registry.groups()] == ["churn"]
    client.close()


def test_close_closes_its_own_client(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    registry = ModelRegistry("sqlite://")
    close = registry.boto3.close
    monkeypatch.setattr(registry.boto3, "close", lambda: (closed.append("closed"), close()))
    registry.close()
    assert closed == ["closed"]


def test_the_module_needs_only_boto3_and_imports_it_lazily() -> None:
    script = (
        "import sys\n"
        "sys.modules |= dict.fromkeys(['flask', 'orjson', 'regex', 'sqlite_utils', 'msgspec', 'waitress', 'moto'])\n"
        "from sagemaker_registry.client.registry import ModelRegistry\n"
        "print('boto3' in sys.modules, 'botocore' in sys.modules)\n"
        "print(ModelRegistry('http://127.0.0.1:1').boto3.meta.endpoint_url)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "False False\nhttp://127.0.0.1:1\n", done.stderr


def test_an_approval_that_does_not_suffice_is_recognizable(tmp_path: Path) -> None:
    rules = tmp_path / "registry.toml"
    rules.write_text('[[approval]]\ngroups = ["*"]\nrules = ["two"]\n[rules.two]\nis = "approvers"\ncount = 2\n')
    found = {}
    for user in ("pipeline", "alice", "bob"):
        keys = {"aws_access_key_id": user, "aws_secret_access_key": "any", "region_name": "us-east-1"}
        with ModelRegistry(f"sqlite:///{tmp_path}/registry.db", settings=rules, **keys) as registry:
            found[user] = registry.register("churn", image=IMAGE) if user == "pipeline" else registry.approve("churn/1")
    assert (found["alice"].is_approved, found["alice"].reason) == (False, "1 of 2 approvals so far: alice")
    assert (found["bob"].is_approved, found["bob"].status) == (True, "Approved")
