"""Fill registries with versions, and measure the cost of operations in registries of different sizes."""

from __future__ import annotations

import hashlib
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from msgspec.structs import replace

from sagemaker_registry.backends import open_backend
from sagemaker_registry.backends.base import Caller, NoProbe
from sagemaker_registry.backends.local.operations import groups, packages

from . import load
from .figures import CPU, Figures, Goal, Run, ratio, table, times
from .load import GROUP, VERSION

SIZES, BASE = (100, 1_000, 10_000, 100_000, 1_000_000), 1_000
"""Numbers of versions in one group, and the size that the largest is compared with."""
ROUNDS, CALLS, FEWEST_CALLS, SECONDS = 3, 31, 3, 2.0
"""Rounds; calls per operation in each; and the calls that are enough after this many seconds."""
BATCH, VERSIONS_PER_GROUP = 250, 10
REGISTRY, CALLER = "registry", Caller()
GOAL = (
    *("create", "describe", "update", "list, page 1", "list, page 1,000", "list, a rare status"),
    *("search, metadata of one", "search, metadata of few"),
)

Operation = Callable[[], object]
Say = Callable[[str], None]


def measure(run: Run) -> Figures:
    """Measure what each operation costs among a hundred versions, and among a million.

    One group contains the versions. For every ten of them, there is another group with one version: 100,000 groups for
    a million versions. One in fifty versions is pending. At each size, ten versions are rejected and ten have "rare" in
    their metadata. Each registry is filled once, and all are measured in each round. The smaller ones are copied before
    each round, so that no round reads what an earlier one wrote. Figures are CPU milliseconds of the process that
    contains the registry.

    "open" includes a check for damage: with indexes for files up to 16 MiB, without them up to 100 MiB. Larger files
    are opened without a check (`sagemaker-registry doctor` checks them), so they open faster.
    """
    figures, sizes, rounds = Figures(), run.sizes_of(SIZES), run.rounds_of(ROUNDS)
    with tempfile.TemporaryDirectory() as temporary:
        folder, filled = Path(temporary), 0
        for size in sizes:
            run.say(f"growth: filling up to {size:,} versions")
            if filled:
                shutil.copy(folder / f"{filled}.db", folder / f"{size}.db")
            with open_backend(f"sqlite:///{folder}/{size}.db") as registry:
                fill(registry, range(filled + 1, size + 1), run.say)
            filled = size
        for turn in range(rounds):
            for size in sizes:
                run.say(f"growth: {size:,} versions, round {turn + 1} of {rounds}")
                with tempfile.TemporaryDirectory(dir=folder) as copies:
                    file = folder / f"{size}.db"
                    url = f"sqlite:///{file if size == filled else shutil.copy(file, copies)}"
                    figures.add(REGISTRY, "open", CPU, _milliseconds(lambda: open_backend(url).close()), size)  # noqa: B023
                    with open_backend(url) as registry:
                        for name, operation in operations(registry, size).items():
                            figures.add(REGISTRY, name, CPU, _milliseconds(operation), size)
    return figures


def fill(registry: Any, numbers: range, say: Say = lambda _: None) -> None:
    """Register versions with these numbers in the group, and another group with one version for every ten.

    The functions behind CreateModelPackage and CreateModelPackageGroup do this, for 250 versions in one transaction.
    Rows, history, and events are the same as those of single calls.
    """
    if numbers[:1] == range(1, 2):
        registry.call("CreateModelPackageGroup", {"ModelPackageGroupName": GROUP}, CALLER)
    for first in numbers[::BATCH]:
        batch = range(first, min(first + BATCH, numbers.stop))
        with registry._transaction("CreateModelPackage", CALLER, NoProbe(), writes=True) as call:
            for number in batch:
                packages.create(replace(call, now=call.now - batch[-1] + number), request(number))
        with registry._transaction("CreateModelPackageGroup", CALLER, NoProbe(), writes=True) as call:
            for number in batch:
                if number % VERSIONS_PER_GROUP == 0:
                    name = f"group-{number // VERSIONS_PER_GROUP:06}"
                    groups.create(call, {"ModelPackageGroupName": name})
                    packages.create(call, {"ModelPackageGroupName": name, "ModelApprovalStatus": "Approved"})
        if first % 50_000 < BATCH < first:
            say(f"filled: {first:,} versions")
    registry.outbox.assign_positions()


