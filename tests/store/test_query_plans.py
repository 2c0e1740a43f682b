"""No statement scans a table or sorts its rows unless it is listed as an exception here.

SQLite gets the statistics of a registry with a million versions, so plans are the same for small databases.
`benchmarks/growth.py` measures that times do not grow with the size.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import product
from typing import Any
from unittest.mock import patch

import pytest

from sagemaker_registry.backends.base import BackendOptions, Caller
from sagemaker_registry.backends.errors import NotHandled
from sagemaker_registry.backends.local.extensions import EXTENSIONS
from sagemaker_registry.backends.local.registry import LocalRegistry
from sagemaker_registry.backends.local.search import planner
from sagemaker_registry.backends.service.operations import OPERATIONS
from sagemaker_registry.backends.settings import Lists, Settings
from sagemaker_registry.backends.store.sqlite.store import SQLiteRows

CALLER = Caller()
GROUP = {"ModelPackageGroupName": "churn"}
ARN = f"arn:aws:sagemaker:{CALLER.region}:{CALLER.account}:model-package/churn/1"
GROUP_ARN = f"arn:aws:sagemaker:{CALLER.region}:{CALLER.account}:model-package-group/churn"
THEN, NOW = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
POLICY = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "999999999999"}, '
    f'"Action": "sagemaker:DescribeModelPackageGroup", "Resource": "{GROUP_ARN}"}}]}}'
)

HARMLESS = re.compile(r"SCAN (\d+ CONSTANT ROWS?|counted)$|SCAN CONSTANT ROW$")
"""Plan steps that scan no table: the rows of an INSERT, and rows already counted."""

EXCEPTIONS: dict[str, str] = {
    # A pattern of statements, and why they may scan or sort.
    r"created [<>] .* ORDER BY (name|version)": "a list by name or number in a time range: its rows are sorted",
    r"approval = .* ORDER BY (created|name|version)": "approval_filter before-page: rows with the status are sorted",
    r"^SELECT account, region, name(, version)? FROM .* ORDER BY (version|name|approval)": "a search sorted by a "
    "column without an index: only keys are sorted, and no record is read",
    r"FROM event_notes": "all notes are settled, in the order of the key",
    r"FROM pragma_": "a setting of SQLite, not a table",
}


def searches() -> Iterator[dict[str, Any]]:
    """Yield searches of every kind, with and without an index for them."""
    filters: list[list[tuple[str, str, str]]] = [
        [],
        [("ModelApprovalStatus", "Equals", "Approved")],
        [("ModelApprovalStatus", "In", "Approved,Rejected")],
        [("CustomerMetadataProperties.team", "Equals", "risk"), ("ModelApprovalStatus", "Equals", "Approved")],
        [("CustomerMetadataProperties.team", "Exists", "-")],
        [("Tags.team", "Equals", "risk")],
        [("ModelPackageName", "Equals", "churn/1")],
        [("ModelPackageArn", "Equals", ARN)],
        [("CreationTime", "GreaterThan", "2026-01-01T00:00:00"), ("CreationTime", "LessThan", "2036-01-01T00:00:00")],
        [("LastModifiedTime", "GreaterThan", "2026-01-01T00:00:00")],
        [("ModelPackageDescription", "Contains", "x")],
        [("ModelPackageDescription", "NotEquals", "x")],
    ]
    for search, sort in product(filters, ["LastModifiedTime", "CreationTime", "ModelPackageVersion"]):
        listed = [{"Name": name, "Operator": how, "Value": value} for name, how, value in search]
        expression = {"SearchExpression": {"Filters": listed}} if listed else {}
        yield {"Resource": "ModelPackage", "SortBy": sort, "MaxResults": 2, **expression}
    named = {"Filters": [{"Name": "ModelPackageGroupName", "Value": "churn"}]}
    yield {"Resource": "ModelPackageGroup"}
    yield {"Resource": "ModelPackageGroup", "SearchExpression": named}
    yield {"Resource": "ModelPackageGroup", "SearchExpression": {"Filters": [{"Name": "Tags.team", "Value": "risk"}]}}
    yield {"Resource": "ModelPackage", "CrossAccountFilterOption": "CrossAccount"}


def lists() -> Iterator[dict[str, Any]]:
    """Yield lists of versions of every kind."""
    times: list[dict[str, Any]] = [{}, {"CreationTimeAfter": THEN, "CreationTimeBefore": NOW}]
    for scope, sort, time in product(
        [GROUP, *({"ModelPackageType": kind} for kind in ("Versioned", "Unversioned", "Both"))],
        ["CreationTime", "Name"],
        times,
    ):
        for filter_ in ({}, {"ModelApprovalStatus": "Approved"}, {"NameContains": "x"}):
            yield {**scope, "SortBy": sort, **time, **filter_, "MaxResults": 1}


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("CreateModelPackageGroup", {**GROUP, "Tags": [{"Key": "team", "Value": "risk"}]}),
    *[("CreateModelPackage", {**GROUP, "CustomerMetadataProperties": {"team": "risk"}})] * 3,
    *[("CreateModelPackage", {**GROUP, "ClientToken": "token-1"})] * 2,
    ("DescribeModelPackageGroup", GROUP),
    ("ListModelPackageGroups", {}),
    ("ListModelPackageGroups", {"SortBy": "Name", "NameContains": "x", "CreationTimeAfter": THEN}),
    ("ListModelPackageGroups", {"CrossAccountFilterOption": "CrossAccount"}),
    ("DescribeModelPackage", {"ModelPackageName": ARN}),
    *[("ListModelPackages", request) for request in lists()],
    ("UpdateModelPackage", {"ModelPackageArn": ARN, "ModelApprovalStatus": "Approved"}),
    ("BatchDescribeModelPackage", {"ModelPackageArnList": [ARN]}),
    ("AddTags", {"ResourceArn": GROUP_ARN, "Tags": [{"Key": "team", "Value": "sales"}]}),
    ("ListTags", {"ResourceArn": GROUP_ARN}),
    ("DeleteTags", {"ResourceArn": GROUP_ARN, "TagKeys": ["other"]}),
    ("PutModelPackageGroupPolicy", {**GROUP, "ResourcePolicy": POLICY}),
    ("GetModelPackageGroupPolicy", GROUP),
    *[("Search", request) for request in searches()],
    ("GetSearchSuggestions", {"Resource": "ModelPackage"}),
    ("CreateModel", {"ModelName": "m", "Containers": [{"ModelPackageName": ARN}]}),
    ("settings", {}),
    ("store", {}),
    ("history", {}),
    ("history", {"group": "churn"}),
    ("history", {"group": "churn/1"}),
    ("history", {"operation": "CreateModelPackage", "since": 0, "until": 4e9}),
    ("history/verify", {}),
    ("as-of", {"group": "churn", "moment": 4e9}),
    ("as-of", {"group": "churn/1", "moment": 4e9}),
    ("versions", {}),
    ("versions", {"group": "churn"}),
    ("versions", {"approval": "Approved"}),
    ("versions", {"group": "churn", "approval": "Approved"}),
    ("places", {}),
    ("explain", {"arn": ARN}),
    ("decide", {"arn": ARN, "status": "Rejected"}),
    ("export", {}),
    ("events", {}),
    ("events", {"group": "churn"}),
    ("events", {"group": "churn/1", "order": "Descending"}),
    ("events/deliveries", {}),
    ("events/deliveries", {"sink": "ci", "state": "dead"}),
    ("events/deliveries", {"state": "dead"}),
    ("events/deliveries", {"group": "churn/1"}),
    ("events/replay", {"group": "churn/1"}),
    ("seed", {"groups": [{"where": "here", "request": {"ModelPackageGroupName": "sown"}}]}),
    ("DeleteModelPackage", {"ModelPackageName": ARN}),
    ("DeleteModelPackageGroupPolicy", GROUP),
    ("DeleteModelPackageGroup", {"ModelPackageGroupName": "sown"}),
]


class Traced:
    """A registry that records each distinct statement with the name of the operation that ran it."""

    def __init__(self, settings: Settings) -> None:
        self.rows = SQLiteRows(None)
        self.registry = LocalRegistry(self.rows, options=BackendOptions(settings=settings))
        self.statements: dict[str, tuple[str, str]] = {}
        self._doing = ""
        self.rows._writer.set_trace_callback(self._note)

    def _note(self, statement: str) -> None:
        if statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE")):
            self.statements.setdefault(re.sub(r"'[^']*'|\b\d+\b", "?", statement), (self._doing, statement))

    def do(self, name: str, params: dict[str, Any]) -> Any:
        self._doing = name
        answer = None
        with suppress(NotHandled):  # only CreateModel's questions about a version reach the registry
            answer = (self.registry.call if name in OPERATIONS else self.registry.extension)(name, params, CALLER)
        if isinstance(answer, dict) and "NextToken" in answer and "NextToken" not in params:
            self.do(name, {**params, "NextToken": answer["NextToken"]})
        return answer

    def faults(self) -> dict[str, tuple[str, list[str]]]:
        """Return the statements that scan or sort, with the operation and the offending steps of the plan."""
        self.rows._writer.set_trace_callback(None)
        found = {}
        for shape, (name, statement) in self.statements.items():
            plan = [row[3] for row in self.rows._writer.execute(f"EXPLAIN QUERY PLAN {statement}")]
            if steps := [
                step for step in plan if ("SCAN" in step or "TEMP B-TREE" in step) and not HARMLESS.match(step)
            ]:
                found[shape] = (name, steps)
        return found


@pytest.fixture(scope="module")
def faults() -> dict[str, tuple[str, list[str]]]:
    """Return the faulty plans of every operation of a registry."""
    found: dict[str, tuple[str, list[str]]] = {}
    for lists_ in (Lists(), Lists(approval_filter="before-page")):
        traced = Traced(Settings(lists=lists_))
        traced.registry.outbox.register("ci")
        for name, params in CALLS:
            for few in {0, planner.FEW} if name == "Search" else {0}:
                with patch.object(planner, "FEW", few):
                    traced.do(name, params)
            if name == "export":
                lines = traced.do(name, params)["lines"]
                traced.do("import", {"account": CALLER.account, "region": CALLER.region, "lines": lines})
        _deliver(traced.registry)
        found |= traced.faults()
        traced.registry.close()
    return found


def _deliver(registry: LocalRegistry) -> None:
    """Run the statements that deliver and prune events."""
    outbox = registry.outbox
    outbox.enqueue("ci", lambda event: True)
    for delivery in list(outbox.open("ci")):
        if outbox.claim(delivery, 1.0):
            outbox.close_delivery({**delivery, "attempts": 1}, "done")
    outbox.register("ci", afresh=True)
    outbox.prune(-1)
    registry.ping()


def test_every_operation_and_extension_is_covered() -> None:
    assert {name for name, _ in CALLS} | {"import"} == {*OPERATIONS, *EXTENSIONS}


def test_no_statement_scans_or_sorts_a_table(faults: dict[str, tuple[str, list[str]]]) -> None:
    unexpected = {
        shape: fault for shape, fault in faults.items() if not any(re.search(pattern, shape) for pattern in EXCEPTIONS)
    }
    assert not unexpected


def test_every_exception_is_still_needed(faults: dict[str, tuple[str, list[str]]]) -> None:
    unused = [pattern for pattern in EXCEPTIONS if not any(re.search(pattern, shape) for shape in faults)]
    assert not unused


def test_the_planner_has_statistics_for_every_index() -> None:
    rows = SQLiteRows(None)
    indexes = {name for (name,) in rows._writer.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    known = {index for table, index in rows._writer.execute("SELECT tbl, idx FROM sqlite_stat1") if index != table}
    small = {f"sqlite_autoindex_{table}_1" for table in ("event_cursors", "group_policies")}
    assert indexes - small == known
    rows.close()
