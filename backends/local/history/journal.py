"""History as it is written: one row for every change of a group, a package or a policy, in the change's transaction.

The journal stands between an operation and the rows of its transaction and sees every insert, update and delete, so
no operation can forget it; nothing else writes history, and nothing changes or removes what is written.

The rows of a name (a group with its policy and versions, or an unversioned package) are a chain: each has the hash of
the one before, and a head says which is the last. One chain for each name, and not one for all: writers of one group
queue on its row in any case, while on PostgreSQL a single chain would make writers of different groups queue too. Heads
are locked last, in the order of their keys, so two writers never wait for each other crosswise. Only whoever can write
to the database itself can break a chain, and `history.verify` then tells where; who could also compute all of its
hashes anew is found out by a hash noted elsewhere.
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
"""The tables whose changes are history, and what a row of each is called."""

BEFORE_THE_FIRST: Final = ""
"""What the first row of a chain has as the hash of the row before."""

NOTHING: Final = b"null"
"""The JSON of a record that is not there."""

_NOT_HASHED: Final = frozenset({"account", "region", "hash"})
"""Where a chain is kept may change, as an import into another account does; `arn` says where a change was made."""

_EVERY: Final = 2**31 - 1


def hash_of(row: Row) -> str:
    """Return the hash of a row of history: SHA-256 of its columns as JSON with sorted keys and no spaces."""
    hashed = {column: row[column] for column in HISTORY.columns if column not in _NOT_HASHED}
    return hashlib.sha256(_canonical(hashed)).hexdigest()


class _Change(msgspec.Struct):
    """What a transaction has done to one resource so far: from the first `before` to the last `after`, as JSON."""

    before: bytes
    after: bytes


class Journal(Transaction):
    """A store's transaction that notes every change of a resource; `write` makes history of the notes."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction.run, locked=transaction.locked)
        self._changes: dict[tuple[Table, Key], _Change] = {}
        self._read: dict[tuple[Table, Key], tuple[Row, bytes]] = {}
        """Columns and record of each resource as last read: an update need not read it again, though the caller may
        have edited the row in place since."""

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
        """Write history for each resource that the transaction has changed; return the rows, of each name in order."""
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
        """Store consecutive rows of a chain, written elsewhere, as they are, in front of what is written here.

        Return how many of them are now there: those that were, or that continue the chain as it is. A chain that has
        gone on otherwise stays as it is. Their hashes hold.
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
        """Note a change; a resource changed twice in a transaction was, for history, changed once."""
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
        """Return the head of a chain, locked; of a new one, that of no rows."""
        found = super().get(HEADS, chain)
        if found is None:
            empty: Row = dict(zip(HEADS.key, chain, strict=True))
            super().insert(HEADS, empty | {"seq": 0, "hash": BEFORE_THE_FIRST, "rev": 0})
            found = super().get(HEADS, chain)  # ours, or that of who was quicker
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
