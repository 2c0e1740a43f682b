"""Sorting of search results by columns without an index: sorts keys, and reads only the records of the page.

This applies to exact plans, whose records need not be read to know that they match. Sorting a million keys takes as
long as reading a few thousand records.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from ...store.rows import Condition, Key, Row, Table
from ..context import RequestContext
from ..pagination import not_this_list
from .planner import Lookup

PLACE: Final = ("account", "region")
NUMBERS: Final = ("version",)
"""Integer columns."""


class Sorting(msgspec.Struct, frozen=True):
    """A member that is stored as a column.

    Rows that meet `present` have the member (without conditions, all do); rows that meet `absent` lack it.
    """

    column: str
    present: tuple[Condition, ...] = ()
    absent: tuple[Condition, ...] = ()

    def values(self, row: Row) -> tuple[Any, ...]:
        is_absent = self.absent and all(row[column] == value for column, _, value in self.absent)
        return () if is_absent else (row[self.column],)


def rows(
    context: RequestContext,
    table: Table,
    lookup: Lookup,
    by: Sorting,
    *,
    descending: bool,
    after: Key | None,
    most: int,
) -> Iterator[Row]:
    """Yield up to `most` rows of a lookup, sorted by the column; rows without the member come last.

    `after` is the position of the last row already read: whether it lies among the rows that sort higher, its value and
    its key.
    """
    numbers = tuple(column for column in table.key if column not in PLACE)
    parts = [(by.present, tuple(dict.fromkeys((by.column, *numbers))), False)]
    if by.absent:
        parts.append((by.absent, numbers, True))
    left, of_absent = most, after is not None and after[0] != descending
    for conditions, order, is_absent in parts:
        if left and is_absent >= of_absent:
            behind = _behind(table, by, order, after) if after is not None and is_absent == of_absent else None
            where = (*lookup.where, *conditions)
            keys = context.rows.pick(
                table.key, lookup.table, where, order, descending=descending, after=behind, limit=left
            )
            left -= len(keys)
            for key in keys:
                row = context.rows.get(table, key)
                if row is not None:
                    yield row


def _behind(table: Table, by: Sorting, order: tuple[str, ...], position: Key) -> Key:
    values = {by.column: position[1], **dict(zip(table.key, position[2:], strict=True))}
    behind = tuple(values[column] for column in order)
    if not all(
        isinstance(value, int if column in NUMBERS else str) for column, value in zip(order, behind, strict=True)
    ):
        raise not_this_list()
    return behind
