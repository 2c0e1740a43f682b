"""Approval rules of registry.toml: the requirement of each rule, and how rules combine."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sagemaker_registry.backends import BackendUnavailable
from sagemaker_registry.backends.approval.rules import KINDS
from sagemaker_registry.backends.base import BackendOptions, Caller
from sagemaker_registry.backends.config import read
from sagemaker_registry.backends.errors import (
    AccessDeniedException,
    ConflictException,
    RegistryError,
    ValidationException,
)
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.rows import PACKAGES
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows
from support.server import Emulator

GROUP = {"ModelPackageGroupName": "churn"}
PENDING = "PendingManualApproval"
PEOPLE = """
identities.alice = {access_key = "A", groups = ["reviewers"]}
identities.bob = {access_key = "B", groups = ["reviewers"]}
identities.carol = {access_key = "C", groups = ["risk"]}
identities.dave = {access_key = "D"}
"""
ALICE, BOB, CAROL, DAVE = (Caller(access_key=key) for key in "ABCD")
DAY = 86_400
ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"


class Clock:
    """A settable clock."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class S3:
    """S3 objects by URL for rules to read; counts the requests."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = {f"s3://{name.replace('_', '/', 1)}": content for name, content in objects.items()}
        self.asked = 0

    def artifact_exists(self, caller: Caller, bucket: str, key: str, *, is_prefix: bool) -> bool | None:
        self.asked += 1
        return f"s3://{bucket}/{key}" in self.objects

    def image_exists(self, caller: Caller, image: str) -> bool | None:
        return None

    def containers(self, caller: Caller, model: str) -> list[dict[str, Any]] | None:
        return None

    def content(self, caller: Caller, bucket: str, key: str) -> bytes | None:
        self.asked += 1
        return self.objects.get(f"s3://{bucket}/{key}")


class Registry(LocalRegistry):
    """An in-memory registry with a group `churn` and short methods."""

    def __init__(self, toml: str, probe: Any = None) -> None:
        self.clock = Clock()
        options = BackendOptions(read(tomllib.loads(toml)), *([probe] if probe else []))
        super().__init__(SQLiteRows(None), self.clock, options)
        self.call("CreateModelPackageGroup", {**GROUP, "Tags": [{"Key": "owner", "Value": "fraud team"}]}, DAVE)

    def register(self, caller: Caller = DAVE, **members: Any) -> str:
        arn: str = self.call("CreateModelPackage", {**GROUP, **members}, caller)["ModelPackageArn"]
        return arn

    def decide(self, caller: Caller, arn: str, status: str = "Approved", reason: str | None = "why") -> str:
        """Set the approval status and return the resulting one."""
        described = {} if reason is None else {"ApprovalDescription": reason}
        self.update(caller, arn, ModelApprovalStatus=status, **described)
        return self.status(arn)

    def update(self, caller: Caller, arn: str, **members: Any) -> None:
        self.call("UpdateModelPackage", {"ModelPackageArn": arn, **members}, caller)

    def status(self, arn: str) -> str:
        status: str = self.describe(arn)["ModelApprovalStatus"]
        return status

    def describe(self, arn: str) -> dict[str, Any]:
        return self.call("DescribeModelPackage", {"ModelPackageName": arn}, DAVE)

    def stored(self) -> list[Any]:
        with self._rows.reading() as rows:
            return rows.find(PACKAGES, [("region", "=", "us-east-1")], limit=100)


def with_rules(rules: str, names: str = "r", probe: Any = None, profile: str = "aws") -> Registry:
    """Return a registry with these rules applied to its group."""
    wanted = ", ".join(f'"{name}"' for name in names.split())
    table = f'\n[[approval]]\ngroups = ["churn"]\nprofile = "{profile}"\nrules = [{wanted}]\n'
    return Registry(f"{PEOPLE}{rules}{table}", probe)


def refused(kind: type[RegistryError], call: Callable[[], Any]) -> str:
    with pytest.raises(kind) as caught:
        call()
    return caught.value.message


def test_a_decision_without_a_reason_is_rejected_and_the_error_mentions_the_sdk() -> None:
    """The SDK's `deploy` of a pending version sends only ModelApprovalStatus=Approved."""
    with with_rules("", "reason-required") as made:
        arn = made.register()
        before = made.stored()
        said = refused(ValidationException, lambda: made.decide(ALICE, arn, reason=None))
        assert (
            f"ModelPackage {arn} cannot become Approved. `reason-required`: ApprovalDescription is missing; a reason is"
            in said
        )
        assert "The SageMaker SDK sends such a request when it deploys a version that is not approved" in said
        assert "SDK" not in refused(ValidationException, lambda: made.decide(ALICE, arn, "Rejected", "  "))
        assert made.stored() == before
        assert made.decide(ALICE, arn, PENDING, None) == PENDING
        assert made.decide(ALICE, arn, "Approved", "ticket 42") == "Approved"
        assert (
            "`reason-required`: Approved requires a reason, which cannot be sent at registration; register"
            in refused(ValidationException, lambda: made.register(ModelApprovalStatus="Approved"))
        )


