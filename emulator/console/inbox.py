"""The inbox: what waits for a decision, oldest first, and how it compares with what its group deploys now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from .metrics import Delta, delta, headline
from .reading import Gone, Page, Reader
from .records import Version
from .rulings import Explanation, Standing, standing

LONG: Final = timedelta(days=3)
"""After which waiting is called long."""

SECONDS_FOR_RULES: Final = 0.1
"""How long the rules of a page are asked; of what is left, the version's own page tells."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A version that waits; `metric` is the one that leads, `apart` how far it is from that of the approved one."""

    version: Version
    approved: Version | None
    metric: str | None
    apart: Delta | None
    standing: Standing | None
    is_long: bool


@dataclass(frozen=True, slots=True)
class InboxPage:
    """What the inbox shows."""

    template: ClassVar[str] = "inbox.html"
    title: ClassVar[str] = "Inbox"

    group: str
    rows: tuple[Waiting, ...]
    counted: str
    is_first: bool
    next_token: str | None
    elsewhere: tuple[dict[str, str], ...]
    has_groups: bool


def inbox(reader: Reader, group: str, token: str | None) -> InboxPage:
    """Return the inbox of the caller's account and region, or of one group in it."""
    page = reader.waiting(group or None, token)
    reader.find_approved(version.group for version in page.versions)
    told = reader.explanations(page.versions, SECONDS_FOR_RULES)
    now = datetime.now(UTC)
    rows = tuple(_row(reader, version, told, now) for version in page.versions)
    is_empty = not rows and token is None
    has_groups = is_empty and (_is_there(reader, group) if group else bool(reader.groups("", "name", None)[0]))
    return InboxPage(
        group=group,
        rows=rows,
        counted=page.counted,
        is_first=token is None,
        next_token=page.next_token,
        elsewhere=_elsewhere(reader) if is_empty and not has_groups and not group else (),
        has_groups=has_groups,
    )


def next_waiting(reader: Reader, version: Version) -> tuple[Version | None, Page]:
    """Return what waits longest but for a version, with the page it is on."""
    page = reader.waiting()
    return next((one for one in page.versions if one.arn != version.arn), None), page


def _row(reader: Reader, version: Version, told: Mapping[str, Mapping[str, Any]], now: datetime) -> Waiting:
    approved = reader.approved(version.group)
    metric = headline([version.metrics, approved.metrics] if approved else [version.metrics])
    explained = told.get(version.arn)
    return Waiting(
        version=version,
        approved=approved,
        metric=metric,
        apart=delta(version.metrics.get(metric or ""), approved.metrics.get(metric or "")) if approved else None,
        standing=standing(Explanation.of(explained, version.status)) if explained is not None else None,
        is_long=now - version.created > LONG,
    )


def _is_there(reader: Reader, group: str) -> bool:
    try:
        reader.group(group)
    except Gone:
        return False
    return True


def _elsewhere(reader: Reader) -> tuple[dict[str, str], ...]:
    """Return the accounts and regions that have groups, where this one has none."""
    return tuple(reader.control("places")) if reader.offers("places") else ()
