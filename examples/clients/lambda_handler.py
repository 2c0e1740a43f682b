"""A Lambda function behind an EventBridge rule: the endpoint of a group always serves its newest approved version.

The rule on AWS, and the events of a local registry alike, match:

    {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Model Package State Change"]}

It does not match ModelApprovalStatus: a rejection must reach the function too, for then the version before it is served
again. An event may come twice, or for a change of metadata alone; what is deployed already is left as it is. While an
endpoint is being changed SageMaker refuses the next change: that error makes Lambda try the event again.
Environment: EXECUTION_ROLE_ARN, and optionally INSTANCE_TYPE.

Offline, the same file is run for each event, with AWS_ENDPOINT_URL in its environment:

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
    """Deploy the newest approved version of the group that an event is about; say what was done."""
    sagemaker = boto3.client("sagemaker")
    group = event["detail"].get("ModelPackageGroupName")
    if group is None:  # a package without a group has no versions to choose from
        return {"endpoint": None, "action": "ignored"}
    newest = newest_approved(sagemaker, group)
    if newest is None:
        return {"endpoint": group, "action": "none approved"}

    # A version's model never changes, so what is named after it can be made once and found again.
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
    """Return the ARN of the newest approved version; a page may be empty although a later one is not."""
    pages = sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
    )
    return next((found["ModelPackageArn"] for page in pages for found in page["ModelPackageSummaryList"]), None)


def once(create: Any, **params: Any) -> None:
    """Create something, or find that an earlier event did."""
    try:
        create(**params)
    except ClientError as error:
        # SageMaker has no code for this alone: the sentence is what tells it.
        if "already exist" not in error.response["Error"]["Message"]:
            raise


def point(sagemaker: Any, endpoint: str, config: str) -> str:
    """Let an endpoint serve a configuration; return what had to be done for it."""
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
