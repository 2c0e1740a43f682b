"""Test the pipeline on a served registry, which is seeded again for each test."""

import pipeline
import pytest

pytestmark = pytest.mark.sagemaker_registry("../seeds/churn.yaml")


def test_a_good_model_is_approved_and_deployed(sagemaker_registry_server):
    pipeline.register("registry/churn:3", accuracy=0.95)
    pipeline.review()
    assert pipeline.deployable() == "registry/churn:3"
    updates = sagemaker_registry_server.calls("UpdateModelPackage")
    updates.once(ModelApprovalStatus="Approved", ApprovalDescription="accuracy 0.95")
    updates.once(ModelApprovalStatus="Rejected", ApprovalDescription="accuracy 0.88")


def test_each_test_starts_with_the_seed(sagemaker_registry_server):
    assert pipeline.deployable() == "registry/churn:1"
    sagemaker_registry_server.calls("UpdateModelPackage").never()


def test_a_lost_response_does_not_register_a_model_twice(sagemaker_registry_server):
    with sagemaker_registry_server.control.failing("answer-lost", "CreateModelPackage", count=1):
        arn = pipeline.register("registry/churn:3", accuracy=0.95)
    assert arn.endswith("/3")
    assert [call.outcome for call in sagemaker_registry_server.calls("CreateModelPackage")] == [
        "ConnectionDropped",
        "ok",
    ]


def test_throttled_requests_are_retried(sagemaker_registry_server):
    with sagemaker_registry_server.control.failing("throttling", "Describe*", count=2) as fault:
        pipeline.review()
    assert pipeline.deployable() == "registry/churn:1"
    assert fault.kind == "throttling"


@pytest.mark.usefixtures("sagemaker_registry_url")
def test_a_bad_model_is_not_deployed():
    pipeline.register("registry/churn:3", accuracy=0.5)
    pipeline.review()
    assert pipeline.deployable() == "registry/churn:1"
