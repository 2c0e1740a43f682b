"""Snapshots of a store as rows in memory, and emptying a store: for registries under test control."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from . import rows as tables
from .rows import Condition, Row, Table
from .transactions import Rows

TABLES: Final = tuple(table for table in vars(tables).values() if isinstance(table, Table))
_EVERY: Final = 2**31 - 1


class RowsSnapshot(msgspec.Struct, frozen=True):
    """The rows of a store at one moment, by table; any store can be restored from them."""

    rows: dict[Table, list[Row]]

    def close(self) -> None:
        """Do nothing: there is no connection to close."""


def take(rows: Rows) -> RowsSnapshot:
    with rows.reading() as view:
        return RowsSnapshot({table: view.find(table, [], limit=_EVERY) for table in TABLES})


def restore(rows: Rows, snapshot: RowsSnapshot) -> None:
    with rows.writing() as transaction:
        for table, found in snapshot.rows.items():
            transaction.delete(table, [])
            for row in found:
                transaction.insert(table, row)


def clear(rows: Rows, where: Sequence[Condition]) -> None:
    """Delete every row that meets the conditions, history included; a table without names is cleared by the others.

    Cursors stay: positions of events go on, so that a subscriber misses none.
    """
    with rows.writing() as transaction:
        for table in TABLES:
            if "account" in table.columns:
                transaction.delete(table, [condition for condition in where if condition[0] in table.columns])