def test_a_reason_can_have_a_minimum_length() -> None:
    with with_rules('rules.r = {is = "reason-required", characters = 5}') as made:
        arn = made.register()
        assert "The reason 'why' has 3 characters; at least 5 are required." in refused(
            ValidationException, lambda: made.decide(ALICE, arn)
        )
        assert made.decide(ALICE, arn, reason="because") == "Approved"


def test_the_creator_of_a_version_cannot_approve_it() -> None:
    with with_rules("", "creator-may-not-approve") as made:
        arn = made.register(ALICE)
        said = refused(AccessDeniedException, lambda: made.decide(ALICE, arn))
        assert f"{made.describe(arn)['CreatedBy']['IamIdentity']['Arn']} registered this version; another" in said
        assert made.decide(ALICE, arn, "Rejected") == "Rejected"
        assert made.decide(BOB, arn) == "Approved"
        refused(AccessDeniedException, lambda: made.register(ALICE, ModelApprovalStatus="Approved"))


@pytest.mark.parametrize(
    ("who", "allowed"),
    [
        ("group:reviewers", "alice bob"),
        ("alice", "alice"),
        ("*", "alice bob carol dave"),
        ("arn:aws:iam::*:user/c*", "carol"),
    ],
)
def test_only_the_named_callers_can_decide(who: str, allowed: str) -> None:
    with with_rules(f'rules.r = {{is = "only", who = ["{who}"]}}') as made:
        for name, caller in {"alice": ALICE, "bob": BOB, "carol": CAROL, "dave": DAVE}.items():
            arn = made.register()
            if name in allowed.split():
                assert made.decide(caller, arn) == "Approved"
            else:
                said = refused(AccessDeniedException, lambda: made.decide(caller, arn))  # noqa: B023
                assert f"{name} (arn:aws:iam::123456789012:user/{name}) is not one of {who}." in said


def test_an_unknown_key_does_not_match_a_known_user_name() -> None:
    with with_rules('rules.r = {is = "only", who = ["alice", "arn:aws:iam::*:user/alice"]}') as made:
        arn = made.register()
        said = refused(AccessDeniedException, lambda: made.decide(Caller(access_key="alice"), arn))
        assert "arn:aws:iam::123456789012:user/unknown/alice" in said


TWO = 'rules.r = {is = "approvers", count = 2}'


def test_a_version_can_require_two_approvals() -> None:
    with with_rules(TWO) as made:
        arn = made.register()
        assert made.decide(ALICE, arn, reason="ticket 1") == PENDING
        described = made.describe(arn)
        assert described["ApprovalDescription"] == "1 of 2 approvals so far: alice (ticket 1)"
        assert described["LastModifiedBy"]["IamIdentity"]["Arn"].endswith(":user/alice")
        before = made.stored()
        said = refused(ConflictException, lambda: made.decide(ALICE, arn))
        assert "has already approved this version; 1 of 2 approvals are recorded (alice)." in said
        assert made.stored() == before
        assert made.decide(BOB, arn, reason="ticket 2") == "Approved"
        assert made.describe(arn)["ApprovalDescription"] == "ticket 2"
        told = made.extension("explain", {"arn": arn}, DAVE)
        assert [(one["name"], one["reason"]) for one in told["approvals"]] == [
            ("alice", "ticket 1"),
            ("bob", "ticket 2"),
        ]


