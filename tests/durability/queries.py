"""Queries that several suites make, over any connection to a registry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def verified(
    control: Callable[[str, dict[str, Any]], dict[str, Any]], *, is_from_the_beginning: bool = False, **asked: Any
) -> int:
    """Verify the whole history of a registry; return the number of entries, all of which are intact.

    Args:\n    control: calls an extension by name.\n    is_from_the_beginning: whether no record may be older than its
    history.\n    asked: what to verify, by default everything.
    """
    rows = 0
    query = asked
    while True:
        found = control("history/verify", query)
        assert found["broken"] == []
        assert found["unrecorded"] == 0 or not is_from_the_beginning
        rows += found["checked"]
        if "next_token" not in found:
            return rows
        query = {**asked, "next_token": found["next_token"]}
