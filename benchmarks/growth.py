"""A registry filled as creates would fill it, of a hundred versions or of a million, and the operations on it.

A registry is filled by the functions that answer CreateModelPackage and CreateModelPackageGroup, a few hundred in one
transaction: so its rows, history and events are as single calls leave them, but for the commits between.
"""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from sagemaker_registry.backends import open_backend
from sagemaker_registry.backends.base import Backend, Caller, NoProbe
from sagemaker_registry.backends.local import groups, packages
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.local.rows import GROUPS
from sagemaker_registry.emulator.console.groups import groups as groups_page
from sagemaker_registry.emulator.console.inbox import Filters, inbox
from sagemaker_registry.emulator.console.reading import Reader

CALLER = Caller()
GROUP = "growth"
VERSIONS_OF_A_GROUP = 10
"""There is a group for so many versions, so that lists of groups grow too."""
AT_ONCE = 250
"""Versions that are registered in one transaction."""
TOLD_EVERY = 50_000
"""Versions after which it is told how far it is."""
FEW = 10
"""How many versions have what few have, whatever the size."""
ROUNDS, LEAST_ROUNDS = 31, 3
SECONDS = 2.0
"""After which an operation is not repeated more than LEAST_ROUNDS times."""

SPECIFICATION = {
    "Containers": [{"Image": "registry/churn:3", "ModelDataUrl": "s3://models/churn/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}

Operation = Callable[[], object]
Say = Callable[[str], None]


def measured(url: str, size: int) -> dict[str, float]:
    """Return the median milliseconds of CPU that this process needs for each operation on a registry.

    Args:
        url: the registry, which was filled.
        size: how many versions its group has.
    """
    times = {"open": milliseconds(lambda: open_backend(url).close())}
    with open_backend(url) as registry:
        for name, operation in operations(local(registry), size).items():
            times[name] = milliseconds(operation)
    return times


def local(registry: Backend) -> LocalRegistry:
    """Return a registry that was opened as what it is: one of our own rows, which can be filled."""
    assert isinstance(registry, LocalRegistry)
    return registry


def fill(registry: LocalRegistry, size: int, say: Say = lambda _: None) -> None:
    """Register versions of one group until it has so many, and other groups with them, each with a version.

    Of the versions, one in fifty waits for a decision, ten are rejected and ten have `rare` in their metadata; half are
    of the team `risk`, and all have a commit of their own.
    """
    rows: Any = registry._rows
    if hasattr(rows, "_writer"):  # what a power cut leaves of it does not matter
        rows._writer.execute("PRAGMA synchronous=OFF")
    present = {"ModelPackageGroupName": GROUP, "MaxResults": 1, "SortBy": "CreationTime", "SortOrder": "Descending"}
    newest = registry.call("ListModelPackages", present, CALLER)["ModelPackageSummaryList"]
    number = newest[0]["ModelPackageVersion"] if newest else 0
    if not number:
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
    while number < size:
        if number and number % TOLD_EVERY == 0:
            say(f"filled: {number:,} of {size:,} versions")
        until = min(number + AT_ONCE, size)
        with registry._transaction("CreateModelPackage", CALLER, NoProbe(), writes=True) as call:
            now = call.now - (until - number)
            for number in range(number + 1, until + 1):  # noqa: B020 - goes on where it was
                now += 1
                packages.create(replace(call, now=now), request(number))
        with registry._transaction("CreateModelPackageGroup", CALLER, NoProbe(), writes=True) as call:
            for place in range(until - until % VERSIONS_OF_A_GROUP, number - AT_ONCE, -VERSIONS_OF_A_GROUP):
                name = f"group-{place // VERSIONS_OF_A_GROUP:06}"
                if place > 0 and not _exists(call, name):
                    groups.create(call, {"ModelPackageGroupName": name})
                    packages.create(call, {"ModelPackageGroupName": name, "ModelApprovalStatus": "Approved"})
    registry.outbox.settle()
    if hasattr(rows, "_writer"):
        rows._writer.execute("PRAGMA synchronous=FULL")
        rows._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _exists(call: Any, name: str) -> bool:
    return bool(call.rows.find(GROUPS, [*call.place(), ("name", "=", name)], limit=1))


def request(number: int) -> dict[str, Any]:
    """Return the request that registers the version of that number."""
    few = number <= FEW * 9 and number % 9 == 0
    metadata = {
        "accuracy": f"0.{number % 100:02}",
        "commit": hashlib.sha256(str(number).encode()).hexdigest()[:12],
        "team": "risk" if number % 2 else "sales",
        **({"rare": "yes"} if few else {}),
    }
    status = "Rejected" if few else "PendingManualApproval" if number % 50 == 1 else "Approved"
    return {
        "ModelPackageGroupName": GROUP,
        "ModelApprovalStatus": status,
        "ModelPackageDescription": f"model number {number}{', a needle' if number == 50 else ''}",
        "InferenceSpecification": SPECIFICATION,
        "CustomerMetadataProperties": metadata,
    }


def operations(registry: LocalRegistry, size: int) -> dict[str, Operation]:
    """Return what is measured, by name."""
    numbers = count()
    arn = registry.call("DescribeModelPackage", {"ModelPackageName": f"{GROUP}/{size // 2}"}, CALLER)["ModelPackageArn"]

    def call(operation: str, **params: Any) -> Operation:
        return lambda: registry.call(operation, params, CALLER)

    def control(name: str, **params: Any) -> Operation:
        return lambda: registry.control(name, params, CALLER)

    def create(**params: Any) -> Operation:
        named = {"ModelPackageGroupName": GROUP, "ModelApprovalStatus": "Approved", **params}
        return lambda: registry.call("CreateModelPackage", {**request(1000), **named}, CALLER)

    def reader() -> Reader:
        return Reader(registry, CALLER)  # it remembers, so each page has its own

    def update() -> object:
        changes = {"ModelPackageArn": arn, "ApprovalDescription": f"looked at {next(numbers)}"}
        return registry.call("UpdateModelPackage", changes, CALLER)

    def search(*filters: tuple[str, str, str], **params: Any) -> Operation:
        sought = [{"Name": name, "Operator": how, "Value": value} for name, how, value in filters]
        expression = {"SearchExpression": {"Filters": sought}} if sought else {}
        return call("Search", Resource="ModelPackage", MaxResults=20, **expression, **params)

    metadata = "CustomerMetadataProperties"
    of_group = {"ModelPackageGroupName": GROUP}
    by_name = {"SortBy": "Name", "MaxResults": 1}
    last = registry.control("events", {"order": "Descending", "max_results": 1}, CALLER)["last"]
    commit = request(size // 2)[metadata]["commit"]
    return {
        "create": create(),
        "create in another group": create(ModelPackageGroupName="group-000001"),
        "create with a token": lambda: create(ClientToken=str(uuid4()))(),
        "describe": call("DescribeModelPackage", ModelPackageName=arn),
        "update": update,
        "list, page 1": call("ListModelPackages", **of_group, MaxResults=20),
        "list, page 1,000": call(
            "ListModelPackages", **_page(registry, "ListModelPackages", {**of_group, "MaxResults": 1}, size)
        ),
        "list, few with that status": call("ListModelPackages", **of_group, ModelApprovalStatus="Rejected"),
        "list, page 1 of all groups": call("ListModelPackages", ModelPackageType="Versioned", MaxResults=20),
        "list groups, page 1": call("ListModelPackageGroups", MaxResults=20),
        "list groups, page 1,000": call(
            "ListModelPackageGroups", **_page(registry, "ListModelPackageGroups", by_name, size)
        ),
        "list groups, many names contain it": call("ListModelPackageGroups", NameContains="00000", MaxResults=20),
        "list groups, one name contains it": call("ListModelPackageGroups", NameContains="growth", MaxResults=20),
        "search, all": search(),
        "search, metadata of one": search((f"{metadata}.commit", "Equals", commit)),
        "search, metadata of few": search((f"{metadata}.rare", "Equals", "yes")),
        "search, metadata that few have": search((f"{metadata}.rare", "Exists", "-")),
        "search, metadata of half": search((f"{metadata}.team", "Equals", "risk")),
        "search, status of few": search(("ModelApprovalStatus", "Equals", "Rejected")),
        "search, status of most": search(("ModelApprovalStatus", "Equals", "Approved")),
        "search, a group": search(("ModelPackageGroupName", "Equals", "group-000001")),
        "search, group and status of few": search(
            ("ModelPackageGroupName", "Equals", GROUP), ("ModelApprovalStatus", "Equals", "Rejected")
        ),
        "search, team and status of most": search(
            (f"{metadata}.team", "Equals", "risk"), ("ModelApprovalStatus", "Equals", "Approved")
        ),
        "search, all, by CreationTime": search(SortBy="CreationTime"),
        "search, all, by ModelPackageVersion": search(SortBy="ModelPackageVersion"),
        "search, text that one contains": search(("ModelPackageDescription", "Contains", "a needle")),
        "search, not what most have": search(
            ("ModelPackageDescription", "NotEquals", "x"), ("ModelPackageVersion", "LessThan", "11")
        ),
        "search groups, by name": call(
            "Search",
            Resource="ModelPackageGroup",
            SearchExpression={"Filters": [{"Name": "ModelPackageGroupName", "Value": GROUP}]},
        ),
        "suggestions": call("GetSearchSuggestions", Resource="ModelPackage"),
        "latest approved": control("versions", group=GROUP, approval="Approved", max_results=1),
        "what waits": control("versions", approval="PendingManualApproval", order="Ascending", max_results=20),
        "console: inbox": lambda: inbox(reader(), Filters(), None, CALLER.arn),
        "console: inbox of a group": lambda: inbox(reader(), Filters(group=GROUP), None, CALLER.arn),
        "console: groups": lambda: groups_page(reader(), "", "name", None),
        "history, page 1": control("history", max_results=20),
        "history of a version": control("history", group=GROUP, version=size // 2),
        "history verify, one call": control("history/verify"),
        "as-of": control("as-of", group=GROUP, moment=time.time()),
        "as-of, of a version": control("as-of", group=GROUP, version=size // 2, moment=time.time()),
        "explain": control("explain", arn=arn),
        "events, the first": control("events", max_results=20),
        "events, after the last": control("events", after=last, max_results=20),
        "deliveries": control("events/deliveries", max_results=20),
    }


def _page(registry: LocalRegistry, operation: str, params: Mapping[str, Any], size: int) -> dict[str, Any]:
    """Return the parameters of the 1,000th page, or of the last."""
    asked = dict(params)
    for _ in range(min(size, 1000) - 1):
        answer = registry.call(operation, asked, CALLER)
        if "NextToken" not in answer:
            break
        asked["NextToken"] = answer["NextToken"]
    return asked


def milliseconds(operation: Operation) -> float:
    """Return the median time of an operation that is warm; of one that takes very long, the first."""
    begun = time.process_time()
    operation()
    first = time.process_time() - begun
    if first > SECONDS:
        return first * 1000
    took: list[float] = []
    while len(took) < (LEAST_ROUNDS if sum(took) > SECONDS else ROUNDS):
        begun = time.process_time()
        operation()
        took.append(time.process_time() - begun)
    return statistics.median(took) * 1000