def request(number: int) -> dict[str, Any]:
    """Return the request that registers the version with a number."""
    is_rare = number <= 90 and number % 9 == 0
    return {
        "ModelPackageGroupName": GROUP,
        "ModelApprovalStatus": ("Rejected" if is_rare else "PendingManualApproval" if number % 50 == 1 else "Approved"),
        "ModelPackageDescription": f"model number {number}{', a needle' if number == 50 else ''}",
        "InferenceSpecification": VERSION["InferenceSpecification"],
        "CustomerMetadataProperties": {
            "accuracy": f"0.{number % 100:02}",
            "commit": hashlib.sha256(str(number).encode()).hexdigest()[:12],
            "team": "risk" if number % 2 else "sales",
            **({"rare": "yes"} if is_rare else {}),
        },
    }


def operations(registry: Any, size: int) -> dict[str, Operation]:
    """Return the operations to measure, by name."""
    middle, numbers, metadata = size // 2, count(), "CustomerMetadataProperties"
    new = {**request(1000), "ModelApprovalStatus": "Approved"}
    last = registry.extension("events", {"order": "Descending", "max_results": 1}, CALLER)["last"]
    commit = request(middle)[metadata]["commit"]

    def call(operation: str, **params: Any) -> Operation:
        ask = registry.call if operation in registry.operations else registry.extension
        return lambda: ask(operation, params, CALLER)

    def update() -> object:
        changes = {"ModelPackageArn": load.arn(middle), "ApprovalDescription": f"ticket {next(numbers)}"}
        return registry.call("UpdateModelPackage", changes, CALLER)

    def page_1000(operation: str, **params: Any) -> Operation:
        for _ in range(min(size, 1000) - 1):
            response = registry.call(operation, params, CALLER)
            if "NextToken" not in response:
                break
            params["NextToken"] = response["NextToken"]
        return call(operation, **params)

    def search(*filters: tuple[str, str, str], **params: Any) -> Operation:
        found = [{"Name": name, "Operator": operator, "Value": value} for name, operator, value in filters]
        expression = {"SearchExpression": {"Filters": found}} if found else {}
        return call("Search", **{"Resource": "ModelPackage", "MaxResults": 20, **expression, **params})

    risk, rejected = (f"{metadata}.team", "Equals", "risk"), ("ModelApprovalStatus", "Equals", "Rejected")
    approved, group = ("ModelApprovalStatus", "Equals", "Approved"), ("ModelPackageGroupName", "Equals", GROUP)
    by_name = {"Name": "ModelPackageGroupName", "Value": GROUP}
    not_x, few = ("ModelPackageDescription", "NotEquals", "x"), ("ModelPackageVersion", "LessThan", "11")
    return {
        "create": call("CreateModelPackage", **new),
        "create in another group": call("CreateModelPackage", **{**new, "ModelPackageGroupName": "group-000001"}),
        "create with a token": lambda: call("CreateModelPackage", **new, ClientToken=str(uuid4()))(),
        "describe": call("DescribeModelPackage", ModelPackageName=load.arn(middle)),
        "update": update,
        "list, page 1": call("ListModelPackages", ModelPackageGroupName=GROUP, MaxResults=20),
        "list, page 1,000": page_1000("ListModelPackages", ModelPackageGroupName=GROUP, MaxResults=1),
        "list, a rare status": call("ListModelPackages", ModelPackageGroupName=GROUP, ModelApprovalStatus="Rejected"),
        "list, page 1 of all groups": call("ListModelPackages", ModelPackageType="Versioned", MaxResults=20),
        "list groups, page 1": call("ListModelPackageGroups", MaxResults=20),
        "list groups, page 1,000": page_1000("ListModelPackageGroups", SortBy="Name", MaxResults=1),
        "list groups, many names contain it": call("ListModelPackageGroups", NameContains="00000", MaxResults=20),
        "list groups, one name contains it": call("ListModelPackageGroups", NameContains=GROUP, MaxResults=20),
        "search, all": search(),
        "search, metadata of one": search((f"{metadata}.commit", "Equals", commit)),
        "search, metadata of few": search((f"{metadata}.rare", "Equals", "yes")),
        "search, metadata that few have": search((f"{metadata}.rare", "Exists", "-")),
        "search, metadata of half": search(risk),
        "search, status of few": search(rejected),
        "search, status of most": search(approved),
        "search, a group": search(("ModelPackageGroupName", "Equals", "group-000001")),
        "search, group and status of few": search(group, rejected),
        "search, team and status of most": search(risk, approved),
        "search, all, by CreationTime": search(SortBy="CreationTime"),
        "search, all, by ModelPackageVersion": search(SortBy="ModelPackageVersion"),
        "search, text in one description": search(("ModelPackageDescription", "Contains", "a needle")),
        "search, NotEquals and LessThan": search(not_x, few),
        "search groups, by name": call("Search", Resource="ModelPackageGroup", SearchExpression={"Filters": [by_name]}),
        "suggestions": call("GetSearchSuggestions", Resource="ModelPackage"),
        "latest approved": call("versions", group=GROUP, approval="Approved", max_results=1),
        "pending approvals": call("versions", approval="PendingManualApproval", order="Ascending", max_results=20),
        "history, page 1": call("history", max_results=20),
        "history of a version": call("history", group=GROUP, version=middle),
        "history verify, one call": call("history/verify"),
        "as-of": call("as-of", group=GROUP, moment=time.time()),
        "as-of, of a version": call("as-of", group=GROUP, version=middle, moment=time.time()),
        "explain": call("explain", arn=load.arn(middle)),
        "events, page 1": call("events", max_results=20),
        "events, after the last": call("events", after=last, max_results=20),
        "deliveries": call("events/deliveries", max_results=20),
    }


