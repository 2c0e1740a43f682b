"""The registry with other AWS services: shared operations, deployment checks, artifacts in S3, images in ECR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sagemaker_registry.backends.contract.base import UNVERSIONED_SPECIFICATION
from support.server import Emulator

Serve = Callable[..., Emulator]
MANIFEST = '{"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json", "layers": []}'
ROLE = "arn:aws:iam::123456789012:role/deploy"


def registered(sagemaker: Any, container: dict[str, Any] | None = None, **members: Any) -> str:
    if not sagemaker.list_model_package_groups(NameContains="churn")["ModelPackageGroupSummaryList"]:
        sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    specification = {"Containers": [container or {"Image": "registry/churn:3"}]}
    created = sagemaker.create_model_package(
        ModelPackageGroupName="churn", InferenceSpecification=specification, **members
    )
    return str(created["ModelPackageArn"])


def sentence(call: Callable[..., Any], **params: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**params)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return str(caught.value.response["Error"]["Message"])


def test_only_an_approved_version_becomes_a_model(emulator: Emulator, account: str) -> None:
    sagemaker = emulator.client("sagemaker", account)
    arn = registered(sagemaker)
    for wanted in ({"PrimaryContainer": {"ModelPackageName": arn}}, {"Containers": [{"ModelPackageName": "churn/1"}]}):
        refused = sentence(sagemaker.create_model, ModelName="churn", ExecutionRoleArn=ROLE, **wanted)
        assert refused == (
            f"ModelPackage {arn} cannot be deployed: its approval status is PendingManualApproval, "
            "and only Approved versions can be."
        )
    assert sagemaker.list_models()["Models"] == []
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    sagemaker.create_model(ModelName="churn", ExecutionRoleArn=ROLE, PrimaryContainer={"ModelPackageName": arn})
    assert [model["ModelName"] for model in sagemaker.list_models()["Models"]] == ["churn"]
    assert sagemaker.describe_model(ModelName="churn")["PrimaryContainer"]["ModelPackageName"] == arn


def test_one_unapproved_container_prevents_deployment(emulator: Emulator, account: str) -> None:
    sagemaker = emulator.client("sagemaker", account)
    approved = registered(sagemaker, ModelApprovalStatus="Approved")
    rejected = registered(sagemaker, ModelApprovalStatus="Rejected")
    containers = [{"ModelPackageName": approved}, {"ModelPackageName": rejected}]
    refused = sentence(sagemaker.create_model, ModelName="both", ExecutionRoleArn=ROLE, Containers=containers)
    assert f"{rejected} cannot be deployed: its approval status is Rejected" in refused


def test_a_missing_package_cannot_be_deployed_and_an_unversioned_one_can(emulator: Emulator, account: str) -> None:
    sagemaker = emulator.client("sagemaker", account)
    container = {"ModelPackageName": "nobody"}
    refused = sentence(sagemaker.create_model, ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer=container)
    assert refused.endswith(":model-package/nobody does not exist.")
    sagemaker.create_model_package(ModelPackageName="solo", InferenceSpecification=UNVERSIONED_SPECIFICATION)
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"ModelPackageName": "solo"})


def test_all_members_of_create_model_are_forwarded(emulator: Emulator, account: str) -> None:
    sagemaker = emulator.client("sagemaker", account)
    arn = registered(sagemaker, ModelApprovalStatus="Approved")
    created = sagemaker.create_model(
        ModelName="churn",
        ExecutionRoleArn=ROLE,
        Containers=[{"ModelPackageName": arn}],
        InferenceExecutionConfig={"Mode": "Serial"},
        VpcConfig={"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]},
        EnableNetworkIsolation=True,
        Tags=[{"Key": "team", "Value": "fraud"}],
    )
    described = sagemaker.describe_model(ModelName="churn")
    assert created["ModelArn"] == described["ModelArn"]
    assert described["VpcConfig"] == {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
    assert sagemaker.list_tags(ResourceArn=created["ModelArn"])["Tags"] == [{"Key": "team", "Value": "fraud"}]


def test_a_model_without_a_package_is_left_to_moto(emulator: Emulator, account: str) -> None:
    sagemaker = emulator.client("sagemaker", account)
    sagemaker.create_model(ModelName="plain", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "registry/churn:3"})
    assert [model["ModelName"] for model in sagemaker.list_models()["Models"]] == ["plain"]


def test_a_version_created_from_a_model_has_its_containers(emulator: Emulator, account: str) -> None:
    sagemaker = emulator.client("sagemaker", account)
    container = {"Image": "registry/churn:3", "ModelDataUrl": "s3://models/m.tar.gz", "Environment": {"LEVEL": "1"}}
    arn = sagemaker.create_model(ModelName="churn", ExecutionRoleArn=ROLE, PrimaryContainer=container)["ModelArn"]
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    for source, expected in ((arn, [container]), (f"{arn}-2", None)):
        made = sagemaker.create_model_package(ModelPackageGroupName="churn", SourceUri=source)["ModelPackageArn"]
        described = sagemaker.describe_model_package(ModelPackageName=made)
        assert described["SourceUri"] == source
        found = described.get("InferenceSpecification", {}).get("Containers")
        assert [{k: v for k, v in one.items() if k != "ImageDigest"} for one in found or []] == (expected or [])


def test_tags_of_other_resources_are_left_to_moto(emulator: Emulator, account: str) -> None:
    sagemaker = emulator.client("sagemaker", account)
    arn = sagemaker.create_model(
        ModelName="plain", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "registry/churn:3"}
    )["ModelArn"]
    tags = [{"Key": "team", "Value": "fraud"}]
    sagemaker.add_tags(ResourceArn=arn, Tags=tags)
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["team"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == []


def test_an_artifact_must_exist_if_its_bucket_exists(emulator: Emulator, account: str) -> None:
    sagemaker, s3 = emulator.client("sagemaker", account), emulator.client("s3", account)
    bucket = f"models-{account}"
    s3.create_bucket(Bucket=bucket)
    container = {"Image": "registry/churn:3", "ModelDataUrl": f"s3://{bucket}/churn/a model+1.tar.gz"}
    assert sentence(registered, sagemaker=sagemaker, container=container) == (
        f"Cannot find S3 object: churn/a model+1.tar.gz in bucket {bucket}. Please check if your S3 object exists and "
        "has proper permissions for SageMaker."
    )
    assert sagemaker.list_model_packages(ModelPackageGroupName="churn")["ModelPackageSummaryList"] == []
    s3.put_object(Bucket=bucket, Key="churn/a model+1.tar.gz", Body=b"weights")
    assert registered(sagemaker, container).endswith("/churn/1")
    assert registered(sagemaker, {"Image": "i", "ModelDataUrl": "s3://a-bucket-of-aws/model.tar.gz"}).endswith(
        "/churn/2"
    )


def test_an_artifact_can_be_a_prefix(emulator: Emulator, account: str) -> None:
    sagemaker, s3 = emulator.client("sagemaker", account), emulator.client("s3", account)
    bucket = f"prefixes-{account}"
    s3.create_bucket(Bucket=bucket)
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/churn/", "CompressionType": "None"}
    container = {"Image": "registry/churn:3", "ModelDataSource": {"S3DataSource": source}}
    assert sentence(registered, sagemaker=sagemaker, container=container).startswith("Cannot find S3 object: churn/ in")
    s3.put_object(Bucket=bucket, Key="churn/weights.bin", Body=b"weights")
    assert registered(sagemaker, container)


def test_the_artifact_check_can_be_off_or_always(serve: Serve) -> None:
    unchecked = serve("--backend", "sqlite://", "--check-artifacts", "off")
    unchecked.client("s3").create_bucket(Bucket="models")
    container = {"Image": "registry/churn:3", "ModelDataUrl": "s3://models/never-uploaded"}
    assert registered(unchecked.client("sagemaker"), container)
    strict = serve("--backend", "sqlite://", "--check-artifacts", "always")
    assert "in bucket models." in sentence(registered, sagemaker=strict.client("sagemaker"), container=container)


def test_artifacts_can_be_checked_at_another_endpoint(
    emulator: Emulator, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "store")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    emulator.client("s3").create_bucket(Bucket="the-teams-models")
    emulator.client("s3").put_object(Bucket="the-teams-models", Key="there", Body=b"weights")
    sagemaker = serve("--backend", "sqlite://", "--s3-endpoint", emulator.url).client("sagemaker")
    assert registered(sagemaker, {"Image": "i", "ModelDataUrl": "s3://the-teams-models/there"})
    assert registered(sagemaker, {"Image": "i", "ModelDataUrl": "s3://nobodys-models/there"})
    not_there = {"Image": "i", "ModelDataUrl": "s3://the-teams-models/the"}
    assert "Cannot find S3 object: the in" in sentence(registered, sagemaker=sagemaker, container=not_there)


def test_an_unreachable_s3_endpoint_prevents_registration(serve: Serve) -> None:
    sagemaker = serve("--backend", "sqlite://", "--s3-endpoint", "http://127.0.0.1:9").client("sagemaker")
    with pytest.raises(ClientError, match=r"The lookup at the S3 endpoint http://127.0.0.1:9 failed"):
        registered(sagemaker, {"Image": "i", "ModelDataUrl": "s3://models/there"})


def test_an_image_can_be_required_to_exist_if_its_repository_exists(serve: Serve) -> None:
    served = serve("--backend", "sqlite://", "--check-images", "auto")
    sagemaker, ecr = served.client("sagemaker"), served.client("ecr")
    ecr.create_repository(repositoryName="churn")
    image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:3"
    refused = sentence(registered, sagemaker=sagemaker, container={"Image": image})
    assert refused == f"Requested image {image} not found."
    ecr.put_image(repositoryName="churn", imageTag="3", imageManifest=MANIFEST)
    assert registered(sagemaker, {"Image": image})
    assert registered(sagemaker, {"Image": "public.ecr.aws/example/churn:3"})
    assert registered(sagemaker, {"Image": image.replace("/churn:", "/no-such-repository:")})


def test_a_head_request_for_a_missing_s3_object_is_404(emulator: Emulator, account: str) -> None:
    s3 = emulator.client("s3", account)
    s3.create_bucket(Bucket=f"models-{account}")
    missing = [(s3.head_bucket, {"Bucket": f"nobodys-{account}"})]
    missing.append((s3.head_object, {"Bucket": f"models-{account}", "Key": "missing.tar.gz"}))
    for call, params in missing:
        with pytest.raises(ClientError) as caught:
            call(**params)
        assert caught.value.response["Error"] == {"Code": "404", "Message": "Not Found"}
