"""The caller seen by the registry, its extensions and other services, for each way to sign: the signer, or none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from msgspec.structs import replace as replace_in

from safety.auth_app import ALICE, AT, BOB
from sagemaker_registry.backends import open_backend
from sagemaker_registry.backends.base import BackendOptions
from sagemaker_registry.backends.identities import Identities, with_profiles
from sagemaker_registry.emulator.app import application
from sagemaker_registry.emulator.auth.authentication import Authentication
from sagemaker_registry.emulator.aws.sts import CallerIdentity
from support.console import settings_of
from support.signing import NOW, environ_of, signed

TENANT = "222222222222"
CAROL = replace(ALICE, profile="carol", access_key="AKIACAROL", account=TENANT)
KEYS = {one.access_key: one for one in (ALICE, BOB, CAROL)}
TWO_PERSON_RULE = {"groups": ["*"], "profile": "documented", "rules": ["creator-may-not-approve"]}
VERSION = {
    "ModelPackageGroupName": "churn",
    "ModelApprovalStatus": "PendingManualApproval",
    "InferenceSpecification": {
        "Containers": [{"Image": "registry/churn:1"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
}


class Registry:
    """A registry with other services, called with signatures; `seen` contains the accounts passed to other services."""

    def __init__(self, backend: Any, identities: Identities, *, locked: bool = True) -> None:
        self.seen: list[str] = []
        keys = partial(Authentication, keys=KEYS, clock=lambda: AT)

        def other_services(environ: Any, start_response: Any) -> list[bytes]:
            self.seen.append(environ["HTTP_X_MOTO_ACCOUNT_ID"])
            start_response("200 OK", [])
            return [b"{}"]

        services = CallerIdentity(other_services, identities)
        self.app = application(backend, other_services=services, authenticated=keys if locked else None)

    def send(self, prepared: Any) -> tuple[int, Any]:
        statuses: list[str] = []
        environ = environ_of(prepared)
        setup_testing_defaults(environ)
        body = b"".join(self.app(environ, lambda status, *_: statuses.append(status)))  # type: ignore[arg-type, return-value]
        return int(statuses[0][:3]), json.loads(body) if body[:1] == b"{" else body.decode()

    def call(self, operation: str, who: Any, signer: str = "header", **params: Any) -> tuple[int, Any]:
        headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"SageMaker.{operation}"}
        return self.send(signed(who, headers=headers, body=json.dumps(params).encode(), signer=signer, at=NOW))

    def get(self, path: str, who: Any, signer: str = "header", service: str = "sagemaker") -> tuple[int, Any]:
        url = f"http://localhost{path}"
        return self.send(signed(who, "GET", url, body=b"", signer=signer, service=service, at=NOW))

    def groups(self, who: Any) -> dict[str, str]:
        """Return the creator of each group that is visible to a caller."""
        _, answer = self.call("ListModelPackageGroups", who)
        names = [one["ModelPackageGroupName"] for one in answer["ModelPackageGroupSummaryList"]]
        found = [self.call("DescribeModelPackageGroup", who, ModelPackageGroupName=name)[1] for name in names]
        return {one["ModelPackageGroupName"]: one["CreatedBy"]["IamIdentity"]["Arn"] for one in found}


def registry_of(*, locked: bool) -> Iterator[Registry]:
    """Yield a registry whose creators cannot approve their versions; if not locked, signatures are not verified."""
    people = with_profiles({}, KEYS)
    settings = replace_in(settings_of(approval=[TWO_PERSON_RULE]), identities=people)
    with open_backend("sqlite://", BackendOptions(settings)) as backend:
        yield Registry(backend, Identities(people), locked=locked)


@pytest.fixture
def locked() -> Iterator[Registry]:
    yield from registry_of(locked=True)


@pytest.fixture
def unlocked() -> Iterator[Registry]:
    yield from registry_of(locked=False)


def test_the_signer_is_the_caller(locked: Registry) -> None:
    for who in (ALICE, BOB, CAROL):
        assert locked.call("CreateModelPackageGroup", who, ModelPackageGroupName=who.profile)[0] == 200
    expected = {name: f"arn:aws:iam::123456789012:user/{name}" for name in ("alice", "bob")}
    assert locked.groups(ALICE) == locked.groups(BOB) == expected
    assert locked.groups(CAROL) == {"carol": f"arn:aws:iam::{TENANT}:user/carol"}
    for who, names in ((ALICE, ["alice", "bob"]), (CAROL, ["carol"])):
        status, answer = locked.get("/_registry/history", who)
        assert status == 200
        assert sorted((change["name"], change["principal"]) for change in answer["changes"]) == [
            (name, name) for name in names
        ]


@pytest.mark.parametrize("path", ["/_registry/history", "/_registry/info", "/_registry/metrics"])
def test_extensions_reject_signatures_in_the_query(locked: Registry, path: str) -> None:
    status, answer = locked.get(path, ALICE, "query")
    assert (status, answer["__type"]) == (400, "IncompleteSignatureException")
    assert "sign the request in the Authorization header" in answer["message"]
    assert locked.get(path, ALICE)[0] == 200


def test_calls_with_a_signature_in_the_query_are_rejected_and_change_nothing(locked: Registry) -> None:
    for who in (ALICE, CAROL):
        status, answer = locked.call("CreateModelPackageGroup", who, "query and body", ModelPackageGroupName="churn")
        assert (status, answer["__type"]) == (400, "IncompleteSignatureException")
        assert "sign the request in the Authorization header" in answer["message"]
    assert locked.groups(ALICE) == locked.groups(CAROL) == {}
    assert locked.call("ListModels", ALICE, "query and body")[0] == 400
    assert locked.seen == []


@pytest.mark.parametrize("signer", ["header", "query and body"])
def test_a_creator_cannot_approve_with_any_kind_of_signature(locked: Registry, signer: str) -> None:
    locked.call("CreateModelPackageGroup", BOB, ModelPackageGroupName="churn")
    arn = locked.call("CreateModelPackage", ALICE, **VERSION)[1]["ModelPackageArn"]
    approval = {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"}
    assert locked.call("UpdateModelPackage", ALICE, signer, **approval)[0] == 400
    described = locked.call("DescribeModelPackage", BOB, ModelPackageName=arn)[1]
    assert described["ModelApprovalStatus"] == "PendingManualApproval"
    assert locked.call("UpdateModelPackage", BOB, **approval)[0] == 200
    described = locked.call("DescribeModelPackage", BOB, ModelPackageName=arn)[1]
    assert described["LastModifiedBy"]["IamIdentity"]["Arn"].endswith(":user/bob")


@pytest.mark.parametrize("signer", ["s3 header", "s3 query"])
def test_other_services_get_the_account_of_the_signer(locked: Registry, signer: str) -> None:
    for who in (ALICE, CAROL):
        assert locked.get("/bucket/key", who, signer, "s3") == (200, {})
    assert locked.seen == ["123456789012", TENANT]


@pytest.mark.parametrize("signer", ["header", "query and body"])
def test_without_verification_the_caller_is_the_one_named_by_the_signature(unlocked: Registry, signer: str) -> None:
    unlocked.call("CreateModelPackageGroup", BOB, ModelPackageGroupName="churn")
    arn = unlocked.call("CreateModelPackage", ALICE, signer, **VERSION)[1]["ModelPackageArn"]
    described = unlocked.call("DescribeModelPackage", BOB, signer, ModelPackageName=arn)[1]
    assert described["CreatedBy"]["IamIdentity"]["Arn"].endswith(":user/alice")
    unlocked.call("CreateModelPackageGroup", CAROL, signer, ModelPackageGroupName="theirs")
    assert unlocked.groups(CAROL) == {"theirs": f"arn:aws:iam::{TENANT}:user/carol"}


@pytest.mark.parametrize("signer", ["header", "query"])
def test_get_caller_identity_accepts_signatures_in_header_and_query(locked: Registry, signer: str) -> None:
    """Vault and EKS identify callers by a URL of GetCallerIdentity that a third party requests."""
    request = "/?Action=GetCallerIdentity&Version=2011-06-15"
    for who, account in ((ALICE, "123456789012"), (CAROL, TENANT)):
        status, answer = locked.get(request, who, signer, "sts")
        assert status == 200
        assert f"<Arn>arn:aws:iam::{account}:user/{who.profile}</Arn>" in answer
    assert locked.seen == []
    assert locked.get("/?Action=GetSessionToken", ALICE, signer, "sts") == (200, {})
    assert locked.get("/bucket/key?Action=GetCallerIdentity", ALICE, f"s3 {signer}", "s3") == (200, {})
    assert len(locked.seen) == 2
