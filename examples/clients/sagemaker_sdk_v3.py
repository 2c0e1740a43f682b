"""Register, list, and approve a version, and find the newest approved one, with the SageMaker Python SDK v3.

    pip install 'sagemaker>=3.27,<4'
    export AWS_ENDPOINT_URL=http://127.0.0.1:8080 AWS_DEFAULT_REGION=us-east-1
    export AWS_ACCESS_KEY_ID=alice AWS_SECRET_ACCESS_KEY=any
    python examples/clients/sagemaker_sdk_v3.py churn

Without AWS_ENDPOINT_URL, the script uses AWS. It registers with ModelBuilder, because `ModelPackage.create()` fails
after it has created the version (docs/how-to/connect-a-client.md).
"""

from __future__ import annotations

import sys

import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import ModelPackage
from sagemaker.serve import ModelBuilder

ROLE = "arn:aws:iam::123456789012:role/training"


def main(group: str) -> None:
    """Register a version, list the pending ones, approve it, and print the newest approved one."""
    bucket = f"{group}-models"
    s3 = boto3.client("s3")
    if bucket not in [made["Name"] for made in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="model.tar.gz", Body=b"weights")

    builder = ModelBuilder(
        image_uri="registry/churn:3",
        s3_model_data_url=f"s3://{bucket}/model.tar.gz",
        role_arn=ROLE,
        sagemaker_session=Session(default_bucket=bucket),  # without it, the SDK sends a request to STS on AWS
    )
    version = builder.register(  # creates the group if it does not exist
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.large"],
        model_package_group_name=group,
        approval_status="PendingManualApproval",
        customer_metadata_properties={"accuracy": "0.93", "git_commit": "4f5c2a9"},
    )
    print("registered", version)

    for waiting in ModelPackage.get_all(model_package_group_name=group, model_approval_status="PendingManualApproval"):
        print("pending   ", waiting.model_package_arn)

    ModelPackage.get(version).update(model_approval_status="Approved", approval_description="ticket 42")
    print("approved  ", version)

    newest = next(
        ModelPackage.get_all(
            model_package_group_name=group,
            model_approval_status="Approved",
            sort_by="CreationTime",
            sort_order="Descending",
        )
    )
    print("newest    ", newest.model_package_arn)


if __name__ == "__main__":
    main(*sys.argv[1:] or ["churn"])
