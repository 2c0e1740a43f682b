"""A group: its versions and the trend of a metric."""

from __future__ import annotations

from typing import Any, Final

from flask import request

from ..charts import trend
from ..metrics import Delta, delta, headline
from ..page import Page, Visit
from ..reader import Reader
from ..records import Group, Version

MAX_COLUMNS: Final = 4
"""Maximum metric columns in the table of versions."""

TREND: Final = 60
"""Newest versions in a trend, if the backend has the extension `versions`."""


def group(visit: Visit, group: str) -> dict[str, Any]:
    reader, token, status = visit.reader, request.args.get("page"), request.args.get("status", "")
    found = reader.group(group)
    page = reader.of_group(group, token, status or None)
    drawn = reader.newest(group, TREND) if reader.offers("versions") else page.versions
    names = tuple(dict.fromkeys(name for version in (*drawn, *page.versions) for name in version.metrics))
    metric = request.args.get("metric", "")
    leading = metric if metric in names else headline(version.metrics for version in drawn)
    approved = reader.approved(group)

    def change(version: Version, metric: str) -> Delta | None:
        is_other = approved is not None and approved.number != version.number
        return delta(version.metrics.get(metric), approved.metrics.get(metric)) if approved and is_other else None

    return {
        "group": found,
        "tags": _tags(reader, found),
        "has_policy": reader.optional("GetModelPackageGroupPolicy", ModelPackageGroupName=group) is not None,
        "status": status,
        "versions": page.versions,
        "is_first": token is None,
        "next_token": page.next_token,
        "approved": approved,
        "change": change,
        "columns": sorted(names, key=lambda one: one != leading)[:MAX_COLUMNS],
        "metrics": names,
        "metric": leading,
        "chart": trend(drawn, leading),
    }


def _tags(reader: Reader, found: Group) -> tuple[tuple[str, str], ...]:
    listed = reader.optional("ListTags", ResourceArn=found.arn) or {"Tags": []}
    return tuple((tag["Key"], tag["Value"]) for tag in listed["Tags"])


PAGE = Page("group.html", {"GET /groups/<group>": group})
