"""In-memory snapshots of a store, and deletion of rows, for registries under test control."""

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
    """The rows of a store at one moment, by table; they can be restored into any store."""

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
    """Delete all rows that meet the conditions, including history; a condition on a column a table lacks is ignored.

    Cursors are kept: event positions continue, so that no subscriber misses an event.
    """
    with rows.writing() as transaction:
        for table in TABLES:
            if "account" in table.columns:
                transaction.delete(table, [condition for condition in where if condition[0] in table.columns])
