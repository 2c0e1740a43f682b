"""Whether history is as it was written: finds every row, head and resource that was changed past the registry.

Of a resource that is as it should be, what Search finds it by is looked for, too: no hash is kept of those rows.

A call looks at a bounded number of rows and answers a token with which the next goes on, so that a registry with a
million changes is verified without holding a transaction for minutes. Of a name that is broken, a call reports where it
is broken first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import orjson

from . import history, terms
from .call import Call
from .journal import BEFORE_THE_FIRST, KINDS, hash_of
from .paging import position_of, query_of, token_of
from .rows import HEADS, HISTORY, PACKAGES, TERMS, Condition, Row, Table

MOST_ROWS: Final = 1000
"""Rows of history, or resources, that one call looks at."""

CHAINS: Final = -1
"""The stage in which chains are walked; those of the resources of each table follow, by their place in TABLES."""

TABLES: Final = tuple(KINDS)

Position = tuple[Any, ...]
"""Where a walk stands: the stage, a name, a number (row of the chain, or version), the hash of the row before."""


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to verify: the history of a group or an unversioned package, by name or ARN, or all."""

    group: str | None = None
    next_token: str | None = None


def verify(call: Call, asked: Query) -> dict[str, Any]:
    """Verify history in the caller's account and region, some of it at a time.

    Returns:
        `checked` rows of `chains`; those `broken`: name, version, row and why; how many resources are `unrecorded`,
        being older than history; `next_token`, if there is more.

    Raises:
        ValidationException: there is no history of that name.
    """
    only = history.named(call, asked.group)[0] if asked.group is not None else None
    query = query_of(call, {"group": asked.group})
    walk = _Walk(call, only)
    start = (CHAINS, "", 0, BEFORE_THE_FIRST)
    position = walk.go_on(start if asked.next_token is None else position_of(query, asked.next_token, len(start)))
    if only is not None and asked.next_token is None and not walk.chains:
        raise history.no_history(only)
    answer: dict[str, Any] = {
        "checked": walk.checked,
        "chains": walk.chains,
        "unrecorded": walk.unrecorded,
        "broken": walk.broken,
    }
    if position is not None:
        answer["next_token"] = token_of(query, position)
    return answer


