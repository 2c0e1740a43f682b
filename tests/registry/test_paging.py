"""Lists of random registries: every entry once, in order, for any page size, during concurrent registrations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sagemaker_registry.backends.base import Caller
from sagemaker_registry.backends.errors import ValidationException
from sagemaker_registry.backends.local.pagination import token_of
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows

CALLER = Caller()
STATUSES = ["Approved", "Rejected", "PendingManualApproval"]

versions = st.lists(
    st.tuples(st.sampled_from(["a", "ab", "b"]), st.sampled_from(STATUSES), st.integers(-2, 5)), max_size=25
)


def registry_of(entries: list[tuple[str, str, int]]) -> tuple[LocalRegistry, list[dict[str, Any]]]:
    """Return a registry and the summaries it should list, by time; the clock may stand still or go back."""
    now = 1_000_000.0

    def clock() -> float:
        return now

    registry = LocalRegistry(SQLiteRows(None), clock=clock)
    for name in ("a", "ab", "b"):
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": name}, CALLER)
    expected = []
    for name, status, seconds in entries:
        now += seconds
        request = {"ModelPackageGroupName": name, "ModelApprovalStatus": status}
        arn = registry.call("CreateModelPackage", request, CALLER)["ModelPackageArn"]
        version = int(arn.rpartition("/")[2])
        expected.append({"arn": arn, "name": name, "version": version, "status": status, "created": now})
    return registry, expected


def list_all(registry: LocalRegistry, request: dict[str, Any], between: Callable[[], None] = lambda: None) -> list[str]:
    found: list[str] = []
    while True:
        page = registry.call("ListModelPackages", request, CALLER)
        assert len(page["ModelPackageSummaryList"]) <= request["MaxResults"]
        found += [summary["ModelPackageArn"] for summary in page["ModelPackageSummaryList"]]
        if "NextToken" not in page:
            return found
        request = {**request, "NextToken": page["NextToken"]}
        between()


@settings(deadline=None, max_examples=60)
@given(
    entries=versions,
    size=st.integers(1, 6),
    group=st.sampled_from([None, "a", "ab", "b"]),
    contains=st.sampled_from([None, "a", "b", "ab"]),
    status=st.sampled_from([None, *STATUSES]),
    sort=st.sampled_from(["CreationTime", "Name"]),
    order=st.sampled_from(["Ascending", "Descending"]),
)
def test_pages_list_every_matching_version_once_and_in_order(
    entries: list[tuple[str, str, int]],
    size: int,
    group: str | None,
    contains: str | None,
    status: str | None,
    sort: str,
    order: str,
) -> None:
    registry, expected = registry_of(entries)
    filters = {"ModelPackageGroupName": group, "NameContains": contains, "ModelApprovalStatus": status}
    request = {name: value for name, value in filters.items() if value is not None}
    request |= {"ModelPackageType": "Versioned", "SortBy": sort, "SortOrder": order, "MaxResults": size}
    matching = [
        entry
        for entry in expected
        if (group is None or entry["name"] == group)
        and (contains is None or contains in entry["name"])
        and (status is None or entry["status"] == status)
    ]

    def position(entry: dict[str, Any]) -> tuple[Any, ...]:
        is_by_time = sort == "CreationTime" and group is None  # versions of a group are sorted by number
        return (entry["created"] if is_by_time else 0, entry["name"], entry["version"])

    expected_order = sorted(matching, key=position, reverse=order == "Descending")
    assert list_all(registry, request) == [entry["arn"] for entry in expected_order]
    registry.close()


@settings(deadline=None, max_examples=30)
@given(entries=versions, size=st.integers(1, 6))
def test_existing_versions_are_listed_once_during_registrations(entries: list[tuple[str, str, int]], size: int) -> None:
    registry, expected = registry_of(entries)

    def register() -> None:
        registry.call("CreateModelPackage", {"ModelPackageGroupName": "ab"}, CALLER)

    request = {"ModelPackageType": "Versioned", "SortBy": "Name", "MaxResults": size}
    found = list_all(registry, request, register)
    assert len(found) == len(set(found))
    assert {entry["arn"] for entry in expected} <= set(found)
    registry.close()


@pytest.mark.parametrize("position", [[], ["a"], [None, None, None], [{}, {}, {}], ["a", "b", "c"], {"a": 1}])
@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("ListModelPackages", {"ModelPackageGroupName": "a"}),
        ("ListModelPackageGroups", {}),
        ("Search", {"Resource": "ModelPackage"}),
    ],
)
def test_a_forged_token_is_rejected_or_returns_nothing(operation: str, request_: dict[str, Any], position: Any) -> None:
    registry, _ = registry_of([("a", "Approved", 1)] * 3)
    query = orjson.dumps([operation, CALLER.account, CALLER.region, request_], option=orjson.OPT_SORT_KEYS)
    refusal = "NextToken is not valid for this request"
    try:
        registry.call(operation, {**request_, "NextToken": token_of(query, position)}, CALLER)
    except ValidationException as error:
        refusal = error.message
    assert refusal.startswith("NextToken is not valid for this request")
    registry.close()
