"""Fixtures and helpers of the contract tests."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    Client = SageMakerClient
else:
    Client = Any

PENDING = "PendingManualApproval"
CONTAINER = {
    "Image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/churn:3",
    "ModelDataUrl": "s3://models/churn/model.tar.gz",
}
SPECIFICATION: Any = {
    "Containers": [CONTAINER],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}
UNVERSIONED_SPECIFICATION: Any = {
    **SPECIFICATION,
    "SupportedTransformInstanceTypes": ["ml.m5.large"],
    "SupportedRealtimeInferenceInstanceTypes": ["ml.m5.large"],
}
Register = Callable[..., str]


def refusal(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    """Return the error code and the message of a call that must fail."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    assert caught.value.response["ResponseMetadata"]["RequestId"]
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def answering(client: Any, operations: Collection[str]) -> Any:
    """Make a client skip the current test when it calls an operation that is not in `operations`."""

    def skip(model: Any, **_: Any) -> None:
        if model.name not in operations:
            pytest.skip(f"{model.name} is not supported")

    client.meta.events.register_first("provide-client-params.sagemaker", skip)
    return client


class Contract:
    """The fixtures of all contract tests."""

    @pytest.fixture
    def group(self, sagemaker: Client) -> str:
        """Return the name of an empty group."""
        sagemaker.create_model_package_group(ModelPackageGroupName="churn")
        return "churn"

    @pytest.fixture
    def register(self, sagemaker: Client, group: str) -> Register:
        """Return a function that registers a version of the group and returns its ARN."""

        def register(**members: Any) -> str:
            request = {"ModelPackageGroupName": group, "InferenceSpecification": SPECIFICATION, **members}
            return str(sagemaker.create_model_package(**request)["ModelPackageArn"])

        return register
