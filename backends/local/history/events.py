"""Events of registered and updated versions, in AWS's EventBridge format.

The envelope is AWS's own, so rules, functions and scripts written for AWS also work here. The transaction of a change
only stores a note with the change's position in history, so writers of different groups do not wait for each other and
write little. When events are read or delivered, each note becomes an event with a position and an envelope made from
its row of history. Positions are therefore assigned in commit order, and a reader that has read up to a position misses
no later event.

Our choices where AWS's behavior is unknown: the event of a registration has no UpdatedModelPackageFields; the fields of
an update are those whose values changed; packages without a group, deletions and completed validations produce no
events.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Final, Literal
from uuid import uuid4

import msgspec
import orjson

from ...errors import ValidationException
from ...events import DETAIL_TYPE, FIELDS, SOURCE, STATUS, is_pattern, is_wanted
from ...service import model, projection
from ...store.rows import CURSORS, EVENTS, HISTORY, NOTES, Condition, Key, Row
from ...store.transactions import Transaction, View
from ..context import RequestContext
from ..operations import validation
from ..pagination import milliseconds
from . import queries

SPELLED: Final = {"SourceUri": "sourceUri"}
"""Members whose spelling in UpdatedModelPackageFields differs in AWS's documentation."""

OUTBOX: Final = ""
"""The cursor that counts the events with positions."""

MAX_EVENTS: Final = 100
MAX_LOOKED_AT: Final = 2000
"""Events examined per call; a page can be short or empty even if there are more events."""

BATCH: Final = 500


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A query for events; without filters, it matches all events in the caller's account and region."""

    group: str | None = None
    """A group by name, pattern (`*`, `?`) or ARN; `churn/3` selects a version."""
    version: int | None = None
    on: str | None = None
    """Only events of versions with this approval status."""
    every: bool = True
    """If false, only the registrations or updates that set the status `on`."""
    id: str | None = None
    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    """List events after this position, as returned by a previous answer."""
    before: Annotated[int, msgspec.Meta(ge=0)] | None = None
    order: Literal["Ascending", "Descending"] = "Ascending"
    max_results: Annotated[int, msgspec.Meta(ge=1, le=MAX_EVENTS)] = MAX_EVENTS
    follow: bool = False
    """Wait a few seconds for an event (servers only; in-process calls return at once)."""


def note(rows: Transaction, written: Iterable[Row]) -> bool:
    """Note the changes of versions among a transaction's rows of history; return whether there are any."""
    noted = [row for row in written if row["kind"] == "package" and row["version"]]
    for row in noted:
        rows.insert(NOTES, {column: row[column] for column in NOTES.columns})
    return bool(noted)


def assign_positions(rows: Transaction) -> bool:
    """Turn noted changes into events with positions, in commit order; return False if there were none.

    Concurrent calls update the same cursor first, so only one succeeds and positions become visible in order.
    """
    done = cursor(rows, OUTBOX)
    new = without_position(rows, BATCH)
    if not new:
        return False
    if rows.update(CURSORS, (OUTBOX,), done["rev"], {"position": done["position"] + len(new)}):
        for position, row in enumerate(_in_time(new), done["position"] + 1):
            if (envelope := _envelope(rows.get(HISTORY, EVENTS.key_of(row)))) is not None:
                rows.insert(EVENTS, row | {"position": position, "rev": 0, "record": envelope})
        rows.delete_all(NOTES, [EVENTS.key_of(row) for row in new])
    return True


def without_position(rows: View, limit: int) -> list[Row]:
    return rows.find(NOTES, [], NOTES.key, limit=limit)


def cursor(rows: Transaction, name: str, position: int = 0) -> Row:
    """Return the cursor with this name; create it at `position` if it does not exist."""
    rows.insert(CURSORS, {"name": name, "position": position, "rev": 0})
    found = rows.get(CURSORS, (name,))
    assert found is not None  # noqa: S101 - cursors are never removed
    return found


def events(context: RequestContext, asked: Query) -> dict[str, Any]:
    """Return a page of events, oldest first by default.

    Returns:
        `events`, each with its `position`; `position`, the last one examined, to continue from; `more`, whether there
        are more events; `last`, the highest position assigned so far.
    """
    known = model.enum(STATUS)
    if asked.on is not None and asked.on not in known:
        raise ValidationException(f"on is {asked.on[:100]!r}; expected one of {', '.join(known)}.")
    where: list[Condition] = [*selection(context, asked.group, asked.version), ("position", ">", asked.after)]
    where += [("position", "<", asked.before)] if asked.before is not None else []
    on = [asked.on] if asked.on is not None else []
    groups = [asked.group] if asked.group is not None and is_pattern(asked.group) else []
    descending = asked.order == "Descending"
    found: list[Row] = []
    looked_at, more, after = 0, True, None
    while more and len(found) < asked.max_results and looked_at < MAX_LOOKED_AT:
        limit = asked.max_results - len(found)
        rows = context.rows.find(EVENTS, where, ("position",), descending=descending, after=after, limit=limit + 1)
        more = len(rows) > limit
        for row in rows[:limit]:
            after = (row["position"],)
            is_one = is_wanted(row["record"], on=on, every=asked.every, groups=groups)
            found += [row] if is_one and asked.id in (None, row["record"]["id"]) else []
        looked_at += limit
    return {
        "events": [{"position": row["position"], "event": row["record"]} for row in found],
        "position": after[0] if after else asked.after,
        "more": more,
        "last": last["position"] if (last := context.rows.get(CURSORS, (OUTBOX,))) is not None else 0,
    }


def selection(context: RequestContext, group: str | None, version: int | None) -> list[Condition]:
    """Return conditions for events of the caller's group or version; group patterns add no condition."""
    return queries.selection(context, None if is_pattern(group) else group, version)


def _envelope(row: Row | None) -> dict[str, Any] | None:
    content = queries.content_of(row) if row is not None else None
    if row is None or content is None or content.after is None:
        return None
    before, after = content.before, content.after
    described = projection.projection("DescribeModelPackage")(validation.as_of(after, row["at"]))
    detail = {"ModelPackageName": f"{row['name']}/{row['version']}", **described}
    if before is not None:
        detail[FIELDS] = [SPELLED.get(name, name) for name in _updatable() if before.get(name) != after.get(name)]
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": DETAIL_TYPE,
        "source": SOURCE,
        "account": row["account"],
        "time": f"{datetime.fromtimestamp(row['at'] // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "region": row["region"],
        "resources": [row["arn"]],
        "detail": orjson.loads(orjson.dumps(detail, default=milliseconds, option=orjson.OPT_PASSTHROUGH_DATETIME)),
    }


@cache
def _updatable() -> tuple[str, ...]:
    """Return the described members that UpdateModelPackage can change."""
    described = model.members(model.output_shape("DescribeModelPackage"))
    sent = model.members(model.input_shape("UpdateModelPackage"))
    return tuple(name for name in described if name in sent or f"{name}ToAdd" in sent)


def _in_time(rows: list[Row]) -> list[Row]:
    """Sort rows by time, but keep the order within each name even if the clock was set back."""
    latest: dict[Key, int] = {}

    def time(row: Row) -> int:
        chain = EVENTS.key_of(row)[:-1]
        latest[chain] = max(latest.get(chain, 0), row["at"])
        return latest[chain]

    return sorted(rows, key=time)
