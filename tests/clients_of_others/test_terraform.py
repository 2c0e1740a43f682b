"""Terraform: its example where it is installed, and everywhere the calls it was seen to make, by boto3 in its place."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from clients_of_others.programs import EXAMPLES, Run, program
from support.server import Emulator

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "ReadFromStaging",
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
            "Action": "sagemaker:DescribeModelPackageGroup",
            "Resource": "arn:aws:sagemaker:us-east-1:123456789012:model-package-group/churn",
        }
    ],
}


@pytest.mark.nightly
def test_the_example_applies_plans_nothing_and_is_destroyed(
    run: Run, emulator: Emulator, group: str, tmp_path: Path
) -> None:
    terraform = program("terraform", "https://developer.hashicorp.com/terraform/install")
    sagemaker = emulator.client("sagemaker")  # the account of Terraform's key
    shutil.copy(EXAMPLES / "terraform" / "main.tf", tmp_path)
    settings = ("-no-color", "-input=false", f"-var=endpoint={emulator.url}", f"-var=group={group}")
    elsewhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}  # what counts is the configuration
    run(terraform, "init", "-no-color", "-input=false", **elsewhere)

    run(terraform, "apply", "-auto-approve", *settings, **elsewhere)
    kept = sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    assert kept["ModelPackageGroupDescription"] == "Customers about to leave"
    assert sagemaker.list_tags(ResourceArn=kept["ModelPackageGroupArn"])["Tags"] == [{"Key": "team", "Value": "risk"}]
    policy = sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)["ResourcePolicy"]
    assert json.loads(policy)["Statement"][0]["Resource"] == kept["ModelPackageGroupArn"]

    run(terraform, "plan", "-detailed-exitcode", *settings, **elsewhere)  # exit code 2 if there were anything to do

    run(terraform, "destroy", "-auto-approve", *settings, **elsewhere)
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_model_package_group(ModelPackageGroupName=group)


@pytest.mark.nightly
def test_the_example_is_formatted() -> None:
    terraform = program("terraform", "https://developer.hashicorp.com/terraform/install")
    subprocess.run([terraform, "fmt", "-check", "-diff", EXAMPLES / "terraform"], check=True, timeout=60)


def test_the_calls_of_terraform_made_by_boto3_in_its_place(emulator: Emulator, account: str) -> None:
    """What `serve --log-level info` showed of Terraform 1.11.4 with its AWS provider 5.100.0, apply to destroy."""
    sagemaker = emulator.client("sagemaker", account)
    name: dict[str, Any] = {"ModelPackageGroupName": "churn"}
    tags = [{"Key": "team", "Value": "risk"}]

    arn = sagemaker.create_model_package_group(**name, ModelPackageGroupDescription="Customers", Tags=tags)[
        "ModelPackageGroupArn"
    ]
    assert sagemaker.describe_model_package_group(**name)["ModelPackageGroupStatus"] == "Completed"  # it waits for this
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
    sagemaker.put_model_package_group_policy(**name, ResourcePolicy=json.dumps(POLICY))

    # a plan after the apply: whatever differed from what was sent would be planned as a change
    assert sagemaker.describe_model_package_group(**name)["ModelPackageGroupDescription"] == "Customers"
    assert json.loads(sagemaker.get_model_package_group_policy(**name)["ResourcePolicy"]) == POLICY

    # a destroy ends on these sentences, not on codes
    sagemaker.delete_model_package_group_policy(**name)
    assert "Cannot find resource policy" in refusal(sagemaker.get_model_package_group_policy, name)
    sagemaker.delete_model_package_group(**name)
    assert "does not exist" in refusal(sagemaker.describe_model_package_group, name)
    assert "Cannot find Model Package Group" in refusal(sagemaker.get_model_package_group_policy, name)


def refusal(call: Any, name: dict[str, Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call(**name)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return str(caught.value.response["Error"]["Message"])
