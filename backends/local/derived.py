"""What is kept beside a record and follows from it: columns and terms, without a hash, for who verifies them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ..store.rows import Key, Row, Table
from .operations import packages, record_checks
from .search import index

TABLES_OF_TERMS: Final = {indexed.kind: table for table, indexed in index.INDEXED.items()}


def terms_of(table: Table, row: Row) -> set[Key]:
    """Return the terms of a row; of a damaged record, none."""
    return set(index.of(table, row)) if table in index.INDEXED and isinstance(row["record"], dict) else set()


def moved(table: Table, row: Row) -> str | None:
    """Return a column that is not what follows from the key and the record of its row."""
    followed = ((column, COLUMNS[column](row)) for column in table.others if column in COLUMNS)
    return next((column for column, value in followed if row[column] != value), None)


def _time(column: str) -> Callable[[Row], Any]:
    """Return what tells a column that holds a time, in milliseconds; of a record without one, nothing is known."""

    def time(row: Row) -> Any:
        members = (row["record"].get(member) for member in record_checks.TIMES[column])
        seconds = next((member for member in members if member is not None), None)
        return round(seconds * 1000) if isinstance(seconds, int | float) else row[column]

    return time


COLUMNS: Final[Mapping[str, Callable[[Row], Any]]] = {
    **{column: _time(column) for column in record_checks.TIMES},
    "type": lambda row: packages.VERSIONED if row["version"] else packages.UNVERSIONED,
    "approval": lambda row: row["record"].get("ModelApprovalStatus", ""),
}
"""Columns that follow from the rest of their row, and how."""