def test_a_partially_approved_version_cannot_be_deployed() -> None:
    with with_rules(TWO) as made:
        arn = made.register()
        made.decide(ALICE, arn)
        model = {
            "ModelName": "m",
            "ExecutionRoleArn": "arn:aws:iam::123456789012:role/deploy",
            "PrimaryContainer": {"ModelPackageName": arn},
        }
        said = refused(ValidationException, lambda: made.call("CreateModel", model, ALICE))
        assert "its approval status is PendingManualApproval" in said


@pytest.mark.parametrize(
    "between",
    [
        {"ModelApprovalStatus": "Rejected"},
        {"ModelApprovalStatus": PENDING},
        {"CustomerMetadataProperties": {"accuracy": "1"}},
        {"SourceUri": "elsewhere"},
    ],
    ids=str,
)
def test_a_new_decision_or_a_change_of_the_model_resets_approvals(between: dict[str, Any]) -> None:
    with with_rules(TWO) as made:
        arn = made.register()
        made.decide(ALICE, arn)
        made.update(CAROL, arn, **between)
        assert made.decide(BOB, arn) != "Approved"
        assert made.describe(arn)["ApprovalDescription"] == "1 of 2 approvals so far: bob (why)"
        assert made.decide(ALICE, arn) == "Approved"


@pytest.mark.parametrize(
    "between",
    [{"ModelLifeCycle": {"Stage": "Staging", "StageStatus": "x"}}, {"ApprovalDescription": "in words"}],
    ids=str,
)
def test_changes_of_stage_or_description_keep_approvals(between: dict[str, Any]) -> None:
    with with_rules(TWO) as made:
        arn = made.register()
        made.decide(ALICE, arn)
        made.update(CAROL, arn, **between)
        assert made.decide(BOB, arn) == "Approved"


def test_only_approvals_of_the_named_group_count() -> None:
    rules = 'rules.r = {is = "approvers", count = 2, who = ["group:reviewers"]}'
    with with_rules(rules) as made:
        arn = made.register()
        before = made.stored()
        said = refused(AccessDeniedException, lambda: made.decide(DAVE, arn))
        assert "`r`: dave (arn:aws:iam::123456789012:user/dave) is not one of group:reviewers; 0 of 2" in said
        assert made.stored() == before
        assert [made.decide(ALICE, arn), made.decide(BOB, arn)] == [PENDING, "Approved"]


def test_two_groups_can_each_be_required_to_approve() -> None:
    rules = (
        'rules.engineering = {is = "approvers", count = 1, who = ["group:reviewers"]}\n'
        'rules.risk = {is = "approvers", count = 1, who = ["group:risk"]}'
    )
    with with_rules(rules, "engineering risk") as made:
        arn = made.register()
        refused(AccessDeniedException, lambda: made.decide(DAVE, arn))
        assert made.decide(ALICE, arn) == PENDING
        assert "engineering and risk must pass" in made.describe(arn)["ApprovalDescription"]
        assert refused(AccessDeniedException, lambda: made.decide(BOB, arn))
        assert made.decide(CAROL, arn) == "Approved"


def test_a_version_that_needs_two_approvals_cannot_be_registered_as_approved() -> None:
    with with_rules(TWO) as made:
        said = refused(ValidationException, lambda: made.register(ALICE, ModelApprovalStatus="Approved"))
        assert "2 approvals are required; register the version as PendingManualApproval first." in said
        assert made.stored() == []


