"""The SQLite library of the store: pysqlite3's, which has one of its own, where it is installed, as in sqlite-utils."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
else:
    try:
        import pysqlite3 as sqlite3
    except ModuleNotFoundError:
        import sqlite3

__all__ = ["sqlite3"]
