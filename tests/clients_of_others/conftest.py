"""Fixtures for third-party clients: their environment, and checks of what they leave in the registry."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clients_of_others.programs import Run
from support.server import REGION, Emulator


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "nightly" in config.option.markexpr:
        return
    skip = pytest.mark.skip(reason="heavy or from outside: python -m pytest -m nightly tests/clients_of_others")
    for item in items:
        if item.get_closest_marker("nightly"):
            item.add_marker(skip)


@pytest.fixture
def group(account: str) -> str:
    """Return a unique group name; it also names S3 buckets, which all accounts share."""
    return f"churn-{account}"


@pytest.fixture
def environment(emulator: Emulator, account: str, tmp_path: Path) -> dict[str, str]:
    """Return the environment that docs/how-to/connect-a-client.md describes, on top of this machine's environment."""
    return {
        **os.environ,
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
    }


@pytest.fixture
def run(environment: dict[str, str], tmp_path: Path) -> Run:
    """Return a function that runs a client and returns its output; empty variables are removed."""

    def run(*command: str | Path, cwd: Path = tmp_path, **variables: str) -> str:
        done = subprocess.run(
            [str(part) for part in command],
            env={name: value for name, value in {**environment, **variables}.items() if value},
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.fixture
def check_client(emulator: Emulator, account: str, group: str) -> Callable[[str], None]:
    """Return a function that compares the output of a client with the registry."""
    sagemaker, s3 = emulator.client("sagemaker", account), emulator.client("s3", account)

    def check(output: str) -> None:
        (summary,) = sagemaker.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
        arn = summary["ModelPackageArn"]
        assert arn == f"arn:aws:sagemaker:{REGION}:{account}:model-package/{group}/1"
        arns = [line.split()[:2] for line in output.splitlines() if f":model-package/{group}" in line]
        assert arns == [[word, arn] for word in ("registered", "pending", "approved", "newest")]
        version: dict[str, Any] = sagemaker.describe_model_package(ModelPackageName=arn)
        assert (version["ModelApprovalStatus"], version["ApprovalDescription"]) == ("Approved", "ticket 42")
        assert version["CustomerMetadataProperties"] == {"accuracy": "0.93", "git_commit": "4f5c2a9"}
        assert version["InferenceSpecification"]["SupportedContentTypes"] == ["text/csv"]
        (container,) = version["InferenceSpecification"]["Containers"]
        assert container["Image"] == "registry/churn:3"
        assert container["ModelDataUrl"] == f"s3://{group}-models/model.tar.gz"
        artifact = s3.get_object(Bucket=f"{group}-models", Key="model.tar.gz")
        assert artifact["Body"].read().strip() == b"weights"

    return check
