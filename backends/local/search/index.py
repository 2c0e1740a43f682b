"""What Search finds without looking at every record: texts of records, kept beside them as rows of an index.

A row says that a record has a text at a path: `CustomerMetadataProperties.team` is `risk`. The rows of one path and
text are sorted as Search sorts by default, so a page of those that have it is read from the index as it is. The journal
keeps these rows with each change, in its transaction; what is found by them is still held against the whole search.

Which paths there are is part of the schema: a new path requires a step, in both stores, that indexes existing records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from ...store.rows import GROUPS, PACKAGES, TERMS, Key, Row, Table
from ...store.transactions import Transaction

MAX_VALUE: Final = 256
"""Characters that are kept of a text: metadata has no more."""

TAGS: Final = "Tags"


class Indexed(msgspec.Struct, frozen=True):
    """What is kept of a table's records: texts at paths, and those of the `maps`, by their keys.

    `kind` is how rows say what they are about, `moment` the column that sorts by LastModifiedTime.
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
"""Tables whose records Search finds; tags are kept of each."""


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
    """Whether every record of a table that has a text at a path has a term for it."""
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
