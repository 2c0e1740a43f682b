"""The sqlite3 module: pysqlite3, which bundles its own SQLite, if installed; otherwise the standard library's."""

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
