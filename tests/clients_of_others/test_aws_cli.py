"""The AWS CLI: its example, and its limitations described in docs/how-to/connect-a-client.md."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from clients_of_others.programs import EXAMPLES, Run, aws_cli
from support.server import Emulator

LIST = ("sagemaker", "list-model-packages", "--query", "ModelPackageSummaryList[0].ModelPackageArn")


@pytest.fixture
def aws(run: Run) -> Callable[..., str]:
    command = aws_cli()
    return lambda *arguments, **variables: run(command, *arguments, **variables)


def test_the_aws_cli_example_registers_reviews_and_finds_the_newest(
    run: Run, group: str, check_client: Callable[[str], None]
) -> None:
    folder = Path(aws_cli()).parent
    check_client(run(EXAMPLES / "aws-cli.sh", group, PATH=f"{folder}{os.pathsep}{os.environ['PATH']}"))


def test_a_query_prints_text_for_each_page_and_json_once(
    aws: Callable[..., str], emulator: Emulator, account: str, group: str
) -> None:
    sagemaker = emulator.client("sagemaker", account)
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    arns = [
        sagemaker.create_model_package(ModelPackageGroupName=group, ModelPackageDescription=str(number))[
            "ModelPackageArn"
        ]
        for number in range(3)
    ]
    pages = (*LIST, "--model-package-group-name", group, "--page-size", "1")
    assert aws(*pages, "--output", "text").split() == arns[::-1]
    assert json.loads(aws(*pages, "--output", "json")) == arns[-1]
    cut = (*LIST, "--model-package-group-name", group, "--max-items", "1", "--output", "text")
    assert aws(*cut).split() == [arns[-1], "None"]


def test_a_profile_can_set_the_endpoint_for_sagemaker_only(
    aws: Callable[..., str], emulator: Emulator, group: str, account: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    emulator.client("sagemaker", account).create_model_package_group(ModelPackageGroupName=group)
    config = tmp_path_factory.mktemp("aws") / "config"
    config.write_text(
        "[profile offline]\nregion = us-east-1\nservices = registry\n"
        f"[services registry]\nsagemaker =\n  endpoint_url = {emulator.url}\n",
        encoding="utf-8",
    )
    answered = aws(
        "sagemaker",
        "list-model-package-groups",
        "--output",
        "json",
        AWS_CONFIG_FILE=str(config),
        AWS_PROFILE="offline",
        AWS_ENDPOINT_URL="",
    )
    assert [found["ModelPackageGroupName"] for found in json.loads(answered)["ModelPackageGroupSummaryList"]] == [group]
