"""A guard in front of a backend applies the same rules before it forwards a request."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_registry.backends import BackendUnavailable
from sagemaker_registry.backends.approval.guard import GuardedBackend, guarded
from sagemaker_registry.backends.base import Backend, BackendOptions, Caller
from sagemaker_registry.backends.config import read
from sagemaker_registry.backends.errors import (
    AccessDeniedException,
    ConflictException,
    RegistryError,
    UnknownOperationException,
    ValidationException,
)
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.settings import Settings
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows

GROUP = {"ModelPackageGroupName": "churn"}
PEOPLE = """
identities.alice = {access_key = "A", groups = ["reviewers"]}
identities.bob = {access_key = "B"}
"""
ALICE, BOB, UNKNOWN = (Caller(access_key=key) for key in ("A", "B", "stranger"))
PENDING = "PendingManualApproval"
MISSING = "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/9"


class RecordingBackend(LocalRegistry):
    """A backend without rules that records the requests it receives."""

    def __init__(self) -> None:
        super().__init__(SQLiteRows(None))
        self.asked: list[tuple[str, dict[str, Any]]] = []
        super().call("CreateModelPackageGroup", {**GROUP, "Tags": [{"Key": "owner", "Value": "x"}]}, Caller())

    def call(self, operation: str, params: Any, caller: Caller) -> dict[str, Any]:
        self.asked.append((operation, dict(params)))
        return super().call(operation, params, caller)


def guard(rules: str, names: str, profile: str = "strict") -> tuple[GuardedBackend, RecordingBackend]:
    wanted = ", ".join(f'"{name}"' for name in names.split())
    toml = f'{PEOPLE}{rules}\n[[approval]]\ngroups = ["churn"]\nprofile = "{profile}"\nrules = [{wanted}]\n'
    inner = RecordingBackend()
    return GuardedBackend(inner, BackendOptions(read(tomllib.loads(toml)))), inner


def refused(kind: type[RegistryError], call: Callable[[], Any]) -> str:
    with pytest.raises(kind) as caught:
        call()
    return caught.value.message


def register(backend: Backend, caller: Caller = BOB, **members: Any) -> str:
    arn: str = backend.call("CreateModelPackage", {**GROUP, **members}, caller)["ModelPackageArn"]
    return arn


def decide(backend: Backend, caller: Caller, arn: str, status: str = "Approved", **members: Any) -> str:
    request = {"ModelPackageArn": arn, "ModelApprovalStatus": status, "ApprovalDescription": "why", **members}
    backend.call("UpdateModelPackage", request, caller)
    described = backend.call("DescribeModelPackage", {"ModelPackageName": arn}, caller)
    return str(described["ModelApprovalStatus"])


def test_a_rejected_request_does_not_reach_the_backend() -> None:
    front, inner = guard("", "creator-may-not-approve")
    with front:
        refused(ValidationException, lambda: register(front, ModelApprovalStatus="Approved"))
        assert inner.asked == []
        arn = register(front)
        assert inner.asked.pop() == ("CreateModelPackage", {**GROUP, "ModelApprovalStatus": PENDING})
        said = refused(AccessDeniedException, lambda: decide(front, BOB, arn))
        assert said.startswith(f"ModelPackage {arn} cannot become Approved. `creator-may-not-approve`: arn:aws:iam::")
        assert [operation for operation, _ in inner.asked] == ["DescribeModelPackage"]
        assert decide(front, ALICE, arn) == "Approved"
        said = refused(ConflictException, lambda: decide(front, ALICE, arn))
        assert f"is Approved (last changed by {arn_of('alice')} at 20" in said


def arn_of(name: str) -> str:
    return f"arn:aws:iam::123456789012:user/{name}"


def test_a_caller_with_an_unknown_arn_cannot_approve() -> None:
    front, _ = guard("", "creator-may-not-approve")
    with front:
        arn = register(front, UNKNOWN)
        assert "The ARN of stranger is unknown" in refused(AccessDeniedException, lambda: decide(front, UNKNOWN, arn))


def test_a_frozen_version_cannot_be_changed_or_deleted() -> None:
    front, _ = guard('rules.still = {is = "frozen"}', "still")
    with front:
        arn = register(front)
        decide(front, ALICE, arn)
        change = {"ModelPackageArn": arn, "CustomerMetadataProperties": {"a": "1"}}
        assert "its CustomerMetadataProperties cannot change" in refused(
            ConflictException, lambda: front.call("UpdateModelPackage", change, BOB)
        )
        refused(ConflictException, lambda: front.call("DeleteModelPackage", {"ModelPackageName": arn}, BOB))
        decide(front, ALICE, arn, "Rejected")
        front.call("DeleteModelPackage", {"ModelPackageName": arn}, BOB)


def test_tags_are_read_from_the_backend_only_if_a_rule_needs_them() -> None:
    front, inner = guard('rules.owned = {is = "tags-required", tags = ["owner"]}', "owned")
    with front:
        assert decide(front, ALICE, register(front)) == "Approved"
        assert ("ListTags", {"ResourceArn": "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn"}) in (
            inner.asked
        )
    front, inner = guard("", "reason-required")
    with front:
        decide(front, ALICE, register(front))
        assert "ListTags" not in [operation for operation, _ in inner.asked]


def test_unversioned_packages_and_other_groups_are_not_guarded() -> None:
    front, _ = guard("", "reason-required")
    with front:
        front.call("CreateModelPackageGroup", {"ModelPackageGroupName": "other"}, BOB)
        assert register(front, ModelPackageGroupName="other", ModelApprovalStatus="Approved")
        specification = {
            "Containers": [{"Image": "i"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
            "SupportedTransformInstanceTypes": ["ml.m5.large"],
            "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
        }
        solo = {"ModelPackageName": "churn", "InferenceSpecification": specification}
        front.call("CreateModelPackage", solo, BOB)
        front.call("DeleteModelPackage", {"ModelPackageName": "churn"}, BOB)


def test_errors_of_the_backend_are_returned_unchanged() -> None:
    front, inner = guard("", "reason-required")
    with front:
        for operation, params in (
            ("UpdateModelPackage", {}),
            (
                "UpdateModelPackage",
                {"ModelPackageArn": "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/9"},
            ),
            ("DeleteModelPackage", {"ModelPackageName": "nobody"}),
            ("CreateModelPackage", {}),
        ):
            said = refused(ValidationException, lambda: front.call(operation, params, BOB))  # noqa: B023
            assert said == refused(ValidationException, lambda: inner.call(operation, params, BOB))  # noqa: B023


def test_a_guard_explains_its_rules() -> None:
    front, _ = guard("", "creator-may-not-approve")
    with front:
        arn = register(front)
        told = front.extension("explain", {"group": "churn", "version": 1, "identity": "alice", "reason": "x"}, BOB)
        assert (told["version"], told["caller"]["arn"], "rev" in told) == (arn, arn_of("alice"), False)
        assert told["transitions"][0] == {
            "to": "Approved",
            "allowed": True,
            "why": "",
            "rules": [
                {
                    "rule": "reason-required",
                    "is": "reason-required",
                    "outcome": "passed",
                    "why": "The reason is 'x'.",
                },
                {
                    "rule": "creator-may-not-approve",
                    "is": "creator-may-not-approve",
                    "outcome": "passed",
                    "why": f"{arn_of('bob')} registered this version, not {arn_of('alice')}.",
                },
            ],
        }
        assert front.extension("settings", {}, BOB)["checks"]["images"] == "off"
        for params in ({}, {"arn": "churn/9"}, {"version": "x"}, {"arn": "no such name!"}):
            refused(ValidationException, lambda: front.extension("explain", params, BOB))  # noqa: B023


def test_the_decide_extension_is_not_available_behind_a_guard() -> None:
    front, _ = guard("", "creator-may-not-approve")
    with front:
        assert "decide" not in front.extensions
        assert front.extensions["explain"] is False
        decision = {"arn": register(front), "status": "Approved"}
        assert "has no extension 'decide'; available: as-of, events, " in refused(
            UnknownOperationException, lambda: front.extension("decide", decision, BOB)
        )


def test_a_rule_that_the_backend_cannot_support_is_rejected_at_start() -> None:
    with pytest.raises(
        BackendUnavailable, match="rule `two` is not supported on this registry: `approvers` rules require sqlite:// or"
    ):
        guard('rules.two = {is = "approvers"}', "two")
    with pytest.raises(BackendUnavailable, match="require access to S3"):
        guard("", "artifact-exists")
    unnamed = read(tomllib.loads('[[approval]]\ngroups = ["*"]\nrules = ["creator-may-not-approve"]'))
    with pytest.raises(BackendUnavailable, match=r"on moto://: `creator-may-not-approve` rules require \[identities\]"):
        guarded(RecordingBackend(), BackendOptions(unnamed), "moto://")


def test_without_rules_there_is_no_guard() -> None:
    with RecordingBackend() as inner:
        assert guarded(inner, BackendOptions(Settings())) is inner