class _Walk(msgspec.Struct):
    """One call's part of the way through all chains and resources."""

    call: Call
    only: str | None
    left: int = msgspec.field(default_factory=lambda: MOST_ROWS)
    checked: int = 0
    chains: int = 0
    unrecorded: int = 0
    broken: list[dict[str, Any]] = msgspec.field(default_factory=list)

    def go_on(self, position: Position) -> Position | None:
        """Walk on from a position; return where the next call begins, or None at the end."""
        stage, name, number, previous = position
        if stage == CHAINS:
            stopped = self._walk_chains(name, number, previous)
            if stopped is not None:
                return (CHAINS, *stopped)
            stage, name, number = CHAINS + 1, "", -1
        for place, table in enumerate(TABLES):
            if place >= stage:
                after = self._walk_resources(table, (name, number) if place == stage else ("", -1))
                if after is not None:
                    return (place, *after, "")
        return None

    def _walk_chains(self, name: str, seq: int, previous: str) -> Position | None:
        """Walk through chains from the row after `seq`; 0 is the end of that chain."""
        while self.left > 0:
            if seq == 0:
                following = self._following(name)
                if following is None:
                    return None
                name, previous = following, BEFORE_THE_FIRST
                self.chains += 1
            rows = self.call.rows.find(HISTORY, self._of(name), ("seq",), after=(seq,), limit=self.left)
            is_end = len(rows) < self.left
            self.left -= len(rows) or 1
            sound = self._follow(name, rows, seq, previous)
            if rows:
                seq, previous = rows[-1]["seq"], rows[-1]["hash"]
            if sound and is_end:
                sound = self._check_head(name, seq, previous)
            if sound:
                sound = self._check_resources(name, rows)
            if is_end or not sound:
                seq = 0
        return name, seq, previous

    def _following(self, name: str) -> str | None:
        """Return the next name that has rows or a head."""
        if self.only is not None and name:
            return None
        beyond = self._of(self.only) if self.only is not None else [*self.call.place(), ("name", ">", name)]
        firsts = [
            *self.call.rows.find(HISTORY, beyond, ("name", "seq"), limit=1),
            *self.call.rows.find(HEADS, beyond, ("name",), limit=1),
        ]
        return min((row["name"] for row in firsts), default=None)

    def _follow(self, name: str, rows: Sequence[Row], seq: int, previous: str) -> bool:
        """Check consecutive rows of a chain."""
        for row in rows:
            why = _fault(row, seq, previous)
            if why:
                self._report(name, row, why)
                return False
            self.checked += 1
            seq, previous = row["seq"], row["hash"]
        return True

    def _check_resources(self, name: str, rows: Sequence[Row]) -> bool:
        """Check that resources are as the last change of each left them."""
        for row in {(row["kind"], row["version"]): row for row in rows}.values():
            last = self._last_of_its_resource(row)
            why = self._fault_of_resource(row) if last == row["seq"] else None
            if last is None:
                why = "an index of the database does not know it"
            if why:
                self._report(name, row, why)
                return False
        return True

    def _check_head(self, name: str, seq: int, previous: str) -> bool:
        """Check that the head of a chain names the last row there is."""
        head = self.call.rows.get(HEADS, self._key(name))
        if head is not None and (head["seq"], head["hash"]) == (seq, previous):
            return True
        why = "the head of the chain names another row as its last"
        if head is None:
            why = "the chain has no head, which says what its last row is"
        elif head["seq"] > seq:
            why = f"the rows after it are missing: there were {head['seq']}"
        self._report(name, {"seq": seq, "version": 0}, why)
        return False

    def _last_of_its_resource(self, row: Row) -> int | None:
        same = [*self._of(row["name"]), ("version", "=", row["version"]), ("kind", "=", row["kind"])]
        last = self.call.rows.find(HISTORY, same, ("seq",), descending=True, limit=1)
        return int(last[0]["seq"]) if last else None

    def _fault_of_resource(self, row: Row) -> str | None:
        """Return what is wrong with a resource, which a change was the last to be made of."""
        table = next(table for table, kind in KINDS.items() if kind == row["kind"])
        place = dict(zip(HEADS.key, self._key(row["name"]), strict=True)) | {"version": row["version"]}
        stored = self.call.rows.get(table, tuple(place[column] for column in table.key))
        after = orjson.loads(row["content"])["after"]
        if stored is None and after is None:
            return None
        if stored is None or after is None or not _is_as_left(table, stored, after):
            return f"the {row['kind']} is not as this change left it"
        if table in terms.INDEXED and any(self.call.rows.get(TERMS, key) is None for key in terms.of(table, stored)):
            return f"Search does not find the {row['kind']} by all there is in it"
        return None

    def _walk_resources(self, table: Table, after: Position) -> Position | None:
        """Look for resources that no change has made."""
        order = ("name", "version") if table is PACKAGES else ("name",)
        where = self._of(self.only) if self.only is not None else self.call.place()
        while self.left > 0:
            limit = self.left
            rows = self.call.rows.find(table, where, order, after=after[: len(order)], limit=limit)
            self.left -= len(rows) or 1
            for row in rows:
                self._check_origin(table, row["name"], row.get("version", 0))
                after = (row["name"], row.get("version", 0))
            if len(rows) < limit:
                return None
        return after

    def _check_origin(self, table: Table, name: str, version: int) -> None:
        kind = KINDS[table]
        chain = self._of(name)
        if self.call.rows.find(HISTORY, [*chain, ("version", "=", version), ("kind", "=", kind)], limit=1):
            return
        first = self.call.rows.find(HISTORY, chain, ("seq",), limit=1)
        if first and history.begins_a_group(first[0]) and (table is not PACKAGES or version):
            self._report(name, {"seq": None, "version": version}, f"no change has made this {kind}")
        else:
            self.unrecorded += 1

    def _report(self, name: str, row: Row, why: str) -> None:
        """Note what is broken, once for each name: the rest may follow from it."""
        if all(one["name"] != name for one in self.broken):
            self.broken.append({"name": name, "version": row["version"] or None, "seq": row["seq"], "why": why})

    def _of(self, name: str) -> list[Condition]:
        return [*self.call.place(), ("name", "=", name)]

    def _key(self, name: str) -> tuple[str, str, str]:
        return (self.call.caller.account, self.call.caller.region, name)


def _is_as_left(table: Table, stored: Row, after: dict[str, Any]) -> bool:
    listed_alike = table is not PACKAGES or stored["approval"] == after.get("ModelApprovalStatus", "")
    return bool(stored["record"] == after and listed_alike)


def _fault(row: Row, seq: int, previous: str) -> str | None:
    """Return what is wrong with a row that should follow the row `seq`, whose hash is `previous`."""
    if row["seq"] != seq + 1:
        missing = f"row {seq + 1} is" if row["seq"] == seq + 2 else f"rows {seq + 1} to {row['seq'] - 1} are"
        return f"{missing} missing before it"
    if hash_of(row) != row["hash"]:
        return "it was changed after it was written"
    if row["previous"] != previous:
        return "it does not follow the row before it, which was written anew"
    return None
