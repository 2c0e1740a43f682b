"""Whole stores kept aside, put back and emptied: for registries under test control, which promise nobody a history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from . import rows as tables
from .rows import Condition, Row, Rows, Table

TABLES: Final = tuple(table for table in vars(tables).values() if isinstance(table, Table))
_EVERY: Final = 2**31 - 1


class StoreSnapshot(msgspec.Struct, frozen=True):
    """A store as rows in memory, by table: what every store can be made from again."""

    rows: dict[Table, list[Row]]

    def close(self) -> None:
        """Hold nothing that would have to be closed."""


def keep(rows: Rows) -> StoreSnapshot:
    """Return all rows of a store, as they are at one moment."""
    with rows.reading() as view:
        return StoreSnapshot({table: view.find(table, [], limit=_EVERY) for table in TABLES})


def put_back(rows: Rows, kept: StoreSnapshot) -> None:
    """Put kept rows in the place of all there are, in one transaction."""
    with rows.writing() as transaction:
        for table, found in kept.rows.items():
            transaction.delete(table, [])
            for row in found:
                transaction.insert(table, row)


def clear(rows: Rows, where: Sequence[Condition]) -> None:
    """Remove every row of a place, history included, in one transaction.

    Args:
        rows: the store.
        where: conditions on account, region and name; a table without names is cleared by the others. Cursors stay:
            positions of events go on, so that whoever follows them misses none.
    """
    with rows.writing() as transaction:
        for table in TABLES:
            if "account" in table.columns:
                transaction.delete(table, [condition for condition in where if condition[0] in table.columns])
