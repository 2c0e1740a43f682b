"""Test with a registry in the process of the test, without a server or a socket."""

import pytest


def test_each_test_has_an_empty_registry(sagemaker_registry):
    assert list(sagemaker_registry.groups()) == []
    version = sagemaker_registry.register("churn", image="registry/churn:1", metadata={"accuracy": 0.91})
    sagemaker_registry.approve(version, "ticket 42")
    assert sagemaker_registry.latest_approved("churn") == sagemaker_registry.get(version.arn)


@pytest.mark.sagemaker_registry({"groups": {"churn": {"versions": [{"image": "registry/churn:1"}]}}})
def test_a_boto3_client_uses_the_same_registry(sagemaker_registry, sagemaker_client):
    listed = sagemaker_client.list_model_packages(ModelPackageGroupName="churn")["ModelPackageSummaryList"]
    assert [version["ModelPackageArn"] for version in listed] == [
        one.arn for one in sagemaker_registry.pending("churn")
    ]
    sagemaker_registry.calls("ListModelPackages").any(ModelPackageGroupName="churn")
