"""Views and transactions over the rows of a store, shared by SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, Final, Protocol

import orjson

from . import sql
from .rows import GROUPS, Condition, Key, Row, Table


class Result(Protocol):
    """A driver's result for a statement."""

    @property
    def rowcount(self) -> int: ...
    def fetchall(self) -> list[Any]: ...


ROWS_OF_A_STATEMENT: Final = 100

Run = Callable[[str, Sequence[Any]], Result]
"""Run a statement built by `sql` with its values."""


class View:
    """A consistent view of a store.

    Args:
        run: runs statements.
        facts: for each name, the statement whose first column has that fact about the store.
    """

    def __init__(self, run: Run, facts: Mapping[str, str] = MappingProxyType({})) -> None:
        self.run = run
        self._facts = facts

    def facts(self) -> dict[str, list[str]]:
        """Return facts about the store; empty in a write transaction.

        Returns:
            `store`, its name and version; `journal`, its mode; `durability`, the setting that makes commits survive a
            power failure; `schema`, the version of its schema.
        """
        return {name: [str(row[0]) for row in self.run(text, ()).fetchall()] for name, text in self._facts.items()}

    def get(self, table: Table, key: Key) -> Row | None:
        return self._one(table, sql.get(table), key)

    def text(self, table: Table, key: Key) -> str | None:
        """Return the JSON text of the record with this key, or None."""
        found = self.run(sql.text(table), key).fetchall()
        return found[0][0] if found else None

    def find(
        self,
        table: Table,
        where: Sequence[Condition],
        order: Sequence[str] = (),
        *,
        descending: bool = False,
        after: Key | None = None,
        limit: int,
    ) -> list[Row]:
        """Return at most `limit` rows that meet all conditions.

        Args:
            table: the table to read.
            where: conditions that must all be met; `contains` is a case-sensitive substring.
            order: columns to sort by; for paging, they must be unique together with the conditions.
            descending: the direction, for all columns of `order`.
            after: the values of the `order` columns in the last row of the previous page.
            limit: the maximum number of rows.
        """
        text, values = sql.find(table, where, order, descending, after, limit)
        return [_row(table, found) for found in self.run(text, values).fetchall()]

    def find_all(
        self,
        table: Table,
        where: Sequence[Condition],
        order: Sequence[str],
        *,
        descending: bool = False,
        after: Key | None = None,
        at_once: int,
    ) -> Iterator[Row]:
        """Yield all rows that meet the conditions, sorted as by `find`, reading `at_once` rows at a time."""
        while rows := self.find(table, where, order, descending=descending, after=after, limit=at_once):
            yield from rows
            if len(rows) < at_once or not order:
                return
            after = tuple(rows[-1][column] for column in order)

    def pick(
        self,
        columns: tuple[str, ...],
        table: Table,
        where: Sequence[Condition],
        order: Sequence[str] = (),
        *,
        descending: bool = False,
        after: Key | None = None,
        limit: int,
    ) -> list[Key]:
        """Return the given columns of the rows that `find` would return, with `record` as JSON text."""
        text, values = sql.find(table, where, order, descending, after, limit, columns)
        return self.run(text, values).fetchall()

    def count(self, table: Table, where: Sequence[Condition], limit: int) -> int:
        """Return the number of rows that meet all conditions, or `limit` if there are more."""
        return int(self.run(*sql.count(table, where, limit)).fetchall()[0][0])

    def count_common(self, table: Table, wheres: Sequence[Sequence[Condition]], limit: int) -> int:
        """Count the rows that meet the first conditions and have a related row for each of the others.

        Args:
            table: the table to read.
            wheres: conditions, all on the same columns; related rows have equal values in the other columns of the key.
            limit: the maximum count.
        """
        return int(self.run(*sql.count_common(table, wheres, limit)).fetchall()[0][0])

    def _one(self, table: Table, text: str, key: Key) -> Row | None:
        found = self.run(text, key).fetchall()
        return _row(table, found[0]) if found else None


class Transaction(View):
    """A write transaction: all of its changes are stored durably, or none.

    Args:
        run: runs statements.
        locked: tables whose rows are locked when read, so that they cannot change before the commit.
    """

    def __init__(self, run: Run, *, locked: Collection[Table] = ()) -> None:
        super().__init__(run)
        self.locked = locked

    def get(self, table: Table, key: Key) -> Row | None:
        text = sql.get(table)
        return self._one(table, f"{text} FOR UPDATE" if table in self.locked else text, key)

    def insert(self, table: Table, row: Row) -> bool:
        """Insert a row; return False and change nothing if its key exists."""
        stored = _stored(row)
        return self.run(sql.insert(table), [stored[column] for column in table.columns]).rowcount == 1

    def insert_all(self, table: Table, keys: Sequence[Key]) -> None:
        """Insert rows into a table that consists of its key; skip existing keys."""
        self._run_for_all(sql.insert_all, table, keys)

    def delete_all(self, table: Table, keys: Sequence[Key]) -> None:
        self._run_for_all(sql.delete_all, table, keys)

    def update(self, table: Table, key: Key, rev: int, changes: Row) -> bool:
        """Update columns of a row if its `rev` still matches; otherwise return False and change nothing."""
        stored = _stored(changes)
        return self.run(sql.update(table, tuple(stored)), [*stored.values(), *key, rev]).rowcount == 1

    def delete(self, table: Table, where: Sequence[Condition]) -> int:
        """Delete the rows that meet all conditions; return their number."""
        text, values = sql.delete(table, where)
        return self.run(text, values).rowcount

    def next_version(self, group: Key) -> int | None:
        """Allocate the group's next version number (consecutive from 1, never reused); None without such a group."""
        taken = self.run(sql.next_version(GROUPS), group).fetchall()
        return int(taken[0][0]) if taken else None

    def _run_for_all(self, statement: Callable[[Table, int], str], table: Table, keys: Sequence[Key]) -> None:
        for begin in range(0, len(keys), ROWS_OF_A_STATEMENT):
            some = keys[begin : begin + ROWS_OF_A_STATEMENT]
            self.run(statement(table, len(some)), [value for key in some for value in key])


class StoreSnapshot(Protocol):
    """A copy of a store at one moment."""

    def close(self) -> None: ...


class Rows(Protocol):
    """A store. It raises its errors as RegistryError."""

    def reading(self) -> AbstractContextManager[View]: ...

    def writing(self) -> AbstractContextManager[Transaction]:
        """Open a transaction: committed when the block ends, rolled back when it raises."""
        ...

    def check_writing(self) -> None:
        """Raise the error that a write would raise, if the last write failed and writes still fail."""
        ...

    def take_snapshot(self) -> StoreSnapshot:
        """Return a copy of the whole store; like `restore_snapshot`, only for registries under test control."""
        ...

    def restore_snapshot(self, snapshot: Any) -> None:
        """Replace the whole store, atomically, with a snapshot of this store or of another one of its kind."""
        ...

    def close(self) -> None: ...


def _row(table: Table, values: Sequence[Any]) -> Row:
    row = dict(zip(table.columns, values, strict=True))
    if "record" in row:
        row["record"] = orjson.loads(row["record"])
    return row


def _stored(row: Row) -> Row:
    if "record" in row:
        return {**row, "record": orjson.dumps(row["record"]).decode()}
    return row
