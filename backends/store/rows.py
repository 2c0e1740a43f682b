"""What the registry asks of a store: rows of a few tables, read and written in transactions.

The rules above know nothing of SQL; a store below knows nothing of AWS. A row is a dict of columns, of which
`record` is a dict with AWS's own member names and JSON values (timestamps as epoch seconds); every other column
exists to find the row again. Rows of history are for ever: their content is the text that was hashed, and no store is
asked to change or remove one.
"""

from __future__ import annotations

from typing import Any, Literal

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

    def key_of(self, row: Row) -> Key:
        return tuple(row[column] for column in self.key)

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
