"""The outbox of events: their deliveries to targets, with attempts and results, for the dispatcher.

A target (named `sink` in the API) is a webhook, a file or EventBridge. Each target has its own cursor over the events,
so servers with different targets can share a database. Each event becomes a delivery per target, which stays open until
it is done or dead. An attempt first updates the delivery and leases it for a time, so that two servers with the same
target do not deliver it twice, and another server can take over after a crash. A target receives the events of a
version in order: a failed delivery holds back later ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import takewhile
from typing import Annotated, Any, Final, Literal

import msgspec

from ...errors import ValidationException, did_you_mean
from ...events import FAILED, PENDING, SKIPPED, Notifier, Wanted, is_pattern, is_wanted
from ...store.rows import CURSORS, DELIVERIES, EVENTS, Condition, Key, Row
from ...store.transactions import Rows
from ..context import RequestContext
from . import events, queries

MAX_DELIVERIES: Final = 100
MAX_REPLAYED: Final = 10_000
MAX_ERROR: Final = 500

_key = DELIVERIES.key_of


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A query for deliveries; without filters, all of the caller's account and region."""

    sink: str | None = None
    state: Literal["pending", "failed", "done", "dead", "skipped"] | None = None
    group: str | None = None
    version: int | None = None
    before: Annotated[int, msgspec.Meta(ge=0)] | None = None
    max_results: Annotated[int, msgspec.Meta(ge=1, le=MAX_DELIVERIES)] = MAX_DELIVERIES


class Replay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A selection of events to deliver again: by event id, by group or version, or since a moment."""

    id: str | None = None
    group: str | None = None
    version: int | None = None
    since: queries.Moment | None = None
    sink: str | None = None
    """The target; all targets by default. A target's own filters still apply."""


class Outbox:
    """The events of a registry, of all accounts, for the dispatcher; thread-safe."""

    def __init__(self, rows: Rows, clock: Callable[[], float]) -> None:
        self._rows = rows
        self._clock = clock
        self.notifier = Notifier()

    @property
    def now(self) -> int:
        return int(self._clock() * 1000)

    def assign_positions(self) -> None:
        """Assign positions to all noted events; without any, write nothing."""
        while self._has_new_notes():
            with self._rows.writing() as rows:
                events.assign_positions(rows)

    def register(self, sink: str, *, afresh: bool = False) -> None:
        """Register a target at its stored position, or at the last event if it is new or `afresh`."""
        self.assign_positions()
        with self._rows.writing() as rows:
            now = events.cursor(rows, events.OUTBOX)["position"]
            known = events.cursor(rows, sink, now)
            if not afresh:
                return
            rows.update(CURSORS, (sink,), known["rev"], {"position": now})
            for row in rows.find(DELIVERIES, [("sink", "=", sink), ("open", "=", 1)], limit=MAX_REPLAYED):
                rows.update(DELIVERIES, _key(row), row["rev"], _closed(SKIPPED, self.now, "the target was reset"))

    def enqueue(self, sink: str, is_wanted: Wanted) -> None:
        """Create a delivery for each event after the target's cursor that passes the target's filter."""
        while self._has_news(sink):
            with self._rows.writing() as rows:
                events.assign_positions(rows)
                begun = events.cursor(rows, sink)
                where: list[Condition] = [("position", ">", begun["position"])]
                new = rows.find(EVENTS, where, ("position",), limit=events.BATCH)
                if new and rows.update(CURSORS, (sink,), begun["rev"], {"position": new[-1]["position"]}):
                    for event in new:
                        if is_wanted(event["record"]):
                            rows.insert(DELIVERIES, _delivery(event, sink, self.now))

    def open(self, sink: str) -> Iterator[Row]:
        after: Key | None = None
        where: list[Condition] = [("sink", "=", sink), ("open", "=", 1)]
        while True:
            with self._rows.reading() as rows:
                found = rows.find(DELIVERIES, where, ("position",), after=after, limit=events.BATCH)
            yield from found
            if len(found) < events.BATCH:
                return
            after = (found[-1]["position"],)

    def claim(self, delivery: Row, lease: float) -> Mapping[str, Any] | None:
        """Lease a delivery for `lease` seconds; return its event, or None if another server claimed it first."""
        with self._rows.writing() as rows:
            changes = {"attempts": delivery["attempts"] + 1, "due": self.now + round(lease * 1000)}
            if not rows.update(DELIVERIES, _key(delivery), delivery["rev"], {**changes, "changed": self.now}):
                return None
            found = rows.find(EVENTS, [("position", "=", delivery["position"])], limit=1)
            event: Mapping[str, Any] | None = found[0]["record"] if found else None
            return event

    def close_delivery(self, delivery: Row, state: str, error: str = "") -> None:
        self._change(delivery, _closed(state, self.now, error))

    def retry_delivery(self, delivery: Row, seconds: float, error: str) -> None:
        """Record a failed attempt and schedule the next one."""
        due = self.now + round(seconds * 1000)
        self._change(delivery, {"state": FAILED, "due": due, "changed": self.now, "error": error[:MAX_ERROR]})

    def prune(self, days: float) -> None:
        """Delete events older than the given number of days, and their deliveries."""
        self.assign_positions()
        oldest = self.now - round(days * 86_400_000)
        while True:
            with self._rows.reading() as rows:
                first = rows.find(EVENTS, [("position", ">", 0)], ("position",), limit=events.BATCH)
            old = [row["position"] for row in takewhile(lambda row: row["at"] < oldest, first)]
            if not old:
                return
            with self._rows.writing() as rows:
                for table in (EVENTS, DELIVERIES):
                    rows.delete(table, [("position", ">", 0), ("position", "<", old[-1] + 1)])

    def _has_new_notes(self) -> bool:
        with self._rows.reading() as rows:
            return bool(events.without_position(rows, 1))

    def _has_news(self, sink: str) -> bool:
        with self._rows.reading() as rows:
            begun = rows.get(CURSORS, (sink,))
            behind: list[Condition] = [("position", ">", begun["position"] if begun else 0)]
            return bool(events.without_position(rows, 1) or rows.find(EVENTS, behind, ("position",), limit=1))

    def _change(self, delivery: Row, changes: Row) -> None:
        with self._rows.writing() as rows:
            rows.update(DELIVERIES, _key(delivery), delivery["rev"] + 1, changes)  # claiming incremented it


