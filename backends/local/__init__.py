"""The local registry: AWS's operations on the rows of any store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..urls import database_file

if TYPE_CHECKING:
    from ..base import BackendOptions
    from .registry import LocalRegistry

__all__ = ["open_postgres", "open_sqlite"]


def open_sqlite(url: str, options: BackendOptions) -> LocalRegistry:
    """Open `sqlite://` (in memory), `sqlite:///relative/path.db` or `sqlite:////absolute/path.db`."""
    from ..store.sqlite.store import SQLiteRows
    from .registry import LocalRegistry

    return LocalRegistry(SQLiteRows(database_file(url)), options=options)


def open_postgres(url: str, options: BackendOptions) -> LocalRegistry:
    """Open `postgresql://user:password@host:port/database`, optionally with libpq parameters after a `?`."""
    from ..store.postgres import PostgresRows
    from .registry import LocalRegistry

    return LocalRegistry(PostgresRows(url), options=options)