def test_metadata_and_members_can_be_required() -> None:
    rules = 'rules.r = {is = "metadata-required", keys = ["git_commit"], members = ["MetadataProperties.CommitId"]}'
    with with_rules(rules) as made:
        arn = made.register()
        said = refused(ValidationException, lambda: made.decide(ALICE, arn))
        assert "missing: CustomerMetadataProperties.git_commit, MetadataProperties.CommitId." in said
        good = made.register(
            CustomerMetadataProperties={"git_commit": "4f5"}, MetadataProperties={"CommitId": "4f5c2a9"}
        )
        assert made.decide(ALICE, good) == "Approved"


def test_required_metadata_can_be_sent_with_the_decision() -> None:
    with with_rules('rules.r = {is = "metadata-required", keys = ["git_commit"]}') as made:
        arn = made.register()
        made.update(ALICE, arn, ModelApprovalStatus="Approved", CustomerMetadataProperties={"git_commit": "4f5"})
        assert made.status(arn) == "Approved"


def test_metadata_can_be_required_at_registration() -> None:
    with with_rules(f'rules.r = {{is = "metadata-required", keys = ["git_commit"], on = ["{PENDING}"]}}') as made:
        said = refused(ValidationException, made.register)
        assert said == (
            f"ModelPackage arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1 cannot become {PENDING}. "
            "`r`: Required values are missing: CustomerMetadataProperties.git_commit."
        )
        assert made.register(CustomerMetadataProperties={"git_commit": "4f5"}).endswith("/1")


@pytest.mark.parametrize(
    ("tags", "sentence"),
    [
        (["owner"], ""),
        (["owner=fraud*"], ""),
        (["owner", "stage"], "The group has no tag stage, which is required."),
        (["owner=credit*"], "The tag owner of the group is 'fraud team'; credit* is required."),
    ],
)
def test_tags_of_the_group_can_be_required(tags: list[str], sentence: str) -> None:
    with with_rules(f'rules.r = {{is = "tags-required", tags = {tags}}}') as made:
        arn = made.register()
        if sentence:
            assert sentence in refused(ValidationException, lambda: made.decide(ALICE, arn))
        else:
            assert made.decide(ALICE, arn) == "Approved"


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("0.9", ""),
        ("0.95", ""),
        ("1.0", ""),
        ("0.89", "`r`: accuracy is 0.89; at least 0.9 and at most 1 is required."),
        ("1.1", "`r`: accuracy is 1.1; at least 0.9 and at most 1 is required."),
        (None, "The version has no CustomerMetadataProperties.accuracy; at least 0.9 and at most 1 is required."),
        ("good", "CustomerMetadataProperties.accuracy is 'good', not a number; at least 0.9"),
        ("nan", "CustomerMetadataProperties.accuracy is 'nan', not a number; at least 0.9"),
        ("1_0", "CustomerMetadataProperties.accuracy is '1_0', not a number; at least 0.9"),
        (" 0.95", "CustomerMetadataProperties.accuracy is ' 0.95', not a number; at least 0.9"),
        (
            "\u0660.\u0669\u0665",
            "CustomerMetadataProperties.accuracy is '\u0660.\u0669\u0665', not a number; at least 0.9",
        ),
        ("1e999", "CustomerMetadataProperties.accuracy is '1e999', not a number; at least 0.9"),
        ("inf", "CustomerMetadataProperties.accuracy is 'inf', not a number; at least 0.9"),
    ],
)
def test_a_metric_in_the_metadata_must_be_within_limits(value: str | None, sentence: str) -> None:
    with with_rules('rules.r = {is = "metric", metric = "accuracy", min = 0.9, max = 1}') as made:
        arn = made.register(**({"CustomerMetadataProperties": {"accuracy": value}} if value else {}))
        if sentence:
            assert sentence in refused(ValidationException, lambda: made.decide(ALICE, arn))
        else:
            assert made.decide(ALICE, arn) == "Approved"


