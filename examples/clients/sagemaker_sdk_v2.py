"""Register, list, and approve a version, and find the newest approved one, with the SageMaker Python SDK v2.

    pip install 'sagemaker>=2.257,<3'
    export AWS_ENDPOINT_URL=http://127.0.0.1:8080 AWS_DEFAULT_REGION=us-east-1
    export AWS_ACCESS_KEY_ID=alice AWS_SECRET_ACCESS_KEY=any
    python examples/clients/sagemaker_sdk_v2.py churn

Without AWS_ENDPOINT_URL, the script uses AWS. It never calls `ModelPackage.deploy()` on a pending version, because that
approves the version without a reason (docs/how-to/connect-a-client.md).
"""

from __future__ import annotations

import sys

from sagemaker.model import Model, ModelPackage
from sagemaker.session import Session

ROLE = "arn:aws:iam::123456789012:role/training"


def main(group: str) -> None:
    """Register a version, list the pending ones, approve it, and print the newest approved one."""
    session = Session()
    bucket = f"{group}-models"  # session.default_bucket() would send a request to STS on AWS
    s3 = session.boto_session.client("s3")
    if bucket not in [made["Name"] for made in s3.list_buckets()["Buckets"]]:
        s3.create_bucket(Bucket=bucket)
    weights = session.upload_string_as_file_body("weights", bucket=bucket, key="model.tar.gz")

    model = Model(
        image_uri="registry/churn:3",
        model_data=weights,
        role=ROLE,
        sagemaker_session=session,
    )
    version = model.register(  # creates the group if it does not exist
        content_types=["text/csv"],
        response_types=["text/csv"],
        inference_instances=["ml.m5.large"],
        transform_instances=["ml.m5.large"],
        model_package_group_name=group,
        approval_status="PendingManualApproval",
        customer_metadata_properties={"accuracy": "0.93", "git_commit": "4f5c2a9"},
    )
    print("registered", version.model_package_arn)

    pages = session.sagemaker_client.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, ModelApprovalStatus="PendingManualApproval"
    )
    for page in pages:
        for summary in page["ModelPackageSummaryList"]:
            print("pending   ", summary["ModelPackageArn"])

    waiting = ModelPackage(role=ROLE, model_package_arn=version.model_package_arn, sagemaker_session=session)
    waiting.update_approval_status("Approved", approval_description="ticket 42")
    print("approved  ", version.model_package_arn)

    newest = session.get_most_recently_created_approved_model_package(group)
    print("newest    ", newest.model_package_arn)


if __name__ == "__main__":
    main(*sys.argv[1:] or ["churn"])
