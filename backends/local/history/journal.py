"""The history journal, which records each change of a group, package or policy in the change's transaction.

The journal wraps an operation's transaction and observes every insert, update and delete, so no operation can bypass
it. Only the journal writes history. Nothing changes it, and only test control deletes it.

The rows of a name (a group with its policy and versions, or an unversioned package) form a hash chain: each row has the
hash of the previous row, and a head identifies the last row. There is one chain per name: writers of one group already
wait for its row, and on PostgreSQL a single chain would also make writers of different groups wait. Heads are locked
last, in key order, which prevents deadlocks. Breaking a chain requires direct write access to the database, and
`history.verify` reports where. Recomputing all hashes of a chain can be detected only with a hash stored elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import orjson

from ... import arns
from ...arns import Arn
from ...base import partition_of
from ...store.rows import GROUPS, HEADS, HISTORY, PACKAGES, POLICIES, Condition, Key, Row, Table
from ...store.transactions import Transaction
from ..context import RequestContext
from ..search import index

KINDS: Final = {GROUPS: "group", PACKAGES: "package", POLICIES: "policy"}
"""The tables whose changes are recorded, with the name of each resource kind."""

BEFORE_THE_FIRST: Final = ""
"""The previous hash of the first row in a chain."""

NOTHING: Final = b"null"
"""The JSON of an absent record."""

_NOT_HASHED: Final = frozenset({"account", "region", "hash"})
"""An import into another account moves a chain, so these are not hashed; `arn` records where a change was made."""

_EVERY: Final = 2**31 - 1


def hash_of(row: Row) -> str:
    """Return the SHA-256 hash of a row of history: its columns as JSON with sorted keys and no spaces."""
    hashed = {column: row[column] for column in HISTORY.columns if column not in _NOT_HASHED}
    return hashlib.sha256(_canonical(hashed)).hexdigest()


class _Change(msgspec.Struct):
    """The change of one resource in a transaction, as JSON before the first and after the last write."""

    before: bytes
    after: bytes


class Journal(Transaction):
    """A transaction that collects every change of a resource; `write` records them in history."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction.run, locked=transaction.locked)
        self._changes: dict[tuple[Table, Key], _Change] = {}
        self._read: dict[tuple[Table, Key], tuple[Row, bytes]] = {}
        """The columns and record of each resource as last read. This saves `update` a read, and the caller may have
        modified the row in place."""

    def get(self, table: Table, key: Key) -> Row | None:
        row = super().get(table, key)
        if row is not None and table in KINDS:
            self._read[table, key] = ({**row}, _canonical(row["record"]))
        return row

    def insert(self, table: Table, row: Row) -> bool:
        stored = super().insert(table, row)
        if stored and table in KINDS:
            self._note(table, table.key_of(row), before=NOTHING, after=_canonical(row["record"]))
            index.add(self, table, row)
        return stored

    def update(self, table: Table, key: Key, rev: int, changes: Row) -> bool:
        if table not in KINDS or "record" not in changes:
            return super().update(table, key, rev, changes)
        read = self._read.pop((table, key), None)
        if read is None or read[0]["rev"] != rev:
            row = super().get(table, key) or {"rev": rev, "record": None}
            read = (row, _canonical(row["record"]))
        changed = super().update(table, key, rev, changes)
        if changed:
            self._note(table, key, before=read[1], after=_canonical(changes["record"]))
            index.replace(self, table, {**read[0], "record": orjson.loads(read[1])}, {**read[0], **changes})
        return changed

    def delete(self, table: Table, where: Sequence[Condition]) -> int:
        gone = self.find(table, where, limit=_EVERY) if table in KINDS else []
        removed = super().delete(table, where)
        for row in gone:
            self._note(table, table.key_of(row), before=_canonical(row["record"]), after=NOTHING)
            index.remove(self, table, row)
        return removed

    def write(self, context: RequestContext) -> list[Row]:
        """Write history for each changed resource; return the new rows, in order for each name."""
        changed = [(table, key, one) for (table, key), one in self._changes.items() if one.before != one.after]
        chains: dict[Key, list[Row]] = {}
        for table, key, one in changed:
            named = dict(zip(table.key, key, strict=True))
            row = _row(context, KINDS[table], named, one)
            chains.setdefault(HEADS.key_of(named), []).append(row)
        for chain in sorted(chains):
            self._append(chain, chains[chain])
        return [row for rows in chains.values() for row in rows]

    def import_chain(self, chain: Key, rows: Sequence[Row]) -> int:
        """Store consecutive rows of a chain from another registry unchanged, before the changes of this transaction.

        Return how many of the rows are now stored, including those that already were. Rows are added only if they
        continue the existing chain; their hashes remain valid.
        """
        head = self._head(chain)
        there = [row for row in rows if row["seq"] <= head["seq"] and self._has(chain, row)]
        new = rows[len(there) :]
        if not new or (new[0]["seq"], new[0]["previous"]) != (head["seq"] + 1, head["hash"]):
            return len(there)
        self._store(chain, head, [row | dict(zip(HEADS.key, chain, strict=True)) for row in new])
        return len(rows)

    def _has(self, chain: Key, row: Row) -> bool:
        found = super().get(HISTORY, (*chain, row["seq"]))
        return found is not None and found["hash"] == row["hash"]

    def _note(self, table: Table, key: Key, *, before: bytes, after: bytes) -> None:
        """Note a change; several changes of a resource in a transaction become one row."""
        if (table, key) in self._changes:
            self._changes[table, key].after = after
        else:
            self._changes[table, key] = _Change(before, after)

    def _append(self, chain: Key, rows: Sequence[Row]) -> None:
        head = self._head(chain)
        seq, previous = head["seq"], head["hash"]
        for row in rows:
            seq += 1
            row |= {"seq": seq, "previous": previous}
            row["hash"] = previous = hash_of(row)
        self._store(chain, head, rows)

    def _head(self, chain: Key) -> Row:
        """Return the head of a chain, locked; create it for a new chain."""
        found = super().get(HEADS, chain)
        if found is None:
            empty: Row = dict(zip(HEADS.key, chain, strict=True))
            super().insert(HEADS, empty | {"seq": 0, "hash": BEFORE_THE_FIRST, "rev": 0})
            found = super().get(HEADS, chain)  # this one, or that of a concurrent writer
        assert found is not None  # noqa: S101 - heads are never removed
        return found

    def _store(self, chain: Key, head: Row, rows: Iterable[Row]) -> None:
        for row in rows:
            super().insert(HISTORY, row)
            last = row
        super().update(HEADS, chain, head["rev"], {"seq": last["seq"], "hash": last["hash"]})


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _row(context: RequestContext, kind: str, named: Row, change: _Change) -> Row:
    version = named.get("version", 0)
    account, region, name = HEADS.key_of(named)
    what = arns.PACKAGE if kind == KINDS[PACKAGES] else arns.GROUP
    content = {
        "before": orjson.Fragment(change.before),
        "after": orjson.Fragment(change.after),
        "reason": context.reason,
        "rules": context.notes,
    }
    return {
        "account": account,
        "region": region,
        "name": name,
        "at": context.now,
        "actor": context.caller.arn,
        "principal": context.caller.principal,
        "request_id": context.caller.request_id,
        "operation": context.operation,
        "kind": kind,
        "arn": str(Arn(partition_of(region), region, account, what, name, version)),
        "version": version,
        "content": _canonical(content).decode(),
    }