def test_an_explanation_includes_the_threshold_of_a_metric() -> None:
    with with_rules('rules.r = {is = "metric", metric = "accuracy", min = 0.9}') as made:
        arn = made.register(CustomerMetadataProperties={"accuracy": "0.8"})
        (result,) = made.extension("explain", {"arn": arn}, ALICE)["transitions"][0]["rules"]
        bounds = {"metric": "accuracy", "source": "CustomerMetadataProperties", "min": 0.9, "max": None}
        assert (result["outcome"], result["threshold"]) == ("failed", bounds)


METRIC_IN_S3 = 'rules.r = {is = "metric", metric = "regression.mse.value", max = 5, source = "ModelQuality.Statistics"}'


def metrics(url: str = "s3://b/metrics.json") -> dict[str, Any]:
    return {"ModelMetrics": {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": url}}}}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"regression": {"mse": {"value": 4.5, "standard_deviation": "NaN"}}}', ""),
        (b'{"regression": {"mse": {"value": 5.5}}}', "regression.mse.value is 5.5; at most 5 is required."),
        (b'{"regression": {"mse": [1]}}', "The version has no regression.mse.value in s3://b/metrics.json; at most 5"),
        (b'{"regression": {"mse": {"value": true}}}', "is 'True', not a number; at most 5"),
        (b"[]", "The version has no regression.mse.value in s3://b/metrics.json; at most 5"),
        (b"accuracy: 1", "The metrics file s3://b/metrics.json is not valid JSON"),
        (None, "The metrics file s3://b/metrics.json does not exist; at most 5 is required."),
    ],
)
def test_a_metric_can_be_read_from_the_metrics_file_of_the_version(content: bytes | None, sentence: str) -> None:
    s3 = S3(**({"b_metrics.json": content} if content is not None else {}))
    with with_rules(METRIC_IN_S3, probe=s3) as made:
        arn = made.register(**metrics())
        if sentence:
            assert sentence in refused(ValidationException, lambda: made.decide(ALICE, arn))
        else:
            assert made.decide(ALICE, arn) == "Approved"
        assert s3.asked == 1


def test_a_version_without_a_metrics_file_is_rejected() -> None:
    with with_rules(METRIC_IN_S3, probe=S3()) as made:
        assert "The version has no ModelMetrics.ModelQuality.Statistics in S3; at most 5 is required." in refused(
            ValidationException, lambda: made.decide(ALICE, made.register())
        )


def test_s3_is_not_read_during_a_write_transaction() -> None:
    class LockCheckingS3(S3):
        def content(self, caller: Caller, bucket: str, key: str) -> bytes | None:
            assert not made._rows._lock.locked()  # type: ignore[attr-defined]
            return super().content(caller, bucket, key)

    s3 = LockCheckingS3(**{"b_metrics.json": b'{"regression": {"mse": {"value": 1}}}'})
    with with_rules(METRIC_IN_S3, probe=s3) as made:
        arn = made.register(**metrics())
        assert made.extension("explain", {"arn": arn}, ALICE)["transitions"][0]["rules"][0]["outcome"] == "passed"
        made.extension("decide", {"arn": arn, "status": "Approved"}, ALICE)
        assert made.register(ModelApprovalStatus="Approved", **metrics())
        assert s3.asked == 3


def test_images_must_match_the_allowed_repositories() -> None:
    rules = 'rules.r = {is = "image-from", images = ["123456789012.dkr.ecr.*/team/*"]}'
    with with_rules(rules) as made:
        ours = made.register(InferenceSpecification={"Containers": [{"Image": f"{ECR}/team/a:1"}]})
        assert made.decide(ALICE, ours) == "Approved"
        for image in (f"{ECR}/other/a:1", "docker.io/a"):
            arn = made.register(InferenceSpecification={"Containers": [{"Image": image}]})
            said = refused(ValidationException, lambda: made.decide(ALICE, arn))  # noqa: B023
            assert f"The image {image} does not match 123456789012.dkr.ecr.*/team/*." in said


