"""The text index of Search, which stores texts of records as rows.

A row states that a record has a text at a path: `CustomerMetadataProperties.team` is `risk`. The rows of one path and
text are sorted in Search's default order, so a page of matches is read directly from the index. The journal updates
these rows in the transaction of each change; Search still checks each row found against the whole query.

The indexed paths are part of the schema: a new path requires a migration in both stores that indexes existing records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from ...store.rows import GROUPS, PACKAGES, TERMS, Key, Row, Table
from ...store.transactions import Transaction

MAX_VALUE: Final = 256
"""Characters of a text that are indexed; metadata values are no longer than this."""

TAGS: Final = "Tags"


class Indexed(msgspec.Struct, frozen=True):
    """The indexed members of a table's records: texts at paths, and maps by key.

    `kind` identifies the resource kind in index rows, and `moment` is the column that sorts by LastModifiedTime.
    """

    kind: str
    moment: str
    texts: tuple[tuple[str, ...], ...] = ()
    maps: tuple[str, ...] = ()


INDEXED: Final[Mapping[Table, Indexed]] = {
    PACKAGES: Indexed(
        kind="package",
        moment="modified",
        texts=(
            ("ModelPackageGroupName",),
            ("ModelApprovalStatus",),
            ("SourceUri",),
            ("ModelLifeCycle", "Stage"),
            ("ModelLifeCycle", "StageStatus"),
        ),
        maps=("CustomerMetadataProperties",),
    ),
    GROUPS: Indexed(kind="group", moment="created"),
}
"""Tables that Search covers; their tags are always indexed."""


def keys(table: Table, row: Row) -> list[Key]:
    indexed = INDEXED[table]
    before = (row["account"], row["region"], indexed.kind)
    behind = (row[indexed.moment], row["name"], row.get("version", 0))
    return [(*before, path, value[:MAX_VALUE], *behind) for path, value in _texts(indexed, row["record"])]


def add(rows: Transaction, table: Table, row: Row) -> None:
    if table in INDEXED and (found := keys(table, row)):
        rows.insert_all(TERMS, found)


def replace(rows: Transaction, table: Table, before: Row, after: Row) -> None:
    if table not in INDEXED or before["record"] is None:
        return
    old, new = keys(table, before), keys(table, after)
    if old != new:
        rows.delete_all(TERMS, [key for key in old if key not in new])
        rows.insert_all(TERMS, [key for key in new if key not in old])


def remove(rows: Transaction, table: Table, row: Row) -> None:
    if table in INDEXED:
        rows.delete_all(TERMS, keys(table, row))


def is_kept(table: Table, path: str) -> bool:
    """Return whether the index covers all texts at a path."""
    member, dot, key = path.partition(".")
    indexed = INDEXED[table]
    return tuple(path.split(".")) in indexed.texts or bool(dot and key and member in (*indexed.maps, TAGS))


def _texts(indexed: Indexed, record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for names in indexed.texts:
        found: Any = record
        for name in names:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, str):
            yield ".".join(names), found
    for name in indexed.maps:
        entries = record.get(name)
        for key, value in entries.items() if isinstance(entries, dict) else ():
            if isinstance(value, str):
                yield f"{name}.{key}", value
    tags = record.get(TAGS)
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, dict) and isinstance(tag.get("Key"), str) and isinstance(tag.get("Value"), str):
            yield f"{TAGS}.{tag['Key']}", tag["Value"]
