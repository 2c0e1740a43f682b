"""Rows read and written by statements, whatever database runs them: what SQLite and PostgreSQL have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any, Final, Protocol

import orjson

from . import sql
from .rows import GROUPS, Condition, Key, Row, Table


class Result(Protocol):
    """What a driver answers to a statement."""

    @property
    def rowcount(self) -> int: ...
    def fetchall(self) -> list[Any]: ...


ROWS_OF_A_STATEMENT: Final = 100

Run = Callable[[str, Sequence[Any]], Result]
"""Runs a statement of `sql` with its values."""


class View:
    """One consistent view of a store.

    Args:
        run: runs statements.
        facts: what the store says of itself: by name, the statement whose first column says it.
    """

    def __init__(self, run: Run, facts: Mapping[str, str] = MappingProxyType({})) -> None:
        self.run = run
        self._facts = facts

    def facts(self) -> dict[str, list[str]]:
        """Return what the store says of itself; nothing in a transaction that writes.

        Returns:
            `store`, its name and version; `journal`, its mode; `durability`, what makes a commit outlive a power cut;
            `schema`, the version of its schema.
        """
        return {name: [str(row[0]) for row in self.run(text, ()).fetchall()] for name, text in self._facts.items()}

    def get(self, table: Table, key: Key) -> Row | None:
        return self._one(table, sql.get(table), key)

    def text(self, table: Table, key: Key) -> str | None:
        """Return the JSON text of the record with that key, or None."""
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
            table: where to look.
            where: conditions, all of which hold; `contains` is a case-sensitive substring.
            order: columns to sort by; together with the conditions they must be unique for paging.
            descending: the direction, for all columns of `order`.
            after: values of the `order` columns of the last row already seen.
            limit: the most rows to return.
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
        """Yield every row that meets all conditions, as `find` would return them; `at_once` are read at a time."""
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
        """Return some columns of the rows that `find` would return, a `record` as its text."""
        text, values = sql.find(table, where, order, descending, after, limit, columns)
        return self.run(text, values).fetchall()

    def count(self, table: Table, where: Sequence[Condition], limit: int) -> int:
        """Return how many rows meet all conditions, counting at most to `limit`."""
        return int(self.run(*sql.count(table, where, limit)).fetchall()[0][0])

    def count_common(self, table: Table, wheres: Sequence[Sequence[Condition]], limit: int) -> int:
        """Count rows that meet the first conditions and have a related row for each of the others.

        Args:
            table: where to look.
            wheres: conditions, all on the same columns; related rows agree in the other columns of the key.
            limit: the most to count.
        """
        return int(self.run(*sql.count_common(table, wheres, limit)).fetchall()[0][0])

    def _one(self, table: Table, text: str, key: Key) -> Row | None:
        found = self.run(text, key).fetchall()
        return _row(table, found[0]) if found else None


class Transaction(View):
    """A transaction that writes: all of it is stored, durably, or nothing.

    Args:
        run: runs statements.
        locked: the tables whose rows are locked as they are read, so that they are the same when it commits.
    """

    def __init__(self, run: Run, *, locked: Collection[Table] = ()) -> None:
        super().__init__(run)
        self.locked = locked

    def get(self, table: Table, key: Key) -> Row | None:
        text = sql.get(table)
        return self._one(table, f"{text} FOR UPDATE" if table in self.locked else text, key)

    def insert(self, table: Table, row: Row) -> bool:
        """Store a new row; False, with nothing changed, if its key is taken."""
        stored = _stored(row)
        return self.run(sql.insert(table), [stored[column] for column in table.columns]).rowcount == 1

    def insert_all(self, table: Table, keys: Sequence[Key]) -> None:
        """Store rows of a table that has no columns but its key; existing ones stay."""
        self._run_for_all(sql.insert_all, table, keys)

    def delete_all(self, table: Table, keys: Sequence[Key]) -> None:
        self._run_for_all(sql.delete_all, table, keys)

    def update(self, table: Table, key: Key, rev: int, changes: Row) -> bool:
        """Change columns of a row if it still has that `rev`; False, with nothing changed, if not."""
        stored = _stored(changes)
        return self.run(sql.update(table, tuple(stored)), [*stored.values(), *key, rev]).rowcount == 1

    def delete(self, table: Table, where: Sequence[Condition]) -> int:
        """Remove the rows that meet all conditions; return how many."""
        text, values = sql.delete(table, where)
        return self.run(text, values).rowcount

    def next_version(self, group: Key) -> int | None:
        """Take a group's next version number, from 1, consecutive, never given twice; None: no such group."""
        taken = self.run(sql.next_version(GROUPS), group).fetchall()
        return int(taken[0][0]) if taken else None

    def _run_for_all(self, statement: Callable[[Table, int], str], table: Table, keys: Sequence[Key]) -> None:
        for begin in range(0, len(keys), ROWS_OF_A_STATEMENT):
            some = keys[begin : begin + ROWS_OF_A_STATEMENT]
            self.run(statement(table, len(some)), [value for key in some for value in key])


class StoreSnapshot(Protocol):
    """The content of a store at one moment."""

    def close(self) -> None: ...


class Rows(Protocol):
    """A store. Its errors leave it as RegistryError."""

    def reading(self) -> AbstractContextManager[View]: ...

    def writing(self) -> AbstractContextManager[Transaction]:
        """Open a transaction: committed when the block ends, rolled back when it raises."""
        ...

    def check_writing(self) -> None:
        """Raise what writing would, if it did so the last time and still does."""
        ...

    def take_snapshot(self) -> StoreSnapshot:
        """Return a copy of all there is; like `restore_snapshot`, only for registries under test control."""
        ...

    def restore_snapshot(self, snapshot: Any) -> None:
        """Replace all there is with a snapshot of this store, or of another of its kind; all of it, or nothing."""
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
