"""What is registered in every measurement: a version as a training job registers it."""

from __future__ import annotations

from typing import Any

GROUP = "churn"
OPTIONS: Any = {"region_name": "us-east-1", "aws_access_key_id": "123456789012", "aws_secret_access_key": "bench"}
VERSION: Any = {
    "ModelPackageGroupName": GROUP,
    "ModelPackageDescription": "gradient boosting, retrained every night",
    "InferenceSpecification": {
        "Containers": [{"Image": "registry/churn:3", "ModelDataUrl": "s3://models/churn/model.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    },
    "CustomerMetadataProperties": {"accuracy": "0.93", "dataset_version": "2026-11", "git_commit": "4f5c2a9"},
}


def arn(version: int, group: str = GROUP) -> str:
    return f"arn:aws:sagemaker:us-east-1:123456789012:model-package/{group}/{version}"


def update(number: int) -> dict[str, str]:
    """Return a decision on a version that the one before has not taken."""
    return {"ModelApprovalStatus": ("Approved", "Rejected")[number % 2], "ApprovalDescription": f"ticket {number}"}
