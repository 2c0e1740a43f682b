"""What several suites ask of a registry, whatever way to it they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def verified(
    control: Callable[[str, dict[str, Any]], dict[str, Any]], *, is_from_the_beginning: bool = False, **asked: Any
) -> int:
    """Have a registry verify its history to the end; return how many rows it has, all of which are as written.

    Args:
        control: asks for a control, by name.
        is_from_the_beginning: whether nothing in it may be older than its history.
        asked: what to verify; all, if nothing is said.
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
