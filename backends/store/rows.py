"""The tables of the registry, their keys and columns.

Code above this layer contains no SQL; stores below it contain no AWS logic. A row is a dict of columns. Its `record` is
a dict with AWS's member names and JSON values (timestamps are epoch seconds); all other columns serve lookups. Rows of
history are never changed or removed, and their content is the exact text that was hashed.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Row = dict[str, Any]
Key = tuple[Any, ...]
Operator = Literal["=", "<", ">", "contains"]
Condition = tuple[str, Operator, Any]


class Table(msgspec.Struct, frozen=True, eq=False):
    """A table with its key and its other columns. Times are epoch milliseconds; each update increments `rev`.

    Instances are compared by identity: each call looks up a dozen cached statements by table.
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
        """Return the conditions that select the row with this key."""
        return [(column, "=", value) for column, value in zip(self.key, key, strict=True)]


GROUPS = Table("model_package_groups", ("account", "region", "name"), ("created", "last_version", "rev", "record"))
PACKAGES = Table(
    "model_packages",
    ("account", "region", "name", "version"),  # version 0: an unversioned package; otherwise `name` is the group's
    ("type", "created", "modified", "approval", "rev", "record"),
)
POLICIES = Table("group_policies", ("region", "account", "name"), ("rev", "record"))
HISTORY = Table(
    "history",
    ("account", "region", "name", "seq"),  # `name` is that of a group or an unversioned package: see `journal`
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
    "event_notes",  # changes that will become events, without a position or record yet: see `events`
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
    "search_terms",  # the text index of Search: see `search.index`; `moment` sorts like LastModifiedTime
    ("account", "region", "kind", "path", "value", "moment", "name", "version"),
    (),
)
TOKENS = Table("client_tokens", ("account", "region", "operation", "token"), ("created", "rev", "digest", "record"))
