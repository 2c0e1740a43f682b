"""The registry retries transactions that the store rolled back, and applies each change once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.errors import SerializationFailure, ThrottlingException
from sagemaker_registry.backends.local.registry import PAUSES, LocalRegistry
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows

CALLER = Caller()
GROUP = {"ModelPackageGroupName": "churn"}


class RollingBack(SQLiteRows):
    """A store that rolls back the next `times` write transactions just before their commit."""

    times = 0

    @contextmanager
    def writing(self) -> Iterator[Any]:
        with super().writing() as rows:
            yield rows
            if self.times:
                self.times -= 1
                raise SerializationFailure("Rate exceeded")


@pytest.fixture
def pauses() -> list[float]:
    return []


@pytest.fixture
def rows() -> RollingBack:
    return RollingBack(None)


@pytest.fixture
def registry(rows: RollingBack, pauses: list[float]) -> Iterator[LocalRegistry]:
    with LocalRegistry(rows, sleep=pauses.append) as registry:
        registry.call("CreateModelPackageGroup", GROUP, CALLER)
        yield registry


@pytest.mark.parametrize("token", [{}, {"ClientToken": "a" * 36}], ids=["no token", "token"])
def test_a_version_is_registered_once_after_several_rollbacks(
    registry: LocalRegistry, rows: RollingBack, pauses: list[float], token: dict[str, str]
) -> None:
    rows.times = len(PAUSES)
    arn = registry.call("CreateModelPackage", {**GROUP, **token}, CALLER)["ModelPackageArn"]
    assert arn.endswith(":model-package/churn/1")
    listed = registry.call("ListModelPackages", GROUP, CALLER)["ModelPackageSummaryList"]
    assert [version["ModelPackageVersion"] for version in listed] == [1]
    assert len(registry.extension("history", {"version": 1, "group": "churn"}, CALLER)["changes"]) == 1
    assert len(registry.extension("events", {}, CALLER)["events"]) == 1
    assert len(pauses) == len(PAUSES)
    assert all(0 <= slept <= most for slept, most in zip(pauses, PAUSES, strict=True))


def test_too_many_rollbacks_are_a_throttling_error_and_change_nothing(
    registry: LocalRegistry, rows: RollingBack, pauses: list[float]
) -> None:
    rows.times = len(PAUSES) + 1
    with pytest.raises(ThrottlingException) as caught:
        registry.call("CreateModelPackage", GROUP, CALLER)
    assert (caught.value.code, caught.value.message) == ("ThrottlingException", "Rate exceeded")
    assert registry.call("ListModelPackages", GROUP, CALLER)["ModelPackageSummaryList"] == []
    assert registry.call("CreateModelPackage", GROUP, CALLER)["ModelPackageArn"].endswith("/1")