def test_artifacts_must_still_exist() -> None:
    s3 = S3(**{"b_model.tar.gz": b""})
    with with_rules("", "artifact-exists", s3) as made:
        container = {"Image": "i", "ModelDataUrl": "s3://b/model.tar.gz"}
        arn = made.register(InferenceSpecification={"Containers": [container]})
        s3.objects.clear()
        said = refused(ValidationException, lambda: made.decide(ALICE, arn))
        assert "The artifact s3://b/model.tar.gz does not exist." in said


def test_approval_can_have_a_minimum_age_and_a_deadline() -> None:
    rules = 'rules.wait = {is = "minimum-age", age = "1d"}\nrules.end = {is = "expires", after = "7d"}'
    with with_rules(rules, "wait end") as made:
        arn = made.register()
        said = refused(ConflictException, lambda: made.decide(ALICE, arn))
        assert "`wait`: The version must be at least 1d old, which it will be at 2023-11-15 22:13:20 UTC." in said
        made.clock.now += DAY
        assert made.decide(ALICE, arn) == "Approved"
        late = made.register()
        made.clock.now += 7 * DAY + 1
        said = refused(ConflictException, lambda: made.decide(ALICE, late))
        assert "`end`: The version is older than 7d and can no longer be approved; register it again." in said


def test_an_approved_version_is_frozen() -> None:
    with with_rules('rules.r = {is = "frozen", may_change = ["ModelLifeCycle", "ModelCard"]}') as made:
        arn = made.register(CustomerMetadataProperties={"a": "1"})
        made.update(DAVE, arn, CustomerMetadataProperties={"a": "2"})
        made.decide(ALICE, arn)
        before = made.stored()
        for change, member in (
            ({"CustomerMetadataProperties": {"a": "3"}}, "CustomerMetadataProperties"),
            ({"CustomerMetadataPropertiesToRemove": ["a"]}, "CustomerMetadataProperties"),
            ({"ApprovalDescription": "otherwise"}, "ApprovalDescription"),
            ({"SourceUri": "x"}, "SourceUri"),
        ):
            said = refused(ConflictException, lambda: made.update(DAVE, arn, **change))  # noqa: B023
            assert f"`r`: The version is Approved, so its {member} cannot change." in said
        said = refused(ConflictException, lambda: made.call("DeleteModelPackage", {"ModelPackageName": arn}, DAVE))
        assert "cannot be deleted. `r`: The version is Approved and cannot be deleted; reject it first." in said
        assert made.stored() == before
        made.update(DAVE, arn, CustomerMetadataProperties={"a": "2"})
        made.update(DAVE, arn, ModelLifeCycle={"Stage": "Production", "StageStatus": "Live"})
        assert made.decide(ALICE, arn, "Rejected", "a fault") == "Rejected"
        made.update(DAVE, arn, SourceUri="x")
        made.call("DeleteModelPackage", {"ModelPackageName": arn}, DAVE)


def test_an_error_names_every_failed_rule_and_has_the_code_of_the_most_severe() -> None:
    rules = 'rules.who = {is = "only", who = ["alice"]}\nrules.accurate = {is = "metric", metric = "f1", min = 1}'
    with with_rules(rules, "accurate who reason-required") as made:
        arn = made.register()
        said = refused(AccessDeniedException, lambda: made.decide(BOB, arn, reason=None))
        assert [said.count(f" `{name}`: ") for name in ("accurate", "who", "reason-required")] == [1, 1, 1]


def test_the_first_table_that_matches_a_group_applies() -> None:
    toml = '[[approval]]\ngroups = ["churn"]\n[[approval]]\ngroups = ["*"]\nprofile = "strict"\n'
    with Registry(toml) as made:
        assert made.register(ModelApprovalStatus="Approved")
        made.call("CreateModelPackageGroup", {"ModelPackageGroupName": "fraud"}, DAVE)
        refused(
            ValidationException, lambda: made.register(ModelPackageGroupName="fraud", ModelApprovalStatus="Approved")
        )


