"""Records that do not match the service model, imported or written by another botocore, do not break other requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sagemaker_registry.backends import arns
from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.service import model
from sagemaker_registry.backends.store.rows import PACKAGES
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows

CALLER = Caller()
GROUP = {"ModelPackageGroupName": "churn"}
IDENTITY = (
    "ModelPackageName",
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelApprovalStatus",
)
"""The members that identify a version."""
VALUES: tuple[Any, ...] = (
    "Prod",
    7,
    1e300,
    True,
    [],
    ["Prod"],
    [["Prod"]],
    {},
    {"Stage": 7},
    {"Stage": {"Key": "Prod"}},
)


def invalid_members() -> list[tuple[str, Any]]:
    """Return members of a record with values that are rarely valid for them."""
    members = model.members(model.output_shape("DescribeModelPackage"))
    return [(name, value) for name in (*members, "Tags") if name not in IDENTITY for value in VALUES]


@pytest.fixture(scope="module")
def registry() -> Iterator[LocalRegistry]:
    """Return a registry with one version per invalid value."""
    rows = SQLiteRows(None)
    with LocalRegistry(rows, clock=lambda: 1_000_000.0) as registry:
        registry.call("CreateModelPackageGroup", GROUP, CALLER)
        for _ in invalid_members():
            registry.call("CreateModelPackage", {**GROUP, "CustomerMetadataProperties": {"team": "risk"}}, CALLER)
        with rows.writing() as transaction:
            for version, (member, value) in enumerate(invalid_members(), start=1):
                key = (CALLER.account, CALLER.region, "churn", version)
                row = transaction.get(PACKAGES, key)
                assert row is not None
                transaction.update(PACKAGES, key, row["rev"], {"record": {**row["record"], member: value}})
        yield registry


def arn(version: int) -> str:
    return str(arns.own(CALLER, arns.PACKAGE, "churn", version))


def versions() -> range:
    return range(1, len(invalid_members()) + 1)


def pages(registry: LocalRegistry, operation: str, member: str, **query: Any) -> list[Any]:
    found: list[Any] = []
    answer: dict[str, Any] = {"NextToken": None}
    while "NextToken" in answer:
        token = {"NextToken": answer["NextToken"]} if answer["NextToken"] else {}
        answer = registry.call(operation, {**query, **token, "MaxResults": 100}, CALLER)
        found += answer[member]
    return found


def test_a_list_includes_records_with_invalid_members(registry: LocalRegistry) -> None:
    listed = pages(registry, "ListModelPackages", "ModelPackageSummaryList", **GROUP, SortOrder="Ascending")
    assert [entry["ModelPackageVersion"] for entry in listed] == list(versions())
    for entry, (member, value) in zip(listed, invalid_members(), strict=True):
        if member == "ModelLifeCycle":
            assert entry.get(member) == (value if isinstance(value, dict) else None)


def test_a_description_leaves_out_invalid_members(registry: LocalRegistry) -> None:
    for version, (member, value) in zip(versions(), invalid_members(), strict=True):
        shown = registry.call("DescribeModelPackage", {"ModelPackageName": arn(version)}, CALLER)
        assert shown["ModelPackageVersion"] == version
        if member == "InferenceSpecification":
            assert shown.get(member) == ({} if isinstance(value, dict) else None)
        batch = registry.call("BatchDescribeModelPackage", {"ModelPackageArnList": [arn(version)]}, CALLER)
        assert batch["ModelPackageSummaries"][arn(version)]["ModelPackageVersion"] == version


@pytest.mark.parametrize("sort", ["ModelPackageVersion", "CreationTime", "ModelLifeCycle.Stage", "SourceUri"])
def test_a_search_finds_records_with_invalid_members(registry: LocalRegistry, sort: str) -> None:
    found = pages(registry, "Search", "Results", Resource="ModelPackage", SortBy=sort, SortOrder="Ascending")
    names = [result["ModelPackage"]["ModelPackageName"] for result in found]
    assert sorted(names) == sorted(f"churn/{version}" for version in versions())


@pytest.mark.parametrize(
    "filter_",
    [
        {"Name": "ModelLifeCycle.Stage", "Operator": "NotEquals", "Value": "Development"},
        {"Name": "CreatedBy.IamIdentity.Arn", "Operator": "NotEquals", "Value": "nobody"},
        {"Name": "ModelPackageDescription", "Operator": "NotEquals", "Value": "nothing"},
        {"Name": "InferenceSpecification.SupportedContentTypes", "Operator": "NotExists"},
        {"Name": "InferenceSpecification.Containers.Image", "Operator": "NotEquals", "Value": "churn:1"},
        {"Name": "LastModifiedTime", "Operator": "NotEquals", "Value": "2001-01-01T00:00:00"},
    ],
    ids=lambda filter_: filter_["Name"],
)
def test_a_search_ignores_invalid_members(registry: LocalRegistry, filter_: dict[str, str]) -> None:
    expression = {"Filters": [filter_]}
    found = pages(registry, "Search", "Results", Resource="ModelPackage", SearchExpression=expression)
    assert len(found) == len(versions())


def test_a_version_with_invalid_members_can_be_deleted(registry: LocalRegistry) -> None:
    for version in versions():
        registry.call("DeleteModelPackage", {"ModelPackageName": arn(version)}, CALLER)
    assert pages(registry, "ListModelPackages", "ModelPackageSummaryList", **GROUP) == []
