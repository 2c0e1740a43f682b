"""Run the contract tests of every registry on the third-party backend, and test its log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

pytest.register_assert_rewrite("sagemaker_registry.backends.contract")

from sagemaker_registry.backends import contract  # noqa: E402 - after its asserts are rewritten
from sagemaker_registry.client.connection import connect  # noqa: E402


@pytest.fixture
def sagemaker() -> Iterator[Any]:
    """Return a boto3 client of an empty registry, which is all that the contract tests need."""
    keys = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "any"}
    client = connect("logged:sqlite://", region_name="us-east-1", **keys)
    yield client
    client.close()


class TestGroups(contract.GroupContract):
    """Groups."""


class TestPackages(contract.PackageContract):
    """Versions and unversioned packages."""


class TestUpdates(contract.UpdateContract):
    """Decisions and other updates."""


class TestLists(contract.ListContract):
    """Lists and pages."""


def test_each_call_is_logged_with_its_caller_and_result(sagemaker: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Parameters may be confidential, so they are not logged."""
    with caplog.at_level(logging.INFO, logger="logged_backend"):
        sagemaker.create_model_package_group(ModelPackageGroupName="churn", ModelPackageGroupDescription="secret")
        with pytest.raises(sagemaker.exceptions.ClientError):
            sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    lines = [record.getMessage() for record in caplog.records]
    assert [line.partition(" in ")[0] for line in lines] == [
        "CreateModelPackageGroup by arn:aws:iam::123456789012:root: done",
        "CreateModelPackageGroup by arn:aws:iam::123456789012:root: ValidationException",
    ]
    assert "secret" not in caplog.text