def log(context: RequestContext, asked: Query) -> dict[str, Any]:
    if is_pattern(asked.group):
        raise ValidationException(
            f"events/deliveries: `group` is {asked.group!r}, a pattern; expected the name of a group, or a version "
            "such as churn/3."
        )
    where = events.selection(context, asked.group, asked.version)
    where += [(name, "=", value) for name in ("sink", "state") if (value := getattr(asked, name)) is not None]
    where += [("position", "<", asked.before)] if asked.before is not None else []
    limit = asked.max_results
    if asked.sink is not None and not (asked.sink and context.rows.get(CURSORS, (asked.sink,))):
        hint = did_you_mean(asked.sink, _targets(context)) or "; add targets under [events] in registry.toml."
        raise ValidationException(f"events/deliveries: no event target is named {asked.sink!r}{hint}")
    rows = context.rows.find(DELIVERIES, where, ("position", "sink"), descending=True, limit=limit + 1)
    while len(rows) > limit and rows[limit - 1]["position"] == rows[limit]["position"]:
        limit += 1  # keep the deliveries of an event on one page, because `before` is a position
        rows = context.rows.find(DELIVERIES, where, ("position", "sink"), descending=True, limit=limit + 1)
    return {"deliveries": [_entry(row) for row in rows[:limit]], "more": len(rows) > limit}


def replay(context: RequestContext, asked: Replay) -> dict[str, Any]:
    """Reopen or create deliveries of events, and return their number.

    Raises:
        ValidationException: no event is selected, or the target is unknown.
    """
    if asked.id is None and asked.group is None and asked.since is None:
        raise ValidationException("events/replay requires one of: id, group, since.")
    known = _targets(context)
    if asked.sink is not None and asked.sink not in known:
        remedy = f"expected one of {', '.join(known)}" if known else "add one under [events] in registry.toml"
        raise ValidationException(f"events/replay: no event target is named {asked.sink!r}; {remedy}.")
    if not known:
        raise ValidationException(
            "events/replay: no event targets are configured; add one under [events] in registry.toml."
        )
    sinks = [asked.sink] if asked.sink is not None else known
    count = 0
    for event in _replayed(context, asked):
        for sink in sinks:
            _reopen(context, event, sink)
            count += 1
    return {"deliveries": count}


def _replayed(context: RequestContext, asked: Replay) -> list[Row]:
    where = events.selection(context, asked.group, asked.version)
    if asked.since is not None:
        where.append(("at", ">", queries.milliseconds(asked.since, "since", end_of_day=False) - 1))
    groups = [asked.group] if asked.group is not None and is_pattern(asked.group) else []
    found: list[Row] = []
    for row in context.rows.find_all(EVENTS, where, ("position",), at_once=events.BATCH):
        is_one = asked.id in (None, row["record"]["id"]) and is_wanted(row["record"], groups=groups)
        found += [row] if is_one else []
        if len(found) > MAX_REPLAYED:
            raise ValidationException(
                f"events/replay: more than {MAX_REPLAYED:,} events match; narrow the request with group, since or id."
            )
    if not found:
        raise ValidationException("events/replay: no events match; events are deleted after the retention period.")
    return found


def _targets(context: RequestContext) -> list[str]:
    """Return the names of the event targets that the registry has ever had."""
    rows = context.rows.find(CURSORS, [("name", ">", events.OUTBOX)], limit=events.BATCH)
    return sorted(row["name"] for row in rows)


def _reopen(context: RequestContext, event: Row, sink: str) -> None:
    fresh = _delivery(event, sink, context.now)
    if context.rows.insert(DELIVERIES, fresh):
        return
    there = context.rows.get(DELIVERIES, _key(fresh))
    if there is not None:
        again = {name: fresh[name] for name in ("open", "state", "attempts", "due", "changed", "error")}
        context.rows.update(DELIVERIES, _key(fresh), there["rev"], again)


def _delivery(event: Row, sink: str, now: int) -> Row:
    place = {name: event[name] for name in ("position", "account", "region", "name", "version")}
    state = {"open": 1, "state": PENDING, "attempts": 0, "due": now, "changed": now, "error": "", "rev": 0}
    return {**place, "sink": sink, "id": event["record"]["id"], **state}


def _closed(state: str, now: int, error: str) -> Row:
    return {"open": 0, "state": state, "due": 0, "changed": now, "error": error[:MAX_ERROR]}


def _entry(row: Row) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("position", "id", "sink", "state", "attempts")},
        "version": f"{row['name']}/{row['version']}",
        "changed": queries.iso(row["changed"]),
        "next_attempt": queries.iso(row["due"]) if row["open"] else None,
        "error": row["error"] or None,
    }
