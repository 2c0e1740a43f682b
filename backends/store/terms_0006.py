"""The terms that the step m0006 made of the records there were, in every store: as released, whatever `terms` says now.

Never edited, as the step is not. A step that keeps more of a record has its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import orjson

Term = tuple[Any, ...]

COLUMNS: Final = ("account", "region", "kind", "path", "value", "moment", "name", "version")
RECORDS: Final = {
    # Kind: where its records are, their key, and what sorts them by LastModifiedTime.
    "package": ("model_packages", ("account", "region", "name", "version"), "modified"),
    "group": ("model_package_groups", ("account", "region", "name"), "created"),
}

_TEXTS: Final = {
    "package": (
        ("ModelPackageGroupName",),
        ("ModelApprovalStatus",),
        ("SourceUri",),
        ("ModelLifeCycle", "Stage"),
        ("ModelLifeCycle", "StageStatus"),
    ),
    "group": (),
}
_MAPS: Final = {"package": ("CustomerMetadataProperties",), "group": ()}
_LONGEST: Final = 256


def of(kind: str, values: tuple[Any, ...]) -> list[Term]:
    """Return the terms of a row: its key, its moment, and the text of its record."""
    *key, moment, text = values
    account, region, name, version = (*key, 0)[:4]
    return [
        (account, region, kind, path, value[:_LONGEST], moment, name, version)
        for path, value in _texts(kind, _entries(orjson.loads(text)))
        if isinstance(value, str)
    ]


def _texts(kind: str, record: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for names in _TEXTS[kind]:
        found: Any = record
        for name in names:
            found = _entries(found).get(name)
        yield ".".join(names), found
    for name in _MAPS[kind]:
        for key, value in _entries(record.get(name)).items():
            yield f"{name}.{key}", value
    tags = record.get("Tags")
    for tag in map(_entries, tags if isinstance(tags, list) else ()):
        yield f"Tags.{tag.get('Key')}", tag.get("Value")


def _entries(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
