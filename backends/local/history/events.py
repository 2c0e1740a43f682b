"""Events: what AWS's EventBridge would be told of a version that is registered or changed, noted with the change.

The envelope is AWS's own, so that a rule, a function or a script that works there works here. An event is noted in the
transaction of its change, as no more than the change's place in history: nothing that writers of other groups would
have to wait for, and next to nothing to write. When events are read or delivered, each note becomes an
event with an envelope, made from its row of history, and a position. So positions are given in the order of commits,
and a reader that has read up to one misses nothing that comes after.

Choices of ours, where AWS has not been seen: an event of a registration has no UpdatedModelPackageFields; the fields of
an update are those whose value is another now; a package without a group, a deletion, and a validation that comes to
its end are no events.
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
"""Members that AWS's documentation spells otherwise in UpdatedModelPackageFields."""

OUTBOX: Final = ""
"""The cursor that says how many events have their position."""

MAX_EVENTS: Final = 100
MAX_LOOKED_AT: Final = 2000
"""Events one call looks at; a page may be short, even empty, and its position still be a later one."""

BATCH: Final = 500


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which events to list; without a filter, all of the caller's account and region."""

    group: str | None = None
    """A group by name, pattern (`*`, `?`) or ARN; `churn/3` is one version."""
    version: int | None = None
    on: str | None = None
    """Only versions with this approval status ..."""
    every: bool = True
    """... and, unless all are asked for, only when they got it: by their registration, or by the update."""
    id: str | None = None
    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    """The position behind which to begin, as an answer gave it."""
    before: Annotated[int, msgspec.Meta(ge=0)] | None = None
    order: Literal["Ascending", "Descending"] = "Ascending"
    max_results: Annotated[int, msgspec.Meta(ge=1, le=MAX_EVENTS)] = MAX_EVENTS
    follow: bool = False
    """Wait for an event if there is none yet: a server does, for some seconds; in process the answer comes at once."""


def note(rows: Transaction, written: Iterable[Row]) -> bool:
    """Note which of a transaction's rows of history are of versions; say whether any is."""
    noted = [row for row in written if row["kind"] == "package" and row["version"]]
    for row in noted:
        rows.insert(NOTES, {column: row[column] for column in NOTES.columns})
    return bool(noted)


def assign_positions(rows: Transaction) -> bool:
    """Give events that were noted their envelope and position, in the order of their commits; False if none is left.

    Whoever does so changes one cursor first, so it is done by one at a time, and positions are seen in their order.
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
    """Return the cursor of that name; of a new one, at a position."""
    rows.insert(CURSORS, {"name": name, "position": position, "rev": 0})
    found = rows.get(CURSORS, (name,))
    assert found is not None  # noqa: S101 - cursors are never removed
    return found


def events(context: RequestContext, asked: Query) -> dict[str, Any]:
    """Return a page of events, oldest first unless asked otherwise.

    Returns:
        `events`, each with its `position`; `position`, up to which was looked, to continue from; whether there is
        `more`; `last`, the last position that was given to any event.
    """
    known = model.enum(STATUS)
    if asked.on is not None and asked.on not in known:
        raise ValidationException(f"{asked.on[:100]!r} is not an approval status: {', '.join(known)}.")
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
    """Return the conditions of events of a group or version of the caller's; a pattern is none."""
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
    """Return what UpdateModelPackage can change of a description."""
    described = model.members(model.output_shape("DescribeModelPackage"))
    sent = model.members(model.input_shape("UpdateModelPackage"))
    return tuple(name for name in described if name in sent or f"{name}ToAdd" in sent)


def _in_time(rows: list[Row]) -> list[Row]:
    """Return events by their time, those of a name in their order even if a clock was put back."""
    latest: dict[Key, int] = {}

    def time(row: Row) -> int:
        chain = EVENTS.key_of(row)[:-1]
        latest[chain] = max(latest.get(chain, 0), row["at"])
        return latest[chain]

    return sorted(rows, key=time)
