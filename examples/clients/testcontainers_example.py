"""Run a registry in a container for a test session, with Testcontainers; copy the fixtures to a conftest.py.

    docker build -t sagemaker-registry .
    pip install 'testcontainers>=4.13' boto3 pytest
    pytest examples/clients/testcontainers_example.py

A generic container is sufficient, so this also works in the other languages that Testcontainers supports.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import HttpWaitStrategy

IMAGE = "sagemaker-registry"
PORT = 8080
HEALTH = "/_registry/health"
# Listen on all addresses of the container; its port is published only while the tests run.
COMMAND = ["serve", "--host", "0.0.0.0", "--i-accept-no-authentication", "--backend", "sqlite://"]  # noqa: S104


@pytest.fixture(scope="session")
def registry_url() -> Iterator[str]:
    """Start a registry in memory on a free port, wait until it responds, and stop it after the last test."""
    container = DockerContainer(IMAGE).with_command(COMMAND).with_exposed_ports(PORT)
    with container.waiting_for(HttpWaitStrategy(PORT, HEALTH).for_status_code(200)) as started:
        yield f"http://{started.get_container_host_ip()}:{started.get_exposed_port(PORT)}"


@pytest.fixture
def sagemaker(registry_url: str) -> Any:
    """Return a client for a separate account; an access key ID of 12 digits selects the account."""
    return boto3.client(
        "sagemaker",
        endpoint_url=registry_url,
        region_name="us-east-1",
        aws_access_key_id="111122223333",
        aws_secret_access_key="any",
    )


def test_a_new_version_is_pending(sagemaker: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    sagemaker.create_model_package(
        ModelPackageGroupName="churn",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [{"Image": "registry/churn:3"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    (waiting,) = sagemaker.list_model_packages(ModelPackageGroupName="churn")["ModelPackageSummaryList"]
    assert waiting["ModelApprovalStatus"] == "PendingManualApproval"
