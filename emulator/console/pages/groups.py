"""The list of groups, filtered by name, each with a summary of its newest versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flask import request

from ..charts import Chart, sparkline
from ..metrics import headline
from ..page import Page, Visit
from ..reader import Overview
from ..records import Group, Version

SORTS: Final = {"name": "Name", "new": "Newest first"}


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A row of the list; `metric` is the most important metric of the newest versions."""

    overview: Overview
    metric: str | None
    line: Chart | None

    @property
    def group(self) -> Group:
        return self.overview.group

    @property
    def newest(self) -> Version | None:
        return self.overview.newest[0] if self.overview.newest else None


def groups(visit: Visit) -> dict[str, Any]:
    contains, sort, token = request.args.get("q", "").strip(), request.args.get("sort", ""), request.args.get("page")
    sort = sort if sort in SORTS else next(iter(SORTS))
    found, next_token = visit.reader.groups(contains, sort, token)
    rows = tuple(_row(overview) for overview in visit.reader.overviews(found))
    return {
        "contains": contains,
        "sort": sort,
        "sorts": SORTS,
        "rows": rows,
        "is_first": token is None,
        "next_token": next_token,
    }


def _row(overview: Overview) -> GroupRow:
    metric = headline(version.metrics for version in overview.newest)
    return GroupRow(overview, metric, sparkline(overview.newest, metric))


PAGE = Page("groups.html", {"GET /groups": groups}, menu="Groups", key="g")
