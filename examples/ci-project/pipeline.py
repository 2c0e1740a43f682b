"""Production code of a team: plain boto3, without any reference to tests or emulators."""

from __future__ import annotations

import boto3

GROUP = "churn"
GOOD_ENOUGH = 0.9


def register(image: str, accuracy: float) -> str:
    """Register a trained model and return its ARN."""
    sagemaker = boto3.client("sagemaker")
    return sagemaker.create_model_package(
        ModelPackageGroupName=GROUP,
        ModelApprovalStatus="PendingManualApproval",
        CustomerMetadataProperties={"accuracy": str(accuracy)},
        InferenceSpecification={
            "Containers": [{"Image": image}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]


def review() -> None:
    """Approve the pending versions whose accuracy is good enough, and reject the others."""
    sagemaker = boto3.client("sagemaker")
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=GROUP, ModelApprovalStatus="PendingManualApproval"
    )
    for version in [version for page in pages for version in page["ModelPackageSummaryList"]]:
        arn = version["ModelPackageArn"]
        described = sagemaker.describe_model_package(ModelPackageName=arn)
        accuracy = float(described["CustomerMetadataProperties"]["accuracy"])
        sagemaker.update_model_package(
            ModelPackageArn=arn,
            ModelApprovalStatus="Approved" if accuracy >= GOOD_ENOUGH else "Rejected",
            ApprovalDescription=f"accuracy {accuracy}",
        )


def deployable() -> str | None:
    """Return the image of the newest approved version."""
    sagemaker = boto3.client("sagemaker")
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=GROUP, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
    )
    for page in pages:
        for version in page["ModelPackageSummaryList"]:
            described = sagemaker.describe_model_package(ModelPackageName=version["ModelPackageArn"])
            return described["InferenceSpecification"]["Containers"][0]["Image"]
    return None
