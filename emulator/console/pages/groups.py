"""Groups, and one group: its versions, how its metrics went, which of them are approved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from ..charts import Chart, sparkline, trend
from ..metrics import Delta, delta, headline
from ..reader import Overview, Reader
from ..records import Group, Version

MAX_COLUMNS: Final = 4
"""Metrics that a table of versions has columns for."""

TREND: Final = 60
"""Versions a trend is drawn from, where one call tells them."""

SORTS: Final = {"name": "Name", "new": "Newest first"}


@dataclass(frozen=True, slots=True)
class GroupRow:
    """A group among others; `metric` is the one that leads in its newest versions."""

    overview: Overview
    metric: str | None
    line: Chart | None

    @property
    def group(self) -> Group:
        """The group itself."""
        return self.overview.group

    @property
    def newest(self) -> Version | None:
        """Its newest version."""
        return self.overview.newest[0] if self.overview.newest else None


@dataclass(frozen=True, slots=True)
class GroupsPage:
    """What the list of groups shows."""

    template: ClassVar[str] = "groups.html"
    title: ClassVar[str] = "Groups"
    sorts: ClassVar[dict[str, str]] = SORTS

    contains: str
    sort: str
    rows: tuple[GroupRow, ...]
    is_first: bool
    next_token: str | None


@dataclass(frozen=True, slots=True)
class GroupPage:
    """What the page of a group shows; `columns` are the metrics its table shows, `metric` the one of the trend."""

    template: ClassVar[str] = "group.html"

    group: Group
    tags: tuple[tuple[str, str], ...]
    has_policy: bool
    status: str
    versions: tuple[Version, ...]
    is_first: bool
    next_token: str | None
    approved: Version | None
    columns: tuple[str, ...]
    metrics: tuple[str, ...]
    metric: str | None
    chart: Chart | None

    @property
    def title(self) -> str:
        """The title of the page."""
        return self.group.name

    def apart(self, version: Version, metric: str) -> Delta | None:
        """How far a version is from the approved one."""
        if self.approved is None or self.approved.number == version.number:
            return None
        return delta(version.metrics.get(metric), self.approved.metrics.get(metric))


def groups(reader: Reader, contains: str, sort: str, token: str | None) -> GroupsPage:
    """Return the groups whose names contain a text."""
    sort = sort if sort in SORTS else next(iter(SORTS))
    found, next_token = reader.groups(contains, sort, token)
    rows = tuple(_row(overview) for overview in reader.overviews(found))
    return GroupsPage(contains, sort, rows, token is None, next_token)


def group(reader: Reader, name: str, status: str, metric: str, token: str | None) -> GroupPage:
    """Return a group, and those of its versions that have a status; Gone if there is none."""
    found = reader.group(name)
    page = reader.of_group(name, token, status or None)
    drawn = page.versions
    if reader.offers("versions"):
        drawn = reader.newest(name, TREND)
    names = _names([*drawn, *page.versions])
    leading = metric if metric in names else headline(version.metrics for version in drawn)
    ordered = tuple(sorted(names, key=lambda one: one != leading))
    return GroupPage(
        group=found,
        tags=_tags(reader, found),
        has_policy=reader.told("GetModelPackageGroupPolicy", ModelPackageGroupName=name) is not None,
        status=status,
        versions=page.versions,
        is_first=token is None,
        next_token=page.next_token,
        approved=reader.approved(name),
        columns=ordered[:MAX_COLUMNS],
        metrics=names,
        metric=leading,
        chart=trend(drawn, leading),
    )


def _row(overview: Overview) -> GroupRow:
    metric = headline(version.metrics for version in overview.newest)
    return GroupRow(overview, metric, sparkline(overview.newest, metric))


def _names(versions: Sequence[Version]) -> tuple[str, ...]:
    """Return the metrics that several versions have, those that lead first."""
    return tuple(dict.fromkeys(name for version in versions for name in version.metrics))


def _tags(reader: Reader, found: Group) -> tuple[tuple[str, str], ...]:
    told = reader.told("ListTags", ResourceArn=found.arn) or {"Tags": []}
    return tuple((tag["Key"], tag["Value"]) for tag in told["Tags"])
