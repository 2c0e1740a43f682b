"""A registry in the test's own process: no server, no socket."""

import pytest


def test_each_test_has_a_registry_of_its_own(sagemaker_registry):
    assert list(sagemaker_registry.groups()) == []
    version = sagemaker_registry.register("churn", image="registry/churn:1", metadata={"accuracy": 0.91})
    sagemaker_registry.approve(version, "ticket 42")
    assert sagemaker_registry.latest_approved("churn") == sagemaker_registry.get(version.arn)


@pytest.mark.sagemaker_registry({"groups": {"churn": {"versions": [{"image": "registry/churn:1"}]}}})
def test_a_stock_client_is_on_it(sagemaker_registry, sagemaker_client):
    listed = sagemaker_client.list_model_packages(ModelPackageGroupName="churn")["ModelPackageSummaryList"]
    assert [version["ModelPackageArn"] for version in listed] == [
        one.arn for one in sagemaker_registry.pending("churn")
    ]
    sagemaker_registry.calls("ListModelPackages").any(ModelPackageGroupName="churn")
