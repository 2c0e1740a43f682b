"""No request makes moto deploy a version that is not Approved, in whatever spelling and by whatever service."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from sagemaker_registry.emulator.aws import deploy_gate
from support.server import REGION, Emulator

ROLE = "arn:aws:iam::123456789012:role/exec"
SPECIFICATION = {
    "Containers": [{"Image": "churn:1"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}


class Site:
    """A served registry with a pending, a rejected and an approved version in one account."""

    def __init__(self, url: str, account: str) -> None:
        self.url, self.account = url, account
        self.sagemaker = self.client("sagemaker")
        self.sagemaker.create_model_package_group(ModelPackageGroupName="churn")
        self.pending, self.rejected, self.approved = (
            self.sagemaker.create_model_package(
                ModelPackageGroupName="churn", InferenceSpecification=SPECIFICATION, ModelApprovalStatus=status
            )["ModelPackageArn"]
            for status in ("PendingManualApproval", "Rejected", "Approved")
        )

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": self.account, "aws_secret_access_key": "any"}
        return boto3.client(service, region_name=REGION, endpoint_url=self.url, **keys)

    def models(self) -> list[str]:
        return [model["ModelName"] for model in self.sagemaker.list_models()["Models"]]

    def post(self, target: str | None, content: dict[str, Any] | str, service: str = "sagemaker") -> requests.Response:
        scope = f"{self.account}/20260101/{REGION}/{service}/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"}
        headers["Content-Type"] = "application/x-amz-json-1.1"
        if target is not None:
            headers["X-Amz-Target"] = target
        body = content if isinstance(content, str) else json.dumps(content)
        return requests.post(self.url, body, headers=headers, timeout=30)


@pytest.fixture
def site(emulator: Emulator, account: str) -> Site:
    return Site(emulator.url, account)


@pytest.mark.parametrize("service", ["sagemaker", "SageMaker", "api.sagemaker"])
@pytest.mark.parametrize(
    "target",
    ["SageMaker.CreateModel", "sagemaker.CreateModel", "X.CreateModel", "CreateModel", "a.b.CreateModel", None],
)
def test_no_spelling_of_create_model_deploys_a_pending_version(site: Site, target: str | None, service: str) -> None:
    for container in (
        {"PrimaryContainer": {"ModelPackageName": site.pending}},
        {"Containers": [{"ModelPackageName": site.rejected}]},
    ):
        answer = site.post(target, {"ModelName": "evil", "ExecutionRoleArn": ROLE, **container}, service)
        assert 400 <= answer.status_code < 500
        assert site.models() == []


def test_an_action_in_the_query_deploys_nothing(site: Site) -> None:
    scope = f"{site.account}/20260101/{REGION}/sagemaker/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"}
    content = json.dumps({"ModelName": "evil", "PrimaryContainer": {"ModelPackageName": site.pending}})
    for method, path in (
        ("POST", "/?Action=CreateModel"),
        ("GET", "/?Action=CreateModel"),
        ("POST", "/x?Action=CreateModel"),
    ):
        requests.request(method, f"{site.url}{path}", data=content, headers=headers, timeout=30)
        assert site.models() == []


def template(arn: str) -> str:
    properties = {"ExecutionRoleArn": ROLE, "ModelName": "m", "PrimaryContainer": {"ModelPackageName": arn}}
    return json.dumps({"Resources": {"Model": {"Type": "AWS::SageMaker::Model", "Properties": properties}}})


def test_a_stack_creates_no_model_of_a_rejected_version(site: Site) -> None:
    cloud = site.client("cloudformation")
    with pytest.raises(ClientError, match="cannot be deployed: its approval status is Rejected"):
        cloud.create_stack(StackName="evil", TemplateBody=template(site.rejected))
    assert site.models() == []


def test_an_update_of_a_stack_creates_no_model_of_a_pending_version(site: Site) -> None:
    cloud = site.client("cloudformation")
    cloud.create_stack(StackName="good", TemplateBody=template(site.approved))
    created = site.models()
    assert len(created) == 1
    with pytest.raises(ClientError):
        cloud.update_stack(StackName="good", TemplateBody=template(site.pending))
    described = [site.sagemaker.describe_model(ModelName=name) for name in site.models()]
    assert {one["PrimaryContainer"]["ModelPackageName"] for one in described} <= {site.approved}


def test_a_change_set_creates_no_model_of_a_pending_version(site: Site) -> None:
    cloud = site.client("cloudformation")
    with pytest.raises(ClientError):
        cloud.create_change_set(
            StackName="evil", ChangeSetName="evil", ChangeSetType="CREATE", TemplateBody=template(site.pending)
        )
        cloud.execute_change_set(ChangeSetName="evil", StackName="evil")
    assert site.models() == []


def test_a_pending_version_is_not_compiled(site: Site) -> None:
    job = {
        "CompilationJobName": "evil",
        "RoleArn": ROLE,
        "OutputConfig": {"S3OutputLocation": "s3://a/b", "TargetDevice": "ml_m5"},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    with pytest.raises(ClientError, match="cannot be deployed"):
        site.sagemaker.create_compilation_job(**job, ModelPackageVersionArn=site.pending)
    site.sagemaker.create_compilation_job(**job, ModelPackageVersionArn=site.approved)


def test_approved_versions_and_models_without_a_version_are_deployed(site: Site) -> None:
    for number, container in enumerate(({"ModelPackageName": site.approved}, {"Image": "churn:1"})):
        site.sagemaker.create_model(ModelName=f"m{number}", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    assert site.models() == ["m0", "m1"]


@pytest.mark.parametrize("operation", ["CreateModelPackageGroup", "CreateModelPackage", "UpdateModelPackage"])
def test_another_spelling_does_not_reach_a_second_registry(site: Site, operation: str) -> None:
    answer = site.post(f"x.{operation}", {"ModelPackageGroupName": "shadow", "ModelPackageArn": site.pending})
    assert answer.status_code == 400
    assert answer.json()["__type"].endswith("UnknownOperationException")
    assert site.sagemaker.describe_model_package(ModelPackageName=site.pending)["ModelApprovalStatus"].startswith(
        "Pending"
    )


def test_the_members_that_name_a_version_come_from_the_service_model() -> None:
    assert deploy_gate._members() >= {"modelpackagename", "modelpackageversionarn"}
    nested = {"a": [{"b": {"ModelPackageName": "x"}}], "model_package_version_arn": "y", "other": "z"}
    assert sorted(deploy_gate.packages_in(nested)) == ["x", "y"]
