"""No statement looks at every row of a table, or sorts what it found, unless a row here says why it may.

SQLite is told of a registry of a million versions, whatever there is, so a plan is the same in a small one. That time
does not grow is measured in `benchmarks/growth.py`; here is what keeps it so.
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
"""Steps of a plan that look at no table: the rows of an INSERT, and what has been counted already."""

EXCEPTIONS: dict[str, str] = {
    # A pattern of a statement: why it may look at every row, or sort.
    r"created [<>] .* ORDER BY (name|version)": "a list by name or number within a time: what is of the time is sorted",
    r"approval = .* ORDER BY (created|name|version)": "approval_filter before-page: what has the status is sorted",
    r"^SELECT account, region, name(, version)? FROM .* ORDER BY (version|name|approval)": "a search that is sorted by "
    "a column no index is sorted by: keys are sorted, and no record is read for it",
    r"FROM event_notes": "all that is noted is to be settled, in the order of the key",
    r"FROM pragma_": "a setting of SQLite's, which is no table",
}


def searches() -> Iterator[dict[str, Any]]:
    """Yield searches of every kind that an index is for, and of those that none is for."""
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
    for sought, sort in product(filters, ["LastModifiedTime", "CreationTime", "ModelPackageVersion"]):
        listed = [{"Name": name, "Operator": how, "Value": value} for name, how, value in sought]
        expression = {"SearchExpression": {"Filters": listed}} if listed else {}
        yield {"Resource": "ModelPackage", "SortBy": sort, "MaxResults": 2, **expression}
    named = {"Filters": [{"Name": "ModelPackageGroupName", "Value": "churn"}]}
    yield {"Resource": "ModelPackageGroup"}
    yield {"Resource": "ModelPackageGroup", "SearchExpression": named}
    yield {"Resource": "ModelPackageGroup", "SearchExpression": {"Filters": [{"Name": "Tags.team", "Value": "risk"}]}}
    yield {"Resource": "ModelPackage", "CrossAccountFilterOption": "CrossAccount"}


def lists() -> Iterator[dict[str, Any]]:
    """Yield lists of versions of every kind."""
    within: list[dict[str, Any]] = [{}, {"CreationTimeAfter": THEN, "CreationTimeBefore": NOW}]
    for where, sort, time in product(
        [GROUP, *({"ModelPackageType": kind} for kind in ("Versioned", "Unversioned", "Both"))],
        ["CreationTime", "Name"],
        within,
    ):
        for narrowed in ({}, {"ModelApprovalStatus": "Approved"}, {"NameContains": "x"}):
            yield {**where, "SortBy": sort, **time, **narrowed, "MaxResults": 1}


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("CreateModelPackageGroup", {**GROUP, "Tags": [{"Key": "team", "Value": "risk"}]}),
    *[("CreateModelPackage", {**GROUP, "CustomerMetadataProperties": {"team": "risk"}})] * 3,
    *[("CreateModelPackage", {**GROUP, "ClientToken": "token-1"})] * 2,
    ("DescribeModelPackageGroup", GROUP),
    ("ListModelPackageGroups", {}),
    ("ListModelPackageGroups", {"SortBy": "Name", "NameContains": "x", "CreationTimeAfter": THEN}),
    ("ListModelPackageGroups", {"CrossAccountFilterOption": "CrossAccount"}),
    ("DescribeModelPackage", {"ModelPackageName": ARN}),
    *[("ListModelPackages", asked) for asked in lists()],
    ("UpdateModelPackage", {"ModelPackageArn": ARN, "ModelApprovalStatus": "Approved"}),
    ("BatchDescribeModelPackage", {"ModelPackageArnList": [ARN]}),
    ("AddTags", {"ResourceArn": GROUP_ARN, "Tags": [{"Key": "team", "Value": "sales"}]}),
    ("ListTags", {"ResourceArn": GROUP_ARN}),
    ("DeleteTags", {"ResourceArn": GROUP_ARN, "TagKeys": ["other"]}),
    ("PutModelPackageGroupPolicy", {**GROUP, "ResourcePolicy": POLICY}),
    ("GetModelPackageGroupPolicy", GROUP),
    *[("Search", asked) for asked in searches()],
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
    """A registry whose statements are noted, each once, with a name for what ran it."""

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
        with suppress(NotHandled):  # of CreateModel, only what it asks about a version is ours
            answer = (self.registry.call if name in OPERATIONS else self.registry.extension)(name, params, CALLER)
        if isinstance(answer, dict) and "NextToken" in answer and "NextToken" not in params:
            self.do(name, {**params, "NextToken": answer["NextToken"]})
        return answer

    def faults(self) -> dict[str, tuple[str, list[str]]]:
        """Return statements that look at every row or sort, with what ran each and what is wrong with its plan."""
        self.rows._writer.set_trace_callback(None)
        found = {}
        for shape, (name, statement) in self.statements.items():
            plan = [row[3] for row in self.rows._writer.execute(f"EXPLAIN QUERY PLAN {statement}")]
            if wrong := [
                step for step in plan if ("SCAN" in step or "TEMP B-TREE" in step) and not HARMLESS.match(step)
            ]:
                found[shape] = (name, wrong)
        return found


@pytest.fixture(scope="module")
def faults() -> dict[str, tuple[str, list[str]]]:
    """Return what is wrong with the plans of everything a registry does."""
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
    """Do what delivers events and forgets them."""
    outbox = registry.outbox
    outbox.enqueue("ci", lambda event: True)
    for delivery in list(outbox.open("ci")):
        if outbox.claim(delivery, 1.0):
            outbox.close_delivery({**delivery, "attempts": 1}, "done")
    outbox.register("ci", afresh=True)
    outbox.prune(-1)
    registry.ping()


def test_everything_a_registry_does_is_looked_at() -> None:
    assert {name for name, _ in CALLS} | {"import"} == {*OPERATIONS, *EXTENSIONS}


def test_no_statement_looks_at_every_row_or_sorts_them(faults: dict[str, tuple[str, list[str]]]) -> None:
    unexpected = {
        shape: fault for shape, fault in faults.items() if not any(re.search(one, shape) for one in EXCEPTIONS)
    }
    assert not unexpected


def test_every_exception_is_still_one(faults: dict[str, tuple[str, list[str]]]) -> None:
    needless = [one for one in EXCEPTIONS if not any(re.search(one, shape) for shape in faults)]
    assert not needless


def test_the_planner_is_told_of_every_index() -> None:
    rows = SQLiteRows(None)
    indexes = {name for (name,) in rows._writer.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    told = {index for table, index in rows._writer.execute("SELECT tbl, idx FROM sqlite_stat1") if index != table}
    small = {f"sqlite_autoindex_{table}_1" for table in ("event_cursors", "group_policies")}
    assert indexes - small == told
    rows.close()
