"""A clock that jumps: versions keep their order, pages have no gaps, and tokens and validations stay correct."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from durability.queries import verified
from sagemaker_registry.backends.base import BackendOptions, Caller
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.settings import Settings, Validation
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows

GROUP = {"ModelPackageGroupName": "churn"}
START = 1_790_000_000.0
HOUR, YEAR = 3_600.0, 365 * 86_400.0
JUMPS = {
    "back an hour": -HOUR,
    "forward a year": YEAR,
    "a leap second back": -1.0,
    "10 ms forward": 0.01,
    "frozen": 0.0,
}
MAX_PAGES = 6
"""Maximum pages of a list in one round; a version is registered for each."""
STATUSES = ("Approved", "Rejected", "PendingManualApproval")
MAX_YEARS = 50
"""Maximum distance of the clock from its start: times after the year 9999 cannot be printed."""


class Clock:
    """A settable clock."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(clock: Clock, tmp_path: Path) -> Iterator[LocalRegistry]:
    options = BackendOptions(Settings(validation=Validation(seconds=60.0)))
    with LocalRegistry(SQLiteRows(tmp_path / "registry.db"), clock, options) as registry:
        registry.call("CreateModelPackageGroup", GROUP, Caller())
        yield registry


def create(registry: LocalRegistry, **members: Any) -> int:
    answer = registry.call("CreateModelPackage", {**GROUP, **members}, Caller())
    return int(answer["ModelPackageArn"].rpartition("/")[2])


def listed(registry: LocalRegistry, **query: Any) -> list[int]:
    answer = registry.call("ListModelPackages", {**GROUP, **query}, Caller())
    return [version["ModelPackageVersion"] for version in answer["ModelPackageSummaryList"]]


@pytest.mark.parametrize("jump", JUMPS.values(), ids=JUMPS)
def test_the_newest_approved_version_is_the_last_registered_one(
    registry: LocalRegistry, clock: Clock, jump: float
) -> None:
    """The request of a deployment, as in AWS's examples."""
    asked = {"ModelApprovalStatus": "Approved", "SortBy": "CreationTime", "SortOrder": "Descending", "MaxResults": 1}
    assert create(registry, ModelApprovalStatus="Approved") == 1
    clock.now += jump
    assert create(registry, ModelApprovalStatus="Approved") == 2
    assert listed(registry, **asked) == [2]
    assert listed(registry) == [2, 1]
    assert listed(registry, SortOrder="Ascending") == [1, 2]


@pytest.mark.sized(ci=20, nightly=1_000, release=10_000)
def test_versions_are_ordered_by_number_and_pages_have_no_gaps_with_any_clock(
    rounds: Iterable[int], rng: random.Random, figures: dict[str, Any], registry: LocalRegistry, clock: Clock
) -> None:
    """Versions are registered, decided and listed page by page while the clock jumps."""
    figures |= {"jumps": 0, "pages": 0}
    count = 0
    for _ in rounds:
        seen: list[int] = []
        query: dict[str, Any] = {**GROUP, "MaxResults": 7, "SortOrder": rng.choice(["Ascending", "Descending"])}
        there = count
        for _ in range(MAX_PAGES):
            clock.now += rng.choice([*JUMPS.values()])
            if abs(clock.now - START) > MAX_YEARS * YEAR:
                clock.now = START
            figures["jumps"] += 1
            count += 1
            assert create(registry, ModelApprovalStatus=rng.choice(STATUSES)) == count
            page = registry.call("ListModelPackages", query, Caller())
            figures["pages"] += 1
            seen += [version["ModelPackageVersion"] for version in page["ModelPackageSummaryList"]]
            if "NextToken" not in page:
                break
            query["NextToken"] = page["NextToken"]
        assert seen == sorted(seen, reverse=query["SortOrder"] == "Descending")
        assert len(seen) == len(set(seen))
        if query["SortOrder"] == "Descending":
            assert seen == list(range(there + 1, 0, -1))[: len(seen)]
        else:
            assert seen == list(range(1, len(seen) + 1))
    changes = history(registry)
    assert [change["seq"] for change in changes] == list(range(1, count + 2))
    assert [change["version"] for change in changes[1:]] == list(range(1, count + 1))
    assert [event["version"] for event in events(registry)] == list(range(1, count + 1))


def history(registry: LocalRegistry) -> list[dict[str, Any]]:
    """Return the verified changes of the group in order."""
    found: list[dict[str, Any]] = []
    asked: dict[str, Any] = {"group": "churn", "order": "Ascending"}
    verified(lambda name, params: registry.extension(name, params, Caller()))
    while True:
        page = registry.extension("history", asked, Caller())
        found += page["changes"]
        if "next_token" not in page:
            return found
        asked["next_token"] = page["next_token"]


def events(registry: LocalRegistry) -> list[dict[str, Any]]:
    """Return the events of the group in order."""
    found: list[dict[str, Any]] = []
    asked: dict[str, Any] = {"after": 0}
    while page := registry.extension("events", asked, Caller())["events"]:
        found += [{"version": one["event"]["detail"]["ModelPackageVersion"]} for one in page]
        asked["after"] = page[-1]["position"]
    return found


@pytest.mark.parametrize("jump", [-HOUR, -YEAR / 2, HOUR], ids=["back an hour", "back half a year", "forward an hour"])
def test_a_token_registers_once_with_any_clock(registry: LocalRegistry, clock: Clock, jump: float) -> None:
    assert create(registry, ClientToken="a" * 36) == 1
    clock.now += jump
    assert create(registry, ClientToken="a" * 36) == 1
    assert create(registry) == 2
    assert create(registry, ClientToken="a" * 36) == 1


def test_a_validation_follows_the_clock(registry: LocalRegistry, clock: Clock) -> None:
    """It starts again if the clock is set back, and is over if the clock is a year ahead; it never gets stuck."""
    output = {"S3OutputPath": "s3://models/out"}
    job = {
        "TransformInput": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://models/in"}}},
        "TransformOutput": output,
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    specification = {
        "ValidationRole": "arn:aws:iam::123456789012:role/validation",
        "ValidationProfiles": [{"ProfileName": "load", "TransformJobDefinition": job}],
    }
    create(registry, ValidationSpecification=specification)
    seen = []
    for moment in (0.0, 30.0, 61.0, -HOUR, YEAR):
        clock.now = START + moment
        answer = registry.call("DescribeModelPackage", {"ModelPackageName": "churn/1"}, Caller())
        seen.append(answer["ModelPackageStatus"])
    assert seen == ["Pending", "InProgress", "Completed", "Pending", "Completed"]


def test_an_update_with_an_earlier_time_is_still_the_last_one(registry: LocalRegistry, clock: Clock) -> None:
    create(registry)
    for status, jump in (("Approved", 0.0), ("Rejected", -HOUR), ("Approved", -HOUR)):
        clock.now += jump
        asked = {"ModelPackageArn": "churn/1", "ModelApprovalStatus": status}
        arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/1"
        registry.call("UpdateModelPackage", {**asked, "ModelPackageArn": arn}, Caller())
    states = [change["after"].get("ModelApprovalStatus") for change in history(registry)]
    assert states == [None, "PendingManualApproval", "Approved", "Rejected", "Approved"]
    described = registry.call("DescribeModelPackage", {"ModelPackageName": "churn/1"}, Caller())
    assert described["ModelApprovalStatus"] == "Approved"
