"""Terraform: its example where Terraform is installed, and its recorded calls made by boto3 everywhere."""

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
def test_the_example_applies_without_further_changes_and_is_destroyed(
    run: Run, emulator: Emulator, group: str, tmp_path: Path
) -> None:
    terraform = program("terraform", "https://developer.hashicorp.com/terraform/install")
    sagemaker = emulator.client("sagemaker")  # the account of Terraform's key
    shutil.copy(EXAMPLES / "terraform" / "main.tf", tmp_path)
    settings = ("-no-color", "-input=false", f"-var=endpoint={emulator.url}", f"-var=group={group}")
    unused_endpoint = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}  # the configuration takes precedence
    run(terraform, "init", "-no-color", "-input=false", **unused_endpoint)

    run(terraform, "apply", "-auto-approve", *settings, **unused_endpoint)
    kept = sagemaker.describe_model_package_group(ModelPackageGroupName=group)
    assert kept["ModelPackageGroupDescription"] == "Customers about to leave"
    assert sagemaker.list_tags(ResourceArn=kept["ModelPackageGroupArn"])["Tags"] == [{"Key": "team", "Value": "risk"}]
    policy = sagemaker.get_model_package_group_policy(ModelPackageGroupName=group)["ResourcePolicy"]
    assert json.loads(policy)["Statement"][0]["Resource"] == kept["ModelPackageGroupArn"]

    run(terraform, "plan", "-detailed-exitcode", *settings, **unused_endpoint)  # exits with 2 if the plan has changes

    run(terraform, "destroy", "-auto-approve", *settings, **unused_endpoint)
    with pytest.raises(ClientError, match="does not exist"):
        sagemaker.describe_model_package_group(ModelPackageGroupName=group)


@pytest.mark.nightly
def test_the_example_is_formatted() -> None:
    terraform = program("terraform", "https://developer.hashicorp.com/terraform/install")
    subprocess.run([terraform, "fmt", "-check", "-diff", EXAMPLES / "terraform"], check=True, timeout=60)


def test_the_recorded_calls_of_terraform_succeed(emulator: Emulator, account: str) -> None:
    """The calls of Terraform 1.11.4 with its AWS provider 5.100.0 from apply to destroy, as shown by `serve --log-level
    info`.
    """
    sagemaker = emulator.client("sagemaker", account)
    name: dict[str, Any] = {"ModelPackageGroupName": "churn"}
    tags = [{"Key": "team", "Value": "risk"}]

    arn = sagemaker.create_model_package_group(**name, ModelPackageGroupDescription="Customers", Tags=tags)[
        "ModelPackageGroupArn"
    ]
    assert (
        sagemaker.describe_model_package_group(**name)["ModelPackageGroupStatus"] == "Completed"
    )  # Terraform waits for this status
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == tags
    sagemaker.put_model_package_group_policy(**name, ResourcePolicy=json.dumps(POLICY))

    # a plan after the apply: any difference would be planned as a change
    assert sagemaker.describe_model_package_group(**name)["ModelPackageGroupDescription"] == "Customers"
    assert json.loads(sagemaker.get_model_package_group_policy(**name)["ResourcePolicy"]) == POLICY

    # a destroy depends on these messages, not on codes
    sagemaker.delete_model_package_group_policy(**name)
    assert "Cannot find resource policy" in error_of(sagemaker.get_model_package_group_policy, name)
    sagemaker.delete_model_package_group(**name)
    assert "does not exist" in error_of(sagemaker.describe_model_package_group, name)
    assert "Cannot find Model Package Group" in error_of(sagemaker.get_model_package_group_policy, name)


def error_of(call: Any, name: dict[str, Any]) -> str:
    with pytest.raises(ClientError) as caught:
        call(**name)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    return str(caught.value.response["Error"]["Message"])
