"""Template filters for times, ages, numbers and statuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ...backends.views import Difference, HistoryEntry
from .explanation import LABELS, verb
from .metrics import printed
from .records import Person, differences, marked

SHAPES: Final = {"Approved": "approved", "Rejected": "rejected", "PendingManualApproval": "pending"}

MAX_DIFFERENCES: Final = 20
"""Maximum differences shown for a change; the JSON record has all of them."""

CREATED: Final = {"package": "registered", "group": "created the group", "policy": "set the policy of"}

OMITTED_PREFIXES: Final = ("CustomerMetadataProperties.", "InferenceSpecification.", "ModelCard.ModelCardContent.")


def utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")


def age(moment: datetime) -> str:
    """Return how long ago a moment was, in the largest unit."""
    past = max(datetime.now(UTC) - moment, timedelta())
    for count, unit in ((past.days, "day"), (past.seconds // 3600, "hour"), (past.seconds // 60 % 60, "minute")):
        if count:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"


def label(status: str) -> str:
    return LABELS.get(status, status)


def shape(status: str) -> str:
    """Return the icon of a status, which is also part of its CSS class."""
    return SHAPES.get(status, "pending")


def nice_path(path: str) -> list[str]:
    """Return a path without its redundant prefix, split where a line may break."""
    for member in OMITTED_PREFIXES:
        path = path.removeprefix(member)
    return re.findall(r"[^.\[_]+[.\[_]*|[.\[_]+", path)


def did(entry: HistoryEntry) -> str:
    if entry.before is None:
        return CREATED.get(entry.kind, "created")
    if entry.after is None:
        return "deleted"
    if entry.progress is not None:
        return "approved"
    return "decided on" if entry.is_transition and entry.before else "changed"


def changes(entry: HistoryEntry) -> tuple[Difference, ...]:
    """Return the first MAX_DIFFERENCES values that a change modified, as text."""
    return differences(entry.before, entry.after)[:MAX_DIFFERENCES] if entry.before and entry.after else ()


FILTERS: Final[dict[str, Callable[..., Any]]] = {
    "utc": utc,
    "iso": iso,
    "age": age,
    "label": label,
    "shape": shape,
    "printed": printed,
    "nice_path": nice_path,
    "verb": verb,
    "did": did,
    "changes": changes,
    "person": Person.from_arn,
    "marked": marked,
}
