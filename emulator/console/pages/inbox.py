"""The inbox: pending versions, oldest first, compared with the approved version of their group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

from flask import request

from ....backends.views import APPROVED, REJECTED
from ..explanation import BLOCKED, Readiness, explanation_of, readiness
from ..metrics import Delta, delta, headline
from ..page import Page, Visit
from ..reader import Gone, Reader
from ..records import Version

OVERDUE: Final = timedelta(days=3)
"""The waiting time after which a version is overdue."""

SECONDS_FOR_RULES: Final = 0.1
"""Time limit for evaluating the rules of a page; the remaining rows show no result."""

SECONDS_TO_FILTER: Final = 1.0
"""Time limit for the filter `open`, which needs the result of every row."""

OTHERS: Final = "others"
OPEN: Final = "open"
WHOSE: Final = {OTHERS: "registered by others", OPEN: "that I can approve"}

MAX_DAYS: Final = 9999


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of the inbox; `problem` describes invalid input.

    `creator` is an ARN or the beginning of a name, `days` the minimum waiting time, and `whose` one of WHOSE, or empty
    for all versions.
    """

    group: str = ""
    creator: str = ""
    days: int | None = None
    whose: str = ""
    problem: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> Self:
        days, whose = query.get("days", "").strip(), query.get("whose", "")
        is_number = days.isascii() and days.isdigit() and len(days) <= len(str(MAX_DAYS))
        return cls(
            group=query.get("group", "").strip(),
            creator=query.get("creator", "").strip(),
            days=int(days) if is_number else None,
            whose=whose if whose in WHOSE else "",
            problem="" if is_number or not days else f"Days must be a whole number from 0 to {MAX_DAYS}.",
        )

    @property
    def are_any(self) -> bool:
        """Whether a filter other than the group is set."""
        return bool(self.creator or self.days is not None or self.whose)

    def admits(self, version: Version, me: str) -> bool:
        """Return whether the creator of a version passes the filters; `me` is the reviewer's ARN."""
        who = version.creator
        is_theirs = who.name.casefold().startswith(self.creator.casefold()) or who.arn == self.creator
        return is_theirs and not (self.whose == OTHERS and who.arn == me)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row of the inbox; `change` is that of its most important `metric` since the approved version."""

    version: Version
    approved: Version | None
    metric: str | None
    change: Delta | None
    readiness: Readiness | None
    is_overdue: bool


def inbox(visit: Visit) -> dict[str, Any]:
    reader, now, token = visit.reader, datetime.now(UTC), request.args.get("page")
    filters = Filters.from_query(request.args)
    group = filters.group
    page = reader.waiting(
        group or None,
        token,
        before=None if filters.days is None else now - timedelta(days=filters.days),
        keep=_keep(filters, visit.server.console.arn(reader.caller)),
    )
    reader.find_approved(version.group for version in page.versions)
    only_open = filters.whose == OPEN
    answer = reader.explanations(page.versions, SECONDS_TO_FILTER if only_open else SECONDS_FOR_RULES)
    found = tuple(_row(reader, version, answer, now) for version in page.versions)
    rows = tuple(row for row in found if not (only_open and row.readiness and row.readiness.kind == BLOCKED))
    is_empty = not rows and token is None and not filters.are_any
    has_groups = is_empty and (_is_there(reader, group) if group else bool(reader.groups("", "name", None)[0]))
    return {
        "filters": filters,
        "group": group,
        "whose": _whose(reader),
        "rows": rows,
        "counted": f"{len(rows)}{'+' if page.next_token else ''}" if only_open else page.counted,
        "counts": _counts(reader, group) if group and (rows or has_groups) else (),
        "blocked": len(found) - len(rows),
        "is_first": token is None,
        "next_token": page.next_token,
        "elsewhere": _elsewhere(reader) if is_empty and not has_groups and not group else (),
        "has_groups": has_groups,
    }


def _whose(reader: Reader) -> dict[str, str]:
    """Return the values of WHOSE that the registry supports; OTHERS needs the reviewer's ARN (none if remote)."""
    knows = {OTHERS: not reader.remote, OPEN: reader.offers("explain")}
    return {name: words for name, words in WHOSE.items() if knows[name]}


def _keep(filters: Filters, me: str) -> Callable[[Version], bool] | None:
    if not (filters.creator or filters.whose == OTHERS):
        return None
    return lambda version: filters.admits(version, me)


def _counts(reader: Reader, group: str) -> tuple[tuple[str, str], ...]:
    """Return the number of decided versions of a group by status, if the backend can count them cheaply."""
    if not reader.offers("versions"):
        return ()
    return tuple((status, reader.count(group, status)) for status in (APPROVED, REJECTED))


def next_waiting(reader: Reader, version: Version) -> tuple[Version | None, str]:
    """Return the longest-waiting version other than the given one, and a text with the number waiting."""
    page = reader.waiting()
    return next((one for one in page.versions if one.arn != version.arn), None), page.counted


def _row(reader: Reader, version: Version, answer: Mapping[str, Mapping[str, Any]], now: datetime) -> Waiting:
    approved = reader.approved(version.group)
    metric = headline([version.metrics, approved.metrics] if approved else [version.metrics])
    explained = answer.get(version.arn)
    return Waiting(
        version=version,
        approved=approved,
        metric=metric,
        change=delta(version.metrics.get(metric or ""), approved.metrics.get(metric or "")) if approved else None,
        readiness=readiness(explanation_of(explained, version)) if explained is not None else None,
        is_overdue=now - version.created > OVERDUE,
    )


def _is_there(reader: Reader, group: str) -> bool:
    try:
        reader.group(group)
    except Gone:
        return False
    return True


def _elsewhere(reader: Reader) -> tuple[dict[str, str], ...]:
    """Return the accounts and regions that have groups."""
    return tuple(reader.extension("places")) if reader.offers("places") else ()


PAGE = Page("inbox.html", {"GET /": inbox}, menu="Inbox", key="i")
