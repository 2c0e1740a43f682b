"""Rows read and written by statements, whatever database runs them: what SQLite and PostgreSQL have in common."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
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
    """One consistent view of a store; see `rows.Reading`.

    Args:
        run: runs statements.
        facts: what the store says of itself: by name, the statement whose first column says it.
    """

    def __init__(self, run: Run, facts: Mapping[str, str] = MappingProxyType({})) -> None:
        self._run = run
        self._facts = facts

    def facts(self) -> dict[str, list[str]]:
        return {name: [str(row[0]) for row in self._run(text, ()).fetchall()] for name, text in self._facts.items()}

    def get(self, table: Table, key: Key) -> Row | None:
        return self._one(table, sql.get(table), key)

    def text(self, table: Table, key: Key) -> str | None:
        found = self._run(sql.text(table), key).fetchall()
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
        text, values = sql.find(table, where, order, descending, after, limit)
        return [_row(table, found) for found in self._run(text, values).fetchall()]

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
        text, values = sql.find(table, where, order, descending, after, limit, columns)
        return self._run(text, values).fetchall()

    def count(self, table: Table, where: Sequence[Condition], limit: int) -> int:
        return int(self._run(*sql.count(table, where, limit)).fetchall()[0][0])

    def count_common(self, table: Table, wheres: Sequence[Sequence[Condition]], limit: int) -> int:
        return int(self._run(*sql.count_common(table, wheres, limit)).fetchall()[0][0])

    def _one(self, table: Table, text: str, key: Key) -> Row | None:
        found = self._run(text, key).fetchall()
        return _row(table, found[0]) if found else None


class Transaction(View):
    """A transaction that writes; see `rows.Writing`.

    Args:
        run: runs statements.
        locked: the tables whose rows are locked as they are read, so that they are the same when it commits.
    """

    def __init__(self, run: Run, *, locked: Collection[Table] = ()) -> None:
        super().__init__(run)
        self._locked = locked

    def get(self, table: Table, key: Key) -> Row | None:
        text = sql.get(table)
        return self._one(table, f"{text} FOR UPDATE" if table in self._locked else text, key)

    def insert(self, table: Table, row: Row) -> bool:
        stored = _stored(row)
        return self._run(sql.insert(table), [stored[column] for column in table.columns]).rowcount == 1

    def insert_all(self, table: Table, keys: Sequence[Key]) -> None:
        self._run_for_all(sql.insert_all, table, keys)

    def delete_all(self, table: Table, keys: Sequence[Key]) -> None:
        self._run_for_all(sql.delete_all, table, keys)

    def update(self, table: Table, key: Key, rev: int, changes: Row) -> bool:
        stored = _stored(changes)
        return self._run(sql.update(table, tuple(stored)), [*stored.values(), *key, rev]).rowcount == 1

    def delete(self, table: Table, where: Sequence[Condition]) -> int:
        text, values = sql.delete(table, where)
        return self._run(text, values).rowcount

    def next_version(self, group: Key) -> int | None:
        taken = self._run(sql.next_version(GROUPS), group).fetchall()
        return int(taken[0][0]) if taken else None

    def _run_for_all(self, statement: Callable[[Table, int], str], table: Table, keys: Sequence[Key]) -> None:
        for begin in range(0, len(keys), ROWS_OF_A_STATEMENT):
            some = keys[begin : begin + ROWS_OF_A_STATEMENT]
            self._run(statement(table, len(some)), [value for key in some for value in key])


def _row(table: Table, values: Sequence[Any]) -> Row:
    row = dict(zip(table.columns, values, strict=True))
    if "record" in row:
        row["record"] = orjson.loads(row["record"])
    return row


def _stored(row: Row) -> Row:
    if "record" in row:
        return {**row, "record": orjson.dumps(row["record"]).decode()}
    return row