def test_the_transitions_of_a_version_are_explained_with_their_rules() -> None:
    rules = 'rules.who = {is = "only", who = ["group:reviewers"]}\nrules.still = {is = "frozen"}'
    with with_rules(rules, "who creator-may-not-approve still", profile="strict") as made:
        arn = made.register(DAVE)
        told = made.extension("explain", {"group": "churn", "version": "1"}, DAVE)
        assert (told["version"], told["status"], told["profile"], told["rev"]) == (arn, PENDING, "strict", 0)
        assert told["since"].startswith("registered by arn:aws:iam::123456789012:user/dave at 2023-11-14 ")
        transitions = {one["to"]: one for one in told["transitions"]}
        assert {to: one["allowed"] for to, one in transitions.items()} == {
            "Approved": False,
            "Rejected": False,
            PENDING: True,
        }
        outcomes = {row["rule"]: row["outcome"] for row in transitions["Approved"]["rules"]}
        assert outcomes == {"reason-required": "needs_input", "who": "failed", "creator-may-not-approve": "failed"}
        as_alice = made.extension("explain", {"arn": arn, "identity": "alice", "reason": "ticket"}, DAVE)
        assert [one["allowed"] for one in as_alice["transitions"]] == [True, True, True]
        by_arn = {"arn": "churn/1", "identity": "arn:aws:iam::123456789012:user/alice"}
        assert made.extension("explain", by_arn, DAVE)["caller"]["groups"] == ["reviewers"]
        assert made.extension("explain", {"arn": arn, "identity": "B"}, DAVE)["caller"]["name"] == "bob"
        assert made.extension("explain", {"arn": arn, "identity": "nobody"}, DAVE)["caller"]["groups"] == []
        assert [row["rule"] for row in told["always"]] == ["still"]


def test_an_invalid_explanation_or_decision_request_is_rejected() -> None:
    with with_rules("", "reason-required") as made:
        assert "churn/9 does not exist" in refused(
            ValidationException, lambda: made.extension("explain", {"arn": "churn/9"}, DAVE)
        )
        assert "Name a version" in refused(ValidationException, lambda: made.extension("explain", {}, DAVE))
        other = {"arn": "arn:aws:sagemaker:us-east-1:999999999999:model-package/churn/1"}
        refused(AccessDeniedException, lambda: made.extension("explain", other, DAVE))
        status = {"arn": made.register(), "status": "Good"}
        assert "enum value set" in refused(ValidationException, lambda: made.extension("decide", status, DAVE))


MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "ModelApprovalStatus": st.sampled_from(["Approved", "Rejected", PENDING]),
        "ApprovalDescription": st.sampled_from(["", "because"]),
        "CustomerMetadataProperties": st.fixed_dictionaries({"accuracy": st.sampled_from(["0.8", "0.95"])}),
        "SourceUri": st.sampled_from(["x", "y"]),
        "ModelLifeCycle": st.fixed_dictionaries(
            {"Stage": st.sampled_from(["Dev", "Production"]), "StageStatus": st.just("x")}
        ),
    },
)
ALL = """
rules.who = {is = "only", who = ["group:reviewers", "group:risk"]}
rules.two = {is = "approvers"}
rules.accurate = {is = "metric", metric = "accuracy", min = 0.9}
rules.still = {is = "frozen"}
"""


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from([ALICE, BOB, CAROL, DAVE]), MEMBERS), min_size=1, max_size=10))
def test_rejected_updates_change_nothing_and_approval_takes_two_callers(
    asked: list[tuple[Caller, dict[str, Any]]],
) -> None:
    with with_rules(ALL, "who two accurate still creator-may-not-approve", profile="strict") as made:
        arn = made.register(DAVE, CustomerMetadataProperties={"accuracy": "0.95"})
        for caller, members in asked:
            before = made.stored()
            try:
                made.update(caller, arn, **members)
            except RegistryError:
                assert made.stored() == before
                continue
            (row,) = made.stored()
            assert row["rev"] == before[0]["rev"] + bool(members)
            if row["approval"] == "Approved":
                approvals = row["record"]["_Approval"]["Approvals"]
                assert len({one["Arn"] for one in approvals}) == len(approvals) == 2
                assert row["record"]["CustomerMetadataProperties"] == {"accuracy": "0.95"}