def _milliseconds(operation: Operation) -> float:
    """Return the median CPU time of an operation without its first call, or that of the first if it is very slow."""
    took: list[float] = []
    while len(took) <= (FEWEST_CALLS if sum(took[1:]) > SECONDS else CALLS):
        begun = time.process_time()
        operation()
        took.append(time.process_time() - begun)
        if took[0] > SECONDS:
            return took[0] * 1000
    return statistics.median(took[1:]) * 1000


def _base(figures: Figures) -> int:
    return BASE if BASE in figures.sizes else figures.sizes[0]


def _growth(figures: Figures, name: str) -> float | None:
    """Return the cost of an operation at the largest size divided by that at the base size (or the smallest)."""
    return ratio(*(figures.get(REGISTRY, name, CPU, size) for size in (figures.sizes[-1], _base(figures))))


def goals(figures: Figures) -> Iterator[Goal]:
    is_whole = figures.sizes[-1:] == [SIZES[-1]]
    yield Goal(
        "create, describe, update, list in one group, and search by metadata one or few have, cost at most 1.3 x as "
        f"much at {SIZES[-1]:,} versions as at {BASE:,}",
        1.3,
        {name: _growth(figures, name) for name in GOAL} if is_whole else {},
    )


def tables(figures: Figures) -> Iterator[str]:
    rows = [
        [name, *(figures.get(REGISTRY, name, CPU, size) for size in figures.sizes), times(_growth(figures, name))]
        for name in dict.fromkeys(figure.operation for figure in figures)
    ]
    sizes = [f"{size:,}" for size in figures.sizes]
    yield table(["CPU milliseconds per call, at", *sizes, f"{sizes[-1]} to {_base(figures):,}"], rows)
