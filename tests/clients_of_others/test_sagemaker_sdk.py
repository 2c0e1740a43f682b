"""The SageMaker Python SDKs: their examples, and their limitations described in docs/how-to/connect-a-client.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from clients_of_others.programs import EXAMPLES, Run, program
from support.server import Emulator

pytestmark = pytest.mark.nightly

V2, V3 = "sagemaker-v2/bin/python", "sagemaker-v3/bin/python"
SPECIFICATION = {
    "Containers": [{"Image": "registry/churn:3"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}

DEPLOY_WITH_V2 = """\
import sys
from sagemaker.model import ModelPackage
from sagemaker.session import Session

package = ModelPackage("arn:aws:iam::123456789012:role/r", model_package_arn=sys.argv[1], sagemaker_session=Session())
package.deploy(1, "ml.m5.large", wait=False)
"""

DEFAULT_BUCKET_WITH_V2 = """\
import sys
from sagemaker.session import Session

def show(request, **_):
    print(request.url)
    sys.exit()

session = Session()
session.boto_session.events.register("before-send.sts", show)
session.default_bucket()
"""

CREATE_AND_DELETE_WITH_V3 = """\
import json, sys
import boto3
from sagemaker.core.resources import ModelPackage, ModelPackageGroup
from sagemaker.core.shapes import ContainersItem, InferenceSpecification

def fault(call, **arguments):
    try:
        call(**arguments)
    except Exception as error:
        return type(error).__name__ + ": " + str(error).splitlines()[0]

specification = InferenceSpecification(
    containers=[ContainersItem(image="registry/churn:3")],
    supported_content_types=["text/csv"],
    supported_response_mime_types=["text/csv"],
)
created = fault(ModelPackage.create, model_package_group_name=sys.argv[1], inference_specification=specification)
(version,) = ModelPackage.get_all(model_package_group_name=sys.argv[1])
version.refresh()
version.wait_for_status("Completed")
deleted = fault(version.delete)
boto3.client("sagemaker").delete_model_package(ModelPackageName=version.model_package_arn)
ModelPackageGroup.get(sys.argv[1]).delete()
print(json.dumps([version.model_package_arn, created, deleted]))
"""


def sdk(python: str) -> str:
    return program(python, "bash .ci/clients --all")


@pytest.mark.parametrize(("python", "example"), [(V2, "sagemaker_sdk_v2.py"), (V3, "sagemaker_sdk_v3.py")])
def test_the_sdk_examples_register_review_and_find_the_newest(
    python: str, example: str, run: Run, group: str, check_client: Callable[[str], None]
) -> None:
    check_client(run(sdk(python), EXAMPLES / example, group))


def test_v2_approves_a_deployed_version_without_a_reason(
    run: Run, emulator: Emulator, account: str, group: str
) -> None:
    sagemaker = emulator.client("sagemaker", account)
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification=SPECIFICATION,
    )["ModelPackageArn"]
    run(sdk(V2), "-c", DEPLOY_WITH_V2, arn)
    kept = sagemaker.describe_model_package(ModelPackageName=arn)
    assert kept["ModelApprovalStatus"] == "Approved"
    assert "ApprovalDescription" not in kept
    assert len(sagemaker.list_endpoints()["Endpoints"]) == 1


def test_a_rule_can_reject_the_approval_by_v2(
    run: Run, serve: Callable[..., Emulator], environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "registry.toml").write_text('[[approval]]\ngroups = ["*"]\nrules = ["reason-required"]\n')
    guarded = serve("--backend", "sqlite://", "--config", "registry.toml")
    sagemaker = guarded.client("sagemaker", environment["AWS_ACCESS_KEY_ID"])
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    arn = sagemaker.create_model_package(
        ModelPackageGroupName="churn",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification=SPECIFICATION,
    )["ModelPackageArn"]
    with pytest.raises(AssertionError, match="ApprovalDescription"):
        run(sdk(V2), "-c", DEPLOY_WITH_V2, arn, AWS_ENDPOINT_URL=guarded.url)
    assert sagemaker.describe_model_package(ModelPackageName=arn)["ModelApprovalStatus"] == "PendingManualApproval"
    assert sagemaker.list_endpoints()["Endpoints"] == []


def test_v2_calls_sts_on_aws_for_a_default_bucket(run: Run) -> None:
    assert "https://sts.us-east-1.amazonaws.com/" in run(sdk(V2), "-c", DEFAULT_BUCKET_WITH_V2)


def test_v3_fails_after_it_has_created_and_cannot_delete(
    run: Run, emulator: Emulator, account: str, group: str
) -> None:
    sagemaker = emulator.client("sagemaker", account)
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    arn, created, deleted = json.loads(run(sdk(V3), "-c", CREATE_AND_DELETE_WITH_V3, group).splitlines()[-1])
    assert created == "KeyError: 'ModelPackageName'"
    assert deleted == "ParamValidationError: Parameter validation failed:"
    assert arn.endswith(f":model-package/{group}/1")
    assert sagemaker.list_model_package_groups()["ModelPackageGroupSummaryList"] == []
