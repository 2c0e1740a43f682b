"""ClientToken: a result is remembered for one day."""

from __future__ import annotations

import pytest

from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.errors import ValidationException
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.rows import TOKENS
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows

CALLER = Caller()
GROUP = {"ModelPackageGroupName": "churn"}
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1"
DAY = 24 * 60 * 60


class Registry:
    """A registry in memory with a settable clock."""

    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.rows = SQLiteRows(None)
        self.registry = LocalRegistry(self.rows, clock=lambda: self.now)
        self.registry.call("CreateModelPackageGroup", GROUP, CALLER)

    def create(self, token: str) -> int:
        """Return the version in the response to a request with this token."""
        arn = self.registry.call("CreateModelPackage", {**GROUP, "ClientToken": token}, CALLER)["ModelPackageArn"]
        return int(arn.rpartition("/")[2])

    def remembered(self) -> set[str]:
        with self.rows.reading() as rows:
            return {row["token"] for row in rows.find(TOKENS, [], limit=1000)}


def test_a_token_is_remembered_for_a_day() -> None:
    registry = Registry()
    assert registry.create("token") == 1
    registry.now += DAY - 1
    assert registry.create("token") == 1
    registry.now += 2
    assert registry.create("token") == 2
    assert registry.create("token") == 2


def test_later_requests_remove_expired_tokens() -> None:
    registry = Registry()
    old, new = ({f"{age}-{number}" for number in range(100)} for age in ("old", "new"))
    for token in sorted(old):
        registry.create(token)
    registry.now += DAY + 1
    for token in sorted(new):
        registry.create(token)
    assert registry.remembered() == new


def test_a_token_ends_with_its_group() -> None:
    """Otherwise, a team would get the version of another team that had a group of the same name."""
    registry = Registry()
    other = {"ModelPackageGroupName": "churn-eu"}
    registry.registry.call("CreateModelPackageGroup", other, CALLER)
    kept = registry.registry.call("CreateModelPackage", {**other, "ClientToken": "kept"}, CALLER)
    assert registry.create("token") == 1
    registry.registry.call("DeleteModelPackage", {"ModelPackageName": ARN}, CALLER)
    registry.registry.call("DeleteModelPackageGroup", GROUP, CALLER)
    registry.now += 1
    with pytest.raises(ValidationException):
        registry.create("token")
    registry.registry.call("CreateModelPackageGroup", GROUP, CALLER)
    first = registry.registry.call("CreateModelPackage", {**GROUP, "ModelPackageDescription": "ours"}, CALLER)
    assert first["ModelPackageArn"] == ARN
    assert registry.create("token") == 2
    assert registry.registry.call("CreateModelPackage", {**other, "ClientToken": "kept"}, CALLER) == kept


def test_a_token_of_an_update_ends_with_its_group() -> None:
    registry = Registry()
    update = {"ModelPackageArn": ARN, "ModelApprovalStatus": "Approved", "ClientToken": "token"}
    for _ in range(2):
        registry.create(f"another-{registry.now:.0f}")
        registry.registry.call("UpdateModelPackage", update, CALLER)
        described = registry.registry.call("DescribeModelPackage", {"ModelPackageName": ARN}, CALLER)
        assert described["ModelApprovalStatus"] == "Approved"
        registry.registry.call("DeleteModelPackage", {"ModelPackageName": ARN}, CALLER)
        registry.registry.call("DeleteModelPackageGroup", GROUP, CALLER)
        registry.now += 1
        registry.registry.call("CreateModelPackageGroup", GROUP, CALLER)
