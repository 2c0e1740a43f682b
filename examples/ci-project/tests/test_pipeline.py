"""The pipeline on a served registry: the environment points its clients there, and each test finds it as seeded."""

import pipeline
import pytest

pytestmark = pytest.mark.sagemaker_registry("../seeds/churn.yaml")


def test_what_is_good_enough_is_approved_and_deployed(sagemaker_registry_server):
    pipeline.register("registry/churn:3", accuracy=0.95)
    pipeline.review()
    assert pipeline.deployable() == "registry/churn:3"
    updates = sagemaker_registry_server.calls("UpdateModelPackage")
    updates.once(ModelApprovalStatus="Approved", ApprovalDescription="accuracy 0.95")
    updates.once(ModelApprovalStatus="Rejected", ApprovalDescription="accuracy 0.88")


def test_what_the_test_before_did_is_gone(sagemaker_registry_server):
    assert pipeline.deployable() == "registry/churn:1"
    sagemaker_registry_server.calls("UpdateModelPackage").never()


def test_a_lost_answer_does_not_register_a_model_twice(sagemaker_registry_server):
    with sagemaker_registry_server.control.failing("answer-lost", "CreateModelPackage", count=1):
        arn = pipeline.register("registry/churn:3", accuracy=0.95)
    assert arn.endswith("/3")
    assert [call.outcome for call in sagemaker_registry_server.calls("CreateModelPackage")] == [
        "ConnectionDropped",
        "ok",
    ]


def test_throttling_is_waited_out(sagemaker_registry_server):
    with sagemaker_registry_server.control.failing("throttling", "Describe*", count=2) as fault:
        pipeline.review()
    assert pipeline.deployable() == "registry/churn:1"
    assert fault.kind == "throttling"


@pytest.mark.usefixtures("sagemaker_registry_url")
def test_a_model_that_is_too_bad_is_not_deployed():
    pipeline.register("registry/churn:3", accuracy=0.5)
    pipeline.review()
    assert pipeline.deployable() == "registry/churn:1"