def test_responses_do_not_show_internal_members() -> None:
    with with_rules(TWO) as made:
        arn = made.register()
        made.decide(ALICE, arn)
        found = made.call("Search", {"Resource": "ModelPackage"}, DAVE)["Results"][0]["ModelPackage"]
        for answer in (made.describe(arn), found):
            assert not [name for name in answer if name.startswith("_")]


def test_every_rule_kind_has_a_description() -> None:
    assert all(rule.__doc__ for rule in KINDS.values())


def test_a_rule_that_reads_s3_requires_s3() -> None:
    with pytest.raises(BackendUnavailable, match="`artifact-exists` rules require access to S3; serve"):
        with_rules("", "artifact-exists")


@pytest.fixture
def fill_s3(tmp_path: Path) -> Any:
    """Write a registry.toml with a rule that reads metrics files; return a function that stores such files in S3."""
    rule = '[rules.good]\nis = "metric"\nmetric = "f1.value"\nmin = 0.5\nsource = "ModelQuality.Statistics"\n'
    table = '[[approval]]\ngroups = ["churn"]\nprofile = "strict"\nrules = ["good"]\n'
    (tmp_path / "registry.toml").write_text(table + rule, encoding="utf-8")

    def fill(s3: Any, bucket: str) -> None:
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="metrics.json", Body=b'{"f1": {"value": 0.7}}')
        s3.put_object(Bucket=bucket, Key="large.json", Body=b" " * (2**20 + 1))

    return fill


def decide_by_files(sagemaker: Any, bucket: str) -> None:
    """Approve a version with a good metrics file, and assert that others are rejected."""
    sagemaker.create_model_package_group(**GROUP)
    decision = {"ModelApprovalStatus": "Approved", "ApprovalDescription": "good"}

    def approve(url: str) -> None:
        arn = sagemaker.create_model_package(**GROUP, **metrics(url))["ModelPackageArn"]
        sagemaker.update_model_package(ModelPackageArn=arn, **decision)

    approve(f"s3://{bucket}/metrics.json")
    for url, sentence in (
        (f"s3://{bucket}/large.json", "has 1,048,577 bytes; rules read at most 1,048,576"),
        (f"s3://{bucket}/none.json", "does not exist"),
        ("s3://nowhere/metrics.json", "does not exist"),
    ):
        with pytest.raises(sagemaker.exceptions.ClientError, match=sentence):
            approve(url)


def test_a_served_registry_reads_metrics_from_its_own_s3(serve: Callable[..., Emulator], fill_s3: Any) -> None:
    served = serve("--backend", "sqlite://", "--config", "registry.toml")
    fill_s3(served.client("s3"), "models")
    decide_by_files(served.client("sagemaker"), "models")


def test_a_served_registry_reads_metrics_from_a_configured_s3_endpoint(
    serve: Callable[..., Emulator], emulator: Emulator, fill_s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "123456789012")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    fill_s3(emulator.client("s3"), "metrics-of-the-team")
    served = serve("--backend", "sqlite://", "--config", "registry.toml", "--s3-endpoint", emulator.url)
    decide_by_files(served.client("sagemaker"), "metrics-of-the-team")


def test_an_unreachable_metrics_file_prevents_approval(serve: Callable[..., Emulator], fill_s3: Any) -> None:
    away = "http://127.0.0.1:9"
    served = serve("--backend", "sqlite://", "--config", "registry.toml", "--s3-endpoint", away)
    sagemaker = served.client("sagemaker")
    sagemaker.create_model_package_group(**GROUP)
    arn = sagemaker.create_model_package(**GROUP, **metrics())["ModelPackageArn"]
    with pytest.raises(sagemaker.exceptions.ClientError, match=f"The lookup at the S3 endpoint {away} failed"):
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="good")
    described = sagemaker.describe_model_package(ModelPackageName=arn)
    assert (described["ModelApprovalStatus"], "LastModifiedTime" in described) == (PENDING, False)
