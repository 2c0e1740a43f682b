"""What the registry asks of a store: rows of a few tables, read and written in transactions.

The rules above know nothing of SQL; a store below knows nothing of AWS. A row is a dict of columns, of which
`record` is a dict with AWS's own member names and JSON values (timestamps as epoch seconds); every other column
exists to find the row again. Rows of history are for ever: their content is the text that was hashed, and no store is
asked to change or remove one.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

import msgspec

Row = dict[str, Any]
Key = tuple[Any, ...]
Operator = Literal["=", "<", ">", "contains"]
Condition = tuple[str, Operator, Any]


class Table(msgspec.Struct, frozen=True, eq=False):
    """A table, its key and its columns. Times are epoch milliseconds; `rev` grows by one with every update.

    There is one of each, compared as such: statements are looked up by it, a dozen times in a call.
    """

    name: str
    key: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return self.key + self.others

    def keyed(self, key: Key) -> list[Condition]:
        """Return the conditions that only the row of a key meets."""
        return [(column, "=", value) for column, value in zip(self.key, key, strict=True)]


GROUPS = Table("model_package_groups", ("account", "region", "name"), ("created", "last_version", "rev", "record"))
PACKAGES = Table(
    "model_packages",
    ("account", "region", "name", "version"),  # version 0: unversioned; else `name` is the group's
    ("type", "created", "modified", "approval", "rev", "record"),
)
POLICIES = Table("group_policies", ("region", "account", "name"), ("rev", "record"))
HISTORY = Table(
    "history",
    ("account", "region", "name", "seq"),  # `name` is the group's, or the unversioned package's: see `journal`
    (
        *("at", "actor", "principal", "request_id", "operation", "kind", "arn", "version"),
        *("content", "previous", "hash"),
    ),
)
HEADS = Table("history_heads", ("account", "region", "name"), ("seq", "hash", "rev"))
EVENTS = Table(
    "events",
    ("account", "region", "name", "seq"),  # as in history
    ("version", "at", "position", "rev", "record"),
)
NOTES = Table(
    "event_notes",  # of changes that are events, but have no position and no record yet: see `events`
    ("account", "region", "name", "seq"),
    ("version", "at"),
)
CURSORS = Table("event_cursors", ("name",), ("position", "rev"))
DELIVERIES = Table(
    "event_deliveries",
    ("position", "sink"),
    (
        *("account", "region", "name", "version", "id"),
        *("open", "state", "attempts", "due", "changed", "error", "rev"),
    ),
)
TERMS = Table(
    "search_terms",  # what Search finds by a text: see `terms`; `moment` sorts as LastModifiedTime does
    ("account", "region", "kind", "path", "value", "moment", "name", "version"),
    (),
)
TOKENS = Table("client_tokens", ("account", "region", "operation", "token"), ("created", "rev", "digest", "record"))


class Reading(Protocol):
    """One consistent view of the store."""

    def get(self, table: Table, key: Key) -> Row | None:
        """Return the row of that key, or None."""
        ...

    def text(self, table: Table, key: Key) -> str | None:
        """Return the record of that key as its text, or None: for who reads it in a way of their own."""
        ...

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
        ...

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
        """Return some columns of the rows that `find` would, a `record` as its text: for who reads little of many."""
        ...

    def count(self, table: Table, where: Sequence[Condition], limit: int) -> int:
        """Return how many rows meet all conditions, counting no further than `limit`."""
        ...

    def count_common(self, table: Table, wheres: Sequence[Sequence[Condition]], limit: int) -> int:
        """Return how many rows meet the first conditions and have a row beside them for each of the others.

        Args:
            table: where to look.
            wheres: conditions, all on the same columns; rows beside each other are the same in the others of the key.
            limit: the most to count.
        """
        ...

    def facts(self) -> dict[str, list[str]]:
        """Return what the store says of itself, as far as it does; in a transaction that writes, nothing.

        Returns:
            `store`, what it is; `journal`, how it keeps one; `durability`, what makes a commit outlive a power cut;
            `schema`, the version of its schema.
        """
        ...


class Writing(Reading, Protocol):
    """A transaction: all of it is stored, durably, or nothing."""

    def insert(self, table: Table, row: Row) -> bool:
        """Store a new row; False, with nothing changed, if its key is taken."""
        ...

    def insert_all(self, table: Table, keys: Sequence[Key]) -> None:
        """Store rows of a table that has no columns but its key; those that are there stay."""
        ...

    def delete_all(self, table: Table, keys: Sequence[Key]) -> None:
        """Remove the rows of these keys, as far as there are any."""
        ...

    def update(self, table: Table, key: Key, rev: int, changes: Row) -> bool:
        """Change columns of a row if it still has that `rev`; False, with nothing changed, if not."""
        ...

    def delete(self, table: Table, where: Sequence[Condition]) -> int:
        """Remove the rows that meet all conditions; return how many."""
        ...

    def next_version(self, group: Key) -> int | None:
        """Take the next version number of a group: from 1, consecutive, never given twice. None: no such group."""
        ...


class StoreSnapshot(Protocol):
    """The content of a store at one moment."""

    def close(self) -> None: ...


class Rows(Protocol):
    """A store. Its errors leave it as RegistryError."""

    def reading(self) -> AbstractContextManager[Reading]: ...

    def writing(self) -> AbstractContextManager[Writing]:
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
