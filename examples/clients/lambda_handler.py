"""A Lambda function that deploys the newest approved version of a group to an endpoint.

Create an EventBridge rule with this pattern, on AWS or on a local registry:

    {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Model Package State Change"]}

The pattern does not filter by ModelApprovalStatus, because the function must also receive rejections: it then deploys
the previous approved version again. An event may be delivered twice, or only report changed metadata; the function does
not change an endpoint that already serves the right version. While an endpoint is being updated, SageMaker rejects
further updates; the error makes Lambda retry the event.

Set EXECUTION_ROLE_ARN and, optionally, INSTANCE_TYPE in the environment.

Offline, run this file for each event, with AWS_ENDPOINT_URL in the environment:

    sagemaker-registry watch --exec "python examples/clients/lambda_handler.py"
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import boto3
from botocore.exceptions import ClientError

INSTANCE_TYPE = "ml.m5.large"


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Deploy the newest approved version of the group in an event; return the action."""
    sagemaker = boto3.client("sagemaker")
    group = event["detail"].get("ModelPackageGroupName")
    if group is None:  # a package without a group has no versions to choose from
        return {"endpoint": None, "action": "ignored"}
    newest = newest_approved(sagemaker, group)
    if newest is None:
        return {"endpoint": group, "action": "none approved"}

    # The model of a version never changes, so resources named after the version are created only once.
    name = f"{group}-{newest.rpartition('/')[2]}"
    once(
        sagemaker.create_model,
        ModelName=name,
        ExecutionRoleArn=os.environ["EXECUTION_ROLE_ARN"],
        PrimaryContainer={"ModelPackageName": newest},
    )
    variant = {
        "VariantName": "main",
        "ModelName": name,
        "InstanceType": os.environ.get("INSTANCE_TYPE", INSTANCE_TYPE),
        "InitialInstanceCount": 1,
    }
    once(sagemaker.create_endpoint_config, EndpointConfigName=name, ProductionVariants=[variant])
    return {"endpoint": group, "action": point(sagemaker, group, name), "version": newest}


def newest_approved(sagemaker: Any, group: str) -> str | None:
    """Return the ARN of the newest approved version; a page may be empty although later pages are not."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
    )
    return next((found["ModelPackageArn"] for page in pages for found in page["ModelPackageSummaryList"]), None)


def once(create: Any, **params: Any) -> None:
    """Create a resource unless an earlier event did."""
    try:
        create(**params)
    except ClientError as error:
        # SageMaker has no specific error code for this, so check the message.
        if "already exist" not in error.response["Error"]["Message"]:
            raise


def point(sagemaker: Any, endpoint: str, config: str) -> str:
    """Make an endpoint serve a configuration; return the action."""
    try:
        serving = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    except ClientError as error:
        if "Could not find" not in error.response["Error"]["Message"]:
            raise
        sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        return "created"
    if serving == config:
        return "unchanged"
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    return "updated"


if __name__ == "__main__":
    print(json.dumps(handler(json.load(sys.stdin), None)))
