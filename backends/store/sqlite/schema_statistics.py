"""What SQLite's planner is told of the tables: a registry of a million versions, whatever there is.

Without figures SQLite takes every column of an index to narrow a search alike. But here most rows may be of one account
and region: so it would sort a million events for a page of twenty, though they have an index by position. ANALYZE would
measure what is there, and plans would change as a registry grows; these figures are the same for all, so plans are too.

They are those of the step m0006, and never edited, as it is not: a step that makes an index tells of it itself.
"""

from __future__ import annotations

from typing import Final

VERSIONS: Final = 1_000_000
GROUPS: Final = 100_000
OF_A_GROUP: Final = 1_000
DELIVERIES: Final = 1_000_000

ALL: Final = {
    "model_package_groups": GROUPS,
    "model_packages": VERSIONS,
    "history": VERSIONS,
    "history_heads": GROUPS,
    "event_notes": VERSIONS,
    "events": VERSIONS,
    "event_deliveries": DELIVERIES,
    "client_tokens": OF_A_GROUP,
}

NARROW: Final = ("history_heads", "event_notes")
"""Tables that are kept in the index of their key, which goes by their name then."""

ROWS: Final[dict[str, dict[str, tuple[int, ...]]]] = {
    # Table: its indexes, the primary key first; and how many rows each value of ever more of its columns has.
    "model_package_groups": {
        "account region name": (GROUPS // 4, GROUPS // 8, 1),
        "account region created name": (GROUPS // 4, GROUPS // 8, 2, 1),
    },
    "model_packages": {
        "account region name version": (VERSIONS // 4, VERSIONS // 8, OF_A_GROUP, 1),
        "account region type created name version": (VERSIONS // 4, VERSIONS // 8, VERSIONS // 10, 2, 2, 1),
        "account region created name version": (VERSIONS // 4, VERSIONS // 8, 2, 2, 1),
        "account region approval created name version": (VERSIONS // 4, VERSIONS // 8, VERSIONS // 20, 2, 2, 1),
        "account region name approval version": (VERSIONS // 4, VERSIONS // 8, OF_A_GROUP, OF_A_GROUP // 4, 1),
        "account region modified name version": (VERSIONS // 4, VERSIONS // 8, 2, 2, 1),
    },
    "history": {
        "account region name seq": (VERSIONS // 4, VERSIONS // 8, OF_A_GROUP, 1),
        "account region at name seq": (VERSIONS // 4, VERSIONS // 8, 2, 2, 1),
        "account region name version seq": (VERSIONS // 4, VERSIONS // 8, OF_A_GROUP, 2, 1),
    },
    "history_heads": {"account region name": (GROUPS // 4, GROUPS // 8, 1)},
    "event_notes": {"account region name seq": (VERSIONS // 4, VERSIONS // 8, OF_A_GROUP, 1)},
    "events": {
        "account region name seq": (VERSIONS // 4, VERSIONS // 8, OF_A_GROUP, 1),
        "position": (1,),
        "account region position": (VERSIONS // 4, VERSIONS // 8, 1),
        "account region name position version": (VERSIONS // 4, VERSIONS // 8, OF_A_GROUP, 1, 1),
    },
    "event_deliveries": {
        "position sink": (2, 1),
        "sink open position": (DELIVERIES // 2, DELIVERIES // 4, 1),
        "account region position sink": (DELIVERIES // 4, DELIVERIES // 8, 2, 1),
        "account region state position sink": (DELIVERIES // 4, DELIVERIES // 8, DELIVERIES // 20, 2, 1),
    },
    "client_tokens": {
        "account region operation token": (OF_A_GROUP // 4, OF_A_GROUP // 8, OF_A_GROUP // 8, 1),
        "account region created": (OF_A_GROUP // 4, OF_A_GROUP // 8, 1),
    },
}


def statistics() -> list[tuple[str, str, str]]:
    """Return rows of `sqlite_stat1`: table, index, and how many rows there are, in all and for each of its columns."""
    return [
        (table, _index(table, columns, primary=place == 0), " ".join(map(str, (ALL[table], *rows))))
        for table, indexes in ROWS.items()
        for place, (columns, rows) in enumerate(indexes.items())
    ]


def _index(table: str, columns: str, *, primary: bool) -> str:
    if not primary:
        return f"idx_{table}_{columns.replace(' ', '_')}"
    return table if table in NARROW else f"sqlite_autoindex_{table}_1"
